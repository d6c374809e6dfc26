"""The doctor's look at the data folder: rights, disk, database, clock."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import sqlite3
import stat
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil
from alembic.util import CommandError as AlembicError
from sqlalchemy.exc import SQLAlchemyError

from afanasy.model.clock import read_clocks
from afanasy.model.ids import EPOCH_ZERO_UNIX_S
from afanasy.store import database

FREE_SHARE_WANTED: Final = 0.05
FREE_BYTES_NEEDED: Final = 100 << 20
INODES_NEEDED: Final = 1000
SYNCS: Final = 21
#: Answers to submissions and starts of tasks wait for a sync.
SYNC_MS_WANTED: Final = 20.0
#: A step back of the clock that nothing notices.
CLOCK_STEP_S: Final = 60.0
#: SQLite's write-ahead log needs memory that is shared between processes: a disk of this machine.
NETWORK_FILE_SYSTEMS: Final = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "beegfs", "glusterfs",
    "fuse.sshfs", "fuse.glusterfs", "fuse.ceph",
}  # fmt: skip
BUSY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found. ``level`` is ok, warn or fail; ``hint`` says what to do."""

    check: str
    level: str
    text: str
    hint: str = ""


def nearest_existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def is_locked(data: Path) -> bool:
    """Whether a server works in this data folder."""
    try:
        with (data / "server.lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


# -- rights


def check_folder(data: Path) -> list[Finding]:
    """Whether this user can work in it, and nobody else."""
    name = "data folder"
    there = nearest_existing(data)
    if not there.is_dir():
        return [Finding(name, "fail", f"{there} is no folder", "choose another --data")]
    user = _user_name(os.geteuid())
    if not os.access(there, os.W_OK | os.X_OK):
        owner = _user_name(there.stat().st_uid)
        hint = f"become {owner}, or: chown -R {user} {there}"
        return [Finding(name, "fail", f"{user} may not write in {there} of {owner}", hint)]
    kind = _file_system(there)
    findings: list[Finding] = []
    if kind in NETWORK_FILE_SYSTEMS:
        hint = "put --data on a disk of this machine"
        findings.append(
            Finding(name, "fail", f"{there} is on {kind}, which cannot hold the database", hint)
        )
    if there != data.absolute():
        return [*findings, Finding(name, "ok", f"{data} is not there yet; the server makes it")]
    strange = sorted(
        path.name
        for path in data.iterdir()
        if not os.access(path, os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0))
    )
    if strange:
        findings.append(
            Finding(
                name,
                "fail",
                f"{user} may not read and write {', '.join(strange)} in {data}",
                f"a server of another user ran here once: chown -R {user} {data}",
            )
        )
    if any(_others_write(path) for path in (data, data / "farm.db") if path.exists()):
        hint = f"chmod -R o-w {data}"
        findings.append(Finding(name, "warn", f"everybody may write in {data}", hint))
    if not findings:
        busy = "; a server works in it" if is_locked(data) else ""
        findings.append(Finding(name, "ok", f"{user} may write in {data}{busy}"))
    return findings


def _others_write(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IWOTH)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _file_system(folder: Path) -> str:
    """Type of the file system that holds the folder."""
    best, kind = "", ""
    for mount in psutil.disk_partitions(all=True):
        if folder.resolve().is_relative_to(mount.mountpoint) and len(mount.mountpoint) >= len(best):
            best, kind = mount.mountpoint, mount.fstype
    return kind


# -- disk


def check_disk(data: Path) -> list[Finding]:
    """Space, inodes, and how long a commit must wait for the disk."""
    folder = nearest_existing(data)
    return [*_space(folder), *_sync(folder)]


def _space(folder: Path) -> Iterator[Finding]:
    disk = os.statvfs(folder)
    free, whole = disk.f_bavail * disk.f_frsize, max(1, disk.f_blocks * disk.f_frsize)
    text = f"{free / 1e9:.1f} GB of {whole / 1e9:.1f} GB are free"
    hint = "make room, or move the data folder to a bigger disk"
    if free < FREE_BYTES_NEEDED:
        yield Finding("disk", "fail", text, hint)
    elif free < whole * FREE_SHARE_WANTED:
        yield Finding("disk", "warn", text, hint)
    else:
        yield Finding("disk", "ok", text)
    # File systems that make inodes as they go say 0 of 0.
    if disk.f_files and disk.f_favail < INODES_NEEDED:
        text = f"only {disk.f_favail} more files can be made"
        yield Finding("disk", "fail", text, "remove small files from this disk")


def _sync(folder: Path) -> Iterator[Finding]:
    if not os.access(folder, os.W_OK):
        return
    times: list[float] = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(SYNCS):
            file.write(bytes(4096))
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - start) * 1e3)
    median = statistics.median(times)
    text = f"a commit waits {median:.2f} ms for the disk, at most {max(times):.1f} ms in {SYNCS}"
    if median > SYNC_MS_WANTED:
        hint = "starts and answers wait for it; a local solid-state disk needs less than 2 ms"
        yield Finding("disk", "warn", text, hint)
    else:
        yield Finding("disk", "ok", text)


# -- database


def check_database(data: Path) -> list[Finding]:
    """Whether it opens, is whole, can be written, and would be migrated."""
    path = data / "farm.db"
    if not path.exists():
        return [Finding("database", "ok", f"{path} is not there yet; the server makes it")]
    try:
        with contextlib.closing(_open(path)) as connection:
            trouble = _whole(connection)
            if trouble:
                hint = "stop the server, keep the folder aside and restore a back-up"
                return [Finding("database", "fail", f"{path} is damaged: {trouble}", hint)]
            findings = [_schema(path, connection), *_writable(path, connection)]
            size = path.stat().st_size / 1e6
    except sqlite3.DatabaseError as error:
        hint = "stop the server, keep the folder aside and restore a back-up"
        return [Finding("database", "fail", f"{path} cannot be opened: {error}", hint)]
    if any(one.level != "ok" for one in findings):
        return findings
    return [Finding("database", "ok", f"{path} ({size:.1f} MB) is whole and can be written"),
            *findings]  # fmt: skip


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_S)


