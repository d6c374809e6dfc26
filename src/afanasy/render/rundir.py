"""Run folders: what a run leaves on the disk of its render (DESIGN 2, RECIPES 2).

``DATA/runs/ID/`` is a run that the render holds; ``DATA/done/ID/`` one that may be deleted.

| file      | by      | what                                                                       |
|-----------|---------|----------------------------------------------------------------------------|
| command   | agent   | the Start and its Block, before the process is spawned                     |
| pid       | wrapper | boot id and ``/proc/PID/stat``, made exclusively: the right to begin, once |
|           |         | (and the exit status, when the disk is too full for ``rc``)                |
| work/     | agent   | where the command runs when it has no working directory                    |
| out       | wrapper | what the command writes, both streams                                      |
| nowd      | wrapper | there was no working directory                                             |
| rc        | wrapper | exit status, uptime at the end, ``times``; counts when line 1 is complete  |
| stopping  | agent   | who stops the run and why, before anything is signalled (R41)              |
| base      | agent   | bytes of output that were lost when the command truncated ``out``          |
| result    | agent   | the Finished message, synced before it is sent, kept until the Ack         |

A folder is *held* from its creation until the Ack moves it away; moving is one rename, so an agent
that is killed in between never reports a confirmed run again. Deleting happens late and slowly: on
ext4 a mass delete makes the next folders twenty times slower.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from afanasy.wire.stream import Block, Finished, Start

#: Deleting: not before, in seconds; at least so many a second, and all within about this long.
DELETE_AFTER_S: Final = 10.0
DELETE_PER_S_MIN: Final = 10
#: An output longer than this goes at once, its folder later.
OUT_KEEP_BYTES: Final = 1024 * 1024
_FILE_MODE: Final = 0o644

log = logging.getLogger("afrender.folder")

_encoder = msgspec.json.Encoder()
_command_decoder = msgspec.json.Decoder(tuple[Start, Block])
_result_decoder = msgspec.json.Decoder(Finished)


class Began(NamedTuple):
    """Content of the file ``pid``."""

    boot_id: str
    pid: int
    session: int
    #: Start of the process in clock ticks since boot: with the pid it names one process for ever.
    start_ticks: int


class ExitFile(NamedTuple):
    """Content of the file ``rc``."""

    status: int
    #: Seconds since boot when the command ended, -1 unknown.
    uptime_s: float
    #: CPU seconds of the command, -1 unknown.
    cpu_s: float


class StopFile(NamedTuple):
    """Content of the file ``stopping``."""

    by: str
    verdict: int
    cause: str


def write_file(path: str, data: bytes) -> None:
    """Write a small file whole; OSError is the caller's."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
    try:
        _write_all(fd, data)
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    # A disk that is nearly full takes a part and says so; the rest then raises.
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def read_file(path: str, limit: int = 1 << 20) -> bytes | None:
    """Content of a small file, None when it is not there.

    What cannot be read is not there either: a command may have made a folder of the file.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENOENT:
            log.warning("%s cannot be read: %s", path, error.strerror)
        return None
    try:
        return os.read(fd, limit)
    except OSError as error:
        log.warning("%s cannot be read: %s", path, error.strerror)
        return None
    finally:
        os.close(fd)


def parse_stat(text: str) -> list[str]:
    """Fields of ``/proc/PID/stat`` from the third on: the name may contain blanks and brackets."""
    return text[text.rindex(")") + 2 :].split()


def parse_pid(data: bytes) -> Began | None:
    """The content of ``pid``, None while it is incomplete."""
    text = data.decode("utf-8", "replace")
    if not text.endswith("\n"):
        return None
    boot_id, _, stat = text.partition(" ")
    try:
        fields = parse_stat(stat)
        return Began(boot_id, int(stat.split(" ", 1)[0]), int(fields[3]), int(fields[19]))
    except (ValueError, IndexError):
        return None


def parse_rc(data: bytes | None) -> ExitFile | None:
    """The content of ``rc``; it counts when its first line is complete."""
    if not data or b"\n" not in data:
        return None
    lines = data.decode("ascii", "replace").split("\n")
    try:
        status = int(lines[0])
    except ValueError:
        return None
    uptime = cpu = -1.0
    with contextlib.suppress(ValueError, IndexError):
        uptime = float(lines[1])
        cpu = sum(_shell_seconds(word) for word in lines[3].split())
    return ExitFile(status, uptime, cpu)


def parse_late_rc(data: bytes | None) -> ExitFile | None:
    """The exit status in the second line of ``pid``: the disk was full when ``rc`` was written."""
    lines = (data or b"").decode("ascii", "replace").split("\n")
    word, _, status = lines[1].partition(" ") if len(lines) > 2 else ("", "", "")
    return ExitFile(int(status), -1.0, -1.0) if word == "rc" and status.isdigit() else None


def _shell_seconds(word: str) -> float:
    minutes, _, seconds = word.rstrip("s").partition("m")
    return int(minutes) * 60 + float(seconds)


class RunFolders:
    """The folders below one data folder. ``owner`` is the instance id of its agent (R5)."""

    def __init__(self, data: Path, owner: str = "") -> None:
        self.owner = owner
        self.runs = str(data / "runs")
        self.done = str(data / "done")
        Path(self.runs).mkdir(parents=True, exist_ok=True)
        Path(self.done).mkdir(exist_ok=True)

    def path(self, run: int) -> str:
        """Folder of a held run."""
        return f"{self.runs}/{run}"

    def make(self, run: int, start: Start, block: Block) -> str:
        """Make the folder of a new run, with its ``command``. Raises OSError."""
        path = self.path(run)
        os.mkdir(path)  # noqa: PTH102 (os is what 500 starts a second can afford)
        write_file(path + "/command", _encoder.encode((start, block)))
        return path

    def make_work(self, run: int) -> None:
        """Make the folder in which a command without a working directory runs. Raises OSError.

        It is not the run folder itself: ``rm -rf *`` must not take away what we know of the run.
        """
        os.mkdir(self.path(run) + "/work")  # noqa: PTH102

    def held(self) -> list[int]:
        """Run ids of all held folders, in order."""
        return sorted(int(name) for name in os.listdir(self.runs) if name.isdigit())  # noqa: PTH208

    def command(self, run: int) -> tuple[Start, Block] | None:
        """What the run was to do; None when the agent died while writing it."""
        data = read_file(self.path(run) + "/command", 64 << 20)
        try:
            return _command_decoder.decode(data) if data else None
        except msgspec.MsgspecError:
            return None

    def claim(self, run: int) -> bool:
        """Take the right to begin away from a wrapper that has not begun.

        True: the run never began and never will. The claim is a link of ``command``: it appears
        with its content at once, so that an agent killed here leaves nothing in doubt, and it
        needs no room on a full disk. Raises OSError other than that the file is there.
        """
        path = self.path(run)
        try:
            os.link(path + "/command", path + "/pid")
        except FileExistsError:
            return os.path.samefile(path + "/command", path + "/pid")  # noqa: PTH121
        return True

    def pid(self, run: int) -> Began | None:
        """Which process began the run; None while the file is missing or incomplete."""
        data = read_file(self.path(run) + "/pid")
        return parse_pid(data) if data else None

    def rc(self, run: int) -> ExitFile | None:
        """How the command ended, None when it did not write it."""
        path = self.path(run)
        return parse_rc(read_file(path + "/rc")) or parse_late_rc(read_file(path + "/pid"))

    def no_directory(self, run: int) -> bool:
        """Whether the working directory was missing."""
        return os.path.exists(self.path(run) + "/nowd")  # noqa: PTH110 (once a run, no Path)

    def write_stopping(self, run: int, by: str, verdict: int, cause: str) -> None:
        """Say why the run is stopped, before it is. Raises OSError."""
        line = " ".join(cause.split())
        path = self.path(run) + "/stopping"
        write_file(path + ".new", f"{by} {verdict} {line}\n".encode())
        os.rename(path + ".new", path)  # noqa: PTH104

    def stopping(self, run: int) -> StopFile | None:
        """Who stops the run and why."""
        data = read_file(self.path(run) + "/stopping")
        if not data:
            return None
        by, _, rest = data.decode("utf-8", "replace").strip().partition(" ")
        verdict, _, cause = rest.partition(" ")
        return StopFile(by, int(verdict) if verdict.isdigit() else 0, cause)

    def base(self, run: int) -> int:
        """Bytes of output before those in ``out`` (the command truncated it)."""
        data = read_file(self.path(run) + "/base")
        return int(data) if data and data.strip().isdigit() else 0

    def write_base(self, run: int, size: int) -> None:
        """Remember what a truncation took. Raises OSError."""
        write_file(self.path(run) + "/base", str(size).encode())

    def write_result(self, result: Finished) -> int:
        """Write ``result`` and return the open file, to be synced. Raises OSError."""
        path = self.path(result.run)
        if not os.path.isdir(path):  # noqa: PTH112
            os.mkdir(path)  # noqa: PTH102
        fd = os.open(path + "/result", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
        try:
            _write_all(fd, _encoder.encode(result))
        except OSError:
            os.close(fd)
            raise
        return fd

    def result(self, run: int) -> Finished | None:
        """The stored result; a torn one (the host lost power) is none."""
        data = read_file(self.path(run) + "/result", 64 << 20)
        try:
            return _result_decoder.decode(data) if data else None
        except msgspec.MsgspecError:
            return None

    def release(self, run: int) -> None:
        """Move the folder of a run that is not held any more to where it is deleted later."""
        path = self.path(run)
        with contextlib.suppress(OSError):
            if os.stat(path + "/out").st_size > OUT_KEEP_BYTES:  # noqa: PTH116
                os.unlink(path + "/out")  # noqa: PTH108
        try:
            os.rename(path, f"{self.done}/{run}")  # noqa: PTH104
        except FileNotFoundError:
            return
        except OSError:
            delete_folder(path)

    def delete_done(self, now_wall: float) -> int:
        """One second's share of deleting; returns how many folders wait. For a thread."""
        with os.scandir(self.done) as entries:
            ages = sorted((entry.stat().st_ctime, entry.path) for entry in entries)
        share = max(DELETE_PER_S_MIN, len(ages) // int(DELETE_AFTER_S))
        old = [path for ctime, path in ages if not 0 <= now_wall - ctime < DELETE_AFTER_S]
        for path in old[:share]:
            delete_folder(path)
        return len(ages) - min(share, len(old))


def delete_folder(path: str) -> None:
    """Delete a run folder with whatever the command left in it; what cannot be deleted stays."""
    import shutil

    shutil.rmtree(path, ignore_errors=True)
