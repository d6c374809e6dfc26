"""Mantra: ``mantra -f SCENE.0001.ifd``, a scene file for each frame."""

from __future__ import annotations

from afanasy.afjob.program import OUTPUT, Program
from afanasy.afjob.shell import flag, line


class Mantra(Program):
    """Scene files of Mantra."""

    TITLE = "Mantra"
    EXTENSIONS = ("ifd",)
    EXECUTABLE = "mantra"
    SERVICE = "mantra"
    OPTIONS = (OUTPUT,)
    SCENE_PER_FRAME = True

    def command(self) -> str:
        """``-V a`` prints the progress for the parser."""
        shot, output = self.shot, self.output()
        return line(
            shot.executable, *flag("-j", shot.threads), "-V", "a", shot.extra,
            "-f", self.scene_sequence().farm(), output.farm() if output else "",
        )  # fmt: skip
