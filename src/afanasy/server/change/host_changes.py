"""Services and tickets of renders and pools, as classic requests change them (PROTOCOL 2.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from afanasy.core import events
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw, Reader
from afanasy.model.service_names import RULE, service_fault
from afanasy.server.matcher import Masks

#: What is between several names of services.
_BETWEEN: Final = re.compile(r"[,\s]+")


class _Counted(Protocol):
    count: int


class Asking(Protocol):
    """What this needs of a request: how to apply and complain, the masks, who asks, the answer."""

    reader: Reader
    apply: Callable[[events.Event], Any]
    masks: Masks
    by: str

    @property
    def answer(self) -> _Counted:
        """Counts what was done."""
        ...


def change_host(request: Asking, operation: Raw, render: str = "", pool: str = "") -> bool:
    """Carry out the operation ``farm`` or ``tickets`` on a render, or on a pool.

    False when it is another operation. Raises UserError, nothing changed.
    """
    kind, name, mask = (operation.get(key) for key in ("type", "name", "mask"))
    text = name if isinstance(name, str) else ""
    if kind == "farm":
        mode = operation.get("mode")
        if mode == "service_add":
            texts = _services(text)
        else:
            texts = [mask if isinstance(mask, str) else text]
            request.masks.check_mask(texts[0], "operation.mask")
        for one in texts:
            event = events.ChangeServices(render, pool, str(mode or ""), one, by=request.by)
            request.apply(event)
        request.answer.count += 1
        return True
    if kind != "tickets":
        return False
    host = operation.get("host") is True
    most = _number(operation, "max_hosts") if "max_hosts" in operation else None
    alone = most is not None and not (host or render)  # the number of hosts may stand alone
    count = None if alone and "count" not in operation else _number(operation, "count")
    if most is not None and most >= 0 and (host or render):
        request.reader.complain(
            "operation.max_hosts", "is for all renders of a pool, not for each of them",
            "leave out host or max_hosts",
        )  # fmt: skip
    request.apply(events.ChangeTickets(render, pool, text, count, host, most, by=request.by))
    request.answer.count += 1
    return True


def _services(text: str) -> list[str]:
    """Names with commas or blanks between them; one empty name if there is none.

    Raises UserError for what no service can be called, before anything is changed.
    """
    names = [name for name in _BETWEEN.split(text) if name]
    for name in names:
        fault = service_fault(name)
        if fault:
            hint = f"{RULE}; several have commas between them"
            raise UserError("bad_field", fault, hint, field="operation.name")
    return names or [""]


def _number(operation: Raw, key: str) -> int:
    value = operation.get(key)
    if type(value) is not int or not -1 <= value <= 2**31 - 1:
        raise UserError(
            "missing",
            f"Ticket '{key}' integer is not specified.",
            "-1 is no limit",
            field=f"operation.{key}",
        )
    return value


def clean_tickets(params: Raw | None) -> None:
    """Classic ``{name: [count, …]}`` as the attributes have it: in place, what is odd stays."""
    for key in ("tickets_pool", "tickets_host"):
        value = (params or {}).get(key)
        if params is None or not isinstance(value, dict):
            continue
        clean: dict[str, object] = {}
        for name, said in cast("dict[str, object]", value).items():
            numbers = cast("list[object]", said) if isinstance(said, list) else [said]
            if not numbers or not all(type(number) is int for number in numbers):
                clean[name] = said
            elif key == "tickets_host":
                clean[name] = numbers[0]
            else:  # [count], [count, hosts], or as answers have it
                clean[name] = [numbers[0], numbers[-1] if len(numbers) in (2, 4) else -1]
        params[key] = clean
