"""Tasks that wait for tasks: links, ranges, sizes (:mod:`afanasy.core.depend.task_depends`)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.core import events
from afanasy.core.depend import task_depends
from afanasy.core.depend.block_depends import MASK_PAIRS_MAX
from afanasy.core.depend.gates import Link
from afanasy.core.effects import Stop
from afanasy.core.state import Block, Job, Run
from afanasy.core.tasks import Code
from afanasy.model.attributes import FLAG_DEPEND_SUB_TASK, FLAG_SUSPEND_NEW
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm


def pair(farm: StoryFarm, frames: int = 4, **more: Any) -> tuple[Block, Block]:
    """Two blocks of as many frames; the second one's tasks wait for the first one's."""
    job = farm.submit(blocks=[{"frames": frames}, {"frames": frames, **more}])
    farm.edit(job.blocks[1], tasks_depend_mask="block0")
    return job.blocks[0], job.blocks[1]


def waiting(farm: StoryFarm, block: Block) -> list[int]:
    return [task for task, code in enumerate(farm.codes(block)) if code == Code.WAITING]


def big(farm: StoryFarm) -> None:
    farm.render("a", capacity=10**7, max_tasks=10_000)


# -------------------------------------------------------------------------------- it is alive


def test_what_restarts_is_waited_for_again(farm: StoryFarm) -> None:
    """R17: the ready task waits again; the running and the done one are left."""
    big(farm)
    first, second = pair(farm, capacity=10**9)
    farm.operate_tasks(first, "done")
    farm.edit(second, capacity=1)
    runs = farm.start(4)
    farm.finish(runs[0])
    farm.finish(runs[1], RunEnd.KILLED)
    farm.wait(5)
    assert farm.codes(second) == [Code.DONE, Code.READY, Code.RUNNING, Code.RUNNING]
    farm.operate_tasks(first, "restart")
    assert farm.codes(second) == [Code.DONE, Code.WAITING, Code.RUNNING, Code.RUNNING]
    assert farm.state(second, 1) == "WDP RER"
    assert farm.errors(second, 1) == 1
    farm.operate_tasks(first, "skip", 1)
    assert farm.state(second, 1) == "RDY RER"
    assert farm.errors(second, 1) == 1, "waiting forgives no errors"


def test_a_stopped_task_waits_when_its_needs_are_gone(farm: StoryFarm) -> None:
    big(farm)
    first, second = pair(farm, 1)
    farm.operate_tasks(first, "done")
    (run,) = farm.start(1)
    farm.operate_tasks(first, "restart")
    farm.operate_tasks(second, "restart")
    farm.take(Stop, 1)
    farm.finish(run, RunEnd.KILLED)
    assert farm.codes(second) == [Code.WAITING]
    # A retry that comes up while it waits.
    farm.operate_tasks(first, "done")
    (run,) = farm.start(1)
    farm.fail(run)
    farm.operate_tasks(first, "restart")
    farm.wait(5)
    assert farm.state(second) == "WDP RER"


def test_operations_on_waiting_tasks(farm: StoryFarm) -> None:
    first, second = pair(farm)
    assert farm.operate_tasks(second, "restart").count == 0
    assert farm.operate_tasks(second, "suspend", 0).count == 1
    assert farm.operate_tasks(second, "continue").count == 1
    assert waiting(farm, second) == [0, 1, 2, 3]
    assert farm.operate_tasks(second, "skip", 2).count == 1
    assert farm.operate_tasks(second, "restart").count == 1
    farm.operate_tasks(first, "done", 0, 3)
    assert farm.codes(second) == [Code.READY, Code.WAITING, Code.WAITING, Code.READY]
    assert farm.block_state(second) == "RDY WDP"


def test_masks_names_and_tasks_change(farm: StoryFarm) -> None:
    first, second = pair(farm)
    farm.operate_tasks(first, "done", 0)
    farm.edit(first, name="other")
    assert waiting(farm, second) == []
    farm.edit(second, tasks_depend_mask="oth.*|block1")
    assert waiting(farm, second) == [1, 2, 3]
    farm.restart_server()
    job = farm.job(first.job.serial)
    assert waiting(farm, job.blocks[1]) == [1, 2, 3]
    farm.edit(job.blocks[1], tasks_depend_mask="")
    assert waiting(farm, job.blocks[1]) == []


def test_work_is_appended(farm: StoryFarm) -> None:
    job = farm.submit(
        blocks=[{"commands": ["a"]}, {"commands": ["b"], "tasks_depend_mask": "block0"}]
    )
    first, second = job.blocks
    farm.operate_tasks(first, "done")
    tasks = farm.block(commands=["x"]).tasks or []
    farm.apply(events.AppendTasks(job.serial, 1, tasks))
    assert farm.codes(second) == [Code.READY] * 2  # the second one needs the last there is
    farm.apply(events.AppendTasks(job.serial, 0, tasks))
    assert farm.codes(second) == [Code.READY, Code.WAITING]
    more = farm.block(2, name="more", tasks_depend_mask="block1", flags=FLAG_SUSPEND_NEW)
    farm.apply(events.AppendBlocks(job.serial, [more]))
    assert farm.codes(job.blocks[2]) == [Code.SUSPENDED] * 2
    farm.operate_tasks(job.blocks[2], "continue")
    assert farm.codes(job.blocks[2]) == [Code.WAITING] * 2


def test_a_block_does_not_wait_for_its_own_tasks(farm: StoryFarm) -> None:
    job = farm.submit(3, tasks_depend_mask="block.*")
    assert waiting(farm, job.blocks[0]) == []


def test_a_lost_run_gives_its_frames_back(farm: StoryFarm) -> None:
    big(farm)
    job = farm.submit(
        blocks=[
            {"frames": 8, "frames_per_task": 4, "flags": FLAG_DEPEND_SUB_TASK},
            {"frames": 8, "frames_per_task": 2, "tasks_depend_mask": "block0", "capacity": 10**9},
        ]
    )
    sims = farm.start(2)
    farm.progress(sims[1], 5.0, frame=1)
    assert waiting(farm, job.blocks[1]) == [0, 1, 2, 3]
    farm.progress(sims[1], 5.0, frame=2)
    farm.progress(sims[0], 5.0, frame=4)
    assert waiting(farm, job.blocks[1]) == [3]
    assert farm.explain(job.blocks[1], 3).summary == "the task waits for task 1 of block block0"
    farm.drop_link(farm.core.renders["a"])
    assert waiting(farm, job.blocks[1]) == [3]  # the run may come back, with its frames
    farm.restart_server()
    assert waiting(farm, farm.job(job.serial).blocks[1]) == [3]
    farm.come_back("a", farm.core.runs[sims[0].id])
    assert waiting(farm, farm.job(job.serial).blocks[1]) == [2, 3]
    farm.progress(farm.core.runs[sims[0].id], 9.0, frame=1)  # its command began anew
    assert waiting(farm, farm.job(job.serial).blocks[1]) == [0, 1, 2, 3]


def test_what_is_missing_is_named(farm: StoryFarm) -> None:
    job = farm.submit(
        blocks=[
            {"name": "sim", "frames": 20},
            {"name": "cache", "frames": 1},
            {"name": "mesh", "frames": 20, "frames_per_task": 20, "tasks_depend_mask": "sim|cache"},
        ]
    )
    sim, cache, mesh = job.blocks
    assert farm.explain(mesh).summary == (
        "the task waits for tasks 0-19 of block sim, task 0 of block cache"
    )
    farm.operate_tasks(cache, "skip")
    farm.operate_tasks(sim, "skip", *(n for n in range(20) if n % 4))
    assert farm.explain(mesh).summary == "the task waits for tasks 0, 4, 8 and more of block sim"


def test_too_many_links_are_refused(farm: StoryFarm) -> None:
    number = int(MASK_PAIRS_MAX**0.5) + 1
    blocks = [farm.block(name=f"b{n}", tasks_depend_mask="b.*") for n in range(number)]
    submission = farm.submission()
    submission.blocks = blocks
    farm.refused(submission, "too_many_masks")


# ------------------------------------------------------------------------- modes of operations


def chain(farm: StoryFarm) -> tuple[Job, Job]:
    """sim → mesh by tasks, mesh → movie by block, job → later by name; everything done."""
    job = farm.submit(
        blocks=[
            {"name": "sim", "frames": 4},
            {"name": "mesh", "frames": 4, "tasks_depend_mask": "sim"},
            {"name": "comp", "frames": 4, "tasks_depend_mask": "mesh"},
            {"name": "movie", "frames": 1, "depend_mask": "comp"},
            {"name": "else", "frames": 1},
        ]
    )
    later = farm.submit(2, name="later", user="bob", job={"depend_mask_global": "job"})
    for block in (*job.blocks, *later.blocks):
        farm.operate_tasks(block, "done")
    return job, later


def undone(farm: StoryFarm, job: Job) -> dict[str, list[int]]:
    return {
        block.spec.name: tasks
        for block in job.blocks
        if (tasks := [t for t, code in enumerate(farm.codes(block)) if code != Code.DONE])
    }


def test_affect_depends(farm: StoryFarm) -> None:
    """The named tasks, and those that each of them depends on."""
    job, later = chain(farm)
    outcome = farm.operate_tasks(job.blocks[2], "restart", 1, 3, mode="affect_depends")
    assert outcome.count == 4
    assert undone(farm, job) == {"mesh": [1, 3], "comp": [1, 3]}
    assert farm.codes(job.blocks[2])[1] == Code.WAITING
    assert undone(farm, later) == {}


def test_downstream(farm: StoryFarm) -> None:
    """Tasks by tasks, blocks and jobs as a whole, to the end; other people's, too."""
    job, later = chain(farm)
    outcome = farm.operate_tasks(job.blocks[0], "restart", 2, mode="downstream", by="anna@desk")
    assert outcome.count == 6
    assert undone(farm, job) == {"sim": [2], "mesh": [2], "comp": [2], "movie": [0]}
    assert undone(farm, later) == {"block0": [0, 1]}
    assert later.log[-1] == "restart: 2 tasks, because of job job, by anna@desk"
    assert later.waiting_jobs
    assert farm.codes(job.blocks[1])[2] == Code.WAITING


