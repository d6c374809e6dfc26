"""Nuke: ``nuke -F FIRST-LASTxBY [-m THREADS] [-X NODE] -x SCRIPT``."""

from __future__ import annotations

from afanasy.afjob.program import FIRST, LAST, NODE, Option, Program
from afanasy.afjob.shell import flag, line

VIEW = Option("view", "the views, as left,right")


class Nuke(Program):
    """Scripts of Nuke; what is written where is in their Write nodes."""

    TITLE = "Nuke"
    EXTENSIONS = ("nk",)
    EXECUTABLE = "nuke"
    SERVICE = "nuke"
    OPTIONS = (NODE, VIEW)

    def command(self) -> str:
        """Without a node all Write nodes that are on."""
        shot = self.shot
        return line(
            shot.executable, "-F", f"{FIRST}-{LAST}x{shot.by}", *flag("-m", shot.threads),
            *flag("--view", self.option(VIEW)), *flag("-X", self.option(NODE)),
            shot.extra, "-x", shot.scene,
        )  # fmt: skip
