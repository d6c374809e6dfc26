"""afcmd against a real farm: every verb, for people and as JSON."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.processes import Farm, program, wait_until

pytestmark = pytest.mark.e2e


class Terminal:
    """Somebody at a terminal of this farm."""

    def __init__(self, farm: Farm) -> None:
        self.farm = farm

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [program("afcmd"), "--server", f"127.0.0.1:{self.farm.port}", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def say(self, *words: str, code: int = 0) -> str:
        """Run afcmd; its standard output, or its standard error where ``code`` is not 0."""
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, (words, process.returncode, out, err)
        return err if code else out

    def data(self, *words: str) -> Any:
        return json.loads(self.say("--json", *words))


@pytest.fixture
def at(real: Farm) -> Terminal:
    real.start_render("a", "--capacity", "2000")
    return Terminal(real)


def test_looking_at_the_farm(at: Terminal) -> None:
    job = at.farm.submit(
        {"flags": 1, "frame_first": 1, "frame_last": 3, "command": "echo frame @#@",
         "name": "beauty"},
        name="shot", user_name="anna",
    )  # fmt: skip
    at.say("wait", str(job))
    assert "shot" in at.say("jobs")
    assert [found["name"] for found in at.data("jobs")["jobs"]] == ["shot"]
    assert at.data("jobs", "--user", "nobody")["jobs"] == []
    assert "beauty" in at.say("job", str(job))
    assert "frame 2" in at.say("job", "shot", "--tasks")
    assert at.data("job", str(job))["job"]["id"] == job
    assert "2000" in at.say("renders")
    assert [found["name"] for found in at.data("renders")["renders"]] == ["a"]
    assert "anna" in at.say("users")
    assert {found["name"] for found in at.data("users")["users"]} == {"afadmin", "anna"}
    assert at.say("output", f"{job}.beauty", "2") == "frame 2\n"
    assert "success" in at.say("log", str(job), "beauty", "2")
    assert "done" in at.say("why", str(job))
    assert "there is no job" in at.say("job", "999", code=5)


def test_steering_a_job(at: Terminal, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = at.farm.submit(
        {"flags": 1, "frame_first": 1, "frame_last": 6, "capacity": 1000,
         "command": f"until [ -e {go} ]; do sleep 0.05; done; echo @#@", "name": "b"},
    )  # fmt: skip
    name = str(job)

    def running() -> int:
        return at.farm.job(job)["blocks"][0].get("running_tasks_counter", 0)

    wait_until(lambda: running() == 2, "two runs")
    at.say("pause", name)
    assert "OFF" in at.farm.job(job)["state"].split()
    assert running() == 2
    at.say("stop", name)
    wait_until(lambda: running() == 0, "the end of both")
    at.say("start", name)
    wait_until(lambda: running() == 2, "two runs again")
    at.say("skip", name, "--block", "b", "--tasks", "5-6")
    assert at.farm.task_state(job, 0, 5) == "DON SKP"
    at.say("set", name, "priority=50", "annotation=a shot")
    assert at.data("job", name)["job"]["annotation"] == "a shot"
    assert "priority" in at.say("set", name, "priority=high", code=2)
    go.touch()
    at.say("wait", name)
    at.say("restart", name, "--block", "b", "--tasks", "1")
    wait_until(lambda: at.farm.progress(job)[0][0].get("str") == 3, "the third start")
    at.say("wait", name)
    at.say("delete", name)
    assert "there is no job" in at.say("job", name, code=5)


def test_following_the_output_of_a_running_task(at: Terminal, tmp_path: Path) -> None:
    go = tmp_path / "go"
    command = f"echo one; until [ -e {go} ]; do sleep 0.05; done; echo two"
    job = at.farm.submit({"tasks": [{"name": "t", "command": command}]})
    at.farm.wait_task(job, 0, 0, "RUN")
    follower = at.start("output", str(job), "t", "--follow")
    assert follower.stdout is not None
    assert follower.stdout.readline() == "one\n"
    go.touch()
    out, err = follower.communicate(timeout=60)
    assert (out, follower.returncode) == ("two\n", 0), err


def test_exit_codes_tell_how_a_job_ended(at: Terminal) -> None:
    at.say("run", "--wait", "true")
    failing = at.farm.submit(
        {"tasks": [{"name": "t", "command": "exit 4"}], "errors_retries": 0}, name="failing"
    )
    at.say("wait", str(failing), code=1)
    assert "failed" in at.say("why", str(failing))
    at.say("restart-errors", str(failing))
    at.say("wait", str(failing), code=1)


def test_renders_and_users_are_steered(at: Terminal) -> None:
    at.say("render", "a", "NIMBY")
    (render,) = at.data("renders")["renders"]
    assert "NBY" in render["state"].split()
    job = at.farm.submit({"tasks": [{"name": "t", "command": "true"}]})
    assert "NIMBY" in at.say("why", str(job))
    at.say("render", "a", "free")
    at.say("wait", str(job))
    at.say("user", "add", "bob")
    assert "bob" in at.say("user", "bob")
    at.say("set", "--user", "bob", "max_running_tasks=1")
    assert at.data("user", "bob")["user"]["max_running_tasks"] == 1
    at.say("render", "a", "exit")
    wait_until(lambda: not at.farm.renders["a"].alive(), "the end of the agent")


def test_no_server_is_said_in_a_sentence(at: Terminal) -> None:
    assert at.farm.server is not None
    at.farm.server.kill9()
    assert "127.0.0.1" in at.say("jobs", code=3)
    at.farm.start_server()
    assert "a" in at.say("renders")


def test_submitting_the_sample_file(at: Terminal) -> None:
    sample = Path(__file__).parents[2] / "examples" / "job.json"
    answer = at.data("submit", str(sample))
    assert answer["id"] > 1
    assert at.data("job", str(answer["id"]))["job"]["user_name"] == "jimmy"
