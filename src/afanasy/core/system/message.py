"""A message that the server sends to people or programs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Message:
    """A mail or a web hook."""

    #: Never used again, also by another farm: whoever gets it twice can tell.
    id: str
    #: Its number within the farm.
    key: int
    #: ``mail`` or ``webhook``.
    kind: str
    #: Addresses, or one URL.
    to: list[str]
    subject: str
    #: Body of the mail, or a JSON document.
    text: str
    #: Wall time of the event.
    time: float
    #: Serial of the job that it is about; 0 = none.
    job: int = 0
