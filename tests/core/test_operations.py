"""Every operation of SEMANTICS 2.4: what becomes of a task in each state."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.effects import Stop
from afanasy.core.run import errors
from afanasy.core.state import Block, Farm, Job, Run
from afanasy.core.tasks import Code, ReadyQueue
from afanasy.model.clock import Now
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm

#: The eight tasks of :func:`colourful`.
READY, RUNNING, DONE, WARNED, SKIPPED, ERROR, SUSPENDED, RETRY = range(8)
WORDS = ["RDY", "RUN", "DON", "DON WRN", "DON SKP", "ERR", "SUS", "RDY RER"]


def colourful(farm: StoryFarm) -> tuple[Block, Run]:
    """A block with a task in every state, and the run of the running one."""
    render = farm.render("a", capacity=100, max_tasks=10)
    job = farm.submit(8, capacity=10, errors_retries=1, errors_avoid_host=0)
    block = job.blocks[0]
    farm.operate_tasks(block, "skip", SKIPPED)
    farm.operate_tasks(block, "suspend", READY, SUSPENDED)
    run, done, warned, error, retry = farm.start(5)
    farm.finish(done)
    farm.finish(warned, warning=True)
    farm.finish(error, RunEnd.PARSER_FATAL)
    farm.fail(retry)
    farm.edit(render, paused=True)
    farm.operate_tasks(block, "continue", READY)
    assert run.task == RUNNING
    # (A fatal parser error carries the word PER.)
    assert [farm.state(block, n).replace(" PER", "") for n in range(8)] == WORDS
    return block, run


def after(farm: StoryFarm, block: Block, run: Run) -> list[str]:
    """States when the running task, if it was stopped, has ended."""
    stops = farm.take(Stop)
    if stops:
        assert [stop.run_id for stop in stops] == [run.id]
        assert farm.state(block, RUNNING) == "RUN"
        farm.finish(run, RunEnd.KILLED)
    return [farm.state(block, n).replace(" PER", "") for n in range(8)]


#: Operation → what becomes of the eight tasks ("" = it stays as it was).
BLOCK_TABLE = {
    "skip": ["DON SKP", "DON SKP", "", "", "", "DON SKP", "DON SKP", "DON SKP"],
    "done": ["DON", "DON", "", "", "", "DON", "DON", "DON"],
    "suspend": ["SUS", "SUS", "", "", "SUS", "", "", "SUS"],
    "continue": ["", "", "", "", "", "", "RDY", ""],
    "restart": ["RDY", "RDY", "RDY", "RDY", "RDY", "RDY", "RDY", "RDY"],
    "restart_running": ["", "RDY", "", "", "", "", "", ""],
    "restart_errors": ["", "", "", "", "", "RDY", "", "RDY"],
    "restart_skipped": ["", "", "", "", "RDY", "", "", ""],
    "restart_done": ["", "", "RDY", "RDY", "", "", "", ""],
}


@pytest.mark.parametrize("operation", BLOCK_TABLE)
def test_operations_on_a_whole_block(farm: StoryFarm, operation: str) -> None:
    block, run = colourful(farm)
    outcome = farm.operate_tasks(block, operation)
    expected = [new or old for new, old in zip(BLOCK_TABLE[operation], WORDS, strict=True)]
    assert after(farm, block, run) == expected
    changed = sum(new != old for new, old in zip(expected, WORDS, strict=True))
    assert outcome.count == changed


@pytest.mark.parametrize("operation", BLOCK_TABLE)
@pytest.mark.parametrize("task", range(8))
def test_operations_on_single_tasks(farm: StoryFarm, operation: str, task: int) -> None:
    block, run = colourful(farm)
    farm.operate_tasks(block, operation, task)
    expected = list(WORDS)
    expected[task] = BLOCK_TABLE[operation][task] or WORDS[task]
    assert after(farm, block, run) == expected


JOB_TABLE = {
    "start": [""] * 8,
    "pause": [""] * 8,
    "stop": ["", "RDY", "", "", "", "", "", ""],
    "restart": ["RDY"] * 8,
    "restart_pause": ["RDY"] * 8,
    "restart_errors": BLOCK_TABLE["restart_errors"],
    "restart_running": BLOCK_TABLE["restart_running"],
    "restart_skipped": BLOCK_TABLE["restart_skipped"],
    "restart_done": BLOCK_TABLE["restart_done"],
    "restart_warnings": ["", "", "", "RDY", "", "", "", ""],
    "reset_error_hosts": [""] * 8,
    "reset_trying_next_tasks": [""] * 8,
}


@pytest.mark.parametrize("operation", JOB_TABLE)
def test_operations_on_a_job(farm: StoryFarm, operation: str) -> None:
    block, run = colourful(farm)
    farm.operate(block.job, operation)
    assert after(farm, block, run) == [
        new or old for new, old in zip(JOB_TABLE[operation], WORDS, strict=True)
    ]
    paused = operation in ("pause", "stop", "restart_pause")
    assert ("OFF" in farm.job_state(block.job)) == paused
    assert block.job.log[-1].startswith(operation)


def test_unknown_operations_are_refused(farm: StoryFarm) -> None:
    job = farm.submit(3)
    farm.refused(events.OperateJob(job.serial, "explode"), "unknown_operation")
    farm.refused(events.OperateJob(77, "start"), "not_found")
    farm.refused(events.OperateBlocks(job.serial, [0], "stop"), "unknown_operation")
    farm.refused(events.OperateBlocks(job.serial, [1], "skip"), "not_found")
    farm.refused(events.OperateBlocks(job.serial, [0, 1], "skip"), "not_found")
    farm.refused(events.OperateBlocks(job.serial, [0], "skip", [range(2, 4)]), "bad_task")
    farm.refused(events.OperateBlocks(job.serial, [0], "skip", [range(-1, 1)]), "bad_task")
    farm.refused(events.OperateBlocks(job.serial, [0], "trynext", [range(1)]), "missing")
    farm.refused(events.OperateBlocks(job.serial, [0], "tickets"), "missing")
    farm.refused(events.OperateRender("nobody", "exit"), "not_found")
    farm.render("a")
    farm.refused(events.OperateRender("a", "explode"), "unknown_operation")


def test_the_system_job_cannot_be_deleted(farm: StoryFarm) -> None:
    error = farm.refused(events.OperateJob(0, "delete"), "system_job")
    assert error.message == "System job can't be deleted."


# -------------------------------------------------------------------- what a restart forgets


def failed_twice(farm: StoryFarm) -> Job:
    """A task with two errors on host "a"."""
    farm.render("a", capacity=1000)
    job = farm.submit(1)
    for _ in range(2):
        farm.fail(farm.start(1)[0])
        farm.wait(3)
    return job


def test_a_restart_forgets_the_tasks_errors_and_not_the_blocks(farm: StoryFarm) -> None:
    """R17. Also of a task that is ready already."""
    job = failed_twice(farm)
    block = job.blocks[0]
    assert farm.state(block) == "RDY RER"
    farm.operate_tasks(block, "restart")
    assert (farm.state(block), farm.errors(block), block.extras) == ("RDY", 0, {})
    assert block.error_hosts["a"].count == 2


def test_a_restarted_task_may_run_where_it_failed(farm: StoryFarm) -> None:
    """It was ready already, but avoided the only host that is free."""
    farm.render("a", capacity=1000)
    farm.bye(farm.render("off", capacity=1000))
    job = farm.submit(1, errors_task_same_host=1)
    farm.fail(farm.start(1)[0])
    farm.wait(3)
    assert (farm.state(job.blocks[0]), farm.start()) == ("RDY RER", [])
    farm.operate_tasks(job.blocks[0], "restart")
    farm.start(1)


def test_a_restart_of_a_running_task_forgets_them_too(farm: StoryFarm) -> None:
    job = failed_twice(farm)
    block = job.blocks[0]
    run = farm.start(1)[0]
    farm.operate_tasks(block, "restart")
    farm.take(Stop, 1)
    farm.finish(run, RunEnd.KILLED)
    assert (farm.errors(block), block.extras) == (0, {})


def test_the_jobs_stop_keeps_them(farm: StoryFarm) -> None:
    job = failed_twice(farm)
    run = farm.start(1)[0]
    farm.operate(job, "stop")
    farm.take(Stop, 1)
    farm.finish(run, RunEnd.KILLED)
    assert farm.errors(job.blocks[0]) == 2


def test_the_answer_says_how_many_hosts_are_still_avoided(farm: StoryFarm) -> None:
    """R17."""
    job = failed_twice(farm)
    farm.edit(job.blocks[0], errors_avoid_host=2)
    outcome = farm.operate(job, "restart")
    told = "1 host is still avoided; reset_error_hosts (afcmd reset-errors) forgives it."
    assert outcome.text == told
    assert farm.operate(job, "reset_error_hosts").count == 1
    assert farm.operate(job, "restart").text == ""


def test_reset_error_hosts_of_single_tasks(farm: StoryFarm) -> None:
    job = failed_twice(farm)
    block = job.blocks[0]
    assert farm.operate_tasks(block, "reset_error_hosts", 0).count == 1
    assert block.error_hosts["a"].count == 2


def test_many_tasks_named_one_by_one_are_one_reset(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their number, hosts are looked for once, and no task is looked at twice."""
    farm.render("a", capacity=10**6, max_tasks=1000)
    farm.render("b", max_tasks=0)
    job = farm.submit(300, capacity=1, errors_avoid_host=0, errors_retries=9)
    block = job.blocks[0]
    runs = farm.start(300)
    with farm.batch():
        for run in runs:
            farm.fail(run)
    looks: list[Block] = []
    check = errors.check_hosts_left

    def counted(core: Farm, block: Block, now: Now) -> str:
        looks.append(block)
        return check(core, block, now)

    monkeypatch.setattr(errors, "check_hosts_left", counted)
    named = [range(task, task + 1) for task in range(298, -1, -2)]
    assert farm.operate_tasks(block, "reset_error_hosts", *named, *named).count == 150
    assert len(looks) <= 2
    assert list(block.extras) == list(range(1, 300, 2))
    assert block.error_hosts["a"].count == 300
    assert farm.operate_tasks(block, "reset_error_hosts", range(10, 20)).count == 5
    assert farm.operate_tasks(block, "reset_error_hosts", 10, 298).count == 0


