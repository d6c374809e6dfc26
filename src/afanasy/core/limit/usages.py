"""What running tasks hold of services and tickets: nouns for :mod:`afanasy.core.limit.limits`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from afanasy.core.place.fits import Fits
    from afanasy.core.state import Job

SERVICE: Final = "service"
TICKET: Final = "ticket"
#: (kind, name): a service and a ticket of the same name are two things (R29).
UsageKey = tuple[str, str]


class ChosenLimit(NamedTuple):
    """A limit of a service that was set on the fly; -1 = any."""

    max_count: int
    max_hosts: int
    #: ``user@host`` and unix seconds.
    by: str
    time: int


@dataclass(slots=True)
class Held:
    """Units that are held somewhere, and on how many hosts."""

    units: int = 0
    hosts: int = 0


#: Nobody holds anything. Never changed.
NOTHING: Final = Held()


@dataclass(slots=True, eq=False, repr=False)
class Usage:
    """Who holds units of one service or ticket, counted for every scope that may have a limit."""

    kind: str
    name: str
    #: Render → units there; pool path → what is held below it. The root pool is the farm.
    hosts: dict[str, int] = field(default_factory=dict[str, int])
    pools: dict[str, Held] = field(default_factory=dict[str, Held])
    jobs: dict[Job, int] = field(default_factory=dict["Job", int])
    #: The farm's limits: units and hosts, -1 = any; of a ticket only if the root pool alone
    #: declares it.
    max_count: int = -1
    max_hosts: int = -1
    #: What asks for it → units for each task.
    fits: dict[Fits, int] = field(default_factory=dict["Fits", int])

    def __repr__(self) -> str:
        return f"<usage of {self.label}>"

    @property
    def key(self) -> UsageKey:
        """What it is found by."""
        return self.kind, self.name

    @property
    def label(self) -> str:
        """As people call it: "limit nuke", "ticket rlm"."""
        return f"{'limit' if self.kind == SERVICE else 'ticket'} {self.name}"

    def below(self, path: str) -> Held:
        """What is held by the renders below a pool."""
        return self.pools.get(path, NOTHING)


class Asked(NamedTuple):
    """One thing that every task of some blocks holds, and how many units of it."""

    usage: Usage
    units: int
