"""Tasks to try next: what stands in the list, what a pass makes of it, what a long one costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.core import events
from afanasy.core.effects import Stop
from afanasy.core.place import placing
from afanasy.core.place.try_next import TRY_NEXT_MAX, NextTasks
from afanasy.core.state import Block, Job
from afanasy.core.tasks import Code
from harness.farm import StoryFarm


def listed(job: Job) -> list[tuple[int, int]]:
    return list(job.try_next)


def tried_first(*pairs: tuple[int, int]) -> dict[str, Any]:
    """The job's attributes that name these blocks and tasks."""
    return {
        "try_this_blocks_num": [num for num, _ in pairs],
        "try_this_tasks_num": [task for _, task in pairs],
    }


def counted(monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> list[int]:
    """Counts the calls of a function from now on."""
    calls, real = [0], getattr(where, name)

    def counting(*args: Any) -> Any:
        calls[0] += 1
        return real(*args)

    monkeypatch.setattr(where, name, counting)
    return calls


# ------------------------------------------------------------------------------------- the list


def test_numbers_below_zero_name_no_task(farm: StoryFarm) -> None:
    """Task -1 would be the last one of the columns, and of the block before in the store."""
    farm.render("a", capacity=9000, max_tasks=9)
    job = farm.submit(3, **tried_first((0, -1), (-1, 1), (0, 2), (-1, -1)))
    assert listed(job) == [(0, 2)]
    assert [run.task for run in farm.start(3)] == [2, 0, 1]
    farm.restart_server()
    assert farm.codes(farm.job(job.serial).blocks[0]) == [Code.RECONNECT] * 3


def test_a_submission_lists_each_task_once(farm: StoryFarm) -> None:
    job = farm.submit(9, **tried_first((0, 4), (0, 2), (0, 4)))
    assert listed(job) == [(0, 4), (0, 2)]


def test_a_submission_lists_no_more_than_an_operation(farm: StoryFarm) -> None:
    pairs = [(0, task) for task in range(TRY_NEXT_MAX + 5)]
    assert listed(farm.submit(50_000, **tried_first(*pairs))) == pairs[:TRY_NEXT_MAX]


def test_a_list_that_an_older_server_stored(farm: StoryFarm) -> None:
    """It has negative numbers, which that server took."""
    farm.render("a", capacity=9000, max_tasks=9)
    job = farm.submit(2)
    job.try_next = {(0, -1): None, (-1, 0): None, (0, 1): None}
    farm.core.changes.jobs[job.serial] = job
    with pytest.raises(AssertionError, match="to try next"):
        farm.apply(events.Tick())  # it is stored as it is
    farm.restart_server()
    farm.come_back("a")
    assert listed(farm.job(job.serial)) == [(0, 1)]
    assert [run.task for run in farm.start(2)] == [1, 0]


def test_a_pass_looks_at_no_task_that_is_none(farm: StoryFarm) -> None:
    """Not even if such a pair came into the list."""
    job = farm.submit(2)
    job.try_next = {(0, -1): None, (-1, 0): None, (0, 2): None, (1, 0): None, (0, 1): None}
    (listed_tasks,) = NextTasks(job).on("a")
    assert listed_tasks.places == {1: 4}
    job.try_next.clear()


def test_a_task_stands_in_the_list_once(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(9)
    outcome = farm.operate_tasks(job.blocks[0], "trynext", 4, 2, 4, range(1, 3), mode="append")
    assert listed(job) == [(0, 4), (0, 2), (0, 1)]
    assert outcome.count == 3
    (run,) = farm.start(1)
    assert run.task == 4
    assert listed(job) == [(0, 2), (0, 1)]


def test_the_whole_list_is_bounded(farm: StoryFarm) -> None:
    job = farm.submit(blocks=[{"frames": 30_000}, {"frames": 5}])
    block = job.blocks[0]
    half = TRY_NEXT_MAX // 2
    farm.operate_tasks(block, "trynext", range(half), mode="append")
    farm.operate_tasks(block, "trynext", range(half, 2 * half), mode="append")
    more = events.OperateBlocks(job.serial, [1], "trynext", [range(1)], "append")
    assert "reset_trying_next_tasks" in farm.refused(more, "too_many_tasks").sentence()
    # What is in the list already takes no place of its own.
    assert farm.operate_tasks(block, "trynext", range(half), mode="append").count == half
    assert listed(job)[-1] == (0, half - 1)
    farm.operate_tasks(block, "trynext", 0, mode="remove")
    farm.apply(more)
    assert listed(job)[-1] == (1, 0)
    assert len(job.try_next) == TRY_NEXT_MAX


# ------------------------------------------------------------------------------------- a pass


def test_the_first_in_the_list_wins_across_blocks(farm: StoryFarm) -> None:
    farm.render("a", capacity=9000, max_tasks=6)
    job = farm.submit(
        blocks=[{"frames": 4}, {"frames": 4}], **tried_first((1, 3), (0, 2), (1, 1), (0, 1))
    )
    runs = [(run.block.num, run.task) for run in farm.start(6)]
    assert runs == [(1, 3), (0, 2), (1, 1), (0, 1), (0, 0), (0, 3)]
    assert not job.try_next


def test_what_cannot_start_is_passed_over_and_stays(farm: StoryFarm) -> None:
    """Waiting blocks, hosts that a block does not want, tasks that are not there (yet)."""
    farm.render("a", capacity=9000, max_tasks=3)
    job = farm.submit(
        blocks=[
            {"frames": 2, "name": "first"},
            {"frames": 2, "depend_mask": "first"},
            {"frames": 2, "hosts_mask": "nowhere"},
        ],
        **tried_first((1, 0), (2, 1), (0, 9), (3, 0), (0, 1)),
    )
    first, second = farm.start(2)
    assert (first.task, second.task) == (1, 0)
    assert listed(job) == [(1, 0), (2, 1), (0, 9), (3, 0)]
    farm.apply(events.AppendBlocks(job.serial, [farm.block(1, name="late")]))
    (late,) = farm.start(1)
    assert (late.block.num, late.task) == (3, 0)


def test_a_listed_task_with_a_reason_of_its_own(farm: StoryFarm) -> None:
    """It was ejected from the host: the next in the list goes there, and it goes elsewhere."""
    farm.render("a", capacity=1000)
    job = farm.submit(5, **tried_first((0, 3), (0, 1)))
    (run,) = farm.start(1)
    assert run.task == 3
    farm.apply(events.OperateRender("a", "eject_tasks", "anna"))
    farm.take(Stop, 1)
    farm.fail(run)
    farm.operate_tasks(job.blocks[0], "trynext", 3, 1, mode="append")
    assert farm.start(1)[0].task == 1
    farm.render("b", capacity=1000)
    (elsewhere,) = farm.start(1)
    assert (elsewhere.task, elsewhere.render.name) == (3, "b")


def test_hosts_without_errors_of_the_block_come_first(farm: StoryFarm) -> None:
    """R14 holds for tasks to try next, too: it comes before the emptiest host."""
    farm.render("a", capacity=2000)
    job = farm.submit(5, max_running_tasks=1)
    (run,) = farm.start(1)
    farm.fail(run)
    farm.render("b", capacity=1000)
    farm.operate_tasks(job.blocks[0], "trynext", 3, mode="append")
    (run,) = farm.start(1)
    assert (run.task, run.render.name) == (3, "b")


@given(
    st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 5)), max_size=12),
    st.integers(1, 12),
    st.sets(st.integers(0, 3)),
)
def test_the_starts_are_those_of_the_plain_rule(
    pairs: list[tuple[int, int]], slots: int, suspended: set[int]
) -> None:
    """Each start is the first listed task that is ready, else the first ready one."""
    farm = StoryFarm()
    farm.render("a", capacity=90_000, max_tasks=slots)
    job = farm.submit(blocks=[{"frames": 4}] * 3, **tried_first(*pairs))
    for task in sorted(suspended):
        farm.operate_tasks(job.blocks[1], "suspend", task)
    ready = [(b.num, t) for b in job.blocks for t in range(4) if b.code(t) == Code.READY]
    wanted = [pair for pair in dict.fromkeys(pairs) if pair in ready]
    wanted += [pair for pair in ready if pair not in wanted]
    started = [(run.block.num, run.task) for run in farm.start()]
    assert started == wanted[:slots]
    farm.close()


