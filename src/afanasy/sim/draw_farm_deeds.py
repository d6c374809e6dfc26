"""What people do in a seed to pools, branches, limits, users and the farm file."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from afanasy.sim.draw_farm import farm_file
from afanasy.sim.draw_jobs import EXCLUDED, MASKS, USERS
from afanasy.sim.draw_needs import (
    BRANCHES,
    NO_NEEDS,
    POOLS,
    PROPERTIES,
    SERVICES,
    TICKETS,
    needs_of_work,
)
from afanasy.sim.plan import Deed, HostPlan

_ADMIN: Final = {"user_name": "admin", "host_name": "desk"}


def _action(at: float, kind: str, mask: str, **more: Any) -> Deed:
    return Deed(at, "action", -1, {"type": kind, "mask": mask, **_ADMIN, **more})


def found_pools(random: Random) -> list[Deed]:
    """The pools that the farm begins with, and which renders come into them."""
    deeds: list[Deed] = []
    if random.random() < 0.35:
        return deeds
    for n, path in enumerate(POOLS):
        if path == "/a" or random.random() < 0.6:
            parent, _, name = path.rpartition("/")
            operation = {"type": "add_pool", "name": name}
            deeds.append(_action(0.02 + n * 0.05, "pools", parent or "/", operation=operation))
    pattern = random.choice(("r[01]", "R0", "r[1-4]", "r.*", "r.*"))
    deeds.append(_action(0.3, "pools", "/a", params={"pattern": pattern}))
    for at, path in ((0.32, "/"), (0.34, "/a"), (0.36, "/a/b")):
        if random.random() < (0.7 if path == "/a" else 0.3):
            deeds.append(_tickets(random, at, "pools", path, counts=(1, 1, 2, 3)))
    if random.random() < 0.8:
        deeds.append(_action(0.35, "pools", "/a/b", params={"pattern": "r[13]"}))
    return deeds


def farm_deeds(random: Random, hosts: list[HostPlan], calm_at: float) -> Iterator[Deed]:
    """Everything else, each at a moment of its own."""

    def moment() -> float:
        return random.uniform(0.5, calm_at)

    for _ in range(random.choice((0, 1, 2, 5))):
        yield from _pool_deeds(random, moment(), calm_at)
    for _ in range(random.choice((0, 0, 1, 3))):
        yield _move_render(random, hosts, moment())
    for _ in range(random.choice((0, 1, 3))):
        yield from _branch_deeds(random, moment(), calm_at)
    for _ in range(random.choice((0, 0, 1, 2))):
        yield _limit_deed(random, moment())
    for _ in range(random.choice((0, 0, 1, 2))):
        yield _user_deed(random, moment())
    for number in range(random.choice((0, 0, 1, 2, 3))):
        body = {"type": "farm", "operation": {"type": "reload"}, **_ADMIN}
        yield Deed(moment(), "action", -1, body, farm_file(random, number + 1))


def _pool_deeds(random: Random, at: float, calm_at: float) -> Iterator[Deed]:
    path = random.choice(("/", *POOLS, "/a"))
    kind = random.choice(("pause", "edit", "edit", "services", "tickets", "tickets", "delete"))
    if kind == "pause":
        off, on = random.choice((({"paused": True}, {"paused": False}),
                                 ({"priority": 0}, {"priority": 50})))  # fmt: skip
        yield _action(at, "pools", path, params=off)
        if random.random() < 0.85:
            yield _action(random.uniform(at, calm_at), "pools", path, params=on)
    elif kind == "edit":
        params: dict[str, Any] = random.choice(
            (
                {"capacity_host": random.choice((-1, 1000, 3000))},
                {"max_tasks_host": random.choice((-1, 1, 2, 6))},
                {"power_host": random.choice((-1, 1, 8))},
                {"properties_host": random.choice(("", *PROPERTIES))},
                {"sick_errors_count": random.choice((-1, 2, 3))},
                {"priority": random.choice((10, 99, 200))},
            )
        )
        yield _action(at, "pools", path, params=params)
    elif kind == "services":
        yield _services(random, at, "pools", path)
    elif kind == "tickets":
        yield _tickets(random, at, "pools", path)
    else:
        yield _action(at, "pools", random.choice(POOLS), operation={"type": "delete"})


def _services(random: Random, at: float, kind: str, mask: str) -> Deed:
    """The operation ``farm`` of pools and renders (SEMANTICS 6.1)."""
    service = random.choice(SERVICES)
    modes = ["service_disable", "service_enable", "clear_services", "clear_services"]
    if mask != "/" or random.random() < 0.2:
        modes.append("service_add")  # nothing else runs there from now on
    mode = random.choice(modes)
    operation = {"type": "farm", "mode": mode, "name": service, "mask": service}
    return _action(at, kind, mask, operation=operation)


def _tickets(
    random: Random,
    at: float,
    kind: str,
    mask: str,
    counts: tuple[int, ...] = (-1, 1, 1, 2, 2, 3, 4),
) -> Deed:
    """The operation ``tickets`` of pools and renders (SEMANTICS 6.2)."""
    operation: dict[str, Any] = {
        "type": "tickets",
        "name": random.choice(("rlm", *TICKETS)),
        "count": random.choice(counts),
    }
    if kind == "renders" or random.random() < 0.3:
        operation["host"] = True
    elif random.random() < 0.4:
        operation["max_hosts"] = random.choice((1, 2))
    return _action(at, kind, mask, operation=operation)


def _move_render(random: Random, hosts: list[HostPlan], at: float) -> Deed:
    """A render into another pool, or what somebody says of this one render."""
    name = random.choice(hosts).name
    kind = random.choice(("move", "move", "again", "services", "tickets"))
    if kind == "services":
        return _services(random, at, "renders", name)
    if kind == "tickets":
        return _tickets(random, at, "renders", name)
    operation = {"type": "set_pool", "name": random.choice(("/", *POOLS))}
    if kind == "again":
        operation = {"type": "reassign_pool"}
    return _action(at, "renders", name, operation=operation)


def _branch_deeds(random: Random, at: float, calm_at: float) -> Iterator[Deed]:
    path = random.choice(("/", "/film", "/film", *BRANCHES))
    kind = random.choice(("limit", "limit", "limit", "pause", "mask", "needs", "children"))
    if kind == "pause":
        off, on = random.choice((({"paused": True}, {"paused": False}),
                                 ({"priority": 0}, {"priority": 99})))  # fmt: skip
        yield _action(at, "branches", path, params=off)
        if random.random() < 0.85:
            yield _action(random.uniform(at, calm_at), "branches", path, params=on)
        return
    params: dict[str, Any] = {"create_childs": True}
    if kind == "limit":
        params = random.choice(
            (
                {"max_running_tasks": random.choice((1, 2, 3, -1))},
                {"max_running_tasks_per_host": random.choice((1, 1, 2, -1))},
                {"max_tasks_per_second": random.choice((1, 2, -1))},
            )
        )
    elif kind == "mask":
        params = {"hosts_mask": random.choice(("", "", "", *MASKS[:4]))}
        if random.random() < 0.5:
            params = {"hosts_mask_exclude": random.choice(("", "", *EXCLUDED))}
    elif kind == "needs":
        params = needs_of_work(random, 3.0) or NO_NEEDS
    yield _action(at, "branches", path, params=params)


def _limit_deed(random: Random, at: float) -> Deed:
    """The limit of a service, set on the fly or taken back."""
    operation: dict[str, Any] = {"type": "unset", "name": random.choice(SERVICES)}
    if random.random() < 0.8:
        operation["type"] = "set"
        operation["max_count"] = random.choice((1, 1, 2, 3, -1))
        if random.random() < 0.3:
            operation["max_hosts"] = random.choice((1, 2))
    return Deed(at, "action", -1, {"type": "limits", "operation": operation, **_ADMIN})


def _user_deed(random: Random, at: float) -> Deed:
    """What holds for all jobs of a user."""
    params = needs_of_work(random, 2.0)
    if not params or random.random() < 0.5:
        params = random.choice(
            (
                NO_NEEDS,
                {"hosts_mask": random.choice(("", "", "", *MASKS[2:]))},
                {"hosts_mask_exclude": random.choice(("", "", *EXCLUDED))},
                {"max_running_tasks": random.choice((-1, 2))},
            )
        )
    return _action(at, "users", random.choice(USERS), params=params)
