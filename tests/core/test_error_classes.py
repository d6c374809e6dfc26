"""Errors with a class of their own, and what a person says against them (R18)."""

from __future__ import annotations

import pytest

from afanasy.core.state import Block, Job
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm


def out_of_memory(farm: StoryFarm, **spec: object) -> Block:
    """A task took 3,900 MB and failed: it would need 4,875 of 4,000."""
    farm.render("a", resources={"mem_free_mb": 4000, "mem_total_mb": 8000})
    block = farm.submit(1, **spec).blocks[0]
    (run,) = farm.start(1)
    farm.finish(run, RunEnd.ERROR, error_class="memory", memory_peak_mb=3900)
    farm.wait(2)
    assert (farm.start(), block.extras[0].need_memory_mb) == ([], 4875)
    return block


@pytest.mark.parametrize("who", ["block", "job"])
def test_a_persons_memory_wins_over_what_a_task_took(farm: StoryFarm, who: str) -> None:
    block = out_of_memory(farm, need_memory=1000)
    changed: Block | Job = block if who == "block" else block.job
    farm.edit(changed, need_memory=2000)
    farm.check_restored()
    (run,) = farm.start(1)
    assert run.memory_need_mb == 2000
    farm.finish(run, RunEnd.ERROR, error_class="memory", memory_peak_mb=3000)
    assert block.extras[0].need_memory_mb == 3750, "it learns again"


def test_other_edits_leave_it(farm: StoryFarm) -> None:
    block = out_of_memory(farm)
    farm.edit(block, need_hdd=1)
    farm.edit(block.job, annotation="?")
    assert farm.start() == []


def test_nothing_is_left_of_it(farm: StoryFarm) -> None:
    """A task without errors of its own that needed more memory is as any other."""
    block = out_of_memory(farm, errors_forgive_time=10)
    farm.wait(20)
    block.extras[0].retry_wall = block.extras[0].retry_mono = 0.0
    farm.core.changes.task(block, 0)
    farm.edit(block, need_memory=-1)
    assert block.extras == {}
    farm.check_restored()


def test_a_licence_is_missing_of_the_service_that_ran(farm: StoryFarm) -> None:
    """The block was given another service meanwhile, of which nothing is known."""
    farm.render("a", capacity=1000)
    job = farm.submit(3, service="nuke")
    (run,) = farm.start(1)
    farm.edit(job.blocks[0], service="maya")
    farm.fail(run, error_class="licence")
    assert list(farm.core.service_holds) == ["nuke"]
    (run,) = farm.start(1)
    assert run.service == "maya"


def test_the_licences_are_back_of_the_service_that_ran(farm: StoryFarm) -> None:
    """The success of a block that was given another service ends the wait of its old one."""
    farm.render("a", capacity=1000)
    job = farm.submit(3, service="nuke")
    (run,) = farm.start(1)
    farm.fail(run, error_class="licence")
    farm.wait(31)
    (probe,) = farm.start(1)
    farm.edit(job.blocks[0], service="maya")
    farm.finish(probe)
    assert farm.core.service_holds == {}


def test_a_success_of_another_service_says_nothing(farm: StoryFarm) -> None:
    """The block asks for a service that waits since its run was started."""
    farm.render("a", capacity=1000, max_tasks=1)
    farm.render("b", capacity=1000, max_tasks=1)
    first, second = farm.submit(1, service="nuke"), farm.submit(1, service="maya")
    nuke, maya = sorted(farm.start(2), key=lambda run: run.service, reverse=True)
    assert (nuke.block.job, maya.block.job) == (first, second)
    farm.fail(nuke, error_class="licence")
    farm.wait(31)
    farm.edit(second.blocks[0], service="nuke")
    farm.finish(maya)
    assert list(farm.core.service_holds) == ["nuke"]
    (probe,) = farm.start(1)
    assert farm.core.service_holds["nuke"].probe == probe.id
