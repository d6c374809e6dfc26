"""Tasks by a real agent: their start, their environment, their end."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from afanasy.model.states import RunEnd
from afanasy.wire.stream import Ack
from render.stand import EPOCH, StandRender, StandServer, gone, wait_for

pytestmark = pytest.mark.e2e


def test_success_and_output(server: StandServer, render: StandRender) -> None:
    done = server.run("echo one; echo two >&2; printf three")
    assert (done.status, done.exit_status, done.signal) == (RunEnd.SUCCESS, 0, 0)
    assert server.text(done.run) == "one\ntwo\nthree"
    assert done.output_size == 13
    assert done.log == []
    assert done.cpu_s >= 0


def test_exit_codes(server: StandServer, render: StandRender) -> None:
    for command, status in (("exit 3", 3), ("false", 1), ("nosuchprogram", 127), ("exit 200", 200)):
        done = server.run(command)
        assert (done.status, done.exit_status, done.signal) == (RunEnd.ERROR, status, 0), command
    done = server.run("if then")
    assert done.status == RunEnd.ERROR
    assert "Syntax error" in server.text(done.run)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_signals(server: StandServer, render: StandRender, number: int) -> None:
    done = server.run(f"python3 -c 'import os; os.kill(os.getpid(), {int(number)})'")
    assert (done.status, done.exit_status, done.signal) == (RunEnd.KILLED, -1, number)
    assert done.error_class == "crash"


def test_killed_from_outside_says_so(server: StandServer, render: StandRender) -> None:
    run = server.start("echo $$; exec sleep 100")
    pid = int(server.wait_output(run, b"\n"))
    os.killpg(pid, signal.SIGKILL)
    done = server.wait_finished(run)
    assert (done.status, done.signal, done.error_class) == (RunEnd.KILLED, 9, "crash")
    assert done.log == ["killed by the system, out of memory?"]


def test_environment(server: StandServer, cold_render: StandRender) -> None:
    inherited = {"AF_TOKEN": "secret", "FROM_AGENT": "yes", "OVER": "agent"}
    cold_render.boot(environment={**inherited, "AF_EMAIL_SMTP_PASSWORD": "of a server beside it"})
    assert server.wait_registered().token == "secret"
    done = server.run(
        'echo "$AF_JOB_ID $AF_JOB_SERIAL $AF_BLOCK_ID $AF_TASK_ID $AF_TASK_NUMBER $AF_RUN_ID"; '
        'echo "$FROM_AGENT $OVER $BLOCK $TASK [$AF_TOKEN$AF_EMAIL_SMTP_PASSWORD$1$2$c$stat]"',
        environment={"OVER": "block", "BLOCK": "b", "TASK": "b"},
        task={"environment": {"TASK": "t"}, "number": 6},
    )
    assert server.text(done.run) == f"7 5 2 3 6 {done.run}\nyes block b t []\n"


def test_patterns_are_filled(server: StandServer, render: StandRender) -> None:
    frames = {"frame_start": 5, "frame_finish": 8, "frames_num": 4, "capacity_coeff": 3}
    done = server.run("echo @##@ @##@ @AF_CAPACITY@", task=frames)
    assert server.text(done.run) == "05 08 3\n"
    done = server.run("echo [@#@]", flags=0, task={"command": "text"})
    assert server.text(done.run) == "[text]\n"


def test_working_directory(server: StandServer, render: StandRender, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    done = server.run("pwd", working_directory=str(folder))
    assert server.text(done.run) == f"{folder}\n"
    assert done.log == []
    done = server.run("pwd", working_directory=str(tmp_path / "none"))
    assert f"runs/{done.run}" in server.text(done.run)
    assert done.status == RunEnd.SUCCESS
    assert done.log == ["warning: the working directory is missing, the run folder was used"]


def test_no_input_and_ordinary_signals(server: StandServer, render: StandRender) -> None:
    """Standard input is empty, and a broken pipe kills as in any shell."""
    done = server.run("cat; yes | head -1; (yes; echo $? >&2) | head -1", deadline_s=20)
    # head may write its line only after yes was killed.
    assert sorted(server.text(done.run).split()) == ["141", "y", "y"]


def test_niceness(server: StandServer, cold_render: StandRender) -> None:
    cold_render.boot("--nice", "7")
    server.wait_registered()
    wanted = max(7, os.getpriority(os.PRIO_PROCESS, 0))
    done = server.run(
        "n=0; while [ $n -lt 200 ]; do nice=$(cut -d' ' -f19 /proc/self/stat);"
        f" [ $nice = {wanted} ] && break; n=$((n+1)); sleep 0.05; done; echo $nice"
    )
    assert int(server.text(done.run)) == wanted


def test_what_cannot_start(server: StandServer, render: StandRender) -> None:
    done = server.run("   ")
    assert done.status == RunEnd.FAILED_TO_START
    assert done.log == ["the command is empty"]
    done = server.run("true", environment={"A=B": "c"})
    assert done.status == RunEnd.FAILED_TO_START
    assert "'A=B'" in done.log[-1]
    done = server.run("echo " + "x" * 200_000)
    assert done.status == RunEnd.FAILED_TO_START
    assert done.log == ["the command cannot be started: Argument list too long"]
    done = server.run("a\0b")
    assert "NUL" in done.log[-1]


def test_two_starts_of_one_run(server: StandServer, render: StandRender, tmp_path: Path) -> None:
    server.auto_ack = False
    run = server.start(f"echo once >> {tmp_path}/count")
    messages = server.start_messages(run, f"echo once >> {tmp_path}/count", EPOCH)
    server.send(*messages)
    server.wait_finished(run)
    server.send(*messages)
    server.wait(lambda: server.finished_times[run] >= 2, "the result again")
    server.send(Ack([run]))
    server.send(*messages)
    server.run("true")  # what was sent before it has been taken
    assert (tmp_path / "count").read_text() == "once\n"


def test_a_lower_epoch_is_refused(server: StandServer, render: StandRender) -> None:
    old = server.start("true", epoch=EPOCH - 1)
    run = server.start("sleep 0.5; echo through")
    server.stop(run, epoch=EPOCH - 1)
    done = server.wait_finished(run)
    assert done.status == RunEnd.SUCCESS
    assert old not in server.finished
    assert "a start of epoch 999 is refused" in render.log()


def test_the_result_is_kept_until_the_ack(server: StandServer, render: StandRender) -> None:
    server.auto_ack = False
    run = server.start("echo hi; exit 4")
    done = server.wait_finished(run)
    stored = render.folders.result(run)
    assert stored is not None
    assert (stored.status, stored.exit_status, stored.output) == (RunEnd.ERROR, 4, b"")
    server.drop_link()
    assert server.wait_registered(2).runs[0].finished
    server.wait(lambda: server.finished_times[run] >= 2, "the result again")
    render.kill()
    render.boot()
    held = server.wait_registered(3).runs
    assert [(one.run, one.finished, one.output_size) for one in held] == [(run, True, 3)]
    server.wait(lambda: server.finished_times[run] >= 3, "the result again")
    assert server.finished[run].log == done.log
    server.send(Ack([run]))
    wait_for(lambda: run not in render.folders.held(), "release of the folder")


def test_many_tasks_at_once(server: StandServer, render: StandRender, tmp_path: Path) -> None:
    runs = [server.start(f"echo {n} >> {tmp_path}/lines") for n in range(200)]
    for run in runs:
        assert server.wait_finished(run).status == RunEnd.SUCCESS
    lines = (tmp_path / "lines").read_text().split()
    assert sorted(map(int, lines)) == list(range(200))
    assert not server.gaps


def test_progress_and_memory(server: StandServer, render: StandRender) -> None:
    program = "x = bytearray(80 << 20); import time; time.sleep(3)"
    run = server.start(f"python3 -c '{program}'; echo end")
    done = server.wait_finished(run)
    assert 70 < done.memory_peak_mb < 200
    items = [i for m in server.messages if type(m).__name__ == "Progress" for i in m.items]
    assert items
    assert any(item.memory_mb > 70 for item in items)
    assert len(items) <= 4  # one a second at most, and only when something changed
    assert all(item.percent == -1 and item.elapsed_s > 0 for item in items)


def test_cpu_time(server: StandServer, render: StandRender) -> None:
    done = server.run("python3 -c 'while __import__(\"time\").process_time() < 0.5: pass'")
    assert 0.5 <= done.cpu_s < 5


def test_stop(server: StandServer, render: StandRender) -> None:
    run = server.start("echo $$; sleep 1000")
    pid = int(server.wait_output(run, b"\n"))
    server.stop(run, "skip")
    done = server.wait_finished(run)
    assert (done.status, done.log) == (RunEnd.KILLED, ["stopped: skip"])
    assert gone(pid)
    assert done.elapsed_s < 9  # TERM was enough


def test_a_stop_in_the_first_moments_needs_no_kill(
    server: StandServer, render: StandRender
) -> None:
    """A shell that is about to begin the command may swallow a TERM; the next one works."""
    for _ in range(20):
        run = server.start("exec sleep 1000")
        server.stop(run, "skip")
        done = server.wait_finished(run)
        assert (done.status, done.signal) in [(RunEnd.KILLED, signal.SIGTERM), (RunEnd.KILLED, 0)]


def test_a_stop_does_not_hide_a_result(server: StandServer, render: StandRender) -> None:
    """The command ended in the same moment: its own result counts."""
    for _ in range(10):
        run = server.start("true")
        time.sleep(0.005)  # not synchronisation: before, at or after the end, all are right
        server.stop(run, "restart")
        done = server.wait_finished(run)
        assert done.status in (RunEnd.SUCCESS, RunEnd.KILLED)
        if done.status == RunEnd.KILLED:
            assert done.log == ["stopped: restart"]
    run = server.start("true")
    server.wait_finished(run)
    server.stop(run)
    assert server.run("true").status == RunEnd.SUCCESS


def test_a_program_that_handles_term_is_killed_all_the_same(
    server: StandServer, render: StandRender
) -> None:
    """Its exit status 0 after our TERM is no success."""
    run = server.start("trap 'exit 0' TERM; echo ready; while true; do sleep 0.05; done")
    server.wait_output(run, b"ready")
    server.stop(run)
    done = server.wait_finished(run)
    assert (done.status, done.exit_status) == (RunEnd.KILLED, 0)


DAEMON = """
import os, signal, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
print('daemon', os.getpid(), flush=True)
time.sleep(1000)
"""


def daemon_command(folder: Path, prefix: str = "") -> str:
    """A command that leaves a daemon of two forks and a session of its own behind."""
    script = folder / "daemon.py"
    script.write_text(DAEMON)
    return f"{prefix}{sys.executable} {script}"


def daemon_pid(server: StandServer, run: int) -> int:
    text = server.wait_output(run, b"daemon ").decode()
    return int(text.split("daemon ")[1].split()[0])


@pytest.mark.parametrize("restart", [False, True], ids=["same agent", "restarted agent"])
def test_daemons_that_ignore_term_are_gone_after_a_stop(
    server: StandServer, render: StandRender, tmp_path: Path, restart: bool
) -> None:
    """With and without the run's id in their environment."""
    commands = [daemon_command(tmp_path, prefix) for prefix in ("", "env -i ")]
    runs = [server.start(f"{command}; sleep 1000") for command in commands]
    other = server.start("echo on; while [ ! -e go ]; do sleep 0.05; done")
    pids = [daemon_pid(server, run) for run in runs]
    server.wait_output(other, b"on")
    if restart:
        render.kill()
        render.boot()
        assert {held.run for held in server.wait_registered(2).runs} == {*runs, other}
    for run in runs:
        server.stop(run)
    for run, pid in zip(runs, pids, strict=True):
        assert server.wait_finished(run).status == RunEnd.KILLED
        assert gone(pid)
    (render.data / "runs" / str(other) / "work" / "go").touch()
    assert server.wait_finished(other).status == RunEnd.SUCCESS  # nobody else was hit


