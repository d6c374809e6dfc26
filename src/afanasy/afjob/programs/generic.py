"""Any command: ``--command``, or a script that takes first and last frame.

A pattern names what it is given in braces: ``{scene} {first} {last} {by} {output} {threads}``, and
for tiles ``{tile} {row} {column} {rows} {columns}`` (from 1; ``{tile0}`` counts from 0, in reading
order) and ``{left} {right} {top} {bottom}``, the edges from 0 to 1, seen from the upper left.
"""

from __future__ import annotations

import re

from afanasy.afjob.errors import JobError
from afanasy.afjob.program import FIRST, LAST, OUTPUT, Option, Program, Tile
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import line, quote

COMMAND = Option(
    "command", "a command pattern of your own, as 'render {scene} {first} {last}'", "PATTERN"
)

#: ``${NAME}`` is the shell's.
_PLACE = re.compile(r"(?<!\$)\{([A-Za-z]\w*)\}")
_TILE_NAMES = frozenset(
    "tile tile0 row column rows columns left right top bottom".split()  # noqa: SIM905 - readable
)


class Generic(Program):
    """What has no file of its own."""

    TITLE = "plain commands"
    SERVICE = "generic"
    OPTIONS = (COMMAND, OUTPUT)
    TILES = True

    def command(self) -> str:
        """The pattern, or the file with its frames."""
        shot = self.shot
        if not self.option(COMMAND):
            return line(shot.executable, shot.scene, FIRST, LAST, shot.extra)
        output = self.output()
        values = {"first": FIRST, "last": LAST, "output": output.farm() if output else ""}
        return self._filled(values)

    def tile_command(self, frame: int, tile: Tile, output: Sequence, *, crop: bool) -> str:
        """The pattern with the tile's own words; without a pattern no tile is known."""
        if not self.option(COMMAND):
            raise JobError(
                "a plain command needs --command with {tile} in it to render tiles",
                "or a scene of Blender",
                option="--tiles",
            )
        values = {
            "first": str(frame), "last": str(frame), "output": output.frame(frame),
            "tile": str(tile.index + 1), "tile0": str(tile.index),
            "row": str(tile.row), "column": str(tile.column),
            "rows": str(tile.rows), "columns": str(tile.columns),
            "left": _edge(tile.column - 1, tile.columns), "right": _edge(tile.column, tile.columns),
            "top": _edge(tile.row - 1, tile.rows), "bottom": _edge(tile.row, tile.rows),
        }  # fmt: skip
        return self._filled(values)

    def _filled(self, values: dict[str, str]) -> str:
        shot = self.shot
        known = {"scene": shot.scene, "by": str(shot.by), "threads": shot.threads or "0", **values}

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            if name in known:
                if not known[name]:
                    raise JobError(f"{{{name}}} needs --{name}", option="--command")
                return quote(known[name])
            if name in _TILE_NAMES:
                raise JobError(f"{{{name}}} needs --tiles", option="--command")
            names = " ".join(f"{{{one}}}" for one in sorted({*known, *_TILE_NAMES}))
            raise JobError(f"there is no {{{name}}}", f"there are {names}", option="--command")

        command = _PLACE.sub(fill, self.option(COMMAND))
        return f"{command} {shot.extra}" if shot.extra else command


def _edge(part: int, parts: int) -> str:
    return f"{part / parts:.6g}"
