"""The client against servers of every kind: it answers or says why not, and never hangs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

import af
from af import send
from harness.text_server import TextServer, closed_port, framed, read_request

USERS = {"get": {"type": "users"}}


def ask(server: TextServer, answer_s: float = 20.0) -> object:
    return af.request(USERS, [server.address], answer_s=answer_s)


def refused(servers: list[tuple[str, int]], answer_s: float = 20.0) -> send.ServerError:
    with pytest.raises(af.ServerError) as caught:
        af.request(USERS, servers, answer_s=answer_s)
    return caught.value


def test_a_request_and_its_answer() -> None:
    with TextServer(lambda _: {"users": []}) as server:
        assert ask(server) == {"users": []}
        assert server.request == {**USERS, "strict": True}


def test_names_beyond_ascii_both_ways() -> None:
    name = "имя ☃ \U0001f600"
    with TextServer(lambda request: {"told": request["get"]["mask"]}) as server:
        message = {"get": {"type": "jobs", "mask": name}}
        assert af.request(message, [server.address]) == {"told": name}


def test_raw_control_characters_and_broken_utf8_in_an_answer() -> None:
    """PROTOCOL 2.1: today's server does not escape all of them."""
    with TextServer(lambda _: b'{"log":"a\x08b\tc \xff"}') as server:
        assert ask(server) == {"log": "a\x08b\tc \ufffd"}


def test_an_answer_in_single_bytes_and_blanks_behind_it() -> None:
    def talk(sock: socket.socket) -> None:
        read_request(sock)
        for byte in framed({"a": "b" * 50}):
            sock.sendall(bytes([byte]))
        sock.sendall(b"   ")

    with TextServer(raw=talk) as server:
        assert ask(server) == {"a": "b" * 50}


