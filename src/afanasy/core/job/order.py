"""The order in which a block's tasks are tried: ``sequential`` (SEMANTICS 1.5).

An order is a bijection between *ranks* (0 is tried first) and task numbers. Both ways are computed
by arithmetic, so an order of ten million tasks costs nothing to make. The rules:

* 1 ascending, -1 descending;
* n > 1: the first task, the last task, the *stepped* tasks (those with a frame that is a multiple
  of n) ascending, the rest ascending; n < -1: stepped descending, the rest descending;
* 0, middle-out: for k = 1, 2, 4, 8 … the positions ⌊i·N/k⌋ for i = 0…k (the last clamped to N-1)
  that were not tried yet, then the rest ascending.
"""

from __future__ import annotations

from bisect import bisect_left
from math import gcd
from typing import NamedTuple


class Frames(NamedTuple):
    """Which frames the tasks of a block stand for; list blocks have first 0 and inc 1."""

    first: int
    per_task: int
    inc: int


class TaskOrder:
    """Ranks and tasks of a block of ``count`` tasks. Base: ascending."""

    #: Ranks are task numbers: the scheduler may search the state column directly.
    ascending = True
    descending = False

    def __init__(self, count: int) -> None:
        self.count = count

    def task_at(self, rank: int) -> int:
        """The task tried ``rank``-th."""
        return rank

    def rank_of(self, task: int) -> int:
        """When ``task`` is tried: the inverse of :meth:`task_at`."""
        return task

    def stepped_count(self) -> int:
        """Ranks that come before the rest (a job with `ppa` stops there); all without a step."""
        return self.count


class Descending(TaskOrder):
    """``sequential`` -1."""

    ascending = False
    descending = True

    def task_at(self, rank: int) -> int:
        """The last one first."""
        return self.count - 1 - rank

    def rank_of(self, task: int) -> int:
        """The inverse."""
        return self.count - 1 - task


