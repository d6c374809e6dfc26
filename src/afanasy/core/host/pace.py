"""How often an agent speaks of its tasks and of its host (SEMANTICS 6.5, 8.1, R44).

Two pool values, inherited; -1 and 0 are the default:

* ``heartbeat_sec``: one frame of progress for all tasks of a render every so many seconds;
* ``resources_update_period``: heartbeats from one report of resources to the next. The default is 5
  heartbeats of one second each, so either value alone changes the period. When no pool sets one of
  them the server's own period holds.

An agent hears it with its welcome, and at once when an edit or another pool changes it. Its signs
of life are the pings of the stream and follow no pool.
"""

from __future__ import annotations

from typing import Final

from afanasy.core.effects import SetPace
from afanasy.core.state import Farm, Render

HEARTBEAT_S: Final = 1
RESOURCES_HEARTBEATS: Final = 5
#: Nothing is said less often than once a day.
PERIOD_MAX_S: Final = 86_400


def take_up(render: Render) -> None:
    """Derive it for a render that registers: its welcome tells it."""
    render.heartbeat_s, render.resources_period_s = pace_of(render)


def refresh(farm: Farm, render: Render) -> None:
    """Its pools may say something else; the caller knows its pool. Tell a render that is online."""
    before = (render.heartbeat_s, render.resources_period_s)
    take_up(render)
    if render.link and before != (render.heartbeat_s, render.resources_period_s):
        farm.effects.append(SetPace(render.name, render.heartbeat_s, render.resources_period_s))


def pace_of(render: Render) -> tuple[int, int]:
    """Seconds of a heartbeat, and between reports of resources; 0 = the server's own period."""
    beat_s, beats = _value(render, "heartbeat_sec"), _value(render, "resources_update_period")
    period_s = 0
    if beat_s > 0 or beats > 0:
        period_s = (beat_s if beat_s > 0 else HEARTBEAT_S) * (
            beats if beats > 0 else RESOURCES_HEARTBEATS
        )
    beat_s = beat_s if beat_s > 0 else HEARTBEAT_S
    return min(beat_s, PERIOD_MAX_S), min(period_s, PERIOD_MAX_S)


def _value(render: Render, name: str) -> int:
    found = render.pool.value(name) if render.pool is not None else -1
    return found if isinstance(found, int) else -1
