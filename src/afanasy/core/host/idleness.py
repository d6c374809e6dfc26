"""What a pool wants done with hosts that stand idle, or that their people use (SEMANTICS 8.6).

Pool values, inherited; -1 and 0 mean off:

* no task and no load above the ``idle_*`` thresholds for ``idle_wolsleep_time`` seconds: it goes to
  sleep, unless it is the last one awake; for ``idle_free_time``: nimby and NIMBY are taken back.
  Without any threshold nothing is idle.
* free, without tasks, and some load above a ``busy_*`` threshold for ``busy_nimby_time`` seconds:
  it becomes NIMBY, for somebody works there.

The clocks run from report to report; they are not stored.
"""

from __future__ import annotations

from typing import Final

from afanasy.core.host import power
from afanasy.core.host.renders import touch_render
from afanasy.core.state import Farm, Render
from afanasy.model.clock import Now

_ACTS: Final = ("idle_wolsleep_time", "idle_free_time", "busy_nimby_time")
_METRICS: Final = ("cpu", "mem", "swp", "hddgb", "hddio", "netmbs")


def on_report(farm: Farm, render: Render, now: Now) -> None:
    """A report of resources came: let the clocks run, and act."""
    sleep_s, free_s, nimby_s = (_value(render, name) for name in _ACTS)
    if sleep_s <= 0 and free_s <= 0 and nimby_s <= 0:
        return
    loads = _loads(render.resources)
    idle = not render.runs and _idle(render, loads)
    taken = render.spec.nimby or render.spec.NIMBY
    busy = not render.runs and not taken and _busy(render, loads)
    render.idle_mono = (render.idle_mono or now.mono) if idle else 0.0
    render.load_mono = (render.load_mono or now.mono) if busy else 0.0
    if idle and taken and 0 < free_s <= now.mono - render.idle_mono:
        _set_nimby(farm, render, False, "idle", now)
    elif busy and 0 < nimby_s <= now.mono - render.load_mono:
        _set_nimby(farm, render, True, "in use", now)
    if (
        idle
        and 0 < sleep_s <= now.mono - render.idle_mono
        and not render.falling
        and not power.cannot_sleep(render)
        and _somebody_else(farm, render)
    ):
        power.sleep(farm, render, now)


def _somebody_else(farm: Farm, render: Render) -> bool:
    """Another host stays awake: somebody must send the packets that wake the others."""
    return any(one.link and not one.falling for one in farm.renders.values() if one is not render)


def _value(render: Render, name: str) -> int:
    found = render.pool.value(name) if render.pool is not None else -1
    return found if isinstance(found, int) else -1


def _loads(resources: dict[str, object]) -> dict[str, float]:
    """What is measured, as the thresholds have it."""

    def number(key: str) -> float:
        value = resources.get(key, 0)
        return float(value) if isinstance(value, (int, float)) else 0.0

    def used(part: float, whole: float) -> float:
        return 100 * part / whole if whole > 0 else 0.0

    memory = number("mem_total_mb")
    return {
        "cpu": 100 - number("cpu_idle"),
        "mem": used(memory - number("mem_free_mb"), memory),
        "swp": used(number("swap_used_mb"), number("swap_total_mb")),
        "hddgb": number("hdd_free_gb"),
        "hddio": number("hdd_busy"),
        "netmbs": (number("net_recv_kbsec") + number("net_send_kbsec")) / 1024,
    }


def _idle(render: Render, loads: dict[str, float]) -> bool:
    """No load above its threshold; some threshold must be set."""
    limits = {name: _value(render, f"idle_{name}") for name in _METRICS}
    limits = {name: limit for name, limit in limits.items() if limit > 0}
    return bool(limits) and not any(
        loads[name] < limit if name == "hddgb" else loads[name] > limit
        for name, limit in limits.items()
    )


def _busy(render: Render, loads: dict[str, float]) -> bool:
    """Some load at or above its threshold."""
    limits = {name: _value(render, f"busy_{name}") for name in _METRICS}
    return any(
        limit > 0 and (loads[name] <= limit if name == "hddgb" else loads[name] >= limit)
        for name, limit in limits.items()
    )


def _set_nimby(farm: Farm, render: Render, on: bool, why: str, now: Now) -> None:
    spec = render.spec
    spec.nimby = False
    spec.NIMBY = on
    spec.nimby_by, spec.nimby_reason = ("pool", why) if on else ("", "")
    spec.nimby_since, spec.nimby_until = int(now.wall) if on else 0, 0
    farm.changes.renders[render.name] = render
    touch_render(farm, render, now.mono)
