"""Starts of runs: folder, plug-ins, process (R44).

A few starts are done in one pass of the loop, so that ends and outputs are served between them. A
run that cannot start, or need not, becomes a NotBegun with its reason.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
import sysconfig
from collections import deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from afanasy.model.states import RunEnd
from afanasy.render.ender import Ender
from afanasy.render.events import Began, Event, Launch, NotBegun
from afanasy.render.live_run import LiveRun
from afanasy.render.options import Options
from afanasy.render.plugin_host import TaskHost
from afanasy.render.process_posix import open_end, signal_group, spawn_command
from afanasy.render.rundir import RunFolders

LAUNCH_AT_ONCE: Final = 4
_STORAGE_ERRORS: Final = frozenset({errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO})


def programs_folder() -> str:
    """The folder of our own programs: that of this one, else of its Python; "" = in none."""
    scripts = sysconfig.get_path("scripts")
    for folder in (Path(sys.argv[0]).parent, Path(sys.executable).parent, Path(scripts)):
        if (folder / "deletefiles").exists():
            return str(folder.absolute())
    return ""


class Launcher:
    """Starts the runs of one agent. ``runs`` are its live runs: new ones are added."""

    def __init__(
        self,
        options: Options,
        folders: RunFolders,
        runs: dict[int, LiveRun],
        ender: Ender,
        *,
        tell: Callable[[Event], None],
        stop_cause: Callable[[int], str],
        watch: Callable[[LiveRun, int], None],
        in_background: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._options = options
        self._folders = folders
        self._runs = runs
        self._ender = ender
        self._tell = tell
        self._stop_cause = stop_cause
        self._watch = watch
        self._in_background = in_background
        self._loop = asyncio.get_running_loop()
        self._programs = programs_folder()
        self._waiting: deque[Launch] = deque()
        self._due = False

    def launch(self, effect: Launch) -> None:
        """Start a run soon."""
        self._waiting.append(effect)
        if not self._due:
            self._due = True
            self._loop.call_soon(self._some)

    def _some(self) -> None:
        self._due = len(self._waiting) > LAUNCH_AT_ONCE
        if self._due:
            self._loop.call_soon(self._some)
        for _ in range(min(LAUNCH_AT_ONCE, len(self._waiting))):
            self._one(self._waiting.popleft())

    def _one(self, effect: Launch) -> None:
        start, options = effect.start, self._options
        cause = self._stop_cause(start.run)
        if cause:
            self._not_begun(start.run, RunEnd.KILLED, [f"stopped: {cause}"])
            return
        live = LiveRun(start, effect.block, self._folders, self._loop.time())
        self._runs[start.run] = live
        try:
            self._folders.make(start.run, start, effect.block)
        except OSError as error:
            self._cannot_start(live, "the run folder cannot be made", error)
            return
        live.host = host = TaskHost(start, effect.block, live.folder, options.name, options.plugins)
        if host.may_skip:
            self._in_background(self._spawn_unless_skipped(live, host))
        else:
            self._spawn(live, host)

    async def _spawn_unless_skipped(self, live: LiveRun, host: TaskHost) -> None:
        # It looks at files, maybe of a server that hangs: not in the loop's thread.
        if await asyncio.to_thread(host.skip):
            self._not_begun(live.run, RunEnd.SKIP, host.log_lines())
        else:
            self._spawn(live, host)

    def _spawn(self, live: LiveRun, host: TaskHost) -> None:
        wanted = host.to_spawn(self._options.environment, live.tag, self._programs)
        if wanted is None:
            self._not_begun(live.run, RunEnd.FAILED_TO_START, host.log_lines())
            return
        live.spawned = wanted
        if not wanted.directory:
            try:
                self._folders.make_work(live.run)
            except OSError as error:
                self._cannot_start(live, "the run folder cannot be made", error)
                return
        live.mark_start()
        try:
            live.pid = spawn_command(live.folder, *wanted, nice=self._options.nice)
        except (OSError, ValueError) as error:
            self._cannot_start(live, "the command cannot be started", error)
            return
        live.sessions.add(live.pid)
        self._ender.wrappers.add(live.pid)
        try:
            pidfd = open_end(live.pid)
        except OSError as error:
            signal_group(live.pid, signal.SIGKILL)
            os.waitpid(live.pid, 0)
            self._ender.wrappers.discard(live.pid)
            self._cannot_start(live, "the command cannot be watched", error)
            return
        assert pidfd is not None, f"the child {live.pid} was reaped by somebody else"
        self._watch(live, pidfd)
        self._tell(Began(live.run))

    def _cannot_start(self, live: LiveRun, what: str, error: Exception) -> None:
        storage = isinstance(error, OSError) and error.errno in _STORAGE_ERRORS
        lines = live.host.log_lines() if live.host else []
        lines.append(f"{what}: {getattr(error, 'strerror', None) or error}")
        self._not_begun(live.run, RunEnd.FAILED_TO_START, lines, "storage" if storage else "")

    def _not_begun(self, run: int, status: RunEnd, lines: list[str], error_class: str = "") -> None:
        self._tell(NotBegun(run, status, lines, error_class))
