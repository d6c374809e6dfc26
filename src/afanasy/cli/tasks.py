"""``afcmd tasks``: the tasks of a job or block, chosen by a where-clause."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import cast

from af import fields, query
from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import Filter, add_watch, add_where
from afanasy.cli.humans import duration, state_colour, state_words
from afanasy.cli.selection import blocks_of, find_place
from afanasy.cli.show import Cell, Show

#: Tasks of one request; the server sends no more at once.
_PAGE = 20_000
#: Different progresses of a block that are remembered.
_KNOWN_MAX = 10_000
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
    most = options.count if options.count is not None else None if show.as_json else _COUNT
    shown, count = _chosen(farm, job, only, keep, most)
    if show.as_json:
        show.json({"job_id": job["id"], "tasks": shown, "count": count})
    elif shown:
        show.table(
            ["~BLOCK", ">#", "~TASK", "STATE", ">DONE", ">STARTS", ">ERR", "~RENDER", ">TIME",
             "~ACTIVITY"],
            [_row(task) for task in shown],
        )  # fmt: skip
        if count > len(shown):
            show.line(f"{plural(count - len(shown), 'task')} more: --count {count}")
    return Exit.OK


def tasks_of(farm: Farm, job: Json, only: Json | None) -> Iterator[fields.Node]:
    """The tasks of a job, or of one block of it, with the fields of :mod:`af.fields`."""
    for block in _blocks(farm, job, only):
        node, number = fields.block(block), 0
        while number < int(block["tasks_num"]):
            for wire in _page(farm, job, block, number):
                yield _task(job, node, wire, number)
                number += 1


def _chosen(
    farm: Farm, job: Json, only: Json | None, keep: Filter, most: int | None
) -> tuple[list[fields.Node], int]:
    """The first ``most`` tasks (None = all) that are let through, and how many there are.

    A million tasks are mostly alike. Where the clause is not about what tells them apart, those of
    a block that the server shows alike are looked at once; and only what is shown is made.
    """
    shown: list[fields.Node] = []
    count = 0
    for block in _blocks(farm, job, only):
        node, number, total = fields.block(block), 0, int(block["tasks_num"])
        if keep.empty and most is not None and len(shown) >= most:
            count += total
            continue
        alike = not keep.uses("name", "task_num")
        known: dict[tuple[object, ...], bool] = {}
        while number < total:
            for wire in _page(farm, job, block, number):
                key = tuple(wire.items()) if alike else ()
                wanted = known.get(key) if alike else None
                task = None
                if wanted is None:
                    task = _task(job, node, wire, number)
                    wanted = keep(task)
                    if alike and len(known) < _KNOWN_MAX:
                        known[key] = wanted
                if wanted:
                    count += 1
                    if most is None or len(shown) < most:
                        shown.append(task or _task(job, node, wire, number))
                number += 1
            if keep.empty and most is not None and len(shown) >= most:
                count += total - number
                break
    return shown, count


def _blocks(farm: Farm, job: Json, only: Json | None) -> list[Json]:
    """The blocks in full, or the one that was asked for."""
    full = blocks_of(farm.job_by_id(int(job["id"]), mode="full"))
    return [block for block in full if only is None or block["block_num"] == only["block_num"]]


def _page(farm: Farm, job: Json, block: Json, first: int) -> list[Json]:
    """Progress of some tasks of a block. Raises CliError when the block got shorter."""
    page = farm.get(
        "jobs", ids=[job["id"]], mode="progress", block_ids=[block["block_num"]],
        first=first, count=_PAGE,
    )["job_progress"]["progress"]  # fmt: skip
    if not page:
        raise CliError(Exit.NOT_FOUND, f"job {job['id']} changed while it was read", "try again")
    return cast("list[Json]", page)


def _task(job: Json, block: fields.Node, wire: Json, number: int) -> fields.Node:
    return fields.task(wire, block, number, query.task_name(block, number), job["id"])


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
