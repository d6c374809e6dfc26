"""Which tasks of two blocks share frames: the arithmetic of ``tasks_depend_mask`` (SEMANTICS 4).

**The lines.** A block lays its tasks out along a line of frames (:class:`Line`). A numeric block's
frames are its range; ``per`` of them make a task. A list block's frames count from 0, ``per`` of
them a task; with ``frames_per_task`` of -n, n tasks (tiles) share each frame. Between a numeric and
a list block the list has no numbers of its own: its frame k is the numeric block's k-th frame, so
tiles that were made of frames 1, 3, 5 meet the tasks of frames 1, 3, 5. Two lists both begin at 0.

**The rule.** A task needs the tasks that have a frame in common with it. One that has a frame in
common with nobody (it lies outside the other block's range, or the increments miss each other)
needs what was rendered last before its frames: the tasks from the one that its first frame falls
into to the one that its last frame falls into, the first or the last task beyond the ends. So every
task needs at least one, and render frames after the end of a simulation wait for its end.

Worked example: A renders 1, 4, 7, 10 one by one; B has 1 … 10 one by one. Frame 4 of B needs frame
4 of A. Frame 5 has none: A's step from 4 leads over it, so it needs frame 4. Frame 12 would need
frame 10. With B in tasks of five frames, 1-5 needs 1 and 4, 6-10 needs 7 and 10.

Everything is computed for one task (or for neighbours) at a time and nothing is looped over but the
answer: two ranges with increments meet in a range again (the Chinese remainder theorem).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import NamedTuple

from afanasy.model.attributes import BlockSpec

#: An end of the frames that lies beyond every frame.
FAR = 2**70


class Line(NamedTuple):
    """How ``tasks`` tasks lie along frames. *Chunks* are tasks, or the tiles of one frame."""

    first: int
    inc: int
    #: Frames in all, of one task, and tasks that share a frame.
    frames: int
    per: int
    tiles: int
    tasks: int

    @property
    def last(self) -> int:
        """The last frame."""
        return self.first + (self.frames - 1) * self.inc

    @property
    def chunks(self) -> int:
        """How many chunks."""
        return -(-self.frames // self.per)

    def indexes(self, task: int) -> tuple[int, int]:
        """The frames of a task, counted from 0 along the line: first, and behind the last."""
        start = task // self.tiles * self.per
        return start, min(start + self.per, self.frames)

    def ends(self, task: int) -> tuple[int, int]:
        """First and last frame of a task."""
        start, stop = self.indexes(task)
        return self.first + start * self.inc, self.first + (stop - 1) * self.inc

    def chunk_tasks(self, first: int, last: int) -> range:
        """The tasks of the chunks ``first`` to ``last``, both included."""
        return range(first * self.tiles, min((last + 1) * self.tiles, self.tasks))

    def chunk_at(self, frame: int) -> int:
        """The chunk that a frame falls into; the first or last one beyond the ends."""
        index = (frame - self.first) // self.inc
        return min(max(index, 0), self.frames - 1) // self.per

    def catchment(self, first: int, last: int) -> tuple[int, int]:
        """The frames that fall into the tasks ``first`` to ``last``, by :meth:`chunk_at`."""
        low, high = first // self.tiles, last // self.tiles
        span = self.per * self.inc
        return (
            self.first + low * span if low else -FAR,
            FAR if high == self.chunks - 1 else self.first + (high + 1) * span - 1,
        )

    def within(self, low: int, high: int) -> range:
        """Tasks of which some part of the interval from first to last frame is in low … high."""
        first = 0
        if low > self.first:
            # The first chunk whose last frame is not below ``low``.
            index = -(-(low - self.first) // self.inc)
            if index >= self.frames:
                return range(0)
            first = index // self.per
        index = (high - self.first) // self.inc
        if index < 0:
            return range(0)
        return self.chunk_tasks(first, min(index, self.frames - 1) // self.per)


def lines(spec: BlockSpec, tasks: int, other: BlockSpec, other_tasks: int) -> tuple[Line, Line]:
    """The two lines of a pair of blocks, in the same frames."""
    return _line(spec, tasks, other), _line(other, other_tasks, spec)


def _line(spec: BlockSpec, tasks: int, other: BlockSpec) -> Line:
    per = spec.frames_per_task or 1
    if spec.numeric:
        frames = (spec.frame_last - spec.frame_first) // spec.frames_inc + 1
        return Line(spec.frame_first, spec.frames_inc, frames, max(1, per), 1, tasks)
    first, inc = (other.frame_first, other.frames_inc) if other.numeric else (0, 1)
    if per < 0:
        return Line(first, inc, -(-tasks // -per), 1, -per, tasks)
    return Line(first, inc, tasks * per, per, 1, tasks)


class Hits(NamedTuple):
    """Frames that a task has in common with a line, as indexes along that line."""

    first: int
    step: int
    number: int


def common(mine: Line, task: int, theirs: Line) -> Hits:
    """The frames of ``task`` that ``theirs`` has, too; ``number`` 0 = none."""
    start, stop = mine.indexes(task)
    begin = mine.first + start * mine.inc
    return _common(begin, mine.inc, stop - start, theirs)


def _common(begin: int, inc: int, count: int, theirs: Line) -> Hits:
    shared = gcd(inc, theirs.inc)
    offset = theirs.first - begin
    if offset % shared:
        return Hits(0, 1, 0)
    period = theirs.inc // shared
    # begin + x·inc ≡ theirs.first (mod theirs.inc)
    x = offset // shared * pow(inc // shared, -1, period) % period if period > 1 else 0
    least = -(-offset // inc)
    if least > x:
        x += -(-(least - x) // period) * period
    most = min(count - 1, (theirs.last - begin) // inc)
    if x > most:
        return Hits(0, 1, 0)
    index = (begin + x * inc - theirs.first) // theirs.inc
    return Hits(index, inc // shared, (most - x) // period + 1)


def needs(mine: Line, task: int, theirs: Line, begin: int = 0) -> Iterator[range]:
    """The tasks of ``theirs`` that ``task`` needs: at least one, in rising order.

    Those that are no neighbours may begin with the task ``begin`` or the first one after it; the
    ones before it then come last.
    """
    hits = common(mine, task, theirs)
    if hits.number:
        yield from _hit_tasks(hits, theirs, begin)
    else:
        low, high = mine.ends(task)
        yield theirs.chunk_tasks(theirs.chunk_at(low), theirs.chunk_at(high))


def _hit_tasks(hits: Hits, line: Line, begin: int = 0) -> Iterator[range]:
    """The tasks of ``line`` that have one of the hits; first those from ``begin`` on."""
    if hits.step <= line.per:  # no chunk between the first and the last is left out
        last = hits.first + (hits.number - 1) * hits.step
        yield line.chunk_tasks(hits.first // line.per, last // line.per)
        return
    # The first hit that is not before the first frame of the task ``begin``.
    first = -(-(line.indexes(begin)[0] - hits.first) // hits.step)
    first = min(max(first, 0), hits.number)
    for part in (range(first, hits.number), range(first)):
        for n in part:
            chunk = (hits.first + n * hits.step) // line.per
            yield line.chunk_tasks(chunk, chunk)


def needed_frames(mine: Line, task: int, theirs: Line, other: int) -> int:
    """How many frames of the task ``other``, from its first on, the ``task`` that needs it waits
    for: up to the last one they share, or, sharing none, up to the last before its own end."""
    start, stop = theirs.indexes(other)
    hits = common(mine, task, theirs)
    if hits.number:
        n = min(hits.number - 1, (stop - 1 - hits.first) // hits.step)
        return max(hits.first + n * hits.step, start) - start + 1
    _, high = mine.ends(task)
    index = (high - theirs.first) // theirs.inc
    return min(max(index, start), stop - 1) - start + 1


def needs_hull(mine: Line, first: int, last: int, theirs: Line) -> range:
    """A range that holds everything the tasks ``first`` to ``last`` need."""
    return theirs.chunk_tasks(
        theirs.chunk_at(mine.ends(first)[0]), theirs.chunk_at(mine.ends(last)[1])
    )


def users_hull(mine: Line, theirs: Line, first: int, last: int) -> range:
    """A range that holds every task of ``mine`` that needs one of ``first`` to ``last``."""
    return mine.within(*theirs.catchment(first, last))


def users_of_frames(mine: Line, theirs: Line, other: int, before: int, after: int) -> range:
    """A range that holds all whose waiting may end, or begin, when the task ``other`` of ``theirs``
    has finished ``after`` of its frames instead of ``before``."""
    low, high = theirs.catchment(other, other)
    start, stop = theirs.indexes(other)
    first, last = min(before, after), max(before, after)
    if first > 0:
        low = theirs.first + (start + first) * theirs.inc
    if last < stop - start:
        high = theirs.first + (start + last) * theirs.inc - 1
    return mine.within(low, high)


def needs_exactly(mine: Line, tasks: range, theirs: Line) -> Iterator[range]:
    """What the neighbours ``tasks`` need, together."""
    if mine.inc not in (1, theirs.inc):
        for task in tasks:
            yield from needs(mine, task, theirs)
        return
    # No frame is left out between theirs, so only the ends of the hull may be too much.
    hull = needs_hull(mine, tasks[0], tasks[-1], theirs)
    if hull and not _meet(users_exactly(mine, theirs, hull[:1]), tasks):
        hull = range(min((hull[0] // theirs.tiles + 1) * theirs.tiles, hull.stop), hull.stop)
    if hull and not _meet(users_exactly(mine, theirs, hull[-1:]), tasks):
        hull = range(hull.start, max(hull[-1] // theirs.tiles * theirs.tiles, hull.start))
    yield hull


def users_exactly(mine: Line, theirs: Line, tasks: range) -> range:
    """Who needs one of the neighbours ``tasks``.

    Chunks inside the hull have all their frames in what falls into ``tasks``, so they need one of
    them; only the first and the last may reach out of it, and meet others there.
    """
    found = users_hull(mine, theirs, tasks[0], tasks[-1])
    if found and not _needs_any(mine, found[0], theirs, tasks):
        found = range(min((found[0] // mine.tiles + 1) * mine.tiles, found.stop), found.stop)
    if found and not _needs_any(mine, found[-1], theirs, tasks):
        found = range(found.start, max(found[-1] // mine.tiles * mine.tiles, found.start))
    return found


def _needs_any(mine: Line, task: int, theirs: Line, tasks: range) -> bool:
    return any(_meet(part, tasks) for part in needs(mine, task, theirs))


def _meet(one: range, other: range) -> bool:
    return max(one.start, other.start) < min(one.stop, other.stop)
