"""The life of one task: its runs, its log, its output (``get`` jobs, modes story, log, output).

Ended runs are in the database, running ones in memory. Memory may know of an end that is not on
disk yet; then the answer waits for the commit, so that whoever saw a task done also finds its run.
"""

from __future__ import annotations

import time
from typing import Final

from afanasy.core.run import runs
from afanasy.core.state import Block, Farm, HostErrors, Run
from afanasy.model.clock import Now
from afanasy.model.states import RunEnd
from afanasy.server.show.get_request import GetRequest
from afanasy.server.show.history_port import HistoryPort
from afanasy.server.show.view_task import task_view
from afanasy.server.show.views import View, host_names
from afanasy.store.history import PastRun

#: How a run ended, in words.
_ENDS: Final[dict[int, str]] = {
    RunEnd.SUCCESS: "success",
    RunEnd.ERROR: "error",
    RunEnd.KILLED: "killed",
    RunEnd.PARSER_ERROR: "error found by the parser",
    RunEnd.PARSER_FATAL: "fatal error found by the parser",
    RunEnd.BAD_RESULT: "bad result",
    RunEnd.PARSER_SUCCESS: "success",
    RunEnd.FAILED_POST: "success, post command failed",
    RunEnd.BAD_FILES: "bad files",
    RunEnd.SKIP: "skipped",
    RunEnd.FAILED_TO_START: "failed to start",
    runs.END_DEREGISTERED: "render left",
    runs.END_LOST: "render lost",
    runs.END_NEVER_BEGAN: "never began",
}


def run_end_text(status: int) -> str:
    """How a run of this status ended."""
    return _ENDS.get(status, f"status {status}")


async def _past(history: HistoryPort, block: Block, task: int) -> list[PastRun]:
    """The ended runs, the newest included even when its commit is still on its way."""
    starts = block.columns.starts[task] if block.columns else 0
    if not starts:
        return []
    expected = starts - (task in block.open)
    past = await history.runs_of_task(block.key, task)
    if max((run.number for run in past), default=0) < expected:
        await history.settled()
        past = await history.runs_of_task(block.key, task)
    return past


# ---------------------------------------------------------------------------------------- story


async def story_answer(farm: Farm, block: Block, task: int, now: Now, history: HistoryPort) -> View:
    """Everything that happened to the task."""
    past = await _past(history, block, task)
    names = host_names(farm)
    columns = block.columns
    extra = block.extras.get(task)
    views = [_past_view(run, names) for run in past]
    current = block.open.get(task)
    if current is not None and all(run.run != current.id for run in past):
        views.append(_running_view(current, now))
    view = task_view(farm, block, task, "TLog", "", now)
    return {
        "story": {
            "job_id": block.job.id,
            "serial": block.job.serial,
            "job_name": block.job.spec.name,
            "block_num": block.num,
            "block_name": block.spec.name,
            "task_num": task,
            "task_name": view["task_name"],
            "state": view["progress"]["state"].strip(),
            "starts": columns.starts[task] if columns else 0,
            "errors": columns.errors[task] if columns else 0,
            "reason": extra.reason if extra else "",
            "error_hosts": [
                {"host": host, "count": entry.count, "time": int(entry.last_wall)}
                for host, entry in (extra.error_hosts if extra else {}).items()
            ],
            "runs": views,
        }
    }


def _past_view(run: PastRun, names: dict[int, str]) -> View:
    return {
        "run": str(run.run),
        "number": run.number,
        "render": names.get(run.render_id, f"render {run.render_id}, deleted"),
        "time_started": int(run.started),
        "elapsed_s": round(run.elapsed_s, 3),
        "status": run.status,
        "end": run_end_text(run.status),
        "exit_status": run.exit_status,
        "error_class": run.error_class,
        "log": run.log,
        "output_size": run.output_size,
        "current": False,
    }


def _running_view(run: Run, now: Now) -> View:
    return {
        "run": str(run.id),
        "number": run.number,
        "render": run.render.name,
        "time_started": int(run.started_wall),
        "elapsed_s": round(run.elapsed_at(now.mono), 3),
        "status": 0,
        "end": f"stopping: {run.stop_cause}" if run.stop_cause else "running",
        "exit_status": -1,
        "error_class": "",
        "log": "",
        "output_size": 0,
        "current": True,
    }


# ------------------------------------------------------------------------------------------ log


async def log_answer(farm: Farm, block: Block, task: int, now: Now, history: HistoryPort) -> View:
    """The task's log: two or more lines a run."""
    story = (await story_answer(farm, block, task, now, history))["story"]
    lines: list[str] = []
    for run in story["runs"]:
        began = run["time_started"]
        lines.append(f"{clock_text(began)}: run {run['number']}: started on {run['render']}")
        if run["current"]:
            continue
        status = run["exit_status"]
        words = run["end"] + (f", exit status {status}" if status > 0 else "")
        ended = clock_text(began + run["elapsed_s"])
        lines.append(f"{ended}: run {run['number']}: {words} after {run['elapsed_s']:.1f} s")
        lines += [f"    {line}" for line in run["log"].splitlines()]
    if story["reason"]:
        lines.append(story["reason"])
    return {"task": task_view(farm, block, task, "TLog", "\n".join(lines), now)}


def clock_text(wall: float) -> str:
    """Local date and time of unix seconds."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall))


# ----------------------------------------------------------------------------------- error hosts


def error_host_lines(
    title: str, errors: dict[str, HostErrors], limit: int, *, empty: bool = True
) -> list[str]:
    """A title and a line per host (SEMANTICS 5). ``empty``: the title comes even without hosts."""
    if not errors and not empty:
        return []
    return [
        title,
        *(
            f"{host}: {entry.count} at {clock_text(entry.last_wall)}"
            + (" - ! AVOIDING !" if 0 < limit <= entry.count else "")
            for host, entry in errors.items()
        ),
    ]


def task_error_hosts(block: Block, task: int) -> list[str]:
    """The lines of one task's list; none when it is empty."""
    extra = block.extras.get(task)
    if extra is None:
        return []
    title = f"Task[{task}] error hosts: "
    limit = block.errors_task_same_host()
    return error_host_lines(title, extra.error_hosts, limit, empty=False)


# --------------------------------------------------------------------------------------- output


async def output_answer(
    farm: Farm, block: Block, task: int, request: GetRequest, now: Now, history: HistoryPort
) -> View:
    """The output of a run, while it goes on or after; ``number`` 0 is the last one."""
    number = max(0, request.number)
    offset = max(0, request.offset)
    run = block.open.get(task)
    run_id = 0
    total = 0
    running = False
    if run is not None and number in (0, run.number):
        run_id, running = run.id, True
    else:
        past = [p for p in await _past(history, block, task) if number in (0, p.number)]
        if past:
            run_id, total = past[-1].run, past[-1].output_size
    if not run_id:
        starts = block.columns.starts[task] if block.columns else 0
        text = (
            f"ERROR: Task was started {starts} times ( less than {number} times )."
            if number > starts
            else "ERROR: Task was not started."
        )
        return {"task": task_view(farm, block, task, "TOutput", text, now, number=number)}
    found = await history.output(run_id, offset, total=total, running=running)
    text = found.text if found is not None else ""
    if found is None and total:
        text = "ERROR: The output of this run is not kept any more."
    view = task_view(farm, block, task, "TOutput", text, now, number=number)
    view["run"] = str(run_id)
    view["offset"] = found.offset if found is not None else offset if running else total
    view["running"] = running
    return {"task": view}
