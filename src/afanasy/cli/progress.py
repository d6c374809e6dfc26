"""A bar for work that takes a while: one line on standard error, drawn over and over.

It is for people only: where standard error is a terminal, and neither ``--json`` nor a pipe behind
standard output says that a program reads. Everything else that is printed meanwhile goes through
:meth:`Progress.aside`, which takes the bar away first.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType

from afanasy.cli.humans import bar, duration, printable
from afanasy.cli.show import cut

#: Work that is done sooner shows no bar; then it is drawn so often.
_FIRST_S = 0.3
_EVERY_S = 0.1
_WIDTH = 20
_CLEAR = "\r\033[K"
#: An estimate needs that much to go by.
_ESTIMATE_S = 2.0


class Progress:
    """``with Progress("sending", 200) as bar: …; bar.at(n)``. ``total`` is what 100 % are."""

    def __init__(self, what: str, total: int = 100, *, as_json: bool = False) -> None:
        self.what = what
        self.total = total
        self.shown = not as_json and for_people()
        self._began = time.monotonic()
        self._next = self._began + _FIRST_S
        self._drawn = False
        self._first: int | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.clear()

    def at(self, done: int, note: str = "") -> None:
        """So much is done."""
        if not self.shown:
            return
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now < self._next:
            return
        self._next = now + _EVERY_S
        line = f"{bar(100 * done / max(self.total, 1), _WIDTH)}  {self.what}"
        line += f" {note}" if note else f" {done} of {self.total}"
        left_s = self._left_s(done, now)
        if left_s is not None:
            line += f", {duration(left_s)} left"
        try:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        except OSError:
            columns = 80
        sys.stderr.write(_CLEAR + cut(printable(line), max(columns - 1, 10)))
        sys.stderr.flush()
        self._drawn = True

    def _left_s(self, done: int, now: float) -> float | None:
        """Seconds to go at the pace since the beginning; None when there is no telling."""
        passed_s = now - self._began
        gained = done - (self._first or 0)
        if gained <= 0 or passed_s < _ESTIMATE_S:
            return None
        return passed_s / gained * max(self.total - done, 0)

    def clear(self) -> None:
        """Take the bar away; the next :meth:`at` draws it again."""
        if self._drawn:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self._drawn = False
            self._next = 0.0

    @contextmanager
    def aside(self) -> Generator[None]:
        """Print something else."""
        self.clear()
        yield
        if self.shown:
            sys.stdout.flush()


def for_people() -> bool:
    """Whether a person sees standard error, and no program reads standard output."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return False
    try:
        return not stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError):  # a closed or a made-up standard output
        return False
