"""Clarisse: ``crender ARCHIVE -image ITEM -frames_list FIRST:LAST%BY``; cnode for projects."""

from __future__ import annotations

from afanasy.afjob.program import FIRST, FORMAT, LAST, NODE, OUTPUT, Program
from afanasy.afjob.shell import flag, line


class Clarisse(Program):
    """Render archives and projects of Clarisse; the node is an image, as project://scene/image."""

    TITLE = "Clarisse"
    EXTENSIONS = ("render", "project")
    EXECUTABLE = "crender"
    SERVICE = "clarisse"
    OPTIONS = (NODE, OUTPUT, FORMAT)
    REQUIRED = (NODE,)

    def command(self) -> str:
        """Only cnode reads projects."""
        shot, output = self.shot, self.output()
        program = shot.executable
        if program == self.EXECUTABLE and shot.scene.lower().endswith(".project"):
            program = "cnode"
        step = f"%{shot.by}" if shot.by > 1 else ""
        return line(
            program, shot.scene, "-image", self.option(NODE),
            "-frames_list", f"{FIRST}:{LAST}{step}",
            *flag("-output", output.hashes() if output else ""),
            *flag("-format", self.option(FORMAT)), shot.extra,
        )  # fmt: skip
