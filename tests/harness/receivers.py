"""Receivers of mail and web hooks on loopback, which keep what they get and answer as told."""

from __future__ import annotations

import base64
import contextlib
import socketserver
import ssl
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
    """A mail server of a few words.

    ``refuse`` is its answer to a recipient, when it is one; or the answers by address. With a
    ``context`` it speaks TLS: from the first byte, or after STARTTLS. With a ``login``, a user and
    his password, it takes mails of nobody else.
    """

    def __init__(
        self,
        refuse: str | dict[str, str] = "",
        *,
        context: ssl.SSLContext | None = None,
        at_once: bool = False,
        login: tuple[str, str] | None = None,
        ways: str = "PLAIN LOGIN",
        to_starttls: str = "220 go on",
    ) -> None:
        self.refuse = refuse
        self.login = login
        #: Answers to logins before the true one.
        self.busy: list[str] = []
        #: (sender, recipients, text) of each mail.
        self.got: list[tuple[str, list[str], str]] = []
        #: (user, password, whether they came encrypted) of each login.
        self.logins: list[tuple[str, str, bool]] = []
        #: Whether each mail came encrypted.
        self.safe: list[bool] = []
        owner = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):  # also a TLS that the client does not want
                    if context is not None and at_once:
                        self.wrap(context)
                    self.file = self.request.makefile("rb")
                    self.say("220 test")
                    self.talk()
                self.request.close()

            def wrap(self, context: ssl.SSLContext) -> None:
                self.request = context.wrap_socket(self.request, server_side=True)

            @property
            def safe(self) -> bool:
                return isinstance(self.request, ssl.SSLSocket)

            def talk(self) -> None:
                sender, to, known = "", list[str](), owner.login is None
                while line := self.line():
                    word, _, rest = line.partition(" ")
                    answer = "250 ok"
                    match word.upper():
                        case "EHLO":
                            answer = self.extensions()
                        case "STARTTLS" if context is not None:
                            self.say(to_starttls)
                            if to_starttls.startswith("220"):
                                self.wrap(context)
                                self.file = self.request.makefile("rb")
                            continue
                        case "AUTH":
                            answer = self.check(*rest.split())
                            known = known or answer.startswith("235")
                        case "MAIL" if not known:
                            answer = "530 log in first"
                        case "MAIL":
                            sender = line.partition("<")[2].partition(">")[0]
                        case "RCPT":
                            name = line.partition("<")[2].partition(">")[0]
                            refuse = owner.refuse
                            said = refuse.get(name) if isinstance(refuse, dict) else refuse
                            answer = said or answer
                            to += [] if said else [name]
                        case "DATA":
                            self.say("354 go on")
                            lines: list[str] = []
                            while (text := self.file.readline().decode()) != ".\r\n":
                                lines.append(text)
                            owner.safe.append(self.safe)
                            owner.got.append((sender, to, "".join(lines)))
                            to = []
                        case "RSET":
                            to = []
                        case "QUIT":
                            self.say("221 bye")
                            return
                        case _:
                            pass
                    self.say(answer)

            def extensions(self) -> str:
                offers = ["test"]
                if context is not None and not self.safe:
                    offers.append("STARTTLS")
                if owner.login is not None and ways:
                    offers.append(f"AUTH {ways}")
                lines = [f"250-{offer}" for offer in offers[:-1]]
                return "\r\n".join([*lines, f"250 {offers[-1]}"])

            def check(self, way: str, first: str = "") -> str:
                if way == "PLAIN":
                    _, user, password = _decoded(first).split("\0")
                else:
                    if not first:
                        self.say("334 " + base64.b64encode(b"Username:").decode())
                        first = self.line()
                    user = _decoded(first)
                    self.say("334 " + base64.b64encode(b"Password:").decode())
                    password = _decoded(self.line())
                owner.logins.append((user, password, self.safe))
                if owner.busy:
                    return owner.busy.pop(0)
                right = (user, password) == owner.login
                return "235 welcome" if right else "535 wrong name or password"

            def line(self) -> str:
                return self.file.readline().decode().strip()

            def say(self, text: str) -> None:
                self.request.sendall(f"{text}\r\n".encode())

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
