"""Stories of bugs that the simulator found, each as short as it could be made."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.model.clock import Now
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm

HOUR = 3600.0


def jump(farm: StoryFarm, step_s: float) -> None:
    """The wall clock is set to another time; the shell notices."""
    farm.now = Now(farm.now.mono, farm.now.wall + step_s)
    farm.apply(events.Tick(clock_step_s=step_s))


@pytest.mark.parametrize("step_s", [-HOUR, HOUR])
def test_an_ejected_task_stays_away_for_ten_minutes_whatever_the_clock_does(
    farm: StoryFarm, step_s: float
) -> None:
    render = farm.render("a")
    farm.submit()
    (run,) = farm.start(1)
    farm.apply(events.OperateRender(render.name, "eject_tasks", "anna@desk"))
    farm.finish(run, RunEnd.KILLED)
    jump(farm, step_s)
    farm.wait(590.0)
    farm.start(0)
    farm.wait(11.0)
    farm.start(1)
    farm.effects.clear()


def test_an_eject_that_ends_a_moment_after_its_timer_is_not_forgotten(farm: StoryFarm) -> None:
    """The clocks drift: after ten minutes the wall clock may be a little behind."""
    render = farm.render("a")
    farm.submit()
    (run,) = farm.start(1)
    farm.apply(events.OperateRender(render.name, "eject_tasks", "anna@desk"))
    farm.finish(run, RunEnd.KILLED)
    farm.now = Now(farm.now.mono, farm.now.wall - 0.25)
    farm.wait(600.1)
    farm.start(0)
    farm.wait(0.5)
    farm.start(1)
    farm.effects.clear()


def test_a_restart_after_the_clock_was_set_back_makes_no_wait_longer(farm: StoryFarm) -> None:
    farm.render("a")
    farm.submit(errors_retries=3)
    (run,) = farm.start(1)
    farm.fail(run)
    farm.now = Now(farm.now.mono, farm.now.wall - HOUR)  # while no server runs
    farm.restart_server()
    farm.come_back("a")
    farm.wait(60.5)
    farm.start(1)
    farm.effects.clear()


def test_an_edited_mask_is_known_when_hosts_are_looked_for(farm: StoryFarm) -> None:
    """The task in error has a host again as soon as the mask lets one in (R13)."""
    farm.render("a")
    farm.render("b")
    block = farm.submit(errors_avoid_host=1, errors_retries=5, hosts_mask="a").blocks[0]
    (run,) = farm.start(1)
    farm.fail(run)
    assert block.stuck == "the only suitable host is avoided"
    farm.edit(block, hosts_mask="a|b")
    assert not block.stuck
    farm.wait(1)  # its retry wait (R15)
    (run,) = farm.start(1)
    assert run.render.name == "b"


def test_a_new_owner_gets_the_job_once_in_his_queue(farm: StoryFarm) -> None:
    """His settings make a task ready while the job changes hands."""
    farm.render("a")
    job = farm.submit(user="anna")
    (run,) = farm.start(1)
    farm.edit("anna", errors_retries=0)
    farm.fail(run)
    assert farm.job_state(job) == "ERR"
    for _ in range(3):
        farm.submit(user="bob", capacity=5000)
    farm.edit("bob", errors_retries=5)
    farm.edit(job, user_name="bob")
    bob = farm.core.users["bob"]
    assert bob.queue[-1] is job
    assert job.order == bob.order_last
    farm.start(1)
    assert job not in bob.queue


def test_a_reservation_ends_when_the_host_would_not_take_the_work(farm: StoryFarm) -> None:
    """Nobody else could use a host that was kept free for work it refuses (R15)."""
    render = farm.render("a", capacity=4000, max_tasks=4)
    farm.submit(1000, user="small", capacity=1000, ignorenimby=True)
    running = farm.start(4)
    big = farm.submit(1, user="big", capacity=4000)
    farm.wait(75)
    assert render.reserved == (big.serial, 0)
    farm.edit(render, NIMBY=True)
    farm.finish(running[0])
    farm.wait(11)
    assert render.reserved is None
    farm.start(1)


def test_a_lost_task_goes_back_into_a_block_that_has_no_host_left(farm: StoryFarm) -> None:
    """It has errors, and while it ran others of its block used up the last host (R13)."""
    farm.render("a", capacity=2000)
    block = farm.submit(2, errors_avoid_host=2, errors_task_same_host=0, errors_retries=9).blocks[0]
    first, second = farm.start(2)
    farm.fail(first)
    farm.wait(2.0)
    (again,) = farm.start(1)
    farm.fail(second)
    assert block.stuck
    farm.drop_link(farm.core.renders["a"])
    farm.come_back("a")
    assert again.id not in farm.core.runs
    assert farm.state(block, 0) == "ERR"
    farm.check_restored()


@pytest.mark.parametrize(
    ("needed", "resources"),
    [
        ({"need_gpus": 1}, {"gpu_num": 1, "gpu_mem_total_mb": 8000}),
        ({"need_cpu_cores": 8}, {"cpu_num": 8, "cpu_mhz": 3000}),
    ],
)
def test_a_restarted_server_knows_the_equipment_of_hosts(
    farm: StoryFarm, needed: dict[str, int], resources: dict[str, object]
) -> None:
    """Else no host were suitable, so none avoided, and the task ready again (R13)."""
    farm.render("a", resources=resources)
    block = farm.submit(errors_avoid_host=1, errors_retries=5, **needed).blocks[0]
    (run,) = farm.start(1)
    farm.fail(run)
    assert farm.state(block).startswith("ERR")
    farm.restart_server()
    assert farm.core.renders["a"].resources == resources
    block = farm.core.blocks[block.key]
    assert block.stuck
    assert farm.state(block).startswith("ERR")
    more: dict[str, object] = {**resources, "cpu_num": 16}
    farm.come_back("a", resources=more)
    farm.apply(events.RenderResources("a", {**more, "cpu_mhz": 3600}))
    farm.check_restored()
    farm.effects.clear()
