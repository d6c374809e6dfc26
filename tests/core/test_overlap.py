"""Which tasks of two blocks need which (:mod:`afanasy.core.depend.overlap`), against plain sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from af import numeric
from afanasy.core.depend import overlap
from afanasy.core.depend.overlap import Line
from afanasy.model.attributes import FLAG_NUMERIC, BlockSpec

numeric_blocks = st.builds(
    lambda first, length, per, inc: (
        BlockSpec(
            flags=FLAG_NUMERIC,
            frame_first=first,
            frame_last=first + length,
            frames_per_task=per,
            frames_inc=inc,
        ),
        numeric.tasks_count(first, first + length, per, inc),
    ),
    st.integers(-9, 9),
    st.integers(0, 30),
    st.integers(1, 6),
    st.integers(1, 5),
)
list_blocks = st.tuples(
    st.builds(
        BlockSpec, frames_per_task=st.integers(-5, 6), frames_inc=st.just(1), frame_first=st.just(0)
    ),
    st.integers(1, 20),
)
blocks = numeric_blocks | list_blocks


def frame_sets(block: tuple[BlockSpec, int], other: tuple[BlockSpec, int]) -> list[list[int]]:
    """The frames of each task, spelled out; a list's k-th is the numeric block's k-th."""
    spec, tasks = block
    if spec.numeric:
        all_frames = list(range(spec.frame_first, spec.frame_last + 1, spec.frames_inc))
        n = spec.frames_per_task
        return [all_frames[k * n : k * n + n] for k in range(tasks)]
    partner = other[0]
    first, inc = (partner.frame_first, partner.frames_inc) if partner.numeric else (0, 1)
    sets: list[list[int]] = []
    for task in range(tasks):
        start, finish = numeric.list_task_frames(task, spec.frames_per_task)
        sets.append([first + k * inc for k in range(start, finish + 1)])
    return sets


def spelled_out(mine: list[list[int]], theirs: list[list[int]]) -> list[set[int]]:
    """What each task needs: shared frames, or else those that came last before its own."""
    found: list[set[int]] = []
    for frames in mine:
        needed = {n for n, others in enumerate(theirs) if set(frames) & set(others)}
        if not needed:
            low, high = (last_before(frame, theirs) for frame in (frames[0], frames[-1]))
            needed = {
                n for n, others in enumerate(theirs) if others[-1] >= low and others[0] <= high
            }
        found.append(needed)
    return found


def last_before(frame: int, theirs: list[list[int]]) -> int:
    """The last frame that is rendered up to ``frame``, or the very first one."""
    everything = sorted(frame for frames in theirs for frame in frames)
    return max((f for f in everything if f <= frame), default=everything[0])


def tasks_of(parts: list[range]) -> set[int]:
    return {task for part in parts for task in part}


@given(blocks, blocks)
def test_needs_and_users_are_those_of_the_sets(
    mine: tuple[BlockSpec, int], theirs: tuple[BlockSpec, int]
) -> None:
    ours, others = overlap.lines(mine[0], mine[1], theirs[0], theirs[1])
    my_sets, their_sets = frame_sets(mine, theirs), frame_sets(theirs, mine)
    expected = spelled_out(my_sets, their_sets)
    for task, needed in enumerate(expected):
        parts = list(overlap.needs(ours, task, others))
        assert tasks_of(parts) == needed
        for begin in range(theirs[1]):
            turned = list(overlap.needs(ours, task, others, begin))
            assert sorted(turned, key=lambda part: part.start) == parts
            if len(parts) > 1:
                first = next((part for part in parts if part.stop > begin), parts[0])
                assert turned[0] == first
        for other in needed:
            frames = overlap.needed_frames(ours, task, others, other)
            assert frames == spelled_frames(my_sets[task], their_sets[other])
    for first in range(theirs[1]):
        for last in range(first, min(first + 3, theirs[1])):
            part = range(first, last + 1)
            users = {task for task, needed in enumerate(expected) if needed & set(part)}
            assert set(overlap.users_exactly(ours, others, part)) == users
            assert users <= set(overlap.users_hull(ours, others, first, last))
    for first in range(mine[1]):
        last = min(first + 2, mine[1] - 1)
        needed = set[int]().union(*expected[first : last + 1])
        part = range(first, last + 1)
        assert tasks_of(list(overlap.needs_exactly(ours, part, others))) == needed
        assert needed <= set(overlap.needs_hull(ours, first, last, others))


def spelled_frames(frames: list[int], others: list[int]) -> int:
    """How many frames of ``others`` must be finished before ``frames`` can begin."""
    shared = [n for n, frame in enumerate(others) if frame in frames]
    if shared:
        return shared[-1] + 1
    return max(1, sum(frame <= frames[-1] for frame in others))


def line(first: int, last: int, per: int = 1, inc: int = 1) -> tuple[BlockSpec, int]:
    spec = BlockSpec(
        flags=FLAG_NUMERIC,
        frame_first=first,
        frame_last=last,
        frames_per_task=per,
        frames_inc=inc,
    )
    return spec, numeric.tasks_count(first, last, per, inc)


def needed_by(mine: tuple[BlockSpec, int], theirs: tuple[BlockSpec, int]) -> list[list[int]]:
    ours, others = overlap.lines(*mine, *theirs)
    return [sorted(tasks_of(list(overlap.needs(ours, task, others)))) for task in range(mine[1])]


def test_the_example_of_the_module() -> None:
    steps = line(1, 10, inc=3)
    assert needed_by(line(1, 10), steps) == [[0]] * 3 + [[1]] * 3 + [[2]] * 3 + [[3]]
    assert needed_by(line(1, 10, per=5), steps) == [[0, 1], [2, 3]]
    assert needed_by(line(12, 12), steps) == [[3]]


@pytest.mark.parametrize(
    ("stitch", "tiles", "needed"),
    [
        # S02: frame 0 waits for tiles 0-3, frame 1 for 4-7, and never for a tile of the next one.
        (line(0, 1), (BlockSpec(frames_per_task=-4), 8), [[0, 1, 2, 3], [4, 5, 6, 7]]),
        # Frames 1, 3, 5: the tiles were made of these, in this order.
        (line(1, 5, inc=2), (BlockSpec(frames_per_task=-2), 6), [[0, 1], [2, 3], [4, 5]]),
        (line(1, 4, per=2), (BlockSpec(frames_per_task=-2), 8), [[0, 1, 2, 3], [4, 5, 6, 7]]),
        # Lists among themselves.
        ((BlockSpec(), 2), (BlockSpec(frames_per_task=-2), 4), [[0, 1], [2, 3]]),
        ((BlockSpec(frames_per_task=-2), 4), (BlockSpec(), 2), [[0], [0], [1], [1]]),
        ((BlockSpec(frames_per_task=2), 2), line(10, 13), [[0, 1], [2, 3]]),
    ],
)
def test_tiles(
    stitch: tuple[BlockSpec, int], tiles: tuple[BlockSpec, int], needed: list[list[int]]
) -> None:
    assert needed_by(stitch, tiles) == needed


def test_endless_frames_cost_nothing() -> None:
    """The arithmetic never loops over frames, nor over tasks that are not the answer."""
    huge = 2**60
    ours, others = overlap.lines(*line(-huge, huge, huge // 2, 3), *line(-huge, huge, huge // 3, 7))
    assert 0 < len(tasks_of(list(overlap.needs(ours, 1, others)))) <= others.tasks
    assert isinstance(ours, Line)
