"""The one port: accept, peek, hand the socket to whoever speaks its protocol (DESIGN 4, R52).

**Theory.** The listener owns the listening sockets and every connection whose protocol is not known
yet. It looks at the first bytes without taking them (``MSG_PEEK``), asks
:func:`afanasy.wire.sniff.decide`, and gives the socket to the loop with the protocol's factory, so
that the protocol reads from the first byte. Nearly all connections are decided at once.

**Undecided ones.** No byte yet: the loop's reader on the socket wakes us at the first one. A few
bytes that do not decide: a reader would wake for ever, since they stay unread; so the socket is
looked at again every :data:`LOOK_AGAIN_S`. Either way it is closed after five seconds, and when
there are more than 2,000 the oldest goes. An undecided connection costs a socket, no transport.

**Trouble.** Out of file descriptors: no accepting for :data:`PAUSE_S`, the backlog keeps the
clients. Port taken at the start: 51000 lies in the range that Linux gives to outgoing connections,
so the server tries for half a minute and then says who may have it (RECIPES 5).
"""

from __future__ import annotations

import asyncio
import errno
import socket
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import structlog
from structlog.typing import FilteringBoundLogger

from afanasy.model.errors import UserError
from afanasy.server.request_peer import RefusalPeer
from afanasy.wire.sniff import HEAD_BYTES, VERSION_MISMATCH, Kind, decide

ACCEPTS_PER_WAKE: Final = 128
LOOK_AGAIN_S: Final = 0.02
PAUSE_S: Final = 0.5
BACKLOG: Final = 1024
BIND_RETRY_S: Final = 0.5
#: Addresses that were refused are logged once each, so many of them.
REFUSED_LOGGED_MAX: Final = 1000

_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")

Factory = Callable[[], asyncio.BaseProtocol]


def _everybody(_address: str) -> bool:
    return True


class _Undecided:
    """A connection that has not said enough yet."""

    __slots__ = ("address", "deadline_s", "has_reader", "look_again", "sock")

    def __init__(self, sock: socket.socket, address: str, deadline_s: float) -> None:
        self.sock = sock
        self.address = address
        self.deadline_s = deadline_s
        self.has_reader = False
        self.look_again: asyncio.TimerHandle | None = None


