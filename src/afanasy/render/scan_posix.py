"""Which processes belong to which run (R42, RECIPES 3).

A process belongs to a run when it carries the run's tag (a unique RLIMIT_FSIZE, which ``env -i``
and ``setsid`` do not remove), or has that tag in its environment, or sits in the session of the
run's wrapper, or descends from such a process. One pass over ``/proc`` serves any number of runs: 2
ms per 80 processes, so it is made for stops and leftovers, never for an ordinary end.

**The ordinary end** must be cheap at 500 a second. The agent is a *child subreaper*: whatever a run
leaves behind becomes the agent's own child. So "is anything left?" is one read of
``/proc/PID/task/PID/children``: a child that is no wrapper is a leftover, or its parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from afanasy.render.rundir import parse_stat

_PR_SET_CHILD_SUBREAPER: Final = 36
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
#: Above this the proportional memory (PSS) is not asked: the kernel walks all pages for it.
_PSS_RSS_MB_MAX: Final = 2048


class Marks(NamedTuple):
    """What the processes of one run are known by."""

    #: Its tag: limit of the file size in blocks of 512 bytes, and ``AF_TAG`` in the environment.
    tag: int
    #: Sessions of its wrapper and its post commands.
    sessions: frozenset[int]
    #: No process of the run started before this, in clock ticks since boot.
    start_ticks: int


class Process(NamedTuple):
    """One process of a run."""

    pid: int
    name: str
    #: Its own process group's leader and session, from /proc.
    group: int
    #: Stopped or traced.
    stopped: bool
    rss_bytes: int
    nice: int


def become_subreaper() -> bool:
    """Inherit the orphans of our descendants; False where the kernel refuses."""
    with contextlib.suppress(OSError, AttributeError):
        return ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    return False


def foreign_children(known: Iterable[int]) -> list[int] | None:
    """Our children that are not ``known``, dead ones reaped; None: the kernel does not tell.

    Orphans come to the main thread, which also spawns the wrappers: its list is enough.
    """
    own = os.getpid()
    try:
        fd = os.open(f"/proc/{own}/task/{own}/children", os.O_RDONLY)
    except OSError:
        return None
    try:
        text = b"".join(iter(lambda: os.read(fd, 1 << 16), b""))  # a page at a time
    finally:
        os.close(fd)
    found = set(map(int, text.split()))
    found.difference_update(known)
    alive: list[int] = []
    for pid in found:
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                alive.append(pid)
    return alive


def find_processes(runs: Mapping[int, Marks]) -> dict[int, list[Process]]:
    """The living processes of ``runs`` (zombies are gone), by run; each run has its list."""
    found: dict[int, list[Process]] = {run: [] for run in runs}
    if not runs:
        return found
    sessions = {session: run for run, mark in runs.items() for session in mark.sessions}
    tags = {mark.tag: run for run, mark in runs.items()}
    oldest = min(mark.start_ticks for mark in runs.values())
    own = os.getpid()
    owner: dict[int, int] = {}
    parents: dict[int, int] = {}
    seen: dict[int, Process] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit() or int(name) == own:
            continue
        stat = _read(f"/proc/{name}/stat")
        if not stat:
            continue
        text = stat.decode("utf-8", "replace")
        fields = parse_stat(text)
        if fields[0] in "ZX" or int(fields[19]) < oldest:
            continue
        pid = int(name)
        comm = text[text.index("(") + 1 : text.rindex(")")]
        seen[pid] = Process(
            pid,
            comm,
            int(fields[2]),
            fields[0] in "Tt",
            int(fields[21]) * _PAGE_BYTES,
            int(fields[16]),
        )
        parents[pid] = int(fields[1])
        run = sessions.get(int(fields[3]))
        if run is None:
            run = _run_of_tag(name, tags)
        if run is None:
            run = tags.get(tag_in_environment(pid))
        if run is not None:
            owner[pid] = run
    for pid, process in seen.items():
        run = _run_of_parents(pid, owner, parents)
        if run is not None:
            found[run].append(process)
    return found


def _run_of_tag(pid: str, tags: Mapping[int, int]) -> int | None:
    limits = _read(f"/proc/{pid}/limits")
    at = limits.find(b"Max file size")
    if at < 0:
        return None
    words = limits[at + 13 : at + 60].split()
    if not words or not words[0].isdigit():
        return None
    size = int(words[0])
    # a shell counts in 512 bytes; bash outside its POSIX mode in 1024
    return tags.get(size // 512) or tags.get(size // 1024)


def tag_in_environment(pid: int) -> int:
    """The tag that a process was started with, 0 when there is none."""
    environment = b"\0" + _read(f"/proc/{pid}/environ")
    at = environment.find(b"\0AF_TAG=")
    number = environment[at + 8 :].split(b"\0", 1)[0] if at >= 0 else b""
    return int(number) if number.isdigit() else 0


def _run_of_parents(pid: int, owner: dict[int, int], parents: dict[int, int]) -> int | None:
    chain: list[int] = []
    while pid in parents and pid not in owner and len(chain) < 1000:
        chain.append(pid)
        pid = parents[pid]
    run = owner.get(pid)
    if run is not None:
        owner.update(dict.fromkeys(chain, run))
    return run


def memory_mb(processes: Iterable[Process]) -> int:
    """Memory of a run's processes in MB.

    Shared pages are counted once (PSS) where several processes share them and the kernel says so
    cheaply; else it is the resident size.
    """
    members = list(processes)
    total = 0
    for process in members:
        size = process.rss_bytes
        if len(members) > 1 and 1 << 20 < size < _PSS_RSS_MB_MAX << 20:
            size = _pss_bytes(process.pid) or size
        total += size
    return total >> 20


def _pss_bytes(pid: int) -> int:
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: str) -> bytes:
    """A file of /proc that may vanish or be closed to us."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, 1 << 16)
    except OSError:
        return b""
    finally:
        os.close(fd)
