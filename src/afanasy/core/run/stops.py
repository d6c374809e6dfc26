"""Stopping runs, for a person or by the clock, and adopting them again (R7, R9, R19).

A stop only marks the run (cause and target); nothing is given back before the process is gone, so
no new start can run beside a process that is still being killed. A *person's* stop (restart, skip,
set done, suspend) says what becomes of the task and replaces any earlier one; a *mere* stop (a time
limit, an eject, the job's stop) leaves an earlier one as it is.
"""

from __future__ import annotations

from afanasy.core.effects import Stop
from afanasy.core.host.host_values import lost_after_s
from afanasy.core.run.ends import lose
from afanasy.core.run.runs import END_LOST, MERE_STOPS, STOP_MAX_RUN_TIME, STOP_NO_PROGRESS
from afanasy.core.state import Farm, Run
from afanasy.core.tasks import OPEN, Code
from afanasy.core.transitions import add_timer, set_code, story
from afanasy.model.clock import Now


def stop(farm: Farm, run: Run, cause: str, target: Code, now: Now, *, counts: bool = False) -> None:
    """Ask for the end of a current run; ``target`` applies when it has ended (R9).

    A person's stop replaces an earlier one; a mere stop leaves it in force and is only sent again.
    """
    if not (run.stop_cause and cause in MERE_STOPS):
        run.stop_cause, run.stop_target, run.stop_counts = cause, target, counts
        farm.changes.reopened[run.id] = run
    if run.render.link:
        farm.effects.append(Stop(run.render.name, run.id, run.stop_cause))
    elif run.block.code(run.task) == Code.RECONNECT and _is_held(farm, run, now):
        # A person restarts a held task: he was warned, the render counts as lost (R8).
        lose(farm, run, now, END_LOST, "given up by a person", died=False)


def retarget(farm: Farm, run: Run, target: Code) -> None:
    """Change what becomes of a task that is being stopped; it is no error any more."""
    run.stop_target, run.stop_counts = target, False
    farm.changes.reopened[run.id] = run


def _is_held(farm: Farm, run: Run, now: Now) -> bool:
    silent_since = max(run.render.contact_mono, farm.serving_mono)
    return run.block.spec.on_lost_render == "hold" and now.mono - silent_since >= lost_after_s(
        farm, run.render
    )


def check_limits(farm: Farm, run: Run, now: Now) -> None:
    """Apply max run time and progress time-out (R19); ask to be woken at the next limit.

    One timer at most is pending for a run: one that comes too early looks again.
    """
    if run.limit_mono <= now.mono:
        run.limit_mono = 0.0
    if not run.current or run.stop_cause:
        return
    if run.block.code(run.task) != Code.RUNNING:
        return  # its render is away; adoption looks again
    spec = run.block.spec
    # A render that tells progress less often than each second may have some that we do not know.
    quiet_s = run.quiet_at(now.mono) - (run.render.heartbeat_s - 1)
    due = 0.0
    for limit, spent, cause in (
        (spec.task_max_run_time, run.elapsed_at(now.mono), STOP_MAX_RUN_TIME),
        (farm.settings.progress_timeout_s(spec), quiet_s, STOP_NO_PROGRESS),
    ):
        if limit <= 0:
            continue
        if spent >= limit:
            stop(farm, run, cause, Code.ERROR, now, counts=True)
            return
        due = min(due or limit - spent, limit - spent)
    if due:
        due_mono = now.mono + max(due, 0.05)
        if not run.limit_mono or due_mono < run.limit_mono:
            run.limit_mono = due_mono
            add_timer(farm, due_mono, "limit", run)


def adopt(farm: Farm, run: Run, elapsed_s: float, now: Now, *, finished: bool = False) -> None:
    """The render came back with a current run: it goes on (R7). Starts and times stay.

    ``finished``: its result is on the way; it is past being stopped.
    """
    assert run.block.code(run.task) in OPEN, story(run.block, run.task)
    if run.block.code(run.task) == Code.RECONNECT:
        set_code(farm, run.block, run.task, Code.RUNNING, now)
    extra = run.block.extras.get(run.task)
    if extra and extra.reason:
        extra.reason = ""
        farm.changes.task(run.block, run.task)
    run.elapsed_s, run.reported_mono = elapsed_s, now.mono
    if finished:
        return
    if run.stop_cause:
        farm.effects.append(Stop(run.render.name, run.id, run.stop_cause))
    else:
        check_limits(farm, run, now)
