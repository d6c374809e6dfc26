"""Peers that send one request, get one answer and go: text framing and HTTP POST (PROTOCOL 1.1).

**Life of a connection.** *Reading*: bytes go into a reader of :mod:`afanasy.wire` until the body is
complete. *Working*: the handler has the request; nothing is read meanwhile. *Answered*: the answer
and the end of our side are written; what the peer still sends is thrown away until it closes, for
:attr:`PeerLimits.linger_s` at most. Closing at once instead would reset the connection while bytes
are on their way to us, and the reset would overtake the answer. A client that closed its sending
side after the request still gets its answer.

**Patience.** Who sends nothing for :attr:`PeerLimits.silent_s`, or is not done after
:attr:`PeerLimits.request_s`, is closed without an answer; so is who does not take its answer for
:attr:`PeerLimits.silent_s`. There is one write per connection, so nobody has to be held back by
``pause_writing``: the buffered answer is all there is. All requests being read together may hold
:attr:`PeerLimits.bytes_together` bytes; who exceeds that gets an error.

**Blame.** What cannot be read is answered ``{"info":{"kind":"error",…}}`` in the framing of the
request. A handler that raises is our fault: it is logged with the request's kind, the peer gets
"internal error", and the server goes on.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from enum import Enum
from time import perf_counter
from typing import Any, ClassVar, Final, NamedTuple, cast

import structlog
from structlog.typing import FilteringBoundLogger

from afanasy.model.errors import UserError
from afanasy.server.traffic import UNREADABLE, Traffic, kind_of
from afanasy.wire.errors import JsonError, RefusedRequest
from afanasy.wire.http_post import HttpPostReader, encode_http_answer
from afanasy.wire.json_text import BODY_BYTES_MAX, decode_json, encode_info, encode_json
from afanasy.wire.text_frame import TextFrameReader, encode_text_frame

Request = dict[str, Any]

#: Requests whose handler has not answered yet: the loop itself keeps only weak references.
_tasks: set[asyncio.Task[None]] = set()


class PeerInfo(NamedTuple):
    """Who sent a request."""

    address: str
    port: int
    #: "text" or "http".
    framing: str


#: Answers a request: something JSON can say, ``bytes`` that are JSON already, or None for closing
#: without an answer (a monitor that deregisters).
Handler = Callable[[Request, PeerInfo], Awaitable[object] | object]


class PeerLimits:
    """How long and how much. One object is shared by all peers: it also counts their bytes."""

    def __init__(
        self,
        *,
        silent_s: float = 12.0,
        request_s: float = 60.0,
        blanks_s: float = 1.0,
        linger_s: float = 10.0,
        body_bytes_max: int = BODY_BYTES_MAX,
        bytes_together: int = 8 * BODY_BYTES_MAX,
    ) -> None:
        self.silent_s = silent_s
        self.request_s = request_s
        self.blanks_s = blanks_s
        self.linger_s = linger_s
        self.body_bytes_max = body_bytes_max
        self.bytes_together = bytes_together
        #: Bytes of requests that are being read now.
        self.bytes_held = 0


DEFAULT_LIMITS: Final = PeerLimits()


class _Stage(Enum):
    READING = 1
    WORKING = 2
    ANSWERED = 3
    CLOSED = 4


class AnsweringPeer(asyncio.Protocol):
    """The second half of a connection's life: one answer, then a patient close."""

    def __init__(self, *, limits: PeerLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._stage = _Stage.READING
        self._transport = cast("asyncio.Transport", None)
        self._loop = cast("asyncio.AbstractEventLoop", None)
        self._timer: asyncio.TimerHandle | None = None
        self._peer_is_done = False
        #: When something last moved, and how much of the answer was left then.
        self._moved_s = 0.0
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._moved_s = self._loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._stage = _Stage.CLOSED
        self._stop_timer()

    def eof_received(self) -> bool:
        """Whether the connection stays open for our answer, the peer having said all it will."""
        self._peer_is_done = True
        return self._stage is _Stage.WORKING

    def _answer(self, framed: bytes) -> None:
        """Send the only answer, say that nothing more comes, and wait for the peer to close."""
        transport = self._transport
        if self._stage is _Stage.CLOSED or transport.is_closing():
            return
        self._stage = _Stage.ANSWERED
        if not framed:
            transport.close()
            return
        transport.write(framed)
        if self._peer_is_done or not transport.can_write_eof():  # TLS cannot
            transport.close()
        else:
            try:
                transport.write_eof()
            except OSError:  # reset by the peer, which the loop does not see while reading rests
                transport.abort()
                return
            transport.resume_reading()
        self._moved_s = self._loop.time()
        self._left = len(framed)
        self._watch_answer()

    def _watch_answer(self) -> None:
        """Look now and then whether the answer moves; a peer that does not take it is dropped."""
        now = self._loop.time()
        left = self._transport.get_write_buffer_size()
        if left < self._left:
            self._left = left
            self._moved_s = now
        patience_s = self._limits.silent_s if left else self._limits.linger_s
        waited_s = now - self._moved_s
        if waited_s >= patience_s:
            self._transport.abort()
            return
        self._start_timer(min(patience_s - waited_s, patience_s / 4), self._watch_answer)

    def _start_timer(self, delay_s: float, call: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self._loop.call_later(delay_s, call)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class RefusalPeer(AnsweringPeer):
    """A peer that is told ``answer`` at once, whatever it sends."""

    def __init__(self, answer: bytes, *, limits: PeerLimits = DEFAULT_LIMITS) -> None:
        super().__init__(limits=limits)
        self._bytes = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        super().connection_made(transport)
        self._answer(self._bytes)


class _RequestPeer(AnsweringPeer):
    """What the two framings have in common."""

    framing: ClassVar[str]

    def __init__(
        self,
        handler: Handler,
        *,
        limits: PeerLimits = DEFAULT_LIMITS,
        log: FilteringBoundLogger | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        super().__init__(limits=limits)
        self._handler = handler
        self._traffic = traffic or Traffic()
        #: For the traffic: what the request is, its bytes, and when it had come.
        self._kind = UNREADABLE
        self._bytes_in = 0
        self._taken_s = 0.0
        self._log: FilteringBoundLogger = structlog.get_logger() if log is None else log
        self._reader: TextFrameReader | HttpPostReader = self._new_reader()
        self._info = PeerInfo("", 0, self.framing)
        self._began_s = 0.0
        self._held = 0

    @abstractmethod
    def _new_reader(self) -> TextFrameReader | HttpPostReader: ...

    @abstractmethod
    def _frame(self, body: bytes) -> bytes: ...

    # -- reading

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        super().connection_made(transport)
        name = transport.get_extra_info("peername")
        if name:
            self._info = PeerInfo(name[0], name[1], self.framing)
        self._began_s = self._moved_s
        self._traffic.connections[self.framing].opened()
        self._watch_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        super().connection_lost(exc)
        self._traffic.connections[self.framing].closed()
        self._release()

    def data_received(self, data: bytes) -> None:
        """Called by the loop. Behind a request everything is ignored."""
        if self._stage is not _Stage.READING:
            return
        self._moved_s = self._loop.time()
        self._held += len(data)
        self._limits.bytes_held += len(data)
        if self._limits.bytes_held > self._limits.bytes_together:
            self._refuse("the server is reading too many big requests (try again in a minute)")
            return
        waited = self._reader.blanks_pending
        try:
            body = self._reader.feed(data)
        except RefusedRequest as error:
            self._log.debug("request refused", peer=self._info.address, why=error.sentence())
            self._end_reading()
            self._reply(error.answer)
            return
        if body is not None:
            self._take(body)
            return
        if isinstance(self._reader, HttpPostReader):
            interim = self._reader.interim()
            if interim:
                self._transport.write(interim)
        elif self._reader.blanks_pending and not waited:
            self._start_timer(self._limits.blanks_s, self._finish_reading)

    def eof_received(self) -> bool:
        """Called by the loop: the peer sends no more, but may still want an answer."""
        self._peer_is_done = True
        if self._stage is _Stage.READING:
            self._finish_reading()
        return super().eof_received()

    def _finish_reading(self) -> None:
        """Make do with what has come."""
        body = self._reader.finish()
        if body is None:
            self._transport.close()
        else:
            self._take(body)

    def _watch_request(self) -> None:
        now = self._loop.time()
        left_s = min(
            self._moved_s + self._limits.silent_s - now,
            self._began_s + self._limits.request_s - now,
        )
        if left_s <= 0:
            self._log.debug("slow peer dropped", peer=self._info.address)
            self._transport.abort()
            return
        self._start_timer(left_s, self._watch_request)

    def _end_reading(self) -> None:
        self._stage = _Stage.WORKING
        self._bytes_in = self._held
        self._taken_s = perf_counter()
        self._stop_timer()
        self._transport.pause_reading()
        self._release()

    def _release(self) -> None:
        self._limits.bytes_held -= self._held
        self._held = 0

    # -- working

    def _take(self, body: bytes) -> None:
        """Decode the request and hand it over."""
        self._end_reading()
        try:
            request = decode_json(body, bytes_max=self._limits.body_bytes_max)
        except JsonError as error:
            self._refuse(error.sentence())
            return
        if not isinstance(request, dict):
            self._refuse("a request must be a JSON object")
            return
        request = cast("Request", request)
        self._kind = kind_of(request)
        try:
            result = self._handler(request, self._info)
            if not inspect.isawaitable(result):
                self._answer_with(result)
                return
        except Exception as error:
            self._fail(error)
            return
        task = self._loop.create_task(self._wait_for(result))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)

    async def _wait_for(self, result: Awaitable[object]) -> None:
        try:
            self._answer_with(await result)
        except Exception as error:
            self._fail(error)
        except asyncio.CancelledError:  # the server stops
            self._transport.abort()
            raise

    def _answer_with(self, result: object) -> None:
        if result is None:
            self._reply(b"")
        else:
            self._reply(self._frame(result if isinstance(result, bytes) else encode_json(result)))

    def _reply(self, framed: bytes) -> None:
        """Answer, and count the request."""
        self._answer(framed)
        seconds = perf_counter() - self._taken_s
        self._traffic.request(self._kind, self._bytes_in, len(framed), seconds)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, UserError):
            self._refuse(error.sentence())
            return
        self._log.error(
            "a request failed", request=self._kind, peer=self._info.address, exc_info=error
        )
        self._refuse("internal error")

    def _refuse(self, text: str) -> None:
        if self._stage is _Stage.READING:
            self._end_reading()
        self._log.debug("request refused", peer=self._info.address, why=text)
        self._reply(self._frame(encode_info("error", text)))


class TextPeer(_RequestPeer):
    """A peer with ``AFANASY n JSON{…}``."""

    framing = "text"

    def _new_reader(self) -> TextFrameReader:
        return TextFrameReader(body_bytes_max=self._limits.body_bytes_max)

    def _frame(self, body: bytes) -> bytes:
        return encode_text_frame(body)


class HttpPeer(_RequestPeer):
    """A peer with an HTTP POST. Other methods are told that there are no pages."""

    framing = "http"

    def _new_reader(self) -> HttpPostReader:
        return HttpPostReader(
            own_hosts=own_host_names(), body_bytes_max=self._limits.body_bytes_max
        )

    def _frame(self, body: bytes) -> bytes:
        return encode_http_answer(body)


def own_host_names() -> tuple[str, ...]:
    """Names by which a browser may know this host, in lower case."""
    name = socket.gethostname().lower()
    return (name, name.partition(".")[0])
