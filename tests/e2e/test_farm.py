"""The farm as users meet it: real server, real renders, real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.processes import Farm, program, wait_until

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]


def numeric(command: str, last: int, **more: object) -> dict[str, object]:
    return {"flags": 1, "frame_first": 1, "frame_last": last, "command": command, **more}


def listed(*commands: str, **more: object) -> dict[str, object]:
    tasks = [{"name": f"task {n}", "command": command} for n, command in enumerate(commands)]
    return {"tasks": tasks, **more}


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def test_two_renders_share_a_job(real: Farm) -> None:
    real.start_render("a", "--capacity", "1000")
    real.start_render("b", "--capacity", "1000")
    job = real.submit(numeric("echo frame @#@; sleep 0.2", 8))
    real.wait_job(job, "DON")
    hosts = {task["hst"] for task in real.progress(job)[0]}
    assert hosts == {"a", "b"}
    assert real.output(job, task=4) == "frame 5\n"


def test_a_failing_command_is_retried_then_in_error_with_its_output(real: Farm) -> None:
    real.start_render("a")
    job = real.submit(
        listed("echo it broke in $AF_TASK_ID; exit 3", errors_retries=1, errors_task_same_host=0)
    )
    real.wait_task(job, 0, 0, "ERR")
    story = real.story(job)
    assert [run["exit_status"] for run in story["runs"]] == [3, 3]
    assert story["errors"] == 2
    for number in (1, 2):
        assert real.output(job, number=number) == "it broke in 0\n"


def test_a_stop_leaves_no_process_behind(real: Farm, tmp_path: Path) -> None:
    """The task forks, daemonises its child, and both ignore TERM (S04, R42)."""
    real.start_render("a")
    pids = tmp_path / "pids"
    script = tmp_path / "daemon.py"
    script.write_text(
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "def note():\n"
        f"    os.write(os.open({str(pids)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND),"
        " b'%d\\n' % os.getpid())\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        note()\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "note()\n"
        "time.sleep(600)\n"
    )
    job = real.submit(listed(f"env -i {sys.executable} {script}"))
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2, "both processes")
    found = [int(pid) for pid in pids.read_text().split()]
    assert all(alive(pid) for pid in found)
    real.action(job, "stop")
    wait_until(lambda: not any(alive(pid) for pid in found), "the end of both", deadline_s=40)
    wait_until(lambda: "RUN" not in real.job(job)["state"], "the end of the run")
    assert real.task_state(job, 0, 0) == "RDY"
    assert "OFF" in real.job(job)["state"].split()


def test_capacity_2500_runs_exactly_two_tasks_of_1000(real: Farm, tmp_path: Path) -> None:
    real.start_render("a", "--capacity", "2500", "--max-tasks", "10")
    go = tmp_path / "go"
    job = real.submit(numeric(f"while [ ! -e {go} ]; do sleep 0.05; done", 5, capacity=1000))
    wait_until(lambda: real.job(job)["blocks"][0].get("running_tasks_counter", 0) == 2, "two runs")
    (render,) = real.ask({"get": {"type": "renders"}})["renders"]
    assert render["capacity_used"] == 2000
    assert len(render["tasks"]) == 2
    go.touch()
    real.wait_job(job, "DON")


def test_variable_capacity_reaches_the_command(real: Farm) -> None:
    """S12, S13: a task of 1000 on a free 4000 gets coefficient 4."""
    real.start_render("a", "--capacity", "4000")
    job = real.submit(
        listed("echo -j @AF_CAPACITY@", capacity=1000, capacity_coeff_min=1, capacity_coeff_max=8)
    )
    real.wait_job(job, "DON")
    assert real.output(job) == "-j 4\n"


def test_output_is_readable_while_the_task_runs(real: Farm, tmp_path: Path) -> None:
    real.start_render("a")
    go = tmp_path / "go"
    job = real.submit(listed(f"echo first; while [ ! -e {go} ]; do sleep 0.05; done; echo second"))
    wait_until(lambda: real.output(job) == "first\n", "the first line")
    assert real.task_state(job, 0, 0) == "RUN"
    go.touch()
    real.wait_job(job, "DON")
    assert real.output(job) == "first\nsecond\n"


def test_a_block_waits_for_another(real: Farm, tmp_path: Path) -> None:
    real.start_render("a", "--capacity", "4000")
    file = tmp_path / "order"
    job = real.submit(
        {**numeric(f"echo one >> {file}", 3), "name": "one", "capacity": 500},
        {**listed(f"echo two >> {file}"), "name": "two", "depend_mask": "one"},
    )
    real.wait_job(job, "DON")
    assert file.read_text().split() == ["one", "one", "one", "two"]


def test_the_python_sample_makes_ls_run(real: Farm) -> None:
    real.start_render("a")
    sample = REPOSITORY / "examples" / "job.py"
    env = {**os.environ, "AF_SERVERNAME": "127.0.0.1", "AF_SERVERPORT": str(real.port)}
    env["PYTHONPATH"] = str(REPOSITORY / "src")
    subprocess.run([sys.executable, sample], env=env, cwd=REPOSITORY, check=True, timeout=60)
    jobs = real.ask({"get": {"type": "jobs"}})["jobs"]
    (job,) = [found for found in jobs if found["name"] == "example job"]
    real.wait_job(job["id"], "DON")
    assert "pyproject.toml" in real.output(job["id"])


def test_the_json_sample_becomes_a_numeric_block(real: Farm) -> None:
    """S68: the product text's JSON, as it stands."""
    sample = json.loads((REPOSITORY / "examples" / "job.json").read_text())
    answer = real.ask(sample)
    (block,) = real.ask({"get": {"type": "jobs", "ids": [answer["id"]], "mode": "full"}})["jobs"][
        0
    ]["blocks"]
    assert block["tasks_num"] == 5
    assert block["flags"] & 1
    assert block["files"] == ["img_L.@####@.jpg", "img_R.@####@.jpg"]


