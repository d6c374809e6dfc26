"""The seeds of the simulator that every check of a change lives through."""

from __future__ import annotations

#: Seeds 0 … this one.
LAST_SEED = 259
#: Each mark is hit at least so often in the set.
MARKS_MIN = 10
