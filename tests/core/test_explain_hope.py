"""Which reason explain puts first: what is momentary, or lasting, whatever else holds beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from afanasy.core import events
from afanasy.core.effects import InstructRender, Stop
from afanasy.core.place.checks import job_blocked
from afanasy.core.why.explain_render import explain_render
from afanasy.model.attributes import FLAG_VARCAPACITY
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm, slow_on

NEVER = "no render of the farm could ever run it"
NETIFS: list[dict[str, str]] = [{"name": "eth0", "mac": "52:54:00:00:00:01"}]


# ---------------------------------------------------- the only host that may run it, and two others


def paused(farm: StoryFarm) -> None:
    farm.edit(farm.core.renders["r3"], paused=True)


def sick(farm: StoryFarm) -> None:
    farm.apply(events.EditPool("/", {"sick_errors_count": 1}))
    farm.submit(1, user="berta", name="ill", errors_retries=0, hosts_mask="r3")
    farm.fail(farm.start(1)[0])


def cooling(farm: StoryFarm) -> None:
    """After five errors in a row of two jobs."""
    for name in "xy":
        farm.submit(3, name=name, errors_retries=0, errors_avoid_host=0, errors_task_same_host=0,
                    hosts_mask="r3")  # fmt: skip
    for run in farm.start(6)[:5]:
        farm.fail(run)
    farm.effects.clear()


def falling(farm: StoryFarm) -> None:
    farm.apply(events.OperateRender("r3", "wol_sleep"))
    farm.take(InstructRender, 1)


def asleep(farm: StoryFarm) -> None:
    falling(farm)
    farm.drop_link(farm.core.renders["r3"])


def offline(farm: StoryFarm) -> None:
    farm.drop_link(farm.core.renders["r3"])


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (paused, "render_paused"),
        (sick, "render_sick"),
        (cooling, "render_cooling"),
        (falling, "render_falling"),
        (asleep, "render_asleep"),
        (offline, "render_offline"),
    ],
)
def test_who_could_run_it_comes_before_who_never_could(
    farm: StoryFarm, happens: Callable[[StoryFarm], None], code: str
) -> None:
    for name in ("r1", "r2", "r3"):
        farm.render(name, capacity=9000, max_tasks=9, resources={"netifs": NETIFS})
    happens(farm)
    block = farm.submit(1, hosts_mask="r3", name="masked").blocks[0]
    answer = farm.explain(block)
    assert [found.reason.code for found in answer.classes] == [code, "hosts_mask"]
    assert [reason.code for reason, _ in answer.cures] == [code, "hosts_mask"]
    assert answer.summary != NEVER


def test_a_host_from_which_it_was_ejected_comes_first(farm: StoryFarm) -> None:
    for name in ("r1", "r2", "r3"):
        farm.render(name)
    block = farm.submit(1, hosts_mask="r3").blocks[0]
    (run,) = farm.start(1)
    farm.apply(events.OperateRender("r3", "eject_tasks"))
    farm.take(Stop, 1)
    farm.finish(run, RunEnd.KILLED)
    codes = [found.reason.code for found in farm.explain(block).classes]
    assert codes == ["task_ejected", "hosts_mask"]


# --------------------------------------------------------------------------- what can never be met

HAS = {
    "mem_total_mb": 24_000, "mem_free_mb": 23_000, "hdd_total_gb": 500, "hdd_free_gb": 400,
    "gpu_num": 1, "gpu_mem_total_mb": 8000,
}  # fmt: skip


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"need_memory": 10**9}, "needs 1000000000 MB of memory; it has 24000 in all"),
        ({"job": {"need_memory": 25_000}}, "needs 25000 MB of memory; it has 24000 in all"),
        ({"need_hdd": 10**7}, "needs 10000000 GB of disk; it has 500 in all"),
        ({"need_gpu_mem_mb": 9000}, "needs 9000 MB of GPU memory; it has 8000 in all"),
        (
            {"tickets": {"pooled": 3}},
            "ticket pooled of pool /p: a task holds 3; there are 2 in all",
        ),
        ({"tickets": {"own": 3}}, "ticket own: a task holds 3; this host has 1 in all"),
    ],
)
def test_more_than_there_is_at_all(
    farm: StoryFarm, members: dict[str, Any], text: str, busy: bool
) -> None:
    """Whether or not something runs there: waiting will not help."""
    farm.apply(events.OperatePool("/", "add_pool", name="p"))
    tickets = {"tickets_pool": {"pooled": (2, -1)}, "tickets_host": {"own": 1}}
    farm.apply(events.EditPool("/p", {"pattern": "a", **tickets}))
    farm.render("a", capacity=1000, resources=HAS)
    if busy:
        farm.submit(1, name="other")
        farm.start(1)
    answer = farm.explain(farm.submit(1, **members).blocks[0])
    assert answer.summary == NEVER
    ((reason, cure),) = answer.cures
    assert reason.text() == text
    assert "wait" not in cure.text


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"max_running_tasks": 0}, "nothing of the block may start: its max_running_tasks is 0"),
        (
            {"max_running_tasks_per_host": 0},
            "nothing of the block may start: its max_running_tasks_per_host is 0",
        ),
        (
            {"job": {"max_running_tasks_per_host": 0}},
            "nothing of the job may start: its max_running_tasks_per_host is 0",
        ),
        ({"tickets": {"lic": 3}}, "ticket lic: a task holds 3; there are 2 in all"),
        ({"tickets": {"none": 1}}, "ticket none is 0: nothing that holds it may start"),
        ({"tickets": {"nowhere": 1}}, "ticket nowhere: no host may have it"),
    ],
)
def test_a_limit_that_lets_nothing_start(
    farm: StoryFarm, members: dict[str, Any], text: str, busy: bool
) -> None:
    """It is said of the work: no end of a task makes room."""
    tickets = {"lic": (2, -1), "none": (0, -1), "nowhere": (-1, 0)}
    farm.apply(events.EditPool("/", {"tickets_pool": tickets}))
    farm.render("a", capacity=1000)
    if busy:
        farm.submit(1, name="other")
        farm.start(1)
    answer = farm.explain(farm.submit(1, **members).blocks[0])
    assert answer.summary == text
    assert "wait" not in answer.cures[0][1].text


def test_a_host_without_slots_is_not_busy(farm: StoryFarm) -> None:
    farm.edit(farm.render("a"), max_tasks_host=0)
    answer = farm.explain(farm.submit(1).blocks[0])
    assert answer.summary == "no render takes it now: takes no tasks: it may run 0 at a time"
    assert answer.cures[0][1].text == "raise max_tasks_host of a to 1"


def test_a_task_that_needs_more_since_it_ran_out(farm: StoryFarm) -> None:
    """1250 MB, when the host has 1200: what other tasks do there does not matter."""
    farm.render("a", capacity=1000, resources={"mem_free_mb": 1100, "mem_total_mb": 1200})
    block = farm.submit(2).blocks[0]
    (run,) = farm.start(1)
    farm.fail(run, error_class="memory", memory_peak_mb=1000)
    farm.start(1)
    farm.wait(1)
    assert farm.explain(block, 0).summary == NEVER
    (found,) = farm.explain(block, 0).classes
    assert found.reason.text() == "needs 1250 MB of memory; it has 1200 in all"


# ------------------------------------------------------------------------------- the cure of a size


def test_a_smaller_capacity_of_a_task_that_takes_a_multiple(farm: StoryFarm) -> None:
    farm.render("a", capacity=9000)
    flags = FLAG_VARCAPACITY
    block = farm.submit(1, flags=flags, capacity=1000, capacity_coeff_min=20).blocks[0]
    ((_, cure),) = farm.explain(block).cures
    assert cure.text == "lower capacity of the block to 450, or raise capacity_host of a to 20000"
    farm.apply(cure.events[0])
    farm.start(1)


# ------------------------------------------------------------------------------- a time, in words


def test_until_when_a_job_waits(farm: StoryFarm) -> None:
    """On the clocks of the farm; the check itself carries unix seconds."""
    farm.render("a")
    job = farm.submit(1, time_wait=1_800_090_000)
    farm.core.utc_offset_s = lambda zone, _: 3600 if zone == "east" else 0
    assert farm.explain(job.blocks[0]).summary == "the job waits for its start time, sat 09:00"
    farm.apply(events.ChangeSettings({"af_timezone": "east"}))
    told = farm.explain(job.blocks[0]).summary
    assert told == "the job waits for its start time, sat 10:00 east"
    reason = job_blocked(job)
    assert reason is not None
    assert reason.figures == (1_800_090_000,)
    farm.edit(job, time_wait=1_900_000_000)
    assert farm.explain(job.blocks[0]).summary.endswith(", 2030-03-17 18:46 east")
    found = explain_render(farm.core, farm.core.renders["a"], farm.now)
    assert found.summary == "there is no work that waits"


# ------------------------------------------------------------------------------- hosts that sleep


def test_a_host_that_sleeps_is_woken(farm: StoryFarm) -> None:
    """It says so itself; who is nowhere online has nobody to send the packet."""
    farm.render("a", resources={"netifs": NETIFS})
    farm.apply(events.OperateRender("a", "wol_sleep"))
    farm.take(InstructRender, 1)
    block = farm.submit(1).blocks[0]
    assert farm.explain(block).summary == "no render takes it now: is going to sleep"
    farm.drop_link(farm.core.renders["a"])
    sleep = "the renders that could run it sleep"
    assert farm.explain(block).summary == f"{sleep}, and none is online that could wake them"
    farm.render("small", capacity=500)
    answer = farm.explain(block)
    assert (answer.summary, answer.classes[0].reason.text()) == (sleep, "sleeps")
    assert answer.cures[0][1].commands == ("afcmd render a wake",)
    assert "afrender" not in answer.cures[0][1].text
    farm.apply(events.OperateRender("a", "wol_wake"))
    answer = farm.explain(block)
    assert answer.summary == "a render that could run it is being woken"
    assert answer.classes[0].reason.text() == "is being woken"
    assert answer.cures[0][1] == ("wait until a is up", (), ())
    farm.finish(farm.start(1)[0])


def test_a_host_that_sleeps_and_would_not_run_it_says_why(farm: StoryFarm) -> None:
    """Nobody wakes it for that."""
    farm.render("a", resources={"netifs": NETIFS})
    farm.render("small", capacity=500)
    farm.apply(events.OperateRender("a", "wol_sleep"))
    farm.take(InstructRender, 1)
    farm.drop_link(farm.core.renders["a"])
    block = farm.submit(1).blocks[0]
    for params, code in (
        ({"paused": True}, "render_paused"),
        ({"max_tasks_host": 0}, "render_slots"),
    ):
        farm.edit(farm.core.renders["a"], **params)
        farm.solve()
        farm.wait(30)
        farm.start(0)
        assert farm.explain(block).classes[0].reason.code == code
        for event in farm.explain(block).cures[0][1].events:
            farm.apply(event)
    assert farm.explain(block).classes[0].reason.code == "render_asleep"
    farm.solve()
    farm.wait(10)
    farm.finish(farm.start(1)[0])
    assert farm.core.renders["a"].waking


def test_a_host_that_slept_through_a_restart_is_woken(farm: StoryFarm) -> None:
    """Nobody knows any more what was free there: that is no reason to let it sleep."""
    resources = {"netifs": NETIFS, "mem_free_mb": 4000, "mem_total_mb": 4000}
    farm.render("a", resources=resources)
    farm.apply(events.OperateRender("a", "wol_sleep"))
    farm.take(InstructRender, 1)
    farm.drop_link(farm.core.renders["a"])
    farm.restart_server()
    farm.render("small", capacity=500)
    block = farm.submit(1, need_memory=2000).blocks[0]
    assert farm.explain(block).classes[0].reason.code == "render_asleep"
    farm.solve()
    farm.wait(10)
    farm.finish(farm.start(1)[0])
    farm.come_back("a", resources=resources)
    assert [run.block for run in farm.start(1)] == [block]


# ------------------------------------------------------------------------ what comes before what


def test_a_mask_is_told_before_what_the_host_lacks(farm: StoryFarm) -> None:
    """The cure is about the host that the work wants."""
    for name in ("r1", "r2", "r3"):
        farm.render(name, capacity=500)
    farm.apply(events.EditPool("/", {"services": ["nuke"]}))
    block = farm.submit(1, service="blender", hosts_mask="r3", capacity=100).blocks[0]
    answer = farm.explain(block)
    assert {found.reason.code: found.names for found in answer.classes} == {
        "hosts_mask": ["r1", "r2"],
        "service_absent": ["r3"],
    }
    (text, commands) = next(
        (reason.text(), cure.commands)
        for reason, cure in answer.cures
        if reason.code == "service_absent"
    )
    assert text == "service blender is not on this host: others are listed by pool /"
    assert commands == ("afcmd renders services add r3 blender",)
    farm.edit(block, capacity=900)
    found = {found.reason.code: found.names for found in farm.explain(block).classes}
    assert found == {"hosts_mask": ["r1", "r2"], "capacity_total": ["r3"]}


def test_who_lists_other_services(farm: StoryFarm) -> None:
    """One group, whoever says so; the render, its pools and the farm file."""
    for name in ("a", "b"):
        farm.render(name)
    block = farm.submit(1, service="maya").blocks[0]
    farm.apply(events.OperatePool("/", "add_pool", name="p"))
    farm.apply(events.OperateRender("b", "set_pool", pool="/p"))
    farm.apply(events.EditPool("/p", {"services": ["nuke"]}))
    farm.apply(events.EditRender("a", {"services": ["nuke"]}))
    (group,) = farm.explain(block).classes
    assert group.shown().text().endswith("others are listed by this render, pool /p")


def give_away(farm: StoryFarm) -> None:
    farm.apply(events.EditRender("r3", {"nimby": True, "user_name": "cleo"}))


@pytest.mark.parametrize(
    ("happens", "code", "behind"),
    [
        (sick, "render_sick", "sick"),
        (paused, "render_paused", "paused"),
        (give_away, "nimby", "nimby"),
        (offline, "render_offline", "offline"),
    ],
)
def test_the_only_host_is_avoided_and_something_else(
    farm: StoryFarm, happens: Callable[[StoryFarm], None], code: str, behind: str
) -> None:
    """To mend the host alone does not help: the errors come first."""
    for name in ("r1", "r2", "r3"):
        farm.render(name)
    members = {"hosts_mask": "r3", "errors_avoid_host": 1, "errors_retries": 9}
    block = farm.submit(2, max_running_tasks=1, **members).blocks[0]
    (run,) = farm.start(1)
    farm.fail(run)
    assert block.stuck
    happens(farm)
    answer = farm.explain(block, 1)
    assert answer.summary == "the only suitable host is avoided"
    first = answer.classes[0].reason
    assert first.code == "block_avoids"
    assert first.text().startswith(f"avoided by the block: 1 error there; {behind}")
    assert [reason.code for reason, _ in answer.cures] == ["block_avoids", code, "hosts_mask"]
    (forget, mend) = (cure for _, cure in answer.cures[:2])
    assert forget.commands == (f"afcmd reset-errors {block.job.id}.{block.spec.name}",)
    if code == "render_offline":
        return
    for event in (*forget.events, *mend.events):
        farm.apply(event)
    assert [run.block for run in farm.start(1)] == [block]


@pytest.mark.parametrize("who", ["job", "user", "branch", "block"])
def test_a_retry_of_work_that_may_not_start(farm: StoryFarm, who: str) -> None:
    """Neither the second that it waits nor a restart would help."""
    farm.render("a")
    job = farm.submit(2, branch="/b")
    farm.fail(farm.start(1)[0])
    assert farm.explain(job.blocks[0]).cures[0][1].text == "wait, or restart the task"
    match who:
        case "job":
            farm.operate(job, "pause")
        case "user":
            farm.edit("anna", paused=True)
        case "branch":
            farm.apply(events.EditBranch("/b", {"paused": True}))
        case _:
            farm.edit(job.blocks[0], max_running_tasks=0)
    answer = farm.explain(job.blocks[0])
    code = "block_max_running" if who == "block" else f"{who}_paused"
    assert answer.work is not None
    assert answer.work.code == code
    for event in answer.cures[0][1].events:
        farm.apply(event)
    assert farm.explain(job.blocks[0]).summary.startswith("the task failed and is tried again in")


def test_a_task_behind_a_preview_of_which_some_wait(farm: StoryFarm) -> None:
    farm.render("a", capacity=99_000, max_tasks=99)
    block = farm.submit(20, sequential=5, ppa=True).blocks[0]
    runs = farm.start(5)
    farm.apply(events.OperateRender("a", "eject_tasks"))
    farm.take(Stop, 5)
    for run in runs:
        farm.finish(run, RunEnd.KILLED)
    assert farm.start() == []
    text = "the task is behind the preview; the rest waits until ppa is switched off"
    assert farm.explain(block, 1).summary == text
    summary = farm.explain(block, 0).summary
    assert summary.startswith("no render takes it now: the task was ejected")
    farm.operate_tasks(block, "trynext", 1, mode="append")
    assert farm.explain(block, 1).work is None
    assert [run.task for run in farm.start(1)] == [1]
    for event in farm.explain(block, 2).cures[0][1].events:
        farm.apply(event)
    assert farm.start(14)[0].task == 2


def test_a_mask_says_how_it_was_read_and_what_the_other_reading_would_do(farm: StoryFarm) -> None:
    """R20: words that exclude too much, an expression that was taken for words."""
    farm.render("r12")
    mask = {"hosts_mask_exclude": "r1"}
    block = farm.submit(1, job=mask).blocks[0]
    ((reason, cure),) = farm.explain(block).cures
    assert reason.text() == (
        "the exclude mask of the job names it: r1, read as words that names begin with"
    )
    assert cure.text == (
        "read the hosts masks of the job as regular expressions, or clear hosts_mask_exclude of"
        " the job"
    )
    assert cure.events == (events.EditJob(block.job.serial, {"hosts_mask_type": "regex"}),)
    everything = farm.submit(1, job={"hosts_mask_exclude": ".*"}).blocks[0]
    ((reason, cure),) = farm.explain(everything).cures
    assert reason.text().endswith("names it: .*, read as a regular expression")
    assert cure.text == "clear hosts_mask_exclude of the job"


def test_the_other_reading_is_offered_only_where_all_masks_allow_it(farm: StoryFarm) -> None:
    farm.render("r1")
    job = farm.submit(
        job={"hosts_mask": "r", "hosts_mask_type": "find"},
        blocks=[{"name": "b", "hosts_mask": "r.+"}, {"name": "c", "hosts_mask": "r("}],
    )
    texts = [farm.explain(block).cures[0][1].text for block in job.blocks]
    assert texts == ["clear hosts_mask of the block"] * 2
    farm.edit(job, hosts_mask="")
    farm.edit(job.blocks[1], hosts_mask="")
    text = farm.explain(job.blocks[0]).cures[0][1].text
    assert text.startswith("read the hosts masks of the job as regular expressions, or clear")


def test_an_exclude_mask_that_is_switched_off_lets_nothing_start(farm: StoryFarm) -> None:
    """R21: it may name the host."""
    farm.core.matcher = slow_on("(a|aa)+b")
    farm.render("r1")
    block = farm.submit(1, job={"hosts_mask_exclude": "(a|aa)+b"}).blocks[0]
    assert farm.start() == []
    ((reason, cure),) = farm.explain(block).cures
    assert reason.text() == (
        "hosts_mask_exclude of the job is switched off, it takes too long to match: (a|aa)+b"
    )
    assert cure.text == "clear hosts_mask_exclude of the job"
