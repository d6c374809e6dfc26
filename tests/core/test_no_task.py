"""Hosts without tasks: people hear of them, or their agents exit (SEMANTICS 8.1, 8.6, 12.2)."""

from __future__ import annotations

from typing import cast

from afanasy.core import events
from afanasy.core.effects import InstructRender, Send
from afanasy.core.state import Render
from afanasy.core.system import system_job
from harness.farm import StoryFarm

HOOK = "http://hooks.example/farm"
CUSTOM = '{"events": {"RENDER_NO_TASK": {"methods": ["tell"]}}}'


def pool(farm: StoryFarm, path: str = "/", **params: object) -> None:
    if path not in farm.core.pools:
        farm.apply(events.OperatePool("/", "add_pool", name=path[1:]))
    farm.apply(events.EditPool(path, params))


def told(farm: StoryFarm) -> list[str]:
    """Subjects of the hooks that left; they are settled."""
    found = [effect.message for effect in farm.take(Send)]
    for message in found:
        farm.apply(events.MessageSettled(message.key))
    return [message.subject for message in found]


def exits(farm: StoryFarm) -> list[str]:
    return [f"{order.render} {order.what}" for order in farm.take(InstructRender)]


def hear(farm: StoryFarm) -> None:
    farm.edit("afadmin", webhook=HOOK)


# ------------------------------------------------------------------------------------ the event


def test_the_event_doubles_and_a_task_resets_it(farm: StoryFarm) -> None:
    hear(farm)
    pool(farm, no_task_event_time=100)
    farm.render("a")
    for seconds, expected in ((99, 0), (2, 1), (98, 0), (2, 1), (198, 0), (2, 1), (396, 0)):
        farm.wait(seconds)
        assert len(told(farm)) == expected, farm.now
    farm.submit(1)
    (run,) = farm.start(1)
    farm.wait(1000)
    assert told(farm) == [], "it works"
    farm.finish(run)
    farm.wait(99)
    assert told(farm) == []
    farm.wait(2)
    assert told(farm) == ["RENDER_NO_TASK - a"]


def test_only_renders_that_are_online(farm: StoryFarm) -> None:
    hear(farm)
    pool(farm, no_task_event_time=100)
    render = farm.render("a")
    farm.wait(90)
    farm.bye(render)
    farm.wait(1000)
    assert told(farm) == []
    farm.come_back("a")
    farm.wait(99)
    assert told(farm) == []
    farm.wait(2)
    assert told(farm) == ["RENDER_NO_TASK - a"]


def test_a_task_that_it_brought_with_it(farm: StoryFarm) -> None:
    hear(farm)
    pool(farm, no_task_event_time=100)
    render = farm.render("a")
    farm.submit(1)
    (run,) = farm.start(1)
    farm.drop_link(render)
    farm.come_back(render, run)
    farm.wait(500)
    assert told(farm) == []
    farm.finish(run)
    farm.wait(101)
    assert told(farm) == ["RENDER_NO_TASK - a"]


def test_the_value_changes_while_it_waits(farm: StoryFarm) -> None:
    """The worked example of the module."""
    hear(farm)
    farm.render("a")
    farm.wait(5000)
    pool(farm, no_task_event_time=100)
    farm.wait(0)
    assert told(farm) == ["RENDER_NO_TASK - a"], "it is due already"
    farm.submit(1)
    farm.finish(farm.start(1)[0])
    farm.wait(450)
    assert len(told(farm)) == 3
    pool(farm, no_task_event_time=60)
    farm.wait(29)
    assert told(farm) == []
    farm.wait(2)
    assert len(told(farm)) == 1
    pool(farm, no_task_event_time=0)
    farm.wait(100_000)
    assert told(farm) == []


def test_another_pool_counts_at_once(farm: StoryFarm) -> None:
    hear(farm)
    pool(farm, "/quiet", no_task_event_time=0)
    pool(farm, no_task_event_time=100)
    render = farm.render("a")
    farm.apply(events.OperateRender("a", "set_pool", pool="/quiet"))
    farm.wait(300)
    assert told(farm) == []
    farm.apply(events.OperateRender("a", "set_pool", pool="/"))
    farm.wait(0)
    assert told(farm) == ["RENDER_NO_TASK - a"]
    assert render.online


