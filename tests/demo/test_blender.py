"""How the demo finds its Blender, with programs that only pretend."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from demo import blender
from demo.trouble import Trouble


def pretend(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_program_of_the_path_comes_first(path: Path, tmp_path: Path):
    program = pretend(path / "blender", "echo Blender 9.9.9")
    pretend(tmp_path / "bin" / "blender", "echo Blender 1.0")
    found = blender.find(tmp_path)
    assert found == blender.Blender(f"Blender 9.9.9 ({program})")
    assert found.environment() == {}


def test_a_program_that_does_not_start_is_none(path: Path):
    pretend(path / "blender", "echo 'error while loading libraries' >&2; exit 127")
    assert blender.program() is None


def test_the_module_of_an_earlier_demo_needs_no_network(path: Path, tmp_path: Path):
    runner = pretend(tmp_path / "bin" / "blender", "echo Blender 4.5")
    found = blender.find(tmp_path)
    assert found is not None
    assert found.folder == runner.parent
    assert found.environment()["PATH"] == f"{runner.parent}{os.pathsep}{path}"


def test_nothing_works_and_that_is_remembered(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    tried: list[str] = []

    def fails(_work: Path) -> blender.Blender:
        tried.append("module")
        raise Trouble("no network")

    monkeypatch.setattr(blender, "install_module", fails)
    assert blender.find(tmp_path) is None
    assert blender.find(tmp_path) is None
    assert tried == ["module"]  # the second time from memory
    note = (tmp_path / "no-blender").read_text()
    assert note == "Debian's blender: there is no apt-get here; no network\n"
    assert "remembered" in capsys.readouterr().out
    pretend(path / "blender", "echo Blender 9.9.9")  # somebody installs it: the note does not count
    assert blender.find(tmp_path) is not None


def test_the_runner_is_a_command_also_below_odd_folders(path: Path, tmp_path: Path):
    work = tmp_path / "a 'quoted' folder"
    python = pretend(tmp_path / "fake python", 'echo "Blender by $#: $1 $2 $3"')
    found = blender.make_runner(work, python)
    script = Path(blender.__file__).with_name("blender_runner.py")
    assert found is not None
    assert found.what.startswith(f"Blender by 3: {script} -b --version")


def test_a_command_leaves_its_output_in_a_log(tmp_path: Path):
    log = tmp_path / "log"
    command = [sys.executable, "-c", "import os; print(os.environ['A']); raise SystemExit(3)"]
    assert blender.run(command, {"A": "one"}, log) == 3
    assert log.read_text() == "one\n"
