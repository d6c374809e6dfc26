"""Sleep and wake of hosts as a state machine (SEMANTICS 8.5, 8.6, 12.3)."""

from __future__ import annotations

from typing import Any

import pytest

from afanasy.core import events
from afanasy.core.effects import InstructRender
from afanasy.core.host.host_values import sleep_after
from afanasy.core.state import Render
from afanasy.core.why.explain_render import explain_render
from afanasy.model.farm_setup import FarmSetup, Pattern
from harness.farm import StoryFarm
from harness.sleepers import MAC, NETIFS, fall_asleep, host, operate, state, wakes


def test_asleep_and_awake(farm: StoryFarm) -> None:
    render = host(farm)
    assert render.macs == [MAC]
    operate(farm, render, "wol_sleep")
    assert state(render) == (True, False, False)
    job = farm.submit(1)
    farm.start(0)
    assert farm.explain(job.blocks[0]).classes[0].reason.code == "render_falling"
    farm.drop_link(render)
    assert state(render) == (False, True, False)
    farm.restart_server()
    render = farm.core.renders["a"]
    assert state(render) == (False, True, False)
    other = host(farm, "other", capacity=500)
    operate(farm, render, "wol_wake")
    operate(farm, render, "wol_wake")
    assert state(render) == (False, True, True)
    assert wakes(farm) == [f"wolwake --hostname a --ip 10.0.0.1 {MAC}"]
    (run,) = farm.start(1)
    assert (run.render, run.block.spec.service) == (other, "wakeonlan")
    farm.finish(run)
    farm.come_back(render)
    assert state(render) == (False, False, False)
    farm.finish(farm.start(1)[0])


def test_who_may_not_sleep(farm: StoryFarm) -> None:
    bare = farm.render("bare")
    refusal = farm.refused(events.OperateRender("bare", "wol_sleep"), "cannot_sleep")
    assert "MAC" in refusal.message
    farm.bye(bare)
    farm.refused(events.OperateRender("bare", "wol_sleep"), "cannot_sleep")
    farm.refused(events.OperateRender("bare", "wol_wake"), "cannot_wake")
    render = host(farm)
    farm.refused(events.OperateRender("a", "wol_wake"), "online")
    farm.submit(1)
    (run,) = farm.start(1)
    farm.refused(events.OperateRender("a", "wol_sleep"), "cannot_sleep")
    farm.finish(run)
    fall_asleep(farm, render)


@pytest.mark.parametrize(
    "taken", [{"paused": True}, {"NIMBY": True}, {"nimby": True}, {"priority": 0}, {}]
)
def test_nobody_is_woken_while_nobody_can_send_the_packet(
    farm: StoryFarm, taken: dict[str, Any]
) -> None:
    """Who is asleep stays asleep, and is asked about again when a render comes. {}: offline."""
    render, other = host(farm), host(farm, "other", capacity=500)
    fall_asleep(farm, render)
    if taken:
        farm.edit(other, **taken)
    else:
        farm.drop_link(other)
    block = farm.submit(1).blocks[0]
    farm.solve()
    farm.wait(40)
    assert wakes(farm) == []
    assert state(render) == (False, True, False)
    answer = farm.explain(block)
    cure = next(cure for reason, cure in answer.cures if reason.code == "render_asleep")
    assert cure == (
        "start or free a render that can send the packet, or switch a on by hand", (), ()
    )  # fmt: skip
    assert answer.summary == (
        "the renders that could run it sleep, and none is online that could wake them"
    )
    if taken:
        farm.edit(other, **{name: 99 if name == "priority" else False for name in taken})
    else:
        farm.come_back(other)
    farm.wait(11)
    assert len(wakes(farm)) == 1
    (run,) = farm.start(1)
    assert (run.render.name, run.block.spec.service) == ("other", "wakeonlan")
    farm.effects.clear()


def test_a_busy_render_sends_the_packet_later(farm: StoryFarm) -> None:
    render = host(farm, max_tasks=9)
    farm.render("busy", capacity=1000, max_tasks=1)
    farm.submit(1, hosts_mask="busy")
    farm.start(1)
    fall_asleep(farm, render)
    farm.submit(1, hosts_mask="a")
    farm.solve()
    farm.wait(11)
    assert len(wakes(farm)) == 1
    farm.effects.clear()


