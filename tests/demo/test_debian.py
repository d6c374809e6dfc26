"""``tools/debian.sh`` with an apt-get, a sudo and an account that only pretend."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "debian.sh"


class Machine:
    """A PATH with just these programs; what apt-get was asked is in ``asked``."""

    def __init__(self, folder: Path, *, user: int, installed: str) -> None:
        self.folder = folder
        self.log = folder / "asked"
        for name in ("grep", "env", "sh"):
            (folder / name).symlink_to(shutil.which(name) or name)
        self.add("id", f"echo {user}")
        self.add(
            "dpkg-query",
            f'for last; do :; done; case " {installed} " in *" $last "*) echo installed;; '
            "*) exit 1;; esac",
        )
        self.add("apt-get", f'echo "$*" >>"{self.log}"')

    def add(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, *packages: str) -> tuple[int, str]:
        """Exit status, and what it said on stderr."""
        done = subprocess.run(
            ["/bin/sh", SCRIPT, *packages],
            env={"PATH": str(self.folder)},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr

    def asked(self) -> list[str]:
        """The packages of each call of apt-get, options left out."""
        if not self.log.exists():
            return []
        return [
            " ".join(w for w in line.split() if not w.startswith("-") and "::" not in w)
            for line in self.log.read_text().splitlines()
        ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def test_what_is_there_needs_nothing(folder: Path):
    machine = Machine(folder, user=1000, installed="ffmpeg make")
    assert machine.run("ffmpeg", "make") == (0, "")
    assert machine.asked() == []


def test_root_installs_what_is_missing(folder: Path):
    machine = Machine(folder, user=0, installed="make")
    assert machine.run("ffmpeg", "make", "procps")[0] == 0
    assert machine.asked() == ["update", "install ffmpeg procps"]


def test_sudo_without_a_password_is_as_good(folder: Path):
    machine = Machine(folder, user=1000, installed="")
    machine.add("sudo", '[ "$1" = -n ] && shift; [ "$1" = true ] || exec "$@"')
    assert machine.run("ffmpeg")[0] == 0
    assert machine.asked() == ["update", "install ffmpeg"]


@pytest.mark.parametrize("sudo", [True, False])
def test_others_are_told_the_line_to_run(folder: Path, sudo: bool):
    machine = Machine(folder, user=1000, installed="make")
    if sudo:
        machine.add("sudo", "echo 'a password is required' >&2; exit 1")
    status, said = machine.run("ffmpeg", "make", "procps")
    assert status == 1
    line = "sudo apt-get update && sudo apt-get install -y --no-install-recommends ffmpeg procps"
    assert line in said
    assert machine.asked() == []


def test_a_failed_installation_is_a_failure(folder: Path):
    machine = Machine(folder, user=0, installed="")
    machine.add("apt-get", "exit 100")
    assert machine.run("ffmpeg")[0] == 100


def test_without_apt_get(folder: Path):
    machine = Machine(folder, user=0, installed="")
    (folder / "apt-get").unlink()
    status, said = machine.run("ffmpeg")
    assert status == 3
    assert "no apt-get" in said


def test_what_tests_need_is_installed_by_hand_and_by_the_check() -> None:
    """Nothing is skipped for want of a program: ``make packages`` and ``.ci/run`` bring it."""
    root = SCRIPT.parents[1]
    by_hand, by_the_check = (
        next(
            line.partition("tools/debian.sh")[2].split()
            for line in (root / name).read_text(encoding="utf-8").splitlines()
            if "tools/debian.sh" in line and not line.startswith("#")
        )
        for name in ("Makefile", ".ci/run")
    )
    assert {"openssl", "tmux", "zsh", "ffmpeg"} <= set(by_hand) <= set(by_the_check)
