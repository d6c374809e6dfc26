"""The renders of a pass, in the order in which work tries them (SEMANTICS 3.5, 3.7).

The order is taste: pools and renders have priorities, and the emptiest come first. Which renders
may take the work at all is asked elsewhere (:mod:`afanasy.core.place.checks_host`).

Work that prefers some pools has an order of its own. What it says counts for a pool as a whole, so
it is read once for each pool; the renders of a pool are in their common order already, and those of
pools that are preferred alike are merged. So a start costs it a few steps, as it costs other work.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from heapq import merge

from afanasy.core.place.checks_host import pool_matches
from afanasy.core.state import Branch, Job, Render, User

#: (-pool priority, running, -free capacity, -priority, last start or end, -capacity, -max tasks,
#: name)
RenderKey = tuple[int, int, float, int, int, float, int, str]
#: A render with its place and its name.
Row = tuple[RenderKey, str, Render]
#: What work says of pools: of the job, its user and its branches.
Maps = tuple[tuple[tuple[str, int], ...], ...]


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
        #: The same for each pool; empty until some work prefers one.
        self._by_pool: dict[str, list[Row]] = {}
        self._liked: dict[Maps, Preferred] = {}

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def moved(self, old_key: RenderKey, render: Render, *, still_open: bool) -> None:
        """``render`` took a task; its place was under ``old_key``."""
        new = (render_key(render), render.name, render) if still_open else None
        if _move(self._rows, old_key, render, new) and self._by_pool:
            _move(self._by_pool[render.spec.pool], old_key, render, new)

    def liked(self, maps: Maps) -> Preferred:
        """The renders in the order of work that says this of pools."""
        found = self._liked.get(maps)
        if found is None:
            if not self._by_pool:
                for row in self._rows:
                    self._by_pool.setdefault(row[2].spec.pool, []).append(row)
            found = self._liked[maps] = Preferred(self._by_pool, maps)
        return found


def _move(rows: list[Row], old_key: RenderKey, render: Render, new: Row | None) -> bool:
    """Put the render's row where it is now, or take it out; False when it is not one of these."""
    place = bisect_left(rows, (old_key, render.name))
    if place == len(rows) or rows[place][2] is not render:
        return False
    del rows[place]
    if new is not None:
        insort(rows, new)
    return True


class Preferred:
    """Renders of a pass in the order of work that prefers some pools: most liked first."""

    def __init__(self, by_pool: dict[str, list[Row]], maps: Maps) -> None:
        # Order among pools is their priority plus what the work says of them.
        groups: dict[int, list[list[Row]]] = {}
        for pool, rows in by_pool.items():
            if rows:  # else all of its renders are full, for the rest of this pass
                groups.setdefault(rows[0][0][0] - _bonus(maps, pool or "/"), []).append(rows)
        #: Pools that are liked the same, each with its renders in order.
        self._groups = [groups[order] for order in sorted(groups)]

    def __iter__(self) -> Iterator[Row]:
        for pools in self._groups:
            yield from pools[0] if len(pools) == 1 else merge(*pools, key=_within)


def _within(row: Row) -> tuple[object, ...]:
    """The order of renders whose pools come alike."""
    return row[0][1:]


def _bonus(maps: Maps, pool: str) -> int:
    """What work says of a pool (SEMANTICS 3.7): the sum of all values that mean it."""
    return sum(value for pools in maps for key, value in pools if pool_matches(key, pool))


def room_of(renders: Iterable[Render]) -> float:
    """The most capacity that is free on one of them; -1 when there is none."""
    room = -1.0
    for render in renders:
        capacity = render.capacity
        room = max(room, float("inf") if capacity < 0 else capacity - render.capacity_used)
    return room


def preferring(
    renders: Renders, job: Job, user: User, branches: tuple[Branch, ...]
) -> Iterable[Row]:
    """The renders in the order of a job that prefers some pools (SEMANTICS 3.7)."""
    maps = (job.spec.pools, user.spec.pools, *(branch.spec.pools for branch in branches))
    return renders.liked(tuple(tuple(pools.items()) for pools in maps if pools))
