"""``afcmd config``: what it sends, what it shows, and what is wrong on this computer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.commands import Afcmd

BY = {"by": "anna@desk", "time": 1795000000}
ORIGINS = {"settings": [
    {"key": "timeformat", "value": "hh", "origin": "/etc/x.toml:3", "live": True},
    {"key": "af_serverport", "value": 51000, "origin": "option --port", "live": False,
     "waiting": {"value": 51007, "origin": "/etc/x.toml:1"}},
    {"key": "af_priority", "value": 50, "origin": "set on the fly", "live": True, **BY,
     "under": {"value": 99, "origin": "default"}},
]}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AF_CONFIG_SYSTEM", str(tmp_path / "system.toml"))
    for name in ("APPDATA", "XDG_CONFIG_HOME", "AF_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def changed(key: str, old: Any, value: Any) -> dict[str, Any]:
    return {"key": key, "old": old, "value": value, "origin": "set on the fly", "live": True, **BY}


def test_where_the_servers_values_come_from(afcmd: Afcmd) -> None:
    afcmd.farm.next(ORIGINS)
    lines = afcmd.lines("config", "list", "--origin")
    assert [line.split()[:2] for line in lines[1:]] == [
        ["af_priority", "50"], ["af_serverport", "51000"], ["timeformat", "hh"],
    ]  # fmt: skip
    assert "set by anna@desk at 2026-" in lines[1]
    assert "option --port; 51007 (/etc/x.toml:1) waits for a restart" in lines[2]
    assert lines[3].endswith("/etc/x.toml:3")
    assert afcmd.farm.last("get") == {"type": "config", "mode": "origins"}
    afcmd.farm.next(ORIGINS)
    found = afcmd("config", "show", "--origin", "--json").json["settings"]
    assert found == sorted(ORIGINS["settings"], key=lambda one: one["key"])
    afcmd.farm.next(ORIGINS)
    assert "/etc/x.toml:3" in afcmd("config", "get", "timeformat", "--origin").out
    afcmd.farm.next(ORIGINS)
    found = afcmd("config", "get", "timeformat", "--origin", "--json").json
    assert found == {"settings": [ORIGINS["settings"][0]]}
    afcmd.farm.next(ORIGINS)
    assert "did you mean 'timeformat'?" in afcmd("config", "get", "timeformt", "--origin",
                                                 code=5).err  # fmt: skip


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("af_max_running_tasks", "-1", -1), ("annotations", "A, B", ["A", "B"]),
        ("af_watch_work_user_visible", "no", False), ("timeformat", "hh:mm ss", "hh:mm ss"),
        ("a_newer_servers_key", "5", "5"),
    ],
)  # fmt: skip
def test_what_set_sends(afcmd: Afcmd, key: str, text: str, value: Any) -> None:
    afcmd.farm.next({"info": {"kind": "log", "text": "x"}, "settings": [changed(key, 1, value)]})
    lines = afcmd.lines("config", "set", key, text)
    assert afcmd.farm.last("action") == {
        "user_name": "jimmy", "host_name": "desk", "type": "config",
        "operation": {"type": "set", "values": {key: value}},
    }  # fmt: skip
    assert len(lines) == 1
    assert lines[0].startswith(key)
    assert "(was 1; set by anna@desk at " in lines[0]


def test_what_unset_and_reload_send(afcmd: Afcmd) -> None:
    answer = {"info": {"kind": "log", "text": "Read."}, "settings": [changed("a", 5, 5)],
              "changed": [changed("a", "", 6)], "waiting": [ORIGINS["settings"][1]]}  # fmt: skip
    afcmd.farm.next(answer)
    assert "(as before; " in afcmd("config", "unset", "a", "b").out
    assert afcmd.farm.last("action")["operation"] == {"type": "unset", "keys": ["a", "b"]}
    afcmd.farm.next(answer)
    lines = afcmd.lines("config", "reload")
    assert afcmd.farm.last("reload_config") == {}
    assert lines[0] == "Read."
    assert "6  (was empty; set by " in lines[1]
    assert "51007 (/etc/x.toml:1) waits for a restart" in lines[2]
    afcmd.farm.next(answer, answer)
    found = afcmd("config", "reload", "--json").json
    assert found == {"files": [], "changed": answer["changed"], "waiting": answer["waiting"]}
    assert afcmd("config", "unset", "a", "--json").json == {"settings": answer["settings"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set", "af_priority"], "config set takes 2 words"),
        (["set", "af_priority", "high"], "af_priority: must be a whole number from 0 to 250"),
        (["unset"], "config unset takes at least 1 word;"),
        (["reload", "now"], "config reload takes no words"),
        (["reload", "--local"], "config reload knows no --local; it is for list and get"),
    ],
)
def test_wrong_words(afcmd: Afcmd, words: list[str], said: str) -> None:
    assert said in afcmd("config", *words, code=2).err


def test_settings_of_this_computer(
    afcmd: Afcmd, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "system.toml"
    path.write_text("\naf_priority = 7\n")
    monkeypatch.setenv("AF_TASK_DEFAULT_CAPACITY", "5")
    lines = afcmd.lines("config", "show", "--local", "--origin")
    assert any(line.split() == ["af_priority", "7", f"{path}:2"] for line in lines)
    assert any("variable AF_TASK_DEFAULT_CAPACITY" in line for line in lines)
    assert f"{'af_priority':<28} 7" in afcmd.lines("config", "list", "--local")
    assert afcmd.lines("config", "get", "af_priority", "--local") == ["7"]
    found = afcmd("config", "get", "af_priority", "--local", "--json").json["settings"]
    assert found == [{"key": "af_priority", "value": 7, "origin": f"{path}:2"}]
    found = afcmd("config", "list", "--local", "--json").json["settings"]
    assert {"key": "timeformat", "value": "ddd dd.MM.yyyy hh:mm", "origin": "default"} in found
    err = afcmd("config", "get", "af_prioritiy", "--local", code=5).err
    assert "did you mean 'af_priority'?" in err
    assert afcmd.farm.requests == []


def test_a_secret_is_neither_shown_nor_sent(
    afcmd: Afcmd, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AF_EMAIL_SMTP_PASSWORD", "hunter2")
    key = "email_smtp_password"
    for words in (["list", "--local"], ["get", key, "--local"], ["files"]):
        for more in ([], ["--json"]):
            assert "hunter2" not in afcmd("config", *words, *more).out
    assert "variable AF_EMAIL_SMTP_PASSWORD" in afcmd("config", "list", "--local", "--origin").out
    err = afcmd("config", "set", key, "hunter2", code=2).err
    assert "is a secret" in err
    assert "hunter2" not in err
    assert afcmd.farm.requests == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("af_prioriti = 5", ":1: there is no setting 'af_prioriti' (did you mean 'af_priority'?)"),
        ("\naf_priority = 'x'", ':2: af_priority must be a whole number from 0 to 250, not "x"'),
        ("af_priority", "system.toml: cannot be read: "),
    ],
)
@pytest.mark.filterwarnings("ignore:configuration")
def test_wrong_settings_of_this_computer(afcmd: Afcmd, home: Path, text: str, said: str) -> None:
    (home / "system.toml").write_text(text)
    done = afcmd("jobs", "--json", code=2)
    assert said in done.err
    assert done.json["error"]["code"] == "bad_config"
    assert afcmd.farm.requests == []
    afcmd("config", "get", "af_priority", code=2)
    shown = afcmd("config", "files").out
    assert said in shown
    assert said in afcmd("config", "list", "--local").out
    assert said in json.loads(afcmd("config", "files", "--json").out)["problems"][0]
