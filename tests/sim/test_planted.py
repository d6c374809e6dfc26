"""Each planted bug is found by some seed of the CI set."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.sim_set import LAST_SEED

PLANTED = Path(__file__).with_name("planted.py")


def plant(name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PLANTED), name, f"0-{LAST_SEED}"]
    return subprocess.run(command, capture_output=True, text=True)


def names() -> list[str]:
    done = subprocess.run(
        [sys.executable, str(PLANTED), "--list"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


NAMES = names()


def test_there_are_ten_at_least() -> None:
    assert len(set(NAMES)) >= 10


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_planted_bug_is_found(name: str) -> None:
    done = plant(name)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found is not None, f"no seed of the set finds: {name}"
    assert found["check"]


def test_a_patch_whose_code_moved_fails_loudly() -> None:
    done = plant("--moved")
    assert done.returncode != 0
    assert "fits 0 places of afanasy.core.run.stops" in done.stderr