def test_both_ways(farm: StoryFarm) -> None:
    """One step up from the named tasks, and everything below them."""
    job, later = chain(farm)
    outcome = farm.operate_tasks(job.blocks[1], "restart", 2, mode="both")
    assert outcome.count == 6
    assert undone(farm, job) == {"sim": [2], "mesh": [2], "comp": [2], "movie": [0]}
    assert undone(farm, later) == {"block0": [0, 1]}


def test_both_ways_leave_what_depends_on_those_above(farm: StoryFarm) -> None:
    job = farm.submit(
        blocks=[
            {"name": "sim", "frames": 2},
            {"name": "mesh", "frames": 2, "tasks_depend_mask": "sim"},
            {"name": "smoke", "frames": 2, "tasks_depend_mask": "sim"},
        ]
    )
    for block in job.blocks:
        farm.operate_tasks(block, "done")
    farm.operate_tasks(job.blocks[1], "restart", 1, mode="both")
    assert undone(farm, job) == {"sim": [1], "mesh": [1]}


def test_downstream_of_a_whole_job_and_in_a_ring(farm: StoryFarm) -> None:
    job, later = chain(farm)
    farm.edit(job, depend_mask_global="later")
    assert farm.apply(events.OperateJob(later.serial, "restart", "downstream")).count == 16
    assert undone(farm, job).keys() == {"sim", "mesh", "comp", "movie", "else"}


