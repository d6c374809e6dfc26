"""What ``afcmd`` prints: one JSON document, or lines and tables that fit the terminal."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from afanasy.cli.humans import printable

#: A cell is a text, or a text and a colour.
Cell = str | tuple[str, str]

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "grey": 90, "bold": 1}
_GAP = "  "
#: Names of fields stand in a column of this width; the longest is max_running_tasks_per_host.
_FIELD = 28
#: A column that gives way keeps at least so many characters.
_LEAST = 3


class Show:
    """The output of one command."""

    def __init__(self, *, as_json: bool, colour: bool) -> None:
        self.as_json = as_json
        self.terminal = sys.stdout.isatty()
        #: Columns of a live view; a shell's COLUMNS may be those of an earlier size of the window.
        self.columns = 0
        self._colour = colour and self.terminal and not os.environ.get("NO_COLOR")

    def json(self, document: Any) -> None:
        """The one document of ``--json``."""
        print(json.dumps(document, ensure_ascii=False, indent=2 if self.terminal else None))

    def line(self, text: str = "", colour: str = "") -> None:
        """A line of text that came from the farm or from us."""
        print(self.paint(printable(text), colour))

    def field(self, name: str, value: object, colour: str = "") -> None:
        """``name      value``; nothing when there is no value."""
        if value not in ("", None, [], {}):
            print(f"{name:<{_FIELD}}{self.paint(printable(value), colour)}")

    def pair(self, name: str, value: str, colour: str = "") -> None:
        """As :meth:`field`, also for an empty value."""
        print(f"{name:<{_FIELD}} {self.paint(printable(value), colour)}".rstrip())

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour where the terminal has them."""
        if not (self._colour and colour and text):
            return text
        return f"\033[{_COLOURS[colour]}m{text}\033[0m"

    def table(self, titles: list[str], rows: list[list[Cell]]) -> None:
        """Rows under titles. A title that begins with ``>`` is set right, with ``~`` gives way.

        A column in which no row says anything is left out: the room is for the others.
        """
        cells = [[_split(cell) for cell in row] for row in rows]
        said = [n for n in range(len(titles)) if not rows or any(row[n][0] for row in cells)]
        titles = [titles[n] for n in said]
        cells = [[row[n] for n in said] for row in cells]
        names = [title.lstrip(">~") for title in titles]
        right = [title.startswith(">") for title in titles]
        widths = [
            max([width_of(name), *(width_of(row[n][0]) for row in cells)])
            for n, name in enumerate(names)
        ]
        give = [n for n, title in enumerate(titles) if title.startswith("~")]
        _narrow(widths, give, self._width())
        self._row([(name, "bold") for name in names], widths, right)
        for row in cells:
            self._row(row, widths, right)

    def _row(self, row: list[tuple[str, str]], widths: list[int], right: list[bool]) -> None:
        parts: list[str] = []
        for (whole, colour), width, to_right in zip(row, widths, right, strict=True):
            text = cut(whole, width)
            blank = " " * (width - width_of(text))
            painted = self.paint(text, colour)
            parts.append(blank + painted if to_right else painted + blank)
        print(_GAP.join(parts).rstrip())

    def _width(self) -> int:
        """Columns to fit into; 0 = any number, for files and pipes."""
        if self.columns:
            return self.columns
        if not (self.terminal or os.environ.get("COLUMNS")):
            return 0
        import shutil

        return shutil.get_terminal_size().columns


def _split(cell: Cell) -> tuple[str, str]:
    text, colour = (cell, "") if isinstance(cell, str) else cell
    return printable(text), colour


def _narrow(widths: list[int], give: list[int], limit: int) -> None:
    """Take from the widest of the columns that give way until the row fits."""
    if limit <= 0:
        return
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - limit
    while excess > 0:
        wide = [n for n in give if widths[n] > _LEAST]
        if not wide:
            return
        widths[max(wide, key=lambda n: widths[n])] -= 1
        excess -= 1


def width_of(text: str) -> int:
    """Columns that a terminal needs for the text."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    import unicodedata  # only texts beyond ASCII need it

    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """The text in at most ``width`` columns; what was cut shows as ``~``."""
    if width_of(text) <= width:
        return text
    kept, used = "", 1
    for char in text:
        used += _char_width(char)
        if used > width:
            break
        kept += char
    return kept + "~"
