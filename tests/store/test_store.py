"""The SQL store: what a farm of stories leaves behind comes back the same."""

from __future__ import annotations

import errno
import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from afanasy.core import events
from afanasy.core import rows as rows_module
from afanasy.core.invariants import snapshot, validate
from afanasy.core.restore import restore
from afanasy.core.rows import Rows
from afanasy.core.state import Farm
from afanasy.store import database, history, schema
from afanasy.store import outputs as outputs_module
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
    assert rows_left(sql) == [0, 0, 0, 0, 0]
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
    sql.writer.close()  # it would notice that it is deposed
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


def full_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> Callable[[], None]:
    """The disk takes ``after`` bytes more, and a torn piece; returns what makes room again."""
    left = after
    full = True

    def write(file: FileIO, data: bytes) -> None:
        nonlocal left
        if full and len(data) > left:
            file.write(data[:left])
            raise OSError(errno.ENOSPC, "No space left on device")
        left -= len(data)
        file.write(data)

    def make_room() -> None:
        nonlocal full
        full = False

    monkeypatch.setattr(outputs_module, "_write_all", write)
    return make_room


@pytest.mark.parametrize("after", [0, 20, 40, 60, 75])
def test_a_full_disk_is_waited_for(
    sql: SqlStory, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """R34: nothing is told, nothing is lost, nothing is torn, and the server lives."""
    monkeypatch.setattr(writer_module, "RETRY_S", 0.02)
    sql.commit(Rows(), [OutputPiece(7, 1, 0, b"before "), OutputPiece(8, 1, 0, b"other")])
    make_room = full_disk(monkeypatch, after)
    told = threading.Event()
    pieces = [
        OutputPiece(7, 1, 7, b"and after"),
        OutputPiece(8, 1, 5, b"!", 6, final=True),
        OutputPiece(9, 2, 0, bytes(range(256)), 256, final=True),
    ]
    sql.writer.put(Batch(Rows({"meta": [("x", "y")]}), pieces, told.set))
    wait_for(lambda: sql.away == [True])
    assert "No space left" in sql.writer.away_reason
    assert not told.is_set()
    make_room()
    assert told.wait(30)
    assert sql.away == [True, False]
    assert sql.outputs.live_text(7) == b"before and after"
    places = history.places(sql.engine, [8, 9])
    assert sql.outputs.read(places[8]) == b"other!"
    assert sql.outputs.read(places[9]) == bytes(range(256))


def test_a_locked_database_is_away_soon(sql: SqlStory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program keeps it locked: people are told so instead of waiting (R34)."""
    monkeypatch.setattr(writer_module, "LOCKED_S", 0.05)
    monkeypatch.setattr(writer_module, "RETRY_S", 0.02)
    sql.writer.close()
    sql.begin_writing()
    told = threading.Event()
    with sql.engine.connect() as connection, connection.begin():
        database.lock_for_writing(connection)
        sql.writer.put(Batch(Rows({"meta": [("x", "y")]}), [], told.set))
        wait_for(lambda: sql.away == [True])
        assert not told.is_set()
    assert told.wait(30)
    wait_for(lambda: sql.away == [True, False])


def test_results_of_many_blocks_at_once(sql: SqlStory) -> None:
    """A file for each of ten thousand blocks is more than a process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 200, hard))
    try:
        pieces = [OutputPiece(n, n, 0, b"text %d" % n, 10, final=True) for n in range(1, 401)]
        sql.commit(Rows(), pieces)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    place = history.places(sql.engine, [400])[400]
    assert sql.outputs.read(place).startswith(b"text 400")


