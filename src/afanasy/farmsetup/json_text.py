"""JSON that knows on which line each of its values begins.

The standard library's reader forgets where it found things. This one is for small files that people
write: it is slow, refuses a member that is there twice, and keeps the lines.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from json.decoder import JSONDecodeError, JSONDecoder
from typing import Any, NamedTuple

_BLANKS = re.compile(r"[ \t\r\n]*")
#: Begins of texts, numbers, true, false and null: these the standard reader reads.
_PLAIN = re.compile(r'"|-?[0-9]|true|false|null')
_DECODER = JSONDecoder()
_DEPTH_MAX = 32


class Placed(NamedTuple):
    """A value and its line. Lists and objects hold Placed values."""

    value: Any
    line: int


def read_json(text: str) -> Placed:
    """The value of ``text``. Raises json.JSONDecodeError, which has ``lineno`` and ``msg``."""
    reader = _Reader(text)
    value, end = reader.value(reader.blanks(0), 0)
    if end != len(text):
        raise JSONDecodeError("there is more behind the end", text, end)
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [match.start() for match in re.finditer("\n", text)]

    def blanks(self, place: int) -> int:
        match = _BLANKS.match(self.text, place)
        assert match is not None
        return match.end()

    def _line(self, place: int) -> int:
        return bisect_left(self._lines, place) + 1

    def _expected(self, what: str, place: int) -> JSONDecodeError:
        return JSONDecodeError(f"expected {what}", self.text, place)

    def value(self, place: int, depth: int) -> tuple[Placed, int]:
        """The value that begins at ``place``, and where the next thing begins."""
        text, line = self.text, self._line(place)
        if depth > _DEPTH_MAX:
            raise JSONDecodeError("nested too deeply", text, place)
        first = text[place : place + 1]
        if first == "{":
            found, end = self._object(place + 1, depth)
        elif first == "[":
            found, end = self._list(place + 1, depth)
        elif _PLAIN.match(text, place):
            found, end = _DECODER.raw_decode(text, place)
        else:
            raise self._expected("a value", place)
        return Placed(found, line), self.blanks(end)

    def _object(self, place: int, depth: int) -> tuple[dict[str, Placed], int]:
        text, found = self.text, dict[str, Placed]()
        place = self.blanks(place)
        if text.startswith("}", place):
            return found, place + 1
        while True:
            if not text.startswith('"', place):
                raise self._expected("a name in double quotes", place)
            name, end = _DECODER.raw_decode(text, place)
            if name in found:
                raise JSONDecodeError(f"{name!r} is there twice", text, place)
            place = self.blanks(end)
            if not text.startswith(":", place):
                raise self._expected("a colon", place)
            found[name], place = self.value(self.blanks(place + 1), depth + 1)
            if text.startswith("}", place):
                return found, place + 1
            if not text.startswith(",", place):
                raise self._expected("a comma or }", place)
            place = self.blanks(place + 1)

    def _list(self, place: int, depth: int) -> tuple[list[Placed], int]:
        text, found = self.text, list[Placed]()
        place = self.blanks(place)
        if text.startswith("]", place):
            return found, place + 1
        while True:
            value, place = self.value(place, depth + 1)
            found.append(value)
            if text.startswith("]", place):
                return found, place + 1
            if not text.startswith(",", place):
                raise self._expected("a comma or ]", place)
            place = self.blanks(place + 1)
