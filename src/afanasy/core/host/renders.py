"""Keeping the sets of renders that solving looks at."""

from __future__ import annotations

from afanasy.core.place.checks_host import render_not_ready
from afanasy.core.state import Farm, Render


def touch_render(farm: Farm, render: Render, mono: float) -> None:
    """Something of the render changed: it is, or is not, a place where work can start.

    A render that has room counts as fresh: work that was refused there before is tried again.
    """
    reason = render_not_ready(render, mono)
    if farm.system.hungry and (reason is None or reason.code == "render_slots"):
        farm.system.renders[render.name] = render
    if reason is None:
        farm.open_renders[render.name] = render
        farm.fresh_renders[render.name] = render
    else:
        farm.open_renders.pop(render.name, None)
        farm.fresh_renders.pop(render.name, None)
