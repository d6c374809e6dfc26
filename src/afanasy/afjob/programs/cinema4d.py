"""Cinema 4D: ``Commandline -render SCENE -frame FIRST LAST BY``."""

from __future__ import annotations

from afanasy.afjob.program import FIRST, FORMAT, LAST, OUTPUT, TAKE, Option, Program
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import flag, line

MULTIPASS = Option("multipass", "the images of the passes to write", "PATH")


class Cinema4d(Program):
    """Scenes of Cinema 4D."""

    TITLE = "Cinema 4D"
    EXTENSIONS = ("c4d",)
    EXECUTABLE = "Commandline"
    SERVICE = "c4d"
    OPTIONS = (OUTPUT, MULTIPASS, FORMAT, TAKE)

    def output(self) -> Sequence | None:
        """Cinema 4D puts four digits behind the name by itself: ``img.####.png`` is its img."""
        found = super().output()
        if found is None:
            return None
        return Sequence(found.head.rstrip("._"), 4, found.extension)

    def command(self) -> str:
        """The extension of the output is the format when none is named."""
        shot, output = self.shot, self.output()
        words = [shot.executable, "-nogui", "-render", shot.scene]
        words += ["-frame", FIRST, LAST, str(shot.by)]
        if output:
            words += ["-oimage", output.head]
        kind = self.option(FORMAT) or (output.extension[1:] if output else "")
        words += flag("-omultipass", shot.path(MULTIPASS))
        words += flag("-oformat", kind.upper())
        words += flag("-take", self.option(TAKE))
        return line(*words, *flag("-threads", shot.threads), shot.extra)
