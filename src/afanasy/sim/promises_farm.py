"""What people were told of pools, branches, users and limits, and whether it still holds.

As :mod:`afanasy.sim.promises` for jobs: a value *may* be in force from the moment its request is
taken, and *is* from the moment the reply leaves; every server that takes over must have one of
those that may be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from afanasy.core.state import Farm

if TYPE_CHECKING:
    from afanasy.sim.world import World

#: Attributes that are watched; each is stored as it was asked for.
_WATCHED: Final = frozenset(
    {
        "paused", "priority", "capacity_host", "power_host", "properties_host", "pattern",
        "sick_errors_count", "create_childs", "max_running_tasks", "max_running_tasks_per_host",
        "max_tasks_per_second", "hosts_mask", "hosts_mask_exclude", "need_memory", "need_os",
    }
)  # fmt: skip
#: (type, name, attribute).
Key = tuple[str, str, str]


class FarmPromises:
    """Confirmed edits of everything that is not a job."""

    def __init__(self, world: World) -> None:
        self._world = world
        #: Values that may be in force, in the order in which they were asked for; the first one is
        #: confirmed when the key stands in ``_confirmed``.
        self._values: dict[Key, list[object]] = {}
        self._confirmed: dict[Key, None] = {}

    def on_request(self, body: dict[str, Any]) -> None:
        """It may happen now."""
        action = cast("dict[str, Any]", body.get("action", {}))
        operation = action.get("operation", {}).get("type")
        if action.get("type") in ("pools", "branches") and operation in ("add_pool", "delete"):
            self._forget(action, operation)
        for key, value in _changes(action):
            self._values.setdefault(key, []).append(value)

    def on_reply(self, body: dict[str, Any]) -> None:
        """It has happened, and is on the disk."""
        for key, value in _changes(cast("dict[str, Any]", body.get("action", {}))):
            may_be = self._values.get(key, [])
            if value in may_be:  # what was asked before is over
                self._values[key] = may_be[may_be.index(value) :]
                self._confirmed[key] = None

    def check_kept(self, farm: Farm) -> None:
        """A server was restored: what was told is there."""
        for key in self._confirmed:
            value = _value(farm, key)
            if value not in self._values[key]:
                self._world.fail(
                    "confirmed edits survive", f"{key} is {value!r}, not {self._values[key]}"
                )
        for key, values in self._values.items():  # what was under way happened or never will
            values[:] = [_value(farm, key)]

    def _forget(self, action: dict[str, Any], operation: str) -> None:
        """The pool or branch goes, or comes with new values."""
        path = str(action.get("mask"))
        if operation == "add_pool":
            path = f"{path.rstrip('/')}/{action['operation'].get('name')}"
        for key in [key for key in self._values if key[:2] == (action["type"], path)]:
            del self._values[key]
            self._confirmed.pop(key, None)


def _changes(action: dict[str, Any]) -> list[tuple[Key, object]]:
    """What an action asks for; those of nodes name one node each."""
    kind = str(action.get("type"))
    operation = cast("dict[str, Any]", action.get("operation", {}))
    if kind == "limits":
        taken_back = operation["type"] == "unset"
        value = None if taken_back else operation["max_count"]
        return [((kind, str(operation["name"]), "max_count"), value)]
    if kind not in ("pools", "branches", "users"):
        return []
    params = cast("dict[str, object]", action.get("params", {}))
    name = str(action.get("mask"))
    return [((kind, name, key), value) for key, value in params.items() if key in _WATCHED]


def _value(farm: Farm, key: Key) -> object:
    """The value in force; None = there is no such thing."""
    kind, name, attribute = key
    if kind == "limits":
        limit = farm.limits_chosen.get(name)
        return None if limit is None else limit.max_count
    nodes: dict[str, Any] = {"pools": farm.pools, "branches": farm.branches, "users": farm.users}
    node = nodes[kind].get(name)
    return None if node is None else getattr(node.spec, attribute)
