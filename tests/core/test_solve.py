"""Farm stories: who gets the slot."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.effects import Stop
from afanasy.core.tasks import Code
from afanasy.model.clock import Now
from harness.farm import StoryFarm


def test_tasks_of_600_on_a_render_of_1000_run_one_after_another(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(3, capacity=600)
    for task in range(3):
        (run,) = farm.start(1)
        assert run.task == task
        assert farm.start() == []
        farm.finish(run)
    assert job.blocks[0].done
    assert farm.state(job.blocks[0]) == "DON"


def test_capacity_2500_runs_exactly_two_tasks_of_1000(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=2500)
    farm.submit(5, capacity=1000)
    assert len(farm.start(2)) == 2
    assert render.capacity_used == 2000


def test_max_tasks_of_a_render(farm: StoryFarm) -> None:
    farm.render("a", capacity=10_000, max_tasks=3)
    farm.submit(5, capacity=10)
    farm.start(3)


def test_variable_capacity_takes_what_is_free(farm: StoryFarm) -> None:
    """SEMANTICS 3.8: a task of 1000 on a render with 4000 free gets coefficient 4."""
    render = farm.render("a", capacity=4000)
    farm.submit(1, flags=2, capacity=1000, capacity_coeff_min=1, capacity_coeff_max=100)
    (run,) = farm.start(1)
    assert (run.coeff, render.capacity_used) == (4, 4000)


def test_a_generator_of_1000_leaves_coefficient_3(farm: StoryFarm) -> None:
    """S14: 3000 can be taken by one generator of one CPU and ``mantra -j 3``."""
    render = farm.render("a", capacity=4000)
    farm.submit(blocks=[
        {"capacity": 1000},
        {"capacity": 1000, "flags": 2, "capacity_coeff_min": 1, "capacity_coeff_max": 100},
    ])  # fmt: skip
    generator, mantra = farm.start(2)
    assert (generator.coeff, mantra.coeff, render.capacity_used) == (0, 3, 4000)


@pytest.mark.parametrize(("low", "high", "coeff"), [(2, 3, 3), (5, 8, None), (-1, -1, 4)])
def test_coefficient_bounds(farm: StoryFarm, low: int, high: int, coeff: int | None) -> None:
    farm.render("a", capacity=4000)
    farm.submit(1, flags=2, capacity_coeff_min=low, capacity_coeff_max=high)
    assert [run.coeff for run in farm.start()] == ([coeff] if coeff else [])


def test_unlimited_capacity_gives_the_highest_coefficient(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.apply(events.EditRender("a", {"capacity_host": 0}))
    farm.submit(1, flags=2, capacity_coeff_min=2, capacity_coeff_max=6)
    assert farm.start() == []
    render.spec.capacity_host = -1
    render.capacity_flag = -1  # "not given" is the default of 1100, so nothing is unlimited here
    farm.apply(events.EditRender("a", {"capacity_host": 12_000}))
    (run,) = farm.start(1)
    assert run.coeff == 6


def test_users_share_by_need(farm: StoryFarm) -> None:
    """R30: priorities 99 and 109 settle at a ratio of 1.1^10 within one task."""
    for n in range(20):
        farm.render(f"r{n:02}", capacity=1000)
    low = farm.submit(100, user="anna")
    high = farm.submit(100, user="bob")
    farm.apply(events.EditUser("bob", {"priority": 109}))
    farm.start(20)
    ratio = 1.1**10
    expected = 22 * ratio / (1 + ratio) - 1
    assert abs(high.running - expected) <= 1
    assert low.running + high.running == 20


def test_users_of_equal_need_take_turns(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    anna, bob = farm.submit(4, user="anna"), farm.submit(4, user="bob")
    order = []
    for _ in range(4):
        (run,) = farm.start(1)
        order.append(run.block.job)
        farm.finish(run)
    assert order == [anna, bob, anna, bob]


def test_jobs_go_by_priority_then_age(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    first = farm.submit(1, name="first")
    second = farm.submit(1, name="second")
    urgent = farm.submit(1, name="urgent", priority=150)
    order = []
    for _ in range(3):
        (run,) = farm.start(1)
        order.append(run.block.job)
        farm.finish(run)
    assert order == [urgent, first, second]


def test_a_raised_priority_goes_behind_its_equals(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    old, urgent = farm.submit(1, name="old"), farm.submit(1, name="urgent", priority=150)
    farm.apply(events.EditJob(old.serial, {"priority": 150}))
    assert farm.start(1)[0].block.job is urgent


def test_a_job_that_fits_nowhere_does_not_block_others(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    farm.submit(1, capacity=5000, priority=200)
    small = farm.submit(1, capacity=10)
    assert farm.start(1)[0].block.job is small


@pytest.mark.parametrize("where", ["user", "job", "block"])
def test_max_running_tasks(farm: StoryFarm, where: str) -> None:
    farm.render("a", capacity=10_000, max_tasks=10)
    farm.render("b", capacity=10_000, max_tasks=10)
    job = farm.submit(8, capacity=1)
    limit = {"max_running_tasks": 3}
    if where == "user":
        farm.apply(events.EditUser("anna", dict(limit)))
    elif where == "job":
        farm.apply(events.EditJob(job.serial, dict(limit)))
    else:
        farm.apply(events.EditBlocks(job.serial, [0], dict(limit)))
    runs = farm.start(3)
    assert farm.start() == []
    farm.finish(runs[0])
    farm.start(1)


@pytest.mark.parametrize("where", ["user", "job", "block"])
def test_max_running_tasks_per_host(farm: StoryFarm, where: str) -> None:
    farm.render("a", capacity=10_000, max_tasks=10)
    farm.render("b", capacity=10_000, max_tasks=10)
    job = farm.submit(8, capacity=1)
    limit = {"max_running_tasks_per_host": 2}
    if where == "user":
        farm.apply(events.EditUser("anna", dict(limit)))
    elif where == "job":
        farm.apply(events.EditJob(job.serial, dict(limit)))
    else:
        farm.apply(events.EditBlocks(job.serial, [0], dict(limit)))
    runs = farm.start(4)
    assert sorted(run.render.name for run in runs) == ["a", "a", "b", "b"]
    farm.finish(runs[0])
    assert farm.start(1)[0].render is runs[0].render


def test_limit_zero_starts_nothing(farm: StoryFarm) -> None:
    farm.render("a")
    farm.submit(2, max_running_tasks=0)
    assert farm.start() == []


def test_a_block_waits_for_the_blocks_of_its_mask(farm: StoryFarm) -> None:
    farm.render("a", capacity=10_000, max_tasks=10)
    job = farm.submit(blocks=[
        {"name": "sim", "frames": 2, "capacity": 1},
        {"name": "render", "frames": 2, "capacity": 1, "depend_mask": "si.*"},
    ])  # fmt: skip
    first = farm.start(2)
    assert {run.block.num for run in first} == {0}
    farm.finish(first[0])
    assert farm.start() == []
    farm.apply(events.OperateBlocks(job.serial, [0], "skip", [range(1, 2)]))
    farm.take(Stop, 1)
    farm.finish(first[1], 7)
    assert {run.block.num for run in farm.start(2)} == {1}


def test_depend_masks_are_live(farm: StoryFarm) -> None:
    """R17: a dependency that restarts makes what has not started wait again."""
    farm.render("a", capacity=1000)
    job = farm.submit(blocks=[{"name": "one"}, {"name": "two", "frames": 2, "depend_mask": "one"}])
    farm.finish(farm.start(1)[0])
    (running,) = farm.start(1)
    farm.apply(events.OperateBlocks(job.serial, [0], "restart"))
    farm.finish(running)
    assert farm.start(1)[0].block.num == 0
    assert job.blocks[1].waiting


def test_nimby_takes_only_tasks_of_its_user(farm: StoryFarm) -> None:
    farm.render("a", user_name="anna")
    farm.apply(events.EditRender("a", {"nimby": True}))
    farm.submit(1, user="bob", priority=200)
    mine = farm.submit(1, user="anna")
    assert farm.start(1)[0].block.job is mine
    farm.render("b")
    farm.apply(events.EditRender("b", {"NIMBY": True}))
    assert farm.start() == []
    ignoring = farm.submit(1, user="carl", ignorenimby=True)
    assert farm.start(1)[0].block.job is ignoring


def test_a_paused_job_starts_nothing_until_it_is_started(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1, offline=True)
    assert farm.start() == []
    farm.apply(events.OperateJob(job.serial, "start"))
    farm.start(1)


def test_time_wait(farm: StoryFarm) -> None:
    farm.render("a")
    farm.submit(1, time_wait=int(farm.now.wall) + 100)
    assert farm.start() == []
    farm.wait(99)
    assert farm.start() == []
    farm.wait(2)
    farm.start(1)


def test_tasks_to_try_next_come_first(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(9)
    farm.apply(
        events.OperateBlocks(job.serial, [0], "trynext", [range(7, 8), range(4, 5)], mode="append")
    )
    tasks = []
    for _ in range(3):
        (run,) = farm.start(1)
        tasks.append(run.task)
        farm.finish(run)
    assert tasks == [7, 4, 0]


def test_the_emptiest_render_comes_first(farm: StoryFarm) -> None:
    farm.render("a", capacity=2000)
    farm.render("b", capacity=3000)
    farm.submit(3, capacity=1000)
    assert [run.render.name for run in farm.start(3)] == ["b", "a", "b"]


def test_sequential_orders_the_starts(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    farm.submit(20, sequential=5)
    frames = []
    for _ in range(8):
        (run,) = farm.start(1)
        frames.append(run.task + 1)
        farm.finish(run)
    assert frames == [1, 20, 5, 10, 15, 2, 3, 4]


def test_a_million_skipped_tasks_cost_one_search(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(1_000_000)
    outcome = farm.core and farm.apply(
        events.OperateBlocks(job.serial, [0], "skip", [range(999_999)])
    )
    assert outcome.count == 999_999
    assert farm.start(1)[0].task == 999_999
    assert job.blocks[0].counts[Code.SKIPPED] == 999_999


@pytest.mark.parametrize("step_s", [-50_000.0, -90.0, 90.0, 150.0, 50_000.0])
def test_a_wall_clock_that_jumps(farm: StoryFarm, step_s: float) -> None:
    """``time_wait`` is a moment of the wall clock, whenever that comes (R3); nothing else cares."""
    farm.render("a", capacity=2000, max_tasks=2)
    runner = farm.submit(1)
    (run,) = farm.start(1)
    job = farm.submit(1, time_wait=int(farm.now.wall) + 100)
    farm.now = Now(farm.now.mono, farm.now.wall + step_s)
    farm.apply(events.Tick(clock_step_s=step_s))
    left = job.spec.time_wait - farm.now.wall
    if left > 0:
        farm.wait(left - 1)
        assert farm.solve() == 0
        farm.wait(2)
    started = farm.start(1)
    assert started[0].block.job is job
    farm.finish(started[0])
    farm.finish(run)
    assert runner.blocks[0].done
