"""What people do in a seed besides submitting: edits and operations of jobs, renders, users."""

from __future__ import annotations

from random import Random
from typing import Any, Final

from afanasy.sim.draw_jobs import EXCLUDED, MASKS, USERS, draw_block
from afanasy.sim.draw_needs import BRANCHES, NO_NEEDS, TICKETS, needs_of_work
from afanasy.sim.plan import Deed, HostPlan


def job_deed(random: Random, job: int, at: float) -> Deed:
    """A later operation or edit of a job."""
    if random.random() < 0.08:
        way = random.choice(("up", "down", "top", "bottom"))
        return Deed(at, "move", job, {"type": f"move_jobs_{way}"})
    kind = random.choice(("job", "job", "tasks", "tasks", "edit", "edit", "edit_block", "append"))
    body: dict[str, Any] = {"type": "jobs", "user_name": "anna", "host_name": "desk"}
    if kind == "job":
        body["operation"] = {
            "type": random.choice(
                ("start", "start", "start", "pause", "stop", "restart", "restart_errors",
                 "restart_running", "restart_done", "reset_error_hosts", "delete", "delete")
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
                {"time_life": random.choice((-1, 0, 60, 200))},
                {"user_name": random.choice(USERS)},
                {"max_tasks_per_second": random.choice((-1, 1))},
                {"hosts_mask": random.choice(("", *MASKS))},
                {"branch": random.choice(("/", *BRANCHES))},
                {**NO_NEEDS, **needs_of_work(random, 2.0)},
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
                {"hosts_mask_exclude": random.choice(("", *EXCLUDED))},
                {"tasks_depend_mask": random.choice(("", "block0"))},
                {"need_memory": random.choice((-1, 2000, 5000))},
                {"need_gpus": random.choice((0, 1))},
                {"tickets": {random.choice(TICKETS): random.choice((0, 1, 2))}},
            )
        )
    else:
        body["operation"] = {"type": "append_blocks", "blocks": [draw_block(random, 7)]}
    return Deed(at, "action", job, body)


#: Of people who keep the hosts (SEMANTICS 8.5).
RENDER_OPERATIONS: Final = (
    "eject_tasks", "eject_tasks", "heal_sick", "delete", "exit", "restart", "reboot", "shutdown",
    "wol_sleep", "wol_sleep", "wol_sleep", "wol_wake",
)  # fmt: skip


#: The world begins on a Friday at 8 in the morning.
SCHEDULES: Final = (
    "fri 08:01-08:02 NIMBY", "fri 08:00-08:03 nimby; fri 08:03-09:00 free",
    "mon-sun 00:00-24:00 free", "none", "",
)  # fmt: skip


def idle_deed(random: Random, at: float) -> Deed:
    """Hosts that stand idle go to sleep from now on, or no more (SEMANTICS 8.6)."""
    seconds = random.choice((25, 60, 60, -1))
    params = {"idle_wolsleep_time": seconds, "idle_cpu": 50}
    body: dict[str, Any] = {
        "type": "pools", "mask": "/", "params": params, "user_name": "admin", "host_name": "desk",
    }  # fmt: skip
    return Deed(at, "action", -1, body)


def render_deed(random: Random, hosts: list[HostPlan], at: float) -> Deed:
    """A later operation or edit of a render."""
    body: dict[str, Any] = {
        "type": "renders", "mask": random.choice(hosts).name,
        "user_name": "admin", "host_name": "desk",
    }  # fmt: skip
    if random.random() < 0.4:
        body["operation"] = {"type": random.choice(RENDER_OPERATIONS)}
    else:
        body["params"] = random.choice(
            (
                {"capacity_host": random.choice((-1, 900, 3000))},
                {"max_tasks_host": random.choice((-1, 1, 3))},
                {"nimby": True}, {"NIMBY": True}, {"NIMBY": False}, {"paused": False},
                {"nimby_schedule": random.choice(SCHEDULES)},
            )
        )  # fmt: skip
    return Deed(at, "action", -1, body)
