"""Which protocol a new connection speaks, told by its first bytes (PROTOCOL 1.2, R52).

The port serves everybody, so the listener peeks and asks here. Some protocols are known by their
first byte: a TLS hello, CGRU's binary header (a big-endian number below 2**24), our render stream.
The others are words: ``AFANASY`` in any case, or an HTTP method in capitals and a space.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from afanasy.wire.stream import GREETING

#: So many bytes are always enough for :func:`decide`.
HEAD_BYTES: Final = 16
#: CGRU's binary answer to a header that it cannot read: version 81, type 1, value 1 (PROTOCOL 1.5).
#: Whatever is none of the other framings counts as such a header.
VERSION_MISMATCH: Final = b"".join(number.to_bytes(4, "big") for number in (81, 1, 1))

_TEXT_WORD = b"AFANASY"
_METHOD = re.compile(rb"([A-Z][A-Z_-]{2,14}) ")
_METHOD_BEGUN = re.compile(rb"[A-Z][A-Z_-]{0,14}")


class Kind(Enum):
    """What a connection speaks."""

    TEXT = "text"
    POST = "post"
    #: Every HTTP method but POST.
    HTTP = "http"
    TLS = "tls"
    #: CGRU's 12-byte header.
    BINARY = "binary"
    #: A render of ours.
    STREAM = "stream"
    UNKNOWN = "unknown"


_FIRST_BYTES = {0x16: Kind.TLS, 0x00: Kind.BINARY, GREETING[0]: Kind.STREAM}


def decide(head: bytes) -> Kind | None:
    """What the peer speaks; None while ``head`` is too short to tell. Never None at 16 bytes."""
    if not head:
        return None
    kind = _FIRST_BYTES.get(head[0])
    if kind is not None:
        return kind
    if _TEXT_WORD.startswith(head[:7].upper()):
        return Kind.TEXT if len(head) >= len(_TEXT_WORD) else None
    method = _METHOD.match(head)
    if method:
        return Kind.POST if method[1] == b"POST" else Kind.HTTP
    return None if _METHOD_BEGUN.fullmatch(head) else Kind.UNKNOWN