def test_times_of_a_restarted_job(farm: StoryFarm) -> None:
    """R17: time_started is 0 until the next start."""
    farm.render("a")
    job = farm.submit(1)
    farm.finish(farm.start(1)[0])
    assert job.time_started
    assert job.time_done
    farm.operate(job, "restart")
    assert (job.time_started, job.time_done, job.blocks[0].run_time_sum) == (0, 0, 0)
    farm.wait(100)
    (run,) = farm.start(1)
    assert job.time_started == int(farm.now.wall)
    assert run.waited_s == 100.0


def test_operations_are_activity_of_the_owner(farm: StoryFarm) -> None:
    job = farm.submit(2)
    for act in (
        lambda: farm.operate(job, "pause"),
        lambda: farm.operate_tasks(job.blocks[0], "skip", 1),
    ):
        farm.wait(1000)
        act()
        assert farm.core.users["anna"].time_activity == int(farm.now.wall)
        assert farm.restored().users["anna"].time_activity == int(farm.now.wall)


def test_a_job_that_was_only_skipped_has_times(farm: StoryFarm) -> None:
    job = farm.submit(3)
    farm.operate_tasks(job.blocks[0], "skip")
    assert job.time_started == job.time_done == int(farm.now.wall)
    assert farm.job_state(job) == "DON SKP"


