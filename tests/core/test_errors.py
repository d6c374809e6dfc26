"""Farm stories of failing tasks and failing hosts (SEMANTICS 5, R12 to R18)."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.effects import Note, Stop
from afanasy.core.state import Block, Run
from afanasy.core.tasks import Code
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm


def fail_until_error(farm: StoryFarm, block: Block) -> int:
    """Let the only task fail whenever it runs; returns how many runs there were."""
    runs = 0
    for _ in range(20):
        farm.wait(61)
        for run in farm.start():
            runs += 1
            farm.fail(run)
    return runs


# ------------------------------------------------------------------------------------- retries


def test_a_limit_of_3_gives_4_runs(farm: StoryFarm) -> None:
    for name in "abcd":
        farm.render(name)
    job = farm.submit(1)  # the user's limit is 3
    block = job.blocks[0]
    assert fail_until_error(farm, block) == 4
    assert (farm.state(block), farm.errors(block), farm.starts(block)) == ("ERR", 4, 4)
    assert farm.job_state(job) == "ERR"
    assert "failed 4 times" in farm.explain(block).summary


def test_the_wait_is_1_2_4_to_60_seconds(farm: StoryFarm) -> None:
    """R15."""
    farm.render("a")
    job = farm.submit(1, errors_retries=9, errors_avoid_host=0, errors_task_same_host=0)
    waits: list[int] = []
    for _ in range(9):
        (run,) = farm.start(1)
        farm.fail(run)
        assert farm.state(job.blocks[0]) == "RDY RER"
        waited = 0
        while not farm.solve():
            farm.wait(1)
            waited += 1
        waits.append(waited)
        farm.drop_link(farm.core.renders["a"])
        farm.come_back("a")  # the run that was just started never began: no error
        farm.take(Note)
        farm.effects.clear()
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_wait_is_stored(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1, errors_avoid_host=0, errors_task_same_host=0)
    for _ in range(2):
        farm.wait(3)
        farm.fail(farm.start(1)[0])
    farm.restart_server()
    farm.come_back("a")
    farm.wait(1.5)
    assert farm.start() == []
    assert "tried again" in farm.explain(farm.job(job.serial).blocks[0]).summary
    farm.wait(0.6)
    farm.start(1)


def test_a_manual_operation_ends_the_wait(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1)
    farm.fail(farm.start(1)[0])
    farm.operate(job, "restart_errors")
    assert farm.start(1)[0].number == 2
    assert farm.errors(job.blocks[0]) == 0


def test_a_fatal_error_is_never_retried(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1)
    farm.finish(farm.start(1)[0], RunEnd.PARSER_FATAL)
    assert farm.state(job.blocks[0]) == "ERR PER"
    farm.edit(job.blocks[0], errors_retries=50)
    assert farm.state(job.blocks[0]) == "ERR PER"


def test_a_failing_task_does_not_stop_its_block(farm: StoryFarm) -> None:
    """R12: passed over while it waits or avoids; the next in order is tried."""
    farm.render("a", capacity=1000)
    farm.submit(5, errors_retries=0, errors_avoid_host=0)
    tasks: list[int] = []
    for _ in range(5):
        (run,) = farm.start(1)
        tasks.append(run.task)
        farm.fail(run)
    assert tasks == [0, 1, 2, 3, 4]


def test_more_retries_bring_errors_back(farm: StoryFarm) -> None:
    """SEMANTICS 5: an error is retried while the count does not exceed the limit in force."""
    for name in "ab":
        farm.render(name)
    job = farm.submit(1, errors_retries=0)
    block = job.blocks[0]
    farm.fail(farm.start(1)[0])
    assert farm.state(block) == "ERR"
    farm.edit(block, errors_retries=1)
    assert farm.state(block) == "RDY RER"
    farm.fail(farm.start(1)[0])
    assert farm.state(block) == "ERR"
    farm.edit(block, errors_retries=-1)
    assert farm.state(block) == "RDY RER"  # the user's limit is 3
    farm.edit("anna", errors_retries=0)
    farm.fail(farm.start(1)[0])
    assert farm.state(block) == "ERR"
    farm.edit("anna", errors_retries=3)
    assert farm.state(block) == "RDY RER"


# -------------------------------------------------------------------------------- avoided hosts


def test_a_block_avoids_a_host_after_three_errors(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=3000)
    job = farm.submit(6)
    block = job.blocks[0]
    farm.render("b", capacity=1000)
    farm.edit(farm.core.renders["b"], paused=True)
    for run in farm.start(3):
        farm.fail(run)
    assert block.error_hosts["a"].count == 3
    farm.wait(60)
    assert farm.start() == []
    texts = [found.reason.text() for found in farm.explain(block, 5).classes]
    assert "avoided by the block: 3 errors there" in texts
    farm.submit(1, name="other")
    assert farm.start(1)[0].render is render  # other blocks still like it
    farm.edit(farm.core.renders["b"], paused=False)
    assert farm.start(1)[0].render.name == "b"


def test_a_task_avoids_a_host_by_its_own_limit(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(2, errors_avoid_host=0, errors_task_same_host=1)
    farm.render("b", capacity=1000)
    farm.edit(farm.core.renders["b"], paused=True)
    block = job.blocks[0]
    farm.fail(farm.start(1)[0])
    farm.wait(2)
    (run,) = farm.start(1)
    assert run.task == 1
    farm.finish(run)
    assert farm.start() == []
    reasons = [found.reason.code for found in farm.explain(block, 0).classes]
    assert sorted(reasons) == ["render_paused", "task_avoids"]
    farm.edit(farm.core.renders["b"], paused=False)
    assert farm.start(1)[0].task == 0


def test_a_limit_of_0_never_avoids(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(1, errors_avoid_host=0, errors_task_same_host=0, errors_retries=20)
    assert fail_until_error(farm, job.blocks[0]) == 20


def test_where_to_retry(farm: StoryFarm) -> None:
    """R14: first a host without an error of this task, then without one of this block."""
    farm.render("fast", capacity=5000)
    job = farm.submit(3, capacity=1000, errors_avoid_host=0, errors_task_same_host=0)
    run = farm.start(3)[0]
    farm.fail(run)
    farm.render("slow", capacity=1000)
    farm.render("slower", capacity=1000)
    farm.wait(1)
    again = farm.start(1)[0]
    assert (again.task, again.render.name) == (0, "slow")
    farm.fail(again)
    farm.wait(2)
    third = farm.start(1)[0]
    assert third.render.name == "slower"
    farm.fail(third)
    farm.wait(4)
    assert farm.start(1)[0].task == 0  # all have errors: any will do
    assert job.running == 3


def test_errors_are_forgiven(farm: StoryFarm) -> None:
    """SEMANTICS 5: entries older than the forgive time go; R13 brings the tasks back."""
    farm.render("a", capacity=1000)
    job = farm.submit(1, errors_forgive_time=100, errors_task_same_host=1)
    block = job.blocks[0]
    farm.fail(farm.start(1)[0])
    farm.wait(99)
    assert farm.start() == []
    farm.wait(2)
    assert block.error_hosts == {}
    farm.start(1)


def test_forgiving_costs_one_timer_a_block(farm: StoryFarm) -> None:
    farm.render("a", capacity=100_000, max_tasks=100)
    farm.submit(100, capacity=1, errors_avoid_host=0, errors_retries=0, errors_forgive_time=1000)
    for run in farm.start(100):
        farm.fail(run)
        farm.wait(1)
    assert sum(1 for timer in farm.core.timers if timer[2][0] == "forgive") <= 2
    farm.wait(1001)
    assert farm.core.timers == []


def test_forgive_time_0_never_forgives(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1, errors_forgive_time=0, errors_avoid_host=1)
    farm.fail(farm.start(1)[0])
    farm.wait(1_000_000)
    assert job.blocks[0].error_hosts["a"].count == 1


def test_forgiving_goes_on_after_a_server_restart(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1, errors_forgive_time=100)
    farm.fail(farm.start(1)[0])
    farm.wait(50)
    farm.restart_server()
    farm.wait(51)
    assert farm.job(job.serial).blocks[0].error_hosts == {}


# ------------------------------------------------------------------------ no suitable host left


def block_that_fails_everywhere(farm: StoryFarm) -> Block:
    """Three renders; the block's tasks 0 and 1 fail on each, 2 and 3 never get to run."""
    job = farm.submit(4, errors_avoid_host=1, errors_retries=9)
    block = job.blocks[0]
    for name in "abc":
        farm.render(name, capacity=1000)
        farm.wait(61)
        (run,) = farm.start(1)
        assert run.task == 0
        farm.fail(run)
    return block


