"""V-Ray Standalone: ``vray -sceneFile=SCENE -frames=FIRST-LAST,BY``."""

from __future__ import annotations

from afanasy.afjob.errors import JobError
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
    VARIES = True

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
            joined("-parameterOverride=", _override(*shot.vary) if shot.vary else ""),
            joined("-numThreads=", shot.threads),
            "-display=0", "-verboseLevel=3", "-progressIncrement=1", "-progressUseCR=0", shot.extra,
        )  # fmt: skip


def _override(attribute: str, value: str) -> str:
    """``PLUGIN::PARAMETER=VALUE``."""
    plugin, _, parameter = attribute.rpartition("::" if "::" in attribute else ".")
    if not (plugin and parameter):
        raise JobError("V-Ray sets PLUGIN::PARAMETER", option="--vary")
    return f"{plugin}::{parameter}={value}"
