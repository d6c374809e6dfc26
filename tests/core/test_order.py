"""The orders of SEMANTICS 1.5: its tables, and arithmetic against a naive spelling of the rules."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from af import numeric
from afanasy.core.job.order import Frames, TaskOrder, make_order


def naive(sequential: int, count: int, frames_of: list[list[int]]) -> list[int]:
    """The rules of SEMANTICS 1.5 written down word by word."""
    everything = list(range(count))
    if sequential in (1, -1):
        return everything[::sequential]
    if sequential == 0:
        tried: list[int] = []
        k = 1
        while k <= 2 * count:
            for i in range(k + 1):
                position = min(i * count // k, count - 1)
                if position not in tried:
                    tried.append(position)
            k *= 2
        return tried + [t for t in everything if t not in tried]
    step = abs(sequential)
    stepped = [t for t in everything if any(f % step == 0 for f in frames_of[t])]
    if sequential < 0:
        return stepped[::-1] + [t for t in everything if t not in stepped][::-1]
    order = list(dict.fromkeys([0, count - 1, *stepped]))
    return order + [t for t in everything if t not in order]


def ours(sequential: int, count: int, frames: Frames, frames_num: int) -> list[int]:
    order = make_order(sequential, count, frames, frames_num)
    tasks = [order.task_at(rank) for rank in range(count)]
    assert [order.rank_of(task) for task in tasks] == list(range(count))
    return tasks


@pytest.mark.parametrize(
    ("first", "last", "sequential", "frames"),
    [
        (1, 20, 5, [1, 20, 5, 10, 15, 2, 3, 4, 6]),
        (1, 20, -5, [20, 15, 10, 5, 19, 18]),
        (1, 5, 1, [1, 2, 3, 4, 5]),
        (1, 5, -1, [5, 4, 3, 2, 1]),
    ],
)
def test_tables_of_the_specification(
    first: int, last: int, sequential: int, frames: list[int]
) -> None:
    count = last - first + 1
    tasks = ours(sequential, count, Frames(first, 1, 1), count)
    assert [task + first for task in tasks][: len(frames)] == frames


def test_middle_out_tables() -> None:
    twenty = [0, 19, 10, 5, 15, 2, 7, 12, 17, 1, 3, 6, 8, 11, 13, 16, 18, 4, 9, 14]
    assert ours(0, 20, Frames(0, 1, 1), 20) == twenty
    assert ours(0, 100, Frames(0, 1, 1), 100)[:9] == [0, 99, 50, 25, 75, 12, 37, 62, 87]


@given(
    sequential=st.integers(-12, 12),
    first=st.integers(-30, 30),
    frames_num=st.integers(1, 120),
    per_task=st.integers(1, 9),
    inc=st.integers(1, 7),
)
def test_numeric_orders_follow_the_rules(
    sequential: int, first: int, frames_num: int, per_task: int, inc: int
) -> None:
    last = first + (frames_num - 1) * inc
    count = numeric.tasks_count(first, last, per_task, inc)
    frames_of: list[list[int]] = []
    for task in range(count):
        start, finish, _ = numeric.task_frames(task, first, last, per_task, inc)
        frames_of.append(list(range(start, finish + 1, inc)))
    expected = naive(sequential, count, frames_of)
    assert ours(sequential, count, Frames(first, per_task, inc), frames_num) == expected


@given(sequential=st.integers(-12, 12), count=st.integers(1, 120), tiles=st.integers(1, 7))
def test_tiles_follow_the_rules(sequential: int, count: int, tiles: int) -> None:
    frames_of = [[task // tiles] for task in range(count)]
    expected = naive(sequential, count, frames_of)
    assert ours(sequential, count, Frames(0, -tiles, 1), count) == expected


ready_tasks = st.one_of(
    st.sets(st.integers(0, 400), max_size=8),  # sparse: the next one is searched for
    st.sets(st.integers(0, 400), min_size=100),
)


def states_of(count: int, ready: set[int]) -> bytearray:
    return bytearray(0 if task in ready else 4 for task in range(count))


def check_next(order: TaskOrder, state: bytearray) -> None:
    """From every rank the next READY one is what looking at each rank finds."""
    count = order.count
    next_one = count
    for rank in reversed(range(count + 1)):
        if rank < count and not state[order.task_at(rank)]:
            next_one = rank
        assert order.next_ready(state, rank) == next_one, rank


@given(
    sequential=st.integers(-12, 12),
    first=st.integers(-30, 30),
    frames_num=st.integers(1, 400),
    per_task=st.integers(1, 9),
    inc=st.integers(1, 7),
    ready=ready_tasks,
    looks=st.sampled_from([1, 2, 64]),
)
def test_the_next_ready_one_is_found(
    sequential: int,
    first: int,
    frames_num: int,
    per_task: int,
    inc: int,
    ready: set[int],
    looks: int,
) -> None:
    count = -(-frames_num // per_task)
    order = make_order(sequential, count, Frames(first, per_task, inc), frames_num)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("afanasy.core.job.order._LOOKS", looks)
        check_next(order, states_of(count, ready))


@given(
    sequential=st.integers(-12, 12),
    count=st.integers(1, 300),
    tiles=st.integers(1, 7),
    ready=ready_tasks,
)
def test_the_next_ready_tile_is_found(
    sequential: int, count: int, tiles: int, ready: set[int]
) -> None:
    order = make_order(sequential, count, Frames(0, -tiles, 1), count)
    check_next(order, states_of(count, ready))


class Looked(bytearray):
    """State bytes that count how often they are looked at."""

    looks = 0

    def __getitem__(self, key: Any) -> Any:
        self.looks += 1
        return cast("Any", super()).__getitem__(key)

    def find(self, *where: Any) -> int:
        self.looks += 1
        return super().find(*where)

    def rfind(self, *where: Any) -> int:
        self.looks += 1
        return super().rfind(*where)


@pytest.mark.parametrize("per_task", [1, 3, 4, -2])
@pytest.mark.parametrize("sequential", [0, 3, -3, 10, -10, 1, -1])
def test_the_last_ready_task_of_a_million_is_one_search(sequential: int, per_task: int) -> None:
    count = 1_000_000
    order = make_order(sequential, count, Frames(1, per_task, 1), count * max(1, per_task))
    last = order.task_at(count - 1)
    state = Looked(b"\4") * count
    state[last] = 0
    state = Looked(state)
    assert order.next_ready(state, 0) == count - 1
    # A tile looks at each group. All others at a few tasks of each section.
    assert state.looks < (count if per_task < 0 and abs(sequential) > 1 else 2000)


@pytest.mark.parametrize("sequential", [1, -1, 0, 7, -7])
def test_a_big_order_answers_at_once(sequential: int) -> None:
    count = 10_000_000
    order = make_order(sequential, count, Frames(1, 1, 1), count)
    for rank in (0, 1, 2, 77_777, count // 2, count - 2, count - 1):
        assert order.rank_of(order.task_at(rank)) == rank
