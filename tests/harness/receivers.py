"""Receivers of mail and web hooks on loopback, which keep what they get and answer as told."""

from __future__ import annotations

import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class _Receiver:
    """A server in a thread; a context manager."""

    server: socketserver.BaseServer

    def __enter__(self) -> Any:
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class HookReceiver(_Receiver):
    """Answers POSTs with the first of ``answers``, the last one for ever."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers) or [200]
        #: (path, headers, body) of each.
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.got.append((self.path, dict(self.headers), body))
                first = owner.answers[0]
                if len(owner.answers) > 1:
                    del owner.answers[0]
                self.send_response(first)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?a=b"


class MailReceiver(_Receiver):
    """A mail server of a few words; ``refuse`` is its answer to a recipient, when it is one."""

    def __init__(self, refuse: str = "") -> None:
        self.refuse = refuse
        #: (sender, recipients, text) of each mail.
        self.got: list[tuple[str, list[str], str]] = []
        owner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 test")
                sender, to = "", list[str]()
                while line := self.rfile.readline().decode().strip():
                    word = line[:4].upper()
                    if word == "MAIL":
                        sender = line.partition("<")[2].partition(">")[0]
                    elif word == "RCPT" and owner.refuse:
                        self.say(owner.refuse)
                        continue
                    elif word == "RCPT":
                        to.append(line.partition("<")[2].partition(">")[0])
                    elif word == "DATA":
                        self.say("354 go on")
                        lines: list[str] = []
                        while (text := self.rfile.readline().decode()) != ".\r\n":
                            lines.append(text)
                        owner.got.append((sender, to, "".join(lines)))
                    elif word == "QUIT":
                        self.say("221 bye")
                        return
                    self.say("250 ok")

            def say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
