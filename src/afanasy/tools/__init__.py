"""Small programs that tasks and post commands use."""

from __future__ import annotations
