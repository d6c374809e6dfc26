"""Who says what of a host, read by the checker itself (SEMANTICS 6.1, 6.4, 6.5, R22 to R24).

Nothing here asks the core what it derived. The farm file in force is the drawn one
(:class:`afanasy.sim.plan.FarmFile`), pools are walked by their paths, and what operators set is
read where it was set. The core merges the patterns of a file from top to bottom; here they are
looked through from the last to the first, until one speaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from afanasy.core.state import Farm, Job, Render
from afanasy.model.attributes import BranchSpec, PoolSpec, WorkSpec
from afanasy.sim.plan import FarmFile, PatternPlan

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety

#: Value in force → (member of specs, element of a pattern, what "not set" is).
_VALUES: Final[dict[str, tuple[str, str, int | str]]] = {
    "capacity": ("capacity_host", "capacity", -1),
    "max_tasks": ("max_tasks_host", "maxtasks", -1),
    "power": ("power_host", "power", -1),
    "properties": ("properties_host", "properties", ""),
    "nimby_schedule": ("nimby_schedule", "nimby_schedule", ""),
}


def words_match(mask: str, text: str) -> bool:
    """Some word of a *contain* mask is in the text (SEMANTICS 3.6)."""
    return any(word in text for word in re.split(r"[|;,: ]+", mask) if word)


# ------------------------------------------------------------------------------ pools, branches


def chain(path: str) -> list[str]:
    """The path and all above it: "/a/b", "/a", "/"."""
    parts = [part for part in path.split("/") if part]
    return ["/" + "/".join(parts[:n]) for n in range(len(parts), -1, -1)]


def pools_of(farm: Farm, render: Render) -> list[tuple[str, PoolSpec]]:
    """The render's pool and those above it, the root last."""
    path = render.spec.pool
    path = path if path in farm.pools else "/"
    return [(one, farm.pools[one].spec) for one in chain(path)]


def branches_of(farm: Farm, job: Job) -> list[tuple[str, BranchSpec]]:
    """The job's branch and those above it, the root last."""
    return [(one, farm.branches[one].spec) for one in chain(job.spec.branch)]


def works_of(farm: Farm, job: Job) -> list[tuple[str, WorkSpec]]:
    """Who restricts a job besides its blocks: itself, its user, its branches."""
    found: list[tuple[str, WorkSpec]] = [("job", job.spec), ("user", job.user.spec)]
    return [*found, *((f"branch {path}", spec) for path, spec in branches_of(farm, job))]


# ------------------------------------------------------------------------------- the farm file


def file_in_force(safety: Safety, farm: Farm) -> FarmFile | None:
    """The drawn farm file that the server says it has, None = none."""
    return safety.server.disk.files[farm.setup_source.path] if farm.setup_source.path else None


def patterns_of(file: FarmFile | None, name: str) -> list[PatternPlan]:
    """Patterns that match the name, the one that wins first."""
    found = [
        one
        for one in reversed(file.patterns if file is not None else ())
        if not one.mask or re.fullmatch(one.mask, name)
    ]
    return found[:1] if file is not None and file.last_match else found


class FileSays(NamedTuple):
    """What the farm file says of a service on a host."""

    listed: bool = False
    disabled: bool = False
    #: Only what it lists runs there.
    closed: bool = False
    #: Most starts on the host at once, 0 = any.
    per_host: int = 0


def file_says(file: FarmFile | None, service: str, name: str) -> FileSays:
    """The patterns' word about a service (R22)."""
    if file is None:
        return FileSays()
    patterns = patterns_of(file, name)
    closed = not patterns or any(one.services or one.clear for one in patterns)
    cleared = False
    for one in patterns:
        if service in one.services:
            return FileSays(not cleared, False, closed, 0 if cleared else one.services[service])
        if service in one.removed:
            return FileSays(False, True, closed)
        cleared = cleared or one.clear
    return FileSays(closed=closed)


# ----------------------------------------------------------------------------------- the host


def value_of(safety: Safety, farm: Farm, render: Render, name: str) -> int | str:
    """Capacity, max_tasks, power, properties or the week in force (R22, R65)."""
    member, element, unset = _VALUES[name]
    said: list[int | str] = [getattr(render.spec, member)]
    flags = {"capacity": render.capacity_flag, "max_tasks": render.max_tasks_flag}
    said.append(flags.get(name, unset))
    pools = pools_of(farm, render)
    said += [getattr(spec, member) for _, spec in pools[:-1]]
    file = file_in_force(safety, farm)
    said += [one.values[element] for one in patterns_of(file, render.name) if element in one.values]
    said.append(getattr(pools[-1][1], member))
    return next((value for value in said if value != unset), unset)


def number_of(safety: Safety, farm: Farm, render: Render, name: str) -> int:
    """The same of a value that is a number."""
    value = value_of(safety, farm, render, name)
    assert isinstance(value, int)
    return value


def os_of(safety: Safety, farm: Farm, render: Render) -> str:
    """Words of the operating system: the machine's and the farm file's."""
    told = [safety.machines[render.name].os]
    for one in patterns_of(file_in_force(safety, farm), render.name):
        if "os" in one.values:
            told.append(str(one.values["os"]))
            break
    return " ".join(told)


class _Level(NamedTuple):
    """Somebody who may speak of a service on a host."""

    listed: bool
    disabled: bool
    closed: bool


def _levels(safety: Safety, farm: Farm, render: Render, service: str) -> Iterator[_Level]:
    file = file_in_force(safety, farm)
    specs = [render.spec, *(spec for _, spec in pools_of(farm, render))]
    for spec in specs:
        if spec is specs[-1]:
            said = file_says(file, service, render.name)
            yield _Level(said.listed, said.disabled, said.closed)
        listed, disabled = spec.services, spec.services_disabled
        yield _Level(service in listed, service in disabled, bool(listed))


def service_allowed(safety: Safety, farm: Farm, render: Render, service: str) -> bool:
    """The service may run on the render: the nearest who speaks of it decides (SEMANTICS 6.1)."""
    closed = False
    for level in _levels(safety, farm, render, service):
        if level.disabled:
            return False
        if level.listed:
            return True
        closed = closed or level.closed
    return not closed


def service_limit(safety: Safety, farm: Farm, service: str) -> tuple[int, int]:
    """Most starts and most hosts of a service on the farm, -1 = any (SEMANTICS 6.3)."""
    chosen = farm.limits_chosen.get(service)
    if chosen is not None:
        return chosen.max_count, chosen.max_hosts
    file = file_in_force(safety, farm)
    return file.limits.get(service, (-1, -1)) if file is not None else (-1, -1)


def map_refuses(pools: dict[str, int], path: str) -> bool:
    """A ``pools`` map keeps work out of that pool (SEMANTICS 3.7)."""
    entries = {key: value for key, value in pools.items() if key and value}
    here = [v for k, v in entries.items() if (path.startswith(k) if k[0] == "/" else k in path)]
    if here:
        return min(here) <= -100
    return any(value >= 100 for value in entries.values())
