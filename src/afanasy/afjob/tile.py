"""One part of a frame, and the words by which a command line names it.

Patterns (``--command``, and ``--extra`` of every program) name a part's region in braces:
``{tile} {row} {column} {rows} {columns}`` (from 1; ``{tile0}`` counts from 0, in reading order),
``{left} {right} {top} {bottom}``, the edges from 0 to 1 seen from the upper left, and in pixels,
with ``--resolution``, ``{x0} {y0}`` the first pixel, ``{x1} {y1}`` the last one, ``{width}`` and
``{height}`` the part's size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from afanasy.afjob.errors import JobError
from afanasy.afjob.shell import quote

#: ``${NAME}`` is the shell's.
_PLACE = re.compile(r"(?<!\$)\{([A-Za-z]\w*)\}")
#: Need a size in pixels.
PIXEL_WORDS = frozenset(("x0", "y0", "x1", "y1", "width", "height"))
TILE_WORDS = PIXEL_WORDS | frozenset(
    "tile tile0 row column rows columns left right top bottom".split()  # noqa: SIM905 - readable
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One part of a frame; columns from the left and rows from the top, both from 1."""

    row: int
    column: int
    rows: int
    columns: int

    @property
    def index(self) -> int:
        """Place in reading order, from 0."""
        return (self.row - 1) * self.columns + self.column - 1

    @property
    def mark(self) -> str:
        """What stands in the names of its files."""
        return f"tile-{self.row}-{self.column}."

    def pixels(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """First and last pixel of a picture of this size, both in it: x0, y0, x1, y1 from above."""
        width, height = size
        return (
            width * (self.column - 1) // self.columns,
            height * (self.row - 1) // self.rows,
            width * self.column // self.columns - 1,
            height * self.row // self.rows - 1,
        )

    def words(self, size: tuple[int, int] | None) -> dict[str, str]:
        """All its words; those in pixels only with the picture's size."""
        found = {
            "tile": str(self.index + 1), "tile0": str(self.index),
            "row": str(self.row), "column": str(self.column),
            "rows": str(self.rows), "columns": str(self.columns),
            "left": _edge(self.column - 1, self.columns),
            "right": _edge(self.column, self.columns),
            "top": _edge(self.row - 1, self.rows), "bottom": _edge(self.row, self.rows),
        }  # fmt: skip
        if size is not None:
            x0, y0, x1, y1 = self.pixels(size)
            found |= {"x0": str(x0), "y0": str(y0), "x1": str(x1), "y1": str(y1)}
            found |= {"width": str(x1 - x0 + 1), "height": str(y1 - y0 + 1)}
        return found


def _edge(part: int, parts: int) -> str:
    return f"{part / parts:.6g}"


def names_tile(pattern: str) -> bool:
    """Whether a pattern says which part it means."""
    return any(match[1] in TILE_WORDS for match in _PLACE.finditer(pattern))


def filled(pattern: str, known: dict[str, str], option: str, needs: dict[str, str]) -> str:
    """The pattern with its words, quoted; a known word without a value needs ``--`` its name.

    ``needs`` says of further words which option they need. Raises :class:`JobError`.
    """

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if known.get(name):
            return quote(known[name])
        if name in known or name in needs:
            raise JobError(f"{{{name}}} needs {needs.get(name, f'--{name}')}", option=option)
        names = " ".join(f"{{{one}}}" for one in sorted({*known, *needs}))
        raise JobError(f"there is no {{{name}}}", f"there are {names}", option=option)

    return _PLACE.sub(fill, pattern)


def needs_of(*, tiles: bool) -> dict[str, str]:
    """Which option each word of a tile needs, when there are ``tiles`` or not."""
    if tiles:
        return dict.fromkeys(PIXEL_WORDS, "--resolution")
    return dict.fromkeys(TILE_WORDS, "--tiles")
