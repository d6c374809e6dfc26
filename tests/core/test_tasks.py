"""Columns and the ready queue: any sequence of taking and returning gives the naive order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.core.job.order import Frames, make_order
from afanasy.core.tasks import GIVEN_BACK_MAX, Code, ReadyQueue, TaskColumns, among

steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "return", "return_some", "skip_range", "look"]),
        st.integers(0, 10**6),
    ),
    max_size=60,
)


@given(count=st.integers(1, 60), sequential=st.integers(-5, 5), script=steps)
def test_the_queue_equals_a_naive_search(
    count: int, sequential: int, script: list[tuple[str, int]]
) -> None:
    columns = TaskColumns(count)
    order = make_order(sequential, count, Frames(0, 1, 1), count)
    queue = ReadyQueue(columns, order)

    def naive() -> list[int]:
        ranks = [order.task_at(r) for r in range(count)]
        return [task for task in ranks if columns.state[task] == Code.READY]

    for verb, number in script:
        if verb == "take":
            task = queue.peek()
            if task >= 0:
                columns.state[task] = Code.RUNNING
        elif verb == "return":
            task = number % count
            if columns.state[task] != Code.READY:
                columns.state[task] = Code.READY
                queue.give_back(task)
        elif verb == "return_some":
            some = [task for task in range(number % 7, count, 7) if columns.state[task]]
            for task in some:
                columns.state[task] = Code.READY
            queue.give_back_all(some)
        elif verb == "skip_range":
            first = number % count
            columns.state[first:count] = bytes([Code.SKIPPED]) * (count - first)
            queue.reset()
        assert list(queue) == naive()
        assert queue.peek() == (naive() or [-1])[0]


@pytest.mark.parametrize("count", [10, 4096, 100_000])
def test_pack_and_unpack_are_inverse(count: int) -> None:
    columns = TaskColumns(count)
    columns.state[3] = Code.DONE
    columns.starts[3] = 7
    columns.time_done[count - 1] = 4_000_000_000
    columns.host[5] = 70_000
    other = TaskColumns(count)
    other.unpack(2, count, columns.pack(2, count))
    assert other.pack(0, count) == columns.pack(0, count)
    assert other.count_codes(0, count)[Code.DONE] == 1


def resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])


def test_untouched_columns_cost_almost_nothing() -> None:
    """Ten blocks of a million tasks with one task started each: pages, not megabytes."""
    before = resident_pages()
    blocks = [TaskColumns(1_000_000) for _ in range(10)]
    for columns in blocks:
        columns.state[500] = Code.RUNNING
        columns.starts[500] = 1
    assert (resident_pages() - before) * 4096 < 2_000_000
    assert all(columns.state[500] == Code.RUNNING for columns in blocks)


@given(
    st.lists(st.integers(0, 40), unique=True),
    st.lists(st.builds(range, st.integers(0, 40), st.integers(0, 40))),
)
def test_tasks_among_parts(tasks: list[int], parts: list[range]) -> None:
    """However the parts overlap, each task is found once, in rising order."""
    assert among(tasks, parts) == sorted(t for t in tasks if any(t in part for part in parts))


@pytest.mark.parametrize("count", [3, GIVEN_BACK_MAX + 1])
def test_the_heap_of_returned_tasks_does_not_grow(count: int) -> None:
    columns = TaskColumns(count)
    queue = ReadyQueue(columns, make_order(1, count, Frames(0, 1, 1), count))
    for _ in range(3 * GIVEN_BACK_MAX // count + 2):
        columns.state[:count] = bytes([Code.SKIPPED]) * count
        assert queue.peek() == -1
        columns.state[:count] = bytes(count)
        queue.give_back_all(range(count))
        assert list(queue) == list(range(count))
        assert len(queue._returned) <= GIVEN_BACK_MAX
