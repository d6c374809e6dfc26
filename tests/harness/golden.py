"""Recorded conversations with today's server, and how our answers are compared with them.

:func:`differences` wants every member of the recorded answer in ours, with the same JSON type, and
with the same value where the value does not depend on the moment or the machine. Members of ours
besides are free. What varies between runs stands here once (:data:`VARYING`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parents[1] / "data" / "golden"

#: Members whose value depends on the moment, the machine or the cycle of today's server; their type
#: does not. Identities are here too: they are mapped where they matter.
VARYING: Final = frozenset(
    {
        "time_creation", "time_started", "time_done", "time_register", "time_launch",
        "time_update", "time_activity", "time_start", "tst", "tdn", "idle_time", "busy_time",
        "task_start_finish_time", "hst", "per", "pfr", "frm", "p_percentage",
        "p_tasks_run_time_min", "p_tasks_run_time_max", "p_tasks_run_time_sum",
        "id", "ids", "job_id", "serial", "job", "jids", "uids", "user_list_order",
        "engine", "os", "host_resources", "list",
    }
)  # fmt: skip

#: An internal mark of today's server that leaks into the states of tasks.
_SOLVED: Final = 1 << 62


@dataclass(frozen=True)
class Line:
    """One recorded request and its answer."""

    name: str
    request: Any
    answer: Any


def lines(name: str) -> list[Line]:
    """The lines of a recording, in order."""
    found = [json.loads(text) for text in (DATA / name).read_text().splitlines() if text.strip()]
    return [Line(line["name"], line.get("request"), line.get("response")) for line in found]


def differences(
    recorded: Any, ours: Any, *, free: Iterable[str] = (), path: str = "answer"
) -> Iterator[str]:
    """What the recorded answer has and ours has not. ``free``: members that differ for a reason."""
    free = frozenset(free)
    kind = json_type(recorded)
    if kind != json_type(ours):
        yield f"{path}: {kind} was recorded, ours is {json_type(ours)} {ours!r}"
    elif isinstance(recorded, Mapping):
        for name, value in recorded.items():
            if name in free:
                continue
            if name not in ours:
                yield f"{path}.{name}: missing; {value!r} was recorded"
            elif name in VARYING:
                if json_type(value) != json_type(ours[name]):
                    yield f"{path}.{name}: {value!r} was recorded, ours is {ours[name]!r}"
            else:
                yield from differences(value, ours[name], free=free, path=f"{path}.{name}")
    elif isinstance(recorded, list):
        if len(recorded) != len(ours):
            yield f"{path}: {len(recorded)} elements were recorded, ours has {len(ours)}"
        for n, (one, other) in enumerate(zip(recorded, ours, strict=False)):
            yield from differences(one, other, free=free, path=f"{path}[{n}]")
    elif path.endswith(".st"):
        if recorded & ~_SOLVED != ours:
            yield f"{path}: {recorded & ~_SOLVED} was recorded, ours is {ours}"
    elif recorded != ours:
        yield f"{path}: {recorded!r} was recorded, ours is {ours!r}"


def json_type(value: Any) -> str:
    """The JSON type of a value."""
    for name, kinds in (
        ("null", type(None)), ("bool", bool), ("number", int | float), ("text", str),
        ("array", list), ("object", Mapping),
    ):  # fmt: skip
        if isinstance(value, kinds):
            return name
    raise AssertionError(f"{type(value).__name__} is no JSON: {value!r}")
