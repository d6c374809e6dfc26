"""LightWave: ``lwsn -3 [-dPROJECT] SCENE FIRST LAST BY``."""

from __future__ import annotations

from afanasy.afjob.program import FIRST, LAST, PROJECT_FOLDER, Option, Program
from afanasy.afjob.shell import joined, line

CONFIG = Option("config-folder", "the folder of LightWave's settings", "DIR")


class Lightwave(Program):
    """Scenes of LightWave."""

    TITLE = "LightWave"
    EXTENSIONS = ("lws",)
    EXECUTABLE = "lwsn"
    SERVICE = "lightwave"
    OPTIONS = (PROJECT_FOLDER, CONFIG)

    def command(self) -> str:
        """``-3`` is the mode without a network of its own."""
        shot = self.shot
        return line(
            shot.executable, "-3", joined("-c", shot.path(CONFIG)),
            joined("-d", shot.path(PROJECT_FOLDER)), shot.extra,
            shot.scene, FIRST, LAST, str(shot.by),
        )  # fmt: skip
