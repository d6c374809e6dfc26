"""Checks of a start: the host is ready, may run such work, and has room for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from afanasy.core.state import Block, Farm
from afanasy.sim import reading
from afanasy.sim.books import OnRender, RunFact, currents

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety

#: Ends of a run that count as an error of its host, by their code; see SEMANTICS 2.2.
_ERROR_ENDS: Final = frozenset({6, 7, 8, 10, 13, 23})
_NOT_COUNTED: Final = frozenset({"licence", "scene", "missing_input", "timeout"})
#: What the server itself lets every host do (R23).
_SYSTEM_SERVICES: Final = frozenset({"events", "postcmd", "system", "wakeonlan"})


def ready(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """The render takes work, and work of this job (SEMANTICS 3.4, 3.5)."""
    job, render = block.job, farm.renders[fact.render]
    spec = render.spec
    owner = spec.user_name or render.user_name
    wrong = [
        (not render.link, "the render is offline"),
        (spec.priority == 0, "the render has priority 0"),
        (render.sick, "the render is sick"),
        (spec.paused and not job.spec.ignorepaused, "the render is paused"),
        (render.draining, "the render takes no new work"),
        (spec.NIMBY and not job.spec.ignorenimby, "the render is NIMBY"),
        (
            spec.nimby and owner != job.user.name and not job.spec.ignorenimby,
            f"the render is nimby of {owner}",
        ),
    ]
    for path, pool in reading.pools_of(farm, render):
        wrong.append((pool.paused, f"pool {path} is paused"))
        wrong.append((pool.priority == 0, f"pool {path} has priority 0"))
    return ", ".join(text for bad, text in wrong if bad)


def capacity(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Living processes and starts under way fit the host (contract 3, R7)."""
    render = farm.renders[fact.render]
    used = 0
    for run, row in safety.open.items():
        one = safety.runs[run]
        if one.render == fact.render and (run in safety.live or row[8]):
            used += one.capacity
    for run in safety.live:
        one = safety.runs[run]
        if one.render == fact.render and run not in safety.open and not one.disowned:
            used += one.capacity
    has = reading.number_of(safety, farm, render, "capacity")
    if 0 <= has < used:
        return f"capacity {used} is used, it has {has}"
    running = sum(  # a task of the server's own job takes no slot (R23)
        one.render == fact.render and not farm.blocks[one.block_key].job.system
        for one in currents(safety)
    )
    slots = reading.number_of(safety, farm, render, "max_tasks")
    if running > slots and not block.job.system:
        return f"{running} tasks run there, its limit is {slots}"
    return ""


def masks(safety: Safety, farm: Farm, fact: OnRender, block: Block) -> str:
    """Hosts masks of all who have one name the host, exclude masks do not (SEMANTICS 3.4)."""
    job, user = block.job.spec, block.job.user.spec
    kind = job.hosts_mask_type or user.hosts_mask_type
    asked = [(block.spec, kind), (job, kind), (user, user.hosts_mask_type)]
    asked += [(spec, spec.hosts_mask_type) for _, spec in reading.branches_of(farm, block.job)]
    for work, read_as in asked:
        if work.hosts_mask and not _names(work.hosts_mask, read_as, fact.render):
            return f"the mask {work.hosts_mask!r} does not name it"
        if work.hosts_mask_exclude and _names(work.hosts_mask_exclude, read_as, fact.render):
            return f"the exclude mask {work.hosts_mask_exclude!r} names it"
    return ""


def _names(mask: str, read_as: str, host: str) -> bool:
    """The mask names the host: by words that names begin with, or as a regular expression (R20)."""
    if read_as == "find" or (not read_as and re.fullmatch(r"[\w.\-|;,: ]*", mask)):
        return any(host.startswith(word) for word in re.split(r"[|;,: ]+", mask) if word)
    return re.fullmatch(mask, host) is not None


def services(safety: Safety, farm: Farm, fact: OnRender, block: Block) -> str:
    """The service may run there (SEMANTICS 6.1, R22, R23)."""
    service, render = block.spec.service, farm.renders[fact.render]
    if service in _SYSTEM_SERVICES:
        said = reading.file_says(reading.file_in_force(safety, farm), service, render.name)
        return f"the farm file removes {service}" if said.disabled else ""
    if not reading.service_allowed(safety, farm, render, service):
        return f"service {service} is not for it"
    return ""


def pool_maps(safety: Safety, farm: Farm, fact: OnRender, block: Block) -> str:
    """No ``pools`` map keeps the work away (SEMANTICS 3.7)."""
    path = reading.pools_of(farm, farm.renders[fact.render])[0][0]
    for whose, work in reading.works_of(farm, block.job):
        if reading.map_refuses(work.pools, path):
            return f"the {whose} does not want pool {path}: {work.pools}"
    return ""


def avoided(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Hosts that failed as often as the lists allow get no more of it (SEMANTICS 5)."""
    forgive = block.errors_forgive_time()
    if 0 < forgive < max(18000, safety.world.now) or block.job.serial in safety.promises.touched:
        return ""  # an entry may have been forgiven, or taken out by hand
    of_block = of_task = 0
    for run, row in safety.closed.items():
        one = safety.runs.get(run)
        if one is None or one.block_key != fact.block_key or one.render != fact.render:
            continue
        log = row[15] or ""
        if row[11] not in _ERROR_ENDS or row[13] in _NOT_COUNTED or "stopped: " in log:
            continue
        of_block += 1
        of_task += one.task_num == fact.task_num
    limit = block.errors_avoid_host()
    if 0 < limit <= of_block:
        return f"the block had {of_block} errors there, it avoids a host after {limit}"
    limit = block.errors_task_same_host()
    if 0 < limit <= of_task:
        return f"the task had {of_task} errors there, it avoids a host after {limit}"
    return ""
