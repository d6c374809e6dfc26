"""The farm file as data: patterns of host names with what such hosts can do, and service limits.

SEMANTICS 6.3, 6.4, R22 to R24, R29. Read from XML or JSON by :mod:`afanasy.farmsetup`, applied by
the core. Everything here is plain and immutable, so that two setups can be compared on a reload.
"""

from __future__ import annotations

from typing import Final

import msgspec


class ServiceRule(msgspec.Struct, frozen=True):
    """A service that hosts of a pattern run; ``count`` simultaneous starts on each, 0 = any."""

    name: str
    count: int = 0


class Pattern(msgspec.Struct, frozen=True, omit_defaults=True):
    """What hosts with a matching name can do. None = the pattern does not say (R24)."""

    name: str
    #: Perl-like regular expression; empty matches every host.
    mask: str = ""
    description: str | None = None
    capacity: int | None = None
    max_tasks: int | None = None
    power: int | None = None
    os: str | None = None
    properties: str | None = None
    resources: str | None = None
    data: str | None = None
    wol_idle_sleep_time_s: int | None = None
    services: tuple[ServiceRule, ...] = ()
    remove_services: tuple[str, ...] = ()
    clear_services: bool = False
    #: As :mod:`afanasy.model.schedule` reads it.
    nimby_schedule: str | None = None


class Limit(msgspec.Struct, frozen=True):
    """Most simultaneous starts of a service (or ticket) on the farm, and most hosts; -1 = any."""

    service: str
    max_count: int = -1
    max_hosts: int = -1


class FarmSetup(msgspec.Struct, frozen=True):
    """A whole farm file."""

    patterns: tuple[Pattern, ...] = ()
    limits: tuple[Limit, ...] = ()
    #: Take the last matching pattern alone (``<farm match="last">``) instead of merging all.
    last_match: bool = False


class HostSetup(msgspec.Struct, frozen=True):
    """The patterns that match a host, merged. -1 and "" = no pattern says."""

    #: Names of the matching patterns, first to last; none = the file does not know the host.
    patterns: tuple[str, ...] = ()
    description: str = ""
    capacity: int = -1
    max_tasks: int = -1
    power: int = -1
    os: str = ""
    properties: str = ""
    nimby_schedule: str = ""
    resources: str = ""
    data: str = ""
    wol_idle_sleep_time_s: int = -1
    #: Service → simultaneous starts on the host, 0 = any.
    services: dict[str, int] = {}
    #: Names taken away by ``remservice`` of the last pattern that speaks of them.
    removed: tuple[str, ...] = ()
    #: Only those in ``services`` run there: a pattern lists some, clears them, or none matches.
    lists_services: bool = False
    #: Attribute → name of the pattern that it comes from; services as ``service NAME``.
    origins: dict[str, str] = {}


class SetupSource(msgspec.Struct, frozen=True):
    """Where a farm file was read, and when; "" = nowhere."""

    path: str = ""
    time: int = 0
    #: Line of each pattern in the file; none for a setup that is not of a file.
    lines: tuple[int, ...] = ()


NO_SOURCE: Final = SetupSource()
