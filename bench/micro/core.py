"""What the core costs: microseconds a task at saturation, and big submissions.

``python bench/micro/core.py`` prints a table, ``--json`` the same as JSON. Nothing is asserted: the
figures depend on the machine, and are stored with its name by whoever compares them.

*A task* is its whole way through the core: its result is applied, its slot is filled by the next
pass of solving, and the rows of both are made. 100 renders of 10 slots are always full; they report
in batches of 100 results, as a busy loop would gather them, or one by one. CPU time of the process
is measured, so that neighbours disturb little.

Needs no network and no disk; one process, one core.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import re
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from afanasy.core import events
from afanasy.core.effects import Start
from afanasy.core.job.submit import found_system_job
from afanasy.core.place.solve import solve
from afanasy.core.reactor import apply
from afanasy.core.rows import take_rows
from afanasy.core.state import Farm, Run
from afanasy.model.attributes import BlockSpec, JobSpec
from afanasy.model.clock import Now
from afanasy.model.states import RunEnd

RENDERS = 100
SLOTS = 10
BATCH = 100


class Clock:
    """Time of the farm: a millisecond a batch."""

    def __init__(self) -> None:
        self.mono = 1000.0

    def now(self) -> Now:
        self.mono += 0.001
        return Now(self.mono, 1_800_000_000.0 + self.mono)


def full_match(mask: str, name: str) -> bool:
    return re.fullmatch(mask, name) is not None


def new_farm(clock: Clock, renders: int = RENDERS) -> Farm:
    farm = Farm("bench", 1, full_match)
    found_system_job(farm, clock.now())
    for n in range(renders):
        hello = events.RenderHello(
            n + 1, f"render{n:04}", f"i{n}", "b", "root", capacity=SLOTS * 1000, max_tasks=SLOTS
        )
        apply(farm, hello, clock.now())
    take_rows(farm)
    farm.effects.clear()
    return farm


def submit(farm: Farm, clock: Clock, tasks: int, user: str = "anna", blocks: int = 1) -> None:
    submitted = [
        events.BlockSubmission(
            BlockSpec(flags=1, frame_first=1, frame_last=tasks // blocks, command="true @#@")
        )
        for _ in range(blocks)
    ]
    apply(farm, events.Submit(JobSpec(name="job", user_name=user), submitted), clock.now())


def started(farm: Farm) -> list[Run]:
    runs = [effect.run for effect in farm.effects if isinstance(effect, Start)]
    farm.effects.clear()
    return runs


def saturation(jobs: int, tasks: int, *, count: int, batch: int = BATCH) -> dict[str, float]:
    """Microseconds a task of apply, solve and rows; ``count`` tasks at most are measured."""
    clock = Clock()
    farm = new_farm(clock)
    for n in range(jobs):
        submit(farm, clock, tasks, f"user{n % 10}")
    solve(farm, clock.now())
    take_rows(farm)
    running = deque(started(farm))
    spent = {"apply": 0.0, "solve": 0.0, "rows": 0.0}
    done = 0
    clock_of = time.process_time
    gc.collect()
    while running and done < count:
        results = [
            events.RunFinished(run.render.name, run.id, RunEnd.SUCCESS, 0, 1.0)
            for run in (running.popleft() for _ in range(min(batch, len(running))))
        ]
        now = clock.now()
        t0 = clock_of()
        for result in results:
            apply(farm, result, now)
        t1 = clock_of()
        solve(farm, now)
        t2 = clock_of()
        take_rows(farm)
        t3 = clock_of()
        spent["apply"] += t1 - t0
        spent["solve"] += t2 - t1
        spent["rows"] += t3 - t2
        done += len(results)
        running.extend(started(farm))
    figures = {name: round(seconds / done * 1e6, 2) for name, seconds in spent.items()}
    return {**figures, "total": round(sum(spent.values()) / done * 1e6, 2), "tasks": done}


def memory_kb() -> int:
    """Memory of this process that is its own."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1])
    return 0


