"""The clocks of time zones, as the server tells them to its core."""

from __future__ import annotations

import time

import pytest

from afanasy.server.zones import check_zone, utc_offset_s

WINTER, SUMMER = 1_800_000_000.0, 1_815_000_000.0  # January and July 2027


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch):
    """This host is there."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_new_york")
@pytest.mark.parametrize(
    ("zone", "winter_h", "summer_h"),
    [
        ("UTC", 0, 0), ("Europe/Berlin", 1, 2), ("Australia/Lord_Howe", 11, 10.5),
        ("", -5, -4), ("Mars/Olympus", -5, -4),
    ],
)  # fmt: skip
def test_seconds_ahead_of_utc(zone: str, winter_h: float, summer_h: float) -> None:
    """A zone that went away since it was set is this host's."""
    assert utc_offset_s(zone, WINTER) == winter_h * 3600
    assert utc_offset_s(zone, SUMMER) == summer_h * 3600


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "x" * 999]
)
def test_a_zone_that_nobody_knows(zone: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        check_zone(zone)


@pytest.mark.parametrize("zone", ["", "UTC", "Asia/Kathmandu"])
def test_zones_that_there_are(zone: str) -> None:
    check_zone(zone)
