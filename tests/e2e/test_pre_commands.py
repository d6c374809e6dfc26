"""Pre commands on real hosts: a task finds what they made, and a server killed in between (R31)."""

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


@pytest.fixture
def prepared(real: Farm) -> Farm:
    """A farm that runs pre commands."""
    afcmd(real, "config", "set", "af_command_pre", "true")
    return real


def test_a_task_finds_the_folder_that_its_pre_command_made(prepared: Farm, tmp_path: Path) -> None:
    (tmp_path / "shot").mkdir()
    job = prepared.submit(
        {
            "tasks": [{"name": "t", "command": "mv made/mine images/done"}],
            "working_directory": str(tmp_path / "shot"),
            "command_pre": "touch made/mine",
        },
        command_pre="mkdir images made && echo for $AF_OF_JOB_NAME in $PWD",
    )
    assert prepared.job(job)["state"].split() == ["WDP"]
    assert "waits for its pre command" in afcmd(prepared, "why", str(job))
    prepared.start_render("a")
    prepared.wait_job(job, "DON")
    assert (tmp_path / "shot" / "images" / "done").exists()
    assert prepared.output(1, 3, 0) == f"for job in {tmp_path / 'shot'}\n"
    log = afcmd(prepared, "log", str(job))
    assert "pre command ended well" in log
    assert "pre command of block 0" in log


def test_a_pre_command_that_fails(prepared: Farm, tmp_path: Path) -> None:
    """The job is in error, and why says it and what to do; a restart runs it again."""
    prepared.start_render("a")
    job = prepared.submit(
        {"tasks": [{"name": "t", "command": "true"}]},
        command_pre=f"cat {tmp_path / 'scene'}",
    )
    prepared.wait_job(job, "ERR")
    told = afcmd(prepared, "why", str(job))
    assert "its pre command failed: exit status 1 on a (afcmd output 1.3 '#0')" in told
    assert f"afcmd set {job} command_pre=" in told
    assert "No such file" in afcmd(prepared, "output", "1.3", "#0")
    (tmp_path / "scene").touch()
    afcmd(prepared, "restart", str(job))
    prepared.wait_job(job, "DON")


def test_a_job_goes_without_it(prepared: Farm) -> None:
    prepared.start_render("a")
    job = prepared.submit({"tasks": [{"name": "t", "command": "true"}]}, command_pre="false")
    prepared.wait_job(job, "ERR")
    afcmd(prepared, "set", str(job), "command_pre=")
    prepared.wait_job(job, "DON")


def test_the_server_is_killed_while_it_runs(prepared: Farm, tmp_path: Path) -> None:
    prepared.start_render("a")
    begun, go, made = tmp_path / "begun", tmp_path / "go", tmp_path / "made"
    job = prepared.submit(
        {"tasks": [{"name": "t", "command": f"cat {made}"}]},
        command_pre=f"echo x >> {begun}; while [ ! -e {go} ]; do sleep 0.05; done; echo y > {made}",
    )
    wait_until(begun.exists, "the pre command")
    assert prepared.server is not None
    prepared.server.kill9()
    prepared.start_server()
    prepared.wait_task(1, 3, 0, "RUN")
    assert "DON" not in prepared.job(job)["state"].split()
    go.touch()
    prepared.wait_job(job, "DON")
    assert prepared.output(job) == "y\n"
    assert begun.read_text() == "x\n", "it was adopted"


def test_switched_off_the_answer_says_so(real: Farm) -> None:
    block = {"tasks": [{"name": "t", "command": "true"}], "service": "generic"}
    job = {
        "name": "job", "user_name": "anna", "host_name": "desk", "command_pre": "false",
        "blocks": [block, {**block, "command_pre": "false"}],
    }  # fmt: skip
    answer = real.ask({"job": job})
    said = [
        f"{field} is kept and not run: the setting af_command_pre is off"
        for field in ("job.command_pre", "blocks[1].command_pre")
    ]
    assert answer["warnings"] == said
    assert real.ask({"get": {"type": "jobs", "ids": [answer["id"]], "mode": "log"}})["message"][
        "list"
    ] == [f"warning: {one}" for one in said]
    more = real.action(answer["id"], "append_blocks", blocks=[{**block, "command_pre": "x"}])
    assert said[1].replace("1", "2") in more["warnings"]
