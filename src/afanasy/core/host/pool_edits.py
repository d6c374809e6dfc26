"""Making, editing and deleting pools, and which pool a render is in (SEMANTICS 6.5)."""

from __future__ import annotations

import re
from typing import Final

from af.words import plural
from afanasy.core import node_log
from afanasy.core.events import EditPool, OperatePool, OperateRender
from afanasy.core.host import schedule
from afanasy.core.host.host_change import hosts_changed
from afanasy.core.host.pools import ROOT, Pool
from afanasy.core.limit import limits
from afanasy.core.state import Farm, Render
from afanasy.core.transitions import add_timer
from afanasy.model.attributes import PoolSpec
from afanasy.model.clock import Now
from afanasy.model.errors import UserError

POOL_EDITABLE: Final = frozenset(PoolSpec.__struct_fields__)
#: Operations that are carried out on every render below.
ON_RENDERS: Final = {
    "heal_sick": "heal_sick",
    "eject_tasks": "eject_tasks",
    "exit": "exit",
    "delete_renders": "delete",
    "launch_cmd": "launch_cmd",
    "restart": "restart",
    "wol_sleep": "wol_sleep",
    "wol_wake": "wol_wake",
}
POOL_OPERATIONS: Final = frozenset({"add_pool", "delete", *ON_RENDERS})
POOLS_MAX: Final = 10_000
#: What a name of a pool may not have becomes ``_``: anything outside '0' to 'z'.
_ODD: Final = re.compile("[^0-z]")
#: What the root of a new farm gives its hosts (SEMANTICS 3.8).
ROOT_CAPACITY: Final = 1100
ROOT_MAX_TASKS: Final = 4


def found_root(farm: Farm, now: Now) -> None:
    """Make the root pool of a new farm."""
    if ROOT not in farm.pools:
        spec = PoolSpec(capacity_host=ROOT_CAPACITY, max_tasks_host=ROOT_MAX_TASKS)
        _add(farm, ROOT, None, spec, now)


def _add(farm: Farm, path: str, parent: Pool | None, spec: PoolSpec, now: Now) -> Pool:
    farm.pool_id_last += 1
    pool = Pool(path, farm.pool_id_last, spec, parent, time_creation=int(now.wall))
    farm.pools[path] = pool
    if parent is not None:
        parent.children[path] = pool
    farm.changes.pools[path] = pool
    return pool


def living_pool(farm: Farm, path: str) -> Pool:
    """The pool, or UserError "not_found"."""
    pool = farm.pools.get(path)
    if pool is None:
        raise UserError("not_found", f"there is no pool {path!r}", "afcmd pools lists them")
    return pool


def edit_pool(farm: Farm, event: EditPool, now: Now) -> None:
    """Set pool attributes. Raises UserError, nothing changed."""
    pool = living_pool(farm, event.path)
    params = event.params
    assert params.keys() <= POOL_EDITABLE, f"unchecked edit: {sorted(params)}"
    schedule.check(params)
    if pool.parent is None:
        if params.get("pattern"):
            raise UserError("root_pool", "the root pool has no pattern", field="params.pattern")
        if params.get("max_tasks_host", 0) == -1:
            params = {**params, "max_tasks_host": 1}  # never infinite (SEMANTICS 3.8)
    before = node_log.values_of(pool.spec)
    for key, value in params.items():
        setattr(pool.spec, key, value)
    node_log.say_changes(pool, before, pool.spec, now, event.by)
    farm.changes.pools[pool.path] = pool
    if "tickets_pool" in params or "tickets_host" in params:
        limits.ticket_limits_changed(farm)
    if "zombie_time" in params:
        for render in pool.all_renders():
            _wait_anew(farm, render, now)
    hosts_changed(farm, pool.all_renders(), now)


def _wait_anew(farm: Farm, render: Render, now: Now) -> None:
    """A render that is away may be waited for another time than before (R6)."""
    if not render.link:
        add_timer(farm, now.mono, "lost", render)


def add_pool(farm: Farm, event: OperatePool, now: Now) -> str:
    """Operation ``add_pool``; answers the sentence of PROTOCOL 2.3."""
    parent = living_pool(farm, event.path)
    name = _ODD.sub("_", event.name)
    if not name:
        raise UserError("missing", "the pool needs a name", "set name", field="operation.name")
    path = f"{parent.path.rstrip('/')}/{name}"
    if path in farm.pools:
        raise UserError("exists", f"there is a pool {path!r} already", field="operation.name")
    if len(farm.pools) >= POOLS_MAX:
        raise UserError("full", f"the farm has {POOLS_MAX} pools, the most there can be")
    pool = _add(farm, path, parent, PoolSpec(), now)
    for one in (parent, pool):
        node_log.say(one, f"pool {path!r} was added", now, event.by)
    return f"Pool '{path}' added to pool '{parent.path}'"


def delete_pool(farm: Farm, path: str, by: str, now: Now) -> None:
    """Operation ``delete``: of an empty pool. Raises UserError, nothing changed."""
    pool = living_pool(farm, path)
    if pool.parent is None:
        raise UserError("root_pool", "the root pool cannot be deleted")
    if pool.children or pool.renders:
        raise UserError(
            "not_empty",
            f"pool {path!r} has {plural(len(pool.children), 'pool')} and"
            f" {plural(len(pool.renders), 'render')}",
            "move or delete them first",
        )
    node_log.say(pool.parent, f"pool {path!r} was deleted", now, by)
    del pool.parent.children[path]
    del farm.pools[path]
    limits.ticket_limits_changed(farm)
    farm.changes.pools.pop(path, None)
    farm.changes.pools_deleted.append(path)


# ------------------------------------------------------------------------------------- renders


def place_by_pattern(farm: Farm, name: str) -> Pool:
    """The pool that a new render of that name comes into: the deepest whose pattern fits."""
    pool = farm.pools[ROOT]
    while True:
        for child in pool.children.values():
            if child.spec.pattern and farm.matcher(f"(?i){child.spec.pattern}", name):
                pool = child
                break
        else:
            return pool


def put(farm: Farm, render: Render, pool: Pool) -> None:
    """Move the render into ``pool``; the caller derives what follows."""
    if render.pool is not None:
        render.pool.renders.pop(render.name, None)
    render.spec.pool = pool.path
    pool.renders[render.name] = render
    render.pool = pool
    farm.changes.renders[render.name] = render


def set_pool(farm: Farm, render: Render, event: OperateRender, now: Now) -> None:
    """Operations ``set_pool`` and ``reassign_pool``: refused while the render is busy."""
    if render.running:
        raise UserError(
            "busy",
            f"render {render.name} runs {plural(render.running, 'task')}",
            "wait, or eject them",
        )
    if event.operation == "set_pool":
        pool = living_pool(farm, event.pool)
    else:
        pool = place_by_pattern(farm, render.name)
    text = f"pool: {render.spec.pool!r} to {pool.path!r}"
    node_log.say(render, text, now, event.by)
    put(farm, render, pool)
    _wait_anew(farm, render, now)
    hosts_changed(farm, [render], now)
