"""A farm in the foreground: its start, the programs kept alive, its orderly end.

**Start.** The port is tried first: a server waits half a minute for a port that is in use, and a
person at a terminal should not. Then the server, then all renders. When all are there the terminal
shows what to type next.

**Keeping.** A program that dies is said in a sentence and started again; a server comes back on the
same port, and the tasks of a render go on meanwhile and are adopted. A render that ends with 0 was
told to (``afcmd render NAME exit``) and stays away. A program that dies five times within a minute
ends the farm.

**End.** Ctrl-C, TERM or a closed terminal: first the renders, which stop their tasks, then the
server. A second Ctrl-C is passed on: the renders then do not wait for their tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import shutil
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from af.words import plural
from afanasy.up.child import Child, how_it_ended

PORT_DEFAULT: Final = 51000
LOOPBACK: Final = "127.0.0.1"
START_S: Final = 60.0
#: So many deaths of one program within so many seconds are too many.
DEATHS: Final = 5
DEATHS_S: Final = 60.0
PAUSE_S: Final = 0.5


class Trouble(Exception):
    """The farm cannot go on: a sentence, and the exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


class Died(Trouble):
    """A program ended before it was ready."""

    def __init__(self, text: str, status: int) -> None:
        # 2 is a person's to mend, and the program's own sentence says how.
        super().__init__(text, 2 if status == 2 else 1)
        self.status = status


@dataclass(slots=True)
class Plan:
    """What to run. ``capacity`` and ``max_tasks`` are those of each render."""

    data: Path
    port: int
    renders: list[str]
    capacity: int
    max_tasks: int
    plugins: list[Path] = field(default_factory=list[Path])
    bind: list[str] = field(default_factory=list[str])
    trust: list[str] = field(default_factory=list[str])

    def addresses(self) -> list[str]:
        """Where the server listens: always for this machine itself, too."""
        whole = {"0.0.0.0", LOOPBACK, "localhost"}
        return self.bind if whole & set(self.bind) else [LOOPBACK, *self.bind]


async def keep_farm(plan: Plan) -> int:
    """Run the farm until it is told to end. Returns the exit code; raises :class:`Trouble`."""
    with _lock(plan.data):
        _try_port(plan)
        return await _Conductor(plan).run()


def _lock(data: Path) -> IO[str]:
    try:
        (data / "log").mkdir(parents=True, exist_ok=True)
        lock = (data / "up.lock").open("a+")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Trouble(
            f"another 'afanasy up' works in {data}; end it, or give this one its own --data", 2
        ) from None
    except OSError as error:
        raise Trouble(
            f"the data folder cannot be used: {error}; choose one with --data", 2
        ) from None
    return lock


def _try_port(plan: Plan) -> None:
    if not plan.port:
        return
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((LOOPBACK, plan.port))
            sock.listen(1)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise Trouble(f"port {plan.port}: {error.strerror}", 2) from None
            raise Trouble(
                f"port {plan.port} is in use; choose another with --port, or see who has it:"
                f" afserver doctor --port {plan.port}",
                2,
            ) from None


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # a closed terminal; the farm is ended all the same
        print(text, flush=True)


