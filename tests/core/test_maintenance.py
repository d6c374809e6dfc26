"""Maintenance jobs: a task runs on the render that has its name, and on no other."""

from __future__ import annotations

from typing import Any

from afanasy.core import events
from afanasy.core.effects import InstructRender, Stop
from afanasy.core.state import Job
from afanasy.core.tasks import Code
from afanasy.model.attributes import TaskSpec
from harness.farm import StoryFarm


def maintain(farm: StoryFarm, *hosts: str, **more: Any) -> Job:
    return farm.submit(commands=list(hosts), maintenance=True, **more)


def starts(farm: StoryFarm) -> dict[int, str]:
    """Task → its render, of what starts now."""
    return {run.task: run.render.name for run in farm.start()}


def test_a_task_to_try_next_waits_for_its_host(farm: StoryFarm) -> None:
    farm.render("a")
    job = maintain(farm, "b", "a")
    farm.operate_tasks(job.blocks[0], "trynext", 0, mode="append")
    assert starts(farm) == {1: "a"}
    farm.render("b")
    assert starts(farm) == {0: "b"}
    assert not job.try_next


def test_tasks_of_one_name_start_one_after_the_other(farm: StoryFarm) -> None:
    farm.render("a")
    maintain(farm, "a", "b", "a")
    (run,) = farm.start(1)
    assert run.task == 0
    farm.finish(run)
    assert starts(farm) == {2: "a"}


def test_the_list_chooses_among_tasks_of_one_name(farm: StoryFarm) -> None:
    farm.render("a")
    job = maintain(farm, "a", "a", "a")
    farm.operate_tasks(job.blocks[0], "trynext", 2, 1, mode="append")
    order: list[int] = []
    for _ in range(3):
        (run,) = farm.start(1)
        order.append(run.task)
        farm.finish(run)
    assert order == [2, 1, 0]


def test_an_ejected_task_stays_away(farm: StoryFarm) -> None:
    """R10: it was back at once. Another task of that name takes the host meanwhile."""
    farm.render("a")
    job = maintain(farm, "a", "a")
    (run,) = farm.start(1)
    farm.apply(events.OperateRender("a", "eject_tasks", "anna"))
    farm.take(Stop, 1)
    farm.fail(run)
    (other,) = farm.start(1)
    assert (run.task, other.task) == (0, 1)
    farm.finish(other)
    assert farm.start() == []
    assert farm.explain(job.blocks[0], 0).cures[0][0].code == "task_ejected"
    farm.wait(601)
    assert starts(farm) == {0: "a"}


def test_its_host_is_avoided_so_no_host_is_left(farm: StoryFarm) -> None:
    """R13: no other render could run it, however many there are."""
    farm.render("a")
    farm.render("b")
    job = maintain(farm, "a", "b", errors_task_same_host=1, errors_retries=5)
    block = job.blocks[0]
    first, second = farm.start(2)
    assert first.render.name == "a"
    farm.fail(first)
    farm.finish(second)
    assert farm.codes(block) == [Code.ERROR, Code.DONE]
    assert farm.explain(block, 0).summary == "the only suitable host is avoided"
    farm.check_restored()
    farm.wait(100)
    assert farm.start() == []
    farm.operate_tasks(block, "reset_error_hosts", 0)
    assert starts(farm) == {0: "a"}


def test_a_host_that_went_and_comes_again(farm: StoryFarm) -> None:
    """While its host is not there the task waits for it; the errors are remembered."""
    farm.render("a")
    farm.render("b")
    job = maintain(farm, "a", errors_task_same_host=1, errors_retries=5)
    block = job.blocks[0]
    farm.fail(farm.start(1)[0])
    assert farm.codes(block) == [Code.ERROR]
    farm.drop_link(farm.core.renders["a"])
    farm.apply(events.OperateRender("a", "delete"))
    farm.wait(100)
    assert farm.codes(block) == [Code.READY]
    assert farm.start() == []
    farm.render("a", instance="another")
    assert farm.start() == []
    farm.operate_tasks(block, "reset_error_hosts")
    assert starts(farm) == {0: "a"}


def test_an_appended_task_has_a_name(farm: StoryFarm) -> None:
    for host in "abc":
        farm.render(host)
    job = maintain(farm, "a")
    farm.finish(farm.start(1)[0])
    farm.apply(events.AppendTasks(job.serial, 0, [TaskSpec(name="b", command="x")]))
    assert starts(farm) == {1: "b"}
    more = [TaskSpec(name=name, command="x") for name in ("c", "a")]
    farm.apply(events.AppendTasks(job.serial, 0, more))
    assert starts(farm) == {2: "c", 3: "a"}


def test_another_pattern_makes_other_names(farm: StoryFarm) -> None:
    farm.render("node-1")
    farm.render("node-2")
    job = maintain(farm, "1", "2")
    assert farm.start() == []
    farm.edit(job.blocks[0], tasks_name="node-@#@")
    assert starts(farm) == {0: "node-1", 1: "node-2"}


def test_a_name_that_is_not_true_starts_nothing(farm: StoryFarm) -> None:
    """The check that explain shows is asked before each start, whatever is remembered of names."""
    farm.render("a")
    job = maintain(farm, "b")
    job.blocks[0].by_name = {"a": [0]}
    assert farm.start() == []


def test_its_host_is_woken(farm: StoryFarm) -> None:
    """The first task of the job names a host that nobody has."""
    netifs = {"netifs": [{"name": "eth0", "mac": "52:54:00:00:00:01"}]}
    for host in ("a", "b"):
        sleeper = farm.render(host, resources=dict(netifs), address="10.0.0.1")
        farm.apply(events.OperateRender(host, "wol_sleep"))
        farm.take(InstructRender, 1)
        farm.drop_link(sleeper)
    farm.render("sender")
    maintain(farm, "nowhere", "b")
    farm.solve()
    farm.wait(30)
    assert [host for host in ("a", "b") if farm.core.renders[host].waking] == ["b"]
