r"""ffmpeg: its status lines, its ``-progress`` blocks, and results that are shorter than asked.

Progress. A status line (``frame=  120 fps= 25 … time=00:00:04.80``) ends with ``\r``; the option
``-progress`` prints the same as ``key=value`` lines, closed by ``progress=end``.

* A task of several frames: frames encoded of frames expected. The ``Duration:`` of an image
  sequence is no help there, as ffmpeg guesses it from the first and last file.
* A task of one "frame" (an encode in a list block, whose length the farm does not know): time
  reached of the longest ``Duration:``, or frames of a line ``Frames: N`` when the command prints
  one.

Results that are too short. ffmpeg stops at the first missing picture of a sequence and exits with
0. So when it ends with 0 the parser counts:

* a task of several frames has a bad result (class ``missing_frames``) when fewer frames were
  encoded than it has. Frames that ffmpeg dropped on purpose (``drop=``, ``drop_frames=``) count
  as encoded. Where a filter changes the frame rate the count cannot be compared: give such a block
  the parser ``generic``;
* a task of one frame has a bad result when reading broke off (``Could not open file`` of a picture
  of a sequence, since version 6 also ``Error during demuxing``): the end of the input is then
  missing. Or when not a single frame was encoded;
* no count at all, as for sound alone, says nothing.

Errors. "No such file or directory" decides only where ffmpeg opens its input: in a sequence with a
gap the same words come with a film that is merely too short.
"""

from __future__ import annotations

import re
from typing import Final

from afanasy.parsers.base import LOOK_CHARS_MAX, Example, Parser

