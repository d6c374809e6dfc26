"""Outputs of many tasks, one after another: what ``afcmd output --grep`` and ``--save`` read.

The server lists runs and gives texts in pages of a few MB (``get`` jobs, modes ``runs`` and
``outputs``), so a job of ten thousand tasks never lies in memory as a whole.
"""

from __future__ import annotations

import argparse
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple, cast

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import Filter
from afanasy.cli.selection import Range, blocks_of, find_selection, merged
from afanasy.cli.tasks import tasks_of

#: Runs of one request; the server has the same bound.
_ASK = 500


class Place(NamedTuple):
    """Tasks of one block."""

    block: Json
    ranges: list[Range]

    def has(self, task: int) -> bool:
        """Whether the task is one of them."""
        n = bisect_right(self.ranges, task, key=lambda pair: pair[0]) - 1
        return n >= 0 and task <= self.ranges[n][1]


class Selection(NamedTuple):
    """Tasks of one job, and which of their runs."""

    job: Json
    places: list[Place]
    #: The start of each task; 0 = any.
    number: int
    newest: bool
    failed: bool

    def tasks(self) -> int:
        """How many tasks, those between ranges too: what the progress counts."""
        return sum(ranges[-1][1] - ranges[0][0] + 1 for _, ranges in self.places)


class Output(NamedTuple):
    """What one run wrote. ``run`` is as mode ``runs`` tells it; ``tasks`` were passed so far."""

    block: Json
    run: Json
    text: str
    kept: bool
    tasks: int


def select(farm: Farm, words: list[str], options: argparse.Namespace) -> Selection:
    """The tasks of ``JOB``, ``JOB.BLOCK`` or ``JOB.BLOCK TASKS``, and of ``--where``."""
    job, only, ranges = find_selection(farm, words)
    blocks = blocks_of(job) if only is None else [only]
    places = [
        Place(block, ranges or [(0, int(block["tasks_num"]) - 1)])
        for block in blocks
        if int(block["tasks_num"])
    ]
    if options.where:
        places = _matching(farm, job, only, places, options)
    return Selection(job, places, options.number, options.last, options.errors)


def _matching(
    farm: Farm, job: Json, only: Json | None, places: list[Place], options: argparse.Namespace
) -> list[Place]:
    keep = Filter(options, "tasks")
    chosen: dict[int, list[Range]] = {}
    for task in tasks_of(farm, job, only):
        if keep(task):
            number = int(task["task_num"])
            chosen.setdefault(int(task["block_num"]), []).append((number, number))
    found: list[Place] = []
    for place in places:
        theirs = chosen.get(int(place.block["block_num"]), ())
        ranges = merged([pair for pair in theirs if place.has(pair[0])])
        if ranges:
            found.append(Place(place.block, ranges))
    if not found:
        raise CliError(Exit.NOT_FOUND, "no task matches", f"afcmd tasks {job['id']} lists them")
    return found


def read(farm: Farm, selection: Selection) -> Iterator[Output]:
    """The outputs, block by block, task by task, oldest start first. Runs without are left out."""
    before = 0
    for place in selection.places:
        first = place.ranges[0][0]
        for runs in _pages(farm, selection.job, place):
            wanted = [run for run in _chosen(runs, selection) if place.has(run["task_num"])]
            for run, found in _texts(farm, selection.job, wanted):
                passed = before + run["task_num"] - first + 1
                kept = bool(found["kept"])
                yield Output(place.block, run, str(found["data"]), kept, passed)
        before += place.ranges[-1][1] - first + 1


def _pages(farm: Farm, job: Json, place: Place) -> Iterator[list[Json]]:
    first, last = place.ranges[0][0], place.ranges[-1][1]
    while True:
        answer = farm.patiently({"get": {
            "type": "jobs", "serials": [job["serial"]], "mode": "runs",
            "block_ids": [place.block["block_num"]], "first": first, "count": last - first + 1,
        }})["job_runs"]  # fmt: skip
        yield cast("list[Json]", answer["runs"])
        if "next" not in answer:
            return
        first = int(answer["next"])


def _chosen(runs: list[Json], selection: Selection) -> Iterator[Json]:
    newest = {run["task_num"]: run["run"] for run in runs}  # the last one of each stays
    for run in runs:
        if selection.number and run["number"] != selection.number:
            continue
        if selection.newest and newest[run["task_num"]] != run["run"]:
            continue
        if selection.failed and not run["failed"]:
            continue
        if run["output_size"] or run["current"]:
            yield run


def _texts(farm: Farm, job: Json, runs: list[Json]) -> Iterator[tuple[Json, Json]]:
    done = 0
    while done < len(runs):
        asked = runs[done : done + _ASK]
        answered = texts(farm, job, [str(run["run"]) for run in asked])
        if not answered:
            raise CliError(Exit.NO_SERVER, "the server answers no outputs", code="garbage")
        yield from zip(asked, answered, strict=False)
        done += len(answered)


def texts(farm: Farm, job: Json, runs: list[str]) -> list[Json]:
    """The first outputs of these runs: as many as one answer has."""
    request = {"type": "jobs", "serials": [job["serial"]], "mode": "outputs", "runs": runs}
    return cast("list[Json]", farm.patiently({"get": request})["outputs"]["outputs"])
