"""USD with Houdini's husk: ``husk --frame FIRST --frame-count N --frame-inc BY STAGE``."""

from __future__ import annotations

from dataclasses import replace

from af.words import plural
from afanasy.afjob.errors import JobError
from afanasy.afjob.program import CAMERA, FIRST, OUTPUT, RENDERER, Program
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import flag, line
from afanasy.afjob.tile import Tile


class Usd(Program):
    """Stages of USD, rendered by Karma or another Hydra delegate."""

    TITLE = "USD"
    EXTENSIONS = ("usd", "usda", "usdc", "usdz")
    EXECUTABLE = "husk"
    SERVICE = "karma"
    OPTIONS = (OUTPUT, RENDERER, CAMERA)
    TILES_WHOLE = True

    def command(self) -> str:
        """husk counts frames, so all tasks must have the same number of them."""
        shot = self.shot
        count = min(shot.per_task, len(shot.frames))
        if len(shot.frames) % count:
            raise JobError(
                f"{plural(len(shot.frames), 'frame does', 'frames do')} not make tasks of {count}",
                "husk needs the same number in each",
                option="--per-task",
            )
        return self._line(FIRST, count, self.output())

    def tile_command(self, frame: int, tile: Tile, output: Sequence, *, crop: bool) -> str:
        """husk numbers its tiles itself, and says so before the extension."""
        whole = replace(output, tail=output.tail.removeprefix(_mark(tile.index)))
        return self._line(
            str(frame), 1, whole,
            "--tile-count", str(tile.columns), str(tile.rows), "--tile-index", str(tile.index),
            "--tile-suffix", _SUFFIX,
        )  # fmt: skip

    def tile_images(self, tile: Tile, images: Sequence) -> Sequence:
        """Husk's own names."""
        return replace(images, tail=_mark(tile.index) + images.tail)

    def tile_pattern(self, images: Sequence) -> str:
        """All of them."""
        return replace(images, tail=".tile-*" + images.tail).any()

    def _line(self, first: str, count: int, output: Sequence | None, *more: str) -> str:
        shot = self.shot
        return line(
            shot.executable, "--verbose", "a", "--frame", first, "--frame-count", str(count),
            "--frame-inc", str(shot.by), *flag("--renderer", self.option(RENDERER)),
            *flag("--camera", self.option(CAMERA)), *flag("--threads", shot.threads),
            *flag("--output", output.houdini() if output else ""), *more, shot.extra, shot.scene,
        )  # fmt: skip


#: A tile of husk is called by its number.
_SUFFIX = ".tile-%02d"


def _mark(index: int) -> str:
    return _SUFFIX % index
