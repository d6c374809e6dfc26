"""Mail and web hooks leave: once, again after a while, or never."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from afanasy.core.system.message import Message
from afanasy.model.clock import read_clocks
from afanasy.server.deliver import GIVEN_UP_S, Deliverer, Refused, post_hook, send_mail
from harness.processes import wait_until
from harness.receivers import HookReceiver, MailReceiver


def message(kind: str, *to: str, age_s: float = 0.0) -> Message:
    time = read_clocks().wall - age_s
    return Message("farm-7", 7, kind, list(to), "JOB_DONE - кино", '{"a": "ü"}', time)


async def deliver(one: Message, smtp: str = "", until: Callable[[], bool] | None = None) -> bool:
    """Send it by a Deliverer; whether it was settled."""
    values = {"email_smtp_server": smtp, "email_sender_address_host": "farm.example"}
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    deliverer = Deliverer(values.__getitem__, done.set_result, first_wait_s=0.05)
    deliverer.send(one)
    try:
        if until is None:
            assert await asyncio.wait_for(done, 30) == 7
        else:
            await asyncio.to_thread(wait_until, until, "the receiver")
        return done.done()
    finally:
        deliverer.close()


def test_a_hook_gets_the_document() -> None:
    with HookReceiver(204) as hook:
        post_hook(hook.url, message("webhook", hook.url))
    ((path, headers, body),) = hook.got
    assert path == "/hook?a=b"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Afanasy-Message"] == "farm-7"
    assert body.decode() == '{"a": "ü"}'


@pytest.mark.parametrize("status", [301, 400, 404, 410])
def test_a_hook_that_refuses(status: int) -> None:
    with HookReceiver(status) as hook, pytest.raises(Refused, match=str(status)):
        post_hook(hook.url, message("webhook", hook.url))


@pytest.mark.parametrize("url", ["ftp://a/", "http:///x", "http://a:b/", "file:///etc/passwd"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(Refused):
        post_hook(url, message("webhook", url))


def test_a_mail() -> None:
    with MailReceiver() as mail:
        one = message("mail", "a@example.org", "b@example.org")
        send_mail(mail.address, "noreply@farm.example", one)
    ((sender, to, text),) = mail.got
    assert (sender, to) == ("noreply@farm.example", ["a@example.org", "b@example.org"])
    assert "Subject: JOB_DONE - =?utf-8?" in text
    assert "Message-ID: <farm-7@farm.example>" in text


def test_a_mail_server_that_refuses() -> None:
    with MailReceiver("550 no such user") as mail, pytest.raises(Refused, match="no such user"):
        send_mail(mail.address, "noreply@farm.example", message("mail", "a@example.org"))
    with pytest.raises(Refused, match="email_smtp_server"):
        send_mail("", "noreply@farm.example", message("mail", "a@example.org"))


def test_tried_until_it_arrives() -> None:
    with HookReceiver(503, 429, 200) as hook:
        assert asyncio.run(deliver(message("webhook", hook.url)))
    assert len(hook.got) == 3
    assert len({headers["X-Afanasy-Message"] for _, headers, _ in hook.got}) == 1


def test_given_up_after_an_hour() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    old = message("mail", "a@example.org", age_s=GIVEN_UP_S + 1)
    assert asyncio.run(deliver(old, f"127.0.0.1:{port}"))


def test_not_given_up_before() -> None:
    with HookReceiver(500) as hook:
        one = message("webhook", hook.url)
        assert not asyncio.run(deliver(one, until=lambda: len(hook.got) >= 3))
