"""A job of thousands of blocks: a start and an end look at those concerned, not at all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from afanasy.core import events
from afanasy.core.effects import Start
from afanasy.core.place.solve import solve
from afanasy.core.reactor import apply
from afanasy.core.state import Job, Run
from afanasy.core.tasks import Code
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm

FEW, MANY = 60, 960


def lines_of(work: Callable[[], object]) -> int:
    """How many lines of Python ``work`` runs."""
    count = 0

    def local(frame: Any, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return local

    before = sys.gettrace()
    sys.settrace(lambda frame, event, arg: local)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def job_of(farm: StoryFarm, blocks: int, **more: Any) -> Job:
    return farm.submit(blocks=[{"frames": 1, "capacity": 1, **more} for _ in range(blocks)])


def starts(farm: StoryFarm) -> list[Run]:
    solve(farm.core, farm.now)
    runs = [effect.run for effect in farm.core.effects if isinstance(effect, Start)]
    farm.core.effects.clear()
    return runs


def nearly_done(farm: StoryFarm, blocks: int) -> Job:
    """A job of ``blocks`` blocks of which the last 30 are left."""
    job = job_of(farm, blocks)
    with farm.batch():
        for block in job.blocks[: blocks - 30]:
            farm.operate_tasks(block, "skip")
    return job


@pytest.mark.parametrize("troubled", [False, True])
def test_a_start_does_not_look_at_every_block(troubled: bool) -> None:
    lines: list[int] = []
    for blocks in (FEW, MANY):
        farm = StoryFarm()
        farm.render("a", capacity=1000, max_tasks=1)
        job = nearly_done(farm, blocks)
        if troubled:
            (run,) = farm.start(1)
            farm.fail(run)
        assert job.troubled == troubled
        farm.edit(farm.core.renders["a"], max_tasks_host=20)
        farm.batching = True
        lines.append(lines_of(lambda farm=farm: starts(farm)))
        assert job.running == 20
    assert lines[1] < 1.5 * lines[0]


def test_an_end_does_not_look_at_every_block() -> None:
    """Not either when nearly all are done: who is the last one is known."""
    lines: list[int] = []
    for blocks in (FEW, MANY):
        farm = StoryFarm()
        farm.render("a", capacity=1000, max_tasks=20)
        job = nearly_done(farm, blocks)
        farm.batching = True
        runs = starts(farm)
        assert len(runs) == 20

        def end(farm: StoryFarm = farm, runs: list[Run] = runs) -> None:
            for run in runs:
                event = events.RunFinished("a", run.id, RunEnd.SUCCESS, elapsed_s=1.0)
                apply(farm.core, event, farm.now)

        lines.append(lines_of(end))
        assert job.blocks_done == blocks - 10
    assert lines[1] < 1.5 * lines[0]


def test_blocks_without_room_are_not_asked_one_by_one(farm: StoryFarm) -> None:
    lines: list[int] = []
    farm.render("a", capacity=1000)
    other = farm.submit(1, capacity=900, priority=200)
    farm.start(1)
    farm.render("with room", capacity=1000)
    for blocks in (FEW, MANY):
        job = job_of(farm, blocks, capacity=300, hosts_mask="a")
        with farm.batch():
            lines.append(lines_of(lambda: starts(farm)))
        assert not job.running
        farm.operate(job, "pause")
    assert lines[1] < 1.5 * lines[0]
    assert other.running


def test_blocks_are_tried_by_number_whenever_they_became_ready(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000, max_tasks=1)
    job = farm.submit(blocks=[{"frames": 2} for _ in range(6)])
    farm.operate_tasks(job.blocks[0], "suspend")
    for num in (4, 1, 3):
        farm.operate_tasks(job.blocks[num], "skip")
    assert [block.num for block in job.producing] == [2, 5]
    for num in (3, 4, 1):
        farm.operate_tasks(job.blocks[num], "restart")
    assert [block.num for block in job.producing] == [1, 2, 3, 4, 5]
    started: list[int] = []
    for _ in range(10):
        (run,) = farm.start(1)
        started.append(run.block.num)
        farm.finish(run)
    assert started == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert not job.done
    farm.operate_tasks(job.blocks[0], "skip")
    assert job.done
    assert job.blocks[0].counts[Code.SKIPPED] == 2