def test_no_suitable_host_left(farm: StoryFarm) -> None:
    """R13: the tasks with errors are ERR, the rest RDY with the reason; block and job show ERR."""
    block = block_that_fails_everywhere(farm)
    assert [farm.state(block, n) for n in range(4)] == ["ERR RER", "RDY", "RDY", "RDY"]
    assert block.stuck == "all 3 suitable hosts are avoided"
    assert farm.explain(block, 0).summary == "all 3 suitable hosts are avoided"
    assert farm.explain(block, 2).summary == "all 3 suitable hosts are avoided"
    assert "ERR" in farm.job_state(block.job)
    farm.wait(100)
    assert farm.start() == []


def test_an_offline_render_is_a_suitable_host(farm: StoryFarm) -> None:
    """R13: known renders, online or not."""
    job = farm.submit(1, errors_avoid_host=1)
    farm.bye(farm.render("sleeping", capacity=1000))
    farm.render("a", capacity=1000)
    farm.fail(farm.start(1)[0])
    assert farm.state(job.blocks[0]) == "RDY RER"
    assert job.blocks[0].stuck == ""


def test_a_new_suitable_host_brings_them_back(farm: StoryFarm) -> None:
    block = block_that_fails_everywhere(farm)
    farm.render("small", capacity=10)
    assert farm.state(block) == "ERR RER"
    render = farm.render("d", capacity=1000)
    assert (farm.state(block), block.stuck) == ("RDY RER", "")
    assert farm.start(1)[0].render is render


