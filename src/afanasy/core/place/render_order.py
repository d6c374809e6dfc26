"""The renders of a pass, in the order in which work tries them (SEMANTICS 3.5, 3.7).

The order is taste: pools and renders have priorities, and the emptiest come first. Which renders
may take the work at all is asked elsewhere (:mod:`afanasy.core.place.checks_host`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from afanasy.core.place.checks_host import pool_matches
from afanasy.core.state import Branch, Job, Render, User

#: (-pool priority, running, -free capacity, -priority, last start or end, -capacity, -max tasks,
#: name)
RenderKey = tuple[int, int, float, int, int, float, int, str]


def render_key(render: Render) -> RenderKey:
    """Order of suitable renders (SEMANTICS 3.5): the emptiest first, then the longest idle."""
    capacity = render.capacity
    infinite = capacity < 0
    pool = render.pool
    return (
        -pool.priority if pool is not None else 0,
        render.running,
        -float("inf") if infinite else render.capacity_used - capacity,
        -render.spec.priority,
        render.task_time,
        -float("inf") if infinite else -capacity,
        -render.max_tasks,
        render.name,
    )


class Renders:
    """The open renders of a pass in their order; one moves when a task was started on it."""

    def __init__(self, renders: Iterable[Render]) -> None:
        self._rows = sorted((render_key(render), render.name, render) for render in renders)

    def __iter__(self) -> Iterator[tuple[RenderKey, str, Render]]:
        return iter(self._rows)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def moved(self, old_key: RenderKey, render: Render, *, still_open: bool) -> None:
        """``render`` took a task; its place was under ``old_key``."""
        row = (old_key, render.name)
        place = bisect_left(self._rows, row)
        if place == len(self._rows) or self._rows[place][2] is not render:
            return  # not one of these
        del self._rows[place]
        if still_open:
            insort(self._rows, (render_key(render), render.name, render))


def room_of(renders: Iterable[Render]) -> float:
    """The most capacity that is free on one of them; -1 when there is none."""
    room = -1.0
    for render in renders:
        capacity = render.capacity
        room = max(room, float("inf") if capacity < 0 else capacity - render.capacity_used)
    return room


def preferring(
    renders: Renders, job: Job, user: User, branches: tuple[Branch, ...]
) -> list[tuple[RenderKey, str, Render]]:
    """The renders in the order of a job that prefers some pools (SEMANTICS 3.7)."""
    maps = [job.spec.pools, user.spec.pools, *(branch.spec.pools for branch in branches)]

    def liked(render: Render) -> int:
        path = render.spec.pool or "/"
        return sum(
            value for pools in maps for key, value in pools.items() if pool_matches(key, path)
        )

    # Order among pools is their priority plus what the work says of them.
    return sorted(renders, key=lambda row: (row[0][0] - liked(row[2]), row[0][1:]))