class _Conductor:
    """The programs of one farm and what is to be done about them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._port = plan.port
        log = plan.data / "log"
        self._server = Child("the server", "afanasy.server.main", log / "server.log")
        self._renders = [
            Child(f"the render {name}", "afanasy.render.main", log / f"{name}.log")
            for name in plan.renders
        ]
        self._stopping = asyncio.Event()
        self._trouble: Trouble | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._told_to_end)
        for child in (self._server, *self._renders):
            child.log.write_bytes(b"")
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._run(), name="farm")
                stop = group.create_task(self._stopping.wait(), name="stopping")
                await asyncio.wait([watch, stop], return_when=asyncio.FIRST_COMPLETED)
                watch.cancel()
                stop.cancel()
        except* Trouble as group_error:
            self._trouble = self._trouble or _first(group_error)
        finally:
            await self._end()
        if self._trouble is not None:
            raise self._trouble
        _say(f"afanasy: the farm has ended; its jobs are kept in {self._plan.data}")
        return 0

    async def _run(self) -> None:
        await self._start_server()
        async with asyncio.TaskGroup() as group:
            for child, name in zip(self._renders, self._plan.renders, strict=True):
                group.create_task(self._start_render(child, name), name=name)
        _say(self._welcome())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_server(), name="server")
            for child, name in zip(self._renders, self._plan.renders, strict=True):
                group.create_task(self._keep_render(child, name), name=name)

    def _told_to_end(self) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            _say("\nafanasy: ending the farm; Ctrl-C again does not wait for its tasks")
            return
        for render in self._renders:
            render.ask_to_end()

    async def _end(self) -> None:
        left = [render for render in self._renders if render.running]
        went = await asyncio.gather(*(render.end() for render in left))
        for render, by_itself in zip(left, went, strict=True):
            if not by_itself:
                _say(f"afanasy: {render.title} had to be killed; its tasks are adopted next time")
        await self._server.end()

    # -- the server

    async def _start_server(self) -> None:
        arguments = ["--port", str(self._port), "--data", str(self._plan.data / "server")]
        for address in self._plan.addresses():
            arguments += ["--bind", address]
        for net in self._plan.trust:
            arguments += ["--trust", net]
        line = await self._started(self._server, arguments, "ready on")
        self._port = int(line.rsplit(":", 1)[1])

    async def _keep_server(self) -> None:
        deaths = _Deaths()
        while True:
            status = await self._server.ended()
            await self._again(self._server, status, deaths, self._start_server)

    # -- the renders

    async def _start_render(self, child: Child, name: str) -> None:
        plan = self._plan
        arguments = [
            *("--server", f"{LOOPBACK}:{self._port}", "--hostname", name),
            *("--capacity", str(plan.capacity), "--max-tasks", str(plan.max_tasks)),
            *("--data", str(plan.data / "renders" / name)),
        ]
        for folder in plan.plugins:
            arguments += ["--plugins", str(folder)]
        await self._started(child, arguments, "registered with")

    async def _keep_render(self, child: Child, name: str) -> None:
        deaths = _Deaths()
        while True:
            status = await child.ended()
            if status == 0:
                _say(f"afanasy: {child.title} was told to exit and stays away")
                return
            await self._again(child, status, deaths, lambda: self._start_render(child, name))

    # -- both

    async def _started(self, child: Child, arguments: list[str], words: str) -> str:
        """Start it and wait until it says so. Raises :class:`Trouble` with its last words."""
        try:
            await child.start(arguments, self._port)
        except OSError as error:
            raise Trouble(f"{child.title} cannot be started: {error}") from None
        try:
            line = await asyncio.wait_for(child.heard(words), START_S)
        except TimeoutError:
            late = f"{child.title} did not start within {START_S:.0f} s; see {child.log}"
            raise Trouble(late) from None
        if line:
            return line
        status = await child.ended()
        words = child.last_words() or f"see {child.log}"
        raise Died(f"{child.title} {how_it_ended(status)}: {words}", status)

    async def _again(
        self, child: Child, status: int, deaths: _Deaths, start: Callable[[], Awaitable[None]]
    ) -> None:
        """Start what died; raises :class:`Trouble` when that happens too often."""
        while True:
            how = how_it_ended(status)
            if deaths.too_many(time.monotonic()):
                words = child.last_words()
                raise Trouble(
                    f"{child.title} {how}, for the {DEATHS}th time within a minute:"
                    f" {words} (see {child.log})"
                )
            _say(f"afanasy: {child.title} {how}; it is started again, and tasks go on meanwhile")
            await asyncio.sleep(PAUSE_S)
            try:
                await start()
            except Died as died:
                status = died.status
            else:
                _say(f"afanasy: {child.title} is back")
                return

    def _welcome(self) -> str:
        plan = self._plan
        count = len(plan.renders)
        of_each = "" if count == 1 else " of each"
        command = _afcmd()
        port = []
        if self._port != PORT_DEFAULT:
            port = [f"  export AF_SERVERPORT={self._port}"]
        examples = {
            f"{command} run --follow 'echo hello from $(hostname)'": "a first job",
            f"{command} jobs": "all jobs",
            f"{command} renders": "the renders",
            f"{command} --help": "everything else",
        }
        outside = [address for address in plan.addresses() if address != LOOPBACK]
        if outside:
            host = socket.gethostname() if outside == ["0.0.0.0"] else outside[0]
            examples[f"afrender --server {host}:{self._port}"] = "on every other host that renders"
        width = max(len(words) for words in examples)
        return "\n".join(
            [
                f"afanasy: a farm of {plural(count, 'render')} on"
                f" {LOOPBACK}:{self._port}: {', '.join(plan.renders)}",
                f"  capacity{of_each}: {plan.capacity},"
                f" at most {plural(plan.max_tasks, 'task')} at a time",
                f"  data and logs: {plan.data}",
                "",
                "Type in another terminal:",
                *port,
                *(f"  {words.ljust(width)}  # {why}" for words, why in examples.items()),
                "",
                "Ctrl-C ends the farm. Jobs are kept, and go on the next time.",
            ]
        )


class _Deaths:
    """When one program died, by the monotonic clock."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=DEATHS)

    def too_many(self, now: float) -> bool:
        self._times.append(now)
        return len(self._times) == DEATHS and now - self._times[0] < DEATHS_S


def _first(group: ExceptionGroup[Trouble]) -> Trouble:
    """One of a group's exceptions, however deep."""
    found = group.exceptions[0]
    return _first(found) if isinstance(found, ExceptionGroup) else found


def _afcmd() -> str:
    """How ``afcmd`` is called from here: by its name when the shell finds it."""
    own = Path(sys.argv[0]).absolute().with_name("afcmd")
    found = shutil.which("afcmd")
    if found or not os.access(own, os.X_OK):
        return "afcmd"
    return str(own)
