"""The link: greeting, reconnecting, refusals, silence (DESIGN 2.3, R2, R5)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from afanasy.model.states import RunEnd
from afanasy.wire.stream import LATER, Pace, Progress, Refuse, Resources
from render.stand import EPOCH, StandRender, StandServer, gone, wait_for

pytestmark = pytest.mark.e2e


def test_hello(server: StandServer, cold_render: StandRender) -> None:
    cold_render.boot("--capacity", "2500", "--max-tasks", "3", "--user", "ann", "--nimby")
    hello = server.wait_registered()
    assert (hello.name, hello.capacity, hello.max_tasks) == ("r1", 2500, 3)
    assert (hello.user_name, hello.nimby, hello.protocol) == ("ann", "nimby", 1)
    assert (hello.farm_id, hello.epoch, hello.runs) == ("", 0, [])
    assert hello.os.startswith("unix linux 64")
    assert hello.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert abs(hello.time_launch - time.time()) < 600  # noqa: TID251 (the agent's wall clock)
    assert hello.resources["mem_total_mb"]
    server.drop_link()
    assert server.wait_registered(2).nimby == "", "it is asked for once"
    cold_render.terminate()
    cold_render.options = ()
    cold_render.boot()
    again = server.wait_registered(3)
    assert again.instance == hello.instance
    assert (again.capacity, again.max_tasks, again.nimby) == (-1, -1, "")


def test_it_says_that_it_registered(server: StandServer, render: StandRender) -> None:
    assert render.process is not None
    assert render.process.stdout is not None
    line = render.process.stdout.readline()
    assert line == f"afrender: r1 registered with 127.0.0.1:{server.port}\n"
    server.drop_link()
    assert render.process.stdout.readline() == line


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_the_next_server_is_dialled_when_one_does_not_answer(
    server: StandServer, cold_render: StandRender
) -> None:
    dead = f"127.0.0.1:{closed_port()}"
    cold_render.boot(environment={"AF_SERVERNAME": f"{dead}, 127.0.0.1:{server.port}"})
    assert cold_render.process is not None
    assert cold_render.process.stdout is not None
    line = f"afrender: r1 registered with 127.0.0.1:{server.port}\n"
    assert cold_render.process.stdout.readline() == line
    assert server.run("true").status == RunEnd.SUCCESS
    for links in (2, 3):
        server.drop_link()
        server.wait_registered(links)
    assert cold_render.log().count(f"no server at {dead}") == 1, "the living one is asked first"


def test_a_server_that_refuses_or_dies_is_followed_by_the_next(
    server: StandServer, cold_render: StandRender
) -> None:
    other = StandServer()
    try:
        other.epoch = EPOCH + 1
        other.refuse = Refuse("away", "I stand by")
        cold_render.boot(
            "--server", f"127.0.0.1:{other.port},127.0.0.1:{server.port},127.0.0.1:{closed_port()}"
        )
        server.wait_registered()
        assert other.hellos
        run = server.start("echo a; while [ ! -e go ]; do sleep 0.05; done")
        server.wait_output(run, b"a\n")
        other.refuse = None
        hellos = len(other.hellos)
        server.close()
        hello = other.wait_registered(hellos + 1)
        assert [held.run for held in hello.runs] == [run]
        (cold_render.data / "runs" / str(run) / "work" / "go").touch()
        assert other.wait_finished(run).status == RunEnd.SUCCESS
        other.drop_link()
        other.wait_registered(hellos + 2)
    finally:
        other.close()


def test_all_servers_are_asked_again_with_waits_between(
    server: StandServer, cold_render: StandRender
) -> None:
    other = StandServer()
    try:
        server.refuse = other.refuse = Refuse("away", "not now")
        cold_render.boot("--server", f"127.0.0.1:{server.port},127.0.0.1:{other.port}")
        server.wait(lambda: len(server.hellos) >= 4, "attempts")
        assert len(other.hellos) in (3, 4), "in turn"
        server.refuse = None
        server.wait(lambda: server._link is not None, "registration")
        log = cold_render.log()
        assert log.count("the server refuses this render: not now") == 2, "once of each"
    finally:
        other.close()


def test_reconnects_and_tasks_go_on(server: StandServer, render: StandRender) -> None:
    run = server.start("echo a; while [ ! -e go ]; do sleep 0.05; done; echo b")
    server.wait_output(run, b"a\n")
    server.drop_link()
    hello = server.wait_registered(2)
    assert [held.run for held in hello.runs] == [run]
    assert (hello.farm_id, hello.epoch) == (server.farm_id, EPOCH)
    (render.data / "runs" / str(run) / "work" / "go").touch()
    assert server.wait_finished(run).status == RunEnd.SUCCESS
    assert server.text(run) == "a\nb\n"


def test_a_task_that_ends_while_there_is_no_server(
    server: StandServer, render: StandRender, tmp_path: Path
) -> None:
    run = server.start(f"while [ ! -e go ]; do sleep 0.05; done; echo text; touch {tmp_path}/end")
    wait_for(lambda: run in render.folders.held(), "folder")
    server.refuse = Refuse("away", "not now")
    server.drop_link()
    (render.data / "runs" / str(run) / "work" / "go").touch()
    wait_for(lambda: render.folders.result(run), "a stored result")
    server.refuse = None
    server.wait_finished(run)
    assert server.text(run) == "text\n"


def test_a_refused_render_keeps_trying(server: StandServer, cold_render: StandRender) -> None:
    server.refuse = Refuse("name_taken", "r1 is online from 10.0.0.9")
    cold_render.boot()
    server.wait(lambda: len(server.hellos) >= 3, "attempts")
    server.refuse = None
    server.wait(lambda: server._link is not None, "registration")
    assert server.run("true").status == RunEnd.SUCCESS
    log = cold_render.log()
    assert log.count("the server refuses this render: r1 is online from 10.0.0.9") == 1


def test_another_farm_waits_until_the_runs_are_told(
    server: StandServer, render: StandRender
) -> None:
    run = server.start("echo a; while [ ! -e go ]; do sleep 0.05; done")
    server.wait_output(run, b"a\n")
    server.farm_id = "farm-b"
    server.drop_link()
    server.wait(lambda: len(server.hellos) >= 3, "attempts")
    assert server.links_lost >= 2
    assert "it is farm farm-b" in wait_for(render.log, "log")
    server.farm_id = "farm-a"
    hellos = len(server.hellos)
    server.wait_registered(hellos + 1)
    (render.data / "runs" / str(run) / "work" / "go").touch()
    server.wait_finished(run)
    wait_for(lambda: not render.folders.held(), "release")
    server.farm_id = "farm-b"
    server.drop_link()
    server.wait_registered(hellos + 2)
    assert server.run("true").status == RunEnd.SUCCESS
    wait_for(lambda: json.loads((render.data / "farm").read_text())["farm_id"] == "farm-b", "farm")


def test_forget_drops_the_runs_of_another_farm(server: StandServer, render: StandRender) -> None:
    run = server.start("trap '' TERM; echo $$; while true; do sleep 0.05; done")
    pid = int(server.wait_output(run, b"\n"))
    render.kill()
    server.farm_id = "farm-b"
    render.boot("--forget")
    assert server.wait_registered(2).runs == []
    assert gone(pid)
    assert render.folders.held() == []


def test_a_server_of_a_lower_epoch_is_refused(server: StandServer, render: StandRender) -> None:
    server.epoch = EPOCH - 1
    server.drop_link()
    server.wait(lambda: len(server.hellos) >= 3, "attempts")
    server.epoch = EPOCH + 1
    server.wait_registered(len(server.hellos) + 1)
    assert server.run("true").status == RunEnd.SUCCESS
    assert "another server took over" in render.log()


def test_a_frozen_server_is_given_up(server: StandServer, cold_render: StandRender) -> None:
    """A listener that takes connections and says nothing: dead after 16 s."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        cold_render.boot("--server", f"127.0.0.1:{silent.getsockname()[1]}")
        first, _ = silent.accept()
        begin = time.monotonic()
        second, _ = silent.accept()
        assert time.monotonic() - begin > 14
        first.close()
        second.close()
    assert "the server was silent for 16 s" in cold_render.log()


