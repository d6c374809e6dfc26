"""How ``afjob`` ends: the exception for people, with one of the exit codes of ``afcmd`` (R59)."""

from __future__ import annotations

from af.answers import Refusal
from af.exits import Exit, exit_of, sentence


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
        return sentence(self.message, self.hint, self.option)


def refused(refusal: Refusal) -> JobError:
    """The error for what the server refused."""
    return JobError(
        refusal.message,
        refusal.hint,
        option=refusal.field,
        code=refusal.code,
        exit_code=exit_of(refusal),
    )
