"""The render stream: pieces do not matter, and wrong bytes are the peer's fault."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.wire import stream
from afanasy.wire.errors import PeerError
from afanasy.wire.stream import GREETING, FrameReader, encode_frame

HELLO = stream.Hello(
    stream.PROTOCOL_VERSION, "r1", "i1", "boot", "tester", "0.1", "linux", 1_800_000_000,
    "farm", 7, -1, 4, [stream.HeldRun(7 * 2**32 + 1, 1.5, output_size=9)], {"cpu_num": 2},
)  # fmt: skip
SAID: list[stream.ToServer] = [
    HELLO,
    stream.Progress([stream.RunProgress(7 * 2**32 + 1, 50, 3, 10, 2.5, 0.1)]),
    stream.Output(7 * 2**32 + 1, 0, b"\x00\xff raw bytes"),
    stream.Finished(7 * 2**32 + 1, 1, 0, 0, 3.0, files=["a.exr"], output=b"end"),
    stream.Ping(),
    stream.Bye("exit"),
]


@given(st.lists(st.sampled_from(SAID), max_size=8), st.data())
def test_pieces_and_grouping_mean_the_same(
    said: list[stream.ToServer], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(said)))
    whole = GREETING + encode_frame(said[:cut]) + encode_frame(said[cut:])
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)))
    reader = FrameReader(at_server=True)
    heard: list[object] = []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        heard += reader.feed(whole[start:end])
    assert heard == said


def test_the_other_direction_has_no_greeting() -> None:
    start = stream.Start(2**60, 7, 1, 0, 1, "frame 1", 1, 1, 1)
    said: list[stream.ToRender] = [
        start, stream.Stop(2**60, 7, "skip"), stream.Ack([2**60]), stream.Pace(12.0, 3.0),
        stream.Welcome(1, "farm", 7, "0.1", [(2**60, 5)], 12.0, 3.0),
    ]  # fmt: skip
    assert FrameReader(at_server=False).feed(encode_frame(said)) == said


def test_an_older_peer_lacks_the_last_fields() -> None:
    block = stream.Block(
        1, 5, 7, "job", "ann", 0, "b", "generic", "", 1, "true", "", {}, [], 1, 1, 1000,
        job_folders=["/p"],
    )  # fmt: skip
    (array,) = msgspec.json.decode(encode_frame([block])[4:])
    body = msgspec.json.encode([array[:-1]])
    (heard,) = FrameReader(at_server=False).feed(len(body).to_bytes(4, "big") + body)
    block.job_folders = []
    assert heard == block


def test_an_older_agent_and_an_older_server() -> None:
    """Their hello names no later messages and no drain; their welcome nothing of progress."""
    (array,) = msgspec.json.decode(encode_frame([HELLO])[4:])
    assert array[-2:] == [HELLO.takes, HELLO.draining] == [[], False]
    for lacks in (1, 2):
        body = msgspec.json.encode([array[:-lacks]])
        frame = GREETING + len(body).to_bytes(4, "big") + body
        assert FrameReader(at_server=True).feed(frame) == [HELLO]
    body = b'[["welcome",1,"farm",7,"0.1",[],5]]'
    heard = FrameReader(at_server=False).feed(len(body).to_bytes(4, "big") + body)
    assert heard == [stream.Welcome(1, "farm", 7, "0.1", [], 5.0, 1.0)]


def test_later_messages_are_messages() -> None:
    """What an agent's hello may name."""
    tags = {kind.__struct_config__.tag for kind in stream.ToRender.__args__}
    assert set(stream.LATER) <= tags


