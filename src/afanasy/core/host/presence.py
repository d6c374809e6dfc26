"""nimby, NIMBY and paused: who said so, since when, why, and until when (R65, SEMANTICS 8.4).

A host that its owner took gives itself back when the time that he named has come. ``nimby_until``
and ``paused_until`` are moments of the wall clock; 0 is for good. What a schedule took, it gives
back itself (:mod:`afanasy.core.host.schedule`).
"""

from __future__ import annotations

from typing import Final

from afanasy.core import node_log
from afanasy.core.effects import Note
from afanasy.core.state import Farm, Render
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now

#: ``nimby_by`` of a host that its schedule took; people are ``user@host``.
SCHEDULE: Final = "schedule"
#: Ways to take a host, and the attributes that do.
_TAKING: Final = (("nimby", ("nimby", "NIMBY")), ("paused", ("paused",)))


def of_nobody(render: Render, params: dict[str, object]) -> list[str]:
    """Ends and reasons among the values of an edit after which nobody has taken the host."""
    found: list[str] = []
    for name, keys in _TAKING:
        said = [params[key] for key in keys if key in params]
        if not any(said or [getattr(render.spec, key) for key in keys]):
            found += [key for key in (f"{name}_reason", f"{name}_until") if params.get(key)]
    return found


def clocks_anew(render: Render, *, taken: bool) -> None:
    """Nimby was set, or set to free: what idles or is in use is measured from now (8.4, 8.6)."""
    if taken:
        render.idle_mono = 0.0
    else:
        render.load_mono = 0.0


def note(render: Render, params: dict[str, object], by: str, now: Now) -> None:
    """An edit takes the host or frees it: remember who and when; the old reason and end go."""
    spec = render.spec
    for key in of_nobody(render, params):
        del params[key]
    for name, keys in _TAKING:
        said = [key for key in keys if key in params]
        if not said:
            if getattr(spec, f"{name}_by") == SCHEDULE and f"{name}_until" in params:
                setattr(spec, f"{name}_by", by)  # a person names the end: it is his now
            continue
        taken = any(params[key] for key in said)
        if name == "nimby":
            clocks_anew(render, taken=taken)
        setattr(spec, f"{name}_by", by if taken else "")
        setattr(spec, f"{name}_since", int(now.wall) if taken else 0)
        for more, unset in (("reason", ""), ("until", 0)):
            setattr(spec, f"{name}_{more}", params.get(f"{name}_{more}", unset) if taken else unset)
            if not taken:
                params.pop(f"{name}_{more}", None)


def watch(farm: Farm, render: Render, now: Now) -> None:
    """Ask to be woken when the host is to be given back."""
    spec = render.spec
    for by, until in ((spec.nimby_by, spec.nimby_until), (spec.paused_by, spec.paused_until)):
        if until and by != SCHEDULE:
            add_timer(farm, now.mono + max(until - now.wall, 0.0), "presence", render)


def time_came(farm: Farm, render: Render, now: Now) -> bool:
    """A timer came: give the host back if its time is over; True when it was."""
    spec = render.spec
    freed = False
    if 0 < spec.nimby_until <= now.wall and spec.nimby_by != SCHEDULE:
        spec.nimby = spec.NIMBY = False
        spec.nimby_by, spec.nimby_reason, spec.nimby_since, spec.nimby_until = "", "", 0, 0
        clocks_anew(render, taken=False)
        freed = True
    if 0 < spec.paused_until <= now.wall:
        spec.paused = False
        spec.paused_by, spec.paused_reason, spec.paused_since, spec.paused_until = "", "", 0, 0
        freed = True
    if freed:
        node_log.say(render, "given back: the time is over until which it was taken", now)
        farm.changes.renders[render.name] = render
        farm.effects.append(Note("render_given_back", {"render": render.name}))
    watch(farm, render, now)
    return freed
