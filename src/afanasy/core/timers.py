"""Deadlines of the core. The shell sends a Tick when :meth:`Farm.next_deadline` has come.

A timer is never taken back: when it comes up, what it speaks of may have changed, so every reaction
here looks again. About what is gone nothing comes up (:mod:`afanasy.core.deadlines`).
"""

from __future__ import annotations

from heapq import heappop
from typing import Final, cast

from afanasy.core import deadlines
from afanasy.core.host import links, no_task, power, presence, schedule
from afanasy.core.host.renders import touch_render
from afanasy.core.job import lives, operations
from afanasy.core.job.branches import Branch
from afanasy.core.place import draining, rates, wake_up
from afanasy.core.run import errors, holds, stops
from afanasy.core.state import Block, Farm, Job, Render, Run, User
from afanasy.core.system import system_job
from afanasy.core.tasks import Code
from afanasy.core.transitions import add_timer, refresh_queue, set_code
from afanasy.model.clock import Now

#: Seconds by which the clocks may drift apart during a wait; a step is noticed by the shell.
DRIFT_S: Final = 2.0


def fire(farm: Farm, now: Now) -> None:
    """Act on every deadline that has come."""
    timers = farm.timers
    while timers and timers[0][0] <= now.mono:
        what = deadlines.take(farm, heappop(timers))
        if what is None:
            continue
        match what[0]:
            case "retry":
                _retry(farm, cast(Block, what[1]), cast(int, what[2]), now)
            case "limit":
                stops.check_limits(farm, cast(Run, what[1]), now)
            case "lost":
                links.on_silence(farm, cast(Render, what[1]), now)
            case "cool":
                _cooled(farm, cast(Render, what[1]), now)
            case "forgive":
                errors.forgive(farm, cast(Block, what[1]), now)
            case "rate":
                rates.on_timer(farm, cast("Job | User | Branch", what[1]), now)
            case "service":
                holds.on_timer(farm, cast(str, what[1]), now)
            case "time_wait":
                _time_came(farm, cast(Job, what[1]), now)
            case "life":
                job = cast(Job, what[1])
                if lives.is_over(farm, job, now):
                    operations.delete_old(farm, job, now)
            case "presence":
                render = cast(Render, what[1])
                if presence.time_came(farm, render, now):
                    touch_render(farm, render, now.mono)
            case "schedule":
                schedule.on_timer(farm, cast(Render, what[1]), now)
            case "power":
                power.look(farm, cast(Render, what[1]), now)
            case "no_task":
                no_task.look(farm, cast(Render, what[1]), now)
            case "wake":
                wake_up.look(farm, now)
            case "system":
                system_job.look(farm, now)
            case "drain":
                draining.look(farm, now)
            case "fresh":
                job = cast(Job, what[1])
                farm.fresh_jobs[job.serial] = job
                _wait_out_ejects(farm, job, now)
            case other:
                raise AssertionError(f"nobody knows the timer {other!r}")


def look_at_the_clock(farm: Farm, step_s: float, now: Now) -> None:
    """Jobs wait for a moment of the wall clock, timers for one of the other: measure anew."""
    if abs(step_s) > lives.STEP_MAX_S:
        farm.lives_held_mono = now.mono + lives.HOLD_S
    for job in farm.jobs.values():
        if job.waiting_time:
            add_timer(farm, now.mono, "time_wait", job)
        elif job.spec.time_wait > now.wall:
            _time_is_to_come(farm, job, now)
        lives.watch(farm, job, now)
    for render in farm.renders.values():
        schedule.look(farm, render, now)
        presence.watch(farm, render, now)
    _shift_waits(farm, step_s)
    for block in list(farm.blocks.values()):
        if block.error_hosts or block.extras:
            errors.forgive(farm, block, now)


def _wait_out_ejects(farm: Farm, job: Job, now: Now) -> None:
    """The two clocks drift: an eject may be over a moment later than its timer thought."""
    for block in job.blocks:
        for extra in block.extras.values():
            for until in extra.ejected.values():
                if 0 < until - now.wall < DRIFT_S:
                    add_timer(farm, now.mono + until - now.wall + 0.001, "fresh", job)
                    return


def _shift_waits(farm: Farm, step_s: float) -> None:
    """Waits last as long as they were meant to, whatever the wall clock does (R3).

    They are stored by the wall clock, so that a restart knows them: that has moved under them.
    """
    for block in farm.blocks.values():
        for task, extra in block.extras.items():
            if extra.ejected or extra.retry_wall:
                extra.ejected = {host: until + step_s for host, until in extra.ejected.items()}
                extra.retry_wall += step_s if extra.retry_wall else 0.0
                farm.changes.task(block, task)
    for render in farm.renders.values():
        if render.cool_wall:
            render.cool_wall += step_s
            farm.changes.renders[render.name] = render
    for hold in farm.service_holds.values():
        hold.until_wall += step_s
        farm.changes.services = True


def _retry(farm: Farm, block: Block, task: int, now: Now) -> None:
    extra = block.extras.get(task)
    if block.code(task) != Code.RETRY or extra is None:
        return
    if extra.retry_mono > now.mono:
        return  # a later error set a later wait, with a timer of its own
    set_code(farm, block, task, Code.READY, now)


def _cooled(farm: Farm, render: Render, now: Now) -> None:
    if not render.cooling(now.mono):
        touch_render(farm, render, now.mono)


def _time_is_to_come(farm: Farm, job: Job, now: Now) -> None:
    """The clock was set back before the moment that the job waited for: it waits again."""
    job.waiting_time = True
    add_timer(farm, now.mono + job.spec.time_wait - now.wall, "time_wait", job)
    farm.changes.jobs[job.serial] = job
    refresh_queue(farm, job, now)


def _time_came(farm: Farm, job: Job, now: Now) -> None:
    if not job.waiting_time:
        return
    left = job.spec.time_wait - now.wall
    if left > 0:
        add_timer(farm, now.mono + left, "time_wait", job)
        return
    job.waiting_time = False
    if job.system:
        farm.fresh_jobs[job.serial] = job  # it stands in no queue
    for block in job.blocks:
        block.ready_wall = now.wall
    farm.changes.jobs[job.serial] = job
    refresh_queue(farm, job, now)
