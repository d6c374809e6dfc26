"""Arnold: ``kick -i SCENE.0001.ass``, a scene file for each frame."""

from __future__ import annotations

from af import numeric
from afanasy.afjob.errors import JobError
from afanasy.afjob.program import CAMERA, OUTPUT, Program
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import flag, line
from afanasy.afjob.tile import Tile


class Arnold(Program):
    """Scene files of Arnold."""

    TITLE = "Arnold"
    EXTENSIONS = ("ass",)
    EXECUTABLE = "kick"
    SERVICE = "arnold"
    OPTIONS = (OUTPUT, CAMERA)
    SCENE_PER_FRAME = True
    VARIES = True
    TILES_WHOLE = True

    def command(self) -> str:
        """No window, no preview passes, no keyboard; ``-v 5`` tells the progress."""
        output = self.output()
        return self._line(output.farm() if output else "")

    def tile_command(self, frame: int, tile: Tile, output: Sequence, *, crop: bool) -> str:
        """``-rg`` takes the first and the last pixel of both directions."""
        size = self.shot.resolution
        if size is None:
            raise JobError("Arnold's regions are in pixels", "say --resolution", option="--tiles")
        region = ("-r", *size, "-rg", *tile.pixels(size))
        command = self._line(output.farm(), *map(str, region))
        return numeric.fill_numbers(command, frame, frame)

    def _line(self, output: str, *more: str) -> str:
        shot = self.shot
        changed: tuple[str, ...] = ()
        if shot.vary:
            if "." not in shot.vary[0].strip("."):
                raise JobError("Arnold sets NODE.PARAMETER", option="--vary")
            changed = ("-set", *shot.vary)
        return line(
            shot.executable, "-nstdin", "-nokeypress", "-dw", "-dp", "-v", "5",
            *flag("-t", shot.threads), *flag("-c", self.option(CAMERA)),
            *flag("-o", output), *changed, *more, shot.extra,
            "-i", self.scene_sequence().farm(),
        )  # fmt: skip