def test_a_live_file_of_tiny_pieces_is_shortened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte by byte, the lengths of the pieces are more than the text."""
    monkeypatch.setattr(outputs_module, "_LIVE_BYTES_MAX", 20_000)
    monkeypatch.setattr(outputs_module, "HEAD_BYTES", 2_000)
    monkeypatch.setattr(outputs_module, "TAIL_BYTES", 2_000)
    outputs = OutputFiles(tmp_path)
    text = b"".join(b"%d." % n for n in range(2_500))
    outputs.write([OutputPiece(1, 1, n, text[n : n + 1]) for n in range(len(text))])
    outputs.write([OutputPiece(2, 1, 2 * n, b"x") for n in range(10_000)])  # nothing adjoins
    for path in (tmp_path / "live").iterdir():
        assert path.stat().st_size <= 20_013
    said = outputs.live_text(1)
    assert said.startswith(text[:1_000])
    assert said.endswith(text[-1_000:])
    outputs.close()


def test_files_of_others_and_nonsense_do_not_stop_the_start(tmp_path: Path) -> None:
    outputs = OutputFiles(tmp_path)
    outputs.write([OutputPiece(7, 1, 0, b"good")])
    outputs.close()
    good = (tmp_path / "live" / "7.out").read_bytes()
    (tmp_path / "live" / "7.out").write_bytes(good + b"\xff" * 30)
    (tmp_path / "live" / "8.out").write_bytes(b"\xff" * 12 + bytes(5))
    (tmp_path / "live" / "notes.out").write_text("mine")
    assert OutputFiles(tmp_path).live_sizes() == {7: 4}
    assert (tmp_path / "live" / "notes.out").read_text() == "mine"


def test_an_output_that_is_packed_is_not_packed_again(sql: SqlStory) -> None:
    """A crash between commit and clean-up: the last piece lies in the segment only."""
    sql.render("a")
    job = sql.submit(1)
    run = sql.start(1)[0]
    key = job.blocks[0].key
    sql.commit(Rows(), [OutputPiece(run.id, key, 0, b"first ")])
    (path,) = (sql.folder / "outputs" / "live").iterdir()
    live = path.read_bytes()
    sql.finish(run)
    sql.commit(Rows(), [OutputPiece(run.id, key, 6, b"last", 10, final=True)])
    path.write_bytes(live)
    assert history.strays(sql.engine, [run.id]) == []
    assert sql.outputs.read(history.places(sql.engine, [run.id])[run.id]) == b"first last"


def test_a_deleted_job_goes_in_slices_across_restarts(
    sql: SqlStory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, records, index and segment: nothing is left, whenever the server dies."""
    for name, most in (("SLICE", 7), ("PAGES", 1), ("RECORDS", 1)):
        monkeypatch.setattr(writer_module, f"PURGE_{name}", most)
    monkeypatch.setattr(rows_module, "RECORDS_PER_ROW", 8)
    monkeypatch.setattr(outputs_module, "_SHRINK_BYTES", 100)
    sql.render("a", capacity=100_000, max_tasks=100)
    job = sql.submit(blocks=[{"name": "one", "commands": [f"run {n}" for n in range(50)]}])
    key = job.blocks[0].key
    for n, run in enumerate(sql.start(50)):
        sql.finish(run)
        noise = bytes((n * k) % 251 for k in range(300))
        sql.commit(Rows(), [OutputPiece(run.id, key, 0, noise, 300, final=True)])
    assert snapshot(sql.loaded()) == snapshot(sql.core)
    segment = sql.folder / "outputs" / "segments" / f"{key}.seg"
    assert segment.stat().st_size > 1_000
    sql.writer.close()
    lives = 0
    purge = Writer._purge_slice

    def purge_and_die(self: Writer, connection: sa.Connection) -> None:
        nonlocal lives
        lives += 1
        if lives % 15 == 0:
            raise RuntimeError("killed")
        purge(self, connection)

    monkeypatch.setattr(Writer, "_purge_slice", purge_and_die)
    sql.begin_writing()
    sql.apply(events.OperateJob(job.serial, "delete"))

    def gone() -> bool:
        if sql.fatal:
            assert str(sql.fatal.pop()) == "killed"
            sql.begin_writing()
        return not sql.writer._purging

    wait_for(gone)
    with sql.engine.connect() as connection:
        for table in (schema.tasks, schema.pages, schema.records, schema.outputs, schema.purges):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0, table.name
        query = sa.select(schema.block_states.c.key).where(schema.block_states.c.key == key)
        assert connection.scalar(query) is None
    assert not segment.exists()
    assert lives > 20
