"""``af_solve_branches``: the farm is shared by the tree of branches (SEMANTICS 3.2, 3.3)."""

from __future__ import annotations

from collections import Counter

import pytest

from afanasy.core import events
from afanasy.core.state import Run
from harness.branches import edit_branch, share_by
from harness.farm import StoryFarm


def names(runs: list[Run]) -> list[str]:
    return [run.block.job.spec.name for run in runs]


def one_by_one(farm: StoryFarm, count: int) -> list[str]:
    """Names of the jobs that get a single slot, one after another."""
    found: list[str] = []
    for _ in range(count):
        (run,) = farm.start(1)
        found.append(run.block.job.spec.name)
        farm.finish(run)
    return found


def settled(farm: StoryFarm, slots: int, rounds: int) -> Counter[str]:
    """Let one task end at a time; how many run in each branch in the end."""
    running = farm.start(slots)
    for _ in range(rounds):
        farm.finish(running.pop(0))
        running += farm.start(1)
    return Counter(run.block.job.spec.branch for run in running)


# ------------------------------------------------------------------------------------ branches


@pytest.mark.parametrize("priorities", [(99, 109), (99, 99), (109, 99), (50, 90)])
@pytest.mark.parametrize("users", [("anna", "anna"), ("anna", "berta")])
def test_branches_settle_at_the_ratio_of_their_priorities(
    farm: StoryFarm, priorities: tuple[int, int], users: tuple[str, str]
) -> None:
    """R30 for branches, whoever owns the jobs."""
    slots = 20
    farm.render("a", capacity=slots, max_tasks=slots)
    share_by(farm, "/film", "/ad")
    for path, priority, user in zip(("/film", "/ad"), priorities, users, strict=True):
        farm.submit(1000, user=user, capacity=1, branch=path)
        edit_branch(farm, path, priority=priority)
    counts = settled(farm, slots, slots * 2)
    ratio = 1.1 ** (priorities[0] - priorities[1])
    ideal = (slots + 2) * ratio / (1 + ratio) - 1
    assert abs(counts["/film"] - ideal) <= 1 or (ideal < 0 and counts["/film"] <= 1)


def test_off_the_users_share_wherever_their_jobs_are(farm: StoryFarm) -> None:
    farm.render("a", capacity=12, max_tasks=12)
    share_by(farm, "/film", "/ad", on=False)
    edit_branch(farm, "/film", priority=200)
    for path, user in (("/film", "anna"), ("/ad", "berta"), ("/ad", "carla")):
        farm.submit(100, user=user, capacity=1, branch=path)
    assert Counter(run.block.job.user.name for run in farm.start(12)) == {
        "anna": 4, "berta": 4, "carla": 4,
    }  # fmt: skip


def test_what_is_deep_shares_what_its_branch_gets(farm: StoryFarm) -> None:
    """Three shots of one film together get as much as the other film's only one."""
    farm.render("a", capacity=12, max_tasks=12)
    share_by(farm, "/one", "/one/a", "/one/b", "/one/c", "/two")
    for path in ("/one/a", "/one/b", "/one/c", "/two"):
        farm.submit(100, capacity=1, branch=path)
    assert Counter(run.block.job.spec.branch for run in farm.start(12)) == {
        "/one/a": 2, "/one/b": 2, "/one/c": 2, "/two": 6,
    }  # fmt: skip


def test_users_stand_beside_branches(farm: StoryFarm) -> None:
    """Jobs in the root are shared between their users, and these share with the branches."""
    farm.render("a", capacity=12, max_tasks=12)
    share_by(farm, "/film")
    for user in ("anna", "berta"):
        farm.submit(100, user=user, capacity=1, name=user)
        farm.submit(100, user=user, capacity=1, branch="/film", name=f"film {user}")
    assert Counter(names(farm.start(12))) == {
        "anna": 4, "berta": 4, "film anna": 2, "film berta": 2,
    }  # fmt: skip


