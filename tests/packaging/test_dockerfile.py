"""The Dockerfile, without an engine: its stages are read and their pip lines run in environments.

What COPY takes is what the ignore file lets through: a file that the build lacks is noticed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from harness import packages
from harness.packages import ROOT

FILE = ROOT / "deploy" / "Dockerfile"
Stage = list[tuple[str, str]]


def stages() -> dict[str, tuple[str, Stage]]:
    """Name of each stage → what it is from, and its instructions in order."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: dict[str, tuple[str, Stage]] = {}
    current: Stage = []
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            source, _, name = rest.partition(" AS ")
            current = []
            found[name] = (source, current)
        elif word:
            current.append((word, " ".join(rest.split())))
    return found


def of(stage: str, word: str) -> list[str]:
    """What follows one instruction in a stage."""
    return [rest for found, rest in stages()[stage][1] if found == word]


def ignored() -> Iterator[str]:
    """Names at the root of the checkout that the build may see."""
    lines = FILE.with_name("Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    return (rule[1:] for rule in rules if rule.startswith("!"))


def test_stages() -> None:
    found = stages()
    assert list(found) == ["build", "base", "server", "render"]
    assert found["build"][0] == found["base"][0]
    assert found["server"][0] == found["render"][0] == "base"
    known = {"COPY", "RUN", "USER", "VOLUME", "ENV", "EXPOSE", "ENTRYPOINT"}
    assert {word for _, stage in found.values() for word, _ in stage} <= known


def test_images_do_not_run_as_root() -> None:
    words = [word for word, _ in stages()["base"][1]]
    assert words.index("USER") > max(n for n, word in enumerate(words) if word == "RUN")
    assert of("base", "USER") == ["afanasy"]
    assert "useradd --system --uid 800 --create-home afanasy" in of("base", "RUN")[-1]
    assert "-o afanasy -g afanasy /data" in of("base", "RUN")[-1]
    assert of("base", "VOLUME") == ["/data"]


def test_what_is_copied_is_there_and_let_through() -> None:
    allowed = list(ignored())
    for line in of("build", "COPY"):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert any(fnmatch(source, rule) for rule in allowed), source


@pytest.mark.e2e
@pytest.mark.slow
def test_the_pip_lines_make_programs_that_start(tmp_path: Path) -> None:
    """Both stages in environments of their own; paths at the root are folders of this test."""
    index = packages.make_index(tmp_path / "index", *packages.our_requirements())

    def run(stage: str, folder: Path, line: str) -> None:
        moved = re.sub(r"(?<![\w.])/(src|wheels)\b", rf"{tmp_path}/\1", line)
        path = f"{folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"
        done = subprocess.run(
            ["/bin/sh", "-euc", moved], cwd=tmp_path, capture_output=True, text=True, timeout=200,
            env=packages.clean_environment(PATH=path, HOME=str(tmp_path), **index),
        )  # fmt: skip
        assert done.returncode == 0, (stage, moved, done.stdout, done.stderr)

    (tmp_path / "src").mkdir()
    for line in of("build", "COPY"):
        *sources, target = line.split()
        for source in sources:
            place = tmp_path / target.lstrip("/")
            if (ROOT / source).is_dir():
                shutil.copytree(
                    ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
                )
            else:
                shutil.copy(ROOT / source, place)
    for stage in ("build", "base"):
        venv.create(tmp_path / stage, with_pip=True)
        for line in of(stage, "RUN"):
            if line.startswith("pip "):
                run(stage, tmp_path / stage, line)
    assert not (tmp_path / "wheels").exists()
    for stage in ("server", "render"):
        (entry,) = of(stage, "ENTRYPOINT")
        init, dashes, *command = json.loads(entry)
        assert (init, dashes) == ("tini", "--")
        assert "tini" in " ".join(of("base", "RUN"))
        done = subprocess.run(
            [tmp_path / "base" / "bin" / command[0], *command[1:], "--version"],
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
            env=packages.clean_environment(HOME=str(tmp_path)),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_the_lines_in_its_comments_use_options_that_exist() -> None:
    from afanasy.render.main import make_parser as render_parser
    from afanasy.server.main import make_parser as server_parser

    text = FILE.read_text(encoding="utf-8").replace("\\\n#", "")
    parsers = {"server": server_parser(), "render": render_parser()}
    for stage, parser in parsers.items():
        (line,) = re.findall(rf"^#.*docker run .* afanasy-{stage} (.*)$", text, re.MULTILINE)
        (entry,) = of(stage, "ENTRYPOINT")
        parser.parse_args([*json.loads(entry)[3:], *line.split()])
