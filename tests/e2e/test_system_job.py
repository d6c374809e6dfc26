"""The system job on real hosts: post commands of deleted jobs (SEMANTICS 12.1, R23)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.processes import Farm, program, wait_until

pytestmark = pytest.mark.e2e


def afcmd(farm: Farm, *words: str) -> str:
    command = [program("afcmd"), "--server", f"127.0.0.1:{farm.port}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_deleted_job_tidies_up_after_itself(real: Farm, tmp_path: Path) -> None:
    """Also where all slots are taken; only inside the job's own folders; a kill loses nothing."""
    images = tmp_path / "images"
    images.mkdir()
    (images / "one.exr").touch()
    precious = tmp_path / "precious"
    precious.touch()
    job = real.submit(
        {
            "tasks": [{"name": "t", "command": "true"}],
            "working_directory": str(images),
            "command_post": "deletefiles '*.exr' && pwd && touch tidied",
        },
        {"tasks": [{"name": "t", "command": "true"}], "command_post": f"deletefiles {precious}"},
        command_post="echo job $AF_OF_JOB_NAME of $AF_OF_USER_NAME, roots $AF_DELETE_ROOTS",
        offline=True,
    )
    real.action(job, "delete")
    assert real.server is not None
    real.server.kill9()
    real.start_server()
    real.start_render("a", "--max-tasks", "0")
    wait_until((images / "tidied").exists, "the post command")
    assert not (images / "one.exr").exists()
    real.wait_task(1, 0, 0, "DON")
    real.wait_task(1, 0, 1, "DON")
    assert real.output(1, 0, 0) == f"job job of anna, roots {images}\n"
    assert str(images) in real.output(1, 0, 1)
    wait_until(lambda: real.story(1, 0, 2)["errors"] >= 1, "the refusal")
    assert "outside the allowed roots" in real.output(1, 0, 2)
    assert precious.exists()
    text = afcmd(real, "tasks", "1")
    assert "deletefiles" in text
    assert "echo" in text
    assert "post command of job" in afcmd(real, "log", "1")
    assert "the only suitable host is avoided" in afcmd(real, "why", "1.0", "#2")
