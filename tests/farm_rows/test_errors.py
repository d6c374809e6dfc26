"""Rows S24 to S29: errors, hosts that are avoided, retries, limits of time, forgiving."""

from __future__ import annotations

from afanasy.core import events
from afanasy.core.effects import Stop
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm


def test_s24_a_block_avoids_a_host_after_its_errors(farm: StoryFarm) -> None:
    """Failing only on host a: after 3 errors a gets no task of the block, b does."""
    farm.render("a", capacity=9000, max_tasks=9)
    job = farm.submit(9, errors_avoid_host=3, errors_task_same_host=0, errors_retries=9)
    for run in farm.start(9)[:3]:
        farm.fail(run)
    block = job.blocks[0]
    assert block.error_hosts["a"].count == 3
    farm.render("b", capacity=9000, max_tasks=9)
    farm.wait(2)
    assert {run.render.name for run in farm.start(3)} == {"b"}
    classes = farm.explain(block, 8).work
    assert classes is not None  # that one still runs on a


def test_s25_a_task_avoids_a_host(farm: StoryFarm) -> None:
    """Limit 1: the next try is on another host."""
    farm.render("a")
    farm.submit(1, errors_task_same_host=1, errors_avoid_host=0)
    (run,) = farm.start(1)
    farm.render("b")
    farm.fail(run)
    farm.wait(2)
    assert farm.start(1)[0].render.name == "b"


def test_s26_retries(farm: StoryFarm) -> None:
    """Retries 3: exactly 4 starts, then ERR."""
    farm.render("a")
    job = farm.submit(1, errors_retries=3, errors_avoid_host=0, errors_task_same_host=0)
    for _ in range(4):
        (run,) = farm.start(1)
        farm.fail(run)
        farm.wait(70)
    farm.start(0)
    assert farm.starts(job.blocks[0]) == 4
    assert "ERR" in farm.state(job.blocks[0])


def test_s27_maximum_run_time(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1, task_max_run_time=2, errors_retries=0)
    (run,) = farm.start(1)
    farm.wait(2.1)
    (stop,) = farm.take(Stop, 1)
    assert "max run time" in stop.cause
    assert farm.state(job.blocks[0]) == "RUN"  # until its processes are gone (R9)
    farm.finish(run, RunEnd.KILLED)
    assert farm.state(job.blocks[0]) == "ERR"
    assert farm.errors(job.blocks[0]) == 1


def test_s27_minimum_run_time_and_progress_timeout(farm: StoryFarm) -> None:
    farm.render("a", capacity=9000, max_tasks=9)
    quick = farm.submit(1, task_min_run_time=5, errors_retries=0)
    silent = farm.submit(1, task_progress_change_timeout=30, errors_retries=0)
    runs = {run.block.job: run for run in farm.start(2)}
    farm.finish(runs[quick], elapsed_s=1.0)
    assert farm.state(quick.blocks[0]) == "ERR"
    farm.wait(20)
    farm.progress(runs[silent], 20.0, quiet_s=0.0)
    farm.wait(29)
    farm.take(Stop, 0)
    farm.wait(2)
    farm.take(Stop, 1)
    farm.finish(runs[silent], RunEnd.KILLED)
    assert farm.state(silent.blocks[0]) == "ERR"


def test_s28_forgiving(farm: StoryFarm) -> None:
    """After the forgive time the list is empty and the host is used again."""
    farm.render("a")
    job = farm.submit(2, errors_avoid_host=1, errors_forgive_time=100, errors_retries=9,
                      errors_task_same_host=0)  # fmt: skip
    (run,) = farm.start(1)
    farm.fail(run)
    farm.wait(98)
    farm.start(0)
    farm.wait(3)
    assert not job.blocks[0].error_hosts
    assert farm.start(1)[0].render.name == "a"


def test_s29_defaults_are_the_users(farm: StoryFarm) -> None:
    """A job with -1 follows its user; a block's own value wins; lists are seen and reset."""
    farm.render("a", capacity=9000, max_tasks=9)
    follows = farm.submit(1, name="follows", errors_avoid_host=0, errors_task_same_host=0)
    own = farm.submit(1, name="own", errors_retries=5, errors_avoid_host=0,
                      errors_task_same_host=0)  # fmt: skip
    farm.edit("anna", errors_retries=0)
    for run in farm.start(2):
        farm.fail(run)
    assert farm.state(follows.blocks[0]) == "ERR"
    assert farm.state(own.blocks[0]) == "RDY RER"
    assert own.blocks[0].error_hosts["a"].count == 1
    assert farm.operate(own, "reset_error_hosts").count == 2
    assert not own.blocks[0].error_hosts
    farm.edit("anna", errors_retries=3)
    assert farm.state(follows.blocks[0]) == "RDY RER"


def test_lists_survive_a_restart(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(2, errors_avoid_host=1, errors_retries=9, errors_task_same_host=0)
    (run,) = farm.start(1)
    farm.fail(run)
    farm.restart_server()
    block = farm.job(job.serial).blocks[0]
    assert block.error_hosts["a"].count == 1
    farm.come_back("a")
    farm.wait(5)
    farm.start(0)
    farm.apply(events.OperateJob(job.serial, "reset_error_hosts"))
    assert len(farm.start(1)) == 1
