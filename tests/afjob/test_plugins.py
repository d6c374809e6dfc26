"""A studio adds one file to add a program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from afanasy.afjob.main import main

from .conftest import Refuse, Simulate

MANUAL = Path(__file__).parents[2] / "docs/howto-afjob.md"


@pytest.fixture
def folder(here: Path) -> Path:
    """The manual's example in a plug-in folder."""
    (example,) = re.findall(
        r"```python file=plugins/afjob/guerilla.py\n(.*?)```", MANUAL.read_text("utf-8"), re.DOTALL
    )
    (here / "plugins/afjob").mkdir(parents=True)
    (here / "plugins/afjob/guerilla.py").write_text(example, "utf-8")
    return here / "plugins"


def test_the_manuals_example(simulate: Simulate, folder: Path) -> None:
    words = ["/p/s.gproject", "1", "10", "--by", "2", "--graph", "Final", "--threads", "4"]
    (block,) = simulate("--plugins", str(folder), *words)["blocks"]
    assert block["command"] == (
        "guerilla --nogui --threads 4 --graph Final --frames @#@-@#@/2 /p/s.gproject"
    )
    assert block["service"] == "guerilla"


def test_the_folder_by_the_environment(
    simulate: Simulate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AF_PLUGINS", f"/nowhere:{folder}")
    (block,) = simulate("/p/s.gproject", "1", "10", "--graph", "A")["blocks"]
    assert block["service"] == "guerilla"


def test_its_options_are_refused_elsewhere_and_required_here(refuse: Refuse, folder: Path) -> None:
    start = ("--no-check", "--plugins", str(folder))
    assert refuse(*start, "/p/s.nk", "1", "2", "--graph", "A")["field"] == "--graph"
    assert refuse(*start, "/p/s.gproject", "1", "2")["field"] == "--graph"


def test_a_studios_program_wins_over_ours(simulate: Simulate, folder: Path) -> None:
    (folder / "afjob/nuke.py").write_text(
        "from afanasy.afjob.program import Program\n"
        "class Nuke(Program):\n"
        "    TITLE, EXTENSIONS, EXECUTABLE, SERVICE = 'our Nuke', ('nk',), 'ournuke', 'nuke'\n"
        "    def command(self): return self.shot.executable + ' @#@'\n"
    )
    (block,) = simulate("--plugins", str(folder), "/p/s.nk", "1", "2")["blocks"]
    assert block["command"] == "ournuke @#@"


def test_a_bad_file_is_told_and_keeps_nobody_from_working(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "broken.py": "import nothing_of_this_name\n",
        "empty.py": "",
        "idle.py": "from afanasy.afjob.program import Program\n"
        "class P(Program): TITLE, EXTENSIONS = 'P', ('iii',)\n",
        "nameless.py": "from afanasy.afjob.program import Program\n"
        "class P(Program):\n"
        "    def command(self): return ''\n",
        "taken.py": "from afanasy.afjob.program import Option, Program\n"
        "class P(Program):\n"
        "    TITLE, EXTENSIONS, OPTIONS = 'P', ('ppp',), (Option('priority', 'x'),)\n"
        "    def command(self): return ''\n",
        "_helper.py": "raise RuntimeError\n",
    }
    for name, text in files.items():
        (folder / "afjob" / name).write_text(text)
    words = ["--simulate", "--no-check", "--plugins", str(folder), "/p/s.nk", "1", "2"]
    assert main(words) == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 5
    assert "broken.py cannot be loaded: ModuleNotFoundError" in told[0]
    assert "empty.py defines no subclass of Program" in told[1]
    assert "idle.py defines no subclass of Program that builds a command" in told[2]
    assert "nameless.py: P has no TITLE" in told[3]
    assert "--priority of P is another option of afjob" in told[4]