def test_downstream_other_jobs_begin_anew(farm: StoryFarm) -> None:
    """R17: they are restarted as a whole, so nothing of them has started yet."""
    farm.render("a", capacity=1000)
    first = farm.submit(name="first")
    second = farm.submit(name="second", job={"depend_mask": "first"})
    for _ in range(2):
        farm.finish(farm.start(1)[0])
    assert first.time_started
    assert second.time_started
    farm.operate(first, "restart_errors", mode="downstream")
    assert second.time_started
    farm.operate(first, "restart", mode="downstream")
    assert (first.time_started, second.time_started) == (0, 0)


@pytest.mark.parametrize("operation", ["restart", "restart_errors"])
def test_downstream_failed_pre_commands_run_again(farm: StoryFarm, operation: str) -> None:
    """Those of the other jobs and of their blocks, as those of the job itself (R31)."""
    farm.apply(events.ChangeSettings({"af_command_pre": True}))
    farm.render("a", capacity=10_000, max_tasks=10)
    first = farm.submit(blocks=[{"name": "sim"}, {"name": "mesh", "tasks_depend_mask": "sim",
                                                  "command_pre": "one"}], name="first")  # fmt: skip
    second = farm.submit(
        blocks=[{"command_pre": "three"}], job={"depend_mask": "first", "command_pre": "two"}
    )
    third = farm.submit(name="third", job={"command_pre": "four"})
    for _ in range(10):
        for run in farm.start():
            if run.block.job.system:
                farm.fail(run)
            else:
                farm.finish(run)
        farm.wait(61)
    assert [job.pre is not None and bool(job.pre.failed) for job in (second, third)] == [True, True]
    assert first.blocks[1].pre is not None
    assert first.blocks[1].pre.failed
    farm.operate_tasks(first.blocks[0], operation, mode="downstream")
    farm.check_restored()
    runs = [run for run in farm.start() if run.block.job.system]
    assert sorted(run.block.tasks[run.task].command for run in runs if run.block.tasks) == [
        "one",
        "two",
    ]
    assert third.pre is not None
    assert third.pre.failed, "it depends on nobody"
    assert second.blocks[0].pre is not None


