"""Limits: how many tasks may hold a service or a ticket at once, and on how many hosts.

One engine for both (SEMANTICS 6.2, 6.3, R29). A running task holds one unit of its service and n of
each of its tickets, from its start until it loses the right to count. What is held is counted in
three scopes: the farm (which is the root pool), each pool, each host. Who limits what:

* a service on the farm: the farm file's ``maxcount`` and ``maxhosts``, or what was set on the fly;
* a service on a host: ``count`` of the host's pattern;
* a ticket: the nearest pool from the render upwards that declares it (count and most hosts), and
  the nearest declaration of tickets of a host, the render's own first.

0 means that none may start, -1 and absence that there is no limit. What nobody limits is not
counted, so an ordinary start pays one look at a dict; when a limit appears, what runs is counted
anew. A limit that was lowered below what is held lets nothing start until enough has ended.

**Who is tried again.** Blocks that ask for the same share a :class:`afanasy.core.place.fits.Fits`.
When a unit is given back, those are fresh that it may have kept away, and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

from afanasy.core.host.pools import ROOT
from afanasy.core.limit.usages import SERVICE, TICKET, Asked, Held, Usage, UsageKey
from afanasy.core.place.reasons import Reason
from afanasy.model.farm_setup import Limit

if TYPE_CHECKING:
    from afanasy.core.host.pools import Pool
    from afanasy.core.place.fits import Fits
    from afanasy.core.state import Block, Farm, Render, Run

K = TypeVar("K")
#: Jobs that a sentence names.
_NAMED_MAX: Final = 5


class Limited:
    """What a reason is about: a service or ticket, and the pool whose limit it is."""

    def __init__(self, usage: Usage, path: str = ROOT) -> None:
        self.usage = usage
        self.path = path

    def __str__(self) -> str:
        return self.usage.label + (f" of pool {self.path}" if self.path != ROOT else "")


class Holders:
    """The jobs that hold something; the words are made when somebody reads them."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    def __str__(self) -> str:
        ids = sorted(job.id for job in self._usage.jobs)
        if not ids:
            return "nobody"
        named = ", ".join(str(number) for number in ids[:_NAMED_MAX])
        more = f" and {len(ids) - _NAMED_MAX} more" if len(ids) > _NAMED_MAX else ""
        return f"job{'s' * (len(ids) > 1)} {named}{more}"


# ---------------------------------------------------------------------------------------- checks


def exhausted(asks: Iterable[Asked]) -> Reason | None:
    """Why nothing that asks for this may start anywhere on the farm."""
    for usage, units in asks:
        most = usage.max_count
        if usage.max_hosts == 0:
            return Reason("limit_no_host", (Limited(usage),))
        if most >= 0:
            used = usage.below(ROOT).units
            if used + units > most:
                return _full(usage, used, most, units, ROOT)
    return None


def refused_on(asks: Iterable[Asked], render: Render) -> Reason | None:
    """Why nothing that asks for this may start on the render now; the farm's counts aside."""
    for usage, units in asks:
        if usage.kind == SERVICE:
            refused = _service_refused(usage, render)
        else:
            refused = _ticket_refused(usage, units, render)
        if refused is not None:
            return refused
    return None


def never_on(asks: Iterable[Asked], render: Render) -> Reason | None:
    """The same of what no end of a task will free: there is less than one task asks for."""
    for usage, units in asks:
        if usage.kind == SERVICE:
            if usage.max_hosts == 0:
                return Reason("limit_no_host", (Limited(usage),))
            continue
        most = host_tickets(usage.name, render)
        if 0 <= most < units:
            return _full_here(usage, most, units, render)
        pool = declaring_pool(usage.name, render.pool)
        if pool is not None:
            count, max_hosts = pool.spec.tickets_pool[usage.name]
            if max_hosts == 0:
                return Reason("limit_no_host", (Limited(usage, pool.path),))
            if 0 <= count < units:
                return _full(usage, usage.below(pool.path).units, count, units, pool.path)
    return None


def _service_refused(usage: Usage, render: Render) -> Reason | None:
    here = usage.hosts.get(render.name, 0)
    hosts = usage.below(ROOT).hosts
    if not here and 0 <= usage.max_hosts <= hosts:
        return _too_many_hosts(usage, hosts, usage.max_hosts, ROOT)
    most = per_host(usage.name, render)
    if 0 < most <= here:
        return Reason("limit_host", (Limited(usage), here, most))
    return None


