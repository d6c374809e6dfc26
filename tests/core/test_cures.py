"""Each suggestion of explain lets the task start: every reason is staged, cured and solved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from afanasy.core import events
from afanasy.core.effects import Stop
from afanasy.core.place.reasons import SENTENCES
from afanasy.core.state import Block
from afanasy.core.why.cures import CURES
from harness.farm import StoryFarm

Stage = Callable[[StoryFarm], tuple[Block, int]]


def job_with(**members: Any) -> Stage:
    def stage(farm: StoryFarm) -> tuple[Block, int]:
        farm.render("a", capacity=4000, max_tasks=4)
        return farm.submit(3, **members).blocks[0], 0

    return stage


def host_with(**resources: object) -> Callable[..., Stage]:
    def with_job(**members: Any) -> Stage:
        def stage(farm: StoryFarm) -> tuple[Block, int]:
            farm.render("a", capacity=4000, resources=resources)
            return farm.submit(3, **members).blocks[0], 0

        return stage

    return with_job


def user_with(**params: object) -> Stage:
    def stage(farm: StoryFarm) -> tuple[Block, int]:
        farm.render("a", capacity=4000)
        job = farm.submit(3)
        farm.edit("anna", **params)
        return job.blocks[0], 0

    return stage


def branch_with(**params: object) -> Stage:
    def stage(farm: StoryFarm) -> tuple[Block, int]:
        farm.render("a", capacity=4000)
        job = farm.submit(3, branch="/b")
        farm.apply(events.EditBranch("/b", dict(params)))
        return job.blocks[0], 0

    return stage


def render_with(**params: object) -> Stage:
    def stage(farm: StoryFarm) -> tuple[Block, int]:
        render = farm.render("a", capacity=4000, user_name="berta")
        job = farm.submit(3)
        farm.edit(render, **params)
        return job.blocks[0], 0

    return stage


def running(stage: Stage, n: int) -> Stage:
    """The same with ``n`` tasks running already; speaks of the task behind them."""

    def staged(farm: StoryFarm) -> tuple[Block, int]:
        block, _ = stage(farm)
        farm.start(n)
        return block, n

    return staged


def operated(operation: str) -> Stage:
    def stage(farm: StoryFarm) -> tuple[Block, int]:
        farm.render("a")
        block = farm.submit(1).blocks[0]
        farm.operate_tasks(block, operation, 0)
        return block, 0

    return stage


def failed(**members: Any) -> Stage:
    def stage(farm: StoryFarm) -> tuple[Block, int]:
        farm.render("a", capacity=1000)
        block = farm.submit(1, **members).blocks[0]
        (run,) = farm.start(1)
        farm.fail(run)
        return block, 0

    return stage


def avoided(farm: StoryFarm) -> tuple[Block, int]:
    farm.drop_link(farm.render("z"))  # another host that could run it, some day
    block, task = failed(errors_avoid_host=1, errors_task_same_host=0, errors_retries=9)(farm)
    farm.wait(5)
    return block, task


def held(farm: StoryFarm) -> tuple[Block, int]:
    block = farm.submit(1).blocks[0]
    for n in range(3):
        render = farm.render(f"r{n}")
        farm.start(1)
        farm.come_back(render, boot_id="boot 2")
        farm.drop_link(render)
        farm.effects.clear()
    farm.render("a")
    return block, 0


def ejected(farm: StoryFarm) -> tuple[Block, int]:
    block, _ = job_with(commands=["x"])(farm)
    (run,) = farm.start(1)
    farm.apply(events.OperateRender("a", "eject_tasks"))
    farm.take(Stop, 1)
    farm.finish(run, 7)
    return block, 0


def cooling(farm: StoryFarm) -> tuple[Block, int]:
    farm.render("a", capacity=9000, max_tasks=9)
    for name in "xy":
        farm.submit(3, name=name, errors_retries=0, errors_avoid_host=0, errors_task_same_host=0)
    for run in farm.start(6)[:5]:
        farm.fail(run)
    farm.effects.clear()
    return farm.submit(1, priority=200).blocks[0], 0


def sick(farm: StoryFarm) -> tuple[Block, int]:
    farm.render("a", capacity=9000, max_tasks=9)
    farm.apply(events.EditPool("/", {"sick_errors_count": 1}))
    farm.submit(1, user="berta", errors_retries=0)
    farm.fail(farm.start(1)[0])
    return farm.submit(1, user="anna").blocks[0], 0


def no_pool(farm: StoryFarm) -> tuple[Block, int]:
    block, task = job_with()(farm)
    farm.apply(events.EditPool("/", {"priority": 0}))
    return block, task


def waiting_jobs(farm: StoryFarm) -> tuple[Block, int]:
    farm.render("a")
    farm.submit(1, name="first", offline=True)
    return farm.submit(1, name="second", depend_mask_global="first").blocks[0], 0


def waiting_block(farm: StoryFarm) -> tuple[Block, int]:
    farm.render("a", capacity=9000, max_tasks=9)
    blocks = [{"name": "one", "max_running_tasks": 0}, {"name": "two", "depend_mask": "one"}]
    return farm.submit(blocks=blocks).blocks[1], 0


def waiting_task(farm: StoryFarm) -> tuple[Block, int]:
    farm.render("a", capacity=9000, max_tasks=9)
    blocks = [{"name": "one", "max_running_tasks": 0}, {"name": "two", "tasks_depend_mask": "one"}]
    return farm.submit(blocks=blocks).blocks[1], 0


def previewed(farm: StoryFarm) -> tuple[Block, int]:
    farm.render("a", capacity=99_000, max_tasks=99)
    block = farm.submit(20, sequential=5, ppa=True).blocks[0]
    farm.start(5)
    return block, 1


STAGES: dict[str, Stage] = {
    "user_priority_zero": user_with(priority=0),
    "user_paused": user_with(paused=True),
    "user_max_running": running(user_with(max_running_tasks=2), 2),
    "user_rate": user_with(max_tasks_per_second=0),
    "job_paused": job_with(offline=True),
    "job_waits_time": job_with(time_wait=1_900_000_000),
    "job_waits_jobs": waiting_jobs,
    "job_priority_zero": job_with(priority=0),
    "job_rate": job_with(max_tasks_per_second=0),
    "job_ppa": previewed,
    "branch_paused": branch_with(paused=True),
    "branch_priority_zero": branch_with(priority=0),
    "branch_max_running": running(branch_with(max_running_tasks=1), 1),
    "branch_rate": branch_with(max_tasks_per_second=0),
    "block_waits": waiting_block,
    "block_max_running": running(job_with(max_running_tasks=2), 2),
    "task_waits": waiting_task,
    "task_error": failed(errors_retries=0, errors_avoid_host=0, errors_task_same_host=0),
    "task_hosts_avoided": failed(errors_task_same_host=1),
    "task_suspended": operated("suspend"),
    "task_held": held,
    "task_retry": failed(),
    "task_done": operated("done"),
    "task_skipped": operated("skip"),
    "render_paused": render_with(paused=True),
    "render_priority_zero": render_with(priority=0),
    "render_sick": sick,
    "render_cooling": cooling,
    "pool_not_ready": no_pool,
    "render_slots": running(job_with(capacity=100, blocks=[{"frames": 9, "capacity": 100}]), 4),
    "NIMBY": render_with(NIMBY=True),
    "nimby": render_with(nimby=True),
    "user_per_host": running(user_with(max_running_tasks_per_host=1), 1),
    "block_per_host": running(job_with(max_running_tasks_per_host=1), 1),
    "branch_per_host": running(branch_with(max_running_tasks_per_host=1), 1),
    "hosts_mask": job_with(hosts_mask="zebra"),
    "hosts_mask_exclude": user_with(hosts_mask_exclude="a"),
    "need_os": user_with(need_os="beos"),
    "need_properties": branch_with(need_properties="gold"),
    "need_power": job_with(need_power=5),
    "need_cpu": host_with(cpu_num=2)(need_cpu_cores=4),
    "need_gpus_total": host_with()(need_gpus=1),
    "need_gpus": running(host_with(gpu_num=1)(need_gpus=1), 1),
    "need_gpu_mem_mb": host_with(gpu_mem_total_mb=1000)(need_gpu_mem_mb=2000),
    "need_memory": host_with(mem_free_mb=1000)(need_memory=2000),
    "need_hdd": host_with(hdd_free_gb=10)(need_hdd=20),
    "pool_forbidden": job_with(pools={"/": -100}),
    "pool_other": user_with(pools={"/other": 100}),
    "capacity_total": job_with(capacity=5000),
    "capacity_free": running(job_with(capacity=3000), 1),
    "block_avoids": avoided,
    "task_ejected": ejected,
}  # fmt: skip


@pytest.mark.parametrize("code", STAGES)
def test_a_cure_lets_the_task_start(farm: StoryFarm, code: str) -> None:
    block, task = STAGES[code](farm)
    assert farm.start() == [], "it starts by itself"
    found = farm.explain(block, task)
    codes = [reason.code for reason, _ in found.cures]
    assert code in codes, f"{codes}: {found.summary}"
    _, cure = next(pair for pair in found.cures if pair[0].code == code)
    assert cure.events, cure.text
    for event in cure.events:
        farm.apply(event)
    started = [(run.block, run.task) for run in farm.start()]
    assert (block, task) in started, farm.explain(block, task).summary


def test_every_reason_has_a_cure() -> None:
    assert set(CURES) == set(SENTENCES)
