"""The shell around the core: the port, the loop that owns the core, requests and answers."""

from __future__ import annotations
