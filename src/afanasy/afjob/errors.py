"""How ``afjob`` ends: the exit codes of all our commands (R59), and the exception for people."""

from __future__ import annotations

from enum import IntEnum

from af.answers import Refusal


class Exit(IntEnum):
    """Exit codes; the same numbers as those of ``afcmd``."""

    OK = 0
    BAD_INPUT = 2
    NO_SERVER = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    #: Ctrl-C, as shells number it.
    INTERRUPTED = 130


class JobError(Exception):
    """No job can be made or sent: one sentence, a hint, and the option that is to blame."""

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        option: str = "",
        code: str = "",
        exit_code: Exit = Exit.BAD_INPUT,
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.hint = hint
        #: As written on the command line, ``--priority`` or ``FIRST``; a field of the job.
        self.option = option
        #: The server's word for it, or the name of the exit code.
        self.code = code or exit_code.name.lower()

    def sentence(self) -> str:
        """Option, message and hint in one line."""
        line = self.message.strip().rstrip(".")
        if self.option and not line.startswith(self.option):
            line = f"{self.option}: {line}"
        return f"{line}; {self.hint}" if self.hint else line


_BY_CODE = {
    "not_found": Exit.NOT_FOUND,
    "system_job": Exit.NOT_ALLOWED,
    "forbidden": Exit.NOT_ALLOWED,
    "not_allowed": Exit.NOT_ALLOWED,
    "store_unavailable": Exit.NO_SERVER,
}


def refused(refusal: Refusal) -> JobError:
    """The error for what the server refused."""
    return JobError(
        refusal.message,
        refusal.hint,
        option=refusal.field,
        code=refusal.code,
        exit_code=_BY_CODE.get(refusal.code, Exit.BAD_INPUT),
    )
