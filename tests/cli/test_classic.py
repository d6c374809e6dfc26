"""The classic verbs: each is what the manual says, and does what it did (SEMANTICS 14.1)."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from afanasy.cli.classic import CLASSIC, GONE
from afanasy.cli.main import COMMANDS
from harness.commands import Afcmd

MANUAL = Path(__file__).parents[2] / "docs/howto-cli.md"


def jobs(**members: Any) -> dict[str, Any]:
    return {"type": "jobs", "mask": "shot.*", **members}


def renders(mask: str = "r.*", **members: Any) -> dict[str, Any]:
    return {"type": "renders", "mask": mask, **members}


def users(**members: Any) -> dict[str, Any]:
    return {"type": "users", "mask": "kim", **members}


def pools(mask: str = "/f.*", **members: Any) -> dict[str, Any]:
    return {"type": "pools", "mask": mask, **members}


def farm(mode: str, **members: str) -> dict[str, Any]:
    return {"operation": {"type": "farm", "mode": mode, **members}}


def does(name: str) -> dict[str, Any]:
    return {"operation": {"type": name}}


ACTIONS = {
    "jpause shot.*": jobs(**does("pause")),
    "jstop shot.*": jobs(**does("stop")),
    "jstart shot.*": jobs(**does("start")),
    "jrestart shot.*": jobs(**does("restart")),
    "jdel shot.*": jobs(**does("delete")),
    "jpri shot.* 50": jobs(params={"priority": 50}),
    "jtmax shot.* -1": jobs(params={"max_running_tasks": -1}),
    "jhmask shot.* r1.*": jobs(params={"hosts_mask": "r1.*"}),
    "juser shot.* kim": jobs(params={"user_name": "kim"}),
    "trestart 5 0 2": {
        "type": "jobs", "ids": [5], "block_ids": [0],
        "operation": {"type": "restart", "task_ranges": [[2, 2]]},
    },
    "rpri r.* 50": renders(params={"priority": 50}),
    "rnimby r.*": renders(params={"nimby": True}),
    "rNIMBY r.*": renders(params={"NIMBY": True}),
    "rfree r.*": renders(params={"nimby": False, "NIMBY": False}),
    "ruser r.* kim": renders(params={"user_name": "kim"}),
    "rpause r.*": renders(params={"paused": True}),
    "runpause r.*": renders(params={"paused": False}),
    "reject r.*": renders(**does("eject_tasks")),
    "rejnotmy r.*": renders(**does("eject_tasks_keep_my")),
    "rsleep r.*": renders(**does("wol_sleep")),
    "rwake r.*": renders(**does("wol_wake")),
    "rsrvon r.* nu.*": renders(**farm("service_enable", mask="nu.*")),
    "rsrvoff r.* nu.*": renders(**farm("service_disable", mask="nu.*")),
    "rexit r.*": renders(**does("exit")),
    "rexit": renders("desk", **does("exit")),
    "rdel r.*": renders(**does("delete")),
    "rdel": renders("desk", **does("delete")),
    "ppri /f.* 50": pools(params={"priority": 50}),
    "ppause /f.*": pools(params={"paused": True}),
    "punpause /f.*": pools(params={"paused": False}),
    "psrvadd /f.* nuke": pools(**farm("service_add", name="nuke")),
    "psrvdel /f.* nu.*": pools(**farm("service_remove", mask="nu.*")),
    "udel kim": users(**does("delete")),
    "upri kim 50": users(params={"priority": 50}),
    "utmax kim 5": users(params={"max_running_tasks": 5}),
    "uhmask kim r1.*": users(params={"hosts_mask": "r1.*"}),
}  # fmt: skip
SHOWN = {
    "jlist": "afanasy", "jid 5": "beauty", "jlog 5": "pause: by jimmy", "jprog 5": "frame 1-9",
    "tlog 5 0 2": "a story", "tout 5 0 2": "frame 21", "tout 5 0 2 1": "frame 21",
    "plist": "/film.x", "plog 2": "line of pools log",
    "rlist": "r10.x", "rrlist": "45%", "rrlist r1": "45%", "ulist": "kim", "ujobs 3": "broken job",
    "uadd bob": "added user bob", "cload": "nothing changed",
    "stat": "get jobs", "stat 2": "get jobs", "stat 2 1": "get jobs", "db_check": "integrity",
    "db_drivers": "sqlite3", "jweight": "tasks", "parse generic": "verdict: ok",
    "parse generic 5": "frame: 0 of 5", "fload": "farm.xml was read",
    "fcheck r1 desk": "no farm file", "fcheck": "no farm file",
}  # fmt: skip
STORY = {"story": {"task_name": "a story", "runs": [], "state": " ERR"}}
RELOADED = {"info": {"kind": "log", "text": "nothing changed"}, "changed": [], "waiting": []}
STATS = {"stats": {"since": 1795000000, "uptime_s": 5.0, "connections": {}, "messages": [
    {"kind": "get jobs", "direction": "request", "count": 1, "bytes_in": 9, "bytes_out": 9,
     "time_s": 0.5, "time_max_s": 0.5, "commit_s": 0.0},
]}}  # fmt: skip
CHECK = {"db_check": {"ok": True, "driver": "sqlite", "version": "3", "schema": "1", "path": "x",
    "checks": [{"name": "integrity", "ok": True, "text": "fine", "hint": ""}], "sizes": {},
}}  # fmt: skip
SQL = {"sql": {"columns": ["serial", "tasks"], "rows": [[2, 5]], "truncated": False}}
FARM_READ = {"info": {"kind": "log", "text": "farm.xml was read"}, "changed": True, "renders": []}
HOSTS = {"hosts": [{"name": "r1", "known": True, "farm_file": False, "patterns": [], "values": {},
    "services": {}, "other_services": True,
}]}  # fmt: skip
CANNED = {
    "fload": FARM_READ,
    "fcheck": HOSTS,
    "jweight": SQL,
    "cload": RELOADED,
    "stat": STATS,
    "db_check": CHECK,
    "db_drivers": {"db": {}},
}
OUTPUT = {"task": {"data": "frame 21\n", "run": "1"}}


@pytest.mark.parametrize("line", ACTIONS)
def test_what_it_does(afcmd: Afcmd, line: str) -> None:
    assert afcmd.action(*line.split()) == ACTIONS[line]


@pytest.mark.parametrize("line", SHOWN)
def test_what_it_shows(afcmd: Afcmd, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a line\n")))
    if line.startswith("t"):
        afcmd.farm.next(None, STORY if line.startswith("tlog") else OUTPUT)
    if line.split(maxsplit=1)[0] in CANNED:
        afcmd.farm.next(CANNED[line.split(maxsplit=1)[0]])
    assert SHOWN[line] in afcmd(*line.split()).out


def test_every_verb_is_tested_and_in_the_manual() -> None:
    tested = {line.split()[0] for line in (*ACTIONS, *SHOWN)}
    assert tested == set(CLASSIC)
    text = MANUAL.read_text(encoding="utf-8").split("## Classic verbs\n")[1]
    told = set(re.findall(r"`([a-zA-Z_]+)[^`]*`(?=[^|]*\| )", text))
    assert set(CLASSIC) <= told
    for name, verb in CLASSIC.items():
        assert f"`{' '.join([name, *verb.arguments.split()])}`" in text
        assert verb.words[0] in COMMANDS
        assert name not in COMMANDS


def test_the_number_of_a_start(afcmd: Afcmd) -> None:
    afcmd.farm.next(None, OUTPUT)
    afcmd("tout", "5", "0", "2", "3")
    get = afcmd.farm.last("get")
    assert (get["number"], get["block_ids"], get["task_ids"]) == (3, [0], [2])


def test_options_and_the_word_v(afcmd: Afcmd) -> None:
    assert [one["id"] for one in afcmd("v", "jlist").json["jobs"]] == [1, 5, 6, 7]
    assert afcmd("jlist", "--json").json == afcmd("v", "jlist").json


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jpri", "a"], "jpri takes 2 words; jpri MASK N"),
        (["jlist", "a"], "jlist takes no words; jlist"),
        (["tout", "5"], "tout takes 3 to 4 words; tout JOB BLOCK TASK [START]"),
        (["rexit", "a", "b"], "rexit takes 0 to 1 word"),
        *(([name], f"{name} is no verb any more; {instead}") for name, instead in GONE.items()),
    ],
)
def test_wrong_words(afcmd: Afcmd, words: list[str], said: str) -> None:
    assert said in afcmd(*words, code=2).err


def test_help(afcmd: Afcmd) -> None:
    for words in (["help", "classic"], ["h", "classic"]):
        text = afcmd(*words).out
        for name in CLASSIC:
            assert re.search(rf"^  {name}\b", text, re.MULTILINE)
