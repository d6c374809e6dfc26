"""Pools: which one a render comes into, and what it takes from there (SEMANTICS 6.5, R22, 3.7)."""

from __future__ import annotations

from afanasy.core import events
from afanasy.core.host.host_values import origins
from harness.farm import StoryFarm


def add_pools(farm: StoryFarm, *paths: str, **patterns: str) -> None:
    for path in paths:
        parent, _, name = path.rpartition("/")
        farm.apply(events.OperatePool(parent or "/", "add_pool", name=name))
    for name, pattern in patterns.items():
        farm.apply(events.EditPool(f"/{name}", {"pattern": pattern}))


def test_renders_come_into_the_pool_of_their_name(farm: StoryFarm) -> None:
    add_pools(farm, "/fast", "/slow", fast="node.*", slow="desk.*")
    assert farm.render("NODE7").spec.pool == "/fast"
    assert farm.render("desk1").spec.pool == "/slow"
    assert farm.render("other").spec.pool == "/"


def test_the_first_of_two_patterns_stays_the_first(farm: StoryFarm) -> None:
    """SEMANTICS 6.5: also when the server was restarted, whatever the pools are called."""
    add_pools(farm, "/z", "/a", z="r.*", a="r1.*")
    add_pools(farm, "/z/later", "/z/before")
    farm.apply(events.EditPool("/z/later", {"pattern": ".*2"}))
    farm.apply(events.EditPool("/z/before", {"pattern": "r.*"}))
    for name in ("r12", "r13"):
        assert farm.render(name).spec.pool == ("/z/later" if name == "r12" else "/z/before")
    before = list(farm.core.pools)
    farm.restart_server()
    assert list(farm.core.pools) == before
    for name in ("r22", "r23"):
        assert farm.render(name).spec.pool == ("/z/later" if name == "r22" else "/z/before")


def test_the_nearest_voice_is_heard(farm: StoryFarm) -> None:
    """R22."""
    add_pools(farm, "/p", "/p/q", p=".*")
    render = farm.render("a")
    farm.apply(events.OperateRender("a", "set_pool", pool="/p/q"))
    assert (render.capacity, render.max_tasks) == (1100, 4)
    farm.apply(events.EditPool("/p", {"capacity_host": 3000, "max_tasks_host": 2}))
    assert (render.capacity, render.max_tasks) == (3000, 2)
    farm.apply(events.EditPool("/p/q", {"capacity_host": 5000}))
    assert render.capacity == 5000
    farm.drop_link(render)
    farm.come_back(render, capacity=6000)
    assert render.capacity == 6000
    farm.edit(render, capacity_host=7000)
    assert render.capacity == 7000
    assert {name: value.origin for name, value in origins(farm.core, render).items()} == {
        "capacity": "operator", "max_tasks": "pool /p", "power": "nobody", "properties": "nobody",
        "nimby_schedule": "nobody",
    }  # fmt: skip


def test_what_an_operator_said_is_taken_back(farm: StoryFarm) -> None:
    """SEMANTICS 6.4: restore_defaults."""
    render = farm.render("a", capacity=3000)
    farm.apply(events.EditPool("/", {"power_host": 5}))
    values: dict[str, object] = {
        "capacity_host": 100, "max_tasks_host": 0, "power_host": 9, "properties_host": "x",
        "services": ["nuke"], "services_disabled": ["maya"],
    }  # fmt: skip
    kept: dict[str, object] = {"priority": 7, "annotation": "by the door", "tickets_host": {"l": 1}}
    farm.edit(render, **values, **kept, paused=True, nimby_schedule="mon 00:00-01:00 nimby")
    job = farm.submit(1, blocks=[{"service": "maya"}])
    farm.edit(render, paused=False)
    farm.start(0)
    farm.apply(events.OperateRender("a", "restore_defaults", by="kim@desk"))
    assert (render.capacity, render.max_tasks, render.power, render.properties) == (3000, 4, 5, "")
    assert (render.spec.services, render.spec.services_disabled) == ([], [])
    assert {name: getattr(render.spec, name) for name in kept} == kept
    assert render.spec.nimby_schedule
    assert farm.start(1)[0].block.job is job
    lines = [line.text for line in render.log]
    assert "capacity_host: 100 to -1, by kim@desk" in lines
    assert lines[-1] == "restore_defaults, by kim@desk"


def test_a_busy_render_stays_in_its_pool(farm: StoryFarm) -> None:
    add_pools(farm, "/p")
    farm.render("a")
    farm.submit(1)
    (run,) = farm.start(1)
    farm.refused(events.OperateRender("a", "set_pool", pool="/p"), "busy")
    farm.finish(run)
    farm.refused(events.OperateRender("a", "set_pool", pool="/x"), "not_found")
    farm.apply(events.OperateRender("a", "set_pool", pool="/p"))
    farm.refused(events.OperatePool("/p", "delete"), "not_empty")
    farm.drop_link(farm.core.renders["a"])
    farm.apply(events.OperatePool("/p", "delete_renders"))
    farm.apply(events.OperatePool("/p", "delete"))
    assert list(farm.core.pools) == ["/"]


def test_work_that_prefers_and_forbids_pools(farm: StoryFarm) -> None:
    add_pools(farm, "/gpu", "/old", gpu="g.*", old="o.*")
    for name in ("g1", "o1", "x1"):
        farm.render(name)
    farm.submit(1, name="likes", pools={"/gpu": 50})
    assert farm.start(1)[0].render.name == "g1"
    job = farm.submit(9, name="never old", pools={"/old": -100, "/gpu": 10})
    assert [run.render.name for run in farm.start(1)] == ["x1"]
    reason = farm.explain(job.blocks[0], 5).classes
    assert "does not want the pool /old" in " ".join(c.reason.text() for c in reason)
    only = farm.submit(9, name="only gpu", pools={"/gpu": 100})
    farm.start(0)
    codes = {c.reason.code for c in farm.explain(only.blocks[0]).classes}
    assert "pool_other" in codes


def test_a_pool_without_priority_takes_nothing(farm: StoryFarm) -> None:
    add_pools(farm, "/p", p=".*")
    farm.render("a")
    farm.apply(events.EditPool("/p", {"priority": 0}))
    job = farm.submit(1)
    farm.start(0)
    assert "its pool /p is paused or has priority 0" in farm.explain(job.blocks[0]).summary
    farm.apply(events.EditPool("/p", {"priority": 10}))
    farm.start(1)


def test_new_renders_may_start_nimby(farm: StoryFarm) -> None:
    add_pools(farm, "/desk", desk="desk.*")
    farm.apply(events.EditPool("/desk", {"new_nimby": True, "new_paused": True}))
    render = farm.render("desk1")
    assert render.spec.nimby
    assert render.spec.paused


def test_names_of_pools(farm: StoryFarm) -> None:
    outcome = farm.apply(events.OperatePool("/", "add_pool", name="a b-c"))
    assert outcome.text == "Pool '/a_b_c' added to pool '/'"
    farm.refused(events.OperatePool("/", "add_pool", name="a b-c"), "exists")
    farm.refused(events.OperatePool("/", "add_pool", name=""), "missing")
    farm.refused(events.OperatePool("/", "delete"), "root_pool")
