"""Telling the protocols of the port apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.wire.sniff import HEAD_BYTES, VERSION_MISMATCH, Kind, decide
from afanasy.wire.stream import GREETING

#: What is sent, what it is, and how many bytes it takes to know.
KNOWN = [
    (b"AFANASY 24 JSON{}", Kind.TEXT, 7),
    (b"afanasy 24 JSON{}", Kind.TEXT, 7),
    (b"aFaNaSy24JSON{}   ", Kind.TEXT, 7),
    (b"POST / HTTP/1.1\r\n", Kind.POST, 5),
    (b"GET / HTTP/1.1\r\n", Kind.HTTP, 4),
    (b"HEAD / HTTP/1.1\r\n", Kind.HTTP, 5),
    (b"OPTIONS / HTTP/1.1", Kind.HTTP, 8),
    (b"PUT / HTTP/1.1\r\n", Kind.HTTP, 4),
    (b"PATCH / HTTP/1.1\r\n", Kind.HTTP, 6),
    (b"ACL / HTTP/1.1\r\n", Kind.HTTP, 4),
    (b"VERSION-CONTROL / HTTP/1.1\r\n", Kind.HTTP, 16),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03", Kind.TLS, 1),
    (b"\x00\x00\x00Q\x00\x00\x00\x18\x00\x00\x00\x18", Kind.BINARY, 1),
    (GREETING, Kind.STREAM, 1),
    (b"hello world, this is no protocol\n", Kind.UNKNOWN, 1),
    (b"AFANASIA 24 JSON", Kind.HTTP, 9),
    (b"afanasia", Kind.UNKNOWN, 7),
    (b"GO \x00", Kind.UNKNOWN, 3),
    (b"get / HTTP/1.1\r\n", Kind.UNKNOWN, 1),
    (b"\xff\xfe\x00", Kind.UNKNOWN, 1),
    (b"ABCDEFGHIJKLMNOPQRST ", Kind.UNKNOWN, 16),
]


@pytest.mark.parametrize(("sent", "kind", "needed"), KNOWN)
def test_known_beginnings(sent: bytes, kind: Kind, needed: int) -> None:
    assert decide(sent[:HEAD_BYTES]) is kind
    assert decide(sent[:needed]) is kind
    assert [decide(sent[:n]) for n in range(needed)] == [None] * needed


@given(st.binary(min_size=HEAD_BYTES, max_size=HEAD_BYTES))
def test_sixteen_bytes_always_decide_and_a_decision_stays(head: bytes) -> None:
    final = decide(head)
    assert final is not None
    for n in range(HEAD_BYTES):
        assert decide(head[:n]) in {None, final}


def test_the_version_mismatch_is_the_recorded_one() -> None:
    assert bytes.fromhex("000000510000000100000001") == VERSION_MISMATCH
