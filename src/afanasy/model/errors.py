"""Errors that are a person's to mend."""

from __future__ import annotations

from typing import Final

#: Codes of refusals that today's server does not know: no client waits for their words.
_OURS: Final = frozenset(
    {"bad_mask", "bad_selection", "bad_text", "bad_variable", "slow_mask", "too_many_masks",
     "too_many_serials"}
)  # fmt: skip


class UserError(Exception):
    """A request that cannot be done, said so that the person can mend it (DESIGN, Code).

    ``code`` is a short word that programs test, ``message`` names the field and the rule, ``hint``
    says what to do, ``field`` is the path of the member at fault, as ``job.blocks[0].capacity``.
    """

    def __init__(self, code: str, message: str, hint: str = "", *, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.field = field

    def sentence(self) -> str:
        """Field, rule and hint in one line, for classic answers (R50)."""
        text = f"{self.field}: {self.message}" if self.field else self.message
        return f"{text} ({self.hint})" if self.hint else text

    def classic(self) -> str:
        """For classic answers that clients show as they are: today's words where it has some."""
        ours = self.code in _OURS or self.message.startswith("must be ")
        return self.sentence() if ours else self.message
