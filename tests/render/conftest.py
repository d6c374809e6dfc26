"""Fixtures: a stand server and agents that talk to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from render.stand import StandRender, StandServer


@pytest.fixture
def server() -> Iterator[StandServer]:
    stand = StandServer()
    yield stand
    stand.close()


@pytest.fixture
def cold_render(server: StandServer, tmp_path: Path) -> Iterator[StandRender]:
    """A render that is not started yet."""
    stand = StandRender(server, tmp_path)
    yield stand
    stand.close()


@pytest.fixture
def render(cold_render: StandRender, server: StandServer) -> StandRender:
    """A registered render."""
    cold_render.boot()
    server.wait_registered()
    return cold_render
