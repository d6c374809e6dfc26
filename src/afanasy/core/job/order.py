"""The order in which a block's tasks are tried: ``sequential`` (SEMANTICS 1.5).

An order is a bijection between *ranks* (0 is tried first) and task numbers. Both ways are computed
by arithmetic, so an order of ten million tasks costs nothing to make. The rules:

* 1 ascending, -1 descending;
* n > 1: the first task, the last task, the *stepped* tasks (those with a frame that is a multiple
  of n) ascending, the rest ascending; n < -1: stepped descending, the rest descending;
* 0, middle-out: for k = 1, 2, 4, 8 … the positions ⌊i·N/k⌋ for i = 0…k (the last clamped to N-1)
  that were not tried yet, then the rest ascending.

The next READY task of a block of a million may be the last one. So it is not sought rank by rank:
where the ranks of a section are tasks at regular distances, a :class:`_Row`, the state bytes are
searched, and the rank computed of what was found.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from math import gcd
from typing import Final, NamedTuple

#: State bytes of tasks, and the code of a READY one (:mod:`afanasy.core.tasks`).
States = bytearray | mmap.mmap
_READY: Final = b"\0"
#: So many tasks of a row are looked at before the next READY one is searched for.
_LOOKS: Final = 64


class Frames(NamedTuple):
    """Which frames the tasks of a block stand for; list blocks have first 0 and inc 1."""

    first: int
    per_task: int
    inc: int


class _Row(NamedTuple):
    """Tasks ``(first + i * step) // parts`` for i = 0, 1 … ``length`` - 1, all of them different.

    A negative ``step`` goes down.
    """

    first: int
    step: int
    parts: int
    length: int

    def next_ready(self, state: States, i: int, tasks: int) -> int:
        """The first READY one from the ``i``-th on, or the length, in a block of ``tasks``."""
        first, step, parts, length = self
        while i < length:
            stop = min(i + _LOOKS, length)
            for k in range(i, stop):
                if not state[(first + k * step) // parts]:
                    return k
            if stop == length:
                break
            here = (first + stop * step) // parts
            if step > 0:
                found = state.find(_READY, here, tasks)
                i = -(-(found * parts - first) // step)
            else:
                found = state.rfind(_READY, 0, here + 1)
                i = (first - (found + 1) * parts) // -step + 1
            if found < 0:
                break
            # (Nothing lies between the two.)
            i = max(i, stop)
        return length


class TaskOrder:
    """Ranks and tasks of a block of ``count`` tasks. Base: ascending."""

    def __init__(self, count: int) -> None:
        self.count = count

    def task_at(self, rank: int) -> int:
        """The task tried ``rank``-th."""
        return rank

    def rank_of(self, task: int) -> int:
        """When ``task`` is tried: the inverse of :meth:`task_at`."""
        return task

    def next_ready(self, state: States, rank: int) -> int:
        """The first rank from ``rank`` on whose task is READY, or the count."""
        found = state.find(_READY, rank, self.count)
        return self.count if found < 0 else found

    def stepped_count(self) -> int:
        """Ranks that come before the rest (a job with `ppa` stops there); all without a step."""
        return self.count


class Descending(TaskOrder):
    """``sequential`` -1."""

    def task_at(self, rank: int) -> int:
        """The last one first."""
        return self.count - 1 - rank

    def rank_of(self, task: int) -> int:
        """The inverse."""
        return self.count - 1 - task

    def next_ready(self, state: States, rank: int) -> int:
        """One search downwards."""
        found = state.rfind(_READY, 0, self.count - rank)
        return self.count if found < 0 else self.count - 1 - found


class MiddleOut(TaskOrder):
    """``sequential`` 0.

    While k ≤ N the positions of one level are all different, and those with odd i are the new ones;
    level L > 0 therefore begins at rank 2^(L-1) + 1. When N is a power of two the last level meets
    N-1 again, which level 0 took already.
    """

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

    def next_ready(self, state: States, rank: int) -> int:
        """The ends, level by level, then one search among the rest."""
        count, covered = self.count, self._covered
        while rank < 2:
            if not state[rank * (count - 1)]:
                return rank
            rank += 1
        while rank < covered:
            level = (rank - 1).bit_length()
            base = (1 << (level - 1)) + 1
            places = min(1 << (level - 1), covered - base)
            row = _Row(count, 2 * count, 1 << level, places)
            found = row.next_ready(state, rank - base, count)
            if found < places:
                return base + found
            rank = base + places
        if rank >= count:
            return count
        task = state.find(_READY, self.task_at(rank), count)
        while task >= 0 and self._is_covered(task):
            task = state.find(_READY, task + 1, count)
        return count if task < 0 else covered + self._rest_below(task)

    def _is_covered(self, task: int) -> bool:
        """Some level reaches it; the last one has the places of all before."""
        count, level = self.count, self._level_last
        return task == count - 1 or -(-(task << level) // count) * count >> level == task

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
        #: The stepped tasks in their order, without the ends; tiles go in groups.
        self._row = self._row_of_stepped()

    def _row_of_stepped(self) -> _Row:
        count = self._steps - self._ends_stepped
        first, step, parts = self._offset, self._period, self._per_task
        if step < parts:  # one after the other
            first, step, parts = first // parts, 1, 1
        if self._down:
            return _Row(first + (count - 1) * step, -step, parts, count)
        return _Row(first + self._end_first(stepped=True) * step, step, parts, count)

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

    # -- what is READY

    def next_ready(self, state: States, rank: int) -> int:
        """The ends, the stepped ones, then one search among the rest."""
        ends, count, stepped = self._ends, self.count, self.stepped_count()
        while rank < len(ends):
            if not state[ends[rank]]:
                return rank
            rank += 1
        if rank < stepped:
            find = self._next_tile if self._tiles else self._row.next_ready
            rank = len(ends) + find(state, rank - len(ends), count)
            if rank < stepped:
                return rank
        if rank >= count:
            return count
        task = self.task_at(rank)
        while True:
            if self._down:
                task = state.rfind(_READY, 0, task + 1)
            else:
                task = state.find(_READY, task, count)
            if task < 0:
                return count
            found = self.rank_of(task)
            if found >= stepped:
                return found
            task += -1 if self._down else 1

    def _next_tile(self, state: States, i: int, tasks: int) -> int:
        """As :meth:`_Row.next_ready`, where the tiles of each frame in question are a group."""
        tiles, count = self._tiles, self._row.length
        skipped = self._end_first(stepped=True)
        while i < count:
            place = count - 1 - i if self._down else i + skipped
            group, tile = divmod(place, tiles)
            begin = group * tiles * self._step
            if self._down:
                found = state.rfind(_READY, begin, begin + tile + 1)
                i += tile + 1 if found < 0 else begin + tile - found
            else:
                found = state.find(_READY, begin + tile, min(begin + tiles, tasks))
                i += tiles - tile if found < 0 else found - begin - tile
            if found >= 0:
                break
        return min(i, count)

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
