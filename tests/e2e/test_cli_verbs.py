"""Where-clauses, nouns, classic verbs, live views and the Python API against a real farm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import af
from afanasy.cli.main import COMMANDS, NOUNS
from harness.processes import Farm, program, wait_until
from harness.terminal import Terminal as Screen
from harness.terminal_user import Terminal

pytestmark = pytest.mark.e2e


@pytest.fixture
def at(real: Farm) -> Terminal:
    real.start_render("a", "--capacity", "2000")
    return Terminal(real)


def waiting_job(at: Terminal, go: Path, **members: object) -> int:
    """Frames 1 to 6 that wait for a file, two at once on the render."""
    return at.farm.submit(
        {"flags": 1, "frame_first": 1, "frame_last": 6, "capacity": 1000, "name": "b",
         "command": f"until [ -e {go} ]; do sleep 0.05; done; echo @#@", **members},
        name="shot", user_name="anna",
    )  # fmt: skip


def test_where_clauses_choose_jobs_tasks_and_renders(at: Terminal, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = waiting_job(at, go)
    at.farm.wait_task(job, 0, 1, "RUN")

    def names(*words: str) -> list[str]:
        (nodes,) = [value for value in at.data(*words).values() if isinstance(value, list)]
        return [node["name"] for node in nodes]

    assert names("jobs", "user=anna and state~RUN") == ["shot"]
    assert names("jobs", "list", "user=anna and (state~DON or tasks_num<6)") == []
    assert names("tasks", str(job), "state~RUN and host=a") == ["frame 1", "frame 2"]
    assert names("blocks", str(job), "running_tasks_num=2") == ["b"]
    assert names("renders", "state~ONL and tasks_num=2") == ["a"]
    assert names("users", "user=anna and running_tasks_num>1") == ["anna"]
    assert "did you mean 'user'?" in at.say("jobs", "usr=anna", code=2)
    assert "shot" in at.say("jobs", "age<1h")
    assert "frame 3" in at.say("tasks", f"{job}.b", "state~RDY")
    go.touch()
    at.say("wait", str(job))


def test_operations_on_tasks(at: Terminal, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = waiting_job(at, go)
    place = f"{job}.b"
    at.farm.wait_task(job, 0, 1, "RUN")
    at.say("try-next", place, "6")
    assert "TRY" in at.farm.task_state(job, 0, 5).split()
    assert at.data("jobs", "reset-tries", str(job))["count"] == 1
    at.say("blocks", "pause", place)
    at.farm.wait_task(job, 0, 0, "SUS")
    at.say("tasks", "done", place, "#3")
    at.say("tasks", "skip", place, "5")
    assert at.farm.task_state(job, 0, 3) == "DON"
    assert at.farm.task_state(job, 0, 4) == "DON SKP"
    at.say("tasks", "restart-done", place, "4-5")
    at.say("restart-skipped", place)
    assert [at.farm.task_state(job, 0, task).split()[0] for task in (3, 4)] != ["DON", "DON"]
    at.say("restart-pause", str(job))
    assert "OFF" in at.farm.job(job)["state"].split()
    at.say("start", str(job))
    go.touch()
    at.say("wait", str(job))
    for verb in ("restart-warnings", "restart-errors", "restart-running", "reset-errors"):
        at.say(verb, str(job))
    assert "command" in at.say("blocks", "show", place)
    at.say("restart", place, "1", "--with-depends")
    at.say("wait", str(job))


def test_a_restart_goes_downstream(at: Terminal, tmp_path: Path) -> None:
    """Sim, mesh by frames, movie by block; and `why` says what is odd about the masks."""
    command = {"flags": 1, "frame_first": 1, "frame_last": 3, "command": "true"}
    job = at.farm.submit(
        {"name": "sim", **command},
        {"name": "mesh", "tasks_depend_mask": "sim", **command},
        {"name": "movie", "depend_mask": "me.*", **command},
    )
    at.say("wait", str(job))
    assert "7 tasks" not in at.say("restart", f"{job}.sim", "2")
    at.say("wait", str(job))
    assert "5 tasks" in at.say("restart", f"{job}.sim", "2", "--downstream")
    at.say("wait", str(job))
    odd = at.farm.submit({"tasks_depend_mask": "nobody", **command}, name="odd", offline=True)
    assert "mind: tasks_depend_mask: 'nobody' matches no other block" in at.say("why", str(odd))


def test_appending(at: Terminal, tmp_path: Path) -> None:
    job = at.farm.submit({"name": "list", "tasks": [{"name": "t", "command": "echo one"}]})
    at.say("wait", str(job))
    file = tmp_path / "more.json"
    file.write_text(json.dumps([{"name": "u", "command": "echo two"}]))
    assert "added 1 task" in at.say("append", f"{job}.list", str(file))
    file.write_text(json.dumps({"blocks": [{"name": "new", "tasks": [{"command": "echo 3"}]}]}))
    assert "added 1 block" in at.say("jobs", "append", str(job), str(file))
    at.say("wait", str(job))
    assert at.say("output", f"{job}.list", "u") == "two\n"
    assert at.say("output", f"{job}.new", "#0") == "3\n"


def test_outputs_of_a_whole_job(at: Terminal, tmp_path: Path) -> None:
    go = tmp_path / "go"
    fails = f"[ @#@ != 3 ] || [ -e {go} ] || {{ echo Error: no go; exit 1; }}"
    job = at.farm.submit(
        {"flags": 1, "frame_first": 1, "frame_last": 4, "capacity": 100, "name": "b",
         "errors_retries": 1, "command": f"echo start @#@; {fails}"},
        {"name": "list", "capacity": 100, "tasks": [{"name": "x y", "command": "echo Error: ☃"}]},
        name="shot", user_name="anna",
    )  # fmt: skip
    at.say("wait", str(job), code=1)
    assert at.say("output", str(job), "--grep", "^error", "-i", "-C", "1").splitlines() == [
        "b/frame 3#1 a- start 3",
        "b/frame 3#1 a: Error: no go",
        "--",
        "b/frame 3#2 a- start 3",
        "b/frame 3#2 a: Error: no go",
        "--",
        "list/x y#1 a: Error: ☃",
    ]
    failed = at.data("output", str(job), "--grep", "Error", "--errors")["matches"]
    assert [(one["task_num"], one["number"]) for one in failed] == [(2, 1), (2, 2)]
    assert at.say("output", str(job), "--run", failed[0]["run"]) == "start 3\nError: no go\n"
    go.touch()
    at.say("restart-errors", str(job))
    at.say("wait", str(job))
    chosen = ["--grep", "start", "--where", "errors>=0 and name~3", "--last"]
    assert at.say("output", f"{job}.b", *chosen) == "b/frame 3#3 a: start 3\n"
    assert "nothing matches in 7 outputs" in at.say("output", str(job), "--grep", "☂", code=5)
    at.say("output", str(job), "--save", str(tmp_path / "logs"))
    saved = {path.name: path.read_text() for path in (tmp_path / "logs").rglob("*.log")}
    assert len(saved) == 5
    assert saved["2_frame_3.3.log"] == "start 3\n"
    assert saved["0_x_y.1.log"] == "Error: ☃\n"


def test_the_output_of_a_running_task_is_searched_too(at: Terminal, tmp_path: Path) -> None:
    go = tmp_path / "go"
    command = f"echo so far; until [ -e {go} ]; do sleep 0.05; done"
    job = at.farm.submit({"name": "list", "tasks": [{"name": "t", "command": command}]})
    wait_until(lambda: "so far" in at.farm.output(job), "the first line")
    assert at.say("output", str(job), "--grep", "far") == "list/t#1 a: so far\n"
    go.touch()
    at.say("wait", str(job))


def test_a_deleted_job_is_submitted_again(at: Terminal, tmp_path: Path) -> None:
    job = at.farm.submit(
        {"name": "list", "tasks": [{"name": "t", "command": "echo one"}]}, name="shot ☃", priority=9
    )
    serial = str(at.farm.job(job)["serial"])
    file = tmp_path / "more.json"
    file.write_text(json.dumps([{"name": "u", "command": "echo two"}]))
    at.say("append", f"{job}.list", str(file))
    file.write_text(
        json.dumps([{"name": "new", "service": "generic", "tasks": [{"command": "true"}]}])
    )
    at.say("append", str(job), str(file))
    at.say("wait", str(job))
    at.say("delete", str(job))
    at.farm.server.end()  # type: ignore[union-attr]
    at.farm.start_server()
    exported = at.data("jobs", "export", serial)["job"]
    assert [task["name"] for task in exported["blocks"][0]["tasks"]] == ["t", "u"]
    said = at.data("jobs", "resubmit", serial, "--set", "priority=7", "list.capacity=500")
    found = at.farm.job(said["id"])
    assert (found["name"], found["user_name"], found["priority"]) == ("shot ☃", "anna", 7)
    assert [block["tasks_num"] for block in found["blocks"]] == [2, 1]
    assert found["blocks"][0]["capacity"] == 500
    assert found["serial"] > int(serial)
    at.say("wait", str(said["id"]))
    assert at.say("output", f"{said['id']}.list", "u") == "two\n"


def test_a_bar_while_a_job_is_waited_for(at: Terminal, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = waiting_job(at, go)
    line = [program("afcmd"), "--server", f"127.0.0.1:{at.farm.port}", "wait", str(job)]
    with Screen(line) as screen:
        screen.wait(lambda: "waiting 0 of 6 tasks, 2 running" in screen.text(), "the bar")
        go.touch()
        assert screen.ended() == 0
        lines = screen.raw.decode().replace("\r\n", "\n").splitlines()
        assert lines[-1].endswith("\x1b[Kjob 2 shot: DON, 100%, 6 of 6 tasks")


def test_renders_users_server_and_settings(at: Terminal) -> None:
    assert at.data("renders", "NIMBY", "a")["count"] == 1
    at.say("render", "[ab]", "free", "--regex")
    at.say("renders", "eject-others", "a")
    at.say("renders", "heal", "a")
    assert "Registered" in at.say("renders", "log", "a")
    at.say("users", "add", "bob")
    at.say("users", "pause", "bob")
    assert at.data("users", "paused=true")["users"][0]["name"] == "bob"
    at.say("users", "unpause", "bob")
    assert "Registered" in at.say("users", "log", "bob")
    at.say("users", "delete", "bob")
    at.say("user", "bob", code=5)
    assert at.data("server")["server"]["renders_online"] == 1
    assert "answer time" in at.say("server", "show")
    assert at.say("config", "get", "af_priority") == "99\n"
    assert at.data("config")["config"]["af_db_conninfo"] == ""
    assert "af_servername" in at.say("config", "files")
    request = at.farm.folder / "request.json"
    request.write_text('{"get": {"type": "renders"}}')
    assert json.loads(at.say("json", "send", str(request)))["renders"][0]["name"] == "a"
    request.write_text('{"get": {"type": "frobnicates"}}')
    assert "frobnicates" in str(at.data("json", "send", str(request), code=2))


def test_classic_verbs(at: Terminal, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = waiting_job(at, go)
    name = str(job)
    at.farm.wait_task(job, 0, 1, "RUN")
    assert "afanasy" in at.say("jlist")
    assert "shot" in at.say("jid", name)
    assert "frame 6" in at.say("jprog", name)
    at.say("jpri", "sh.t", "50")
    at.say("jtmax", "shot", "3")
    at.say("jhmask", "shot", "a")
    at.say("uadd", "bob")
    at.say("juser", "shot", "bob")
    found = at.farm.job(job)
    assert (found["priority"], found["max_running_tasks"]) == (50, 3)
    assert (found["hosts_mask"], found["user_name"]) == ("a", "bob")
    bob = at.data("user", "bob")["user"]["id"]
    assert "shot" in at.say("ujobs", str(bob))
    for words in (["upri", "bob", "40"], ["utmax", "bob", "9"], ["uhmask", "bob", "a"], ["ulist"],
                  ["jlog", name], ["rlist"], ["rrlist"], ["rpri", "a", "80"], ["ruser", "a", "bob"],
                  ["rnimby", "a"], ["rNIMBY", "a"], ["rfree", "a"], ["rpause", "a"],
                  ["runpause", "a"], ["rejnotmy", "a"], ["reject", "a"], ["jpause", "shot"],
                  ["jstart", "shot"], ["jstop", "shot"], ["jrestart", "shot"],
                  ["jstart", "shot"]):  # fmt: skip
        at.say(*words)
    go.touch()
    at.say("wait", name)
    assert at.say("tout", name, "0", "3") == "4\n"
    assert "success" in at.say("tlog", name, "0", "3")
    at.say("trestart", name, "0", "3")
    at.say("wait", name)
    at.say("jdel", "shot")
    at.say("udel", "bob")
    at.say("rexit", "a")
    wait_until(lambda: not at.farm.renders["a"].alive(), "the end of the agent")
    wait_until(lambda: "OFF" in at.say("rlist"), "the render to be off")
    at.say("rdel", "a")
    assert at.data("renders")["renders"] == []


def test_top_and_watch_on_a_terminal(at: Terminal, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = waiting_job(at, go)
    server = f"127.0.0.1:{at.farm.port}"
    top = [program("afcmd"), "--server", server, "top", "--every", "0.2s"]
    with Screen(top, lines=30, columns=160) as screen:
        screen.wait(lambda: "shot.b frame 1" in screen.screen(), "the running task")
        go.touch()
        screen.wait(lambda: "100%" in screen.screen() and "1 done" in screen.screen(), "the end")
        screen.keys("q")
        assert screen.ended() == 0
    watch = [program("afcmd"), "--server", server, "job", str(job), "--watch"]
    with Screen(watch) as screen:
        screen.wait(lambda: "6 of 6 tasks" in screen.screen(), "the job")
        screen.keys("\x03")
        assert screen.ended() == 0
        assert screen.same_modes()


def test_the_python_api_reads_and_waits(
    at: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AF_SERVERNAME", f"127.0.0.1:{at.farm.port}")
    monkeypatch.setenv("AF_USERNAME", "anna")
    go = tmp_path / "go"
    job, block = af.Job("shot"), af.Block("b")
    block.set_numeric(1, 6)
    block.set_command(f"until [ -e {go} ]; do sleep 0.05; done")
    job.blocks.append(block)
    assert job.send()[0]
    wait_until(lambda: len(af.query.tasks("shot", "state~RUN")) == 2, "two running tasks")
    (found,) = af.query.jobs("user=anna and state~RUN")
    assert (found.name, found.tasks_num, found.running_tasks_num) == ("shot", 6, 2)
    assert [render.name for render in af.query.renders("tasks_num=2", resources=True)] == ["a"]
    assert [user.running_tasks_num for user in af.query.users("user=anna")] == [2]
    with pytest.raises(TimeoutError):
        af.wait(job, timeout_s=0.2)
    go.touch()
    assert af.wait(job) == "done"
    assert af.wait(found) == "done"
    af.Cmd().deleteJobById(found.id)
    assert af.wait(job) == "deleted"


def test_every_command_is_known_to_the_installed_program() -> None:
    terminal = Terminal(None)
    told = terminal.say("--help")
    assert [name for name in COMMANDS if f"  {name} " not in told] == []
    for noun, verbs in NOUNS.items():
        assert set(terminal.say("completion", "candidates", "--", noun, "").split()) == set(verbs)
