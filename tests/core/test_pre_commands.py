"""Pre commands: they run before anything of their owner starts, once at least (R31)."""

from __future__ import annotations

from typing import Any

import pytest

from afanasy.core import events
from afanasy.core.effects import Disconnect, Send, Stop
from afanasy.core.settings import Chosen
from afanasy.core.state import Block, Job, Run
from afanasy.core.system.system_state import PRE_COMMANDS
from afanasy.core.tasks import Code
from harness.farm import StoryFarm


def switch(farm: StoryFarm, on: bool = True) -> None:
    farm.core.settings.chosen["af_command_pre"] = Chosen(on, "test@test", 1)
    farm.core.changes.settings = True


def one_place(farm: StoryFarm) -> None:
    farm.core.settings.chosen["af_sysjob_tasksmax"] = Chosen(1, "test@test", 1)
    farm.core.changes.settings = True


@pytest.fixture
def on(farm: StoryFarm) -> StoryFarm:
    """A farm with one render, that runs pre commands."""
    switch(farm)
    farm.render("a", capacity=10_000, max_tasks=10)
    return farm


def pre_block(farm: StoryFarm) -> Block:
    return farm.core.jobs[0].blocks[PRE_COMMANDS]


def command(run: Run) -> str:
    assert run.block.tasks is not None
    return run.block.tasks[run.task].command


def with_pre(farm: StoryFarm, text: str = "prepare", **more: Any) -> Job:
    return farm.submit(1, job={"command_pre": text, **more.pop("job", {})}, **more)


def fail_thrice(farm: StoryFarm) -> None:
    """The one pre command that is there fails until nobody tries it any more."""
    for wait in (1, 2, 0):
        (run,) = farm.start(1)
        assert run.block is pre_block(farm)
        farm.fail(run)
        farm.wait(wait)


# ------------------------------------------------------------------------------------ the order


def test_the_jobs_command_then_those_of_blocks_then_tasks(on: StoryFarm) -> None:
    job = on.submit(
        name="movie",
        job={"command_pre": "of job", "folders": {"output": "/out"}},
        blocks=[
            {"working_directory": "/one"},
            {"working_directory": "/two", "command_pre": "of two"},
            {"working_directory": "/three", "command_pre": " "},
        ],
    )
    assert on.job_state(job) == "WDP"
    (first,) = on.start(1)
    assert command(first) == "of job"
    assert on.explain(job.blocks[0]).work is not None
    assert on.explain(job.blocks[0]).summary == (
        "the job waits for its pre command (afcmd why 1.3 '#0')"
    )
    on.finish(first)
    assert on.job_state(job) == "RDY"
    assert on.block_state(job.blocks[1]) == "WDP"
    runs = on.start(3)
    blocks = [run for run in runs if run.block.job is job]
    (second,) = [run for run in runs if run.block.job is not job]
    assert [run.block.num for run in blocks] == [0, 2]
    assert command(second) == "of two"
    reason = on.explain(job.blocks[1]).work
    assert reason is not None
    assert reason.code == "block_waits_pre"
    assert on.job_state(job) == "RUN WDP"
    on.finish(second)
    (last,) = on.start(1)
    assert last.block is job.blocks[1]
    for run, directory in ((first, "/one"), (second, "/two")):
        environment = (run.block.tasks or [])[run.task].environment or {}
        assert environment["AF_POST_DIRECTORY"] == directory
        assert environment["AF_DELETE_ROOTS"] == "/out:/one:/two:/three"
        assert environment["AF_OF_JOB_NAME"] == "movie"
        assert environment["AF_OF_USER_NAME"] == "anna"
    for run in (*blocks, last):
        on.finish(run)
    assert on.job_state(job) == "DON"
    assert [line for line in job.log if "pre command" in line] == [
        "pre command is asked for: of job",
        "pre command ended well",
        "pre command of block 1 'block1' is asked for: of two",
        "pre command of block 1 'block1' ended well",
    ]


