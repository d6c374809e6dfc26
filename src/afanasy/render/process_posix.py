"""Processes of runs on Linux: the wrapper, its spawning and its end (RECIPES 2, R40, R44).

**The wrapper** is a shell of one dozen built-in commands; it forks once, for the command. Its first
act is to make ``pid`` exclusively. A restarted agent that wants to know whether a run began makes
the same file: exactly one of the two succeeds. It writes to files and never to a pipe, so that the
death of the agent harms nobody.

It handles TERM with a no-op: ignoring it would be inherited by the command, and dying of it would
lose ``rc``. On a full disk the status goes to the end of ``pid``, whose block is there already.

It sets the run's tag, an absurd but unique limit of the file size, which no ``setsid`` and no
``env -i`` takes away from the command's children (:mod:`afanasy.render.scan_posix`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from afanasy.render.rundir import Began, parse_stat

#: Arguments: run folder, command, working directory ("" = `work` in it). Output is `out` already.
WRAPPER: Final = r"""trap : TERM INT HUP
read -r stat </proc/$$/stat && read -r boot </proc/sys/kernel/random/boot_id || exit 125
set -C; echo "$boot $stat" >"$1/pid" || exit 125; set +C
ulimit -f "$AF_TAG" 2>/dev/null
(CDPATH= cd -- "${3:-$1/work}" 2>/dev/null ||
{ : >"$1/nowd"; mkdir -p "$1/work"; cd "$1/work" || cd "$1"; }
c=$2; set --; unset stat boot CDPATH; eval "unset c
$c"); rc=$?
{ echo $rc && read -r up x </proc/uptime && echo $up && times; } >"$1/rc" ||
echo "rc $rc" >>"$1/pid"
exit $rc
"""
#: The wrapper of a post command: tag and folder only.
POST_WRAPPER: Final = r"""ulimit -f "$AF_TAG" 2>/dev/null
CDPATH= cd -- "${3:-$1/work}" 2>/dev/null || cd "$1/work" || cd "$1"
c=$2; set --; unset CDPATH; eval "unset c
$c"
"""
#: Exit of a wrapper that may not begin, or cannot write its folder.
WRAPPER_REFUSED: Final = 125

#: Tags, in blocks of 512 bytes, begin at 512 TB: harmless limits.
TAG_BASE: Final = 1 << 40

_SHELL: Final = "/bin/sh"
_RESET: Final = [
    signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
    signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
]  # fmt: skip
_OUT_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND
CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")


def tag_of_run(owner: str, run: int) -> int:
    """The run's file-size limit, in blocks of 512 bytes.

    ``owner`` is the agent's instance id: two agents on one host, maybe of two farms whose run ids
    are the same, must never end each other's processes.
    """
    digest = hashlib.blake2b(f"{owner} {run}".encode(), digest_size=8).digest()
    return TAG_BASE + int.from_bytes(digest, "big") % TAG_BASE


def boot_id() -> str:
    """Names one boot of this host."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def boot_clock() -> float:
    """Seconds since boot, suspended time included: the clock of process start times."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def spawn_command(
    folder: str,
    command: str,
    directory: str,
    environment: Mapping[str, str],
    *,
    nice: int,
    script: str = WRAPPER,
) -> int:
    """Spawn a wrapper in its own session, its output appended to ``out``; its pid.

    Raises OSError: no process, no memory, the folder cannot be written. ``environment`` holds
    ``AF_TAG``. The nice value is given to the group right after, mostly before the shell forks;
    the first look at the run's output repeats it.
    """
    pid = os.posix_spawn(
        _SHELL,
        ["sh", "-c", script, "afrun", folder, command, directory],
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, folder + "/out", _OUT_FLAGS, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=_RESET,
    )
    if nice:
        set_nice(pid, nice)
    return pid


def set_nice(group: int, nice: int) -> None:
    """Make all processes of a process group at least as nice as ``nice``."""
    # An error: it ended already, or somebody made it nicer than we may undo.
    with contextlib.suppress(OSError):
        if os.getpriority(os.PRIO_PGRP, group) < nice:
            os.setpriority(os.PRIO_PGRP, group, nice)


def is_alive(began: Began) -> bool:
    """Whether the very process that began the run still runs (not a zombie, not a reused pid)."""
    try:
        fields = parse_stat(Path(f"/proc/{began.pid}/stat").read_text("utf-8", "replace"))
    except (OSError, ValueError):
        return False
    return int(fields[19]) == began.start_ticks and fields[0] not in "ZX"


def open_end(pid: int) -> int | None:
    """A file that becomes readable when the process ends; None: it is gone."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def has_ended(pidfd: int) -> bool:
    """Whether the process of a pidfd has ended, without waiting."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def reap(pid: int) -> tuple[int, int, float] | None:
    """``(exit status or -1, signal, cpu seconds)`` of an ended child.

    None: not our child (adopted by init), or not ended.
    """
    try:
        found, status, usage = os.wait4(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    if not found:
        return None
    cpu = usage.ru_utime + usage.ru_stime
    if os.WIFSIGNALED(status):
        return -1, os.WTERMSIG(status), cpu
    return os.WEXITSTATUS(status), 0, cpu


def signal_group(group: int, number: int) -> None:
    """Signal a process group that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def signal_process(pid: int, number: int) -> None:
    """Signal a process that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
