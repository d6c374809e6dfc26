"""Sleep and wake of hosts (SEMANTICS 8.5, 12.3).

::

    awake --sleep--> falling --the link is gone--> sleeping --wake--> waking --hello--> awake
                        |                             ^                  |
                        '--hello, or it stays online  '--nobody comes----'

* *falling*: its agent was told to suspend the host. That needs a host that is online, runs nothing
  and told us its MAC addresses, for without them nobody could wake it. Nothing starts there.
* *sleeping*: it went offline after that. Nobody is told that it is lost.
* *waking*: a task of the system job sends its magic packet from a ready render. When it did not
  come after :data:`WAKE_S`, it is taken for sleeping still.

A host that is just offline may be woken, too. Which host to wake for waiting work is in
:mod:`afanasy.core.place.wake_up`.
"""

from __future__ import annotations

import re
from shlex import quote
from typing import Any, Final, cast

from afanasy.core.effects import InstructRender, Note
from afanasy.core.host.renders import touch_render
from afanasy.core.state import Farm, Render
from afanasy.core.system import system_job
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now
from afanasy.model.errors import UserError

#: So long a host may stay online after it was told to sleep.
FALL_S: Final = 300.0
#: So long a host may take to come up.
WAKE_S: Final = 600.0
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_NO_MAC: Final = "00:00:00:00:00:00"


def learn(farm: Farm, render: Render) -> None:
    """Remember the MAC addresses of a report: they are needed when nobody reports any more."""
    netifs = render.resources.get("netifs")
    if not isinstance(netifs, list):
        return
    found: list[str] = []
    for one in cast("list[Any]", netifs):
        mac = (
            str(cast("dict[str, Any]", one).get("mac", "")).lower() if isinstance(one, dict) else ""
        )
        if _MAC.fullmatch(mac) and mac != _NO_MAC and mac not in found:
            found.append(mac)
    if found and found != render.macs:
        render.macs = found
        farm.changes.renders[render.name] = render


def sleep(farm: Farm, render: Render, now: Now) -> None:
    """Operation ``wol_sleep``. Raises UserError, nothing changed."""
    why = cannot_sleep(render)
    if why:
        raise UserError("cannot_sleep", f"render {render.name} {why}")
    if render.falling:
        return
    render.falling = True
    farm.effects.append(InstructRender(render.name, "sleep"))
    _expect(farm, render, FALL_S, now)
    touch_render(farm, render, now.mono)
    farm.changes.renders[render.name] = render


def cannot_sleep(render: Render) -> str:
    """Why the host cannot be told to sleep now; "" = it can."""
    if not render.link:
        return "is offline"
    if render.runs:
        return f"runs {len(render.runs)} tasks"
    if not render.macs:
        return "told no MAC address, nobody could wake it"
    return ""


def wake(farm: Farm, render: Render, now: Now) -> None:
    """Operation ``wol_wake``. Raises UserError, nothing changed."""
    if render.link:
        raise UserError("online", f"render {render.name} is online")
    if not render.macs:
        raise UserError("cannot_wake", f"render {render.name} never told a MAC address")
    if render.waking:
        return
    render.waking = True
    address = f" --ip {quote(render.address)}" if render.address else ""
    program = farm.settings.value("af_render_cmd_wolwake")
    command = f"{program} --hostname {quote(render.name)}{address} {' '.join(render.macs)}"
    environment = {"AF_OF_RENDER_NAME": render.name}
    why = f"wake {render.name}"
    system_job.request(farm, system_job.WAKE_ON_LAN, command, environment, why, now)
    _expect(farm, render, WAKE_S, now)
    farm.changes.renders[render.name] = render


def went_offline(farm: Farm, render: Render) -> None:
    """The link is gone; the caller marks the render as changed."""
    if render.falling:
        render.falling = False
        render.sleeping = render.told_away = True
        farm.sleepers[render.name] = render
        farm.effects.append(Note("render_sleeps", {"render": render.name}))


def came_online(farm: Farm, render: Render) -> None:
    """It registered; the caller marks the render as changed."""
    render.falling = render.sleeping = render.waking = render.told_away = False
    farm.sleepers.pop(render.name, None)
    learn(farm, render)


def look(farm: Farm, render: Render, now: Now) -> None:
    """A time-out may have come."""
    if now.mono < render.power_mono:
        return  # that of an earlier time
    if render.falling and render.link:
        render.falling = False
        farm.effects.append(Note("render_does_not_sleep", {"render": render.name}))
        touch_render(farm, render, now.mono)
        farm.changes.renders[render.name] = render
    if render.waking:
        render.waking = False
        farm.effects.append(Note("render_does_not_wake", {"render": render.name}))
        farm.changes.renders[render.name] = render


def restored(farm: Farm, render: Render, now: Now) -> None:
    """It is there again; time-outs begin anew."""
    if render.sleeping:
        farm.sleepers[render.name] = render
    if render.falling or render.waking:
        _expect(farm, render, FALL_S if render.falling else WAKE_S, now)


def _expect(farm: Farm, render: Render, seconds: float, now: Now) -> None:
    """What was begun must be over by then."""
    render.power_mono = now.mono + seconds
    add_timer(farm, render.power_mono, "power", render)
