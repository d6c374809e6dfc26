"""The heap of deadlines: what a timer keeps, and when it is dropped unheard.

A timer says when, what for, and about whom; what happens when it comes is in
:mod:`afanasy.core.timers`. It may have a month to go when what it speaks of is gone, so:

* Runs, jobs and blocks stand in it by their numbers, which are never given out again. A timer keeps
  nothing of theirs in memory.
* Of the kinds in :data:`ONCE` a job or render has one pending timer. One that is not earlier is not
  made, for the reaction to the pending one looks again and asks for the rest; an earlier one takes
  the place of the pending one, which then is dead.
* Dead timers (replaced, or about what is gone) are swept out when the heap has doubled since the
  last sweep. So it holds at most :data:`SWEEP_MIN` timers or twice the living ones, and each timer
  pays for one look.
"""

from __future__ import annotations

from heapq import heapify, heappush
from typing import Final, cast

from afanasy.core.state import Block, Farm, Job, Render, Run, Timer
from afanasy.model.ids import RunId

#: Kinds whose reaction asks for what is left of the wait: one pending timer is enough.
ONCE: Final = frozenset({"life", "time_wait", "presence"})
#: Seconds by which two moments are the same: the clocks do not run quite alike.
SAME_S: Final = 0.001
#: A heap of so few timers is not worth a sweep.
SWEEP_MIN: Final = 1024
#: Kinds by whose number is in the timer; a ``rate`` may be a user's or a branch's, too.
_OF_RUNS: Final = frozenset({"limit"})
_OF_JOBS: Final = frozenset({"life", "time_wait", "fresh", "rate"})
_OF_BLOCKS: Final = frozenset({"retry", "forgive"})


def push(farm: Farm, mono: float, what: tuple[object, ...]) -> None:
    """Add a timer: its kind, whom it is about (if anybody), and more that the reaction takes."""
    number = farm.timer_counter + 1
    kind, about = what[0], what[1] if len(what) > 1 else None
    if kind in ONCE:
        pending = cast("Job | Render", about).pending
        before = pending.get(cast(str, kind))
        if before is not None and before[0] <= mono + SAME_S:
            return
        pending[cast(str, kind)] = (mono, number)
    match about:
        case Run():
            what = (kind, about.id, *what[2:])
        case Job():
            what = (kind, about.serial, *what[2:])
        case Block():
            what = (kind, about.key, *what[2:])
        case _:
            pass
    farm.timer_counter = number
    heappush(farm.timers, (mono, number, what))


def take(farm: Farm, timer: Timer) -> tuple[object, ...] | None:
    """The timer has come: what it says, with whom it is about in person. None: it is dead."""
    _, _, (kind, *more) = timer
    if not more:
        return (kind,)
    about = _living(farm, timer)
    if about is not None and kind in ONCE:
        del cast("Job | Render", about).pending[cast(str, kind)]
    return None if about is None else (kind, about, *more[1:])


def _living(farm: Farm, timer: Timer) -> object | None:
    """Whom the timer is about; None when that is gone, or another timer came in its place."""
    mono, number, (kind, key, *_) = timer
    found = key
    if isinstance(key, Render):
        found = farm.renders.get(key.name)
        if found is not key:  # another one of that name
            return None
    elif kind in _OF_RUNS:
        found = farm.runs.get(cast(RunId, key))
        if found is None or not found.current or found.limit_mono != mono:
            return None
    elif kind in _OF_BLOCKS:
        found = farm.blocks.get(cast(int, key))
    elif kind in _OF_JOBS and isinstance(key, int):
        found = farm.jobs.get(key)
    if kind in ONCE and found is not None:
        pending = cast("Job | Render", found).pending.get(cast(str, kind))
        if pending is None or pending[1] != number:
            return None
    return found


def sweep(farm: Farm) -> None:
    """Drop the dead timers, if there are so many timers that it is worth it.

    Called between events: in the midst of one, what a timer is about may not be in its place yet.
    """
    if len(farm.timers) <= farm.timers_most:
        return
    farm.timers[:] = [
        timer for timer in farm.timers if len(timer[2]) == 1 or _living(farm, timer) is not None
    ]
    heapify(farm.timers)
    farm.timers_most = max(SWEEP_MIN, 2 * len(farm.timers))
