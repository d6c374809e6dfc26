"""Peers of one request: answers, refusals, patience, and that nothing they send hurts."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.model.errors import UserError
from afanasy.server.request_peer import PeerInfo, PeerLimits
from afanasy.wire.sniff import VERSION_MISMATCH
from harness.one_port import (
    LOOPS,
    LoopFactory,
    OnePort,
    answer_of,
    echo,
    error_text,
    post_request,
    run,
    text_request,
    until,
)

GOLDEN_FOLDER = Path(__file__).parent.parent / "data/golden"
GOLDEN = [
    json.loads(line)
    for name in ("text_framing.jsonl", "http_post.jsonl")
    for line in (GOLDEN_FOLDER / name).read_text().splitlines()
]
on_each_loop = pytest.mark.parametrize("loop", LOOPS)
in_each_framing = pytest.mark.parametrize(
    "framed", [pytest.param(text_request, id="text"), pytest.param(post_request, id="post")]
)


async def slow_echo(request: dict[str, Any], peer: PeerInfo) -> object:
    await asyncio.sleep(0.01)
    return echo(request, peer)


@on_each_loop
@in_each_framing
@pytest.mark.parametrize("handler", [echo, slow_echo])
@pytest.mark.parametrize("half_close", [False, True])
def test_a_request_is_answered_in_its_framing(
    loop: LoopFactory, framed: Any, handler: Any, half_close: bool
) -> None:
    async def scenario() -> None:
        async with OnePort(handler) as port:
            request = framed('{"get":{"type":"jöbs"}}'.encode())
            framing = "text" if framed is text_request else "http"
            expected = {"echo": {"get": {"type": "jöbs"}}, "framing": framing}
            assert answer_of(await port.say(request, half_close=half_close)) == expected
            pieces = [request[n : n + 9] for n in range(0, len(request), 9)]
            said = await port.say(*pieces, half_close=half_close, pause_s=0.002)
            assert answer_of(said) == expected

    run(loop, scenario)


@on_each_loop
def test_bytes_that_are_json_go_as_they_are_and_none_closes(loop: LoopFactory) -> None:
    async def scenario() -> None:
        answers: dict[str, object] = {"ready": b'{"ready": 1}', "none": None, "list": [1]}
        async with OnePort(lambda request, peer: answers[request["get"]]) as port:
            ready = await port.say(text_request(b'{"get":"ready"}'))
            assert ready == b'AFANASY 12 JSON{"ready": 1}'
            assert await port.say(text_request(b'{"get":"none"}')) == b""
            assert await port.say(post_request(b'{"get":"none"}')) == b""
            assert answer_of(await port.say(post_request(b'{"get":"list"}'))) == [1]

    run(loop, scenario)


@on_each_loop
def test_the_handler_learns_who_asks(loop: LoopFactory) -> None:
    async def scenario() -> None:
        seen: list[PeerInfo] = []

        def handler(_request: dict[str, Any], peer: PeerInfo) -> object:
            seen.append(peer)
            return {}

        async with OnePort(handler) as port:
            await port.say(text_request(b"{}"))
            await port.say(post_request(b"{}"))
        assert [(peer.address, peer.framing) for peer in seen] == [
            ("127.0.0.1", "text"),
            ("127.0.0.1", "http"),
        ]
        assert all(peer.port > 0 for peer in seen)

    run(loop, scenario)


@on_each_loop
@in_each_framing
def test_a_handler_that_fails_is_logged_and_the_server_goes_on(
    loop: LoopFactory, framed: Any
) -> None:
    async def failing(request: dict[str, Any], peer: PeerInfo) -> object:
        await asyncio.sleep(0)
        return unsound(request, peer)

    def unsound(request: dict[str, Any], _peer: PeerInfo) -> object:
        match request.get("get"):
            case "person":
                raise UserError("bad", "must be a number", "send 5", field="get.id")
            case "unsayable":
                return {"a": object()}
            case _:
                raise RuntimeError("a bug")

    async def scenario() -> None:
        for handler in (unsound, failing):
            async with OnePort(handler) as port:
                for body in (b'{"get":"bug"}', b'{"get":"unsayable"}', b'{"strict":true,"job":{}}'):
                    assert error_text(await port.say(framed(body))) == "internal error"
                failed = port.log.named("a request failed")
                assert [line["request"] for line in failed] == ["get", "get", "job"]
                assert str(failed[0]["exc_info"]) == "a bug"
                said = await port.say(framed(b'{"get":"person"}'))
                assert error_text(said) == "get.id: must be a number (send 5)"
                assert len(port.log.named("a request failed")) == 3

    run(loop, scenario)


@on_each_loop
@in_each_framing
@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"get":', "Expecting value (at character 7 of 7)"),
        (b'{"a":"\xff"}', "not UTF-8: invalid start byte (at byte 6 of 9)"),
        (b'{"a":NaN}', "NaN is no JSON"),
        (b'{"a":' + b"[" * 200_000, "JSON of 200001 levels; the most is 64"),
        (
            b'{"a":[' + b"," * 8_000_000,
            "a request of about 8000002 values; the most is 8000000"
            " (send a big job in pieces: append_blocks, append_tasks)",
        ),
        (b"[1,2]", "a request must be a JSON object"),
        (b"5", "a request must be a JSON object"),
    ],
)
def test_what_cannot_be_read_is_said(
    loop: LoopFactory, framed: Any, body: bytes, text: str
) -> None:
    async def scenario() -> None:
        async with OnePort() as port:
            assert error_text(await port.say(framed(body))) == text
            await port.still_serves()

    run(loop, scenario)


@on_each_loop
@pytest.mark.parametrize(
    "head", [b"AFANASY 70000000 JSON{", b"POST / HTTP/1.1\r\nAFANASY: 70000000\r\n\r\n{"]
)
def test_too_much_is_refused_before_it_is_read_and_the_reason_arrives(
    loop: LoopFactory, head: bytes
) -> None:
    async def scenario() -> None:
        async with OnePort() as port:
            answer = await port.say(head, b"x" * 8_000_000)
            assert error_text(answer).startswith(
                "a request of 70000000 bytes; the most is 67108864"
            )
            await port.still_serves()

    run(loop, scenario)


@on_each_loop
def test_all_requests_together_have_a_limit(loop: LoopFactory) -> None:
    async def scenario() -> None:
        async with OnePort(limits=PeerLimits(bytes_together=1_000_000)) as port:
            _, first = await asyncio.open_connection(port.host, port.port)
            first.write(b"AFANASY 900000 JSON{" + b" " * 600_000)
            await until(lambda: port.limits.bytes_held > 600_000)
            said = await port.say(text_request(b'{"a":"' + b"x" * 500_000 + b'"}'))
            assert error_text(said).startswith("the server is reading too many big requests")
            await port.still_serves()
            first.close()
            await first.wait_closed()
            await until(lambda: port.limits.bytes_held == 0)

    run(loop, scenario)


@on_each_loop
@pytest.mark.parametrize(
    "begun",
    [b"AFANASY", b"AFANASY 24 JSON{", b"POST / HT", b"POST / HTTP/1.1\r\nAFANASY: 999\r\n\r\n{"],
)
def test_silent_and_dripping_peers_are_dropped(loop: LoopFactory, begun: bytes) -> None:
    async def scenario() -> None:
        async with OnePort(limits=PeerLimits(silent_s=0.1)) as port:
            assert await port.say(begun) == b""
            assert port.log.named("slow peer dropped")
        async with OnePort(limits=PeerLimits(silent_s=30, request_s=0.5)) as port:
            # One byte every 50 ms is progress, but the whole would take minutes.
            assert await port.say(begun, *[b" "] * 5000, pause_s=0.05) == b""
            assert port.log.named("slow peer dropped")
            await port.still_serves()

    run(loop, scenario)


@on_each_loop
@pytest.mark.parametrize("begun", [b"AFANASY", b"AFANASY 24 JSON{", b"POST / HTTP/1.1\r\n"])
def test_who_stops_in_the_middle_is_closed(loop: LoopFactory, begun: bytes) -> None:
    async def scenario() -> None:
        async with OnePort() as port:
            assert await port.say(begun, half_close=True) == b""
            await port.say(begun, hang_up=True)
            await port.still_serves()

    run(loop, scenario)


@on_each_loop
def test_uncounted_blanks_are_waited_for_a_while(loop: LoopFactory) -> None:
    async def scenario() -> None:
        body = b'{"get":{"type":"users"}}'
        request = b"AFANASY 24 JSON\n" + body
        async with OnePort(limits=PeerLimits(blanks_s=0.05)) as port:
            assert "at character" in error_text(await port.say(request[:-1]))
        async with OnePort(limits=PeerLimits(blanks_s=30)) as port:
            whole = answer_of(await port.say(request))
            assert whole["echo"] == {"get": {"type": "users"}}
            assert answer_of(await port.say(request[:-1], request[-1:], pause_s=0.02)) == whole
            assert "at character" in error_text(await port.say(request[:-1], half_close=True))

    run(loop, scenario)


@on_each_loop
def test_an_expected_continue_is_said(loop: LoopFactory) -> None:
    async def scenario() -> None:
        async with OnePort() as port:
            reader, writer = await asyncio.open_connection(port.host, port.port)
            writer.write(b"POST / HTTP/1.1\r\nAFANASY: 9\r\nExpect: 100-continue\r\n\r\n")
            assert await reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b'{"get":1}')
            assert answer_of(await reader.read())["echo"] == {"get": 1}
            writer.close()
            await writer.wait_closed()

    run(loop, scenario)


@on_each_loop
@pytest.mark.parametrize("half_close", [False, True])
def test_a_big_answer_is_whole_for_who_reads_and_dropped_for_who_does_not(
    loop: LoopFactory, half_close: bool
) -> None:
    big = b'"' + b"x" * 30_000_000 + b'"'

    async def scenario() -> None:
        limits = PeerLimits(silent_s=30)
        async with OnePort(lambda request, peer: big, limits=limits) as port:
            reader, writer = await asyncio.open_connection(port.host, port.port, limit=1000)
            writer.write(text_request(b"{}"))
            if half_close:
                writer.write_eof()
            size = 0
            while piece := await reader.read(1_000_000):
                size += len(piece)
                await asyncio.sleep(0.001)
            assert size == len(b"AFANASY 30000002 JSON") + len(big)
            writer.close()
            await writer.wait_closed()
            await until(lambda: not port.peers)

            limits.silent_s = 0.3
            reader, writer = await asyncio.open_connection(port.host, port.port, limit=1000)
            writer.write(text_request(b"{}"))
            if half_close:
                writer.write_eof()
            await until(lambda: port.peers)
            await until(lambda: not port.peers)
            writer.transport.abort()

    run(loop, scenario)


@on_each_loop
def test_who_stays_after_the_answer_is_closed(loop: LoopFactory) -> None:
    async def scenario() -> None:
        async with OnePort(limits=PeerLimits(linger_s=1)) as port:
            reader, writer = await asyncio.open_connection(port.host, port.port)
            writer.write(text_request(b"{}"))
            assert answer_of(await reader.read())["echo"] == {}  # its side has ended
            assert port.peers == 1  # ours waits for the client to close first
            await until(lambda: not port.peers)
            writer.close()
            await writer.wait_closed()

    run(loop, scenario)


@on_each_loop
def test_a_peer_that_leaves_while_its_request_is_worked_on_hurts_nobody(loop: LoopFactory) -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()
        done: list[object] = []

        async def handler(request: dict[str, Any], peer: PeerInfo) -> object:
            if request == {"wait": True}:
                await go_on.wait()
                done.append(request)
            return echo(request, peer)

        async with OnePort(handler) as port:
            await port.say(text_request(b'{"wait":true}') + b"and more", hang_up=True)
            await until(lambda: port.peers)
            await port.still_serves()
            go_on.set()
            await until(lambda: not port.peers)
            assert done == [{"wait": True}]  # the request itself was carried out
            assert not port.log.named("a request failed")

    run(loop, scenario)


@on_each_loop
@pytest.mark.parametrize("line", GOLDEN, ids=lambda line: line["name"])
def test_recorded_requests(loop: LoopFactory, line: dict[str, Any]) -> None:
    """Over a real socket: as the original, except where we answer and it waits or just closes."""

    async def scenario() -> None:
        async with OnePort() as port:
            request = base64.b64decode(line["request_bytes_b64"])
            answer = await port.say(request, half_close=line["name"] == "short")
            await port.still_serves()
        if line.get("framing") == "bin":
            assert answer == base64.b64decode(line["response_bytes_b64"]) == VERSION_MISMATCH
        elif line["name"] in {"json_array", "json_scalar"}:
            assert error_text(answer) == "a request must be a JSON object"
        elif line["name"].startswith("POST") and line["end"] == "eof":
            assert answer.startswith(b"HTTP/1.1 4")
        elif line["end"] == "eof":
            assert answer == b""
        elif "info_kind" in line and line["name"] != "POST bad action":
            text = error_text(answer)
            assert text == line["info_text"] or "(at " in text
        else:
            assert "echo" in answer_of(answer)

    run(loop, scenario)


fragments = st.sampled_from(
    [b"AFANASY", b" ", b"24", b"9", b"JSON", b'{"get":1}', b"{", b"}", b"\r\n", b"\r\n\r\n",
     b"POST / HTTP/1.1", b"GET /", b"AFANASY: 9", b"Content-Length: 9", b"\x00\x00\x00Q",
     b"\x16\x03\x01", b"\xafFARM1\r\n", b"\xff", b"a" * 70_000]
)  # fmt: skip
conversations = st.lists(st.lists(fragments, max_size=8).map(b"".join), min_size=1, max_size=4)


@on_each_loop
@given(data=st.data())
def test_whatever_is_said_the_port_serves_on(loop: LoopFactory, data: st.DataObject) -> None:
    async def scenario() -> None:
        limits = PeerLimits(silent_s=0.05, blanks_s=0.02, linger_s=0.05)
        async with OnePort(limits=limits, undecided_s=0.05) as port:
            for _ in range(3):
                pieces = data.draw(conversations)
                half_close, hang_up = data.draw(st.booleans()), data.draw(st.booleans())
                await port.say(*pieces, half_close=half_close, hang_up=hang_up)
            limits.silent_s = port.listener._undecided_s = 30  # also on a busy machine
            await port.still_serves()
            assert not [line for line in port.log.lines if line[0] in {"error", "exception"}]

    run(loop, scenario)
