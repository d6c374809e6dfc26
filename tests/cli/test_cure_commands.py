"""The lines that explain tells a person to type: typed into ``afcmd``, they let the task start."""

from __future__ import annotations

import shlex
from typing import Any

import msgspec
import pytest

from afanasy.cli import farm as cli_farm
from afanasy.cli.main import main
from afanasy.core import events
from afanasy.core.why.commands import command
from afanasy.model.reading import Reader
from afanasy.server.change.action import act
from afanasy.server.matcher import Masks
from afanasy.server.show.get_explain import explanation_view
from harness.farm import StoryFarm
from harness.history import Asker
from harness.stages import STAGES, code_of


def typed(monkeypatch: pytest.MonkeyPatch, farm: StoryFarm, line: str) -> int:
    """Run the line against the farm; the exit code."""
    program, *words = shlex.split(line)
    assert program == "afcmd"

    def ask(_: object, message: dict[str, Any], **__: object) -> Any:
        if "get" in message:
            return Asker(farm)(message["get"])
        reader = Reader(strict=True)
        answer = act(farm.core, message["action"], reader, Masks(), farm.apply)
        return msgspec.to_builtins(answer)

    monkeypatch.setattr(cli_farm.Farm, "ask", ask)
    return main(words)


@pytest.mark.parametrize("key", STAGES)
def test_the_lines_of_a_cure_let_the_task_start(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    farm = StoryFarm()
    block, task = STAGES[key](farm)
    assert farm.start() == []
    view = explanation_view(farm.explain(block, task))
    (lines,) = [
        one["commands"] for one in view["suggestions"] if one["about"]["code"] == code_of(key)
    ]
    assert lines
    for line in lines:
        assert typed(monkeypatch, farm, line) == 0, line
    assert (block, task) in [(run.block, run.task) for run in farm.start()], lines


def test_odd_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks, quotes, dashes, dots, names that are there twice, keys with the marks of pairs."""
    farm = StoryFarm()
    farm.render("-x y")
    job = farm.submit(
        user="it's me",
        blocks=[{"name": name} for name in ("a b.c", "1", "", "twice", "twice", "$(rm)")],
    )
    pools = {"a,b:c": -100, "x": 5}
    listed = ["a-b", "1", "c."]
    for event in (
        *(events.EditBlocks(job.serial, [n], {"capacity": 50 + n}) for n in range(6)),
        events.EditJob(job.serial, {"pools": pools, "ppa": True, "depend_mask": "it's|$x"}),
        events.EditUser("it's me", {"paused": True, "hosts_mask": ""}),
        events.EditRender("-x y", {"services": listed}),
        events.EditRender("-x y", {"paused": False}),
        events.OperateRender("-x y", "heal_sick"),
        events.ChangeServices("-x y", "", "service_add", "-x.y"),
    ):
        line = command(farm.core, event)
        assert typed(monkeypatch, farm, line) == 0, line
    assert [block.spec.capacity for block in job.blocks] == [50, 51, 52, 53, 54, 55]
    assert (job.spec.pools, job.spec.ppa, job.spec.depend_mask) == (pools, True, "it's|$x")
    assert job.user.spec.paused
    assert farm.core.renders["-x y"].spec.services == [*listed, "-x.y"]


def test_lines_are_short_where_there_is_a_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    farm = StoryFarm()
    farm.render("a")
    job = farm.submit(1, branch="/b")
    lines = {
        "afcmd user unpause anna": events.EditUser("anna", {"paused": False}),
        "afcmd render a unpause": events.EditRender("a", {"paused": False}),
        "afcmd render a free": events.EditRender("a", {"nimby": False, "NIMBY": False}),
        "afcmd pool unpause /": events.EditPool("/", {"paused": False}),
        "afcmd branch start /b": events.EditBranch("/b", {"paused": False}),
        "afcmd set --user anna priority=99": events.EditUser("anna", {"priority": 99}),
        f"afcmd set {job.id} time_wait=0": events.EditJob(job.serial, {"time_wait": 0}),
        f"afcmd restart {job.id}.block0 '#0'": events.OperateBlocks(
            job.serial, [0], "restart", [range(1)]
        ),
        f"afcmd pause {job.id}": events.OperateJob(job.serial, "pause"),
    }
    for line, event in lines.items():
        assert command(farm.core, event) == line
        assert typed(monkeypatch, farm, line) == 0, line
