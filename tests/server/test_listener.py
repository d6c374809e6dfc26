"""The one port: who is who, who waits too long, and what happens when resources run out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Awaitable, Callable

import pytest

from afanasy.model.errors import UserError
from afanasy.server import listener as listener_module
from afanasy.server.listener import Listener
from afanasy.wire.sniff import VERSION_MISMATCH, Kind
from afanasy.wire.stream import GREETING
from harness.one_port import (
    LOOPS,
    Lines,
    LoopFactory,
    OnePort,
    answer_of,
    gather_bounded,
    post_request,
    run,
    text_request,
    until,
)

on_each_loop = pytest.mark.parametrize("loop", LOOPS)


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[n : n + size] for n in range(0, len(data), size)]


@on_each_loop
def test_a_thousand_mixed_connections(loop: LoopFactory) -> None:
    """Ten manners of clients, a hundred each, 150 at a time: each gets what it should."""

    async def scenario() -> None:
        async with OnePort(undecided_s=2) as port:
            finished: list[str] = []

            def client(name: str, n: int) -> Callable[[], Awaitable[None]]:
                text = text_request(b'{"get":%d}' % n)
                post = post_request(b'{"get":%d}' % n)

                async def converse() -> None:
                    said = b""
                    match name:
                        case "text":
                            said = await port.say(text)
                        case "text in pieces":
                            said = await port.say(*_cut(text, 1 + n % 7), pause_s=0.003)
                        case "text, half closed":
                            said = await port.say(text, half_close=True)
                        case "post":
                            said = await port.say(post)
                        case "post in pieces":
                            said = await port.say(*_cut(post, 3 + n % 7), pause_s=0.003)
                        case "page":
                            said = await port.say(b"GET / HTTP/1.1\r\n", b"Host: a\r\n\r\n")
                            assert said.startswith(b"HTTP/1.1 404 Not Found\r\n")
                        case "stream in pieces":
                            said = await port.say(*_cut(GREETING, 1 + n % 8), pause_s=0.003)
                            assert said == b"welcome " + GREETING
                        case "garbage":
                            said = await port.say(b"hello world %d" % n)
                            assert said == VERSION_MISMATCH
                        case "silent":
                            assert await port.say(b"") == b""
                        case _:
                            assert await port.say(b"AFAN"[: 1 + n % 4]) == b""
                    if name.startswith(("text", "post")):
                        assert answer_of(said)["echo"] == {"get": n}
                    finished.append(name)

                return converse

            names = ["text", "text in pieces", "text, half closed", "post", "post in pieces",
                     "page", "stream in pieces", "garbage", "silent", "undecided"]  # fmt: skip
            await gather_bounded([client(name, n) for n in range(100) for name in names], 150)
            assert sorted(finished) == sorted(names * 100)
            assert not port.listener._undecided
            await port.still_serves()

    run(loop, scenario)


@on_each_loop
def test_who_says_too_little_is_closed_in_time_and_does_not_spin(
    loop: LoopFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    decide = listener_module.decide

    def counted(head: bytes) -> Kind | None:
        nonlocal looks
        looks += 1
        return decide(head)

    monkeypatch.setattr(listener_module, "decide", counted)

    async def scenario() -> None:
        clock = asyncio.get_running_loop().time
        async with OnePort(undecided_s=0.5) as port:
            began = clock()
            assert await port.say(b"AFA") == b""
            # at most one look every 20 ms, however long it took
            assert 2 <= looks <= (clock() - began) / listener_module.LOOK_AGAIN_S + 2
            assert await port.say() == b""
            await port.still_serves()

    run(loop, scenario)


@on_each_loop
def test_of_too_many_undecided_the_oldest_goes(loop: LoopFactory) -> None:
    async def scenario() -> None:
        async with OnePort(undecided_max=3) as port:
            clients = []
            for n in range(5):
                clients.append(await asyncio.open_connection(port.host, port.port))
                clients[-1][1].write(b"AF"[: n % 3])  # also such as have said nothing yet
                await until(lambda n=n: len(port.listener._undecided) == min(n + 1, 3))
            for reader, _ in clients[:2]:
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
            request = text_request(b'{"get":7}')
            for n, (reader, writer) in enumerate(clients[2:], 2):
                writer.write(request[n % 3 :])
                assert answer_of(await reader.read())["echo"] == {"get": 7}
            for _, writer in clients:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

    run(loop, scenario)


@on_each_loop
def test_strangers_are_closed_at_once_and_named_once(loop: LoopFactory) -> None:
    async def scenario() -> None:
        asked: list[str] = []

        def allowed(address: str) -> bool:
            asked.append(address)
            return len(asked) > 3

        async with OnePort(allowed=allowed) as port:
            for _ in range(3):
                assert await port.say(text_request(b"{}")) == b""
            assert port.log.named("address refused: not a trusted network") == [
                {"address": "127.0.0.1"}
            ]
            await port.still_serves()
            assert set(asked) == {"127.0.0.1"}

    run(loop, scenario)


@on_each_loop
def test_kinds_that_nobody_serves(loop: LoopFactory) -> None:
    async def scenario() -> None:
        async with OnePort() as port:
            assert await port.say(b"\x16\x03\x01\x02\x00\x01") == b""
            closed = port.log.named("connection closed: not spoken here")
            assert closed == [{"kind": "tls", "peer": "127.0.0.1"}]
            header = b"\x00\x00\x00Q\x00\x00\x00\x18\x00\x00\x00\x18"
            assert await port.say(header, b"x" * 100_000) == VERSION_MISMATCH
            assert await port.say(b"\xff\xff\xff\xff", half_close=True) == VERSION_MISMATCH

    run(loop, scenario)


@on_each_loop
def test_a_factory_that_fails_costs_one_connection(loop: LoopFactory) -> None:
    def broken() -> asyncio.Protocol:
        raise RuntimeError("a bug")

    async def scenario() -> None:
        async with OnePort(factories={Kind.TLS: broken}) as port:
            assert await port.say(b"\x16\x03\x01") == b""
            assert port.log.named("a protocol could not be started")
            await port.still_serves()

    run(loop, scenario)


@on_each_loop
def test_without_file_descriptors_clients_wait(loop: LoopFactory) -> None:
    async def scenario() -> None:
        async with OnePort() as port:
            await port.still_serves()  # everything that is loaded late is loaded
            clients = [socket.socket() for _ in range(3)]
            for sock in clients:
                sock.setblocking(False)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            free = os.dup(0)
            os.close(free)
            resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
            try:
                aio = asyncio.get_running_loop()
                for sock in clients:
                    await aio.sock_connect(sock, (port.host, port.port))
                    await aio.sock_sendall(sock, text_request(b'{"get":3}'))
                await until(lambda: port.log.named("cannot accept connections"))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert port.log.named("cannot accept connections")[0]["hint"]
            for sock in clients:
                answer = b""
                while piece := await aio.sock_recv(sock, 65536):
                    answer += piece
                assert answer_of(answer)["echo"] == {"get": 3}
                sock.close()
            await port.still_serves()

    run(loop, scenario)


@on_each_loop
def test_a_port_in_use_is_tried_again_and_its_holder_guessed(loop: LoopFactory) -> None:
    async def scenario() -> None:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            address = holder.getsockname()
            log = Lines()
            with pytest.raises(UserError) as caught:
                await Listener({}, log=log, bind_patience_s=0).start([address])
            assert caught.value.code == "port_in_use"
            assert caught.value.message == f"port {address[1]} of 127.0.0.1 is in use"
            assert "perhaps another afserver runs" in caught.value.hint
            second = Listener({}, log=log)
            starting = asyncio.get_running_loop().create_task(second.start([address]))
            await until(lambda: log.named("the port is in use, trying on"))
        assert await starting == [address]
        assert len(log.named("the port is in use, trying on")) == 1
        await second.close()

    run(loop, scenario)


def test_a_port_for_outgoing_connections_is_named_as_such(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    ports = listener_module.Path(str(tmp_path)) / "range"
    monkeypatch.setattr(listener_module, "_PORT_RANGE", ports)
    assert listener_module._who_has_it(51000) == "perhaps another afserver runs"
    ports.write_text("32768\t60999\n")
    assert listener_module._who_has_it(51000).endswith(
        "Linux gives them ports 32768 to 60999;"
        " reserve it with: sysctl -w net.ipv4.ip_local_reserved_ports=51000"
    )
    assert listener_module._who_has_it(8000) == "perhaps another afserver runs"


@on_each_loop
def test_an_address_that_is_not_ours_is_the_persons_to_mend(loop: LoopFactory) -> None:
    async def scenario() -> None:
        with pytest.raises(UserError, match=r"cannot listen on port \d+ of 192\.0\.2\.1: .*assign"):
            await Listener({}, log=Lines()).start([("127.0.0.1", 0), ("192.0.2.1", 0)])

    run(loop, scenario)


@on_each_loop
def test_several_addresses_share_a_free_port(loop: LoopFactory) -> None:
    async def scenario() -> None:
        port = OnePort()
        places = await port.listener.start([("127.0.0.1", 0), ("127.0.0.2", 0)])
        assert places[0][1] == places[1][1] > 0
        for port.host, port.port in places:
            await port.still_serves()
        await port.listener.close()
        for place in places:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*place)

    run(loop, scenario)


@on_each_loop
def test_close_ends_everything_but_what_is_written_arrives(loop: LoopFactory) -> None:
    async def scenario() -> None:
        big = b'"' + b"x" * 20_000_000 + b'"'
        async with OnePort(lambda request, peer: big) as port:
            silent, begun, reading, answered = [
                await asyncio.open_connection(port.host, port.port, limit=1000) for _ in range(4)
            ]
            begun[1].write(b"AFA")
            reading[1].write(b"AFANASY 24 JSON{")
            answered[1].write(text_request(b"{}"))
            await until(lambda: port.peers == 2)
            await answered[0].readexactly(10)
            await port.listener.close()
            for reader, _ in (silent, begun, reading):
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
            rest = await answered[0].read()
            assert 10 + len(rest) == len(b"AFANASY 20000002 JSON") + len(big)
            for _, writer in (silent, begun, reading, answered):
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

    run(loop, scenario)
