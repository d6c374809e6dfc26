"""Tasks as JSON: progress, what is executed, answers about one task (PROTOCOL 3.5, 3.6)."""

from __future__ import annotations

from collections.abc import Mapping

from afanasy.core.state import Block, Farm, Run
from afanasy.core.tasks import Code, st_of
from afanasy.model.clock import Now
from afanasy.model.states import St
from afanasy.server.show.view_bar import trying_tasks
from afanasy.server.show.views import View, host_names, state_text

_READY: View = {"state": " RDY", "st": int(St.RDY)}


def progress_views(
    block: Block, first: int, last: int, now: Now, hosts: Mapping[int, str]
) -> list[View]:
    """Progress of tasks ``first … last-1``. Tasks that never began share one view per state."""
    columns = block.columns
    trying = trying_tasks(block)
    if columns is None and not trying:
        return [_READY] * (last - first)
    columns = block.touch()
    shared: dict[int, View] = {}
    views: list[View] = []
    add = views.append
    rows = zip(
        bytes(columns.state[first:last]),
        columns.flags[first:last],
        columns.starts[first:last],
        columns.errors[first:last],
        strict=True,
    )
    for task, (code, flags, starts, errors) in enumerate(rows, first):
        if starts or errors or task in trying:
            add(_progress(block, task, now, hosts, task in trying))
        else:
            st = st_of(code, flags)
            view = shared.get(st)
            if view is None:
                view = shared[st] = {"state": state_text(st), "st": st}
            add(view)
    return views


def progress_view(block: Block, task: int, now: Now, hosts: Mapping[int, str]) -> View:
    """Progress of one task."""
    return _progress(block, task, now, hosts, task in trying_tasks(block))


def _progress(block: Block, task: int, now: Now, hosts: Mapping[int, str], trying: bool) -> View:
    columns = block.columns
    if columns is None and not trying:
        return _READY
    columns = block.touch()
    code = columns.state[task]
    run = block.open.get(task)
    st = st_of(code, columns.flags[task])
    if trying:
        st |= St.TRY
    if run is not None and run.warning:
        st |= St.WRN
    st = int(st)
    view: View = {"state": state_text(st), "st": st}
    if run is not None:
        _add_running(view, run, now)
    elif code == Code.DONE:
        view["per"] = 100
    for name, value in (
        ("str", columns.starts[task]),
        ("err", columns.errors[task]),
        ("tst", columns.time_start[task]),
        ("tdn", columns.time_done[task]),
    ):
        if value:
            view[name] = value
    host = hosts.get(columns.host[task])
    if host:
        view["hst"] = host
    if run is not None:
        # The moment of the last report, as the original shows it while a task runs.
        ago = now.mono - run.reported_mono if run.reported_mono else now.wall - run.started_wall
        view["tdn"] = int(now.wall - ago)
    return view


def _add_running(view: View, run: Run, now: Now) -> None:
    if run.percent > 0:
        view["per"] = run.percent
    if run.frame > 0:
        view["frm"] = run.frame
    if run.percentframe > 0:
        view["pfr"] = run.percentframe
    if run.activity:
        view["act"] = run.activity


def exec_view(block: Block, task: int, run: Run | None, now: Now, *, short: bool = False) -> View:
    """What is executed. ``short``: as renders show their tasks, without commands."""
    spec, job = block.spec, block.job
    view: View = {
        "name": block.task_name(task),
        "service": spec.service,
        "capacity": run.capacity // max(1, run.coeff) if run is not None else spec.capacity,
        "time_start": int(run.started_wall if run is not None else now.wall),
        "user_name": job.user.name,
        "block_name": spec.name,
        "job_name": job.spec.name,
        "job_id": job.id,
        "block_num": block.num,
        "task_num": task,
    }
    if spec.tickets:
        view["tickets"] = spec.tickets
    if run is not None and run.coeff > 0:
        view["capacity_coeff"] = run.coeff
    if short:
        return view
    record = block.tasks[task] if block.tasks is not None else None
    start, finish, frames = block.frames(task)
    view["command_block"] = spec.command
    view["command_task"] = record.command if record is not None else ""
    view["frame_start"] = start
    view["frame_finish"] = finish
    view["frames_inc"] = spec.frames_inc
    view["frames_num"] = frames
    for name in ("parser", "working_directory"):
        text = getattr(spec, name)
        if text:
            view[name] = text
    environment = {**spec.environment, **((record.environment if record else None) or {})}
    if environment:
        view["environment"] = environment
    if spec.files:
        view["files_block"] = spec.files
    if record is not None and record.files:
        view["files_task"] = record.files
    return view


def task_view(
    farm: Farm, block: Block, task: int, kind: str, data: str, now: Now, *, number: int = 0
) -> View:
    """The answer ``task``; ``kind`` is TExec, TOutput, TLog or TErrorHosts."""
    run = block.open.get(task)
    view: View = {
        "type": kind,
        "render_id": run.render.id if run is not None else 0,
        "job_name": block.job.spec.name,
        "block_name": block.spec.name,
        "task_name": block.task_name(task),
        "service": block.spec.service,
        "parser": block.spec.parser,
        "pos": {"job": block.job.id, "block": block.num, "task": task, "number": number},
        "progress": progress_view(block, task, now, host_names(farm)),
        "data": data,
    }
    if kind == "TExec":
        view["exec"] = exec_view(block, task, run, now)
    return view


def no_task_view(job_id: int, block: int, task: int, kind: str, data: str) -> View:
    """The answer ``task`` about one that does not exist."""
    return {
        "type": kind, "render_id": 0, "job_name": "", "block_name": "", "task_name": "",
        "service": "", "parser": "",
        "pos": {"job": job_id, "block": block, "task": task, "number": 0},
        "progress": {"state": "", "st": 0}, "data": data,
    }  # fmt: skip
