"""Pools and branches, moving renders and jobs: what is asked, shown and refused."""

from __future__ import annotations

from typing import Any

import pytest

from harness.commands import Afcmd


def names(found: Any, kind: str) -> list[str]:
    return [one["name"] for one in found[kind]]


# ------------------------------------------------------------------------------------ lists


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["/", "/film.x"]),
        (["state~PAU"], ["/film.x"]),
        (["paused=true and priority<99"], ["/film.x"]),
        (["pool=/film* or renders_online>5"], ["/film.x"]),
        (["--mask", "/"], ["/"]),
        (["--state", "RUN"], ["/"]),
        (["zombie_time>1m"], ["/film.x"]),
    ],
)
def test_pools(afcmd: Afcmd, words: list[str], found: list[str]) -> None:
    for form in (["pools"], ["pools", "list"]):
        assert names(afcmd(*form, *words, "--json").json, "pools") == found
        assert [line.split()[0] for line in afcmd.lines(*form, *words)[1:]] == found


def test_the_table_of_pools(afcmd: Afcmd) -> None:
    title, root, film = afcmd.lines("pools")
    assert title.split() == [
        "POOL", "STATE", "PRI", "RENDERS", "ONLINE", "BUSY", "TASKS", "CAPACITY", "PATTERN",
    ]  # fmt: skip
    assert root.split() == ["/", "RUN", "99", "2", "1", "1", "1", "2000"]
    assert film.split() == ["/film.x", "PAU", "50", "0", "f.*"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["/", "/film"]),
        (["paused=true"], ["/film"]),
        (["branch=/film and jobs_error>0"], ["/film"]),
        (["max_running_tasks=-1"], ["/"]),
        (["--mask", "/f.*"], ["/film"]),
    ],
)
def test_branches(afcmd: Afcmd, words: list[str], found: list[str]) -> None:
    for form in (["branches"], ["branches", "list"]):
        assert names(afcmd(*form, *words, "--json").json, "branches") == found
        assert [line.split()[0] for line in afcmd.lines(*form, *words)[1:]] == found


def test_a_wrong_clause_names_the_field(afcmd: Afcmd) -> None:
    assert "did you mean 'renders_busy'?" in afcmd("pools", "renders_bus>1", code=2).err
    assert "did you mean 'jobs_total'?" in afcmd("branches", "job_total>1", code=2).err


# ---------------------------------------------------------------------------------- details


@pytest.mark.parametrize("name", ["/film.x", "2"])
def test_a_pool(afcmd: Afcmd, name: str) -> None:
    for form in (["pool"], ["pools", "show"]):
        text = afcmd(*form, name).out
        for words in (("pool", "2 /film.x"), ("pattern", "f.*"), ("zombie_time", "2m00s")):
            assert words[1] in text.split(words[0], 1)[1].splitlines()[0]
        assert afcmd(*form, name, "--json").json["pool"]["id"] == 2
    assert afcmd("pools", "log", name).out == "line of pools log\n"
    assert afcmd.farm.last("get") == {"type": "pools", "ids": [2], "mode": "log"}


def test_a_branch_and_its_jobs(afcmd: Afcmd) -> None:
    lines = afcmd.lines("branch", "/")
    assert lines[0].split() == ["branch", "1", "/"]
    assert lines[-1].split() == ["5", "shot.v1", "jimmy", "RDY", "RUN", "1"]
    assert afcmd("branches", "show", "/film", "--json").json["branch"]["paused"] is True
    assert afcmd("branches", "log", "2").out == "line of branches log\n"


@pytest.mark.parametrize("noun", ["pools", "branches"])
def test_there_is_no_such_one(afcmd: Afcmd, noun: str) -> None:
    one = noun.removesuffix("es" if noun == "branches" else "s")
    for name in ("/no", "77"):
        said = afcmd(noun, "show", name, code=5).err
        assert said == f"afcmd: there is no {one} '{name}'; afcmd {noun} lists them\n"


# ---------------------------------------------------------------------------------- actions


def on(kind: str, mask: str, **members: Any) -> dict[str, Any]:
    return {"type": kind, "mask": mask, **members}


def does(name: str, /, **members: Any) -> dict[str, Any]:
    return {"operation": {"type": name, **members}}


ACTIONS = {
    "pools pause /film.x": on("pools", r"/film\.x", params={"paused": True}),
    "pools unpause /film.x": on("pools", r"/film\.x", params={"paused": False}),
    "pools heal /": on("pools", "/", **does("heal_sick")),
    "pools eject /": on("pools", "/", **does("eject_tasks")),
    "pools exit /": on("pools", "/", **does("exit")),
    "pools delete /film.x": on("pools", r"/film\.x", **does("delete")),
    "pools delete-renders /": on("pools", "/", **does("delete_renders")),
    "pools heal --regex /f.*": on("pools", "/f.*", **does("heal_sick")),
    "pools add /film.x/gpu": on("pools", r"/film\.x", **does("add_pool", name="gpu")),
    "pools add /cpu/": on("pools", "/", **does("add_pool", name="cpu")),
    "pools set / priority=50": on("pools", "/", params={"priority": 50}),
    "pools set / tickets_pool=a:5,b:7:2": on(
        "pools", "/", params={"tickets_pool": {"a": [5, -1], "b": [7, 2]}}
    ),
    "pools set / tickets_host=a:2 zombie_time=2m new_paused=yes": on(
        "pools", "/", params={"tickets_host": {"a": 2}, "zombie_time": 120, "new_paused": True}
    ),
    "set --pool /f.* --regex services=a;b": on("pools", "/f.*", params={"services": ["a", "b"]}),
    "branches pause /film": on("branches", "/film", **does("pause")),
    "branches start /film": on("branches", "/film", **does("start")),
    "branches delete /film": on("branches", "/film", **does("delete")),
    "branches delete-done /film": on("branches", "/film", **does("delete_done_jobs")),
    "branches set /film max_running_tasks=5 create_childs=true": on(
        "branches", "/film", params={"max_running_tasks": 5, "create_childs": True}
    ),
    "branches set /film solve_jobs=true solve_method=solve_order": on(
        "branches", "/film", params={"solve_jobs": True, "solve_method": "solve_order"}
    ),
    "renders move r1 /film.x": on("renders", "r1", **does("set_pool", name="/film.x")),
    "render r1 move /film.x": on("renders", "r1", **does("set_pool", name="/film.x")),
    "renders reassign r1": on("renders", "r1", **does("reassign_pool")),
    "renders defaults r1": on("renders", "r1", **does("restore_defaults")),
    "jobs move up 5": on("users", "jimmy", **does("move_jobs_up", jids=[5])),
    "move down shot.v1 7": on("users", "jimmy", **does("move_jobs_down", jids=[5, 7])),
    "move top 6": on("users", "kim", **does("move_jobs_top", jids=[6])),
    "jobs move bottom 5 5": on("users", "jimmy", **does("move_jobs_bottom", jids=[5, 5])),
    "users set kim solve_method=solve_priority": on(
        "users", "kim", params={"solve_method": "solve_priority"}
    ),
    "set 5 depend_jobs=106,107": {
        "type": "jobs", "ids": [5], "params": {"depend_jobs": [106, 107]},
    },
}  # fmt: skip


