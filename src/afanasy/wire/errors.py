"""Errors by blame: what a peer did wrong on the wire."""

from __future__ import annotations


class PeerError(Exception):
    """The peer broke the protocol. The shell closes that peer's connection and goes on."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def sentence(self) -> str:
        """Message and hint in one line, for answers."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class JsonError(PeerError):
    """Bytes that are no JSON we read. ``position`` is the character at fault, -1 when unknown."""

    def __init__(self, message: str, *, hint: str = "", position: int = -1) -> None:
        super().__init__(message, hint=hint)
        self.position = position


class RefusedRequest(PeerError):
    """A request whose framing is wrong: nothing of it is carried out.

    ``answer`` is what its sender is told before the connection is closed, framed and ready to be
    sent; empty where the protocol says that such a request is closed without an answer.
    """

    def __init__(self, message: str, *, answer: bytes, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.answer = answer
