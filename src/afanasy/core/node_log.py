"""What happened to a render, user, pool or branch, line by line (SEMANTICS 0).

Each of them has a ring of its last lines, with the moment of each. It is for people who ask "who
did that?", lives in memory alone and is empty after a restart of the server. New values of
attributes are told as old → new, each with who said it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from afanasy.model.clock import Now

#: Lines that a log keeps; clients know it as the setting ``af_node_log_lines_max``.
LINES_MAX: Final = 100
#: Characters of a value that a line shows.
_SHOWN_MAX: Final = 200
#: Attributes that say who and since when: every line says so itself.
_TOLD: Final = ("nimby_by", "nimby_since", "paused_by", "paused_since")


class LogLine(NamedTuple):
    """One line, and when it was said: unix seconds."""

    wall: int
    text: str


class Node(Protocol):
    """What has a log."""

    log: list[LogLine]


def say(node: Node, text: str, now: Now, by: str = "") -> None:
    """Add a line; the oldest one goes when there are :data:`LINES_MAX` already."""
    node.log.append(LogLine(int(now.wall), text + (f", by {by}" if by else "")))
    del node.log[:-LINES_MAX]


def values_of(spec: Any) -> dict[str, object]:
    """The values of the attributes now, to be compared later (:func:`say_changes`)."""
    return {name: getattr(spec, name) for name in spec.__struct_fields__}


def say_changes(
    node: Node,
    before: dict[str, object],
    spec: Any,
    now: Now,
    by: str,
    moment: Callable[[int], str] = str,
) -> None:
    """A line for each attribute that was another one ``before``; ``moment`` shows an ``…_until``.

    nimby and NIMBY exclude each other, so that one edit may change both.
    """
    for name, old in before.items():
        new = getattr(spec, name)
        if old == new or name in _TOLD:
            continue
        said = [
            moment(value) if name.endswith("_until") and isinstance(value, int) and value else value
            for value in (old, new)
        ]
        say(node, f"{name}: {_shown(said[0])} to {_shown(said[1])}", now, by)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"
