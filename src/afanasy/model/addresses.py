"""Addresses of mails and URLs of web hooks: which texts are some (R66).

Checked where people say them, so that what is stored can be sent to as it is: a mail goes to the
addresses that were named and to nobody else, and a hook has a host.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import Final

#: A mail address: no blanks, no control characters, nothing that ends a list or a header.
ADDRESS: Final = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f<>()\[\]\\,;:\"@]+@[^\s\x00-\x1f\x7f-\x9f<>()\\,;\"@]+"
)
_BETWEEN: Final = re.compile(r"[,; ]+")
_NOT_IN_URLS: Final = re.compile(r"[\s\x00-\x20\x7f-\x9f]")
_SHOWN_MAX: Final = 80


def split_addresses(text: str) -> list[str]:
    """The parts of a list of mail addresses, with ``,``, ``;`` or blanks between them."""
    return [part for part in _BETWEEN.split(text) if part]


def email_fault(text: str) -> str:
    """Why ``text`` is no list of mail addresses, as a rule; "" = it is one, or empty."""
    for part in split_addresses(text):
        if not ADDRESS.fullmatch(part):
            return f"{part[:_SHOWN_MAX]!r} is no mail address"
    return ""


def webhook_fault(text: str) -> str:
    """Why ``text`` is no URL of a web hook, as a rule; "" = it is one, or empty."""
    if not text:
        return ""
    shown = repr(text[:_SHOWN_MAX])
    if _NOT_IN_URLS.search(text):
        return f"{shown} has a blank or a control character"
    try:
        parts = urllib.parse.urlsplit(text)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        return f"{shown} is no URL: {error}"
    return "" if named else f"{shown} is no URL of http or https with a host"
