"""Farms on which a task does not start and no edit would help: something has to happen.

Each has a story in which it does happen. The keys are those of :mod:`harness.stages`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from afanasy.core import events
from afanasy.core.effects import InstructRender, Stop
from afanasy.core.state import Run
from afanasy.model.farm_setup import FarmSetup, ServiceRule
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm
from harness.stage_makers import Place, Stage, everywhere, farm_file, job_with, running
from harness.stage_stories import pre_command
from harness.stages import STAGES


class Wait(NamedTuple):
    """A stage, and what happens then; it may name another task that starts instead."""

    stage: Stage
    happens: Callable[[StoryFarm, Place], Place | None]


def run_of(place: Place) -> Run:
    block, task = place
    return block.open[task]


def passes(seconds: float) -> Callable[[StoryFarm, Place], None]:
    return lambda farm, _: farm.wait(seconds)


def comes_back(farm: StoryFarm, _: Place) -> None:
    farm.come_back("a")


def other_ends(farm: StoryFarm, place: Place) -> None:
    """The first running task of the block ends well."""
    farm.finish(next(iter(place[0].open.values())))


def pre_runs(*, of_job: bool) -> Stage:
    def staged(farm: StoryFarm) -> Place:
        place = pre_command(of_job=of_job)(farm)
        farm.start(1)
        return place

    return staged


def pre_ends(farm: StoryFarm, _: Place) -> None:
    (run,) = farm.core.runs.values()
    farm.finish(run)


def deleting(farm: StoryFarm) -> Place:
    farm.render("a", max_tasks=1)
    job = farm.submit(2)
    farm.start(1)
    farm.operate(job, "delete")
    farm.take(Stop, 1)
    return job.blocks[0], 1


def is_submitted_again(farm: StoryFarm, place: Place) -> Place:
    farm.finish(next(iter(place[0].open.values())), RunEnd.KILLED)
    assert place[0].job.serial not in farm.core.jobs
    return farm.submit(2).blocks[0], 0


def no_licence(farm: StoryFarm) -> Place:
    farm.render("a", max_tasks=1)
    block = farm.submit(2).blocks[0]
    farm.fail(farm.start(1)[0], error_class="licence")
    return block, 0


def licences_tried(farm: StoryFarm) -> Place:
    farm.render("a", capacity=4000)
    block = farm.submit(2).blocks[0]
    for run in farm.start(2):
        farm.fail(run, error_class="licence")
    farm.wait(30)
    (tried,) = farm.start(1)
    return block, 1 - tried.task


def on_its_way(farm: StoryFarm) -> Place:
    block, task = job_with(commands=["x"])(farm)
    farm.start(1)
    return block, task


def stopping(farm: StoryFarm) -> Place:
    block, task = on_its_way(farm)
    farm.operate_tasks(block, "restart", task)
    farm.take(Stop, 1)
    return block, task


def fails_and_is_tried_again(farm: StoryFarm, place: Place) -> None:
    farm.fail(run_of(place))
    farm.wait(1)


def is_killed(farm: StoryFarm, place: Place) -> None:
    farm.finish(run_of(place), RunEnd.KILLED)


def away(farm: StoryFarm) -> Place:
    block, task = on_its_way(farm)
    farm.drop_link(farm.core.renders["a"])
    farm.render("b")
    return block, task


def second_in_line(farm: StoryFarm) -> Place:
    farm.render("a", max_tasks=1)
    with farm.batch():
        farm.submit(1, priority=200)
        return farm.submit(1, name="second").blocks[0], 0


def first_ends(farm: StoryFarm, place: Place) -> None:
    (first,) = farm.start(1)
    assert (first.block, first.task) != place
    farm.finish(first)


def offline(farm: StoryFarm) -> Place:
    block, task = job_with()(farm)
    farm.drop_link(farm.core.renders["a"])
    return block, task


def falling(farm: StoryFarm) -> Place:
    netifs = [{"name": "eth0", "mac": "52:54:00:00:00:01"}]
    farm.render("a", resources={"netifs": netifs})
    farm.render("small", capacity=500)
    farm.apply(events.OperateRender("a", "wol_sleep"))
    farm.take(InstructRender, 1)
    return farm.submit(1).blocks[0], 0


def asleep(farm: StoryFarm) -> Place:
    place = falling(farm)
    farm.drop_link(farm.core.renders["a"])
    farm.start(0)
    return place


def waking(farm: StoryFarm) -> Place:
    place = asleep(farm)
    farm.wait(10)
    return place


def packet_is_sent(farm: StoryFarm, _: Place) -> None:
    (waker,) = farm.start(1)
    assert waker.block.spec.service == "wakeonlan"
    farm.finish(waker)
    farm.come_back("a")


def is_woken(farm: StoryFarm, place: Place) -> None:
    farm.wait(10)
    packet_is_sent(farm, place)


def sleeps_and_is_woken(farm: StoryFarm, place: Place) -> None:
    farm.drop_link(farm.core.renders["a"])
    farm.start(0)
    is_woken(farm, place)


def draining(farm: StoryFarm) -> Place:
    place = job_with()(farm)
    farm.apply(events.RenderDrain("a", True))
    return place


def leaving(farm: StoryFarm) -> Place:
    farm.apply(events.EditPool("/", {"exit_no_task_time": 30}))
    farm.render("a")
    farm.wait(31)
    farm.take(InstructRender, 1)
    return farm.submit(1).blocks[0], 0


def agent_starts_again(farm: StoryFarm, _: Place) -> None:
    farm.bye(farm.core.renders["a"])
    farm.come_back("a")


def for_another(farm: StoryFarm) -> Place:
    farm.render("a")
    return farm.submit(commands=["b"], maintenance=True).blocks[0], 0


def that_one_comes(farm: StoryFarm, _: Place) -> None:
    farm.render("b")


def count_rises(farm: StoryFarm, _: Place) -> None:
    more = FarmSetup((everywhere(ServiceRule("nuke", 2)),))
    farm.apply(events.SetFarmSetup(more, "farm.xml"))


ONE_NUKE = running(farm_file(everywhere(ServiceRule("nuke", 1))), 1)

WAITS: dict[str, Wait] = {
    "job_waits_pre": Wait(pre_runs(of_job=True), pre_ends),
    "block_waits_pre": Wait(pre_runs(of_job=False), pre_ends),
    "job_deleting": Wait(deleting, is_submitted_again),
    "user_rate": Wait(STAGES["user_rate soon"], passes(1)),
    "job_rate": Wait(STAGES["job_rate soon"], passes(1)),
    "branch_rate": Wait(STAGES["branch_rate soon"], passes(1)),
    "limit_host": Wait(ONE_NUKE, other_ends),
    "limit_host file": Wait(ONE_NUKE, count_rises),
    "service_held": Wait(no_licence, passes(30)),
    "service_probing": Wait(licences_tried, other_ends),
    "task_running": Wait(on_its_way, fails_and_is_tried_again),
    "task_stopping": Wait(stopping, is_killed),
    "task_reconnect": Wait(away, passes(120)),
    "behind_others": Wait(second_in_line, first_ends),
    "render_offline": Wait(offline, comes_back),
    "render_asleep": Wait(asleep, is_woken),
    "render_waking": Wait(waking, packet_is_sent),
    "render_falling": Wait(falling, sleeps_and_is_woken),
    "render_draining": Wait(draining, agent_starts_again),
    "render_leaving": Wait(leaving, agent_starts_again),
    "task_maintenance": Wait(for_another, that_one_comes),
}
