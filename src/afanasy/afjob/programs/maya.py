"""Maya: ``Render -r RENDERER -s FIRST -e LAST -b BY … SCENE``."""

from __future__ import annotations

import re
from pathlib import PurePath

from afanasy.afjob.errors import JobError
from afanasy.afjob.program import (
    CAMERA,
    FIRST,
    LAST,
    LAYER,
    OUTPUT,
    PROJECT_FOLDER,
    RENDERER,
    Program,
)
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import flag, line
from afanasy.afjob.tile import Tile

#: ``-r`` → service, and the parser where it is not the service's own.
_SERVICES = {
    "arnold": ("maya_arnold", ""),
    "mr": ("maya_mental", ""),
    "redshift": ("maya_redshift", ""),
    "3delight": ("maya_delight", ""),
    "vray": ("maya", "vray"),
}
#: ``-r`` → the flag of its number of threads.
_THREADS = {"sw": "-n", "arnold": "-ai:threads", "mr": "-rt", "vray": "-threads"}


_ATTRIBUTE = re.compile(r"[A-Za-z_][\w:|]*(?:\.\w+(?:\[\d+\])?)+", re.ASCII)


class Maya(Program):
    """Scenes of Maya."""

    TITLE = "Maya"
    EXTENSIONS = ("ma", "mb")
    EXECUTABLE = "Render"
    SERVICE = "maya"
    OPTIONS = (RENDERER, CAMERA, LAYER, OUTPUT, PROJECT_FOLDER)
    VARIES = True
    TILES_WHOLE = True

    def service(self) -> str:
        """By the renderer; the scene's own one may be any."""
        return _SERVICES.get(self.option(RENDERER), (self.SERVICE, ""))[0]

    def parser(self) -> str:
        """V-Ray has no service of its own in Maya."""
        return _SERVICES.get(self.option(RENDERER), ("", ""))[1]

    def output(self) -> Sequence | None:
        """Maya joins name, number and extension by dots."""
        found = super().output()
        dots = found is None or (found.head.endswith(".") and found.tail.startswith("."))
        if not dots or (found and len(found.tail) < 2):
            raise JobError("Maya writes NAME.####.EXT", option="--output")
        return found

    def command(self) -> str:
        """The renderer that the scene names is called ``file``."""
        return self._line(FIRST, LAST, self.output())

    def tile_command(self, frame: int, tile: Tile, output: Sequence, *, crop: bool) -> str:
        """Arnold's own region; Maya counts its rows from below."""
        if self.option(RENDERER) != "arnold":
            raise JobError("Maya renders tiles with --renderer arnold", option="--tiles")
        if self.shot.resolution is None:
            raise JobError("Arnold's regions are in pixels", "say --resolution", option="--tiles")
        width, height = self.shot.resolution
        x0, y0, x1, y1 = tile.pixels(self.shot.resolution)
        region = ("-x", width, "-y", height, "-reg", x0, x1, height - 1 - y1, height - 1 - y0)
        return self._line(str(frame), str(frame), output, *map(str, region))

    def _line(self, first: str, last: str, output: Sequence | None, *more: str) -> str:
        shot = self.shot
        renderer = self.option(RENDERER) or "file"
        words = [shot.executable, "-r", renderer, "-s", first, "-e", last, "-b", str(shot.by)]
        words += flag(_THREADS.get(renderer, ""), shot.threads) if renderer in _THREADS else ()
        words += flag("-cam", self.option(CAMERA))
        words += flag("-rl", self.option(LAYER))
        if output:
            path = PurePath(output.head[:-1])
            words += ["-rd", str(path.parent), "-im", path.name, "-of", output.tail[1:]]
            words += ["-fnc", "name.#.ext", "-pad", str(output.width)]
        words += flag("-proj", shot.path(PROJECT_FOLDER))
        if shot.vary:
            words += ["-preRender", _set_attribute(*shot.vary)]
        return line(*words, *more, shot.extra, shot.scene)


def _set_attribute(attribute: str, value: str) -> str:
    """MEL that sets an attribute."""
    if not _ATTRIBUTE.fullmatch(attribute):
        raise JobError(
            f"{attribute!r} is no attribute of Maya", "as lightShape1.intensity", option="--vary"
        )
    return f"setAttr {attribute} {value}"
