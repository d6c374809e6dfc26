r"""Our configuration files: ``key = value`` lines of TOML.

The standard library reads TOML from Python 3.11 on. For the older ones of DCCs there is a reader of
the part that settings need: comments, bare and quoted keys, texts in ``"…"`` (with escapes) and
``'…'``, whole and decimal numbers, ``true``, ``false``, and arrays, which may go over several lines
and end with a comma. Whatever else TOML has (tables, dates, texts of several lines) it refuses,
naming the line; no setting has use for it.
"""

from __future__ import annotations

import re
from typing import Any

_INT64 = 2**63
_BLANK = re.compile(r"[ \t]*")
_COMMENT = re.compile(r"#[^\x00-\x08\x0a-\x1f\x7f]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LITERAL = re.compile(r"'([^'\x00-\x08\x0a-\x1f\x7f]*)'")
_BASIC = re.compile(r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\.)*)"')
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_INTEGER = re.compile(r"[+-]?(?:0|[1-9](?:_?[0-9])*)\Z")
_FLOAT = re.compile(
    r"[+-]?(?:0|[1-9](?:_?[0-9])*)"
    r"(?:\.[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9](?:_?[0-9])*)?\Z"
)
_WORD = re.compile(r"[^\s,\]#]+")
_KEY_LINE = re.compile(r"""[ \t]*(?:"([^"\\]*)"|'([^']*)'|([A-Za-z0-9_-]+))[ \t]*=""")


def loads(text: str) -> dict[str, Any]:
    """The keys and values. Raises ValueError, a sentence that names the line."""
    try:
        import tomllib  # novermin: the older Pythons go on below
    except ImportError:
        return read(text)
    return tomllib.loads(text)


def lines_of(text: str) -> dict[str, int]:
    """Key → the line that sets it, counted from 1."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _KEY_LINE.match(line)
        if match:
            found.setdefault(match.group(match.lastindex or 1), number)
    return found


def read(text: str) -> dict[str, Any]:
    """The same as :func:`loads` without the standard library's reader."""
    return _Reader(text.replace("\r\n", "\n")).root()


class _Reader:
    """Reads one text; ``at`` is the place that is looked at."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def wrong(self, what: str) -> ValueError:
        """The error that names this line."""
        return ValueError("%s (at line %d)" % (what, self.text.count("\n", 0, self.at) + 1))

    def peek(self) -> str:
        """The next character, "" at the end."""
        return self.text[self.at : self.at + 1]

    def skip(self, pattern: re.Pattern[str]) -> str:
        """What fits the pattern here; the place moves behind it."""
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match.group()

    def end_line(self) -> None:
        """Blanks, a comment, and the end of the line."""
        self.skip(_BLANK)
        self.skip(_COMMENT)
        if self.peek() not in ("", "\n"):
            raise self.wrong("only a comment may stand behind a value")
        self.at += 1

    def root(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while self.at < len(self.text):
            self.skip(_BLANK)
            if self.peek() in ("", "\n", "#"):
                self.end_line()
                continue
            key = self.key()
            if key in values:
                raise self.wrong("%r is set twice" % key)
            values[key] = self.value()
            self.end_line()
        return values

    def key(self) -> str:
        if self.peek() == "[":
            raise self.wrong("settings stand in no [table]")
        if self.peek() in ('"', "'"):
            key = self.string()
        else:
            key = self.skip(_BARE)
            if not key:
                raise self.wrong("a line must begin with the name of a setting")
        self.skip(_BLANK)
        if self.peek() != "=":
            raise self.wrong("%r needs a = and a value" % key)
        self.at += 1
        self.skip(_BLANK)
        return key

    def value(self) -> Any:
        first = self.peek()
        if first in ('"', "'"):
            return self.string()
        if first == "[":
            return self.array()
        start = self.at
        word = self.skip(_WORD)
        if word in ("true", "false"):
            return word == "true"
        if _INTEGER.match(word):
            number = int(word.replace("_", ""))
            if -_INT64 <= number < _INT64:
                return number
        elif _FLOAT.match(word):
            return float(word.replace("_", ""))
        self.at = start
        raise self.wrong("%r is no value: a text stands in quotes" % word)

    def string(self) -> str:
        if self.text.startswith(('"""', "'''"), self.at):
            raise self.wrong("a text must stand on one line")
        start = self.at
        if self.peek() == "'":
            found = self.skip(_LITERAL)
            if not found:
                raise self.wrong("a text has no end")
            return found[1:-1]
        found = self.skip(_BASIC)
        if not found:
            raise self.wrong("a text has no end")

        def character(match: re.Match[str]) -> str:
            code = match.group(1)
            if len(code) > 1:
                number = int(code[1:], 16)
                if number < 0xD800 or 0xE000 <= number <= 0x10FFFF:
                    return chr(number)
            elif code in _ESCAPES:
                return _ESCAPES[code]
            self.at = start
            raise self.wrong("\\%s means nothing: write \\\\ for a backslash" % code)

        return _ESCAPE.sub(character, found[1:-1])

    def array(self) -> list[Any]:
        found: list[Any] = []
        depth_start = self.at
        self.at += 1
        while True:
            self.blank_lines()
            if self.peek() == "]":
                break
            if not self.peek():
                self.at = depth_start
                raise self.wrong("an array has no end")
            found.append(self.value())
            self.blank_lines()
            if self.peek() == ",":
                self.at += 1
            elif self.peek() != "]":
                raise self.wrong("the values of an array stand between commas")
        self.at += 1
        return found

    def blank_lines(self) -> None:
        """Blanks, comments and line ends between the values of an array."""
        while True:
            self.skip(_BLANK)
            self.skip(_COMMENT)
            if self.peek() != "\n":
                return
            self.at += 1
