"""How a run ends: its result is judged, or it is lost (SEMANTICS 2.2, R8, R9)."""

from __future__ import annotations

from typing import Final

from af.words import plural
from afanasy.core.changes import ClosedRun
from afanasy.core.events import RunFinished
from afanasy.core.host.renders import touch_render
from afanasy.core.run import cool_off, holds, sick
from afanasy.core.run.errors import check_task_hosts, count_error
from afanasy.core.run.runs import (
    END_DEREGISTERED,
    MERE_STOPS,
    STOP_DONE,
    STOP_RESTART,
    STOP_SKIP,
    STOP_SUSPEND,
    deleted_if_idle,
    forget_stale,
    free_host,
    give_back_counters,
)
from afanasy.core.state import Block, Farm, Run
from afanasy.core.tasks import FLAG_SHIFT, Code
from afanasy.core.transitions import WRN_FLAG, drop_extra, extra_of, set_code, set_flags
from afanasy.model.clock import Now
from afanasy.model.states import RunEnd, St

#: Ends that count as a success of the command.
SUCCESSES: Final = frozenset({RunEnd.SUCCESS, RunEnd.PARSER_SUCCESS, RunEnd.FAILED_POST})
#: What an end adds to the task's flags.
END_FLAGS: Final[dict[int, int]] = {
    RunEnd.PARSER_ERROR: int(St.PER) >> FLAG_SHIFT,
    RunEnd.PARSER_FATAL: int(St.PER | St.PFE) >> FLAG_SHIFT,
    RunEnd.BAD_RESULT: int(St.PBR) >> FLAG_SHIFT,
    RunEnd.PARSER_SUCCESS: int(St.PSC) >> FLAG_SHIFT,
    RunEnd.FAILED_POST: int(St.FPO) >> FLAG_SHIFT,
    RunEnd.BAD_FILES: int(St.BRF) >> FLAG_SHIFT,
}
#: Characters of a parser's report that are kept with the job.
REPORT_MAX: Final = 10_000
#: A task on which this many renders died is held (R8).
DEATHS_MAX: Final = 3
#: Stops of a person that give the task a new state; its errors are forgotten then (R17).
_PERSONS: Final = frozenset({STOP_RESTART, STOP_SKIP, STOP_DONE, STOP_SUSPEND})


def settle(farm: Farm, run: Run, event: RunFinished, now: Now) -> None:
    """The render reported the end of a current run: judge it (SEMANTICS 2.2, R9)."""
    block, task = run.block, run.task
    warned = run.warning or event.warning
    flags = (WRN_FLAG if warned else 0) | END_FLAGS.get(event.status, 0)
    elapsed_s = event.elapsed_s
    give_back_counters(farm, run)
    free_host(farm, run, now)
    columns = block.touch()
    columns.time_done[task] = _ended_wall(int(run.started_wall), elapsed_s, now)
    if event.report:
        block.job.spec.report = event.report[:REPORT_MAX]
        farm.changes.jobs[block.job.serial] = block.job
    success = event.status in SUCCESSES
    too_fast = (
        event.status in (RunEnd.SUCCESS, RunEnd.FAILED_POST)
        and elapsed_s < block.spec.task_min_run_time
        and not run.stop_cause
    )
    words = list(event.log)
    if run.stop_cause and not (success and _success_counts(run)):
        words.append(_settle_stopped(farm, run, flags, event, now))
    elif success and not too_fast:
        _settle_success(farm, run, flags, elapsed_s, now)
    elif event.status == RunEnd.SKIP:
        set_flags(block, task, flags)
        set_code(farm, block, task, Code.SKIPPED, now)
    elif event.status in (END_DEREGISTERED, 15):
        set_flags(block, task, 0)
        set_code(farm, block, task, Code.READY, now)
    elif event.error_class == "licence" and not success:
        words.append(holds.no_licence(farm, run, now))
        set_flags(block, task, 0)
        set_code(farm, block, task, Code.READY, now)
    else:
        if too_fast:
            words.append(f"ended after {elapsed_s:.1f} s, less than task_min_run_time")
        block.run_time_sum += int(elapsed_s)
        farm.changes.block_states[block.key] = block
        words.append(
            count_error(
                farm,
                run,
                now,
                fatal=event.status == RunEnd.PARSER_FATAL,
                error_class=event.error_class,
                flags=flags,
                memory_peak_mb=event.memory_peak_mb,
            )
        )
    _look_for_host(farm, block, task, now)
    farm.changes.closed.append(
        ClosedRun(
            run=run,
            ended_wall=now.wall,
            elapsed_s=elapsed_s,
            status=event.status,
            exit_status=event.exit_status,
            error_class=event.error_class,
            cpu_s=event.cpu_s,
            memory_peak_mb=event.memory_peak_mb,
            output_size=event.output_size,
            log="\n".join(words),
        )
    )
    deleted_if_idle(farm, block.job, now)


