"""Outputs of a whole job, page by page: what searching and saving them needs (R67).

Two modes of ``get`` jobs. ``runs`` lists the runs of a range of tasks of one block, ``outputs``
gives the texts of runs that it named. Both are bounded (:data:`RUNS_MAX`, :data:`BYTES_MAX`) and
say where to go on, so a job of ten thousand tasks is read in pieces, and the loop never waits for a
disk. The search itself is the client's: an expression of his must not hold the server's threads.
"""

from __future__ import annotations

from typing import Final

from afanasy.core.run import runs
from afanasy.core.run.ends import SUCCESSES
from afanasy.core.state import Block, Farm, Job, Run
from afanasy.model.clock import Now
from afanasy.model.errors import UserError
from afanasy.model.states import RunEnd
from afanasy.server.show.get_request import GetRequest
from afanasy.server.show.get_story import run_end_text
from afanasy.server.show.history_port import HistoryPort, WantedOutput
from afanasy.server.show.views import View, host_names
from afanasy.store.history import TaskRun

#: Runs of one answer; one task may have more starts, of which the rest is not listed.
RUNS_MAX: Final = 2000
#: Outputs of one answer, and their characters together, the last one beyond it.
OUTPUTS_MAX: Final = 500
BYTES_MAX: Final = 2 * 1024 * 1024
#: Ends that are no failure of what ran.
_NO_FAILURE: Final = SUCCESSES | {RunEnd.SKIP, runs.END_DEREGISTERED, runs.END_NEVER_BEGAN}


# ----------------------------------------------------------------------------------------- runs


async def runs_answer(
    farm: Farm, block: Block, request: GetRequest, now: Now, history: HistoryPort
) -> View:
    """``job_runs``: the runs of a page of tasks, in their order, and the task to go on with."""
    first = min(max(request.first, 0), block.tasks_num)
    count = request.count if request.count >= 0 else block.tasks_num
    end = min(first + count, block.tasks_num)
    await history.settled()  # so that whoever saw a task done also finds its run
    past = await history.runs_of_tasks(block.key, first, end - 1, RUNS_MAX + 1)
    if len(past) > RUNS_MAX:
        end = past[-1].task  # not all of its runs are here, but when it is the only task
        kept = [run for run in past if run.task < end]
        end = end if kept else end + 1
        past = kept or past[:RUNS_MAX]
    names = host_names(farm)
    views = [_past_view(block, run, names) for run in past]
    known = {run.run for run in past}
    views += [
        _open_view(block, task, run, now)
        for task, run in block.open.items()
        if first <= task < end and run.id not in known
    ]
    views.sort(key=lambda view: (view["task_num"], view["number"]))
    page: View = {
        "id": block.job.id,
        "serial": block.job.serial,
        "block_num": block.num,
        "block_name": block.spec.name,
        "first": first,
        "runs": views,
    }
    if end < min(first + count, block.tasks_num):
        page["next"] = end
    return {"job_runs": page}


def _past_view(block: Block, run: TaskRun, names: dict[int, str]) -> View:
    return {
        "task_num": run.task,
        "task_name": block.task_name(run.task),
        "run": str(run.run),
        "number": run.number,
        "render": names.get(run.render_id, f"render {run.render_id}, deleted"),
        "time_started": int(run.started),
        "elapsed_s": round(run.elapsed_s, 3),
        "end": run_end_text(run.status),
        "failed": run.status not in _NO_FAILURE,
        "exit_status": run.exit_status,
        "error_class": run.error_class,
        "output_size": run.output_size,
        "current": False,
    }


def _open_view(block: Block, task: int, run: Run, now: Now) -> View:
    return {
        "task_num": task,
        "task_name": block.task_name(task),
        "run": str(run.id),
        "number": run.number,
        "render": run.render.name,
        "time_started": int(run.started_wall),
        "elapsed_s": round(run.elapsed_at(now.mono), 3),
        "end": "running",
        "failed": False,
        "exit_status": -1,
        "error_class": "",
        "output_size": 0,
        "current": True,
    }


# -------------------------------------------------------------------------------------- outputs


async def outputs_answer(job: Job, request: GetRequest, history: HistoryPort) -> View:
    """``outputs``: the texts of the first of these runs of a job, as many as one answer has.

    Raises UserError for a run that is not of this job.
    """
    asked = _run_ids(request)
    known = await _known(job, asked, history)
    if any(run not in known for run in asked):
        await history.settled()
        known = await _known(job, asked, history)
    for run in asked:
        if run not in known:
            raise UserError(
                "not_found",
                f"job {job.id} has no run {run}",
                "mode runs lists them",
                field="get.runs",
            )
    wanted = [
        WantedOutput(one.id, running=True)
        if isinstance(one, Run)
        else WantedOutput(one.run, one.output_size)
        for one in (known[run] for run in asked)
    ]
    found = await history.read_outputs(wanted, BYTES_MAX)
    texts: list[View] = [
        {
            "run": str(one.run),
            "data": output.text if output else "",
            "kept": output is not None or one.running or not one.total,
            "offset": output.offset if output else one.total,
            "running": one.running,
        }
        for one, output in zip(wanted, found, strict=False)
    ]
    return {"outputs": {"id": job.id, "serial": job.serial, "outputs": texts}}


def _run_ids(request: GetRequest) -> list[int]:
    if not request.runs:
        raise UserError("missing", "this needs runs", "mode runs lists them", field="get.runs")
    if len(request.runs) > OUTPUTS_MAX:
        request.reader.complain("get.runs", f"must be {OUTPUTS_MAX} at most")
    found: list[int] = []
    for text in request.runs[:OUTPUTS_MAX]:
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise UserError(
                "bad_field", f"{text!r} is no run", "it is a number in a text", field="get.runs"
            )
        found.append(int(text))
    return found


async def _known(job: Job, asked: list[int], history: HistoryPort) -> dict[int, TaskRun | Run]:
    """Those of the runs that are of this job, whether they have ended or not."""
    wanted = set(asked)
    found: dict[int, TaskRun | Run] = {
        run.id: run for block in job.blocks for run in block.open.values() if run.id in wanted
    }
    keys = {block.key for block in job.blocks}
    past = await history.runs_by_id(asked)
    return {**found, **{run: one for run, one in past.items() if one.block in keys}}
