"""``python -m afanasy.sim``: live through seeds, print what a failing one did.

python -m afanasy.sim --seed 17              one seed; prints its hash and marks
python -m afanasy.sim --seed 17 --trace      with its whole history
python -m afanasy.sim --seeds 0-4999 -j 2    many, on two processes
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from afanasy.sim.simulation import CHECK_EVERY, STEPS, Result, simulate
from afanasy.sim.world import MARKS

#: Lines of a story that are printed; the first ones are left out.
STORY_LINES = 80


def make_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m afanasy.sim", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="one seed")
    what.add_argument("--seeds", metavar="A-B", help="all seeds from A to B")
    parser.add_argument("--steps", type=int, default=STEPS, help="how much a seed draws")
    parser.add_argument(
        "--check-every",
        type=int,
        default=CHECK_EVERY,
        help="recount everything every so many batches",
    )
    parser.add_argument("--trace", action="store_true", help="print the whole history")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="processes")
    return parser


def report(result: Result, steps: int) -> list[str]:
    """The lines about a failing seed."""
    failure = result.failure
    assert failure is not None
    lines = [
        f"seed {result.seed} FAILED after {result.virtual_s:.1f} s: {failure}",
        f"  replay: python -m afanasy.sim --seed {result.seed} --steps {steps} --trace",
    ]
    story = result.story()[-STORY_LINES:]
    if failure.task:
        lines.append(f"  the story of task {failure.task}:")
    return [*lines, *(f"    {line}" for line in story)]


def run_many(first: int, last: int, steps: int, check_every: int, jobs: int) -> Iterator[Result]:
    """Results of a range of seeds, in order."""
    one = partial(simulate, steps=steps, check_every=check_every)
    seeds = range(first, last + 1)
    if jobs == 1:
        yield from map(one, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(one, seeds, chunksize=4)


def main() -> int:
    """Exit code 1 when a seed failed."""
    options = make_parser().parse_args()
    if options.seed is not None:
        first = last = options.seed
    else:
        low, _, high = options.seeds.partition("-")
        first, last = int(low), int(high or low)
    began = time.monotonic()
    marks: Counter[str] = Counter()
    failed: list[int] = []
    events, count = 0, 0
    for result in run_many(first, last, options.steps, options.check_every, options.jobs):
        count += 1
        marks.update(result.marks)
        events += result.events
        if options.trace:
            print("\n".join(result.history))
        if result.failure is not None:
            failed.append(result.seed)
            print("\n".join(report(result, options.steps)), flush=True)
        if first == last:
            print(f"seed {result.seed}: history {result.digest}, {result.virtual_s:.0f} s")
    spent = time.monotonic() - began
    print(
        f"{count} seeds, {len(failed)} failed, {events} events,"
        f" {spent:.1f} s, {count / spent:.1f} seeds/s"
    )
    print("marks: " + ", ".join(f"{name} {marks[name]}" for name in MARKS))
    if failed:
        print("failed: " + " ".join(map(str, failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
