"""One mail: to whom, how it is encrypted, and that a password goes to nobody else."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace

import pytest

from afanasy.core.system.message import Message
from afanasy.model.clock import read_clocks
from afanasy.server import mail as mails
from afanasy.server.mail import Left, MailServer, Refused, send_mail
from harness.certificates import Authority, make_authority
from harness.receivers import MailReceiver

SENDER = "noreply@farm.example"
LOGIN = ("farm", "s3cret pass")


def message(*to: str) -> Message:
    to = to or ("a@example.org",)
    return Message("farm-7", 7, "mail", list(to), "JOB_DONE - кино", "ü", read_clocks().wall)


def send(
    mail: MailReceiver, *to: str, login: tuple[str, str] = ("", ""), tls: str = "auto"
) -> Left:
    return send_mail(MailServer(mail.address, *login, tls), SENDER, message(*to))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def context(authority: Authority) -> ssl.SSLContext:
    return authority.make("IP:127.0.0.1")


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """This computer knows the authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is another host."""
    monkeypatch.setattr(mails, "_is_here", lambda smtp: False)


def test_a_mail() -> None:
    with MailReceiver() as mail:
        assert send(mail, "a@example.org", "b@example.org") == Left()
    ((sender, to, text),) = mail.got
    assert (sender, to) == (SENDER, ["a@example.org", "b@example.org"])
    assert "Subject: JOB_DONE - =?utf-8?" in text
    assert "Message-ID: <farm-7@farm.example>" in text
    assert mail.logins == []


@pytest.mark.parametrize(
    ("server", "place"),
    [
        (MailServer("mx"), ("mx", 25)),
        (MailServer("mx:587"), ("mx", 587)),
        (MailServer("mx", "farm"), ("mx", 587)),
        (MailServer("mx", "farm", tls="tls"), ("mx", 465)),
        (MailServer("mx:25", "farm", tls="tls"), ("mx", 25)),
        (MailServer("fd00::1"), ("fd00::1", 25)),
        (MailServer("[fd00::1]:26"), ("fd00::1", 26)),
        (MailServer("[fd00::1]"), ("fd00::1", 25)),
    ],
)
def test_host_and_port(server: MailServer, place: tuple[str, int]) -> None:
    assert server.place() == place


@pytest.mark.parametrize("address", ["mx:", "mx:smtp", "mx:0", "mx:65536", "[::1]:x"])
def test_what_is_no_port(address: str) -> None:
    with pytest.raises(Refused, match="no port number"):
        send_mail(MailServer(address), SENDER, message())


def test_no_mail_server() -> None:
    with pytest.raises(Refused, match="email_smtp_server is not set"):
        send_mail(MailServer(), SENDER, message())


def test_addresses_that_are_refused() -> None:
    with MailReceiver("550 no such user") as mail:
        assert send(mail) == Left(refused={"a@example.org": "550 no such user"})
    with MailReceiver("451 later") as mail:
        assert send(mail) == Left(later={"a@example.org": "451 later"})
    with MailReceiver({"a@example.org": "550 no such user"}) as mail:
        left = send(mail, "a@example.org", "b@example.org")
    assert left == Left(refused={"a@example.org": "550 no such user"})
    assert [to for _, to, _ in mail.got] == [["b@example.org"]]


# -------------------------------------------------------------------------------- logging in


@pytest.mark.parametrize("ways", ["PLAIN LOGIN", "PLAIN", "LOGIN"])
@pytest.mark.parametrize("login", [LOGIN, ("färm", "pässword")])
def test_logging_in_on_this_host(ways: str, login: tuple[str, str]) -> None:
    with MailReceiver(login=login, ways=ways) as mail:
        assert send(mail, login=login) == Left()
    assert mail.logins == [(*login, False)]
    assert len(mail.got) == 1


def test_a_login_that_is_wrong_missing_or_not_offered() -> None:
    with MailReceiver(login=LOGIN) as mail:
        with pytest.raises(Refused, match="535 wrong name or password") as caught:
            send(mail, login=("farm", "wr0ng"))
        assert "wr0ng" not in str(caught.value)
        with pytest.raises(Refused, match="530 log in first"):
            send(mail)
        mail.busy = ["454 not now"]
        with pytest.raises(ConnectionError, match="454 not now"):
            send(mail, login=LOGIN)
        assert len(mail.logins) == 2
    with MailReceiver(login=LOGIN, ways="") as mail, pytest.raises(Refused, match="no login"):
        send(mail, login=LOGIN)
    with MailReceiver(login=LOGIN, ways="GSSAPI") as mail, pytest.raises(Refused, match="GSSAPI"):
        send(mail, login=LOGIN)
    assert mail.got == []


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("tls", ["auto", "none"])
def test_no_password_in_plain_text_to_another_host(tls: str) -> None:
    with MailReceiver(login=LOGIN) as mail, pytest.raises(Refused, match="without encryption"):
        send(mail, login=LOGIN, tls=tls)
    assert mail.logins == []


def test_what_this_host_is() -> None:
    with MailReceiver(login=LOGIN) as mail:
        port = int(mail.address.rpartition(":")[2])
        assert send_mail(MailServer(f"localhost:{port}", *LOGIN), SENDER, message()) == Left()
    assert mail.logins == [(*LOGIN, False)]


# -------------------------------------------------------------------------------- encryption


@pytest.mark.usefixtures("trusted", "far")
@pytest.mark.parametrize(("at_once", "tls"), [(False, "auto"), (False, "starttls"), (True, "tls")])
def test_encrypted_with_a_login(context: ssl.SSLContext, at_once: bool, tls: str) -> None:
    with MailReceiver(context=context, at_once=at_once, login=LOGIN) as mail:
        assert send(mail, login=LOGIN, tls=tls) == Left()
    assert mail.logins == [(*LOGIN, True)]
    assert mail.safe == [True]


@pytest.mark.parametrize(
    ("at_once", "tls", "login"),
    [
        (False, "auto", LOGIN),
        (False, "starttls", LOGIN),
        (False, "starttls", ("", "")),
        (True, "tls", LOGIN),
        (True, "tls", ("", "")),
    ],
)
def test_a_certificate_of_nobody_we_know(
    context: ssl.SSLContext, at_once: bool, tls: str, login: tuple[str, str]
) -> None:
    receiver = MailReceiver(context=context, at_once=at_once, login=LOGIN)
    # No Refused: it may be mended within the hour.
    with receiver as mail, pytest.raises(ssl.SSLCertVerificationError):
        send(mail, login=login, tls=tls)
    assert (mail.logins, mail.got) == ([], [])


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("tls", ["auto", "starttls"])
def test_a_certificate_of_another_host(authority: Authority, tls: str) -> None:
    context = authority.make("DNS:other.example")
    receiver = MailReceiver(context=context, login=LOGIN)
    with receiver as mail, pytest.raises(ssl.SSLCertVerificationError, match=r"127\.0\.0\.1"):
        send(mail, login=LOGIN, tls=tls)
    assert mail.logins == []


def test_without_a_password_any_certificate_is_better_than_none(context: ssl.SSLContext) -> None:
    with MailReceiver(context=context) as mail:
        assert send(mail) == Left()
        assert send(mail, tls="none") == Left()
    assert mail.safe == [True, False]


def test_starttls_that_is_not_there(context: ssl.SSLContext) -> None:
    with MailReceiver() as mail, pytest.raises(Refused, match="does not offer STARTTLS"):
        send(mail, tls="starttls")
    receiver = MailReceiver(context=context, to_starttls="454 not now")
    with receiver as mail, pytest.raises(ConnectionError, match="454 not now"):
        send(mail)
    receiver = MailReceiver(context=context, to_starttls="550 never")
    with receiver as mail, pytest.raises(Refused, match="550 never"):
        send(mail)


def test_tls_where_nobody_speaks_it() -> None:
    with MailReceiver() as mail, pytest.raises(ssl.SSLError):
        send(mail, tls="tls")


def test_port_465_is_encrypted_from_the_first_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []

    def connect(place: tuple[str, int], *more: object) -> socket.socket:
        seen.append(place)
        theirs.sendall(b"220 no TLS here\r\n")
        return ours

    ours, theirs = socket.socketpair()
    monkeypatch.setattr(socket, "create_connection", connect)
    with ours, theirs, pytest.raises(ssl.SSLError):
        send_mail(MailServer("mx:465"), SENDER, message())
    assert seen == [("mx", 465)]


@pytest.mark.usefixtures("trusted")
def test_the_name_in_a_certificate_may_be_any_of_the_hosts(
    authority: Authority,
) -> None:
    with MailReceiver(context=authority.make("DNS:localhost"), login=LOGIN) as mail:
        port = int(mail.address.rpartition(":")[2])
        server = MailServer(f"localhost:{port}", *LOGIN, "starttls")
        assert send_mail(server, SENDER, message()) == Left()
    assert mail.logins == [(*LOGIN, True)]


@pytest.mark.parametrize("odd", ["\r\n", "\n", "\0", "\x0b", "\x85", "\u2028"])
def test_no_header_can_be_slipped_in(odd: str) -> None:
    """Whatever was stored: no mail at all, and not again in an hour."""
    with MailReceiver() as mail:
        server = MailServer(mail.address)
        good = message("a@example.org")
        for bad in (
            replace(good, to=[f"a@example.org{odd}Bcc: x@y"]),
            replace(good, subject=f"done{odd}Bcc: x@y"),
        ):
            with pytest.raises(Refused, match="control characters"):
                send_mail(server, SENDER, bad)
        with pytest.raises(Refused, match="control characters"):
            send_mail(server, f"{SENDER}{odd}Bcc: x@y", good)
    assert mail.got == []
