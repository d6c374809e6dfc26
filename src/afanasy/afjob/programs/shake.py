"""Shake: ``shake -exec SCRIPT -vv -t FIRST-LASTxBY``."""

from __future__ import annotations

from afanasy.afjob.program import FIRST, LAST, Program
from afanasy.afjob.shell import flag, line


class Shake(Program):
    """Scripts of Shake."""

    TITLE = "Shake"
    EXTENSIONS = ("shk",)
    EXECUTABLE = "shake"
    SERVICE = "generic"

    def command(self) -> str:
        """All FileOut nodes of the script."""
        shot = self.shot
        words = (shot.executable, "-exec", shot.scene, "-vv", *flag("-cpus", shot.threads))
        return line(*words, "-t", f"{FIRST}-{LAST}x{shot.by}", shot.extra)
