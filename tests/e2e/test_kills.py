"""``kill -9`` of anything loses nothing that anybody was told (DESIGN 2, run contract).

200 tasks append ``begin N`` and, a moment later, ``end N`` to one file. However often the server,
an agent or both are killed in between, every line is there exactly once at the end: no task ran
twice, none was interrupted, and what was done stayed done.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from harness.processes import Farm, wait_until

TASKS = 200
SEED = 20261125


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def done_tasks(farm: Farm, job: int) -> set[int]:
    progress = farm.progress(job)[0]
    return {n for n, task in enumerate(progress) if "DON" in task.get("state", "").split()}


def committed_tasks(farm: Farm, job: int, round_: int) -> set[int]:
    """Tasks that are done for good."""
    done = done_tasks(farm, job)
    farm.store(job, f"round {round_}")
    return done


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("victim", ["server", "agent", "both"])
def test_every_line_exactly_once(real: Farm, tmp_path: Path, victim: str) -> None:
    chance = random.Random(f"{SEED} {victim}")
    file = tmp_path / "lines"
    for name in ("a", "b"):
        real.start_render(name, "--capacity", "4000", "--max-tasks", "4")
    command = f"echo begin @#@ >> {file}; sleep 0.25; echo end @#@ >> {file}"
    job = real.submit(
        {"flags": 1, "frame_first": 1, "frame_last": TASKS, "command": command, "capacity": 1000}
    )
    kills = 20
    finished: set[int] = set()
    for n in range(kills):
        # The next kill comes after a few more lines, at a random moment between two of them.
        aim = (n + 1) * 2 * TASKS // (kills + 4)
        wait_until(lambda aim=aim: len(lines_of(file)) >= aim, f"{aim} lines", pause_s=0.01)
        time.sleep(chance.uniform(0, 0.1))  # not synchronisation: the moment is to be random
        finished |= committed_tasks(real, job, n)
        if victim in ("server", "both"):
            assert real.server is not None
            real.server.kill9()
        if victim in ("agent", "both"):
            name = chance.choice(("a", "b"))
            real.renders[name].kill9()
            real.start_render(name, wait=False)
        if victim in ("server", "both"):
            real.start_server()
        lost = finished - done_tasks(real, job)
        assert not lost, f"kill {n}: finished tasks that are not any more: {lost}"
    real.wait_job(job, "DON", deadline_s=120)
    count = Counter(lines_of(file))
    expected = {f"{word} {n}" for n in range(1, TASKS + 1) for word in ("begin", "end")}
    assert set(count) == expected
    assert set(count.values()) == {1}, [line for line, times in count.items() if times > 1]
    starts = [task.get("str") for task in real.progress(job)[0]]
    again = [n for n, times in enumerate(starts) if times != 1]
    # A start that was committed and never reached its render is given back and started again.
    for task in again:
        ends = [run["status"] for run in real.story(job, 0, task)["runs"]]
        assert ends.count(5) == 1, f"task {task} has ends {ends}"
