"""What follows when tasks are in error because no host is left for them (R13)."""

from __future__ import annotations

import json

import pytest

from afanasy.core import events
from afanasy.core.effects import Note, Send, Stop
from afanasy.core.state import Block
from afanasy.core.tasks import Code
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm

HOOK = "http://hooks.example/farm"


def delete(farm: StoryFarm, name: str) -> None:
    """A host goes for good; some blocks may lose their last one."""
    farm.drop_link(farm.core.renders[name])
    farm.apply(events.OperateRender(name, "delete"))


def told(farm: StoryFarm) -> list[list[str]]:
    """The events of each hook that was called."""
    found = [effect.message for effect in farm.take(Send)]
    for message in found:
        farm.apply(events.MessageSettled(message.key))
    return [json.loads(message.text)["events"] for message in found]


def three_that_wait_for_b(farm: StoryFarm, **job: object) -> Block:
    """Three tasks failed on host a and may only run on b, which its owner took."""
    farm.render("a", max_tasks=10, capacity=100_000)
    farm.edit(farm.render("b"), NIMBY=True)
    submitted = farm.submit(
        3, errors_task_same_host=1, errors_avoid_host=0, errors_retries=9, job=dict(job)
    )
    for run in farm.start(3):
        farm.fail(run)
    farm.wait(5)
    assert farm.start() == []
    block = submitted.blocks[0]
    assert farm.codes(block) == [Code.READY] * 3
    return block


def test_the_owner_hears_when_the_last_ready_task_is_in_error(farm: StoryFarm) -> None:
    farm.apply(events.AddUser("anna"))
    farm.edit("anna", webhook=HOOK, notify=["error"])
    farm.render("a", capacity=1000)
    farm.edit(farm.render("b"), NIMBY=True)
    job = farm.submit(1, errors_avoid_host=1)
    farm.fail(farm.start(1)[0])
    farm.wait(5)
    assert (farm.start(), farm.state(job.blocks[0])) == ([], "RDY RER")
    assert told(farm) == []
    delete(farm, "b")
    assert farm.state(job.blocks[0]) == "ERR RER"
    assert told(farm) == [["JOB_ERROR"]]


def test_too_many_of_them_pause_the_job(farm: StoryFarm) -> None:
    """R16: however tasks came into error, so many are too many."""
    block = three_that_wait_for_b(farm, errors_job_max=2)
    farm.take(Note)
    delete(farm, "b")
    assert farm.codes(block) == [Code.ERROR] * 3
    assert farm.job_state(block.job) == "ERR OFF"
    (note,) = [note for note in farm.take(Note) if note.code == "job_paused_by_errors"]
    assert note.fields["errors"] == 3
    assert any("paused: 3 tasks are in error" in line for line in block.job.log)


def test_fewer_do_not(farm: StoryFarm) -> None:
    block = three_that_wait_for_b(farm, errors_job_max=4)
    delete(farm, "b")
    assert farm.job_state(block.job) == "ERR"


def test_a_job_that_was_started_again_is_left_alone(farm: StoryFarm) -> None:
    """Only errors that are new pause it."""
    block = three_that_wait_for_b(farm, errors_job_max=2)
    delete(farm, "b")
    farm.operate(block.job, "start")
    farm.edit(block, capacity=2)
    farm.edit(farm.core.renders["a"], capacity_host=5000)
    assert farm.job_state(block.job) == "ERR"
    farm.restart_server()
    assert farm.job_state(farm.job(block.job.serial)) == "ERR"


def test_the_run_that_pauses_its_job_says_so(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(1, errors_avoid_host=1, errors_retries=9, errors_job_max=1)
    (run,) = farm.start(1)
    with farm.batch():
        farm.fail(run)
        (closed,) = farm.core.changes.closed
    assert "the job is paused: 1 task is in error" in closed.log
    assert job.off


def test_a_task_that_goes_back_to_no_host(farm: StoryFarm) -> None:
    """Its block began to avoid the only host while it ran: it is one error more."""
    farm.render("a", capacity=5000, max_tasks=2)
    job = farm.submit(
        2, errors_avoid_host=3, errors_task_same_host=0, errors_retries=9, errors_job_max=2
    )
    block = job.blocks[0]
    for run in farm.start(2):
        farm.fail(run)
    farm.wait(1)
    first, second = farm.start(2)
    farm.fail(first)
    assert (farm.codes(block), job.off) == ([Code.ERROR, Code.RUNNING], False)
    farm.apply(events.OperateRender("a", "eject_tasks"))
    farm.take(Stop, 1)
    farm.finish(second, RunEnd.KILLED)
    assert (farm.codes(block), job.off) == ([Code.ERROR, Code.ERROR], True)


@pytest.mark.parametrize("operation", ["skip", "done"])
def test_work_that_is_done_needs_no_host(farm: StoryFarm, operation: str) -> None:
    """SEMANTICS 2.3: a block without tasks in error is not in error when nothing is left to do."""
    farm.render("a")
    job = farm.submit(2, errors_avoid_host=1, errors_retries=0)
    block = job.blocks[0]
    farm.fail(farm.start(1)[0])
    assert farm.job_state(job) == "RDY ERR"
    farm.operate_tasks(block, operation)
    words = "DON SKP" if operation == "skip" else "DON"
    assert (farm.block_state(block), farm.job_state(job)) == (words, words)
    farm.operate_tasks(block, "restart", 1)
    assert "ERR" in farm.job_state(job), "now it needs one"
