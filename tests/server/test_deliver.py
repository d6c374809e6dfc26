"""Mail and web hooks leave: once, again after a while, or never. How one mail does: test_mail."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from afanasy.core.system.message import Message
from afanasy.model.clock import read_clocks
from afanasy.server.deliver import GIVEN_UP_S, Deliverer, post_hook
from afanasy.server.mail import Refused
from harness.processes import wait_until
from harness.receivers import HookReceiver, MailReceiver


def message(kind: str, *to: str, age_s: float = 0.0) -> Message:
    time = read_clocks().wall - age_s
    return Message("farm-7", 7, kind, list(to), "JOB_DONE - кино", '{"a": "ü"}', time)


async def deliver(
    one: Message, smtp: str = "", until: Callable[[], bool] | None = None, **values: str
) -> str | None:
    """Send it by a Deliverer; what was said when it was settled, None when it is not."""
    values = {
        "email_smtp_server": smtp, "email_sender_address_host": "farm.example",
        "email_smtp_user": "", "email_smtp_password": "", "email_smtp_tls": "auto", **values,
    }  # fmt: skip
    done: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
    deliverer = Deliverer(
        values.__getitem__, lambda key, said: done.set_result((key, said)), first_wait_s=0.05
    )
    deliverer.send(one)
    try:
        if until is not None:
            await asyncio.to_thread(wait_until, until, "the receiver")
            return done.result()[1] if done.done() else None
        key, said = await asyncio.wait_for(done, 30)
        assert key == 7
        return said
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


@pytest.mark.parametrize(
    "url", ["ftp://a/", "http:///x", "http://a:b/", "file:///etc/passwd", "http://[::1/"]
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(Refused):
        post_hook(url, message("webhook", url))
    assert "was given up" in str(asyncio.run(deliver(message("webhook", url))))


def test_tried_until_it_arrives() -> None:
    with HookReceiver(503, 429, 200) as hook:
        assert asyncio.run(deliver(message("webhook", hook.url))) == ""
    assert len(hook.got) == 3
    assert len({headers["X-Afanasy-Message"] for _, headers, _ in hook.got}) == 1


def test_given_up_after_an_hour() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    old = message("mail", "a@example.org", age_s=GIVEN_UP_S + 1)
    said = asyncio.run(deliver(old, f"127.0.0.1:{port}"))
    assert said is not None
    assert said.startswith("mail to a@example.org (JOB_DONE - кино) was given up: ConnectionRef")


def test_a_hook_that_is_given_up_is_named_by_its_host() -> None:
    with HookReceiver(410) as hook:
        said = asyncio.run(deliver(message("webhook", hook.url)))
    assert said == (
        "webhook to 127.0.0.1 (JOB_DONE - кино) was given up: the hook answered 410 Gone"
    )


def test_not_given_up_before() -> None:
    with HookReceiver(500) as hook:
        one = message("webhook", hook.url)
        assert asyncio.run(deliver(one, until=lambda: len(hook.got) >= 3)) is None


def test_addresses_one_by_one() -> None:
    """Who is refused for good is said; who is to be tried later gets it later; nobody twice."""
    a, b, c = "a@example.org", "b@example.org", "c@example.org"
    with MailReceiver({b: "550 no such user", c: "451 try again"}) as mail:
        one = message("mail", a, b, c)

        async def story() -> str | None:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(deliver(one, mail.address))
                await asyncio.to_thread(wait_until, lambda: mail.got, "the first mail")
                mail.refuse = {b: "550 no such user"}
            return task.result()

        said = asyncio.run(story())
    assert said == "mail to b@example.org (JOB_DONE - кино) was given up: 550 no such user"
    assert [to for _, to, _ in mail.got] == [[a], [c]]


def test_a_login_that_is_refused_for_now_is_tried_again() -> None:
    with MailReceiver(login=("farm", "s3cret")) as mail:
        mail.busy = ["454 not now"]
        one = message("mail", "a@example.org")
        login = {"email_smtp_user": "farm", "email_smtp_password": "s3cret"}
        assert asyncio.run(deliver(one, mail.address, **login)) == ""
    assert len(mail.logins) == 2
    assert len(mail.got) == 1


def test_a_login_that_is_refused_is_not_tried_again() -> None:
    with MailReceiver(login=("farm", "s3cret")) as mail:
        login = {"email_smtp_user": "farm", "email_smtp_password": "wr0ng"}
        said = asyncio.run(deliver(message("mail", "a@example.org"), mail.address, **login))
    assert said is not None
    assert "was given up: 535 wrong name or password" in said
    assert "wr0ng" not in said
    assert len(mail.logins) == 1
