"""Logs of renders, users and branches as they are answered: each line with its moment and who."""

from __future__ import annotations

import re
from typing import Any

import pytest

from afanasy.model.reading import Reader
from afanasy.server.change.action import act
from afanasy.server.matcher import Masks
from harness.farm import StoryFarm
from harness.history import Asker

_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d): (.+)")


@pytest.fixture
def farm():
    farm = StoryFarm()
    yield farm
    farm.close()


def does(farm: StoryFarm, kind: str, mask: str, by: str = "kim", **members: Any) -> None:
    request = {"user_name": by, "host_name": "desk", "type": kind, "mask": mask, **members}
    answer = act(farm.core, request, Reader(strict=True), Masks(), farm.apply)
    assert "error" not in answer, answer


def log(farm: StoryFarm, kind: str, mask: str) -> list[str]:
    lines = Asker(farm)(type=kind, mask=mask, mode="log")["message"]["list"]
    found = [_LINE.fullmatch(line) for line in lines]
    moments = [match[1] for match in found if match]
    assert len(moments) == len(lines), lines
    assert moments == sorted(moments)
    return [match[2] for match in found if match]


def test_a_render(farm: StoryFarm) -> None:
    farm.render("a", address="10.0.0.7")
    farm.wait(10)
    does(farm, "renders", "a", params={"NIMBY": True, "nimby_reason": "dailies"})
    farm.wait(10)
    does(farm, "renders", "a", by="anna", params={"NIMBY": False})
    does(farm, "renders", "a", operation={"type": "eject_tasks"})
    does(farm, "renders", "a", operation={"type": "farm", "mode": "service_add", "name": "nuke"})
    assert log(farm, "renders", "a") == [
        "a: Registered.",
        "online from 10.0.0.7",
        "NIMBY: False to True, by kim@desk",
        "nimby_reason: '' to 'dailies', by kim@desk",
        "NIMBY: True to False, by anna@desk",
        "nimby_reason: 'dailies' to '', by anna@desk",
        "eject_tasks: 0 tasks, by kim@desk",
        "services: [] to ['nuke'], by kim@desk",
    ]


def test_a_user_and_a_branch(farm: StoryFarm) -> None:
    farm.submit(1, branch="/film")
    does(farm, "users", "anna", params={"max_running_tasks": 3})
    does(farm, "branches", "/film", operation={"type": "pause"})
    assert log(farm, "users", "anna") == [
        "anna: Registered.",
        "max_running_tasks: -1 to 3, by kim@desk",
    ]
    assert log(farm, "branches", "/film") == [
        "/film: Created.",
        "paused: False to True, by kim@desk",
    ]
