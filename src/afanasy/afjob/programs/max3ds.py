"""3ds Max: ``3dsmaxcmd SCENE -start:FIRST -end:LAST -nthFrame:BY``."""

from __future__ import annotations

from afanasy.afjob.program import CAMERA, FIRST, LAST, OUTPUT, Option, Program
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import joined, line

BATCH = Option("batch-view", "the entry of the batch render list")


class Max(Program):
    """Scenes of 3ds Max."""

    TITLE = "3ds Max"
    EXTENSIONS = ("max",)
    EXECUTABLE = "3dsmaxcmd"
    SERVICE = "max"
    OPTIONS = (CAMERA, OUTPUT, BATCH)

    def output(self) -> Sequence | None:
        """3ds Max puts four digits before the extension by itself."""
        found = super().output()
        return Sequence(found.head, 4, found.tail) if found else None

    def command(self) -> str:
        """``-rfw:0``: no window; ``-v:5``: say every step."""
        shot, output = self.shot, self.output()
        return line(
            shot.executable, shot.scene, f"-start:{FIRST}", f"-end:{LAST}", f"-nthFrame:{shot.by}",
            joined("-camera:", self.option(CAMERA)),
            joined("-outputName:", output.head + output.tail if output else ""),
            joined("-batchRender:", self.option(BATCH)),
            "-rfw:0", "-v:5", shot.extra,
        )  # fmt: skip
