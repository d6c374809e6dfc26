"""Rows S33 and S34: who gets the next slot."""

from __future__ import annotations

from collections import Counter

import pytest

from afanasy.core import events
from afanasy.core.state import Run
from harness.farm import StoryFarm


def work_off(farm: StoryFarm, slots: int, rounds: int) -> Counter[str]:
    """Let one task end at a time; who runs how many in the end."""
    running: list[Run] = farm.start(slots)
    for _ in range(rounds):
        farm.finish(running.pop(0))
        running += farm.start(1)
    return Counter(run.block.job.user.name for run in running)


@pytest.mark.parametrize("priorities", [(99, 109), (99, 99), (109, 99), (50, 90)])
@pytest.mark.parametrize("slots", [7, 40])
def test_s33_users_settle_at_the_ratio_of_their_priorities(
    farm: StoryFarm, priorities: tuple[int, int], slots: int
) -> None:
    """R30: within one task of the ideal, reached as tasks end."""
    farm.render("a", capacity=slots, max_tasks=slots)
    for user, priority in zip(("anna", "berta"), priorities, strict=True):
        farm.submit(10_000, user=user, capacity=1)
        farm.edit(user, priority=priority)
    counts = work_off(farm, slots, slots * 2)
    ratio = 1.1 ** (priorities[0] - priorities[1])
    ideal = (slots + 2) * ratio / (1 + ratio) - 1
    assert abs(counts["anna"] - ideal) <= 1 or (ideal < 0 and counts["anna"] <= 1)


def test_s33_a_new_user_gets_the_next_slots(farm: StoryFarm) -> None:
    farm.render("a", capacity=10, max_tasks=10)
    farm.submit(1000, user="anna", capacity=1)
    running = farm.start(10)
    farm.submit(1000, user="berta", capacity=1)
    for run in running[:5]:
        farm.finish(run)
        assert farm.start(1)[0].block.job.user.name == "berta"


def test_s34_higher_priority_first_then_first_come(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000, max_tasks=1)
    jobs = [farm.submit(1, name=f"j{n}", priority=p) for n, p in enumerate([50, 99, 99, 120])]
    order: list[str] = []
    for _ in jobs:
        (run,) = farm.start(1)
        order.append(run.block.job.spec.name)
        farm.finish(run)
    assert order == ["j3", "j1", "j2", "j0"]


def test_by_capacity(farm: StoryFarm) -> None:
    """A root branch that shares capacity: two small tasks weigh as much as one big one."""
    farm.render("a", capacity=4000, max_tasks=99)
    farm.apply(events.EditBranch("/", {"solve_need": "solve_capacity"}))
    farm.submit(99, user="small", capacity=500)
    farm.submit(99, user="big", capacity=1000)
    counts = Counter(run.block.job.user.name for run in farm.start())
    assert counts == {"small": 4, "big": 2}


def test_a_user_in_parallel(farm: StoryFarm) -> None:
    """solve_priority of a user: his jobs take turns by their own need."""
    farm.render("a", capacity=12, max_tasks=12)
    for n, priority in enumerate((99, 99, 109)):
        farm.submit(100, name=f"j{n}", capacity=1, priority=priority)
    farm.edit("anna", solve_method="solve_priority", solve_need="solve_tasksnum")
    counts = Counter(run.block.job.spec.name for run in farm.start(12))
    assert abs(counts["j0"] - counts["j1"]) <= 1
    assert counts["j2"] in (6, 7, 8)


def test_a_user_moves_his_jobs(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000, max_tasks=1)
    jobs = [farm.submit(1, name=name) for name in "abcd"]
    urgent = farm.submit(1, name="urgent", priority=150)

    def order() -> str:
        return "".join(job.spec.name for job in farm.core.users["anna"].queue if job is not urgent)

    def move(operation: str, *names: str) -> int:
        serials = [job.serial for job in jobs if job.spec.name in names]
        return farm.apply(events.MoveJobs("anna", operation, serials))

    assert order() == "abcd"
    move("move_jobs_up", "c", "d")
    assert order() == "acdb"
    move("move_jobs_down", "a")
    assert order() == "cadb"
    move("move_jobs_top", "b", "d")
    assert order() == "dbca"
    move("move_jobs_bottom", "d")
    assert order() == "bcad"
    assert move("move_jobs_top", "b") == 0
    assert farm.start(1)[0].block.job is urgent  # no move passes a priority
    farm.refused(events.MoveJobs("nobody", "move_jobs_up", []), "not_found")


def test_r15_a_big_task_gets_its_room(farm: StoryFarm) -> None:
    """Small tasks come and go one by one; the big one would wait for ever."""
    farm.render("a", capacity=4000, max_tasks=4)
    farm.submit(1000, user="small", capacity=1000)
    running = farm.start(4)
    big = farm.submit(1, user="big", capacity=4000, priority=200)
    started = False
    for _ in range(40):
        farm.wait(5)
        if running:
            farm.finish(running.pop(0))
        for run in farm.start():
            started = started or run.block.job is big
            running.append(run)
        if started:
            break
    assert started, "the big task starved"
    assert farm.core.renders["a"].reserved is None


def test_r15_a_reservation_ends_with_its_purpose(farm: StoryFarm) -> None:
    farm.render("a", capacity=4000, max_tasks=4)
    small = farm.submit(1000, user="small", capacity=1000)
    running = farm.start(4)
    big = farm.submit(1, user="big", capacity=4000)
    farm.wait(75)
    assert farm.core.renders["a"].reserved == (big.serial, 0)
    farm.finish(running[0])
    farm.start(0)
    text = f"is kept free for block block0 of job {big.id}"
    assert text in farm.explain(small.blocks[0], 9).summary
    farm.operate(big, "pause")
    farm.wait(11)
    assert farm.core.renders["a"].reserved is None
    farm.start(1)


def test_nothing_waiting_means_no_timer(farm: StoryFarm) -> None:
    farm.render("a")
    farm.submit(1)
    (run,) = farm.start(1)
    farm.finish(run)
    farm.wait(30)
    assert farm.core.next_deadline() is None
