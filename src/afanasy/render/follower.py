"""Following runs while they run: their output, the parser's verdict, memory and progress (R44).

Nothing ticks on an idle host. While something runs, outputs are looked at every 25 ms (a flood must
not write for longer before it is seen), and once a second memory is sampled. One frame of progress
goes out for all runs together, each second or as seldom as the server wants it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Final

from afanasy.render.connection import Connection
from afanasy.render.ender import Ender
from afanasy.render.events import Event, Verdict
from afanasy.render.live_run import LiveRun
from afanasy.render.process_posix import set_nice
from afanasy.wire.stream import Progress, RunProgress

TICK_S: Final = 0.025
#: After a flooding run was let go on.
FLOOD_TICK_S: Final = 0.005
SECOND_S: Final = 1.0
#: Share of a tick that parsing may take; the rest is for everything else.
PARSE_SHARE_S: Final = 0.010
#: A brake shorter than this is not worth two signals.
BRAKE_MIN_S: Final = 0.001

log = logging.getLogger("afrender.follow")


class Follower:
    """Follows the running runs of one agent."""

    def __init__(
        self,
        ender: Ender,
        connection: Connection,
        *,
        nice: int,
        tell: Callable[[Event], None],
        began: Callable[[int], float],
    ) -> None:
        self._ender = ender
        self._connection = connection
        self._nice = nice
        self._tell = tell
        self._began = began
        self._loop = asyncio.get_running_loop()
        self._runs: dict[int, LiveRun] = {}
        self._tick_timer: asyncio.TimerHandle | None = None
        self._second_timer: asyncio.TimerHandle | None = None
        #: Seconds between frames of progress, and since the last one.
        self.progress_period_s = SECOND_S
        self._seconds = 0.0

    def follow(self, live: LiveRun) -> None:
        """Look at this run from now on."""
        self._runs[live.run] = live
        if self._tick_timer is None:
            self._tick_timer = self._loop.call_later(TICK_S, self._tick)
        if self._second_timer is None:
            self._second_timer = self._loop.call_later(SECOND_S, self._second)

    def leave(self, run: int) -> None:
        """Look at it no more."""
        self._runs.pop(run, None)

    def close(self) -> None:
        """Stop ticking."""
        for timer in (self._tick_timer, self._second_timer):
            if timer is not None:
                timer.cancel()

    def read_to_end(self, live: LiveRun, status: int) -> None:
        """The command ended with ``status``: parse what is left, then tell the core."""
        live.read_status = status
        now = self._loop.time()
        parse_until = now + PARSE_SHARE_S
        live.look(now)
        if live.parse(now, lambda: self._loop.time() >= parse_until):
            self._read(live, status)
        else:
            self.follow(live)

    def _tick(self) -> None:
        self._tick_timer = None
        now = self._loop.time()
        parse_until = now + PARSE_SHARE_S
        for live in list(self._runs.values()):
            try:
                self._pump(live, now, parse_until)
            except OSError as error:
                log.error("run %d: its output cannot be read: %s", live.run, error)
        if self._runs and self._tick_timer is None:
            self._tick_timer = self._loop.call_later(TICK_S, self._tick)

    def _look_soon(self) -> None:
        """A flood goes on: look again before it wrote much."""
        if self._tick_timer is not None:
            self._tick_timer.cancel()
        self._tick_timer = self._loop.call_later(FLOOD_TICK_S, self._tick)

    def _pump(self, live: LiveRun, now: float, parse_until: float) -> None:
        if not live.niced:
            live.niced = True
            set_nice(live.pid, self._nice)
        grown = live.look(now)
        if grown > 0:
            brake_s = live.tail.flood.grew(grown, now)
            if brake_s > BRAKE_MIN_S:
                self._ender.brake(live, brake_s, self._look_soon)
        all_parsed = live.parse(now, lambda: self._loop.time() >= parse_until)
        if live.read_status is not None:
            if all_parsed:
                self._read(live, live.read_status)
            return
        self._take_verdict(live)
        if self._connection.writable:
            for piece in live.tail.pieces(now):
                self._connection.send(piece)
        live.tail.cap()

    def _take_verdict(self, live: LiveRun) -> None:
        verdict = live.new_verdict()
        if verdict is not None:
            self._tell(Verdict(live.run, *verdict))

    def _read(self, live: LiveRun, status: int) -> None:
        self.leave(live.run)
        host = live.host
        assert host is not None, f"run {live.run} is read without plug-ins"
        host.finish(status)
        self._take_verdict(live)
        state = host.end_state(status, live.text_end(), live.memory_peak_mb)
        if live.tail.unparsed:
            state.log.append(f"flood of output: {live.tail.unparsed} bytes were not parsed")
        self._tell(state)

    # ------------------------------------------------------------------------ each second

    def _second(self) -> None:
        self._second_timer = None
        if not self._runs:
            return
        self._sample()
        self._second_timer = self._loop.call_later(SECOND_S, self._second)
        self._seconds += SECOND_S
        if self._seconds >= self.progress_period_s:
            self._seconds = 0.0
            self._tell_progress()

    def _tell_progress(self) -> None:
        now = self._loop.time()
        items: list[RunProgress] = []
        for live in self._runs.values():
            item = live.progress(now, max(0.0, now - self._began(live.run)))
            if item is not None:
                items.append(item)
        if items:
            self._connection.send(Progress(items))

    def _sample(self) -> None:
        for run, (memory_mb, processes) in self._ender.memory(self._runs).items():
            if processes:
                self._runs[run].take_memory(memory_mb)
            for process in processes:
                if process.nice < self._nice:
                    _set_nice(process.pid, self._nice)


def _set_nice(pid: int, nice: int) -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    except OSError:
        log.debug("process %d is gone", pid)
