"""Rows S46 to S49: jobs of blocks of tasks, numeric and listed, and a million of them."""

from __future__ import annotations

from afanasy.core import events
from harness.farm import StoryFarm


def test_s46_two_kinds_of_blocks_in_a_job(farm: StoryFarm) -> None:
    farm.render("a", capacity=9000, max_tasks=9)
    job = farm.submit(blocks=[{"frames": 2}, {"commands": ["echo x", "echo y"]}])
    names = [run.block.task_name(run.task) for run in farm.start(4)]
    assert names == ["frame 1", "frame 2", "echo x", "echo y"]
    assert [block.spec.numeric for block in job.blocks] == [True, False]


def test_s47_numeric_blocks_store_no_tasks(farm: StoryFarm) -> None:
    """What is stored does not grow with the range."""

    def stored_after(frames: int) -> int:
        story = StoryFarm()
        story.submit(frames)
        size = sum(len(repr(row)) for rows in story.store.rows().values() for row in rows)
        story.close()
        return size

    assert abs(stored_after(1_000_000) - stored_after(10)) < 50


def test_s48_listed_tasks_have_their_own_and_inherit_the_rest(farm: StoryFarm) -> None:
    job = farm.submit(commands=["one", "two"], command="wrap @#@", working_directory="/prj")
    block = job.blocks[0]
    assert block.tasks is not None
    assert [task.command for task in block.tasks] == ["one", "two"]
    assert (block.spec.command, block.spec.working_directory) == ("wrap @#@", "/prj")


def test_s49_a_million_tasks(farm: StoryFarm) -> None:
    """What is written of it is what happened: nothing at first, then a row for each start."""
    farm.render("a", capacity=3000, max_tasks=3)
    job = farm.submit(1_000_000)
    assert job.blocks[0].columns is None
    for run in farm.start(3):
        farm.finish(run)
    assert job.blocks[0].columns is not None
    rows = farm.store.rows()
    assert len(list(rows["tasks"])) == 3
    assert not list(rows.get("pages", ()))
    farm.operate_tasks(job.blocks[0], "skip", range(10, 1_000_000))
    assert len(list(farm.store.rows()["pages"])) == 245  # of 4096 tasks each


def test_try_next_goes_first(farm: StoryFarm) -> None:
    farm.render("a", capacity=2000, max_tasks=2)
    job = farm.submit(10)
    farm.operate_tasks(job.blocks[0], "trynext", 7, 5, mode="append")
    assert [run.task for run in farm.start(2)] == [7, 5]


def test_suspended_tasks_wait(farm: StoryFarm) -> None:
    farm.render("a", capacity=9000, max_tasks=9)
    job = farm.submit(3)
    farm.operate_tasks(job.blocks[0], "suspend", 1)
    assert [run.task for run in farm.start(2)] == [0, 2]
    farm.operate_tasks(job.blocks[0], "continue", 1)
    assert farm.start(1)[0].task == 1


def test_work_is_appended_to_a_running_job(farm: StoryFarm) -> None:
    farm.render("a", capacity=9000, max_tasks=9)
    job = farm.submit(commands=["x"])
    (run,) = farm.start(1)
    more = [farm.block(2, name="more")]
    assert farm.apply(events.AppendBlocks(job.serial, more)) == [1]
    tasks = farm.block(commands=["y"]).tasks
    assert tasks is not None
    farm.apply(events.AppendTasks(job.serial, 0, tasks))
    assert len(farm.start(3)) == 3
    farm.finish(run)
    assert "DON" not in farm.job_state(job)
