"""May a service run on a render? Who says so (SEMANTICS 6.1, R22, R23).

A walk from the render outwards: what was set on the render, its pools, the farm file's patterns,
the root pool. The first level that disables the service or lists it decides, so the nearest one
wins. When none does, the service may run only if no level lists any services at all; a farm file of
which no pattern matches the host lists none and allows none.

Services of the system job may run everywhere, unless a ``remservice`` names them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from afanasy.core.host.pools import ROOT
from afanasy.core.place.reasons import Reason
from afanasy.core.state import Farm, Render

#: What the server itself lets renders do (R23).
SYSTEM_SERVICES: Final = frozenset({"events", "postcmd", "system", "wakeonlan"})


class Level(NamedTuple):
    """One level of the walk: what it lists and what it forbids."""

    origin: str
    services: Collection[str]
    disabled: Collection[str]
    #: Only listed services run there, even if none is listed.
    exclusive: bool


class Verdict(NamedTuple):
    """Whether a service runs on a render, and who says so."""

    allowed: bool
    origin: str


def levels(farm: Farm, render: Render) -> Iterator[Level]:
    """The levels of the walk, the render first."""
    spec = render.spec
    yield Level("operator", spec.services, spec.services_disabled, bool(spec.services))
    pool = render.pool or farm.pools[ROOT]
    for above in pool.upwards():
        if above.parent is None and render.setup is not None:
            setup = render.setup
            yield Level("farm file", setup.services, setup.removed, setup.lists_services)
        said = above.spec
        yield Level(
            f"pool {above.path}", said.services, said.services_disabled, bool(said.services)
        )


def verdict(farm: Farm, render: Render, service: str) -> Verdict:
    """Whether the service may run there."""
    setup = render.setup
    if service in SYSTEM_SERVICES:
        removed = setup is not None and service in setup.removed
        return Verdict(not removed, _pattern(render, service) if removed else "system service")
    exclusive = ""
    for level in levels(farm, render):
        if service in level.disabled or service in level.services:
            file = level.origin == "farm file"
            origin = _pattern(render, service) if file else level.origin
            return Verdict(service not in level.disabled, origin)
        if level.exclusive and not exclusive:
            exclusive = level.origin
    return Verdict(not exclusive, exclusive or "nobody lists services")


def _pattern(render: Render, service: str) -> str:
    setup = render.setup
    name = setup.origins.get(f"service {service}", "") if setup is not None else ""
    return f"pattern {name!r} of the farm file"


def service_not_on(farm: Farm, service: str, render: Render) -> Reason | None:
    """The lasting check: why nothing of the service runs on the render."""
    allowed, origin = verdict(farm, render, service)
    if allowed:
        return None
    if origin == "farm file":
        setup = render.setup
        if setup is not None and not setup.patterns:
            return Reason("service_no_pattern", (service,))
    elif origin.startswith("pattern") or _disabled(farm, render, service):
        where = "this render" if origin == "operator" else origin
        return Reason("service_disabled", (service, where))
    who = {"operator": "this render", "farm file": "the farm file"}.get(origin, origin)
    return Reason("service_absent", (service, who))


def _disabled(farm: Farm, render: Render, service: str) -> bool:
    for level in levels(farm, render):
        if service in level.disabled:
            return True
        if service in level.services:
            return False
    return False


def services_here(farm: Farm, render: Render) -> dict[str, Verdict]:
    """Every service that somebody on the walk speaks of; others: see ``others_allowed``."""
    names: dict[str, None] = {}
    for level in levels(farm, render):
        names.update(dict.fromkeys(level.services))
        names.update(dict.fromkeys(level.disabled))
    return {name: verdict(farm, render, name) for name in sorted(names)}


def others_allowed(farm: Farm, render: Render) -> bool:
    """Services that nobody on the walk speaks of may run there."""
    return not any(level.exclusive for level in levels(farm, render))