def test_leftovers_of_a_normal_end_are_stopped(
    server: StandServer, render: StandRender, tmp_path: Path
) -> None:
    run = server.start(f"{daemon_command(tmp_path)}; sleep 0.3; echo over")
    pid = daemon_pid(server, run)
    done = server.wait_finished(run)
    assert done.status == RunEnd.SUCCESS
    assert gone(pid)
    assert len(done.log) == 1
    assert "were left running" in done.log[0]
    assert f"({pid})" in done.log[0]


def test_a_background_process_that_obeys_is_not_waited_for(
    server: StandServer, render: StandRender
) -> None:
    done = server.run("sleep 1000 & echo $!")
    assert done.status == RunEnd.SUCCESS
    assert gone(int(server.text(done.run)))
    assert "sleep" in done.log[0]


def test_a_run_of_many_processes_is_killed_as_a_whole(
    server: StandServer, render: StandRender, tmp_path: Path
) -> None:
    """Processes that fork on while they are killed."""
    loop = "trap '' TERM; while true; do (trap '' TERM; sleep 0.01; sleep 0.01) & sleep 0.005; done"
    mark = str(tmp_path)
    command = f'(setsid sh -c "{loop}" &) ; {loop}'
    run = server.start(command, environment={"AF_MARK": mark})
    wait_for(lambda: len(members(mark)) > 3, "processes")
    server.stop(run)
    done = server.wait_finished(run, 60)
    assert done.status == RunEnd.KILLED
    assert members(mark) == []


