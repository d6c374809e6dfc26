"""The page for people who add a program: its code runs, and it names everything there is."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

from afanasy.parsers.base import Parser
from afanasy.services.base import Service, TaskInfo

PAGE = Path(__file__).parents[2] / "docs" / "howto-plugins.md"
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Called by the render only.
OF_THE_RENDER = {"feed", "gap", "idle", "finish", "verdict"}


def run(arguments: list[str], folder: Path) -> str:
    """Output of a command in which ``python`` is the one of these tests."""
    programs = str(Path(sys.executable).parent)
    done = subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, "PATH": programs + os.pathsep + os.environ.get("PATH", "")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return done.stdout


def test_the_code_of_the_page_runs(tmp_path: Path) -> None:
    kinds: list[str] = []
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        kinds.append(kind)
        if kind == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                line, _, expected = part.partition("\n")
                assert run(["/bin/sh", "-c", line], tmp_path) == expected
        elif kind == "python":
            first = text.split("\n", 1)[0]
            if first.startswith("# plugins/"):
                path = tmp_path / first.removeprefix("# ")
                path.parent.mkdir(parents=True)
                path.write_text(text, encoding="utf-8")
            else:
                assert run([sys.executable, "-c", text], tmp_path) == ""
    assert kinds == ["text", "python", "python", "console", "console", "console", "python"]


def test_the_page_names_everything() -> None:
    page = PAGE.read_text(encoding="utf-8")
    service = Service(TaskInfo())
    known = {
        *(name for name in dir(Parser(1)) if not name.startswith("_")),
        *(name for name in dir(service) if not name.startswith("_")),
        *(field.name for field in dataclasses.fields(TaskInfo)),
        "numeric",
    }
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", page))))
    assert known - OF_THE_RENDER - words == set()
