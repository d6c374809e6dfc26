"""One file per program: how its command line is built and its exit judged."""

from __future__ import annotations
