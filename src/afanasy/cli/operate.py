"""``afcmd pause|start|stop|restart|…``: operations on jobs, blocks and tasks."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from af.answers import warnings_of
from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import named_by
from afanasy.cli.progress import Progress
from afanasy.cli.replies import tell
from afanasy.cli.selection import Range, find_block, find_place, find_tasks, only_block
from afanasy.cli.show import Show

#: Command → (operation on a job, operation on blocks and tasks); "" = there is none.
OPERATIONS = {
    "pause": ("pause", "suspend"),
    "start": ("start", "continue"),
    "stop": ("stop", "suspend"),
    "restart": ("restart", "restart"),
    "restart-pause": ("restart_pause", ""),
    "restart-errors": ("restart_errors", "restart_errors"),
    "restart-running": ("restart_running", "restart_running"),
    "restart-done": ("restart_done", "restart_done"),
    "restart-skipped": ("restart_skipped", "restart_skipped"),
    "restart-warnings": ("restart_warnings", ""),
    "reset-errors": ("reset_error_hosts", "reset_error_hosts"),
    "reset-tries": ("reset_trying_next_tasks", ""),
    "try-next": ("", "trynext"),
    "skip": ("", "skip"),
    "done": ("", "done"),
    "delete": ("delete", ""),
}
#: (upstream, downstream) → how the operation spreads.
_MODES = {
    (True, False): "affect_depends",
    (False, True): "downstream",
    (True, True): "both",
}
#: These give up what a host may still run that is away, of blocks with ``on_lost_render: hold``.
_STOPPING = frozenset(
    {"pause", "stop", "restart", "restart-pause", "restart-running", "skip", "done", "delete"}
)
_ALL_BLOCKS = -1
_SYSTEM_JOB = 1
#: Jobs of one request: more of them would keep the server from its other work.
_SLICE = 50
#: These change the job; how many tasks that touches is of no interest.
_OF_THE_JOB = frozenset({"pause", "start"})


def arguments(parser: argparse.ArgumentParser) -> None:
    """Jobs, or tasks of one job."""
    parser.usage = f"{parser.prog} [options] (JOB… | JOB.BLOCK [TASKS] | --mask RE)"
    parser.add_argument(
        "jobs", metavar="JOB", nargs="*", help="ids or names; or JOB.BLOCK and tasks, as 10-20,35"
    )
    parser.add_argument("--mask", metavar="RE", help="all jobs whose whole name matches")
    parser.add_argument("--block", metavar="B", help="only this block, by name or number")
    parser.add_argument("--tasks", metavar="T", help="only these: frames 1-5,8, names, or #index")
    verb = parser.prog.rsplit(" ", 1)[-1]
    if verb == "try-next":
        parser.add_argument("--remove", action="store_true", help="no longer try them first")
    if verb in _STOPPING:
        parser.add_argument(
            "--yes",
            action="store_true",
            help="do not ask, when a host that is away may still run some of it",
        )
    if verb != "try-next" and OPERATIONS[verb][1]:
        parser.add_argument(
            "--with-depends",
            "--upstream",
            action="store_true",
            help="also the tasks that these depend on",
        )
        parser.add_argument(
            "--downstream", action="store_true", help="also everything that depends on these"
        )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Do it."""
    verb: str = options.command
    words: list[str] = options.jobs
    if options.mask is not None:
        if words or options.block is not None or options.tasks is not None:
            raise CliError(Exit.BAD_INPUT, "--mask stands alone", "leave the rest out")
        selection, count = _masked(farm, options.mask)
        which = f"{plural(count, 'job') if count else 'jobs'} matching {options.mask}"
        return _on_jobs(farm, show, options, selection, which)
    if not words:
        raise CliError(Exit.BAD_INPUT, "no job was named", f"as afcmd {verb} 5")
    if options.block is None and options.tasks is None and all(word.isdigit() for word in words):
        return _on_jobs(farm, show, options, {"ids": [int(word) for word in words]})
    job, block = find_place(farm, words[0])
    tasks = options.tasks
    if options.block is not None:
        block = find_block(job, options.block)
    elif block is not None and tasks is None and len(words) == 2:
        tasks = words.pop()
    elif block is None and tasks is not None:
        block = only_block(job)
    if block is None:
        jobs = [job, *(_whole_job(farm, word) for word in words[1:])]
        return _on_jobs(farm, show, options, {"ids": [found["id"] for found in jobs]})
    if len(words) > 1:
        raise CliError(
            Exit.BAD_INPUT, "blocks and tasks are chosen in one job at a time", "name one job"
        )
    ranges = find_tasks(farm, block, tasks) if tasks is not None else None
    return _on_tasks(farm, show, options, job, block, ranges)


def _whole_job(farm: Farm, word: str) -> Json:
    job, block = find_place(farm, word)
    if block is not None:
        raise CliError(
            Exit.BAD_INPUT, "blocks and tasks are chosen in one job at a time", f"name {word} alone"
        )
    return job