def test_two_agents_of_two_farms_leave_each_other_alone(
    server: StandServer, render: StandRender, tmp_path: Path
) -> None:
    """Even when their run ids are the same."""
    other_server = StandServer()
    (tmp_path / "other").mkdir()
    other = StandRender(other_server, tmp_path / "other").boot()
    try:
        other_server.wait_registered()
        run = server.start("echo on; setsid sleep 1000")
        assert other_server.start("echo on; while [ ! -e go ]; do sleep 0.05; done") == run
        server.wait_output(run, b"on")
        other_server.wait_output(run, b"on")
        server.stop(run)
        assert server.wait_finished(run).status == RunEnd.KILLED
        (other.data / "runs" / str(run) / "work" / "go").touch()
        assert other_server.wait_finished(run).status == RunEnd.SUCCESS
    finally:
        other.close()
        other_server.close()


def members(mark: str) -> list[str]:
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes()
        except OSError:
            continue
        if f"AF_MARK={mark}".encode() in environment and not gone(int(path.parent.name)):
            found.append(path.parent.name)
    return found


def test_sigterm_of_the_agent_stops_tasks_and_says_goodbye(
    server: StandServer, render: StandRender
) -> None:
    run = server.start("echo $$; sleep 1000")
    pid = int(server.wait_output(run, b"\n"))
    assert render.terminate() == 0
    assert gone(pid)
    assert [m.reason for m in server.messages if type(m).__name__ == "Bye"] == ["stopped"]
    assert run not in server.finished
    assert render.folders.held() == []


def test_drain(server: StandServer, render: StandRender) -> None:
    run = server.start("echo on; while [ ! -e go ]; do sleep 0.05; done")
    server.wait_output(run, b"on")
    other = StandRender(server, render.folder).boot("--drain")
    assert other.process is not None
    assert other.process.wait(30) == 0
    assert other.process.stdout is not None
    assert "takes no new work" in other.process.stdout.read()
    other.process.stdout.close()
    server.wait(lambda: [m for m in server.messages if type(m).__name__ == "Drain"], "Drain")
    assert not server.hellos[-1].draining
    server.drop_link()
    assert server.wait_registered(2).draining, "no start may come before it says so"
    (render.data / "runs" / str(run) / "work" / "go").touch()
    assert server.wait_finished(run).status == RunEnd.SUCCESS
    assert render.process is not None
    assert render.process.wait(30) == 0
    assert [m.reason for m in server.messages if type(m).__name__ == "Bye"] == ["drained"]