def test_commands_of_blocks_run_beside_each_other(on: StoryFarm) -> None:
    job = on.submit(blocks=[{"command_pre": "x"}, {"command_pre": "y"}])
    assert on.job_state(job) == "WDP"
    one, two = on.start(2)
    assert (command(one), command(two)) == ("x", "y")
    on.finish(two)
    (task,) = on.start(1)
    assert task.block is job.blocks[1]
    on.finish(one)
    (other,) = on.start(1)
    on.finish(other)
    on.finish(task)


def test_a_job_that_waits_for_another_or_for_its_time_prepares_meanwhile(on: StoryFarm) -> None:
    """They run at the submission, as those of the original."""
    job = with_pre(on, time_wait=int(on.now.wall) + 100)
    assert on.job_state(job) == "WDP WTM"
    (run,) = on.start(1)
    on.finish(run)
    assert on.start(0) == []
    assert on.job_state(job) == "WTM"
    on.wait(100)
    on.finish(on.start(1)[0])


def test_appended_blocks_have_theirs(on: StoryFarm) -> None:
    job = on.submit(1, job={"command_pre": ""})
    on.finish(on.start(1)[0])
    on.apply(events.AppendBlocks(job.serial, [on.block(1, command_pre="more")]))
    assert on.job_state(job) == "WDP"
    (run,) = on.start(1)
    assert command(run) == "more"
    on.finish(run)
    on.finish(on.start(1)[0])
    assert on.job_state(job) == "DON"


# --------------------------------------------------------------------------------- the setting


