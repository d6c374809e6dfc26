"""An event loop for one simulated process, so that the real shells can run in it.

The server's loop, its peers and the render's link are written for asyncio. Here they get a loop of
their own whose time is the world's: :class:`ProcessLoop` offers what they use, futures and tasks
are the real ones. Each process has its own loop; killing the process is forgetting it. Each has
also its own begin of the monotonic clock, so that a monotonic time that survives in a store would
be noticed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from afanasy.model.clock import Now
from afanasy.sim.world import Owner, World

if TYPE_CHECKING:
    from contextvars import Context

    from afanasy.sim.network import Network

T = TypeVar("T")


class ProcessLoop(asyncio.AbstractEventLoop, Owner):
    """What asyncio code of one process runs in. Only what our shells use is there."""

    def __init__(self, world: World, name: str, host: str, network: Network) -> None:
        Owner.__init__(self, name)
        self.world = world
        self.host = host
        self._network = network
        self._offset_s = world.between(10.0, 1e6)
        self._tasks: list[asyncio.Task[Any]] = []

    # -------------------------------------------------------------------------------- time

    def time(self) -> float:
        """The process's monotonic clock."""
        return self.world.now + self._offset_s

    def clocks(self) -> Now:
        """Both clocks."""
        return self.world.clocks(self._offset_s)

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Call now, behind what is due already."""
        handle = asyncio.Handle(callback, args, self, context)
        if self.alive:
            self.world.at(self.world.now, self, self._run, handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """The same; there are no threads here."""
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call in ``delay`` seconds."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        """Call at a moment of :meth:`time`."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if self.alive:
            # Never early: the difference of two clocks is rounded.
            self.world.at(when - self._offset_s + 1e-7, self, self._run, handle)
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Its entry is passed over when it comes up."""

    def _run(self, handle: asyncio.Handle) -> None:
        if not handle.cancelled():
            self.enter(handle._run)

    def enter(self, call: Callable[..., T], *args: Any) -> T:
        """Call as if from this loop."""
        asyncio._set_running_loop(self)
        try:
            return call(*args)
        finally:
            asyncio._set_running_loop(None)

    # ------------------------------------------------------------------- futures and tasks

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # pyright: ignore[reportIncompatibleMethodOverride]  (coroutines only)
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:  # fmt: skip
        """A task of this loop."""
        task = asyncio.Task(coro, loop=self, name=name or "task")
        self._tasks = [known for known in self._tasks if not known.done()]
        self._tasks.append(task)
        return task

    def run_in_executor(
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Work for a thread is done soon."""
        future: asyncio.Future[T] = asyncio.Future(loop=self)
        self.call_soon(lambda: future.set_result(func(*args)))
        return future

    async def create_connection(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, protocol_factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Dial the server. Raises OSError."""
        return await self._network.dial(self, protocol_factory, port)

    # -------------------------------------------------------------------------------- life

    def get_debug(self) -> bool:
        """Never; asyncio asks."""
        return False

    def is_running(self) -> bool:
        """Asyncio asks."""
        return self.alive

    def is_closed(self) -> bool:
        """Asyncio asks."""
        return not self.alive

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Something raised where nobody catches it: in a real process a bug, here a failure."""
        error = context.get("exception")
        if self.alive and self.world.failure is None and isinstance(error, Exception):
            self.world.crashed(self.name, error)

    def kill(self) -> None:
        """The process is gone, as by kill -9: nothing of it happens any more."""
        self.alive = False
        self._network.process_died(self)
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            if not task.done():
                # asyncio tells of each task that was never ended, and a kill ends none. (The
                # attribute is in no stub.)
                task._log_destroy_pending = False  # pyright: ignore[reportAttributeAccessIssue]
                self.enter(task.get_coro().close)
