"""Deadlines of the core. The shell sends a Tick when :meth:`Farm.next_deadline` has come.

A timer is never taken back: when it comes up, what it speaks of may have changed or gone, so every
reaction here looks again.
"""

from __future__ import annotations

from heapq import heappop
from typing import Final, cast

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
        _, _, what = heappop(timers)
        match what[0]:
            case "retry":
                _retry(farm, cast(Block, what[1]), cast(int, what[2]), now)
            case "limit":
                stops.check_limits(farm, cast(Run, what[1]), now)
            case "lost":
                render = cast(Render, what[1])
                if farm.renders.get(render.name) is render:
                    links.on_silence(farm, render, now)
            case "cool":
                _cooled(farm, cast(Render, what[1]), now)
            case "forgive":
                block = cast(Block, what[1])
                if farm.blocks.get(block.key) is block:
                    errors.forgive(farm, block, now)
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
                if farm.renders.get(render.name) is render and presence.time_came(
                    farm, render, now
                ):
                    touch_render(farm, render, now.mono)
            case "schedule":
                render = cast(Render, what[1])
                if farm.renders.get(render.name) is render:
                    schedule.on_timer(farm, render, now)
            case "power":
                render = cast(Render, what[1])
                if farm.renders.get(render.name) is render:
                    power.look(farm, render, now)
            case "no_task":
                render = cast(Render, what[1])
                if farm.renders.get(render.name) is render:
                    no_task.look(farm, render, now)
            case "wake":
                wake_up.look(farm, now)
            case "system":
                system_job.look(farm, now)
            case "drain":
                draining.look(farm, now)
            case "fresh":
                job = cast(Job, what[1])
                if farm.jobs.get(job.serial) is job:
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
        lives.watch(farm, job, now)
    for render in farm.renders.values():
        schedule.look(farm, render, now)
        presence.watch(farm, render, now)
    _shift_waits(farm, step_s)


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
    if farm.blocks.get(block.key) is not block or block.code(task) != Code.RETRY or extra is None:
        return
    if extra.retry_mono > now.mono:
        return  # a later error set a later wait, with a timer of its own
    set_code(farm, block, task, Code.READY, now)


def _cooled(farm: Farm, render: Render, now: Now) -> None:
    if farm.renders.get(render.name) is render and not render.cooling(now.mono):
        touch_render(farm, render, now.mono)


def _time_came(farm: Farm, job: Job, now: Now) -> None:
    if farm.jobs.get(job.serial) is not job or not job.waiting_time:
        return
    left = job.spec.time_wait - now.wall
    if left > 0:
        add_timer(farm, now.mono + left, "time_wait", job)
        return
    job.waiting_time = False
    for block in job.blocks:
        block.ready_wall = now.wall
    farm.changes.jobs[job.serial] = job
    refresh_queue(farm, job, now)