@pytest.mark.parametrize("line", ACTIONS)
def test_what_is_done(afcmd: Afcmd, line: str) -> None:
    assert afcmd.action(*line.split()) == ACTIONS[line]


@pytest.mark.parametrize(
    ("line", "members"),
    [
        ("set --ticket t 6", {"host": False, "count": 6}),
        ("set --ticket t --hosts any", {"host": False, "max_hosts": -1}),
        ("set --ticket t 6 --hosts 2", {"host": False, "count": 6, "max_hosts": 2}),
        ("set --ticket t 6 --each-host", {"host": True, "count": 6}),
        ("unset --ticket t", {"host": False, "count": -1, "max_hosts": -1}),
        ("unset --ticket t --each-host", {"host": True, "count": -1}),
    ],
)
def test_a_ticket_keeps_what_is_not_named(afcmd: Afcmd, line: str, members: dict[str, Any]) -> None:
    done: dict[str, Any] = {"info": {"kind": "log", "text": ""}}
    there = {"limits": [
        {"kind": "ticket", "name": "t", "scope": "pool", "place": "/"},
        {"kind": "ticket", "name": "t", "scope": "host", "place": "pool /"},
    ]}  # fmt: skip
    answers = [done, {"limits": []}]
    pools: dict[str, Any] = {"pools": [{"name": "/", "id": 1}]}
    afcmd.farm.next(*([pools, there, *answers] if line.startswith("unset") else answers))
    afcmd("limits", *line.split())
    operation = afcmd.farm.last("action")["operation"]
    assert operation == {"type": "tickets", "name": "t", **members}


@pytest.mark.parametrize("words", [["nosuch"], ["t", "--each-host"], ["t", "--pool", "/film"]])
def test_a_ticket_that_a_pool_does_not_declare(afcmd: Afcmd, words: list[str]) -> None:
    there = {"kind": "ticket", "name": "t", "scope": "pool", "place": "/"}
    pools = {"pools": [{"name": "/", "id": 1}, {"name": "/film", "id": 2}]}
    afcmd.farm.next(pools, {"limits": [there]})
    error = afcmd("limits", "unset", "--ticket", *words, code=5).err
    assert f"declares no ticket '{words[0]}'" in error


def test_a_new_pool_gets_its_values(afcmd: Afcmd) -> None:
    added = {"info": {"kind": "info", "text": "Pool '/film/gpu' added to pool '/film'"}}
    afcmd.farm.next(added)
    out = afcmd("pools", "add", "/film/gpu", "priority=50", "pattern=g.*").out
    assert out == added["info"]["text"] + "\n"
    action = afcmd.farm.last("action")
    assert (action["mask"], action["params"]) == ("/film/gpu", {"priority": 50, "pattern": "g.*"})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pools frob /", "pools has no verb 'frob'"),
        ("pool frob /", "'frob' is no verb of pools; there are add, pause"),
        ("pool --regex /", "--regex needs a verb"),
        ("pools add film", "'film' is no path of a pool; as /film/gpu"),
        ("pools add /", "'/' is no path of a pool"),
        ("pools set / tickets_pool=a:x", "COUNT or COUNT:HOSTS"),
        ("branch frob /", "'frob' is no verb of branches; there are pause, start"),
        ("renders move r1", "no pool was named"),
        ("render r1 pause /film", "'/film' is one word too many"),
        ("renders pause r1 /film", "'/film' is one word too many"),
        ("jobs move sideways 5", "invalid choice: 'sideways'"),
        ("jobs move up 5 6", "these are jobs of jimmy and kim"),
        ("limits set --ticket rlm 3 --each-host --hosts 2", "'--hosts' has no place beside"),
        ("limits unset --ticket rlm --hosts 2", "'--hosts' has no place beside unset"),
        ("limits set nuke 3 --each-host", "--each-host is for tickets"),
        ("limits set nuke 3 --pool /film", "--pool is for tickets"),
        ("set 5.beauty environment=", "environment: nothing would change"),
        ("set 5 folders={}", "folders: nothing would change"),
        ("set 5 depend_jobs=a", "must be serials of jobs, as 12,15"),
    ],
)
def test_wrong_words(afcmd: Afcmd, line: str, said: str) -> None:
    assert said in afcmd(*line.split(), code=2).err
