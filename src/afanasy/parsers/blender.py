"""Blender 2.7 to 5: frames, samples and tiles, saved files, and what its errors mean.

Progress. ``Fra:12`` begins a frame. Inside it Cycles prints samples or tiles, Eevee (4.5) prints
``Rendering 1 / 64 samples``, the old internal renderer ``Part 8-16``. Only these forms count: a
line like ``Updating Mesh BVH wall.001 2/5`` counts meshes. A frame is done when Blender says
``Saved:`` (or skips or appends it), or when the next ``Fra:`` begins. Blender 5 prints no ``Fra:``
lines by default: there each new frame number among the saved names is a frame, so several files of
one frame (passes, two eyes) count once.

Errors. Blender may go on, and may exit with 0, after a line ``Error: …``. Those that are known to
spoil the task stop it, with their class. Others are kept: they are the reason when Blender then
exits with another status than 0, and a warning when it does not.

A Python traceback is an error too, also with exit status 0, which is what Blender returns after an
exception of a ``--python`` script. One exception to that: an add-on that failed before the first
frame, while then all frames were rendered, is only a warning.

After an error, frames that were not saved are no progress.

Missing files. Blender renders a missing texture in pink and exits with 0, and its output does not
say so. The service lets Blender look for its files before it renders
(``afanasy.services.blender``); the lines which that check prints make a bad result. Then neither
frames nor saved files count.
"""

from __future__ import annotations

import re
from typing import Final

from afanasy.parsers.base import LOOK_CHARS_MAX, Example, Parser

#: Printed by the check of the service, followed by the path.
MISSING_FILE: Final = "AFANASY: missing file "

_FRAME: Final = re.compile(r"^(?:\d\d:\d\d\.\d+ .*?\| )?Fra:\s*(-?\d+)")
_SAMPLES: Final = re.compile(
    r"(?:^|\| )(?:Rendered (\d+)/(\d+) Tiles(?:, Sample (\d+)/(\d+))?"
    r"|(?:Path Tracing Tile|Sample|Rendering) (\d+) ?/ ?(\d+))"
)
_PART: Final = re.compile(r"\bPart (\d+)-(\d+)")
_SAVED: Final = re.compile(r"(?:^|\| )Saved: (?:'(.+?)'(?:\s|$)|([^'\s].*?)(?:\s+Time: .*)?$)")
_OTHERWISE_DONE: Final = re.compile(
    r"(?:^|\| )(?:Append frame (-?\d+)|skipping existing frame \"(.*)\")"
)
_NUMBER: Final = re.compile(r"(-?\d+)\D*$")
_TRACEBACK: Final = "Traceback (most recent call last):"
_EXCEPTION: Final = re.compile(r"^[A-Za-z_][\w.]*(?::\s|:?$)")
_COMPLAINT: Final = re.compile(r"^(?:\d\d:\d\d\.\d+ .*?\| )?(?:Error:|ERROR\b|FATAL\b)")

#: Words of lines that spoil the task, and the class of each error (R18). The first that fits.
_KNOWN_ERRORS: Final = tuple(
    (error_class, re.compile(words, re.IGNORECASE))
    for error_class, words in (
        (
            "storage",
            r"render error.*cannot save|couldn't create directory for file"
            r"|no space left on device|read-only file system",
        ),
        (
            "memory",
            r"out of (?:gpu |host |system |shared )*memory|malloc returns null|\bMemoryError\b",
        ),
        (
            "scene",
            r"cannot render, no camera|no camera found in scene|not a blend file"
            r"|file format is not supported|failed to read blend file",
        ),
        (
            "missing_input",
            r"cannot (?:read|open) file|warning: unable to open|error: cannot find lib",
        ),
        (
            "crash",
            r"error: cuda error|(?:cuda|optix|hip|metal|oneapi) error[: ]"
            r"|segmentation fault|\bEXCEPTION_ACCESS_VIOLATION\b|writing: .*\.crash\.txt",
        ),
    )
)


