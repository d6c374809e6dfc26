"""What a seed draws: the farm, its users and jobs, what people do, and what goes wrong.

A :class:`afanasy.sim.plan.Plan` is plain data, drawn before anything happens, so it can be printed
and read. Things that do not exist when their moment comes (the job was refused, the host is down)
are passed over.
To draw more, add a line to one of the functions here or in :mod:`afanasy.sim.draw_jobs` and
:mod:`afanasy.sim.draw_deeds`; to check more, see :mod:`afanasy.sim.safety`.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from afanasy.sim.draw_deeds import idle_deed, job_deed, render_deed
from afanasy.sim.draw_farm import farm_file, machine
from afanasy.sim.draw_farm_deeds import farm_deeds, found_pools
from afanasy.sim.draw_jobs import USERS, draw_job
from afanasy.sim.draw_needs import needs_of_work
from afanasy.sim.plan import Deed, Fault, HostPlan, Plan


def draw(random: Random, steps: int) -> Plan:
    """A plan; ``steps`` is about how many jobs, deeds and faults there are."""
    calm_at = random.uniform(60.0, 60.0 + 5.0 * steps)
    hosts = [_host(random, n) for n in range(random.randint(1, 5))]
    deeds: list[Deed] = found_pools(random)
    deeds += [_user(random) for _ in range(random.choice((0, 1, 2)))]
    jobs = random.randint(2, max(2, steps // 7))
    for number in range(jobs):
        at = random.uniform(0.0, calm_at * 0.7) if number else 0.5
        deeds.append(Deed(at, "submit", number, draw_job(random, number)))
        deeds += [
            job_deed(random, number, at + random.uniform(0.5, calm_at * 0.6))
            for _ in range(random.randint(0, max(1, steps // 12)))
        ]
    deeds += [
        render_deed(random, hosts, random.uniform(5.0, calm_at))
        for _ in range(random.randint(0, max(1, steps // 10)))
    ]
    if random.random() < 0.5:
        deeds.append(_settings(random))
    if random.random() < 0.3:
        deeds += [idle_deed(random, random.uniform(1.0, calm_at)) for _ in range(2)]
    deeds += farm_deeds(random, hosts, calm_at)
    faults = [_fault(random, hosts, calm_at) for _ in range(random.randint(1, max(1, steps // 4)))]
    deeds.sort(key=lambda deed: deed.at)
    faults.sort(key=lambda fault: fault.at)
    first = farm_file(random, 0, may_be_bad=False) if random.random() < 0.4 else None
    return Plan(hosts, deeds, faults, calm_at, first)


def _host(random: Random, number: int) -> HostPlan:
    return HostPlan(
        f"r{number}",
        random.choice((-1, 1000, 1100, 2000, 2500, 2500, 4000, 4000, 4000)),
        random.choice((-1, 1, 2, 3, 4)),
        random.choice(("", "", "", "", "", "nimby", "NIMBY")) if number else "",
        random.choice((0.0, 0.8, 0.8, 1.0, 30.0)),
        machine(random),
    )


def _settings(random: Random) -> Deed:
    """Settings of the server that somebody sets on the fly."""
    values = random.choice(
        (
            {"af_command_pre": True},
            {"af_command_pre": True, "af_sysjob_tasksmax": random.randint(1, 4)},
            {"af_solve_branches": True},
            {"af_solve_branches": True, "af_command_pre": True},
        )
    )
    body = {
        "type": "config", "user_name": "admin", "host_name": "desk",
        "operation": {"type": "set", "values": values},
    }  # fmt: skip
    return Deed(0.25, "action", -1, body)


def _user(random: Random) -> Deed:
    body: dict[str, Any] = {
        "name": random.choice(USERS),
        "max_running_tasks": random.choice((-1, 1, 3)),
        "max_running_tasks_per_host": random.choice((-1, 1, 2)),
        "errors_retries": random.choice((0, 2, 3)),
        "errors_avoid_host": random.choice((1, 2, 3)),
        "errors_task_same_host": random.choice((1, 2, 3)),
        "errors_forgive_time": random.choice((30, 600, 18000)),
    }
    body.update(needs_of_work(random, 0.5))
    if random.random() < 0.6:
        body["webhook"] = "http://pipeline/hook"
        body["notify"] = random.choice(([], ["created", "done"], ["done", "error", "deleted"]))
    return Deed(0.2, "user", -1, body)


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
