"""What a starting agent makes of the run folders it finds (R7, R40, R41).

| what is there                         | what it means                                            |
|---------------------------------------|----------------------------------------------------------|
| no command, or no pid after a claim   | never began: the folder goes, the server starts it again |
| result                                | ended; it is told again                                  |
| pid of another boot, no rc            | lost with the host: the folder goes                      |
| its process lives                     | adopted                                                  |
| rc                                    | ended while no agent was there; judged now               |
| neither process nor rc, stopping      | the stop was done                                        |
| neither process nor rc                | killed by the system                                     |

A folder that tells nothing (the command deleted our files, the disk is broken) is released as well.
Whatever of such a run still lives is killed first, since the server starts it again.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import Final, NamedTuple

from afanasy.model.clock import Now, read_clocks
from afanasy.render.core import BY_AGENT
from afanasy.render.ender import EMPTY_LOOKS
from afanasy.render.events import CommandEnded, HeldFolder
from afanasy.render.live_run import LiveRun
from afanasy.render.process_posix import (
    CLOCK_TICKS,
    boot_clock,
    is_alive,
    signal_process,
    tag_of_run,
)
from afanasy.render.rundir import Began, ExitFile, RunFolders
from afanasy.render.scan_posix import Marks, find_processes

#: A wrapper that made its `pid` but did not fill it within this time never will.
EMPTY_PID_S: Final = 2.0
#: Killing what is left of a run that nothing is known of must not keep the agent from starting.
END_WITHIN_S: Final = 2.0
#: Later than the start of any process.
NEVER_TICKS: Final = 1 << 62

log = logging.getLogger("afrender.restore")


class Found(NamedTuple):
    """One folder that is held: for the core, and for the shell."""

    fact: HeldFolder
    live: LiveRun


def restore(folders: RunFolders, boot_id: str, now: Now) -> list[Found]:
    """Read all run folders; those of runs that never began, or are lost, are released."""
    found: list[Found] = []
    for run in folders.held():
        try:
            one = _restore_one(folders, run, boot_id, now)
        except OSError as error:
            log.error("run %d: its folder cannot be read: %s", run, error)
            end_processes(tag_of_run(folders.owner, run))
            one = None
        if one is None:
            folders.release(run)
        else:
            found.append(one)
    return found


def _restore_one(folders: RunFolders, run: int, boot_id: str, now: Now) -> Found | None:
    command = folders.command(run)
    result = folders.result(run)
    if command is None:
        if end_processes(tag_of_run(folders.owner, run)):
            log.error("run %d is lost: its command deleted the run folder's files", run)
        else:
            log.info("run %d never began", run)
        return None
    live = LiveRun(*command, folders, now.mono)
    live.adopted = True
    live.tail.base = folders.base(run)
    live.tail.look()
    if result is not None:
        return Found(HeldFolder(run, result.elapsed_s, result=result), live)
    if folders.claim(run):
        log.info("run %d never began", run)
        return None
    began = _await_pid(folders, run)
    if began is None:
        log.warning("run %d: its wrapper died before the command", run)
        end_processes(live.tag)
        return None
    exit_file = folders.rc(run)
    if exit_file is None and began.boot_id != boot_id:
        log.warning("run %d was lost when the host went down", run)
        return None
    alive = began.boot_id == boot_id and is_alive(began)
    if not alive and exit_file is None:
        exit_file = folders.rc(run)  # it may have written it between the two looks
    _adopt(live, began, now, alive=alive, same_boot=began.boot_id == boot_id)
    elapsed = max(0.0, boot_clock() - began.start_ticks / CLOCK_TICKS)
    fact = HeldFolder(run, elapsed if began.boot_id == boot_id else 0.0)
    stop = folders.stopping(run)
    if stop is not None:
        fact.stop_by, fact.stop_cause, fact.verdict = stop.by, stop.cause, stop.verdict
    if not alive:
        fact.ended = command_ended(folders, live, exit_file, None)
        log.info("run %d ended while no agent was there", run)
    else:
        log.info("run %d is adopted, process %d", run, began.pid)
    if stop is not None and stop.by == BY_AGENT:
        log.info("run %d was being stopped by the exit of the agent", run)
    return Found(fact, live)


def _await_pid(folders: RunFolders, run: int) -> Began | None:
    """The content of ``pid``; its wrapper may be about to write it."""
    deadline = time.monotonic() + EMPTY_PID_S
    while True:
        began = folders.pid(run)
        if began is not None:
            return began
        age = read_clocks().wall - os.stat(folders.path(run) + "/pid").st_mtime  # noqa: PTH116
        if not 0 <= age < EMPTY_PID_S or time.monotonic() > deadline:
            return None
        time.sleep(0.01)


def end_processes(tag: int) -> bool:
    """Kill every process with this tag, before anything else is done; whether there was one."""
    found = False
    empty_looks = 0
    deadline = time.monotonic() + END_WITHIN_S
    while empty_looks < EMPTY_LOOKS and time.monotonic() < deadline:
        processes = find_processes({0: Marks(tag, frozenset(), 0)})[0]
        empty_looks = 0 if processes else empty_looks + 1
        found = found or bool(processes)
        running = [process for process in processes if not process.stopped]
        for process in running or processes:
            signal_process(process.pid, signal.SIGSTOP if running else signal.SIGKILL)
    return found


def _adopt(live: LiveRun, began: Began, now: Now, *, alive: bool, same_boot: bool) -> None:
    """Know the run's processes again.

    Only a living wrapper vouches for its session: the number of a dead one may be somebody else's
    by now. After another boot nothing is left and any number would be a stranger's.
    """
    live.pid = began.pid
    live.start_ticks = began.start_ticks if same_boot else NEVER_TICKS
    if alive:
        live.sessions = {began.session}
    live.replay_to = live.tail.size
    try:
        age = now.wall - os.stat(live.folder + "/out").st_mtime  # noqa: PTH116
    except OSError:
        age = 0.0
    run_age = boot_clock() - began.start_ticks / CLOCK_TICKS
    live.progress_at = now.mono - min(max(0.0, age), max(0.0, run_age))


def command_ended(
    folders: RunFolders,
    live: LiveRun,
    exit_file: ExitFile | None,
    reaped: tuple[int, int, float] | None,
) -> CommandEnded:
    """The end of a command, from its ``rc`` and, for a child of ours, from the system.

    A full disk may have lost ``rc``: the wrapper exits with the same status.
    """
    event = CommandEnded(live.run, -1, no_directory=folders.no_directory(live.run))
    if exit_file is not None:
        event.status, event.cpu_s = exit_file.status, exit_file.cpu_s
        if exit_file.uptime_s >= 0 and live.adopted:
            event.elapsed_s = max(0.0, exit_file.uptime_s - live.start_ticks / CLOCK_TICKS)
    elif reaped is not None:
        event.status, event.signal = reaped[0], reaped[1]
    if reaped is not None:
        event.cpu_s = reaped[2]
    return event
