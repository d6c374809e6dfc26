"""The CI set of seeds: nothing fails, what matters happens often enough, a seed is one history."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from afanasy.sim import starts
from afanasy.sim.__main__ import report
from afanasy.sim.simulation import STEPS, simulate
from harness.sim_set import LAST_SEED, MARKS_MIN

#: Marks of the issue, and what else must not become rare.
WANTED = ("partition", "adoption", "stale run", "hold", "cool-off", "reservation", "licence hold",
          "server kill", "agent restart", "host crash", "clock jump", "lost reply",
          "need refused", "service limit", "ticket limit", "branch limit", "farm reload",
          "farm refused", "pool paused", "post command", "pre command", "life over", "sleep",
          "wake", "reboot", "sub-task")  # fmt: skip


@pytest.mark.slow
def test_no_seed_of_the_set_fails_and_all_marks_are_hit() -> None:
    marks: Counter[str] = Counter()
    failed: list[str] = []
    for seed in range(LAST_SEED + 1):
        result = simulate(seed)
        marks.update(result.marks)
        if result.failure is not None:
            failed += report(result, STEPS)
    assert not failed, "\n" + "\n".join(failed)
    rare = {name: marks[name] for name in WANTED if marks[name] < MARKS_MIN}
    assert not rare, f"too rare in {LAST_SEED + 1} seeds: {rare}"


def test_a_seed_is_the_same_history_under_every_hash_seed() -> None:
    def histories(hash_seed: str) -> list[str]:
        command = [sys.executable, "-m", "afanasy.sim", "--seed"]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        lines: list[str] = []
        for seed in ("2", "17", "35"):
            done = subprocess.run(
                [*command, seed], env=environment, capture_output=True, text=True, check=True
            )
            lines += [line for line in done.stdout.splitlines() if "history" in line]
        return lines

    first = histories("0")
    assert len(first) == 3
    assert first == histories("1") == histories("random")


def test_a_failing_seed_says_how_to_replay_it_and_tells_the_story_of_the_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def third_start(_safety: object, _farm: object, fact: object, _block: object) -> str:
        return "it is the third" if getattr(fact, "row", ((),))[3] == 2 else ""

    monkeypatch.setattr(starts, "CHECKS", (*starts.CHECKS, ("no second start", third_start)))
    result = next(r for r in map(simulate, range(50)) if r.failure is not None)
    assert result.failure is not None
    assert result.failure.check == "no second start"
    text = "\n".join(report(result, STEPS))
    assert f"python -m afanasy.sim --seed {result.seed} --steps {STEPS} --trace" in text
    task = result.failure.task
    starts_told = [line for line in text.splitlines() if "starts run" in line]
    assert len(starts_told) == 2
    assert all(f"<{task}>" in line for line in starts_told)
    again = simulate(result.seed)
    assert again.digest == result.digest
    assert again.history == result.history
