"""Names of services: which texts are some.

A service is the name of a Python file (``nuke.py``), stands in lists with commas or blanks between
names, and is a word that people type. What no list could name is refused where somebody says it.
"""

from __future__ import annotations

import re
from typing import Final

RULE: Final = "a name has letters, digits, _, - and . only"
_SERVICE: Final = re.compile(r"[\w.-]+")
_SHOWN_MAX: Final = 80


def service_fault(text: str) -> str:
    """Why ``text`` is no name of a service, as a rule; "" = it is one, or empty."""
    if not text or _SERVICE.fullmatch(text):
        return ""
    return f"{text[:_SHOWN_MAX]!r} is no name of a service"
