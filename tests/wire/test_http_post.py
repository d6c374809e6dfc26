"""HTTP POST: lengths, who may send, refusals, and that pieces do not matter."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy import __version__
from afanasy.wire.errors import RefusedRequest
from afanasy.wire.http_post import (
    CONTINUE,
    HttpPostReader,
    answer_without_pages,
    encode_http_answer,
)

GOLDEN = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data/golden/http_post.jsonl")
    .read_text()
    .splitlines()
]
BODY = b'{"get":{"type":"users"}}'


def read(pieces: list[bytes]) -> tuple[str, bytes | None]:
    """What becomes of a request: ("body" | "refused" | "nothing", bytes)."""
    reader = HttpPostReader(own_hosts=["farm"])
    try:
        for piece in pieces:
            body = reader.feed(piece)
            if body is not None:
                return "body", body
    except RefusedRequest as error:
        return "refused", error.answer
    return "nothing", reader.finish()


def post(*lines: str, body: bytes = BODY, end: str = "\r\n") -> bytes:
    return end.join(["POST / HTTP/1.1", *lines, "", ""]).encode("latin-1") + body


JSON_TYPE = "Content-Type: application/json"


@pytest.mark.parametrize(
    "lines",
    [
        ["AFANASY: 24"],
        ["afanasy:24"],
        ["AFANASY: 24", "Content-Type: text/plain;charset=UTF-8"],
        ["Content-Length: 24", "Content-Type: application/json"],
        ["content-length: 24", "content-type: Application/JSON; charset=utf-8"],
        ["AFANASY: 20", "Content-Length: 24"],  # the browser page counts UTF-16 units
        ["AFANASY: 24", "Content-Length: 24", "Content-Length: 24"],
        ["AFANASY: 24", "Host: 10.1.2.3:51000", "Origin: http://10.1.2.3:51000"],
        ["AFANASY: 24", "Host: [::1]:51000", "Origin: http://[::1]:51000"],
        ["AFANASY: 24", "Host: localhost", "Origin: https://localhost"],
        ["Content-Length: 24", JSON_TYPE, "Host: Farm:51000", "Origin: http://farm:51000"],
        ["AFANASY: 24", "X-Other: 1", "X-Other: 2", "X-Empty:"],
    ],
)
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_ways_to_post_the_same(lines: list[str], end: str) -> None:
    assert read([post(*lines, end=end) + b"behind it"]) == ("body", BODY)


@pytest.mark.parametrize(
    ("lines", "status", "text"),
    [
        ([], 411, "no length of the body (send Content-Length or AFANASY)"),
        (
            ["Content-Length: 24", "Content-Type: text/plain"],
            415,
            "header Content-Type: must be application/json"
            " (or send the header AFANASY with the length of the body)",
        ),
        (["AFANASY: abc"], 400, "header AFANASY: must be the number of bytes of the body"),
        (["AFANASY: ²"], 400, "header AFANASY: must be the number of bytes of the body"),
        (["AFANASY: 0"], 400, "header AFANASY: must be the number of bytes of the body"),
        (
            ["AFANASY: 24", "Content-Length: -4"],
            400,
            "header Content-Length: must be the number of bytes of the body",
        ),
        (
            ["AFANASY: abc", "Content-Length: 24"],
            400,
            "header AFANASY: must be the number of bytes of the body",
        ),
        (["AFANASY: 24", "AFANASY: 25"], 400, "header afanasy: given twice"),
        (["AFANASY: 24", "no colon"], 400, "line 3 of the headers: must be name: value"),
        (["AFANASY : 24"], 400, "line 2 of the headers: must be name: value"),
        (
            ["AFANASY: 24", "Transfer-Encoding: chunked"],
            411,
            "header Transfer-Encoding: such bodies are not read (send Content-Length)",
        ),
        (
            ["AFANASY: 67108865"],
            413,
            "a request of 67108865 bytes; the most is 67108864"
            " (send a big job in pieces: append_blocks, append_tasks)",
        ),
        (
            ["AFANASY: " + "9" * 5000],
            413,
            "a request of 100000000000000000000 bytes; the most is 67108864"
            " (send a big job in pieces: append_blocks, append_tasks)",
        ),
        (["X: " + "y" * 70_000, "AFANASY: 24"], 431, "headers of over 65536 bytes"),
        (
            ["AFANASY: 24", "Host: farm:51000", "Origin: http://evil.example"],
            403,
            "header Origin: http://evil.example is not this server",
        ),
        (
            ["AFANASY: 24", "Host: evil.example:51000", "Origin: http://evil.example:51000"],
            403,
            "header Origin: http://evil.example:51000 is not this server",
        ),
        (
            ["AFANASY: 24", "Host: farm", "Origin: null"],
            403,
            "header Origin: null is not this server",
        ),
    ],
)
def test_every_refusal_has_its_status_and_words(lines: list[str], status: int, text: str) -> None:
    outcome, answer = read([post(*lines)])
    assert outcome == "refused"
    assert answer is not None
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body) == {"info": {"kind": "error", "text": text}}


@pytest.mark.parametrize("length", [65_535, 65_536, 65_537])
def test_the_cap_of_the_headers_is_the_same_in_pieces(length: int) -> None:
    start = b"POST / HTTP/1.1\r\nAFANASY: 24\r\nX: "
    whole = start + b"y" * (length - len(start)) + b"\r\n\r\n" + BODY
    expected = "body" if length <= 65_536 else "refused"
    assert read([whole])[0] == expected
    for cut in range(length - 1, length + 5):
        assert read([whole[:cut], whole[cut:]])[0] == expected


def test_headers_without_an_end_are_refused() -> None:
    outcome, answer = read([b"POST / HTTP/1.1\r\n"] + [b"X: " + b"y" * 997] * 70)
    assert outcome == "refused"
    assert (answer or b"").startswith(b"HTTP/1.1 431 ")


def test_the_expected_continue_is_said_once_and_only_when_the_body_is_missing() -> None:
    head = post("AFANASY: 24", "Expect: 100-continue", body=b"")
    reader = HttpPostReader()
    assert reader.feed(head) is None
    assert reader.interim() == CONTINUE
    assert reader.interim() == b""
    assert reader.feed(BODY) == BODY
    reader = HttpPostReader()
    assert reader.feed(head + BODY) == BODY
    assert reader.interim() == b""


@pytest.mark.parametrize(
    ("method", "status_line", "with_body", "allow"),
    [
        ("GET", "HTTP/1.1 404 Not Found", True, False),
        ("HEAD", "HTTP/1.1 404 Not Found", False, False),
        ("OPTIONS", "HTTP/1.1 405 Method Not Allowed", True, True),
        ("DELETE", "HTTP/1.1 405 Method Not Allowed", True, True),
    ],
)
def test_other_methods(method: str, status_line: str, with_body: bool, allow: bool) -> None:
    answer = answer_without_pages(method)
    request = f"{method} /index.html HTTP/1.1\r\nHost: farm\r\n\r\n".encode()
    assert read([request]) == ("refused", answer)
    head, _, body = answer.decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    assert lines[0] == status_line
    assert lines[3] == "Content-Type: text/plain; charset=UTF-8"
    assert ("Allow: POST" in lines) is allow
    assert ("sent by POST" in body) is with_body
    assert int(lines[2].removeprefix("Content-Length: ")) > 50


def test_an_answer_has_the_recorded_header_lines_in_their_order() -> None:
    for line in GOLDEN:
        if "head_lines" in line:
            size = int(line["head_lines"][2].removeprefix("Content-Length: "))
            head, _, body = encode_http_answer(b"x" * size).partition(b"\r\n\r\n")
            assert body == b"x" * size
            ours = head.decode().split("\r\n")
            assert ours[:-1] == line["head_lines"][:-1]
            assert ours[-1] == f"Server: afanasy/{__version__}"


@pytest.mark.parametrize("line", GOLDEN, ids=lambda line: line["name"])
def test_recorded_requests(line: dict[str, Any]) -> None:
    """As the original, except that it closes where we refuse with a reason."""
    request = base64.b64decode(line["request_bytes_b64"])
    outcome, found = read([request])
    if line["end"] == "complete":
        assert (outcome, found) == ("body", request.partition(b"\r\n\r\n")[2])
    else:
        assert outcome == "refused"
        assert (found or b"").startswith(b"HTTP/1.1 4")


pieces_of_heads = st.sampled_from(
    ["AFANASY: 24", "Content-Length: 24", "Content-Length: 30", "Content-Length: x", JSON_TYPE,
     "Transfer-Encoding: chunked", "Expect: 100-continue", "Host: farm", "Origin: http://farm",
     "Origin: http://x", "bad", "", " folded: 1", "X: \x00\xff", "Y: " + "z" * 40_000]
)  # fmt: skip


@given(
    st.sampled_from(["POST / HTTP/1.1", "POST", "POST  ", "GET / HTTP/1.0", "PUT /x"]),
    st.lists(pieces_of_heads, max_size=5),
    st.sampled_from(["\r\n", "\n"]),
    st.binary(max_size=40),
    st.data(),
)
def test_pieces_mean_the_same_as_the_whole(
    request_line: str, lines: list[str], end: str, body: bytes, data: st.DataObject
) -> None:
    whole = end.join([request_line, *lines, "", ""]).encode("latin-1") + body
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(pieces) == read([whole])
