"""What a person is told who gives up tasks that a lost host may still run (R8)."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.effects import Acknowledge, Start, Stop
from afanasy.core.state import Block, Run
from afanasy.core.tasks import Code
from harness.farm import StoryFarm

BEHIND = "may still run it; if it comes back, that run is stopped and does not count"


@pytest.fixture
def farm():
    farm = StoryFarm()
    yield farm
    farm.close()


def held(farm: StoryFarm, tasks: int = 1, *, lost: str = "hold") -> tuple[Block, list[Run]]:
    """Tasks on a host that is away for longer than anybody waits."""
    farm.render("a", capacity=10_000, max_tasks=8)
    block = farm.submit(blocks=[{"frames": tasks, "on_lost_render": lost}]).blocks[0]
    found = farm.start(tasks)
    farm.drop_link(farm.core.renders["a"])
    farm.wait(200)
    return block, found


@pytest.mark.parametrize("operation", ["restart", "restart_running", "skip", "done", "suspend"])
def test_operations_on_a_held_task_warn(farm: StoryFarm, operation: str) -> None:
    block, _ = held(farm)
    outcome = farm.operate_tasks(block, operation, 0)
    assert outcome.warnings == [
        f"task {block.task_name(0)} of block block0 of job {block.job.id}: the render a {BEHIND}"
    ]
    assert farm.codes(block)[0] != Code.RECONNECT


@pytest.mark.parametrize("operation", ["restart", "restart_pause", "stop", "delete"])
def test_operations_on_its_job_warn(farm: StoryFarm, operation: str) -> None:
    block, _ = held(farm)
    (warning,) = farm.operate(block.job, operation).warnings
    assert warning.endswith(BEHIND)


def test_the_warning_is_true(farm: StoryFarm) -> None:
    """Whoever restarted it: the run of the host that comes back is stopped and ignored."""
    block, (run,) = held(farm)
    farm.operate_tasks(block, "restart", 0)
    farm.come_back("a", run)
    (stop,) = farm.take(Stop, 1)
    assert stop.run_id == run.id
    (again,) = farm.start(1)
    assert again is not run
    farm.finish(run)
    farm.take(Acknowledge)
    assert farm.codes(block)[0] == Code.RUNNING
    farm.take(Start, 0)


def test_many_tasks_of_one_host_are_one_sentence(farm: StoryFarm) -> None:
    block, _ = held(farm, 3)
    (warning,) = farm.operate(block.job, "restart").warnings
    assert "and 2 other tasks: the render a may still run them" in warning


def test_only_the_named_tasks_count(farm: StoryFarm) -> None:
    block, _ = held(farm, 2)
    (warning,) = farm.operate_tasks(block, "restart", 1).warnings
    assert warning.startswith(f"task {block.task_name(1)} ")


def test_a_question_changes_nothing(farm: StoryFarm) -> None:
    block, _ = held(farm)
    log = list(block.job.log)
    asked = farm.operate_tasks(block, "restart", 0, ask=True)
    assert len(asked.warnings) == 1
    assert asked.count == 0
    assert asked.text.startswith("Nothing was done")
    asked = farm.operate(block.job, "delete", ask=True)
    assert len(asked.warnings) == 1
    assert farm.codes(block)[0] == Code.RECONNECT
    assert (block.job.log, block.job.deleting) == (log, False)


@pytest.mark.parametrize("operation", ["eject_tasks", "eject_tasks_keep_my", "delete"])
def test_operations_on_its_render_warn(farm: StoryFarm, operation: str) -> None:
    block, _ = held(farm, 2)
    farm.submit(1, user="bob")
    outcome = farm.apply(events.OperateRender("a", operation, "bob@desk"))
    (warning,) = outcome.warnings
    assert warning.startswith(f"task {block.task_name(0)} of block block0 of job {block.job.id}")
    assert "and 1 other task: the render a may still run them" in warning
    assert farm.codes(block) == [Code.READY] * 2


def test_who_keeps_his_tasks_is_not_warned(farm: StoryFarm) -> None:
    block, _ = held(farm)
    outcome = farm.apply(events.OperateRender("a", "eject_tasks_keep_my", "anna@desk"))
    assert outcome.warnings == []
    assert farm.codes(block)[0] == Code.RECONNECT


@pytest.mark.parametrize("operation", ["eject_tasks", "delete"])
def test_renders_without_held_tasks_are_not_warned_of(farm: StoryFarm, operation: str) -> None:
    farm.render("a")
    farm.submit(1)
    farm.start(1)
    farm.drop_link(farm.core.renders["a"])
    assert farm.apply(events.OperateRender("a", operation, "anna@desk")).warnings == []


def test_nothing_to_warn_of(farm: StoryFarm) -> None:
    block, _ = held(farm)
    assert farm.operate(block.job, "pause").warnings == []
    assert farm.operate_tasks(block, "restart_errors").warnings == []
    farm.come_back("a")
    assert farm.operate(block.job, "restart").warnings == []


def test_a_host_that_is_only_silent_is_warned_of_too(farm: StoryFarm) -> None:
    farm.render("a")
    block = farm.submit(blocks=[{"frames": 1, "on_lost_render": "hold"}]).blocks[0]
    farm.start(1)
    farm.drop_link(farm.core.renders["a"])
    assert len(farm.operate_tasks(block, "restart", 0).warnings) == 1
    assert farm.operate_tasks(block, "restart", 0).warnings == [], "it is given up already"


def test_tasks_that_may_start_elsewhere_are_not_warned_of(farm: StoryFarm) -> None:
    farm.render("a")
    block = farm.submit(blocks=[{"frames": 1}]).blocks[0]
    farm.start(1)
    farm.drop_link(farm.core.renders["a"])
    assert farm.operate_tasks(block, "restart", 0).warnings == []


def test_downstream(farm: StoryFarm) -> None:
    farm.render("a", capacity=10_000)
    job = farm.submit(
        blocks=[
            {"name": "sim", "frames": 1},
            {"name": "mesh", "frames": 1, "tasks_depend_mask": "sim", "on_lost_render": "hold"},
        ]
    )
    farm.finish(farm.start(1)[0])
    farm.start(1)
    farm.drop_link(farm.core.renders["a"])
    event = events.OperateBlocks(job.serial, [0], "restart", ask=True)
    assert farm.apply(event).warnings == []
    event.mode = "downstream"
    (warning,) = farm.apply(event).warnings
    assert "of block mesh" in warning


def test_a_task_without_a_name_is_told_by_its_number(farm: StoryFarm) -> None:
    farm.render("a", capacity=10_000)
    block = farm.submit(blocks=[{"commands": [""], "on_lost_render": "hold"}]).blocks[0]
    farm.start(1)
    farm.drop_link(farm.core.renders["a"])
    farm.wait(200)
    (warning,) = farm.operate_tasks(block, "restart", 0).warnings
    assert warning.startswith("task #0 of block ")
