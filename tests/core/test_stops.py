"""Stops: causes, target states, time limits, ejected tasks (R9, R10, R19)."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.effects import Stop
from afanasy.core.run.runs import STOP_MAX_RUN_TIME, STOP_NO_PROGRESS
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm

# -------------------------------------------------------------------------------------- stops

OPERATIONS = [
    ("restart", "RDY", "RDY"),
    ("skip", "DON SKP", "DON"),
    ("done", "DON", "DON"),
    ("suspend", "SUS", "DON"),
]


@pytest.mark.parametrize(("operation", "target", "success"), OPERATIONS)
def test_a_stopped_task_takes_its_target_when_the_process_is_gone(
    farm: StoryFarm, operation: str, target: str, success: str
) -> None:
    """R9: RUN with all counters until then; no start beside a process that is being killed."""
    render = farm.render("a", capacity=1000)
    job = farm.submit(1)
    block = job.blocks[0]
    run = farm.start(1)[0]
    farm.operate_tasks(block, operation)
    farm.take(Stop, 1)
    assert farm.state(block) == "RUN"
    assert (job.running, render.capacity_used) == (1, 1000)
    assert "stopped" in farm.explain(block).summary
    assert farm.start() == []
    farm.finish(run, RunEnd.KILLED)
    assert farm.state(block) == target
    assert (job.running, render.capacity_used, farm.errors(block)) == (0, 0, 0)


@pytest.mark.parametrize(("operation", "target", "success"), OPERATIONS)
def test_a_success_that_races_the_stop(
    farm: StoryFarm, operation: str, target: str, success: str
) -> None:
    """R9: after a user's skip, done, suspend → DON; after restart → RDY."""
    farm.render("a")
    job = farm.submit(1)
    run = farm.start(1)[0]
    farm.operate_tasks(job.blocks[0], operation)
    farm.take(Stop, 1)
    farm.finish(run)
    assert farm.state(job.blocks[0]) == success


def test_a_success_after_the_jobs_stop_and_after_an_eject(farm: StoryFarm) -> None:
    farm.render("a", capacity=2000)
    stopped, ejected = farm.submit(1), farm.submit(1)
    one, two = farm.start(2)
    farm.operate(stopped, "stop")
    farm.apply(events.OperateRender("a", "eject_tasks"))
    farm.take(Stop)
    farm.finish(one)
    farm.finish(two)
    assert farm.job_state(stopped) == "DON OFF"
    assert farm.job_state(ejected) == "DON"


@pytest.mark.parametrize("status", [RunEnd.SUCCESS, RunEnd.KILLED])
@pytest.mark.parametrize("limit", ["task_max_run_time", "task_progress_change_timeout"])
def test_time_limits(farm: StoryFarm, limit: str, status: int) -> None:
    """R9, R19: stopped, an error counts once, also when a success races the stop."""
    farm.render("a")
    job = farm.submit(1, errors_retries=0, **{limit: 30})
    block = job.blocks[0]
    run = farm.start(1)[0]
    farm.wait(29)
    assert farm.take(Stop) == []
    farm.wait(1.5)
    (stop,) = farm.take(Stop, 1)
    assert stop.cause in (STOP_MAX_RUN_TIME, STOP_NO_PROGRESS)
    assert (farm.state(block), farm.errors(block)) == ("RUN", 0)
    farm.wait(1000)
    farm.take(Stop, 0)
    farm.finish(run, status)
    assert (farm.state(block), farm.errors(block)) == ("ERR", 1)
    assert block.error_hosts["a"].count == 1


def test_progress_puts_the_time_out_off(farm: StoryFarm) -> None:
    farm.render("a")
    farm.submit(1, task_progress_change_timeout=30)
    run = farm.start(1)[0]
    for elapsed in range(20, 200, 20):
        farm.wait(20)
        farm.progress(run, elapsed, 0.5)
    farm.take(Stop, 0)
    assert len(farm.core.timers) < 10
    farm.wait(31)
    farm.take(Stop, 1)


def test_run_time_is_the_renders_figure(farm: StoryFarm) -> None:
    """R3, R19: the render reports how long the run has lasted."""
    farm.render("a")
    farm.submit(1, task_max_run_time=100)
    run = farm.start(1)[0]
    farm.progress(run, 95.0)
    farm.wait(4)
    farm.take(Stop, 0)
    farm.edit(run.block, task_max_run_time=50)
    assert [stop.cause for stop in farm.take(Stop, 1)] == [STOP_MAX_RUN_TIME]