def test_more_capacity_brings_them_back_and_less_holds_them(farm: StoryFarm) -> None:
    small = farm.render("small", capacity=10)
    block = block_that_fails_everywhere(farm)
    farm.edit(small, capacity_host=1000)
    assert farm.state(block) == "RDY RER"
    farm.edit(small, capacity_host=10)
    assert farm.state(block) == "ERR RER"
    farm.edit(small, capacity_host=-1)
    farm.bye(small)
    farm.come_back(small, capacity=5000)
    assert farm.state(block) == "RDY RER"
    farm.bye(small)
    farm.apply(events.OperateRender("small", "delete"))
    assert farm.state(block) == "ERR RER"


def test_a_reset_brings_them_back(farm: StoryFarm) -> None:
    block = block_that_fails_everywhere(farm)
    assert farm.operate(block.job, "reset_error_hosts").count == 6
    assert (farm.state(block), farm.errors(block)) == ("RDY RER", 3)
    assert farm.start(3)


def test_a_forgiven_entry_brings_them_back(farm: StoryFarm) -> None:
    block = block_that_fails_everywhere(farm)
    farm.edit(block, errors_forgive_time=61)
    farm.wait(10)
    assert (farm.state(block), block.stuck) == ("RDY RER", "")


def test_a_raised_limit_brings_them_back(farm: StoryFarm) -> None:
    block = block_that_fails_everywhere(farm)
    farm.edit(block, errors_avoid_host=2)
    assert farm.state(block) == "RDY RER"


def test_a_task_that_avoids_every_host_by_its_own_list(farm: StoryFarm) -> None:
    job = farm.submit(2, errors_avoid_host=0, errors_task_same_host=1, errors_retries=9)
    block = job.blocks[0]
    for name in "ab":
        farm.render(name, capacity=1000)
        farm.wait(61)
        found = [run for run in farm.start() if run.task == 0]
        farm.fail(found[0])
    assert farm.state(block, 0) == "ERR RER"
    assert block.stuck == ""
    assert farm.state(block, 1) == "RUN"


def test_a_stuck_block_is_stuck_after_a_restart_of_the_server(farm: StoryFarm) -> None:
    block = block_that_fails_everywhere(farm)
    farm.restart_server()
    again = farm.job(block.job.serial).blocks[0]
    assert (farm.state(again), again.stuck) == ("ERR RER", "all 3 suitable hosts are avoided")
    farm.render("d", capacity=1000)
    assert farm.state(again) == "RDY RER"


def test_a_person_restarts_a_stuck_block(farm: StoryFarm) -> None:
    """R17: the tasks' lists go, the block's stay; the answer says so."""
    block = block_that_fails_everywhere(farm)
    outcome = farm.operate(block.job, "restart_errors")
    assert outcome.count == 1
    assert "3 hosts are still avoided" in outcome.text
    assert (farm.state(block), farm.errors(block)) == ("RDY", 0)
    assert farm.start() == []
    assert farm.explain(block).summary == "all 3 suitable hosts are avoided"


# ------------------------------------------------------------------------- cool-off of a host


def black_hole(farm: StoryFarm, errors: int = 5, jobs: int = 2) -> list[Run]:
    """Render "hole" fails ``errors`` tasks of ``jobs`` jobs, one after another."""
    render = farm.render("hole", capacity=1000)
    for n in range(jobs):
        farm.submit(50, name=f"job{n}", user=f"user{n}", errors_avoid_host=0, errors_retries=0)
    runs: list[Run] = []
    for _ in range(errors):
        (run,) = farm.start(1)
        assert run.render is render
        farm.fail(run)
        runs.append(run)
    return runs


