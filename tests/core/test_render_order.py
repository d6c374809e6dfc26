"""The order in which work tries renders (SEMANTICS 3.5, 3.7), and what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.core import events
from afanasy.core.host import pool_edits
from afanasy.core.place import render_order
from afanasy.core.place.checks_host import pool_matches
from afanasy.core.place.render_order import Renders, preferring, render_key
from afanasy.core.state import Job, Render, User
from afanasy.model.attributes import JobSpec, PoolSpec, RenderSpec, UserSpec
from harness.farm import StoryFarm

PATHS = ("/", "/film", "/film/gpu", "/show", "/show/gpu")
KEYS = ("/", "/film", "/film/gpu", "/sh", "gpu", "i", "/nobody")


def farm_of(priorities: dict[str, int], places: list[str]) -> list[Render]:
    """A render in each of the places, in pools of these priorities."""
    farm = StoryFarm().core
    farm.pools.clear()
    for path in PATHS:
        spec = PoolSpec(priority=priorities[path])
        parent = farm.pools[path.rpartition("/")[0] or "/"] if path != "/" else None
        farm.pools[path] = pool_edits.Pool(path, 1 + len(farm.pools), spec, parent)
    renders: list[Render] = []
    for number, path in enumerate(places):
        render = Render(f"r{number}", 1 + number, RenderSpec(), capacity=1000, max_tasks=4)
        pool_edits.put(farm, render, farm.pools[path])
        renders.append(render)
    return renders


def plainly(rows: Renders, maps: list[dict[str, int]]) -> list[str]:
    """The order as it is written in SEMANTICS 3.5 and 3.7."""

    def order(render: Render) -> tuple[Any, ...]:
        path = render.spec.pool
        liked = sum(v for said in maps for key, v in said.items() if pool_matches(key, path))
        key = render_key(render)
        return (key[0] - liked, *key[1:])

    return [render.name for render in sorted((row[2] for row in rows), key=order)]


@given(
    priorities=st.fixed_dictionaries({path: st.sampled_from((98, 99, 100)) for path in PATHS}),
    places=st.lists(st.sampled_from(PATHS), max_size=9),
    said=st.lists(
        st.dictionaries(st.sampled_from(KEYS), st.sampled_from((-3, -1, 1, 2)), max_size=3),
        min_size=1,
        max_size=3,
    ),
    other=st.dictionaries(st.sampled_from(KEYS), st.sampled_from((-2, 1)), max_size=2),
    starts=st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=20),
)
def test_work_that_prefers_pools_has_its_own_order_at_every_start(
    priorities: dict[str, int],
    places: list[str],
    said: list[dict[str, int]],
    other: dict[str, int],
    starts: list[tuple[int, bool]],
) -> None:
    rows = Renders(farm_of(priorities, places))
    user = User("anna", 1, UserSpec(pools=said[0]))
    specs = [JobSpec(name="job", pools=said[-1]), JobSpec(name="other", pools=other)]
    first, second = (Job(n, n, user, spec) for n, spec in enumerate(specs))
    for index, still_open in [*starts, (0, True)]:
        found = preferring(rows, first, user, ())
        assert [row[1] for row in found] == plainly(rows, [said[-1], said[0]])
        assert [row[1] for row in found] == plainly(rows, [said[-1], said[0]]), "asked again"
        if len(starts) % 2:  # or it comes when some pools are full
            found = preferring(rows, second, user, ())
            assert [row[1] for row in found] == plainly(rows, [other, said[0]])
        listed = list(rows)
        if not listed:
            break
        key, _, render = listed[index % len(listed)]
        render.running += 1
        render.capacity_used += 250
        rows.moved(key, render, still_open=still_open)
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    found = preferring(rows, second, user, ())
    assert [row[1] for row in found] == plainly(rows, [other, said[0]])


def test_a_start_of_work_that_prefers_pools_costs_a_few_steps(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a look at each render: the pools are asked once, the renders are in order already."""
    steps: dict[str, int] = {"keys": 0, "pools": 0, "merged": 0}

    def counted(name: str, call: Any) -> Any:
        def counting(*args: Any) -> Any:
            steps[name] += 1
            return call(*args)

        return counting

    for path, name in (("/", "film"), ("/", "show"), ("/film", "gpu")):
        farm.apply(events.OperatePool(path, "add_pool", name=name))
    with farm.batch():
        for number in range(60):
            render = farm.render(f"r{number:02}", capacity=4000, max_tasks=4)
            pool_edits.put(farm.core, render, farm.core.pools[("/film", "/show")[number % 2]])
        farm.submit(240, job={"pools": {"/show": 10, "gpu": -5}})
    for attribute, name in (
        ("render_key", "keys"),
        ("pool_matches", "pools"),
        ("_within", "merged"),
    ):
        monkeypatch.setattr(
            render_order, attribute, counted(name, getattr(render_order, attribute))
        )
    runs = farm.start(240)
    assert {run.render.spec.pool for run in runs[:120]} == {"/show"}
    assert {run.render.spec.pool for run in runs[120:]} == {"/film"}
    assert steps["pools"] <= 2 * 2, "two keys, two pools with renders"
    assert steps["keys"] <= 60 * 2 + 240 * 4, "the order of all, then of the one that moved"
    assert steps["merged"] <= 240 * 2