def per_host(service: str, render: Render) -> int:
    """Most simultaneous starts of a service on the render, by its pattern; 0 = any."""
    return render.setup.services.get(service, 0) if render.setup is not None else 0


def _ticket_refused(usage: Usage, units: int, render: Render) -> Reason | None:
    here = usage.hosts.get(render.name, 0)
    most = host_tickets(usage.name, render)
    if 0 <= most < here + units:
        return _full_here(usage, most, units, render)
    pool = declaring_pool(usage.name, render.pool)
    if pool is None:
        return None
    count, max_hosts = pool.spec.tickets_pool[usage.name]
    held = usage.below(pool.path)
    if 0 <= max_hosts <= held.hosts and (not here or held.hosts > max_hosts):
        return _too_many_hosts(usage, held.hosts, max_hosts, pool.path)
    if 0 <= count < held.units + units:
        return _full(usage, held.units, count, units, pool.path)
    return None


def _full(usage: Usage, used: int, most: int, units: int, path: str) -> Reason:
    what = Limited(usage, path)
    if units > most:
        return Reason("limit_over", (what, units, most))
    if units > 1:
        return Reason("limit_short", (what, used, most, Holders(usage), units))
    return Reason("limit_full", (what, used, most, Holders(usage)))


def _full_here(usage: Usage, most: int, units: int, render: Render) -> Reason:
    if units > most:
        return Reason("limit_host_over", (Limited(usage), units, most))
    return Reason("limit_host", (Limited(usage), usage.hosts.get(render.name, 0), most))


def _too_many_hosts(usage: Usage, hosts: int, most: int, path: str) -> Reason:
    if most == 0:
        return Reason("limit_no_host", (Limited(usage, path),))
    return Reason("limit_hosts", (Limited(usage, path), hosts, Holders(usage), most))


def host_tickets(name: str, render: Render) -> int:
    """Most tickets that are held on the render: the nearest declaration upwards; -1 = any."""
    most = render.spec.tickets_host.get(name, -1)
    if most >= 0 or render.pool is None:
        return most
    for pool in render.pool.upwards():
        most = pool.spec.tickets_host.get(name, -1)
        if most >= 0:
            return most
    return -1


def declaring_pool(name: str, pool: Pool | None) -> Pool | None:
    """The nearest pool upwards that declares the ticket; None = it is not limited there."""
    if pool is not None:
        for above in pool.upwards():
            if declares(above, name):
                return above
    return None


def declares(pool: Pool, name: str) -> bool:
    """The pool says how many tickets its renders may hold together."""
    limit = pool.spec.tickets_pool.get(name)
    return limit is not None and (limit[0] >= 0 or limit[1] >= 0)


# --------------------------------------------------------------------------------- start and end


def take(farm: Farm, run: Run) -> None:
    """A run that has the right to count begins to hold its units."""
    if not farm.limited and not run.tickets:
        return
    for key, units in _held_by(farm, run):
        _add(_usage(farm, key), run, units)


def give_back(farm: Farm, run: Run) -> None:
    """It holds them no longer; whoever was refused for that is tried again."""
    if not farm.usages:
        return
    for key, units in _held_by(farm, run):
        usage = farm.usages[key]
        _wake(farm, usage, run.render)
        _add(usage, run, -units)
        _forget_idle(farm, usage)


def _held_by(farm: Farm, run: Run) -> Iterator[tuple[UsageKey, int]]:
    if run.service in farm.limited:
        yield (SERVICE, run.service), 1
    for name, units in run.tickets.items():
        if units > 0:
            yield (TICKET, name), units


def _add(usage: Usage, run: Run, units: int) -> None:
    render, job = run.render, run.block.job
    before = usage.hosts.get(render.name, 0)
    after = before + units
    _put(usage.hosts, render.name, after)
    _put(usage.jobs, job, usage.jobs.get(job, 0) + units)
    hosts = int(bool(after)) - int(bool(before))
    assert render.pool is not None, f"{render.name} has no pool"
    for pool in render.pool.upwards():
        held = usage.pools.get(pool.path)
        if held is None:
            held = usage.pools[pool.path] = Held()
        held.units += units
        held.hosts += hosts
        if not held.units:
            del usage.pools[pool.path]


def _put(counter: dict[K, int], key: K, value: int) -> None:
    assert value >= 0, f"{key} holds {value}"
    if value:
        counter[key] = value
    else:
        del counter[key]


