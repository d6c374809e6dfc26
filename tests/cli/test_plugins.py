"""``plugins``: what there is, what is wrong with it, and parsers tried on outputs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from afanasy.parsers.registry import parser_names
from afanasy.services.registry import service_names
from harness.canned_farm import CannedFarm
from harness.commands import Afcmd

SERVICE = '''"""Toon: draws cartoons."""
from afanasy.services.base import Service

class Toon(Service):
    parser = "toon"
'''
PARSER = '''"""What toon says."""
from afanasy.parsers.base import Example, Parser

class Toon(Parser):
    ERRORS = {"toon: no ink": "missing_input"}
    WARNINGS = ("toon: pale",)
    EXAMPLES = (Example(1, "toon: no ink\\n", error=True, error_class="missing_input"),)
'''


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    """A plug-in folder with a program "toon"."""
    folder = tmp_path / "plugins"
    for kind, text in (("services", SERVICE), ("parsers", PARSER)):
        (folder / kind).mkdir(parents=True)
        (folder / kind / "toon.py").write_text(text)
    return folder


def write(studio: Path, kind: str, name: str, text: str) -> Path:
    file = studio / kind / f"{name}.py"
    file.write_text(text)
    return file


def test_the_list(afcmd: Afcmd, studio: Path) -> None:
    known = afcmd("plugins", "--json").json["plugins"]
    assert [p["name"] for p in known if p["kind"] == "service"] == service_names()
    assert [p["name"] for p in known if p["kind"] == "parser"] == parser_names()
    assert all(plugin["ok"] for plugin in known)
    lines = [line.split() for line in afcmd.lines("plugins", "list", "--plugins", str(studio))]
    assert ["service", "toon", "toon", "ok", str(studio / "services/toon.py")] in lines
    assert ["parser", "toon", "ok", "1", str(studio / "parsers/toon.py")] in lines


def test_the_folders_of_the_setting(
    afcmd: Afcmd, studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AF_PLUGINS", str(studio))
    found = afcmd("plugins", "--json").json
    assert found["folders"] == [str(studio)]
    assert "toon" in {plugin["name"] for plugin in found["plugins"]}
    assert afcmd.lines("plugins", "check")[0] == "service toon: ok"


def test_a_folder_is_checked(afcmd: Afcmd, studio: Path) -> None:
    assert afcmd.lines("plugins", "check", str(studio)) == [
        "service toon: ok", "parser toon: ok, 1 example",
    ]  # fmt: skip
    write(studio, "services", "bad", "import nowhere_at_all\n")
    write(studio, "parsers", "wrong", PARSER.replace("error=True", "error=False"))
    write(studio, "parsers", "mute", PARSER.split("    EXAMPLES", maxsplit=1)[0])
    done = afcmd("plugins", "check", str(studio), code=1)
    assert "service bad: service bad cannot be loaded" in done.out
    assert "line 1: ModuleNotFoundError: No module named 'nowhere_at_all'" in done.out
    assert "parser wrong: example 1: error is True, the example says False" in done.out
    assert "parser mute: has no EXAMPLES" in done.out
    assert "parser toon: ok" in done.out
    found = afcmd("plugins", "check", str(studio), "--json", code=1).json
    assert found["ok"] is False
    assert {p["name"] for p in found["plugins"] if not p["ok"]} == {"bad", "wrong", "mute"}


def test_one_file_is_checked(afcmd: Afcmd, studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(studio, "services", "bad", "import nowhere_at_all\n")
    assert afcmd.lines("plugins", "check", str(studio / "parsers/toon.py")) == [
        "parser toon: ok, 1 example"
    ]
    monkeypatch.chdir(studio / "services")
    assert afcmd.lines("plugins", "check", "toon.py") == ["service toon: ok"]
    afcmd("plugins", "check", "bad.py", code=1)


def test_one_is_shown(afcmd: Afcmd, studio: Path) -> None:
    text = afcmd("plugins", "show", "toon", "--plugins", str(studio)).out
    for words in ("Toon: draws cartoons.", "What toon says.", "toon: no ink", "toon: pale"):
        assert words in text
    service, parser = afcmd("plugins", "show", "toon", "--plugins", str(studio), "--json").json[
        "plugins"
    ]
    assert (service["parser"], service["file"]) == ("toon", str(studio / "services/toon.py"))
    assert (parser["ERRORS"], parser["examples"]) == (["toon: no ink"], 1)
    assert "did you mean 'blender'?" in afcmd("plugins", "show", "blendr", code=5).err


@pytest.mark.parametrize(
    ("output", "words", "said", "code"),
    [
        ("toon: pale\n", [], ["verdict: ok", "warning: yes"], 0),
        ("toon: no ink\n", [], ["verdict: error", "class: missing_input"], 1),
        ("x", ["--status", "3"], ["verdict: error"], 1),
        ("x", ["--running", "--frames", "7"], ["verdict: progress", "frame: 0 of 7, "], 0),
    ],
)
def test_a_parser_is_tried(
    afcmd: Afcmd, studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    output: str, words: list[str], said: list[str], code: int,
) -> None:  # fmt: skip
    file = tmp_path / "output"
    file.write_text(output)
    line = ["plugins", "try", "toon", *words, "--plugins", str(studio)]
    text = afcmd(*line, str(file), code=code).out
    for part in said:
        assert part in text
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(output.encode())))
    found = afcmd(*line, "--json", code=code).json
    assert found["verdict"] == said[0].removeprefix("verdict: ")
    assert found["frames_num"] == (7 if "--frames" in words else 1)


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["dance"], "plugins has no verb 'dance'; it has list, check, show, try", 2),
        (["list", "x"], "plugins list takes other words", 2),
        (["show"], "plugins show takes other words", 2),
        (["check"], "no folder was named", 2),
        (["check", "/nowhere"], "there is no folder '/nowhere'", 5),
        (["check", "/proc"], "/proc is no plug-in folder", 2),
        (["check", __file__], "is no plug-in; they lie in FOLDER/services", 2),
        (["--plugins", "/nowhere"], "there is no folder '/nowhere'", 5),
        (["try", "frobnicate"], "parser frobnicate is unknown", 5),
        (["try", "none"], "'none' means that nothing is read", 5),
        (["try", "generic", "/nowhere"], "cannot read /nowhere", 5),
        (["try", "generic", "/"], "cannot read /: Is a directory", 2),
    ],
)
def test_wrong_words(afcmd: Afcmd, words: list[str], said: str, code: int) -> None:
    done = afcmd("plugins", *words, code=code)
    assert said in done.err


def test_no_server_is_asked(afcmd: Afcmd, farm: CannedFarm) -> None:
    afcmd("plugins")
    assert farm.requests == []
