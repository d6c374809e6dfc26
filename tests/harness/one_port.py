"""The port with its real peers and an echoing handler, and clients that send it pieces."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

import pytest
import uvloop

from afanasy.server.listener import Listener
from afanasy.server.request_peer import Handler, HttpPeer, PeerInfo, PeerLimits, TextPeer
from afanasy.wire.json_text import decode_json
from afanasy.wire.sniff import Kind
from afanasy.wire.stream import GREETING

#: Nothing in these tests takes as long; a test that does hangs.
DEADLINE_S = 60.0
LOOPS = [
    pytest.param(asyncio.new_event_loop, id="asyncio"),
    pytest.param(uvloop.new_event_loop, id="uvloop"),
]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def run(loop_factory: LoopFactory, scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run ``scenario`` in a new loop of that make. The loop itself must have nothing to report."""
    reports: list[dict[str, Any]] = []

    async def bounded() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: reports.append(context))
        await asyncio.wait_for(scenario(), DEADLINE_S)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(bounded())
    assert not reports


async def until(condition: Callable[[], object]) -> None:
    """Wait for ``condition``; the deadline of :func:`run` ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 (what is waited for happens in code without events)
        await asyncio.sleep(0.005)


class Lines:
    """A log that keeps its lines: (level, event, fields)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **fields: self.lines.append((level, event, fields))

    def named(self, event: str) -> list[dict[str, Any]]:
        """The fields of all lines with that event."""
        return [fields for _, name, fields in self.lines if name == event]


def echo(request: dict[str, Any], peer: PeerInfo) -> object:
    """The usual handler."""
    return {"echo": request, "framing": peer.framing}


class StreamPeer(asyncio.Protocol):
    """Stands for a render's link: sends the greeting back and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self.said = b""

    def data_received(self, data: bytes) -> None:
        self.said += data
        if len(self.said) >= len(GREETING):
            self.transport.write(b"welcome " + self.said[: len(GREETING)])
            self.transport.close()


class OnePort:
    """A listener on a free loopback port. ``async with OnePort(…) as port``."""

    def __init__(
        self, handler: Handler = echo, *, limits: PeerLimits | None = None, **options: Any
    ) -> None:
        self.limits = limits or PeerLimits()
        self.log = Lines()
        #: Request peers that are connected.
        self.peers = 0
        factories = {
            Kind.TEXT: self._counted(lambda: TextPeer(handler, limits=self.limits, log=self.log)),
            Kind.POST: self._counted(lambda: HttpPeer(handler, limits=self.limits, log=self.log)),
            Kind.HTTP: self._counted(lambda: HttpPeer(handler, limits=self.limits, log=self.log)),
            Kind.STREAM: StreamPeer,
        }
        factories |= options.pop("factories", {})
        self.listener = Listener(factories, log=self.log, **options)

    def _counted(self, make: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        def made() -> asyncio.Protocol:
            peer = make()
            lost = peer.connection_lost
            self.peers += 1

            def counted_lost(exc: Exception | None) -> None:
                self.peers -= 1
                lost(exc)

            peer.connection_lost = counted_lost
            return peer

        return made

    async def __aenter__(self) -> OnePort:
        ((self.host, self.port),) = await self.listener.start([("127.0.0.1", 0)])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.listener.close()
        await until(lambda: not self.peers)
        assert self.limits.bytes_held == 0

    async def say(
        self, *pieces: bytes, half_close: bool = False, pause_s: float = 0.0, hang_up: bool = False
    ) -> bytes:
        """Send ``pieces``; returns all that comes until the server closes, b"" after a reset.

        ``hang_up`` closes after sending without reading.
        """
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=2**26)
        try:
            for n, piece in enumerate(pieces):
                if n and pause_s:
                    await asyncio.sleep(pause_s)
                writer.write(piece)
                await writer.drain()
            if half_close:
                writer.write_eof()
            return b"" if hang_up else await reader.read()
        except OSError:
            return b""
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def still_serves(self) -> None:
        """Assert that an ordinary request is answered as it should be."""
        assert answer_of(await self.say(text_request(b'{"get":1}'))) == {
            "echo": {"get": 1},
            "framing": "text",
        }


def text_request(body: bytes) -> bytes:
    return b"AFANASY %d JSON%b" % (len(body), body)


def post_request(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nAFANASY: %d\r\n\r\n%b" % (len(body), body)


def answer_of(answer: bytes) -> Any:
    """The JSON of an answer in either framing, whose length must be right."""
    if answer.startswith(b"HTTP/1.1"):
        head, _, body = answer.partition(b"\r\n\r\n")
        length = head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
    else:
        head, _, body = answer.partition(b"JSON")
        word, length, nothing = head.split(b" ")
        assert (word, nothing) == (b"AFANASY", b"")
    assert len(body) == int(length)
    return decode_json(body)


def error_text(answer: bytes) -> str:
    """The text of an info/error answer."""
    info = answer_of(answer)["info"]
    assert info["kind"] == "error"
    return info["text"]


async def gather_bounded(jobs: list[Callable[[], Awaitable[None]]], at_once: int) -> None:
    """Run all ``jobs``, so many at a time."""
    room = asyncio.Semaphore(at_once)

    async def one(job: Callable[[], Awaitable[None]]) -> None:
        async with room:
            await job()

    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(one(job))
