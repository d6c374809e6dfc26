"""One render's connection, the server's end: frames in, events out; batches in, frames out.

States: *greeting* (nothing is sent; the hello must come within :data:`HELLO_DEADLINE_S`), then
*speaking*. Whatever breaks the protocol closes this connection and nothing else. Both ends ping and
both ends give up a silent peer (:mod:`afanasy.wire.stream`); a peer that stops reading is closed
when :data:`UNREAD_BYTES_MAX` wait for it.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Final, cast

import msgspec
import structlog

from afanasy.core import events
from afanasy.server import messages
from afanasy.server.traffic import Traffic
from afanasy.wire import stream
from afanasy.wire.errors import PeerError

if TYPE_CHECKING:
    from afanasy.server.loop import FarmLoop

log = structlog.get_logger("render")

HELLO_DEADLINE_S: Final = 5.0
UNREAD_BYTES_MAX: Final = 64 * 1024 * 1024
NAME_LENGTH_MAX: Final = 255
#: Characters of any other text about the render or a run, and of the log of a result.
TEXT_LENGTH_MAX: Final = 1024
LOG_LENGTH_MAX: Final = 64 * 1024
#: Runs that a render may hold, and members of its resources.
HELD_RUNS_MAX: Final = 10_000
RESOURCES_MAX: Final = 1_000
RESOURCE_LENGTH_MAX: Final = 64 * 1024


class RenderPeer(asyncio.Protocol):
    """Protocol of our own render stream."""

    def __init__(self, loop: FarmLoop, traffic: Traffic | None = None) -> None:
        self._farm_loop = loop
        self._traffic = traffic or Traffic()
        #: Bytes that came since the last whole frame.
        self._bytes_in = 0
        self._reader = stream.FrameReader(at_server=True)
        self._transport: asyncio.Transport | None = None
        self._aio = asyncio.get_running_loop()
        self._link = 0
        #: Name of the render, once its hello was taken.
        self.name = ""
        self._heard = self._sent = self._aio.time()
        self._watch: asyncio.TimerHandle | None = None
        #: Later messages of the stream that its agent takes.
        self.takes: frozenset[str] = frozenset()
        #: Block key → version that this connection has been told.
        self.blocks_sent: dict[int, int] = {}
        self._silenced = False

    # ------------------------------------------------------------------------------ asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A render, or something that greets like one, connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._link = self._farm_loop.add_link(self)
        self._traffic.connections["render"].opened()
        self._watch = self._aio.call_later(HELLO_DEADLINE_S, self._expect_hello)

    def data_received(self, data: bytes) -> None:
        """Bytes came in; every whole frame is taken."""
        self._heard = self._aio.time()
        self._bytes_in += len(data)
        try:
            found = cast("list[stream.ToServer]", self._reader.feed(data))
            if not found:
                return
            began_s = perf_counter()
            for message in found:
                if self._silenced:
                    return
                self._take(message)
                began_s = self._traffic.came(message, began_s)
        except PeerError as error:
            log.warning("render_broke_protocol", render=self.name, error=str(error))
            self.close()
            return
        self._traffic.frames_came(found, self._bytes_in)
        self._bytes_in = 0

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; what the render does meanwhile is its own affair."""
        if self._watch is not None:
            self._watch.cancel()
        self._farm_loop.drop_link(self._link)
        self._traffic.connections["render"].closed()
        if self.name and not self._silenced:
            silent_s = max(0.0, self._aio.time() - self._heard)
            self._farm_loop.apply(events.RenderLinkLost(self._link, self.name, silent_s))
        self._silenced = True
        self._transport = None

    # ------------------------------------------------------------------------------ incoming

    def _take(self, message: stream.ToServer) -> None:
        loop = self._farm_loop
        if not self.name:
            if not isinstance(message, stream.Hello):
                raise PeerError("a render must begin with its hello")
            self._take_hello(message)
            return
        match message:
            case stream.Finished():
                loop.last_output(
                    self.name,
                    message.run,
                    message.output_offset,
                    message.output,
                    message.output_size,
                )
                loop.apply(
                    events.RunFinished(
                        self.name, message.run, message.status, message.exit_status,
                        max(0.0, message.elapsed_s), message.warning, _text(message.error_class),
                        message.cpu_s, message.memory_peak_mb, message.output_size,
                        _log(message.log), message.report,
                    )
                )  # fmt: skip
            case stream.Output():
                if len(message.data) > stream.OUTPUT_CHUNK_MAX:
                    raise PeerError("a piece of output that is too long")
                loop.output(self.name, message.run, message.offset, message.data)
            case stream.Progress():
                for item in message.items:
                    loop.apply_quietly(
                        events.RunProgressed(
                            self.name, item.run, item.percent, item.frame, item.percentframe,
                            item.elapsed_s, item.quiet_s, item.warning, _text(item.activity),
                            item.report[:LOG_LENGTH_MAX], item.memory_mb,
                        )
                    )  # fmt: skip
            case stream.Resources():
                values = _resources(message.values)
                loop.apply_quietly(events.RenderResources(self.name, values))
            case stream.Drain():
                loop.apply(events.RenderDrain(self.name, message.on))
            case stream.Bye():
                loop.apply(events.RenderBye(self._link, self.name))
                self._silenced = True
                self.close()
            case stream.Ping():
                pass
            case stream.Hello():
                raise PeerError("a second hello on one connection")

    def _take_hello(self, hello: stream.Hello) -> None:
        if hello.protocol != stream.PROTOCOL_VERSION:
            text = (
                f"afrender {hello.engine} speaks protocol {hello.protocol}, this server"
                f" {messages.VERSION} speaks {stream.PROTOCOL_VERSION}; install the same version"
            )
            self.send([stream.Refuse("protocol", text)])
            self.close()
            return
        name = hello.name
        if not name or len(name) > NAME_LENGTH_MAX or not name.isprintable():
            self.send([stream.Refuse("bad_name", f"{name!r} is no name for a render")])
            self.close()
            return
        if len(hello.runs) > HELD_RUNS_MAX:
            raise PeerError(f"a hello with {len(hello.runs)} runs; the most is {HELD_RUNS_MAX}")
        self.name = name
        self.takes = frozenset(stream.LATER).intersection(hello.takes)
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._aio.call_later(stream.PING_PERIOD_S, self._look)
        address = self._transport.get_extra_info("peername") if self._transport else None
        self._farm_loop.apply(
            events.RenderHello(
                link=self._link,
                name=name,
                instance=_text(hello.instance),
                boot_id=_text(hello.boot_id),
                user_name=_text(hello.user_name),
                engine=_text(hello.engine),
                os=_text(hello.os),
                address=str(address[0]) if address else "",
                time_launch=hello.time_launch,
                capacity=hello.capacity,
                max_tasks=hello.max_tasks,
                runs=[events.HeldRun(r.run, r.elapsed_s, r.finished) for r in hello.runs],
                resources=_resources(hello.resources),
                nimby=hello.nimby,
                draining=hello.draining,
            )
        )
        if not self._farm_loop.speaks(name, self._link):
            self._silenced = True  # refused: what follows its hello is not for the other's runs

    # ------------------------------------------------------------------------------ outgoing

    def send(self, box: list[messages.ToRenderMessage]) -> None:
        """Write one frame with all of ``box``; a closed connection drops it."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        began_s = perf_counter()
        frame = stream.encode_frame(box)
        transport.write(frame)
        self._traffic.sent(box, len(frame), perf_counter() - began_s)
        self._sent = self._aio.time()
        unread = transport.get_write_buffer_size()
        if unread > UNREAD_BYTES_MAX:
            log.warning("render_does_not_read", render=self.name, bytes=unread)
            transport.abort()

    def replaced(self) -> None:
        """A newer connection speaks for this render: what is still unread here is dropped (R5)."""
        self._silenced = True
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Send what was written and close."""
        if self._transport is not None:
            self._transport.close()

    def pause_reading(self) -> None:
        """Stop reading: the disk is behind."""
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        transport = self._transport
        if transport is None or transport.is_closing() or transport.is_reading():
            return
        self._heard = self._aio.time()
        transport.resume_reading()

    # --------------------------------------------------------------------------------- time

    def _expect_hello(self) -> None:
        log.warning("render_without_hello", link=self._link)
        if self._transport is not None:
            self._transport.abort()

    def _look(self) -> None:
        """Ping when we were silent, give up when the render was."""
        now = self._aio.time()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        left = self._heard + stream.DEAD_AFTER_S - now
        if left <= 0 and transport.is_reading():
            log.warning("render_silent", render=self.name, seconds=round(now - self._heard))
            transport.abort()
            return
        if now - self._sent >= stream.PING_PERIOD_S * 0.9:
            self.send([stream.Ping()])
        self._watch = self._aio.call_later(min(stream.PING_PERIOD_S, max(left, 0.1)), self._look)


def _text(text: str) -> str:
    """A text for a column: of a bounded length, without NUL, which not every database takes."""
    return text[:TEXT_LENGTH_MAX].replace("\0", "\ufffd")


def _log(lines: list[str]) -> list[str]:
    """Lines of a result, as many as are kept."""
    kept: list[str] = []
    left = LOG_LENGTH_MAX
    for line in lines:
        if len(line) >= left:
            kept += [line[:left].replace("\0", "\ufffd"), "…"]
            break
        kept.append(line.replace("\0", "\ufffd"))
        left -= len(line) + 1
    return kept


def _resources(values: dict[str, object]) -> dict[str, object]:
    """The load of a host; what no agent of ours sends is refused. Raises PeerError."""
    if len(values) > RESOURCES_MAX or len(msgspec.json.encode(values)) > RESOURCE_LENGTH_MAX:
        raise PeerError("a report of resources that is too long")
    return values
