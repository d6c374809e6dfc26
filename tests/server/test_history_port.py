"""Reading history and outputs from disk: offsets, floods, cut characters, a run that is moving."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from afanasy.model.errors import UserError
from afanasy.model.ids import task_key
from afanasy.server.show.history_port import (
    OutputText,
    StoreHistory,
    WantedOutput,
    tail_of_packed,
    tail_of_pieces,
)
from afanasy.store import database, schema
from afanasy.store.outputs import HEAD_BYTES, TAIL_BYTES, OutputFiles, OutputPiece, assemble

T = TypeVar("T")
RUN = 77
BLOCK = 3


class Disk:
    """A database and a folder of outputs, written by the test."""

    def __init__(self, folder: Path) -> None:
        self.engine = database.open_sqlite(folder / "farm.db")
        schema.metadata.create_all(self.engine)
        self.outputs = OutputFiles(folder / "outputs")
        self.durable_calls = 0
        self.port = StoreHistory(self.engine, self.outputs, self.durable)

    async def durable(self) -> None:
        self.durable_calls += 1

    def write(self, offset: int, data: bytes) -> None:
        self.outputs.write([OutputPiece(RUN, BLOCK, offset, data)])

    def end(self, total: int, *, commit: bool = True) -> None:
        index = self.outputs.write([OutputPiece(RUN, BLOCK, total, b"", total, final=True)])
        if commit:
            with self.engine.begin() as connection:
                for row in index:
                    connection.execute(schema.outputs.insert().values(row))
            self.outputs.committed()

    def output(self, offset: int = 0, **more: Any) -> OutputText | None:
        return wait(self.port.output(RUN, offset, **more))


def wait(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path)
    yield disk
    disk.outputs.close()
    disk.engine.dispose()


def test_there_is_no_output(disk: Disk) -> None:
    assert disk.output() is None
    assert disk.output(running=True) is None


def test_following_a_run_to_its_end(disk: Disk) -> None:
    disk.write(0, b"one\n")
    assert disk.output(running=True) == ("one\n", 4)
    disk.write(4, b"two\n")
    assert disk.output(4, running=True) == ("two\n", 8)
    assert disk.output(8, running=True) == ("", 8)
    disk.write(8, b"three\n")
    disk.end(14)
    assert disk.output(8, total=14) == ("three\n", 14)
    assert disk.output(14, total=14) == ("", 14)
    assert disk.output(0, total=14) == ("one\ntwo\nthree\n", 14)


def test_a_run_whose_end_is_not_committed_is_read_from_its_live_file(disk: Disk) -> None:
    disk.write(0, b"one\n")
    disk.end(4, commit=False)
    assert disk.output(total=4) == ("one\n", 4)


def test_a_run_that_ended_while_it_was_asked_for(disk: Disk) -> None:
    disk.write(0, b"one\n")
    disk.end(4)
    assert disk.output(running=True) == ("one\n", 4)


def test_a_cut_character_is_held_back_while_running(disk: Disk) -> None:
    text = "снег ☃ 𝄞\n"
    data = text.encode()
    seen, offset = "", 0
    for place in range(len(data)):
        disk.write(place, data[place : place + 1])
        found = disk.output(offset, running=True)
        assert found is not None
        seen += found.text
        offset = found.offset
    assert seen == text
    assert offset == len(data)


def test_bytes_that_are_no_text_hold_nothing_up(disk: Disk) -> None:
    disk.write(0, b"a\xff\xe2")
    assert disk.output(running=True) == ("a�", 2)
    disk.write(3, b"z")
    assert disk.output(2, running=True) == ("�z", 4)
    disk.end(4)
    assert disk.output(0, total=4) == ("a��z", 4)


def test_a_gap_of_a_flood_is_named_and_skipped(disk: Disk) -> None:
    disk.write(0, b"head\n")
    disk.write(1000, b"tail\n")
    found = disk.output(5, running=True)
    assert found is not None
    assert "995 bytes of output left out" in found.text
    assert found.text.endswith("tail\n")
    assert found.offset == 1005
    disk.end(1005)
    assert disk.output(3, total=1005).text.startswith("d\n")
    assert disk.output(500, total=1005) == found
    assert disk.output(1002, total=1005) == ("il\n", 1005)


def test_an_offset_in_the_tail_of_a_shortened_output(disk: Disk) -> None:
    total = 3 * (HEAD_BYTES + TAIL_BYTES)
    for place in range(0, total, 65536):
        disk.write(place, bytes(str(place), "ascii").rjust(65536, b"."))
    disk.end(total)
    whole = disk.output(0, total=total)
    assert whole is not None
    assert whole.offset == total
    assert "left out" in whole.text
    last = disk.output(total - 100, total=total)
    assert last == (whole.text[-100:], total)
    assert disk.output(10, total=total).text == whole.text[10:]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=6), st.integers(0, 99))
def test_live_and_packed_outputs_continue_alike(parts: list[tuple[int, int]], offset: int) -> None:
    """The offset of a live answer means the same after the run was packed."""
    source = bytes(range(97, 123)) * 5
    pieces = [(start, source[start : start + length]) for start, length in parts]
    if not pieces:
        return
    end = max(start + len(data) for start, data in pieces)
    packed = assemble(pieces, end)
    live, reached = tail_of_pieces(pieces, offset)
    assert reached == end
    after, whole = tail_of_packed(packed, offset, end)
    assert whole == end
    gone = [line for line in live.split(b"\n") if b"left out" not in line]
    left = [line for line in after.split(b"\n") if b"left out" not in line]
    assert b"".join(gone) == b"".join(left)


def test_the_database_is_away(disk: Disk) -> None:
    with disk.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE runs"))
    with pytest.raises(UserError) as caught:
        wait(disk.port.runs_of_task(BLOCK, 0))
    assert caught.value.code == "store_unavailable"


def test_a_lost_segment_is_no_output(disk: Disk) -> None:
    disk.write(0, b"one\n")
    disk.end(4)
    disk.outputs.shrink_block(BLOCK)
    assert disk.output(total=4) is None


def test_settled_asks_for_the_commit_and_does_not_wait_for_ever(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait(disk.port.settled())
    assert disk.durable_calls == 1
    monkeypatch.setattr("afanasy.server.show.history_port.SETTLE_S", 0.01)

    async def never() -> None:
        await asyncio.get_running_loop().create_future()

    wait(StoreHistory(disk.engine, disk.outputs, never).settled())


def test_rows_of_the_core_are_read_back(disk: Disk) -> None:
    row = (
        RUN,
        BLOCK << 24 | 5,
        1,
        1,
        2,
        1000.5,
        2500,
        0,
        0,
        -1,
        1000,
        6,
        3,
        "crash",
        12,
        "it broke",
    )
    with disk.engine.begin() as connection:
        connection.execute(schema.runs.insert().values(row))
    (run,) = wait(disk.port.runs_of_task(BLOCK, 5))
    assert (run.run, run.number, run.elapsed_s, run.exit_status) == (RUN, 2, 2.5, 3)
    assert (run.error_class, run.log, run.output_size) == ("crash", "it broke", 12)
    assert wait(disk.port.runs_of_task(BLOCK, 6)) == []


# ------------------------------------------------------------------------------------ many at once


def insert_run(disk: Disk, run: int, block: int, task: int, size: int) -> None:
    with disk.engine.begin() as connection:
        connection.execute(
            schema.runs.insert().values(
                run=run, task=task_key(block, task), render_id=1, facet=0, number=1, started=5.0,
                elapsed_ms=1500, waited_ms=0, cpu_ms=-1, memory_peak_mb=-1, capacity=1, status=5,
                exit_status=0, error_class=None, output_size=size, log=None,
            )
        )  # fmt: skip


def insert_output(disk: Disk, run: int, block: int, data: bytes) -> None:
    piece = OutputPiece(run, block, 0, data, len(data), final=True)
    with disk.engine.begin() as connection:
        for row in disk.outputs.write([piece]):
            connection.execute(schema.outputs.insert().values(row))
    disk.outputs.committed()


def test_whole_outputs_of_many_runs(disk: Disk) -> None:
    for run in (1, 2, 3):
        insert_output(disk, run, BLOCK, b"text of %d" % run)
    disk.write(0, b"so far")  # RUN goes on
    wanted = [
        WantedOutput(3, 9), WantedOutput(9, 5), WantedOutput(RUN, running=True), WantedOutput(1, 9),
    ]  # fmt: skip
    found = wait(disk.port.read_outputs(wanted, 1000))
    assert found == [("text of 3", 9), None, ("so far", 6), ("text of 1", 9)]
    assert len(wait(disk.port.read_outputs(wanted, 5))) == 1
    assert len(wait(disk.port.read_outputs(wanted, 10))) == 3
    disk.end(6, commit=False)  # it ended after it was listed
    assert wait(disk.port.read_outputs([WantedOutput(RUN, running=True)], 9)) == [("so far", 6)]


def test_runs_of_a_range_of_tasks(disk: Disk) -> None:
    for run, block, task in ((5, BLOCK, 2), (4, BLOCK, 7), (6, BLOCK, 2), (7, BLOCK, 1), (8, 9, 2)):
        insert_run(disk, run, block, task, 10)
    found = wait(disk.port.runs_of_tasks(BLOCK, 2, 9, 100))
    assert [(run.task, run.run, run.block) for run in found] == [
        (2, 5, BLOCK), (2, 6, BLOCK), (7, 4, BLOCK),
    ]  # fmt: skip
    assert (found[0].elapsed_s, found[0].output_size, found[0].error_class) == (1.5, 10, "")
    assert [run.run for run in wait(disk.port.runs_of_tasks(BLOCK, 0, 9, 2))] == [7, 5]
    assert wait(disk.port.runs_of_tasks(BLOCK, 3, 2, 9)) == []
    by_id = wait(disk.port.runs_by_id([8, 99, 4]))
    assert {run: (one.block, one.task) for run, one in by_id.items()} == {8: (9, 2), 4: (BLOCK, 7)}


def test_submissions(disk: Disk) -> None:
    with disk.engine.begin() as connection:
        for serial, part, text in ((5, 7, "b"), (5, 0, "a"), (6, 0, "c")):
            row = {"serial": serial, "part": part, "text": text}
            connection.execute(schema.submissions.insert().values(row))
    assert wait(disk.port.submission(5)) == [(0, "a"), (7, "b")]
    assert wait(disk.port.submission(7)) == []
