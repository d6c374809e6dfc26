"""A small server in a thread that speaks the text frame, or badly, as a test wants.

``with TextServer(answer) as server:``: ``answer`` gets each parsed request and returns the answer;
``server.requests`` keeps them. ``TextServer(raw=talk)`` gives the socket to ``talk`` instead, which
may keep silent, stop in the middle or send what it likes.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Answer = Callable[[dict[str, Any]], Any]
Talk = Callable[[socket.socket], None]


class TextServer:
    """Serves until the ``with`` ends; ``address`` is ``(host, port)``."""

    def __init__(self, answer: Answer | None = None, *, raw: Talk | None = None) -> None:
        self.answer = answer or (lambda _request: {})
        self.requests: list[dict[str, Any]] = []
        self._raw = raw
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._ended = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self.text = f"127.0.0.1:{self.address[1]}"

    def __enter__(self) -> TextServer:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        with socket.create_connection(self.address):  # wakes accept()
            self._threads[0].join(10)
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "the talk of a test does not end"

    @property
    def request(self) -> dict[str, Any]:
        """The only request since the last look."""
        (request,) = self.requests
        self.requests.clear()
        return request

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._ended:
                sock.close()
                return
            self._open.append(sock)
            self._start(lambda sock=sock: self._serve(sock))

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._raw is not None:
                self._raw(sock)
            else:
                request = read_request(sock)
                self.requests.append(request)
                sock.sendall(framed(self.answer(request)))
        except OSError:
            pass
        finally:
            sock.close()


def read_request(sock: socket.socket) -> dict[str, Any]:
    """One framed request, whose length must be right to the byte."""
    data = b""
    while True:
        head, found, body = data.partition(b"JSON")
        if found and len(body) >= int(head.split()[1]):
            assert head.split()[0] == b"AFANASY"
            assert len(body) == int(head.split()[1])
            return json.loads(body)
        piece = sock.recv(65536)
        if not piece:
            raise OSError(f"only {data!r} came")
        data += piece


def framed(answer: Any) -> bytes:
    """An answer as the server sends it, with raw UTF-8."""
    if isinstance(answer, bytes):
        body = answer
    else:
        try:
            body = json.dumps(answer, ensure_ascii=False).encode()
        except UnicodeEncodeError:  # a lone surrogate can only be sent escaped
            body = json.dumps(answer).encode()
    return b"AFANASY %d JSON" % len(body) + body


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]
