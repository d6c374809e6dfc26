"""Settings: the catalogue, the layers, and what is wrong in them."""

from __future__ import annotations

import json
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest

import af
from af import config, toml_files
from af.settings import BY_KEY, CATALOGUE, CLIENT, GUI, RENDER, SERVER
from harness.pythons import pythons

SRC = Path(__file__).parents[2] / "src"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer without any configuration yet."""
    for name in list(os.environ):
        if name.startswith(("CGRU_", "AF_")) or name in ("APPDATA", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AF_CONFIG_SYSTEM", str(tmp_path / "system.toml"))
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# ----------------------------------------------------------------------------------- catalogue


@pytest.mark.parametrize("setting", CATALOGUE, ids=lambda setting: setting.key)
def test_every_setting_is_whole(setting: Any) -> None:
    assert setting.check(setting.default) == setting.default
    assert setting.used_by
    assert set(setting.used_by) <= {CLIENT, SERVER, RENDER, GUI}
    assert setting.help.endswith(".")
    assert setting.variable.startswith("AF_")
    if SERVER in setting.used_by and not setting.live:
        assert setting.flags
        assert not setting.settable
    assert setting.rule()


def test_keys_and_variables_are_unique() -> None:
    assert len(BY_KEY) == len(CATALOGUE)
    names = [name for s in CATALOGUE for name in (s.variable, *s.variables)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("af_priority", " 50 ", 50), ("af_max_running_tasks", "-1", -1),
        ("af_cmdprefix", "nice -n 5 ", "nice -n 5 "), ("af_render_nimby", "NIMBY", "NIMBY"),
        ("af_watch_work_user_visible", "off", False), ("af_user_cut_domain_name", "Yes", True),
        ("annotations", "A, B c,", ["A", "B c"]), ("annotations", '["A,B"]', ["A,B"]),
        ("af_servername", "[::1]:8", ["[::1]:8"]), ("af_server_trust", "", []),
        ("af_plugins", os.pathsep.join(["/a", "/b c"]), ["/a", "/b c"]),
        ("pathsmap", '[["a", "b"]]', [["a", "b"]]),
    ],
)  # fmt: skip
def test_values_as_texts(key: str, text: str, value: Any) -> None:
    assert BY_KEY[key].from_text(text) == value


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("af_priority", "many", 'a whole number from 0 to 250, not "many"'),
        ("af_priority", "251", "a whole number from 0 to 250, not 251"),
        ("af_priority", "1.5", "a whole number"),
        ("af_render_nimby", "Nimby", "one of '', 'nimby'"),
        ("af_user_cut_domain_name", "perhaps", "true or false"),
        ("pathsmap", '[["a"]]', "a list of pairs"), ("annotations", "[1]", "a list of texts"),
        ("af_cmdprefix", "a\0", "a text"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_the_rule(key: str, value: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule.replace("[", r"\[")):
        BY_KEY[key].from_text(value)


@pytest.mark.parametrize("value", [True, 1.0, None, "1", [1], 2**70])
def test_numbers_are_whole_numbers(value: Any) -> None:
    with pytest.raises(ValueError, match="must be a whole number"):
        BY_KEY["af_priority"].check(value)


# -------------------------------------------------------------------------------------- layers


def test_each_layer_wins_over_the_ones_below(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def priority() -> tuple[int, str]:
        found = config.found("af_priority")
        assert config.priority() == config.value("af_priority") == found.value
        return found.value, found.origin

    assert priority() == (99, "default")
    cgru = write(home / ".cgru/config.json", json.dumps({"cgru_config": {"af_priority": 1}}))
    assert priority() == (1, str(cgru))
    system = write(home / "system.toml", "# ours\naf_priority = 2\n")
    assert priority() == (2, f"{system}:2")
    user = write(home / ".config/afanasy/afanasy.toml", "af_priority = 3")
    assert priority() == (3, f"{user}:1")
    other = write(home / "other.toml", "\n\naf_priority = 4")
    monkeypatch.setenv("AF_CONFIG", str(other))
    assert priority() == (4, f"{other}:3")
    monkeypatch.setenv("CGRU_AF_PRIORITY", "5")
    assert priority() == (5, "variable CGRU_AF_PRIORITY")
    monkeypatch.setenv("AF_PRIORITY", "6")
    assert priority() == (6, "variable AF_PRIORITY")
    assert config.files().files == [str(path) for path in (cgru, system, user, other)]
    assert config.problems() == []


def test_where_the_files_are() -> None:
    own = os.path.join("afanasy", "afanasy.toml")  # noqa: PTH118 - as af writes it
    find = toml_files.candidates
    assert find({"HOME": "/h"}, "linux") == [f"/etc/{own}", f"/h/.config/{own}"]
    assert find({"HOME": "/h", "XDG_CONFIG_HOME": "/x", "AF_CONFIG": "c", "AF_CONFIG_SYSTEM": "s"},
                "linux") == ["s", f"/x/{own}", "c"]  # fmt: skip
    assert find({"APPDATA": "A", "PROGRAMDATA": "P"}, "win32") == [f"P/{own}", f"A/{own}"]


def test_names_come_from_files_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        home / "system.toml",
        'af_servername = "farm"\naf_serverport = 7\naf_username = "STUDIO\\\\Anna"\n'
        'af_hostname = "Node1"\naf_cmdprefix = "nice "\npathsmap = [["/mnt/", "/m/"]]\n',
    )
    monkeypatch.setenv("USER", "somebody")
    assert config.servers() == [("farm", 7)]
    assert config.servers("other:8") == [("other", 8)]
    assert (config.user_name(), config.host_name()) == ("anna", "node1")
    block = af.Block()
    block.setCommand("ls /mnt/x")
    assert block.data["command"] == "nice ls /m/x"
    monkeypatch.setenv("AF_SERVERNAME", "a,b:51001")
    monkeypatch.setenv("AF_USERNAME", "kim")
    assert config.servers() == [("a", 7), ("b", 51001)]
    assert config.user_name() == "kim"


def test_a_changed_file_is_read_again(home: Path) -> None:
    path = home / "system.toml"
    assert config.priority() == 99
    write(path, "af_priority = 10")
    assert config.priority() == 10
    write(path, "af_priority = 7")
    assert config.priority() == 7


def test_cgru_values_that_make_no_sense_are_passed_over(home: Path) -> None:
    said = {"af_priority": "much", "af_errors_avoid_host": 5000, "af_store_folder": "/var/tmp/x"}
    write(home / ".cgru/config.json", json.dumps({"cgru_config": said}))
    assert config.found("af_priority") == (99, "default")
    assert config.value("af_errors_avoid_host") == 127
    # That is where the other program's data lies.
    assert config.found("af_store_folder") == ("", "default")


# ------------------------------------------------------------------------------------ problems

WRONG = [
    ("af_prioriti = 5", "{}:1: there is no setting 'af_prioriti' (did you mean 'af_priority'?)"),
    ("\nxyzzy = 5", "{}:2: there is no setting 'xyzzy' (afcmd config list shows"),
    ("a=\naf_priority", "{}: cannot be read: "),
    ('af_priority = "5"', '{}:1: af_priority must be a whole number from 0 to 250, not "5"'),
    ("\n\naf_priority = 999", "{}:3: af_priority must be a whole number from 0 to 250, not 999"),
    ("timeformat = 1979-05-27", "{}: cannot be read"),
    ("[af_priority]\nx = 1", "af_priority must be a whole number"),
    ("annotations = [1]", "{}:1: annotations must be a list of texts, not [1]"),
    ("a = " + "[" * 100_000, "{}: cannot be read: "),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_wrong_file_names_the_place_and_the_rule(home: Path, text: str, said: str) -> None:
    path = write(home / "system.toml", text + "\n")
    if "1979" in text:  # the standard library reads dates, and no setting takes one
        said = "{}:1: timeformat must be a text, not 1979-05-27"
    with pytest.raises(ValueError, match=r"system\.toml") as caught:
        config.check()
    assert said.format(path) in str(caught.value)
    with pytest.warns(af.AfWarning, match="configuration: ") as seen:
        assert config.priority() == 99  # a script goes on
    assert len(seen) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config.priority()


def test_a_wrong_variable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / "system.toml", "af_priority = 7")
    monkeypatch.setenv("AF_PRIORITY", "high")
    with pytest.raises(ValueError, match="AF_PRIORITY: af_priority must be a whole number"):
        config.check()
    with pytest.warns(af.AfWarning, match="AF_PRIORITY"):
        assert config.priority() == 7


def test_a_named_file_that_is_not_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_CONFIG", str(home / "nowhere.toml"))
    with pytest.raises(ValueError, match=r"nowhere\.toml: no such file"):
        config.check()


def test_a_good_line_beside_a_wrong_one_counts(home: Path) -> None:
    write(home / "system.toml", "af_prioriti = 5\naf_priority = 6")
    with pytest.warns(af.AfWarning, match="did you mean 'af_priority'"):
        assert config.priority() == 6
    assert len(config.problems()) == 1


def test_an_unknown_key_is_asked(home: Path) -> None:
    assert config.value("af_nothing") is None
    with pytest.raises(KeyError):
        config.found("af_nothing")


@pytest.mark.parametrize("python", pythons())
def test_every_python_has_the_same_settings(python: str, tmp_path: Path) -> None:
    write(tmp_path / "s.toml", 'af_priority = 7\nnope = 1\nannotations = [\n"A",\n]\n')
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1])\n"
        "from af import config\n"
        "print(json.dumps([config.found_all(), config.problems()]))\n"
    )
    done = subprocess.run(
        [python, "-I", "-B", "-S", "-W", "error", "-c", code, str(SRC)],
        capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AF_TASK_POST_LIMIT_SEC": "5",
             "AF_CONFIG_SYSTEM": str(tmp_path / "s.toml")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found, problems = json.loads(done.stdout)
    assert found["af_priority"] == [7, f"{tmp_path}/s.toml:1"]
    assert found["annotations"] == [["A"], f"{tmp_path}/s.toml:3"]
    assert found["af_task_post_limit_sec"] == [5, "variable AF_TASK_POST_LIMIT_SEC"]
    assert set(found) == set(BY_KEY)
    assert problems == [
        f"{tmp_path}/s.toml:2: there is no setting 'nope' (afcmd config list shows those there are)"
    ]
