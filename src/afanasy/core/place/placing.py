"""One task of a job is started on a render, or the job is refused: what is hard in a pass.

A pass (:mod:`afanasy.core.place.solve`, :mod:`afanasy.core.place.branch_solve`) says whose turn it
is; here his job is tried on the renders in their order, and on each the tasks "to try next", then
blocks in order, then tasks in the block's order. Every check of
:mod:`afanasy.core.place.checks_host` is asked; nothing starts against one.

During a pass room only shrinks and counters only grow, so a render that refused a job once is not
asked again for it. Jobs that are not *fresh* are tried only on renders that changed: the others
refused them in a pass before, and nothing is different since.
"""

from __future__ import annotations

from afanasy.core.limit.limits import exhausted
from afanasy.core.place.checks import block_blocked, job_blocked
from afanasy.core.place.checks_host import (
    block_not_on,
    job_not_on,
    render_not_ready,
    task_not_on,
    user_not_on,
)
from afanasy.core.place.needs import THRESHOLDS, register
from afanasy.core.place.render_order import RenderKey, Renders, preferring, room_of
from afanasy.core.run import runs
from afanasy.core.state import Block, Farm, Job, Render, User
from afanasy.core.tasks import Code
from afanasy.model.clock import Now


def _task_for(block: Block, render: Render) -> int:
    """The task of a maintenance job that is named as the render, or -1 (SEMANTICS 1.5)."""
    if block.by_name is None:
        block.by_name = {}
        for task in reversed(range(block.tasks_num)):
            block.by_name[block.task_name(task)] = task
    task = block.by_name.get(render.name, -1)
    return task if task >= 0 and block.code(task) == Code.READY else -1


class Placing:
    """What one pass knows about jobs and renders."""

    def __init__(self, farm: Farm, now: Now) -> None:
        self.farm = farm
        self.now = now
        self.fresh_jobs = farm.fresh_jobs
        self.fresh_users = farm.fresh_users
        self.fresh_fits = farm.fresh_fits
        # Fresh jobs may go anywhere, the others only where something changed.
        everything = bool(farm.fresh_jobs or farm.fresh_users or farm.fresh_fits or farm.fresh_all)
        self.anywhere = Renders(farm.open_renders.values() if everything else ())
        self.changed = Renders(farm.fresh_renders.values())
        self.room_anywhere = room_of(farm.open_renders.values()) if everything else -1.0
        self.room_changed = room_of(farm.fresh_renders.values())
        #: What the changed renders have of what blocks ask for.
        self.passed = list({f: None for r in farm.fresh_renders.values() for f in r.fits})
        if farm.fresh_fits:
            self.passed = list({**dict.fromkeys(self.passed), **farm.fresh_fits})
        #: Renders that refused each job.
        self.refused: dict[int, set[str]] = {}
        #: Whether work that asks for the same fits on one of (all open, changed) renders.
        self.fits_anywhere: dict[int, bool] = {}
        self.fits_changed: dict[int, bool] = {}

    def is_fresh(self, job: Job) -> bool:
        """The job, or something that limits it, changed: any open render may take it."""
        return job.serial in self.fresh_jobs or (
            bool(self.fresh_fits) and not self.fresh_fits.keys().isdisjoint(job.fits)
        )

    def try_job(self, user: User, job: Job, *, fresh: bool) -> bool:
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

    def _place(self, user: User, job: Job, renders: Renders) -> bool:
        """Start one task of the job on the first of the renders that takes one."""
        refused = self.refused.get(job.serial)
        if refused is None:
            refused = self.refused[job.serial] = set()
        troubled = any(block.error_hosts for block in job.blocks)
        branches = job.branch.asked if job.branch is not None else ()
        preferred = job.spec.pools or user.spec.pools or any(b.spec.pools for b in branches)
        ordered = preferring(renders, job, user, branches) if preferred else renders
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