def test_who_wakes_a_host_is_told_that_nobody_sends_the_packet(farm: StoryFarm) -> None:
    """The request is kept for the first render that comes."""
    render, other = host(farm), host(farm, "other", capacity=500)
    for one in (render, other):
        farm.drop_link(one)
    told = farm.apply(events.OperateRender("a", "wol_wake"))
    assert told.warnings == [
        "no render is online that could send the packet; it is sent when one is"
    ]
    assert farm.apply(events.OperatePool("/", "wol_wake")).warnings == told.warnings
    block = farm.submit(1).blocks[0]
    answer = farm.explain(block)
    assert answer.summary == (
        "a render that could run it is being woken; no render is online that could send the packet"
    )
    assert answer.summary.endswith(answer.classes[0].reason.text())
    assert answer.cures[0][1].text.startswith("start or free a render")
    found = explain_render(farm.core, render, farm.now)
    assert found.summary == answer.classes[0].reason.text()
    farm.wait(700)
    assert render.waking, "the packet was not sent yet"
    farm.come_back(other)
    (run,) = farm.start(2)[:1]
    assert run.block.spec.service == "wakeonlan"
    assert farm.explain(block).classes[0].reason.text() == "is being woken"
    assert farm.apply(events.OperateRender("a", "wol_wake")).warnings == []


def test_a_host_that_does_not_sleep(farm: StoryFarm) -> None:
    render = host(farm)
    operate(farm, render, "wol_sleep")
    farm.submit(1)
    farm.wait(310)
    assert state(render) == (False, False, False)
    farm.finish(farm.start(1)[0])


def test_a_host_that_does_not_wake(farm: StoryFarm) -> None:
    render = host(farm)
    host(farm, "other", capacity=500)
    fall_asleep(farm, render)
    operate(farm, render, "wol_wake")
    farm.finish(farm.start(1)[0])
    farm.restart_server()
    render = farm.core.renders["a"]
    assert state(render) == (False, True, True)
    farm.wait(610)
    assert state(render) == (False, True, False)
    operate(farm, render, "wol_wake")
    farm.wait(500)
    assert render.waking
    assert len(wakes(farm)) == 2


def test_a_restart_while_it_falls_asleep(farm: StoryFarm) -> None:
    for name in ("a", "b"):
        operate(farm, host(farm, name), "wol_sleep")
    farm.restart_server()
    farm.come_back("b")
    job = farm.submit(1)
    assert farm.start() == [], "it may be about to go"
    assert farm.explain(job.blocks[0]).classes[0].reason.code == "render_falling"
    farm.wait(31)
    assert [run.render.name for run in farm.start(1)] == ["b"]
    assert state(farm.core.renders["a"]) == (False, True, False), "it did not come back: it is gone"
    assert state(farm.core.renders["b"]) == (False, False, False)


def test_a_host_whose_link_is_cut_while_it_falls_asleep(farm: StoryFarm) -> None:
    """It comes back for a moment, and goes: it sleeps all the same, and work wakes it."""
    render = host(farm)
    host(farm, "other", capacity=10)
    fall_asleep(farm, render)
    farm.come_back("a")
    render = farm.core.renders["a"]
    assert state(render) == (True, False, False)
    farm.submit(1)
    assert farm.start() == []
    farm.drop_link(render)
    assert state(render) == (False, True, False)
    farm.wait(11)
    assert len(wakes(farm)) == 1
    farm.effects.clear()


def test_work_wakes_one_host_after_the_other(farm: StoryFarm) -> None:
    for name in ("big1", "big2", "odd"):
        fall_asleep(farm, host(farm, name, capacity=2000))
    host(farm, "small", capacity=1100)
    farm.edit(farm.core.renders["odd"], paused=True)
    farm.submit(2)
    run = farm.start(1)[0]
    assert run.render.name == "small"
    farm.solve()
    for expected in (["big1"], ["big1", "big2"], ["big1", "big2"]):
        farm.wait(10)
        assert [text.split()[2] for text in wakes(farm)] == expected
        for one in farm.start():
            farm.finish(one)
    farm.come_back("big1")
    for one in [run, *farm.start(1)]:
        farm.finish(one)
    farm.wait(60)
    assert len(wakes(farm)) == 2
    assert not farm.core.wake_timer, "nobody waits"


