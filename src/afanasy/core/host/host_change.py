"""What a render has, or what is said of it, changed: derive everything that follows."""

from __future__ import annotations

from collections.abc import Iterable

from afanasy.core.host import no_task, pace, schedule
from afanasy.core.host.host_values import refresh_host
from afanasy.core.host.renders import touch_render
from afanasy.core.place import fits
from afanasy.core.run import errors
from afanasy.core.state import Farm, Render
from afanasy.model.clock import Now


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
