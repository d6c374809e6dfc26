"""The classic ``afcmd`` module: its requests, under every Python, and as ``import afcmd``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import af
from af import afcmd_compat
from harness import afcmd_script
from harness.canned_farm import CannedFarm
from harness.pythons import pythons
from harness.text_server import TextServer, closed_port

SRC = Path(__file__).parents[2] / "src"
MANUAL = SRC.parent / "docs/howto-python.md"
CAME = {
    "names": ["afanasy", "shot.v1", "broken job", "secret"],
    "none": None,
    "job": [5, "jimmy", 22, 2, True],
    "appended": [False, False],
    "pause": 3, "start": 3, "stop": 3, "delete": 3,
    "blocks": [True, False, ["left", "right", "a,b", "left"]],
    "renders": ["r10.x"],
    "load": "r1",
    "pool": "/a",
    "pools": [],
    "error": "Job has no member 'frobnicate'",
}  # fmt: skip


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> Iterator[CannedFarm]:
    monkeypatch.setenv("AF_USERNAME", "jimmy")
    monkeypatch.setenv("AF_HOSTNAME", "desk")
    with CannedFarm() as farm:
        farm.pools = []
        monkeypatch.setenv("AF_SERVERNAME", farm.address)
        yield farm


def actions(canned: CannedFarm) -> list[dict[str, Any]]:
    found = [dict(request["action"]) for request in canned.requests if "action" in request]
    for action in found:
        assert (action.pop("user_name"), action.pop("host_name")) == ("jimmy", "desk")
    return found


def test_every_call(canned: CannedFarm) -> None:
    assert afcmd_script.run() == CAME
    job = {"type": "jobs", "ids": [5]}
    render = {"type": "renders", "ids": [1]}

    def on(what: dict[str, Any], operation: str, **members: Any) -> dict[str, Any]:
        return {**what, "operation": {"type": operation, **members}}

    sent = actions(canned)
    assert sent[:5] == [
        on(job, name) for name in ("pause", "start", "stop", "delete", "restart_errors")
    ]
    assert sent[5:8] == [
        {**on(job, "restart", task_ids=[1, 2]), "block_ids": [0]},
        {**on(job, "skip"), "block_ids": [0]},
        {**on(job, "suspend", task_ids=[3]), "block_ids": [0]},
    ]
    assert sent[8]["operation"]["type"] == "append_blocks"
    assert sent[8]["operation"]["blocks"][0]["tasks"] == [{"name": "t"}]
    assert sent[9] == {**on(job, "append_tasks", tasks=[{"name": "u"}]), "block_ids": [1]}
    assert sent[10:15] == [
        {**render, "params": params}
        for params in (
            {"user_name": "kim"}, {"nimby": True}, {"NIMBY": True}, {"nimby": False},
            {"nimby": False, "paused": False},
        )
    ]  # fmt: skip
    assert sent[15:23] == [
        on(render, "eject_tasks_keep_my"),
        on(render, "exit"),
        on(render, "farm", mode="clear_services"),
        on(render, "reassign_pool"),
        on(render, "farm", mode="service_add", name="x"),
        on(render, "farm", mode="service_remove", mask="x"),
        on(render, "farm", mode="service_disable", mask="x"),
        on(render, "farm", mode="service_enable", mask="x"),
    ]
    assert sent[23] == on(render, "set_pool", name="x")
    assert sent[24:] == [
        {"type": "pools", "ids": [1], "params": {"capacity_host": 5}},
        on({"type": "pools", "ids": [1]}, "farm", mode="service_add", name="y"),
    ]


@pytest.mark.parametrize("python", pythons())
def test_under_every_python(canned: CannedFarm, python: str) -> None:
    done = subprocess.run(
        [python, "-I", "-B", "-S", "-W", "error", afcmd_script.__file__, str(SRC)],
        capture_output=True, text=True, timeout=120, env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == CAME


def test_import_afcmd(canned: CannedFarm, tmp_path: Path) -> None:
    (shim,) = [line for line in MANUAL.read_text().splitlines() if "afcmd_compat" in line]
    (tmp_path / "afcmd.py").write_text(shim + "\n")
    code = "import afcmd; print([job.id for job in afcmd.getJobList([5, 6])], afcmd.Monitor)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{SRC}"},
    )  # fmt: skip
    assert done.stdout.startswith("[5, 6] <class"), done.stderr


def test_a_monitor_registers_and_deregisters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AF_USERNAME", "jimmy")
    monkeypatch.setenv("AF_HOSTNAME", "desk")
    who = {"user_name": "jimmy", "host_name": "desk"}
    with TextServer(lambda request: {"monitor": {"id": 7}} if "monitor" in request else {}) as at:
        monkeypatch.setenv("AF_SERVERNAME", at.text)
        monitor = afcmd_compat.Monitor()
        assert monitor.id == 7
        monitor.changeUid(0)
        monitor.subscribe("jobs")
        monitor.events()
        af.Cmd().monitorExit()
        del monitor
        sent = [{k: v for k, v in request.items() if k != "strict"} for request in at.requests]
    on = {**who, "type": "monitors", "ids": [7]}
    assert sent == [
        {"monitor": {**who, "engine": "python"}},
        {"action": {**on, "operation": {"type": "watch", "class": "perm", "uid": 0}}},
        {"action": {**on, "operation": {"type": "watch", "class": "jobs", "status": "subscribe"}}},
        {"get": {**on, "mode": "events"}},
        {"action": {**who, "type": "monitors", "mask": "jimmy@desk.*",
                    "operation": {"type": "exit"}}},
        {"action": {**on, "operation": {"type": "deregister"}}},
    ]  # fmt: skip


def test_without_a_server_everything_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_SERVERNAME", f"127.0.0.1:{closed_port()}")
    with pytest.warns(af.AfWarning, match="no server answers"):
        assert afcmd_compat.getJobList() == []
    with pytest.warns(af.AfWarning, match="no server answers"):
        assert afcmd_compat.Job(5).blocks == []
    with pytest.warns(af.AfWarning, match="no server answers"):
        assert afcmd_compat.Monitor().id == 0
