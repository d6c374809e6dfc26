"""The SQL store: what a farm of stories leaves behind comes back the same."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from afanasy.core import events
from afanasy.core.invariants import snapshot, validate
from afanasy.core.restore import restore
from afanasy.core.rows import Rows
from afanasy.core.state import Farm
from afanasy.store import database, history, schema
from afanasy.store import writer as writer_module
from afanasy.store.outputs import OutputFiles, OutputPiece, assemble
from afanasy.store.writer import Batch, Deposed, Writer, join
from harness.farm import StoryFarm, full_match


class SqlStory(StoryFarm):
    """A story farm whose rows also go to SQLite through the writer thread."""

    def __init__(self, folder: Path) -> None:
        self.engine = database.open_sqlite(folder / "farm.db")
        database.migrate(self.engine)
        self.farm_id, epoch = database.take_over(self.engine, 1_800_000_000.0)
        self.folder = folder
        self.epoch = epoch
        self.outputs = OutputFiles(folder / "outputs")
        self.fatal: list[BaseException] = []
        self.away: list[bool] = []
        self.begin_writing()
        super().__init__(epoch=epoch)

    def begin_writing(self) -> None:
        """A writer, as after a restart."""
        self.writer = Writer(
            self.engine,
            self.outputs,
            self.epoch,
            on_fatal=self.fatal.append,
            on_away=self.away.append,
        )
        self.writer.start()

    def _settle_batch(self) -> None:
        table_store = self.store
        pending: list[Rows] = []
        write = table_store.write

        def keep(rows: Rows) -> None:
            write(rows)
            pending.append(rows)

        table_store.write = keep
        super()._settle_batch()
        table_store.write = write
        for rows in pending:
            self.commit(rows)

    def commit(self, rows: Rows, pieces: list[OutputPiece] | None = None) -> None:
        done = threading.Event()
        self.writer.put(Batch(rows, pieces or [], done.set))
        assert done.wait(30) or not self.fatal, self.fatal

    def loaded(self) -> Farm:
        other = Farm(self.farm_id, self.core.epoch + 1, full_match, serving_mono=self.now.mono)
        restore(other, database.load(self.engine), self.now)
        validate(other, self.now)
        return other


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[SqlStory]:
    story = SqlStory(tmp_path)
    yield story
    story.writer.close()
    story.engine.dispose()
    assert not story.fatal


def test_everything_comes_back(sql: SqlStory) -> None:
    sql.render("a", capacity=3000)
    job = sql.submit(blocks=[
        {"name": "one", "frames": 5, "capacity": 500},
        {"name": "two", "commands": ["true", "false"], "depend_mask": "one"},
    ])  # fmt: skip
    runs = sql.start(4)
    sql.finish(runs[0])
    sql.fail(runs[1])
    sql.apply(events.OperateBlocks(job.serial, [0], "skip", [range(4, 5)]))
    big = sql.submit(10_000)
    sql.apply(events.OperateJob(big.serial, "pause"))
    sql.apply(events.OperateBlocks(big.serial, [0], "skip", [range(5000)]))
    sql.apply(events.OperateBlocks(big.serial, [0], "restart", [range(10, 20)]))
    assert snapshot(sql.loaded()) == snapshot(sql.core)


def test_a_numeric_block_stores_no_task_until_it_runs(sql: SqlStory) -> None:
    sql.submit(1_000_000)
    with sql.engine.connect() as connection:
        for table in (schema.tasks, schema.pages):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0


def test_the_history_tells_the_runs_of_a_task(sql: SqlStory) -> None:
    sql.render("a", capacity=1000)
    job = sql.submit(1)
    sql.fail(sql.start(1)[0], log=["it broke"])
    sql.wait(1)
    sql.finish(sql.start(1)[0])
    past = history.runs_of_task(sql.engine, job.blocks[0].key, 0)
    assert [(run.number, run.status) for run in past] == [(1, 6), (2, 5)]
    assert "it broke" in past[0].log


def rows_left(sql: SqlStory) -> list[int]:
    """Rows of tables that a purge empties."""
    tables = (schema.tasks, schema.pages, schema.records, schema.outputs, schema.purges)
    with sql.engine.connect() as connection:
        return [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in tables
        ]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited 30 s in vain"
        time.sleep(0.01)


def test_a_deleted_job_leaves_its_history_and_nothing_else(sql: SqlStory) -> None:
    """In slices, and on after a restart in the middle (DESIGN 4)."""
    sql.render("a", capacity=5000, max_tasks=10)
    job = sql.submit(commands=["true"] * 5000, capacity=1)
    block = job.blocks[0]
    run = sql.start(10)[0]
    sql.commit(Rows(), [OutputPiece(run.id, block.key, 0, b"hello", 5, final=True)])
    sql.finish(run)
    sql.operate_tasks(block, "skip", range(200, 400))
    sql.operate_tasks(block, "skip")
    sql.drop_link(run.render)
    sql.wait(61)
    sql.operate(job, "delete")
    sql.writer.close()
    sql.begin_writing()  # begins with the purges that are left
    wait_for(lambda: rows_left(sql)[-1] == 0)
    system_records = 3
    assert rows_left(sql) == [0, 0, system_records, 0, 0]
    assert job.serial not in sql.loaded().jobs
    assert block.key not in {row[0] for row in database.load(sql.engine)["blocks"]}
    assert [past.run for past in history.runs_of_task(sql.engine, block.key, run.task)] == [run.id]
    assert not (sql.folder / "outputs" / "segments" / f"{block.key}.seg").exists()
    assert snapshot(sql.loaded()) == snapshot(sql.core)


def test_new_work_is_committed_between_the_slices_of_a_purge(sql: SqlStory) -> None:
    job = sql.submit(commands=["true"] * 10_000)
    for first in range(0, 10_000, 200):  # single rows, not pages
        sql.operate_tasks(job.blocks[0], "skip", range(first, first + 200))
    transactions = sql.writer.transactions
    sql.operate(job, "delete")
    for _ in range(5):
        sql.submit(3)
    assert sql.writer.transactions == transactions + 6
    wait_for(lambda: rows_left(sql)[-1] == 0)


def test_a_lower_epoch_may_not_write(sql: SqlStory) -> None:
    database.take_over(sql.engine, 1_900_000_000.0)
    sql.writer.put(Batch(Rows({"meta": [("x", "y")]}), [], lambda: None))
    sql.writer.close()
    assert isinstance(sql.fatal.pop(), Deposed)
    with sql.engine.connect() as connection:
        assert "x" not in connection.execute(sa.select(schema.meta.c.name)).scalars().all()


def test_a_take_over_waits_for_the_transaction_that_is_open(sql: SqlStory) -> None:
    """R37: the epoch is read and the rows are written as one."""
    with sql.engine.connect() as connection, connection.begin():
        database.lock_for_writing(connection)
        other = sqlite3.connect(sql.folder / "farm.db", timeout=0.05)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("UPDATE leader SET epoch = 1")
        other.close()


def test_epochs_rise_and_the_farm_keeps_its_id(sql: SqlStory) -> None:
    """R1, R2."""
    farm_id, epoch = database.take_over(sql.engine, 0.0)
    assert (farm_id, epoch) == (sql.farm_id, sql.epoch + 1)
    assert database.take_over(sql.engine, 1_900_000_000.0).epoch == 1_900_000_000 - 1_577_836_800


def test_the_database_goes_away_and_comes_back(
    sql: SqlStory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R34: nothing is told, the batch is tried again, nothing is lost."""
    monkeypatch.setattr(writer_module, "RETRY_S", 0.01)
    away = threading.Event()
    away.set()
    commit = sql.writer._commit

    def broken(*args: Any) -> None:
        if away.is_set():
            raise OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))
        commit(*args)

    monkeypatch.setattr(sql.writer, "_commit", broken)
    done = threading.Event()
    pieces = [OutputPiece(7, 1, 0, b"text", 4, final=True)]
    sql.writer.put(Batch(Rows({"meta": [("x", "y")]}), pieces, done.set))
    wait_for(lambda: sql.away == [True])
    assert not done.is_set()
    assert sql.writer.away_reason == "disk I/O error"
    away.clear()
    assert done.wait(30)
    assert sql.away == [True, False]
    assert sql.outputs.read(history.places(sql.engine, [7])[7]) == b"text"


