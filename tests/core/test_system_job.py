"""The system job: requests become tasks, places are used again, nothing is forgotten."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.settings import Chosen
from afanasy.core.state import Block
from afanasy.core.system import system_job
from afanasy.core.tasks import Code
from harness.farm import StoryFarm


def places(farm: StoryFarm, number: int) -> None:
    farm.core.settings.chosen["af_sysjob_tasksmax"] = Chosen(number, "test@test", 1)
    farm.core.changes.settings = True


def system_block(farm: StoryFarm, number: int = system_job.POST_COMMANDS) -> Block:
    return farm.core.jobs[0].blocks[number]


def delete_with(farm: StoryFarm, *commands: str) -> None:
    """A job with these post commands, one a block, comes and goes."""
    blocks = [{"frames": 1, "working_directory": f"/d{n}", "command_post": text}
              for n, text in enumerate(commands)]  # fmt: skip
    farm.operate(farm.submit(blocks=blocks), "delete")


def commands(block: Block) -> list[str]:
    assert block.tasks is not None
    return [task.command for task in block.tasks]


def test_post_commands_of_job_then_blocks(farm: StoryFarm) -> None:
    """SEMANTICS 1.6: the directory is the first block's, resp. the own block's."""
    farm.render("a")
    job = farm.submit(
        name="movie",
        job={"command_post": "of job", "folders": {"output": "/out"}},
        blocks=[
            {"frames": 2, "working_directory": "/one", "command_post": "of one"},
            {"frames": 2, "working_directory": "/two"},
        ],
    )
    farm.operate(job, "delete")
    runs = farm.start(2)
    specs = [run.block.tasks[run.task] for run in runs if run.block.tasks]
    assert [spec.command for spec in specs] == ["of job", "of one"]
    for spec in specs:
        environment = spec.environment or {}
        assert environment["AF_POST_DIRECTORY"] == "/one"
        assert environment["AF_DELETE_ROOTS"] == "/out:/one:/two"
        assert environment["AF_OF_JOB_NAME"] == "movie"
        assert environment["AF_OF_USER_NAME"] == "anna"
    assert [run.block.task_name(run.task) for run in runs] == ["of", "of"]
    for run in runs:
        farm.finish(run)
    assert "post command of job 2 'movie': of job" in farm.core.jobs[0].log


def test_a_running_job_is_deleted_first(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1, job={"command_post": "tidy"})
    (run,) = farm.start(1)
    farm.operate(job, "delete")
    assert system_block(farm).tasks_num == 0
    farm.finish(run, status=12)
    assert commands(system_block(farm)) == ["tidy"]
    (post,) = farm.start(1)
    farm.finish(post)
    from afanasy.core.effects import Stop

    farm.take(Stop, 1)


def test_system_tasks_take_ten_and_no_slot(farm: StoryFarm) -> None:
    """R23."""
    render = farm.render("a", max_tasks=1)
    farm.submit(2, capacity=100)
    (run,) = farm.start(1)
    assert (render.running, render.slots_used) == (1, 1)
    delete_with(farm, "tidy")
    (post,) = farm.start(1)
    assert (render.running, render.slots_used, render.capacity_used) == (2, 1, 110)
    assert farm.explain(run.block, 1).classes[0].reason.code == "render_slots"
    farm.finish(run)
    (run,) = farm.start(1)  # the system task stands in nobody's way
    farm.restart_server()
    render = farm.core.renders["a"]
    assert (render.running, render.slots_used) == (2, 1)
    farm.come_back(render, run, post)
    for one in list(farm.core.runs.values()):
        farm.finish(one)
    assert farm.start() == []


def test_a_host_without_room_runs_it_when_it_has_room(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    farm.submit(1)
    (run,) = farm.start(1)
    delete_with(farm, "tidy")
    farm.start(0)
    block = system_block(farm)
    assert "capacity" in farm.explain(block, 0).classes[0].reason.text()
    farm.finish(run)
    (post,) = farm.start(1)
    farm.finish(post)


def test_hosts_of_their_owners_are_left_alone(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.edit(render, nimby=True)
    delete_with(farm, "tidy")
    farm.start(0)
    assert farm.explain(system_block(farm), 0).classes[0].reason.code == "nimby"
    farm.edit(render, nimby=False)
    (post,) = farm.start(1)
    farm.finish(post)


def test_so_many_on_one_host(farm: StoryFarm) -> None:
    farm.render("a", capacity=10_000)
    delete_with(farm, *[f"tidy {n}" for n in range(15)])
    runs = farm.start(10)
    farm.finish(runs[0])
    runs += farm.start(1)
    farm.render("b")
    runs += farm.start(4)
    for run in runs[1:]:
        farm.finish(run)


def test_places_are_used_again(farm: StoryFarm) -> None:
    farm.render("a")
    places(farm, 3)
    for n in range(8):
        delete_with(farm, f"tidy {n}")
        for run in farm.start(1):
            farm.finish(run)
    block = system_block(farm)
    assert block.tasks_num == 3
    assert commands(block) == ["tidy 6", "tidy 7", "tidy 5"]
    assert [farm.starts(block, task) for task in range(3)] == [3, 3, 2]
    farm.check_restored()
    assert len(farm.store.tables["runs"]) == 8
    assert len(farm.store.tables["records"]) == 3


def test_requests_wait_for_a_place_and_survive_a_restart(farm: StoryFarm) -> None:
    places(farm, 2)
    delete_with(farm, *[f"tidy {n}" for n in range(5)])
    assert len(farm.core.system.waiting[0]) == 3
    farm.restart_server()
    assert commands(system_block(farm)) == ["tidy 0", "tidy 1"]
    delete_with(farm, "tidy 5")
    farm.render("a")
    done: list[str] = []
    while runs := farm.start():
        for run in runs:
            assert run.block.tasks is not None
            done.append(run.block.tasks[run.task].command)
            farm.finish(run)
    assert done == [f"tidy {n}" for n in range(6)]
    kept = [key for (key,) in farm.store.tables["meta"] if key.startswith("request/")]
    assert kept == []
    assert system_block(farm).tasks_num == 2


def test_what_failed_is_tried_elsewhere(farm: StoryFarm) -> None:
    farm.render("a")
    farm.render("b")
    delete_with(farm, "tidy")
    (first,) = farm.start(1)
    farm.fail(first)
    farm.wait(1)
    (second,) = farm.start(1)
    assert {first.render.name, second.render.name} == {"a", "b"}
    farm.fail(second)
    block = system_block(farm)
    assert "ERR" in farm.state(block).split()
    assert "avoided" in farm.explain(block, 0).summary
    farm.operate(farm.core.jobs[0], "restart_errors")
    (third,) = farm.start(1)
    farm.finish(third)
    assert not any(render.errors_row for render in farm.core.renders.values())


def test_nobody_takes_it_for_half_an_hour(farm: StoryFarm) -> None:
    """SEMANTICS 12.1: a system task that stays READY longer than 1800 s becomes an error."""
    delete_with(farm, "tidy")
    block = system_block(farm)
    farm.wait(1700)
    assert block.code(0) == Code.READY
    farm.wait(200)
    assert block.code(0) == Code.ERROR
    assert "no host took it for 1800 s" in farm.core.jobs[0].log[-1]
    assert not farm.core.timers
    farm.render("a")
    farm.start(0)
    farm.operate_tasks(block, "restart", 0)
    (run,) = farm.start(1)
    farm.finish(run)


def test_the_server_job_is_not_for_everybody(farm: StoryFarm) -> None:
    job = farm.core.jobs[0]
    farm.refused(events.OperateJob(0, "delete"), "system_job")
    farm.refused(events.OperateJob(0, "restart"), "system_job")
    task = farm.submission(commands=["x"]).blocks[0].tasks or []
    farm.refused(events.AppendTasks(0, 0, task), "system_job")
    delete_with(farm, "tidy")
    farm.operate(job, "pause")
    farm.render("a")
    farm.start(0)
    assert farm.explain(system_block(farm), 0).summary == "the job is paused"
    farm.operate(job, "start")
    (run,) = farm.start(1)
    farm.finish(run)


@pytest.mark.parametrize("command", ["", "   "])
def test_no_command_no_task(farm: StoryFarm, command: str) -> None:
    delete_with(farm, command)
    assert system_block(farm).tasks_num == 0
