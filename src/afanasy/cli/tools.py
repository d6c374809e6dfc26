"""``afcmd rx|numeric|numcmd``: try expressions, frame ranges and commands, without a server."""

from __future__ import annotations

import argparse
import re
from itertools import islice

from af import numeric
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import compiled
from afanasy.cli.show import Cell, Show

#: Rows of a table; a range may have millions.
_ROWS = 1000
_SEPARATORS = re.compile(r"[|;,: ]")
_FLAGS = {"e": "exclude", "c": "contain", "f": "find", "i": "ignore case"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The words of the command that was asked for."""
    command = parser.prog.rsplit(" ", 1)[-1]
    if command == "rx":
        parser.add_argument("text", metavar="TEXT", help="what to try it on")
        parser.add_argument("expression", metavar="RE", help="must match the whole text")
        parser.add_argument(
            "flags", metavar="FLAGS", nargs="?", default="",
            help="e: must not match; c: matches anywhere; f: begins with a word of it; i: any case",
        )  # fmt: skip
        return
    if command == "numcmd":
        parser.add_argument("service", metavar="SERVICE", help="as blender")
        parser.add_argument("start", metavar="START", type=int, help="the task's first frame")
        parser.add_argument("end", metavar="END", type=int, help="its last frame")
        parser.add_argument("pattern", metavar="COMMAND", help="with @#@ for the frames")
        return
    for name, text, default in (
        ("start", "the first frame", None),
        ("end", "the last frame", None),
        ("increment", "step between frames (1)", 1),
        ("per_task", "frames of one task (1)", 1),
        ("sequential", "order: 1 in a row, n each n-th first, 0 by halving (1)", 1),
        ("frame", "only the task that holds this frame", None),
    ):
        nargs = None if name in ("start", "end") else "?"
        parser.add_argument(
            name, metavar=name.upper(), type=int, nargs=nargs, default=default, help=text
        )


def run(options: argparse.Namespace, _farm: Farm, show: Show) -> int:
    """Try it."""
    return {"rx": _rx, "numeric": _numeric, "numcmd": _numcmd}[options.command](options, show)


def _rx(options: argparse.Namespace, show: Show) -> int:
    flags: str = options.flags
    if set(flags) - set(_FLAGS) or {"c", "f"} <= set(flags):
        told = ", ".join(f"{letter} {name}" for letter, name in _FLAGS.items())
        raise CliError(Exit.BAD_INPUT, f"{flags!r} are no flags", f"there are {told}; c or f")
    text, expression = options.text, options.expression
    if "f" in flags:
        lower = str.lower if "i" in flags else str
        words = [lower(word) for word in _SEPARATORS.split(expression) if word]
        found = any(lower(text).startswith(word) for word in words)
    else:
        pattern = compiled(("(?i)" if "i" in flags else "") + expression, "RE")
        found = bool(pattern.search(text) if "c" in flags else pattern.fullmatch(text))
    matches = found != ("e" in flags)
    if show.as_json:
        show.json({"matches": matches})
    else:
        show.line("matches" if matches else "does not match")
    return Exit.OK if matches else Exit.NOT_FOUND


def _numeric(options: argparse.Namespace, show: Show) -> int:
    from afanasy.core.job.order import Frames, make_order

    place = numeric.clean_range(options.start, options.end, options.per_task, options.increment)
    first, last, per_task, inc = place
    count = numeric.tasks_count(*place)
    order = make_order(
        options.sequential, count, Frames(first, per_task, inc), (last - first) // inc + 1
    )
    if options.frame is None:
        ranks = range(count)
    else:
        task, inside = numeric.frame_task(options.frame, *place)
        if not inside:
            raise CliError(
                Exit.NOT_FOUND,
                f"frame {options.frame} is in no task",
                f"they are {first} to {last}",
            )
        ranks = range(order.rank_of(task), order.rank_of(task) + 1)
    rows: list[Json] = []
    for rank in islice(ranks, _ROWS):
        task = order.task_at(rank)
        start, finish, frames = numeric.task_frames(task, *place)
        name = numeric.numeric_task_name("", start, finish, inc)
        rows.append({"rank": rank, "task": task, "name": name, "start": start, "finish": finish,
                     "frames": frames})  # fmt: skip
    if show.as_json:
        show.json({"count": count, "tasks": rows})
        return Exit.OK
    cells: list[list[Cell]] = [
        [str(row["rank"]), str(row["task"]), str(row["name"]), str(row["frames"])] for row in rows
    ]
    show.table([">ORDER", ">TASK", "~NAME", ">FRAMES"], cells)
    if len(ranks) > len(rows):
        show.line(f"{len(ranks) - len(rows)} more")
    return Exit.OK


def _numcmd(options: argparse.Namespace, show: Show) -> int:
    from afanasy.services.base import FLAG_NUMERIC, TaskInfo
    from afanasy.services.registry import make_service

    task = TaskInfo(
        service=options.service,
        command_block=options.pattern,
        flags=FLAG_NUMERIC,
        frame_start=options.start,
        frame_finish=options.end,
        frames_num=max(1, options.end - options.start + 1),
    )
    service, note = make_service(task)
    command = service.command()
    if show.as_json:
        show.json({"command": command, "note": note, "log": service.log})
    else:
        show.line(command)
        for line in filter(None, [note, *service.log]):
            show.line(line, "yellow")
    return Exit.OK if command else Exit.BAD_INPUT
