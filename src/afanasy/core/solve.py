"""Placement: which task starts where, now.

**Vocabulary.** *Need* of a user = 1.1^priority / (running + 1): the greatest need is served first,
and after every single start all is as if computed anew, so fairness is per task (SEMANTICS 3.3).
Within a user, jobs go by priority, then order; within a job, renders by :func:`render_key`, on each
render the tasks "to try next", then blocks in order, then tasks in the block's order.

**What is hard and what is taste.** The checks of :mod:`afanasy.core.checks` are hard: nothing
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

from afanasy.core import runs
from afanasy.core.checks import (
    block_blocked,
    block_not_on,
    job_blocked,
    job_not_on,
    render_not_ready,
    task_not_on,
    user_blocked,
    user_not_on,
)
from afanasy.core.state import Block, Farm, Job, Render, User
from afanasy.core.tasks import Code
from afanasy.model.clock import Now

#: 1.1^n for every priority.
_WEIGHTS = [1.1**n for n in range(256)]
#: (running, -free capacity, -priority, last start or end, -capacity, -max tasks, name)
RenderKey = tuple[int, float, int, int, float, int, str]


def need(user: User) -> float:
    """How much the user is owed a task (SEMANTICS 3.3, R30)."""
    return _WEIGHTS[user.spec.priority] / (user.running + 1)


def render_key(render: Render) -> RenderKey:
    """Order of suitable renders (SEMANTICS 3.5): the emptiest first, then the longest idle."""
    capacity = render.capacity
    infinite = capacity < 0
    return (
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


class _Pass:
    """One placement pass."""

    def __init__(self, farm: Farm, now: Now) -> None:
        self.farm = farm
        self.now = now
        self.fresh_jobs = farm.fresh_jobs
        self.fresh_users = farm.fresh_users
        self.fresh_renders = farm.fresh_renders
        # Fresh jobs may go anywhere, the others only where something changed.
        everything = bool(farm.fresh_jobs or farm.fresh_users)
        self.anywhere = _Renders(farm.open_renders.values() if everything else ())
        self.changed = _Renders(farm.fresh_renders.values())
        self.room_anywhere = _room(farm.open_renders.values()) if everything else -1.0
        self.room_changed = _room(farm.fresh_renders.values())
        #: Jobs of each user in order, and how many of them were refused already.
        self.jobs: dict[str, list[Job]] = {}
        self.passed: dict[str, int] = {}
        #: Renders that refused each job.
        self.refused: dict[int, set[str]] = {}

    def run(self) -> int:
        """Start what can start; returns how many tasks."""
        farm = self.farm
        heap = [
            (-need(user), user.solved, user.name, user)
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
                heapreplace(heap, (-need(user), user.solved, user.name, user))
            else:
                heappop(heap)
        return started

    def _serve(self, user: User) -> bool:
        """Start one task of the user, if any can."""
        name = user.name
        jobs = self.jobs.get(name)
        if jobs is None:
            jobs = self.jobs[name] = list(user.queue)
            self.passed[name] = 0
        everything = name in self.fresh_users
        fresh_jobs = self.fresh_jobs
        for place in range(self.passed[name], len(jobs)):
            job = jobs[place]
            fresh = everything or job.serial in fresh_jobs
            room = self.room_anywhere if fresh else self.room_changed
            if (
                job.least_capacity <= room  # else no render has that much left
                and job.queued
                and job_blocked(job) is None
                and self._place(user, job, self.anywhere if fresh else self.changed)
            ):
                self.passed[name] = place
                return True
        self.passed[name] = len(jobs)
        return False

    def _place(self, user: User, job: Job, renders: _Renders) -> bool:
        """Start one task of the job on the first of the renders that takes one."""
        refused = self.refused.get(job.serial)
        if refused is None:
            refused = self.refused[job.serial] = set()
        troubled = any(block.error_hosts for block in job.blocks)
        # R14: hosts without errors of the task first, then without errors of the block, then any.
        for patience in (2, 1, 0) if troubled else (0,):
            for key, name, render in renders:
                if name in refused:
                    continue
                if user_not_on(user, render) is None and job_not_on(job, render) is None:
                    found = self._candidate(job, render, patience)
                    if found is not None:
                        self._start(found[0], found[1], key, render)
                        return True
                    if patience:
                        continue  # refused by taste only
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
            if block_blocked(block) is not None or block_not_on(block, render) is not None:
                continue
            if patience and render.name in block.error_hosts and patience == 2:
                continue
            task = self._first_task(block, render, patience)
            if task >= 0:
                return block, task
        return None

    def _first_task(self, block: Block, render: Render, patience: int) -> int:
        queue = block.queue()
        if not block.extras:
            return queue.peek()
        # Tasks with a reason of their own are passed over; their number bounds the cost (R12).
        for task in queue:
            if self._task_fits(block, task, render, patience):
                return task
        return -1

    def _task_fits(self, block: Block, task: int, render: Render, patience: int) -> bool:
        extra = block.extras.get(task)
        if extra is None:
            return True
        if patience and render.name in extra.error_hosts:
            return False
        return task_not_on(block, task, render, self.now.wall) is None

    def _tried_next(self, job: Job, render: Render, patience: int) -> tuple[Block, int] | None:
        for num, task in job.try_next:
            if not (num < len(job.blocks) and task < job.blocks[num].tasks_num):
                continue
            block = job.blocks[num]
            if (
                block.code(task) == Code.READY
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
    if not (farm.fresh_jobs or farm.fresh_users or farm.fresh_renders):
        return 0
    started = _Pass(farm, now).run() if farm.hungry and farm.open_renders else 0
    farm.fresh_jobs.clear()
    farm.fresh_users.clear()
    farm.fresh_renders.clear()
    return started
