"""``afcmd tasks`` of jobs with many tasks: what is shown and counted, and what that costs."""

from __future__ import annotations

import argparse
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from af import fields
from afanasy.cli import tasks
from afanasy.cli.farm import Farm
from afanasy.cli.filters import Filter

Progress = dict[str, Any]
PROGRESS: list[Progress] = [
    {"state": " RDY", "st": 1},
    {"state": " RUN", "st": 2, "per": 40, "hst": "r1"},
    {"state": " RDY RER", "st": 1, "err": 2},
    {"state": " ERR", "st": 3, "err": 5},
]


class OneJob:
    """A server with one job; each list is the progress of a block of frames 1, 2, 3, …"""

    def __init__(self, *blocks: list[Progress]) -> None:
        self.blocks, self.pages = blocks, 0

    def job_by_id(self, number: int, mode: str) -> dict[str, Any]:
        return {
            "id": number,
            "blocks": [
                {
                    "block_num": n, "name": f"b{n}", "tasks_num": len(progress), "numeric": True,
                    "frame_first": 1, "frame_last": len(progress), "frames_per_task": 1,
                    "frames_inc": 1,
                }
                for n, progress in enumerate(self.blocks)
            ],
        }  # fmt: skip

    def get(self, kind: str, *, block_ids: list[int], first: int, count: int, **_: Any) -> Any:
        self.pages += 1
        page = self.blocks[block_ids[0]][first : first + min(count, 3)]
        return {"job_progress": {"progress": page}}


def chosen(farm: OneJob, where: str, most: int | None) -> tuple[list[int], int]:
    keep = Filter(argparse.Namespace(where=where), "tasks")
    shown, count = tasks._chosen(cast(Farm, farm), {"id": 7}, None, keep, most)
    return [task["block_num"] * 100 + task["task_num"] for task in shown], count


@given(
    st.lists(st.lists(st.sampled_from(PROGRESS), max_size=12), max_size=3),
    st.sampled_from(
        ["", "state~ERR", "state~RDY and err>1", "not state=RUN", "task_num=2", "task_num>4",
         "render=r1 or name~\"frame 1\"", "block_name=b1", "starts=0"]
    ),
    st.none() | st.integers(0, 6),
)  # fmt: skip
def test_what_is_shown_and_counted(
    blocks: list[list[Progress]], where: str, most: int | None
) -> None:
    keep = Filter(argparse.Namespace(where=where), "tasks")
    farm = OneJob(*blocks)
    expected = [
        task["block_num"] * 100 + task["task_num"]
        for task in tasks.tasks_of(cast(Farm, farm), {"id": 7}, None)
        if keep(task)
    ]
    assert chosen(farm, where, most) == (expected[:most], len(expected))


@pytest.mark.parametrize(("where", "made"), [("state~ERR", 2), ("task_num=2", 61)])
def test_tasks_that_are_alike_are_looked_at_once(
    where: str, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, make = 0, fields.task

    def counting(*args: Any) -> fields.Node:
        nonlocal count
        count += 1
        return make(*args)

    monkeypatch.setattr(fields, "task", counting)
    found, _ = chosen(OneJob([PROGRESS[0]] * 60 + [PROGRESS[3]]), where, 5)
    assert (len(found), count) == (1, made)


def test_without_a_clause_only_what_is_shown_is_asked_for() -> None:
    farm = OneJob([PROGRESS[0]] * 60, [PROGRESS[3]] * 5)
    assert chosen(farm, "", 2) == ([0, 1], 65)
    assert farm.pages == 1
