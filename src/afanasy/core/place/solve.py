"""Placement: which task starts where, now.

**Vocabulary.** *Need* of a user = 1.1^priority / (running + 1): the greatest need is served first,
and after every single start all is as if computed anew, so fairness is per task (SEMANTICS 3.3).
Within a user, jobs go by priority, then order; within a job, renders by
:func:`afanasy.core.place.render_order.render_key`, on each render the tasks "to try next", then
blocks in order, then tasks in the block's order. With ``af_solve_branches`` the way to the job is
another one, the tree's (:mod:`afanasy.core.place.branch_solve`); all behind it is the same.

**What is hard and what is taste.** The checks of :mod:`afanasy.core.place.checks` are hard: nothing
starts against one. The order of renders is taste, except that a host without errors of the task,
then without errors of the block, comes before every other criterion (R14).

**Why a pass is cheap.** During a pass room only shrinks and counters only grow; so what was refused
once stays refused until the pass ends, and is not asked again: a user, a job, or a (job, render)
pair. Between passes, a pair of job and render of which neither changed was refused before and need
not be asked: only *fresh* jobs (on all open renders) and *fresh* renders (for all jobs) are.
A thousand jobs that can run nowhere cost nothing while nothing happens, and one comparison each
when a slot becomes free: the least capacity that any block of the job takes is known.

Worked example: users A (priority 99, runs 3) and B (priority 99, runs 1), one free slot. Needs are
1.1^99 / 4 and 1.1^99 / 2: B is served, now both stand at 4 and 3 parts; the next slot is B's again,
then they tie, and the one solved longest ago goes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heapreplace

from afanasy.core.host import power
from afanasy.core.place import draining, job_queue
from afanasy.core.place.branch_solve import TreePass
from afanasy.core.place.checks import user_blocked
from afanasy.core.place.placing import Placing
from afanasy.core.place.turns import need
from afanasy.core.state import Farm, Job, Render, User
from afanasy.core.system import system_solve
from afanasy.model.clock import Now


class UsersPass(Placing):
    """One placement pass: users share the farm, branches only restrict their jobs."""

    def __init__(self, farm: Farm, now: Now) -> None:
        super().__init__(farm, now)
        self.by = farm.branches["/"].spec.solve_need
        self.fresh_of: dict[str, list[Job]] = {}
        for job in farm.fresh_jobs.values():
            self.fresh_of.setdefault(job.user.name, []).append(job)
        #: Jobs of each user in order, behind those that were refused, and the one that is next.
        self.walks: dict[str, Iterator[Job]] = {}
        self.next: dict[str, Job | None] = {}
        #: Jobs of users who solve by need, the neediest first.
        self.heaps: dict[str, list[tuple[float, int, int, Job]]] = {}

    def run(self) -> int:
        """Start what can start; returns how many tasks."""
        farm = self.farm
        heap = [
            (-need(user, self.by), user.solved, user.name, user)
            for user in farm.hungry.values()
            if self._concerned(user) and user_blocked(user) is None
        ]
        heapify(heap)
        started = 0
        while heap and (self.changed or self.anywhere):
            user = heap[0][3]
            if user_blocked(user) is None and self._still(user) and self._serve(user):
                started += 1
                farm.solve_counter += 1
                user.solved = farm.solve_counter
                heapreplace(heap, (-need(user, self.by), user.solved, user.name, user))
            else:
                heappop(heap)
        return started

    def _concerned(self, user: User) -> bool:
        """A render in question has what something of his asks for, or his work is fresh."""
        if self.farm.fresh_all or user.name in self.fresh_users or user.name in self.fresh_of:
            return True
        return not user.by_fits.keys().isdisjoint(self.passed)

    def _still(self, user: User) -> bool:
        """What his jobs ask for was not refused to others meanwhile; not asked where it is long."""
        if self.fresh_fits or self.farm.fresh_all:
            return True
        name, asked = user.name, user.by_fits
        if name in self.fresh_users or name in self.fresh_of or len(asked) > job_queue.SHORT:
            return True
        return self.alike.may_start(asked, name, fresh=False)

    def _serve(self, user: User) -> bool:
        """Start one task of the user, if any can."""
        name = user.name
        if user.spec.solve_method == "solve_priority":
            return self._serve_by_need(user)
        walk = self.walks.get(name)
        if walk is None:
            walk = self.walks[name] = self._candidates(user)
            self.next[name] = next(walk, None)
        everything = self.farm.fresh_all or name in self.fresh_users
        job = self.next[name]
        while job is not None:
            if self.try_job(user, job, fresh=everything or self.is_fresh(job)):
                self.next[name] = job
                job.solved = self.farm.solve_counter + 1
                return True
            job = next(walk, None)
        self.next[name] = None
        return False

    def _candidates(self, user: User) -> Iterator[Job]:
        """The user's jobs in order, without those that ask for what no render in question has."""
        if len(user.queue) <= job_queue.SHORT:
            return iter(list(user.queue))
        if self.farm.fresh_all or user.name in self.fresh_users:
            passed = job_queue.could_start(self.farm, user.by_fits)
            return job_queue.candidates(user.by_fits, passed, (), self.still(user.name, fresh=True))
        fresh, still = self.fresh_of.get(user.name, ()), self.still(user.name, fresh=False)
        return job_queue.candidates(user.by_fits, self.passed, fresh, still)

    def _serve_by_need(self, user: User) -> bool:
        """The same for a user whose jobs go beside each other: the neediest job first."""
        heap = self.heaps.get(user.name)
        by = user.spec.solve_need
        if heap is None:
            jobs = self._candidates(user)
            heap = [(-need(job, by), job.solved, job.serial, job) for job in jobs]
            heapify(heap)
            self.heaps[user.name] = heap
        everything = self.farm.fresh_all or user.name in self.fresh_users
        while heap:
            job = heap[0][3]
            if self.try_job(user, job, fresh=everything or self.is_fresh(job)):
                job.solved = self.farm.solve_counter + 1
                heapreplace(heap, (-need(job, by), job.solved, job.serial, job))
                return True
            heappop(heap)
        return False


def solve(farm: Farm, now: Now) -> int:
    """Start every task that can start. Called once per batch; returns how many were started."""
    fresh = farm.fresh_jobs or farm.fresh_users or farm.fresh_renders or farm.fresh_all
    fresh = fresh or farm.fresh_fits
    if not (fresh or farm.system.renders):
        return 0
    started = _pass(farm, now)
    while farm.fresh_renders:  # hosts that this pass keeps free no more
        started += _pass(farm, now)
    return started


def _pass(farm: Farm, now: Now) -> int:
    started = system_solve.place(farm, now)
    let_go: dict[str, Render] = {}
    if farm.hungry and farm.open_renders:
        placing = (TreePass if farm.sharing else UsersPass)(farm, now)
        started += placing.run()
        let_go = placing.let_go
    if farm.hungry:
        draining.watch(farm, now)
        power.watch_sleepers(farm, now)
    farm.fresh_all = False
    farm.fresh_jobs.clear()
    farm.fresh_fits.clear()
    farm.fresh_users.clear()
    farm.fresh_renders.clear()
    for name, render in let_go.items():
        if name in farm.open_renders:
            farm.fresh_renders[name] = render
    return started
