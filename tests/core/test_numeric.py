"""Frames, tasks and patterns: the tables of SEMANTICS 1.3 and 1.4 word by word, and properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from af import numeric
from harness.farm import StoryFarm

#: first, last, per_task, inc → (start, finish) of the tasks.
CHUNKS = [
    ((1, 10, 4, 1), [(1, 4), (5, 8), (9, 10)]),
    ((1, 10, 1, 3), [(1, 1), (4, 4), (7, 7), (10, 10)]),
    ((1, 10, 2, 3), [(1, 4), (7, 10)]),
    ((1, 10, 2, 4), [(1, 5), (9, 9)]),
    ((1, 100, 10, 2), [(1, 19), (21, 39), (41, 59), (61, 79), (81, 99)]),
    ((-5, 5, 3, 1), [(-5, -3), (-2, 0), (1, 3), (4, 5)]),
]


@pytest.mark.parametrize(("given_range", "chunks"), CHUNKS)
def test_the_chunk_table(
    given_range: tuple[int, int, int, int], chunks: list[tuple[int, int]]
) -> None:
    count = numeric.tasks_count(*given_range)
    tasks = [numeric.task_frames(task, *given_range) for task in range(count)]
    assert [(start, finish) for start, finish, _ in tasks] == chunks
    inc = given_range[3]
    assert [frames for *_, frames in tasks] == [(b - a) // inc + 1 for a, b in chunks]


@pytest.mark.parametrize(
    ("odd", "clean"),
    [
        ((1, 10, 0, 1), (1, 10, 1, 1)),
        ((1, 10, -3, 1), (1, 10, 1, 1)),
        ((1, 10, 1, 0), (1, 10, 1, 1)),
        ((10, 1, 1, 1), (10, 10, 1, 1)),
    ],
)
def test_guards(odd: tuple[int, int, int, int], clean: tuple[int, int, int, int]) -> None:
    assert numeric.clean_range(*odd) == clean


ranges = st.tuples(
    st.integers(-200, 200), st.integers(0, 300), st.integers(1, 40), st.integers(1, 20)
).map(lambda r: (r[0], r[0] + r[1], r[2], r[3]))


@given(ranges)
def test_tasks_hold_every_frame_once_and_only_the_last_is_short(
    given_range: tuple[int, int, int, int],
) -> None:
    first, last, per_task, inc = given_range
    held: list[int] = []
    count = numeric.tasks_count(*given_range)
    for task in range(count):
        start, finish, frames = numeric.task_frames(task, *given_range)
        found = list(range(start, finish + 1, inc))
        assert len(found) == frames
        assert frames == per_task or task == count - 1
        assert 1 <= frames <= per_task
        # The end is the largest frame ≤ min(last, start + per_task·inc - 1) on the grid.
        bound = min(last, start + per_task * inc - 1)
        assert finish == max(f for f in range(start, bound + 1) if (f - start) % inc == 0)
        held += found
    assert held == list(range(first, last + 1, inc))


@given(ranges)
def test_the_task_of_a_frame(given_range: tuple[int, int, int, int]) -> None:
    """For increments of 1, where the formula of SEMANTICS 1.3 is the inverse of the chunks."""
    first, last, per_task, _ = given_range
    one = (first, last, per_task, 1)
    for task in range(numeric.tasks_count(*one)):
        start, finish, _ = numeric.task_frames(task, *one)
        for frame in (start, finish):
            assert numeric.frame_task(frame, *one) == (task, True)
    assert numeric.frame_task(first - 1, *one) == (0, False)
    assert numeric.frame_task(last + 1, *one) == (numeric.tasks_count(*one) - 1, False)


def test_the_task_of_a_frame_with_tiles() -> None:
    """frames_per_task -n: (frame - first)·n, clamped."""
    assert numeric.frame_task(3, 0, 9, -4, tasks=40) == (12, True)
    assert numeric.frame_task(12, 0, 9, -4, tasks=40) == (39, False)
    assert numeric.frame_task(-1, 0, 9, -4, tasks=40) == (0, False)


@pytest.mark.parametrize(
    ("task", "per_task", "frames"),
    [(0, 1, (0, 0)), (5, 1, (5, 5)), (2, 10, (20, 29)), (7, -4, (1, 1)), (8, -4, (2, 2)),
     (3, 0, (3, 3))],
)  # fmt: skip
def test_frames_of_list_tasks(task: int, per_task: int, frames: tuple[int, int]) -> None:
    assert numeric.list_task_frames(task, per_task) == frames


# ---------------------------------------------------------------------------------- patterns


@pytest.mark.parametrize(
    ("pattern", "start", "finish", "filled"),
    [
        ("@####@", -12, -12, "-012"),
        ("@####@", 5, 5, "0005"),
        ("r @####@ @####@;x @#@", -12, 3, "r -012 0003;x -12"),
        ("@#@ @#@ @#@", 1, 9, "1 9 1"),
        ("render -f @#@", 100, 200, "render -f 100"),
        ("@##@", 12345, 0, "12345"),
        ("no place, a@b.c, # @ @@ #@", 1, 2, "no place, a@b.c, # @ @@ #@"),
        ("", 1, 2, ""),
    ],
)
def test_numeric_commands(pattern: str, start: int, finish: int, filled: str) -> None:
    assert numeric.fill_numbers(pattern, start, finish) == filled


def test_a_semicolon_restarts_the_alternation_in_names() -> None:
    assert numeric.fill_name("a @#@-@#@;b @#@", 1, 5) == "a 1-5;b 1"
    assert numeric.fill_numbers("a @#@-@#@;b @#@", 1, 5) == "a 1-5;b 1"
    assert numeric.fill_name("a @#@;b @#@", 1, 5) == "a 1;b 1"
    assert numeric.fill_numbers("a @#@;b @#@", 1, 5) == "a 1;b 5"


@given(st.integers(-(10**9), 10**9), st.integers(1, 12))
def test_padding(number: int, width: int) -> None:
    """Zero padded; the minus sign counts as one character."""
    text = numeric.fill_numbers(f"<@{'#' * width}@>", number, number)[1:-1]
    assert int(text) == number
    assert len(text) == max(width, len(str(number)))


@pytest.mark.parametrize(
    ("pattern", "text", "filled"),
    [
        ("run @#@ now", "x", "run x now"),
        ("@#@ @#@", "x", "x x"),
        ("run ", "x", "run x"),
        ("", "x", "x"),
        ("run @#@", "", "run @#@"),
        ("run @##@ ", "x", "run @##@ x"),
    ],
)
def test_list_commands(pattern: str, text: str, filled: str) -> None:
    assert numeric.fill_text(pattern, text) == filled


@pytest.mark.parametrize(
    ("pattern", "start", "finish", "inc", "name"),
    [
        ("", 7, 7, 1, "frame 7"),
        ("", 1, 4, 1, "frame 1-4"),
        ("", 1, 19, 2, "frame 1-19 / 2"),
        ("", 9, 9, 4, "frame 9"),
        ("shot @##@..@##@", 1, 4, 1, "shot 01..04"),
    ],
)
def test_names_of_numeric_tasks(pattern: str, start: int, finish: int, inc: int, name: str) -> None:
    assert numeric.numeric_task_name(pattern, start, finish, inc) == name


def test_names_of_list_tasks() -> None:
    assert numeric.list_task_name("", "left") == "left"
    assert numeric.list_task_name("eye @#@", "left") == "eye left"
    assert numeric.list_task_name("fixed", "left") == "fixed"


def test_files_of_numeric_tasks() -> None:
    """Each pattern, each frame from start to end stepping inc."""
    assert numeric.numeric_files(["a.@###@.exr", "b/@#@"], 1, 5, 2) == [
        "a.001.exr", "a.003.exr", "a.005.exr", "b/1", "b/3", "b/5",
    ]  # fmt: skip
    assert numeric.numeric_files(["movie.mp4"], 1, 2) == ["movie.mp4", "movie.mp4"]
    assert numeric.numeric_files([], 1, 2) == []


def test_files_of_list_tasks() -> None:
    assert numeric.list_files(["img/@#@.jpg", "tmp/"], ["a", "b"]) == [
        "img/a.jpg", "img/b.jpg", "tmp/a", "tmp/b",
    ]  # fmt: skip
    assert numeric.list_files([], ["a"]) == ["a"]


def test_tasks_of_a_job_use_all_this(farm: StoryFarm) -> None:
    job = farm.submit(blocks=[
        {"frame_first": 1, "frame_last": 100, "frames_per_task": 10, "frames_inc": 2},
        {"commands": ["left", "right"], "tasks_name": "eye @#@", "frames_per_task": 10},
    ])  # fmt: skip
    numbers, texts = job.blocks
    assert (numbers.tasks_num, numbers.task_name(0)) == (5, "frame 1-19 / 2")
    assert numbers.frames(4) == (81, 99, 10)
    assert texts.task_name(1) == "eye right"
    assert texts.frames(1) == (10, 19, 10)
