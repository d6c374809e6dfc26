"""V-Ray Standalone: ``vray -sceneFile=SCENE -frames=FIRST-LAST,BY``."""

from __future__ import annotations

from afanasy.afjob.program import CAMERA, FIRST, LAST, OUTPUT, Program
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import joined, line


class Vray(Program):
    """Scene files of V-Ray."""

    TITLE = "V-Ray"
    EXTENSIONS = ("vrscene",)
    EXECUTABLE = "vray"
    SERVICE = "vray"
    OPTIONS = (OUTPUT, CAMERA)

    def output(self) -> Sequence | None:
        """V-Ray puts a dot and four digits behind the name by itself."""
        found = super().output()
        return Sequence(found.head.rstrip("._") + ".", 4, found.tail) if found else None

    def command(self) -> str:
        """``-display=0``: no window; the progress as lines for the parser."""
        shot, output = self.shot, self.output()
        return line(
            shot.executable, f"-sceneFile={shot.scene}", f"-frames={FIRST}-{LAST},{shot.by}",
            joined("-imgFile=", output.head[:-1] + output.tail if output else ""),
            joined("-camera=", self.option(CAMERA)),
            joined("-numThreads=", shot.threads),
            "-display=0", "-verboseLevel=3", "-progressIncrement=1", "-progressUseCR=0", shot.extra,
        )  # fmt: skip
