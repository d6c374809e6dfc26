"""Sleep and wake of hosts (SEMANTICS 8.5, 12.3).

::

    awake --sleep--> falling --the link is gone--> sleeping --wake--> waking --hello--> awake
                        |                             ^                  |
                        '--it stays online            '--nobody comes----'

* *falling*: its agent was told to suspend the host. That needs a host that is online, runs nothing
  and told us its MAC addresses, for without them nobody could wake it. Nothing starts there. One
  that registers again meanwhile, since its link was cut or the server began anew, may be about to
  go all the same: nothing starts there for :data:`FALL_AGAIN_S`. Who does not come back in that
  time after the server began anew has gone.
* *sleeping*: it went offline after that. Nobody is told that it is lost.
* *waking*: a task of the system job sends its magic packet from a render that is awake. When it
  did not come for :data:`WAKE_S` and the packet was sent, it is taken for sleeping still. Where
  nobody is awake who could send it, or the system job is paused (:func:`somebody_sends`), work
  wakes nobody, and who asks for it by hand is told so.

A host that is just offline may be woken, too. Which host to wake for waiting work is in
:mod:`afanasy.core.place.wake_up`.
"""

from __future__ import annotations

import re
from shlex import quote
from typing import Any, Final, cast

from af.words import plural
from afanasy.core.effects import InstructRender, Note
from afanasy.core.host.renders import touch_render
from afanasy.core.place.checks import job_blocked, user_blocked
from afanasy.core.place.checks_host import job_not_on, render_not_ready
from afanasy.core.place.reasons import Reason
from afanasy.core.state import Farm, Job, Render
from afanasy.core.system import system_job
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now
from afanasy.model.errors import UserError

#: So long a host may stay online after it was told to sleep.
FALL_S: Final = 300.0
FALL_AGAIN_S: Final = 30.0
#: So long a host may take to come up.
WAKE_S: Final = 600.0
#: How often it is looked whether waiting work wants a host that sleeps.
LOOK_S: Final = 10.0
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
#: Variable of the task that wakes a host.
_NAME: Final = "AF_OF_RENDER_NAME"
_NO_MAC: Final = "00:00:00:00:00:00"
#: What keeps a render from sending a packet for a while only.
_SOON: Final = frozenset({"render_full", "render_cooling", "render_probing"})
#: What keeps the system job from starting anything until a task ends or a second is over.
_PASSES: Final = frozenset(
    {"job_max_running", "user_max_running", "branch_max_running", "job_rate", "user_rate",
     "branch_rate"}
)  # fmt: skip


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
    render.falling, render.told_sleep_mono = True, now.mono
    farm.effects.append(InstructRender(render.name, "sleep"))
    _expect(farm, render, FALL_S, now)
    touch_render(farm, render, now.mono)
    farm.changes.renders[render.name] = render


def cannot_sleep(render: Render) -> str:
    """Why the host cannot be told to sleep now; "" = it can."""
    if not render.link:
        return "is offline"
    if render.runs:
        return f"runs {plural(len(render.runs), 'task')}"
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
    environment = {_NAME: render.name}
    why = f"wake {render.name}"
    system_job.request(farm, system_job.WAKE_ON_LAN, command, environment, why, now)
    _expect(farm, render, WAKE_S, now)
    farm.changes.renders[render.name] = render


def somebody_sends(farm: Farm, now: Now, besides: Render | None = None) -> bool:
    """A render, another one than ``besides``, is online that takes tasks of the system job (R23).

    Now, or when it has room; nobody does while that job is paused.
    """
    job = farm.jobs.get(system_job.SERIAL)
    fits = job.blocks[system_job.WAKE_ON_LAN].fits if job is not None else None
    if job is None or fits is None or sending_blocked(farm) is not None:
        return False
    return any(
        render is not besides
        and render.link
        and render.name in fits.names
        and _sends(job, render, now)
        for render in farm.renders.values()
    )


