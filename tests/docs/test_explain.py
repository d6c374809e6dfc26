"""The explanations tell what the code does: their example is played, their figures are compared."""

from __future__ import annotations

import re

from afanasy.core import checks, ends, errors, holds, render_state
from afanasy.model.attributes import CAPACITY_DEFAULT, UserSpec
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
        f"{errors.COOL_FIRST_S:g} seconds, doubling to {errors.COOL_MAX_S / 60:g} minutes, then",
        f"whole farm for {holds.FIRST_S:g} seconds, doubling to {holds.MAX_S / 60:g} minutes",
        f"a capacity of {render_state.HOST_CAPACITY_DEFAULT}",
        f"takes {render_state.HOST_MAX_TASKS_DEFAULT} tasks at a time; a task takes "
        f"{CAPACITY_DEFAULT}",
        f"silent for {stream.DEAD_AFTER_S:g} seconds is offline",
    ):
        assert sentence in text, sentence
    assert errors.COOL_ERRORS == 5
    assert "Five errors in a row on a host, from two jobs" in text
    assert errors.COOL_JOBS == 2
    assert ends.DEATHS_MAX == 3
    assert "three different renders died" in text
    assert checks.EJECT_AWAY_S == 600


def test_every_limit_has_its_reason() -> None:
    """The table of limits names those that a reason speaks of, and no others."""
    text = (EXPLAIN / "how-it-decides.md").read_text(encoding="utf-8")
    part = text.split("## Limits\n")[1].split("\n## ")[0]
    codes = {code for code in checks.SENTENCES if re.search("max_running|per_host|rate$", code)}
    assert codes == {
        f"{whose}_{limit}"
        for whose in ("user", "job", "block")
        for limit in ("max_running", "per_host", "rate")
        if (whose, limit) != ("block", "rate")
    }
    for name in ("max_running_tasks", "max_running_tasks_per_host", "max_tasks_per_second"):
        assert f"`{name}`" in part


def test_the_contract_names_tests_that_exist() -> None:
    text = (EXPLAIN / "run-contract.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/.]+)`", text))
    assert len(named) >= 7
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
