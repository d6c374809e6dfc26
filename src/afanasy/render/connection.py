"""The link to the server: dialled again for ever, frames gathered both ways (DESIGN 4).

One :class:`Link` is one connection. :class:`Connection` keeps there being one: after a loss it
waits 0.1 s, then twice as long each time up to 3 s, with jitter, so that a thousand renders do not
come back in one moment. What the agent says in one pass of the loop leaves as one frame.

Of several servers those after one that does not take us are dialled at once, in turn; the wait
comes when all were. A render that was taken begins with that server the next time, so a short break
of the network does not send it to another.

Both sides ping every 5 s; whoever heard nothing for 16 s gives the connection up.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Final, cast

from af.send import address_text
from afanasy.wire.errors import PeerError
from afanasy.wire.stream import (
    DEAD_AFTER_S,
    GREETING,
    PING_PERIOD_S,
    FrameReader,
    Hello,
    Ping,
    Refuse,
    ToRender,
    ToServer,
    Welcome,
    encode_frame,
)

BACK_OFF_FIRST_S: Final = 0.1
BACK_OFF_MAX_S: Final = 3.0
DIAL_TIMEOUT_S: Final = 10.0
#: A server that takes the connection but never answers the hello.
WELCOME_TIMEOUT_S: Final = 16.0
#: Written but unread by the server: more than this ends the connection.
UNREAD_MAX: Final = 64 * 1024 * 1024

log = logging.getLogger("afrender.link")

Received = list[ToServer | ToRender]


class Link(asyncio.Protocol):
    """One connection to a server."""

    def __init__(
        self, make_hello: Callable[[], Hello], on_messages: Callable[[Link, Received], None]
    ) -> None:
        self._make_hello = make_hello
        self._on_messages = on_messages
        self._reader = FrameReader(at_server=False)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._outbox: list[ToServer] = []
        self._flush_due = False
        self._heard = self._loop.time()
        self._timers: list[asyncio.TimerHandle] = []
        #: The server took us.
        self.welcomed = False
        #: The transport's buffer is not full: more output may be sent.
        self.writable = True
        #: Why the connection ended, for the log.
        self.why = ""
        self.lost: asyncio.Future[None] = self._loop.create_future()

    # -------------------------------------------------------------------------- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected: say who we are."""
        self._transport = transport = cast(asyncio.Transport, transport)
        transport.write(GREETING + encode_frame([self._make_hello()]))
        self._heard = self._loop.time()
        self._timers = [
            self._loop.call_later(PING_PERIOD_S, self._ping),
            self._loop.call_later(WELCOME_TIMEOUT_S, self._dead),
        ]

    def data_received(self, data: bytes) -> None:
        """Messages of the server."""
        self._heard = self._loop.time()
        try:
            messages = self._reader.feed(data)
        except PeerError as error:
            self.close(f"the server broke the protocol: {error.message}")
            return
        if messages:
            self._on_messages(self, messages)

    def pause_writing(self) -> None:
        """The server reads slower than we write."""
        self.writable = False

    def resume_writing(self) -> None:
        """It reads again."""
        self.writable = True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        for timer in self._timers:
            timer.cancel()
        self.why = self.why or (f"{exc}" if exc else "the server closed the connection")
        self._transport = None
        if not self.lost.done():
            self.lost.set_result(None)

    # --------------------------------------------------------------------------- sending

    def send(self, message: ToServer) -> None:
        """Send with all else that is said in this pass of the loop."""
        self._outbox.append(message)
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what was gathered."""
        self._flush_due = False
        if not self._outbox or self._transport is None or self._transport.is_closing():
            self._outbox.clear()
            return
        self._transport.write(encode_frame(self._outbox))
        self._outbox.clear()
        if self._transport.get_write_buffer_size() > UNREAD_MAX:
            self.close("the server does not read")

    def close(self, why: str) -> None:
        """Give the connection up at once."""
        self.why = self.why or why
        if self._transport is not None:
            self._transport.abort()

    def finish(self) -> None:
        """Send what was said, then close."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    # ------------------------------------------------------------------------------- time

    def _ping(self) -> None:
        self.send(Ping())
        self._timers[0] = self._loop.call_later(PING_PERIOD_S, self._ping)

    def _dead(self) -> None:
        silent = self._loop.time() - self._heard
        if silent >= DEAD_AFTER_S or not self.welcomed:
            self.close(f"the server was silent for {silent:.0f} s")
        else:
            self._timers[1] = self._loop.call_later(DEAD_AFTER_S - silent, self._dead)


