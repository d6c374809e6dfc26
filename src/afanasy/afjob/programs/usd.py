"""USD with Houdini's husk: ``husk --frame FIRST --frame-count N --frame-inc BY STAGE``."""

from __future__ import annotations

from afanasy.afjob.errors import JobError
from afanasy.afjob.program import CAMERA, FIRST, OUTPUT, RENDERER, Program
from afanasy.afjob.shell import flag, line


class Usd(Program):
    """Stages of USD, rendered by Karma or another Hydra delegate."""

    TITLE = "USD"
    EXTENSIONS = ("usd", "usda", "usdc", "usdz")
    EXECUTABLE = "husk"
    SERVICE = "karma"
    OPTIONS = (OUTPUT, RENDERER, CAMERA)

    def command(self) -> str:
        """husk counts frames, so all tasks must have the same number of them."""
        shot, output = self.shot, self.output()
        count = min(shot.per_task, len(shot.frames))
        if len(shot.frames) % count:
            raise JobError(
                f"{len(shot.frames)} frames do not make tasks of {count}",
                "husk needs the same number in each",
                option="--per-task",
            )
        return line(
            shot.executable, "--verbose", "a", "--frame", FIRST, "--frame-count", str(count),
            "--frame-inc", str(shot.by), *flag("--renderer", self.option(RENDERER)),
            *flag("--camera", self.option(CAMERA)), *flag("--threads", shot.threads),
            *flag("--output", output.houdini() if output else ""), shot.extra, shot.scene,
        )  # fmt: skip
