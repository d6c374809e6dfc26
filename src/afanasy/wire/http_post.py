"""HTTP as far as the classic protocol needs it: one POST, one answer, close (PROTOCOL 1.4, R52).

**Length of the body.** ``Content-Length`` when there is one, else CGRU's own header ``AFANASY``:
its browser page counts UTF-16 units there, which is too few for other letters. Chunked bodies are
not read.

**Who may send.** A page of a foreign site must not be able to make a visitor's browser submit jobs.
A request without the header AFANASY (which no form can send) needs Content-Type
``application/json``, and a request with an Origin needs one of our own: the same name as in Host,
which is an address, localhost or a name of this server. Foreign names that were made to point at
our address (DNS rebinding) fail at that.

**Other methods.** The port has no pages of its own here: :func:`answer_without_pages` is the only
place that says so.

Wrong requests get a 4xx with ``{"info":{"kind":"error",…}}`` as body. The original closes without
an answer when the header AFANASY is missing; programs that speak HTTP deserve a reason.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from afanasy import __version__
from afanasy.wire.errors import JsonError, RefusedRequest
from afanasy.wire.json_text import BODY_BYTES_MAX, check_body_length, encode_info

#: The longest request line and headers, in bytes.
HEADERS_BYTES_MAX: Final = 64 * 1024
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ORIGIN = re.compile(r"https?://([^/]+)")
#: Headers that decide something: two of them that differ are refused.
_SINGLE = frozenset(
    {"afanasy", "content-length", "content-type", "expect", "host", "origin", "transfer-encoding"}
)
_NO_PAGES = (
    b"This is the port of an Afanasy server. It has no page here.\n"
    b"Requests are JSON objects, sent by POST to / with Content-Type: application/json.\n"
)


def encode_http_answer(
    body: bytes,
    status: int = 200,
    *,
    content_type: str = "application/json",
    max_age_s: int = 0,
    also: str = "",
    with_body: bool = True,
) -> bytes:
    """One answer, header lines in the order of PROTOCOL 1.4; ``also`` is one more header line."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        f"Content-Type: {content_type}",
        f"Cache-Control: max-age={max_age_s}",
        f"Server: afanasy/{__version__}",
    ]
    if also:
        lines.append(also)
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head + body if with_body else head


def answer_without_pages(method: str) -> bytes:
    """What everything but POST is told."""
    status, also = (404, "") if method in {"GET", "HEAD"} else (405, "Allow: POST")
    return encode_http_answer(
        _NO_PAGES,
        status,
        content_type="text/plain; charset=UTF-8",
        also=also,
        with_body=method != "HEAD",
    )


class HttpPostReader:
    """Reads one POST from whatever pieces arrive. Sans I/O.

    ``own_hosts`` are the names of this server, in lower case, that may stand in an Origin.
    """

    #: Of the text framing only (R55).
    blanks_pending: Final = False

    def __init__(
        self,
        *,
        own_hosts: Collection[str] = (),
        body_bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        self._own_hosts = own_hosts
        self._body_bytes_max = body_bytes_max
        self._buffer = bytearray()
        self._start = 0
        self._size = 0
        self._continue_wanted = False

    def feed(self, data: bytes | bytearray | memoryview) -> bytes | None:
        """The body once it is complete, else None. Raises RefusedRequest, the sender's fault."""
        searched = max(0, len(self._buffer) - 3)
        self._buffer += data
        if not self._start:
            self._read_head(searched)
        if not self._start or len(self._buffer) < self._start + self._size:
            return None
        with memoryview(self._buffer) as view:
            body = bytes(view[self._start : self._start + self._size])
        self._buffer.clear()
        return body

    def finish(self) -> None:
        """No more bytes come: what is here is no request."""

    def interim(self) -> bytes:
        """What is to be sent before the body comes: the 100 that was expected, once."""
        wanted, self._continue_wanted = self._continue_wanted, False
        return CONTINUE if wanted else b""

    def _read_head(self, searched: int) -> None:
        found = _BLANK_LINE.search(self._buffer, searched)
        if found is None or found.start() > HEADERS_BYTES_MAX:
            if found or len(self._buffer) > HEADERS_BYTES_MAX + 3:  # a blank line but its last byte
                raise _refused(431, f"headers of over {HEADERS_BYTES_MAX} bytes")
            return
        request_line, *lines = bytes(self._buffer[: found.start()]).split(b"\n")
        method = request_line.rstrip(b"\r").partition(b" ")[0].decode("latin-1")
        if method != "POST":
            raise RefusedRequest(f"the method {method[:20]}", answer=answer_without_pages(method))
        headers = _read_headers(lines)
        self._check_sender(headers)
        self._size = self._body_length(headers)
        self._start = found.end()
        self._continue_wanted = (
            headers.get("expect", "").lower() == "100-continue"
            and len(self._buffer) < self._start + self._size
        )

    def _check_sender(self, headers: dict[str, str]) -> None:
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin, headers.get("host", "")):
            raise _refused(403, f"header Origin: {origin[:200]} is not this server")
        if "afanasy" not in headers and "content-length" in headers:
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise _refused(
                    415,
                    "header Content-Type: must be application/json",
                    "or send the header AFANASY with the length of the body",
                )

    def _is_own(self, origin: str, host: str) -> bool:
        match = _ORIGIN.fullmatch(origin.lower())
        if not match or match[1] != host.lower():
            return False
        name = re.sub(r":\d+$", "", match[1]).strip("[]")
        if name == "localhost" or name in self._own_hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _body_length(self, headers: dict[str, str]) -> int:
        if "transfer-encoding" in headers:
            raise _refused(
                411, "header Transfer-Encoding: such bodies are not read", "send Content-Length"
            )
        lengths = [
            _read_length(name, headers[name.lower()])
            for name in ("Content-Length", "AFANASY")
            if name.lower() in headers
        ]
        if not lengths:
            raise _refused(411, "no length of the body", "send Content-Length or AFANASY")
        try:
            check_body_length(lengths[0], self._body_bytes_max)
        except JsonError as error:
            raise _refused(413, error.message, error.hint) from None
        return lengths[0]


def _read_headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for n, line in enumerate(lines, 2):
        raw_name, colon, raw_value = line.partition(b":")
        if not colon or not _NAME.fullmatch(raw_name):
            raise _refused(400, f"line {n} of the headers: must be name: value")
        name = raw_name.decode("latin-1").lower()
        value = raw_value.strip().decode("latin-1")
        if name in _SINGLE and headers.get(name, value) != value:
            raise _refused(400, f"header {name}: given twice")
        headers[name] = value
    return headers


def _read_length(name: str, value: str) -> int:
    # isdigit alone also accepts digits of other scripts
    if not (value.isascii() and value.isdigit()) or not value.strip("0"):
        raise _refused(400, f"header {name}: must be the number of bytes of the body")
    return int(value) if len(value) <= 20 else 10**20


def _refused(status: int, message: str, hint: str = "") -> RefusedRequest:
    error = RefusedRequest(message, answer=b"", hint=hint)
    error.answer = encode_http_answer(encode_info("error", error.sentence()), status)
    return error