class Connection:
    """Keeps a link to one server; ``servers`` are tried in turn, there is at least one."""

    def __init__(
        self,
        servers: Sequence[tuple[str, int]],
        make_hello: Callable[[], Hello],
        on_messages: Callable[[Received], None],
        on_lost: Callable[[], None],
        seed: str,
    ) -> None:
        self._servers = servers
        #: The number of the server that is dialled, or has taken us.
        self._at = 0
        self._make_hello = make_hello
        self._on_messages = on_messages
        self._on_lost = on_lost
        self._random = random.Random(seed)
        self._link: Link | None = None
        #: Address → what was said last of it.
        self._last_why: dict[str, str] = {}
        self._finishing = False

    @property
    def address(self) -> str:
        """``host:port`` of the server that is dialled, or has taken us."""
        return address_text(*self._servers[self._at])

    @property
    def registered(self) -> bool:
        """Whether a server has taken us."""
        return self._link is not None and self._link.welcomed

    @property
    def writable(self) -> bool:
        """Whether output may be sent now."""
        return self._link is not None and self._link.welcomed and self._link.writable

    def send(self, message: ToServer) -> None:
        """Send when registered; without a server it is dropped."""
        if self._link is not None and self._link.welcomed:
            self._link.send(message)

    def close(self, why: str) -> None:
        """Close this link; it is tried again."""
        if self._link is not None:
            self._link.welcomed = False
            self._link.close(why)

    async def finish(self, timeout_s: float) -> None:
        """Send everything and close, for the exit."""
        link = self._link
        self._finishing = True
        if link is None:
            return
        link.finish()
        await asyncio.wait([link.lost], timeout=timeout_s)

    async def keep(self) -> None:
        """Dial, serve, dial again; until cancelled."""
        loop = asyncio.get_running_loop()
        wait_s = BACK_OFF_FIRST_S
        in_vain = 0  # servers that did not take us, since the last wait
        while True:
            link = Link(self._make_hello, self._take)
            host, port = self._servers[self._at]
            try:
                async with asyncio.timeout(DIAL_TIMEOUT_S):
                    await loop.create_connection(lambda link=link: link, host, port)
            except (OSError, TimeoutError, UnicodeError) as error:
                self._say(f"no server at {self.address}: {error or 'no answer'}")
            else:
                self._link = link
                await link.lost
                self._link = None
                if link.welcomed:
                    wait_s = BACK_OFF_FIRST_S
                    self._last_why.clear()
                    self._on_lost()
                if self._finishing:
                    return
                self._say(f"link to {self.address} ended: {link.why}")
            if not link.welcomed:
                in_vain += 1
                self._at = (self._at + 1) % len(self._servers)
                if in_vain < len(self._servers):
                    continue
            in_vain = 0
            await asyncio.sleep(wait_s * self._random.uniform(0.5, 1.0))
            wait_s = min(BACK_OFF_MAX_S, wait_s * 2)

    def _say(self, why: str) -> None:
        # The same reason is said once, not every three seconds of a night.
        if why != self._last_why.get(self.address):
            log.warning("%s; trying again", why)
            self._last_why[self.address] = why

    def _take(self, link: Link, messages: Received) -> None:
        if link is not self._link:
            if self._link is not None:
                return
            self._link = link  # the answer came before create_connection returned
        for message in messages:
            if isinstance(message, Refuse):
                link.close(f"the server refuses this render: {message.text}")
                return
            if isinstance(message, Welcome):
                link.welcomed = True
        self._on_messages(messages)
