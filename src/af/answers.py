"""What an answer of the server says besides its data: refusals and warnings (R49, R50)."""

from __future__ import annotations

from typing import Any, cast


class Refusal:
    """Why the server did not do it: ``code`` for programs, the rest for people."""

    def __init__(self, message: str, code: str = "", hint: str = "", field: str = "") -> None:
        self.message = message
        self.code = code
        self.hint = hint
        self.field = field

    def sentence(self) -> str:
        """Field, rule and hint in one line."""
        line = self.message
        if self.field and not line.startswith(self.field):
            line = "%s: %s" % (self.field, line)
        return "%s (%s)" % (line, self.hint) if self.hint else line


def refusal(answer: Any) -> Refusal | None:
    """The refusal in an answer, in any of its shapes; None when there is none."""
    if not isinstance(answer, dict):
        return None
    members = cast("dict[str, Any]", answer)
    # A job's "error" is a sentence; what it is made of stands beside it.
    error = members.get("refusal") or members.get("error")
    if isinstance(error, dict):
        told = {str(key): value for key, value in cast("dict[Any, Any]", error).items()}
        return Refusal(
            str(told.get("message") or "the server refused it"),
            str(told.get("code") or ""),
            str(told.get("hint") or ""),
            str(told.get("field") or ""),
        )
    if isinstance(error, str) and error and "status" not in members:
        return Refusal(error)
    info = members.get("info")
    if isinstance(info, dict):
        told = cast("dict[str, Any]", info)
        if told.get("kind") == "error":
            return Refusal(str(told.get("text") or "the server refused it"))
    return None


def warnings_of(answer: Any) -> list[str]:
    """What the server ignored or wants to be known."""
    if not isinstance(answer, dict):
        return []
    told = cast("dict[str, Any]", answer).get("warnings")
    return [str(line) for line in cast("list[Any]", told)] if isinstance(told, list) else []
