"""Farm stories of the run contract (DESIGN 2): started, adopted, stopped, settled, lost."""

from __future__ import annotations

from copy import copy

import pytest

from afanasy.core import events
from afanasy.core.effects import Acknowledge, Stop, Welcome
from afanasy.core.job.operations import BLOCK_OPERATIONS, JOB_OPERATIONS
from afanasy.model.ids import epoch_of_run
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm

# ------------------------------------------------------------------------- one result counts


def test_a_run_id_is_never_used_again(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    farm.submit(3)
    first = farm.start(1)[0]
    farm.finish(first)
    second = farm.start(1)[0]
    farm.restart_server()
    farm.come_back("a")
    third = farm.start(1)[0]
    assert first.id < second.id < third.id
    assert [epoch_of_run(run.id) for run in (first, second, third)] == [1, 1, 2]


def test_a_duplicate_result_is_acknowledged_and_ignored(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(2)
    run = farm.start(1)[0]
    for _ in range(3):
        farm.finish(run)
    assert [ack.run_id for ack in farm.take(Acknowledge, 3)] == [run.id] * 3
    assert farm.starts(job.blocks[0]) == 1
    assert job.blocks[0].counts[4] == 1


def test_a_result_from_a_render_that_never_had_the_run_is_ignored(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    farm.render("b", capacity=500)
    job = farm.submit(1)
    run = farm.start(1)[0]
    farm.apply(events.RunFinished("b", run.id, RunEnd.SUCCESS))
    assert farm.state(job.blocks[0]) == "RUN"
    assert [ack.render for ack in farm.take(Acknowledge, 1)] == ["b"]


def test_progress_of_a_run_that_is_gone_is_ignored(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    farm.submit(1)
    run = farm.start(1)[0]
    farm.finish(run)
    farm.progress(run, 5.0)
    assert run.percent == -1


def test_a_warning_while_running_and_in_the_result(farm: StoryFarm) -> None:
    farm.render("a", capacity=2000)
    job = farm.submit(2)
    one, two = farm.start(2)
    farm.progress(one, 1.0, warning=True)
    farm.finish(one)
    farm.finish(two, warning=True)
    assert [farm.state(job.blocks[0], task) for task in (0, 1)] == ["DON WRN", "DON WRN"]
    assert farm.job_state(job) == "DON WRN"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (RunEnd.SUCCESS, "DON"),
        (RunEnd.PARSER_SUCCESS, "DON PSC"),
        (RunEnd.FAILED_POST, "DON"),
        (RunEnd.SKIP, "DON SKP"),
        (RunEnd.ERROR, "ERR"),
        (RunEnd.KILLED, "ERR"),
        (RunEnd.PARSER_ERROR, "ERR PER"),
        (RunEnd.BAD_RESULT, "ERR PBR"),
        (RunEnd.BAD_FILES, "ERR"),
        (RunEnd.FAILED_TO_START, "ERR"),
        (14, "RDY"),
        (15, "RDY"),
    ],
)
def test_what_the_ends_make_of_a_task(farm: StoryFarm, status: int, state: str) -> None:
    """SEMANTICS 2.2."""
    farm.render("a")
    job = farm.submit(1, errors_retries=0)
    farm.finish(farm.start(1)[0], status)
    assert farm.state(job.blocks[0]) == state


def test_a_success_that_came_too_fast_is_an_error(farm: StoryFarm) -> None:
    """SEMANTICS 2.2: task_min_run_time, for a plain success; not for the parser's."""
    farm.render("a", capacity=3000)
    job = farm.submit(3, task_min_run_time=5, errors_retries=0)
    fast, parsed, slow = farm.start(3)
    farm.finish(fast, elapsed_s=4.9)
    farm.finish(parsed, RunEnd.PARSER_SUCCESS, elapsed_s=1.0)
    farm.finish(slow, elapsed_s=5.0)
    block = job.blocks[0]
    assert [farm.state(block, n) for n in range(3)] == ["ERR", "DON PSC", "DON"]
    assert block.error_hosts["a"].count == 1


def test_the_shortest_run_may_take_no_second(farm: StoryFarm) -> None:
    farm.render("a", capacity=5000)
    job = farm.submit(3)
    for run, took_s in zip(farm.start(3), (0.3, 10.0, 7.0), strict=True):
        farm.finish(run, elapsed_s=took_s)
    block = job.blocks[0]
    assert (block.run_time_min, block.run_time_max, block.run_time_sum) == (0, 10, 17)
    farm.operate(job, "restart")
    first, second, third = farm.start(3)
    farm.finish(first, elapsed_s=9.0)
    assert block.run_time_min == 9, "it was measured anew"
    farm.finish(second, elapsed_s=0.9)
    farm.restart_server()
    farm.come_back("a", third)
    farm.finish(third, elapsed_s=12.0)
    block = farm.job(job.serial).blocks[0]
    assert (block.run_time_min, block.run_time_max) == (0, 12)


@pytest.mark.parametrize(
    ("waited_s", "elapsed_s", "took_s"), [(15, 3.2, 3), (15, 0.0, 0), (2, 1e9, 2)]
)
def test_a_task_took_what_its_render_measured(
    farm: StoryFarm, waited_s: float, elapsed_s: float, took_s: int
) -> None:
    """R3: the report may come late, and cannot be of the future."""
    farm.render("a")
    block = farm.submit(1).blocks[0]
    run = farm.start(1)[0]
    farm.wait(waited_s)
    farm.finish(run, elapsed_s=elapsed_s)
    columns = block.touch()
    assert columns.time_done[0] - columns.time_start[0] == took_s


# ---------------------------------------------------------------------- away and back again


def test_a_render_that_comes_back_keeps_its_run(farm: StoryFarm) -> None:
    """R7: adoption keeps run id, start time and the starts counter."""
    render = farm.render("a", capacity=1000)
    job = farm.submit(2)
    block = job.blocks[0]
    run = farm.start(1)[0]
    started = run.started_wall
    farm.drop_link(render)
    assert farm.state(block) == "RUN WRC"
    farm.wait(59)
    assert farm.start() == []
    farm.come_back(render, run)
    assert farm.take(Welcome)[-1].adopted == (run.id,)
    assert farm.state(block) == "RUN"
    assert (farm.starts(block), run.started_wall) == (1, started)
    farm.finish(run)
    assert farm.state(block) == "DON"


def test_pause_and_limits_edited_meanwhile_do_not_matter(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=1000)
    job = farm.submit(1)
    run = farm.start(1)[0]
    farm.drop_link(render)
    farm.operate(job, "pause")
    farm.edit(job.blocks[0], max_running_tasks=0, capacity=9000)
    farm.edit(render, NIMBY=True, capacity_host=10)
    farm.come_back(render, run)
    assert farm.state(job.blocks[0]) == "RUN"
    assert run.current


def test_a_committed_start_that_the_render_never_had(farm: StoryFarm) -> None:
    """R7: ready again at once, no error."""
    render = farm.render("a", capacity=1000)
    job = farm.submit(1)
    farm.start(1)
    farm.drop_link(render)
    farm.come_back(render)
    assert farm.state(job.blocks[0]) == "RDY"
    assert (farm.errors(job.blocks[0]), render.capacity_used) == (0, 0)
    assert farm.start(1)[0].number == 2


def test_a_silent_render_is_lost_after_the_reconnect_time(farm: StoryFarm) -> None:
    """R6, run contract 3: 60 s; then another host, and the old result does not count."""
    first, second = farm.render("a", capacity=1000), farm.render("b", capacity=900)
    job = farm.submit(1)
    old = farm.start(1)[0]
    assert old.render is first
    farm.drop_link(first)
    farm.edit(second, capacity_host=1000)
    farm.wait(60.1)
    assert farm.state(job.blocks[0]) == "RDY"
    new = farm.start(1)[0]
    assert new.render is second
    # The old one comes back with its process: it is stopped, holds its capacity until it is gone …
    farm.come_back(first, old)
    assert [(stop.render, stop.run_id) for stop in farm.take(Stop, 1)] == [("a", old.id)]
    assert (first.capacity_used, first.running) == (1000, 0)
    farm.submit(1, name="other")
    assert farm.start() == []
    # … and its success counts nothing.
    farm.finish(old)
    assert farm.state(job.blocks[0]) == "RUN"
    assert first.capacity_used == 0
    assert farm.start(1)[0].render is first
    farm.finish(new)
    assert farm.state(job.blocks[0]) == "DON"


def test_the_silence_before_the_link_was_given_up_counts(farm: StoryFarm) -> None:
    """R6: since the last contact; the link is called dead 16 s after it."""
    render = farm.render("a")
    job = farm.submit(1)
    farm.start(1)
    farm.wait(100)
    farm.apply(events.RenderLinkLost(render.link, "a", silent_s=16.0))
    farm.wait(43)
    assert farm.state(job.blocks[0]) == "RUN WRC"
    farm.wait(2)
    assert farm.state(job.blocks[0]) == "RDY"


def test_a_lost_run_that_ended_meanwhile_is_acknowledged(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=1000)
    farm.submit(1)
    run = farm.start(1)[0]
    farm.drop_link(render)
    farm.wait(61)
    farm.come_back(render, run, finished=True)
    assert farm.take(Stop) == []
    farm.take(Acknowledge)
    farm.finish(run)
    farm.take(Acknowledge, 1)
    assert farm.core.runs == {}


def test_a_stale_run_that_its_render_does_not_name_any_more_is_forgotten(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=1000)
    job = farm.submit(1)
    farm.start(1)
    farm.drop_link(render)
    farm.wait(61)
    assert render.capacity_used == 1000
    farm.come_back(render)
    assert render.capacity_used == 0
    assert farm.start(1)[0].block.job is job


def test_results_count_while_the_task_waits_for_its_render(farm: StoryFarm) -> None:
    """The journal: the run ended while the server was away."""
    render = farm.render("a", capacity=1000)
    job = farm.submit(1, task_max_run_time=5)
    run = farm.start(1)[0]
    farm.drop_link(render)
    farm.wait(20)
    farm.come_back(render, run, finished=True)
    assert farm.take(Stop) == []  # it is over: no time limit touches it
    farm.finish(run)
    assert farm.state(job.blocks[0]) == "DON"


# ------------------------------------------------------------------------------ hold and deaths


def test_a_held_task_waits_for_its_render(farm: StoryFarm) -> None:
    """R8: on_lost_render "hold": the run keeps the right to count, however long it takes."""
    first, _ = farm.render("a", capacity=1000), farm.render("b", capacity=900)
    job = farm.submit(1, on_lost_render="hold")
    block = job.blocks[0]
    run = farm.start(1)[0]
    farm.drop_link(first)
    farm.wait(10_000)
    assert farm.state(block) == "RUN WRC"
    assert "held" in block.extras[0].reason
    farm.come_back(first, run)
    assert farm.state(block) == "RUN"
    assert block.extras[0].reason == ""
    farm.finish(run)
    assert farm.state(block) == "DON"


def test_a_person_gives_a_held_task_up(farm: StoryFarm) -> None:
    first, second = farm.render("a", capacity=1000), farm.render("b", capacity=900)
    job = farm.submit(1, on_lost_render="hold")
    run = farm.start(1)[0]
    farm.drop_link(first)
    farm.edit(second, capacity_host=1000)
    farm.wait(100)
    farm.operate_tasks(job.blocks[0], "restart")
    assert farm.start(1)[0].render is second
    assert not run.current
    farm.come_back(first, run)
    farm.take(Stop, 1)


def test_hold_is_taken_back(farm: StoryFarm) -> None:
    render = farm.render("a")
    job = farm.submit(1, on_lost_render="hold")
    farm.start(1)
    farm.drop_link(render)
    farm.wait(100)
    farm.edit(job.blocks[0], on_lost_render="reschedule")
    farm.wait(0)
    assert farm.state(job.blocks[0]) == "RDY"


def test_a_held_task_is_lost_when_its_render_comes_back_without_it(farm: StoryFarm) -> None:
    """R6: that is certain."""
    render = farm.render("a", capacity=1000)
    job = farm.submit(1, on_lost_render="hold")
    farm.start(1)
    farm.drop_link(render)
    farm.wait(100)
    farm.come_back(render)
    assert farm.state(job.blocks[0]) == "RDY"
    assert farm.start(1)[0].number == 2


def test_three_deaths_hold_a_task(farm: StoryFarm) -> None:
    """R8: three different renders died while they ran it."""
    job = farm.submit(1)
    block = job.blocks[0]
    for n, name in enumerate("abc"):
        render = farm.render(name)
        farm.start(1)
        if n == 1:  # rebooted, and back without the run
            farm.drop_link(render)
            farm.come_back(render, boot_id="boot 2")
            farm.apply(events.RenderDrain(name, True))
        else:
            farm.drop_link(render)
            farm.wait(61)
    assert farm.state(block) == "SUS"
    assert "3 renders died" in farm.explain(block).summary
    assert farm.errors(block) == 0
    farm.operate_tasks(block, "continue")
    assert farm.state(block) == "RDY"
    assert block.extras == {}
    farm.render("d")
    farm.start(1)


@pytest.mark.parametrize("stopped_by", ["eject", "stop", "time limit"])
def test_three_deaths_hold_a_task_that_is_being_stopped(farm: StoryFarm, stopped_by: str) -> None:
    """A stop that says nothing about the task's future does not save it from its hold."""
    job = farm.submit(1, task_max_run_time=5 if stopped_by == "time limit" else 0)
    block = job.blocks[0]
    for name in "abc":
        assert farm.state(block) == "RDY"
        render = farm.render(name)
        (run,) = farm.start(1)
        if stopped_by == "eject":
            farm.apply(events.OperateRender(name, "eject_tasks", "anna"))
        elif stopped_by == "stop":
            farm.operate(job, "stop")
        else:
            farm.wait(5)
        farm.take(Stop, 1)
        assert run.stop_cause
        farm.drop_link(render)
        farm.wait(61)
        farm.operate(job, "start")
    assert farm.state(block) == "SUS"
    assert "3 renders died" in farm.explain(block).summary
    assert farm.errors(block) == 0


def test_a_person_decides_over_three_deaths(farm: StoryFarm) -> None:
    """Who restarts the task while its third host dies has said what becomes of it."""
    job = farm.submit(1)
    for name in "abc":
        render = farm.render(name)
        farm.start(1)
        if name == "c":
            farm.operate(job, "restart")
            farm.take(Stop, 1)
        farm.drop_link(render)
        farm.wait(61)
    assert farm.state(job.blocks[0]) == "RDY"


def test_the_same_render_dying_thrice_is_one_death(farm: StoryFarm) -> None:
    render = farm.render("a")
    job = farm.submit(1)
    for n in range(4):
        farm.start(1)
        farm.drop_link(render)
        farm.come_back(render, boot_id=f"boot {n + 2}")
    assert farm.state(job.blocks[0]) == "RDY"


def test_server_restarts_and_goodbyes_are_no_deaths(farm: StoryFarm) -> None:
    job = farm.submit(1)
    for name in "abcd":
        render = farm.render(name)
        farm.start(1)
        if name in "ab":
            farm.bye(render)
        else:
            farm.restart_server()
            farm.come_back(name)
            farm.apply(events.RenderDrain(name, True))
    assert farm.state(farm.job(job.serial).blocks[0]) == "RDY"


# ----------------------------------------------------------------------- restarts of the server


def test_open_runs_hold_everything_from_load_on(farm: StoryFarm) -> None:
    """R7: capacity, max_running and counters, while the renders are still away."""
    farm.render("a", capacity=1000)
    farm.submit(2, max_running_tasks=1)
    run = farm.start(1)[0]
    farm.restart_server()
    assert farm.core.renders["a"].capacity_used == 1000
    farm.render("b", capacity=1000)
    assert farm.start() == []
    farm.come_back("a", run)
    farm.finish(farm.core.runs[run.id])
    farm.start(1)


def test_silence_is_measured_from_when_serving_began(farm: StoryFarm) -> None:
    """R6: whichever is later."""
    render = farm.render("a", capacity=1000)
    job = farm.submit(1)
    run = farm.start(1)[0]
    farm.drop_link(render)
    farm.wait(50)
    farm.restart_server()
    farm.wait(59)
    assert farm.state(farm.job(job.serial).blocks[0]) == "RUN WRC"
    farm.come_back("a", run)
    assert farm.state(farm.job(job.serial).blocks[0]) == "RUN"


def test_a_restored_run_that_nobody_brings_back_is_lost(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1)
    farm.start(1)
    farm.restart_server()
    farm.wait(61)
    assert farm.state(farm.job(job.serial).blocks[0]) == "RDY"


def test_a_stale_run_of_a_deleted_job_holds_its_capacity_across_a_restart(
    farm: StoryFarm,
) -> None:
    render = farm.render("a", capacity=1000)
    job = farm.submit(1)
    run = farm.start(1)[0]
    farm.drop_link(render)
    farm.wait(61)
    farm.operate(job, "delete")
    assert job.serial not in farm.core.jobs
    farm.restart_server()
    farm.submit(1)
    farm.come_back("a", run)
    farm.take(Stop, 1)
    assert farm.core.renders["a"].capacity_used == 1000
    assert farm.start() == []
    farm.finish(run, RunEnd.KILLED)
    farm.start(1)
    assert (run.id,) not in farm.store.tables["open_runs"]


# ------------------------------------------------------------------------------------ deletion


def test_a_deleted_job_goes_when_its_runs_have_ended(farm: StoryFarm) -> None:
    farm.render("a", capacity=2000)
    job = farm.submit(3)
    one, two = farm.start(2)
    assert farm.operate(job, "delete").count == 2
    farm.take(Stop, 2)
    farm.finish(one, RunEnd.KILLED)
    assert job.serial in farm.core.jobs
    assert farm.start() == []
    farm.refused(events.AppendTasks(job.serial, 0, []), "deleting")
    farm.finish(two)
    assert job.serial not in farm.core.jobs
    assert farm.core.blocks.keys() == {b.key for b in farm.core.jobs[0].blocks}


def test_a_job_that_is_being_deleted_is_locked(farm: StoryFarm) -> None:
    """SEMANTICS 2.4: nothing else is done to it, and it shows OFF until it is gone."""
    farm.render("a")
    job = farm.submit(2)
    (run,) = farm.start(1)
    farm.operate(job, "delete")
    farm.take(Stop, 1)
    assert farm.job_state(job).split() == ["RDY", "RUN", "OFF"]
    log, spec, block = list(job.log), copy(job.spec), job.blocks[0]
    for event in (
        events.EditJob(job.serial, {"priority": 1}),
        events.EditBlocks(job.serial, [0], {"capacity": 1}),
        *(events.OperateJob(job.serial, name) for name in sorted(JOB_OPERATIONS - {"delete"})),
        *(events.OperateBlocks(job.serial, [0], n, ticket=("nuke", 1), tasks=[range(1)],
                               mode="append") for n in sorted(BLOCK_OPERATIONS)),
    ):  # fmt: skip
        refusal = farm.refused(event, "deleting")
        assert f"job {job.id} is being deleted" in refusal.message
        assert f"afcmd resubmit {job.serial} " in refusal.hint
    assert (job.log, job.spec, block.spec.capacity, job.off) == (log, spec, 1000, False)
    assert farm.operate(job, "delete").count == 1, "once more is no harm"
    farm.take(Stop)
    farm.restart_server()
    assert "OFF" in farm.job_state(farm.job(job.serial))
    farm.come_back("a", run)
    farm.take(Stop, 1)
    farm.finish(run, RunEnd.KILLED)
    assert job.serial not in farm.core.jobs


def test_a_job_whose_life_is_over_is_locked_across_a_restart(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1, job={"time_life": 10})
    farm.start(1)
    farm.wait(11)
    farm.take(Stop, 1)
    assert farm.job(job.serial).deleting
    farm.restart_server()
    assert farm.job(job.serial).deleting
    assert "OFF" in farm.job_state(farm.job(job.serial))


def test_a_job_deleted_while_its_runs_are_away(farm: StoryFarm) -> None:
    render = farm.render("a")
    job = farm.submit(1)
    run = farm.start(1)[0]
    farm.drop_link(render)
    farm.operate(job, "delete")
    farm.take(Stop, 0)
    assert job.serial in farm.core.jobs
    farm.restart_server()
    assert farm.job(job.serial).deleting
    farm.come_back("a", run)
    farm.take(Stop, 1)
    farm.finish(run, RunEnd.KILLED)
    assert job.serial not in farm.core.jobs


def test_a_deleted_job_whose_runs_never_come_back(farm: StoryFarm) -> None:
    render = farm.render("a")
    job = farm.submit(1, on_lost_render="hold")
    farm.start(1)
    farm.drop_link(render)
    farm.operate(job, "delete")
    farm.wait(61)
    assert job.serial not in farm.core.jobs


def test_a_held_run_does_not_keep_a_deleted_job(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=2000)
    job = farm.submit(blocks=[{"on_lost_render": "hold"}, {"on_lost_render": "hold"}])
    farm.start(2)
    farm.drop_link(render)
    farm.wait(100)
    farm.operate(job, "delete")
    assert job.serial not in farm.core.jobs
