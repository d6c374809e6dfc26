"""One mail, by SMTP: encrypted where it can be, with a login where the mail server wants one.

How a mail travels is said by four settings, ``email_smtp_*``. What must not happen is that the
password leaves in plain text, or to somebody who only says that he is the mail server. So with a
password, and wherever encryption was asked for by its name, the certificate has to be valid for the
name of the mail server; and a password leaves without encryption to this host only. Without any of
both, encryption is taken when it is offered, from anybody: the mail would else go in plain text.

An answer of the mail server from 500 up is for good, and so is what only another setting mends:
:class:`Refused`. What else goes wrong may pass. An address that is refused does not keep the others
from their mail.
"""

from __future__ import annotations

import base64
import ipaddress
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any, Final, NamedTuple

from afanasy.core.system.message import Message

TIMEOUT_S: Final = 10.0
_PORT, _PORT_TLS, _PORT_LOGIN = 25, 465, 587
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Answers to a login.
_WELCOME, _GO_ON = 235, 334


class Refused(Exception):
    """The receiver will never take it."""


class MailServer(NamedTuple):
    """Who takes the mails, and how; the settings of the same names."""

    address: str = ""
    user: str = ""
    password: str = ""
    #: ``auto``, ``none``, ``starttls`` or ``tls``.
    tls: str = "auto"

    def place(self) -> tuple[str, int]:
        """Host and port. Raises Refused."""
        name, colon, text = self.address, "", ""
        if self.address.startswith("["):  # an IPv6 address
            name, _, text = self.address[1:].partition("]")
            colon, text = text[:1], text[1:]
        elif self.address.count(":") == 1:
            name, colon, text = self.address.partition(":")
        if not colon:
            return name, self._usual_port()
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
            raise Refused(f"email_smtp_server is {self.address!r}, and {text!r} is no port number")
        return name, int(text)

    def _usual_port(self) -> int:
        if self.tls == "tls":
            return _PORT_TLS
        return _PORT_LOGIN if self.user else _PORT


def mail_server(setting: Callable[[str], Any]) -> MailServer:
    """The mail server of the settings in force."""
    return MailServer(
        str(setting("email_smtp_server")).strip(),
        str(setting("email_smtp_user")),
        str(setting("email_smtp_password")),
        str(setting("email_smtp_tls")),
    )


def login_warning(setting: Callable[[str], Any]) -> str:
    """A sentence where these settings log in without a password; "" where they do not."""
    server = mail_server(setting)
    if not (server.address and server.user) or server.password:
        return ""
    return (
        f"email_smtp_user is {server.user!r}, and there is no email_smtp_password: the mail server"
        " will refuse the mails"
    )


@dataclass(slots=True)
class Left:
    """Addresses that did not get the mail, with what the mail server said."""

    #: For good.
    refused: dict[str, str] = field(default_factory=dict[str, str])
    #: To be tried again.
    later: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, address: str, code: int, answer: bytes) -> None:
        """Note what was said of an address."""
        (self.refused if code >= 500 else self.later)[address] = f"{code} {_text(answer)}"


def send_mail(server: MailServer, sender: str, message: Message) -> Left:
    """One mail to the addresses of the message. Raises Refused, or whatever may pass."""
    if not server.address:
        raise Refused("email_smtp_server is not set")
    for text in (sender, message.subject, *message.to):  # each becomes a line of the mail
        if _CONTROL.search(text):
            raise Refused(f"{text[:80]!r} has control characters, which no header may have")
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(message.to)
    mail["Subject"] = message.subject
    mail["Date"] = formatdate(message.time)
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    left = Left()
    try:
        with _connected(server) as smtp:
            if server.user:
                _log_in(smtp, server)
            answers = smtp.send_message(mail, sender, message.to)
    except smtplib.SMTPRecipientsRefused as error:
        answers = error.recipients
    except smtplib.SMTPResponseException as error:
        answer = error.smtp_error
        text = _text(answer) if isinstance(answer, bytes) else answer
        said = f"{error.smtp_code} {text}"
        if error.smtp_code >= 500:
            raise Refused(said) from None
        raise ConnectionError(said) from None
    for address, (code, answer) in answers.items():
        left.add(address, code, answer)
    return left


def _text(answer: bytes) -> str:
    return " ".join(answer.decode("utf-8", "replace").split())[:300]


def _connected(server: MailServer) -> smtplib.SMTP:
    """A connection that is as safe as it was asked to be."""
    name, port = server.place()
    at_once = server.tls == "tls" or (server.tls == "auto" and port == _PORT_TLS)
    context = ssl.create_default_context()
    me = socket.gethostname()
    if at_once:
        return smtplib.SMTP_SSL(name, port, me, timeout=TIMEOUT_S, context=context)
    smtp = smtplib.SMTP(name, port, me, TIMEOUT_S)
    try:
        smtp.ehlo_or_helo_if_needed()
        offered = smtp.has_extn("starttls")
        if server.tls == "starttls" and not offered:
            raise Refused(f"{name} does not offer STARTTLS, which email_smtp_tls asks for")
        if offered and server.tls != "none":
            if server.tls == "auto" and not server.user:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            smtp.starttls(context=context)
        elif server.user and not _is_here(smtp):
            why = "email_smtp_tls is none" if server.tls == "none" else "it offers no STARTTLS"
            raise Refused(f"the password does not leave for {name} without encryption: {why}")
    except BaseException:
        smtp.close()
        raise
    return smtp


def _is_here(smtp: smtplib.SMTP) -> bool:
    """The mail server is on this host."""
    assert smtp.sock is not None
    return ipaddress.ip_address(smtp.sock.getpeername()[0].partition("%")[0]).is_loopback


def _log_in(smtp: smtplib.SMTP, server: MailServer) -> None:
    """Once: the library's own way tries all ways, which locks accounts twice as fast."""
    smtp.ehlo_or_helo_if_needed()
    ways = smtp.esmtp_features.get("auth", "").upper().split()
    user, password = _base64(server.user), _base64(server.password)
    if "PLAIN" in ways:
        both = _base64(f"\0{server.user}\0{server.password}")
        code, answer = smtp.docmd("AUTH", f"PLAIN {both}")
    elif "LOGIN" in ways:
        code, answer = smtp.docmd("AUTH", "LOGIN")
        for word in (user, password):
            if code == _GO_ON:
                code, answer = smtp.docmd(word)
    elif ways:
        raise Refused(f"to log in the mail server knows {', '.join(ways)}, but not PLAIN or LOGIN")
    else:
        raise Refused("the mail server offers no login, and email_smtp_user is set")
    if code != _WELCOME:
        raise smtplib.SMTPAuthenticationError(code, answer)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