def test_a_black_hole_cools_off(farm: StoryFarm) -> None:
    """R15: 5 errors in a row of 2 jobs: 30 s, then one probe at a time until a success."""
    black_hole(farm, errors=4)
    (run,) = farm.start(1)
    farm.fail(run)
    assert [n.fields["seconds"] for n in farm.take(Note) if n.code == "render_cools_off"] == [30.0]
    farm.edit(farm.core.renders["hole"], capacity_host=5000)
    assert farm.start() == []
    classes = farm.explain(run.block, 40).classes
    assert classes[0].reason.text() == "cools off after too many errors, for 30 s"
    farm.wait(29.5)
    assert farm.start() == []
    farm.wait(1)
    (probe,) = farm.start(1)
    assert farm.explain(run.block, 40).classes[0].reason.code == "render_probing"
    farm.finish(probe)
    farm.start(4)


def test_the_cool_off_doubles_up_to_half_an_hour(farm: StoryFarm) -> None:
    black_hole(farm)
    seconds = [n.fields["seconds"] for n in farm.take(Note) if n.code == "render_cools_off"]
    for _ in range(8):
        farm.wait(1801)
        (probe,) = farm.start(1)
        farm.fail(probe)
        seconds += [n.fields["seconds"] for n in farm.take(Note) if n.code == "render_cools_off"]
    assert seconds == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]


def test_errors_of_one_job_are_the_jobs_fault(farm: StoryFarm) -> None:
    black_hole(farm, errors=20, jobs=1)
    farm.start(1)


def test_a_success_between_starts_the_count_anew(farm: StoryFarm) -> None:
    black_hole(farm, errors=4)
    farm.finish(farm.start(1)[0])
    for _ in range(4):
        farm.fail(farm.start(1)[0])
    farm.start(1)


def test_runs_from_before_the_cool_off_do_not_prolong_it(farm: StoryFarm) -> None:
    """Eight tasks at once on the black hole: one cool-off, not four of them."""
    farm.render("hole", capacity=100_000, max_tasks=8)
    for n in range(2):
        farm.submit(50, name=f"job{n}", user=f"user{n}", errors_avoid_host=0, errors_retries=0)
    for run in farm.start(8):
        farm.fail(run)
    notes = [n.fields["seconds"] for n in farm.take(Note) if n.code == "render_cools_off"]
    assert notes == [30.0]


def test_the_cool_off_is_stored(farm: StoryFarm) -> None:
    black_hole(farm)
    farm.wait(10)
    farm.restart_server()
    farm.come_back("hole")
    assert farm.start() == []
    farm.wait(19)
    assert farm.start() == []
    farm.wait(2)
    farm.start(1)


def test_heal_sick_ends_the_cool_off(farm: StoryFarm) -> None:
    black_hole(farm)
    farm.apply(events.OperateRender("hole", "heal_sick"))
    farm.start(1)


# -------------------------------------------------------------------------------- error classes


@pytest.mark.parametrize(
    ("error_class", "state", "listed", "blamed"),
    [
        ("", "RDY RER", 1, 1),
        ("crash", "RDY RER", 1, 1),
        ("storage", "RDY RER", 3, 1),
        ("memory", "RDY RER", 1, 0),
        ("bad_output", "RDY RER", 1, 0),
        ("scene", "ERR", 0, 0),
        ("missing_input", "ERR", 0, 0),
    ],
)
def test_error_classes(
    farm: StoryFarm, error_class: str, state: str, listed: int, blamed: int
) -> None:
    """R18 and R15: which are fatal, listed against the host, and counted towards its cool-off."""
    render = farm.render("a")
    job = farm.submit(1)
    farm.render("b")
    farm.fail(farm.start(1)[0], error_class=error_class)
    block = job.blocks[0]
    assert farm.state(block) == state
    entry = block.error_hosts.get("a")
    assert (entry.count if entry else 0) == listed
    assert block.avoids("a") == (error_class == "storage")
    assert render.errors_row == blamed
    assert farm.errors(block) == 1


