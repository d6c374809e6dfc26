"""Text framing: its leniencies, its refusals, and that pieces do not matter."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from afanasy.wire.errors import JsonError, RefusedRequest
from afanasy.wire.json_text import decode_json
from afanasy.wire.sniff import VERSION_MISMATCH
from afanasy.wire.text_frame import SKIPPED_BYTES_MAX, TextFrameReader, encode_text_frame

GOLDEN = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data/golden/text_framing.jsonl")
    .read_text()
    .splitlines()
]
BODY = b'{"get":{"type":"users"}}'

Outcome = tuple[str, bytes | None]


def read(pieces: list[bytes]) -> Outcome:
    """What becomes of a request: ("body" | "refused" | "nothing", bytes)."""
    reader = TextFrameReader()
    try:
        for piece in pieces:
            body = reader.feed(piece)
            if body is not None:
                return "body", body
        body = reader.finish()
    except RefusedRequest as error:
        return "refused", error.answer
    return ("nothing" if body is None else "body"), body


def answer(text: str) -> bytes:
    return encode_text_frame(json.dumps({"info": {"kind": "error", "text": text}},
                                        separators=(",", ":")).encode())  # fmt: skip


def test_an_answer_has_the_length_of_its_bytes() -> None:
    assert encode_text_frame('{"a":"é"}'.encode()) == 'AFANASY 10 JSON{"a":"é"}'.encode()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"AFANASY 24 JSON" + BODY,
        b"afanasy 24 json" + BODY,
        b"AfAnAsY\t  24 \r\n JSON" + BODY,
        b"AFANASY24JSON" + BODY,
        b"AFANASY +24 JSON" + BODY,
        b"AFANASY 0024 JSON" + BODY,
        b"AFANASY 24 JSON\n" + BODY,  # a newline that was not counted
        b"AFANASY 24 JSON: " + BODY,  # nor was anything else
        b"AFANASY 24 JSON\xef\xbb\xbf" + BODY,
        b"AFANASY 24 JSON" + BODY + b"AFANASY 5 JSON{}   ",  # what follows is not looked at
    ],
)
def test_ways_to_send_the_same(request_bytes: bytes) -> None:
    assert read([request_bytes]) == ("body", BODY)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"AFANASY 25 JSON\n" + BODY,
        b"AFANASY 27 JSON\xef\xbb\xbf" + BODY,
        b"AFANASY 26 JSON " + BODY + b" ",
    ],
)
def test_counted_blanks_need_no_patience(request_bytes: bytes) -> None:
    reader = TextFrameReader()
    body = reader.feed(request_bytes)
    assert body is not None
    assert decode_json(body) == decode_json(BODY)
    assert not reader.blanks_pending


def test_blanks_that_were_not_counted_are_waited_for() -> None:
    reader = TextFrameReader()
    assert reader.feed(b"AFANASY 24 JSON \n" + BODY[:-2]) is None
    assert reader.blanks_pending
    assert reader.feed(b"}") is None
    assert reader.feed(b"}") == BODY


def test_who_sends_no_more_gets_the_error_of_what_came() -> None:
    reader = TextFrameReader()
    assert reader.feed(b"AFANASY 24 JSON \n" + BODY[:-2]) is None
    assert reader.finish() == b" \n" + BODY[:-2]


def test_much_before_the_body_is_not_skipped() -> None:
    blanks = b" " * (SKIPPED_BYTES_MAX + 1)
    counted = read([b"AFANASY 2000 JSON" + blanks + BODY + b" " * 2000])
    assert counted == ("body", blanks + BODY + b" " * (2000 - len(blanks) - len(BODY)))


@pytest.mark.parametrize(
    ("request_bytes", "told"),
    [
        (b"AFANASY 0 JSON{}", answer("TInvalid message received.")),
        (b"AFANASY -5 JSON{}", answer("Invalid buffer size")),
        (b"AFANASY JSON{}", VERSION_MISMATCH),
        (b"AFANASY many JSON{}", VERSION_MISMATCH),
        (b"AFANASY - 5 JSON{}", VERSION_MISMATCH),
        (b"AFANASIA 5 JSON{}", VERSION_MISMATCH),
        (b"AFANASY 24 XML{}", b""),
        (b"AFANASY 24.5 JSON{}", b""),
        (b"AFANASY 24{}", b""),
        (b"AFANASY 2" + b" " * 300 + b"JSON{}", b""),
        (b"AFANASY " + b"9" * 300 + b" JSON{}", b""),
        (
            b"AFANASY 67108865 JSON{}",
            answer(
                "a request of 67108865 bytes; the most is 67108864"
                " (send a big job in pieces: append_blocks, append_tasks)"
            ),
        ),
        (
            b"AFANASY 99999999999999999999999999 JSON",
            answer(
                "a request of 99999999999999999999999999 bytes; the most is 67108864"
                " (send a big job in pieces: append_blocks, append_tasks)"
            ),
        ),
    ],
)
def test_wrong_headers(request_bytes: bytes, told: bytes) -> None:
    assert read([request_bytes]) == ("refused", told)


@pytest.mark.parametrize(
    "begun", [b"", b"A", b"afan", b"AFANASY", b"AFANASY -", b"AFANASY 2", b"AFANASY 24 JS",
              b"AFANASY 24 JSON", b"AFANASY 24 JSON{"]
)  # fmt: skip
def test_what_is_only_begun_is_nothing(begun: bytes) -> None:
    assert read([begun]) == ("nothing", None)


headers = st.builds(
    lambda *parts: b"".join(parts),
    st.sampled_from([b"AFANASY", b"afanasy", b"AFA", b"AFANASIA"]),
    st.sampled_from([b" ", b"", b"\t\n", b" " * 300]),
    st.sampled_from([b"24", b"5", b"25", b"27", b"0", b"-3", b"", b"x", b"70000000", b"2" * 300]),
    st.sampled_from([b" ", b"", b"\r\n", b" " * 250]),
    st.sampled_from([b"JSON", b"json", b"JSO", b"XML", b""]),
    st.sampled_from([b"", b" ", b"\n\n", b"\xef\xbb\xbf", b"[", b"xx"]),
)
bodies = st.sampled_from([BODY, BODY[:5], b"5", b"", BODY + BODY]) | st.binary(max_size=40)


@given(headers, bodies, st.data())
@example(b"AFANASY X" + b" " * 300, b"", None)
def test_pieces_mean_the_same_as_the_whole(header: bytes, body: bytes, data: Any) -> None:
    whole = header + body
    if data is None:
        pieces = [bytes([byte]) for byte in whole]
    else:
        cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)))
        pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(pieces) == read([whole])


@given(st.binary(max_size=200))
def test_any_bytes_are_harmless(data: bytes) -> None:
    read([b"AFANASY " + data])
    read([data])


@pytest.mark.parametrize("line", GOLDEN, ids=lambda line: line["name"])
def test_recorded_requests(line: dict[str, Any]) -> None:
    """As the original answered, but where it waits in vain we answer (R55)."""
    outcome, found = read([base64.b64decode(line["request_bytes_b64"])])
    expected = line.get("info_text", "")
    if line["name"] in {"json_array", "json_scalar"}:
        assert outcome == "body"
        assert not isinstance(decode_json(found or b""), dict)
    elif line["end"] == "timeout" or line.get("answer_members") == ["users"]:
        request = decode_json(found or b"")
        assert isinstance(request, dict)
        if line["name"] != "duplicate_keys":  # the last one wins here (R51)
            assert request == {"get": {"type": "users"}}
    elif line["end"] == "eof":
        assert (outcome, found) in {("refused", b""), ("nothing", None)}
    elif line["framing"] == "bin":
        assert (outcome, found) == ("refused", base64.b64decode(line["response_bytes_b64"]))
    elif outcome == "refused":
        assert found == answer(expected)
    else:
        with pytest.raises(JsonError) as caught:
            decode_json(found or b"")
        assert "(at " in caught.value.message
        assert line["info_kind"] == "error"