# -------------------------------------------------------------------------------------- random

ranges = st.fixed_dictionaries(
    {
        "frame_first": st.integers(-3, 3),
        "length": st.integers(0, 9),
        "frames_per_task": st.integers(1, 4),
        "frames_inc": st.integers(1, 3),
    }
)
lists = st.fixed_dictionaries(
    {"commands": st.integers(1, 8), "frames_per_task": st.sampled_from([-3, -2, 1, 2])}
)
block_members = st.tuples(
    ranges | lists,
    st.sampled_from(["", "b0", "b1", "b.*", "b[02]"]),
    st.sampled_from(["", "", "b0", "b2"]),
    st.sampled_from([0, 0, FLAG_DEPEND_SUB_TASK, FLAG_SUSPEND_NEW]),
)
number = st.integers(0, 100)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("start"), number),
        st.tuples(st.sampled_from(["finish", "fail", "progress"]), number, st.integers(-1, 5)),
        st.tuples(
            st.sampled_from(["restart", "done", "skip", "suspend", "continue", "restart_errors"]),
            number,
            st.none() | st.lists(st.integers(0, 20), max_size=3),
            st.sampled_from(["", "", "affect_depends", "downstream"]),
        ),
        st.tuples(st.just("mask"), number, st.sampled_from(["", "b0", "b.*", "b1|b2"])),
        st.tuples(st.just("name"), number, st.sampled_from(["b0", "b1", "c"])),
        st.tuples(st.just("tasks"), number),
        st.tuples(st.just("wait")),
        st.tuples(st.just("server")),
    ),
    max_size=30,
)


def members(kind: dict[str, Any], n: int, mask: str, blocks: str, flags: int) -> dict[str, Any]:
    made = {**kind, "name": f"b{n}", "tasks_depend_mask": mask, "depend_mask": blocks}
    made["flags"] = flags
    if "length" in made:
        made["frame_last"] = made["frame_first"] + made.pop("length")
    else:
        made["commands"] = [f"task {t}" for t in range(made["commands"])]
    return made


