"""Natron: ``NatronRenderer -w NODE FIRST-LAST:BY PROJECT``."""

from __future__ import annotations

from afanasy.afjob.program import FIRST, LAST, NODE, OUTPUT, Program
from afanasy.afjob.shell import flag, line


class Natron(Program):
    """Projects of Natron."""

    TITLE = "Natron"
    EXTENSIONS = ("ntp",)
    EXECUTABLE = "NatronRenderer"
    SERVICE = "natron"
    OPTIONS = (NODE, OUTPUT)

    def command(self) -> str:
        """A file of its own can be given to a named writer only, so the file follows the node."""
        shot, output = self.shot, self.output()
        node = self.option(NODE) or ("Write1" if output else "")
        step = f":{shot.by}" if shot.by > 1 else ""
        return line(
            shot.executable, *flag("-w", node), output.hashes() if output else "",
            f"{FIRST}-{LAST}{step}", shot.extra, shot.scene,
        )  # fmt: skip
