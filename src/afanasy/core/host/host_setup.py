"""What the farm file says of a host: its matching patterns, one on top of the other (R24, 6.4).

Patterns are looked at from top to bottom. Of each that matches the name, services are cleared or
removed first, then added; every value that it has replaces the one from above. So a file begins
with ``.*`` and becomes more exact. ``<farm match="last">`` takes the last match alone.

Worked example: ``.*`` has capacity 1000 and the service generic, ``render.*`` has capacity 4000 and
the service nuke. The host render01 gets capacity 4000, generic and nuke; desk7 gets 1000, generic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from afanasy.model.farm_setup import FarmSetup, HostSetup, Pattern

if TYPE_CHECKING:
    from afanasy.core.state import Farm, Matcher, Render

#: Attributes that a pattern with a value replaces.
REPLACED: Final = (
    "description", "capacity", "max_tasks", "power", "os", "properties", "nimby_schedule",
    "resources", "data", "wol_idle_sleep_time_s",
)  # fmt: skip


def host_setup(setup: FarmSetup, name: str, matcher: Matcher) -> HostSetup:
    """The patterns that match ``name``, merged; ``matcher`` says whether a mask matches it all."""
    found = [p for p in setup.patterns if not p.mask or matcher(p.mask, name)]
    return _merged(found[-1:] if setup.last_match else found)


def _merged(patterns: list[Pattern]) -> HostSetup:
    values: dict[str, object] = {}
    services: dict[str, int] = {}
    removed: dict[str, None] = {}
    origins: dict[str, str] = {}
    lists_services = not patterns  # a host that the file does not know runs nothing (R22)
    for pattern in patterns:
        for name in REPLACED:
            value = getattr(pattern, name)
            if value is not None:
                values[name] = value
                origins[name] = pattern.name
        if pattern.clear_services:
            services.clear()
            lists_services = True
        for name in pattern.remove_services:
            services.pop(name, None)
            removed[name] = None
            origins[f"service {name}"] = pattern.name
        for rule in pattern.services:
            services[rule.name] = rule.count
            removed.pop(rule.name, None)
            origins[f"service {rule.name}"] = pattern.name
            lists_services = True
    known = {*services, *removed}
    return HostSetup(
        patterns=tuple(pattern.name for pattern in patterns),
        services=services,
        removed=tuple(removed),
        lists_services=lists_services,
        origins={
            key: name
            for key, name in origins.items()
            if not key.startswith("service ") or key.removeprefix("service ") in known
        },
        **values,  # pyright: ignore[reportArgumentType] - each under the name of its attribute
    )


def refresh_setup(farm: Farm, render: Render) -> None:
    """Derive what the farm file says of the render, if that was not done for this file."""
    if render.setup_of is not farm.setup:
        render.setup_of = farm.setup
        render.setup = (
            None if farm.setup is None else host_setup(farm.setup, render.name, farm.matcher)
        )
