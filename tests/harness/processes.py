"""Real farms on loopback: servers and renders as processes, ended by the pid that was started.

``Farm(tmp_path)`` is a context manager. Everything a process says goes to a file in the folder, and
the tail of it into the message of a wait that ran out.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

#: Nothing here takes longer unless it is broken; machines may be slow.
DEADLINE_S = 60.0


def wait_until(
    probe: Callable[[], T], what: str, *, deadline_s: float = DEADLINE_S, pause_s: float = 0.02
) -> T:
    """Call ``probe`` until it answers something true; returns that."""
    end = time.monotonic() + deadline_s
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s:.0f} s for {what}; last: {found!r}")
        time.sleep(pause_s)


def program(name: str) -> str:
    """Path of one of our programs, beside the Python that runs the tests."""
    return str(Path(sys.executable).parent / name)


#: No test sends the machine to sleep that it runs on; and one without a network has an address.
HARMLESS = {
    "AF_RENDER_CMD_WOLSLEEP": "true",
    "AF_RENDER_CMD_REBOOT": "true",
    "AF_RENDER_CMD_SHUTDOWN": "true",
    "AF_RENDER_MACS": "02:00:00:00:00:01",
}


class Process:
    """One process with its log file."""

    def __init__(self, command: list[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as file:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**HARMLESS, **os.environ, **(env or {})},
                start_new_session=True,
            )
        self.pid = self.popen.pid

    def alive(self) -> bool:
        return self.popen.poll() is None

    def kill9(self) -> None:
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
        self.popen.wait()

    def end(self, number: int = signal.SIGTERM, deadline_s: float = 30.0) -> int:
        """Ask it to end and wait; returns its exit code."""
        if self.alive():
            os.kill(self.pid, number)
        try:
            return self.popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"did not end: {self.tail()}") from None

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def tail(self) -> str:
        return self.text()[-2000:]

    def wait_line(self, start: str, *, after: int = 0) -> str:
        """The first line that begins with ``start``, looked for behind byte ``after``."""

        def look() -> str:
            for line in self.log.read_bytes()[after:].decode(errors="replace").splitlines():
                if line.startswith(start):
                    return line
            assert self.alive(), f"ended with {self.popen.returncode}: {self.tail()}"
            return ""

        return wait_until(look, f"{start!r} in {self.log.name}")


class Farm:
    """A server, its renders, and requests to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = 0
        self.server: Process | None = None
        self.renders: dict[str, Process] = {}
        self._options: dict[str, list[str]] = {}

    def __enter__(self) -> Farm:
        self.start_server()
        return self

    def __exit__(self, *_: object) -> None:
        for render in self.renders.values():
            render.end()
        if self.server is not None:
            self.server.end()

    # -- processes

    def start_server(self, *options: str) -> Process:
        """Start the server; later times on the same port."""
        log = self.folder / "server.log"
        seen = log.stat().st_size if log.exists() else 0
        command = [program("afserver"), "--port", str(self.port)]
        command += ["--data", str(self.folder / "server"), *options]
        self.server = Process(command, log)
        ready = self.server.wait_line("afserver: ready on ", after=seen)
        self.port = int(ready.rsplit(":", 1)[1])
        return self.server

    def start_render(self, name: str, *options: str, wait: bool = True) -> Process:
        """Start a render; without options those of the last time."""
        if options:
            self._options[name] = list(options)
        log = self.folder / f"{name}.log"
        seen = log.stat().st_size if log.exists() else 0
        command = [program("afrender"), "--server", f"127.0.0.1:{self.port}", "--hostname", name]
        command += ["--data", str(self.folder / f"render-{name}"), *self._options.get(name, [])]
        render = self.renders[name] = Process(command, log)
        if wait:
            render.wait_line(f"afrender: {name} registered", after=seen)
        return render

    # -- requests

    def ask(self, request: dict[str, Any], deadline_s: float = DEADLINE_S) -> Any:
        """One request in a text frame."""
        body = json.dumps(request).encode()
        with socket.create_connection(("127.0.0.1", self.port), deadline_s) as sock:
            sock.sendall(b"AFANASY %d JSON%s" % (len(body), body))
            data = b""
            while True:
                piece = sock.recv(1 << 20)
                if not piece:
                    break
                data += piece
                head, found, rest = data.partition(b"JSON")
                if found and len(rest) >= int(head.split()[1]):
                    return json.loads(rest)
        raise AssertionError(f"no whole answer: {data[:200]!r}")

    def submit(self, *blocks: dict[str, Any], **members: Any) -> int:
        """Submit a job; returns its id."""
        job = {"name": "job", "user_name": "anna", "host_name": "desk", **members}
        job["blocks"] = [{"service": "generic", **block} for block in blocks]
        answer = self.ask({"job": job})
        assert answer["id"], answer
        return answer["id"]

    def action(self, job: int, operation: str, **more: Any) -> Any:
        """An operation on a job, or on its block with ``block_ids``."""
        blocks = more.pop("block_ids", None)
        action = {
            "type": "jobs", "ids": [job], "user_name": "anna", "host_name": "desk",
            "operation": {"type": operation, **more},
        }  # fmt: skip
        if blocks is not None:
            action["block_ids"] = blocks
        return self.ask({"action": action})

    def store(self, job: int, note: str = "stored") -> None:
        """See to it that all that was shown so far is on the server's disk.

        A plain ``get`` may be one batch ahead of it (R33). The answer to an edit is not: once it is
        there, all that was before it is committed.
        """
        names = {"user_name": "anna", "host_name": "desk"}
        edit = {"type": "jobs", "ids": [job], "params": {"annotation": note}, **names}
        assert self.ask({"action": edit})["info"]["kind"] == "log"

    def job(self, job: int) -> dict[str, Any]:
        """The job as lists show it."""
        jobs = self.ask({"get": {"type": "jobs", "ids": [job]}}).get("jobs", [])
        assert jobs, f"job {job} is gone"
        return jobs[0]

    def progress(self, job: int) -> list[list[dict[str, Any]]]:
        """Progress of all tasks, block by block."""
        answer = self.ask({"get": {"type": "jobs", "ids": [job], "mode": "progress"}})
        return answer["job_progress"]["progress"]

    def task_state(self, job: int, block: int, task: int) -> str:
        return self.progress(job)[block][task].get("state", "").strip()

    def wait_job(self, job: int, word: str, deadline_s: float = DEADLINE_S) -> dict[str, Any]:
        """Wait until the job's state has the word."""

        def look() -> dict[str, Any] | None:
            found = self.job(job)
            return found if word in found.get("state", "").split() else None

        return wait_until(look, f"{word} of job {job}", deadline_s=deadline_s)

    def wait_task(self, job: int, block: int, task: int, word: str) -> None:
        """Wait until a task's state has the word."""
        wait_until(
            lambda: word in self.task_state(job, block, task).split(),
            f"{word} of task {job}.{block}.{task}",
        )

    def output(self, job: int, block: int = 0, task: int = 0, number: int = 0) -> str:
        """Output of a start of a task."""
        get = {"type": "jobs", "ids": [job], "mode": "output", "number": number}
        return self.ask({"get": {**get, "block_ids": [block], "task_ids": [task]}})["task"]["data"]

    def story(self, job: int, block: int = 0, task: int = 0) -> dict[str, Any]:
        """All runs of a task."""
        get = {"type": "jobs", "ids": [job], "mode": "story"}
        return self.ask({"get": {**get, "block_ids": [block], "task_ids": [task]}})["story"]
