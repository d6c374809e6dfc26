"""All that the server says of a user, a pool or a branch, a line for each member."""

from __future__ import annotations

from typing import Any, cast

from afanasy.cli.farm import Json
from afanasy.cli.humans import duration, moment_text
from afanasy.cli.show import Show

_SECONDS = frozenset(
    {"errors_forgive_time", "jobs_life_time", "zombie_time", "exit_no_task_time",
     "idle_wolsleep_time", "idle_free_time", "busy_nimby_time"}
)  # fmt: skip
_MOMENTS = frozenset({"time_register", "time_activity", "time_creation", "time_empty"})


def detail(show: Show, word: str, node: Json, leave_out: tuple[str, ...] = ()) -> None:
    """The node under its word ("user"), then its members."""
    show.field(word, f"{node.get('id')} {node.get('name')}", "bold")
    for name, value in node.items():
        if name in ("id", "name", *leave_out):
            continue
        if name in _MOMENTS:
            show.field(name, moment_text(value))
        elif name in _SECONDS and int(value) >= 0:
            show.field(name, duration(value))
        elif isinstance(value, dict):
            pairs = cast("dict[str, Any]", value)
            show.field(name, ", ".join(f"{key}: {item}" for key, item in pairs.items()))
        elif isinstance(value, list):
            show.field(name, ", ".join(map(str, cast("list[Any]", value))))
        else:
            show.field(name, value)


def log(show: Show, answer: Json) -> None:
    """What a ``log`` of a node answers."""
    if show.as_json:
        show.json(answer)
        return
    for line in cast("list[Any]", answer["message"]["list"]):
        show.line(str(line))
