"""Jobs come in: names, ids, owners, sizes, and more work for living jobs (SEMANTICS 1)."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.job import submit
from afanasy.core.job.submit import JOB_ID_MAX, unique_name
from afanasy.core.tasks import Code
from afanasy.model.attributes import BlockSpec, JobSpec
from afanasy.model.ids import TASKS_PER_BLOCK_MAX
from harness.farm import StoryFarm


def test_the_system_job_has_id_1(farm: StoryFarm) -> None:
    """R4: id 1 from the first; people's jobs begin at 2."""
    assert farm.core.jobs_by_id[1].system
    assert (farm.submit().id, farm.submit().id) == (2, 3)


def test_ids_rise_and_then_take_the_longest_free(farm: StoryFarm) -> None:
    """R4: a deleted job's id is not the next one's."""
    first, second = farm.submit(), farm.submit()
    farm.operate(first, "delete")
    assert farm.submit().id == second.id + 1
    farm.core.job_id_last = JOB_ID_MAX - 1
    assert farm.submit().id == JOB_ID_MAX
    assert farm.submit().id == first.id


def test_serials_are_never_reused(farm: StoryFarm) -> None:
    job = farm.submit()
    farm.operate(job, "delete")
    farm.restart_server()
    assert farm.submit().serial == job.serial + 1


def test_names_are_unique(farm: StoryFarm) -> None:
    """SEMANTICS 0: name-1, name-2 …"""
    jobs = [farm.submit(name="shot") for _ in range(4)]
    assert [job.spec.name for job in jobs] == ["shot", "shot-1", "shot-2", "shot-3"]
    farm.operate(jobs[2], "delete")
    assert farm.submit(name="shot").spec.name == "shot-4"
    farm.restart_server()
    assert farm.submit(name="shot").spec.name == "shot-2"
    assert farm.submit(name="shot-1").spec.name == "shot-1-1"
    assert farm.submit(name="").spec.name == "noname"


def test_a_free_name_is_taken_again(farm: StoryFarm) -> None:
    for _ in range(2):
        jobs = [farm.submit(name="shot") for _ in range(3)]
        assert [job.spec.name for job in jobs] == ["shot", "shot-1", "shot-2"]
        for job in jobs:
            farm.operate(job, "delete")
    assert farm.core.name_suffix == {}


def test_a_suffix_never_makes_a_name_too_long(farm: StoryFarm) -> None:
    farm.submit(name="x" * 1024)
    assert len(unique_name(farm.core, "x" * 1024)) <= 1024


def test_an_unknown_user_is_made(farm: StoryFarm) -> None:
    job = farm.submit(user="new")
    user = farm.core.users["new"]
    assert job.user is user
    assert (user.host_name, user.time_register) == ("desk", int(farm.now.wall))
    assert job.spec.time_creation == int(farm.now.wall)


def test_what_is_refused(farm: StoryFarm) -> None:
    before = len(farm.core.users)
    block = farm.block()
    farm.refused(events.Submit(JobSpec(name="x"), [block]), "missing")
    farm.refused(events.Submit(JobSpec(user_name="new"), []), "missing")
    empty = events.BlockSubmission(BlockSpec(), [])
    error = farm.refused(events.Submit(JobSpec(user_name="new"), [block, empty]), "missing")
    assert error.field == "job.blocks[1].tasks"
    assert len(farm.core.users) == before


def test_caps(farm: StoryFarm) -> None:
    big = farm.block(frame_last=TASKS_PER_BLOCK_MAX + 1)
    error = farm.refused(events.Submit(JobSpec(user_name="anna"), [big]), "too_many_tasks")
    assert str(TASKS_PER_BLOCK_MAX) in error.sentence()
    largest = [farm.block(frame_last=TASKS_PER_BLOCK_MAX) for _ in range(6)]
    error = farm.refused(events.Submit(JobSpec(user_name="anna"), largest), "too_many_tasks")
    assert "a job may have 50000000" in error.message
    edges = farm.block(frame_first=-(2**62), frame_last=2**62, frames_per_task=2**60)
    job = farm.apply(events.Submit(JobSpec(user_name="anna"), [edges]))
    assert job.blocks[0].tasks_num == 9