def test_a_restarted_server_counts_from_the_registration(farm: StoryFarm) -> None:
    hear(farm)
    pool(farm, no_task_event_time=100)
    farm.render("a")
    farm.wait(90)
    farm.restart_server()
    farm.wait(20)
    farm.come_back("a")
    farm.wait(99)
    assert told(farm) == []
    farm.wait(2)
    assert told(farm) == ["RENDER_NO_TASK - a"]


def test_the_command_that_tells_it_is_no_task(farm: StoryFarm) -> None:
    """It runs on the idle host itself: the waits go on doubling."""
    pool(farm, no_task_event_time=100, custom_data=CUSTOM)
    farm.render("a")
    commands = farm.core.jobs[0].blocks[system_job.EVENTS]
    for seconds in (101, 99, 200):
        farm.wait(seconds)
        (run,) = farm.start(1)
        assert run.block is commands
        farm.finish(run)
    farm.wait(350)
    farm.start(0)


# ------------------------------------------------------------------------------------- the exit


def test_an_agent_without_tasks_exits(farm: StoryFarm) -> None:
    pool(farm, exit_no_task_time=300)
    render = farm.render("a")
    farm.submit(1)
    (run,) = farm.start(1)
    farm.wait(1000)
    assert exits(farm) == [], "it works"
    farm.finish(run)
    farm.wait(299)
    assert exits(farm) == []
    farm.wait(2)
    assert exits(farm) == ["a exit"]
    job = farm.submit(1)
    farm.start(0)
    reason = farm.explain(job.blocks[0]).classes[0].reason
    assert reason.code == "render_leaving", "nothing starts on an agent that leaves"
    farm.wait(1000)
    assert exits(farm) == [], "it is told once"
    farm.bye(render)
    farm.come_back("a")
    farm.finish(farm.start(1)[0])


def test_an_exit_is_wanted_or_not_any_more(farm: StoryFarm) -> None:
    pool(farm, "/day", exit_no_task_time=0)
    pool(farm, exit_no_task_time=300)
    for name in ("a", "b"):
        farm.render(name)
    farm.wait(200)
    farm.apply(events.OperateRender("a", "set_pool", pool="/day"))
    farm.wait(200)
    assert exits(farm) == ["b exit"]
    pool(farm, "/day", exit_no_task_time=500)
    farm.wait(99)
    assert exits(farm) == []
    farm.wait(2)
    assert exits(farm) == ["a exit"]


def test_an_exit_waits_for_a_task_of_the_server(farm: StoryFarm) -> None:
    pool(farm, exit_no_task_time=100, no_task_event_time=50, custom_data=CUSTOM)
    farm.render("a")
    farm.wait(51)
    (run,) = farm.start(1)
    farm.wait(55)
    assert exits(farm) == []
    farm.finish(run)
    farm.wait(0)
    assert exits(farm) == ["a exit"]


def test_an_order_that_got_lost_is_given_again(farm: StoryFarm) -> None:
    pool(farm, exit_no_task_time=100)
    render = farm.render("a")
    farm.wait(101)
    assert exits(farm) == ["a exit"]
    farm.drop_link(render)
    farm.come_back(render)
    farm.wait(99)
    assert exits(farm) == []
    farm.wait(2)
    assert exits(farm) == ["a exit"]


def test_one_timer_however_many_tasks_end(farm: StoryFarm) -> None:
    pool(farm, exit_no_task_time=10_000, no_task_event_time=5_000)
    farm.render("a")
    before = len(_timers(farm))
    farm.submit(20)
    for _ in range(20):
        farm.finish(farm.start(1)[0])
        farm.wait(1)
    assert len(_timers(farm)) == before == 1


def _timers(farm: StoryFarm) -> list[Render]:
    return [cast(Render, what[1]) for _, _, what in farm.core.timers if what[0] == "no_task"]
