"""Logs of renders, users, pools and branches: who did what, old → new (SEMANTICS 0)."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.effects import InstructRender, Stop
from afanasy.core.node_log import LINES_MAX, Node
from harness.farm import StoryFarm

KIM = "kim@desk"


@pytest.fixture
def farm():
    farm = StoryFarm()
    yield farm
    farm.close()


def said(node: Node) -> list[str]:
    return [line.text for line in node.log]


def test_a_host_that_is_taken_and_freed(farm: StoryFarm) -> None:
    render = farm.render("a")
    render.log.clear()
    until = int(farm.now.wall) + 3600
    params = {"NIMBY": True, "nimby_reason": "fire drill", "nimby_until": until}
    farm.apply(events.EditRender("a", params, by=KIM))
    when = render.log[0].wall
    assert when == int(farm.now.wall)
    lines = said(render)
    assert f"NIMBY: False to True, by {KIM}" in lines
    assert f"nimby_reason: '' to 'fire drill', by {KIM}" in lines
    (end,) = [line for line in lines if line.startswith("nimby_until")]
    assert str(until) not in end, "people do not read unix seconds"
    assert len(lines) == 3, lines

    farm.apply(events.EditRender("a", {"nimby": False, "NIMBY": False}, by="anna@pc"))
    assert "NIMBY: True to False, by anna@pc" in said(render)
    farm.apply(events.EditRender("a", {"paused": True}, by=KIM))
    assert said(render)[-1] == f"paused: False to True, by {KIM}"


def test_a_host_that_is_given_back_by_itself(farm: StoryFarm) -> None:
    render = farm.render("a")
    params = {"nimby": True, "nimby_until": int(farm.now.wall) + 60}
    farm.apply(events.EditRender("a", params, by=KIM))
    farm.wait(61)
    assert said(render)[-1].startswith("given back")


def test_a_free_host_is_not_given_back(farm: StoryFarm) -> None:
    """Nobody has it: there is no end, and no reason."""
    render = farm.render("a")
    before = said(render)
    until = int(farm.now.wall) + 60
    ends = {"nimby_until": until, "nimby_reason": "x", "paused_until": until, "paused_reason": "x"}
    farm.apply(events.EditRender("a", dict(ends), by=KIM))
    farm.apply(events.EditRender("a", {**ends, "nimby": False, "paused": False}, by=KIM))
    assert (render.spec.nimby_until, render.spec.nimby_reason) == (0, "")
    assert (render.spec.paused_until, render.spec.paused_reason) == (0, "")
    farm.wait(61)
    assert said(render) == before
    farm.apply(events.EditRender("a", {"nimby": True}, by=KIM))
    farm.apply(events.EditRender("a", {"nimby_until": until + 60}, by=KIM))
    farm.wait(60)
    assert not render.spec.nimby, "the end may be named later"


def test_an_edit_that_changes_nothing_says_nothing(farm: StoryFarm) -> None:
    render = farm.render("a")
    before = said(render)
    farm.apply(events.EditRender("a", {"priority": render.spec.priority}, by=KIM))
    assert said(render) == before


def test_operations_on_a_render(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=4000)
    farm.submit(2)
    farm.start(2)
    farm.apply(events.OperateRender("a", "eject_tasks", by=KIM))
    farm.take(Stop, 2)
    assert said(render)[-1] == f"eject_tasks: 2 tasks, by {KIM}"
    farm.apply(events.OperateRender("a", "restart", by=KIM))
    farm.take(InstructRender, 1)
    assert said(render)[-1] == f"restart, by {KIM}"


def test_a_move_to_another_pool(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.apply(events.OperatePool("/", "add_pool", name="gpu", by=KIM))
    farm.apply(events.OperateRender("a", "set_pool", by=KIM, pool="/gpu"))
    assert said(render)[-1] == f"pool: '/' to '/gpu', by {KIM}"


def test_it_comes_and_goes(farm: StoryFarm) -> None:
    render = farm.render("a", address="10.0.0.7")
    assert said(render) == ["online from 10.0.0.7"]
    farm.drop_link(render)
    assert said(render)[-1] == "offline: its connection is gone"


def test_pools(farm: StoryFarm) -> None:
    root = farm.core.pools["/"]
    farm.render("a")
    farm.apply(events.OperatePool("/", "add_pool", name="gpu", by=KIM))
    assert said(root)[-1] == f"pool '/gpu' was added, by {KIM}"
    pool = farm.core.pools["/gpu"]
    farm.apply(events.EditPool("/gpu", {"priority": 50, "paused": True}, by=KIM))
    assert f"paused: False to True, by {KIM}" in said(pool)
    assert any(line.startswith("priority: ") and line.endswith("to 50, by " + KIM)
               for line in said(pool))  # fmt: skip
    farm.apply(events.ChangeTickets("", "/gpu", "rlm", 3, by=KIM))
    assert said(pool)[-1] == f"tickets_pool: {{}} to {{'rlm': (3, -1)}}, by {KIM}"
    farm.apply(events.OperatePool("/", "heal_sick", by=KIM))
    assert said(root)[-1] == f"heal_sick: 1 render, by {KIM}"
    farm.apply(events.OperatePool("/gpu", "delete", by=KIM))
    assert said(root)[-1] == f"pool '/gpu' was deleted, by {KIM}"


def test_branches(farm: StoryFarm) -> None:
    root = farm.core.branches["/"]
    farm.submit(1, branch="/film")
    branch = farm.core.branches["/film"]
    farm.apply(events.OperateBranch("/film", "pause", by=KIM))
    assert said(branch) == [f"paused: False to True, by {KIM}"]
    farm.apply(events.OperateBranch("/film", "delete_done_jobs", by=KIM))
    assert said(branch)[-1] == f"delete_done_jobs: 0 jobs, by {KIM}"
    assert said(root) == []


def test_users(farm: StoryFarm) -> None:
    one, two = farm.submit(1), farm.submit(1, name="two")
    user = one.user
    farm.apply(events.EditUser("anna", {"max_running_tasks": 3}, by=KIM))
    assert said(user) == [f"max_running_tasks: -1 to 3, by {KIM}"]
    farm.apply(events.MoveJobs("anna", "move_jobs_top", [two.serial], by=KIM))
    assert said(user)[-1] == f"move_jobs_top: 2 jobs changed place, by {KIM}"


def test_only_the_last_lines_stay(farm: StoryFarm) -> None:
    render = farm.render("a")
    for n in range(LINES_MAX + 20):
        farm.apply(events.EditRender("a", {"annotation": f"note {n}"}, by=KIM))
    assert len(render.log) == LINES_MAX
    assert said(render)[-1].endswith(f"to 'note {LINES_MAX + 19}', by {KIM}")


def test_a_long_value_is_cut(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.apply(events.EditRender("a", {"annotation": "x" * 5000}, by=KIM))
    assert len(said(render)[-1]) < 500
