"""The writer thread: batches in, one transaction for whatever has gathered, acknowledgements out.

The loop hands over a batch (rows and output pieces) with a function to call when it is committed.
The thread takes all batches that wait, up to :data:`ROWS_MAX` rows, and commits them in one
transaction: under load transactions grow by themselves, at a trickle each batch is one (R33).

When the database is away, or the disk full, the same batch is tried again until it works; nothing
of it was told to anybody (R34), so closing gives it up after a few more tries. When the database
refuses the *content*, memory has run ahead of what can be stored: the thread reports it by
``on_fatal`` and stops; the server exits and restores.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from afanasy.core.rows import Row, Rows
from afanasy.model.ids import task_key
from afanasy.store import database, schema, statements
from afanasy.store.outputs import OutputFiles, OutputPiece

ROWS_MAX: Final = 50_000
RETRY_S: Final = 1.0
#: A database that somebody else keeps locked for longer is away.
LOCKED_S: Final = 2.0
#: How long :meth:`Writer.close` waits for a database that is away.
CLOSE_S: Final = 5.0
#: Task rows of a deleted job that go in one transaction: far below 50 ms (DESIGN 4).
PURGE_SLICE: Final = 2_000
#: The same of pages, which have some 80 KB each.
PURGE_PAGES: Final = 25
#: The same of rows of records, of 4096 tasks each.
PURGE_RECORDS: Final = 4


class Batch(NamedTuple):
    """One batch of the loop."""

    rows: Rows
    pieces: list[OutputPiece]
    #: Called in the writer thread, in order, after the commit.
    committed: Callable[[], None]


def join(batches: list[Rows]) -> list[Rows]:
    """Join batches table by table where order between them does not matter.

    Open runs are never written again after their deletion, so their deletions may go last; a batch
    with other deletions stays by itself.
    """
    groups: list[Rows] = []
    joined: Rows | None = None
    for rows in batches:
        if rows.jobs_deleted or set(rows.deletes) - {"open_runs"}:
            groups.append(rows)
            joined = None
            continue
        if joined is None:
            joined = Rows()
            groups.append(joined)
        for table, found in rows.upserts.items():
            joined.upserts.setdefault(table, []).extend(found)
        for table, keys in rows.deletes.items():
            joined.deletes.setdefault(table, []).extend(keys)
    return groups


class Deposed(Exception):
    """Another server has taken the database over: this one may not write any more."""


class Writer:
    """Owns the connection that writes."""

    def __init__(
        self,
        engine: sa.Engine,
        outputs: OutputFiles,
        epoch: int,
        *,
        on_fatal: Callable[[BaseException], None],
        on_away: Callable[[bool], None],
    ) -> None:
        self._engine = engine
        self._outputs = outputs
        self._epoch = epoch
        self._on_fatal = on_fatal
        self._on_away = on_away
        self._waiting: deque[Batch] = deque()
        self._wake = threading.Condition()
        self._closing = False
        #: When a database that is away is given up, since we are closing; 0 = not yet.
        self._give_up_mono = 0.0
        self._away = False
        self._upserts = {name: statements.upsert(engine, name) for name in schema.metadata.tables}
        self._deletes = {
            name: statements.delete(engine, name)
            for name in ("meta", "users", "renders", "pools", "branches", "open_runs")
        }
        self._purging = True
        self._purge_from: dict[int, int] = {}
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        #: For the statistics: transactions and rows committed.
        self.transactions = 0
        #: What the database said last when it was away.
        self.away_reason = ""
        self.rows = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Queue a batch. Called by the loop."""
        with self._wake:
            self._waiting.append(batch)
            self._wake.notify()

    def close(self) -> None:
        """Commit what waits and end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._outputs.close()

    # -- the thread

    def _run(self) -> None:
        try:
            with self._engine.connect() as connection:
                database.wait_for_locks(connection, LOCKED_S)
                while True:
                    batches = self._take()
                    if batches:
                        if not self._store(connection, batches):
                            return
                        for batch in batches:
                            batch.committed()
                    elif self._purging:
                        self._with_patience(connection, lambda: self._purge_slice(connection))
                    else:
                        return
        except BaseException as error:
            self._on_fatal(error)

    def _take(self) -> list[Batch]:
        with self._wake:
            while not (self._waiting or self._closing or self._purging):
                self._wake.wait()
            if self._closing:
                self._purging = False
            batches: list[Batch] = []
            rows = 0
            while self._waiting and rows < ROWS_MAX:
                batch = self._waiting.popleft()
                rows += batch.rows.count() + len(batch.pieces)
                batches.append(batch)
            return batches

    def _store(self, connection: sa.Connection, batches: list[Batch]) -> bool:
        pieces = [piece for batch in batches for piece in batch.pieces]
        groups = join([batch.rows for batch in batches])
        index: list[tuple[int, ...]] = []

        def write_outputs() -> None:
            index.extend(self._outputs.write(pieces))

        if pieces and not self._with_patience(connection, write_outputs):
            return False
        if not self._with_patience(connection, lambda: self._commit(connection, groups, index)):
            return False
        if pieces:
            self._outputs.committed()
        return True

    def _with_patience(self, connection: sa.Connection, work: Callable[[], None]) -> bool:
        """Do a piece of work, however often it takes. False: given up, because we are closing."""
        while True:
            try:
                work()
            except (OperationalError, OSError) as error:
                connection.rollback()
                self.away_reason = str(error.orig if isinstance(error, DBAPIError) else error)
                self._report_away(True)
                if self._closing:
                    self._give_up_mono = self._give_up_mono or time.monotonic() + CLOSE_S
                    if time.monotonic() >= self._give_up_mono:
                        return False
                time.sleep(RETRY_S)  # a thread of its own; nothing wakes a database
            else:
                self._report_away(False)
                return True

    def _report_away(self, away: bool) -> None:
        if away != self._away:
            self._away = away
            self._on_away(away)

    def _commit(
        self, connection: sa.Connection, groups: list[Rows], index: list[tuple[int, ...]]
    ) -> None:
        with connection.begin():
            self._check_epoch(connection)
            for rows in groups:
                self._write(connection, rows)
            if index:
                connection.exec_driver_sql(self._upserts["outputs"], index)
        self.transactions += 1

    def _check_epoch(self, connection: sa.Connection) -> None:
        """Lock out any take-over until the commit, and make sure that none came before (R37)."""
        database.lock_for_writing(connection)
        found = connection.exec_driver_sql("SELECT epoch FROM leader").scalar()
        if found != self._epoch:
            raise Deposed(f"epoch {found} took over from {self._epoch}")

    def _write(self, connection: sa.Connection, rows: Rows) -> None:
        for table in schema.FARM_TABLES:
            found: list[Row] | None = rows.upserts.get(table)
            if found:
                connection.exec_driver_sql(self._upserts[table], found)
                self.rows += len(found)
        for table, keys in rows.deletes.items():
            connection.exec_driver_sql(self._deletes[table], [(key,) for key in keys])
        for serial, wall, blocks in rows.jobs_deleted:
            connection.execute(
                schema.jobs.update().where(schema.jobs.c.serial == serial).values(deleted=int(wall))
            )
            connection.exec_driver_sql(self._upserts["purges"], [(block,) for block in blocks])
            self._purging = True

    def _purge_slice(self, connection: sa.Connection) -> None:
        """Delete a slice of the tasks of a deleted job; the last one says that all is done."""
        with connection.begin():
            self._check_epoch(connection)
            block = connection.execute(sa.select(schema.purges.c.block).limit(1)).scalar()
            if block is None:
                self._purging = False
                return
            low, high = task_key(block, 0), task_key(block + 1, 0)
            for table, most in ((schema.tasks, PURGE_SLICE), (schema.pages, PURGE_PAGES)):
                key = table.c.key
                last = connection.execute(
                    sa.select(sa.func.max(sa.text("key"))).select_from(
                        sa.select(key)
                        .where(key >= low, key < high)
                        .order_by(key)
                        .limit(most)
                        .subquery()
                    )
                ).scalar()
                if last is not None:
                    connection.execute(table.delete().where(key >= low, key <= last))
                    return
            # Before the block is forgotten: nobody would know of a file that a crash left behind.
            if self._outputs.shrink_block(block):
                return
            if self._purge_records(connection, block):
                return
            if self._purge_outputs(connection, block, low, high):
                return
            states = schema.block_states
            connection.execute(states.delete().where(states.c.key == block))
            connection.execute(schema.purges.delete().where(schema.purges.c.block == block))

    def _purge_records(self, connection: sa.Connection, block: int) -> bool:
        """Delete a slice of the records of the block's tasks; False when there was nothing left."""
        records = schema.records.c
        query = sa.select(records.first).where(records.key == block).order_by(records.first)
        last = connection.scalars(query.limit(PURGE_RECORDS)).all()[-1:]
        if not last:
            return False
        connection.execute(
            schema.records.delete().where(records.key == block, records.first <= last[0])
        )
        return True

    def _purge_outputs(self, connection: sa.Connection, block: int, low: int, high: int) -> bool:
        """Delete a slice of the index of the block's outputs; False when there was nothing left.

        The runs themselves stay: they are the history. Where the last slice ended is remembered,
        so that none is looked at twice.
        """
        runs = schema.runs.c
        low = self._purge_from.get(block, low)
        query = sa.select(runs.run, runs.task).where(runs.task >= low, runs.task < high)
        found = connection.execute(query.order_by(runs.task).limit(PURGE_SLICE)).all()
        if not found:
            self._purge_from.pop(block, None)
            return False
        last = found[-1].task
        self._purge_from[block] = last + 1 if len(found) < PURGE_SLICE or last == low else last
        gone = [row.run for row in found]
        connection.execute(schema.outputs.delete().where(schema.outputs.c.run.in_(gone)))
        return True
