"""Room for big work: which work gets a host of its own, which host, and for how long (R15)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from afanasy.core import events
from afanasy.core.place import checks_host
from afanasy.core.place.draining import ASKED_MAX, LOOK_S, STARVED_S
from afanasy.core.state import Job, Run
from harness.farm import StoryFarm

#: By then a look has found that the work starves.
SOON_S = STARVED_S + 2 * LOOK_S


def small_work(farm: StoryFarm, *hosts: str) -> list[Run]:
    """Hosts full of small tasks, and many more of them waiting."""
    for name in hosts:
        farm.render(name, capacity=2000, max_tasks=10)
    farm.submit(400, capacity=500, user="bob")
    return farm.start()


def starts_in_time(farm: StoryFarm, runs: list[Run], big: Job) -> bool:
    """Small tasks come and go one by one for four minutes: whether the big one starts."""
    for _ in range(60):
        farm.wait(4)
        if not runs:
            return False
        farm.finish(runs.pop(0))
        runs += farm.start()
        if big.running:
            return True
    return False


def kept(farm: StoryFarm) -> list[str]:
    return [name for name, render in farm.core.renders.items() if render.reserved is not None]


def of_another_os(farm: StoryFarm) -> Job:
    farm.submit(1, user="aa", need_os="plan9")
    return farm.submit(1, capacity=2000)


def of_the_same_user(farm: StoryFarm) -> Job:
    farm.submit(1, priority=200, need_os="plan9")
    return farm.submit(1, capacity=2000)


def waits_for_memory(farm: StoryFarm) -> Job:
    farm.submit(1, user="aa", need_memory=64_000)
    return farm.submit(1, capacity=2000)


def first_block_waits_for_memory(farm: StoryFarm) -> Job:
    blocks = [{"frames": 1, "capacity": 100, "need_memory": 64_000},
              {"frames": 1, "capacity": 2000}]  # fmt: skip
    return farm.submit(blocks=blocks)


@pytest.mark.parametrize(
    "behind",
    [of_another_os, of_the_same_user, waits_for_memory, first_block_waits_for_memory],
)
def test_work_that_room_would_not_help_is_passed_over(
    farm: StoryFarm, behind: Callable[[StoryFarm], Job]
) -> None:
    runs = small_work(farm, "a", "b")
    assert starts_in_time(farm, runs, behind(farm))


def test_who_waits_for_room_and_not_long_enough_is_not_passed_over(farm: StoryFarm) -> None:
    """Else the last in order would get a host for itself every minute."""
    farm.render("a", capacity=2000, max_tasks=10)
    farm.submit(90, capacity=500, priority=250, user="first")
    runs = farm.start(4)
    last = farm.submit(9, capacity=500, priority=1, user="last")
    for _ in range(40):
        farm.wait(5)
        farm.finish(runs.pop(0))
        runs += farm.start(1)
        assert not kept(farm)
    assert not last.running


def test_hopeless_work_is_asked_once_for_all_that_ask_the_same(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.render("a", capacity=2000, max_tasks=10, resources={"mem_free_mb": 100})
    farm.submit(9, capacity=500, user="bob")
    farm.start(4)
    for _ in range(200):
        farm.submit(1, user="aa", need_memory=64_000)
    farm.solve()
    asked = 0
    real = checks_host.user_not_on

    def counted(*args: Any) -> object:
        nonlocal asked
        asked += 1
        return real(*args)

    monkeypatch.setattr("afanasy.core.place.draining.user_not_on", counted)
    farm.wait(LOOK_S)
    assert 0 < asked <= 4


def test_a_look_at_much_hopeless_work_ends(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ASKED_MAX >= 1000
    monkeypatch.setattr("afanasy.core.place.draining.ASKED_MAX", 20)
    runs = small_work(farm, "a", "b")
    for n in range(30):
        farm.submit(1, user="aa", need_memory=64_000 + n)
    farm.submit(1, capacity=2000)
    farm.wait(SOON_S)
    assert not kept(farm)
    assert runs


def test_a_host_that_may_run_nothing_is_not_kept(farm: StoryFarm) -> None:
    """It has no task that could end, so it looked like the first to be free."""
    farm.render("a", capacity=2000, max_tasks=10)
    farm.edit(farm.render("none", capacity=2000), max_tasks_host=0)
    runs = small_work(farm)
    big = farm.submit(1, capacity=2000)
    farm.wait(SOON_S)
    assert kept(farm) == ["a"]
    assert starts_in_time(farm, runs, big)


def test_a_host_that_is_kept_and_may_run_nothing_any_more_is_given_back(farm: StoryFarm) -> None:
    small_work(farm, "a", "b")
    farm.submit(1, capacity=2000)
    farm.wait(SOON_S)
    (name,) = kept(farm)
    farm.edit(farm.core.renders[name], max_tasks_host=0)
    farm.wait(LOOK_S)
    assert name not in kept(farm)


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0])
def test_the_wall_clock_has_no_say(farm: StoryFarm, step_s: float) -> None:
    small_work(farm, "a")
    farm.submit(1, capacity=2000)
    farm.wait(STARVED_S / 2)
    farm.now = farm.now._replace(wall=farm.now.wall + step_s)
    farm.apply(events.Tick(clock_step_s=step_s))
    farm.wait(LOOK_S)
    assert not kept(farm)
    farm.wait(SOON_S - STARVED_S / 2)
    assert kept(farm) == ["a"]


def pause_job(farm: StoryFarm, job: Job, paused: bool) -> None:
    farm.operate(job, "pause" if paused else "start")


def pause_user(farm: StoryFarm, job: Job, paused: bool) -> None:
    farm.edit(job.user.name, paused=paused)


def pause_branch(farm: StoryFarm, job: Job, paused: bool) -> None:
    assert job.branch is not None
    farm.apply(events.EditBranch(job.branch.path, {"paused": paused}))


@pytest.mark.parametrize("pause", [pause_job, pause_user, pause_branch])
def test_a_pause_does_not_count(
    farm: StoryFarm, pause: Callable[[StoryFarm, Job, bool], None]
) -> None:
    farm.render("a", capacity=2000, max_tasks=10)
    farm.submit(4, capacity=500, user="bob")
    farm.submit(1, user="bob", need_os="plan9")  # so that looks go on
    farm.start(4)
    big = farm.submit(1, capacity=2000, branch="/b")
    farm.wait(STARVED_S / 2)
    pause(farm, big, True)
    farm.wait(3600)
    pause(farm, big, False)
    farm.start(0)
    farm.wait(STARVED_S - 1)
    assert not kept(farm)
    farm.wait(SOON_S - STARVED_S)
    assert kept(farm) == ["a"]


def test_a_start_begins_the_wait_anew(farm: StoryFarm) -> None:
    farm.render("a", capacity=2000, max_tasks=10)
    farm.submit(1, capacity=500, user="bob")
    farm.start(1)
    big = farm.submit(3, capacity=1500)
    (first,) = farm.start(1)
    farm.wait(STARVED_S - 5)
    farm.finish(first)
    farm.start(1)
    farm.wait(LOOK_S)
    assert not kept(farm)
    farm.wait(SOON_S)
    assert farm.core.renders["a"].reserved == (big.serial, 0)


def test_the_host_of_a_deleted_job_is_free_at_once(farm: StoryFarm) -> None:
    runs = small_work(farm, "a")
    big = farm.submit(1, capacity=2000)
    farm.wait(SOON_S)
    assert kept(farm) == ["a"]
    farm.finish(runs[0])
    farm.start(0)
    farm.operate(big, "delete")
    assert not kept(farm)
    farm.start(1)


def test_the_servers_own_tasks_run_on_a_host_that_is_kept(farm: StoryFarm) -> None:
    """They are small, and somebody may wait for them (R23). The host is kept on."""
    runs = small_work(farm, "a")
    big = farm.submit(1, capacity=2000)
    farm.wait(SOON_S)
    farm.finish(runs.pop(0))
    farm.start(0)
    farm.operate(
        farm.submit(1, user="cid", job={"command_post": "echo", "offline": True}), "delete"
    )
    (post,) = farm.start(1)
    assert post.block.job.system
    assert farm.core.renders["a"].reserved == (big.serial, 0)
    farm.finish(post)
    farm.start(0)