def test_closing_does_not_wait_for_ever(sql: SqlStory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "CLOSE_S", 0.1)
    monkeypatch.setattr(writer_module, "RETRY_S", 0.01)

    def broken(*args: Any) -> None:
        raise OperationalError("COMMIT", None, sqlite3.OperationalError("gone"))

    monkeypatch.setattr(sql.writer, "_commit", broken)
    told = threading.Event()
    sql.writer.put(Batch(Rows({"meta": [("x", "y")]}), [], told.set))
    sql.writer.close()
    assert not told.is_set()


def test_content_that_the_database_refuses_is_fatal(sql: SqlStory) -> None:
    """R34: memory has run ahead; the server has to restore."""
    sql.writer.put(Batch(Rows({"meta": [("x", None)]}), [], lambda: None))
    sql.writer.close()
    assert isinstance(sql.fatal.pop(), IntegrityError)


def test_batches_that_wait_are_committed_together_and_told_in_order(
    sql: SqlStory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "ROWS_MAX", 100)
    with sql.engine.connect() as connection, connection.begin():
        database.lock_for_writing(connection)  # the writer has to wait, batches gather
        told: list[int] = []
        before = sql.writer.transactions
        for n in range(30):
            rows = Rows({"meta": [(f"{n}.{m}", str(n)) for m in range(10)]})
            sql.writer.put(Batch(rows, [], lambda n=n: told.append(n)))
    wait_for(lambda: len(told) == 30)
    assert told == list(range(30))
    assert 3 <= sql.writer.transactions - before <= 5


