"""What a render has, or what is said of it, changed: derive everything that follows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from afanasy.core import node_log
from afanasy.core.host import no_task, pace, schedule
from afanasy.core.host.host_values import refresh_host
from afanasy.core.host.renders import touch_render
from afanasy.core.place import fits
from afanasy.core.run import errors
from afanasy.core.state import Farm, Render
from afanasy.model.attributes import RenderSpec
from afanasy.model.clock import Now

#: What a host has by the word of the operator.
OVERRIDES: Final = (
    "capacity_host", "max_tasks_host", "power_host", "properties_host", "services",
    "services_disabled",
)  # fmt: skip


def hosts_changed(farm: Farm, renders: Iterable[Render], now: Now) -> None:
    """Values in force, what fits there, whether it is open, and tasks without a host (R13)."""
    more = less = False
    for render in renders:
        refresh_host(farm, render)
        schedule.refresh(farm, render, now)
        pace.refresh(farm, render)
        no_task.watch(farm, render, now)
        grew, shrank = fits.refresh_render(farm, render)
        more, less = more or grew, less or shrank
        touch_render(farm, render, now.mono)
    if less:
        errors.recheck_all(farm, now)
    elif more:
        errors.recheck_stuck(farm, now)


def restore_defaults(farm: Farm, render: Render, by: str, now: Now) -> None:
    """Operation ``restore_defaults``: what the operator said of the host is taken back (6.4).

    Capacity, tasks at once, power, properties and services are again what its agent, its pools and
    the farm file say (R22). How it is used stays: priority, nimby and its schedule, tickets.
    """
    before = node_log.values_of(render.spec)
    unset = RenderSpec()
    for name in OVERRIDES:
        setattr(render.spec, name, getattr(unset, name))
    node_log.say_changes(render, before, render.spec, now, by)
    farm.changes.renders[render.name] = render
    hosts_changed(farm, [render], now)


def host_gone(farm: Farm, render: Render, now: Now) -> None:
    """The render was deleted."""
    farm.open_renders.pop(render.name, None)
    farm.fresh_renders.pop(render.name, None)
    farm.system.renders.pop(render.name, None)
    farm.sleepers.pop(render.name, None)
    if render.pool is not None:
        render.pool.renders.pop(render.name, None)
    fits.forget_render(farm, render.name)
    errors.recheck_all(farm, now)
