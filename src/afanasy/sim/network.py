"""Links between processes: bytes in order, and everything that can happen to them.

**Theory.** A link is TCP-like: per direction the bytes arrive in order, once, in pieces cut
anywhere. So loss, duplication and reordering are what they are in real life: a link dies with data
under way, the peer dials again and says it again, and what was under way on the old link may still
arrive after the new hello (R5).

* *Delay*: each piece takes its time; some take seconds.
* *Partition*: a direction between two hosts is closed for a while. What is sent meanwhile waits, as
  in a kernel that sends again; when the direction opens in time, it arrives. Else one end loses
  patience (16 s of silence) and gives the link up, and the other does not hear of that.
* *Cut*: a link dies at any byte, and each end is told, or finds out by silence.
* *A process dies*: its kernel sends what was written (or a part) and closes.
* *A host dies*: nothing is sent, nothing is answered until it is up again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from afanasy.sim.process_loop import ProcessLoop
from afanasy.sim.world import World

#: The server's host; and its ports: one for each protocol, since nothing is sniffed here.
SERVER: Final = "server"
STREAM_PORT: Final = 1
TEXT_PORT: Final = 2

_FIN: Final = None
Listen = Callable[[int], asyncio.Protocol]


class Side(asyncio.Transport):
    """One end of a link: the transport that the protocol there sees."""

    def __init__(self, network: Network, loop: ProcessLoop) -> None:
        super().__init__()
        self.network = network
        self.loop = loop
        self.host = loop.host
        self.peer: Side = self
        self.protocol: asyncio.Protocol = asyncio.Protocol()
        #: Bytes under way to the peer with the time of their arrival; None = no more come.
        self.out: deque[tuple[float, bytes | None]] = deque()
        self.pumping = False
        #: Arrived, but the protocol does not read now.
        self.inbox: deque[bytes] = deque()
        self.reading = True
        self.closing = self.gone = self.finished = False

    # ------------------------------------------------------------------- what protocols call

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send."""
        if not (self.closing or self.gone or self.finished):
            self.network.send(self, bytes(data))

    def write_eof(self) -> None:
        """Send no more."""
        if not (self.closing or self.gone or self.finished):
            self.finished = True
            self.network.send(self, _FIN)

    def can_write_eof(self) -> bool:
        """As TCP."""
        return True

    def close(self) -> None:
        """Send what was written, then close."""
        if self.closing or self.gone:
            return
        self.closing = True
        if not self.finished:
            self.network.send(self, _FIN)
        self.loop.call_soon(self.lose, None)

    def abort(self) -> None:
        """Close at once: what waits is lost from some byte on."""
        if self.gone:
            return
        self.network.given_up(self)
        self.closing = True
        self.network.truncate(self)
        self.network.send(self, _FIN)
        self.loop.call_soon(self.lose, None)

    def is_closing(self) -> bool:
        """Closed by our end."""
        return self.closing or self.gone

    def is_reading(self) -> bool:
        """Whether bytes are taken."""
        return self.reading

    def pause_reading(self) -> None:
        """Take no more bytes for now."""
        self.reading = False

    def resume_reading(self) -> None:
        """Take bytes again."""
        self.reading = True
        while self.inbox and self.reading:
            self.loop.call_soon(self.give, self.inbox.popleft())

    def get_write_buffer_size(self) -> int:
        """The kernel takes everything."""
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Addresses only."""
        return (f"{self.peer.host}.farm", 4000) if name == "peername" else default

    # --------------------------------------------------------------- what the network calls

    def give(self, data: bytes) -> None:
        """Bytes arrived."""
        if self.gone or self.closing:
            return
        if self.reading:
            self.protocol.data_received(data)
        else:
            self.inbox.append(data)

    def end_of_data(self) -> None:
        """The peer sends no more."""
        if not (self.gone or self.closing) and not self.protocol.eof_received():
            self.close()

    def lose(self, error: Exception | None) -> None:
        """The link is over for this end."""
        if not self.gone:
            self.gone = True
            self.protocol.connection_lost(error)


class Network:
    """All links of the farm."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._links: list[tuple[Side, Side]] = []
        #: Direction (from, to) → how many partitions close it now.
        self._blocked: dict[tuple[str, str], int] = {}
        self._down: dict[str, None] = {}
        self._server: tuple[ProcessLoop, Listen] | None = None
        #: Host → when the server got the last byte from it: what "silent" means from outside.
        self.heard_at: dict[str, float] = {}

    def listen(self, loop: ProcessLoop, listen: Listen) -> None:
        """The server listens: a port gives a protocol."""
        self._server = (loop, listen)

    # ------------------------------------------------------------------------------ dialling

    async def dial(
        self, loop: ProcessLoop, factory: Callable[[], asyncio.Protocol], port: int
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect to the server. Raises OSError; between parted hosts it waits for ever."""
        future: asyncio.Future[tuple[asyncio.Transport, asyncio.Protocol]] = loop.create_future()
        self.world.after(self._delay(), None, self._knock, loop, factory, port, future)
        return await future

    def _knock(
        self, loop: ProcessLoop, factory: Callable[[], asyncio.Protocol], port: int, future: Any
    ) -> None:
        if not self._open(loop.host, SERVER) or not self._open(SERVER, loop.host):
            return
        server = self._server
        if server is None or not server[0].alive:
            self.world.after(self._delay(), loop, self._refuse, loop, future)
            return
        ours, theirs = Side(self, loop), Side(self, server[0])
        ours.peer, theirs.peer = theirs, ours
        self._links.append((ours, theirs))
        if len(self._links) > 100:
            self._links = [link for link in self._links if not (link[0].gone and link[1].gone)]
        theirs.loop.call_soon(self._accept, theirs, server[1], port)
        self.world.after(self._delay(), loop, self._connect, loop, ours, factory, future)

    def _refuse(self, loop: ProcessLoop, future: asyncio.Future[Any]) -> None:
        if not future.done():
            loop.enter(future.set_exception, ConnectionRefusedError("nobody listens"))

    def _accept(self, side: Side, listen: Listen, port: int) -> None:
        if side.gone:
            return
        side.protocol = listen(port)
        side.protocol.connection_made(side)

    def _connect(
        self,
        loop: ProcessLoop,
        side: Side,
        factory: Callable[[], asyncio.Protocol],
        future: asyncio.Future[Any],
    ) -> None:
        if future.done():
            side.abort()
            return
        if side.gone:
            self._refuse(loop, future)
            return
        side.protocol = factory()
        loop.enter(side.protocol.connection_made, side)
        future.set_result((side, side.protocol))

    # ------------------------------------------------------------------------------- sending

    def send(self, side: Side, data: bytes | None) -> None:
        """Put bytes, or the end of them, on their way."""
        earliest = side.out[-1][0] if side.out else 0.0
        side.out.append((max(earliest, self.world.now + self._delay()), data))
        self._pump_later(side)

    def _delay(self) -> float:
        world = self.world
        if world.faulty and world.chance(0.01):
            return world.between(0.3, 6.0)
        return world.between(0.0002, 0.01)

    def _pump_later(self, side: Side) -> None:
        if side.out and not side.pumping:
            side.pumping = True
            self.world.at(side.out[0][0], None, self._pump, side)

    def _pump(self, side: Side) -> None:
        side.pumping = False
        while side.out and side.out[0][0] <= self.world.now:
            if not self._open(side.host, side.peer.host):
                return  # sent again when the way is open
            _, data = side.out.popleft()
            self._arrive(side.peer, data)
        self._pump_later(side)

    def _arrive(self, side: Side, data: bytes | None) -> None:
        if side.gone or not side.loop.alive:
            if data is not None and not side.peer.gone and self._open(side.host, side.peer.host):
                side.peer.loop.call_soon(side.peer.lose, ConnectionResetError("reset by peer"))
            return
        if data is None:
            side.loop.call_soon(side.end_of_data)
            return
        if side.host == SERVER:
            self.heard_at[side.peer.host] = self.world.now
        if len(data) > 1 and self.world.chance(0.1):
            cut = self.world.random.randrange(1, len(data))
            side.loop.call_soon(side.give, data[:cut])
            data = data[cut:]
        side.loop.call_soon(side.give, data)

    def truncate(self, side: Side) -> None:
        """What is under way from this end is lost from some byte on."""
        if not side.out or not self.world.chance(0.5):
            return
        kept = self.world.random.randrange(len(side.out))
        items = list(side.out)
        side.out = deque(items[:kept])
        when, data = items[kept]
        if data:
            side.out.append((when, data[: self.world.random.randrange(len(data))]))

    def given_up(self, side: Side) -> None:
        """An end loses patience; between parted hosts that is what a partition does."""
        if not (self._open(side.host, side.peer.host) and self._open(side.peer.host, side.host)):
            self.world.mark("partition")

    # ------------------------------------------------------------------------------ troubles

    def _open(self, here: str, there: str) -> bool:
        down = self._down
        return not (self._blocked.get((here, there)) or here in down or there in down)

    def block(self, here: str, there: str) -> None:
        """Close a direction."""
        self._blocked[here, there] = self._blocked.get((here, there), 0) + 1

    def unblock(self, here: str, there: str) -> None:
        """Open it again (when nobody else closed it): what waited is sent."""
        self._blocked[here, there] = max(0, self._blocked.get((here, there), 0) - 1)
        self._flush(here)

    def open_all(self) -> None:
        """Every way is open."""
        self._blocked.clear()
        for link in list(self._links):
            for side in link:
                self._pump_later(side)

    def _flush(self, host: str) -> None:
        for link in list(self._links):
            for side in link:
                if host in (side.host, side.peer.host):
                    self._pump_later(side)

    def cut(self, host: str) -> None:
        """Links of a host die at any byte; an end is told, or finds out by silence."""
        for link in list(self._links):
            if link[0].host != host:
                continue
            for side in link:
                self.truncate(side)
            for side in link:
                if not side.gone:
                    if self.world.chance(0.7):
                        error = ConnectionResetError("cut")
                        side.loop.call_later(self.world.between(0, 3), side.lose, error)
                    else:
                        side.out.clear()

    def process_died(self, loop: ProcessLoop) -> None:
        """The kernel closes what a process leaves behind."""
        for link in list(self._links):
            for side in link:
                if side.loop is loop and not side.gone:
                    side.gone = True
                    if side.host in self._down:
                        side.out.clear()
                    else:
                        self.truncate(side)
                        self.send(side, _FIN)

    def host_down(self, host: str) -> None:
        """A host lost its power: nothing comes from it, nothing is answered."""
        self._down[host] = None

    def host_up(self, host: str) -> None:
        """It is there again and answers what it does not know with a reset."""
        self._down.pop(host, None)
        self._flush(host)
