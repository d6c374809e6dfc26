"""Makers of stages: a small farm, a job, and one restriction that keeps a task from its start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from afanasy.core import events
from afanasy.core.state import Block
from afanasy.model.farm_setup import FarmSetup, Limit, Pattern, ServiceRule
from harness.farm import StoryFarm, slow_on

#: The task that does not start.
Place = tuple[Block, int]
Stage = Callable[[StoryFarm], Place]


def job_with(**members: Any) -> Stage:
    def stage(farm: StoryFarm) -> Place:
        farm.render("a", capacity=4000, max_tasks=4)
        return farm.submit(3, **members).blocks[0], 0

    return stage


def switched_off(mask: str, then: Stage) -> Stage:
    """The mask takes too long."""

    def stage(farm: StoryFarm) -> Place:
        farm.core.matcher = slow_on(mask)
        return then(farm)

    return stage


def host_with(**resources: object) -> Callable[..., Stage]:
    def with_job(**members: Any) -> Stage:
        def stage(farm: StoryFarm) -> Place:
            farm.render("a", capacity=4000, resources=resources)
            return farm.submit(3, **members).blocks[0], 0

        return stage

    return with_job


def user_with(**params: object) -> Stage:
    def stage(farm: StoryFarm) -> Place:
        farm.render("a", capacity=4000, resources={"mem_free_mb": 1000, "hdd_free_gb": 10})
        job = farm.submit(3)
        farm.edit("anna", **params)
        return job.blocks[0], 0

    return stage


def branch_with(**params: object) -> Stage:
    def stage(farm: StoryFarm) -> Place:
        farm.render("a", capacity=4000)
        job = farm.submit(3, branch="/b")
        farm.apply(events.EditBranch("/b", dict(params)))
        return job.blocks[0], 0

    return stage


def render_with(**params: object) -> Stage:
    def stage(farm: StoryFarm) -> Place:
        render = farm.render("a", capacity=4000, user_name="berta")
        job = farm.submit(3)
        farm.edit(render, **params)
        return job.blocks[0], 0

    return stage


def pool_with(path: str, **params: object) -> Stage:
    """The render is in the pool /p, below the root."""

    def stage(farm: StoryFarm) -> Place:
        farm.apply(events.OperatePool("/", "add_pool", name="p"))
        farm.apply(events.EditPool("/p", {"pattern": "a"}))
        farm.render("a", capacity=4000)
        job = farm.submit(3, tickets={"lic": 1})
        farm.apply(events.EditPool(path, dict(params)))
        return job.blocks[0], 0

    return stage


def tickets(each: int, **params: object) -> Stage:
    """Each task holds so many; the root pool says how many there are."""

    def stage(farm: StoryFarm) -> Place:
        farm.apply(events.EditPool("/", dict(params)))
        return job_with(tickets={"lic": each})(farm)

    return stage


def own_tickets(farm: StoryFarm) -> Place:
    place = job_with(tickets={"lic": 1})(farm)
    farm.edit(farm.core.renders["a"], tickets_host={"lic": 1, "rlm": 5})
    return place


def farm_file(*patterns: Pattern, limits: tuple[Limit, ...] = ()) -> Stage:
    def stage(farm: StoryFarm) -> Place:
        block, task = job_with(service="nuke")(farm)
        farm.apply(events.SetFarmSetup(FarmSetup(patterns, limits), "farm.xml"))
        return block, task

    return stage


def everywhere(*services: ServiceRule, **more: Any) -> Pattern:
    return Pattern("all", services=services, **more)


NUKE = everywhere(ServiceRule("nuke"))


def running(stage: Stage, n: int) -> Stage:
    """The same with ``n`` tasks running already; speaks of the task behind them."""

    def staged(farm: StoryFarm) -> Place:
        block, _ = stage(farm)
        farm.start(n)
        return block, n

    return staged


def running_then(stage: Stage, n: int, event: events.Event) -> Stage:
    """The same, and something that happens when they run."""

    def staged(farm: StoryFarm) -> Place:
        place = running(stage, n)(farm)
        farm.apply(event)
        return place

    return staged


def second_host(stage: Stage) -> Stage:
    """The same with a task running on the only slot of a, and another host."""

    def staged(farm: StoryFarm) -> Place:
        block, _ = stage(farm)
        farm.edit(farm.core.renders["a"], max_tasks_host=1)
        farm.start(1)
        farm.render("b", capacity=4000)
        return block, 1

    return staged


def operated(operation: str) -> Stage:
    def stage(farm: StoryFarm) -> Place:
        farm.render("a")
        block = farm.submit(1).blocks[0]
        farm.operate_tasks(block, operation, 0)
        return block, 0

    return stage


def failed(*, other: bool = False, **members: Any) -> Stage:
    """It failed on a. ``other``: there is another host that could run it, some day."""

    def stage(farm: StoryFarm) -> Place:
        if other:
            farm.drop_link(farm.render("z"))
        farm.render("a", capacity=1000)
        block = farm.submit(1, **members).blocks[0]
        (run,) = farm.start(1)
        farm.fail(run)
        if other:
            farm.wait(5)
        return block, 0

    return stage
