"""The paths map: folders have other names on workstations than on renders (SEMANTICS 11).

A map is a list of pairs ``[client, server]``; the first that fits wins. It is applied to whole
texts, commands too: a path is looked for at the beginning, and behind a blank, ``"``, ``'``, ``;``,
``=``, ``,`` or ``:``. Pure functions; which map is in force tells :func:`af.config.path_map`.

Slashes follow the side that a path is mapped to, as far as the path goes. On Windows paths compare
in any case and with both slashes, and mapped paths get backslashes, except for programs that want
slashes there too (``unix_separators``).
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, cast

_SEPARATORS = " \";=,':"


class PathMap:
    """Maps texts; ``pairs`` are ``(client, server)``. An empty map changes nothing."""

    def __init__(
        self,
        pairs: Iterable[tuple[str, str]] = (),
        windows: bool = False,
        unix_separators: bool = False,
    ) -> None:
        self.pairs = [(str(client), str(server)) for client, server in pairs if client and server]
        self.windows = windows
        self.unix_separators = unix_separators

    def to_server(self, text: str) -> str:
        """Paths of this client as the server and its jobs name them."""
        return self._mapped(text, self.pairs, from_windows=self.windows, to_windows=False)

    def to_client(self, text: str) -> str:
        """Paths of a job as this client names them."""
        pairs = [(server, client) for client, server in self.pairs]
        to_windows = self.windows and not self.unix_separators
        return self._mapped(text, pairs, from_windows=False, to_windows=to_windows)

    def lines_to_client(self, lines: Iterable[str], words: Iterable[str] = ()) -> Iterator[str]:
        """A file, line by line; with ``words`` only the lines that contain one of them."""
        wanted = list(words)
        for line in lines:
            fits = not wanted or any(word in line for word in wanted)
            yield self.to_client(line) if fits else line

    def _mapped(
        self, text: str, pairs: list[tuple[str, str]], from_windows: bool, to_windows: bool
    ) -> str:
        if not pairs or not text:
            return text
        result: list[str] = []
        place, size = 0, len(text)
        while place < size and text[place] in _SEPARATORS:
            place += 1
        result.append(text[:place])
        while place < size:
            for source, target in pairs:
                if _starts(text, place, source, from_windows):
                    end = place + len(source)
                    rest_end = _token_end(text, end)
                    slashes = _slashes(source, target, from_windows, to_windows)
                    result.append(target.replace("/", "\\") if to_windows else target)
                    result.append(_turned(text[end:rest_end], slashes))
                    place = rest_end
                    break
            # Copy up to the next place at which a path can begin.
            end = _token_end(text, place)
            while end < size and text[end] in _SEPARATORS:
                end += 1
            result.append(text[place:end])
            place = end
        return "".join(result)


def _starts(text: str, place: int, source: str, windows: bool) -> bool:
    part = text[place : place + len(source)]
    if not windows:
        return part == source
    return part.replace("\\", "/").lower() == source.replace("\\", "/").lower()


def _token_end(text: str, place: int) -> int:
    while place < len(text) and text[place] not in _SEPARATORS:
        place += 1
    return place


def _slashes(
    source: str, target: str, from_windows: bool, to_windows: bool
) -> tuple[str, str] | None:
    """The slash to replace in the rest of the path, and by what; None = leave it."""
    have, want = _first_slash(source), _first_slash(target)
    if not have or not want:
        return None
    if to_windows:
        return "/", "\\"
    if from_windows:  # either may stand there
        return ("\\", "/") if want == "/" else ("/", "\\")
    return None if have == want else (have, want)


def _first_slash(path: str) -> str:
    return next((char for char in path if char in "/\\"), "")


def _turned(rest: str, slashes: tuple[str, str] | None) -> str:
    return rest.replace(*slashes) if slashes else rest


def read_pairs(value: Any) -> list[tuple[str, str]]:
    """The pairs of a configuration's ``pathsmap``. Raises ValueError naming what is wrong."""
    if value in (None, "", [], {}):
        return []
    if not isinstance(value, (list, tuple)):
        raise ValueError("pathsmap must be a list of [client, server], not %r" % (value,))
    pairs: list[tuple[str, str]] = []
    for pair in cast("list[Any]", value):
        sides = cast("list[Any]", pair) if isinstance(pair, (list, tuple)) else []
        if len(sides) != 2 or not all(isinstance(side, str) and side for side in sides):
            raise ValueError("pathsmap: %r is no pair [client, server]" % (pair,))
        pairs.append((sides[0], sides[1]))
    return pairs
