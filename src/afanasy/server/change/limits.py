"""Limits: what is limited, how much of it is held and by whom, and setting limits on the fly.

``get`` of the type ``limits`` lists everything that is limited or held. The limits of a service on
the farm are changed by an action of the type ``limits``::

    {"action": {"type": "limits", "user_name": …, "host_name": …,
                "operation": {"type": "set", "name": "nuke", "max_count": 10, "max_hosts": 5}}}

and taken back, so that the farm file's hold again, by ``{"type": "unset", "name": "nuke"}``. Those
of tickets belong to pools and renders: their operation ``tickets``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from afanasy.core import events
from afanasy.core.limit.limit_warnings import declared_tickets
from afanasy.core.limit.limits import declares
from afanasy.core.limit.usages import SERVICE, TICKET, Usage
from afanasy.core.state import Farm, Job, Render, Run
from afanasy.model.attributes import HostSpec
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw
from afanasy.model.service_names import RULE, service_fault
from afanasy.server.change.read_operation import asked_by, operation_alone
from afanasy.server.show.views import View

_NUMBER_MAX: Final = 2**31 - 1


def limits_answer(farm: Farm) -> View:
    """Everything that is limited or held, services first, each by name and scope."""
    found = [*_services(farm), *_tickets(farm)]
    return {"limits": found}


def _services(farm: Farm) -> Iterator[View]:
    for name, limit in sorted(farm.limited.items()):
        usage = farm.usages.get((SERVICE, name), Usage(SERVICE, name))
        chosen = farm.limits_chosen.get(name)
        per_host = _counts_of_patterns(farm, name)
        if limit.max_count >= 0 or limit.max_hosts >= 0 or chosen is not None:
            view = _view(usage, "farm", "", limit.max_count, limit.max_hosts)
            view["origin"] = "set on the fly" if chosen is not None else "farm file"
            if chosen is not None:
                view.update(by=chosen.by, time=chosen.time)
            yield view
        for pattern, count in per_host:
            matching = [
                render
                for render in farm.renders.values()
                if render.setup is not None and pattern in render.setup.patterns
            ]
            view = _view(usage, "host", f"pattern {pattern}", count, -1, matching)
            yield view | {"origin": "farm file"}


def _counts_of_patterns(farm: Farm, service: str) -> list[tuple[str, int]]:
    if farm.setup is None:
        return []
    return [
        (pattern.name, rule.count)
        for pattern in farm.setup.patterns
        for rule in pattern.services
        if rule.name == service and rule.count
    ]


def _tickets(farm: Farm) -> Iterator[View]:
    declared = declared_tickets(farm)
    held = {name for (kind, name), usage in farm.usages.items() if kind == TICKET and usage.hosts}
    for name in sorted({*declared, *held}):
        usage = farm.usages.get((TICKET, name), Usage(TICKET, name))
        for pool in farm.pools.values():
            if declares(pool, name):
                count, hosts = pool.spec.tickets_pool[name]
                yield _view(usage, "pool", pool.path, count, hosts, pool.all_renders())
        for place, spec, renders in _hosts(farm):
            count = spec.tickets_host.get(name, -1)
            if count >= 0:
                yield _view(usage, "host", place, count, -1, renders)
        if name not in declared:
            yield _view(usage, "", "", -1, -1)


def _hosts(farm: Farm) -> Iterator[tuple[str, HostSpec, Iterable[Render]]]:
    for pool in farm.pools.values():
        yield f"pool {pool.path}", pool.spec, pool.all_renders()
    for render in farm.renders.values():
        yield f"render {render.name}", render.spec, [render]


def _units(usage: Usage, run: Run) -> int:
    """What the run holds of it."""
    if not run.current:
        return 0
    if usage.kind == SERVICE:
        return int(run.service == usage.name)
    return run.tickets.get(usage.name, 0)


def _held_there(usage: Usage, renders: Iterable[Render]) -> tuple[dict[str, int], dict[Job, int]]:
    """Units that these renders hold, by render and by job."""
    hosts: dict[str, int] = {}
    jobs: dict[Job, int] = {}
    for render in renders:
        if render.name not in usage.hosts:
            continue
        hosts[render.name] = usage.hosts[render.name]
        for run in render.runs.values():
            units = _units(usage, run)
            if units:
                job = run.block.job
                jobs[job] = jobs.get(job, 0) + units
    return hosts, jobs


def _view(
    usage: Usage, scope: str, place: str, count: int, most: int,
    renders: Iterable[Render] | None = None,
) -> View:  # fmt: skip
    """What is held there: by ``renders``, None = by the whole farm."""
    hosts, jobs = usage.hosts, usage.jobs
    if renders is not None:
        hosts, jobs = _held_there(usage, renders)
    return {
        "kind": usage.kind,
        "name": usage.name,
        "scope": scope,
        "place": place,
        "max_count": count,
        "max_hosts": most,
        "used": sum(hosts.values()),
        "hosts": len(hosts),
        "held_on": dict(sorted(hosts.items())),
        "holders": [
            {
                "id": job.id,
                "serial": job.serial,
                "name": job.spec.name,
                "user_name": job.user.name,
                "units": units,
            }
            for job, units in sorted(jobs.items(), key=lambda item: item[0].serial)
        ],
    }


# ---------------------------------------------------------------------------------- on the fly


def act_on_limits(farm: Farm, action: Raw, apply: Callable[[events.Event], Any]) -> View:
    """An action of type ``limits``. Raises UserError, nothing changed."""
    by = asked_by(action)
    operation = operation_alone(action, "limits")
    word, name = operation["type"], operation.get("name")
    if not isinstance(name, str) or not name:
        raise UserError("missing", "a limit is of a service", "name it", field="operation.name")
    if fault := service_fault(name):
        raise UserError("bad_field", fault, RULE, field="operation.name")
    event = events.SetLimit(name, by=by)
    if word == "set":
        event.max_count = _number(operation, "max_count")
        event.max_hosts = _number(operation, "max_hosts")
        if event.max_count is None and event.max_hosts is None:
            raise UserError(
                "missing", "set needs max_count or max_hosts", "-1 is no limit",
                field="operation.max_count",
            )  # fmt: skip
    apply(event)
    limits = [view for view in _services(farm) if view["name"] == name]
    text = f"The limit of service {name} was {'set' if word == 'set' else 'taken back'}."
    return {"info": {"kind": "log", "text": text}, "count": 1, "limits": limits}


def _number(operation: Raw, name: str) -> int | None:
    value = operation.get(name)
    if value is None:
        return None
    if type(value) is not int or not -1 <= value <= _NUMBER_MAX:
        raise UserError(
            "bad_field", f"must be a whole number from -1 to {_NUMBER_MAX}", "-1 is no limit",
            field=f"operation.{name}",
        )  # fmt: skip
    return value


# -------------------------------------------------------------------------------------- tickets


def tickets_view(farm: Farm, spec: HostSpec, path: str, host: str = "") -> View:
    """Members ``tickets_pool`` and ``tickets_host`` of a pool or render (PROTOCOL 3.7).

    Name → [count, usage, hosts(, most hosts)]; ``path`` is the pool, ``host`` the render.
    """
    view: View = {}
    tickets_pool: dict[str, tuple[int, int]] = getattr(spec, "tickets_pool", {})
    if tickets_pool:
        view["tickets_pool"] = {}
        for name, (count, hosts) in tickets_pool.items():
            held = farm.usages.get((TICKET, name), Usage(TICKET, name)).below(path)
            view["tickets_pool"][name] = [count, held.units, held.hosts, hosts]
    if spec.tickets_host:
        view["tickets_host"] = {}
        for name, count in spec.tickets_host.items():
            usage = farm.usages.get((TICKET, name), Usage(TICKET, name))
            held = usage.below(path)
            here = [usage.hosts.get(host, 0), int(host in usage.hosts)]
            view["tickets_host"][name] = [count, *(here if host else [held.units, held.hosts])]
    return view
