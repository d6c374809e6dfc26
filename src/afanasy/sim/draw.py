"""What a seed draws: the farm, its users and jobs, what people do, and what goes wrong.

A :class:`Plan` is plain data, drawn before anything happens, so it can be printed and read. Things
that do not exist when their moment comes (the job was refused, the host is down) are passed over.
To draw more, add a line to one of the functions here; to check more, see
:mod:`afanasy.sim.safety`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

USERS: Final = ("anna", "bob", "carl")
#: Hosts masks: prefix words and regular expressions (R20).
MASKS: Final = ("r0", "r0|r1", "r[02-4]", "r", "(r1|r2).*", "x")
FLAG_NUMERIC: Final = 1
FLAG_VARCAPACITY: Final = 2


@dataclass(slots=True)
class HostPlan:
    """A render."""

    name: str
    capacity: int
    max_tasks: int
    nimby: str = ""
    begins_at: float = 0.0


@dataclass(slots=True)
class Deed:
    """Something that a person asks for. ``job`` is which submission it is about, -1 none."""

    at: float
    what: str
    job: int = -1
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Fault:
    """Something that goes wrong for a while."""

    at: float
    kind: str
    host: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Plan:
    """Everything that is drawn."""

    hosts: list[HostPlan]
    deeds: list[Deed]
    faults: list[Fault]
    #: When faults stop.
    calm_at: float


def draw(random: Random, steps: int) -> Plan:
    """A plan; ``steps`` is about how many jobs, deeds and faults there are."""
    calm_at = random.uniform(60.0, 60.0 + 5.0 * steps)
    hosts = [_host(random, n) for n in range(random.randint(1, 5))]
    deeds: list[Deed] = []
    deeds += [_user(random) for _ in range(random.choice((0, 1, 2)))]
    jobs = random.randint(2, max(2, steps // 7))
    for number in range(jobs):
        at = random.uniform(0.0, calm_at * 0.7) if number else 0.5
        deeds.append(Deed(at, "submit", number, _job(random, number)))
        deeds += [
            _deed(random, number, at + random.uniform(0.5, calm_at * 0.6))
            for _ in range(random.randint(0, max(1, steps // 12)))
        ]
    deeds += [
        _render_deed(random, hosts, random.uniform(5.0, calm_at))
        for _ in range(random.randint(0, max(1, steps // 10)))
    ]
    faults = [_fault(random, hosts, calm_at) for _ in range(random.randint(1, max(1, steps // 4)))]
    deeds.sort(key=lambda deed: deed.at)
    faults.sort(key=lambda fault: fault.at)
    return Plan(hosts, deeds, faults, calm_at)


def _host(random: Random, number: int) -> HostPlan:
    return HostPlan(
        f"r{number}",
        random.choice((1000, 1100, 2000, 2500, 4000)),
        random.choice((1, 2, 3, 4)),
        random.choice(("", "", "", "", "", "nimby", "NIMBY")) if number else "",
        random.choice((0.0, 0.0, 0.0, 1.0, 30.0)),
    )


def _user(random: Random) -> Deed:
    body = {
        "name": random.choice(USERS),
        "max_running_tasks": random.choice((-1, 1, 3)),
        "max_running_tasks_per_host": random.choice((-1, 1, 2)),
        "errors_retries": random.choice((0, 2, 3)),
        "errors_avoid_host": random.choice((1, 2, 3)),
        "errors_task_same_host": random.choice((1, 2, 3)),
        "errors_forgive_time": random.choice((30, 600, 18000)),
    }
    return Deed(0.2, "user", -1, body)


def _some(
    random: Random, probability: float, members: dict[str, Any], name: str, value: Any
) -> None:
    if random.random() < probability:
        members[name] = value


def _behaviour(random: Random) -> dict[str, Any]:
    low = random.choice((0.3, 1.0, 3.0, 3.0, 8.0, 30.0))
    does: dict[str, Any] = {"run": [low, low * random.choice((1.5, 4.0, 8.0))]}
    _some(random, 0.35, does, "fail", random.choice((0.1, 0.3, 0.8)))
    _some(random, 0.1, does, "verdict", random.choice((8, 9, 11)))
    _some(random, 0.12, does, "licence", random.choice((0.2, 0.6)))
    _some(random, 0.12, does, "hang", 0.15)
    _some(random, 0.15, does, "daemon", 0.4)
    _some(random, 0.2, does, "deaf", 0.5)
    _some(random, 0.1, does, "bad", [random.randint(0, 4)])
    _some(random, 0.2, does, "check", True)
    return does


def _block(random: Random, number: int) -> dict[str, Any]:
    block: dict[str, Any] = {
        "name": f"block{number}",
        "service": random.choice(("generic", "generic", "nuke", "maya")),
        "capacity": random.choice((300, 500, 1000, 1000, 1100, 2400)),
        "command": json.dumps(_behaviour(random)),
    }
    if random.random() < 0.75:
        per_task = random.choice((1, 1, 2, 3))
        tasks = random.randint(1, 8)
        block.update(
            flags=FLAG_NUMERIC, frame_first=1, frame_last=per_task * tasks, frames_per_task=per_task
        )
        _some(random, 0.2, block, "sequential", random.choice((-1, 0, 2, 3)))
    else:
        block["flags"] = 0
        block["tasks"] = [
            {"name": f"t{n}", "command": json.dumps(_behaviour(random))}
            for n in range(random.randint(1, 5))
        ]
    if random.random() < 0.1:
        block["flags"] |= FLAG_VARCAPACITY
        block["capacity"] = 300
        block["capacity_coeff_min"], block["capacity_coeff_max"] = 1, random.choice((2, 4))
    if number and random.random() < 0.5:
        block["depend_mask"] = random.choice((f"block{number - 1}", "block0", "block.*"))
    elif number and random.random() < 0.5:
        block["tasks_depend_mask"] = f"block{number - 1}"
    _some(random, 0.15, block, "hosts_mask", random.choice(MASKS))
    _some(random, 0.1, block, "hosts_mask_exclude", random.choice(MASKS))
    _some(random, 0.2, block, "max_running_tasks", random.choice((1, 2, 3)))
    _some(random, 0.2, block, "max_running_tasks_per_host", 1)
    _some(random, 0.25, block, "errors_retries", random.choice((0, 1, 5)))
    _some(random, 0.25, block, "errors_avoid_host", random.choice((0, 1, 2)))
    _some(random, 0.25, block, "errors_task_same_host", random.choice((0, 1, 2)))
    _some(random, 0.25, block, "errors_forgive_time", random.choice((0, 20, 600)))
    _some(random, 0.5, block, "on_lost_render", "hold")
    _some(random, 0.2, block, "task_max_run_time", random.choice((4, 20)))
    _some(random, 0.1, block, "task_min_run_time", 1)
    return block


def _job(random: Random, number: int) -> dict[str, Any]:
    job: dict[str, Any] = {
        "name": f"job {number}",
        "user_name": random.choice(USERS),
        "host_name": "desk",
        "blocks": [_block(random, n) for n in range(random.choice((1, 1, 2, 3)))],
    }
    _some(random, 0.3, job, "priority", random.choice((1, 50, 150)))
    _some(random, 0.25, job, "max_running_tasks", random.choice((1, 2, 4)))
    _some(random, 0.15, job, "max_running_tasks_per_host", 1)
    _some(random, 0.1, job, "max_tasks_per_second", random.choice((1, 3)))
    _some(random, 0.1, job, "offline", True)
    _some(random, 0.1, job, "time_wait", 1_800_000_000 + random.choice((20, 90, 300)))
    _some(random, 0.2, job, "ignorenimby", True)
    _some(random, 0.1, job, "hosts_mask", random.choice(MASKS))
    _some(random, 0.1, job, "hosts_mask_exclude", random.choice(MASKS))
    mask = random.choice(("job 0", "job 0", "job [01]", "nobody", "job.*"))
    _some(random, 0.1, job, random.choice(("depend_mask", "depend_mask_global")), mask)
    return job


def _deed(random: Random, job: int, at: float) -> Deed:
    """A later operation or edit of a job."""
    kind = random.choice(("job", "job", "tasks", "tasks", "edit", "edit", "edit_block", "append"))
    body: dict[str, Any] = {"type": "jobs", "user_name": "anna", "host_name": "desk"}
    if kind == "job":
        body["operation"] = {
            "type": random.choice(
                ("start", "start", "start", "pause", "stop", "restart", "restart_errors",
                 "restart_running", "restart_done", "reset_error_hosts", "delete")
            )
        }  # fmt: skip
    elif kind == "tasks":
        body["block_ids"] = [0]
        body["operation"] = {
            "type": random.choice(
                ("skip", "restart", "done", "suspend", "continue", "restart_running", "trynext")
            ),
            "task_ids": sorted(random.sample(range(8), random.randint(1, 3))),
            "mode": "append",
        }
    elif kind == "edit":
        body["params"] = random.choice(
            (
                {"priority": random.choice((10, 99, 200))},
                {"max_running_tasks": random.choice((-1, 1, 2))},
                {"max_running_tasks_per_host": random.choice((-1, 1))},
                {"annotation": f"note {random.randint(0, 99)}"},
                {"user_name": random.choice(USERS)},
                {"max_tasks_per_second": random.choice((-1, 1))},
                {"hosts_mask": random.choice(("", *MASKS))},
                {"depend_mask": random.choice(("", "job 0", "job [12]"))},
            )
        )
    elif kind == "edit_block":
        body["block_ids"] = [-1]
        body["params"] = random.choice(
            (
                {"capacity": random.choice((200, 900))},
                {"max_running_tasks": random.choice((-1, 1))},
                {"errors_retries": random.choice((0, 4))},
                {"errors_avoid_host": random.choice((0, 1))},
                {"on_lost_render": random.choice(("hold", "reschedule"))},
                {"task_max_run_time": random.choice((0, 15))},
                {"service": random.choice(("generic", "nuke"))},
                {"hosts_mask_exclude": random.choice(("", *MASKS))},
                {"tasks_depend_mask": random.choice(("", "block0"))},
            )
        )
    else:
        body["operation"] = {"type": "append_blocks", "blocks": [_block(random, 7)]}
    return Deed(at, "action", job, body)


def _render_deed(random: Random, hosts: list[HostPlan], at: float) -> Deed:
    """A later operation or edit of a render."""
    body: dict[str, Any] = {
        "type": "renders", "mask": random.choice(hosts).name,
        "user_name": "admin", "host_name": "desk",
    }  # fmt: skip
    if random.random() < 0.4:
        body["operation"] = {"type": random.choice(("eject_tasks", "heal_sick", "delete", "exit"))}
    else:
        body["params"] = random.choice(
            (
                {"capacity_host": random.choice((-1, 900, 3000))},
                {"max_tasks_host": random.choice((-1, 1, 3))},
                {"nimby": True}, {"NIMBY": True}, {"NIMBY": False}, {"paused": False},
            )
        )  # fmt: skip
    return Deed(at, "action", -1, body)


_FAULTS: Final = (
    ("partition", 5), ("cut", 3), ("agent kill", 5), ("agent stop", 1), ("drain", 1),
    ("host crash", 3), ("server kill", 5), ("server stop", 1), ("slow disk", 3),
    ("database away", 2), ("clock jump", 3), ("server stall", 1), ("agent stall", 2),
    ("broken host", 5), ("slow host", 2),
)  # fmt: skip


def _fault(random: Random, hosts: list[HostPlan], calm_at: float) -> Fault:
    kinds = [kind for kind, weight in _FAULTS for _ in range(weight)]
    kind = random.choice(kinds)
    seconds = random.choice((0.001, 1.0, 5.0, 25.0, 70.0, 110.0))
    if kind in ("server kill", "server stop", "database away", "server stall"):
        seconds = random.choice((0.1, 2.0, 10.0, 30.0, 80.0))
    elif kind == "broken host":
        seconds = random.choice((25.0, 70.0, 110.0))
    elif kind == "clock jump":
        seconds = random.choice((-3600.0, 3600.0, -300.0, 300.0))
    elif kind == "slow disk":
        seconds = random.choice((10.0, 40.0))
    return Fault(random.uniform(2.0, calm_at), kind, random.choice(hosts).name, seconds)