# ------------------------------------------------------------------------------------- the costs

#: Sizes of what is counted: renders and listed tasks.
RENDERS, LISTED = 30, 400


def crowd(farm: StoryFarm, **block: Any) -> Job:
    """Many renders, a job with a long list that cannot start on them, and another that can."""
    with farm.batch():
        for n in range(RENDERS):
            farm.render(f"r{n}", resources={"mem_free_mb": 1000, "mem_total_mb": 64_000})
        blocks = [{"frames": 1, "name": "gate", "hosts_mask": "nowhere"}, {"frames": 5000, **block}]
        job = farm.submit(blocks=blocks, job={"priority": 200})
        farm.submit(RENDERS, name="other")
        farm.operate_tasks(job.blocks[1], "trynext", range(LISTED), mode="append")
    return job


def test_tasks_of_a_block_that_waits_cost_no_look(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(farm, depend_mask="gate")
    looks = counted(monkeypatch, Block, "code")
    with farm.batch():
        farm.solve()
        assert looks[0] < LISTED
    farm.start(RENDERS)


def test_suspended_tasks_cost_one_look_each(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = crowd(farm, need_memory=5000)
    farm.operate_tasks(job.blocks[1], "suspend", range(LISTED))
    looks = counted(monkeypatch, Block, "code")
    with farm.batch():
        farm.solve()
        assert LISTED <= looks[0] <= 2 * LISTED
    farm.start(RENDERS)


def test_a_render_asks_a_listed_block_once(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the listed tasks are ready, and no render has the memory."""
    crowd(farm, need_memory=5000)
    asked = counted(monkeypatch, placing, "block_not_on")
    with farm.batch():
        farm.solve()
        assert asked[0] <= 3 * RENDERS  # once for the list, once for the block; the other job
    farm.start(RENDERS)


def test_a_block_without_listed_tasks_left_is_not_asked(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.render("a", capacity=9000, max_tasks=60)
    pairs = [(num, 0) for num in range(60)]
    farm.submit(blocks=[{"frames": 1, "capacity": 1}] * 60, **tried_first(*pairs))
    asked = counted(monkeypatch, placing, "block_not_on")
    with farm.batch():
        farm.solve()
        assert asked[0] == 60
    assert [(run.block.num, run.task) for run in farm.start(60)] == pairs


def test_tasks_of_a_maintenance_job_are_asked_by_their_host_alone(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with farm.batch():
        for n in range(RENDERS):
            farm.render(f"r{n}")
        names = [f"r{n}" for n in reversed(range(LISTED))]
        job = farm.submit(commands=names, maintenance=True)
        farm.operate_tasks(job.blocks[0], "trynext", range(LISTED), mode="append")
    asked: Callable[..., object] = placing.task_not_on
    calls = counted(monkeypatch, placing, "task_not_on")
    with farm.batch():
        farm.solve()
        assert calls[0] <= 2 * RENDERS
    assert asked is not placing.task_not_on
    runs = farm.start(RENDERS)
    assert all(job.blocks[0].task_name(run.task) == run.render.name for run in runs)
