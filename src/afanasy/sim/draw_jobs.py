"""What a seed draws of a job: blocks, tasks, what their commands do."""

from __future__ import annotations

import json
from random import Random
from typing import Any, Final

from afanasy.sim.draw_needs import (
    BRANCHES,
    SERVICES,
    load_of_command,
    needs_of_block,
    needs_of_work,
)

USERS: Final = ("anna", "bob", "carl")
#: Hosts masks: prefix words and regular expressions (R20).
MASKS: Final = ("r0", "r0|r1", "r[02-4]", "r", "(r1|r2).*", "x")
#: Those that leave somebody, on most farms.
EXCLUDED: Final = ("r0", "r0|r1", "(r1|r2).*", "x")
FLAG_NUMERIC: Final = 1
FLAG_VARCAPACITY: Final = 2
FLAG_DEPEND_SUB_TASK: Final = 16


def some(
    random: Random, probability: float, members: dict[str, Any], name: str, value: Any
) -> None:
    """Give the member this value in so many of all cases."""
    if random.random() < probability:
        members[name] = value


def behaviour(random: Random) -> dict[str, Any]:
    """What a command does (:class:`afanasy.sim.host.Behaviour`)."""
    low = random.choice((0.3, 1.0, 3.0, 3.0, 8.0, 30.0))
    does: dict[str, Any] = {"run": [low, low * random.choice((1.5, 4.0, 8.0))]}
    some(random, 0.35, does, "fail", random.choice((0.1, 0.3, 0.8)))
    some(random, 0.1, does, "verdict", random.choice((8, 9, 11)))
    some(random, 0.12, does, "licence", random.choice((0.2, 0.6)))
    some(random, 0.12, does, "hang", 0.15)
    some(random, 0.15, does, "daemon", 0.4)
    some(random, 0.2, does, "deaf", 0.5)
    some(random, 0.1, does, "bad", [random.randint(0, 4)])
    some(random, 0.2, does, "check", True)
    some(random, 0.3, does, "counts", True)
    return does


def post_command(random: Random) -> str:
    """What is run when the job is deleted, or before it begins; its number tells it from others."""
    does: dict[str, Any] = {"run": [0.3, 4.0], "post": random.randint(0, 10**6)}
    some(random, 0.4, does, "fail", random.choice((0.4, 1.0)))
    return json.dumps(does)


def draw_block(random: Random, number: int) -> dict[str, Any]:
    """Block ``number`` of a job, as a request has it."""
    needs = needs_of_block(random)

    def command() -> str:
        return json.dumps({**behaviour(random), **load_of_command(random, needs)})

    block: dict[str, Any] = {
        "name": f"block{number}",
        "service": random.choice(SERVICES),
        "capacity": random.choice((300, 500, 500, 1000, 1000, 1100, 2400)),
        "command": command(),
        **needs,
    }
    if random.random() < 0.75:
        per_task = random.choice((1, 1, 2, 3))
        tasks = random.randint(1, 8)
        inc = random.choice((1, 1, 1, 2, 3))
        block.update(
            flags=FLAG_NUMERIC, frame_first=1, frame_last=per_task * tasks * inc,
            frames_per_task=per_task, frames_inc=inc,
        )  # fmt: skip
        some(random, 0.2, block, "sequential", random.choice((-1, 0, 2, 3)))
    else:
        block["flags"] = 0
        block["tasks"] = [
            {"name": f"t{n}", "command": command()} for n in range(random.randint(1, 5))
        ]
        some(random, 0.5, block, "frames_per_task", random.choice((-3, -2, 2)))
    if random.random() < 0.25:
        block["flags"] |= FLAG_DEPEND_SUB_TASK
    if random.random() < 0.1:
        block["flags"] |= FLAG_VARCAPACITY
        block["capacity"] = 300
        block["capacity_coeff_min"], block["capacity_coeff_max"] = 1, random.choice((2, 4))
    if number and random.random() < 0.5:
        block["depend_mask"] = random.choice((f"block{number - 1}", "block0", "block.*"))
    elif number and random.random() < 0.5:
        block["tasks_depend_mask"] = f"block{number - 1}"
    some(random, 0.08, block, "hosts_mask", random.choice(MASKS))
    some(random, 0.08, block, "hosts_mask_exclude", random.choice(EXCLUDED))
    some(random, 0.2, block, "max_running_tasks", random.choice((1, 2, 3)))
    some(random, 0.2, block, "max_running_tasks_per_host", 1)
    some(random, 0.25, block, "errors_retries", random.choice((0, 1, 5)))
    some(random, 0.25, block, "errors_avoid_host", random.choice((0, 1, 2)))
    some(random, 0.25, block, "errors_task_same_host", random.choice((0, 1, 2)))
    some(random, 0.25, block, "errors_forgive_time", random.choice((0, 20, 600)))
    some(random, 0.5, block, "on_lost_render", "hold")
    some(random, 0.2, block, "task_max_run_time", random.choice((4, 20)))
    some(random, 0.1, block, "task_min_run_time", 1)
    return block


