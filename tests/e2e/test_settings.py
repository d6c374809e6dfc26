"""Settings on a real farm: files, variables, on the fly, over restarts, and what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from harness.processes import Farm, program, wait_until
from harness.terminal_user import Terminal

pytestmark = pytest.mark.e2e


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only configuration file, which is not there yet."""
    path = tmp_path / "afanasy.toml"
    monkeypatch.setenv("AF_CONFIG_SYSTEM", str(path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CONFIG_HOME", "AF_CONFIG", "CGRU_LOCATION", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.fixture
def at(file: Path, real: Farm) -> Terminal:
    return Terminal(real)


def test_set_holds_at_once_and_over_a_restart(at: Terminal) -> None:
    said = at.say("config", "set", "af_task_error_retries", "7")
    assert said.startswith("af_task_error_retries")
    assert "7  (was 3; set by " in said
    answer = at.data("config", "set", "annotations", "A,B")["settings"]
    assert (answer[0]["value"], answer[0]["old"]) == (["A", "B"], ["APPROVED", "FAILED"])
    at.say("user", "add", "kim")
    assert at.data("user", "kim")["user"]["errors_retries"] == 7
    server = at.farm.server
    assert server is not None
    server.kill9()
    at.farm.start_server()
    assert at.say("config", "get", "af_task_error_retries") == "7\n"
    table = at.say("config", "list", "--origin")
    (line,) = [line for line in table.splitlines() if line.startswith("af_task_error_retries")]
    assert " set by " in line
    said = at.say("config", "unset", "af_task_error_retries", "annotations")
    assert "3  (was 7; default)" in said
    assert at.data("config")["config"]["annotations"] == ["APPROVED", "FAILED"]
    # Known users keep theirs, and are told apart from the defaults.
    assert at.data("user", "kim")["user"]["errors_retries"] == 7
    at.say("set", "--user", "kim", "errors_retries=2")
    assert at.data("user", "kim")["user"]["errors_retries"] == 2


def test_refused(at: Terminal) -> None:
    assert "did you mean 'af_priority'?" in at.say("config", "set", "af_prioriti", "5", code=5)
    error = at.data("config", "unset", "af_prioriti", code=5)["error"]
    assert (error["code"], error["field"]) == ("not_found", "operation.keys.af_prioriti")
    assert "0 to 250, not 999" in at.say("config", "set", "af_priority", "999", code=2)
    request = {
        "type": "config", "user_name": "anna", "host_name": "desk",
        "operation": {"type": "set", "values": {"af_priority": "high"}},
    }  # fmt: skip
    assert "must be a whole number" in at.farm.ask({"action": request})["info"]["text"]
    said = at.say("config", "set", "af_serverport", "5", code=2)
    assert "needs a restart of the server; put it in " in said
    error = at.data("config", "set", "af_server_bind", "::", code=2)["error"]
    assert error["code"] == "needs_restart"
    assert "it is used by client" in at.say("config", "set", "af_cmdprefix", "x", code=2)
    assert at.say("config", "get", "af_priority") == "99\n"


def test_files_are_read_again(at: Terminal, file: Path) -> None:
    server = at.farm.server
    assert server is not None
    assert "nothing changed" in at.say("cload")
    file.write_text("af_priority = 7\naf_server_log_level = 'debug'\n")
    answer = at.data("config", "reload")
    assert answer["files"] == [str(file)]
    assert [(one["key"], one["value"]) for one in answer["changed"]] == [("af_priority", 7)]
    assert [one["key"] for one in answer["waiting"]] == ["af_server_log_level"]
    listed = {one["key"]: one for one in at.data("config", "list", "--origin")["settings"]}
    assert listed["af_priority"]["origin"] == f"{file}:1"
    assert listed["af_server_log_level"]["waiting"] == {"value": "debug", "origin": f"{file}:2"}
    assert listed["af_serverport"]["value"] == at.farm.port
    assert listed["af_serverport"]["origin"] == "option --port"
    job = at.farm.submit({"tasks": [{"name": "1", "command": "true"}]})
    assert at.farm.job(job)["priority"] == 7
    # A signal does the same, and a wrong file changes nothing.
    file.write_text("af_priority = 8\n")
    server.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: at.say("config", "get", "af_priority") == "8\n", "the new priority")
    file.write_text("af_priority = 9\naf_prioriti = 5\n")
    with_own_file = {"AF_CONFIG_SYSTEM": str(file.parent / "none.toml")}
    done = subprocess.run(
        [program("afcmd"), "--server", f"127.0.0.1:{at.farm.port}", "config", "reload"],
        capture_output=True, text=True, env={**os.environ, **with_own_file},
    )  # fmt: skip
    assert done.returncode == 2
    assert f"{file}:2: there is no setting 'af_prioriti'" in done.stderr
    server.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: "configuration_refused" in server.text(), "the refusal in the log")
    assert at.farm.ask({"get": {"type": "config"}})["cgru_config"][0]["af_priority"] == 8