def test_a_plugin_file_works_by_its_name(real: Farm, tmp_path: Path) -> None:
    """S40, S42, S43: one file in a folder adds a program."""
    plugins = tmp_path / "plugins"
    for kind in ("services", "parsers"):
        (plugins / kind).mkdir(parents=True)
    (plugins / "services" / "foundry.py").write_text(
        "from afanasy.services.base import Service\n"
        "class Foundry(Service):\n"
        "    parser = 'foundry'\n"
        "    def command(self):\n"
        "        return super().command() + ' --quietly'\n"
    )
    (plugins / "parsers" / "foundry.py").write_text(
        "from afanasy.parsers.base import Parser\n"
        "class Foundry(Parser):\n"
        "    def line(self, text):\n"
        "        if text.startswith('poured '):\n"
        "            self.percent = int(text.split()[1])\n"
        "            self.activity = 'pouring'\n"
    )
    real.start_render("a", "--plugins", str(plugins))
    go = tmp_path / "go"
    job = real.submit(
        {
            "service": "foundry",
            "tasks": [
                {"name": "t", "command": f"echo poured 40; until [ -e {go} ]; do sleep 0.05; done;"
                 " echo"}
            ],
        }
    )  # fmt: skip
    wait_until(lambda: real.progress(job)[0][0].get("per") == 40, "40 percent")
    assert real.progress(job)[0][0]["act"] == "pouring"
    go.touch()
    real.wait_job(job, "DON")
    assert real.output(job) == "poured 40\n--quietly\n"


def test_a_restarted_server_knows_everything(real: Farm, tmp_path: Path) -> None:
    real.start_render("a")
    go = tmp_path / "go"
    job = real.submit(
        listed("true", f"until [ -e {go} ]; do sleep 0.05; done; echo went on", capacity=10)
    )
    paused = real.submit(listed("true"), offline=True, name="paused")
    real.wait_task(job, 0, 0, "DON")
    real.wait_task(job, 0, 1, "RUN")
    before = real.story(job, 0, 1)["runs"]
    real.store(job)
    assert real.server is not None
    real.server.kill9()
    real.start_server()
    real.wait_task(job, 0, 1, "RUN")
    assert real.story(job, 0, 1)["runs"][0]["run"] == before[0]["run"]
    assert "OFF" in real.job(paused)["state"].split()
    go.touch()
    real.wait_job(job, "DON")
    assert real.output(job, task=1) == "went on\n"
    assert [task["str"] for task in real.progress(job)[0]] == [1, 1]


def test_bad_requests_are_answered_and_hurt_nothing(real: Farm) -> None:
    bad = [
        ({"job": 5}, "job"),
        ({"job": {"blocks": []}}, "blocks"),
        ({"job": {"user_name": "u", "blocks": [{"tasks": [7]}]}}, "job.blocks[0].tasks[0]"),
        ({"job": {"user_name": "u", "blocks": [{"flags": 1, "frame_last": 10**8}]}}, "10000000"),
        ({"job": {"user_name": "u", "depend_mask": "(", "blocks": [{"flags": 1}]}}, "depend_mask"),
        ({"strict": True, "job": {"user_name": "u", "blocks": [{"flags": 1, "capacity": "x"}]}},
         "job.blocks[0].capacity"),
        ({"strict": True, "job": {"user_name": "u", "blocks": [{"flags": 1, "comand": "x"}]}},
         "'command'"),
    ]  # fmt: skip
    for request, words in bad:
        answer = real.ask(request)
        assert answer["id"] == 0
        assert words in answer["error"], answer
    assert real.ask({"get": {"type": "nothing"}})["info"]["kind"] == "error"
    assert real.ask({"action": {"type": "jobs"}})["info"]["kind"] == "error"
    assert real.submit(listed("true")) > 1


def test_a_clean_exit_of_a_render_returns_its_tasks(real: Farm) -> None:
    """R11: TERM stops the tasks, deregisters, and nothing counts as an error."""
    render = real.start_render("a")
    job = real.submit(listed("exec sleep 600"))
    real.wait_task(job, 0, 0, "RUN")
    assert render.end() == 0
    wait_until(lambda: real.task_state(job, 0, 0) == "RDY", "the task's return")
    assert real.story(job)["errors"] == 0


def test_why(real: Farm) -> None:
    real.start_render("a", "--capacity", "1000")
    job = real.submit(listed("true", capacity=5000))
    get = {"type": "jobs", "ids": [job], "mode": "explain"}
    (answer,) = real.ask({"get": get})["explain"]
    (found,) = answer["renders"]
    assert found["text"] == "needs capacity 5000; it has 1000 in all"
    done = subprocess.run(
        [program("afcmd"), "--server", f"127.0.0.1:{real.port}", "why", str(job)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "needs capacity 5000" in done.stdout
