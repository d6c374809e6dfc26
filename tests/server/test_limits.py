"""What ``get limits`` answers: each row tells what is held where its limit is."""

from __future__ import annotations

from typing import Any

import pytest

from afanasy.core import events
from afanasy.model.farm_setup import FarmSetup, Pattern, ServiceRule
from afanasy.server.change.limits import limits_answer
from harness.farm import StoryFarm


@pytest.fixture
def farm():
    farm = StoryFarm()
    yield farm
    farm.close()


def rows(farm: StoryFarm) -> dict[str, dict[str, Any]]:
    found: Any = limits_answer(farm.core)["limits"]
    return {row["place"]: row for row in found}


def figures(row: dict[str, Any]) -> tuple[int, int, dict[str, int], dict[str, int]]:
    holders = {one["name"]: one["units"] for one in row["holders"]}
    return row["used"], row["hosts"], row["held_on"], holders


def test_rows_of_hosts_tell_their_own_use(farm: StoryFarm) -> None:
    for name, tasks in (("r1", 3), ("r2", 1), ("r3", 1)):
        farm.render(name, capacity=10_000, max_tasks=tasks)
    farm.apply(events.OperatePool("/", "add_pool", name="gpu"))
    farm.apply(events.OperateRender("r1", "set_pool", pool="/gpu"))
    farm.apply(events.ChangeTickets("r1", "", "t", 5))
    farm.apply(events.ChangeTickets("", "/gpu", "t", 7, host=True))
    farm.apply(events.ChangeTickets("", "/gpu", "t", 8))
    farm.apply(events.ChangeTickets("", "/", "t", 9))
    with farm.batch():
        farm.submit(name="one", blocks=[{"frames": 5, "tickets": {"t": 1}}])
    farm.start(5)
    found = rows(farm)
    here = (3, 1, {"r1": 3}, {"one": 3})
    assert figures(found["render r1"]) == here
    assert figures(found["pool /gpu"]) == here, "each host of it"
    assert figures(found["/gpu"]) == here
    assert figures(found["/"]) == (5, 3, {"r1": 3, "r2": 1, "r3": 1}, {"one": 5})


def test_a_pattern_of_the_farm_file(farm: StoryFarm) -> None:
    setup = FarmSetup(
        (
            Pattern("big", mask="r1", services=(ServiceRule("generic", 3),)),
            Pattern("small", mask="r2", services=(ServiceRule("generic", 2),)),
        )
    )
    farm.apply(events.SetFarmSetup(setup, "farm.xml"))
    farm.render("r1", capacity=10_000, max_tasks=2)
    farm.render("r2", capacity=10_000, max_tasks=1)
    farm.submit(3, name="one")
    farm.start(3)
    found = rows(farm)
    assert figures(found["pattern big"])[:3] == (2, 1, {"r1": 2})
    assert figures(found["pattern small"])[:3] == (1, 1, {"r2": 1})
