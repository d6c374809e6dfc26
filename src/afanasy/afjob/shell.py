"""Command lines: words put together so that a POSIX shell and ``cmd.exe`` take them apart alike.

A word that needs it is put in double quotes, which both shells know. Only a word with a character
that a POSIX shell would still expand there (``$``, a backquote, a double quote) gets single quotes,
or is escaped when it holds a single quote too.
"""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[\w@%+=:,./-][\w@%+=:,./#~-]*", re.ASCII)
#: Within double quotes a POSIX shell still sees these; the backslash before them and at the end.
_EXPANDED = re.compile(r'[$`"]|\\(?:\\|$)')
_SPECIAL = re.compile(r'[$`"\\]')


class Raw(str):
    """A piece of a command line that is put in as it stands."""

    __slots__ = ()


def quote(word: str) -> str:
    """The word as one argument."""
    if _PLAIN.fullmatch(word):
        return word
    if not _EXPANDED.search(word):
        return f'"{word}"'
    if "'" not in word:
        return f"'{word}'"
    return '"' + _SPECIAL.sub(r"\\\g<0>", word) + '"'


def line(*words: str) -> str:
    """A command line of these words; a :class:`Raw` one is not quoted, an empty one left out."""
    return " ".join(word if isinstance(word, Raw) else quote(word) for word in words if word)


def flag(name: str, value: str) -> tuple[str, ...]:
    """``name`` and ``value``; nothing without a value."""
    return (name, value) if value else ()


def joined(name: str, value: str) -> str:
    """``name`` and ``value`` in one word; nothing without a value."""
    return name + value if value else ""
