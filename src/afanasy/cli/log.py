"""``afcmd log``: what happened to a job, or the story of a task."""

from __future__ import annotations

import argparse
import sys
from typing import Any, cast

from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.humans import duration, moment_text, size
from afanasy.cli.selection import find_places
from afanasy.cli.show import Cell, Show


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to tell about."""
    parser.usage = "afcmd log [options] (JOB [BLOCK TASK] | JOB.BLOCK TASK)"
    parser.add_argument(
        "place", metavar="JOB [BLOCK TASK]", nargs="+", help="a job, or a task: JOB.BLOCK TASK too"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Tell it."""
    job, block, task = find_places(farm, options.place)
    if block is None:
        answer = farm.get("jobs", ids=[job["id"]], mode="log")
        if show.as_json:
            show.json(answer)
        else:
            lines = cast("list[Any]", answer["message"]["list"])
            for line in lines:
                show.line(str(line))
            if not lines:
                print("afcmd: nobody did anything to the job yet", file=sys.stderr)
        return Exit.OK
    if task is None:
        raise CliError(Exit.BAD_INPUT, "a block has no log of its own", "name a task too")
    answer = farm.get(
        "jobs", ids=[job["id"]], block_ids=[block["block_num"]], task_ids=[task], mode="story"
    )
    if show.as_json:
        show.json(answer)
    else:
        _story(show, cast(Json, answer["story"]))
    return Exit.OK


def _story(show: Show, story: Json) -> None:
    name = story.get("task_name") or f"#{story.get('task_num', '')}"
    show.line(
        f"{name}: {str(story.get('state', '')).strip()}, "
        f"{plural(int(story.get('starts', 0)), 'start')}, "
        f"{plural(int(story.get('errors', 0)), 'error')}",
        "bold",
    )
    runs = cast("list[Json]", story.get("runs") or [])
    if runs:
        show.table(
            [">#", "~RENDER", "STARTED", ">TIME", "END", ">EXIT", "CLASS", ">OUTPUT"],
            [_run_row(run) for run in runs],
        )
    for run in runs:
        for line in _lines(run.get("log")):
            show.line(f"{run.get('number')}: {line}")
    for host in cast("list[Json]", story.get("error_hosts") or []):
        when = moment_text(host.get("time"))
        count = plural(int(host.get("count", 0)), "error")
        show.line(f"{count} on {host.get('host')}" + (f", the last at {when}" if when else ""))


def _run_row(run: Json) -> list[Cell]:
    end = str(run.get("end") or "")
    status = run.get("exit_status")
    return [
        str(run.get("number", "")),
        str(run.get("render", "")),
        moment_text(run.get("time_started")),
        duration(run.get("elapsed_s") or 0),
        (end, {"success": "blue", "running": "green", "error": "red"}.get(end, "")),
        "" if status is None or end == "running" else str(status),
        str(run.get("error_class") or ""),
        size(run.get("output_size") or 0),
    ]


def _lines(log: Any) -> list[str]:
    """The lines of a run's log, whether it is a text or a list."""
    lines = cast("list[Any]", log) if isinstance(log, list) else str(log or "").splitlines()
    return [str(line) for line in lines if str(line).strip()]