def sending_blocked(farm: Farm) -> Reason | None:
    """Why the system job starts nothing, packets neither, until a person does something."""
    job = farm.jobs.get(system_job.SERIAL)
    found = (job_blocked(job) or user_blocked(job.user)) if job is not None else None
    passes = found is not None and found.code in _PASSES and not found.of_zero
    return None if passes else found


def nobody_sends(farm: Farm, now: Now) -> str:
    """Why no packet is sent now, as a sentence; "" = somebody can send it."""
    if somebody_sends(farm, now):
        return ""
    blocked = sending_blocked(farm)
    if blocked is None:
        return "no render is online that could send the packet"
    return f"job 1, which sends the packet, starts nothing: {blocked.text()}"


def warning(farm: Farm, now: Now) -> str:
    """What a request to wake a host is answered when nobody can send the packet; else ""."""
    why = nobody_sends(farm, now)
    when = "one is" if sending_blocked(farm) is None else "that has ended"
    return f"{why}; it is sent when {when}" if why else ""


def _sends(job: Job, render: Render, now: Now) -> bool:
    busy = render_not_ready(render, now.mono, slots=False)
    return (busy is None or busy.code in _SOON) and job_not_on(job, render) is None


def went_offline(farm: Farm, render: Render, now: Now) -> None:
    """The link is gone; the caller marks the render as changed."""
    if render.falling:
        render.falling = False
        render.sleeping = render.told_away = True
        farm.sleepers[render.name] = render
        farm.effects.append(Note("render_sleeps", {"render": render.name}))
        watch_sleepers(farm, now)


def watch_sleepers(farm: Farm, now: Now) -> None:
    """Work waits and hosts sleep: look soon. One timer at most is pending."""
    if farm.hungry and farm.sleepers and not farm.wake_timer:
        farm.wake_timer = True
        add_timer(farm, now.mono + LOOK_S, "wake")


def came_online(farm: Farm, render: Render, now: Now) -> None:
    """It registered; the caller marks the render as changed."""
    just_told = now.mono < render.told_sleep_mono + FALL_AGAIN_S
    if render.sleeping and just_told and not render.waking:
        render.falling = True
    if render.falling:
        _expect(farm, render, FALL_AGAIN_S, now)
    render.sleeping = render.waking = render.told_away = False
    farm.sleepers.pop(render.name, None)
    learn(farm, render)


def look(farm: Farm, render: Render, now: Now) -> None:
    """A time-out may have come."""
    if now.mono < render.power_mono:
        return  # that of an earlier time
    if render.falling and not render.link:
        went_offline(farm, render, now)
        farm.changes.renders[render.name] = render
    elif render.falling:
        render.falling = False
        farm.effects.append(Note("render_does_not_sleep", {"render": render.name}))
        touch_render(farm, render, now.mono)
        farm.changes.renders[render.name] = render
    if render.waking and _packet_waits(farm, render):
        _expect(farm, render, WAKE_S, now)
    elif render.waking:
        render.waking = False
        farm.effects.append(Note("render_does_not_wake", {"render": render.name}))
        farm.changes.renders[render.name] = render


def _packet_waits(farm: Farm, render: Render) -> bool:
    """The packet that should wake it was not sent yet."""
    return system_job.unfinished(farm, system_job.WAKE_ON_LAN, _NAME, render.name)


def restored(farm: Farm, render: Render, now: Now) -> None:
    """It is there again; time-outs begin anew."""
    if render.sleeping:
        farm.sleepers[render.name] = render
    if render.falling or render.waking:
        _expect(farm, render, FALL_AGAIN_S if render.falling else WAKE_S, now)


def _expect(farm: Farm, render: Render, seconds: float, now: Now) -> None:
    """What was begun must be over by then."""
    render.power_mono = now.mono + seconds
    add_timer(farm, render.power_mono, "power", render)
