"""Task states as columns, and the queue of ready tasks of a block.

A task is a number. What is remembered of it lies in columns of its block: a byte of state, two of
flags, counts and times, 19 bytes in all. Columns are made when the first task leaves READY; those
of big blocks are anonymous private memory maps whose pages the system provides when they are
touched, so a million tasks of which three ran cost a few pages (RECIPES 7). READY is 0 for that
reason.

A *state code* says what can happen to the task; the *flags* are the state bits that only describe
it (warning, kind of error). Together they make the ``st`` that clients see (:func:`st_of`). Which
change is legal is the table of :mod:`afanasy.core.transitions`.
"""

from __future__ import annotations

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import IntEnum
from heapq import heappop, heappush
from typing import Final, Literal

from afanasy.core.job.order import TaskOrder
from afanasy.model.states import St


class Code(IntEnum):
    """State code of a task."""

    #: May be started (RDY; with flag RER it was returned after an error).
    READY = 0
    #: Waits for other tasks (WDP).
    WAITING = 1
    #: Has a run with the right to count (RUN).
    RUNNING = 2
    #: RUN | WRC: its run's render is away; the run keeps the right to count for a while (R6).
    RECONNECT = 3
    DONE = 4
    #: DON | SKP.
    SKIPPED = 5
    ERROR = 6
    SUSPENDED = 7
    #: RDY | RER: an error is to be retried when its wait is over (R15).
    RETRY = 8


CODES: Final = len(Code)
#: Codes of tasks that have a run with the right to count.
OPEN: Final = frozenset({Code.RUNNING, Code.RECONNECT})
FINISHED: Final = frozenset({Code.DONE, Code.SKIPPED})

_ST: Final[tuple[int, ...]] = tuple(
    int(bits)
    for bits in (
        St.RDY, St.WDP, St.RUN, St.RUN | St.WRC, St.DON, St.DON | St.SKP, St.ERR, St.SUS,
        St.RDY | St.RER,
    )
)  # fmt: skip

#: Flag bits of a task, kept in 16 bits: the state bits WRN … RER shifted down.
FLAG_SHIFT: Final = 10
FLAGS_KEPT: Final = St.WRN | St.PER | St.PBR | St.PSC | St.FPO | St.BRF | St.RER | St.PFE

_MAPPED_FROM: Final = 4096
_PAGE: Final = 4096


def among(tasks: Iterable[int], parts: Sequence[range]) -> list[int]:
    """Those of ``tasks`` that lie in one of ``parts``, in rising order; both may be very many."""
    ordered = sorted(tasks)
    found: list[int] = []
    place = 0
    for part in sorted(parts, key=lambda part: part.start):
        first = bisect_left(ordered, part.start, place)
        place = bisect_left(ordered, part.stop, first)
        found += ordered[first:place]
    return found


def st_of(code: int, flags: int) -> int:
    """State bits of a task as clients see them."""
    return _ST[code] | flags << FLAG_SHIFT


