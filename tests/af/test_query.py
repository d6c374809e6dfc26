"""``af.query`` and ``af.wait`` against a canned farm: what they ask, return and raise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import af
from af import fields
from harness.canned_farm import NOT_FOUND, CannedFarm, block, job
from harness.text_server import closed_port

MANUAL = Path(__file__).parents[2] / "docs/howto-python.md"
WHO = {"user_name": "jimmy", "host_name": "desk"}


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> Iterator[CannedFarm]:
    monkeypatch.setenv("AF_USERNAME", "jimmy")
    monkeypatch.setenv("AF_HOSTNAME", "desk")
    with CannedFarm() as farm:
        monkeypatch.setenv("AF_SERVERNAME", farm.address)
        yield farm


def ids(nodes: list[fields.Node]) -> list[int]:
    return [node.id for node in nodes]


def test_jobs(canned: CannedFarm) -> None:
    assert ids(af.query.jobs()) == [1, 5, 6, 7]
    assert canned.last("get") == {**WHO, "type": "jobs"}
    (shot,) = af.query.jobs("tasks_num=14 and percent>30")
    assert (shot.name, shot["name"]) == ("shot.v1", "shot.v1")
    assert (shot.state, shot.tasks_done, shot.percent) == ("RDY RUN", 4, 32)
    assert (shot.running_tasks_num, shot.tasks_ready, shot.tasks_error) == (1, 5, 0)
    assert [one.name for one in shot.blocks] == ["beauty", "comp"]
    assert shot.services == ["generic"]
    assert ids(af.query.jobs(ids=[6, 5])) == [6, 5]
    assert af.query.jobs(ids=[]) == []
    assert ids(af.query.jobs("hidden=true or state~ERR")) == [6, 7]


def test_the_server_chooses_users(canned: CannedFarm) -> None:
    assert ids(af.query.jobs("user=kim and state~ERR")) == [6]
    assert canned.last("get") == {**WHO, "type": "jobs", "users": ["kim"]}
    assert af.query.jobs("user=kim and state~DON") == []


def test_one_job(canned: CannedFarm) -> None:
    for name in (5, "5", "shot.v1", {"serial": 105}, {"id": 5}, {"id": 5, "serial": 105}):
        found = af.query.job(name)
        assert found is not None
        assert found.id == 5
    full = af.query.job("shot.v1", full=True)
    assert full is not None
    assert full.blocks[1].tasks[0]["name"] == "left"
    assert af.query.job(99) is None
    assert af.query.job("nobody") is None
    assert af.query.job("nobody", full=True) is None


def test_blocks(canned: CannedFarm) -> None:
    beauty, comp = af.query.blocks("shot.v1")
    assert (beauty.numeric, comp.numeric) == (True, False)
    assert (beauty.frame_first, beauty.frames_per_task, beauty.percent) == (1, 5, 45)
    assert [one.name for one in af.query.blocks(5, "state~WDP")] == ["comp"]
    assert af.query.blocks(99) == []


def test_tasks(canned: CannedFarm) -> None:
    tasks = af.query.tasks(5, block="beauty")
    assert len(tasks) == 10
    first, second, third = tasks[:3]
    assert (first.name, first.state, first.render) == ("frame 1-9 / 2", "DON", "r1")
    assert (second.activity, second.percent, second.starts) == ("tile 3", 45, 1)
    assert (third.errors, third.time_done - third.time_started, third.job_id) == (4, 1, 5)
    assert [one.task_num for one in af.query.tasks(5, "state~ERR and host=r10*", block=0)] == [2]
    names = [one.name for one in af.query.tasks("shot.v1", block="comp")]
    assert names == ["comp left", "comp right", "comp a,b", "comp left"]
    assert len(af.query.tasks(5)) == 14
    assert af.query.tasks(99) == []


def test_renders(canned: CannedFarm) -> None:
    busy, off = af.query.renders()
    assert (busy.tasks_num, busy.services, busy.ip) == (1, ["generic"], "127.0.0.1")
    assert (busy.capacity_total, busy.max_tasks, off.tasks) == (2000, 4, [])
    assert [one.name for one in af.query.renders("state~OFF and host=r10*")] == ["r10.x"]
    (loaded,) = af.query.renders("host_resources.mem_free_mb<2GB", resources=True)
    assert loaded.host_resources["mem_total_mb"] == 65536


def test_users(canned: CannedFarm) -> None:
    jimmy, kim = af.query.users()
    assert (jimmy.jobs_num, kim.jobs_num, kim.paused, jimmy.paused) == (2, 0, True, False)
    assert [one.name for one in af.query.users("paused=true and user=kim")] == ["kim"]


def test_pools_and_branches(canned: CannedFarm) -> None:
    root, film = af.query.pools()
    assert (root.name, root.renders_online, root.paused, root.run_capacity) == ("/", 1, False, 2000)
    assert (film.parent, film.paused, film.capacity_host, film.services) == ("/", True, -1, [])
    assert [one.name for one in af.query.pools("pool=/film* and paused=true")] == ["/film.x"]
    assert canned.last("get") == {**WHO, "type": "pools"}
    root, film = af.query.branches()
    assert (root.jobs_total, root.active_jobs[0]["name"], film.paused) == (4, "shot.v1", True)
    assert [one.name for one in af.query.branches("jobs_error>0")] == ["/film"]
    with pytest.raises(af.WhereError, match="did you mean 'renders_busy'"):
        af.query.pools("renders_bus>1")


@pytest.mark.parametrize("kind", fields.TABLES)
def test_every_documented_field_is_there(canned: CannedFarm, kind: str) -> None:
    ask = getattr(af.query, kind)
    nodes = ask(5) if kind in ("blocks", "tasks") else ask()
    assert nodes
    for node in nodes:
        for name in fields.TABLES[kind]:
            assert getattr(node, name) is node[name]
        assert json.loads(json.dumps(node)) == node
        with pytest.raises(AttributeError, match="no field 'frobnicate'"):
            _ = node.frobnicate


def test_nodes_share_nothing(canned: CannedFarm) -> None:
    one, other = af.query.jobs(ids=[5, 6])
    one.folders["x"] = "y"
    assert other.folders == {}
    assert fields.JOB["folders"][0] == {}


def test_a_bad_clause_asks_nobody(canned: CannedFarm) -> None:
    with pytest.raises(af.WhereError, match="did you mean 'state'"):
        af.query.jobs("stat~ERR")
    assert canned.requests == []


def test_no_server_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_SERVERNAME", f"127.0.0.1:{closed_port()}")
    with pytest.raises(af.ServerError, match="no server answers"):
        af.query.users()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ([], "garbage"), (b"no json", "garbage"),
        ({"info": {"kind": "error", "text": "no"}}, "refused"),
    ],
)  # fmt: skip
def test_odd_answers_are_errors(canned: CannedFarm, answer: Any, kind: str) -> None:
    canned.next(answer)
    with pytest.raises(af.ServerError) as caught:
        af.query.jobs()
    assert caught.value.kind == kind


# --------------------------------------------------------------------------------------- waiting


def state(words: str, **members: Any) -> dict[str, Any]:
    return {"jobs": [job(5, "shot", block(0, "b", 5), state=words, **members)]}


@pytest.mark.parametrize(
    ("words", "result"),
    [(" DON", "done"), (" DON WRN", "done"), (" ERR", "error"), (" RDY ERR OFF", "error")],
)
def test_wait(canned: CannedFarm, words: str, result: str) -> None:
    canned.next(state(" RDY RUN"), state(" RDY ERR"), state(" RUN ERR"), state(words))
    assert af.wait(5, poll_s=0.01) == result
    first, *others = [request["get"] for request in canned.requests]
    assert first["ids"] == [5]
    assert all(get["serials"] == [105] for get in others)  # the id may be another job's by then


def test_waiting_for_what_is_deleted(canned: CannedFarm) -> None:
    canned.next(state(" RDY"), {"jobs": []})
    assert af.wait("5", poll_s=0.01) == "deleted"
    canned.next(state(" RDY"), NOT_FOUND)
    assert af.wait({"id": 5, "serial": 105}, poll_s=0.01) == "deleted"
    with pytest.raises(LookupError, match="there is no job 99"):
        af.wait(99)


def test_waiting_ends(canned: CannedFarm) -> None:
    with pytest.raises(TimeoutError, match=r"has not ended after 0\.05 s"):
        af.wait(5, timeout_s=0.05, poll_s=0.01)


def test_waiting_for_a_job_that_was_sent(canned: CannedFarm) -> None:
    sent = af.Job("j")
    unsent = af.Job("k")
    one = af.Block("b")
    one.setNumeric(1, 2)
    sent.blocks.append(one)
    assert sent.send() == (True, {"id": 9, "serial": 109})
    canned.next(state(" DON"))
    assert af.wait(sent) == "done"
    assert canned.last("get")["serials"] == [109]
    with pytest.raises(ValueError, match="was not sent"):
        af.wait(unsent)


def test_a_server_that_is_away_is_waited_for(
    canned: CannedFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    from af import query

    real = query.job
    calls: list[Any] = []

    def away(name: Any, full: bool = False) -> Any:
        calls.append(name)
        if len(calls) < 3:
            raise af.ServerError("unreachable", "no server answers")
        return real(name, full)

    monkeypatch.setattr(query, "job", away)
    canned.next(state(" DON"))
    assert af.wait(5, poll_s=0.01) == "done"
    monkeypatch.setattr("af.waiting.PATIENCE_S", -1.0)
    calls.clear()
    with pytest.raises(af.ServerError):
        af.wait(5, poll_s=0.01)


def test_what_is_lazily_there() -> None:
    assert af.query.__name__ == "af.query"
    assert issubclass(af.WhereError, ValueError)
    with pytest.raises(AttributeError, match="no attribute 'frobnicate'"):
        _ = af.frobnicate


@pytest.mark.parametrize("kind", fields.TABLES)
def test_the_fields_of_the_manual_are_those_of_the_code(kind: str) -> None:
    text = MANUAL.read_text(encoding="utf-8").split(f"### Fields of {kind}\n")[1]
    told = re.findall(r"^\| `(\w+)` \| (.*) \|$", text.split("\n#")[0], re.MULTILINE)
    assert told == [(name, meaning) for name, (_, meaning) in fields.TABLES[kind].items()]


@pytest.mark.parametrize("name", af.__all__)
def test_every_name_is_in_the_manual(name: str) -> None:
    assert f"af.{name}" in MANUAL.read_text(encoding="utf-8")
