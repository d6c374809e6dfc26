"""A whole farm in one process: the real programs in a world of fake clocks, links and disks."""

from __future__ import annotations