def test_a_server_that_breaks_the_protocol_is_left(
    server: StandServer, render: StandRender
) -> None:
    link = server._link
    assert link is not None
    link.sendall(b"\x00\x00\x00\x02{}")
    server.wait_registered(2)
    assert "broke the protocol" in render.log()
    assert server.run("true").status == RunEnd.SUCCESS


def test_resources_come_by_themselves(server: StandServer, cold_render: StandRender) -> None:
    server.resources_period_s = 0.1
    cold_render.boot()
    server.wait_registered()

    def reports() -> list[dict[str, object]]:
        return [m.values for m in server.messages if type(m).__name__ == "Resources"]

    server.wait(lambda: len(reports()) >= 3, "reports")
    shares = [reports()[-1][f"cpu_{part}"] for part in ("user", "system", "idle")]
    assert all(isinstance(share, int) and 0 <= share <= 100 for share in shares)


def reports(server: StandServer) -> int:
    return sum(isinstance(message, Resources) for message in server.messages)


def test_a_new_pace_counts_at_once(server: StandServer, cold_render: StandRender) -> None:
    server.resources_period_s = 3600.0
    cold_render.boot()
    assert server.wait_registered().takes == list(LATER)
    server.send(Pace(0.1, 1.0))
    server.wait(lambda: reports(server) >= 3, "reports of the new pace")
    server.send(Pace(3600.0, 1.0))
    server.run("true")  # what was on its way has come
    before = reports(server)
    server.run("sleep 1")
    assert reports(server) == before, "an hour is not over"