def test_work_that_waited_before_the_host_slept_wakes_it(farm: StoryFarm) -> None:
    render = host(farm)
    host(farm, "other", capacity=10)
    operate(farm, render, "wol_sleep")
    farm.submit(1)
    farm.solve()
    assert not farm.core.wake_timer, "nobody sleeps yet"
    farm.drop_link(render)
    farm.wait(11)
    assert len(wakes(farm)) == 1
    farm.effects.clear()


def test_nobody_is_woken_for_what_may_not_run(farm: StoryFarm) -> None:
    fall_asleep(farm, host(farm))
    job = farm.submit(1)
    farm.operate(job, "pause")
    farm.submit(1, hosts_mask="elsewhere")
    farm.submit(1, capacity=50_000)
    farm.solve()
    farm.wait(60)
    assert wakes(farm) == []


@pytest.mark.parametrize("where", ["job", "block"])
def test_work_that_waits_for_something_else_keeps_no_host_asleep(
    farm: StoryFarm, where: str
) -> None:
    """However much of it is before the work that would be helped."""
    host(farm, "a", capacity=100_000, max_tasks=101)
    fall_asleep(farm, host(farm, "b", capacity=100_000, max_tasks=101))
    members: dict[str, Any] = {
        "job": {"job": {"max_running_tasks": 1}},
        "block": {"max_running_tasks": 1},
    }[where]
    for _ in range(101):
        farm.submit(3, capacity=10, **members)
    farm.start()
    farm.edit(farm.core.renders["a"], max_tasks_host=1)
    farm.submit(1, capacity=10)
    farm.start(0)
    farm.wait(20)
    assert wakes(farm)
    farm.effects.clear()