def test_the_most_blocks_of_a_job(farm: StoryFarm, monkeypatch: pytest.MonkeyPatch) -> None:
    """However they came into it."""
    monkeypatch.setattr(submit, "BLOCKS_PER_JOB_MAX", 5)
    blocks = [farm.block(name=f"b{n}") for n in range(6)]
    farm.refused(events.Submit(JobSpec(user_name="anna"), blocks), "too_many_blocks")
    job = farm.submit(blocks=[{"frames": 1}] * 3)
    error = farm.refused(events.AppendBlocks(job.serial, blocks[:3]), "too_many_blocks")
    assert "6 blocks in all; a job may have 5" in error.sentence()
    farm.apply(events.AppendBlocks(job.serial, blocks[:2]))
    assert len(job.blocks) == 5


def test_too_many_depend_masks(farm: StoryFarm) -> None:
    blocks = [farm.block(name=f"b{n}", depend_mask=f"b.*{n}x") for n in range(1001)]
    farm.refused(events.Submit(JobSpec(user_name="anna"), blocks), "too_many_masks")
    for n, block in enumerate(blocks):
        block.spec.depend_mask = f"b{n - 1}"  # plain names cost nothing
    job = farm.apply(events.Submit(JobSpec(user_name="anna"), blocks))
    gate = job.blocks[1000].gate
    assert gate is not None
    assert list(gate.members) == [999]
    assert [block.num for block in job.blocks if not block.waiting] == [0]


def test_odd_ranges_are_brought_into_their_bounds(farm: StoryFarm) -> None:
    """SEMANTICS 1.3."""
    job = farm.submit(frame_first=10, frame_last=5, frames_per_task=0)
    spec = job.blocks[0].spec
    assert (spec.frame_last, spec.frames_per_task, job.blocks[0].tasks_num) == (10, 1, 1)


def test_new_tasks_may_start_suspended(farm: StoryFarm) -> None:
    """Flag bit 10."""
    farm.render("a")
    job = farm.submit(
        blocks=[{"frames": 3, "flags": 1 << 10}, {"commands": ["a"], "flags": 1 << 10}]
    )
    assert farm.job_state(job) == "SUS"
    assert farm.start() == []
    farm.apply(events.AppendTasks(job.serial, 1, farm.block(commands=["b"]).tasks or []))
    assert farm.codes(job.blocks[1]) == [Code.SUSPENDED] * 2
    farm.operate_tasks(job.blocks[1], "continue")
    farm.start(1)


