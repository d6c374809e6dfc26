"""Tickets that nobody declares: they limit nothing, and most often are a slip of the pen (R29)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from afanasy.core.limit.limits import declares
from afanasy.core.state import Farm, Job

#: More sentences than this about one job help nobody.
WARNINGS_MAX: Final = 20


def declared_tickets(farm: Farm) -> dict[str, None]:
    """Names of tickets that some pool or render limits."""
    found: dict[str, None] = {}
    for pool in farm.pools.values():
        for name in pool.spec.tickets_pool:
            if declares(pool, name):
                found[name] = None
    for host in (*farm.pools.values(), *farm.renders.values()):
        for name, count in host.spec.tickets_host.items():
            if count >= 0:
                found[name] = None
    return found


def unknown_tickets(farm: Farm, tickets: Iterable[str]) -> list[str]:
    """A sentence for each ticket that is declared nowhere, naming the nearest that is."""
    known = declared_tickets(farm)
    found: list[str] = []
    for name in tickets:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            found.append(f"ticket {name!r} is declared nowhere and limits nothing{hint}")
    return found


def ticket_warnings(farm: Farm, job: Job) -> list[str]:
    """The same for all blocks of a job, as sentences that begin with the field."""
    found: list[str] = []
    for block in job.blocks:
        if block.spec.tickets:
            field = f"job.blocks[{block.num}].tickets"
            found += [f"{field}: {text}" for text in unknown_tickets(farm, block.spec.tickets)]
        if len(found) > WARNINGS_MAX:
            return [*found[:WARNINGS_MAX], "and more of that kind"]
    return found
