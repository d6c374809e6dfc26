"""The built package: what is in it, and a farm of nothing but it in an empty environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from harness import packages
from harness.packages import ROOT
from harness.processes import Process, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packages.build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


class Installed(NamedTuple):
    """An environment that has the wheel and what it requires, and a folder to work in."""

    bin: Path
    folder: Path

    def env(self, **more: str) -> dict[str, str]:
        path = f"{self.bin}{os.pathsep}/usr/bin{os.pathsep}/bin"
        return packages.clean_environment(PATH=path, HOME=str(self.folder), **more)

    def run(self, *command: str, code: int = 0, **more: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.env(**more), capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip
        assert done.returncode == code, (command, done.stdout, done.stderr)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder / "venv", with_pip=True)
    index = packages.make_index(folder / "index", *packages.our_requirements())
    place = Installed(folder / "venv" / "bin", folder)
    place.run("pip", "install", "--quiet", str(wheel), **index)
    return place


def programs() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return sorted(project["project"]["scripts"])


def sources() -> set[str]:
    """Everything below src that belongs to the packages, data files and migrations too."""
    return {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path)
    }


def test_everything_below_src_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    own = {name for name in names if ".dist-info/" not in name}
    assert own == sources()
    assert "afanasy/store/migrations/versions/0001_first.py" in own
    assert "afanasy/store/migrations/script.py.mako" in own
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    archive = packages.build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    for name in ("tests/packaging", "docs", "deploy/systemd", "tools", "Makefile", ".ci/run"):
        assert (source / name).exists(), name
    again = packages.build("wheel", source, tmp_path / "again")
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_import_af_needs_nothing_but_its_own_files(wheel: Path, tmp_path: Path) -> None:
    """As inside a DCC: a bare Python and the folder ``af`` alone."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path, [n for n in archive.namelist() if n.startswith("af/")])
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import af\n"
        "job = af.Job('shot'); block = af.Block('beauty', 'blender')\n"
        "block.setCommand('true'); block.setNumeric(1, 5); job.blocks.append(block)\n"
        "assert not any(name.startswith('afanasy') for name in sys.modules)\n"
        "assert not [path for path in sys.path if 'site-packages' in path], sys.path\n"
        "print(job.send())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-W", "ignore", "-c", script, str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={"AF_SERVERNAME": "127.0.0.1", "AF_SERVERPORT": "9"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "(False, None)\n"), done.stderr


def test_the_installed_package_is_whole(installed: Installed) -> None:
    where = installed.run(
        "python", "-c", "import af, afanasy; print(af.__file__, afanasy.__file__)"
    )
    assert all(path.startswith(str(installed.folder)) for path in where.split())
    assert "No broken requirements" in installed.run("pip", "check")
    for name in programs():
        assert (installed.bin / name).exists()
        assert name in installed.run(name, "--help")


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in reversed(started):
        process.end()


def test_a_farm_of_the_installed_programs(installed: Installed, processes: list[Process]) -> None:
    def start(name: str, *options: str) -> Process:
        log = installed.folder / f"{name}.log"
        process = Process([str(installed.bin / name), *options], log, installed.env())
        processes.append(process)
        return process

    server = start("afserver", "--port", "0", "--data", str(installed.folder / "server"))
    port = server.wait_line("afserver: ready on ").rsplit(":", 1)[1]
    data = str(installed.folder / "render")
    render = start("afrender", "--server", f"127.0.0.1:{port}", "--hostname", "r1", "--data", data)
    render.wait_line("afrender: r1 registered")
    told = installed.run("afcmd", "run", "--follow", "echo it works", AF_SERVERPORT=port)
    assert "it works" in told
    script = (
        "import af\n"
        "job = af.Job('from python'); block = af.Block('echo'); task = af.Task('one')\n"
        "task.setCommand('echo from python'); block.tasks.append(task); job.blocks.append(block)\n"
        "ok, answer = job.send(); assert ok, answer"
    )
    installed.run("python", "-c", script, AF_SERVERPORT=port)
    installed.run("afcmd", "wait", "from python", AF_SERVERPORT=port)
    assert "from python" in installed.run("afcmd", "output", "from python", AF_SERVERPORT=port)
    told = installed.run(
        "afserver", "doctor", "--port", port, "--data", str(installed.folder / "server")
    )
    assert "is served by afserver" in told


def test_afanasy_up_of_the_installed_package(
    installed: Installed, processes: list[Process]
) -> None:
    up = Process(
        [str(installed.bin / "afanasy"), "up", "--port", "0"],
        installed.folder / "up.log",
        installed.env(),
    )
    processes.append(up)
    port = up.wait_line("afanasy: a farm of 1 render on 127.0.0.1:").split(":")[2]
    up.wait_line("Ctrl-C ends the farm.")
    children = psutil.Process(up.pid).children()
    assert "hello" in installed.run("afcmd", "run", "--follow", "echo hello", AF_SERVERPORT=port)
    assert (installed.folder / ".local/share/afanasy/server/farm.db").exists()
    assert up.end() == 0
    wait_until(lambda: not any(child.is_running() for child in children), "the end of all")
