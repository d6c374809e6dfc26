"""Any command: ``--command``, or a script that takes first and last frame.

A pattern names what it is given in braces: ``{scene} {first} {last} {by} {output} {threads}``, for
tiles those of :mod:`afanasy.afjob.tile`, and ``{attribute} {value}`` with ``--vary``.
"""

from __future__ import annotations

from afanasy.afjob.errors import JobError
from afanasy.afjob.program import FIRST, LAST, OUTPUT, Option, Program
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import line
from afanasy.afjob.tile import Tile, filled, names_tile, needs_of

COMMAND = Option(
    "command", "a command pattern of your own, as 'render {scene} {first} {last}'", "PATTERN"
)


class Generic(Program):
    """What has no file of its own."""

    TITLE = "plain commands"
    SERVICE = "generic"
    OPTIONS = (COMMAND, OUTPUT)
    VARIES = True

    def command(self) -> str:
        """The pattern, or the file with its frames."""
        shot = self.shot
        if not self.option(COMMAND):
            if shot.vary:
                raise JobError("a plain command needs --command with {value}", option="--vary")
            return line(shot.executable, shot.scene, FIRST, LAST, shot.extra)
        output = self.output()
        values = {"first": FIRST, "last": LAST, "output": output.farm() if output else ""}
        return self._filled(values, tiles=False)

    def tiles_by_extra(self) -> bool:
        """A pattern says more."""
        return super().tiles_by_extra() and not self.option(COMMAND)

    def tile_command(self, frame: int, tile: Tile, output: Sequence, *, crop: bool) -> str:
        """The pattern with the tile's own words; without a pattern no tile is known."""
        if not self.option(COMMAND):
            raise JobError(
                "a plain command needs --command or --extra with {tile} in it", option="--tiles"
            )
        values = {"first": str(frame), "last": str(frame), "output": output.frame(frame)}
        return self._filled(values | tile.words(self.shot.resolution), tiles=True)

    def _filled(self, values: dict[str, str], *, tiles: bool) -> str:
        shot = self.shot
        known = {"scene": shot.scene, "by": str(shot.by), "threads": shot.threads or "0", **values}
        needs = {"attribute": "--vary", "value": "--vary", **needs_of(tiles=tiles)}
        pattern = self.option(COMMAND)
        if shot.vary:
            if "{value}" not in pattern:
                raise JobError("--command has no {value} in it", option="--vary")
            known["attribute"], known["value"] = shot.vary
        command = filled(pattern, known, "--command", needs)
        extra = shot.extra
        if tiles and names_tile(extra):
            extra = filled(extra, known, "--extra", needs)
        return f"{command} {extra}" if extra else command
