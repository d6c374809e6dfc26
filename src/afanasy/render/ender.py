"""Ending runs: TERM to all of a run, what is left after it, the kill, the brake (R41, R42).

Every job here is done for all runs that want it in one pass over ``/proc``. Nothing polls unless a
run is being ended.

**The kill** must not lose a race against a program that forks while it is killed: all processes are
stopped (SIGSTOP), looked for again until nobody new appears, then killed, until three looks in a
row find none. A process that hangs in the kernel is waited for with ever longer pauses.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterable
from typing import Final

from afanasy.render import scan_posix as scan
from afanasy.render.live_run import LiveRun
from afanasy.render.process_posix import (
    CLOCK_TICKS,
    boot_clock,
    signal_process,
)
from afanasy.render.scan_posix import Process

#: A shell that is about to begin a command may swallow a TERM: its own handler is still in force.
#: So a run that was younger than this gets a second one, this long after the first.
YOUNG_S: Final = 0.5
AGAIN_S: Final = 0.25
#: What a command leaves behind gets this long to end by itself before it is called a leftover.
GRACE_S: Final = 0.05
LEFT_POLL_S: Final = 0.1
KILL_POLL_S: Final = 0.005
KILL_POLL_MAX_S: Final = 0.5
EMPTY_LOOKS: Final = 3
#: After so many looks that still found somebody running, stop looking and kill.
STOP_LOOKS_MAX: Final = 10

log = logging.getLogger("afrender.end")


class _Killing:
    """One run that is being killed."""

    __slots__ = ("done", "empty_looks", "looks")

    def __init__(self, done: Callable[[], None]) -> None:
        self.done = [done]
        self.looks = 0
        self.empty_looks = 0


class Ender:
    """Ends the processes of runs. ``runs`` are the agent's live runs, by run id."""

    def __init__(
        self,
        runs: dict[int, LiveRun],
        on_left: Callable[[int, list[str]], None],
        on_empty: Callable[[int], None],
    ) -> None:
        self._runs = runs
        self._on_left = on_left
        self._on_empty = on_empty
        self._loop = asyncio.get_running_loop()
        self._subreaper = scan.become_subreaper()
        #: Children that are wrappers and not leftovers.
        self.wrappers: set[int] = set()
        self._terms: set[int] = set()
        self._looks: set[int] = set()
        self._left: set[int] = set()
        self._left_timer: asyncio.TimerHandle | None = None
        self._killing: dict[int, _Killing] = {}

    # ------------------------------------------------------------------------------ TERM

    def terminate(self, run: int) -> None:
        """TERM to every process of the run; together with the others of this pass."""
        if not self._terms:
            self._loop.call_soon(self._terminate_all)
        self._terms.add(run)

    def _terminate_all(self) -> None:
        wanted, self._terms = self._terms, set()
        for run, processes in self._find(wanted).items():
            live = self._runs[run]
            self._no_brake(live)
            for process in processes:
                signal_process(process.pid, signal.SIGTERM)
            for process in processes:
                signal_process(process.pid, signal.SIGCONT)
            if processes and boot_clock() - live.start_ticks / CLOCK_TICKS < YOUNG_S:
                self._loop.call_later(AGAIN_S, self._terminate_again, run)

    def _terminate_again(self, run: int) -> None:
        if run in self._runs and run not in self._killing:
            for process in self._find([run]).get(run, []):
                signal_process(process.pid, signal.SIGTERM)

    # ------------------------------------------------------------------------------ looks

    def look(self, run: int) -> None:
        """See whether anything of an ended run is left; ``on_empty`` or ``on_left`` answers."""
        if not self._looks:
            self._loop.call_soon(self._look_all)
        self._looks.add(run)

    def _look_all(self) -> None:
        wanted, self._looks = self._looks, set()
        foreign = scan.foreign_children(self.wrappers) if self._subreaper else None
        doubtful: list[int] = []
        for run in wanted:
            live = self._runs.get(run)
            if live is None:
                continue
            if foreign == [] and not live.adopted and not _group_lives(live.sessions):
                self._on_empty(run)
            else:
                doubtful.append(run)
        for run, processes in self._find(doubtful).items():
            if processes:
                self._loop.call_later(GRACE_S, self._look_again, run)
            else:
                self._on_empty(run)

    def _look_again(self, run: int) -> None:
        processes = self._find([run]).get(run)
        if processes:
            self._on_left(run, [f"{process.name} ({process.pid})" for process in processes])
        else:
            self._on_empty(run)

    def end_left_overs(self, run: int) -> None:
        """TERM to what is left, and ``on_empty`` when it is gone."""
        self.terminate(run)
        self._left.add(run)
        if self._left_timer is None:
            self._left_timer = self._loop.call_later(LEFT_POLL_S, self._poll_left)

    def _poll_left(self) -> None:
        self._left_timer = None
        for run, processes in self._find(self._left - self._killing.keys()).items():
            if not processes:
                self._left.discard(run)
                self._on_empty(run)
        self._left.intersection_update(self._runs)
        if self._left - self._killing.keys():
            self._left_timer = self._loop.call_later(LEFT_POLL_S, self._poll_left)

    # -------------------------------------------------------------------------------- kill

    def kill(self, run: int, done: Callable[[], None] | None = None) -> None:
        """Kill all of the run; then ``done``, by default ``on_empty``.

        A run that is being killed already is killed once; all are told.
        """
        told = done or (lambda: self._on_empty(run))
        if run in self._killing:
            self._killing[run].done.append(told)
            return
        if not self._killing:
            self._loop.call_soon(self._kill_step)
        self._left.discard(run)
        self._killing[run] = _Killing(told)
        live = self._runs.get(run)
        if live is not None:
            self._no_brake(live)

    def _kill_step(self) -> None:
        found = self._find(self._killing)
        pause = KILL_POLL_MAX_S
        for run in list(self._killing):
            killing = self._killing[run]
            processes = found.get(run, [])
            killing.looks += 1
            if processes:
                killing.empty_looks = 0
                self._kill_some(processes, killing.looks)
            else:
                killing.empty_looks += 1
                if killing.empty_looks >= EMPTY_LOOKS:
                    del self._killing[run]
                    for done in killing.done:
                        done()
                    continue
            pause = min(pause, KILL_POLL_S * max(1, killing.looks - 20))
            if killing.looks == 100:
                names = ", ".join(f"{process.name} ({process.pid})" for process in processes)
                log.warning("run %d: still not dead, hanging in the system: %s", run, names)
        if self._killing:
            self._loop.call_later(pause, self._kill_step)

    @staticmethod
    def _kill_some(processes: list[Process], looks: int) -> None:
        running = [process for process in processes if not process.stopped]
        if running and looks <= STOP_LOOKS_MAX:
            for process in running:
                signal_process(process.pid, signal.SIGSTOP)
            return
        for process in processes:
            signal_process(process.pid, signal.SIGKILL)

    # ------------------------------------------------------------------------------- brake

    def brake(self, live: LiveRun, pause_s: float, resumed: Callable[[], None]) -> None:
        """Stop a flooding run for ``pause_s``; ``resumed`` is told when it goes on."""
        if live.resume is not None or live.run in self._killing:
            return
        pids = [process.pid for process in self._find([live.run]).get(live.run, [])]
        for pid in pids:
            signal_process(pid, signal.SIGSTOP)

        def resume() -> None:
            live.resume = None
            for pid in pids:
                signal_process(pid, signal.SIGCONT)
            resumed()

        live.resume = self._loop.call_later(pause_s, resume)

    @staticmethod
    def _no_brake(live: LiveRun) -> None:
        if live.resume is not None:
            live.resume.cancel()
            live.resume = None

    def go_on(self, live: LiveRun) -> None:
        """Continue what an earlier agent had braked, whatever group it moved to."""
        for process in self._find([live.run]).get(live.run, []):
            if process.stopped:
                signal_process(process.pid, signal.SIGCONT)

    # ------------------------------------------------------------------------------ samples

    def memory(self, runs: Iterable[int]) -> dict[int, tuple[int, list[Process]]]:
        """Memory in MB and the processes of each run."""
        return {run: (scan.memory_mb(found), found) for run, found in self._find(runs).items()}

    def end_strays(self) -> None:
        """Kill what a run that is over left behind unseen (looked for while the host idles)."""
        if not self._subreaper:
            return
        strays = scan.foreign_children(self.wrappers)
        if not strays:
            return
        tags = {live.tag for live in self._runs.values()}
        for pid in strays:
            tag = scan.tag_in_environment(pid)
            if tag and tag not in tags:
                log.warning("process %d of a run that is over is killed", pid)
                signal_process(pid, signal.SIGKILL)

    def _find(self, runs: Iterable[int]) -> dict[int, list[Process]]:
        return scan.find_processes(
            {run: self._runs[run].marks for run in runs if run in self._runs}
        )


def _group_lives(groups: Iterable[int]) -> bool:
    for group in groups:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            continue
        except PermissionError:
            return True
        return True
    return False
