"""Limits and tickets on a real farm: set while tasks run, seen, explained, kept over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.processes import Farm, wait_until
from harness.terminal_user import Terminal

pytestmark = pytest.mark.e2e


@pytest.fixture
def at(real: Farm) -> Terminal:
    """A server and a render with room for four tasks."""
    real.start_render("a", "--capacity", "4000", "--max-tasks", "4")
    return Terminal(real)


def waiting_tasks(at: Terminal, go: Path, **block: object) -> int:
    """Four tasks that end when the file is there."""
    command = f"until [ -e {go} ]; do sleep 0.05; done"
    tasks = [{"name": str(n), "command": command} for n in range(4)]
    return at.farm.submit({"capacity": 1000, "tasks": tasks, **block})


def running(at: Terminal, job: int) -> int:
    return at.farm.job(job).get("running_tasks_num", 0)


def test_a_limit_is_set_while_tasks_wait(at: Terminal, tmp_path: Path) -> None:
    at.say("limits", "set", "generic", "1")
    go = tmp_path / "go"
    job = waiting_tasks(at, go)
    wait_until(lambda: running(at, job) == 1, "the one task")
    assert f"limit generic 1/1 held by job {job}" in at.say("why", str(job))
    table = at.say("limits")
    (line,) = [line for line in table.splitlines() if line.startswith("service")]
    assert line.split()[:5] == ["service", "generic", "farm", "1", "1"]
    assert f"{job} " in line
    assert "set by " in line
    # Raised: two more start at once. Lowered: they go on.
    said = at.say("limits", "set", "generic", "3", "--hosts", "2")
    assert said.startswith("The limit of service generic was set.")
    wait_until(lambda: running(at, job) == 3, "three tasks")
    at.say("limits", "set", "generic", "1")
    (limit,) = at.data("limits")["limits"]
    assert (limit["used"], limit["max_count"], limit["max_hosts"]) == (3, 1, 2)
    assert limit["held_on"] == {"a": 3}
    assert [(one["id"], one["units"]) for one in limit["holders"]] == [(job, 3)]
    # It holds over a restart of the server, with what runs.
    server = at.farm.server
    assert server is not None
    at.farm.store(job)
    server.kill9()
    at.farm.start_server()
    wait_until(lambda: running(at, job) == 3, "three tasks, adopted")
    (limit,) = at.data("limits", "list")["limits"]
    assert (limit["used"], limit["max_count"]) == (3, 1)
    at.say("limits", "unset", "generic")
    wait_until(lambda: running(at, job) == 4, "all tasks")
    assert at.data("limits")["limits"] == []
    go.touch()
    at.farm.wait_job(job, "DON")


def test_tickets(at: Terminal, tmp_path: Path) -> None:
    at.say("limits", "set", "--ticket", "rlm", "5")
    go = tmp_path / "go"
    job = waiting_tasks(at, go, tickets={"rlm": 2})
    wait_until(lambda: running(at, job) == 2, "two tasks of two tickets each")
    assert f"ticket rlm 4/5 held by job {job}; needed: 2" in at.say("why", str(job))
    (pool,) = at.farm.ask({"get": {"type": "pools"}})["pools"]
    assert pool["tickets_pool"] == {"rlm": [5, 4, 1, -1]}
    at.say("limits", "set", "--ticket", "rlm", "1", "--each-host")
    found = {one["scope"]: one for one in at.data("limits")["limits"]}
    assert (found["pool"]["used"], found["host"]["max_count"]) == (4, 1)
    (pool,) = at.farm.ask({"get": {"type": "pools"}})["pools"]
    assert pool["tickets_host"] == {"rlm": [1, 4, 1]}
    at.say("limits", "unset", "--ticket", "rlm", "--each-host")
    said = at.say("limits", "unset", "--ticket", "rlm")
    assert "nowhere declared" in said, "it is held, and limits nothing"
    wait_until(lambda: running(at, job) == 4, "all tasks")
    go.touch()
    at.farm.wait_job(job, "DON")
    at.say("limits", "set", "--ticket", "rlm", "1")
    assert "declared nowhere now" in at.say("limits", "unset", "--ticket", "rlm")
    assert "declares no ticket 'rlm'" in at.say("limits", "unset", "--ticket", "rlm", code=5)


def test_a_ticket_that_nobody_declares_is_told(at: Terminal) -> None:
    at.say("limits", "set", "--ticket", "nuke_render", "5")
    block = {"name": "b", "tickets": {"nuke_rendr": 1}, "tasks": [{"command": "true"}]}
    job = {"name": "j", "user_name": "anna", "host_name": "desk", "blocks": [block]}
    answer = at.farm.ask({"job": job})
    assert answer["warnings"] == [
        "job.blocks[0].tickets: ticket 'nuke_rendr' is declared nowhere and limits nothing; "
        "did you mean 'nuke_render'?"
    ]


def test_refused(at: Terminal) -> None:
    assert "there is set" not in at.say("limits", "st", "a", code=2)
    assert "'many' is no number" in at.say("limits", "set", "nuke", "many", code=2)
    assert "how many?" in at.say("limits", "set", "nuke", code=2)
    assert "no limit of 'nuke' was set on the fly" in at.say("limits", "unset", "nuke", code=5)
    assert "there is no pool" in at.say(
        "limits", "set", "--ticket", "a", "1", "--pool", "/nowhere", code=5
    )
    request = {"type": "limits", "user_name": "anna", "host_name": "desk"}
    for operation, field in (
        ({"type": "set", "name": "a", "max_count": "5"}, "operation.max_count"),
        ({"type": "set", "name": "a", "max_count": -2}, "operation.max_count"),
        ({"type": "set", "name": "a", "max_cuont": 2, "max_hosts": 1}, "operation.max_cuont"),
        ({"type": "set", "name": "a"}, "operation.max_count"),
        ({"type": "set", "max_count": 5}, "operation.name"),
        ({"type": "raise", "name": "a"}, "action.operation.type"),
        (None, "action.operation"),
    ):
        body = {"action": {**request, "operation": operation}, "strict": True}
        assert at.farm.ask(body)["error"]["field"] == field
    assert at.data("limits")["limits"] == []


def test_services_of_pools_and_renders(at: Terminal) -> None:
    """Listing, forbidding and allowing by ``afcmd``, and what follows for work."""

    def said(noun: str, name: str) -> tuple[list[str], list[str]]:
        node = at.data(noun, name)[noun]
        return node.get("services", []), node.get("services_disabled", [])

    at.say("pool", "add", "/film", "pattern=a")
    at.say("renders", "reassign", "a")
    at.say("pools", "services", "add", "/film", "nuke")
    at.say("psrvadd", "/fil.*", "maya")
    assert said("pool", "/film") == (["nuke", "maya"], [])
    at.say("pools", "services", "disable", "/film", "nu.*")
    assert said("pool", "/film") == (["nuke", "maya"], ["nuke"])
    at.say("pools", "services", "enable", "/film", ".*")
    at.say("psrvdel", "/film", "nu.*")
    assert said("pool", "/film") == (["maya"], [])
    job = at.farm.submit({"service": "generic", "tasks": [{"name": "t", "command": "true"}]})
    assert "service generic" in at.say("why", str(job))
    at.say("rsrvoff", "a", "generic")
    at.say("pools", "services", "clear", "/film")
    assert said("pool", "/film") == ([], [])
    assert said("render", "a") == ([], ["generic"])
    at.farm.wait_task(job, 0, 0, "RDY")
    at.say("rsrvon", "a", "generic")
    at.farm.wait_job(job, "DON")
    assert "no service was named" in at.say("pools", "services", "add", "/film", code=2)
    wrong = at.say("pools", "services", "add", "/film", "b", "a;b", code=2)
    assert "'a;b' is no name of a service" in wrong
    assert said("pool", "/film") == ([], [])
    at.say("pools", "services", "add", "/film", "a b", "c,d-1.x")
    assert said("pool", "/film") == (["a", "b", "c", "d-1.x"], [])
    assert "disable takes one SERVICE" in at.say(
        "pools", "services", "disable", "/film", "a", "b", code=2
    )
    assert "clear takes no service" in at.say("renders", "services", "clear", "a", "x", code=2)
    assert "no pool" in at.say("pools", "services", "add", "/nothing", "x", code=5)


def test_services_and_tickets_by_classic_requests(at: Terminal) -> None:
    """The operations ``farm`` and ``tickets`` of renders and pools (PROTOCOL 2.3)."""

    def act(kind: str, name: str, **members: object) -> dict[str, object]:
        who = {"user_name": "anna", "host_name": "desk", "type": kind, "mask": name}
        return at.farm.ask({"action": {**who, **members}})

    def farm(**words: str) -> dict[str, object]:
        return act("renders", "a", operation={"type": "farm", **words})

    def render() -> dict[str, object]:
        return at.data("render", "a")["render"]

    assert farm(mode="service_add", name="nuke")["info"] == {
        "kind": "log", "text": "Action processed.",
    }  # fmt: skip
    farm(mode="service_add", name="maya")
    farm(mode="service_disable", mask="n.*")
    farm(mode="service_disable", mask="hbatch")
    assert render()["services"] == ["nuke", "maya"]
    assert render()["services_disabled"] == ["nuke", "hbatch"]
    farm(mode="service_enable", mask=".*")
    farm(mode="service_remove", mask="nuke|xsi")
    assert render()["services"] == ["maya"]
    assert "services_disabled" not in render()
    farm(mode="clear_services")
    assert "services" not in render()
    assert "Invalid 'mode'" in str(farm(mode="dance")["info"])
    act("renders", "a", operation={"type": "tickets", "name": "t", "count": 3, "host": True})
    assert render()["tickets_host"] == {"t": [3, 0, 0]}
    act("renders", "a", params={"tickets_host": {"t": [5, 0, 0]}})
    assert render()["tickets_host"] == {"t": [5, 0, 0]}
    act("pools", "/", params={"tickets_pool": {"t": [5]}})
    (pool,) = at.farm.ask({"get": {"type": "pools"}})["pools"]
    assert pool["tickets_pool"] == {"t": [5, 0, 0, -1]}
    act("pools", "/", operation={"type": "tickets", "name": "t", "count": -1, "max_hosts": -1})
    (pool,) = at.farm.ask({"get": {"type": "pools"}})["pools"]
    assert "tickets_pool" not in pool
