"""Placement: which task starts where, now.

**Vocabulary.** *Need* of a user = 1.1^priority / (running + 1): the greatest need is served first,
and after every single start all is as if computed anew, so fairness is per task (SEMANTICS 3.3).
Within a user, jobs go by priority, then order; within a job, renders by :func:`render_key`, on each
render the tasks "to try next", then blocks in order, then tasks in the block's order.

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

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heapreplace

from afanasy.core.limit.limits import exhausted
from afanasy.core.place import draining, job_queue, wake_up
from afanasy.core.place.checks import block_blocked, job_blocked, user_blocked
from afanasy.core.place.checks_host import (
    block_not_on,
    job_not_on,
    pool_matches,
    render_not_ready,
    task_not_on,
    user_not_on,
)
from afanasy.core.place.needs import THRESHOLDS, register
from afanasy.core.run import runs
from afanasy.core.state import Block, Branch, Farm, Job, Render, User
from afanasy.core.system import system_solve
from afanasy.core.tasks import Code
from afanasy.model.clock import Now

#: 1.1^n for every priority.
_WEIGHTS = [1.1**n for n in range(256)]
#: (-pool priority, running, -free capacity, -priority, last start or end, -capacity, -max tasks,
#: name)
RenderKey = tuple[int, int, float, int, int, float, int, str]


def need(work: User | Job, by: str = "solve_tasksnum") -> float:
    """How much a user or job is owed a task (SEMANTICS 3.3, R30).

    ``by`` is the parent's ``solve_need``: what is shared is the number of tasks, or capacity.
    """
    taken = work.running_capacity if by == "solve_capacity" else work.running
    return _WEIGHTS[work.spec.priority] / (taken + 1)


def render_key(render: Render) -> RenderKey:
    """Order of suitable renders (SEMANTICS 3.5): the emptiest first, then the longest idle."""
    capacity = render.capacity
    infinite = capacity < 0
    pool = render.pool
    return (
        -pool.priority if pool is not None else 0,
        render.running,
        -float("inf") if infinite else render.capacity_used - capacity,
        -render.spec.priority,
        render.task_time,
        -float("inf") if infinite else -capacity,
        -render.max_tasks,
        render.name,
    )


class _Renders:
    """The open renders of a pass in their order; one moves when a task was started on it."""

    def __init__(self, renders: Iterable[Render]) -> None:
        self._rows = sorted((render_key(render), render.name, render) for render in renders)

    def __iter__(self) -> Iterator[tuple[RenderKey, str, Render]]:
        return iter(self._rows)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def moved(self, old_key: RenderKey, render: Render, *, still_open: bool) -> None:
        """``render`` took a task; its place was under ``old_key``."""
        row = (old_key, render.name)
        place = bisect_left(self._rows, row)
        if place == len(self._rows) or self._rows[place][2] is not render:
            return  # not one of these
        del self._rows[place]
        if still_open:
            insort(self._rows, (render_key(render), render.name, render))


def _room(renders: Iterable[Render]) -> float:
    """The most capacity that is free on one of them; -1 when there is none."""
    room = -1.0
    for render in renders:
        capacity = render.capacity
        room = max(room, float("inf") if capacity < 0 else capacity - render.capacity_used)
    return room


def _preferring(
    renders: _Renders, job: Job, user: User, branches: tuple[Branch, ...]
) -> list[tuple[RenderKey, str, Render]]:
    """The renders in the order of a job that prefers some pools (SEMANTICS 3.7)."""
    maps = [job.spec.pools, user.spec.pools, *(branch.spec.pools for branch in branches)]

    def liked(render: Render) -> int:
        path = render.spec.pool or "/"
        return sum(
            value for pools in maps for key, value in pools.items() if pool_matches(key, path)
        )

    # Order among pools is their priority plus what the work says of them.
    return sorted(renders, key=lambda row: (row[0][0] - liked(row[2]), row[0][1:]))


def _task_for(block: Block, render: Render) -> int:
    """The task of a maintenance job that is named as the render, or -1 (SEMANTICS 1.5)."""
    if block.by_name is None:
        block.by_name = {}
        for task in reversed(range(block.tasks_num)):
            block.by_name[block.task_name(task)] = task
    task = block.by_name.get(render.name, -1)
    return task if task >= 0 and block.code(task) == Code.READY else -1


class _Pass:
    """One placement pass."""

    def __init__(self, farm: Farm, now: Now) -> None:
        self.farm = farm
        self.now = now
        self.fresh_jobs = farm.fresh_jobs
        self.fresh_users = farm.fresh_users
        self.fresh_renders = farm.fresh_renders
        self.fresh_fits = farm.fresh_fits
        # Fresh jobs may go anywhere, the others only where something changed.
        everything = bool(farm.fresh_jobs or farm.fresh_users or farm.fresh_fits or farm.fresh_all)
        self.by = farm.branches["/"].spec.solve_need
        self.anywhere = _Renders(farm.open_renders.values() if everything else ())
        self.changed = _Renders(farm.fresh_renders.values())
        self.room_anywhere = _room(farm.open_renders.values()) if everything else -1.0
        self.room_changed = _room(farm.fresh_renders.values())
        #: What the changed renders have of what blocks ask for.
        self.passed = list({f: None for r in farm.fresh_renders.values() for f in r.fits})
        if farm.fresh_fits:
            self.passed = list({**dict.fromkeys(self.passed), **farm.fresh_fits})
        self.fresh_of: dict[str, list[Job]] = {}
        for job in farm.fresh_jobs.values():
            self.fresh_of.setdefault(job.user.name, []).append(job)
        #: Jobs of each user in order, behind those that were refused, and the one that is next.
        self.walks: dict[str, Iterator[Job]] = {}
        self.next: dict[str, Job | None] = {}
        #: Renders that refused each job.
        self.refused: dict[int, set[str]] = {}
        #: Jobs of users who solve by need, the neediest first.
        self.heaps: dict[str, list[tuple[float, int, int, Job]]] = {}
        #: Whether work that asks for the same fits on one of (all open, changed) renders.
        self.fits_anywhere: dict[int, bool] = {}
        self.fits_changed: dict[int, bool] = {}

    def run(self) -> int:
        """Start what can start; returns how many tasks."""
        farm = self.farm
        heap = [
            (-need(user, self.by), user.solved, user.name, user)
            for user in farm.hungry.values()
            if user_blocked(user) is None
        ]
        heapify(heap)
        started = 0
        while heap and (self.changed or self.anywhere):
            user = heap[0][3]
            if user_blocked(user) is None and self._serve(user):
                started += 1
                farm.solve_counter += 1
                user.solved = farm.solve_counter
                heapreplace(heap, (-need(user, self.by), user.solved, user.name, user))
            else:
                heappop(heap)
        return started

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
            if self._try(user, job, fresh=everything or self._is_fresh(job)):
                self.next[name] = job
                return True
            job = next(walk, None)
        self.next[name] = None
        return False

    def _is_fresh(self, job: Job) -> bool:
        return job.serial in self.fresh_jobs or (
            bool(self.fresh_fits) and not self.fresh_fits.keys().isdisjoint(job.fits)
        )

    def _candidates(self, user: User) -> Iterator[Job]:
        """The user's jobs in order, without those that ask for what no changed render has."""
        everything = self.farm.fresh_all or user.name in self.fresh_users
        if everything or len(user.queue) <= job_queue.SHORT:
            return iter(list(user.queue))
        return job_queue.candidates(user, self.passed, self.fresh_of.get(user.name, ()))

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
            if self._try(user, job, fresh=everything or self._is_fresh(job)):
                job.solved = self.farm.solve_counter + 1
                heapreplace(heap, (-need(job, by), job.solved, job.serial, job))
                return True
            heappop(heap)
        return False

    def _try(self, user: User, job: Job, *, fresh: bool) -> bool:
        """Start one task of the job, if it can; ``fresh``: on any open render."""
        room = self.room_anywhere if fresh else self.room_changed
        return (
            job.least_capacity <= room  # else no render has that much left
            and job.queued
            and job_blocked(job) is None
            and self._fits(job, fresh)
            and self._place(user, job, self.anywhere if fresh else self.changed)
        )

    def _fits(self, job: Job, fresh: bool) -> bool:
        """Some block of the job could run on one of the renders at all."""
        known, rows = (
            (self.fits_anywhere, self.anywhere) if fresh else (self.fits_changed, self.changed)
        )
        for fits in job.fits:
            if fits.asks and exhausted(fits.asks) is not None:
                continue  # what it asks for is taken on the whole farm
            found = known.get(id(fits))
            if found is None:
                names = fits.names
                found = known[id(fits)] = any(name in names for _, name, _ in rows)
            if found:
                return True
        return False

    def _place(self, user: User, job: Job, renders: _Renders) -> bool:
        """Start one task of the job on the first of the renders that takes one."""
        refused = self.refused.get(job.serial)
        if refused is None:
            refused = self.refused[job.serial] = set()
        troubled = any(block.error_hosts for block in job.blocks)
        branches = job.branch.asked if job.branch is not None else ()
        preferred = job.spec.pools or user.spec.pools or any(b.spec.pools for b in branches)
        ordered = _preferring(renders, job, user, branches) if preferred else renders
        # R14: hosts without errors of the task first, then without errors of the block, then any.
        for patience in (2, 1, 0) if troubled else (0,):
            for key, name, render in ordered:
                if name in refused:
                    continue
                if user_not_on(user, render) is None:
                    reason = job_not_on(job, render)
                    if reason is None:
                        found = self._candidate(job, render, patience)
                        if found is not None:
                            self._start(found[0], found[1], key, render)
                            return True
                        if patience:
                            continue  # refused by taste only
                    elif reason.code in THRESHOLDS:
                        register(reason, render)
                refused.add(name)
        return False

    def _candidate(self, job: Job, render: Render, patience: int) -> tuple[Block, int] | None:
        if job.try_next:
            found = self._tried_next(job, render, patience)
            if found is not None:
                return found
        for block in job.blocks:
            if not block.counts[Code.READY]:
                continue
            if block.fits is None or render.name not in block.fits.names:
                continue
            reason = block_blocked(block) or block_not_on(block, render)
            if reason is not None:
                if reason.code in THRESHOLDS:
                    register(reason, render)
                continue
            if patience and render.name in block.error_hosts and patience == 2:
                continue
            task = self._first_task(block, render, patience)
            if task >= 0:
                return block, task
        return None

    def _first_task(self, block: Block, render: Render, patience: int) -> int:
        queue = block.queue()
        if block.job.spec.maintenance:
            return _task_for(block, render)
        if not block.extras:
            return queue.peek()
        preview = block.job.spec.ppa and block.spec.sequential > 1
        order = block.order() if preview else None
        # Tasks with a reason of their own are passed over; their number bounds the cost (R12).
        for task in queue:
            if order is not None and order.rank_of(task) >= order.stepped_count():
                break  # the preview ends here (SEMANTICS 1.5)
            if self._task_fits(block, task, render, patience):
                return task
        return -1

    def _task_fits(self, block: Block, task: int, render: Render, patience: int) -> bool:
        extra = block.extras.get(task)
        if extra is None:
            return True
        if patience and render.name in extra.error_hosts:
            return False
        reason = task_not_on(block, task, render, self.now.wall)
        if reason is not None and reason.code in THRESHOLDS:
            register(reason, render)
        return reason is None

    def _tried_next(self, job: Job, render: Render, patience: int) -> tuple[Block, int] | None:
        for num, task in job.try_next:
            if not (num < len(job.blocks) and task < job.blocks[num].tasks_num):
                continue
            block = job.blocks[num]
            if (
                block.code(task) == Code.READY
                and block.fits is not None
                and render.name in block.fits.names
                and block_blocked(block) is None
                and block_not_on(block, render) is None
                and self._task_fits(block, task, render, patience)
            ):
                return block, task
        return None

    def _start(self, block: Block, task: int, key: RenderKey, render: Render) -> None:
        farm, now = self.farm, self.now
        runs.start(farm, block, task, render, now)
        job = block.job
        if job.try_next:
            pair = (block.num, task)
            if pair in job.try_next:
                job.try_next.remove(pair)
                farm.changes.jobs[job.serial] = job
        still_open = render_not_ready(render, now.mono) is None
        if not still_open:
            farm.open_renders.pop(render.name, None)
        self.anywhere.moved(key, render, still_open=still_open)
        self.changed.moved(key, render, still_open=still_open)


def solve(farm: Farm, now: Now) -> int:
    """Start every task that can start. Called once per batch; returns how many were started."""
    fresh = farm.fresh_jobs or farm.fresh_users or farm.fresh_renders or farm.fresh_all
    fresh = fresh or farm.fresh_fits
    if not (fresh or farm.system.renders):
        return 0
    started = system_solve.place(farm, now)
    if farm.hungry and farm.open_renders:
        started += _Pass(farm, now).run()
    if farm.hungry:
        draining.watch(farm, now)
        wake_up.watch(farm, now)
    farm.fresh_all = False
    farm.fresh_jobs.clear()
    farm.fresh_fits.clear()
    farm.fresh_users.clear()
    farm.fresh_renders.clear()
    return started
