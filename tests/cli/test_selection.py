"""What JOB, BLOCK and TASK mean: ids, names, frames and indexes (R60)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.cli import selection
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm
from harness.canned_farm import CannedFarm, block, job, some_jobs

NOBODY = Farm([("127.0.0.1", 1)])  # is not asked
JOB = some_jobs()[1]
BEAUTY, COMP = JOB["blocks"]  # frames 1-100 step 2, 5 in a task; left, right, "a,b", left


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("1", [(0, 0)]),
        ("9", [(0, 0)]),
        ("10", [(0, 0)]),  # between two frames of the first task
        ("11", [(1, 1)]),
        ("99", [(9, 9)]),
        ("100", [(9, 9)]),
        ("1-100", [(0, 9)]),
        ("10-20,35", [(0, 1), (3, 3)]),
        ("35,10-20", [(0, 1), (3, 3)]),
        ("1,11,21", [(0, 2)]),
        (" 1 , 31-40 ", [(0, 0), (3, 3)]),
        ("#1", [(1, 1)]),
        ("#3-#5,#0-1,99", [(0, 1), (3, 5), (9, 9)]),
    ],
)
def test_frames(text: str, ranges: list[tuple[int, int]]) -> None:
    assert selection.find_tasks(NOBODY, BEAUTY, text) == ranges


def test_negative_frames() -> None:
    frames = block(0, "f", 5, flags=1, frame_first=-10, frame_last=10, tasks_num=21)
    assert selection.find_tasks(NOBODY, frames, "-10") == [(0, 0)]
    assert selection.find_tasks(NOBODY, frames, "-10--8,-1-1") == [(0, 2), (9, 11)]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("0", Exit.NOT_FOUND, "frame 0 is not in block 'beauty'; its frames are 1 to 100"),
        ("90-101", Exit.NOT_FOUND, "frame 101 is not in block"),
        ("20-10", Exit.BAD_INPUT, "'20-10' ends before it begins; as 10-20"),
        ("x", Exit.BAD_INPUT, "'x' is no frame and no range of frames"),
        ("#10", Exit.NOT_FOUND, "#10 is not in block 'beauty'; its tasks are #0 to #9"),
        ("#x", Exit.BAD_INPUT, "'#x' is no frame"),
        ("1-2-3", Exit.BAD_INPUT, "'1-2-3' is no frame"),
        ("", Exit.BAD_INPUT, "the selection of tasks is empty"),
        (",", Exit.BAD_INPUT, "the selection of tasks is empty"),
    ],
)
def test_bad_frames(text: str, code: Exit, words: str) -> None:
    with pytest.raises(CliError) as caught:
        selection.find_tasks(NOBODY, BEAUTY, text)
    assert caught.value.exit_code == code
    assert words in caught.value.sentence()


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("right", [(1, 1)]),
        ("comp right", [(1, 1)]),
        ("left", [(0, 0), (3, 3)]),
        ("left,right", [(0, 1), (3, 3)]),
        ("a,b", [(2, 2)]),
        ("#0", [(0, 0)]),
        ("#1-#3", [(1, 3)]),
        ("#1-3", [(1, 3)]),
        ("right,#2", [(1, 2)]),
    ],
)
def test_names_and_indexes(text: str, ranges: list[tuple[int, int]]) -> None:
    assert selection.find_tasks(NOBODY, COMP, text) == ranges


@pytest.mark.parametrize("text", ["none", "2", "#4", "#3-#1", "left,none"])
def test_names_that_are_not_there(text: str) -> None:
    with pytest.raises(CliError) as caught:
        selection.find_tasks(NOBODY, COMP, text)
    assert caught.value.exit_code == Exit.NOT_FOUND


def test_one_task() -> None:
    assert selection.only_task("35", selection.find_tasks(NOBODY, BEAUTY, "35")) == 3
    for word, one in ((BEAUTY, "1-20"), (COMP, "left")):
        with pytest.raises(CliError, match="names several tasks"):
            selection.only_task(one, selection.find_tasks(NOBODY, word, one))


def test_names_are_asked_for_only_when_needed() -> None:
    bare = {key: value for key, value in COMP.items() if key != "tasks"}
    assert selection.find_tasks(NOBODY, bare, "#1-#2") == [(1, 2)]
    with CannedFarm() as canned:
        host, port = canned.address.split(":")
        farm = Farm([(host, int(port))])
        assert selection.find_tasks(farm, bare, "right") == [(1, 1)]
        assert canned.last("get") == {"type": "jobs", "ids": [5], "mode": "full"}


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), min_size=1))
def test_merged_ranges_hold_the_same_numbers(pairs: list[tuple[int, int]]) -> None:
    parts = [(first, first + length) for first, length in pairs]
    merged = selection.merged(parts)
    wanted = {n for first, last in parts for n in range(first, last + 1)}
    assert {n for first, last in merged for n in range(first, last + 1)} == wanted
    assert all(left[1] + 1 < right[0] for left, right in pairwise(merged))


# --------------------------------------------------------------------------------- jobs and blocks


@pytest.fixture
def asked() -> Any:
    with CannedFarm() as canned:
        canned.jobs += [
            job(30, "a", block(0, "x", 30)), job(31, "a.b", block(0, "y", 31)),
            job(32, "5", block(0, "z", 32)), job(33, "one two;three", block(0, "z", 33)),
            job(34, " odd", block(0, "z", 34)),
        ]  # fmt: skip
        host, port = canned.address.split(":")
        yield Farm([(host, int(port))])


@pytest.mark.parametrize(
    ("word", "found", "name"),
    [
        ("5", 5, None),
        ("5.beauty", 5, "beauty"),
        ("5.1", 5, "comp"),
        ("shot.v1", 5, None),
        ("shot.v1.comp", 5, "comp"),
        ("a", 30, None),
        ("a.x", 30, "x"),
        ("a.b", 31, None),
        ("a.b.y", 31, "y"),
        ("a.b.0", 31, "y"),
        ("one two;three", 33, None),
        (" odd", 34, None),
    ],
)
def test_places(asked: Farm, word: str, found: int, name: str | None) -> None:
    job, block = selection.find_place(asked, word)
    assert job["id"] == found
    assert (block or {}).get("name") == name


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("99", "there is no job 99"),
        ("99.x", "there is no job 99"),
        ("nothing", "there is no job 'nothing'"),
        ("shot", "there is no job 'shot'"),
        ("5.none", "job 5 has no block 'none'; it has beauty, comp"),
        ("5.2", "job 5 has no block '2'"),
        ("a.none", "job 30 has no block 'none'"),
    ],
)
def test_places_that_are_not_there(asked: Farm, word: str, words: str) -> None:
    with pytest.raises(CliError) as caught:
        selection.find_place(asked, word)
    assert caught.value.exit_code == Exit.NOT_FOUND
    assert words in caught.value.sentence()


@pytest.mark.parametrize(
    ("words", "name", "task"),
    [
        (["5"], None, None),
        (["5", "beauty"], "beauty", None),
        (["5.beauty"], "beauty", None),
        (["5", "beauty", "35"], "beauty", 3),
        (["5.beauty", "35"], "beauty", 3),
        (["5", "1", "right"], "comp", 1),
        (["6", "only"], "run", 0),  # a job of one block needs no block
        (["6", "run", "#0"], "run", 0),
        (["6", "run"], "run", None),
    ],
)
def test_job_block_task(asked: Farm, words: list[str], name: str | None, task: int | None) -> None:
    _, block, found = selection.find_places(asked, words)
    assert ((block or {}).get("name"), found) == (name, task)


def test_too_many_words(asked: Farm) -> None:
    with pytest.raises(CliError, match="one word too many"):
        selection.find_places(asked, ["5", "beauty", "1", "2"])
