"""One request to the server and its answer: the AFANASY text frame over TCP (PROTOCOL 1.3).

The client never hangs: looking up and connecting take at most :data:`CONNECT_S` for each server of
the list, sending and the whole answer together at most :data:`ANSWER_S`. Only a server that cannot
be reached is passed over for the next one; once a request is on its way a failure is final, because
a second server could carry it out a second time.
"""

from __future__ import annotations

import json
import re
import socket
import time
import warnings
from typing import Any

from af import config
from af.rules import AfWarning

CONNECT_S = 5.0
ANSWER_S = 30.0
#: More than any answer of a farm; a peer that announces more is no Afanasy server.
ANSWER_BYTES_MAX = 1 << 30

_HEADER = re.compile(rb"\s*AFANASY\s+(\d{1,12})\s+JSON", re.IGNORECASE)
_HEADER_BYTES_MAX = 64


class ServerError(Exception):
    """No usable answer came. ``kind`` is unreachable, timeout, lost or garbage."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


def request(
    message: dict[str, Any],
    servers: list[tuple[str, int]] | None = None,
    connect_s: float = CONNECT_S,
    answer_s: float = ANSWER_S,
) -> Any:
    """Send a request, return the parsed answer.

    The request asks to be refused rather than half understood (``"strict": true``, R49).
    Raises ServerError when no server answers; TypeError when ``message`` is no JSON.
    """
    body = json.dumps(dict(message, strict=True), allow_nan=False)
    raw = exchange(body, servers, connect_s, answer_s)
    if not raw:
        raise ServerError("lost", "the server closed the connection without an answer")
    try:
        return json.loads(raw.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError) as error:
        raise ServerError("garbage", "the server's answer is no JSON: %s" % error) from None


def sendServer(text: str, verbose: bool = False, without_answer: bool = False) -> tuple[bool, Any]:
    """The classic call: ``(True, answer)``; ``(True, None)`` when the answer is no JSON.

    ``(False, None)`` with a warning when no server answers.
    """
    if verbose:
        print(text)
    try:
        raw = exchange(text)
    except ServerError as error:
        warnings.warn(str(error), AfWarning, stacklevel=2)
        return False, None
    if without_answer:
        return True, None
    answer = raw.decode("utf-8", "replace")
    if verbose:
        print(answer)
    try:
        return True, json.loads(answer, strict=False)
    except (ValueError, RecursionError):
        return True, None


def exchange(
    text: str,
    servers: list[tuple[str, int]] | None = None,
    connect_s: float = CONNECT_S,
    answer_s: float = ANSWER_S,
) -> bytes:
    """Send one framed text, return the body of the answer (empty when the server just closed)."""
    body = text.encode("utf-8", "surrogatepass")
    link = _connect(servers, connect_s)
    deadline = time.monotonic() + answer_s
    try:
        _send(link, b"AFANASY %d JSON" % len(body) + body, deadline, answer_s)
        return _receive(link, deadline, answer_s)
    finally:
        link.close()


# ------------------------------------------------------------------------------------ connecting


def _connect(servers: list[tuple[str, int]] | None, connect_s: float) -> socket.socket:
    if servers is None:
        try:
            servers = config.servers()
        except ValueError as error:
            raise ServerError("unreachable", str(error)) from None
    reasons: list[str] = []
    for host, port in servers:
        deadline = time.monotonic() + connect_s
        reason = ""
        try:
            for family, kind, protocol, _, address in _look_up(host, port, connect_s):
                link = socket.socket(family, kind, protocol)
                try:
                    link.settimeout(max(0.001, deadline - time.monotonic()))
                    link.connect(address)
                    return link
                except OSError as error:
                    link.close()
                    reason = _reason(error, connect_s)
        except (OSError, UnicodeError) as error:
            reason = _reason(error, connect_s)
        reasons.append("%s (%s)" % (address_text(host, port), reason))
    raise ServerError("unreachable", "no server answers at " + ", ".join(reasons))


def _look_up(host: str, port: int, limit_s: float) -> list[Any]:
    """Addresses of a host. A name server that is silent would hang us: it is asked in a thread."""
    # A text would be encoded by idna first, whose import takes as long as a whole request.
    name = host.encode("ascii") if re.match("[!-~]*$", host) else host
    try:
        return socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass
    import threading  # only names need it; addresses start faster

    found: list[Any] = []

    def ask() -> None:
        try:
            found.append(socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(limit_s)
    if not found:
        raise socket.timeout()
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def address_text(host: str, port: int) -> str:
    """``HOST:PORT`` for people."""
    return "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)


def _reason(error: Exception, limit_s: float) -> str:
    if isinstance(error, socket.timeout):
        return "no answer in %g s" % limit_s
    if isinstance(error, socket.gaierror):
        return "unknown host name"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error) or type(error).__name__


# -------------------------------------------------------------------------------------- the frame


def _send(link: socket.socket, frame: bytes, deadline: float, answer_s: float) -> None:
    try:
        link.settimeout(max(0.001, deadline - time.monotonic()))
        link.sendall(frame)
    except socket.timeout:
        raise ServerError(
            "timeout", "the server did not take the request in %g s" % answer_s
        ) from None
    except OSError:
        # A server may refuse a request before all of it arrived; its answer is still to be read.
        return


def _receive(link: socket.socket, deadline: float, answer_s: float) -> bytes:
    """The body of the framed answer; everything until the end when there is no frame."""
    buffer = bytearray()
    start, end = 0, -1  # of the body, when the header was seen
    while end < 0 or len(buffer) < end:
        left_s = deadline - time.monotonic()
        try:
            if left_s <= 0:
                raise socket.timeout()
            link.settimeout(left_s)
            piece = link.recv(1 << 18)
        except socket.timeout:
            raise ServerError(
                "timeout",
                "the server did not answer in %g s; it may still carry the request out" % answer_s,
            ) from None
        except OSError as error:
            raise ServerError(
                "lost", "the connection broke while the server answered: %s" % _reason(error, 0)
            ) from None
        if not piece:
            break
        buffer += piece
        if end < 0 and start == 0 and len(buffer) - len(piece) < _HEADER_BYTES_MAX:
            header = _HEADER.match(buffer)
            if header:
                start, end = header.end(), header.end() + int(header.group(1))
        if max(end, len(buffer)) > ANSWER_BYTES_MAX:
            raise ServerError("garbage", "the answer is longer than %d bytes" % ANSWER_BYTES_MAX)
    if end >= 0 and len(buffer) < end:
        raise ServerError(
            "lost",
            "the server closed the connection after %d of %d bytes of its answer"
            % (len(buffer) - start, end - start),
        )
    return bytes(buffer[start:end]) if end >= 0 else bytes(buffer)
