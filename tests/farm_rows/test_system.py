"""Hosts that GOD starts, stops and restarts; the command of a job that is deleted (S56, S68)."""

from __future__ import annotations

from afanasy.core import events
from afanasy.core.effects import InstructRender, Start
from harness.farm import StoryFarm


def test_s56_god_starts_stops_and_restarts_hosts(farm: StoryFarm) -> None:
    farm.render("sender", max_tasks=0)
    render = farm.render("a", resources={"netifs": [{"name": "e", "mac": "52:54:00:00:00:01"}]})
    for operation in ("restart", "exit"):
        farm.apply(events.OperateRender("a", operation, by="god@desk"))
    orders = farm.take(InstructRender)
    assert orders == [InstructRender("a", "restart"), InstructRender("a", "exit")]
    farm.bye(render)
    farm.apply(events.OperateRender("a", "wol_wake", by="god@desk"))
    (run,) = farm.start(1)
    assert (run.render.name, run.block.spec.name) == ("sender", "wake-on-lan")
    farm.finish(run)
    farm.come_back(render)
    assert not render.waking


def test_s68_deletefiles_after_the_deletion(farm: StoryFarm) -> None:
    job = farm.submit(
        1,
        job={"command_post": 'deletefiles "/shots/scene.temp"'},
        working_directory="/shots",
    )
    farm.operate(job, "delete")
    farm.restart_server()
    farm.render("a")
    farm.solve()
    (started,) = farm.take(Start)
    (spec,) = started.run.block.tasks or []
    assert spec.command == 'deletefiles "/shots/scene.temp"'
    assert (spec.environment or {})["AF_DELETE_ROOTS"] == "/shots"
    farm.finish(started.run)
