"""Blocks, tasks, users, server, settings, requests, tools: what they ask and show."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.canned_farm import CannedFarm
from harness.commands import Afcmd


def ids(found: Any) -> list[int]:
    return [one["id"] for one in found["jobs"]]


# ------------------------------------------------------------------------------------ where


@pytest.mark.parametrize("form", [["jobs"], ["jobs", "list"]])
@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("user=kim", [6]), ("user=kim or state~RUN", [5, 6]), ("not state~RUN", [6]),
        ("tasks_error>0", [6]), ("percent>=30 and blocks.service=generic", [5]),
        ("(id=5)", [5]), ("hidden=true", []),
    ],
)  # fmt: skip
def test_jobs(afcmd: Afcmd, form: list[str], where: str, found: list[int]) -> None:
    assert ids(afcmd(*form, where, "--json").json) == found
    assert [int(line.split()[0]) for line in afcmd.lines(*form, where)[1:]] == found


def test_a_clause_is_joined_with_the_other_filters(afcmd: Afcmd) -> None:
    assert ids(afcmd("jobs", "hidden=true", "--all", "--json").json) == [7]
    assert ids(afcmd("jobs", "--user", "jimmy", "state~ERR", "--json").json) == []
    assert ids(afcmd("jobs", "priority>100", "--state", "RUN", "--json").json) == [5]


def test_the_server_chooses_the_users_of_a_clause(afcmd: Afcmd) -> None:
    afcmd("jobs", "user=kim and state~ERR")
    assert afcmd.farm.last("get") == {"type": "jobs", "users": ["kim"]}


def test_renders_and_users(afcmd: Afcmd) -> None:
    assert afcmd.lines("renders", "state~OFF and host=r10*")[1].split()[0] == "r10.x"
    found = afcmd("renders", "host_resources.mem_free_mb<2GB", "--json").json["renders"]
    assert [one["name"] for one in found] == ["r1"]
    assert afcmd.lines("users", "paused=true")[1].split()[0] == "kim"
    assert afcmd("users", "list", "jobs_num>5", "--json").json == {"users": []}


# --------------------------------------------------------------------------- blocks and tasks


def test_blocks(afcmd: Afcmd) -> None:
    title, first, second = afcmd.lines("blocks", "5")
    assert title.split()[:2] == ["#", "BLOCK"]
    assert (first.split()[1], second.split()[1]) == ("beauty", "comp")
    assert afcmd.lines("blocks", "list", "5.comp")[1].split()[1] == "comp"
    found = afcmd("blocks", "5", "state~WDP", "--json").json
    assert [one["name"] for one in found["blocks"]] == ["comp"]
    assert afcmd("blocks", "5", "percent>99").out == ""


def test_one_block(afcmd: Afcmd) -> None:
    text = afcmd("blocks", "show", "5.beauty").out
    for line in ("block ", "5.beauty (number 0)", "command ", "echo @#@", "frame_last "):
        assert line in text
    assert afcmd("blocks", "6", "--show", "--json").json["block"]["name"] == "run"
    assert "say which block" in afcmd("blocks", "show", "5", code=2).err


def test_tasks(afcmd: Afcmd) -> None:
    lines = afcmd.lines("tasks", "5")
    assert len(lines) == 1 + 14
    assert lines[1].split()[:2] == ["beauty", "0"]
    found = afcmd("tasks", "list", "5.beauty", "state~ERR and host=r10*", "--json").json
    assert [(one["task_num"], one["errors"]) for one in found["tasks"]] == [(2, 4)]
    lines = afcmd.lines("tasks", "5", "--count", "3")
    assert lines[-1] == "11 tasks more: --count 14"
    assert afcmd("tasks", "5.beauty", "percent>100").out == ""
    names = [one["name"] for one in afcmd("tasks", "5.comp", "--json").json["tasks"]]
    assert names == ["comp left", "comp right", "comp a,b", "comp left"]


def test_appending(afcmd: Afcmd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "more.json"
    file.write_text('{"blocks": [{"name": "x"}]}')
    action = {"type": "jobs", "ids": [5]}
    assert afcmd.action("append", "5", str(file)) == {
        **action, "operation": {"type": "append_blocks", "blocks": [{"name": "x"}]},
    }  # fmt: skip
    stdin = io.TextIOWrapper(io.BytesIO(b'[{"name": "t"}, {"name": "u"}]'))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert afcmd.lines("tasks", "append", "5.comp", "-") == ["added 2 tasks to block 5.comp"]
    assert afcmd.farm.last("action")["block_ids"] == [1]
    file.write_text("{}")
    assert "holds no tasks" in afcmd("append", "5.comp", str(file), code=2).err
    file.write_text("{")
    assert "is no JSON" in afcmd("append", "5.comp", str(file), code=2).err
    afcmd("append", "5", str(tmp_path / "nowhere"), code=5)
    assert "cannot read" in afcmd("append", "5", str(tmp_path), code=2).err


@pytest.mark.parametrize(
    ("words", "operation", "blocks"),
    [
        (["restart-pause", "5"], {"type": "restart_pause"}, None),
        (["restart-running", "5"], {"type": "restart_running"}, None),
        (["restart-done", "5"], {"type": "restart_done"}, None),
        (["restart-skipped", "5"], {"type": "restart_skipped"}, None),
        (["restart-warnings", "5"], {"type": "restart_warnings"}, None),
        (["reset-tries", "5"], {"type": "reset_trying_next_tasks"}, None),
        (["done", "5"], {"type": "done"}, [-1]),
        (["blocks", "done", "5.comp"], {"type": "done"}, [1]),
        (["tasks", "restart-done", "5.beauty", "#2"],
         {"type": "restart_done", "task_ranges": [[2, 2]]}, [0]),
        (["try-next", "5.beauty", "11-30"],
         {"type": "trynext", "mode": "append", "task_ranges": [[1, 2]]}, [0]),
        (["try-next", "5.comp", "--remove"],
         {"type": "trynext", "mode": "remove", "task_ranges": [[0, 3]]}, [1]),
        (["restart", "5.beauty", "1", "--with-depends"],
         {"type": "restart", "mode": "affect_depends", "task_ranges": [[0, 0]]}, [0]),
        (["restart", "5", "--with-depends"], {"type": "restart", "mode": "affect_depends"}, [-1]),
        (["restart", "5", "--upstream"], {"type": "restart", "mode": "affect_depends"}, [-1]),
        (["restart", "5", "--downstream"], {"type": "restart", "mode": "downstream"}, [-1]),
        (["restart", "5", "--upstream", "--downstream"],
         {"type": "restart", "mode": "both"}, [-1]),
        (["skip", "5.beauty", "1", "--downstream"],
         {"type": "skip", "mode": "downstream", "task_ranges": [[0, 0]]}, [0]),
    ],
)  # fmt: skip
def test_operations(
    afcmd: Afcmd, words: list[str], operation: dict[str, Any], blocks: list[int] | None
) -> None:
    action = afcmd.action(*words)
    assert action["operation"] == operation
    assert action.get("block_ids") == blocks


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["restart-pause", "5.beauty"],
            "restart-pause is for whole jobs; as afcmd restart-pause 5",
        ),
        (["reset-tries", "5.beauty"], "reset-tries is for whole jobs"),
        (["try-next", "5"], "no tasks were named; as afcmd try-next 5.beauty 10-20"),
        (["restart-pause", "5", "--with-depends"], "unrecognized arguments"),
    ],
)
def test_operations_that_make_no_sense(afcmd: Afcmd, words: list[str], said: str) -> None:
    assert said in afcmd(*words, code=2).err


# -------------------------------------------------------------------------- renders and users


def test_renders_by_expression(afcmd: Afcmd) -> None:
    action = afcmd.action("render", "r.*", "--regex", "eject-others")
    assert action == {
        "type": "renders", "mask": "r.*", "operation": {"type": "eject_tasks_keep_my"},
    }  # fmt: skip
    assert afcmd.lines("renders", "heal", "r1") == ["render r1: heal"]
    assert afcmd.action("renders", "heal", "r1.x")["mask"] == r"r1\.x"
    action = afcmd.action("set", "--render", "r.*", "--regex", "priority=5")
    assert (action["mask"], action["params"]) == ("r.*", {"priority": 5})
    assert "needs a verb" in afcmd("render", "r1", "--regex", code=2).err


def test_the_render_of_this_computer(afcmd: Afcmd) -> None:
    assert afcmd.action("renders", "nimby")["mask"] == "desk"
    afcmd.farm.renders[0]["name"] = "desk"
    assert "desk" in afcmd("render").out


def test_logs(afcmd: Afcmd) -> None:
    assert afcmd.lines("renders", "log", "r1") == [
        "line of renders log",
        "line of renders tasks_log",
    ]
    assert afcmd.lines("users", "log", "kim") == ["line of users log"]
    assert set(afcmd("render", "r1", "--log", "--json").json) == {"log", "tasks_log"}


def test_users(afcmd: Afcmd) -> None:
    assert afcmd.action("users", "delete", "kim") == {
        "type": "users", "mask": "kim", "operation": {"type": "delete"},
    }  # fmt: skip
    assert afcmd.action("user", "pause", "kim")["params"] == {"paused": True}
    assert afcmd.lines("users", "unpause", "kim") == ["unpaused user kim"]
    assert ids(afcmd("jobs", "--uid", "3", "--json").json) == [6]


# ------------------------------------------------------------------------- server and settings


def test_the_server(afcmd: Afcmd) -> None:
    text = afcmd("server").out
    for word in (afcmd.farm.address, "version", "answer time", "jobs running"):
        assert word in text
    found = afcmd("server", "show", "--json").json["server"]
    assert (found["jobs"], found["jobs_error"], found["renders_busy"], found["users"]) == (
        3,
        1,
        1,
        2,
    )
    assert found["answer_ms"] > 0


def test_settings_of_the_server(afcmd: Afcmd) -> None:
    assert afcmd.lines("config") == [
        "af_db_conninfo",
        "af_priority                  99",
        'annotations                  ["APPROVED"]',
    ]
    assert afcmd.lines("config", "get", "annotations") == ['["APPROVED"]']
    assert afcmd("config", "list", "--json").json["config"]["af_priority"] == 99
    err = afcmd("config", "get", "af_prioriti", code=5).err
    assert "did you mean 'af_priority'?" in err


def test_settings_of_this_computer(
    afcmd: Afcmd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".cgru/config.json"
    path.parent.mkdir()
    pairs = [["/mnt/", "/m/"]]
    path.write_text(json.dumps({"cgru_config": {"af_priority": 7, "pathsmap": pairs}}))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("APPDATA", raising=False)
    assert f"file                         {path}" in afcmd.lines("config", "files")
    found = afcmd("config", "files", "--json").json
    assert found["config"]["af_priority"] == 7
    assert afcmd.lines("config", "map", "ls /mnt/x") == ["ls /m/x"]
    assert afcmd("config", "map", "/m/x", "--to-client", "--json").json == {"text": "/mnt/x"}
    monkeypatch.setenv("CGRU_PATHSMAP", "[1]")
    assert "is no pair" in afcmd("config", "map", "x", code=2).err


# ------------------------------------------------------------------------------------ requests


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    path = tmp_path / "request.json"
    path.write_text('{"get": {"type": "users", "ids": [3]}}')
    return path


def test_json_is_checked(afcmd: Afcmd, request_file: Path) -> None:
    assert afcmd("json", str(request_file)).json == {"get": {"type": "users", "ids": [3]}}
    assert afcmd.farm.requests == []
    request_file.write_text("{")
    assert "is no JSON" in afcmd("json", "send", str(request_file), code=2).err


def test_json_is_sent(afcmd: Afcmd, request_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert afcmd("json", "send", str(request_file)).json["users"][0]["name"] == "kim"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(request_file.read_bytes())))
    assert afcmd("json", "send").json["users"][0]["name"] == "kim"
    afcmd.farm.next({"error": {"code": "not_found", "message": "no"}})
    assert afcmd("json", "send", str(request_file), code=5).json["error"]["message"] == "no"
    request_file.write_text("[]")
    assert "a request is an object" in afcmd("json", "send", str(request_file), code=2).err
    assert "one word too many" in afcmd("json", "send", "a", "b", code=2).err


# --------------------------------------------------------------------------------------- tools


@pytest.mark.parametrize(
    ("words", "matches"),
    [
        (["shot10", "shot.*"], True), (["shot10", "shot"], False), (["shot10", "ho", "c"], True),
        (["SHOT", "shot", "i"], True), (["shot10", "shot", "e"], True), (["x", "x", "e"], False),
        (["r12", "r1|s2", "f"], True), (["R12", "a r1", "fi"], True), (["r12", "12", "f"], False),
    ],
)  # fmt: skip
def test_rx(afcmd: Afcmd, words: list[str], matches: bool) -> None:
    done = afcmd("rx", *words, code=0 if matches else 5)
    assert done.out == ("matches\n" if matches else "does not match\n")


def test_rx_refuses(afcmd: Afcmd) -> None:
    assert "are no flags" in afcmd("rx", "a", "b", "z", code=2).err
    assert "does not compile" in afcmd("rx", "a", "(", code=2).err


def test_numeric(afcmd: Afcmd) -> None:
    found = afcmd("numeric", "1", "20", "2", "3", "--json").json
    assert found["count"] == 4
    assert found["tasks"][0] == {
        "rank": 0, "task": 0, "name": "frame 1-5 / 2", "start": 1, "finish": 5, "frames": 3,
    }  # fmt: skip
    orders = afcmd("--json", "numeric", "1", "5", "1", "1", "-1").json["tasks"]
    assert [one["start"] for one in orders] == [5, 4, 3, 2, 1]
    assert afcmd("numeric", "-10", "-5", "--json").json["count"] == 6
    line = afcmd.lines("numeric", "1", "100", "1", "10", "1", "35")[1]
    assert line.split() == ["3", "3", "frame", "31-40", "10"]
    assert afcmd.lines("numeric", "1", "5000")[-1] == "4000 more"
    assert "frame 7 is in no task" in afcmd("numeric", "1", "5", "1", "1", "1", "7", code=5).err


def test_numcmd(afcmd: Afcmd) -> None:
    words = ["numcmd", "ffmpeg", "1", "10", "ffmpeg -i a.@####@.png b.@#@.mp4"]
    assert afcmd.lines(*words) == ["ffmpeg -i a.0001.png b.10.mp4"]
    words = ["numcmd", "blender", "1", "10", "blender -b a.blend -s @#@ -e @#@ -a"]
    assert afcmd.lines(*words)[0].endswith("-s 1 -e 10 -a")
    done = afcmd("numcmd", "frobnicate", "1", "2", "ls")
    assert "unknown" in done.out


def test_wrong_numbers(afcmd: Afcmd) -> None:
    assert "invalid int value: 'x'" in afcmd("numeric", "x", "5", code=2).err


def test_no_request_is_made_by_tools(farm: CannedFarm, afcmd: Afcmd) -> None:
    afcmd("numeric", "1", "5")
    afcmd("rx", "a", "a")
    assert farm.requests == []