def _wake(farm: Farm, usage: Usage, render: Render) -> None:
    """What ends on ``render`` frees units: those that may have been refused for them are fresh."""
    root = usage.below(ROOT)
    if usage.kind == SERVICE:
        most_here = per_host(usage.name, render)
        full = [(root, usage.max_count, usage.max_hosts)]
    else:
        most_here = host_tickets(usage.name, render)
        pools = render.pool.upwards() if render.pool is not None else ()
        full = [
            (usage.below(pool.path), *pool.spec.tickets_pool[usage.name])
            for pool in pools
            if declares(pool, usage.name)
        ]
    here = usage.hosts.get(render.name, 0)
    for fits, units in usage.fits.items():
        if any(
            0 <= count < held.units + units or 0 <= hosts <= held.hosts
            for held, count, hosts in full
        ):
            farm.fresh_fits[fits] = None
        elif 0 <= most_here < here + units and render.name in farm.open_renders:
            farm.fresh_renders[render.name] = render


# ------------------------------------------------------------------------------ what asks for what


def attach(farm: Farm, fits: Fits, block: Block) -> None:
    """``fits`` is new, and ``block`` is one of its blocks: note what they ask for."""
    asks: list[Asked] = []
    if block.spec.service in farm.limited:
        asks.append(Asked(_usage(farm, (SERVICE, block.spec.service)), 1))
    for name, units in block.spec.tickets.items():
        if units > 0:
            asks.append(Asked(_usage(farm, (TICKET, name)), units))
    for usage, units in asks:
        usage.fits[fits] = units
    fits.asks = tuple(asks)


def detach(farm: Farm, fits: Fits) -> None:
    """No block asks for that any more."""
    for usage, _ in fits.asks:
        del usage.fits[fits]
        _forget_idle(farm, usage)
    fits.asks = ()
    farm.fresh_fits.pop(fits, None)


def _usage(farm: Farm, key: UsageKey) -> Usage:
    usage = farm.usages.get(key)
    if usage is None:
        usage = farm.usages[key] = Usage(*key)
        set_limits(farm, usage)
    return usage


def _forget_idle(farm: Farm, usage: Usage) -> None:
    if not usage.hosts and not usage.fits:
        del farm.usages[usage.key]


def set_limits(farm: Farm, usage: Usage) -> None:
    """The farm's limits. Those of a ticket are the root pool's, when no other pool declares it."""
    usage.max_count = usage.max_hosts = -1
    if usage.kind == SERVICE:
        limit = farm.limited[usage.name]
        usage.max_count, usage.max_hosts = limit.max_count, limit.max_hosts
        return
    declaring = [pool for pool in farm.pools.values() if declares(pool, usage.name)]
    if len(declaring) == 1 and declaring[0].parent is None:
        usage.max_count, usage.max_hosts = declaring[0].spec.tickets_pool[usage.name]


# ----------------------------------------------------------------------------------- live changes


def limits_in_force(farm: Farm) -> dict[str, Limit]:
    """Every service that some limit is about: set on the fly, of the farm file, or per host."""
    found: dict[str, Limit] = {}
    if farm.setup is not None:
        for limit in farm.setup.limits:
            found[limit.service] = limit
        for pattern in farm.setup.patterns:
            for rule in pattern.services:
                if rule.count:
                    found.setdefault(rule.name, Limit(rule.name))
    for name, chosen in farm.limits_chosen.items():
        found[name] = Limit(name, chosen.max_count, chosen.max_hosts)
    return found


def service_limits_changed(farm: Farm) -> None:
    """The farm file or a limit that was set on the fly changed: usage is carried over."""
    farm.limited = limits_in_force(farm)
    by_fits = list(farm.fits.values())
    for fits in by_fits:
        detach(farm, fits)
    farm.usages.clear()
    for run in farm.runs.values():
        if run.current:
            take(farm, run)
    for fits in by_fits:
        attach(farm, fits, next(iter(fits.blocks.values())))
        if fits.asks:
            farm.fresh_fits[fits] = None
    farm.fresh_all = True


def ticket_limits_changed(farm: Farm) -> None:
    """A pool declares other tickets now."""
    for usage in farm.usages.values():
        if usage.kind == TICKET:
            set_limits(farm, usage)
            farm.fresh_fits.update(dict.fromkeys(usage.fits))


def held_changed(farm: Farm, block: Block) -> None:
    """The block's service or tickets were edited; what runs keeps what it took."""
    for run in block.open.values():
        farm.changes.reopened[run.id] = run
