"""``afcmd output``: what tasks printed, also while they run; searching and saving it (R67)."""

from __future__ import annotations

import argparse
import sys
import time

from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.humans import state_words
from afanasy.cli.selection import find_places, only_block
from afanasy.cli.show import Show

_POLL_S = 0.5
#: Ids of runs begin here; numbers of starts end before.
_RUN_IDS = 1 << 32
_NONE = "ERROR: "
#: States in which a task that has no output will get none by itself.
_AT_REST = frozenset({"DON", "ERR", "SKP", "SUS"})


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which tasks, which of their runs, and what of it."""
    parser.usage = (
        "afcmd output [options] (JOB.BLOCK TASK | JOB BLOCK TASK | JOB TASK)\n"
        "       afcmd output [options] (--grep RE | --save PATH) (JOB | JOB.BLOCK [TASKS])"
    )
    parser.add_argument(
        "place", metavar="JOB[.BLOCK] TASK", nargs="+", help="a frame, a name or #index"
    )
    parser.add_argument(
        "--run", "--number", dest="number", metavar="N", type=int, default=0,
        help="which start of it (0 = the last), or the id of a run",
    )  # fmt: skip
    parser.add_argument(
        "--follow", action="store_true", help="go on until the task ends; wait for its start"
    )
    many = parser.add_argument_group("of many tasks")
    what = many.add_mutually_exclusive_group()
    what.add_argument("--grep", metavar="RE", help="print the lines that match anywhere")
    what.add_argument("--save", metavar="PATH", help="write to this file, or below this folder")
    many.add_argument(
        "-i", dest="ignore_case", action="store_true", help="(grep) in upper or lower case"
    )
    many.add_argument(
        "-C", dest="context", metavar="N", type=int, default=0,
        help="(grep) so many lines around each",
    )  # fmt: skip
    many.add_argument("--where", metavar="WHERE", default="", help="of these tasks, as state~ERR")
    many.add_argument("--last", action="store_true", help="only the newest start of each task")
    many.add_argument("--errors", action="store_true", help="only starts that failed")


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Print, search or save it."""
    if options.number < 0 or options.context < 0:
        field = "--run" if options.number < 0 else "-C"
        raise CliError(Exit.BAD_INPUT, "must not be negative", field=field)
    if options.grep is not None or options.save is not None:
        return _of_many(options, farm, show)
    for given, name in (
        (options.where, "--where"), (options.last, "--last"), (options.errors, "--errors"),
        (options.ignore_case, "-i"), (options.context, "-C"),
    ):  # fmt: skip
        if given:
            raise CliError(Exit.BAD_INPUT, f"{name} is for --grep and --save", "name one of them")
    job, block, task = find_places(farm, options.place)
    if options.number >= _RUN_IDS:
        return _of_run(options, farm, show, job)
    if task is None:
        block = block or only_block(job)
        if int(block.get("tasks_num", 0)) != 1:
            raise CliError(
                Exit.BAD_INPUT,
                f"block {block.get('name')!r} has {plural(block.get('tasks_num'), 'task')}",
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


def _of_many(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    from afanasy.cli.outputs import select

    if options.follow or options.number >= _RUN_IDS:
        name = "--follow" if options.follow else "the id of a run"
        raise CliError(Exit.BAD_INPUT, f"{name} is for one task", "leave --grep and --save out")
    selection = select(farm, options.place, options)
    if options.grep is not None:
        from afanasy.cli.grep import grep

        return grep(options, farm, show, selection)
    from afanasy.cli.save import save

    return save(options, farm, show, selection)


def _of_run(options: argparse.Namespace, farm: Farm, show: Show, job: Json) -> int:
    """The output of a run of the job that is named by its id."""
    from afanasy.cli.outputs import texts

    if options.follow:
        raise CliError(Exit.BAD_INPUT, "--follow is for a task", "name it, and which start")
    (found,) = texts(farm, job, [str(options.number)])
    if not found["kept"]:
        raise CliError(Exit.NOT_FOUND, "the output of this run is not kept any more")
    if show.as_json:
        show.json({"output": found})
    else:
        _print(str(found["data"]))
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
