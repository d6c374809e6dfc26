"""Fusion: ``FusionRenderNode COMP /render /start FIRST /end LAST /step BY /quit``."""

from __future__ import annotations

from afanasy.afjob.program import FIRST, LAST, Program
from afanasy.afjob.shell import line


class Fusion(Program):
    """Compositions of Fusion; what is written where is in their Saver tools."""

    TITLE = "Fusion"
    EXTENSIONS = ("comp",)
    EXECUTABLE = "FusionRenderNode"
    SERVICE = "fusion"

    def command(self) -> str:
        """``/verbose`` tells each frame."""
        shot = self.shot
        frames = ("/start", FIRST, "/end", LAST, "/step", str(shot.by))
        words = (shot.executable, shot.scene, "/render", *frames, "/verbose", shot.extra, "/quit")
        return line(*words)