def _ended_wall(started_wall: int, elapsed_s: float, now: Now) -> int:
    """When a task's run ended, by what its render measured (R3); the report may come late.

    Never after ``now``, whatever a render says, and never before the start.
    """
    latest = max(started_wall, int(now.wall))
    return min(latest, started_wall + int(max(0.0, elapsed_s)))


def _look_for_host(farm: Farm, block: Block, task: int, now: Now) -> None:
    """The task goes back: meanwhile its block may have begun to avoid every host (R13)."""
    if task in block.extras and block.code(task) in (Code.READY, Code.WAITING):
        check_task_hosts(farm, block, task, now)


def _success_counts(run: Run) -> bool:
    """A success that raced the stop counts, except after a restart or a time limit (R9)."""
    return run.stop_cause != STOP_RESTART and not run.stop_counts


def _settle_success(farm: Farm, run: Run, flags: int, elapsed_s: float, now: Now) -> None:
    block, task = run.block, run.task
    set_flags(block, task, flags)
    set_code(farm, block, task, Code.DONE, now)
    whole = int(elapsed_s)
    block.run_time_sum += whole
    block.run_time_max = max(block.run_time_max, whole)
    block.run_time_min = min(block.run_time_min, whole) if block.runs_timed else whole
    block.runs_timed += 1
    farm.changes.block_states[block.key] = block
    if not block.job.system:  # a command of a moment proves nothing
        healthy = sick.count_success(farm, run.render)
        if cool_off.count_success(farm, run.render) or healthy:
            touch_render(farm, run.render, now.mono)
    if farm.service_holds:
        holds.on_success(farm, run)
    extra = block.extras.get(task)
    if extra:
        extra.deaths.clear()
        extra.ejected.clear()
        if extra.empty():
            del block.extras[task]


def _settle_stopped(farm: Farm, run: Run, flags: int, event: RunFinished | None, now: Now) -> str:
    """The stop is over: the target asked for applies. Returns a line for the log."""
    block, task, cause = run.block, run.task, run.stop_cause
    if run.stop_counts:
        if event is None:
            set_flags(block, task, 0)
            set_code(farm, block, task, Code.READY, now)
            return f"stopped ({cause}); its render was lost, not counted as an error"
        done = count_error(farm, run, now, fatal=False, error_class="timeout", flags=flags)
        return f"stopped: {cause}; {done}"
    set_flags(block, task, 0)
    if cause in _PERSONS:
        block.touch().errors[task] = 0
        drop_extra(block, task)
    set_code(farm, block, task, run.stop_target, now)
    return f"stopped: {cause}"


def lose(farm: Farm, run: Run, now: Now, status: int, why: str, *, died: bool) -> None:
    """A current run is given up; its process may still live somewhere (run contract 3).

    ``died``: the render died with it, which counts for the task (R8). The run stays behind as a
    stale one; the caller frees it when it is certain that no process is left.
    """
    block, task = run.block, run.task
    give_back_counters(farm, run)
    columns = block.touch()
    columns.time_done[task] = int(now.wall)
    words = why
    extra = block.extras.get(task)
    if extra:
        extra.reason = ""
    if died:
        extra = extra_of(block, task)
        extra.deaths.add(run.render.name)
    deaths = len(extra.deaths) if extra else 0
    if run.stop_cause and not (deaths >= DEATHS_MAX and run.stop_cause in MERE_STOPS):
        words += "; " + _settle_stopped(farm, run, 0, None, now)
    elif extra and deaths >= DEATHS_MAX:
        extra.reason = f"held: {plural(deaths, 'render')} died while they ran it"
        set_flags(block, task, 0)
        set_code(farm, block, task, Code.SUSPENDED, now)
        words += "; " + extra.reason
    else:
        set_flags(block, task, 0)
        set_code(farm, block, task, Code.READY, now)
    _look_for_host(farm, block, task, now)
    farm.changes.closed.append(
        ClosedRun(run, now.wall, run.elapsed_at(now.mono), status, -1, "", -1.0, -1, 0, words)
    )
    farm.changes.reopened[run.id] = run
    deleted_if_idle(farm, block.job, now)


def lose_for_good(
    farm: Farm, run: Run, now: Now, status: int, why: str, *, died: bool = False
) -> None:
    """Lose a run of which certainly no process is left."""
    lose(farm, run, now, status, why, died=died)
    forget_stale(farm, run, now)
