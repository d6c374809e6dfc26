"""``nimby_schedule``: a host is taken and given back by the week (R65).

How the text is read is :mod:`afanasy.model.schedule`; who says it for a host is a value as all
others (:mod:`afanasy.core.host.host_values`). Here is what it does:

* where a part begins that says nimby or NIMBY, the host becomes that, by ``schedule``, until the
  end of the part. Tasks that run go on (SEMANTICS 8.4).
* where a part begins that says free, the host becomes free, whoever took it.
* where a gap begins, the host is given back if the schedule took it.

Between two such *boundaries* the schedule is silent: what a person says meanwhile stays until the
next one, and a gap leaves it alone. For that the host remembers the part that was begun last, and
that is stored: a restart, a clock that was set, or another schedule act only when the part of now
is another one. ``paused`` is never touched.

One timer for each host waits for the end of its part. It is not taken back when something else
becomes true; then it finds nothing to do, or waits on.
"""

from __future__ import annotations

from typing import Final

from afanasy.core import node_log
from afanasy.core.effects import Note
from afanasy.core.host.presence import SCHEDULE, clocks_anew
from afanasy.core.host.renders import touch_render
from afanasy.core.state import Farm, Render
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now
from afanasy.model.schedule import NOTHING, Part, UtcOffset, moment_words, part_at, read_schedule

#: The two clocks drift: a timer that comes a little early waits at least so long again.
_AGAIN_S: Final = 0.01


def check(params: dict[str, object]) -> None:
    """Look at the text of an edit. Raises UserError."""
    text = params.get("nimby_schedule")
    if isinstance(text, str):
        read_schedule(text, "params.nimby_schedule")


def zone_of(farm: Farm) -> UtcOffset:
    """The clocks of the farm."""
    zone: str = farm.settings.value("af_timezone")
    return lambda wall: farm.utc_offset_s(zone, wall)


def clock_words(farm: Farm, moment: int, now: Now) -> str:
    """A moment as the clocks of the farm show it, with their zone if one is set; "" for none."""
    words = moment_words(moment, now.wall, zone_of(farm))
    zone: str = farm.settings.value("af_timezone")
    return f"{words} {zone}" if words and zone else words


def part_now(farm: Farm, render: Render, now: Now) -> Part:
    """What the schedule in force says of the host now."""
    if not render.schedule:
        return NOTHING
    return part_at(read_schedule(render.schedule), now.wall, zone_of(farm))


def refresh(farm: Farm, render: Render, now: Now) -> None:
    """What is said of the host may have changed: look, if its schedule did."""
    known = (render.schedule, farm.settings.value("af_timezone"))
    if render.schedule_of != known:
        look(farm, render, now)


def look(farm: Farm, render: Render, now: Now) -> None:
    """Begin the part of now, unless that was done; and wait for its end."""
    render.schedule_of = (render.schedule, farm.settings.value("af_timezone"))
    part = part_now(farm, render, now)
    spec = render.spec
    if (part.what, part.until) != (render.scheduled, render.scheduled_until):
        _begin(farm, render, part, now)
    elif spec.nimby_by == SCHEDULE and spec.nimby_reason != part.entry:
        spec.nimby_reason = part.entry
        farm.changes.renders[render.name] = render
    _wait(farm, render, now)


def on_timer(farm: Farm, render: Render, now: Now) -> None:
    """A timer came; it may be one that another one replaced."""
    if 0 < render.schedule_mono <= now.mono:
        render.schedule_mono = 0.0
        look(farm, render, now)


def _wait(farm: Farm, render: Render, now: Now) -> None:
    if not render.scheduled_until:
        render.schedule_mono = 0.0
        return
    due = now.mono + max(render.scheduled_until - now.wall, _AGAIN_S)
    if not 0 < render.schedule_mono <= due:
        render.schedule_mono = due
        add_timer(farm, due, "schedule", render)


def _begin(farm: Farm, render: Render, part: Part, now: Now) -> None:
    spec = render.spec
    render.scheduled, render.scheduled_until = part.what, part.until
    farm.changes.renders[render.name] = render
    before, values = (spec.nimby, spec.NIMBY), node_log.values_of(spec)
    if part.what in ("nimby", "NIMBY"):
        spec.nimby, spec.NIMBY = part.what == "nimby", part.what == "NIMBY"
        spec.nimby_by, spec.nimby_reason = SCHEDULE, part.entry
        spec.nimby_since, spec.nimby_until = int(now.wall), part.until
    elif part.what == "free" or spec.nimby_by == SCHEDULE:
        spec.nimby = spec.NIMBY = False
        spec.nimby_by, spec.nimby_reason, spec.nimby_since, spec.nimby_until = "", "", 0, 0
    node_log.say_changes(
        render, values, spec, now, SCHEDULE, lambda wall: clock_words(farm, wall, now)
    )
    if (spec.nimby, spec.NIMBY) != before:
        clocks_anew(render, taken=spec.nimby or spec.NIMBY)
        what = "nimby" if spec.nimby else "NIMBY" if spec.NIMBY else "free"
        fields: dict[str, object] = {"render": render.name, "state": what, "until": part.until}
        farm.effects.append(Note("render_scheduled", fields))
        touch_render(farm, render, now.mono)
