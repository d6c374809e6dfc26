"""One task of a job is started on a render, or the job is refused: what is hard in a pass.

A pass (:mod:`afanasy.core.place.solve`, :mod:`afanasy.core.place.branch_solve`) says whose turn it
is; here his job is tried on the renders in their order, and on each the tasks "to try next", then
blocks in order, then tasks in the block's order. Every check of
:mod:`afanasy.core.place.checks_host` is asked; nothing starts against one.

During a pass room only shrinks and counters only grow, so a render that refused a job once is not
asked again for it, nor, as a rule, for another that asks for the same
(:mod:`afanasy.core.place.alike`). Jobs that are not *fresh* are tried only on renders that changed:
the others refused them in a pass before, and nothing is different since.
"""

from __future__ import annotations

from collections.abc import Callable

from afanasy.core.job.task_names import tasks_named
from afanasy.core.place import draining
from afanasy.core.place.alike import Alike
from afanasy.core.place.checks import block_blocked, job_blocked
from afanasy.core.place.checks_host import (
    block_not_on,
    job_not_on,
    render_not_ready,
    task_not_on,
    user_not_on,
)
from afanasy.core.place.fits import Fits
from afanasy.core.place.needs import THRESHOLDS, register
from afanasy.core.place.reasons import Reason
from afanasy.core.place.render_order import RenderKey, Renders, preferring, room_of
from afanasy.core.place.try_next import NextTasks
from afanasy.core.run import runs
from afanasy.core.state import Block, Farm, Job, Render, User
from afanasy.core.tasks import Code
from afanasy.model.clock import Now


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
        anywhere = [r for r in farm.open_renders.values() if not draining.keeps_free(farm, r)]
        anywhere = anywhere if everything else []
        changed = [r for r in farm.fresh_renders.values() if not draining.keeps_free(farm, r)]
        self.anywhere = Renders(anywhere)
        self.changed = Renders(changed)
        self.room_anywhere = room_of(anywhere)
        self.room_changed = room_of(changed)
        #: What the changed renders have of what blocks ask for.
        self.passed = {f: None for r in changed for f in r.fits}.keys()
        if farm.fresh_fits:
            self.passed = {**dict.fromkeys(self.passed), **farm.fresh_fits}.keys()
        #: Renders that refused each job.
        self.refused: dict[int, set[str]] = {}
        self.alike = Alike(self.anywhere, self.changed)
        #: Renders that were kept free for work that has started there: others may, too, now.
        self.let_go: dict[str, Render] = {}
        #: What of their lists of tasks to try next jobs could start.
        self.next_of: dict[int, NextTasks] = {}

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
            and self.alike.may_start(job.queued_fits, user.name, fresh=fresh)
            and not self._job_blocked(job)
            and self._place(user, job, fresh)
        )

    def still(self, user: str, *, fresh: bool) -> Callable[[Fits], bool]:
        """Whether jobs in the queue of what they ask for need be met; ``user`` "": whoever's."""
        of_fresh, may_start = self.fresh_fits, self.alike.may_start
        return lambda fits: may_start((fits,), user, fresh=fresh or fits in of_fresh)

    def _job_blocked(self, job: Job) -> bool:
        reason = job_blocked(job)
        if reason is not None:
            self.alike.blocked(job, reason)
        return reason is not None

    def _place(self, user: User, job: Job, fresh: bool) -> bool:
        """Start one task of the job on the first of the renders that takes one."""
        renders = self.anywhere if fresh else self.changed
        refused = self.refused.get(job.serial)
        if refused is None:
            refused = self.refused[job.serial] = set()
        branches = job.branch.asked if job.branch is not None else ()
        preferred = job.spec.pools or user.spec.pools or any(b.spec.pools for b in branches)
        ordered = preferring(renders, job, user, branches) if preferred else renders
        # R14: hosts without errors of the task first, then without errors of the block, then any.
        for patience in (2, 1, 0) if job.troubled else (0,):
            for key, name, render in ordered:
                if name in refused:
                    continue
                if 0 <= render.capacity < render.capacity_used + job.least_capacity:
                    self.alike.no_room(job.queued_fits, render)
                    refused.add(name)  # for any of its blocks: none needs to be asked
                    continue
                if render.fits.keys().isdisjoint(job.fits):
                    refused.add(name)
                    continue
                reason = user_not_on(user, render) or job_not_on(job, render)
                if reason is None:
                    found = self._candidate(job, render, patience)
                    if found is not None:
                        self._start(found[0], found[1], key, render)
                        return True
                    if patience:
                        continue  # refused by taste only
                else:
                    self._note(reason, job.queued_fits, user, render)
                refused.add(name)
        self.alike.look_again(job, fresh=fresh)
        return False

    def _note(self, reason: Reason, fits: tuple[Fits, ...], user: User, render: Render) -> None:
        """The render refused work of the user that asks for ``fits``."""
        self.alike.refused(fits, user.name, reason, render)
        if reason.code in THRESHOLDS:
            register(reason, render)

    def _candidate(self, job: Job, render: Render, patience: int) -> tuple[Block, int] | None:
        if job.try_next:
            found = self._tried_next(job, render, patience)
            if found is not None:
                return found
        for block in job.producing:
            if block.fits is None or render.name not in block.fits.names:
                continue
            reason = block_blocked(block) or block_not_on(block, render)
            if reason is not None:
                self._note(reason, (block.fits,), job.user, render)
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
            return self._task_for(block, render, patience)
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

    def _task_for(self, block: Block, render: Render, patience: int) -> int:
        """The first task of a maintenance job that is named as the render and may start there."""
        for task in tasks_named(block, render.name):
            if block.code(task) == Code.READY and self._task_fits(block, task, render, patience):
                return task
        return -1

    def _task_fits(self, block: Block, task: int, render: Render, patience: int) -> bool:
        extra = block.extras.get(task)
        if extra is None:
            if not block.job.spec.maintenance:
                return True  # it has no reason of its own
        elif patience and render.name in extra.error_hosts:
            return False
        reason = task_not_on(block, task, render, self.now.wall)
        if reason is not None and reason.code in THRESHOLDS:
            register(reason, render)
        return reason is None

    def _tried_next(self, job: Job, render: Render, patience: int) -> tuple[Block, int] | None:
        next_tasks = self.next_of.get(job.serial)
        if next_tasks is None:
            next_tasks = self.next_of[job.serial] = NextTasks(job)
        found: tuple[Block, int] | None = None
        found_place = float("inf")
        for listed in next_tasks.on(render.name):
            if listed.first >= found_place:
                break
            block = listed.block
            if not self._takes(block, render, patience):
                continue
            for task, place in listed.places.items():
                if place >= found_place:
                    break
                if self._task_fits(block, task, render, patience):
                    found, found_place = (block, task), place
                    break
        return found

    def _takes(self, block: Block, render: Render, patience: int) -> bool:
        """Tasks of the block may start there, unless for reasons of their own."""
        return (
            block.fits is not None
            and render.name in block.fits.names
            and not (patience > 1 and render.name in block.error_hosts)
            and block_blocked(block) is None
            and block_not_on(block, render) is None
        )

    def _start(self, block: Block, task: int, key: RenderKey, render: Render) -> None:
        farm, now = self.farm, self.now
        if render.reserved is not None:
            self.let_go[render.name] = render
        runs.start(farm, block, task, render, now)
        job = block.job
        if job.try_next:
            pair = (block.num, task)
            if pair in job.try_next:
                del job.try_next[pair]
                if job.serial in self.next_of:
                    self.next_of[job.serial].started(block, task)
                farm.changes.jobs[job.serial] = job
        still_open = render_not_ready(render, now.mono) is None
        if not still_open:
            farm.open_renders.pop(render.name, None)
        self.anywhere.moved(key, render, still_open=still_open)
        self.changed.moved(key, render, still_open=still_open)
