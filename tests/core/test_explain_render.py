"""Why a render is idle."""

from __future__ import annotations

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
    assert found.classes[0].names[0] == "big0, block0"
    event = found.cures[0][1].events[0]
    farm.apply(event)
    assert len(farm.start(1)) == 1


def test_work_that_is_blocked_itself(farm: StoryFarm) -> None:
    farm.render("a")
    farm.submit(1, max_tasks_per_second=0)
    assert "may start 0 tasks a second" in why(farm, "a").summary
    farm.submit(1, name="fine")
    assert why(farm, "a").summary == "work is about to start there"
    farm.start(1)
