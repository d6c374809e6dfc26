"""A `blender` command made of the `bpy` module, for machines without the program (R45).

It understands the part of Blender's command line that renders in the background, works the
arguments off in the order they stand in, as Blender does, and prints what Blender prints. So the
service, its parser and the command of the block do not know the difference. Run by the Python of
the virtual environment that has `bpy`:

    blender -b SCENE [-E ENGINE] [-t THREADS] [-o OUTPUT] [-F FORMAT]
            [-s N] [-e N] [-j N] [-f N] [-a]
    blender -b --factory-startup -P SCRIPT [-- ARGUMENTS]

``--python-expr`` is understood too: the service puts its look for missing files there.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import bpy


class Fault(Exception):
    """The command line is wrong, or the scene cannot be read or rendered."""


def main(argv):
    """Work off ``argv``. Returns the exit status, 1 for a :class:`Fault`."""
    try:
        _work(list(argv))
    except Fault as fault:
        print(f"Error: {fault}", file=sys.stderr, flush=True)
        return 1
    print("\nBlender quit", flush=True)
    return 0


def _work(words):
    """Each option acts at once on the open scene."""
    while words:
        word = words.pop(0)
        if word == "--":
            return
        if word in _WITHOUT_VALUE:
            _WITHOUT_VALUE[word]()
        elif word in _WITH_VALUE:
            if not words:
                raise Fault(f"{word} needs a value")
            _WITH_VALUE[word](words.pop(0))
        elif word.startswith("-"):
            raise Fault(f"unknown argument {word} (this is Afanasy's small runner of bpy)")
        else:
            _open(word)


def _nothing():
    """An option that is true of `bpy` anyway: it has no window, no sound."""


def _version():
    print(f"Blender {bpy.app.version_string}", flush=True)


def _factory():
    bpy.ops.wm.read_factory_settings(use_empty=False)


def _open(path):
    if not Path(path).is_file():
        raise Fault(f"Cannot read file '{path}': No such file or directory")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(Path(path).resolve()))
    except RuntimeError as error:
        raise Fault(str(error).strip()) from None
    print(f'Read blend: "{path}"', flush=True)


def _script(path):
    if not Path(path).is_file():
        raise Fault(f"no script {path}")
    runpy.run_path(path, run_name="__main__")


def _expression(code):
    exec(compile(code, "--python-expr", "exec"), {"__name__": "__main__"})


def _engine(name):
    try:
        bpy.context.scene.render.engine = name
    except TypeError as error:
        raise Fault(f"engine {name}: {error}") from None


def _output(path):
    bpy.context.scene.render.filepath = path


def _format(name):
    try:
        bpy.context.scene.render.image_settings.file_format = name
    except TypeError as error:
        raise Fault(f"format {name}: {error}") from None


def _threads(text):
    render = bpy.context.scene.render
    count = _number(text)
    render.threads_mode = "FIXED" if count else "AUTO"
    if count:
        render.threads = count


def _start(text):
    bpy.context.scene.frame_start = _number(text)


def _end(text):
    bpy.context.scene.frame_end = _number(text)


def _step(text):
    bpy.context.scene.frame_step = _number(text)


def _frame(text):
    scene = bpy.context.scene
    before = scene.frame_start, scene.frame_end
    scene.frame_start = scene.frame_end = _number(text)
    _animation()
    scene.frame_start, scene.frame_end = before


def _animation():
    try:
        result = bpy.ops.render.render(animation=True)
    except RuntimeError as error:
        raise Fault(str(error).strip()) from None
    if result != {"FINISHED"}:
        raise Fault("the render was cancelled")


def _number(text):
    try:
        return int(text)
    except ValueError:
        raise Fault(f"{text!r} is not a whole number") from None


_WITHOUT_VALUE = {
    "-b": _nothing,
    "--background": _nothing,
    "-noaudio": _nothing,
    "-y": _nothing,
    "--enable-autoexec": _nothing,
    "-v": _version,
    "--version": _version,
    "--factory-startup": _factory,
    "-a": _animation,
    "--render-anim": _animation,
}

_WITH_VALUE = {
    "-P": _script,
    "--python": _script,
    "--python-expr": _expression,
    "-E": _engine,
    "--engine": _engine,
    "-o": _output,
    "--render-output": _output,
    "-F": _format,
    "--render-format": _format,
    "-t": _threads,
    "--threads": _threads,
    "-s": _start,
    "--frame-start": _start,
    "-e": _end,
    "--frame-end": _end,
    "-j": _step,
    "--frame-jump": _step,
    "-f": _frame,
    "--render-frame": _frame,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