def big_submissions(jobs: int, tasks: int) -> dict[str, float]:
    """Submit, start ten tasks of each, skip all the others of the first, restart them."""
    clock = Clock()
    farm = new_farm(clock, jobs)
    gc.collect()
    memory = memory_kb()

    def timed(work: Callable[[], Any]) -> float:
        begun = time.process_time()
        work()
        take_rows(farm)
        return round((time.process_time() - begun) * 1000, 3)

    result: dict[str, float] = {}
    result["submit_ms"] = timed(
        lambda: [submit(farm, clock, tasks, f"user{n}") for n in range(jobs)]
    )
    result["submitted_kb"] = memory_kb() - memory
    result["first_starts_ms"] = timed(lambda: solve(farm, clock.now()))
    result["started_kb"] = memory_kb() - memory
    farm.effects.clear()
    for name, operation in (("skip_ms", "skip"), ("restart_ms", "restart")):
        event = events.OperateBlocks(1, [0], operation)
        result[name] = timed(lambda event=event: apply(farm, event, clock.now()))
    result["skipped_kb"] = memory_kb() - memory
    return result


def crowd(jobs: int) -> dict[str, float]:
    """A farm with many waiting jobs that fit nowhere: what an idle pass and a result cost."""
    clock = Clock()
    farm = new_farm(clock)
    for n in range(jobs):
        block = BlockSpec(flags=1, frame_last=9, capacity=10**6)
        spec = JobSpec(name="big", user_name=f"user{n % 50}")
        apply(farm, events.Submit(spec, [events.BlockSubmission(block)]), clock.now())
    submit(farm, clock, 10_000)
    begun = time.process_time()
    solve(farm, clock.now())
    first = time.process_time() - begun
    running = deque(started(farm))
    take_rows(farm)
    begun = time.process_time()
    for _ in range(500):
        run = running.popleft()
        now = clock.now()
        apply(farm, events.RunFinished(run.render.name, run.id, RunEnd.SUCCESS, 0, 1.0), now)
        solve(farm, now)
        take_rows(farm)
        running.extend(started(farm))
    each = (time.process_time() - begun) / 500
    return {"first_pass_ms": round(first * 1e3, 2), "result_us": round(each * 1e6, 1)}


def measure(*, quick: bool) -> dict[str, Any]:
    """All figures."""
    count = 20_000 if quick else 200_000
    sizes = [1_000, 10_000, 100_000, 1_000_000]
    return {
        "machine": f"{platform.node()}, Python {platform.python_version()}",
        "saturation_us": {
            **{f"1 job of {n:,}": saturation(1, n, count=count) for n in sizes},
            "100 jobs of 10,000, 10 users": saturation(100, 10_000, count=count),
            "1 job of 100,000, results one by one": saturation(1, 100_000, count=count, batch=1),
        },
        "big_jobs": {
            "1 job of 1,000,000": big_submissions(1, 1_000_000),
            "10 jobs of 1,000,000": big_submissions(10, 1_000_000),
        },
        "crowd": {f"{n:,} jobs that fit nowhere": crowd(n) for n in (100, 10_000)},
    }


def print_tables(found: dict[str, Any]) -> None:
    """For people."""
    print(found["machine"])
    print(f"{RENDERS} renders of {SLOTS} slots, results in batches of {BATCH}")
    titles = {
        "saturation_us": "microseconds a task at saturation",
        "big_jobs": "big jobs: milliseconds and kilobytes",
        "crowd": "many waiting jobs",
    }
    for key, title in titles.items():
        rows: dict[str, dict[str, float]] = found[key]
        columns = list(next(iter(rows.values())))
        print(f"\n{title}")
        print(f"{'':38}" + "".join(f"{column:>17}" for column in columns))
        for name, figures in rows.items():
            print(f"{name:38}" + "".join(f"{figures[column]:>17,}" for column in columns))


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--quick", action="store_true", help="a tenth of the tasks")
    options = parser.parse_args()
    found = measure(quick=options.quick)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print_tables(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
