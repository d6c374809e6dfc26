"""Blender: ``blender -b SCENE … -s FIRST -e LAST -j BY -a``.

Blender works off its arguments in order: the scene first, then what changes it, then the frames.
Camera, view layer and the border of a tile have no argument of their own; short Python expressions
set them. A POSIX shell and ``cmd.exe`` pass them on alike: names from the command line go in as
hexadecimal digits where they hold anything but letters, digits and blanks.
"""

from __future__ import annotations

import ast

from afanasy.afjob.errors import JobError
from afanasy.afjob.program import (
    CAMERA,
    FIRST,
    FORMAT,
    LAST,
    LAYER,
    OUTPUT,
    RENDERER,
    Option,
    Program,
)
from afanasy.afjob.sequence import Sequence, parse
from afanasy.afjob.shell import Raw, flag, line
from afanasy.afjob.tile import Tile

SCENE = Option("scene", "the scene in the file")

#: Extension → Blender's name of the format, the first of several the usual one.
_FORMATS = {
    ".png": "PNG", ".exr": "OPEN_EXR", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF",
    ".tiff": "TIFF", ".tga": "TGA", ".bmp": "BMP", ".dpx": "DPX", ".cin": "CINEON",
    ".hdr": "HDR", ".webp": "WEBP", ".jp2": "JP2",
}  # fmt: skip
#: The other way round.
_EXTENSIONS = {name: ending for ending, name in reversed(_FORMATS.items())} | {
    "OPEN_EXR_MULTILAYER": ".exr", "MULTILAYER": ".exr", "IRIS": ".rgb", "RAWTGA": ".tga",
}  # fmt: skip

#: A tile in whole pixels. Engines round the border to the nearest pixel or down: a tenth of one
#: more makes both the same.
_BORDER = """\
r=bpy.context.scene.render
w,h=(v*r.resolution_percentage//100 for v in (r.resolution_x,r.resolution_y))
r.use_border=True
r.use_crop_to_border={crop}
r.border_min_x=(w*{left}//{columns}+.1)/w
r.border_max_x=min(1,(w*{right}//{columns}+.1)/w)
r.border_min_y=(h*{bottom}//{rows}+.1)/h
r.border_max_y=min(1,(h*{top}//{rows}+.1)/h)"""


class Blender(Program):
    """Scenes of Blender."""

    TITLE = "Blender"
    EXTENSIONS = ("blend",)
    EXECUTABLE = "blender"
    SERVICE = "blender"
    OPTIONS = (OUTPUT, FORMAT, RENDERER, CAMERA, LAYER, SCENE)
    FRAME_MIN = 0  # to Blender -5 is five frames before the end
    VARIES = True

    def command(self) -> str:
        """``-j`` is said too: the step of the scene would be used else."""
        output = self.output()
        frames = ("-s", FIRST, "-e", LAST, "-j", str(self.shot.by), "-a")
        return line(*self._scene(), *self._image(output), self.shot.extra, *frames)

    def tile_command(self, frame: int, tile: Tile, output: Sequence, *, crop: bool) -> str:
        """The border is measured from below."""
        code = _BORDER.format(
            crop=crop, left=tile.column - 1, right=tile.column, columns=tile.columns,
            bottom=tile.rows - tile.row, top=tile.rows - tile.row + 1, rows=tile.rows,
        )  # fmt: skip
        frames = ("-s", str(frame), "-e", str(frame), "-j", "1", "-a")
        return line(*self._scene(code), *self._image(output), self.shot.extra, *frames)

    def output(self) -> Sequence | None:
        """``//`` begins a path beside the scene; an extension that is not said is added."""
        text = self.option(OUTPUT)
        found = parse(text).numbered() if text.startswith("//") else super().output()
        ending = _EXTENSIONS.get(self.option(FORMAT).upper(), "")
        if found is not None and not found.extension and ending:
            return Sequence(found.head, found.width, found.tail + ending)
        return found

    def images(self) -> Sequence | None:
        """Paths that begin with ``//`` lie beside the scene."""
        found = super().images()
        if found is None or not found.head.startswith("//") or self.shot.images:
            return found
        folder = self.shot.scene[: max(self.shot.scene.rfind("/"), self.shot.scene.rfind("\\")) + 1]
        return Sequence(folder + found.head[2:], found.width, found.tail)

    def _scene(self, *more: str) -> tuple[str, ...]:
        """The scene, and the code that changes it: by our options, then ``more``."""
        shot = self.shot
        words = [shot.executable, "-b", shot.scene, *flag("-S", self.option(SCENE))]
        words += flag("-E", self.option(RENDERER))
        words += flag("-t", shot.threads)
        code: list[str] = []
        if camera := self.option(CAMERA):
            code.append(f"bpy.context.scene.camera=bpy.data.objects[{literal(camera)}]")
        if layer := self.option(LAYER):
            code.append(f"v=bpy.context.scene.view_layers\nv[{literal(layer)}]")
            code.append(f"for l in v: l.use=l.name=={literal(layer)}")
        if shot.vary:
            code.append(assignment(*shot.vary))
        code += more
        return (*words, *((expression("\n".join(code)),) if code else ()))

    def _image(self, output: Sequence | None) -> tuple[str, ...]:
        kind = self.option(FORMAT).upper()
        if output is None:
            return flag("-F", kind)
        if not kind and output.extension:
            kind = _FORMATS.get(output.extension, "")
            if not kind:
                raise JobError(
                    f"{output.extension} is no extension of an image that Blender writes",
                    "name the format by --format",
                    option="--output",
                )
        return ("-o", output.hashes(), *flag("-F", kind))


def literal(text: str) -> str:
    """The text as Python writes it, without a character that a shell could take for its own."""
    if all(c.isascii() and (c.isalnum() or c in " _.-") for c in text):
        return f"'{text}'"
    return f"bytes.fromhex('{text.encode().hex()}').decode()"


#: What an attribute of ``--vary`` begins with.
_ROOTS = {"scene": "bpy.context.scene", "data": "bpy.data"}


def assignment(attribute: str, value: str) -> str:
    """Code that sets ``scene.cycles.samples`` or ``data.objects["Cube"].location[2]``."""

    def spelled(node: ast.expr) -> str:
        match node:
            case ast.Name(id=name) if name in _ROOTS:
                return _ROOTS[name]
            case ast.Attribute(value=owner, attr=name):
                return f"{spelled(owner)}.{name}"
            case ast.Subscript(value=owner, slice=ast.Constant(value=str(name))):
                return f"{spelled(owner)}[{literal(name)}]"
            case ast.Subscript(value=owner, slice=ast.Constant(value=int(index))):
                return f"{spelled(owner)}[{index}]"
            case _:
                pass
        raise ValueError(ast.unparse(node))

    try:
        tree = ast.parse(attribute, mode="eval").body
        if isinstance(tree, ast.Name):
            raise ValueError(attribute)
        return f"{spelled(tree)}={value}"
    except (SyntaxError, ValueError):
        raise JobError(
            f"{attribute!r} is no attribute of Blender",
            "as scene.cycles.samples or data.lights['Sun'].energy",
            option="--vary",
        ) from None


def expression(code: str) -> Raw:
    """The argument pair that runs the code, quoted for both shells."""
    assert not set(code) & set('"\\$`%!'), f"a shell would change this: {code}"
    inner = ("import bpy\n" + code).replace("'", "\\'").replace("\n", "\\n")
    return Raw(f"""--python-exit-code 1 --python-expr "exec('{inner}')\"""")
