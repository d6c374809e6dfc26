"""How ``afcmd`` ends: exit codes (R59) and the one exception that carries them."""

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


class CliError(Exception):
    """The command cannot go on: one sentence, and a hint what to do."""

    def __init__(
        self, exit_code: Exit, message: str, hint: str = "", *, code: str = "", field: str = ""
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.hint = hint
        #: The server's word for it, or the name of the exit code.
        self.code = code or exit_code.name.lower()
        self.field = field

    def sentence(self) -> str:
        """Field, message and hint in one line."""
        line = self.message.strip().rstrip(".")
        if self.field and not line.startswith(self.field):
            line = f"{self.field}: {line}"
        return f"{line}; {self.hint}" if self.hint else line


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


def refused(refusal: Refusal) -> CliError:
    """The error for what the server refused."""
    code = _BY_CODE.get(refusal.code)
    if code is None:
        missing = not refusal.code and _NOT_FOUND.search(refusal.message)
        code = Exit.NOT_FOUND if missing else Exit.BAD_INPUT
    return CliError(code, refusal.message, refusal.hint, code=refusal.code, field=refusal.field)
