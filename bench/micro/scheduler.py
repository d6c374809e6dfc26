"""What scheduling costs on a big farm: milliseconds and microseconds of the core alone.

``python bench/micro/scheduler.py`` prints a table, ``--json`` the same as JSON. Nothing is
asserted: the figures depend on the machine.

* *fill*: one pass that fills 4,000 slots of an empty farm (1,000 renders of 4).
* *end to start*: one result on a full farm, and the start that takes the slot.
* *batch*: 1,500 renders and 10,000 waiting jobs; 100 results and the pass behind them.
* *hopeless*: the same with 10,000 jobs that no render can run, before the one that can.
* *refused*: one end and the start behind it beside 10,000 waiting jobs that ask for memory that is
  not free, for a service without licences, or that wait in a paused branch.
* *by branches*: 10,000 waiting jobs of 50 users in 20 branches, shared by these (by their users, or
  job by job); one result, and the start that takes the slot.
* *block size*: a start of a block of 1,000 and of one of 1,000,000 tasks.

CPU time of the process is measured.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import statistics
import time
from collections import deque
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


class Story:
    """A farm with a clock that goes a millisecond a step."""

    def __init__(self, renders: int, slots: int) -> None:
        self.mono = 1000.0
        self.farm = Farm("bench", 1, lambda mask, name: re.fullmatch(mask, name) is not None)
        found_system_job(self.farm, self.now())
        for number in range(renders):
            hello = events.RenderHello(
                number + 1, f"r{number:04}", f"i{number}", "boot", "bench",
                capacity=slots * 1000, max_tasks=slots,
            )  # fmt: skip
            apply(self.farm, hello, self.now())
        self.settle()

    def now(self) -> Now:
        self.mono += 0.001
        return Now(self.mono, 1_800_000_000.0 + self.mono)

    def submit(self, tasks: int, *, user: str = "anna", branch: str = "/", **members: Any) -> None:
        spec = BlockSpec(flags=1, frame_first=1, frame_last=tasks, **members)
        job = JobSpec(name="job", user_name=user, branch=branch)
        apply(self.farm, events.Submit(job, [events.BlockSubmission(spec)]), self.now())

    def settle(self) -> list[Run]:
        """Rows and effects are taken; the started runs."""
        take_rows(self.farm)
        runs = [effect.run for effect in self.farm.effects if isinstance(effect, Start)]
        self.farm.effects.clear()
        return runs

    def solve(self) -> list[Run]:
        solve(self.farm, self.now())
        return self.settle()

    def finish(self, run: Run) -> None:
        event = events.RunFinished(run.render.name, run.id, RunEnd.SUCCESS, elapsed_s=1.0)
        apply(self.farm, event, self.now())


def seconds_of(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def fill() -> float:
    story = Story(1000, 4)
    story.submit(100_000)
    return seconds_of(lambda: solve(story.farm, story.now())) * 1000


def end_to_start(story: Story, rounds: int = 300) -> float:
    """Median microseconds of one result and the start behind it."""
    running = deque(story.solve())
    found: list[float] = []
    for _ in range(rounds):
        began = time.process_time()
        story.finish(running.popleft())
        solve(story.farm, story.now())
        found.append(time.process_time() - began)
        running.extend(story.settle())
    return statistics.median(found) * 1e6


def big_batch(hopeless: int, waiting: int) -> float:
    """Median milliseconds of a batch of 100 results."""
    story = Story(1500, 4)
    for number in range(hopeless):
        story.submit(10, user=f"u{number % 50}", hosts_mask=f"other{number % 100}")
    for number in range(waiting):
        story.submit(10, user=f"u{number % 50}")
    running = deque(story.solve())
    found: list[float] = []
    for _ in range(20):
        ends = [running.popleft() for _ in range(100)]
        began = time.process_time()
        for run in ends:
            story.finish(run)
        solve(story.farm, story.now())
        found.append(time.process_time() - began)
        running.extend(story.settle())
    return statistics.median(found) * 1000


def refused(why: str) -> float:
    """Median microseconds of one result and the start behind it, beside 10,000 refused jobs."""
    story = Story(100, 4)
    for number in range(100):
        resources: dict[str, object] = {"mem_free_mb": 4000, "mem_total_mb": 64_000}
        apply(story.farm, events.RenderResources(f"r{number:04}", resources), story.now())
    if why == "licences":
        story.submit(1, service="nuke")
        (run,) = story.solve()
        end = events.RunFinished(
            run.render.name, run.id, RunEnd.ERROR, elapsed_s=1.0, error_class="licence"
        )
        apply(story.farm, end, story.now())
    members: dict[str, Any] = {
        "memory": {"need_memory": 32_000},
        "licences": {"service": "nuke"},
        "branch": {"branch": "/film"},
    }[why]
    for number in range(10_000):
        story.submit(10, user=f"u{number % 50}", **members)
    if why == "branch":
        pause = events.EditBranch("/film", {"paused": True})
        apply(story.farm, pause, story.now())
    story.submit(1_000_000, user="last")
    return end_to_start(story)


def by_branches(*, solve_jobs: bool) -> float:
    """Median microseconds of one result and the start behind it."""
    story = Story(100, 4)
    switch = events.ChangeSettings({"af_solve_branches": True}, by="bench")
    apply(story.farm, switch, story.now())
    for number in range(10_000):
        story.submit(10, user=f"u{number % 50}", branch=f"/b{number % 20}")
    for number in range(20):
        edit = events.EditBranch(f"/b{number}", {"solve_jobs": solve_jobs})
        apply(story.farm, edit, story.now())
    return end_to_start(story)


def one_slot(tasks: int) -> float:
    story = Story(1, 1)
    story.submit(tasks)
    return end_to_start(story)


def measure() -> dict[str, float]:
    full = Story(1000, 4)
    full.submit(1_000_000)
    hopeless = Story(100, 4)
    for number in range(10_000):
        hopeless.submit(10, user=f"u{number % 50}", hosts_mask=f"other{number % 100}")
    hopeless.submit(1_000_000, user="last")
    return {
        "fill 4,000 slots, ms": fill(),
        "end to start, 4,000 slots, us": end_to_start(full),
        "end to start behind 10,000 hopeless jobs, us": end_to_start(hopeless),
        "the same behind 10,000 that want memory, us": refused("memory"),
        "the same behind 10,000 that want licences, us": refused("licences"),
        "the same behind 10,000 in a paused branch, us": refused("branch"),
        "batch of 100 results, 1,500 renders, 10,000 waiting jobs, ms": big_batch(0, 10_000),
        "the same with 10,000 hopeless jobs too, ms": big_batch(10_000, 10_000),
        "end to start, 10,000 jobs by 20 branches, us": by_branches(solve_jobs=False),
        "the same, jobs beside each other, us": by_branches(solve_jobs=True),
        "end to start, block of 1,000, us": one_slot(1000),
        "end to start, block of 1,000,000, us": one_slot(1_000_000),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    gc.set_threshold(50_000, 50, 100)
    found = measure()
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:62} {value:10.1f}")


if __name__ == "__main__":
    main()
