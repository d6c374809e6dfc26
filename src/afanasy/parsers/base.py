"""What a program's output says: the base class of all parsers (SEMANTICS 9.2, R46).

The render gives a parser the bytes of the task's output as they arrive, in pieces of any size, and
reads the parser's state after each call. The base class cuts the bytes into lines and looks for
words that any program may print; a subclass knows its program. The result never depends on how the
output was cut into pieces.

To know a program by its words alone, fill the word lists: they are searched in every line, without
regard to case. To follow its progress, override ``line``. Most parsers need nothing else:

* ``line(text)`` gets each finished line, without its end (``\\n``, ``\\r`` or both);
* ``tail(text)`` gets the unfinished last line when it grew and then stood still. It may be called
  several times for one line, so it must never count frames;
* ``end(exit_status)`` is called once, after the last line.

An exception in any of them is written down in ``log`` and does the task no harm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from afanasy.parsers.example import Example

__all__ = ["LINE_BYTES_MAX", "LOOK_CHARS_MAX", "Example", "Parser"]

#: The rest of a longer line is dropped: a program that prints no newline must not fill the memory.
LINE_BYTES_MAX: Final = 64 * 1024
#: What a parser with costly patterns looks at: some take the square of a line's length.
LOOK_CHARS_MAX: Final = 4096
FILES_MAX: Final = 10_000
LOG_LINES_MAX: Final = 100
TEXT_CHARS_MAX: Final = 1000
#: A parser that fails on every line is written down this often, and then counted.
FAILURES_SHOWN: Final = 3

_TEXTS: Final = (
    *("error", "fatal_error", "bad_result", "finished_success"),
    *("error_class", "activity", "report"),
)
_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_ACTIVITY: Final = "ACTIVITY: "
_REPORT: Final = "REPORT: "
_IMAGE: Final = "Image: "
_IMAGE_MARK: Final = re.compile(r"@IMAGE!?@(.*)")


class Parser:
    """State of one run's output.

    ``frames_num`` is how many frames the task has, ``frame_start`` and ``frames_inc`` which ones.
    """

    #: Output with the expected result, run by a test for every parser.
    EXAMPLES: ClassVar[tuple[Example, ...]] = ()
    #: Words of a line that mark the task with a warning.
    WARNINGS: ClassVar[tuple[str, ...]] = ()
    #: Words of a line that stop the run as an error → the class of the error ("" = unknown, R18).
    ERRORS: ClassVar[Mapping[str, str]] = {}
    #: As ``ERRORS``, and the task is not tried again.
    FATAL_ERRORS: ClassVar[Mapping[str, str]] = {}
    #: Words that make the result bad; the program may finish, then the task is an error.
    BAD_RESULTS: ClassVar[Mapping[str, str]] = {}
    #: Words after which the run is stopped and counts as done.
    SUCCESSES: ClassVar[tuple[str, ...]] = ()

    _any_word: ClassVar[re.Pattern[str] | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        words = [*cls.WARNINGS, *cls.ERRORS, *cls.FATAL_ERRORS, *cls.BAD_RESULTS, *cls.SUCCESSES]
        if "" in words:
            raise ValueError(f"{cls.__name__}: an empty word would be found in every line")
        cls._any_word = re.compile("|".join(re.escape(w.lower()) for w in words)) if words else None

    def __init__(self, frames_num: int = 1, frame_start: int = 1, frames_inc: int = 1) -> None:
        self.frames_num = max(1, frames_num)
        self.frame_start = frame_start
        self.frames_inc = max(1, frames_inc)
        #: Percent of the task, -1 while nothing is known.
        self.percent: int = -1
        #: Finished frames, and percent of the one in work.
        self.frame: int = 0
        self.percentframe: int = 0
        self.warning = False
        #: The line that decided, "" = not seen. The first one stays.
        self.error = ""
        self.fatal_error = ""
        self.bad_result = ""
        self.finished_success = ""
        self.error_class = ""
        self.activity = ""
        self.report = ""
        self.log: list[str] = []
        #: Rendered files as the program prints them, each once.
        self.files: list[str] = []
        #: Bytes have arrived since the render last looked (R19).
        self.progress_changed = False
        self._seen_files: set[str] = set()
        self._rest = bytearray()
        self._after_cr = False
        self._tail_told = 0
        #: How often a method of the subclass raised.
        self.failures = 0

    # -- what a subclass overrides

    def line(self, text: str) -> None:
        """One finished line of the output."""

    def tail(self, text: str) -> None:
        """The unfinished last line, after it grew; never count frames here."""

    def end(self, exit_status: int) -> None:
        """The output is complete; negative statuses are signals."""

    # -- what a subclass calls

    def calculate(self) -> None:
        """Bring frame and percentframe into their bounds and set percent (SEMANTICS 9.2)."""
        self.frame = min(max(int(self.frame), 0), self.frames_num)
        self.percentframe = min(max(int(self.percentframe), 0), 100)
        if self.frames_num > 1:
            self.percent = min((100 * self.frame + self.percentframe) // self.frames_num, 100)
        else:
            self.percent = self.percentframe

    def append_file(self, path: str) -> None:
        """A rendered file, once, as the program printed it."""
        path = path.strip()
        if path and path not in self._seen_files and len(self.files) < FILES_MAX:
            self._seen_files.add(path)
            self.files.append(path)

    def set_error(self, text: str, error_class: str = "") -> None:
        """The run is an error and is to be stopped."""
        self.error = self.error or _story(text)
        self.error_class = self.error_class or error_class

    def set_fatal_error(self, text: str, error_class: str = "") -> None:
        """As ``set_error``; the task is not tried again."""
        self.fatal_error = self.fatal_error or _story(text)
        self.error_class = self.error_class or error_class

    def set_bad_result(self, text: str, error_class: str = "") -> None:
        """The program may finish, but what it makes is not good."""
        self.bad_result = self.bad_result or _story(text)
        self.error_class = self.error_class or error_class

    def set_finished_success(self, text: str) -> None:
        """All is done, even if the program does not exit."""
        self.finished_success = self.finished_success or _story(text)

    def note(self, text: str) -> None:
        """A line for the log of the task."""
        if len(self.log) < LOG_LINES_MAX:
            self.log.append(_story(text))

    # -- what the render calls

    def feed(self, data: bytes) -> None:
        """The next bytes of the output."""
        if not data:
            return
        self.progress_changed = True
        if self._after_cr and data[0] == 0x0A:
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        if not data:
            return
        lines = data.splitlines()  # bytes: only \n, \r and \r\n end a line
        unfinished = b"" if data[-1] in b"\r\n" else lines.pop()
        if lines:
            self._hold(lines[0])
            lines[0] = bytes(self._rest)
            self._rest.clear()
            self._tail_told = 0
            for one in lines:
                self._take(one[:LINE_BYTES_MAX])
        self._hold(unfinished)
        self._guard(self._tidy)

    def gap(self) -> None:
        """Some of the output was left out (a flood): what was begun is no line."""
        self._rest.clear()
        self._tail_told = 0
        self._after_cr = False

    def idle(self) -> None:
        """No newline came for 200 ms: show the unfinished line, once per growth (R46)."""
        if len(self._rest) > self._tail_told:
            self._tail_told = len(self._rest)
            text = _text(bytes(self._rest))
            self._guard(lambda: self.tail(text))
            self._guard(self._tidy)

    def finish(self, exit_status: int) -> None:
        """The end of the output: the unfinished line counts as a line."""
        if self._rest:
            last = bytes(self._rest)
            self._rest.clear()
            self._take(last)
        self._guard(lambda: self.end(exit_status))
        self._guard(self._tidy)
        if self.failures > FAILURES_SHOWN:
            self.log.append(f"parser: {self.failures} failures in all")

    def verdict(self, exit_status: int | None) -> str:
        """``error``, ``bad_output``, ``ok``; of a running program also ``warning``, ``progress``.

        The order is that of SEMANTICS 8.2, but a parser's own verdict is never lost to the exit
        status of the stop that it caused. ``exit_status`` None = running.
        """
        if self.fatal_error or self.error:
            return "error"
        if self.finished_success:
            return "ok"
        if exit_status:
            return "error"
        if self.bad_result:
            return "bad_output"
        if exit_status is None:
            return "warning" if self.warning else "progress"
        return "ok"

    # -- inside

    def _hold(self, piece: bytes) -> None:
        self._rest += piece[: max(0, LINE_BYTES_MAX - len(self._rest))]

    def _take(self, raw: bytes) -> None:
        text = _text(raw)
        if self._any_word is not None and self._any_word.search(text.lower()):
            self._match_words(text)
        self._match_common(text)
        # The words of self._guard, spelled out: this runs for every line of the farm.
        try:
            self.line(text)
        except (Exception, SystemExit) as problem:
            self._failed("line", problem)

    def _match_words(self, text: str) -> None:
        low = text.lower()
        if any(word.lower() in low for word in self.WARNINGS):
            self.warning = True
        for words, decide in (
            (self.FATAL_ERRORS, self.set_fatal_error),
            (self.ERRORS, self.set_error),
            (self.BAD_RESULTS, self.set_bad_result),
        ):
            for word, error_class in words.items():
                if word.lower() in low:
                    decide(text, error_class)
        if any(word.lower() in low for word in self.SUCCESSES):
            self.set_finished_success(text)

    def _match_common(self, text: str) -> None:
        if _ACTIVITY in text:
            self.activity = _story(text.rpartition(_ACTIVITY)[2])
        if _REPORT in text:
            self.report = _story(text.rpartition(_REPORT)[2])
        if "@IMAGE" in text and (mark := _IMAGE_MARK.search(text)):
            self.append_file(mark.group(1))
        if text.startswith(_IMAGE):
            self.append_file(text[len(_IMAGE) :])
            self.frame += 1
            self._guard(self.calculate)

    def _tidy(self) -> None:
        """A plug-in may have set anything: the render reads numbers in bounds, and texts."""
        self.warning = bool(self.warning)
        for name in _TEXTS:
            value: object = getattr(self, name)
            if not isinstance(value, str):
                setattr(self, name, str(value) if value else "")
        percent, frame, part = self.percent, self.frame, self.percentframe
        self.percent, self.frame, self.percentframe = -1, 0, 0
        self.percent = min(max(int(percent), -1), 100)
        self.frame = max(int(frame), 0)
        self.percentframe = min(max(int(part), 0), 100)

    def _guard(self, call: Callable[[], None]) -> None:
        try:
            call()
        except (Exception, SystemExit) as problem:
            self._failed(getattr(call, "__name__", ""), problem)

    def _failed(self, where: str, problem: BaseException) -> None:
        self.failures += 1
        if self.failures <= FAILURES_SHOWN:
            place = where if where.isidentifier() else "tail or end"
            what = f"{type(problem).__name__}: {problem}"
            self.note(f"parser {type(self).__name__}: {place} failed: {what}")


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return _COLOURS.sub("", text) if "\x1b" in text else text


def _story(text: str) -> str:
    """A text for people: one line, not too long."""
    return text.strip()[:TEXT_CHARS_MAX]
