"""The command line for people who write parsers."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from afanasy.parsers import check

LOGS = Path(__file__).parents[1] / "data" / "logs"


def test_it_prints_the_conclusion(capsys: pytest.CaptureFixture[str]) -> None:
    with (LOGS / "ffmpeg_sequence_gap.log").open("rb") as source:
        assert check.main(["ffmpeg", "24"], source) == 1
    said = capsys.readouterr().out
    assert said.startswith("verdict: bad_output\npercent: 37\nframe: 9 of 24")
    assert "class: missing_frames\n" in said


def test_a_running_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["generic", "2", "--running"], io.BytesIO(b"PROGRESS: 50%")) == 0
    assert capsys.readouterr().out.startswith("verdict: progress\npercent: 25\n")


def test_an_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["generic", "--status", "3"], io.BytesIO(b"hello")) == 1
    assert capsys.readouterr().out.startswith("verdict: error\npercent: unknown\n")


def test_an_unknown_parser(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["nosuch", "1"], io.BytesIO(b"")) == 2
    assert "parser nosuch is unknown" in capsys.readouterr().err


def test_no_name_is_a_wrong_question(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([], io.BytesIO(b"")) == 2
    assert "which parser" in capsys.readouterr().err


def test_the_parser_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["none"], io.BytesIO(b"[ PARSER ERROR ]")) == 0
    assert capsys.readouterr().out.startswith("no parser")


def test_as_a_program_with_a_folder_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "parsers").mkdir()
    (tmp_path / "parsers" / "mine.py").write_text(
        "from afanasy.parsers.base import Example, Parser\n"
        "class Mine(Parser):\n"
        "    ERRORS = {'ouch': ''}\n"
        "    EXAMPLES = (Example(1, 'Ouch!', error=True), Example(1, 'ouch'))\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "afanasy.parsers.check", "--examples", "mine"],
        env={**os.environ, "AF_PLUGINS": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1
    assert run.stdout == "mine: example 2: error is True, the example says False\n"
    assert run.stderr == ""
