"""The cap on a flood of output: how long to brake, and which part of the file to give up. Pure.

A command may write a gigabyte a second into ``out``. Two measures keep disk and memory below 100 MB
(RECIPES 4): the run is stopped for moments, so that it writes 20 MB/s on average, and what lies
between the head and the tail of the file is given back to the disk by punching a hole. The file's
size goes on growing; its blocks do not.
"""

from __future__ import annotations

from typing import Final

_MB: Final = 1024 * 1024
#: Average a run may write, bytes per second, and what it may write at once before it is braked.
RATE: Final = 20 * _MB
BURST: Final = 8 * _MB
#: Kept of a flooded file: its first and its newest part; a hole grows by at least a step.
HEAD: Final = 1 * _MB
TAIL: Final = 4 * _MB
STEP: Final = 2 * _MB
_BLOCK: Final = 4096


class Flood:
    """Guards the output of one run."""

    def __init__(self, now: float) -> None:
        self._tokens = float(BURST)
        self._last = now
        self._hole_end = HEAD

    def grew(self, count: int, now: float) -> float:
        """The output grew by ``count`` bytes: for how many seconds to stop the run, 0 = not."""
        self._tokens = min(float(BURST), self._tokens + (now - self._last) * RATE) - count
        self._last = now
        return -self._tokens / RATE if self._tokens < 0 else 0.0

    def hole(self, size: int) -> tuple[int, int] | None:
        """``(offset, length)`` to punch in a file of ``size`` bytes, None = nothing yet."""
        end = (size - TAIL) // _BLOCK * _BLOCK
        if end - self._hole_end < STEP:
            return None
        start, self._hole_end = self._hole_end, end
        return start, end - start

    def shrank(self) -> None:
        """The file was truncated: holes begin anew."""
        self._hole_end = HEAD
