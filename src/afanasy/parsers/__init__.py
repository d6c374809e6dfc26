"""One file per program: how its output tells progress and errors."""

from __future__ import annotations
