"""The explanations tell what the code does: their example is played, their figures are compared."""

from __future__ import annotations

import re

from afanasy.core.depend import overlap
from afanasy.core.host import pool_edits, power
from afanasy.core.job import lives
from afanasy.core.place import checks_host, draining, reasons
from afanasy.core.run import cool_off, ends, errors, holds
from afanasy.core.state import Block
from afanasy.core.why import explain
from afanasy.model.attributes import CAPACITY_DEFAULT, FLAG_DEPEND_SUB_TASK, BranchSpec, UserSpec
from afanasy.wire import stream
from harness.farm import StoryFarm
from harness.packages import ROOT

EXPLAIN = ROOT / "docs" / "explain"


def page(name: str) -> str:
    """The page as one line of text."""
    return " ".join((EXPLAIN / name).read_text(encoding="utf-8").split())


def owners(farm: StoryFarm) -> list[str]:
    return [run.block.job.user.name for run in farm.start()]


def test_the_example_of_the_next_user(farm: StoryFarm) -> None:
    """Anna runs 3 tasks, Kim 1: the next two slots are Kim's, then both have the same need."""
    farm.render("first", capacity=3000)
    farm.submit(9, user="anna")
    assert owners(farm) == ["anna"] * 3
    farm.render("second", capacity=1000)
    farm.edit("anna", paused=True)
    farm.submit(9, user="kim")
    assert owners(farm) == ["kim"]
    farm.edit("anna", paused=False)
    for name, expected in (("third", ["kim"]), ("fourth", ["kim"])):
        farm.render(name, capacity=1000)
        assert owners(farm) == expected
    farm.render("fifth", capacity=2000)
    assert sorted(owners(farm)) == ["anna", "kim"]


def test_the_share_of_seven_steps_of_priority(farm: StoryFarm) -> None:
    """With 99 and 106 the second user gets about 8 of 12 slots."""
    for name in ("anna", "kim"):
        farm.submit(20, user=name)
    farm.edit("kim", priority=106)
    farm.render("big", capacity=12_000, max_tasks=12)
    started = owners(farm)
    assert len(started) == 12
    assert 7 <= started.count("kim") <= 9
    assert "Of 12 slots the second user gets about 8." in page("how-it-decides.md")


def test_figures_of_the_page_about_deciding() -> None:
    text, user = page("how-it-decides.md"), UserSpec()
    hours = user.errors_forgive_time // 3600
    for sentence in (
        f"Up to `errors_retries` errors ({user.errors_retries})",
        f"After `errors_avoid_host` errors ({user.errors_avoid_host})",
        f"after `errors_task_same_host` ({user.errors_task_same_host})",
        f"`errors_forgive_time` ({hours} hours)",
        f"1, 2, 4 … at most {errors.RETRY_WAIT_MAX_S} seconds",
        f"{cool_off.COOL_FIRST_S:g} seconds, doubling to {cool_off.COOL_MAX_S / 60:g} minutes,",
        f"whole farm for {holds.FIRST_S:g} seconds, doubling to {holds.MAX_S / 60:g} minutes",
        f"a capacity of {pool_edits.ROOT_CAPACITY}",
        f"takes {pool_edits.ROOT_MAX_TASKS} tasks at a time; a task takes {CAPACITY_DEFAULT}",
        f"refused for {draining.STARVED_S:g} seconds *only* for capacity",
        f"no job is deleted for {lives.HOLD_S / 60:g} minutes",
        f"one such host is woken every {power.LOOK_S:g} seconds",
        f"silent for {stream.DEAD_AFTER_S:g} seconds is offline",
    ):
        assert sentence in text, sentence
    assert cool_off.COOL_ERRORS == 5
    assert "Five errors in a row on a host, from two jobs" in text
    assert cool_off.COOL_JOBS == 2
    assert ends.DEATHS_MAX == 3
    assert "three different renders died" in text
    assert checks_host.EJECT_AWAY_S == 600
    assert lives.STEP_MAX_S == 60
    assert "is set by more than a minute" in text
    assert explain.CURES_SHOWN == 3
    assert "the first three reasons of renders" in text
    assert user.errors_job_max == 0
    assert UserSpec().solve_method == "solve_order"
    assert BranchSpec().solve_need == "solve_tasksnum"


