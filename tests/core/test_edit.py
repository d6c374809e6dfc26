"""New values for jobs, blocks, users and renders, and what follows from them (PROTOCOL 2.3)."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.effects import Stop
from afanasy.core.job import branch_edits, edit
from afanasy.core.job.edit import BLOCK_EDITABLE, JOB_EDITABLE
from afanasy.core.state import Farm, Job
from afanasy.core.transitions import rebuild_needs
from harness.farm import StoryFarm

# ----------------------------------------------------------------------------------------- jobs


def test_a_job_gets_another_owner(farm: StoryFarm) -> None:
    """SEMANTICS 7: counters and place in the queue move with it."""
    farm.render("a", capacity=2000, max_tasks=9)
    job = farm.submit(3, user="anna", custom_data="x")
    farm.submit(3, user="bob")
    runs = farm.start(2)
    mine = [run for run in runs if run.block.job is job]
    anna, bob = farm.core.users["anna"], farm.core.users["bob"]
    version = job.blocks[0].version
    farm.edit(job, user_name="bob")
    assert (anna.running, anna.running_on, anna.queue) == (0, {}, [])
    assert (bob.running, bob.running_on) == (2, {"a": 2})
    assert [queued.serial for queued in bob.queue] == [2, 1]
    assert job.spec.user_name == "bob"
    assert job.blocks[0].version > version  # renders are told the new owner
    farm.finish(mine[0])
    assert bob.running == 1
    farm.refused(events.EditJob(job.serial, {"user_name": "nobody"}), "not_found")


def test_the_new_owners_limits_hold_at_once(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    farm.apply(events.AddUser("bob", {"max_running_tasks": 0}))
    job = farm.submit(1, user="anna")
    farm.edit(job, user_name="bob")
    assert farm.start() == []
    farm.edit(job, user_name="anna")
    farm.start(1)


def test_a_refused_edit_changes_nothing(farm: StoryFarm) -> None:
    job = farm.submit(1)
    farm.refused(events.EditJob(job.serial, {"priority": 7, "user_name": "nobody"}))
    farm.refused(events.EditJob(99, {"priority": 7}), "not_found")
    farm.refused(events.EditBlocks(job.serial, [0, 3], {"capacity": 7}), "not_found")
    farm.refused(events.EditUser("nobody", {"priority": 7}), "not_found")
    farm.refused(events.EditRender("nobody", {"priority": 7}), "not_found")


def test_order_within_a_user(farm: StoryFarm) -> None:
    """SEMANTICS 7: a changed priority goes behind its equals; later jobs go behind that."""
    farm.render("a", capacity=1000)
    one, two = farm.submit(1, name="one"), farm.submit(1, name="two")
    for priority in (120, 110, 99):
        farm.edit(one, priority=priority)
    three = farm.submit(1, name="three")
    farm.restart_server()
    farm.come_back("a")
    four = farm.submit(1, name="four")
    order: list[int] = []
    for _ in range(4):
        (run,) = farm.start(1)
        order.append(run.block.job.serial)
        farm.finish(run)
    assert order == [two.serial, one.serial, three.serial, four.serial]


def test_priority_0_starts_nothing(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1)
    farm.edit(job, priority=0)
    assert farm.start() == []
    assert farm.explain(job.blocks[0]).summary == "the job has priority 0"
    farm.edit(job, priority=1)
    farm.start(1)


def test_offline_only_ever_pauses(farm: StoryFarm) -> None:
    """PROTOCOL 2.3: true pauses; false does not start."""
    job = farm.submit(1)
    farm.edit(job, offline=True)
    assert farm.job_state(job) == "RDY OFF"
    farm.edit(job, offline=False)
    assert farm.job_state(job) == "RDY OFF"


def test_time_wait_can_be_moved(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1, time_wait=int(farm.now.wall) + 100)
    farm.edit(job, time_wait=int(farm.now.wall) + 500)
    farm.wait(200)
    assert farm.start() == []
    farm.edit(job, time_wait=0)
    (run,) = farm.start(1)
    assert run.waited_s == 0


def test_edits_are_logged(farm: StoryFarm) -> None:
    """SEMANTICS 0: old and new value, and by whom."""
    job = farm.submit(1)
    farm.apply(events.EditJob(job.serial, {"annotation": "urgent"}, by="bob@desk"))
    farm.apply(events.EditBlocks(job.serial, [0], {"capacity": 500}, by="bob@desk"))
    assert job.log == [
        "annotation: '' to 'urgent', by bob@desk",
        "block 0 capacity: 1000 to 500, by bob@desk",
    ]
    for n in range(200):
        farm.edit(job, annotation=str(n))
    assert len(job.log) == 100


def test_what_cannot_be_edited() -> None:
    """SEMANTICS 1.2: frames, tasks, capacity coefficients, multihost and flags."""
    fixed = {"flags", "frame_first", "frames_per_task", "capacity_coeff_max", "multihost_min"}
    assert not fixed & BLOCK_EDITABLE
    assert "name" not in JOB_EDITABLE


# --------------------------------------------------------------------------------------- blocks


def test_less_capacity_lets_more_tasks_run(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(4, capacity=600)
    (run,) = farm.start(1)
    farm.edit(job.blocks[0], capacity=200)
    farm.start(2)
    assert (run.capacity, farm.core.renders["a"].capacity_used) == (600, 1000)
    farm.finish(run)
    assert farm.core.renders["a"].capacity_used == 400


def test_a_new_order_of_tasks(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(9)
    farm.finish(farm.start(1)[0])
    farm.edit(job.blocks[0], sequential=-1)
    assert farm.start(1)[0].task == 8


def test_depend_masks_are_rebuilt(farm: StoryFarm) -> None:
    job = farm.submit(blocks=[{"name": "a"}, {"name": "b", "depend_mask": "a"}, {"name": "c"}])
    farm.edit(job.blocks[0], name="other")
    assert [block.waiting for block in job.blocks] == [False, False, False]
    farm.edit(job.blocks[1], depend_mask="c|nothing")
    gate = job.blocks[1].gate
    assert gate is not None
    assert list(gate.members) == [2]
    assert farm.explain(job.blocks[1]).summary == "the block waits for block c"


def test_a_mask_that_names_its_own_block(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(blocks=[{"name": "x1"}, {"name": "x2", "depend_mask": "x.*"}])
    farm.finish(farm.start(1)[0])
    assert farm.start(1)[0].block is job.blocks[1]


def test_the_environment_is_merged(farm: StoryFarm) -> None:
    job = farm.submit(1, environment={"A": "1", "B": "2"})
    farm.edit(job.blocks[0], environment={"B": "3", "C": "4"})
    assert job.blocks[0].spec.environment == {"A": "1", "B": "3", "C": "4"}


def test_a_time_limit_set_on_a_running_task(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1)
    farm.start(1)
    farm.wait(100)
    farm.edit(job.blocks[0], task_max_run_time=150)
    farm.wait(49)
    farm.take(Stop, 0)
    farm.wait(2)
    farm.take(Stop, 1)


# --------------------------------------------------------------------------- tasks per second


@pytest.mark.parametrize("who", ["user", "job"])
def test_tasks_per_second(farm: StoryFarm, who: str) -> None:
    """R25: at most n starts in any sliding second, woken by a timer."""
    farm.render("a", capacity=100_000, max_tasks=100)
    job = farm.submit(50, capacity=1)
    farm.edit("anna" if who == "user" else job, max_tasks_per_second=3)
    farm.start(3)
    assert "3 tasks a second" in farm.explain(job.blocks[0], 40).summary
    farm.wait(0.5)
    assert farm.start() == []
    starts = 3
    for _ in range(40):
        farm.wait(0.1)
        starts += len(farm.start())
    assert starts == 3 + 4 * 3
    farm.edit("anna" if who == "user" else job, max_tasks_per_second=-1)
    assert len(farm.start()) == 50 - starts


def test_a_spread_of_starts_within_a_second(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=100_000, max_tasks=1)
    farm.submit(50, capacity=1, max_tasks_per_second=3)
    for _ in range(3):
        farm.finish(farm.start(1)[0])
        farm.wait(0.3)
    assert farm.start() == []  # three within 0.9 s
    farm.wait(0.11)
    farm.finish(farm.start(1)[0])
    assert farm.start() == []
    assert render.online


@pytest.mark.parametrize("who", ["user", "job", "branch"])
@pytest.mark.parametrize("old", [-1, 0])
def test_starts_before_the_limit_was_set(farm: StoryFarm, who: str, old: int) -> None:
    """R25: in any sliding second, also in the one in which somebody sets the limit."""

    def limit(most: int) -> None:
        if who == "branch":
            farm.apply(events.EditBranch("/b", {"max_tasks_per_second": most}))
        else:
            farm.edit("anna" if who == "user" else job, max_tasks_per_second=most)

    farm.render("a", capacity=100_000, max_tasks=100)
    job = farm.submit(50, capacity=1, branch="/b", max_running_tasks=5)
    farm.submit(3, capacity=1, user="bob", name="other")
    farm.start(8)
    limit(old)
    farm.edit(job.blocks[0], max_running_tasks=-1)
    farm.edit(job.blocks[0], max_running_tasks_per_host=7)
    farm.wait(0.6)
    limit(6)
    farm.start(1)
    farm.wait(0.39)
    farm.start(0)
    farm.wait(0.02)
    farm.start(1)


@pytest.mark.parametrize("who", ["user", "job", "branch"])
def test_starts_before_a_restart_of_the_server(farm: StoryFarm, who: str) -> None:
    farm.render("a", capacity=100_000, max_tasks=100)
    job = farm.submit(50, capacity=1, branch="/b")
    if who == "branch":
        farm.apply(events.EditBranch("/b", {"max_tasks_per_second": 3}))
    else:
        farm.edit("anna" if who == "user" else job, max_tasks_per_second=3)
    runs = farm.start(3)
    farm.wait(0.5)
    farm.restart_server()
    farm.come_back("a", *runs)
    assert farm.start() == []
    farm.wait(0.51)
    farm.start(3)


def test_no_task_at_all_per_second(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(5, max_tasks_per_second=0)
    assert farm.start() == []
    farm.edit(job, max_tasks_per_second=1)
    farm.start(1)
    farm.edit(job, max_tasks_per_second=5)
    assert len(farm.start()) == 0  # the host is full
    farm.render("b", capacity=9000, max_tasks=9)
    farm.start(4)


# --------------------------------------------------------------------------- users and renders


def test_users(farm: StoryFarm) -> None:
    user, new = farm.apply(events.AddUser("carl", {"priority": 120}))
    assert (new, user.spec.priority) == (True, 120)
    assert farm.apply(events.AddUser("carl")) == (user, False)
    farm.refused(events.AddUser(""), "missing")
    job = farm.submit(1, user="carl")
    farm.refused(events.DeleteUser("carl"), "has_jobs")
    farm.operate(job, "delete")
    farm.apply(events.DeleteUser("carl"))
    farm.refused(events.DeleteUser("carl"), "not_found")
    assert farm.submit(1, user="carl").user.id != user.id


def _counts_rebuilds(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs whose needs are derived again from now on."""
    found: list[Job] = []

    def counted(core: Farm, job: Job) -> None:
        found.append(job)
        rebuild_needs(core, job)

    for module in (edit, branch_edits):
        monkeypatch.setattr(module, "rebuild_needs", counted)
    return found


