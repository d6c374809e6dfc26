"""The wall clock is set to another time (R3)."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.model.clock import Now
from harness.farm import StoryFarm

HOUR = 3600.0


def jump(farm: StoryFarm, step_s: float) -> None:
    """The wall clock is set to another time; the shell notices."""
    farm.now = Now(farm.now.mono, farm.now.wall + step_s)
    farm.apply(events.Tick(clock_step_s=step_s))


def test_a_clock_that_is_set_right_again(farm: StoryFarm) -> None:
    """A job waits for its moment again when the clock only seemed to have passed it."""
    farm.render("a")
    job = farm.submit(1, time_wait=int(farm.now.wall) + 600)
    jump(farm, HOUR)
    assert farm.job_state(job) == "RDY"
    jump(farm, -HOUR)
    assert farm.job_state(job) == "WTM"
    farm.check_restored()
    farm.wait(599)
    assert farm.start() == []
    farm.wait(2)
    farm.start(1)


def test_what_runs_meanwhile_goes_on(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(2, time_wait=int(farm.now.wall) + 600)
    jump(farm, HOUR)
    (run,) = farm.start(1)
    jump(farm, -HOUR)
    assert farm.job_state(job) == "RUN WTM"
    farm.finish(run)
    assert farm.start() == []


@pytest.mark.parametrize("whose", ["block", "task"])
def test_errors_are_forgiven_when_the_clock_says_so(farm: StoryFarm, whose: str) -> None:
    """Forgiving goes by the wall clock, whose steps no timer has foreseen."""
    farm.render("a", capacity=1000)
    limits = {"block": {"errors_avoid_host": 1}, "task": {"errors_task_same_host": 1}}[whose]
    job = farm.submit(1, errors_forgive_time=int(HOUR), **limits)
    farm.fail(farm.start(1)[0])
    farm.wait(10)
    assert farm.start() == []
    jump(farm, HOUR)
    assert job.blocks[0].error_hosts == {}
    farm.start(1)


def test_errors_wait_for_a_clock_that_is_set_back(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(1, errors_forgive_time=int(HOUR), errors_avoid_host=1)
    farm.fail(farm.start(1)[0])
    jump(farm, -HOUR)
    farm.wait(1.5 * HOUR)
    assert "a" in job.blocks[0].error_hosts
    farm.wait(HOUR)
    assert job.blocks[0].error_hosts == {}


def test_the_system_job_begins_at_its_time(farm: StoryFarm) -> None:
    """It stands in no queue: it is told that its time has come."""
    farm.render("a")
    farm.edit(farm.core.jobs[0], time_wait=int(farm.now.wall) + 100)
    farm.operate(farm.submit(command_post="tidy"), "delete")
    assert farm.start() == []
    farm.wait(101)
    (run,) = farm.start(1)
    farm.finish(run)
