"""Rows of the product text about dependencies: S02, S18, S19, S21, S22, S23."""

from __future__ import annotations

from typing import Any

from afanasy.core.state import Block, Run
from afanasy.core.tasks import Code
from afanasy.model.attributes import FLAG_DEPEND_SUB_TASK
from harness.farm import StoryFarm


def big(farm: StoryFarm) -> None:
    """A render that takes everything."""
    farm.render("a", capacity=10**6, max_tasks=10_000)


def started(farm: StoryFarm) -> dict[tuple[str, int], Run]:
    """Solve; the runs by block name and task."""
    return {(run.block.spec.name, run.task): run for run in farm.start()}


def waiting(farm: StoryFarm, block: Block) -> list[int]:
    return [task for task, code in enumerate(farm.codes(block)) if code == Code.WAITING]


def numeric(name: str, first: int, last: int, per: int = 1, inc: int = 1, **more: Any) -> Any:
    return {
        "name": name,
        "frame_first": first,
        "frame_last": last,
        "frames_per_task": per,
        "frames_inc": inc,
        **more,
    }


def test_s02_parts_of_a_frame(farm: StoryFarm) -> None:
    """Eight tiles, four of them a frame: frame 0 waits for tiles 0-3, frame 1 for 4-7."""
    big(farm)
    job = farm.submit(
        blocks=[
            {"name": "tiles", "commands": list("abcdefgh"), "frames_per_task": -4},
            numeric("stitch", 0, 1, tasks_depend_mask="tiles"),
        ]
    )
    stitch = job.blocks[1]
    runs = started(farm)
    assert {key[0] for key in runs} == {"tiles"}
    for tile in (4, 0, 1, 2):  # the first tile of the next frame is not asked for
        farm.finish(runs["tiles", tile])
        assert started(farm) == {}
    assert farm.explain(stitch, 0).summary == "the task waits for task 3 of block tiles"
    farm.finish(runs["tiles", 3])
    assert list(started(farm)) == [("stitch", 0)]
    assert farm.explain(stitch, 1).summary == "the task waits for tasks 5-7 of block tiles"


def test_s18_job_depend_mask(farm: StoryFarm) -> None:
    """A regular expression that matches whole names of the same user's jobs."""
    big(farm)
    first, second = farm.submit(name="A1"), farm.submit(name="A2")
    farm.submit(name="A3", user="bob")
    farm.submit(name="BA1")
    job = farm.submit(name="B", job={"depend_mask": "A.*"})
    assert farm.job_state(job) == "WDP"
    assert farm.explain(job.blocks[0]).summary == "the job waits for job A1 and 1 more"
    runs = {run.block.job.spec.name: run for run in farm.start()}
    assert set(runs) == {"A1", "A2", "A3", "BA1"}
    farm.finish(runs["A1"])
    assert first.done
    assert farm.job_state(job) == "WDP"
    farm.finish(runs["A2"])
    assert second.done
    assert farm.job_state(job) == "RDY"
    assert [run.block.job for run in farm.start()] == [job]


def test_s19_global_depend_mask(farm: StoryFarm) -> None:
    """Jobs of any user."""
    farm.submit(name="A1")
    third = farm.submit(name="A3", user="bob")
    job = farm.submit(name="B", depend_mask_global="A3")
    assert farm.job_state(job) == "WDP"
    assert farm.explain(job.blocks[0]).summary == "the job waits for job A3"
    farm.operate_tasks(third.blocks[0], "skip")  # a skipped one is done
    assert farm.job_state(job) == "RDY"


def test_s21_block_depend_mask(farm: StoryFarm) -> None:
    """Block 2 is WDP until block 1 is DON."""
    big(farm)
    job = farm.submit(blocks=[{"frames": 2}, {"frames": 2, "depend_mask": "block0"}])
    one, two = started(farm).values()
    assert farm.block_state(job.blocks[1]) == "WDP"
    farm.finish(one)
    assert started(farm) == {}
    assert farm.explain(job.blocks[1]).summary == "the block waits for block block0"
    farm.finish(two)
    assert farm.block_state(job.blocks[1]) == "RDY"
    assert sorted(started(farm)) == [("block1", 0), ("block1", 1)]