def test_a_user_counts_only_in_the_branch(farm: StoryFarm) -> None:
    """Anna runs ten tasks elsewhere; here she and berta have the same need."""
    a = farm.render("a", capacity=10, max_tasks=10)
    share_by(farm, "/film", "/ad")
    farm.submit(10, user="anna", capacity=1, branch="/film", name="elsewhere")
    farm.start(10)
    assert a.running == 10
    farm.render("b", capacity=6, max_tasks=6)
    for user in ("anna", "berta"):
        farm.submit(10, user=user, capacity=1, branch="/ad", name=user)
    assert Counter(names(farm.start(6))) == {"anna": 3, "berta": 3}
    assert farm.core.branches["/ad"].shares["anna"].running == 3
    assert farm.core.users["anna"].running == 13


def test_capacity_may_be_what_is_shared(farm: StoryFarm) -> None:
    farm.render("a", capacity=12, max_tasks=12)
    share_by(farm, "/big", "/small")
    farm.submit(100, capacity=3, branch="/big")
    farm.submit(100, capacity=1, branch="/small")
    edit_branch(farm, "/", solve_need="solve_capacity")
    farm.start(8)
    assert farm.core.branches["/big"].running == 2
    assert farm.core.branches["/small"].running == 6


# --------------------------------------------------------------------------- methods and flags


def test_by_order_the_first_branch_gets_all(farm: StoryFarm) -> None:
    farm.render("a", capacity=4, max_tasks=4)
    share_by(farm, "/low", "/high")
    edit_branch(farm, "/", solve_method="solve_order")
    edit_branch(farm, "/high", priority=100)
    farm.submit(9, capacity=1, branch="/low", name="low", priority=200)
    farm.submit(3, capacity=1, branch="/high", name="high")
    assert names(farm.start(4)) == ["high", "high", "high", "low"]


def test_by_order_equal_users_take_turns_before_older_jobs(farm: StoryFarm) -> None:
    """Priority, then creation, which only jobs have, then who was served longest ago."""
    farm.render("a", capacity=1, max_tasks=1)
    share_by(farm, "/film")
    edit_branch(farm, "/film", solve_method="solve_order", solve_jobs=True)
    farm.submit(2, capacity=1, branch="/film", name="young", time_creation=2)
    farm.submit(2, capacity=1, branch="/film", name="old", time_creation=1)
    farm.submit(2, capacity=1, branch="/film", name="urgent", time_creation=3, priority=120)
    farm.submit(2, capacity=1, branch="/film", name="too", time_creation=1, user="berta")
    assert one_by_one(farm, 8) == [
        "urgent", "urgent", "old", "too", "old", "too", "young", "young",
    ]  # fmt: skip
    edit_branch(farm, "/film", solve_jobs=False)
    farm.submit(2, capacity=1, branch="/film", name="a", priority=250)
    farm.submit(2, capacity=1, branch="/film", name="b", user="berta", priority=1)
    # Users count, not their jobs; anna's were served last.
    assert one_by_one(farm, 4) == ["b", "a", "b", "a"]


def test_jobs_beside_each_other_whoever_owns_them(farm: StoryFarm) -> None:
    farm.render("a", capacity=12, max_tasks=12)
    share_by(farm, "/film")
    for name, user in (("a1", "anna"), ("a2", "anna"), ("b", "berta")):
        farm.submit(100, capacity=1, branch="/film", name=name, user=user)
    edit_branch(farm, "/film", solve_jobs=True)
    runs = farm.start(12)
    assert Counter(names(runs)) == {"a1": 4, "a2": 4, "b": 4}
    edit_branch(farm, "/film", solve_jobs=False)
    for run in runs:
        farm.finish(run)
    assert Counter(names(farm.start(12))) == {"a1": 6, "b": 6}  # users, first come first served