# ----------------------------------------------------------------------------- try next, tickets


def test_try_next(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(9)
    block = job.blocks[0]
    farm.operate_tasks(block, "trynext", 7, range(4, 6), mode="append")
    assert list(job.try_next) == [(0, 7), (0, 4), (0, 5)]
    farm.operate_tasks(block, "trynext", 4, mode="append")
    assert list(job.try_next) == [(0, 7), (0, 5), (0, 4)]
    farm.operate_tasks(block, "trynext", 5, mode="remove")
    farm.restart_server()
    farm.come_back("a")
    assert farm.start(1)[0].task == 7
    again = farm.job(job.serial)
    assert list(again.try_next) == [(0, 4)]
    assert farm.operate(again, "reset_trying_next_tasks").count == 1
    assert not again.try_next


def test_try_next_ends_the_wait_for_a_retry(farm: StoryFarm) -> None:
    """R15: a hand was laid on it."""
    farm.render("a", capacity=2000)
    job = farm.submit(2, errors_retries=20, errors_avoid_host=0, errors_task_same_host=0)
    block = job.blocks[0]
    for run in farm.start(2):
        farm.fail(run)
    assert farm.codes(block) == [Code.RETRY, Code.RETRY]
    farm.operate_tasks(block, "trynext", 1, mode="remove")
    assert farm.start() == []
    farm.operate_tasks(block, "trynext", 1, mode="append")
    farm.check_restored()
    (run,) = farm.start(1)
    assert (run.task, farm.errors(block, 1)) == (1, 1)
    assert farm.codes(block) == [Code.RETRY, Code.RUNNING]


def test_a_task_may_be_named_before_it_is_ready(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(9)
    farm.operate_tasks(job.blocks[0], "suspend", 5)
    farm.operate_tasks(job.blocks[0], "trynext", 5, mode="append")
    run = farm.start(1)[0]
    assert run.task == 0
    farm.operate_tasks(job.blocks[0], "continue", 5)
    farm.finish(run)
    assert farm.start(1)[0].task == 5


def test_too_many_tasks_to_try_next(farm: StoryFarm) -> None:
    job = farm.submit(100_000)
    event = events.OperateBlocks(job.serial, [0], "trynext", [range(100_000)], "append")
    farm.refused(event, "too_many_tasks")


def test_tickets(farm: StoryFarm) -> None:
    job = farm.submit(1, tickets={"disk": 1})
    block = job.blocks[0]
    farm.operate_tasks(block, "tickets", ticket=("nuke", 2))
    assert block.spec.tickets == {"disk": 1, "nuke": 2}
    farm.operate_tasks(block, "tickets", ticket=("disk", -1))
    assert block.spec.tickets == {"nuke": 2}


# ------------------------------------------------------------------------------------ sizes


def test_operations_on_a_million_tasks(farm: StoryFarm) -> None:
    """One step for the range, pages for the store (RECIPES 7)."""
    job = farm.submit(1_000_000)
    block = job.blocks[0]
    for operation, code in (
        ("suspend", Code.SUSPENDED),
        ("continue", Code.READY),
        ("skip", Code.SKIPPED),
        ("restart", Code.READY),
        ("done", Code.DONE),
    ):
        assert farm.operate_tasks(block, operation).count == 1_000_000
        assert block.counts[code] == 1_000_000
    assert len(farm.store.tables["pages"]) == 245
    assert "tasks" not in farm.store.tables


@pytest.mark.parametrize("parts", [[range(9, 10)], [range(9, 10), range(89_999, 90_000)]])
def test_a_few_changed_tasks_do_not_begin_the_search_again(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch, parts: list[range]
) -> None:
    """The ready queue hears of those that became READY; where it stood it goes on."""
    farm.render("a", capacity=1000, max_tasks=1)
    job = farm.submit(100_000, sequential=10)
    block = job.blocks[0]
    farm.operate_tasks(block, "done", range(95_000))
    (run,) = farm.start(1)
    assert run.task == 99_999
    with monkeypatch.context() as patch:
        patch.setattr(ReadyQueue, "reset", None)
        farm.operate_tasks(block, "restart", *parts)
        farm.operate_tasks(block, "skip", 95_005)
    first = [task for part in parts for task in part]
    assert list(block.queue())[: len(first) + 1] == [*first, 95_009]
    farm.finish(run)
    assert farm.start(1)[0].task == parts[0][0]


def test_pages_and_rows_of_tasks_take_turns(farm: StoryFarm) -> None:
    """A page outdates older rows, a row outdates an older page, extras included."""
    farm.render("a", capacity=100_000, max_tasks=100)
    job = farm.submit(10_000, capacity=1, errors_avoid_host=0)
    block = job.blocks[0]
    runs = farm.start(100)
    with farm.batch():
        for run in runs:
            farm.fail(run)
    farm.operate_tasks(block, "skip", range(50, 9000))
    farm.check_restored()
    farm.operate_tasks(block, "restart", range(300))
    farm.check_restored()
    farm.wait(2)
    runs = farm.start(100)
    with farm.batch():
        for run in runs:
            farm.fail(run)
    farm.operate_tasks(block, "suspend", range(60, 10_000))
    farm.check_restored()


def test_a_skip_of_nothing_makes_no_columns(farm: StoryFarm) -> None:
    job = farm.submit(1_000_000)
    assert farm.operate(job, "restart").count == 0
    assert farm.operate(job, "restart_errors").count == 0
    assert job.blocks[0].columns is None


def test_scattered_tasks_are_one_operation(farm: StoryFarm) -> None:
    """What is between them stays as it is, and what is named twice counts once."""
    job = farm.submit(20_000)
    block = job.blocks[0]
    odd = [range(n, n + 1) for n in range(1, 20_000, 2)]
    outcome = farm.apply(events.OperateBlocks(job.serial, [0], "skip", odd))
    assert outcome.count == 10_000
    assert block.counts[Code.SKIPPED] == 10_000
    assert [block.code(n) for n in (0, 1, 2, 19_998, 19_999)] == [
        Code.READY, Code.SKIPPED, Code.READY, Code.READY, Code.SKIPPED,
    ]  # fmt: skip
    twice = [range(3, 6), range(5, 8), range(5, 6)]
    assert farm.apply(events.OperateBlocks(job.serial, [0], "restart", twice)).count == 3
    assert block.counts[Code.SKIPPED] == 9_997
    assert block.code(9) == Code.SKIPPED


def test_scattered_running_tasks_are_stopped(farm: StoryFarm) -> None:
    farm.render("a", capacity=10_000, max_tasks=10)
    job = farm.submit(10)
    runs = farm.start(10)
    named = [range(1, 2), range(3, 5), range(4, 5), range(9, 10)]
    assert farm.apply(events.OperateBlocks(job.serial, [0], "skip", named)).count == 4
    assert {stop.run_id for stop in farm.take(Stop, 4)} == {runs[n].id for n in (1, 3, 4, 9)}
    for run in runs:
        farm.finish(run, RunEnd.KILLED if run.task in (1, 3, 4, 9) else RunEnd.SUCCESS)
    assert job.blocks[0].counts[Code.SKIPPED] == 4