def settings_on_the_fly(data: Path) -> dict[str, Any]:
    """What the database says of settings; nothing where there is none that can be read."""
    path = data / "farm.db"
    if not path.exists():
        return {}
    try:
        with contextlib.closing(_open(path)) as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'settings'").fetchone()
    except sqlite3.DatabaseError:
        return {}  # the look at the database says what is wrong with it
    chosen: dict[str, list[Any]] = json.loads(row[0]) if row else {}
    return {key: one[0] for key, one in chosen.items()}


def _whole(connection: sqlite3.Connection) -> str:
    rows = connection.execute("PRAGMA quick_check(3)").fetchall()
    return "" if rows == [("ok",)] else "; ".join(str(row[0]) for row in rows)


def _writable(path: Path, connection: sqlite3.Connection) -> list[Finding]:
    """Take the lock of a writer for a moment and change nothing."""
    connection.rollback()
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()
    except sqlite3.OperationalError as error:
        hint = "see the rights of the data folder, and who else has the file open (fuser)"
        return [Finding("database", "fail", f"{path} cannot be written: {error}", hint)]
    return []


def _schema(path: Path, connection: sqlite3.Connection) -> Finding:
    """The version of its tables against ours; an older one is migrated on a copy."""
    known = _revisions()
    try:
        found = [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]
    except sqlite3.OperationalError:
        found = []
    if found == known[:1]:
        return Finding("database", "ok", f"its tables are of this version ({known[0]})")
    unknown = [one for one in found if one not in known]
    if unknown:
        text = f"{path} was made by a newer Afanasy (tables {', '.join(unknown)})"
        return Finding("database", "fail", text, "install that version, or restore a back-up")
    before = found[0] if found else "none"
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="doctor-") as folder:
        copy = Path(folder) / "farm.db"
        with contextlib.closing(sqlite3.connect(copy)) as target:
            connection.backup(target)
        engine = database.open_sqlite(copy)
        try:
            database.migrate(engine)
        except (SQLAlchemyError, AlembicError) as error:
            text = f"its tables ({before}) cannot be migrated to {known[0]}: {error}"
            return Finding("database", "fail", text, "stay with the version that made it")
        finally:
            engine.dispose()
    text = f"its tables ({before}) will be migrated to {known[0]}; tried on a copy"
    return Finding("database", "ok", text)


def _revisions() -> list[str]:
    """The versions of our tables, the newest first."""
    from alembic.script import ScriptDirectory

    folder = Path(database.__file__).parent / "migrations"
    return [script.revision for script in ScriptDirectory(str(folder)).walk_revisions()]


# -- clock


def check_clock(data: Path) -> list[Finding]:
    """The wall clock against what was stored, and the clock that measures."""
    findings: list[Finding] = []
    now = read_clocks()
    newest, what = _newest(data / "farm.db")
    hint = "set it, and let it be kept: timedatectl set-ntp true"
    if now.wall < EPOCH_ZERO_UNIX_S:
        findings.append(Finding("clock", "fail", f"it says {_date(now.wall)}", hint))
    elif now.wall < newest - CLOCK_STEP_S:
        text = (
            f"it says {_date(now.wall)}, but the database has {what} of {_date(newest)},"
            f" {_span(newest - now.wall)} later"
        )
        findings.append(Finding("clock", "warn", text, hint))
    elif newest:
        text = f"{_date(now.wall)} (UTC), after the newest entry of the database"
        findings.append(Finding("clock", "ok", text))
    else:
        findings.append(Finding("clock", "ok", f"{_date(now.wall)} (UTC)"))
    return [*findings, *_monotonic()]


def _monotonic() -> Iterator[Finding]:
    """It never goes back, and both clocks go equally fast."""
    first = read_clocks()
    last = first
    while last.mono - first.mono < 0.05:
        now = read_clocks()
        if now.mono < last.mono:
            hint = "the machine's timer is broken: see dmesg for the clock source"
            yield Finding("clock", "fail", "the monotonic clock went back", hint)
            return
        last = now
    step = (last.wall - first.wall) - (last.mono - first.mono)
    if abs(step) > 1.0:
        hint = "let one program set the clock, and let it slew"
        yield Finding("clock", "warn", f"it was set by {step:.1f} s while we looked", hint)


def _newest(path: Path) -> tuple[float, str]:
    """The newest moment in the database, and what it is of."""
    found: list[tuple[float, str]] = [(0.0, "")]
    queries = {
        "a server's start": f"SELECT epoch + {EPOCH_ZERO_UNIX_S} FROM leader",
        "a job": "SELECT max(time_creation) FROM jobs",
        "a run": "SELECT max(started) FROM (SELECT started FROM runs ORDER BY run DESC LIMIT 100)",
        "a running task": "SELECT max(started) FROM open_runs",
    }
    if path.exists():
        with contextlib.closing(_open(path)) as connection:
            for what, query in queries.items():
                # A damaged database, and one of another version, are told by their own check.
                with contextlib.suppress(sqlite3.DatabaseError):
                    row = connection.execute(query).fetchone()
                    found.append((float(row[0] or 0), what) if row else (0.0, what))
    return max(found)


def _date(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _span(seconds: float) -> str:
    for size, word in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{seconds:.0f} seconds"
