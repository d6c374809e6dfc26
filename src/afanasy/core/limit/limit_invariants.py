"""Recounting of limits: usage of what runs, and what each piece of work asks for."""

from __future__ import annotations

from collections import Counter
from typing import Any

from afanasy.core.host.host_setup import host_setup
from afanasy.core.limit import limits
from afanasy.core.limit.usages import SERVICE, TICKET, Usage, UsageKey
from afanasy.core.state import Farm, Run


def check_limits(farm: Farm) -> None:
    """Everything that :mod:`afanasy.core.limit.limits` keeps, from what it is derived of."""
    assert farm.limited == limits.limits_in_force(farm), "limits in force"
    held: dict[UsageKey, list[tuple[Run, int]]] = {}
    for run in farm.runs.values():
        if run.current:
            for key, units in _keys(farm, run.service, run.tickets):
                held.setdefault(key, []).append((run, units))
    asked: dict[UsageKey, dict[tuple[object, ...], int]] = {}
    for fits in farm.fits.values():
        spec = next(iter(fits.blocks.values())).spec
        keys = _keys(farm, spec.service, spec.tickets)
        assert [(usage.key, n) for usage, n in fits.asks] == keys, f"what {fits.key} asks for"
        for key, units in keys:
            asked.setdefault(key, {})[fits.key] = units
    assert farm.usages.keys() == held.keys() | asked.keys(), "usages"
    for key, usage in farm.usages.items():
        _check_usage(farm, usage, held.get(key, []))
        found = {fits.key: units for fits, units in usage.fits.items()}
        assert found == asked.get(key, {}), f"who asks for {usage.label}"
    for render in farm.renders.values():
        setup = farm.setup
        expected = host_setup(setup, render.name, farm.matcher) if setup is not None else None
        assert render.setup == expected, f"what the farm file says of {render.name}"


def _keys(farm: Farm, service: str, tickets: dict[str, int]) -> list[tuple[UsageKey, int]]:
    found: list[tuple[UsageKey, int]] = []
    if service in farm.limited:
        found.append(((SERVICE, service), 1))
    found += [((TICKET, name), units) for name, units in tickets.items() if units > 0]
    return found


def _check_usage(farm: Farm, usage: Usage, held: list[tuple[Run, int]]) -> None:
    hosts: Counter[str] = Counter()
    jobs: Counter[int] = Counter()
    pools: Counter[str] = Counter()
    pool_hosts: dict[str, set[str]] = {}
    for run, units in held:
        hosts[run.render.name] += units
        jobs[run.block.job.serial] += units
        assert run.render.pool is not None
        for pool in run.render.pool.upwards():
            pools[pool.path] += units
            pool_hosts.setdefault(pool.path, set()).add(run.render.name)
    assert usage.hosts == dict(hosts), f"{usage.label}: hosts {usage.hosts}, recounted {hosts}"
    by_serial = {job.serial: units for job, units in usage.jobs.items()}
    assert by_serial == dict(jobs), f"{usage.label}: jobs"
    found = {path: (place.units, place.hosts) for path, place in usage.pools.items()}
    expected = {path: (units, len(pool_hosts[path])) for path, units in pools.items()}
    assert found == expected, f"{usage.label}: pools {found}, recounted {expected}"
    fresh = Usage(usage.kind, usage.name)
    limits.set_limits(farm, fresh)
    assert (usage.max_count, usage.max_hosts) == (fresh.max_count, fresh.max_hosts), usage.label


def usages_snapshot(farm: Farm) -> dict[str, Any]:
    """What is held of each limited thing."""
    return {
        usage.label: (
            dict(sorted(usage.hosts.items())),
            sorted((job.serial, units) for job, units in usage.jobs.items()),
        )
        for usage in sorted(farm.usages.values(), key=lambda usage: usage.key)
        if usage.hosts
    }