def test_a_newer_peers_fields_are_passed_over() -> None:
    body = b'[["bye","exit","a field of tomorrow",5]]'
    frame = len(body).to_bytes(4, "big") + body
    assert FrameReader(at_server=True).feed(GREETING + frame) == [stream.Bye("exit")]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'[["dance",1]]', "a frame that is not a list of messages: Invalid value 'dance'"),
        (b'{"bye":1}', "a frame that is not a list of messages: Expected `array`"),
        (b'[["bye"]]', "a frame that is not a list of messages: Expected `array` of at least"),
        (b'[["bye","\xff"]]', "a frame that is not a list of messages: "),
        (b'[["resources",{"a":' + b"[" * 5000, "a frame that is not a list of messages: maximum"),
        (b"", "a frame that is not a list of messages: Input data was truncated"),
    ],
)
def test_frames_that_are_no_messages(body: bytes, words: str) -> None:
    with pytest.raises(PeerError) as caught:
        FrameReader(at_server=True).feed(GREETING + len(body).to_bytes(4, "big") + body)
    assert caught.value.message.startswith(words)


def test_a_frame_that_is_too_long_is_refused_by_its_length_alone() -> None:
    with pytest.raises(PeerError, match="a frame of 67108865 bytes; the most is 67108864"):
        FrameReader(at_server=True).feed(GREETING + (64 * 1024 * 1024 + 1).to_bytes(4, "big"))
    reader = FrameReader(at_server=True, frame_bytes_max=8)
    with pytest.raises(PeerError, match="the most is 8"):
        reader.feed(GREETING + encode_frame([stream.Ping(), stream.Ping()]))


def test_another_greeting_is_refused_at_its_first_wrong_byte() -> None:
    reader = FrameReader(at_server=True)
    assert reader.feed(GREETING[:4]) == []
    with pytest.raises(PeerError, match="the greeting of the render stream is wrong"):
        reader.feed(b"X")


@given(st.binary(max_size=80))
def test_any_bytes_give_messages_or_a_peer_error(data: bytes) -> None:
    for at_server, head in ((True, GREETING), (False, b"")):
        framed = head + len(data).to_bytes(4, "big") + data
        for sent in (head + data, framed, data):
            try:
                messages = FrameReader(at_server=at_server).feed(sent)
            except PeerError:
                continue
            assert all(isinstance(message, msgspec.Struct) for message in messages)


def test_names_that_are_not_utf8_do_not_break_the_link() -> None:
    finished = stream.Finished(
        2**60, 1, 0, 0, 1.0, files=["a\udcff.exr"], log=["fine"], output=b"\xff"
    )
    resources = stream.Resources({"\udcff": ["\ud800"]})
    heard = FrameReader(at_server=True).feed(GREETING + encode_frame([finished, resources]))
    assert heard == [
        stream.Finished(2**60, 1, 0, 0, 1.0, files=["a\ufffd.exr"], log=["fine"], output=b"\xff"),
        stream.Resources({"\ufffd": ["\ufffd"]}),
    ]


@pytest.mark.parametrize(
    "message",
    [
        b'["finished",5,5,%d,0,1.0]' % 2**63,
        b'["finished",5,%d,1,0,1.0]' % 10**30,
        b'["finished",5,5,1,0,1e308]',
        b'["finished",5,5,1,0,1.0,1,1,1,false,"",-1.0,-1,[],"","",-1]',
        b'["finished",5,5,1,0,1.0,1,1,1,false,"",-1.0,-1,[],"","",0,%d]' % 2**64,
        b'["output",5,-1,"aGVsbG8="]',
        b'["output",5,%d,"aGVsbG8="]' % 2**60,
        b'["progress",[[5,1,1,%d,1.0,1.0]]]' % 2**70,
        b'["progress",[[5,1,1,1,1e300,1.0]]]',
    ],
)
def test_numbers_that_no_column_takes_are_the_peers_fault(message: bytes) -> None:
    """Stored, they would stop the writer, and with it the server."""
    body = b"[" + message + b"]"
    with pytest.raises(PeerError, match="not a list of messages: Expected"):
        FrameReader(at_server=True).feed(GREETING + len(body).to_bytes(4, "big") + body)