def test_joining_keeps_the_order_that_matters() -> None:
    def row(table: str, *rows: tuple[object, ...]) -> Rows:
        return Rows({table: list(rows)})

    plain, other = row("meta", ("a", "1")), row("meta", ("a", "2"))
    deleting = Rows({}, {"users": ["anna"]})
    groups = join([plain, other, deleting, row("users", ("anna", 1, ""))])
    assert [group.upserts for group in groups] == [
        {"meta": [("a", "1"), ("a", "2")]}, {}, {"users": [("anna", 1, "")]},
    ]  # fmt: skip
    ended = Rows({"open_runs": [(1,)]}, {"open_runs": [1]})
    (joined,) = join([row("open_runs", (1,)), ended])
    assert joined.deletes == {"open_runs": [1]}


def test_output_of_a_run(sql: SqlStory) -> None:
    sql.commit(Rows(), [OutputPiece(7, 1, 0, b"hello "), OutputPiece(7, 1, 6, b"wor")])
    assert sql.outputs.live_text(7) == b"hello wor"
    assert sql.outputs.live_sizes() == {7: 9}
    sql.commit(Rows(), [OutputPiece(7, 1, 9, b"ld\n", total=12, final=True)])
    place = history.places(sql.engine, [7, 8])[7]
    assert sql.outputs.read(place) == b"hello world\n"
    assert sql.outputs.live_sizes() == {}


def test_long_output_keeps_head_and_tail() -> None:
    pieces = [(n * 100_000, bytes([65 + n]) * 100_000) for n in range(20)]
    text = assemble(pieces, 2_000_000)
    assert text.startswith(b"A" * 100_000)
    assert text.endswith(b"T" * 100_000)
    assert b"bytes of output left out" in text
    assert len(text) < 1_100_000


def test_a_flood_with_gaps(sql: SqlStory) -> None:
    for n in range(30):
        sql.commit(Rows(), [OutputPiece(9, 1, n * 1_000_000, b"y\n" * 100_000)])
    size = sum(path.stat().st_size for path in (sql.outputs._live).glob("*"))
    assert size < 6_000_000
    assert b"left out" in sql.outputs.live_text(9)


def test_a_torn_end_of_a_live_file_is_cut_off(sql: SqlStory) -> None:
    """After a power cut: what follows must be readable."""
    sql.commit(Rows(), [OutputPiece(7, 1, 0, b"hello ")])
    sql.outputs.close()
    (path,) = (sql.folder / "outputs" / "live").glob("*.out")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-3])
    again = OutputFiles(sql.folder / "outputs")
    assert again.live_sizes() == {7: 6}
    again.write([OutputPiece(7, 1, 6, b"world")])
    assert again.live_text(7) == b"hello world"
    again.close()


def test_live_files_that_a_crash_left_behind(sql: SqlStory) -> None:
    """The result was committed, the live file not removed any more."""
    sql.render("a")
    job = sql.submit(1)
    run = sql.start(1)[0]
    key = job.blocks[0].key
    sql.commit(Rows(), [OutputPiece(run.id, key, 0, b"text"), OutputPiece(99, 5, 0, b"unknown")])
    sql.finish(run)
    assert set(sql.outputs.live_sizes()) == {run.id, 99}
    strays = history.strays(sql.engine, [run.id, 99])
    assert [(piece.run, piece.block, piece.final) for piece in strays] == [(run.id, key, True)]
    sql.commit(Rows(), strays)
    assert sql.outputs.read(history.places(sql.engine, [run.id])[run.id]) == b"text"
    assert set(sql.outputs.live_sizes()) == {99}
    assert history.strays(sql.engine, []) == []


def test_pieces_that_overlap_or_come_twice() -> None:
    """After a reconnect the render sends again what was not confirmed."""
    pieces = [(0, b"abc"), (3, b"def"), (0, b"abc"), (2, b"cdefgh")]
    assert assemble(pieces, 8) == b"abcdefgh"
    assert b"2 bytes of output left out" in assemble(pieces, 10)
    assert assemble([], 0) == b""
