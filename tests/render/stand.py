"""A stand for the agent: a small server that speaks the stream, and real agents in processes.

``StandServer`` keeps everything that renders said, in order; tests wait for what they need with a
deadline. ``StandRender`` is one ``afrender`` process with a data folder that outlives it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from afanasy.model.ids import make_run_id
from afanasy.render.process_posix import is_alive
from afanasy.render.rundir import RunFolders
from afanasy.wire.errors import PeerError
from afanasy.wire.stream import (
    PING_PERIOD_S,
    PROTOCOL_VERSION,
    Ack,
    Block,
    Finished,
    FrameReader,
    Hello,
    Output,
    Ping,
    Refuse,
    Start,
    Stop,
    Welcome,
    encode_frame,
)

DEADLINE_S = 30.0
EPOCH = 1000
FARM = "farm-a"

T = TypeVar("T")


def wait_for(look: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """What ``look`` gives as soon as it is true."""
    end = time.monotonic() + deadline_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"no {what} within {deadline_s:g} s"
        time.sleep(0.01)


class StandServer:
    """A server for renders: answers hellos, records, acknowledges when it is told to."""

    def __init__(self) -> None:
        self.farm_id = FARM
        self.epoch = EPOCH
        self.auto_ack = True
        #: Answer the next hellos with this instead of a welcome.
        self.refuse: Refuse | None = None
        self.resources_period_s = 5.0
        self.hellos: list[Hello] = []
        self.messages: list[Any] = []
        self.finished: dict[int, Finished] = {}
        self.finished_times: dict[int, int] = {}
        self.outputs: dict[int, bytearray] = {}
        #: (run, first missing offset, offset that came)
        self.gaps: list[tuple[int, int, int]] = []
        self.links_lost = 0
        self._counter = 0
        self._news = threading.Condition()
        self._write = threading.Lock()
        self._link: socket.socket | None = None
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    # ------------------------------------------------------------------------- sockets

    def _accept(self) -> None:
        while not self._closing:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            link.settimeout(PING_PERIOD_S)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, link: socket.socket) -> None:
        reader = FrameReader(at_server=True)
        pinged = time.monotonic()
        while True:
            if time.monotonic() - pinged >= PING_PERIOD_S:
                pinged = time.monotonic()
                with contextlib.suppress(OSError):
                    self._write_to(link, [Ping()])
            try:
                data = link.recv(1 << 20)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data:
                break
            try:
                messages = reader.feed(data)
            except PeerError:
                break
            for message in messages:
                self._take(link, message)
        link.close()
        with self._news:
            if self._link is link:
                self._link = None
            self.links_lost += 1
            self._news.notify_all()

    def _take(self, link: socket.socket, message: Any) -> None:
        with self._news:
            if isinstance(message, Hello):
                self.hellos.append(message)
                answer = self._answer(message)
                if isinstance(answer, Welcome):
                    self._link = link
                self._write_to(link, [answer])
            elif isinstance(message, Output):
                self._append(message.run, message.offset, message.data)
            elif isinstance(message, Finished):
                self._append(message.run, message.output_offset, message.output)
                self.finished[message.run] = message
                self.finished_times[message.run] = self.finished_times.get(message.run, 0) + 1
                if self.auto_ack:
                    self._write_to(link, [Ack([message.run])])
            self.messages.append(message)
            self._news.notify_all()

    def _answer(self, hello: Hello) -> Welcome | Refuse:
        if self.refuse is not None:
            return self.refuse
        sizes = [(held.run, len(self.outputs.get(held.run, b""))) for held in hello.runs]
        return Welcome(
            PROTOCOL_VERSION, self.farm_id, self.epoch, "stand", sizes, self.resources_period_s
        )

    def _append(self, run: int, offset: int, data: bytes) -> None:
        have = self.outputs.setdefault(run, bytearray())
        if offset > len(have):
            self.gaps.append((run, len(have), offset))
            have += b"\0" * (offset - len(have)) if offset < 1 << 24 else b""
        if offset <= len(have):
            assert bytes(have[offset:]) == data[: len(have) - offset], "output was changed"
            have += data[len(have) - offset :]

    def _write_to(self, link: socket.socket, messages: list[Any]) -> None:
        with self._write:
            link.sendall(encode_frame(messages))

    # -------------------------------------------------------------------------- stories

    def send(self, *messages: Any) -> None:
        """Send to the registered render."""
        link = self._link
        assert link is not None, "no render is registered"
        self._write_to(link, list(messages))

    def wait(self, look: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
        """What ``look`` gives as soon as it is true, looked at with every message."""
        end = time.monotonic() + deadline_s
        with self._news:
            while True:
                found = look()
                if found:
                    return found
                left = end - time.monotonic()
                assert left > 0, f"no {what} within {deadline_s:g} s; got {self.last()}"
                self._news.wait(min(left, 0.5))

    def last(self) -> str:
        """The last messages, shortly."""
        return "\n".join(repr(message)[:200] for message in self.messages[-10:])

    def wait_registered(self, times: int = 1) -> Hello:
        """The hello of the ``times``-th registration."""
        self.wait(lambda: len(self.hellos) >= times and self._link is not None, "registration")
        return self.hellos[-1]

    def start(
        self,
        command: str,
        *,
        epoch: int | None = None,
        task: dict[str, Any] | None = None,
        **block: Any,
    ) -> int:
        """Start a command; its run id."""
        self._counter += 1
        epoch = epoch if epoch is not None else self.epoch
        run = make_run_id(epoch, self._counter)
        self.send(*self.start_messages(run, command, epoch, task, **block))
        return run

    def start_messages(
        self,
        run: int,
        command: str,
        epoch: int,
        task: dict[str, Any] | None = None,
        **block: Any,
    ) -> tuple[Block, Start]:
        key = block.pop("key", run & 0xFFFFFF)
        fields: dict[str, Any] = {
            "job_serial": 5, "job_id": 7, "job_name": "job", "user_name": "ann", "block_num": 2,
            "block_name": "block", "service": "generic", "parser": "", "parser_coeff": 1,
            "working_directory": "", "environment": {}, "files": [], "flags": 1,
            "frames_inc": 1, "capacity": 1000, **block,
        }  # fmt: skip
        numbers: dict[str, Any] = {
            "task": 3, "number": 4, "task_name": "task", "frame_start": 1, "frame_finish": 1,
            "frames_num": 1, **(task or {}),
        }  # fmt: skip
        return (
            Block(key, command=command, **fields),
            Start(run, epoch, key, **numbers),
        )

    def stop(self, run: int, cause: str = "restart", epoch: int | None = None) -> None:
        self.send(Stop(run, epoch if epoch is not None else self.epoch, cause))

    def wait_finished(self, run: int, deadline_s: float = DEADLINE_S) -> Finished:
        return self.wait(lambda: self.finished.get(run), f"result of {run}", deadline_s)

    def wait_output(self, run: int, text: bytes, deadline_s: float = DEADLINE_S) -> bytes:
        self.wait(lambda: text in self.outputs.get(run, b""), f"output {text!r}", deadline_s)
        return bytes(self.outputs[run])

    def run(self, command: str, deadline_s: float = DEADLINE_S, **block: Any) -> Finished:
        """Start a command and wait for its result."""
        return self.wait_finished(self.start(command, **block), deadline_s)

    def text(self, run: int) -> str:
        return self.outputs.get(run, b"").decode()

    def drop_link(self) -> None:
        """Lose the connection."""
        link = self._link
        if link is not None:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_link()
        for thread in list(self._threads):
            thread.join(5)


class StandRender:
    """An ``afrender`` in a process."""

    def __init__(self, server: StandServer, folder: Path, *options: str) -> None:
        self.server = server
        self.data = folder / "data"
        self.folder = folder
        self.options = options
        self.process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None, "the agent is not started"
        return self.process.pid

    @property
    def folders(self) -> RunFolders:
        return RunFolders(self.data)

    def boot(self, *more: str, environment: dict[str, str] | None = None) -> StandRender:
        """Start the agent; a variable AF_SERVERNAME names other servers than the stand."""
        named = "AF_SERVERNAME" in (environment or {})
        server = [] if named else ["--server", f"127.0.0.1:{self.server.port}"]
        log = (self.folder / "agent.log").open("a")
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "afanasy.render.main", "--hostname", "r1",
                *server, "--data", str(self.data),
                *self.options, *more,
            ],
            stdout=subprocess.PIPE, stderr=log, text=True,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
        log.close()
        return self

    def kill(self) -> None:
        """``kill -9`` of the agent."""
        assert self.process is not None, "the agent is not started"
        self.process.kill()
        self._reap()

    def terminate(self, deadline_s: float = DEADLINE_S) -> int:
        """SIGTERM and wait for the exit; its code."""
        assert self.process is not None, "the agent is not started"
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(deadline_s)
        self._reap()
        return code

    def _reap(self) -> None:
        assert self.process is not None, "the agent is not started"
        self.process.wait(DEADLINE_S)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    def close(self) -> None:
        """End the agent and every process of its runs."""
        if self.process is not None and self.process.poll() is None:
            for _ in range(2):
                self.process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(2)
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self._reap()
        folders = self.folders
        for run in folders.held():
            began = folders.pid(run)
            if began is not None and is_alive(began):
                os.killpg(began.session, signal.SIGKILL)


def gone(pid: int) -> bool:
    """No such process, or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat[stat.rindex(")") + 2] in "ZX"
