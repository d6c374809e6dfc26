"""Actions and questions about pools and branches, moves of renders and of a user's jobs.

Lenient as classic clients send them, and strict (R49).
"""

from __future__ import annotations

from typing import Any

import pytest

from afanasy.core.effects import Stop
from afanasy.core.tasks import Code
from afanasy.model.errors import UserError
from afanasy.model.reading import Reader
from afanasy.server.change.action import act
from afanasy.server.matcher import Masks
from harness.farm import StoryFarm
from harness.history import Asker


def action(farm: StoryFarm, *, strict: bool = False, **members: Any) -> dict[str, Any]:
    request = {"user_name": "anna", "host_name": "desk", **members}
    try:
        return act(farm.core, request, Reader(strict=strict), Masks(), farm.apply)
    except UserError as error:
        told = {"code": error.code, "field": error.field}
        return {"info": {"kind": "error", "text": error.message}, "error": told}


def on_pool(farm: StoryFarm, path: str, *, strict: bool = False, **members: Any) -> dict[str, Any]:
    return action(farm, strict=strict, type="pools", mask=path, **members)


def add_pool(farm: StoryFarm, path: str, **params: Any) -> dict[str, Any]:
    parent, _, name = path.rpartition("/")
    answer = on_pool(farm, parent or "/", operation={"type": "add_pool", "name": name})
    if params:
        assert on_pool(farm, path, strict=True, params=params)["count"] == 1
    return answer


def on_branch(farm: StoryFarm, path: str, *, strict: bool = False, **members: Any) -> Any:
    return action(farm, strict=strict, type="branches", mask=path, **members)


def does(name: str, /, **members: Any) -> dict[str, Any]:
    return {"type": name, **members}


def names(farm: StoryFarm, kind: str, **members: Any) -> list[str]:
    return [node["name"] for node in Asker(farm)(type=kind, **members)[kind]]


def told(answer: dict[str, Any]) -> tuple[str, str]:
    return answer["info"]["kind"], answer["info"]["text"]


# -------------------------------------------------------------------------------------- pools


def test_who_wakes_hosts_is_told_once_that_nobody_can_send_the_packet(farm: StoryFarm) -> None:
    netifs = [{"name": "eth0", "mac": "52:54:00:00:00:01"}]
    for name in ("a", "b"):
        farm.drop_link(farm.render(name, resources={"netifs": netifs}))
    nobody = ["no render is online that could send the packet; it is sent when one is"]
    wake = {"operation": does("wol_wake")}
    for answer in (action(farm, type="renders", mask=".*", **wake), on_pool(farm, "/", **wake)):
        assert (answer["count"], answer["warnings"]) == (2, nobody)
    farm.render("c")
    assert "warnings" not in on_pool(farm, "/", **wake)


def test_pools_are_made_below_others_and_listed(farm: StoryFarm) -> None:
    answer = add_pool(farm, "/film")
    assert told(answer) == ("info", "Pool '/film' added to pool '/'")
    assert answer["count"] == 1
    add_pool(farm, "/film/gpu", priority=120)
    assert names(farm, "pools") == ["/film/gpu", "/", "/film"]
    assert names(farm, "pools", ids=[2]) == ["/film"]
    assert names(farm, "pools", mask="/film") == ["/film/gpu", "/film"]
    lines = Asker(farm)(type="pools", ids=[2], mode="log")["message"]["list"]
    created, added, below = lines
    assert created.endswith("/film: Created.")
    assert added.endswith(": pool '/film' was added, by anna@desk")
    assert below.endswith(": pool '/film/gpu' was added, by anna@desk")
    # What a name may not have becomes "_".
    odd = on_pool(farm, "/", operation=does("add_pool", name="a/b c"))
    assert told(odd)[1] == "Pool '/a_b_c' added to pool '/'"