class TaskColumns:
    """Columns of ``count`` tasks. All start as READY with zeros."""

    #: (name, typecode) of the columns after the state; the state itself is bytes.
    LAYOUT: Final[tuple[tuple[str, Literal["H", "I"]], ...]] = (
        ("flags", "H"),
        ("starts", "H"),
        ("errors", "H"),
        ("host", "I"),
        ("time_start", "I"),
        ("time_done", "I"),
    )

    def __init__(self, count: int) -> None:
        self.count = count
        views: list[memoryview[int]]
        #: State codes. Both kinds have ``find``, ``rfind``, indexing and slice assignment.
        self.state: bytearray | mmap.mmap
        if count < _MAPPED_FROM:
            self.state = bytearray(count)
            views = [memoryview(array(code, bytes(count * _size(code)))) for _, code in self.LAYOUT]
        else:
            # One private map for all columns, each on a page of its own (MAP_SHARED, the default,
            # fails at 65,000 maps).
            offset = _pages(count)
            offsets: list[int] = []
            for _, code in self.LAYOUT:
                offsets.append(offset)
                offset += _pages(count * _size(code))
            self.state = mmap.mmap(-1, offset, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            whole = memoryview(self.state)
            views = [
                whole[start : start + count * _size(code)].cast(code)
                for start, (_, code) in zip(offsets, self.LAYOUT, strict=True)
            ]
        self.flags, self.starts, self.errors, self.host, self.time_start, self.time_done = views

    def count_codes(self, first: int, last: int) -> list[int]:
        """How many tasks of each code in ``first … last-1``."""
        piece = bytes(self.state[first:last])
        return [piece.count(code) for code in range(CODES)]

    def pack(self, first: int, last: int) -> bytes:
        """The columns of tasks ``first … last-1`` as bytes, for a row of the store."""
        views = (self.flags, self.starts, self.errors, self.host, self.time_start, self.time_done)
        return bytes(self.state[first:last]) + b"".join(view[first:last] for view in views)

    def unpack(self, first: int, last: int, data: bytes) -> None:
        """The inverse of :meth:`pack`."""
        count = last - first
        self.state[first:last] = data[:count]
        offset = count
        for name, code in self.LAYOUT:
            size = count * _size(code)
            view: memoryview[int] = getattr(self, name)
            view[first:last] = memoryview(data)[offset : offset + size].cast(code)
            offset += size


def _size(typecode: Literal["H", "I"]) -> int:
    return {"H": 2, "I": 4}[typecode]


def _pages(size: int) -> int:
    return -(-size // _PAGE) * _PAGE


#: Up to so many tasks go back into the ready queue one by one.
GIVEN_BACK_MAX: Final = 4096


class ReadyQueue:
    """Which ready task of a block is next, in the block's order.

    Every rank below ``cursor`` is not READY, except those on the heap of returned ranks. Heap
    entries are not removed when a task leaves READY: they are checked when they come up. So taking
    and returning cost O(log n) at any block size, and passing a million skipped tasks is a search
    in the state bytes (:meth:`afanasy.core.job.order.TaskOrder.next_ready`).
    """

    def __init__(self, columns: TaskColumns, order: TaskOrder) -> None:
        self._columns = columns
        self._order = order
        self._cursor = 0
        self._returned: list[int] = []

    def peek(self) -> int:
        """The first ready task, or -1. The caller starts it or leaves it."""
        state, order, returned = self._columns.state, self._order, self._returned
        while returned and state[order.task_at(returned[0])] != Code.READY:
            heappop(returned)
        self._cursor = order.next_ready(state, self._cursor)
        if returned and returned[0] < self._cursor:
            return order.task_at(returned[0])
        return order.task_at(self._cursor) if self._cursor < order.count else -1

    def __iter__(self) -> Iterator[int]:
        """All ready tasks in order. State may change between two steps."""
        if self.peek() < 0:
            return
        state, order = self._columns.state, self._order
        # Every returned rank is below the cursor, so they all come first.
        for early in sorted(set(self._returned)):
            task = order.task_at(early)
            if state[task] == Code.READY:
                yield task
        rank = order.next_ready(state, self._cursor)
        while rank < order.count:
            yield order.task_at(rank)
            rank = order.next_ready(state, rank + 1)

    def give_back(self, task: int) -> None:
        """``task`` became READY."""
        rank = self._order.rank_of(task)
        if rank < self._cursor:
            heappush(self._returned, rank)

    def give_back_all(self, tasks: Collection[int]) -> None:
        """These became READY. When there are many of them, all are searched for again."""
        if len(self._returned) + len(tasks) > GIVEN_BACK_MAX:
            self.reset()
        else:
            for task in tasks:
                self.give_back(task)

    def reset(self) -> None:
        """Many tasks changed: search again from the start."""
        self._cursor = 0
        self._returned.clear()

    def reorder(self, order: TaskOrder) -> None:
        """The block's ``sequential`` was edited."""
        self._order = order
        self.reset()