def simulation_blocks(random: Random) -> list[dict[str, Any]]:
    """A simulation of many frames in one task, and the rendering that follows it frame by frame."""
    frames, inc = random.randint(4, 10), random.choice((1, 1, 2))
    seconds = random.choice((12.0, 30.0, 90.0))
    first = {"flags": FLAG_NUMERIC, "frame_first": 1, "frame_last": frames * inc, "frames_inc": inc}
    does = {"run": [seconds, seconds * 1.5], "counts": True}
    return [
        {
            **first, "name": "sim", "service": "generic", "command": json.dumps(does),
            "flags": FLAG_NUMERIC | FLAG_DEPEND_SUB_TASK, "capacity": 500,
            "frames_per_task": random.choice((frames, frames, 3)),
        },
        {
            **first, "name": "render", "service": "generic", "capacity": 300,
            "command": json.dumps({"run": [0.5, 4.0]}), "tasks_depend_mask": "sim",
            "frames_per_task": random.choice((1, 1, 2)), "sequential": random.choice((1, 1, -1)),
        },
    ]  # fmt: skip


def draw_job(random: Random, number: int) -> dict[str, Any]:
    """A job, as a request has it."""
    job: dict[str, Any] = {
        "name": f"job {number}",
        "user_name": random.choice(USERS),
        "host_name": "desk",
        "blocks": [draw_block(random, n) for n in range(random.choice((1, 1, 2, 3)))],
    }
    if random.random() < 0.08:
        job["blocks"] = simulation_blocks(random)
    some(random, 0.3, job, "priority", random.choice((1, 50, 150)))
    some(random, 0.25, job, "max_running_tasks", random.choice((1, 2, 4)))
    some(random, 0.15, job, "max_running_tasks_per_host", 1)
    some(random, 0.1, job, "max_tasks_per_second", random.choice((1, 3)))
    some(random, 0.06, job, "offline", True)
    some(random, 0.1, job, "time_wait", 1_800_000_000 + random.choice((20, 90, 300)))
    some(random, 0.2, job, "ignorenimby", True)
    some(random, 0.05, job, "hosts_mask", random.choice(MASKS))
    some(random, 0.05, job, "hosts_mask_exclude", random.choice(EXCLUDED))
    some(random, 0.35, job, "branch", random.choice(BRANCHES))
    job.update(needs_of_work(random))
    some(random, 0.12, job, "time_life", random.choice((90, 200, 500)))
    some(random, 0.3, job, "command_post", post_command(random))
    if random.random() < 0.15:
        job["blocks"][0]["command_post"] = post_command(random)
    some(random, 0.15, job, "command_pre", post_command(random))
    some(random, 0.1, job["blocks"][-1], "command_pre", post_command(random))
    custom = {"events": {"JOB_DONE": {"methods": ["tell"]}, "JOB_ERROR": {"methods": ["tell"]}}}
    some(random, 0.1, job, "custom_data", json.dumps(custom))
    mask = random.choice(("job 0", "job 0", "job [01]", "nobody", "job.*"))
    some(random, 0.1, job, random.choice(("depend_mask", "depend_mask_global")), mask)
    return job
