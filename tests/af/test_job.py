"""Jobs: what is filled in, what is sent, and what is said when it cannot be."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import af
from harness.text_server import TextServer, closed_port

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def _somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_USERNAME", "jimmy")
    monkeypatch.setenv("AF_HOSTNAME", "desk")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextServer]:
    with TextServer(lambda _: {"id": 5, "serial": 4}) as server:
        monkeypatch.setenv("AF_SERVERNAME", server.text)
        yield server


def simple(name: str = "job") -> af.Job:
    job = af.Job(name)
    block = af.Block("frames")
    block.setNumeric(1, 10)
    job.blocks.append(block)
    return job


def test_a_new_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1795000000.5)
    assert af.Job().data == {
        "name": "noname", "user_name": "jimmy", "host_name": "desk", "priority": 99,
        "time_creation": 1795000000, "folders": {},
    }  # fmt: skip
    assert af.Job("shot").data["name"] == "shot"


def test_a_new_block(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    assert af.Block().data == {
        "flags": 0, "name": "block", "service": "generic", "capacity": 1000,
        "working_directory": str(tmp_path),
    }  # fmt: skip
    block = af.Block("b", "nuke")
    assert (block.data["name"], block.data["service"]) == ("b", "nuke")
    assert "parser" not in block.data  # R47: the service knows its own


def test_the_sample_runs_unchanged(server: TextServer, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "job.py"))
    request = server.request
    assert request["strict"] is True
    job = request["job"]
    assert job["name"] == "example job"
    (block,) = job["blocks"]
    assert block["name"] == "block of tasks"
    assert block["tasks"] == [{"name": "simple task", "command": "ls -l"}]
    assert not block["flags"] & 1
    assert capsys.readouterr().out == ""


def test_the_json_sample_has_only_what_a_job_has() -> None:
    sample = json.loads((EXAMPLES / "job.json").read_text())["job"]
    assert sample["blocks"][0]["frames_inc"] == 2


def test_folders_and_branch_follow_the_blocks() -> None:
    job = simple()
    job.blocks[0].setFiles(["/shots/a/img.@####@.exr"])
    job.blocks[0].setWorkingDirectory("/work")
    filled = job.filled()
    assert filled["folders"] == {"frames": "/shots/a"}
    assert filled["branch"] == "/work"
    job.setFolder("input", "/in")
    assert job.filled()["branch"] == "/in"
    job.setFolder("output", "/out")
    assert job.filled()["branch"] == "/out"
    job.setFolder("frames", "/mine")
    assert job.filled()["folders"]["frames"] == "/mine"
    job.setBranch("/prj")
    assert job.filled()["branch"] == "/prj"


def test_filling_does_not_stick() -> None:
    """A job that is changed and sent again follows the change."""
    job = simple()
    job.blocks[0].setWorkingDirectory("/one")
    assert job.filled()["branch"] == "/one"
    job.blocks[0].setWorkingDirectory("/two")
    assert job.filled()["branch"] == "/two"
    assert "branch" not in job.data


def test_a_numeric_block_lists_no_tasks() -> None:
    assert "tasks" not in simple().filled()["blocks"][0]


def test_what_cannot_be_sent(server: TextServer) -> None:
    empty = af.Job("empty")
    without = af.Job("without")
    without.blocks.append(af.Block("frames"))
    both = simple()
    both.blocks[0].tasks.append(af.Task("a"))
    for job, problem in (
        (empty, "the job 'empty' has no blocks"),
        (without, "the block 'frames' has no tasks and is not numeric"),
        (both, "is numeric and has listed tasks too"),
    ):
        with pytest.warns(af.AfWarning, match=problem):
            assert job.checkJob() is False
        with pytest.warns(af.AfWarning, match=problem) as told:
            assert job.send() == (False, None)
        assert told[0].filename == __file__
    assert server.requests == []
    assert simple().checkJob() is True


def test_sending(server: TextServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert simple().send() == (True, {"id": 5, "serial": 4})
    assert capsys.readouterr().out == ""
    assert simple().send(verbose=True)[0]
    assert '"frame_last": 10' in capsys.readouterr().out


def test_output_prints_sorted_json(capsys: pytest.CaptureFixture[str]) -> None:
    simple("имя").output()
    printed = capsys.readouterr().out
    job: dict[str, Any] = json.loads(printed)["job"]
    assert job["name"] == "имя"
    assert list(job) == sorted(job)


def test_a_refusal_is_told_with_field_and_rule(server: TextServer) -> None:
    refusal = {"id": 0, "serial": 0, "error": "job.blocks[0].capacity: must be int (give one)"}
    server.answer = lambda _: refusal
    with pytest.warns(af.AfWarning, match=r"refused the job: job.blocks\[0\].capacity: must be"):
        assert simple().send() == (False, refusal)


def test_warnings_of_the_server_are_warnings(server: TextServer) -> None:
    server.answer = lambda _: {"id": 5, "serial": 4, "warnings": ["unknown service 'x'"]}
    with pytest.warns(af.AfWarning, match="unknown service 'x'") as told:
        assert simple().send()[0] is True
    assert told[0].filename == __file__


def test_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_SERVERNAME", f"127.0.0.1:{closed_port()}")
    with pytest.warns(af.AfWarning, match="the job was not sent: no server answers at"):
        assert simple().send() == (False, None)


def test_the_example_of_the_manual_makes_a_job(server: TextServer) -> None:
    """docs/howto-python.md: its first block of code is run as it stands."""
    text = (EXAMPLES.parent / "docs/howto-python.md").read_text(encoding="utf-8")
    code = text.split("```python run name=job\n", 1)[1].split("```", 1)[0]
    exec(code, {})
    job = server.request["job"]
    assert [block["name"] for block in job["blocks"]] == ["beauty", "movie"]
    assert job["folders"] == {"beauty": "render"}


def test_every_call_is_in_the_manual() -> None:
    text = (EXAMPLES.parent / "docs/howto-python.md").read_text(encoding="utf-8")
    calls = [name for name in vars(af.Cmd) if not name.startswith("_")]
    assert len(calls) > 20
    assert [name for name in calls if f"`{name}`" not in text] == []