def test_s22_tasks_depend_mask(farm: StoryFarm) -> None:
    """One frame a task and five: the task 6-10 waits for exactly the frames 6 to 10."""
    big(farm)
    job = farm.submit(
        blocks=[numeric("sim", 1, 10), numeric("mesh", 1, 10, 5, tasks_depend_mask="sim")]
    )
    runs = started(farm)
    for task in (5, 6, 7, 8):
        farm.finish(runs["sim", task])
    assert waiting(farm, job.blocks[1]) == [0, 1]
    farm.finish(runs["sim", 9])
    assert list(started(farm)) == [("mesh", 1)]
    # And the other way round: frames 6 to 10 wait for the one task that has them.
    job = farm.submit(
        blocks=[numeric("sim", 1, 10, 5), numeric("mesh", 1, 10, tasks_depend_mask="sim")]
    )
    runs = started(farm)
    farm.finish(runs["sim", 1])
    assert waiting(farm, job.blocks[1]) == [0, 1, 2, 3, 4]
    assert len(started(farm)) == 5


def test_s22_with_increments(farm: StoryFarm) -> None:
    """Every second frame is simulated: a frame between waits for the one before it."""
    big(farm)
    job = farm.submit(
        blocks=[numeric("sim", 1, 9, inc=2), numeric("mesh", 1, 11, tasks_depend_mask="sim")]
    )
    runs = started(farm)
    farm.finish(runs["sim", 1])
    assert sorted(task for _, task in started(farm)) == [2, 3]  # frames 3 and 4
    farm.finish(runs["sim", 4])
    assert sorted(task for _, task in started(farm)) == [8, 9, 10]  # 9, and all after the end
    assert waiting(farm, job.blocks[1]) == [0, 1, 4, 5, 6, 7]


def test_s23_sub_task_dependence(farm: StoryFarm) -> None:
    """Frame 3 begins while the simulation of 1-10 works at frame 4."""
    big(farm)
    job = farm.submit(
        blocks=[
            numeric("sim", 1, 10, 10, flags=FLAG_DEPEND_SUB_TASK),
            numeric("mesh", 1, 10, tasks_depend_mask="sim"),
        ]
    )
    sim = started(farm)["sim", 0]
    assert started(farm) == {}
    farm.progress(sim, 10.0, frame=2)
    assert sorted(task for _, task in started(farm)) == [0, 1]
    farm.progress(sim, 15.0, frame=3)  # frames 1, 2, 3 are finished
    assert list(started(farm)) == [("mesh", 2)]
    assert farm.explain(job.blocks[1], 3).summary == "the task waits for task 0 of block sim"
    # What the run had finished counts no more when it fails; what runs goes on.
    farm.progress(sim, 20.0, frame=5)
    assert waiting(farm, job.blocks[1]) == [5, 6, 7, 8, 9]
    farm.fail(sim)
    assert waiting(farm, job.blocks[1]) == [3, 4, 5, 6, 7, 8, 9]
    assert farm.codes(job.blocks[1])[:3] == [Code.RUNNING] * 3


def test_s23_frames_count_along_the_increment(farm: StoryFarm) -> None:
    """Frames 1, 3, 5 … in one task: two finished ones are 1 and 3 (the original said 1 and 2)."""
    big(farm)
    job = farm.submit(
        blocks=[
            numeric("sim", 1, 9, 5, 2, flags=FLAG_DEPEND_SUB_TASK),
            numeric("mesh", 1, 9, 1, 2, tasks_depend_mask="sim"),
        ]
    )
    sim = started(farm)["sim", 0]
    farm.progress(sim, 10.0, frame=2)
    assert waiting(farm, job.blocks[1]) == [2, 3, 4]
    farm.restart_server()
    job = farm.job(job.serial)
    assert waiting(farm, job.blocks[1]) == [2, 3, 4], "finished frames survive a restart"
    farm.come_back("a", farm.core.runs[sim.id])
    assert sorted(task for _, task in started(farm)) == [0, 1]
