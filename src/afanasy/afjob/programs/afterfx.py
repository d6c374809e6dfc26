"""After Effects: ``aerender -project SCENE [-comp NAME] -s FIRST -e LAST -i BY``."""

from __future__ import annotations

from afanasy.afjob.program import FIRST, LAST, OUTPUT, Option, Program
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import flag, line

COMP = Option("comp", "the composition; without it the render queue's first item")
SETTINGS = Option("settings-template", "the render settings")
MODULE = Option("output-template", "the output module")


class AfterEffects(Program):
    """Projects of After Effects."""

    TITLE = "After Effects"
    EXTENSIONS = ("aep", "aepx")
    EXECUTABLE = "aerender"
    SERVICE = "afterfx"
    OPTIONS = (COMP, OUTPUT, SETTINGS, MODULE)

    def output(self) -> Sequence | None:
        """A movie has no frame number."""
        found = super().output()
        if found and found.extension in (".mov", ".avi", ".mp4", ".mxf"):
            return Sequence(self.shot.path(OUTPUT))
        return found

    def command(self) -> str:
        """In output names of After Effects the number stands in brackets."""
        shot, output = self.shot, self.output()
        name = output.spelled(f"[{'#' * output.width}]") if output else ""
        comp = self.option(COMP)
        return line(
            shot.executable, "-project", shot.scene,
            *(("-comp", comp) if comp else ("-rqindex", "1")),
            "-s", FIRST, "-e", LAST, "-i", str(shot.by),
            *flag("-RStemplate", self.option(SETTINGS)),
            *flag("-OMtemplate", self.option(MODULE)),
            *flag("-output", name), "-v", "ERRORS_AND_PROGRESS", shot.extra,
        )  # fmt: skip
