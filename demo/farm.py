"""A server and some renders as processes of this machine, gone again on every way out.

Each program has a session of its own, so a Ctrl-C at the terminal reaches only the conductor, and
the farm is taken down in order: renders first (they end their tasks), then the server.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from demo.trouble import Trouble, pause

START_S = 30.0
#: A render gives its tasks ten seconds between TERM and KILL (SEMANTICS 8.2).
STOP_S = 20.0


@dataclass(slots=True)
class Program:
    """A process we started: what it says on stdout, and where its log is."""

    name: str
    process: subprocess.Popen[bytes]
    said: Path
    log: Path

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])


class Farm:
    """The programs of one demo, with everything they write below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.server: list[Program] = []
        self.renders: list[Program] = []

    def __enter__(self) -> Farm:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, renders: Sequence[str], environment: Mapping[str, str]) -> None:
        """The server on a free port, then the renders, one task at a time each."""
        arguments = ["--port", "0", "--data", str(self.folder / "server")]
        self._run(self.server, "afserver", "server", arguments, environment)
        line = self._wait_for(self.server[0], "ready on")
        self.port = int(line.rsplit(":", 1)[1])
        for name in renders:
            arguments = [
                *("--server", f"127.0.0.1:{self.port}", "--hostname", name),
                *("--capacity", "1000", "--max-tasks", "1"),
                *("--data", str(self.folder / name)),
            ]
            self._run(self.renders, "afrender", name, arguments, environment)
        for render in self.renders:
            self._wait_for(render, "registered with")

    def check(self) -> None:
        """Raises :class:`Trouble` when one of the programs has died."""
        for program in [*self.server, *self.renders]:
            status = program.process.poll()
            if status is not None:
                raise Trouble(f"{program.name} ended with status {status}:\n{program.tail()}")

    def stop(self) -> None:
        """Everything ended, by pid; repeating it is harmless."""
        left: list[psutil.Process] = []
        for program in self.renders:
            with contextlib.suppress(psutil.Error):
                left += psutil.Process(program.process.pid).children(recursive=True)
        for group in (self.renders, self.server):
            _end(group)
            group.clear()
        # Only after a kill can a task be left; psutil compares the start time, too.
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _run(
        self,
        group: list[Program],
        program: str,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
    ) -> None:
        said, log = self.folder / f"{name}.out", self.folder / f"{name}.log"
        with said.open("wb") as out, log.open("wb") as errors:
            process = subprocess.Popen(
                [Path(sys.executable).with_name(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        group.append(Program(f"{program} ({name})", process, said, log))

    def _wait_for(self, program: Program, words: str) -> str:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            # Only whole lines: the last one may still be on its way.
            for line in program.said.read_text(encoding="utf-8").split("\n")[:-1]:
                if words in line:
                    return line
            self.check()
            pause(0.05)
        raise Trouble(f"{program.name} did not start within {START_S:.0f} s:\n{program.tail()}")


def _end(group: list[Program]) -> None:
    """TERM, and KILL for whoever is still there after :data:`STOP_S`."""
    for program in group:
        if program.process.poll() is None:
            program.process.terminate()
    deadline = time.monotonic() + STOP_S
    for program in group:
        try:
            program.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            program.process.kill()
            program.process.wait()