def test_progress_comes_as_often_as_it_is_wanted(server: StandServer, render: StandRender) -> None:
    """Ten lines, each of them progress: a frame each two seconds, then each second."""

    def frames() -> int:
        return sum(isinstance(message, Progress) for message in server.messages)

    lines = "for n in 1 2 3 4 5 6 7 8 9 10; do echo $n; sleep 0.5; done"
    server.send(Pace(3600.0, 2.0))
    elapsed_s = server.run(lines).elapsed_s
    slow = frames()
    assert 1 <= slow <= elapsed_s / 2 + 1
    server.send(Pace(3600.0, 1.0))
    server.run(lines)
    assert frames() - slow > slow


def test_a_locked_folder(server: StandServer, render: StandRender) -> None:
    other = StandRender(server, render.folder).boot("--hostname", "r2")
    assert other.process is not None
    assert other.process.wait(30) == 1
    assert other.process.stdout is not None
    other.process.stdout.close()
    assert f"another agent (process {render.pid}) uses the data folder" in render.log()
    assert len(server.hellos) == 1


def test_an_idle_agent_is_small_and_quiet(server: StandServer, render: StandRender) -> None:
    server.run("true")
    status = Path(f"/proc/{render.pid}/status").read_text()
    rss_kb = next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line)
    assert rss_kb < 40 * 1024

    def wakeups() -> int:
        text = Path(f"/proc/{render.pid}/status").read_text()
        return next(
            int(line.split()[1]) for line in text.splitlines() if line.startswith("voluntary")
        )

    wait_for(lambda: not list((render.data / "done").iterdir()), "deletion of the folder")
    before, begin = wakeups(), time.monotonic()
    heard = len(server.messages)
    server.wait(lambda: len(server.messages) >= heard + 4, "pings and reports")
    per_second = (wakeups() - before) / (time.monotonic() - begin)
    assert per_second < 8, "something polls"


def test_its_programs_are_lean() -> None:
    """No SQL, no HTTP, no uvloop in the agent."""
    code = (
        "import sys, afanasy.render.main; print([m for m in "
        "('sqlalchemy', 'alembic', 'structlog', 'aiohttp', 'uvloop', 'regex', 'afanasy.server',"
        " 'afanasy.store') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_second_signal_does_not_wait(server: StandServer, render: StandRender) -> None:
    run = server.start("trap '' TERM; echo $$; while true; do sleep 0.05; done")
    pid = int(server.wait_output(run, b"\n"))
    assert render.process is not None
    begin = time.monotonic()
    render.process.send_signal(signal.SIGTERM)
    wait_for(lambda: render.folders.stopping(run), "the first one")
    render.process.send_signal(signal.SIGTERM)
    assert render.process.wait(30) == 0
    assert time.monotonic() - begin < 9
    assert gone(pid)


@pytest.mark.parametrize(
    "bad", [["--server", "x:y"], ["--hostname", " "], ["--nice", "much"], ["--nimby", "--NIMBY"]]
)
def test_bad_options(bad: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "afanasy.render.main", "--data", str(tmp_path / "d"), *bad]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "usage: afrender" in done.stderr
    assert "Traceback" not in done.stderr


def test_interrupt_is_an_exit_too(server: StandServer, render: StandRender) -> None:
    """And Ctrl-C in the agent's terminal reaches no task: each has a session of its own."""
    run = server.start("echo on; while [ ! -e go ]; do sleep 0.05; done")
    server.wait_output(run, b"on")
    began = render.folders.pid(run)
    assert began is not None
    assert began.session == began.pid != os.getsid(render.pid)
    assert render.process is not None
    render.process.send_signal(signal.SIGINT)
    assert render.process.wait(30) == 0
    assert render.folders.held() == []
