"""How a demo ends before its time: something failed, or somebody asked it to stop.

Signals only leave a note; the conductor looks at it between steps. So no signal can fall between
starting a process and writing down that it was started.
"""

from __future__ import annotations

import signal
import time
from types import FrameType


class Trouble(Exception):
    """The demo failed. Its text says why and, where it can, what to do."""


class Interrupted(Exception):
    """Somebody asked the demo to stop; ``number`` is the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


_asked: list[int] = []


def _note(number: int, _frame: FrameType | None) -> None:
    _asked.append(number)


def listen() -> None:
    """From now on Ctrl-C, TERM and a closed terminal are noted instead of obeyed at once."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _note)


def check() -> None:
    """Raises :class:`Interrupted` when a signal has been noted."""
    if _asked:
        raise Interrupted(_asked[0])


def pause(seconds: float) -> None:
    """Sleep, but notice a signal within a twentieth of a second."""
    deadline = time.monotonic() + seconds
    while True:
        check()
        left = deadline - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, 0.05))
