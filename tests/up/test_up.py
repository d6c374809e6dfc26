"""``afanasy up``: the farm in the foreground, as a process with its programs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from afanasy import __version__
from afanasy.up.farm import Plan
from afanasy.up.main import main, make_parser
from harness.processes import Process, program, wait_until

pytestmark = pytest.mark.e2e
READY = "Ctrl-C ends the farm."
UP = [sys.executable, "-m", "afanasy.up.main", "up"]


class Up:
    """One ``afanasy up``, whose children are known by their module."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.data = folder / "data"
        env = {"AF_HOSTNAME": "desk", "AF_SERVERPORT": "0"}
        command = [*UP, "--data", str(self.data), *options]
        self.process = Process(command, folder / "up.log", env)
        self.seen: dict[int, psutil.Process] = {}
        self.process.wait_line(READY)
        self.children()

    def children(self) -> list[psutil.Process]:
        found = psutil.Process(self.process.pid).children()
        self.seen.update({child.pid: child for child in found})
        return found

    def child(self, module: str) -> psutil.Process:
        (one,) = [c for c in self.children() if f"afanasy.{module}.main" in c.cmdline()]
        return one

    def port(self) -> int:
        line = self.process.wait_line("afanasy: a farm of")
        return int(line.split("127.0.0.1:")[1].split(":")[0])

    def afcmd(self, *words: str) -> str:
        done = subprocess.run(
            [program("afcmd"), "--server", f"127.0.0.1:{self.port()}", *words],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout, done.stderr, self.process.tail())
        return done.stdout


@pytest.fixture
def ups() -> Iterator[list[Up]]:
    """Farms to be ended, and to be found gone, with all they started."""
    started: list[Up] = []
    yield started
    for up in started:
        up.process.end()
        wait_until(lambda up=up: not any(c.is_running() for c in up.seen.values()), "the end")


def test_a_farm_a_job_and_a_clean_end(tmp_path: Path, ups: list[Up]) -> None:
    ups.append(up := Up(tmp_path, "--renders", "2", "--capacity", "3000", "--max-tasks", "2"))
    assert "desk, desk-2" in up.process.text()
    assert "capacity of each: 3000, at most 2 tasks at a time" in up.process.text()
    assert f"export AF_SERVERPORT={up.port()}" in up.process.text()
    assert "hello" in up.afcmd("run", "--follow", "echo hello")
    assert {"desk", "desk-2"} <= set(up.afcmd("renders").split())
    children = up.children()
    assert len(children) == 3
    assert up.process.end(signal.SIGINT) == 0
    assert not any(child.is_running() for child in children)
    assert f"its jobs are kept in {up.data}" in up.process.text()


def test_jobs_are_there_the_next_time(tmp_path: Path, ups: list[Up]) -> None:
    ups.append(first := Up(tmp_path))
    first.afcmd("run", "--wait", "--name", "kept", "true")
    assert first.process.end(signal.SIGHUP) == 0
    (tmp_path / "up.log").unlink()
    ups.append(second := Up(tmp_path))
    assert "kept" in second.afcmd("jobs")


def test_what_dies_is_started_again_and_tasks_go_on(tmp_path: Path, ups: list[Up]) -> None:
    ups.append(up := Up(tmp_path))
    go = tmp_path / "go"
    job = tmp_path / "said"
    command = f"echo started > {job}; while [ ! -e {go} ]; do sleep 0.05; done; echo done >> {job}"
    up.afcmd("run", "--name", "long", command)
    wait_until(job.exists, "the task")
    up.child("server").kill()
    up.process.wait_line("afanasy: the server was killed by SIGKILL; it is started again")
    up.process.wait_line("afanasy: the server is back")
    up.child("render").kill()
    up.process.wait_line("afanasy: the render desk was killed by SIGKILL; it is started again")
    up.process.wait_line("afanasy: the render desk is back")
    up.children()
    go.touch()
    up.afcmd("wait", "long")
    assert job.read_text() == "started\ndone\n"


