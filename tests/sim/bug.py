"""What a planted bug is."""

from __future__ import annotations

from typing import NamedTuple


class Bug(NamedTuple):
    """One planted bug: in the source of a module one text becomes another."""

    name: str
    module: str
    old: str
    new: str
