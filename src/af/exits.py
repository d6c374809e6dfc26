"""How our commands end: exit codes, and the sentence of an error (R59).

``afcmd`` and ``afjob`` share this, so that a script that calls both needs one table.
"""

from __future__ import annotations

import re
from enum import IntEnum

from af.answers import Refusal


class Exit(IntEnum):
    """Exit codes; documented in docs/howto-cli.md."""

    OK = 0
    #: A job ended in error; a check found something bad.
    JOB_ERROR = 1
    BAD_INPUT = 2
    NO_SERVER = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    TIMED_OUT = 6
    JOB_DELETED = 7
    #: Ctrl-C, as shells number it.
    INTERRUPTED = 130


_BY_CODE = {
    "not_found": Exit.NOT_FOUND,
    "system_job": Exit.NOT_ALLOWED,
    "forbidden": Exit.NOT_ALLOWED,
    "not_allowed": Exit.NOT_ALLOWED,
    "store_unavailable": Exit.NO_SERVER,
    "timed_out": Exit.TIMED_OUT,
}
#: Classic answers have no code, only today's sentences (PROTOCOL 2.3).
_NOT_FOUND = re.compile(r"not found|No node matches|Invalid ID|does not exist|above container")


def exit_of(refusal: Refusal) -> Exit:
    """The exit code for what the server refused."""
    code = _BY_CODE.get(refusal.code)
    if code is None:
        missing = not refusal.code and _NOT_FOUND.search(refusal.message)
        code = Exit.NOT_FOUND if missing else Exit.BAD_INPUT
    return code


def sentence(message: str, hint: str = "", blamed: str = "") -> str:
    """The field or option that is to blame, message and hint in one line."""
    line = message.strip().rstrip(".")
    if blamed and not line.startswith(blamed):
        line = "%s: %s" % (blamed, line)
    return "%s; %s" % (line, hint) if hint else line