def test_switched_off_it_is_kept_and_the_log_says_so(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(blocks=[{}, {"command_pre": "y"}], job={"command_pre": "x"})
    assert job.log == [
        "warning: job.command_pre is kept and not run: the setting af_command_pre is off",
        "warning: blocks[1].command_pre is kept and not run: the setting af_command_pre is off",
    ]
    (run,) = farm.start(1)
    assert run.block.job is job
    switch(farm)
    farm.edit(job, command_pre="z")
    farm.finish(run)
    farm.operate(job, "restart")
    assert job.pre is None
    assert pre_block(farm).tasks_num == 0


def test_switching_it_off_leaves_jobs_that_were_submitted_before(on: StoryFarm) -> None:
    job = with_pre(on)
    switch(on, False)
    assert not with_pre(on, name="late").pre
    (run, _) = on.start(2)
    assert command(run) == "prepare"
    on.finish(run)
    assert job.pre is None


# -------------------------------------------------------------------------------------- pauses


def test_a_job_submitted_paused_prepares_when_it_is_started(on: StoryFarm) -> None:
    job = with_pre(on, job={"offline": True})
    on.restart_server()
    on.render("a", capacity=10_000, max_tasks=10)
    job = on.job(job.serial)
    assert on.start() == []
    assert on.job_state(job) == "OFF WDP"
    on.operate(job, "start")
    (run,) = on.start(1)
    assert command(run) == "prepare"
    on.operate(job, "pause")
    on.finish(run)
    assert on.start() == []
    assert job.pre is None


def test_blocks_of_a_job_paused_meanwhile_wait_for_its_start(on: StoryFarm) -> None:
    job = on.submit(1, job={"command_pre": "x"}, command_pre="y")
    (run,) = on.start(1)
    on.operate(job, "pause")
    on.finish(run)
    assert on.start() == []
    on.operate(job, "start")
    (second,) = on.start(1)
    assert command(second) == "y"
    on.finish(second)
    on.finish(on.start(1)[0])


# ------------------------------------------------------------------------------------- failing


def test_what_fails_is_tried_three_times_then_the_job_is_in_error(on: StoryFarm) -> None:
    job = with_pre(on)
    (run,) = on.start(1)
    on.fail(run)
    assert on.job_state(job) == "WDP"
    on.wait(1)
    (run,) = on.start(1)
    on.fail(run)
    on.wait(2)
    (run,) = on.start(1)
    on.fail(run)
    assert on.job_state(job) == "ERR"
    found = on.explain(job.blocks[0])
    assert found.summary == ("its pre command failed: exit status 1 on a (afcmd output 1.3 '#0')")
    assert "restart the job" in found.cures[0][1].text
    assert job.log[-1] == "pre command failed: exit status 1 on a"
    assert on.start() == []
    assert not any(render.errors_row for render in on.core.renders.values())


def test_another_host_is_tried_first(on: StoryFarm) -> None:
    on.render("b")
    job = with_pre(on)
    (one,) = on.start(1)
    on.fail(one)
    on.wait(1)
    (two,) = on.start(1)
    assert {one.render.name, two.render.name} == {"a", "b"}
    on.finish(two)
    assert job.pre is None
    on.finish(on.start(1)[0])


@pytest.mark.parametrize("operation", ["restart", "restart_errors"])
def test_a_restart_of_the_job_runs_it_again(on: StoryFarm, operation: str) -> None:
    job = with_pre(on)
    fail_thrice(on)
    on.operate(job, operation)
    assert on.job_state(job) == "WDP"
    (run,) = on.start(1)
    assert (command(run), run.task) == ("prepare", 0)
    on.finish(run)
    on.finish(on.start(1)[0])
    on.operate(job, "restart")
    (again,) = on.start(1)
    assert again.block.job is job, "what ended well is not run again"
    on.finish(again)


def test_restart_pause_runs_it_when_the_job_is_started(on: StoryFarm) -> None:
    job = with_pre(on)
    fail_thrice(on)
    on.operate(job, "restart_pause")
    assert on.start() == []
    on.operate(job, "start")
    (run,) = on.start(1)
    assert command(run) == "prepare"
    on.finish(run)
    on.finish(on.start(1)[0])


def test_of_a_block(on: StoryFarm) -> None:
    job = on.submit(blocks=[{"max_running_tasks": 0}, {"command_pre": "y"}])
    fail_thrice(on)
    block = job.blocks[1]
    assert on.block_state(block) == "ERR"
    assert on.job_state(job) == "RDY ERR"
    assert on.explain(block).summary.startswith("the block's pre command failed: exit status 1")
    on.operate_tasks(block, "restart")
    assert on.block_state(block) == "WDP"
    on.finish(on.start(1)[0])
    on.finish(on.start(1)[0])


def test_the_task_of_the_system_job_is_restarted(on: StoryFarm) -> None:
    """What a person does there counts here."""
    job = with_pre(on)
    fail_thrice(on)
    on.operate_tasks(pre_block(on), "restart", 0)
    assert on.job_state(job) == "WDP"
    (run,) = on.start(1)
    on.operate_tasks(pre_block(on), "suspend", 0)
    on.take(Stop, 1)
    on.finish(run, 7)
    assert on.explain(job.blocks[0]).summary.startswith(
        "its pre command failed: its task is suspended"
    )
    on.operate_tasks(pre_block(on), "skip", 0)
    on.operate_tasks(pre_block(on), "continue", 0)
    on.operate_tasks(pre_block(on), "skip", 0)
    assert job.pre is None
    on.finish(on.start(1)[0])


def test_no_host_takes_it(farm: StoryFarm) -> None:
    switch(farm)
    job = with_pre(farm)
    farm.wait(1900)
    assert farm.job_state(job) == "ERR"
    assert farm.explain(job.blocks[0]).summary.startswith(
        "its pre command failed: no host took it for 1800 s"
    )
    farm.render("a")
    assert farm.start() == []
    farm.operate(job, "restart")
    farm.finish(farm.start(1)[0])
    farm.finish(farm.start(1)[0])


def test_a_time_limit(on: StoryFarm) -> None:
    job = with_pre(on)
    for _ in range(3):
        (run,) = on.start(1)
        on.wait(601)
        on.take(Stop, 1)
        on.finish(run, 7)
        on.wait(10)
    assert on.explain(job.blocks[0]).summary.startswith("its pre command failed: max run time on a")


def test_the_owner_hears_of_it(on: StoryFarm) -> None:
    on.apply(events.AddUser("anna", {"webhook": "http://a.example/", "notify": ["error"]}))
    with_pre(on)
    fail_thrice(on)
    (sent,) = on.take(Send, 1)
    assert sent.message.subject == "JOB_ERROR - job"


# --------------------------------------------------------------------------------------- edits


def test_an_edit_replaces_it_until_it_runs(on: StoryFarm) -> None:
    job = with_pre(on, "one")
    on.edit(job, command_pre="two")
    (run,) = on.start(1)
    assert command(run) == "two"
    on.edit(job, command_pre="three")
    on.fail(run)
    (run,) = on.start(1)
    assert (command(run), run.task) == ("three", 0)
    on.finish(run)
    on.edit(job, command_pre="four")
    (task,) = on.start(1)
    assert task.block.job is job
    on.finish(task)


def test_an_edit_while_it_is_paused(on: StoryFarm) -> None:
    job = with_pre(on, "one", job={"offline": True})
    on.edit(job, command_pre="two")
    assert on.start() == []
    on.operate(job, "start")
    (run,) = on.start(1)
    assert command(run) == "two"
    on.finish(run)
    on.finish(on.start(1)[0])


def test_an_edit_of_what_failed(on: StoryFarm) -> None:
    job = with_pre(on, "wrong")
    fail_thrice(on)
    on.edit(job, command_pre="right")
    assert on.job_state(job) == "WDP"
    (run,) = on.start(1)
    assert command(run) == "right"
    on.finish(run)
    on.finish(on.start(1)[0])


@pytest.mark.parametrize("phase", ["held", "asked", "failed"])
def test_clearing_it_lets_the_job_go(on: StoryFarm, phase: str) -> None:
    job = with_pre(on, job={"offline": phase == "held"})
    if phase == "failed":
        fail_thrice(on)
    on.edit(job, command_pre="")
    if phase == "held":
        on.operate(job, "start")
    else:
        assert on.state(pre_block(on)) == "DON SKP"
    (task,) = on.start(1)
    assert task.block.job is job
    on.finish(task)


def test_clearing_it_while_it_runs_stops_it(on: StoryFarm) -> None:
    job = with_pre(on, "one")
    (run,) = on.start(1)
    on.edit(job, command_pre="")
    on.take(Stop, 1)
    assert on.start() == []
    on.finish(run, 7)
    on.finish(on.start(1)[0])
    job = with_pre(on, "one")
    (run,) = on.start(1)
    on.edit(job, command_pre="")
    on.edit(job, command_pre="two")  # he thinks twice
    on.take(Stop, 1)
    on.finish(run, 7)
    (run,) = on.start(1)
    assert command(run) == "two"
    on.finish(run)
    on.finish(on.start(1)[0])


def test_of_a_block_it_is_edited_too(on: StoryFarm) -> None:
    job = on.submit(1, command_pre="one")
    on.edit(job.blocks[0], command_pre="two")
    (run,) = on.start(1)
    assert command(run) == "two"
    on.edit(job.blocks[0], command_pre="")
    on.take(Stop, 1)
    on.finish(run, 7)
    on.finish(on.start(1)[0])


# ------------------------------------------------------------------------------------ deletion


def test_a_job_is_deleted_while_it_waits(on: StoryFarm) -> None:
    job = on.submit(1, job={"command_pre": "x", "command_post": "tidy"}, command_pre="y")
    on.operate(job, "delete")
    assert job.serial not in on.core.jobs
    assert pre_block(on).code(0) == Code.SKIPPED
    (post,) = on.start(1)
    assert command(post) == "tidy"
    on.finish(post)


def test_a_job_is_deleted_while_it_runs(on: StoryFarm) -> None:
    """It goes, and its post command runs, when the pre command is gone."""
    job = with_pre(on, job={"command_post": "tidy"})
    (run,) = on.start(1)
    on.operate(job, "delete")
    on.take(Stop, 1)
    assert on.start() == []
    on.restart_server()
    on.come_back("a", run)
    on.take(Stop, 1)
    assert job.serial in on.core.jobs
    on.finish(run, 7)
    assert job.serial not in on.core.jobs
    (post,) = on.start(1)
    assert command(post) == "tidy"
    on.finish(post)


def test_its_render_is_lost_while_the_job_is_deleted(on: StoryFarm) -> None:
    job = with_pre(on)
    on.start(1)
    on.operate(job, "delete")
    on.take(Stop, 1)
    on.come_back("a", boot_id="boot 2")
    on.take(Disconnect, 1)
    assert job.serial not in on.core.jobs
    assert on.start() == []


def test_a_failed_one_is_deleted(on: StoryFarm) -> None:
    job = with_pre(on)
    fail_thrice(on)
    on.operate(job, "delete")
    assert job.serial not in on.core.jobs


# ------------------------------------------------------------------------------------- places


def test_requests_wait_for_a_place(on: StoryFarm) -> None:
    one_place(on)
    jobs = [with_pre(on, f"pre {n}", name=f"j{n}") for n in range(4)]
    assert list(on.core.system.waiting[PRE_COMMANDS]) == list(on.core.system.outside)
    on.edit(jobs[1], command_pre="edited")
    on.edit(jobs[2], command_pre="")
    assert jobs[2].pre is None
    on.restart_server()
    on.render("a", capacity=10_000, max_tasks=10)
    on.operate(on.job(jobs[3].serial), "delete")
    seen: list[str] = []
    while runs := on.start():
        for run in runs:
            seen.append(command(run) if run.block.job.system else run.block.job.spec.name)
            on.finish(run)
    assert seen == ["pre 0", "j2", "edited", "j0", "j1"]
    assert pre_block(on).tasks_num == 1


def test_a_request_that_got_a_place_is_known_after_a_restart(on: StoryFarm) -> None:
    one_place(on)
    with_pre(on, "first", name="first", priority=0)
    job = with_pre(on, "second")
    on.finish(on.start(1)[0])
    (run,) = on.start(1)
    assert command(run) == "second"
    on.restart_server()
    on.come_back("a", run)
    on.finish(on.core.runs[run.id])
    assert on.job(job.serial).pre is None
    on.finish(on.start(1)[0])


def test_a_place_of_a_failed_one_is_used_again(on: StoryFarm) -> None:
    """It has failed all the same, and a restart takes another place."""
    one_place(on)
    job = with_pre(on, "wrong")
    fail_thrice(on)
    other = with_pre(on, "right", name="other")
    assert on.explain(job.blocks[0]).summary == "its pre command failed: exit status 1 on a"
    on.operate(job, "restart")
    (run,) = on.start(1)
    assert command(run) == "right"
    on.finish(run)
    assert other.pre is None
    (run, task) = on.start(2)
    assert command(run) == "wrong"
    on.finish(task)
    on.finish(run)
    on.finish(on.start(1)[0])


# ------------------------------------------------------------------------------------- restore


@pytest.mark.parametrize("phase", ["asked", "running", "retry", "failed"])
def test_the_server_dies_in_between(on: StoryFarm, phase: str) -> None:
    job = on.submit(1, job={"command_pre": "x"}, command_pre="y")
    run = None
    if phase in ("running", "retry"):
        (run,) = on.start(1)
    if phase == "retry":
        assert run is not None
        on.fail(run)
    if phase == "failed":
        fail_thrice(on)
    on.restart_server()
    on.come_back("a", *([run] if run is not None and phase == "running" else []))
    job = on.job(job.serial)
    assert on.job_state(job) == ("ERR" if phase == "failed" else "WDP")
    if phase == "failed":
        assert "exit status 1 on a" in on.explain(job.blocks[0]).summary
        on.operate(job, "restart")
    on.wait(2)
    if phase != "running":
        (run,) = on.start(1)
    assert run is not None
    on.finish(on.core.runs[run.id])
    on.restart_server()
    on.come_back("a")
    (second,) = on.start(1)
    assert command(second) == "y"
    on.finish(second)
    on.restart_server()
    on.come_back("a")
    (task,) = on.start(1)
    assert task.block.job is on.job(job.serial)
    on.finish(task)


def test_a_farm_of_an_older_version_gets_the_block(farm: StoryFarm) -> None:
    """It was stored before there were pre commands."""
    key = pre_block(farm).key
    for table in ("blocks", "block_states"):
        del farm.store.tables[table][(key,)]
    farm.restart_server()
    assert pre_block(farm).spec.name == "pre_commands"
    assert pre_block(farm).key != key
    switch(farm)
    farm.render("a")
    job = with_pre(farm)
    farm.finish(farm.start(1)[0])
    farm.finish(farm.start(1)[0])
    assert farm.job_state(job) == "DON"