def _on_jobs(
    farm: Farm, show: Show, options: argparse.Namespace, selection: Json, masked: str = ""
) -> int:
    """Do it; ``masked`` says how many jobs a mask chose."""
    verb: str = options.command
    on_job, on_tasks = OPERATIONS[verb]
    if verb == "try-next":
        raise CliError(Exit.BAD_INPUT, "no tasks were named", f"as afcmd {verb} 5.beauty 10-20")
    if getattr(options, "with_depends", False) or getattr(options, "downstream", False):
        on_job = ""  # it is tasks that others depend on
    members: dict[str, Any] = {"operation": _operation(options, on_job or on_tasks)}
    if not on_job:
        members["block_ids"] = [_ALL_BLOCKS]
    if not _agreed(options, farm, show, selection, members):
        return Exit.OK
    answer = _in_slices(farm, show, verb, selection, members)
    ids = selection.get("ids", ())
    which = f"{'job' if len(ids) == 1 else 'jobs'} {', '.join(map(str, ids))}"
    if len(ids) > _SLICE:
        which = f"jobs {len(ids)}: {ids[0]} … {ids[-1]}"
    counted = "" if verb in _OF_THE_JOB else _counted(verb)
    tell(show, answer, f"{verb} {masked or which}", counted)
    return Exit.OK


def _agreed(
    options: argparse.Namespace, farm: Farm, show: Show, selection: Json, members: Json
) -> bool:
    """False when the server warns of it and the person at the terminal then says no (R8).

    Where nobody can be asked it is done, and the answer has the warnings.
    """
    if getattr(options, "yes", True) or show.as_json or members["operation"]["type"] == "pause":
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    operation = {**members["operation"], "ask": True}
    ids: list[int] = selection.get("ids", [])
    parts: list[Json] = [{"ids": ids[n : n + _SLICE]} for n in range(0, len(ids), _SLICE)]
    asked = [
        farm.action("jobs", **part, **{**members, "operation": operation})
        for part in parts or [selection]
    ]
    if not any(warnings_of(answer) for answer in asked):
        return True
    print(f"{options.command} all the same? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    show.line("nothing was done")
    return False


def _masked(farm: Farm, mask: str) -> tuple[Json, int]:
    """What a mask names: itself, or the ids of so many jobs that they go in slices; how many.

    As for the server it does not name the system job beside others.
    """
    matches = named_by(mask)
    jobs = [int(job["id"]) for job in farm.nodes("jobs") if matches(str(job.get("name")))]
    found = [number for number in jobs if number != _SYSTEM_JOB]
    return {"ids": found} if len(found) > _SLICE else {"mask": mask}, len(found) or len(jobs)


def _in_slices(farm: Farm, show: Show, verb: str, selection: Json, members: dict[str, Any]) -> Json:
    """The action on all jobs (R60); the answer of the last slice, with what was counted in all."""
    ids: list[int] = list(dict.fromkeys(selection.get("ids", ())))
    if len(ids) <= _SLICE:
        return farm.action("jobs", **selection, **members)
    _check_all(farm, ids)
    answer: Json = {}
    count = done = 0
    with Progress(verb, len(ids), as_json=show.as_json) as progress:
        for first in range(0, len(ids), _SLICE):
            progress.at(done, f"{done} of {len(ids)} jobs")
            part = ids[first : first + _SLICE]
            try:
                answer = farm.action("jobs", ids=part, **members)
            except CliError:
                progress.clear()
                print(f"afcmd: {verb} of {done} of {len(ids)} jobs was done", file=sys.stderr)
                raise
            count += int(answer.get("count", 0))
            done += len(part)
    return {**answer, "count": count} if "count" in answer else answer


def _check_all(farm: Farm, ids: list[int]) -> None:
    """Raise CliError when one of them is not there, before anything is done."""
    known = {int(job["id"]) for job in farm.nodes("jobs")}
    for number in ids:
        if number not in known:
            raise CliError(Exit.NOT_FOUND, f"there is no job {number}", "afcmd jobs lists them")


def _operation(options: argparse.Namespace, name: str) -> Json:
    operation: Json = {"type": name}
    if name == "trynext":
        operation["mode"] = "remove" if options.remove else "append"
    else:
        upstream = getattr(options, "with_depends", False)
        downstream = getattr(options, "downstream", False)
        if upstream or downstream:
            operation["mode"] = _MODES[upstream, downstream]
    return operation


def _counted(verb: str) -> str:
    """What the server counts."""
    return {"delete": "running task", "stop": "running task", "reset-errors": "host"}.get(
        verb, "task"
    )


def _on_tasks(
    farm: Farm,
    show: Show,
    options: argparse.Namespace,
    job: Json,
    block: Json,
    ranges: list[Range] | None,
) -> int:
    verb: str = options.command
    _, on_tasks = OPERATIONS[verb]
    if verb == "delete":
        raise CliError(
            Exit.BAD_INPUT, "a block or task cannot be deleted", "delete the job, or skip them"
        )
    if not on_tasks:
        raise CliError(Exit.BAD_INPUT, f"{verb} is for whole jobs", f"as afcmd {verb} {job['id']}")
    if verb == "try-next" and ranges is None:
        ranges = [(0, int(block["tasks_num"]) - 1)]
    operation = _operation(options, on_tasks)
    if ranges is not None:
        operation["task_ranges"] = [list(pair) for pair in ranges]
    selection: Json = {"ids": [job["id"]]}
    members: Json = {"block_ids": [block["block_num"]], "operation": operation}
    if not _agreed(options, farm, show, selection, members):
        return Exit.OK
    answer = farm.action("jobs", **selection, **members)
    tell(show, answer, f"{verb} {job['id']}.{block.get('name')}", _counted_of_tasks(verb))
    return Exit.OK


def _counted_of_tasks(verb: str) -> str:
    return "host" if verb == "reset-errors" else "task"
