"""What is said after an action."""

from __future__ import annotations

from af.words import plural
from afanasy.cli.farm import Json
from afanasy.cli.show import Show

_NOTHING_SAID = "Action processed."


def tell(show: Show, answer: Json, done: str, counted: str = "") -> None:
    """The answer as JSON; or ``done``, how many ``counted`` it touched, and the server's words."""
    if show.as_json:
        show.json(answer)
        return
    if counted and "count" in answer:
        done += f": {plural(int(answer['count']), counted)}"
    show.line(done)
    info: Json = answer.get("info") or {}
    text = str(info.get("text") or "")
    if text and text != _NOTHING_SAID:
        show.line(text)
