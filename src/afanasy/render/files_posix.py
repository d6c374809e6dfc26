"""What the render asks of the file system beyond Python's own calls: holes, one sync, a lock."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
from pathlib import Path
from typing import IO, Final

_PUNCH_KEEP_SIZE: Final = 0x02 | 0x01
#: From this many files on, one sync of their file system is cheaper than one of each.
_SYNCFS_FROM: Final = 4

_libc = ctypes.CDLL(None, use_errno=True)


def punch_hole(fd: int, offset: int, length: int) -> bool:
    """Give blocks back to the disk under a writer; False where the file system cannot."""
    wide = ctypes.c_longlong
    if _libc.fallocate(fd, _PUNCH_KEEP_SIZE, wide(offset), wide(length)) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EOPNOTSUPP, errno.ENOSYS):
        return False
    raise OSError(number, os.strerror(number))


def sync_files(fds: list[int]) -> None:
    """Make the files durable and close them. Raises OSError when the disk fails."""
    try:
        if len(fds) < _SYNCFS_FROM or _libc.syncfs(fds[0]) != 0:
            for fd in fds:
                os.fsync(fd)
    finally:
        for fd in fds:
            os.close(fd)


def lock_folder(folder: Path) -> IO[str] | None:
    """Lock a data folder for this process and write our pid there; None: another has it.

    The lock lives as long as the returned file is open.
    """
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    file = os.fdopen(fd, "r+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    # In place, so that the disk may be full; of a first agent there it is locked all the same.
    with contextlib.suppress(OSError):
        os.pwrite(fd, f"{os.getpid():<10}\n".encode("ascii"), 0)
    return file


def locked_by(folder: Path) -> int:
    """Pid that wrote itself into the lock, 0 unknown."""
    text = (folder / "lock").read_text(encoding="ascii").strip()
    return int(text) if text.isdigit() else 0
