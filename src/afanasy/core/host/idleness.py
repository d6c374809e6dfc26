"""What a pool wants done with hosts that stand idle, or that their people use (SEMANTICS 8.6).

Pool values, inherited; -1 and 0 mean off:

* no task and no load above the ``idle_*`` thresholds for ``idle_wolsleep_time`` seconds: it goes to
  sleep, unless it is the last one awake; for ``idle_free_time``: nimby and NIMBY are taken back.
  Without any threshold nothing is idle.
* the farm file's ``wolidlesleeptime`` stands for ``idle_wolsleep_time`` of hosts that no pool below
  the root gives one (R22). It is older than the thresholds and speaks of tasks alone: where none
  is set, a host without tasks for that long sleeps; where some are set they count as well.
* free, without tasks, and some load above a ``busy_*`` threshold for ``busy_nimby_time`` seconds:
  it becomes NIMBY, for somebody works there.

The clocks run from report to report and begin anew when the host registers or a task ended there
between two reports; that of idleness also when somebody takes the host, else it would be taken from
him by the minutes before he came, and that of use when it becomes free. They are not stored.
"""

from __future__ import annotations

from typing import Final

from afanasy.core import node_log
from afanasy.core.host import power
from afanasy.core.host.host_values import sleep_after
from afanasy.core.host.presence import clocks_anew
from afanasy.core.host.renders import touch_render
from afanasy.core.state import Farm, Render
from afanasy.model.clock import Now

_METRICS: Final = ("cpu", "mem", "swp", "hddgb", "hddio", "netmbs")


def begin_anew(render: Render) -> None:
    """It registered, or nothing is wanted of idle hosts."""
    render.idle_mono = render.load_mono = 0.0


def on_report(farm: Farm, render: Render, now: Now) -> None:
    """A report of resources came: let the clocks run, and act."""
    sleep = sleep_after(farm, render)
    sleep_s = sleep.seconds
    free_s, nimby_s = _value(render, "idle_free_time"), _value(render, "busy_nimby_time")
    if sleep_s <= 0 and free_s <= 0 and nimby_s <= 0:
        begin_anew(render)
        return
    loads = _loads(render.resources)
    limits = _limits(render)
    idle = not render.runs and bool(limits) and _below(limits, loads)
    rests = idle or (not render.runs and not limits and sleep.by_pattern)
    taken = render.spec.nimby or render.spec.NIMBY
    busy = not render.runs and not taken and _busy(render, loads)
    since = render.no_task_mono
    render.idle_mono = max(render.idle_mono or now.mono, since) if rests else 0.0
    render.load_mono = max(render.load_mono or now.mono, since) if busy else 0.0
    if idle and taken and 0 < free_s <= now.mono - render.idle_mono:
        _set_nimby(farm, render, False, "idle", now)
    elif busy and 0 < nimby_s <= now.mono - render.load_mono:
        _set_nimby(farm, render, True, "in use", now)
    if (
        rests
        and 0 < sleep_s <= now.mono - render.idle_mono
        and not render.falling
        and not power.cannot_sleep(render)
        and power.somebody_sends(farm, now, besides=render)  # who wakes the others, else?
    ):
        power.sleep(farm, render, now)


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


def _limits(render: Render) -> dict[str, int]:
    """The thresholds of idleness that are set."""
    limits = {name: _value(render, f"idle_{name}") for name in _METRICS}
    return {name: limit for name, limit in limits.items() if limit > 0}


def _below(limits: dict[str, int], loads: dict[str, float]) -> bool:
    """No load above its threshold."""
    return not any(
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
    before = node_log.values_of(spec)
    spec.nimby = False
    spec.NIMBY = on
    spec.nimby_by, spec.nimby_reason = ("pool", why) if on else ("", "")
    spec.nimby_since, spec.nimby_until = int(now.wall) if on else 0, 0
    clocks_anew(render, taken=on)
    node_log.say_changes(render, before, spec, now, f"its pool: {why}")
    farm.changes.renders[render.name] = render
    touch_render(farm, render, now.mono)