@pytest.mark.parametrize("who", ["user", "branch"])
def test_jobs_are_looked_at_for_what_concerns_them_only(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """An annotation of a user or branch costs nothing, however many jobs there are."""

    def change(**params: object) -> int:
        farm.core.fresh_users.clear()
        farm.core.fresh_jobs.clear()
        farm.core.fresh_all = False
        rebuilt.clear()
        if who == "user":
            farm.edit("anna", **params)
        else:
            farm.apply(events.EditBranch("/", params))
        return len(rebuilt)

    def fresh() -> bool:
        return bool(farm.core.fresh_users or farm.core.fresh_jobs or farm.core.fresh_all)

    farm.render("a", max_tasks=1)
    farm.render("b", max_tasks=1)
    jobs = [farm.submit(2, name=f"job{n}") for n in range(5)]
    rebuilt = _counts_rebuilds(monkeypatch)
    for params in ({"annotation": "x"}, {"hidden": True}, {"custom_data": "y"}):
        assert change(**params) == 0
        assert not fresh()
    assert change(priority=98) == 0
    assert fresh()
    every = len(list(farm.core.branches["/"].all_jobs())) if who == "branch" else len(jobs)
    assert change(hosts_mask="b") == every
    assert fresh()
    assert change(hosts_mask="b") == 0  # as it was
    (run,) = farm.start()
    assert run.render.name == "b"
    assert change(hosts_mask="") == every
    (run,) = farm.start()
    assert run.render.name == "a"
    # (A branch that restricts nothing is not asked at all.)
    assert change(max_running_tasks=2) == (every if who == "branch" else 0)
    assert change(max_running_tasks=3) == 0
    assert fresh()


def test_a_paused_user_starts_nothing(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1)
    farm.edit("anna", paused=True)
    assert farm.start() == []
    assert farm.explain(job.blocks[0]).summary == "user anna is paused"
    farm.edit("anna", paused=False)
    farm.start(1)


def test_nimby_and_NIMBY_exclude_each_other(farm: StoryFarm) -> None:
    render = farm.render("a", nimby="nimby")
    assert (render.spec.nimby, render.spec.NIMBY) == (True, False)
    farm.edit(render, NIMBY=True)
    assert (render.spec.nimby, render.spec.NIMBY) == (False, True)
    farm.edit(render, nimby=False)
    assert (render.spec.nimby, render.spec.NIMBY) == (False, False)


def test_nimby_of_the_command_line_counts_for_a_new_render_only(farm: StoryFarm) -> None:
    render = farm.render("a", nimby="NIMBY")
    farm.edit(render, NIMBY=False)
    farm.bye(render)
    farm.render("a", nimby="NIMBY")
    assert not render.spec.NIMBY


def test_an_operators_capacity_wins_over_the_command_line(farm: StoryFarm) -> None:
    """R22."""
    render = farm.render("a", capacity=2000, max_tasks=7)
    assert (render.capacity, render.max_tasks) == (2000, 7)
    farm.edit(render, capacity_host=500, max_tasks_host=0)
    assert (render.capacity, render.max_tasks) == (500, 0)
    farm.edit(render, capacity_host=-1, max_tasks_host=-1)
    assert (render.capacity, render.max_tasks) == (2000, 7)
    assert farm.render("b").capacity == 1100
    assert farm.core.renders["b"].max_tasks == 4


def test_less_capacity_lets_running_tasks_be(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=2000)
    farm.submit(5)
    runs = farm.start(2)
    farm.edit(render, capacity_host=500)
    assert farm.start() == []
    for run in runs:
        farm.finish(run)
    assert farm.start() == []
    farm.edit(render, capacity_host=1000)
    farm.start(1)