def test_a_reconnect_time_set_on_the_fly(at: Terminal, tmp_path: Path) -> None:
    """Its default is a minute; the task is back much earlier."""
    render = at.farm.start_render("a")
    began = tmp_path / "began"
    command = f"echo x >>{began}; sleep 300"
    job = at.farm.submit({"tasks": [{"name": "1", "command": command}]})
    wait_until(began.exists, "the task")
    render.kill9()
    at.farm.wait_task(job, 0, 0, "WRC")
    at.say("config", "set", "af_task_reconnect_timeout", "1")
    at.farm.wait_task(job, 0, 0, "RDY")
    story = at.farm.story(job)
    assert story["runs"][0]["end"] != "running"
    at.say("config", "unset", "af_task_reconnect_timeout")
    at.farm.start_render("a")  # ends what it still has of the task, and gets it anew
    wait_until(lambda: began.read_text() == "x\nx\n", "the second start")
    at.say("stop", str(job))
    at.farm.wait_job(job, "OFF")


def test_a_wrong_file_keeps_programs_from_starting(file: Path, tmp_path: Path) -> None:
    file.write_text('# ours\naf_serverport = "x"\n')
    for words in (["afserver", "--port", "0"], ["afserver", "doctor"], ["afrender"],
                  ["afcmd", "jobs"]):  # fmt: skip
        command = [program(words[0]), *words[1:]]
        if words[0] != "afcmd":
            command += ["--data", str(tmp_path / "data")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, (words, done)
        assert f"{file}:2: af_serverport must be a whole number from 0 to 65535" in done.stderr
    assert not (tmp_path / "data").exists()


def test_programs_take_their_options_from_files(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Farm(tmp_path / "farm") as farm:
        file.write_text(
            f'af_serverport = {farm.port}\naf_hostname = "Node1"\naf_username = "anna"\n'
            f'af_render_capacity = 4321\naf_render_max_tasks = 3\naf_render_nimby = "nimby"\n'
            f'af_render_nice = 3\naf_render_data = "{tmp_path}/runs"\n'
        )
        monkeypatch.setenv("AF_RENDER_MAX_TASKS", "5")
        log = tmp_path / "render.log"
        with log.open("wb") as out:
            render = subprocess.Popen([program("afrender"), "--nice", "4"], stdout=out, stderr=out)
        try:
            line = "afrender: node1 registered with 127.0.0.1:"
            wait_until(lambda: line in log.read_text() or render.poll() is not None, "the render")
            (found,) = farm.ask({"get": {"type": "renders"}})["renders"]
            assert (found["name"], found["user_name"]) == ("node1", "anna")
            assert (found["capacity_total"], found["max_tasks"]) == (4321, 5)
            assert "NbY" in found["state"].split()
            job = farm.submit(
                {"tasks": [{"name": "1", "command": "ps -o nice= -p $$"}]}, user_name="anna"
            )
            farm.wait_job(job, "DON")
            assert farm.output(job).split() == ["4"]
            assert (tmp_path / "runs/instance").exists()
        finally:
            render.terminate()
            assert render.wait(60) == 0
