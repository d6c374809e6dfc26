"""Work that asks for the same is refused alike: how many jobs wait so costs a start nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from afanasy.core import events
from afanasy.core.place import placing
from afanasy.core.state import Job, Run
from afanasy.model.states import RunEnd
from harness.branches import edit_branch, share_by
from harness.farm import StoryFarm

JOBS = 40
#: Everything that a pass asks about one job.
CHECKS = ("job_blocked", "job_not_on", "block_not_on")


def waiting(farm: StoryFarm, **more: Any) -> list[Job]:
    """Jobs that cannot run, of a user who runs nothing and so comes first."""
    with farm.batch():
        return [farm.submit(1, name=f"j{n}", capacity=100, **more) for n in range(JOBS)]


def want_memory(farm: StoryFarm) -> None:
    waiting(farm, need_memory=32_000)


def want_memory_for_all_their_jobs(farm: StoryFarm) -> None:
    waiting(farm)
    farm.edit("anna", need_memory=32_000)


def have_a_second_block(farm: StoryFarm) -> None:
    blocks = [{"need_memory": 32_000, "name": "a"}, {"depend_mask": "a", "name": "b"}]
    waiting(farm, blocks=[{"frames": 1, "capacity": 100, **block} for block in blocks])


def find_no_licence(farm: StoryFarm) -> None:
    farm.submit(1, user="carl", service="nuke", capacity=1)
    (run,) = farm.start(1)
    farm.finish(run, RunEnd.ERROR, error_class="licence")
    farm.start(0)
    waiting(farm, service="nuke")


def are_in_a_paused_branch(farm: StoryFarm) -> None:
    waiting(farm, branch="/film")
    edit_branch(farm, "/film", paused=True)


def are_in_a_full_branch(farm: StoryFarm) -> None:
    farm.submit(1, user="carl", capacity=1, branch="/film")
    farm.start(1)
    edit_branch(farm, "/film", max_running_tasks=1)
    waiting(farm, branch="/film")


def may_run_nothing(farm: StoryFarm) -> None:
    waiting(farm, job={"max_running_tasks": 0})


def may_run_nothing_in_their_blocks(farm: StoryFarm) -> None:
    waiting(farm, max_running_tasks=0)


def find_nimby_hosts(farm: StoryFarm) -> None:
    waiting(farm)
    farm.edit(farm.core.renders["a"], NIMBY=True, nimby_reason="mine")


def find_hosts_of_others(farm: StoryFarm) -> None:
    waiting(farm)
    farm.edit(farm.core.renders["a"], nimby=True, nimby_reason="mine", user_name="bob")


def find_hosts_kept_free(farm: StoryFarm) -> None:
    waiting(farm)
    big = farm.submit(1, user="dora", capacity=900)
    farm.core.renders["a"].reserved = (big.serial, 0)


@pytest.mark.parametrize(
    "who",
    [want_memory, want_memory_for_all_their_jobs, have_a_second_block, find_no_licence,
     are_in_a_paused_branch, are_in_a_full_branch, may_run_nothing,
     may_run_nothing_in_their_blocks, find_nimby_hosts, find_hosts_of_others, find_hosts_kept_free],
)  # fmt: skip
def test_jobs_that_cannot_run_are_not_asked_one_by_one(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch, who: Callable[[StoryFarm], None]
) -> None:
    resources = {"mem_free_mb": 4000, "mem_total_mb": 64_000}
    farm.render("a", capacity=1000, max_tasks=100, resources=resources)
    busy = farm.submit(12, user="bob", capacity=80)
    running = farm.start(12)
    assert all(run.block.job is busy for run in running)
    who(farm)
    farm.start()
    running = [run for run in farm.core.runs.values() if run.block.job is busy]
    asked: list[str] = []
    for name in CHECKS:
        _count(monkeypatch, name, asked)
    rounds = 5
    for run in running[:rounds]:
        farm.finish(run)
        assert not [new for new in farm.start() if new.block.job.user.name == "anna"]
    assert len(asked) < rounds * 8, asked


def _count(monkeypatch: pytest.MonkeyPatch, name: str, asked: list[str]) -> None:
    real = getattr(placing, name)

    def counting(*arguments: object) -> object:
        asked.append(name)
        return real(*arguments)

    monkeypatch.setattr(placing, name, counting)


@pytest.mark.parametrize("sharing", [False, True])
def test_others_that_ask_for_less_are_served(farm: StoryFarm, sharing: bool) -> None:
    """What is refused to most is refused to those alone that ask for the same."""
    share_by(farm, "/film", on=sharing)
    edit_branch(farm, "/film", solve_jobs=True)
    render = farm.render("a", capacity=1000, max_tasks=100, user_name="owner")
    waiting(farm, branch="/film")
    farm.edit(render, nimby=True, nimby_reason="mine")
    mine = farm.submit(1, user="owner", capacity=100, branch="/film")
    heedless = farm.submit(1, capacity=100, ignorenimby=True, branch="/film")
    assert {run.block.job for run in farm.start(2)} == {mine, heedless}


def test_a_host_kept_free_takes_others_when_its_work_has_started(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=4000, max_tasks=10)
    farm.submit(1, capacity=4000, user="carl")
    (run,) = farm.start(1)
    farm.submit(3, capacity=1000, user="anna")
    farm.edit("anna", priority=150)  # asked first, while the host is still kept free
    big = farm.submit(1, capacity=2000, user="bob")
    render.reserved = (big.serial, 0)
    farm.finish(run)
    users = [new.block.job.user.name for new in farm.start(3)]
    assert users == ["bob", "anna", "anna"]


def test_a_job_stands_in_the_queues_of_its_blocks_with_ready_tasks(farm: StoryFarm) -> None:
    farm.render("a", capacity=2000)
    job = farm.submit(blocks=[
        {"name": "a", "frames": 1, "capacity": 1000},
        {"name": "b", "frames": 1, "capacity": 500, "depend_mask": "a"},
    ])  # fmt: skip
    first, second = job.blocks
    assert job.queued_fits == (first.fits,)
    (run,) = farm.start(1)
    assert job.queued_fits == ()
    farm.finish(run)
    assert job.queued_fits == (second.fits,)
    farm.operate_tasks(first, "restart")
    assert job.queued_fits == (first.fits,)


@pytest.mark.parametrize("seed", range(4))
def test_no_start_is_missed(farm: StoryFarm, seed: int) -> None:
    """Many jobs of few kinds, while hosts and branches change: all tried anew, nothing starts."""
    draw = random.Random(seed)
    share_by(farm, "/film", "/ad", on=draw.random() < 0.5)
    edit_branch(farm, "/ad", solve_jobs=True)
    resources = {"mem_free_mb": 4000, "mem_total_mb": 8000}
    for name in "abc":
        farm.render(name, capacity=3000, max_tasks=4, resources=resources)
    kinds: list[dict[str, Any]] = [
        {"capacity": 1000}, {"capacity": 700, "need_memory": 1500}, {"capacity": 2500},
        {"service": "nuke"}, {"ignorenimby": True}, {"need_memory": 3000},
        {"blocks": [{"frames": 2, "name": "a"}, {"need_memory": 1500, "depend_mask": "a"}]},
    ]  # fmt: skip
    for user in ("anna", "bob"):
        farm.apply(events.AddUser(user))
    users, renders = ("anna", "bob"), list(farm.core.renders.values())
    running: list[Run] = []
    for _ in range(30):
        match draw.randrange(8):
            case 0 | 1 | 2:
                with farm.batch():
                    for _ in range(draw.randrange(12)):
                        branch, user = draw.choice(("/film", "/ad")), draw.choice(users)
                        farm.submit(user=user, branch=branch, **draw.choice(kinds))
            case 3:
                nimby = draw.random() < 0.5
                farm.edit(draw.choice(renders), **{draw.choice(("nimby", "NIMBY")): nimby})
            case 4:
                limit = {"max_running_tasks": draw.choice((-1, 1, 3))}
                limit = draw.choice((limit, {"paused": draw.random() < 0.5}))
                edit_branch(farm, draw.choice(("/film", "/ad")), **limit)
            case 5:
                limit = {"max_running_tasks_per_host": draw.choice((-1, 1, 2))}
                farm.edit(draw.choice(users), **limit)
            case _:
                for run in draw.sample(running, min(len(running), 3)):
                    running.remove(run)
                    lacks = run.service == "nuke" and draw.random() < 0.3
                    more: dict[str, Any] = {"error_class": "licence"} if lacks else {}
                    farm.finish(run, RunEnd.ERROR if lacks else RunEnd.SUCCESS, **more)
        running += farm.start()
        farm.core.fresh_all = True
        assert farm.start() == []
