"""What a render has, and who says it: capacity, slots, power, properties, schedule (R22).

Of several voices the first that speaks is heard:

1. the operator, who set the value on this render;
2. the agent's command line (``--capacity``, ``--max-tasks``);
3. the nearest pool below the root that has a value;
4. the farm file's patterns that match the name, merged;
5. the root pool.

The values in force are kept on the render, because solving asks them for every pair of work and
host; :func:`refresh_host` derives them again whenever a voice changed. Services follow a walk of
their own (:mod:`afanasy.core.host.services_here`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from afanasy.core.host.host_setup import refresh_setup
from afanasy.core.host.pools import Pool
from afanasy.core.host.render_state import Render
from afanasy.core.state import Farm


class Value(NamedTuple):
    """A value in force and where it comes from, in words."""

    value: int | str
    origin: str


#: Attribute → (member of the specs, member of the farm file's pattern, what "not set" is).
_ATTRIBUTES: Final[dict[str, tuple[str, str, int | str]]] = {
    "capacity": ("capacity_host", "capacity", -1),
    "max_tasks": ("max_tasks_host", "max_tasks", -1),
    "power": ("power_host", "power", -1),
    "properties": ("properties_host", "properties", ""),
    "nimby_schedule": ("nimby_schedule", "nimby_schedule", ""),
}


def value_of(farm: Farm, render: Render, attribute: str) -> Value:
    """The value in force of one attribute."""
    unset = _ATTRIBUTES[attribute][2]
    for value, origin in _voices(farm, render, attribute):
        if value != unset:
            return Value(value, origin)
    return Value(unset, "nobody")


def _voices(farm: Farm, render: Render, attribute: str) -> Iterator[tuple[int | str, str]]:
    member, pattern_member, unset = _ATTRIBUTES[attribute]
    yield getattr(render.spec, member), "operator"
    if attribute == "capacity":
        yield render.capacity_flag, "afrender --capacity"
    elif attribute == "max_tasks":
        yield render.max_tasks_flag, "afrender --max-tasks"
    pools = list(pool_of(farm, render).upwards())
    for pool in pools[:-1]:
        yield getattr(pool.spec, member), f"pool {pool.path}"
    setup = render.setup
    if setup is not None:
        pattern = setup.origins.get(pattern_member, setup.patterns[-1] if setup.patterns else "")
        yield getattr(setup, pattern_member, unset), f"pattern {pattern!r} of the farm file"
    yield getattr(pools[-1].spec, member), "pool /"


def pool_of(farm: Farm, render: Render) -> Pool:
    """The render's pool; the root when its pool is gone."""
    return farm.pools.get(render.spec.pool) or farm.pools["/"]


def lost_after_s(farm: Farm, render: Render) -> float:
    """Seconds without a word until the render counts as lost: its pool's, else the farm's (R6)."""
    found = pool_of(farm, render).value("zombie_time")
    return float(found) if isinstance(found, int) and found > 0 else farm.reconnect_timeout_s


class SleepAfter(NamedTuple):
    """Seconds of rest after which a host sleeps, and who says so; ≤ 0 = never."""

    seconds: int
    origin: str
    #: The farm file says so: it knows tasks, not loads.
    by_pattern: bool = False


def sleep_after(farm: Farm, render: Render) -> SleepAfter:
    """The nearest pool below the root that has ``idle_wolsleep_time``, else the farm file, else the
    root (R22).
    """
    pools = list(pool_of(farm, render).upwards())
    for pool in pools[:-1]:
        if pool.spec.idle_wolsleep_time != -1:
            return SleepAfter(pool.spec.idle_wolsleep_time, f"pool {pool.path}")
    setup = render.setup
    if setup is not None and setup.wol_idle_sleep_time_s != -1:
        pattern = setup.origins.get("wol_idle_sleep_time_s", "")
        origin = f"pattern {pattern!r} of the farm file"
        return SleepAfter(setup.wol_idle_sleep_time_s, origin, by_pattern=True)
    return SleepAfter(pools[-1].spec.idle_wolsleep_time, "pool /")


def refresh_host(farm: Farm, render: Render) -> bool:
    """Derive the values in force again; True when one of them changed."""
    before = _values(render)
    render.pool = pool_of(farm, render)
    refresh_setup(farm, render)
    render.capacity = _number(farm, render, "capacity")
    render.max_tasks = _number(farm, render, "max_tasks")
    render.power = _number(farm, render, "power")
    render.properties = str(value_of(farm, render, "properties").value)
    render.schedule = str(value_of(farm, render, "nimby_schedule").value)
    words = (render.os, render.setup.os if render.setup is not None else "")
    render.os_text = " ".join(word for word in words if word)
    return _values(render) != before


def _values(render: Render) -> tuple[object, ...]:
    return (
        render.capacity, render.max_tasks, render.power, render.properties, render.schedule,
        render.os_text, render.pool,
    )  # fmt: skip


def _number(farm: Farm, render: Render, attribute: str) -> int:
    value = value_of(farm, render, attribute).value
    assert isinstance(value, int), f"{attribute} of {render.name}: {value!r}"
    return value


def origins(farm: Farm, render: Render) -> dict[str, Value]:
    """Every attribute with the value in force and who says it, for ``afcmd farm check``."""
    return {name: value_of(farm, render, name) for name in _ATTRIBUTES}
