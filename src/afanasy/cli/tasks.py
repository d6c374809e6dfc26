"""``afcmd tasks``: the tasks of a job or block, chosen by a where-clause."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import cast

from af import fields, query
from af.words import plural
from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import Filter, add_watch, add_where
from afanasy.cli.humans import duration, state_colour, state_words
from afanasy.cli.selection import blocks_of, find_place
from afanasy.cli.show import Cell, Show

#: Tasks of one request; the server sends no more at once.
_PAGE = 20_000
#: What a table shows of them.
_COUNT = 200


def arguments(parser: argparse.ArgumentParser) -> None:
    """The job or block, and a filter."""
    parser.add_argument("job", metavar="JOB", help="id or name; JOB.BLOCK for one block")
    add_where(parser)
    parser.add_argument(
        "--count", metavar="N", type=int, help=f"how many ({_COUNT} in a table, all as JSON)"
    )
    add_watch(parser)


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """List them."""
    keep = Filter(options, "tasks")
    job, only = find_place(farm, options.job)
    tasks = [task for task in tasks_of(farm, job, only) if keep(task)]
    count = options.count if options.count is not None else len(tasks) if show.as_json else _COUNT
    shown = tasks[: max(0, count)]
    if show.as_json:
        show.json({"job_id": job["id"], "tasks": shown, "count": len(tasks)})
    elif shown:
        show.table(
            ["~BLOCK", ">#", "~TASK", "STATE", ">DONE", ">STARTS", ">ERR", "~RENDER", ">TIME",
             "~ACTIVITY"],
            [_row(task) for task in shown],
        )  # fmt: skip
        if len(tasks) > len(shown):
            show.line(f"{plural(len(tasks) - len(shown), 'task')} more: --count {len(tasks)}")
    return Exit.OK


def tasks_of(farm: Farm, job: Json, only: Json | None) -> Iterator[fields.Node]:
    """The tasks of a job, or of one block of it, with the fields of :mod:`af.fields`."""
    full = farm.job_by_id(int(job["id"]), mode="full")
    for block in blocks_of(full):
        if only is not None and block["block_num"] != only["block_num"]:
            continue
        node = fields.block(block)
        number, total = 0, int(block["tasks_num"])
        while number < total:
            page = farm.get(
                "jobs", ids=[job["id"]], mode="progress", block_ids=[block["block_num"]],
                first=number, count=_PAGE,
            )["job_progress"]["progress"]  # fmt: skip
            if not page:
                break
            for wire in cast("list[Json]", page):
                yield fields.task(wire, node, number, query.task_name(node, number), job["id"])
                number += 1


def _row(task: fields.Node) -> list[Cell]:
    words = state_words(task)
    started = task["time_started"]
    return [
        str(task["block_name"]),
        str(task["task_num"]),
        str(task["name"]),
        (" ".join(words), state_colour(words)),
        f"{task['percent']}%" if task["percent"] else "",
        str(task["starts"] or ""),
        (str(task["errors"] or ""), "red"),
        str(task["render"]),
        duration(max(0, task["time_done"] - started)) if started else "",
        str(task["activity"]),
    ]
