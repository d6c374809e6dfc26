"""Operations ``farm`` and ``tickets`` of renders and pools: services and tickets (6.1, 6.2).

Both are edits of attributes: what a request says is turned into new values, and the edit does the
rest.
"""

from __future__ import annotations

from typing import Final

from afanasy.core.events import ChangeServices, ChangeTickets, EditPool, EditRender
from afanasy.core.host.pool_edits import edit_pool, living_pool
from afanasy.core.job.edit import edit_render
from afanasy.core.state import Farm
from afanasy.model.attributes import HostSpec, PoolSpec
from afanasy.model.clock import Now
from afanasy.model.errors import UserError

#: Modes of the operation ``farm``, and the member that each needs.
SERVICE_MODES: Final = {
    "service_add": "name",
    "service_remove": "mask",
    "service_enable": "mask",
    "service_disable": "mask",
    "clear_services": "",
}


def change_services(farm: Farm, event: ChangeServices, now: Now) -> None:
    """List, forget, forbid or allow services. Raises UserError, nothing changed."""
    spec = _spec(farm, event.render, event.pool)
    mode, text = event.mode, event.text
    if mode not in SERVICE_MODES:
        raise UserError(
            "bad_field", f"Invalid 'mode' = '{mode}'.", f"there are {', '.join(SERVICE_MODES)}",
            field="operation.mode",
        )  # fmt: skip
    needed = SERVICE_MODES[mode]
    if needed and not text:
        raise UserError(
            "missing", f"{mode} needs a {needed}", "name a service", field=f"operation.{needed}"
        )
    listed, disabled = list(spec.services), list(spec.services_disabled)
    if mode == "clear_services":
        listed, disabled = [], []
    elif mode == "service_add":
        listed = list(dict.fromkeys([*listed, text]))
    elif mode == "service_remove":
        listed = [name for name in listed if not farm.matcher(text, name)]
    elif mode == "service_enable":
        disabled = [name for name in disabled if not farm.matcher(text, name)]
    else:  # a mask that names none of the list is a name itself (SEMANTICS 6.1)
        named = [name for name in listed if farm.matcher(text, name)] or [text]
        disabled = list(dict.fromkeys([*disabled, *named]))
    params: dict[str, object] = {"services": listed, "services_disabled": disabled}
    _edit(farm, event.render, event.pool, params, event.by, now)


def change_tickets(farm: Farm, event: ChangeTickets, now: Now) -> None:
    """Declare a ticket, or take that back (-1); None is left as it is. Raises UserError."""
    spec = _spec(farm, event.render, event.pool)
    if not event.name:
        raise UserError("missing", "the ticket has no name", "set name", field="operation.name")
    params: dict[str, object]
    if event.host or not isinstance(spec, PoolSpec):
        hosts = {name: count for name, count in spec.tickets_host.items() if name != event.name}
        if event.count is None:
            raise UserError("missing", "how many?", "-1 is no limit", field="operation.count")
        if event.count >= 0:
            hosts[event.name] = event.count
        params = {"tickets_host": hosts}
    else:
        pools = {name: said for name, said in spec.tickets_pool.items() if name != event.name}
        old_count, old_most = spec.tickets_pool.get(event.name, (-1, -1))
        count = old_count if event.count is None else max(event.count, -1)
        most = old_most if event.max_hosts is None else max(event.max_hosts, -1)
        if count >= 0 or most >= 0:
            pools[event.name] = (count, most)
        params = {"tickets_pool": pools}
    _edit(farm, event.render, event.pool, params, event.by, now)


def _spec(farm: Farm, render: str, pool: str) -> HostSpec:
    if not render:
        return living_pool(farm, pool).spec
    found = farm.renders.get(render)
    if found is None:
        raise UserError("not_found", f"there is no render {render!r}")
    return found.spec


def _edit(farm: Farm, render: str, pool: str, params: dict[str, object], by: str, now: Now) -> None:
    if render:
        edit_render(farm, EditRender(render, params, by), now)
    else:
        edit_pool(farm, EditPool(pool, params, by), now)