def frames_of(block: Block, label: str) -> int:
    """The number of the task that has these frames."""
    (task,) = [n for n in range(block.tasks_num) if block.task_name(n) == f"frame {label}"]
    return task


def test_the_example_of_dependences_by_frames(farm: StoryFarm) -> None:
    """The table of the page, row by row; then it is played."""
    part = (EXPLAIN / "how-it-decides.md").read_text(encoding="utf-8").split("### By frames\n")[1]
    rows = re.findall(r"^\| ([\d-]+) \| ([\d, ]+) \|", part.split("\n### ")[0], re.MULTILINE)
    assert len(rows) == 5
    sim = {"name": "sim", "frame_first": 1, "frame_last": 10, "frames_inc": 3}
    render = {"name": "render", "frames": 12, "tasks_depend_mask": "sim"}
    job = farm.submit(blocks=[sim, render, {**render, "name": "big", "frames_per_task": 4}])
    source, singles, fours = job.blocks
    for label, needed in rows:
        block = fours if "-" in label else singles
        (link,) = block.needs
        found = overlap.needs(link.mine, frames_of(block, label), link.theirs)
        names = [source.task_name(task) for one in found for task in one]
        assert names == [f"frame {frame}" for frame in needed.split(", ")], label
    farm.render("a", max_tasks=1)
    for frame in (1, 4):
        (run,) = farm.start()
        assert (run.block, source.task_name(run.task)) == (source, f"frame {frame}")
        farm.finish(run)
    assert [run.block for run in farm.start()] == [source]
    ready = [n for n in range(12) if farm.state(singles, n) == "RDY"]
    assert [singles.task_name(n) for n in ready] == [f"frame {n}" for n in range(1, 7)]
    assert "When frame 4 of `sim` is done, 4, 5 and 6 of `render` are ready." in part


def test_the_example_of_frames_that_a_running_task_gives_away(farm: StoryFarm) -> None:
    sim = {"name": "sim", "frames": 10, "frames_per_task": 10, "flags": FLAG_DEPEND_SUB_TASK}
    job = farm.submit(blocks=[sim, {"name": "render", "frames": 10, "tasks_depend_mask": "sim"}])
    farm.render("a", max_tasks=1)
    (run,) = farm.start()
    farm.progress(run, 10, frame=3)
    render = job.blocks[1]
    assert [farm.state(render, n) for n in range(4)] == ["RDY", "RDY", "RDY", "WDP"]


def test_the_example_of_promised_memory(farm: StoryFarm) -> None:
    """Of two tasks that need 16 GB only one starts on a host with 24 GB free: 8 are left."""
    farm.render("a", capacity=8000, resources={"mem_free_mb": 24_000, "mem_total_mb": 32_000})
    job = farm.submit(2, need_memory=16_000)
    assert len(farm.start()) == 1
    (found,) = farm.explain(job.blocks[0], 1).classes
    assert found.reason == reasons.Reason("need_memory", (16_000, 8_000))


def test_every_limit_has_its_reason() -> None:
    """The table of limits names those that a reason speaks of, and no others."""
    text = (EXPLAIN / "how-it-decides.md").read_text(encoding="utf-8")
    part = text.split("## Limits\n")[1].split("\n## ")[0]
    codes = {code for code in reasons.SENTENCES if re.search("max_running|per_host|rate$", code)}
    assert codes == {
        f"{whose}_{limit}"
        for whose in ("user", "branch", "job", "block")
        for limit in ("max_running", "per_host", "rate")
        if (whose, limit) != ("block", "rate")
    }
    for name in ("max_running_tasks", "max_running_tasks_per_host", "max_tasks_per_second"):
        assert f"`{name}`" in part
    of = re.findall(r"^\| (\w+) \|", part, re.MULTILINE)
    assert len(of) == len(set(of)), "one row for each"


def test_the_contract_names_tests_that_exist() -> None:
    text = (EXPLAIN / "run-contract.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/.]+)`", text))
    assert len(named) >= 7
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
