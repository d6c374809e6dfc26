"""``afcmd stats``: the messages that came to the server and left it (SEMANTICS 14.1 ``stat``)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, cast

from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import add_watch
from afanasy.cli.humans import duration, moment_text, size
from afanasy.cli.show import Cell, Show

#: Columns in their order: title, name for ``--sort``, what it sorts by.
_COLUMNS: list[tuple[str, str, Callable[[Json], Any]]] = [
    ("~KIND", "kind", lambda one: str(one["kind"])),
    ("~DIRECTION", "direction", lambda one: str(one["direction"])),
    (">COUNT", "count", lambda one: one["count"]),
    (">IN", "in", lambda one: one["bytes_in"]),
    (">OUT", "out", lambda one: one["bytes_out"]),
    (">TIME", "time", lambda one: one["time_s"]),
    (">EACH", "each", lambda one: one["time_s"] / max(one["count"], 1)),
    (">LONGEST", "longest", lambda one: one["time_max_s"]),
    (">COMMIT", "commit", lambda one: one["commit_s"]),
]
_SORTS = {name: key for _, name, key in _COLUMNS}
_SORTS["bytes"] = lambda one: one["bytes_in"] + one["bytes_out"]
_TEXTS = ("kind", "direction")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The order, and how much of it."""
    parser.add_argument(
        "--sort",
        metavar="COLUMN",
        default="bytes",
        help=f"{', '.join(_SORTS)}, or the number of a column (bytes)",
    )
    parser.add_argument("--columns", metavar="N", type=int, help="only the first N columns")
    add_watch(parser)


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show it."""
    name = _sort(options.sort)
    shown = len(_COLUMNS) if options.columns is None else options.columns
    if not 1 <= shown <= len(_COLUMNS):
        raise CliError(Exit.BAD_INPUT, f"there are {len(_COLUMNS)} columns", field="--columns")
    stats: Json = farm.get("stats")["stats"]
    messages = cast("list[Json]", stats["messages"])
    messages.sort(key=_SORTS[name], reverse=name not in _TEXTS)
    if show.as_json:
        show.json({"stats": stats})
        return Exit.OK
    total = plural(sum(int(one["count"]) for one in messages), "message")
    show.line(f"{total} in {duration(stats['uptime_s'])}, since {moment_text(stats['since'])}")
    show.line(
        "connections: "
        + ", ".join(
            f"{protocol} {one['now']} (of {one['total']})"
            for protocol, one in stats["connections"].items()
        )
    )
    show.table([title for title, _, _ in _COLUMNS[:shown]], [_row(one)[:shown] for one in messages])
    return Exit.OK


def _sort(text: str) -> str:
    """The name of the order: a name, or the number of a column. Raises CliError."""
    if text.isdigit() and 1 <= int(text) <= len(_COLUMNS):
        return _COLUMNS[int(text) - 1][1]
    if text not in _SORTS:
        hint = f"there are {', '.join(_SORTS)}"
        raise CliError(Exit.BAD_INPUT, f"no column {text!r}", hint, field="--sort")
    return text


def _row(one: Json) -> list[Cell]:
    return [
        str(one["kind"]),
        str(one["direction"]),
        str(one["count"]),
        size(one["bytes_in"]) if one["bytes_in"] else "",
        size(one["bytes_out"]) if one["bytes_out"] else "",
        _time(one["time_s"]),
        _time(one["time_s"] / max(one["count"], 1)),
        _time(one["time_max_s"]),
        _time(one["commit_s"]),
    ]


def _time(seconds: float) -> str:
    """``12 us``, ``3.4 ms``, ``2.1 s``, ``5m03s``; nothing for no time."""
    if seconds <= 0:
        return ""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)
