"""Hosts that have next to no memory, swap or disk left: the event RENDER_OVERLOAD (8.6, 12.2).

The settings ``af_render_overflow_mem``, ``_swap`` and ``_hdd`` are percents: a host with that much
free of one of them, or less, is overloaded; -1 is off. After ``overload_event_time`` seconds of it,
a pool value, inherited, people hear of the host, then after twice, four times, eight times as many,
until a report says that it is over. A host without swap is never short of it.

The clock runs from report to report; it is not stored. What is changed in settings or pools counts
from the next report on.
"""

from __future__ import annotations

from typing import Final

from afanasy.core.effects import Note
from afanasy.core.state import Farm, Render
from afanasy.core.system import happenings
from afanasy.model.clock import Now

#: Setting → what it speaks of.
THRESHOLDS: Final = {
    "af_render_overflow_mem": "memory",
    "af_render_overflow_swap": "swap",
    "af_render_overflow_hdd": "disk",
}


def begin_anew(render: Render) -> None:
    """It registered, or it is over: the clock begins anew."""
    render.overload_mono = render.overload_told_s = 0.0


def on_report(farm: Farm, render: Render, now: Now) -> None:
    """A report of resources came: let the clock run, and tell."""
    first_s = render.pool.value("overload_event_time") if render.pool is not None else -1
    assert isinstance(first_s, int), f"overload_event_time of {render.name}: {first_s!r}"
    short = short_of(farm, render) if first_s > 0 else []
    if not short:
        begin_anew(render)
        return
    render.overload_mono = render.overload_mono or now.mono
    spent_s = now.mono - render.overload_mono
    wait_s = happenings.next_wait_s(first_s, render.overload_told_s)
    if spent_s >= wait_s:
        render.overload_told_s = spent_s
        happenings.of_render(farm, render, happenings.RENDER_OVERLOAD)
        fields: dict[str, object] = {"render": render.name, "short_of": short}
        farm.effects.append(Note("render_overload", fields))


def short_of(farm: Farm, render: Render) -> list[str]:
    """What there is too little of by the last report: memory, swap, disk."""
    free = free_percents(render.resources)
    return [
        what
        for key, what in THRESHOLDS.items()
        if what in free and free[what] <= farm.settings.value(key)
    ]


def free_percents(resources: dict[str, object]) -> dict[str, float]:
    """What is free of memory, swap and disk, in percent; what a host does not have is left out."""

    def number(key: str) -> float:
        value = resources.get(key, 0)
        return float(value) if isinstance(value, (int, float)) else 0.0

    wholes = {
        "memory": (number("mem_free_mb"), number("mem_total_mb")),
        "swap": (number("swap_total_mb") - number("swap_used_mb"), number("swap_total_mb")),
        "disk": (number("hdd_free_gb"), number("hdd_total_gb")),
    }
    return {what: 100 * free / whole for what, (free, whole) in wholes.items() if whole > 0}