class MiddleOut(TaskOrder):
    """``sequential`` 0.

    While k ≤ N the positions of one level are all different, and those with odd i are the new ones;
    level L > 0 therefore begins at rank 2^(L-1) + 1. When N is a power of two the last level meets
    N-1 again, which level 0 took already.
    """

    ascending = False

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._level_last = count.bit_length() - 1
        self._k_last = 1 << self._level_last
        # Ranks of the levels: 0 and N-1, then 2^(L-1) positions each, one less where k = N.
        self._covered = min(count, 1 + self._k_last)

    def task_at(self, rank: int) -> int:
        """The ends, the levels, then the rest ascending."""
        count = self.count
        if rank < 2:
            return rank * (count - 1)
        if rank < self._covered:
            level = (rank - 1).bit_length()
            i = 2 * (rank - (1 << (level - 1)) - 1) + 1
            return i * count >> level
        # The rest ascending: the task with (rank - covered) uncovered tasks below it.
        wanted = rank - self._covered
        return bisect_left(range(count), wanted + 1, key=lambda task: self._rest_below(task + 1))

    def rank_of(self, task: int) -> int:
        """The inverse."""
        count = self.count
        if task == 0:
            return 0
        if task == count - 1:
            return 1
        for level in range(1, self._level_last + 1):
            i = -(-(task << level) // count)
            if i * count >> level == task:
                return (1 << (level - 1)) + 1 + (i - 1) // 2
        return self._covered + self._rest_below(task)

    def _rest_below(self, task: int) -> int:
        """How many tasks below ``task`` no level reaches."""
        covered = -(-(task << self._level_last) // self.count)
        if task == self.count and self._k_last != self.count:
            covered += 1  # N-1, which only the clamped end of each level reaches
        return task - min(covered, task)


class Stepped(TaskOrder):
    """``sequential`` n > 1 or n < -1.

    Frames that are multiples of n repeat every m = n / gcd(n, inc) frames of the block. When m is
    not below the frames of a task each such frame lies in a task of its own; else every full task
    has one.
    """

    ascending = False

    def __init__(self, count: int, step: int, frames: Frames, frames_num: int) -> None:
        super().__init__(count)
        self._down = step < 0
        step = abs(step)
        self._tiles = 0  # > 0: that many tasks share a frame
        self._offset, self._period, self._per_task = _progression(step, frames)
        if frames.per_task < 0:
            self._tiles = -frames.per_task
            self._steps = self._before_tiles(count, step)
            self._step = step
        else:
            self._step = step
            self._frames_num = frames_num
            self._steps = self._before_frames(count)
        # n > 1 begins with the first and the last task.
        self._ends = () if self._down else ((0,) if count == 1 else (0, count - 1))
        self._ends_stepped = sum(self._is_stepped(task) for task in self._ends)

    # -- which tasks are stepped

    def _before_tiles(self, task: int, step: int) -> int:
        group = self._tiles * step
        return task // group * self._tiles + min(task % group, self._tiles)

    def _before_frames(self, task: int) -> int:
        """Stepped tasks among the first ``task``."""
        if self._period == 0 or task == 0:
            return 0
        per_task, offset, period = self._per_task, self._offset, self._period
        frames = min(task * per_task, self._frames_num)  # frames of those tasks
        hits = 0 if frames <= offset else (frames - offset - 1) // period + 1
        if period >= per_task:
            return hits
        if hits == 0:
            return 0
        # Every task from the one with the first hit to the one with the last hit has one.
        last_hit = offset + (hits - 1) * period
        return last_hit // per_task - offset // per_task + 1

    def _before(self, task: int) -> int:
        return self._before_tiles(task, self._step) if self._tiles else self._before_frames(task)

    def _is_stepped(self, task: int) -> bool:
        return self._before(task + 1) > self._before(task)

    def _nth(self, n: int, *, stepped: bool) -> int:
        """The ``n``-th (from 0, ascending) task that is, or is not, stepped."""

        def below(task: int) -> int:
            steps = self._before(task + 1)
            return steps if stepped else task + 1 - steps

        return bisect_left(range(self.count), n + 1, key=below)

    # -- ranks

    def stepped_count(self) -> int:
        """First, last and stepped tasks."""
        return len(self._ends) + self._steps - self._ends_stepped

    def task_at(self, rank: int) -> int:
        """The ends, the stepped ones, then the rest."""
        ends, count = self._ends, self.count
        if rank < len(ends):
            return ends[rank]
        rank -= len(ends)
        steps = self._steps - self._ends_stepped
        if rank < steps:
            if self._down:
                return self._nth(steps - 1 - rank, stepped=True)
            return self._nth(rank + self._end_first(stepped=True), stepped=True)
        rank -= steps
        if self._down:
            return self._nth(count - self._steps - 1 - rank, stepped=False)
        return self._nth(rank + self._end_first(stepped=False), stepped=False)

    def rank_of(self, task: int) -> int:
        """The inverse."""
        ends = self._ends
        if task in ends:
            return ends.index(task)
        steps_before = self._before(task)
        steps = self._steps - self._ends_stepped
        if self._is_stepped(task):
            if self._down:
                return steps - 1 - steps_before
            return len(ends) + steps_before - self._end_first(stepped=True)
        rest_before = task - steps_before
        if self._down:
            return steps + (self.count - self._steps) - 1 - rest_before
        return len(ends) + steps + rest_before - self._end_first(stepped=False)

    def _end_first(self, *, stepped: bool) -> int:
        """1 if task 0 was tried as an end and is of this kind: it is left out of its list."""
        return int(bool(self._ends) and self._is_stepped(0) == stepped)


def _progression(step: int, frames: Frames) -> tuple[int, int, int]:
    """``(offset, period, per_task)``: frame number ``offset + k·period`` of the block is a hit.

    Period 0: no frame of the block is a multiple of ``step``.
    """
    per_task = max(1, frames.per_task)
    common = gcd(frames.inc, step)
    if frames.first % common:
        return 0, 0, per_task
    period = step // common
    # Solve first + f·inc ≡ 0 (mod step) for the smallest f ≥ 0.
    inverse = pow(frames.inc // common, -1, period) if period > 1 else 0
    offset = -frames.first // common * inverse % period if period > 1 else 0
    return offset, period, per_task


def make_order(sequential: int, count: int, frames: Frames, frames_num: int) -> TaskOrder:
    """The order of a block with ``count`` ≥ 1 tasks and ``frames_num`` frames in all."""
    if sequential == 1 or count == 1:
        return TaskOrder(count)
    if sequential == -1:
        return Descending(count)
    if sequential == 0:
        return MiddleOut(count)
    return Stepped(count, sequential, frames, frames_num)
