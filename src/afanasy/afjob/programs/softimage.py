"""Softimage: ``xsibatch -render SCENE -frames FIRST,LAST,BY``."""

from __future__ import annotations

from afanasy.afjob.program import FIRST, LAST, PASS, RENDERER, Option, Program
from afanasy.afjob.shell import flag, line

OUTPUT_FOLDER = Option("output-folder", "the folder that images are written to", "DIR")


class Softimage(Program):
    """Scenes of Softimage."""

    TITLE = "Softimage"
    EXTENSIONS = ("scn",)
    EXECUTABLE = "xsibatch"
    SERVICE = "xsi"
    OPTIONS = (PASS, OUTPUT_FOLDER, RENDERER)

    def service(self) -> str:
        """By the renderer that the passes use."""
        renderer = self.option(RENDERER).lower()
        return f"xsi_{renderer}" if renderer in ("arnold", "redshift") else self.SERVICE

    def command(self) -> str:
        """Without a pass all passes are rendered."""
        shot = self.shot
        return line(
            shot.executable, *flag("-thread", shot.threads), "-render", shot.scene,
            *flag("-pass", self.option(PASS)), "-frames", f"{FIRST},{LAST},{shot.by}",
            *flag("-output_dir", shot.path(OUTPUT_FOLDER)), shot.extra,
        )  # fmt: skip
