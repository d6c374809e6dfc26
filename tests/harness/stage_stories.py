"""Stages that take a longer story: errors, reservations, dependences, hosts that went away."""

from __future__ import annotations

from typing import Any

from afanasy.core import events
from afanasy.core.effects import Stop
from afanasy.model.farm_setup import FarmSetup, ServiceRule
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm
from harness.stage_makers import Place, Stage, everywhere, job_with


def held(farm: StoryFarm) -> Place:
    block = farm.submit(1).blocks[0]
    for n in range(3):
        render = farm.render(f"r{n}")
        farm.start(1)
        farm.come_back(render, boot_id="boot 2")
        farm.drop_link(render)
        farm.effects.clear()
    farm.render("a")
    return block, 0


def ejected(farm: StoryFarm) -> Place:
    block, _ = job_with(commands=["x"])(farm)
    (run,) = farm.start(1)
    farm.apply(events.OperateRender("a", "eject_tasks"))
    farm.take(Stop, 1)
    farm.finish(run, RunEnd.KILLED)
    return block, 0


def out_of_memory(**resources: object) -> Stage:
    """It failed with 1000 MB, so that the next try needs 1250."""

    def stage(farm: StoryFarm) -> Place:
        farm.render("a", resources={"mem_free_mb": 1000, **resources})
        block = farm.submit(1).blocks[0]
        (run,) = farm.start(1)
        farm.fail(run, error_class="memory", memory_peak_mb=1000)
        farm.wait(1)
        return block, 0

    return stage


def cooling(farm: StoryFarm) -> Place:
    farm.render("a", capacity=9000, max_tasks=9)
    for name in "xy":
        farm.submit(3, name=name, errors_retries=0, errors_avoid_host=0, errors_task_same_host=0)
    for run in farm.start(6)[:5]:
        farm.fail(run)
    farm.effects.clear()
    return farm.submit(1, priority=200).blocks[0], 0


def probing(farm: StoryFarm) -> Place:
    block, task = cooling(farm)
    farm.wait(60)
    return block, task


def sick(farm: StoryFarm) -> Place:
    farm.render("a", capacity=9000, max_tasks=9)
    farm.apply(events.EditPool("/", {"sick_errors_count": 1}))
    farm.submit(1, user="berta", errors_retries=0)
    farm.fail(farm.start(1)[0])
    return farm.submit(1, user="anna").blocks[0], 0


def reserved(farm: StoryFarm) -> Place:
    farm.render("a", capacity=4000, max_tasks=4)
    small = farm.submit(9, user="small", capacity=1000)
    runs = farm.start(4)
    farm.submit(1, user="big", name="big", capacity=4000)
    farm.wait(75)
    farm.finish(runs[0])
    return small.blocks[0], 4


def waiting_jobs(farm: StoryFarm) -> Place:
    farm.render("a")
    first = farm.submit(1, name="first", offline=True)
    masks = {"depend_mask": "fir.*", "depend_mask_global": "first"}
    job = {**masks, "depend_jobs": [first.serial]}
    return farm.submit(1, name="second", job=job).blocks[0], 0


def waiting_block(farm: StoryFarm) -> Place:
    farm.render("a", capacity=9000, max_tasks=9)
    blocks = [{"name": "one", "max_running_tasks": 0}, {"name": "two", "depend_mask": "one"}]
    return farm.submit(blocks=blocks).blocks[1], 0


def waiting_task(farm: StoryFarm) -> Place:
    farm.render("a", capacity=9000, max_tasks=9)
    blocks = [{"name": "one", "max_running_tasks": 0}, {"name": "two", "tasks_depend_mask": "one"}]
    return farm.submit(blocks=blocks).blocks[1], 0


def previewed(farm: StoryFarm) -> Place:
    farm.render("a", capacity=99_000, max_tasks=99)
    block = farm.submit(20, sequential=5, ppa=True).blocks[0]
    farm.start(5)
    return block, 1


def full(farm: StoryFarm) -> Place:
    farm.render("a", capacity=3000, max_tasks=9)
    block = farm.submit(4).blocks[0]
    farm.start(3)
    return block, 3


def given_up_by_nobody(farm: StoryFarm) -> Place:
    """Its host is away for longer than is waited, and the block holds its tasks."""
    render = farm.render("a")
    block = farm.submit(1, on_lost_render="hold").blocks[0]
    farm.start(1)
    farm.drop_link(render)
    farm.wait(120)
    farm.render("b")
    return block, 0


def pre_command(*, of_job: bool, **more: Any) -> Stage:
    """A job, or its block, with a pre command."""

    def stage(farm: StoryFarm) -> Place:
        farm.apply(events.ChangeSettings({"af_command_pre": True}))
        text = {"command_pre": "prepare"}
        farm.render("a", capacity=4000)
        return farm.submit(1, **({"job": text} if of_job else text), **more).blocks[0], 0

    return stage


def not_on_a(stage: Stage) -> Stage:
    """The same on a host that does not do the server's own work."""

    def staged(farm: StoryFarm) -> Place:
        rules = everywhere(ServiceRule("generic"), remove_services=("postcmd",))
        farm.apply(events.SetFarmSetup(FarmSetup((rules,)), "farm.xml"))
        return stage(farm)

    return staged


def pre_failed(*, of_job: bool) -> Stage:
    def staged(farm: StoryFarm) -> Place:
        place = pre_command(of_job=of_job)(farm)
        for wait in (1, 2, 0):
            farm.fail(farm.start(1)[0])
            farm.wait(wait)
        return place

    return staged