class Blender(Parser):
    """The parser of the service ``blender``."""

    EXAMPLES = (
        Example(5, "Fra:1 Mem:8M | Scene\nFra:2 Mem:8M | Scene\n", percent=20, frame=1),
        Example(
            2,
            "Fra:1 Mem:8.55M (11.55M, peak 29.22M) | Scene, Part 8-16\n",
            percent=25,
            percentframe=50,
        ),
        Example(1, "Fra:1 Mem:8M | Rendered 136/272 Tiles\n", percent=50),
        Example(1, "Rendered 136/272 Tiles\nSample 12/128\n", percent=9),
        Example(1, "Fra:1 Mem:8M | Scene, Layer | Rendered 0/4 Tiles, Sample 32/64\n", percent=12),
        Example(1, "Fra:1 Mem:8M | Path Tracing Tile 136/510, Sample 9/9\n", percent=26),
        Example(1, "Fra:1 Mem:8M | Time:00:01.39 | Rendering 1 / 64 samples\n", percent=1),
        Example(1, "Fra:8 Mem:8M | Updating Mesh BVH wall.001 2/5 | Building BVH\n", percent=-1),
        Example(
            3,
            "Fra:7 Mem:8M | Sample 16/16\nSaved: 'render/pic.0007.jpg'\n Time: 00:00.62\n\n"
            "Fra:8 Mem:8M | Sample 8/16\n",
            percent=50,
            frame=1,
            files=("render/pic.0007.jpg",),
        ),
        Example(
            2,
            "00:02.024  render           | Saved: '/p/left_0001.png'\n"
            "00:02.030  render           | Saved: '/p/right_0001.png'\n",
            percent=50,
            frame=1,
            files=("/p/left_0001.png", "/p/right_0001.png"),
        ),
        Example(2, "Saved: /p/a.0001.png Time: 00:01.22\n", percent=50, files=("/p/a.0001.png",)),
        Example(2, 'skipping existing frame "/p/a.0001.png"\n', percent=50, frame=1),
        Example(
            1,
            'Error: Cannot read file "/p/a.blend": No such file or directory\n\nBlender quit\n',
            error=True,
            error_class="missing_input",
            exit_status=1,
        ),
        Example(
            1,
            "Fra:1 Mem:8M | Sample 16/16\n"
            "Error: Render error (No such file or directory) cannot save: '/p/a.png'\n",
            percent=-1,
            error=True,
            error_class="storage",
        ),
        Example(1, "Render error: cannot save: '/p/a.png'", error=True, error_class="storage"),
        Example(1, "Warning: Unable to open '/p/t.png'", error=True, error_class="missing_input"),
        Example(
            1,
            "CUDA error: Out of memory in cuMemAlloc(&device_pointer, size)\n",
            error=True,
            error_class="memory",
        ),
        Example(1, "Writing: /tmp/a.crash.txt\n", error=True, error_class="crash"),
        Example(
            1,
            "Traceback (most recent call last):\n"
            '  File "/p/x.py", line 3, in <module>\n    fail()\n'
            "KeyError: 'Cube'\n\nBlender quit\n",
            error=True,
            exit_status=0,
        ),
        Example(
            1,
            "Traceback (most recent call last):\n"
            '  File "/addons/x/__init__.py", line 3, in register\n'
            "AttributeError: no icons\nFra:1 Mem:8M | Sample 1/1\nSaved: '/p/a.png'\n",
            percent=100,
            warning=True,
            exit_status=0,
        ),
        Example(
            1,
            "Fra:1 Mem:8M | Sample 1/1\nSaved: '/p/a.png'\n"
            "Error: Not freed memory blocks: 3, total unfreed memory 0.1 MB\n",
            percent=100,
            warning=True,
            exit_status=0,
        ),
        Example(1, "Error: something new\n", error=True, warning=True, exit_status=1),
        Example(
            1,
            "AFANASY: missing file /p/wood.png\nFra:1 Mem:8M | Sample 16/16\nSaved: '/p/a.png'\n",
            percent=-1,
            bad_result=True,
            error_class="missing_input",
            exit_status=0,
        ),
    )

    def __init__(self, frames_num: int = 1, frame_start: int = 1, frames_inc: int = 1) -> None:
        super().__init__(frames_num, frame_start, frames_inc)
        self._token: int | None = None
        self._token_done = False
        self._saved_numbers: set[str] = set()
        self._in_traceback = False
        self._exception = ""
        self._exception_early = False
        self._complaint = ""

    def line(self, text: str) -> None:
        """Progress, files and errors of one line."""
        text = text[:LOOK_CHARS_MAX]
        if begun := _FRAME.match(text):
            self._frame_line(int(begun.group(1)), text)
        elif "Saved: " in text and (saved := _SAVED.search(text)):
            self._saved(saved.group(1) or saved.group(2))
        elif other := _OTHERWISE_DONE.search(text):
            self._frame_done(other.group(1) or _number_of(other.group(2)))
        elif text.startswith(MISSING_FILE):
            self.set_bad_result(text, "missing_input")
        elif self._in_traceback or text.startswith(_TRACEBACK):
            self._traceback_line(text)
        else:
            self._samples(text)
            self._trouble(text)

    def end(self, exit_status: int) -> None:
        """Judge what could not be judged before the outcome was known."""
        if self._in_traceback:
            self._keep_exception(_TRACEBACK)
        if self._exception:
            if self._exception_early and self.frame >= self.frames_num and exit_status == 0:
                self.warning = True
                self.note(f"an add-on failed before the first frame: {self._exception}")
            else:
                self._fail(self._exception, _class_of(self._exception))
        elif self._complaint and exit_status != 0:
            self._fail(self._complaint, "")

    def _lost(self) -> bool:
        """Nothing that is rendered now can count."""
        return bool(self.error or self.bad_result)

    def _frame_line(self, token: int, text: str) -> None:
        if self._lost():
            return
        if token != self._token:
            if self._token is not None and not self._token_done:
                self.frame += 1
            self._token, self._token_done = token, False
            self.percentframe = 0
            if self.frame:
                self.calculate()
        self._samples(text)
        if part := _PART.search(text):
            self._inside(int(part.group(1)), int(part.group(2)))

    def _samples(self, text: str) -> None:
        found = _SAMPLES.search(text)
        if found is None or self._lost():
            return
        tiles, tiles_num, sample, samples_num, done, of = (
            int(group) if group else 0 for group in found.groups()
        )
        if of:
            self._inside(done, of)
        elif samples_num:
            self._inside(tiles * samples_num + sample, tiles_num * samples_num)
        else:
            self._inside(tiles, tiles_num)

    def _inside(self, done: int, of: int) -> None:
        if of > 0 and not self._token_done:
            self.percentframe = 100 * done // of
            self.calculate()

    def _saved(self, path: str) -> None:
        if self.bad_result:
            return
        self.append_file(path)
        self._frame_done(_number_of(path))

    def _frame_done(self, number: str) -> None:
        if self._lost():
            return
        if self._token is not None:
            if self._token_done:
                return
            self._token_done = True
        elif number in self._saved_numbers or self.frame >= self.frames_num:
            return
        else:
            self._saved_numbers.add(number)
        self.frame += 1
        self.percentframe = 100 if self.frame >= self.frames_num else 0
        self.calculate()

    def _traceback_line(self, text: str) -> None:
        if text.startswith(_TRACEBACK):
            self._in_traceback = True
        elif _EXCEPTION.match(text):
            self._in_traceback = False
            self._keep_exception(text)
            self._trouble(text)

    def _keep_exception(self, text: str) -> None:
        self._exception = text
        self._exception_early = self._token is None and not self.files

    def _trouble(self, text: str) -> None:
        if error_class := _class_of(text):
            self._fail(text, error_class)
        elif _COMPLAINT.match(text):
            self._complaint = text
            self.warning = True

    def _fail(self, text: str, error_class: str) -> None:
        self.set_error(text, error_class)
        self.percentframe = 0
        if self.frame:
            self.calculate()
        else:
            self.percent = -1


def _class_of(text: str) -> str:
    return next((name for name, words in _KNOWN_ERRORS if words.search(text)), "")


def _number_of(path: str) -> str:
    """The frame number in a file's name; names without one are told apart by themselves."""
    name = re.split(r"[/\\]", path)[-1].rpartition(".")[0] or path
    found = _NUMBER.search(name)
    return found.group(1) if found else path
