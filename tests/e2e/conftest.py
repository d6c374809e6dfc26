"""A farm of real processes for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.processes import Farm


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Farm]:
    """A running server in an empty folder; renders are the test's to start."""
    with Farm(tmp_path) as farm:
        yield farm