def report(farm: StoryFarm, render: Render, idle: int, seconds: int = 60) -> None:
    for _ in range(seconds // 5):
        farm.wait(5)
        values = {"cpu_idle": idle, **NETIFS}
        farm.apply(events.RenderResources(render.name, values))


def test_work_that_needs_memory_wakes_a_host_after_a_restart_of_the_server(farm: StoryFarm) -> None:
    render = farm.render("a", resources={**NETIFS, "mem_free_mb": 8000}, address="10.0.0.1")
    host(farm, "awake", capacity=10)
    fall_asleep(farm, render)
    farm.submit(1, need_memory=9000)
    farm.wait(11)
    farm.solve()
    assert wakes(farm) == [], "it had less than that"
    farm.restart_server()
    host(farm, "awake", capacity=10)
    farm.submit(1, need_memory=4000)
    farm.solve()
    farm.wait(11)
    assert len(wakes(farm)) == 1
    farm.effects.clear()


def test_a_report_made_at_work_keeps_no_host_asleep(farm: StoryFarm) -> None:
    """It fell asleep before it could tell that its memory is free again."""
    values: dict[str, object] = {**NETIFS, "mem_total_mb": 8000, "mem_free_mb": 8000}
    render = farm.render("a", resources=values, address="10.0.0.1")
    host(farm, "awake", capacity=10)
    farm.submit(1)
    (run,) = farm.start(1)
    farm.apply(events.RenderResources("a", {**values, "mem_free_mb": 3000}))
    farm.finish(run)
    fall_asleep(farm, render)
    farm.submit(1, need_memory=6000)
    farm.solve()
    farm.wait(11)
    assert len(wakes(farm)) == 1
    farm.effects.clear()


def test_the_last_host_that_could_wake_the_others_stays_awake(farm: StoryFarm) -> None:
    """Others are online, but take no tasks of the server."""
    render = host(farm)
    other = host(farm, "other")
    farm.edit(other, paused=True)
    farm.apply(events.EditPool("/", {"idle_wolsleep_time": 30, "idle_cpu": 10}))
    report(farm, render, 99)
    report(farm, render, 99, 31)
    assert not render.falling
    farm.edit(other, paused=False)
    report(farm, render, 99, 31)
    assert render.falling
    farm.take(InstructRender, 1)


def test_a_pool_puts_idle_hosts_to_sleep(farm: StoryFarm) -> None:
    render = host(farm)
    other = host(farm, "other", capacity=500)
    report(farm, render, 99)
    farm.apply(events.EditPool("/", {"idle_wolsleep_time": 30, "idle_cpu": 10}))
    report(farm, render, 50)
    farm.submit(1)
    (run,) = farm.start(1)
    report(farm, render, 99)
    farm.finish(run)
    report(farm, render, 99, 30)
    farm.take(InstructRender, 0)
    report(farm, render, 99, 30)
    assert farm.take(InstructRender, 1)[0].what == "sleep"
    report(farm, other, 99)
    assert not other.falling, "the last one that is awake"


def test_without_thresholds_nothing_is_idle(farm: StoryFarm) -> None:
    render = host(farm)
    farm.apply(events.EditPool("/", {"idle_wolsleep_time": 30}))
    report(farm, render, 100)
    assert not render.falling


def test_a_host_in_use_becomes_nimby_and_free_again(farm: StoryFarm) -> None:
    """SEMANTICS 8.6."""
    render = host(farm)
    farm.apply(events.EditPool("/", {
        "busy_nimby_time": 20, "busy_cpu": 70, "idle_free_time": 40, "idle_cpu": 10,
    }))  # fmt: skip
    report(farm, render, 10)
    assert render.spec.NIMBY
    assert render.spec.nimby_reason == "in use"
    report(farm, render, 50)
    assert render.spec.NIMBY
    report(farm, render, 95)
    assert not render.spec.NIMBY


def test_the_time_before_its_owner_came_does_not_free_a_host(farm: StoryFarm) -> None:
    """SEMANTICS 8.4: setting nimby resets the idle time, also when the week does it."""
    render = host(farm)
    farm.apply(events.EditPool("/", {"idle_free_time": 600, "idle_cpu": 10}))

    def stays_taken() -> None:
        report(farm, render, 99, 600)
        assert render.spec.NIMBY
        report(farm, render, 99, 5)
        assert not render.spec.NIMBY, "nobody is there"

    report(farm, render, 99, 1200)
    farm.edit(render, NIMBY=True, nimby_until=int(farm.now.wall) + 3600)
    stays_taken()
    report(farm, render, 99, 1200)
    hour = int(farm.now.wall) // 3600 % 24
    farm.edit(render, nimby_schedule=f"mon-sun {hour:02}:00-{(hour + 3) % 24:02}:00 NIMBY")
    stays_taken()


def test_the_time_before_it_was_freed_does_not_take_a_host(farm: StoryFarm) -> None:
    """SEMANTICS 8.4: setting free resets the busy time; so does the end that its owner named."""
    render = host(farm)
    farm.apply(events.EditPool("/", {"busy_nimby_time": 60, "busy_cpu": 70}))

    def stays_free() -> None:
        report(farm, render, 10, 60)
        assert not render.spec.NIMBY
        report(farm, render, 10, 5)
        assert (render.spec.NIMBY, render.spec.nimby_by) == (True, "pool")

    report(farm, render, 10, 60)
    farm.edit(render, NIMBY=True)
    farm.edit(render, NIMBY=False)
    stays_free()
    farm.edit(render, NIMBY=False)
    report(farm, render, 10, 60)
    farm.edit(render, nimby=True, nimby_until=int(farm.now.wall) + 3)
    farm.wait(4)
    assert not render.spec.nimby
    stays_free()


def test_orders_to_an_agent(farm: StoryFarm) -> None:
    render = host(farm)
    for name in ("exit", "restart", "reboot", "shutdown"):
        assert operate(farm, render, name) == [InstructRender("a", name)]
    assert operate(farm, render, "launch_cmd", command="xterm") == [
        InstructRender("a", "launch", "xterm")
    ]
    assert operate(farm, render, "launch_cmd", command="x", then_exit=True) == [
        InstructRender("a", "launch_exit", "x")
    ]
    farm.refused(events.OperateRender("a", "launch_cmd"), "missing")
    host(farm, "b")
    farm.apply(events.OperatePool("/", "launch_cmd", command="true"))
    assert len(farm.take(InstructRender)) == 2
    farm.bye(render)
    assert operate(farm, render, "restart") == []
    farm.apply(events.OperatePool("/", "wol_sleep"))
    assert farm.take(InstructRender) == [InstructRender("b", "sleep")]
    farm.drop_link(farm.core.renders["b"])
    assert farm.apply(events.OperatePool("/", "wol_wake")).count == 2


# ------------------------------------------------------------------------ the farm file's sleep


def farm_file(farm: StoryFarm, seconds: int | None) -> None:
    pattern = Pattern("all", wol_idle_sleep_time_s=seconds)
    farm.apply(events.SetFarmSetup(FarmSetup((pattern,)), "farm.xml", (1,)))


def sleepers(farm: StoryFarm) -> list[str]:
    return [order.render for order in farm.take(InstructRender) if order.what == "sleep"]


def test_the_farm_file_puts_hosts_without_tasks_to_sleep(farm: StoryFarm) -> None:
    """It knows no thresholds: a busy processor keeps nobody awake."""
    render = host(farm)
    host(farm, "other", capacity=500)
    farm_file(farm, 100)
    farm.apply(events.ChangeServices("a", "", "service_add", "generic"))
    report(farm, render, 0, 60)
    farm.submit(1)
    (run,) = farm.start(1)
    farm.wait(2)
    farm.finish(run)
    report(farm, render, 0, 95)
    assert sleepers(farm) == [], "a task between two reports"
    report(farm, render, 0, 5)
    assert sleepers(farm) == ["a"]


def test_thresholds_count_beside_the_farm_file(farm: StoryFarm) -> None:
    render = host(farm)
    host(farm, "other")
    farm_file(farm, 100)
    farm.apply(events.EditPool("/", {"idle_cpu": 10}))
    report(farm, render, 50, 300)
    assert sleepers(farm) == []
    report(farm, render, 95, 110)
    assert sleepers(farm) == ["a"]


def test_who_says_when_a_host_sleeps(farm: StoryFarm) -> None:
    """R22: pools below the root, the farm file, the root."""
    render = host(farm)
    host(farm, "other")
    farm.apply(events.OperatePool("/", "add_pool", name="desks"))
    farm.apply(events.EditPool("/", {"idle_wolsleep_time": 1000, "idle_cpu": 10}))
    said: list[tuple[int, str]] = []

    def ask() -> None:
        found = sleep_after(farm.core, render)
        said.append((found.seconds, found.origin))

    ask()
    farm_file(farm, 500)
    ask()
    farm.apply(events.OperateRender("a", "set_pool", pool="/desks"))
    ask()
    farm.apply(events.EditPool("/desks", {"idle_wolsleep_time": 100}))
    ask()
    pattern = (500, "pattern 'all' of the farm file")
    assert said == [(1000, "pool /"), pattern, pattern, (100, "pool /desks")]
    report(farm, render, 95, 90)
    farm.apply(events.EditPool("/desks", {"idle_wolsleep_time": 0}))
    report(farm, render, 95, 2000)
    assert sleepers(farm) == [], "0 is never"
    farm.apply(events.EditPool("/desks", {"idle_wolsleep_time": -1}))
    farm_file(farm, 0)
    report(farm, render, 95, 2000)
    assert sleepers(farm) == [], "0 of the farm file counts, too (R24)"
    farm_file(farm, None)
    report(farm, render, 95, 1000)
    assert sleepers(farm) == [], "what was not wanted meanwhile is not counted"
    report(farm, render, 95, 10)
    assert sleepers(farm) == ["a"]


def test_a_host_that_was_woken_begins_anew(farm: StoryFarm) -> None:
    render = host(farm)
    host(farm, "other")
    farm.apply(events.EditPool("/", {"idle_wolsleep_time": 100, "idle_cpu": 10}))
    report(farm, render, 95, 110)
    assert sleepers(farm) == ["a"]
    farm.drop_link(render)
    farm.wait(500)
    farm.come_back(render, resources=dict(NETIFS))
    report(farm, render, 95, 100)
    assert sleepers(farm) == []
    report(farm, render, 95, 10)
    assert sleepers(farm) == ["a"]