def test_an_answer_without_a_frame_is_read_to_its_end() -> None:
    def talk(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(b'{"a": ')
        sock.sendall(b"1}")

    with TextServer(raw=talk) as server:
        assert ask(server) == {"a": 1}


def test_a_big_request_and_a_big_answer() -> None:
    with TextServer(lambda request: {"back": request["job"]["text"]}) as server:
        text = "x" * 3_000_000
        assert af.request({"job": {"text": text}}, [server.address]) == {"back": text}


# ------------------------------------------------------------------------------- bad servers


def test_no_server() -> None:
    port = closed_port()
    error = refused([("127.0.0.1", port)])
    assert error.kind == "unreachable"
    assert str(error) == f"no server answers at 127.0.0.1:{port} (connection refused)"


def test_an_unknown_host_name() -> None:
    error = refused([("no such host", 51000)])
    assert error.kind == "unreachable"
    assert "no such host:51000 (unknown host name)" in error.reason


def test_a_name_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()
    real = socket.getaddrinfo

    def silent(host: str, *rest: object) -> object:
        if rest[-1] == socket.AI_NUMERICHOST:
            return real(host, *rest)
        asked.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        with pytest.raises(af.ServerError, match=r"farm:51000 \(no answer in 0.05 s\)"):
            af.request(USERS, [("farm", 51000)], connect_s=0.05)
    finally:
        asked.set()


def test_a_silent_server() -> None:
    done = threading.Event()
    with TextServer(raw=lambda _: done.wait(60) and None) as server:
        error = refused([server.address], answer_s=0.2)
        done.set()
    assert error.kind == "timeout"
    assert "did not answer in 0.2 s; it may still carry the request out" in error.reason


def test_a_server_that_drips_does_not_hold_us_for_ever() -> None:
    done = threading.Event()

    def talk(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(b"AFANASY 1000000 JSON")
        while not done.wait(0.01):
            sock.sendall(b" ")

    with TextServer(raw=talk) as server:
        error = refused([server.address], answer_s=0.3)
        done.set()
    assert error.kind == "timeout"


def test_a_server_that_takes_nothing() -> None:
    done = threading.Event()
    with TextServer(raw=lambda _: done.wait(60) and None) as server:
        with pytest.raises(af.ServerError, match="did not take the request") as caught:
            af.request({"job": "x" * 50_000_000}, [server.address], answer_s=0.5)
        done.set()
    assert caught.value.kind == "timeout"


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        (b"", "closed the connection without an answer"),
        (b"AFANASY 100 JSON{", "closed the connection after 1 of 100 bytes"),
        (b"AFANASY 100 JS", "is no JSON"),
    ],
)
def test_a_server_that_dies_in_mid_answer(piece: bytes, reason: str) -> None:
    def talk(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(piece)

    with TextServer(raw=talk) as server:
        assert reason in refused([server.address]).reason


def test_a_connection_that_is_reset() -> None:
    def talk(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(b"AFANASY 100 JSON{")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with TextServer(raw=talk) as server:
        assert refused([server.address]).kind == "lost"


@pytest.mark.parametrize(
    "piece",
    [b"SSH-2.0-OpenSSH_9\r\n", b"\x16\x03\x01\x00", b"AFANASY x JSON{}", framed(b"{'a': 1}"),
     framed(b"[" * 100_000)],
)  # fmt: skip
def test_garbage(piece: bytes) -> None:
    def talk(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(piece)

    with TextServer(raw=talk) as server:
        assert refused([server.address]).kind == "garbage"


def test_an_announced_length_beyond_reason() -> None:
    done = threading.Event()

    def talk(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(b"AFANASY 999999999999 JSON{")
        done.wait(60)

    with TextServer(raw=talk) as server:
        error = refused([server.address])
        done.set()
    assert "longer than" in error.reason


def test_an_answer_that_comes_before_the_whole_request_was_read() -> None:
    """A server that refuses a request for its size says so and closes."""

    def talk(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(framed({"info": {"kind": "error", "text": "too long"}}))
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 20):
            pass

    with TextServer(raw=talk) as server:
        answer = af.request({"job": "x" * 20_000_000}, [server.address])
    assert answer["info"]["text"] == "too long"


# ------------------------------------------------------------------------- several servers


def test_the_next_server_is_asked_when_one_cannot_be_reached() -> None:
    with TextServer(lambda _: {"a": 1}) as server:
        assert af.request(USERS, [("127.0.0.1", closed_port()), server.address]) == {"a": 1}


def test_every_server_that_was_tried_is_named() -> None:
    first, second = closed_port(), closed_port()
    reason = refused([("127.0.0.1", first), ("::1", second)]).reason
    assert f"127.0.0.1:{first} (" in reason
    assert f"[::1]:{second} (" in reason


def test_a_request_that_was_sent_is_never_sent_to_a_second_server() -> None:
    def dies(sock: socket.socket) -> None:
        read_request(sock)

    with TextServer(raw=dies) as first, TextServer() as second:
        assert refused([first.address, second.address]).kind == "lost"
        assert second.requests == []


# ----------------------------------------------------------------------------------- sendServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextServer]:
    with TextServer(lambda _: {"a": 1}) as server:
        monkeypatch.setenv("AF_SERVERNAME", server.text)
        yield server


def test_the_classic_call(server: TextServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert af.sendServer('{"get":{}}') == (True, {"a": 1})
    assert server.request == {"get": {}}
    assert capsys.readouterr().out == ""
    assert af.sendServer('{"get":{}}', True) == (True, {"a": 1})
    assert capsys.readouterr().out == '{"get":{}}\n{"a": 1}\n'
    assert af.sendServer('{"get":{}}', without_answer=True) == (True, None)
    server.answer = lambda _: b"{no json"
    assert af.sendServer('{"get":{}}') == (True, None)


def test_the_classic_call_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_SERVERNAME", f"127.0.0.1:{closed_port()}")
    with pytest.warns(af.AfWarning, match="no server answers at") as told:
        assert af.sendServer('{"get":{}}') == (False, None)
    assert told[0].filename == __file__


def test_a_bad_port_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_SERVERNAME", "farm:many")
    with pytest.raises(af.ServerError, match="'many' is no port number"):
        af.request(USERS)
