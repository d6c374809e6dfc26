"""Time zones: the clocks of the farm, as the core asks for them (``af_timezone``).

The empty name is the zone of this host. Zones come from the system's database (Debian: the package
``tzdata``), or from Python's package ``tzdata``; UTC needs neither.
"""

from __future__ import annotations

import time
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import structlog

log = structlog.get_logger("zones")


def utc_offset_s(zone: str, wall: float) -> int:
    """Seconds by which the clocks of a zone are ahead of UTC at a moment."""
    if zone == "UTC":
        return 0
    found = _zone(zone) if zone else None
    if found is None:
        return time.localtime(wall).tm_gmtoff
    offset = datetime.fromtimestamp(wall, found).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    """A zone that was checked when it was set; None when its file went away since then."""
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError) as error:
        log.error("time_zone_gone", zone=name, reason=str(error), hint="this host's zone is used")
        return None


def check_zone(zone: str) -> None:
    """Raises ValueError, a sentence, for a zone that this host does not know."""
    if zone not in ("", "UTC"):
        try:
            ZoneInfo(zone)
        except (LookupError, OSError, ValueError):
            raise ValueError(
                f"there is no time zone {zone!r} on this host; it is named as Europe/Berlin, and "
                "the package tzdata has them all"
            ) from None
