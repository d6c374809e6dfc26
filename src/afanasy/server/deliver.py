"""Mail by SMTP and web hooks, sent by threads beside the loop (SEMANTICS 12.2, R23).

A message comes after the batch that made it is committed, and again after a restart when nobody
knows that it arrived: at least once, with the same id. A receiver that does not answer is tried
again after 5 s, 10 s, 20 s … up to ten minutes apart, for an hour since the event; one that refuses
for good (a 4xx of a hook, a 5xx of SMTP) is not. What is given up is a line in the log, and in that
of the job that it was about.

Hooks go to the URL as it is: redirects are not followed, no proxy is asked.
"""

from __future__ import annotations

import asyncio
import http.client
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue
from typing import Any, Final

import structlog

import afanasy
from afanasy.core.system.message import Message
from afanasy.model.clock import Now, read_clocks
from afanasy.server.mail import TIMEOUT_S, Left, MailServer, Refused, mail_server, send_mail

log = structlog.get_logger("messages")

THREADS: Final = 4
FIRST_WAIT_S: Final = 5.0
LONGEST_WAIT_S: Final = 600.0
#: Since the event; later nobody wants to know.
GIVEN_UP_S: Final = 3600.0
#: Of the answer of a hook nothing is wanted but its status.
_ANSWER_BYTES: Final = 64 * 1024
#: Answers of a hook that say "not now".
_LATER: Final = frozenset({408, 425, 429})


class Deliverer:
    """Sends messages; ``settled`` is called in the loop's thread with the key of each, and with
    what kept it, or a part of its receivers, from arriving.

    ``setting`` answers the value in force of a setting.
    """

    def __init__(
        self,
        setting: Callable[[str], Any],
        settled: Callable[[int, str], None],
        *,
        first_wait_s: float = FIRST_WAIT_S,
        clock: Callable[[], Now] = read_clocks,
    ) -> None:
        self._aio = asyncio.get_running_loop()
        self._setting = setting
        self._settled = settled
        self._first_wait_s = first_wait_s
        self._clock = clock
        self._queue: SimpleQueue[tuple[Message, int, MailServer, str] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._timers: set[asyncio.TimerHandle] = set()
        #: Key of a message that waits → what was said of receivers that will not get it.
        self._given_up: dict[int, list[str]] = {}

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
        server = mail_server(self._setting)
        host = str(self._setting("email_sender_address_host"))
        self._queue.put((message, tries, server, host))

    # ------------------------------------------------------------------------- in a thread

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            message, tries, server, host = job
            problem, final, left = "", False, Left()
            try:
                if message.kind == "mail":
                    left = send_mail(server, f"noreply@{host}", message)
                else:
                    post_hook(message.to[0], message)
            except Refused as refusal:
                problem, final = str(refusal), True
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            try:
                self._aio.call_soon_threadsafe(self._tried, message, tries, problem, final, left)
            except RuntimeError:
                return  # the loop is closed

    # ------------------------------------------------------------------------- in the loop

    def _tried(self, message: Message, tries: int, problem: str, final: bool, left: Left) -> None:
        told = self._given_up.pop(message.key, [])
        got = [to for to in message.to if to not in left.refused and to not in left.later]
        if not problem and got:
            log.info("message_sent", **_fields(message, got))
        if left.refused:
            told.append(self._give_up(message, list(left.refused), _said(left.refused), tries))
        if left.later:
            message, problem = replace(message, to=list(left.later)), _said(left.later)
        if problem and not final and self._clock().wall - message.time <= GIVEN_UP_S:
            if told:
                self._given_up[message.key] = told
            self._later(message, tries, problem)
            return
        if problem:
            told.append(self._give_up(message, message.to, problem, tries))
        self._settled(message.key, "; ".join(told))

    def _give_up(self, message: Message, to: list[str], reason: str, tries: int) -> str:
        fields = _fields(message, to)
        log.warning("message_given_up", reason=reason, tries=tries + 1, **fields)
        if message.kind != "mail":
            to = [_host_of(url) for url in to]
        return f"{message.kind} to {', '.join(to)} ({message.subject}) was given up: {reason}"

    def _later(self, message: Message, tries: int, problem: str) -> None:
        wait_s = min(self._first_wait_s * 2**tries, LONGEST_WAIT_S)
        fields = _fields(message, message.to)
        log.warning("message_waits", reason=problem, again_in_s=round(wait_s), **fields)
        timer: asyncio.TimerHandle | None = None

        def again() -> None:
            if timer is not None:
                self._timers.discard(timer)
            self._put(message, tries + 1)

        timer = self._aio.call_later(wait_s, again)
        self._timers.add(timer)


def _fields(message: Message, to: list[str]) -> dict[str, Any]:
    return {"id": message.id, "kind": message.kind, "to": to, "about": message.subject}


def _host_of(url: str) -> str:
    """For the log of a job: what stands behind the host may be a secret."""
    try:
        return urllib.parse.urlsplit(url).hostname or url
    except ValueError:
        return url


def _said(answers: dict[str, str]) -> str:
    """What the mail server said of addresses, each answer once."""
    return ", ".join(dict.fromkeys(answers.values()))


def post_hook(url: str, message: Message) -> None:
    """POST the document. Raises Refused, or whatever may pass."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused(f"{url} is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"{url} is no URL of http or https")
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