@given(st.lists(block_members, min_size=2, max_size=4), steps)
def test_random_stories_against_sets(
    blocks: list[tuple[dict[str, Any], str, str, int]], story: list[tuple[Any, ...]]
) -> None:
    """The harness tells after each step which tasks wait, by sets of frames."""
    farm = StoryFarm()
    big(farm)
    job = farm.submit(blocks=[members(kind, n, *more) for n, (kind, *more) in enumerate(blocks)])
    for what, *more in story:
        runs: list[Run] = [run for run in farm.core.runs.values() if run.current]
        job = farm.job(job.serial)
        block = job.blocks[more[0] % len(job.blocks)] if more else job.blocks[0]
        match what:
            case "start":
                farm.start()
            case "server":
                farm.restart_server()
                farm.come_back("a", *farm.core.runs.values(), capacity=10**7, max_tasks=10_000)
            case "wait":
                farm.wait(2.0)
            case "mask":
                farm.edit(block, tasks_depend_mask=more[1])
            case "name":
                farm.edit(block, name=more[1])
            case "tasks":
                if block.tasks is not None:
                    tasks = farm.block(commands=["more"]).tasks or []
                    farm.apply(events.AppendTasks(job.serial, block.num, tasks))
            case "finish" | "fail" | "progress":
                if runs:
                    run = runs[more[0] % len(runs)]
                    if what == "progress":
                        farm.progress(run, 1.0, frame=more[1])
                    else:
                        farm.finish(run, RunEnd.SUCCESS if what == "finish" else RunEnd.ERROR)
            case _:
                tasks = None if more[1] is None else [n % block.tasks_num for n in more[1]]
                if tasks != []:
                    farm.operate_tasks(block, what, *(tasks or []), mode=more[2])
        farm.take(Stop)
    farm.check_restored()


# --------------------------------------------------------------------------------------- sizes


def test_a_million_tasks_wait_for_a_million() -> None:
    """Submitted as one question; a finished task looks at the few that need it."""
    farm = StoryFarm()
    farm.batching = True  # recounted once, at the end
    big(farm)
    asked: list[int] = []
    ask = task_depends.ask
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_depends, "ask", lambda *of: asked.append(of[1]) or ask(*of))
        million = {"frames": 1_000_000, "capacity": 1}
        job = farm.submit(blocks=[million, {**million, "tasks_depend_mask": "block0"}])
        first, second = job.blocks
        assert second.counts[Code.WAITING] == 1_000_000
        assert len(asked) == 1
        farm.solve()
        for run in list(first.open.values())[:100]:
            farm.finish(run)
        assert second.counts[Code.READY] == 100
        assert len(asked) == 101
        asked.clear()
        assert farm.operate_tasks(first, "skip", range(500_000, 1_000_000)).count == 500_000
        assert second.counts[Code.READY] == 500_100
        assert len(asked) < 50
    farm.batching = False
    farm._settle_batch()
    farm.check_restored()


def test_one_task_that_needs_a_million(farm: StoryFarm) -> None:
    """It remembers where the search for something undone ended."""
    job = farm.submit(
        blocks=[
            {"frames": 1_000_000},
            {"frames": 1_000_000, "frames_per_task": 1_000_000, "tasks_depend_mask": "block0"},
        ]
    )
    first, second = job.blocks
    (link,) = second.needs
    for task in (0, 1, 2):
        farm.operate_tasks(first, "done", task)
        assert link.hints == {0: task + 1}
    farm.operate_tasks(first, "done", range(3, 999_999))
    assert link.hints == {0: 999_999}
    assert farm.explain(second).summary == "the task waits for task 999999 of block block0"
    farm.operate_tasks(first, "done", 999_999)
    assert farm.codes(second) == [Code.READY]


@pytest.mark.parametrize("order", ["rising", "backwards", "mixed"])
def test_one_task_that_needs_every_other_frame(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    """What it needs are no neighbours: the search goes on where the last one ended."""
    frames = 3000
    job = farm.submit(
        blocks=[
            {"frames": frames},
            {"frames": frames, "frames_inc": 2, "frames_per_task": frames,
             "tasks_depend_mask": "block0"},
        ]
    )  # fmt: skip
    first, second = job.blocks
    looked: list[range] = []
    undone = task_depends._undone

    def counted(link: Link, task: int, part: range) -> int:
        looked.append(part)
        return undone(link, task, part)

    monkeypatch.setattr(task_depends, "_undone", counted)
    needed = list(range(0, frames, 2))
    if order == "mixed":
        random.Random(7).shuffle(needed)
    with farm.batch():
        for task in needed[::-1] if order == "backwards" else needed:
            assert farm.codes(second) == [Code.WAITING], f"before task {task} was done"
            farm.operate_tasks(first, "done", task)
    assert farm.codes(second) == [Code.READY]
    assert len(looked) < 12 * frames, "looks at single tasks"
