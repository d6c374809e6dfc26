"""Pools and branches that a job names and that are not there."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.job.place_warnings import WARNINGS_MAX, branch_warnings, pool_warnings
from harness.farm import StoryFarm


@pytest.mark.parametrize(
    ("pools", "said"),
    [
        ({"/": 5, "/film": 100, "ilm": -3}, []),
        ({"/fi": 1}, []),
        ({"/fiml": 1}, ["job.pools[\"/fiml\"]: no pool has that name; did you mean '/film'?"]),
        ({"tv": 100}, ['job.pools["tv"]: no pool has that name,'
                       " and nothing starts outside of those that do"]),
    ],
)  # fmt: skip
def test_pools(farm: StoryFarm, pools: dict[str, int], said: list[str]) -> None:
    farm.apply(events.OperatePool("/", "add_pool", name="film"))
    assert pool_warnings(farm.core, pools, "job.pools") == said


def test_not_too_many(farm: StoryFarm) -> None:
    found = pool_warnings(farm.core, {f"/p{n}": 1 for n in range(100)}, "job.pools")
    assert len(found) == WARNINGS_MAX + 1


def test_branches(farm: StoryFarm) -> None:
    """Made where a branch lets jobs make some, else the job is in the nearest one above."""
    for asked, said in (
        ("/film", []),
        ("\\film\\", []),
        ("film/./", []),
        ("/film/s1", ["job.branch: there is no branch '/film/s1', and jobs make none in '/film';"
                      " the job is in '/film'"]),
    ):  # fmt: skip
        job = farm.submit(1, job={"branch": asked})
        assert branch_warnings(job, asked) == said


def test_a_branch_that_a_submitter_made_up_of_a_folder(farm: StoryFarm) -> None:
    """Classic submitters ask for the first folder as a branch: nobody is told of that."""
    job = farm.submit(
        blocks=[{"working_directory": "/mnt/prj/shot"}], job={"branch": "/mnt/prj/shot"}
    )
    assert branch_warnings(job, "/mnt/prj/shot") == []
    assert branch_warnings(job, "/mnt/prj") != [] or job.branch.path == "/mnt/prj"