_FRAME: Final = re.compile(r"(?:^|\s)frame=\s*(\d+)")
_DROPPED: Final = re.compile(r"(?:^|\s)drop(?:_frames)?=\s*(\d+)")
_TIME: Final = re.compile(r"(?:^|\s|out_)time=\s*(\d+):(\d\d):(\d\d(?:\.\d+)?)")
_DURATION: Final = re.compile(r"\bDuration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
_TOTAL: Final = re.compile(r"\bFrames: *(\d+)")
_NO_FILE: Final = re.compile(r"no such file or directory|could find no file", re.IGNORECASE)
_OUTPUT: Final = re.compile(r"\b(?:opening|open|write|create|writing) output|\[out#", re.IGNORECASE)
_DENIED: Final = re.compile(r"permission denied|read-only file system", re.IGNORECASE)
_COMPLAINT: Final = re.compile(
    r"^(?:\[[^\]]*\] )*(?:Error\b|Conversion failed|Unknown (?:en|de)coder|Unrecognized option"
    r"|.*: Invalid data found)"
)


class Ffmpeg(Parser):
    """The parser of the service ``ffmpeg``."""

    WARNINGS = ("invalid",)
    ERRORS = {
        "impossible to open": "missing_input",
        "no space left on device": "storage",
        "cannot allocate memory": "memory",
    }
    BAD_RESULTS = {"output file is empty": "bad_output"}

    EXAMPLES = (
        Example(1, "  Duration: 00:00:10.00, start: 0\nsize=1 time=00:00:04.80\r", percent=48),
        Example(1, "Frames: 240\nframe=  120 fps= 25 q=28.0 size=1 time=N/A\r", percent=50),
        Example(24, "frame=    9 fps=0.0 q=-1.0 Lsize= 36KiB\n", percent=37, frame=9),
        Example(4, "frame=2\nout_time=00:00:00.083333\nprogress=continue\n", percent=50, frame=2),
        Example(
            1,
            "  Duration: N/A, start: 0\nframe=7\nout_time=00:00:01.5\nprogress=end\n",
            percent=100,
            exit_status=0,
        ),
        Example(
            24,
            "frame=    9 fps=0.0 q=-1.0 Lsize= 36KiB\n",
            percent=37,
            bad_result=True,
            error_class="missing_frames",
            exit_status=0,
        ),
        Example(24, "frame=   12 fps= 9 dup=0 drop=12 speed=1x\n", percent=100, exit_status=0),
        Example(
            1,
            "[in#0/image2 @ 0x5] Could not open file : /p/f.0010.png\n"
            "[in#0/image2 @ 0x5] Error during demuxing: No such file or directory\nframe=    9\n",
            bad_result=True,
            error_class="missing_frames",
            exit_status=0,
        ),
        Example(
            1,
            "[image2 @ 0x5] Could not open file : f.0010.png\nframe=    9 fps=0.0\n",
            bad_result=True,
            error_class="missing_frames",
            exit_status=0,
        ),
        Example(
            1,
            "[out#0/mp4 @ 0x5] Output file is empty, nothing was encoded\n",
            bad_result=True,
            error_class="bad_output",
        ),
        Example(
            1,
            "/p/nope.mov: No such file or directory\n",
            error=True,
            error_class="missing_input",
        ),
        Example(
            1,
            "[concat @ 0x5] Impossible to open 'b.mov'\n",
            error=True,
            error_class="missing_input",
        ),
        Example(
            1,
            "[out#0/mp4 @ 0x5] Error opening output /nope/a.mp4: No such file or directory\n",
            error=True,
            error_class="storage",
        ),
        Example(1, "Unknown encoder 'libx999'\n", error=True, exit_status=8),
        Example(1, "[mp3 @ 0x5] invalid new backstep\n", warning=True),
        Example(1, "size=  960KiB time=00:01:01.44 bitrate= 128kbits/s\n", exit_status=0),
    )

    def __init__(self, frames_num: int = 1, frame_start: int = 1, frames_inc: int = 1) -> None:
        super().__init__(frames_num, frame_start, frames_inc)
        self._encoded = -1
        self._dropped = 0
        self._frames_total = 0
        self._duration_s = 0.0
        self._input_open = False
        self._break = ""
        self._complaint = ""

    def line(self, text: str) -> None:
        """Progress or trouble of one line."""
        text = text[:LOOK_CHARS_MAX]
        if "=" in text:
            self._status(text)
        if text.startswith("progress=end"):
            if self.frames_num == 1:
                self.percentframe = 100
                self.calculate()
        elif found := _DURATION.search(text):
            self._duration_s = max(self._duration_s, _seconds(found))
        elif found := _TOTAL.search(text):
            self._frames_total = int(found.group(1))
        elif text.startswith("Input #"):
            self._input_open = True
        else:
            self._trouble(text)

    def tail(self, text: str) -> None:
        """A status line may stand for long before its end is printed."""
        if "=" in text:
            self._status(text)

    def end(self, exit_status: int) -> None:
        """Compare what was encoded with what was asked."""
        if exit_status != 0:
            if self._complaint and not self.error:
                self.set_error(self._complaint)
            return
        reason = f": {self._break}" if self._break else ""
        if self.frames_num > 1:
            if 0 <= self._encoded + self._dropped < self.frames_num and self._encoded >= 0:
                said = f"{self._encoded} of {self.frames_num} frames are encoded{reason}"
                self.set_bad_result(said, "missing_frames")
        elif self._break:
            self.set_bad_result(f"the input broke off{reason}", "missing_frames")
        elif self._encoded == 0:
            self.set_bad_result("no frame is encoded", "missing_frames")

    def _status(self, text: str) -> None:
        if found := _FRAME.search(text):
            self._encoded = int(found.group(1))
        if found := _DROPPED.search(text):
            self._dropped = int(found.group(1))
        reached = _TIME.search(text)
        if self.frames_num > 1:
            if self._encoded >= 0:
                self.frame = self._encoded + self._dropped
                self.percentframe = 0
                self.calculate()
        elif self._frames_total and self._encoded >= 0:
            self.percentframe = 100 * self._encoded // self._frames_total
            self.calculate()
        elif self._duration_s and reached:
            self.percentframe = int(100 * _seconds(reached) / self._duration_s)
            self.calculate()

    def _trouble(self, text: str) -> None:
        if _COMPLAINT.match(text):
            self._complaint = text
        if "Could not open file" in text or "Error during demuxing" in text:
            # Both come for one gap: the first names the file, the second why reading ended.
            if text not in self._break and len(self._break) < 500:
                self._break = f"{self._break}; {text}" if self._break else text
        elif _OUTPUT.search(text):
            if _NO_FILE.search(text) or _DENIED.search(text):
                self.set_error(text, "storage")
        elif _NO_FILE.search(text):
            # Versions before 6 name only the path: after the first input it may be the output's.
            known = not self._input_open or "input" in text.lower()
            self.set_error(text, "missing_input" if known else "")


def _seconds(found: re.Match[str]) -> float:
    hours, minutes, seconds = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