def test_a_render_that_was_told_to_exit_stays_away(tmp_path: Path, ups: list[Up]) -> None:
    ups.append(up := Up(tmp_path, "--renders", "2"))
    up.afcmd("render", "desk-2", "exit")
    up.process.wait_line("afanasy: the render desk-2 was told to exit and stays away")
    assert "hello" in up.afcmd("run", "--follow", "echo hello")


def test_a_program_that_keeps_dying_ends_the_farm(tmp_path: Path, ups: list[Up]) -> None:
    ups.append(up := Up(tmp_path))
    dead: set[int] = set()

    def kill_the_new_one() -> bool:
        try:
            children = up.children()
        except psutil.NoSuchProcess:
            return True
        for child in children:
            try:
                if child.pid not in dead and "afanasy.render.main" in child.cmdline():
                    child.kill()
                    dead.add(child.pid)
            except psutil.NoSuchProcess:
                continue
        return not up.process.alive()

    wait_until(kill_the_new_one, "the end of the farm")
    assert up.process.popen.returncode == 1
    assert "the render desk was killed by SIGKILL, for the 5th time" in up.process.text()


def test_killed_itself_it_leaves_nothing_behind(tmp_path: Path, ups: list[Up]) -> None:
    ups.append(up := Up(tmp_path))
    up.process.kill9()
    wait_until(lambda: not any(c.is_running() for c in up.seen.values()), "the end of all")


def test_a_second_signal_does_not_wait_for_tasks(tmp_path: Path, ups: list[Up]) -> None:
    ups.append(up := Up(tmp_path))
    began = tmp_path / "began"
    up.afcmd("run", f"trap '' TERM; touch {began}; while :; do sleep 0.05; done")
    wait_until(began.exists, "the task")
    os.kill(up.process.pid, signal.SIGINT)
    up.process.wait_line("afanasy: ending the farm")
    assert up.process.end(signal.SIGINT) == 0
    assert "had to be killed" not in up.process.text()


def refused(*options: str) -> str:
    """What it says when it cannot start."""
    done = subprocess.run([*UP, *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done
    return done.stderr


def test_what_cannot_start_is_said_at_once(tmp_path: Path, ups: list[Up]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = str(taken.getsockname()[1])
        said = refused("--port", port, "--data", str(tmp_path / "one"))
    assert f"port {port} is in use; choose another with --port" in said
    ups.append(Up(tmp_path))
    assert "another 'afanasy up' works in" in refused("--data", str(tmp_path / "data"))
    (tmp_path / "file").touch()
    assert "choose one with --data" in refused("--data", str(tmp_path / "file"))
    said = refused("--port", "0", "--bind", "0.0.0.0", "--data", str(tmp_path / "two"))
    assert "--trust" in said
    assert "no number from 1 on" in refused("--renders", "0")


def test_it_listens_for_its_own_renders_too() -> None:
    def addresses(*bind: str) -> list[str]:
        return Plan(Path(), 0, [], 1, 1, bind=list(bind)).addresses()

    assert addresses() == ["127.0.0.1"]
    assert addresses("10.1.0.5") == ["127.0.0.1", "10.1.0.5"]
    assert addresses("0.0.0.0") == ["0.0.0.0"]


def test_the_data_folder_is_where_the_server_would_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert make_parser().parse_args(["up"]).data == Path("/data/afanasy")


def test_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out.startswith(f"afanasy {__version__}, Python 3.")


def test_a_wrong_setting_keeps_it_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "afanasy.toml"
    file.write_text("\naf_priorty = 50\n")
    monkeypatch.setenv("AF_CONFIG", str(file))
    assert main(["up", "--data", str(tmp_path / "data"), "--port", "0"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"afanasy: {file}:2: there is no setting 'af_priorty' (did you mean 'af_")
    assert not (tmp_path / "data").exists()
    assert main(["version"]) == 0, "what needs no setting goes on"