def test_a_users_own_order_holds_everywhere(farm: StoryFarm) -> None:
    """S34; and with solve_priority his jobs go beside each other, in each branch."""
    farm.render("a", capacity=4, max_tasks=4)
    share_by(farm, "/film")
    for path in ("/", "/film"):
        for number in range(2):
            farm.submit(100, capacity=1, branch=path, name=f"{path}{number}")
    runs = farm.start(4)
    assert Counter(names(runs)) == {"/0": 2, "/film0": 2}
    farm.apply(events.MoveJobs("anna", "move_jobs_top", [runs[0].block.job.serial + 1]))
    farm.edit("anna", solve_method="solve_priority")
    for run in runs:
        farm.finish(run)
    assert Counter(names(farm.start(4))) == {"/0": 1, "/1": 1, "/film0": 1, "/film1": 1}


def test_a_moved_job_comes_first_in_its_branch(farm: StoryFarm) -> None:
    farm.render("a", capacity=1, max_tasks=1)
    share_by(farm, "/film")
    jobs = [farm.submit(1, capacity=1, branch="/film", name=name) for name in "abc"]
    farm.apply(events.MoveJobs("anna", "move_jobs_top", [jobs[2].serial]))
    assert one_by_one(farm, 3) == ["c", "a", "b"]


def test_a_new_farm_shares_between_users(farm: StoryFarm) -> None:
    root = farm.core.branches["/"].spec
    assert (root.solve_jobs, root.solve_method, root.solve_need) == (
        False, "solve_priority", "solve_tasksnum",
    )  # fmt: skip


# ----------------------------------------------------------------------------- while it is on


def test_switched_on_and_off_while_tasks_run(farm: StoryFarm) -> None:
    farm.render("a", capacity=12, max_tasks=12)
    share_by(farm, "/film", "/ad", on=False)
    farm.submit(100, user="anna", capacity=1, branch="/film")
    for user in ("berta", "carla"):
        farm.submit(100, user=user, capacity=1, branch="/ad")

    def counts(runs: list[Run]) -> Counter[str]:
        return Counter(run.block.job.user.name for run in runs)

    runs = farm.start(12)
    assert counts(runs) == {"anna": 4, "berta": 4, "carla": 4}
    share_by(farm, on=True)
    share = farm.core.branches["/ad"].shares["berta"]
    assert (share.running, share.running_capacity) == (4, 4)
    for run in runs:
        farm.finish(run)
    runs = farm.start(12)
    assert counts(runs) == {"anna": 6, "berta": 3, "carla": 3}
    farm.apply(events.ChangeSettings({}, ("af_solve_branches",), "anna@desk"))
    assert farm.core.branches["/ad"].shares == {}
    for run in runs:
        farm.finish(run)
    assert counts(farm.start(12)) == {"anna": 4, "berta": 4, "carla": 4}


def test_a_restart_brings_the_shares_back(farm: StoryFarm) -> None:
    farm.render("a", capacity=6, max_tasks=6)
    share_by(farm, "/film", "/ad")
    for path, user in (("/film", "anna"), ("/film", "berta"), ("/ad", "carla")):
        farm.submit(100, user=user, capacity=1, branch=path, name=user)
    runs = farm.start(6)
    farm.restart_server()
    farm.come_back("a", *runs)
    assert farm.core.sharing
    shares = farm.core.branches["/film"].shares
    assert {name: share.running for name, share in shares.items()} == {"anna": 2, "berta": 1}
    assert shares["anna"].solved > shares["berta"].solved > 0
    assert farm.core.branches["/film"].solved == farm.core.solve_counter
    farm.finish(runs[names(runs).index("anna")])
    assert names(farm.start(1)) == ["berta"]  # their needs are equal, she was served longest ago


