"""Arnold: ``kick -i SCENE.0001.ass``, a scene file for each frame."""

from __future__ import annotations

from afanasy.afjob.program import CAMERA, OUTPUT, Program
from afanasy.afjob.shell import flag, line


class Arnold(Program):
    """Scene files of Arnold."""

    TITLE = "Arnold"
    EXTENSIONS = ("ass",)
    EXECUTABLE = "kick"
    SERVICE = "arnold"
    OPTIONS = (OUTPUT, CAMERA)
    SCENE_PER_FRAME = True

    def command(self) -> str:
        """No window, no preview passes, no keyboard; ``-v 5`` tells the progress."""
        shot, output = self.shot, self.output()
        return line(
            shot.executable, "-nstdin", "-nokeypress", "-dw", "-dp", "-v", "5",
            *flag("-t", shot.threads), *flag("-c", self.option(CAMERA)),
            *flag("-o", output.farm() if output else ""), shot.extra,
            "-i", self.scene_sequence().farm(),
        )  # fmt: skip
