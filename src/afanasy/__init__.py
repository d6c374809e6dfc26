"""Afanasy, a render farm manager. See ARCHITECTURE.md for the map of this package."""

from __future__ import annotations

__version__ = "0.1.0"