def test_limits_and_pause_hold_at_every_level(farm: StoryFarm) -> None:
    farm.render("a", capacity=20, max_tasks=20)
    share_by(farm, "/film", "/film/shot", "/ad")
    shot = farm.submit(100, user="anna", capacity=1, branch="/film/shot", name="shot")
    farm.submit(100, user="berta", capacity=1, branch="/film", name="film")
    farm.submit(100, user="carla", capacity=1, branch="/ad", name="ad")
    edit_branch(farm, "/film", max_running_tasks=6)
    edit_branch(farm, "/film/shot", max_running_tasks=2)
    farm.edit("carla", max_running_tasks=5)
    runs = farm.start(11)
    assert Counter(names(runs)) == {"shot": 2, "film": 4, "ad": 5}
    assert farm.explain(shot.blocks[0], 50).summary.startswith("branch /film/shot")
    farm.apply(events.OperateBranch("/film", "pause"))
    farm.finish(runs[names(runs).index("film")])
    farm.start(0)
    farm.apply(events.OperateBranch("/film", "start"))
    assert names(farm.start(1)) == ["film"]
    farm.finish(next(run for run in runs if run.block.job is shot))
    assert names(farm.start(1)) == ["shot"]
    edit_branch(farm, "/", priority=0)
    farm.finish(next(run for run in runs if run.block.job.spec.name == "ad"))
    farm.start(0)


def test_starts_per_second_of_a_branch(farm: StoryFarm) -> None:
    farm.render("a", capacity=20, max_tasks=20)
    share_by(farm, "/film", "/ad")
    farm.submit(9, capacity=1, branch="/film", name="film")
    farm.submit(3, capacity=1, branch="/ad", name="ad")
    edit_branch(farm, "/film", max_tasks_per_second=2)
    assert Counter(names(farm.start(5))) == {"film": 2, "ad": 3}
    farm.wait(1.01)
    assert names(farm.start(2)) == ["film", "film"]


def test_an_owner_and_a_branch_change_with_what_runs(farm: StoryFarm) -> None:
    farm.render("a", capacity=4, max_tasks=4)
    share_by(farm, "/film", "/ad")
    job = farm.submit(9, user="anna", capacity=1, branch="/film")
    farm.submit(9, user="berta", capacity=1, branch="/ad", name="ad")
    farm.start(4)
    farm.edit(job, user_name="berta", branch="/ad", priority=120)
    assert farm.core.branches["/film"].shares == {}
    shares = farm.core.branches["/ad"].shares
    assert [(share.name, share.running) for share in shares.values()] == [("berta", 4)]
    assert shares["berta"].queue[0] is job


def test_who_looks_ahead_follows_the_tree(farm: StoryFarm) -> None:
    """A host is kept free for what is first in the tree (R15); so says why a render is idle."""
    farm.render("a", capacity=4, max_tasks=4)
    share_by(farm, "/film", "/ad")
    farm.submit(1000, user="small", capacity=1, branch="/ad")
    farm.start(4)
    farm.submit(1, user="big", capacity=4, branch="/ad", name="later")
    big = farm.submit(1, user="big", capacity=4, branch="/film", name="first")
    farm.wait(75)
    assert farm.core.renders["a"].reserved == (big.serial, 0)


# --------------------------------------------------------------------------------------- cost


@pytest.mark.parametrize("solve_jobs", [True, False])
@pytest.mark.parametrize("method", ["solve_priority", "solve_order"])
def test_a_start_does_not_look_at_every_job(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch, method: str, solve_jobs: bool
) -> None:
    from afanasy.core.place import placing

    farm.render("a", capacity=3, max_tasks=3)
    farm.render("b", capacity=3, max_tasks=3)
    share_by(farm, "/film", "/ad")
    edit_branch(farm, "/film", solve_jobs=solve_jobs, solve_method=method)
    farm.apply(events.AddUser("anna", {"solve_method": method}))
    with farm.batch():
        for number in range(60):
            farm.submit(2, capacity=1, branch="/film", name=f"j{number}")
            farm.submit(2, capacity=1, branch="/film", name=f"h{number}", hosts_mask="none")
    running = farm.start(6)
    looks: list[object] = []
    real = placing.job_blocked
    monkeypatch.setattr(placing, "job_blocked", lambda job: (looks.append(job), real(job))[1])
    for _ in range(10):
        farm.finish(running.pop(0))
        running += farm.start(1)
    assert len(looks) < 60
