"""Figures and states for people: pure functions from numbers to short texts."""

from __future__ import annotations

import re
import time
from typing import Any

from afanasy.model.clock import read_clocks

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: object) -> str:
    """The text on one line, without characters that could command a terminal."""
    return _CONTROLS.sub(" ", str(text))


def duration(seconds: float) -> str:
    """``7s``, ``1m15s``, ``2h05m``, ``3d04h``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def parse_duration(text: str) -> float:
    """Seconds of ``90``, ``1.5h``, ``1h30m``. Raises ValueError."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration (write 90, 90s, 15m, 1h30m or 2d)")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def since(moment: Any) -> str:
    """How long ago a unix time was; "" for none."""
    return duration(read_clocks().wall - moment) if moment else ""


def moment_text(moment: Any) -> str:
    """A unix time in local time, or its number where no calendar has it; "" for none."""
    if not moment:
        return ""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
    except (OSError, OverflowError, ValueError):
        return str(moment)


def size(amount: float, unit: str = "B") -> str:
    """``1.5 GB`` for 1536 of "MB"; steps of 1024."""
    units = ["B", "kB", "MB", "GB", "TB", "PB"]
    place = units.index(unit)
    while amount >= 1024 and place + 1 < len(units):
        amount /= 1024
        place += 1
    number = f"{amount:.1f}" if amount < 10 and amount != int(amount) else f"{amount:.0f}"
    return f"{number} {units[place]}"


def bar(percent: float, width: int = 20) -> str:
    """``[#####...............]  25%``."""
    percent = min(max(percent, 0), 100)
    full = int(width * percent / 100)
    return f"[{'#' * full}{'.' * (width - full)}] {int(percent):3}%"


def state_words(node: dict[str, Any]) -> list[str]:
    """The words of a node's state, as ["RDY", "OFF"]."""
    return str(node.get("state") or "").split()


#: The first word of a state that is there decides its colour.
_COLOURS = (
    ("ERR", "red"), ("SIC", "red"), ("RUN", "green"), ("WRC", "yellow"), ("RER", "yellow"),
    ("NBY", "yellow"), ("NbY", "yellow"), ("PAU", "yellow"), ("OFF", "grey"), ("SUS", "grey"),
    ("DON", "blue"), ("SKP", "blue"),
)  # fmt: skip


def state_colour(words: list[str]) -> str:
    """A colour's name for a state; "" = none."""
    return next((colour for word, colour in _COLOURS if word in words), "")
