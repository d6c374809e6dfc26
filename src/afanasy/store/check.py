"""Is the database well? What ``afcmd db check`` looks at, in one read transaction.

First SQLite's own look at its pages and indexes, then whether rows belong together: a run to a
block, a block to a job. Rows are written in the same transaction as what they belong to, so a
single one that does not is a sign of a damaged file, of somebody who wrote to it by hand, or of an
error of ours. Everything is read through a connection of its own; the server goes on meanwhile.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from afanasy.model.errors import UserError
from afanasy.store.sql import read_only

TIMEOUT_DEFAULT_S: Final = 60
TIMEOUT_MAX_S: Final = 3600
#: Free space below which the disk is a problem (R39), as a share.
FREE_SHARE_WANTED: Final = 0.05
#: Lines of SQLite's own complaints that are told.
_TOLD_MAX: Final = 20
_STEPS: Final = 10_000

#: What must not be there: name, what a row is, FROM and WHERE.
_ORPHANS: Final = (
    ("blocks", "blocks without a job",
     'blocks b LEFT JOIN jobs j ON j.serial = b.serial WHERE j.serial IS NULL'),
    ("jobs", "jobs of no user",
     'jobs j LEFT JOIN users u ON u.name = j.user_name WHERE j.deleted = 0 AND u.name IS NULL'),
    ("block states", "states without a block",
     'block_states s LEFT JOIN blocks b ON b."key" = s."key" WHERE b."key" IS NULL'),
    ("records", "records of tasks without a block",
     'records r LEFT JOIN blocks b ON b."key" = r."key" WHERE b."key" IS NULL'),
    ("tasks", "tasks without a block, or behind its end",
     'tasks t LEFT JOIN blocks b ON b."key" = t."key" >> 24'
     ' WHERE b."key" IS NULL OR (t."key" & 16777215) >= b.tasks_num'),
    ("pages", "pages of tasks without a block",
     'pages p LEFT JOIN blocks b ON b."key" = p."key" >> 24 WHERE b."key" IS NULL'),
    ("open runs", "open runs of no task",
     'open_runs o LEFT JOIN blocks b ON b."key" = o.task >> 24'
     ' WHERE b."key" IS NULL OR (o.task & 16777215) >= b.tasks_num'),
    ("runs", "runs of no task",
     'runs h LEFT JOIN blocks b ON b."key" = h.task >> 24'
     ' WHERE b."key" IS NULL OR (h.task & 16777215) >= b.tasks_num'),
    ("facets", "runs without their user and service",
     'runs h LEFT JOIN facets f ON f.id = h.facet WHERE f.id IS NULL'),
    ("outputs", "outputs of no run",
     'outputs o LEFT JOIN runs h ON h.run = o.run WHERE h.run IS NULL'),
)  # fmt: skip

_BAD_HINT: Final = "stop the server, keep its data folder, restore the back-up"
_ORPHAN_HINT: Final = "keep a copy of the data folder and report it; the farm goes on"


class Look(NamedTuple):
    """One thing that was looked at; ``hint`` says what to do when it is not ``ok``."""

    name: str
    ok: bool
    text: str
    hint: str = ""


class Report(NamedTuple):
    """Everything that was found. Sizes are bytes."""

    looks: list[Look]
    sizes: dict[str, int]
    elapsed_s: float


def look(
    database: Path,
    outputs: Path,
    schema: str,
    *,
    timeout_s: float = TIMEOUT_DEFAULT_S,
    stopping: Callable[[], bool] = lambda: False,
) -> Report:
    """Look at a farm's database and folder of outputs. Blocks until done.

    ``schema`` is the version that this program wants. Raises UserError when the time is over.
    """
    began_s = time.perf_counter()

    def is_over() -> int:
        return int(time.perf_counter() - began_s > timeout_s or stopping())

    looks: list[Look] = []
    try:
        connection = read_only(database, timeout_s)
        try:
            connection.set_progress_handler(is_over, _STEPS)
            connection.execute("PRAGMA query_only = 1")
            connection.execute("BEGIN")
            looks += _pages(connection)
            looks += _schema(connection, schema)
            looks += _orphans(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        if is_over():
            raise UserError(
                "timed_out",
                f"the check was not done after {timeout_s:g} s",
                f"give it more time (at most {TIMEOUT_MAX_S} s)",
                field="get.timeout_s",
            ) from None
        looks.append(Look("database", False, str(error), _BAD_HINT))
    sizes = {
        "database": _size(database),
        "wal": _size(database.with_name(database.name + "-wal")),
        "outputs": _size_of_folder(outputs, is_over),
    }
    disk = shutil.disk_usage(database.parent)
    sizes.update(disk_free=disk.free, disk_total=disk.total)
    share = disk.free / max(disk.total, 1)
    looks.append(
        Look(
            "disk",
            share >= FREE_SHARE_WANTED,
            f"{share:.0%} free",
            "" if share >= FREE_SHARE_WANTED else "make room: without it nothing is stored",
        )
    )
    return Report(looks, sizes, round(time.perf_counter() - began_s, 3))


def _pages(connection: sqlite3.Connection) -> list[Look]:
    said = [str(row[0]) for row in connection.execute(f"PRAGMA quick_check({_TOLD_MAX})")]
    if said == ["ok"]:
        return [Look("integrity", True, "every page and index can be read")]
    return [Look("integrity", False, line, _BAD_HINT) for line in said]


def _schema(connection: sqlite3.Connection, wanted: str) -> list[Look]:
    found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    versions = ", ".join(str(row[0]) for row in found)
    if versions == wanted:
        return [Look("schema", True, f"version {versions}")]
    text = f"version {versions or 'unknown'}, this server wants {wanted}"
    return [Look("schema", False, text, "start the server again: it brings the schema up")]


def _orphans(connection: sqlite3.Connection) -> list[Look]:
    looks: list[Look] = []
    for name, what, source in _ORPHANS:
        (count,) = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
        text = f"{what}: {count}" if count else f"no {what}"
        looks.append(Look(name, not count, text, _ORPHAN_HINT if count else ""))
    return looks


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # a log that was just emptied
        return 0


def _size_of_folder(folder: Path, is_over: Callable[[], int]) -> int:
    """Bytes of all files below; those counted so far when the time is over."""
    total = 0
    for place, _, names in os.walk(folder):
        if is_over():
            break
        total += sum(_size(Path(place, name)) for name in names)
    return total