class Listener:
    """Listens, decides, hands over. To be used in the loop's thread.

    ``factories`` make the protocol object of each kind. A kind without one is closed, with a line
    in the log; CGRU's binary header and what is no protocol at all get CGRU's version mismatch.
    ``allowed`` is asked with the peer's address; whoever it refuses is closed at once.
    """

    def __init__(
        self,
        factories: Mapping[Kind, Factory],
        *,
        allowed: Callable[[str], bool] = _everybody,
        log: FilteringBoundLogger | None = None,
        undecided_max: int = 2000,
        undecided_s: float = 5.0,
        bind_patience_s: float = 30.0,
    ) -> None:
        mismatch: Factory = lambda: RefusalPeer(VERSION_MISMATCH)  # noqa: E731 (typed)
        self._factories = {Kind.BINARY: mismatch, Kind.UNKNOWN: mismatch, **factories}
        self._allowed = allowed
        self._log: FilteringBoundLogger = structlog.get_logger() if log is None else log
        self._undecided_max = undecided_max
        self._undecided_s = undecided_s
        self._bind_patience_s = bind_patience_s
        self._listening: list[socket.socket] = []
        #: By time of arrival: the first is the oldest.
        self._undecided: dict[socket.socket, _Undecided] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._handing_over: set[asyncio.Task[None]] = set()
        self._transports: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self._refused: set[str] = set()

    # -- start and end

    async def start(self, addresses: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """Bind and listen; returns the real addresses. Port 0 takes a free one, the same for all.

        Raises UserError when an address cannot be had: the person's to mend.
        """
        loop = asyncio.get_running_loop()
        self._loop = loop
        free_port = 0
        try:
            for host, port in addresses:
                sock = await self._bind(host, port or free_port)
                self._listening.append(sock)
                if not port:
                    free_port = sock.getsockname()[1]
        except BaseException:
            await self.close()
            raise
        self._accept_on()
        return [sock.getsockname()[:2] for sock in self._listening]

    def stop_accepting(self) -> None:
        """Close the port. Connections that were handed over go on, undecided ones are closed."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        for sock in self._listening:
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._listening.clear()
        for entry in list(self._undecided.values()):
            self._drop(entry)
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    async def close(self) -> None:
        """Close the port and every connection that came through it, after what was written."""
        self.stop_accepting()
        if self._handing_over:
            await asyncio.wait(self._handing_over)
        for transport in list(self._transports):
            transport.close()
        await asyncio.sleep(0)

    async def _bind(self, host: str, port: int) -> socket.socket:
        where = f"port {port} of {host or 'all addresses'}"
        deadline_s = self._loop.time() + self._bind_patience_s
        warned = False
        while True:
            try:
                return await self._bind_once(host, port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise UserError(
                        "cannot_listen", f"cannot listen on {where}: {error.strerror or error}"
                    ) from None
                if self._loop.time() >= deadline_s:
                    raise UserError(
                        "port_in_use", f"{where} is in use", _who_has_it(port)
                    ) from None
            if not warned:
                self._log.warning(
                    "the port is in use, trying on", where=where, hint=_who_has_it(port)
                )
                warned = True
            await asyncio.sleep(BIND_RETRY_S)

    async def _bind_once(self, host: str, port: int) -> socket.socket:
        found = await self._loop.getaddrinfo(
            host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(address)
            sock.listen(BACKLOG)
        except BaseException:
            sock.close()
            raise
        return sock

    # -- accepting

    def _accept_on(self) -> None:
        self._pause = None
        for sock in self._listening:
            self._loop.add_reader(sock.fileno(), self._accept, sock)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTS_PER_WAKE):
            try:
                sock, peer = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._pause_accepting(error)
                return
            sock.setblocking(False)
            self._look(sock, str(peer[0]))

    def _pause_accepting(self, error: OSError) -> None:
        hint = "raise the limit of open files" if error.errno in _OUT_OF_RESOURCES else ""
        self._log.error("cannot accept connections", error=str(error), hint=hint)
        for sock in self._listening:
            self._loop.remove_reader(sock.fileno())
        if self._pause is None:
            self._pause = self._loop.call_later(PAUSE_S, self._accept_on)

    def _look(self, sock: socket.socket, address: str) -> None:
        """The first look at a new connection."""
        if not self._allowed(address):
            sock.close()
            if address not in self._refused and len(self._refused) < REFUSED_LOGGED_MAX:
                self._refused.add(address)
                self._log.warning("address refused: not a trusted network", address=address)
            return
        entry = _Undecided(sock, address, self._loop.time() + self._undecided_s)
        if self._try_to_decide(entry):
            return
        if len(self._undecided) >= self._undecided_max:
            self._drop(next(iter(self._undecided.values())))
        self._undecided[sock] = entry
        if self._sweep is None:
            self._sweep = self._loop.call_at(entry.deadline_s, self._sweep_old)

    # -- deciding

    def _look_again(self, entry: _Undecided) -> None:
        entry.look_again = None
        if self._try_to_decide(entry):
            self._undecided.pop(entry.sock, None)

    def _try_to_decide(self, entry: _Undecided) -> bool:
        """Peek; returns whether the connection is settled, else arranges for another look."""
        sock = entry.sock
        try:
            head = sock.recv(HEAD_BYTES, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            if not entry.has_reader:
                entry.has_reader = True
                self._loop.add_reader(sock.fileno(), self._look_again, entry)
            return False
        except OSError:
            head = b""
        self._stop_looking(entry)
        if not head:  # the peer has gone
            sock.close()
            return True
        kind = decide(head)
        if kind is None:
            entry.look_again = self._loop.call_later(LOOK_AGAIN_S, self._look_again, entry)
            return False
        self._hand_over(kind, sock, entry.address)
        return True

    def _stop_looking(self, entry: _Undecided) -> None:
        if entry.has_reader:
            self._loop.remove_reader(entry.sock.fileno())
            entry.has_reader = False
        if entry.look_again is not None:
            entry.look_again.cancel()
            entry.look_again = None

    def _drop(self, entry: _Undecided) -> None:
        self._stop_looking(entry)
        self._undecided.pop(entry.sock, None)
        entry.sock.close()

    def _sweep_old(self) -> None:
        """Close who has been undecided for too long; wake again for the next."""
        self._sweep = None
        now = self._loop.time()
        for entry in list(self._undecided.values()):
            if entry.deadline_s > now:
                self._sweep = self._loop.call_at(entry.deadline_s, self._sweep_old)
                break
            self._drop(entry)

    # -- handing over

    def _hand_over(self, kind: Kind, sock: socket.socket, address: str) -> None:
        factory = self._factories.get(kind)
        if factory is None:
            self._log.info("connection closed: not spoken here", kind=kind.value, peer=address)
            sock.close()
            return
        task = self._loop.create_task(self._connect(factory, sock))
        self._handing_over.add(task)
        task.add_done_callback(self._handing_over.discard)

    async def _connect(self, factory: Factory, sock: socket.socket) -> None:
        try:
            transport, _ = await self._loop.connect_accepted_socket(factory, sock)
        except OSError:  # it broke meanwhile
            sock.close()
        except Exception:
            self._log.exception("a protocol could not be started")
            sock.close()
        else:
            self._transports.add(transport)


def _who_has_it(port: int) -> str:
    """Why a port may be in use, for a person."""
    hint = "perhaps another afserver runs"
    try:
        first, last = (int(word) for word in _PORT_RANGE.read_text().split())
    except (OSError, ValueError):
        return hint
    if first <= port <= last:
        hint += (
            f", or an outgoing connection has it: Linux gives them ports {first} to {last};"
            f" reserve it with: sysctl -w net.ipv4.ip_local_reserved_ports={port}"
        )
    return hint
