"""One program of the farm: started, listened to, waited for.

Each has a session of its own, so that a Ctrl-C at the terminal reaches only the conductor, which
takes the farm down in order. Should the conductor itself be killed, the kernel sends TERM to the
programs it started (Linux): nothing is left behind that nobody knows of.

What a program says on its standard output tells that it is ready. Its log goes to a file.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
#: A program has this long to answer TERM: a render gives its tasks ten seconds (SEMANTICS 8.2).
STOP_S: Final = 20.0


class Child:
    """A program by its module, and what it said on stdout last."""

    def __init__(self, title: str, module: str, log: Path) -> None:
        self.title = title
        self.log = log
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        #: Its log begins here since it was started last.
        self._log_start = 0

    @property
    def pid(self) -> int:
        """Of the running process; 0 when there is none."""
        return self._process.pid if self.running and self._process else 0

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self, arguments: Sequence[str], port: int) -> None:
        """Start it; ``port`` is the farm's, 0 when it is not known yet. Raises OSError."""
        # Whoever asks our tasks for a server means this one, whatever the shell says.
        environment = {**os.environ, "AF_SERVERNAME": "127.0.0.1", "AF_SERVERPORT": str(port)}
        if not port:
            del environment["AF_SERVERPORT"]
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", self._module, *arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
                preexec_fn=_dies_with(os.getpid()),
            )

    async def heard(self, words: str) -> str:
        """The next line on its stdout with these words; empty when it ended before."""
        assert self._process is not None, f"{self.title} was never started"
        stream = self._process.stdout
        assert stream is not None, "its stdout is a pipe"
        while line := await stream.readline():
            if words.encode() in line:
                return line.decode(errors="replace").strip()
        return ""

    async def ended(self) -> int:
        """Wait for its end, swallowing what it still says; its exit code, negative for a signal."""
        assert self._process is not None, f"{self.title} was never started"
        await self.heard("\0")
        return await self._process.wait()

    def ask_to_end(self) -> None:
        """TERM."""
        if self._process is not None and self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    async def end(self) -> bool:
        """TERM, and KILL after :data:`STOP_S`; whether it went by itself."""
        if self._process is None:
            return True
        self.ask_to_end()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            return False
        return True

    def last_words(self) -> str:
        """The last line of its log since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def how_it_ended(status: int) -> str:
    """An exit code in words."""
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _dies_with(parent: int) -> Callable[[], None]:
    """What the new process does before it becomes the program: it asks to follow its parent."""
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def follow() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it died meanwhile
                os._exit(1)

    return follow
