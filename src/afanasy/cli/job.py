"""``afcmd job``: one job with its blocks, and pages of its tasks."""

from __future__ import annotations

import argparse
from typing import cast

from af import numeric
from af.words import plural
from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.figures import counts_of
from afanasy.cli.filters import add_watch
from afanasy.cli.humans import bar, duration, moment_text, since, state_colour, state_words
from afanasy.cli.selection import (
    blocks_of,
    find_block,
    find_place,
    is_numeric,
    only_block,
    task_names,
)
from afanasy.cli.show import Cell, Show

_PAGE = 50
#: Members of a job that are shown when they are there.
_FIELDS = (
    "annotation", "description", "project", "department", "branch", "depend_mask",
    "depend_mask_global", "hosts_mask", "hosts_mask_exclude", "need_os", "need_properties",
    "max_running_tasks", "max_running_tasks_per_host", "command_pre", "command_post",
)  # fmt: skip

_HOSTS_MASKS = ("hosts_mask", "hosts_mask_exclude")
#: How they are read; masks that are read differently say it by their looks.
_READ = {"find": "words that names begin with", "regex": "a regular expression"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The job, and which tasks."""
    parser.add_argument("job", metavar="JOB", help="id or name; JOB.BLOCK for its tasks")
    parser.add_argument("--tasks", action="store_true", help="list tasks of one block")
    parser.add_argument("--block", metavar="B", help="which block, by name or number")
    parser.add_argument(
        "--first", metavar="N", type=int, default=0, help="number of the first task (0)"
    )
    parser.add_argument(
        "--count", metavar="N", type=int, default=_PAGE, help=f"how many tasks ({_PAGE})"
    )
    add_watch(parser)


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show it."""
    job, block = find_place(farm, options.job)
    if options.block is not None:
        block = find_block(job, options.block)
    if options.tasks or block is not None:
        return _tasks(options, farm, show, job, block or only_block(job))
    if show.as_json:
        show.json({"job": job})
        return Exit.OK
    _head(show, job)
    show.line()
    blocks_table(show, blocks_of(job))
    return Exit.OK


def blocks_table(show: Show, blocks: list[Json]) -> None:
    """Blocks under their titles."""
    show.table(
        [
            ">#", "~BLOCK", "~SERVICE", "STATE", "PROGRESS", ">TASKS", ">DONE", ">RUN", ">ERR",
            ">READY", ">MEAN", "~FRAMES",
        ],
        [_block_row(block) for block in blocks],
    )  # fmt: skip


def _head(show: Show, job: Json) -> None:
    words = state_words(job)
    counts = counts_of(job)
    show.field("job", f"{job.get('id')} {job.get('name')}", "bold")
    show.field("serial", job.get("serial"))
    show.field("state", " ".join(words), state_colour(words))
    show.field("user", f"{job.get('user_name')}, from {job.get('host_name') or 'nowhere'}")
    show.field("priority", job.get("priority"))
    show.field(
        "progress", f"{bar(counts.percent)}  {counts.done} of {plural(counts.tasks, 'task')}"
    )
    for name in ("time_creation", "time_wait", "time_started", "time_done"):
        if job.get(name):
            ago = f"  ({since(job[name])} ago)" if name != "time_wait" else ""
            show.field(name[5:], moment_text(job[name]) + ago)
    for name in _FIELDS:
        if job.get(name) not in (None, "", -1):
            how = _READ.get(str(job.get("hosts_mask_type"))) if name in _HOSTS_MASKS else None
            show.field(name, f"{job[name]}  ({how})" if how else job[name])
    if job.get("depend_jobs"):
        show.field("depend_jobs", ", ".join(map(str, job["depend_jobs"])))
    for name, path in cast("dict[str, str]", job.get("folders") or {}).items():
        show.field("folder", f"{name}: {path}")


def _block_row(block: Json) -> list[Cell]:
    words = state_words(block)
    done = int(block.get("p_tasks_done", 0)) - int(block.get("p_tasks_skipped", 0))
    total = block.get("p_tasks_run_time_sum", 0)
    return [
        str(block.get("block_num")),
        str(block.get("name")),
        str(block.get("service")),
        (" ".join(words), state_colour(words)),
        bar(block.get("p_percentage", 0), 10),
        str(block.get("tasks_num", 0)),
        str(block.get("p_tasks_done", 0)),
        str(block.get("running_tasks_counter", "")),
        (str(block.get("p_tasks_error", "")), "red"),
        str(block.get("p_tasks_ready", "")),
        duration(total / done) if done > 0 and total else "",
        frames_text(block),
    ]


def frames_text(block: Json) -> str:
    """``1-100 / 2, 10 each`` of a numeric block; "" for a list block."""
    if not is_numeric(block):
        return ""
    text = f"{block['frame_first']}-{block['frame_last']}"
    if block["frames_inc"] != 1:
        text += f" / {block['frames_inc']}"
    if block["frames_per_task"] != 1:
        text += f", {block['frames_per_task']} each"
    return text


# ------------------------------------------------------------------------------------ the tasks


def _tasks(options: argparse.Namespace, farm: Farm, show: Show, job: Json, block: Json) -> int:
    first = max(0, options.first)
    count = max(1, options.count)
    page = farm.get(
        "jobs", ids=[job["id"]], mode="progress", block_ids=[block["block_num"]],
        first=first, count=count,
    )["job_progress"]  # fmt: skip
    tasks = cast("list[Json]", page["progress"])
    numbers = list(range(first, first + len(tasks)))
    if show.as_json:
        names = _names(farm, job, block, numbers)
        rows = [
            {"task_num": number, "name": name, **task}
            for number, name, task in zip(numbers, names, tasks, strict=True)
        ]
        show.json({"job_id": job["id"], "block_num": block["block_num"], "tasks": rows})
        return Exit.OK
    total = int(block.get("tasks_num", 0))
    show.line(f"job {job['id']}, block {block.get('name')}: {plural(total, 'task')}", "bold")
    if tasks:
        names = _names(farm, job, block, numbers)
        show.table(
            [">#", "~TASK", "STATE", ">DONE", ">STARTS", ">ERR", "~RENDER", ">TIME", "~ACTIVITY"],
            [_task_row(*row) for row in zip(numbers, names, tasks, strict=True)],
        )
    if first + len(tasks) < total:
        show.line(f"{total - first - len(tasks)} more: --first {first + len(tasks)}")
    return Exit.OK


def _task_row(number: int, name: str, task: Json) -> list[Cell]:
    words = state_words(task)
    time_s = max(0, task.get("tdn", 0) - task.get("tst", 0)) if task.get("tst") else -1
    percent = task.get("per", 0)
    return [
        str(number),
        name,
        (" ".join(words), state_colour(words)),
        f"{percent}%" if percent > 0 else "",
        str(task.get("str", "")),
        (str(task.get("err", "")), "red"),
        str(task.get("hst", "")),
        duration(time_s) if time_s >= 0 else "",
        str(task.get("act", "")),
    ]


def _names(farm: Farm, job: Json, block: Json, numbers: list[int]) -> list[str]:
    """The names of these tasks, as the server would show them."""
    if not numbers:
        return []
    full = blocks_of(farm.job_by_id(int(job["id"]), mode="full"))[int(block["block_num"])]
    if not is_numeric(full):
        names = task_names(farm, full)
        return [names[number][1] if number < len(names) else "" for number in numbers]
    inc = int(full["frames_inc"])
    place = (int(full["frame_first"]), int(full["frame_last"]), int(full["frames_per_task"]), inc)
    frames = [numeric.task_frames(number, *place) for number in numbers]
    pattern = str(full.get("tasks_name") or "")
    return [numeric.numeric_task_name(pattern, start, finish, inc) for start, finish, _ in frames]
