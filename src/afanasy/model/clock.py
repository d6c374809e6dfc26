"""Time as an argument: the pair of clocks that enters the core (R3).

``mono`` never jumps: run times, retry waits, silence and cool-offs are measured with it. ``wall``
is unix seconds: what is stored or shown. Shells make a :class:`Now` with :func:`read_clocks`; the
core only receives it.
"""

from __future__ import annotations

import time
from typing import NamedTuple


class Now(NamedTuple):
    """One moment by both clocks, in seconds."""

    mono: float
    wall: float


def read_clocks() -> Now:
    """This moment. For shells only; the core is given its `now`."""
    return Now(time.monotonic(), time.time())  # noqa: TID251 (the one place that reads the wall clock)
