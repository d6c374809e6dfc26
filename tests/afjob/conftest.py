"""afjob in this process: an empty folder as the current one, and the job it would send."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afanasy.afjob.main import main

Simulate = Callable[..., dict[str, Any]]
Refuse = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AF_USERNAME", "jimmy")
    monkeypatch.setenv("AF_HOSTNAME", "desk")
    for name in (
        "AF_SERVERNAME", "AF_SERVERPORT", "AF_CMD_PREFIX", "CGRU_AF_CMDPREFIX", "AF_CMDEXTENSION",
        "AF_PLUGINS", "CGRU_AF_PRIORITY", "CGRU_AF_TASK_DEFAULT_CAPACITY",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def simulate(capsys: pytest.CaptureFixture[str]) -> Simulate:
    """The job of a command line; files need not exist."""

    def run(*words: str) -> dict[str, Any]:
        capsys.readouterr()
        code = main(["--simulate", "--json", "--no-check", *words])
        out, err = capsys.readouterr()
        assert (code, err) == (0, ""), err
        return json.loads(out)["job"]

    return run


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """The error of a command line, which people and programs are told alike."""

    def run(*words: str, code: int = 2) -> dict[str, Any]:
        capsys.readouterr()
        ended = main(["--simulate", "--json", *words])
        out, err = capsys.readouterr()
        assert ended == code, (out, err)
        error = json.loads(out)["error"]
        assert err.startswith("afjob: ")
        assert error["field"] in err
        assert error["message"].rstrip(".") in err
        return error

    return run
