"""``import af`` under every Python of this machine from 3.7 on (R63)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import setters
from harness.pythons import pythons
from harness.text_server import TextServer

SRC = Path(__file__).parents[2] / "src"
EXAMPLES = SRC.parent / "examples"
SCRIPT = Path(setters.__file__)


@pytest.fixture(scope="module")
def here() -> Any:
    """What this Python makes."""
    return run(sys.executable)["result"]


def run(python: str) -> Any:
    """The table under one Python, which sees nothing but the standard library and our source."""
    done = subprocess.run(
        [python, "-I", "-B", "-S", "-W", "error::DeprecationWarning", str(SCRIPT), str(SRC)],
        capture_output=True, text=True, timeout=120,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("python", pythons())
def test_every_setter_makes_the_same_json(
    python: str, here: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    told = run(python)
    version = ".".join(map(str, told["version"]))
    with capsys.disabled():
        print(f"\naf runs under Python {version}: {python} ", end="")
    assert told["result"] == here
    assert [changed for changed, _ in told["result"]["good"]] == [row[3] for row in setters.GOOD]


@pytest.mark.parametrize("python", pythons())
def test_the_farm_is_asked(python: str) -> None:
    """``af.query``: nodes are filled and chosen the same way everywhere."""
    pools = [{"name": "/film", "id": 2, "st": 2}, {"name": "/", "id": 1, "renders_total": 3}]
    code = (
        f"import sys; sys.path.insert(0, {str(SRC)!r}); import af; "
        "print([one.name for one in af.query.pools()],"
        " [one.id for one in af.query.pools('paused=true')],"
        " [one.jobs_total for one in af.query.branches('branch=/f*')])"
    )

    def answer(request: Any) -> Any:
        kind = request["get"]["type"]
        return {kind: pools if kind == "pools" else [{"name": "/f", "jobs_total": 5}]}

    with TextServer(answer) as server:
        done = subprocess.run(
            [python, "-I", "-B", "-S", "-W", "error", "-c",
             f"import os; os.environ['AF_SERVERNAME'] = {server.text!r}; {code}"],
            capture_output=True, text=True, timeout=120, env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "['/', '/film'] [2] [5]\n", "")


def test_af_needs_only_the_standard_library() -> None:
    code = f"import sys; sys.path.insert(0, {str(SRC)!r}); import af, af.numeric; af.Job().filled()"
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-S", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("python", pythons())
def test_the_sample_is_sent(python: str) -> None:
    with TextServer(lambda _: {"id": 5, "serial": 4}) as server:
        done = subprocess.run(
            [python, "-B", "-S", "-W", "error", str(EXAMPLES / "job.py")],
            capture_output=True, text=True, timeout=120,
            env={
                "PATH": os.environ["PATH"], "PYTHONPATH": str(SRC), "AF_SERVERNAME": server.text,
            },
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert server.request["job"]["blocks"][0]["tasks"][0]["command"] == "ls -l"
