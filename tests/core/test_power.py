"""Sleep and wake of hosts as a state machine (SEMANTICS 8.5, 8.6, 12.3)."""

from __future__ import annotations

from typing import Any

from afanasy.core import events
from afanasy.core.effects import InstructRender
from afanasy.core.state import Render
from afanasy.core.system import system_job
from harness.farm import StoryFarm

MAC = "52:54:00:00:00:01"
NETIFS = {"netifs": [{"name": "eth0", "mac": MAC.upper(), "addresses": ["10.0.0.1"]}, {"mac": "x"}]}


def host(farm: StoryFarm, name: str = "a", **more: Any) -> Render:
    return farm.render(name, resources=dict(NETIFS), address="10.0.0.1", **more)


def operate(farm: StoryFarm, render: Render, operation: str, **more: Any) -> list[InstructRender]:
    farm.apply(events.OperateRender(render.name, operation, **more))
    return farm.take(InstructRender)


def fall_asleep(farm: StoryFarm, render: Render) -> None:
    assert operate(farm, render, "wol_sleep") == [InstructRender(render.name, "sleep")]
    farm.drop_link(render)


def wakes(farm: StoryFarm) -> list[str]:
    tasks = farm.core.jobs[0].blocks[system_job.WAKE_ON_LAN].tasks
    return [task.command for task in tasks or []]


def state(render: Render) -> tuple[bool, bool, bool]:
    return (render.falling, render.sleeping, render.waking)


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


def test_a_host_that_does_not_sleep(farm: StoryFarm) -> None:
    render = host(farm)
    operate(farm, render, "wol_sleep")
    farm.submit(1)
    farm.wait(310)
    assert state(render) == (False, False, False)
    farm.finish(farm.start(1)[0])


def test_a_host_that_does_not_wake(farm: StoryFarm) -> None:
    render = host(farm)
    fall_asleep(farm, render)
    operate(farm, render, "wol_wake")
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
    farm.wait(70)
    assert state(farm.core.renders["a"]) == (False, True, False)
    assert state(farm.core.renders["b"]) == (False, False, False)


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


def test_nobody_is_woken_for_what_may_not_run(farm: StoryFarm) -> None:
    fall_asleep(farm, host(farm))
    job = farm.submit(1)
    farm.operate(job, "pause")
    farm.submit(1, hosts_mask="elsewhere")
    farm.submit(1, capacity=50_000)
    farm.solve()
    farm.wait(60)
    assert wakes(farm) == []


def report(farm: StoryFarm, render: Render, idle: int, seconds: int = 60) -> None:
    for _ in range(seconds // 5):
        farm.wait(5)
        values = {"cpu_idle": idle, **NETIFS}
        farm.apply(events.RenderResources(render.name, values))


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
