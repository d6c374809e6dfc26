"""What the agent has in memory of one run: its process, its output, its plug-ins."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Final

from afanasy.model.states import RunEnd
from afanasy.render.plugin_host import TAIL_BYTES, TaskHost, ToSpawn
from afanasy.render.process_posix import CLOCK_TICKS, boot_clock, tag_of_run
from afanasy.render.rundir import RunFolders
from afanasy.render.scan_posix import Marks
from afanasy.render.tail import Tail
from afanasy.wire.stream import Block, Output, RunProgress, Start

#: A parser sees an unfinished line after this long (R46).
IDLE_S: Final = 0.2
#: A change of memory smaller than this, in MB, is not worth a progress frame.
MEMORY_STEP_MB: Final = 16

log = logging.getLogger("afrender.run")


class LiveRun:
    """One run that this agent holds."""

    def __init__(self, start: Start, block: Block, folders: RunFolders, now: float) -> None:
        self.run = start.run
        self.start = start
        self.block = block
        self.folder = folders.path(start.run)
        self.tag = tag_of_run(folders.owner, start.run)
        self._folders = folders
        self.host: TaskHost | None = None
        #: What was spawned, for the post commands.
        self.spawned: ToSpawn | None = None
        #: The output is the command's: the parser reads it. That of post commands is not.
        self.parsing = True
        self._verdict_told = False
        self.tail = Tail(start.run, self.folder + "/out", now)
        #: The wrapper's process, its end, and whether an earlier agent spawned it.
        self.pid = 0
        self.pidfd = -1
        self.adopted = False
        self.start_ticks = 0
        self.sessions: set[int] = set()
        #: When there was progress last (R19), and when the output grew last.
        self.progress_at = now
        self.grew_at = now
        #: Up to here the parser only repeats what an earlier agent's saw.
        self.replay_to = 0
        self._idle_told = True
        self.memory_mb = -1
        self.memory_peak_mb = -1
        #: Exit status for the parser, once the output is read to its end.
        self.read_status: int | None = None
        #: All its processes were made nice once they had surely begun.
        self.niced = False
        self.resume: asyncio.TimerHandle | None = None
        self._told: tuple[object, ...] = ()

    @property
    def marks(self) -> Marks:
        """What the run's processes are known by."""
        return Marks(self.tag, frozenset(self.sessions), self.start_ticks)

    def mark_start(self) -> None:
        """No process of this run is older than this moment."""
        self.start_ticks = int(boot_clock() * CLOCK_TICKS) - 1

    def close(self) -> None:
        """Close files."""
        self.tail.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1

    # ------------------------------------------------------------------------------ output

    def look(self, now: float) -> int:
        """See how the output grew, and remember a truncation."""
        grown = self.tail.look()
        if self.tail.base_changed:
            self.tail.base_changed = False
            self.replay_to = 0
            try:
                self._folders.write_base(self.run, self.tail.base)
            except OSError as error:
                log.error("run %d: a truncation cannot be noted: %s", self.run, error)
        if grown:
            self.grew_at = now
            self._idle_told = False
        return grown

    def parse(self, now: float, until: Callable[[], bool]) -> bool:
        """Parse while ``until`` is false; whether all there is has been parsed."""
        host, tail = self.host, self.tail
        if host is None or not self.parsing:
            tail.parsed = tail.size
            return True
        while tail.parsed < tail.size:
            replay = tail.parsed < self.replay_to
            data, gap = tail.parse_piece()
            if not data:
                break
            if host.feed(data, gap) and not replay:
                self.progress_at = now
            if until():
                return tail.parsed >= tail.size
        if not self._idle_told and now - self.grew_at >= IDLE_S:
            self._idle_told = True
            if host.idle():
                self.progress_at = now
        return True

    def new_verdict(self) -> tuple[RunEnd, str] | None:
        """The parser's verdict, once."""
        if self.host is None or self._verdict_told or not self.parsing:
            return None
        verdict = self.host.verdict()
        self._verdict_told = verdict is not None
        return verdict

    def rest(self) -> list[Output]:
        """The output that the server lacks, in pieces; the last is for the result."""
        self.tail.look()
        return self.tail.rest()

    def text_end(self) -> str:
        """The end of the output, for the service."""
        return self.tail.text_end(TAIL_BYTES)

    # ---------------------------------------------------------------------------- progress

    def take_memory(self, memory_mb: int) -> None:
        """A sample of what the run's processes use."""
        self.memory_peak_mb = max(self.memory_peak_mb, memory_mb)
        if abs(memory_mb - self.memory_mb) >= MEMORY_STEP_MB or self.memory_mb < 0:
            self.memory_mb = memory_mb

    def tell_again(self) -> None:
        """A server that knows nothing of the progress: report it all."""
        self._told = ()

    def progress(self, now: float, elapsed_s: float) -> RunProgress | None:
        """What to report, None when nothing changed (R44)."""
        if self.host is None:
            return None
        percent, frame, percentframe, warning, activity, report = self.host.standing()
        told = (
            percent, frame, percentframe, warning, activity, report,
            self.memory_mb, self.progress_at,
        )  # fmt: skip
        if told == self._told:
            return None
        self._told = told
        return RunProgress(
            self.run, percent, frame, percentframe, elapsed_s, max(0.0, now - self.progress_at),
            warning, activity, report, self.memory_mb,
        )  # fmt: skip
