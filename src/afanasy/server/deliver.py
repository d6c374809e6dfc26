"""Mail by SMTP and web hooks, sent by threads beside the loop (SEMANTICS 12.2, R23).

A message comes after the batch that made it is committed, and again after a restart when nobody
knows that it arrived: at least once, with the same id. A receiver that does not answer is tried
again after 5 s, 10 s, 20 s … up to ten minutes apart, for an hour since the event; one that refuses
for good (a 4xx of a hook, a 5xx of SMTP) is not. What is given up is a line in the log.

Hooks go to the URL as it is: redirects are not followed, no proxy is asked.
"""

from __future__ import annotations

import asyncio
import http.client
import smtplib
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate
from queue import SimpleQueue
from typing import Any, Final

import structlog

import afanasy
from afanasy.core.system.message import Message
from afanasy.model.clock import Now, read_clocks

log = structlog.get_logger("messages")

THREADS: Final = 4
TIMEOUT_S: Final = 10.0
FIRST_WAIT_S: Final = 5.0
LONGEST_WAIT_S: Final = 600.0
#: Since the event; later nobody wants to know.
GIVEN_UP_S: Final = 3600.0
#: Of the answer of a hook nothing is wanted but its status.
_ANSWER_BYTES: Final = 64 * 1024
_SMTP_PORT: Final = 25
#: Answers of a hook that say "not now".
_LATER: Final = frozenset({408, 425, 429})


class Refused(Exception):
    """The receiver will never take it."""


class Deliverer:
    """Sends messages; ``settled`` is called in the loop's thread with the key of each.

    ``setting`` answers the value in force of a setting.
    """

    def __init__(
        self,
        setting: Callable[[str], Any],
        settled: Callable[[int], None],
        *,
        first_wait_s: float = FIRST_WAIT_S,
        clock: Callable[[], Now] = read_clocks,
    ) -> None:
        self._aio = asyncio.get_running_loop()
        self._setting = setting
        self._settled = settled
        self._first_wait_s = first_wait_s
        self._clock = clock
        self._queue: SimpleQueue[tuple[Message, int, str, str] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._timers: set[asyncio.TimerHandle] = set()

    def send(self, message: Message) -> None:
        """Send it, now or later."""
        while len(self._threads) < THREADS:
            # Daemons: a receiver that hangs does not keep the server from exiting.
            thread = threading.Thread(target=self._work, name="messages", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._put(message, 0)

    def close(self) -> None:
        """Send no more; what was not settled is sent by the next server."""
        for timer in self._timers:
            timer.cancel()
        for _ in self._threads:
            self._queue.put(None)

    def _put(self, message: Message, tries: int) -> None:
        server = str(self._setting("email_smtp_server"))
        host = str(self._setting("email_sender_address_host"))
        self._queue.put((message, tries, server, host))

    # ------------------------------------------------------------------------- in a thread

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            message, tries, server, host = job
            problem, final = "", False
            try:
                if message.kind == "mail":
                    send_mail(server, f"noreply@{host}", message)
                else:
                    post_hook(message.to[0], message)
            except Refused as refusal:
                problem, final = str(refusal), True
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            try:
                self._aio.call_soon_threadsafe(self._tried, message, tries, problem, final)
            except RuntimeError:
                return  # the loop is closed

    # ------------------------------------------------------------------------- in the loop

    def _tried(self, message: Message, tries: int, problem: str, final: bool) -> None:
        fields = {
            "id": message.id,
            "kind": message.kind,
            "to": message.to,
            "about": message.subject,
        }
        if not problem:
            log.info("message_sent", **fields)
        elif final or self._clock().wall - message.time > GIVEN_UP_S:
            log.warning("message_given_up", reason=problem, tries=tries + 1, **fields)
        else:
            wait_s = min(self._first_wait_s * 2**tries, LONGEST_WAIT_S)
            log.warning("message_waits", reason=problem, again_in_s=round(wait_s), **fields)
            timer: asyncio.TimerHandle | None = None

            def again() -> None:
                if timer is not None:
                    self._timers.discard(timer)
                self._put(message, tries + 1)

            timer = self._aio.call_later(wait_s, again)
            self._timers.add(timer)
            return
        self._settled(message.key)


def send_mail(server: str, sender: str, message: Message) -> None:
    """One mail to all addresses of the message. Raises Refused, or whatever may pass."""
    if not server:
        raise Refused("email_smtp_server is not set")
    name, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "")
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(message.to)
    mail["Subject"] = message.subject
    mail["Date"] = formatdate(message.time)
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    try:
        with smtplib.SMTP(
            name, int(port) if port.isdigit() else _SMTP_PORT, socket.gethostname(), TIMEOUT_S
        ) as smtp:
            smtp.ehlo_or_helo_if_needed()
            if smtp.has_extn("starttls"):
                # Against listeners only: who answers for a mail server inside is not certified.
                context = ssl.create_default_context()
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                smtp.starttls(context=context)
            # Some addresses may be refused; the others have it then.
            smtp.send_message(mail, sender, message.to)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        if all(code >= 500 for code in codes):
            raise Refused(f"all addresses were refused: {error.recipients}") from None
        raise
    except smtplib.SMTPResponseException as error:
        if error.smtp_code >= 500:
            raise Refused(f"{error.smtp_code} {error.smtp_error!r}") from None
        raise


def post_hook(url: str, message: Message) -> None:
    """POST the document. Raises Refused, or whatever may pass."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"{url} is no URL of http or https")
    try:
        port = parts.port
    except ValueError as error:
        raise Refused(str(error)) from None
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, port, timeout=TIMEOUT_S)
    path = parts.path or "/"
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"afanasy/{afanasy.__version__}",
        "X-Afanasy-Message": message.id,
    }
    try:
        body = message.text.encode()
        connection.request("POST", f"{path}?{parts.query}" if parts.query else path, body, headers)
        answer = connection.getresponse()
        answer.read(_ANSWER_BYTES)
    except http.client.InvalidURL as error:
        raise Refused(str(error)) from None
    finally:
        connection.close()
    if 200 <= answer.status < 300:
        return
    text = f"the hook answered {answer.status} {answer.reason}"
    if 300 <= answer.status < 500 and answer.status not in _LATER:
        raise Refused(text)
    raise ConnectionError(text)