def test_try_this_tasks_first(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    farm.submit(9, try_this_blocks_num=[0, 0, 3], try_this_tasks_num=[5, 99, 0])
    assert farm.start(1)[0].task == 5


def test_a_job_with_time_wait(farm: StoryFarm) -> None:
    job = farm.submit(time_wait=int(farm.now.wall) + 10)
    assert farm.job_state(job) == "WTM"
    farm.restart_server()
    farm.wait(11)
    assert farm.job_state(farm.job(job.serial)) == "RDY"


def test_the_submission_is_kept_with_the_history(farm: StoryFarm) -> None:
    """R39."""
    event = farm.submission(3)
    event.text = '{"job": {}}'
    job = farm.apply(event)
    assert farm.store.tables["submissions"][(job.serial, 0)][2] == '{"job": {}}'


# --------------------------------------------------------------------------------- more blocks


def test_appended_blocks_run_also_on_a_done_job(farm: StoryFarm) -> None:
    """SEMANTICS 1.2: where the original never ran them."""
    farm.render("a")
    job = farm.submit()
    farm.finish(farm.start(1)[0])
    assert (farm.job_state(job), bool(job.time_done)) == ("DON", True)
    numbers = farm.apply(
        events.AppendBlocks(job.serial, [farm.block(2), farm.block(commands=["x"])], "text")
    )
    assert numbers == [1, 2]
    assert (farm.job_state(job), job.time_done) == ("RDY", 0)
    assert farm.store.tables["submissions"][(job.serial, 1)][2] == "text"
    assert farm.start(1)[0].block.num == 1


def test_an_appended_block_of_a_waiting_job_is_looked_at(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(1, capacity=5000)
    assert farm.start() == []
    farm.apply(events.AppendBlocks(job.serial, [farm.block(name="small", capacity=10)]))
    assert farm.start(1)[0].block.num == 1


def test_an_appended_block_may_be_waited_for(farm: StoryFarm) -> None:
    job = farm.submit(blocks=[{"name": "a", "depend_mask": "b.*"}])
    assert not job.blocks[0].waiting
    farm.apply(events.AppendBlocks(job.serial, [farm.block(name="b1")]))
    assert job.blocks[0].waiting


def test_refused_appends(farm: StoryFarm) -> None:
    job = farm.submit()
    farm.refused(events.AppendBlocks(job.serial, []), "missing")
    farm.refused(events.AppendBlocks(77, [farm.block()]), "not_found")
    farm.refused(events.AppendTasks(job.serial, 0, []), "numeric")
    lists = farm.submit(commands=["a"])
    farm.refused(events.AppendTasks(lists.serial, 0, []), "missing")
    farm.refused(events.AppendTasks(lists.serial, 1, []), "not_found")


# ---------------------------------------------------------------------------------- more tasks


def test_appended_tasks_run_also_on_a_done_job(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(blocks=[{"name": "a", "commands": ["x"]}, {"depend_mask": "a"}])
    block = job.blocks[0]
    farm.finish(farm.start(1)[0])
    farm.finish(farm.start(1)[0])
    assert farm.job_state(job) == "DON"
    more = farm.block(commands=["y", "z"]).tasks
    assert farm.apply(events.AppendTasks(job.serial, 0, more or [])) == [1, 2]
    assert farm.codes(block) == [Code.DONE, Code.READY, Code.READY]
    assert (farm.job_state(job), job.time_done, block.time_done) == ("RDY", 0, 0)
    assert job.blocks[1].waiting
    assert farm.start(1)[0].task == 1
    assert block.task_name(2) == "z"
    assert block.spec.flags & 1 << 9


@pytest.mark.parametrize("times", [1, 2, 5])
def test_tasks_appended_in_one_batch(farm: StoryFarm, times: int) -> None:
    """The records are stored once, whole, whether the job is new or not."""
    more = farm.block(commands=["y", "z"]).tasks or []
    with farm.batch():
        job = farm.submit(commands=["x"])
        for _ in range(times):
            farm.apply(events.AppendTasks(job.serial, 0, list(more)))
    farm.check_restored()
    with farm.batch():
        for _ in range(times):
            farm.apply(events.AppendTasks(job.serial, 0, list(more)))
    farm.check_restored()
    assert job.blocks[0].tasks_num == 1 + 4 * times


def test_tasks_appended_while_others_run_in_an_order(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(commands=["0", "1", "2"], sequential=-1)
    run = farm.start(1)[0]
    farm.apply(events.AppendTasks(job.serial, 0, farm.block(commands=["3", "4"]).tasks or []))
    order = [run.task]
    while True:
        farm.finish(run)
        runs = farm.start()
        if not runs:
            break
        run = runs[0]
        order.append(run.task)
    assert order == [2, 4, 3, 1, 0]


def test_many_appends_grow_past_the_mapped_size(farm: StoryFarm) -> None:
    """The columns of small and big blocks differ in kind; what they hold does not."""
    farm.render("a", capacity=1000)
    job = farm.submit(commands=["x"] * 4000)
    farm.fail(farm.start(1)[0])
    farm.operate_tasks(job.blocks[0], "skip", range(100, 3000))
    farm.apply(events.AppendTasks(job.serial, 0, farm.block(commands=["y"] * 1000).tasks or []))
    assert (farm.errors(job.blocks[0]), job.blocks[0].tasks_num) == (1, 5000)
    farm.operate_tasks(job.blocks[0], "skip", range(3500, 5000))
