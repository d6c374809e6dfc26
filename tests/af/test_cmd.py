"""The calls of ``af.Cmd``: the request of each, and the part of the answer that it returns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import af
from harness.text_server import TextServer, closed_port

WHO = {"user_name": "jimmy", "host_name": "desk"}
DONE = {"info": {"kind": "log", "text": "Action processed."}, "count": 1}
JOBS = {"jobs": [{"id": 5}]}
RENDERS = {"renders": [{"id": 1}]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextServer]:
    monkeypatch.setenv("AF_USERNAME", "jimmy")
    monkeypatch.setenv("AF_HOSTNAME", "desk")
    with TextServer() as server:
        monkeypatch.setenv("AF_SERVERNAME", server.text)
        yield server


def get(kind: str, **members: Any) -> dict[str, Any]:
    return {"get": {**WHO, "type": kind, **members}}


def action(kind: str, **members: Any) -> dict[str, Any]:
    return {"action": {**WHO, "type": kind, **members}}


def on_render(**members: Any) -> dict[str, Any]:
    return action("renders", mask="desk", **members)


def on_job(operation: str, **members: Any) -> dict[str, Any]:
    return action("jobs", ids=[5], operation={"type": operation}, **members)


def operation(name: str) -> dict[str, Any]:
    return {"operation": {"type": name}}


def tasks(count: int) -> list[af.Task]:
    return [af.Task(f"t{n}") for n in range(count)]


PROGRESS = {"job_progress": {"id": 5, "progress": [[]]}}
#: Call, arguments, the request, the answer, what the call returns.
CALLS = [
    ("getJobList", [], get("jobs"), JOBS, JOBS["jobs"]),
    ("getJobList", [False, [5, 6]], get("jobs", ids=[5, 6]), JOBS, JOBS["jobs"]),
    ("getJobInfo", [5], get("jobs", ids=[5], mode="full"), JOBS, JOBS["jobs"]),
    ("getJobProgress", [5], get("jobs", ids=[5], mode="progress"), PROGRESS,
     PROGRESS["job_progress"]),
    ("deleteJob", ["a.*"], action("jobs", mask="a.*", **operation("delete")), DONE, DONE),
    ("deleteJobById", [5], on_job("delete"), DONE, DONE),
    ("stopJobById", [5], on_job("stop"), DONE, DONE),
    ("jobOperationById", ["restart", 5], on_job("restart"), DONE, DONE),
    ("setJobState", [5, "pause"], on_job("pause"), DONE, DONE),
    ("setBlockState", [5, 1, "skip"], on_job("skip", block_ids=[1]), DONE, DONE),
    ("setBlockState", [5, 1, "skip", [2, 3]],
     action("jobs", ids=[5], block_ids=[1], operation={"type": "skip", "task_ids": [2, 3]}),
     DONE, DONE),
    ("setJobPriorityById", [5, 10], action("jobs", ids=[5], params={"priority": 10}), DONE, DONE),
    ("renderGetList", [], get("renders"), RENDERS, RENDERS["renders"]),
    ("renderGetList", ["r"], get("renders", mask="r"), RENDERS, RENDERS["renders"]),
    ("renderGetLocal", [], get("renders", mask="desk"), RENDERS, RENDERS["renders"]),
    ("renderGetId", [1], get("renders", ids=[1]), RENDERS, RENDERS),
    ("renderGetId", [1, "full"], get("renders", ids=[1], mode="full"), {"object": {}},
     {"object": {}}),
    ("renderGetResources", [], get("renders", mode="resources"), RENDERS, RENDERS["renders"]),
    ("renderSetUserName", ["kim"], on_render(params={"user_name": "kim"}), DONE, DONE),
    ("renderSetNimby", [], on_render(params={"nimby": True}), DONE, DONE),
    ("renderSetNIMBY", [], on_render(params={"NIMBY": True}), DONE, DONE),
    ("renderSetFree", [], on_render(params={"nimby": False}), DONE, DONE),
    ("renderSetFreeUnpause", [], on_render(params={"nimby": False, "paused": False}), DONE, DONE),
    ("renderEjectTasks", [], on_render(**operation("eject_tasks")), DONE, DONE),
    ("renderEjectNotMyTasks", [], on_render(**operation("eject_tasks_keep_my")), DONE, DONE),
    ("renderEjectAndNIMBY", [],
     on_render(**operation("eject_tasks"), params={"NIMBY": True}), DONE, DONE),
    ("renderExit", [], on_render(**operation("exit")), DONE, DONE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "arguments", "request_", "answer", "result"),
    CALLS,
    ids=[f"{row[0]}-{n}" for n, row in enumerate(CALLS)],
)
def test_a_call(
    server: TextServer, call: str, arguments: list[Any], request_: Any, answer: Any, result: Any
) -> None:
    server.answer = lambda _: answer
    assert getattr(af.Cmd(), call)(*arguments) == result
    assert server.request == {**request_, "strict": True}


def test_appending(server: TextServer) -> None:
    answer = {"object": {"block_ids": [1]}, "count": 1}
    server.answer = lambda _: answer
    block = af.Block("more")
    block.tasks += tasks(2)
    assert af.Cmd().appendBlocks(5, [block]) == answer
    what = server.request["action"]["operation"]
    assert what["type"] == "append_blocks"
    assert [task["name"] for task in what["blocks"][0]["tasks"]] == ["t0", "t1"]
    af.Cmd().appendTasks(5, 1, tasks(2))
    request = server.request["action"]
    assert (request["ids"], request["block_ids"]) == ([5], [1])
    assert request["operation"]["tasks"] == [{"name": "t0"}, {"name": "t1"}]


def test_a_verbose_list(server: TextServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = lambda _: JOBS
    af.Cmd().getJobList(True)
    assert '"id": 5' in capsys.readouterr().out


def test_a_refusal_is_a_warning_and_the_answer(server: TextServer) -> None:
    refusal = {
        "info": {"kind": "error", "text": "Unknown operation: dance"},
        "error": {"code": "unknown_operation", "message": "Unknown operation: dance",
                  "hint": "", "field": "operation.type"},
    }  # fmt: skip
    server.answer = lambda _: refusal
    with pytest.warns(af.AfWarning, match="operation.type: Unknown operation: dance") as told:
        assert af.Cmd().setJobState(5, "dance") == refusal
    assert told[0].filename == __file__


@pytest.mark.parametrize("call", ["getJobList", "renderGetLocal", "renderExit"])
def test_without_a_server(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    monkeypatch.setenv("AF_SERVERNAME", f"127.0.0.1:{closed_port()}")
    with pytest.warns(af.AfWarning, match="no server answers") as told:
        assert getattr(af.Cmd(), call)() is None
    assert told[0].filename == __file__
