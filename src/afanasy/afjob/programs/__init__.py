"""One file per program: what a scene of its extensions becomes on the farm."""

from __future__ import annotations
