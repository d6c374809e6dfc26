"""What the views of all nodes share (PROTOCOL 3.1).

A view is a plain function from an object of the core to a JSON-able dict with the member names of
PROTOCOL 3. *opt* members are left out when they hold their default; the attribute structs already
encode that way, so a view begins with what :func:`given` finds in the spec and adds the rest. Views
may share parts between answers: nobody changes a view once it is made.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from afanasy.core.state import Block, Farm
from afanasy.model.states import job_state_text

View = dict[str, Any]

#: Shown only when greater than zero; their default is -1, so 0 is not left out by itself.
_POSITIVE: Final = ("need_power", "need_memory", "need_hdd")

state_text = lru_cache(4096)(job_state_text)


def given(spec: msgspec.Struct) -> View:
    """The members of an attribute struct that are not at their default."""
    found = cast(View, msgspec.to_builtins(spec))
    for name in _POSITIVE:
        if name in found and found[name] <= 0:
            del found[name]
    return found


def host_names(farm: Farm) -> dict[int, str]:
    """Names of renders by id, for the task columns that hold ids."""
    return {render.id: render.name for render in farm.renders.values()}


def services_of(blocks: list[Block]) -> dict[str, int]:
    """Service → running tasks (``running_services``)."""
    found: dict[str, int] = {}
    for block in blocks:
        if block.open:
            service = block.spec.service
            found[service] = found.get(service, 0) + len(block.open)
    return found


def info(text: str, kind: str = "error") -> View:
    """The answer ``info`` (PROTOCOL 2.1)."""
    return {"info": {"kind": kind, "text": text}}


def message(name: str, kind: str, lines: list[str]) -> View:
    """The answer ``message``: a list of lines."""
    return {"message": {"name": name, "type": kind, "list": lines}}
