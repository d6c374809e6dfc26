"""Fixtures of the command line: a canned farm, and the commands against it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.canned_farm import CannedFarm
from harness.commands import Afcmd


@pytest.fixture(autouse=True)
def _somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_USERNAME", "jimmy")
    monkeypatch.setenv("AF_HOSTNAME", "desk")
    for name in ("AF_SERVERNAME", "AF_SERVERPORT", "COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def farm() -> Iterator[CannedFarm]:
    with CannedFarm() as farm:
        yield farm


@pytest.fixture
def afcmd(farm: CannedFarm, capsys: pytest.CaptureFixture[str]) -> Afcmd:
    return Afcmd(farm, capsys)