def test_time_outs_never_blame_the_host(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.submit(1, task_max_run_time=5)
    (run,) = farm.start(1)
    farm.wait(6)
    farm.take(Stop, 1)
    farm.finish(run, RunEnd.KILLED)
    assert render.errors_row == 0


def test_a_missing_licence_holds_the_service(farm: StoryFarm) -> None:
    """R18: not counted; the service waits 30 s on the whole farm; what runs goes on."""
    farm.render("a", capacity=2000)
    farm.render("b", capacity=2000)
    nuke = farm.submit(9, service="nuke")
    one, two, *_ = farm.start(4)
    other = farm.submit(2, service="blender", priority=200)
    farm.fail(one, error_class="licence")
    block = nuke.blocks[0]
    assert (farm.state(block), farm.errors(block), block.error_hosts) == ("RDY", 0, {})
    assert [run.block.job for run in farm.start(1)] == [other]
    farm.finish(two)
    assert [run.block.job for run in farm.start(1)] == [other]
    assert "nuke found no licence" in farm.explain(block).summary
    farm.finish(other.blocks[0].open[0])
    farm.finish(other.blocks[0].open[1])
    farm.wait(29)
    assert farm.start() == []
    farm.wait(2)
    (probe,) = farm.start(1)  # one try, though two slots are free
    assert farm.explain(block, 8).work is not None
    farm.finish(probe)
    farm.start(2)


def test_a_licence_that_stays_missing(farm: StoryFarm) -> None:
    """R18: doubling to ten minutes, and across a restart of the server."""
    farm.render("a", capacity=1000)
    job = farm.submit(1, service="nuke")
    waits: list[float] = []
    for n in range(7):
        (run,) = farm.start(1)
        farm.fail(run, error_class="licence")
        hold = farm.core.service_holds["nuke"]
        waits.append(hold.wait_s)
        if n == 3:
            farm.restart_server()
            farm.come_back("a")
        farm.wait(hold.wait_s - 1)
        assert farm.start() == []
        farm.wait(1.5)
    assert waits == [30, 60, 120, 240, 480, 600, 600]
    assert farm.state(farm.job(job.serial).blocks[0]) == "RDY"


def test_a_try_that_is_lost_makes_room_for_another(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=1000)
    farm.submit(1, service="nuke")
    farm.fail(farm.start(1)[0], error_class="licence")
    farm.wait(31)
    farm.start(1)
    farm.drop_link(render)
    farm.come_back(render)
    farm.start(1)


def test_a_block_that_changes_its_service_is_not_held(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(1, service="nuke")
    farm.fail(farm.start(1)[0], error_class="licence")
    late = farm.submit(1, service="nuke")
    assert farm.start() == []
    farm.edit(job.blocks[0], service="blender")
    assert farm.start(1)[0].block.job is job
    farm.edit(late.blocks[0], service="blender")
    farm.finish(job.blocks[0].open[0])
    farm.start(1)


def test_a_forgiven_host_does_not_cut_the_retry_wait_short(farm: StoryFarm) -> None:
    """R15: only a hand clears the wait."""
    farm.render("a")
    job = farm.submit(
        1, errors_forgive_time=10, errors_avoid_host=1, errors_task_same_host=1, errors_retries=20
    )
    block = job.blocks[0]
    for n in range(4):
        (run,) = farm.start(1)
        farm.fail(run)
        assert block.code(0) == Code.ERROR, "no host is left"
        farm.wait(10 if n < 3 else 60)
    (run,) = farm.start(1)
    farm.fail(run)  # the fifth: it waits 16 s
    farm.wait(11)
    assert block.code(0) == Code.RETRY, "the host is forgiven, the wait is not over"
    assert farm.start() == []
    farm.check_restored()
    farm.restart_server()
    farm.render("a")
    assert farm.start() == []
    farm.wait(6)
    (run,) = farm.start(1)
    farm.fail(run)
    farm.wait(11)
    job = farm.job(job.serial)
    assert job.blocks[0].code(0) == Code.RETRY
    farm.operate(job, "reset_error_hosts")
    assert len(farm.start(1)) == 1, "a hand was laid on it"


def test_a_job_that_its_errors_paused_says_so(farm: StoryFarm) -> None:
    """R16: in the log, and to whoever asks why it does not run."""
    farm.render("a", capacity=9000, max_tasks=3)
    job = farm.submit(9, errors_job_max=2, errors_retries=0, errors_avoid_host=0)
    for run in farm.start(3)[:2]:
        farm.fail(run)
    assert job.off
    why = "2 tasks are in error"
    assert any(f"paused: {why}" in line for line in job.log), job.log
    told = farm.explain(job.blocks[0], 8).summary
    assert told == f"the job is paused: {why}, errors_job_max is 2"
    farm.effects.clear()
