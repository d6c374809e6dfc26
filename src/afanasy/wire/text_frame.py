"""Text framing: ``AFANASY 24 JSON{"get":{"type":"users"}}`` (PROTOCOL 1.3).

The header is the word AFANASY in any case, the length of the body in bytes, and the word JSON, with
blanks between them as the sender likes. The answer has the same form. One connection carries one
request: bytes behind it are not looked at.

**Blanks before the body.** Scripts put a newline or a BOM between ``JSON`` and ``{``; some count it
in the length, some do not. So the counted bytes are tried first. When they are no JSON, the first
``{`` is taken as the beginning and as many more bytes are awaited as were skipped; meanwhile
:attr:`TextFrameReader.blanks_pending` is true, and the shell calls :meth:`~TextFrameReader.finish`
when nothing came for a second (R55). Then the counted bytes are the body, whatever they are.

**Wrong headers** are answered as the original does: no number gets the binary version mismatch, no
``JSON`` behind the number gets nothing, a length of zero, a negative one and one beyond 64 MiB get
an error in this framing.
"""

from __future__ import annotations

import re
from typing import Final

from afanasy.wire.errors import JsonError, RefusedRequest
from afanasy.wire.json_text import BODY_BYTES_MAX, check_body_length, decode_json, encode_info
from afanasy.wire.sniff import VERSION_MISMATCH

#: The longest header, in bytes: two words, a number and generous blanks.
HEADER_BYTES_MAX: Final = 256
#: So many bytes between ``JSON`` and ``{`` are skipped at most.
SKIPPED_BYTES_MAX: Final = 1024

# The whole header, each part optional: what matched tells how far the sender has come.
_HEADER = re.compile(rb"(AFANASY[ \t\r\n]*)(?:([+-]?)([0-9]+)([ \t\r\n]*)(JSON)?)?", re.IGNORECASE)
_BEGUN_WORD = re.compile(rb"J?|JS|JSO", re.IGNORECASE)


def encode_text_frame(body: bytes) -> bytes:
    """``body``, which is JSON, with its header."""
    return b"AFANASY %d JSON%b" % (len(body), body)


class TextFrameReader:
    """Reads one request from whatever pieces arrive. Sans I/O."""

    def __init__(self, *, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        self._body_bytes_max = body_bytes_max
        self._buffer = bytearray()
        self._start = 0
        self._size = 0
        self._skipped = 0
        #: The counted bytes are here and are no JSON; perhaps some more follow.
        self.blanks_pending = False

    def feed(self, data: bytes | bytearray | memoryview) -> bytes | None:
        """The body once it is complete, else None. Raises RefusedRequest, the sender's fault."""
        self._buffer += data
        if not self._start:
            self._read_header()
        end = self._start + self._size
        if not self._start or len(self._buffer) < end:
            return None
        if not self.blanks_pending and self._counted_bytes_are_it():
            return self._take(self._start)
        if len(self._buffer) < end + self._skipped:
            self.blanks_pending = True
            return None
        return self._take(self._start + self._skipped)

    def finish(self) -> bytes | None:
        """No more bytes come: the body as far as it may count as complete, else None."""
        return self._take(self._start) if self.blanks_pending else None

    def _take(self, start: int) -> bytes:
        with memoryview(self._buffer) as view:
            body = bytes(view[start : start + self._size])
        self._buffer.clear()
        self.blanks_pending = False
        return body

    def _counted_bytes_are_it(self) -> bool:
        """Whether the body is what was counted, from ``JSON`` on; else says what was skipped."""
        start, end = self._start, self._start + self._size
        self._skipped = self._buffer.find(b"{", start, end) - start
        if not 0 < self._skipped <= SKIPPED_BYTES_MAX:
            return True
        try:
            decode_json(self._buffer[start:end])
        except JsonError:
            return False
        return True

    def _read_header(self) -> None:
        head = bytes(self._buffer[: HEADER_BYTES_MAX + 1])
        match = _HEADER.match(head)
        if not match:
            if b"AFANASY".startswith(head.upper()):
                return
            raise RefusedRequest("no AFANASY header", answer=VERSION_MISMATCH)
        if match[5]:
            self._read_size(-int(match[3]) if match[2] == b"-" else int(match[3]))
            self._start = match.end()
            return
        rest = head[match.end() :]
        if match[3] is None:
            if rest not in {b"", b"+", b"-"}:
                raise RefusedRequest("AFANASY without a number", answer=VERSION_MISMATCH)
        elif not _BEGUN_WORD.fullmatch(rest):
            raise RefusedRequest("no JSON word behind the length", answer=b"")
        if len(head) > HEADER_BYTES_MAX:
            raise RefusedRequest(f"a header of over {HEADER_BYTES_MAX} bytes", answer=b"")

    def _read_size(self, size: int) -> None:
        if size < 0:
            raise _refused("Invalid buffer size")
        if size == 0:
            raise _refused("TInvalid message received.")
        try:
            check_body_length(size, self._body_bytes_max)
        except JsonError as error:
            raise _refused(error.sentence()) from None
        self._size = size


def _refused(text: str) -> RefusedRequest:
    return RefusedRequest(text, answer=encode_text_frame(encode_info("error", text)))
