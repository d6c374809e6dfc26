"""``afcmd output``: what a task printed, also while it runs."""

from __future__ import annotations

import argparse
import sys
import time

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.humans import state_words
from afanasy.cli.selection import find_places, only_block
from afanasy.cli.show import Show

_POLL_S = 0.5
_NONE = "ERROR: "
#: States in which a task that has no output will get none by itself.
_AT_REST = frozenset({"DON", "ERR", "SKP", "SUS"})


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which task and which of its runs."""
    parser.usage = "afcmd output [options] (JOB.BLOCK TASK | JOB BLOCK TASK | JOB TASK)"
    parser.add_argument(
        "place", metavar="JOB[.BLOCK] TASK", nargs="+", help="a frame, a name or #index"
    )
    parser.add_argument(
        "--number", metavar="N", type=int, default=0, help="which start of it (0 = the last)"
    )
    parser.add_argument(
        "--follow", action="store_true", help="go on until the task ends; wait for its start"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Print it."""
    job, block, task = find_places(farm, options.place)
    if task is None:
        block = block or only_block(job)
        if int(block.get("tasks_num", 0)) != 1:
            raise CliError(
                Exit.BAD_INPUT,
                f"block {block.get('name')!r} has {block.get('tasks_num')} tasks",
                "say which: a frame, a name or #index",
            )
        task = 0
    assert block is not None
    place = {"ids": [job["id"]], "block_ids": [block["block_num"]], "task_ids": [task]}
    request = {"type": "jobs", **place, "mode": "output", "number": options.number}
    if options.follow:
        answer = follow(farm, request, quiet=show.as_json)
    else:
        answer = farm.ask({"get": request})
        _check(answer["task"])
        if not show.as_json:
            _print(str(answer["task"]["data"]))
    if show.as_json:
        show.json(answer)
    return Exit.OK


def follow(farm: Farm, request: Json, *, quiet: bool = False) -> Json:
    """Print what comes until the run ends. Returns the last answer with the whole text as data."""
    told = ""
    run_id, offset = "", 0
    while True:
        answer = farm.patiently({"get": {**request, "offset": offset}})
        task: Json = answer["task"]
        if _is_none(task):
            if set(state_words(task.get("progress") or {})) & _AT_REST:
                _check(task)
            time.sleep(_POLL_S)
            continue
        new_run = str(task.get("run", ""))
        if run_id and new_run != run_id and offset:
            # It was started again between two looks: the offset was that of the old run.
            print("afcmd: the task was started again", file=sys.stderr)
            run_id, offset = new_run, 0
            continue
        run_id = new_run
        data = str(task["data"])
        offset = int(task.get("offset", offset + len(data.encode("utf-8", "replace"))))
        told += data if quiet else ""
        if not quiet:
            _print(data)
        if not data:
            if not task.get("running"):
                task["data"] = told
                return answer
            time.sleep(_POLL_S)


def _print(data: str) -> None:
    sys.stdout.write(data)
    sys.stdout.flush()


def _is_none(task: Json) -> bool:
    """There is no output: the classic answer says so in the text (PROTOCOL 2.2)."""
    return str(task.get("data", "")).startswith(_NONE) and not task.get("run")


def _check(task: Json) -> None:
    if _is_none(task):
        text = str(task["data"])[len(_NONE) :].strip()
        raise CliError(Exit.NOT_FOUND, text, "--follow waits for a start")
