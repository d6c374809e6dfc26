"""Any command: the words that scripts print to show progress and their verdict (SEMANTICS 9.3).

``FRAME: n`` begins a frame (the first one only marks the start), ``PROGRESS: 45%`` is the progress
of the frame in work, ``ACTIVITY: text`` is shown beside the task. The texts in brackets decide.
"""

from __future__ import annotations

import re
from typing import Final

from afanasy.parsers.base import Example, Parser

_PROGRESS: Final = re.compile(r"PROGRESS:\s*(\d+)(?:\.\d+)?\s*%")


class Generic(Parser):
    """The parser of the service ``generic``."""

    WARNINGS = ("[ PARSER WARNING ]",)
    ERRORS = {"[ PARSER ERROR ]": ""}
    FATAL_ERRORS = {"[ PARSER FATAL ERROR ]": ""}
    BAD_RESULTS = {"[ PARSER BAD RESULT ]": "bad_output"}
    SUCCESSES = ("[ PARSER FINISHED SUCCESS ]",)

    EXAMPLES = (
        Example(
            5,
            "FRAME: 1\nPROGRESS: 50%\nFRAME: 2\nPROGRESS: 20%\nACTIVITY: hello\n",
            percent=24,
            frame=1,
            percentframe=20,
            activity="hello",
        ),
        Example(1, "nothing to see", percent=-1, frame=0),
        Example(1, "PROGRESS: 10% PROGRESS: 45%", percent=45),
        Example(1, "", tail="PROGRESS: 45%", percent=45),
        Example(3, "FRAME: 1\nFRAME: 2\n", tail="FRAME: 3", percent=33, frame=1),
        Example(1, "[ PARSER WARNING ] low disk", warning=True),
        Example(1, "[ PARSER ERROR ]", error=True),
        Example(1, "[ parser fatal error ]", fatal_error=True),
        Example(1, "[ PARSER BAD RESULT ]", bad_result=True, error_class="bad_output"),
        Example(1, "[ parser finished success ]", finished_success=True),
        Example(2, "Image: /p/a.1.exr\n", percent=50, frame=1, files=("/p/a.1.exr",)),
        Example(1, "done @IMAGE@/p/b.exr\n@IMAGE!@/p/c.exr", files=("/p/b.exr", "/p/c.exr")),
        Example(1, "REPORT: 12 shots\n", report="12 shots"),
    )

    _started = False

    def line(self, text: str) -> None:
        """Count frames and follow the progress."""
        if "FRAME: " in text:
            if self._started:
                self.frame += 1
            self._started = True
            self.percentframe = 0
            self.calculate()
        self._progress(text)

    def tail(self, text: str) -> None:
        """Progress printed without a newline."""
        self._progress(text)
        if "ACTIVITY: " in text:
            self.activity = text.rpartition("ACTIVITY: ")[2].strip()

    def _progress(self, text: str) -> None:
        if "PROGRESS:" in text and (found := _PROGRESS.findall(text)):
            self.percentframe = int(found[-1])
            self.calculate()
