"""Renders that register, are replaced, drain, say goodbye (R5, R11)."""

from __future__ import annotations

from afanasy.core import events
from afanasy.core.effects import Disconnect, InstructRender, Refuse, Stop, Welcome
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm

# ------------------------------------------------------------------- links, instances, goodbye


def test_the_same_instance_replaces_its_old_link(farm: StoryFarm) -> None:
    """R5: at once; what comes from the old link afterwards does not count."""
    render = farm.render("a", capacity=1000)
    farm.submit(1)
    run = farm.start(1)[0]
    old = render.link
    farm.come_back(render, run)
    assert [effect.link for effect in farm.take(Disconnect, 1)] == [old]
    farm.apply(events.RenderLinkLost(old, "a"))
    farm.apply(events.RenderBye(old, "a"))
    assert render.online
    assert run.current


def test_another_instance_is_refused_while_the_first_lives(farm: StoryFarm) -> None:
    render = farm.render("a", address="10.0.0.7", capacity=1000)
    farm.submit(1)
    run = farm.start(1)[0]
    link = render.link
    farm.render("a", instance="another one")
    (refused,) = farm.take(Refuse, 1)
    assert refused.link == farm.links
    assert "10.0.0.7" in refused.text
    assert (render.link, run.current) == (link, True)
    farm.drop_link(render)
    farm.render("a", instance="another one")
    farm.take(Refuse, 0)
    assert render.instance == "another one"


def test_a_second_hello_on_the_same_link(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=1000)
    farm.submit(1)
    run = farm.start(1)[0]
    hello = events.RenderHello(
        render.link, "a", render.instance, "boot 1", "anna", capacity=1000,
        runs=[events.HeldRun(run.id, 1.0)],
    )  # fmt: skip
    farm.apply(hello)
    farm.take(Disconnect, 0)
    assert (run.current, render.running) == (True, 1)


def test_a_render_that_says_goodbye(farm: StoryFarm) -> None:
    """R11: its tasks go back without error."""
    render = farm.render("a", capacity=2000)
    job = farm.submit(2)
    farm.start(2)
    farm.bye(render)
    assert [farm.state(job.blocks[0], n) for n in (0, 1)] == ["RDY", "RDY"]
    assert (farm.errors(job.blocks[0]), render.capacity_used, render.online) == (0, 0, False)
    assert job.blocks[0].extras == {}


def test_a_goodbye_ends_a_stop(farm: StoryFarm) -> None:
    render = farm.render("a")
    job = farm.submit(1)
    farm.start(1)
    farm.operate_tasks(job.blocks[0], "skip")
    farm.take(Stop, 1)
    farm.bye(render)
    assert farm.state(job.blocks[0]) == "DON SKP"


def test_a_draining_render_takes_no_new_work(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=1000)
    farm.submit(2)
    run = farm.start(1)[0]
    farm.apply(events.RenderDrain("a", True))
    farm.finish(run)
    assert farm.start() == []
    farm.apply(events.RenderDrain("a", False))
    assert farm.start(1)[0].render is render


def test_a_render_that_registers_may_be_draining_already(farm: StoryFarm) -> None:
    """R11: its connection broke, the server was restarted, or it was begun with --drain."""
    farm.render("a", draining=True)
    job = farm.submit(2)
    assert farm.start() == []
    farm.drop_link(farm.core.renders["a"])
    farm.come_back("a", draining=True)
    assert farm.start() == []
    farm.restart_server()
    farm.come_back("a", draining=True)
    assert farm.start() == []
    farm.drop_link(farm.core.renders["a"])
    farm.come_back("a")  # a new agent, without --drain
    assert farm.start(1)[0].block.job.serial == job.serial


def test_exit_is_told_to_the_agent(farm: StoryFarm) -> None:
    farm.render("a")
    farm.apply(events.OperateRender("a", "exit"))
    assert [effect.what for effect in farm.take(InstructRender, 1)] == ["exit"]


def test_an_offline_render_can_be_deleted_an_online_one_not(farm: StoryFarm) -> None:
    render = farm.render("a")
    job = farm.submit(1)
    run = farm.start(1)[0]
    farm.refused(events.OperateRender("a", "delete"), "online")
    farm.drop_link(render)
    farm.apply(events.OperateRender("a", "delete"))
    assert farm.state(job.blocks[0]) == "RDY"
    again = farm.render("a", runs=[events.HeldRun(run.id, 3.0)])
    assert again.id != render.id
    assert [stop.run_id for stop in farm.take(Stop, 1)] == [run.id]


def test_delete_and_return_in_one_batch(farm: StoryFarm) -> None:
    """The name is deleted and used again before anything is stored: the new one stays."""
    render = farm.render("a")
    farm.drop_link(render)
    with farm.batch():
        farm.apply(events.OperateRender("a", "delete"))
        farm.render("a")
    assert "a" in farm.restored().renders
    farm.apply(events.AddUser("carl"))
    with farm.batch():
        farm.apply(events.DeleteUser("carl"))
        farm.submit(1, user="carl")
    assert "carl" in farm.restored().users


def test_an_agent_is_welcome_before_it_is_told_what_to_stop(farm: StoryFarm) -> None:
    """It ignores what comes before the welcome, and would run a lost task for ever."""
    farm.render("a", capacity=3000, max_tasks=3)
    lost = farm.submit(1).blocks[0]
    (run,) = farm.start(1)
    farm.drop_link(run.render)
    farm.wait(61)
    assert farm.state(lost) == "RDY"
    farm.take(Welcome)
    farm.come_back("a", run)
    kinds = [type(effect) for effect in farm.effects if isinstance(effect, (Welcome, Stop))]
    assert kinds == [Welcome, Stop]
    assert [stop.run_id for stop in farm.take(Stop)] == [run.id]
    farm.finish(run, RunEnd.ERROR)


def test_idle_and_busy_since_after_a_restart_of_the_server(farm: StoryFarm) -> None:
    """Busy: since its oldest run began. Idle: since it registered."""
    farm.render("idle", capacity=1000, max_tasks=0)
    farm.render("busy", capacity=2000)
    farm.submit(1)
    farm.start(1)
    began = int(farm.now.wall)
    farm.wait(20)
    farm.submit(1)
    farm.start(1)
    farm.wait(20)
    farm.restart_server()
    idle, busy = farm.core.renders["idle"], farm.core.renders["busy"]
    assert (idle.idle_since, busy.busy_since) == (0, 0)
    farm.wait(5)
    farm.come_back(idle)
    farm.come_back(busy, *busy.runs.values())
    came = int(farm.now.wall)
    assert (idle.idle_since, busy.busy_since) == (came, began)
    farm.wait(5)
    farm.drop_link(idle)
    farm.come_back(idle)
    assert idle.idle_since == came
