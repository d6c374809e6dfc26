"""``afcmd farm``: what it asks, what it shows, and files of this computer."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.commands import Afcmd

SAMPLE = Path(__file__).parents[1] / "data" / "farm.xml"
FARM = {"farm": {
    "source": "/farm.xml", "time": 1795000000, "lines": [3], "match": "last",
    "limits": [{"service": "nuke", "maxcount": 10}, {"service": "maya", "maxhosts": 1}],
    "patterns": [{"name": "big", "capacity": 3000, "remservices": ["max"],
                  "services": [{"name": "nuke", "count": 2}]}],
}}  # fmt: skip
GOOD = """<farm>
<service name="nuke" maxcount="2"/>
<pattern name="all"><capacity>1000</capacity><service name="generic"/><service name="nuke"/>
</pattern>
<pattern name="big"><mask>big\\d</mask><capacity>4000</capacity><remservice name="nuke"/></pattern>
</farm>
"""


def host(name: str, **members: Any) -> dict[str, Any]:
    return {
        "name": name, "known": True, "farm_file": True, "pool": "/", "patterns": ["all"],
        "values": {"capacity": {"value": 5, "origin": "operator"},
                   "power": {"value": -1, "origin": "nobody"}},
        "services": {"nuke": {"allowed": True, "origin": "pattern 'all'", "count": 2},
                     "max": {"allowed": False, "origin": "pool /", "count": 0}},
        "other_services": False, **members,
    }  # fmt: skip


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "farm.xml"
    path.write_text(GOOD)
    return str(path)


def test_the_servers_farm_file(afcmd: Afcmd) -> None:
    afcmd.farm.next(FARM)
    lines = afcmd.lines("farm")
    assert afcmd.farm.last("get") == {"type": "farm"}
    assert lines[0].startswith("/farm.xml, read 2026-")
    assert "of several matching patterns the last one alone counts" in lines
    assert "pattern big (line 3)" in lines
    assert [re.split("  +", line.strip()) for line in lines if line.startswith("  ")] == [
        ["mask", "none: every host"], ["capacity", "3000"], ["takes away", "max"],
        ["services", "nuke (2 at once)"], ["nuke", "10 at once"], ["maya", "on 1 host"],
    ]  # fmt: skip
    afcmd.farm.next(FARM)
    assert afcmd("farm", "show", "--json").json == FARM


def test_no_farm_file(afcmd: Afcmd) -> None:
    afcmd.farm.next({"farm": {"source": "", "time": 0, "lines": [], "patterns": [], "limits": []}})
    assert "there is no farm file" in afcmd("farm", "show").out


def test_a_file_as_text_and_as_json(afcmd: Afcmd, good: str, tmp_path: Path) -> None:
    lines = afcmd.lines("farm", good)
    assert lines == afcmd.lines("farm", "show", good)
    assert "pattern big (line 5)" in lines
    document = afcmd("farm", "show", good, "--json").json
    assert document["farm"]["patterns"][1] == {
        "name": "big", "mask": "big\\d", "capacity": 4000, "remservices": ["nuke"],
    }  # fmt: skip
    other = tmp_path / "farm.json"
    other.write_text(json.dumps(document))
    assert afcmd("farm", "show", str(other), "--json").json == document
    assert not afcmd.farm.requests


def test_the_sample_of_the_product(afcmd: Afcmd) -> None:
    out = afcmd("farm", str(SAMPLE)).out
    assert "pattern Render Host (line 7)" in out
    assert "intel nvidiagpu" in out


def test_check_asks_the_server(afcmd: Afcmd) -> None:
    afcmd.farm.next({"hosts": [host("a"), host("b", known=False, other_services=True)]})
    lines = afcmd.lines("farm", "check", "a", "b", "a")
    assert afcmd.farm.last("get") == {"type": "farm", "names": ["a", "b"]}
    assert [line.split() for line in lines[:7]] == [
        ["a"], ["patterns", "all"], ["capacity", "5", "operator"],
        ["service", "nuke", "2", "at", "once", "pattern", "'all'"],
        ["service", "max", "no", "pool", "/"], ["other", "services", "no"], [],
    ]  # fmt: skip
    assert lines[7] == "b  (no render of this name is known)"


def test_check_of_a_host_without_a_pattern(afcmd: Afcmd) -> None:
    afcmd.farm.next({"hosts": [host("a"), host("b", patterns=[])]})
    # What is wrong is the answer, and no error: it stands on standard output.
    done = afcmd("farm", "check", "a", "b", code=1)
    assert ("none matches" in done.out, done.err) == (True, "")
    afcmd.farm.next({"hosts": [host("b", patterns=[], farm_file=False)]})
    assert "there is no farm file" in afcmd("farm", "check", "b").out


def test_names_of_standard_input(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"r{n}" for n in range(250)]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(names)))
    afcmd.farm.next({"hosts": [host(name) for name in names[:200]]},
                    {"hosts": [host(name) for name in names[200:]]})  # fmt: skip
    found = afcmd("farm", "check", "-", "--json").json["hosts"]
    assert [one["name"] for one in found] == names
    asked = [request["get"]["names"] for request in afcmd.farm.requests]
    assert asked == [names[:200], names[200:]]
    monkeypatch.setattr("sys.stdin", io.StringIO(" \n"))
    assert "no host was named" in afcmd("fcheck", code=2).err


def test_check_by_a_file_alone(afcmd: Afcmd, good: str, tmp_path: Path) -> None:
    found = afcmd("farm", "check", "big1", "desk", "--file", good, "--json").json["hosts"]
    big, desk = found
    assert big["patterns"] == ["all", "big"]
    assert big["values"] == {"capacity": {"value": 4000, "origin": "pattern 'big'"}}
    assert big["services"]["nuke"] == {"allowed": False, "origin": "pattern 'big'", "count": 0}
    assert desk["values"] == {"capacity": {"value": 1000, "origin": "pattern 'all'"}}
    assert not desk["other_services"]
    assert "4000" in afcmd("farm", "check", "big1", "--file", good).out
    only = tmp_path / "only.json"
    only.write_text('{"farm": {"patterns": [{"name": "x", "mask": "(a|aa)+b"}]}}')
    out = afcmd("farm", "check", "a" * 60, "--file", str(only), code=1).out
    assert "none matches" in out
    assert not afcmd.farm.requests


def test_verify(afcmd: Afcmd, good: str, tmp_path: Path) -> None:
    assert afcmd("farm", "verify", good).out == f"{good} is good: 2 patterns, 1 limit\n"
    assert afcmd("farm", "verify", good, "--json").json == {"ok": True, "problems": []}
    bad = tmp_path / "bad.xml"
    bad.write_text("<farm>\n<pattern>\n<capacity>x</capacity></pattern></farm>")
    lines = afcmd("farm", "verify", str(bad), code=1).out.splitlines()
    assert lines[0].startswith(f"{bad}:2: pattern: a pattern needs a name")
    assert "3: pattern capacity: capacity must be a whole number, not 'x'" in lines[1]
    problems = afcmd("farm", "verify", str(bad), "--json", code=1).json["problems"]
    assert [(one["line"], one["where"]) for one in problems] == [
        (2, "pattern"), (3, "pattern capacity"),
    ]  # fmt: skip
    for words in (["show", str(bad)], ["check", "a", "--file", str(bad)]):
        assert f"{bad}:2: " in afcmd("farm", *words, code=2).err
    for words in (["verify"], ["show"], ["check", "a", "--file"]):
        assert "there is no file" in afcmd("farm", *words, str(tmp_path / "x"), code=5).err
    assert "Is a directory" in afcmd("farm", "verify", str(tmp_path), code=1).out


def test_reload(afcmd: Afcmd) -> None:
    answer = {"info": {"kind": "log", "text": "farm.xml was read."}, "file": "farm.xml",
              "changed": True, "renders": ["a", "b"], "count": 2}  # fmt: skip
    afcmd.farm.next(answer)
    assert afcmd.lines("farm", "reload") == ["farm.xml was read.", "  a", "  b"]
    assert afcmd.farm.last("action") == {
        "user_name": "jimmy", "host_name": "desk", "type": "farm", "operation": {"type": "reload"},
    }  # fmt: skip
    afcmd.farm.next(answer)
    assert afcmd("fload", "--json").json == {
        "file": "farm.xml", "changed": True, "renders": ["a", "b"],
    }  # fmt: skip
    error = {"code": "bad_farm_file", "message": "farm.xml:1: bad\nfarm.xml:2: worse",
             "hint": "correct the file", "field": ""}  # fmt: skip
    afcmd.farm.next({"info": {"kind": "error", "text": error["message"]}, "error": error})
    done = afcmd("farm", "reload", code=2)
    assert done.err == "afcmd: farm.xml:1: bad\nfarm.xml:2: worse; correct the file\n"