@pytest.mark.parametrize(
    ("path", "members", "words", "code"),
    [
        ("/no", {"params": {"priority": 5}}, "Pools: No node matches '/no' found.", "not_found"),
        ("/", {"operation": does("add_pool", name="film")}, "there is a pool '/film' already",
         "exists"),
        ("/", {"operation": does("add_pool")}, "the pool needs a name", "missing"),
        ("/", {"operation": does("delete")}, "the root pool cannot be deleted", "root_pool"),
        ("/film", {"operation": does("delete")}, "pool '/film' has 0 pools and 1 render",
         "not_empty"),
        ("/film", {"operation": does("dance")}, "Unknown operation: dance", "unknown_operation"),
        ("/", {"params": {"pattern": "r.*"}}, "the root pool has no pattern", "root_pool"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("strict", [False, True])
def test_refusals_of_pools(
    farm: StoryFarm, path: str, members: dict[str, Any], words: str, code: str, strict: bool
) -> None:
    add_pool(farm, "/film", pattern="r.*")
    farm.render("r1")
    answer = on_pool(farm, path, strict=strict, **members)
    assert told(answer) == ("error", words)
    if strict:
        assert answer["error"]["code"] == code
    assert set(farm.core.pools) == {"/", "/film"}


def test_a_pattern_that_does_not_compile_is_refused_everywhere(farm: StoryFarm) -> None:
    add_pool(farm, "/film")
    for strict in (False, True):
        answer = on_pool(farm, "/film", strict=strict, params={"pattern": "r["})
        kind, text = told(answer)
        assert (kind, "no regular expression" in text) == ("error", True)
        assert answer["count"] == 0
    assert farm.core.pools["/film"].spec.pattern == ""


def test_unknown_members_are_ignored_or_refused(farm: StoryFarm) -> None:
    odd = {"priority": 7, "frobnicate": 1, "capacity_host": "much"}
    answer = on_pool(farm, "/", params=odd)
    assert [line.split(":")[0] for line in answer["warnings"]] == [
        "params.frobnicate", "params.capacity_host",
    ]  # fmt: skip
    assert farm.core.pools["/"].spec.priority == 7
    strict = on_pool(farm, "/", strict=True, params={"frobnicate": 1})
    assert strict["error"]["field"] == "params.frobnicate"


def test_values_of_a_pool_reach_its_renders_and_its_pause_stops_them(farm: StoryFarm) -> None:
    add_pool(farm, "/film", pattern="R.*", capacity_host=2000)
    render = farm.render("r1", capacity=-1)
    assert (render.spec.pool, render.capacity) == ("/film", 2000)
    on_pool(farm, "/film", params={"paused": True})
    job = farm.submit(1)
    assert farm.start() == []
    (view,) = Asker(farm)(type="pools", ids=[2])["pools"]
    assert (view["st"], view["state"], view["renders_total"]) == (2, " PAU", 1)
    assert "pool_not_ready" in {found.reason.code for found in farm.explain(job.blocks[0]).classes}
    on_pool(farm, "/film", params={"paused": False})
    assert len(farm.start()) == 1
    (view,) = Asker(farm)(type="pools", ids=[1])["pools"]
    assert (view["state"], view["run_tasks"], view["renders_busy"]) == (" RUN", 1, 1)


def test_operations_on_the_renders_of_a_pool(farm: StoryFarm) -> None:
    add_pool(farm, "/film", pattern="r.*")
    one, _ = farm.render("r1"), farm.render("r2")
    other = farm.render("desk")
    job = farm.submit(3)
    farm.start(3)
    one.sick = True
    assert on_pool(farm, "/", operation=does("heal_sick"))["count"] == 3
    assert not one.sick
    assert on_pool(farm, "/film", operation=does("eject_tasks"))["count"] == 2
    assert len(farm.take(Stop)) == 2
    stopping = [run.render.name for run in job.blocks[0].open.values() if run.stop_cause]
    assert sorted(stopping) == ["r1", "r2"]
    for run in list(job.blocks[0].open.values()):
        farm.finish(run)
    farm.drop_link(farm.core.renders["r2"])
    assert on_pool(farm, "/film", operation=does("delete_renders"))["count"] == 1
    assert sorted(farm.core.renders) == ["desk", "r1"]
    assert other.spec.pool == "/"
    farm.drop_link(one)
    on_pool(farm, "/film", operation=does("delete_renders"))
    assert on_pool(farm, "/film", operation=does("delete"))["count"] == 1
    assert names(farm, "pools") == ["/"]


def test_the_operation_wins_over_params(farm: StoryFarm) -> None:
    on_pool(farm, "/", operation=does("add_pool", name="x"), params={"priority": 3})
    assert farm.core.pools["/"].spec.priority == 99


# ------------------------------------------------------------------------- renders into pools


def test_renders_move_between_pools(farm: StoryFarm) -> None:
    render = farm.render("r1")
    add_pool(farm, "/film", pattern="r.*")
    add_pool(farm, "/other")
    move = does("set_pool", name="/other")
    assert action(farm, type="renders", ids=[render.id], operation=move)["count"] == 1
    assert render.spec.pool == "/other"
    (view,) = Asker(farm)(type="renders")["renders"]
    assert view["pool"] == "/other"
    action(farm, type="renders", ids=[render.id], operation=does("reassign_pool"))
    assert render.spec.pool == "/film"
    for strict in (False, True):
        no = does("set_pool", name="/no")
        answer = action(farm, strict=strict, type="renders", mask="r1", operation=no)
        assert told(answer) == ("error", "there is no pool '/no'")


def test_an_end_for_a_host_that_nobody_took(farm: StoryFarm) -> None:
    render = farm.render("r1")
    params = {"nimby_until": int(farm.now.wall) + 60, "priority": 7}
    answer = action(farm, type="renders", mask="r1", params=params)
    assert (answer["count"], render.spec.priority, render.spec.nimby_until) == (1, 7, 0)
    (warning,) = answer["warnings"]
    assert warning == "params.nimby_until: render r1 is not taken; ignored"
    answer = action(farm, strict=True, type="renders", mask="r1", params={**params, "priority": 8})
    error = answer["error"]
    assert (error["code"], error["field"]) == ("bad_field", "params.nimby_until")
    assert error["hint"] == "set nimby in the same edit"
    assert render.spec.priority == 7
    params["NIMBY"] = True
    assert "warnings" not in action(farm, strict=True, type="renders", mask="r1", params=params)
    assert render.spec.nimby_until == params["nimby_until"]


def test_a_busy_render_stays_where_it_is(farm: StoryFarm) -> None:
    render = farm.render("r1")
    add_pool(farm, "/film")
    farm.submit(1)
    farm.start(1)
    move = does("set_pool", name="/film")
    answer = action(farm, strict=True, type="renders", mask="r1", operation=move)
    assert answer["error"]["code"] == "busy"
    assert render.spec.pool == "/"


# ----------------------------------------------------------------------------------- branches


def test_branches_are_made_by_jobs_and_counted(farm: StoryFarm) -> None:
    farm.render("a", max_tasks=1)
    job = farm.submit(2, name="shot", job={"branch": "/film"})
    farm.start(1)
    assert names(farm, "branches") == ["/", "/film"]
    (view,) = Asker(farm)(type="branches", ids=[2])["branches"]
    counts = {key: view[key] for key in ("jobs_total", "jobs_running", "running_tasks_num")}
    assert counts == {"jobs_total": 1, "jobs_running": 1, "running_tasks_num": 1}
    assert view["active_jobs"][0]["name"] == "shot"
    assert view["active_users"][0]["name"] == "anna"
    (log,) = Asker(farm)(type="branches", mask="/film", mode="log")["message"]["list"]
    assert log.endswith("/film: Created.")
    answer = on_branch(farm, "/film", operation=does("delete"))
    assert told(answer)[1] == "branch '/film' has 0 branches and 1 job"
    assert job.spec.branch == "/film"


def test_params_and_pauses_of_branches(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(3, job={"branch": "/film"})
    answer = on_branch(farm, "/film", params={"max_running_tasks": 1, "hosts_mask": "a"})
    assert told(answer) == ("log", "Branch(es) parameter(s) changed.")
    on_branch(farm, "/", operation=does("pause"))
    assert farm.start() == []
    assert farm.core.branches["/"].spec.paused
    on_branch(farm, "/", operation=does("start"))
    (run,) = farm.start()
    farm.finish(run)
    on_branch(farm, "/film", params={"pools": {"/x": 500, "/y": 0}})
    assert farm.core.branches["/film"].spec.pools == {"/x": 100}
    bad = {"hosts_mask": "a[", "hosts_mask_type": "regex"}
    assert told(on_branch(farm, "/film", params=bad))[0] == "error"
    strict = on_branch(farm, "/film", strict=True, params=bad)
    assert (strict["error"]["code"], strict["error"]["field"]) == ("bad_mask", "params.hosts_mask")
    assert job.blocks[0].counts[Code.DONE] == 1


def test_done_jobs_of_a_branch_are_deleted(farm: StoryFarm) -> None:
    done = farm.submit(1, job={"branch": "/film"})
    left = farm.submit(1, job={"branch": "/film"})
    farm.operate_tasks(done.blocks[0], "skip")
    answer = on_branch(farm, "/film", operation=does("delete_done_jobs"))
    assert told(answer)[1] == "Deleting 1 job."
    assert left.serial in farm.core.jobs
    assert done.serial not in farm.core.jobs
    action(farm, type="jobs", ids=[left.id], params={"branch": "/"})
    assert on_branch(farm, "/film", strict=True, operation=does("delete"))["count"] == 1
    root = on_branch(farm, "/", strict=True, operation=does("delete"))
    assert root["error"]["code"] == "root_branch"


# -------------------------------------------------------------------------- a user's own order


def order(farm: StoryFarm) -> list[str]:
    answer = Asker(farm)(type="users", mask="anna", mode="jobs_order")
    ids = answer["events"]["jobs_order"]["jids"][0]
    return [farm.core.jobs_by_id[number].spec.name for number in ids]


@pytest.mark.parametrize(
    ("operation", "moved", "expected"),
    [
        ("move_jobs_up", ["c"], "acb"), ("move_jobs_down", ["a"], "bac"),
        ("move_jobs_top", ["c"], "cab"), ("move_jobs_bottom", ["a"], "bca"),
        ("move_jobs_up", ["b", "c"], "bca"), ("move_jobs_top", ["c", "b"], "bca"),
        ("move_jobs_up", ["a"], "abc"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("strict", [False, True])
def test_jobs_move(
    farm: StoryFarm, operation: str, moved: list[str], expected: str, strict: bool
) -> None:
    jobs = {name: farm.submit(1, name=name) for name in "abc"}
    high = farm.submit(1, name="high", priority=150)
    ids = [jobs[name].id for name in moved]
    move = does(operation, jids=ids)
    answer = action(farm, strict=strict, type="users", mask="anna", operation=move)
    assert answer["info"]["kind"] == "log"
    assert order(farm) == ["high", *expected]
    assert answer["count"] == sum(x != y for x, y in zip("abc", expected, strict=True))
    assert high.spec.priority == 150


def test_jobs_of_others_and_unknown_ones_do_not_move(farm: StoryFarm) -> None:
    farm.submit(1, name="a")
    mine = farm.submit(1, name="b")
    his = farm.submit(1, name="x", user="ben")
    move = does("move_jobs_top", jids=[his.id, 777], serials=[mine.serial, 999])
    assert action(farm, type="users", mask="anna", operation=move)["count"] == 2
    assert order(farm) == ["b", "a"]


def test_a_users_jobs_beside_each_other(farm: StoryFarm) -> None:
    """``solve_method`` of a user: his jobs share by need instead of one behind the other."""
    farm.submit(4, name="a")
    farm.submit(4, name="b")
    answer = action(
        farm, strict=True, type="users", mask="anna", params={"solve_method": "solve_priority"}
    )
    assert answer["count"] == 1
    farm.render("big", capacity=4000, max_tasks=4)
    started = [run.block.job.spec.name for run in farm.start(4)]
    assert sorted(started) == ["a", "a", "b", "b"]
