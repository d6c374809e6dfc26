"""``get`` stats: the traffic since the server's start (SEMANTICS 14.1 ``stat``, S67).

``time_s`` is the time in the server's hands, the wait for the commit included; ``commit_s`` is that
wait. Both are 0 for what costs nothing worth measuring.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from afanasy.model.clock import Now
from afanasy.server.show.get_request import GetRequest, check_mode
from afanasy.server.show.views import View
from afanasy.server.traffic import Count, Traffic

#: Directions: of a client and answered, of a render, to a render.
REQUEST: Final = "request"
FROM_RENDER: Final = "from render"
TO_RENDER: Final = "to render"


def stats_answer(traffic: Traffic, request: GetRequest, now: Now) -> View:
    """What is told of the traffic: kinds of messages and connections."""
    check_mode(request, ())
    messages = [_view(kind, REQUEST, count) for kind, count in traffic.requests.items()]
    messages += _of_renders(traffic.from_renders, FROM_RENDER)
    messages += _of_renders(traffic.to_renders, TO_RENDER)
    return {
        "stats": {
            "since": int(traffic.since_wall),
            "uptime_s": round(now.mono - traffic.since_mono, 3),
            "messages": messages,
            "connections": {
                name: {"now": one.now, "total": one.total}
                for name, one in traffic.connections.items()
            },
        }
    }


def _of_renders(counts: Mapping[type[Any], Count], direction: str) -> list[View]:
    return [_view(kind.__name__.lower(), direction, count) for kind, count in counts.items()]


def _view(kind: str, direction: str, count: Count) -> View:
    return {
        "kind": kind,
        "direction": direction,
        "count": count.count,
        "bytes_in": round(count.bytes_in),
        "bytes_out": round(count.bytes_out),
        "time_s": round(count.time_s, 6),
        "time_max_s": round(count.time_max_s, 6),
        "commit_s": round(count.commit_s, 6),
    }
