"""Checks of a start: limits of users, jobs, blocks, branches, services, tickets, and of a second.

A limit that was lowered below what runs stops nobody; but whoever starts finds it kept, himself
counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from afanasy.core.state import Block, Farm
from afanasy.model.attributes import BlockSpec, WorkSpec
from afanasy.sim import reading
from afanasy.sim.books import RunFact, currents

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety

Belongs = Callable[[Block], bool]
#: How long the starts of a second may be counted wrongly after an edit of branches.
_SETTLED_S: Final = 2.0


def _below(path: str) -> Belongs:
    """Blocks whose job is in that branch or below it."""
    return lambda block: path in reading.chain(block.job.spec.branch)


def running(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """``max_running_tasks`` and those per host (SEMANTICS 3.3)."""
    job, spec = block.job, block.spec
    circles: list[tuple[str, WorkSpec | BlockSpec, Belongs]] = [
        ("user", job.user.spec, lambda b: b.job.user is job.user),
        ("job", job.spec, lambda b: b.job is job),
        ("block", spec, lambda b: b is block),
    ]
    for path, branch in reading.branches_of(farm, job):
        circles.append((f"branch {path}", branch, _below(path)))
    for name, asks, belongs in circles:
        most, per_host = asks.max_running_tasks, asks.max_running_tasks_per_host
        if most < 0 and per_host < 0:
            continue
        found = [one for one in currents(safety) if belongs(farm.blocks[one.block_key])]
        there = sum(one.render == fact.render for one in found)
        if 0 <= most < len(found):
            return f"the {name} runs {len(found)} tasks, its limit is {most}"
        if 0 <= per_host < there:
            return f"the {name} runs {there} tasks there, its limit per host is {per_host}"
        if name.startswith("branch") and (len(found) == most or there == per_host):
            safety.world.mark("branch limit")
    return ""


def rate(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """So many starts in any second (R25); a restarted server begins to count."""
    job, promises = block.job, safety.promises
    circles: list[tuple[str, WorkSpec, Belongs]] = []
    if job.serial not in promises.touched:
        circles.append(("job", job.spec, lambda b: b.job is job))
        circles.append(("user", job.user.spec, lambda b: b.job.user is job.user))
    if safety.world.now > promises.branches_touched + _SETTLED_S:
        for path, branch in reading.branches_of(farm, job):
            circles.append((f"branch {path}", branch, _below(path)))
    for name, spec, belongs in circles:
        most = spec.max_tasks_per_second
        if most < 0:
            continue
        since = max(fact.started_at - 1.0 + 1e-6, safety.serving_at)
        count = sum(
            one.started_at > since
            for one in safety.runs.values()
            if one.block_key in farm.blocks and belongs(farm.blocks[one.block_key])
        )
        if count > most:
            return f"the {name} starts {count} in a second, its limit is {most}"
    return ""


def _before(safety: Safety, fact: RunFact) -> list[RunFact]:
    """Runs with the right to count that were started until this one, itself too."""
    return [one for one in currents(safety) if one.run <= fact.run]


def service(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Limits of its service: on the farm, of hosts, on its host (SEMANTICS 6.3)."""
    name = fact.holds.service
    most, most_hosts = reading.service_limit(safety, farm, name)
    said = reading.file_says(reading.file_in_force(safety, farm), name, fact.render)
    if max(most, most_hosts) < 0 and not said.per_host:
        return ""
    held = [one for one in _before(safety, fact) if one.holds.service == name]
    hosts = {one.render: None for one in held}
    if 0 <= most < len(held):
        return f"{name} runs {len(held)} times, its limit is {most}"
    there = sum(one.render == fact.render for one in held)
    if 0 <= most_hosts < len(hosts) and there == 1:  # who has it already may go on
        return f"{name} runs on {len(hosts)} hosts, its limit is {most_hosts}"
    if 0 < said.per_host < there:
        return f"{name} runs {there} times there, its limit is {said.per_host}"
    if len(held) == most or len(hosts) == most_hosts or there == said.per_host:
        safety.world.mark("service limit")
    return ""


def tickets(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Tickets of the nearest pool that declares them, and of the host (SEMANTICS 6.2, R29)."""
    if not fact.holds.tickets:
        return ""
    render = farm.renders[fact.render]
    pools = reading.pools_of(farm, render)
    held = _before(safety, fact)
    for name in fact.holds.tickets:
        holders = [(one, one.holds.tickets[name]) for one in held if name in one.holds.tickets]
        there = sum(units for one, units in holders if one.render == fact.render)
        said = [render.spec.tickets_host, *(pool.tickets_host for _, pool in pools)]
        most = next((one[name] for one in said if one.get(name, -1) >= 0), -1)
        if 0 <= most < there:
            return f"{there} tickets {name} are held there, its limit is {most}"
        if there == most:
            safety.world.mark("ticket limit")
        for path, pool in pools:
            count, most_hosts = pool.tickets_pool.get(name, (-1, -1))
            if max(count, most_hosts) < 0:
                continue
            below = [
                (one, units) for one, units in holders
                if path in reading.chain(farm.renders[one.render].spec.pool)
            ]  # fmt: skip
            units = sum(units for _, units in below)
            hosts = {one.render: None for one, _ in below}
            if 0 <= count < units:
                return f"{units} tickets {name} are held below {path}, its limit is {count}"
            if 0 <= most_hosts < len(hosts):
                return f"tickets {name} are held on {len(hosts)} hosts below {path}"
            if units == count or len(hosts) == most_hosts:
                safety.world.mark("ticket limit")
            break
    return ""
