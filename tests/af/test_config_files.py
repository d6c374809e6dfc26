"""Configuration files: order, includes, sections of systems, and what is wrong with them."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest

import af
from af import config, config_files
from af.config_files import load


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, an installation and a custom file that are not there yet."""
    for name in list(os.environ):
        if name.startswith(("CGRU_", "AF_")) or name == "APPDATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CGRU_LOCATION", str(tmp_path / "cgru"))
    return tmp_path


def write(path: Path, root: Any, **config_values: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cgru_config": {**root, **config_values}}))
    return path


def test_an_installation_as_studios_have_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    default = write(
        home / "cgru/config_default.json",
        {"include": ["afanasy/config_default.json", "config.json", "not_there.json"]},
        af_servername="one", af_priority=10, timeformat="a", kept="from the first",
    )  # fmt: skip
    own = write(home / "cgru/afanasy/config_default.json", {}, af_priority=20, af_serverport=51007)
    site = write(home / "cgru/config.json", {"": "a remark", "-af_priority": 25}, timeformat="b")
    custom = write(home / "custom.json", {}, af_servername="three", af_cmdprefix="nice ")
    personal = write(home / "home/.cgru/config.json", {}, af_servername=["four", "five:1"])
    monkeypatch.setenv("CGRU_CUSTOM_CONFIG", str(custom))
    found = config.files()
    assert found.files == [str(path) for path in (default, own, site, custom, personal)]
    assert found.problems == []
    assert found.values["timeformat"] == "b"
    assert found.values["kept"] == "from the first"
    assert "" not in found.values
    assert "-af_priority" not in found.values
    assert "include" not in found.values
    assert config.priority() == 20
    assert config.command_prefix() == "nice "
    assert config.servers() == [("four", 51007), ("five", 1)]
    personal.unlink()
    assert config.servers() == [("three", 51007)]
    monkeypatch.setenv("CGRU_AF_SERVERNAME", "six,seven")
    monkeypatch.setenv("CGRU_AF_SERVERPORT", "8")
    monkeypatch.setenv("CGRU_AF_PRIORITY", "30")
    assert config.servers() == [("six", 8), ("seven", 8)]
    assert config.priority() == 30
    monkeypatch.setenv("AF_SERVERNAME", "eight:9")
    assert config.servers() == [("eight", 9)]


def test_jobs_take_their_defaults_from_the_files(home: Path) -> None:
    write(home / "home/.cgru/config.json", {}, af_priority=7, af_task_default_capacity=55,
          af_cmdprefix="nice ", pathsmap=[["/mnt/", "/m/"]])  # fmt: skip
    block = af.Block()
    block.setCommand("ls /mnt/x")
    assert (af.Job().data["priority"], block.data["capacity"]) == (7, 55)
    assert block.data["command"] == "nice ls /m/x"


def test_a_changed_file_is_read_again(home: Path) -> None:
    path = home / "home/.cgru/config.json"
    assert config.servers() == [("127.0.0.1", 51000)]
    write(path, {}, af_servername="one")
    assert config.servers() == [("one", 51000)]
    write(path, {}, af_servername="other")
    assert config.servers() == [("other", 51000)]


@pytest.mark.parametrize(
    ("platform", "value"),
    [("linux", "linux"), ("darwin", "mac"), ("win32", "windows"), ("freebsd14", "linux")],
)
def test_sections_of_systems(home: Path, platform: str, value: str) -> None:
    path = write(
        home / "c.json",
        {
            "OS_linux": {"a": "linux"}, "OS_macosx": {"a": "mac"}, "OS_windows": {"a": "windows"},
            "OS_unix": {"a": "unix", "u": True, "-v": 1},
        },
        a="all", u=False,
    )  # fmt: skip
    values = load([str(path)], platform).values
    assert values == {"a": value, "u": platform != "win32"}


def test_objects_are_merged_and_the_rest_replaced(home: Path) -> None:
    one = write(home / "1.json", {}, o={"a": 1, "b": {"c": 1, "-d": 1}}, t=[1, 2])
    two = write(home / "2.json", {}, o={"b": {"e": 2}, "": "remark"}, t=[3])
    values = load([str(one), str(two)]).values
    assert values == {"o": {"a": 1, "b": {"c": 1, "e": 2}}, "t": [3]}


def test_a_file_that_includes_itself_is_refused(home: Path) -> None:
    one = write(home / "1.json", {"include": "2.json"}, a=1)
    two = write(home / "2.json", {"include": ["1.json", "./2.json"]}, b=2)
    found = load([str(one)])
    assert found.values == {"a": 1, "b": 2}
    assert found.files == [str(one), str(two)]
    assert len(found.problems) == 2
    assert all("includes itself; refused" in problem for problem in found.problems)


def test_a_file_may_be_included_twice_by_others(home: Path) -> None:
    both = write(home / "both.json", {}, x=1)
    one = write(home / "1.json", {"include": ["2.json", "both.json"]})
    write(home / "2.json", {"include": ["both.json"]}, x=2)
    found = load([str(one)])
    assert found.problems == []
    assert found.files.count(str(both)) == 2
    assert found.values == {"x": 1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON"), ("[]", 'has no object "cgru_config"'),
        ('{"cgru_config": []}', 'has no object "cgru_config"'), ("\ud800", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_told_once(home: Path, text: str, told: str) -> None:
    path = home / "home/.cgru/config.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.warns(af.AfWarning, match=told) as seen:
        assert config.servers() == [("127.0.0.1", 51000)]
    assert len(seen) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config.servers()


def test_a_custom_file_that_is_not_there_is_missed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CGRU_CUSTOM_CONFIG", str(home / "nowhere.json"))
    with pytest.warns(af.AfWarning, match=r"nowhere\.json: no such file"):
        config.servers()


def test_a_byte_order_mark_is_no_mistake(home: Path) -> None:
    path = home / "c.json"
    path.write_bytes(b'\xef\xbb\xbf{"cgru_config": {"a": "\xc3\xa9"}}')
    assert load([str(path)]).values == {"a": "é"}


@pytest.mark.parametrize(
    ("text", "like", "value"),
    [
        ("7", 1, 7), ("x", 1, 1), ("true", False, True), ("0", True, False), ("1.5", 1.0, 1.5),
        ("[1]", [], [1]), ("{}", [], []), ("nonsense", [2], [2]), ('{"a":1}', {}, {"a": 1}),
        ("text", "", "text"),
    ],
)  # fmt: skip
def test_variables_have_the_type_of_what_they_replace(text: str, like: Any, value: Any) -> None:
    assert config_files.from_text(text, like) == value


def test_only_known_keys_are_replaced_by_variables(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / "home/.cgru/config.json", {}, studio_key=5)
    monkeypatch.setenv("CGRU_STUDIO_KEY", "6")
    monkeypatch.setenv("CGRU_OTHER_KEY", "6")
    assert config.value("studio_key") == 6
    assert config.value("other_key") is None
    assert config.settings()["studio_key"] == 6


def test_domains_stay_when_told_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_USERNAME", "STUDIO\\Anna")
    assert config.user_name() == "anna"
    write(home / "home/.cgru/config.json", {}, af_user_cut_domain_name=False,
          af_render_cut_domain_name=False)  # fmt: skip
    assert config.user_name() == "studio\\anna"
    monkeypatch.setattr("socket.gethostname", lambda: "Desk.studio.example")
    assert config.host_name() == "desk.studio.example"


def test_appdata_comes_before_the_home_folder() -> None:
    assert config_files.candidates({"HOME": "/h", "APPDATA": "/a"}) == [
        os.path.join("/a", ".cgru", "config.json")  # noqa: PTH118 - as af writes it
    ]
    assert config_files.candidates({}) == []
