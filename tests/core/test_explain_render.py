"""Why a render is idle."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.effects import InstructRender
from afanasy.core.place.reasons import Reason
from afanasy.core.why.explain_render import RenderExplanation, explain_render
from harness.farm import StoryFarm


def why(farm: StoryFarm, name: str) -> RenderExplanation:
    return explain_render(farm.core, farm.core.renders[name], farm.now)


def test_no_work(farm: StoryFarm) -> None:
    farm.render("a")
    assert why(farm, "a").summary == "there is no work that waits"


def test_a_render_that_is_not_ready(farm: StoryFarm) -> None:
    farm.drop_link(farm.render("a"))
    farm.submit(1)
    assert why(farm, "a").summary == "offline"


def test_work_in_groups(farm: StoryFarm) -> None:
    farm.render("a", capacity=2000)
    for n in range(7):
        farm.submit(1, name=f"big{n}", capacity=3000)
    farm.submit(1, name="elsewhere", hosts_mask="b")
    farm.start(0)
    found = why(farm, "a")
    assert found.own is None
    assert [(group.reason.code, group.count) for group in found.classes] == [
        ("capacity_total", 7), ("hosts_mask", 1),
    ]  # fmt: skip
    assert found.summary == "no waiting work takes it: needs capacity 3000; it has 2000 in all"
    assert found.classes[0].names[0] == "big0.block0"
    event = found.cures[0][1].events[0]
    farm.apply(event)
    assert len(farm.start(1)) == 1


def test_work_that_is_blocked_itself(farm: StoryFarm) -> None:
    farm.render("a")
    farm.submit(1, max_tasks_per_second=0)
    assert "its max_tasks_per_second is 0" in why(farm, "a").summary
    farm.submit(1, name="fine")
    assert why(farm, "a").summary == "work is about to start there"
    farm.start(1)


def test_what_would_help_a_render_without_work(farm: StoryFarm) -> None:
    farm.render("a")
    farm.apply(events.EditPool("/", {"paused": True}))
    found = why(farm, "a")
    assert (found.own, found.classes) == (Reason("pool_not_ready", ("/",)), [])
    ((reason, cure),) = found.cures
    assert (reason, cure.commands) == (found.own, ("afcmd pool unpause /",))
    for event in cure.events:
        farm.apply(event)
    assert why(farm, "a").own is None


@pytest.mark.parametrize(
    ("params", "text", "line"),
    [
        ({"capacity_host": 0}, "takes no tasks: its capacity is 0", "capacity_host=1100"),
        ({"max_tasks_host": 0}, "takes no tasks: it may run 0 at a time", "max_tasks_host=1"),
    ],
)
def test_a_render_that_may_run_nothing(
    farm: StoryFarm, params: dict[str, int], text: str, line: str
) -> None:
    """No work needs to wait for it to be told what would help."""
    farm.edit(farm.render("a"), **params)
    found = why(farm, "a")
    ((reason, cure),) = found.cures
    assert found.summary == reason.text() == text
    assert cure.commands == (f"afcmd set --render a {line}",)
    assert "wait" not in cure.text
    for event in cure.events:
        farm.apply(event)
    assert why(farm, "a").own is None


def test_work_that_waits_for_its_time(farm: StoryFarm) -> None:
    farm.render("a")
    farm.submit(1, time_wait=int(farm.now.wall) + 60)
    found = why(farm, "a")
    assert all("1800000060" not in group.shown().text() for group in found.classes)


def test_blocks_that_ask_for_different_amounts_make_one_group(farm: StoryFarm) -> None:
    farm.render("a", capacity=2000)
    for capacity in (3000, 9000, 4000):
        farm.submit(1, capacity=capacity, name=f"big{capacity}")
    farm.start(0)
    (group,) = why(farm, "a").classes
    assert group.shown().text() == "needs capacity 3000 to 9000; it has 2000 in all"
    assert (group.count, group.names[0]) == (3, "big3000.block0")


def test_asking_costs_no_memory_for_each_block(farm: StoryFarm) -> None:
    """A farm has ten thousand blocks of a million tasks; of most nothing was started yet."""
    farm.render("a", capacity=500)
    jobs = [farm.submit(1000) for _ in range(20)]
    jobs.append(farm.submit(1000, sequential=5, ppa=True))
    assert why(farm, "a").classes[0].count == 21
    assert [farm.explain(job.blocks[0], 7).summary for job in jobs]
    assert all(job.blocks[0].columns is None for job in jobs)


def test_an_agent_that_was_told_to_exit(farm: StoryFarm) -> None:
    """It was not its user who drained it."""
    farm.apply(events.EditPool("/", {"exit_no_task_time": 30}))
    farm.render("a")
    farm.wait(31)
    farm.take(InstructRender, 1)
    answer = why(farm, "a")
    assert answer.summary == "was told to exit after 30 s without a task (exit_no_task_time)"
    assert "start afrender on a again" in answer.cures[0][1].text
    farm.apply(events.RenderDrain("a", False))
    farm.submit(1)
    farm.start(0)
    farm.bye(farm.core.renders["a"])
    farm.come_back("a")
    farm.start(1)
