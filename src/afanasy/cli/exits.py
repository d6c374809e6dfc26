"""How ``afcmd`` ends: the one exception that carries an exit code (R59)."""

from __future__ import annotations

from af.answers import Refusal
from af.exits import Exit, exit_of, sentence


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
        return sentence(self.message, self.hint, self.field)


def refused(refusal: Refusal) -> CliError:
    """The error for what the server refused."""
    return CliError(
        exit_of(refusal), refusal.message, refusal.hint, code=refusal.code, field=refusal.field
    )