def test_time_limits_wait_for_an_absent_render(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.submit(1, task_max_run_time=30)
    run = farm.start(1)[0]
    farm.drop_link(render)
    farm.wait(40)
    farm.take(Stop, 0)
    farm.render("a", runs=[events.HeldRun(run.id, 40.0)])
    farm.take(Stop, 1)


def test_adoption_over_and_over_leaves_one_timer(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.submit(1, task_max_run_time=100_000)
    run = farm.start(1)[0]
    for _ in range(50):
        farm.drop_link(render)
        farm.come_back(render, run)
    farm.wait(100)
    assert len(farm.core.timers) <= 2


def test_a_person_overrules_a_time_limit(farm: StoryFarm) -> None:
    """Skipped while it was being stopped for its run time: skipped, not failed and tried again."""
    farm.render("a")
    job = farm.submit(1, task_max_run_time=10)
    run = farm.start(1)[0]
    farm.wait(11)
    farm.operate_tasks(job.blocks[0], "skip")
    farm.take(Stop, 2)
    farm.finish(run, RunEnd.KILLED)
    assert (farm.state(job.blocks[0]), farm.errors(job.blocks[0])) == ("DON SKP", 0)


@pytest.mark.parametrize("weak", ["eject", "stop"])
def test_an_eject_or_stop_leaves_a_persons_target(farm: StoryFarm, weak: str) -> None:
    farm.render("a")
    job = farm.submit(1)
    run = farm.start(1)[0]
    farm.operate_tasks(job.blocks[0], "suspend")
    if weak == "eject":
        farm.apply(events.OperateRender("a", "eject_tasks"))
    else:
        farm.operate(job, "stop")
    farm.take(Stop, 2)
    farm.finish(run, RunEnd.KILLED)
    assert farm.state(job.blocks[0]) == "SUS"


def test_continue_while_being_suspended(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(1)
    run = farm.start(1)[0]
    farm.operate_tasks(job.blocks[0], "suspend")
    farm.take(Stop, 1)
    assert farm.operate_tasks(job.blocks[0], "continue").count == 1
    farm.finish(run, RunEnd.KILLED)
    assert farm.state(job.blocks[0]) == "RDY"


def test_a_restart_while_the_render_is_away(farm: StoryFarm) -> None:
    """R9: restarting a WRC task waits for its render, or for the loss."""
    render = farm.render("a", capacity=1000)
    job = farm.submit(1)
    run = farm.start(1)[0]
    farm.drop_link(render)
    farm.operate_tasks(job.blocks[0], "restart")
    farm.take(Stop, 0)
    assert farm.state(job.blocks[0]) == "RUN WRC"
    farm.come_back(render, run)
    (stop,) = farm.take(Stop, 1)
    assert stop.cause == "restart"
    farm.finish(run, RunEnd.KILLED)
    assert farm.state(job.blocks[0]) == "RDY"


def test_a_stop_that_nobody_answers_ends_with_the_loss(farm: StoryFarm) -> None:
    render = farm.render("a")
    job = farm.submit(1)
    farm.start(1)
    farm.operate_tasks(job.blocks[0], "skip")
    farm.take(Stop, 1)
    farm.drop_link(render)
    farm.wait(61)
    assert farm.state(job.blocks[0]) == "DON SKP"


def test_a_time_limit_of_a_lost_run_counts_no_error(farm: StoryFarm) -> None:
    render = farm.render("a")
    job = farm.submit(1, task_max_run_time=10)
    farm.start(1)
    farm.wait(11)
    farm.take(Stop, 1)
    farm.drop_link(render)
    farm.wait(61)
    assert (farm.state(job.blocks[0]), farm.errors(job.blocks[0])) == ("RDY", 0)


def test_stops_survive_a_server_restart(farm: StoryFarm) -> None:
    """R7: causes and targets are committed; the adopted run is told to stop again."""
    farm.render("a")
    job = farm.submit(1)
    run = farm.start(1)[0]
    farm.operate_tasks(job.blocks[0], "skip")
    farm.restart_server()
    farm.come_back("a", run)
    (stop,) = farm.take(Stop, 1)
    assert (stop.run_id, stop.cause) == (run.id, "skip")
    farm.finish(run, RunEnd.KILLED)
    assert farm.state(farm.job(job.serial).blocks[0]) == "DON SKP"


# -------------------------------------------------------------------------------------- eject


def test_an_ejected_task_stays_away_for_ten_minutes(farm: StoryFarm) -> None:
    """R10: no error; explain says so."""
    farm.render("a")
    job = farm.submit(1)
    block = job.blocks[0]
    run = farm.start(1)[0]
    outcome = farm.apply(events.OperateRender("a", "eject_tasks", by="bob@desk"))
    assert outcome.count == 1
    farm.take(Stop, 1)
    farm.finish(run, RunEnd.KILLED)
    assert (farm.state(block), farm.errors(block)) == ("RDY", 0)
    assert farm.start() == []
    farm.wait(60)
    assert farm.start() == []
    assert farm.explain(block).classes[0].reason.text() == "the task was ejected there 60 s ago"
    farm.wait(541)
    farm.start(1)


def test_eject_keeps_errors_and_others_go_elsewhere(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(1)
    farm.fail(farm.start(1)[0])
    farm.wait(2)
    run = farm.start(1)[0]
    farm.apply(events.OperateRender("a", "eject_tasks"))
    farm.take(Stop, 1)
    farm.finish(run, RunEnd.KILLED)
    assert farm.errors(job.blocks[0]) == 1
    farm.render("b", capacity=1000)
    assert farm.start(1)[0].render.name == "b"


def test_eject_all_but_my_tasks(farm: StoryFarm) -> None:
    farm.render("a", capacity=2000)
    farm.submit(1, user="anna")
    farm.submit(1, user="bob")
    farm.start(2)
    farm.apply(events.OperateRender("a", "eject_tasks_keep_my", by="bob@desk"))
    (stop,) = farm.take(Stop, 1)
    assert farm.core.runs[stop.run_id].block.job.user.name == "anna"
