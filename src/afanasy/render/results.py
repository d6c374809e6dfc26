"""Results on the disk, and folders off it: the slow file work of a render, in two threads.

Results are written at once and synced together: while one sync runs, the next results gather, so a
slow disk makes larger groups and never a queue. A result is told to nobody before its sync ended
(DESIGN 2). When the disk fails it is told nevertheless, with a line in the log: the ``rc`` in the
run folder can still judge the run again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from afanasy.model.clock import read_clocks
from afanasy.render.files_posix import sync_files
from afanasy.render.rundir import RunFolders
from afanasy.wire.stream import Finished

DELETE_PERIOD_S: Final = 1.0

log = logging.getLogger("afrender.results")


class Results:
    """Writer of results and deleter of folders."""

    def __init__(self, folders: RunFolders, on_stored: Callable[[list[int]], None]) -> None:
        self._folders = folders
        self._on_stored = on_stored
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "afrender-disk")
        #: What may take long must not keep a result from the disk.
        self._slow_thread = ThreadPoolExecutor(1, "afrender-slow")
        self._gathered: list[tuple[int, int]] = []
        self._syncing = False
        self._delete_timer: asyncio.TimerHandle | None = None

    def store(self, result: Finished) -> None:
        """Write a result; ``on_stored`` is told when it is durable."""
        try:
            fd = self._folders.write_result(result)
        except OSError as error:
            log.error("run %d: its result cannot be stored: %s", result.run, error)
            fd = -1
        self._gathered.append((result.run, fd))
        if not self._syncing:
            self._syncing = True
            self._loop.call_soon(self._sync)

    def _sync(self) -> None:
        gathered, self._gathered = self._gathered, []
        fds = [fd for _, fd in gathered if fd >= 0]
        runs = [run for run, _ in gathered]
        self._in(
            self._thread,
            lambda: sync_files(fds) if fds else None,
            lambda: self._synced(runs),
        )

    def _synced(self, runs: list[int]) -> None:
        self._on_stored(runs)
        if self._gathered:
            self._sync()
        else:
            self._syncing = False

    def in_slow_thread(self, work: Callable[[], object], done: Callable[[], None]) -> None:
        """Do work that may take long in a thread, then ``done`` in the loop."""
        self._in(self._slow_thread, work, done)

    def _in(
        self, thread: ThreadPoolExecutor, work: Callable[[], object], done: Callable[[], None]
    ) -> None:
        """Do work in a thread, then ``done`` in the loop; an OSError is logged."""

        def both() -> None:
            try:
                work()
            except OSError as error:
                log.error("disk: %s", error)
            self._loop.call_soon_threadsafe(done)

        thread.submit(both)

    def delete_later(self) -> None:
        """A folder was released: delete in the background, late and slowly."""
        if self._delete_timer is None:
            self._delete_timer = self._loop.call_later(DELETE_PERIOD_S, self._delete_some)

    def _delete_some(self) -> None:
        left = [0]

        def work() -> None:
            left[0] = self._folders.delete_done(read_clocks().wall)

        def done() -> None:
            self._delete_timer = None
            if left[0]:
                self.delete_later()

        self.in_slow_thread(work, done)

    def close(self) -> None:
        """Wait for the results; deleting goes on another time."""
        if self._delete_timer is not None:
            self._delete_timer.cancel()
        self._slow_thread.shutdown(wait=False, cancel_futures=True)
        self._thread.shutdown()
