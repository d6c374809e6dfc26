"""The agent dies or is replaced; the tasks do not notice (DESIGN 2.5, R7, R40, R41)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from afanasy.model.ids import make_run_id
from afanasy.model.states import RunEnd
from afanasy.render.rundir import write_file
from afanasy.wire.stream import Stop
from render.stand import EPOCH, StandRender, StandServer, gone, wait_for

pytestmark = pytest.mark.e2e

COUNT = 'echo pid $$; n=0; while [ ! -e go ]; do n=$((n+1)); echo "line $n"; sleep 0.02; done; '


def let_go(render: StandRender, run: int) -> None:
    (render.data / "runs" / str(run) / "work" / "go").touch()


def test_a_killed_agent_adopts_and_loses_no_output(
    server: StandServer, render: StandRender
) -> None:
    run = server.start(COUNT + "exit 5")
    server.wait_output(run, b"line 20\n")
    pid = int(server.text(run).split()[1])
    out = render.data / "runs" / str(run) / "out"
    for times in (2, 3):
        render.kill()
        assert not gone(pid)
        size = len(server.outputs[run])
        wait_for(lambda size=size: out.stat().st_size > size + 100, "output without an agent")
        render.boot()
        hello = server.wait_registered(times)
        assert [held.run for held in hello.runs] == [run]
        held = hello.runs[0]
        assert not held.finished
        assert held.elapsed_s > 0.2
        assert held.output_size > size
        assert (hello.farm_id, hello.epoch) == (server.farm_id, EPOCH)
        server.wait(lambda size=size: len(server.outputs[run]) > size + 200, "more output")
    let_go(render, run)
    done = server.wait_finished(run)
    assert (done.status, done.exit_status) == (RunEnd.ERROR, 5)
    assert done.elapsed_s > held.elapsed_s
    assert done.cpu_s >= 0
    lines = server.text(run).splitlines()[1:]
    assert lines == [f"line {n + 1}" for n in range(len(lines))]
    assert done.output_size == len(server.outputs[run])
    assert not server.gaps


def test_a_run_that_ends_without_an_agent(server: StandServer, render: StandRender) -> None:
    run = server.start("echo a; while [ ! -e go ]; do sleep 0.02; done; echo b; exit 6")
    server.wait_output(run, b"a\n")
    folders = render.folders
    render.kill()
    let_go(render, run)
    wait_for(lambda: folders.rc(run), "rc")
    render.boot()
    done = server.wait_finished(run)
    assert (done.status, done.exit_status) == (RunEnd.ERROR, 6)
    assert server.text(run) == "a\nb\n"
    assert 0 < done.elapsed_s < 60


def test_a_process_that_vanished_was_killed_by_the_system(
    server: StandServer, render: StandRender
) -> None:
    run = server.start("echo $$; sleep 1000")
    pid = int(server.wait_output(run, b"\n"))
    render.kill()
    os.killpg(pid, signal.SIGKILL)
    wait_for(lambda: gone(pid), "death")
    render.boot()
    done = server.wait_finished(run)
    assert (done.status, done.error_class) == (RunEnd.KILLED, "crash")
    assert done.log == ["killed by the system, out of memory?"]


def test_a_stop_is_finished_by_the_next_agent(server: StandServer, render: StandRender) -> None:
    run = server.start("trap '' TERM; echo $$; while true; do sleep 0.05; done")
    server.wait_output(run, b"\n")
    server.stop(run, "max run time")
    stop = wait_for(lambda: render.folders.stopping(run), "the cause on the disk")
    assert (stop.by, stop.cause) == ("server", "max run time")
    render.kill()
    render.boot()
    held = server.wait_registered(2).runs[0]
    assert (held.run, held.stopping) == (run, "max run time")
    done = server.wait_finished(run)
    assert (done.status, done.log) == (RunEnd.KILLED, ["stopped: max run time"])


def test_killed_while_a_stop_was_done(server: StandServer, render: StandRender) -> None:
    """No rc and no process, but `stopping`: that was us and no crash (R41)."""
    run = server.start("echo $$; sleep 1000")
    pid = int(server.wait_output(run, b"\n"))
    render.kill()
    render.folders.write_stopping(run, "server", 0, "skip")
    os.killpg(pid, signal.SIGKILL)
    wait_for(lambda: gone(pid), "death")
    render.boot()
    done = server.wait_finished(run)
    assert (done.status, done.error_class, done.log) == (RunEnd.KILLED, "", ["stopped: skip"])


def make_folder(server: StandServer, render: StandRender, counter: int, command: str) -> int:
    """A folder as an agent leaves it that dies right before the spawning."""
    run = make_run_id(EPOCH, counter)
    block, start = server.start_messages(run, command, EPOCH)
    render.folders.make(run, start, block)
    return run


def test_a_run_that_never_began(
    server: StandServer, cold_render: StandRender, tmp_path: Path
) -> None:
    never = make_folder(server, cold_render, 700, f"touch {tmp_path}/began")
    torn = make_run_id(EPOCH, 701)
    Path(cold_render.folders.path(torn)).mkdir()
    write_file(cold_render.folders.path(torn) + "/command", b'[["start",')
    cold_render.boot()
    assert server.wait_registered().runs == []
    assert cold_render.folders.held() == []
    # the server starts it again, under a new id or this one
    server.send(*server.start_messages(never, "echo again", EPOCH))
    assert server.wait_finished(never).status == RunEnd.SUCCESS
    assert not (tmp_path / "began").exists()


def test_a_claimed_folder_keeps_a_late_wrapper_from_beginning(
    server: StandServer, cold_render: StandRender, tmp_path: Path
) -> None:
    from afanasy.render.process_posix import WRAPPER_REFUSED, spawn_command

    run = make_folder(server, cold_render, 700, "true")
    folders = cold_render.folders
    assert folders.claim(run)
    assert folders.claim(run), "a claim is repeated by the agent that died after it"
    environment = {**os.environ, "AF_TAG": "1099511627776"}
    pid = spawn_command(folders.path(run), f"touch {tmp_path}/began", "", environment, nice=0)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == WRAPPER_REFUSED
    assert not (tmp_path / "began").exists()
    assert folders.rc(run) is None


def test_another_boot(server: StandServer, cold_render: StandRender) -> None:
    """What ran when the host went down is lost; what had ended is told."""
    lost = make_folder(server, cold_render, 700, "true")
    ended = make_folder(server, cold_render, 701, "true")
    folders = cold_render.folders
    stat = Path("/proc/self/stat").read_text()
    for run in (lost, ended):
        write_file(folders.path(run) + "/pid", f"another-boot {stat}".encode())
    write_file(folders.path(ended) + "/rc", b"0\n99999.5\n0m0s 0m0s\n0m1.5s 0m0.5s\n")
    write_file(folders.path(ended) + "/out", b"said\n")
    cold_render.boot()
    assert [held.run for held in server.wait_registered().runs] == [ended]
    done = server.wait_finished(ended)
    assert (done.status, done.cpu_s, server.text(ended)) == (RunEnd.SUCCESS, 2.0, "said\n")
    assert lost not in folders.held()


def test_a_torn_rc_does_not_count(server: StandServer, cold_render: StandRender) -> None:
    run = make_folder(server, cold_render, 700, "true")
    folders = cold_render.folders
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    process = os.posix_spawn("/bin/true", ["true"], os.environ)
    stat = Path(f"/proc/{process}/stat").read_text()
    os.waitpid(process, 0)
    write_file(folders.path(run) + "/pid", f"{boot} {stat}".encode())
    write_file(folders.path(run) + "/rc", b"0")
    cold_render.boot()
    done = server.wait_finished(run)
    assert (done.status, done.error_class) == (RunEnd.KILLED, "crash")


def test_hangup_hands_over_to_a_new_process(server: StandServer, render: StandRender) -> None:
    run = server.start(COUNT + "echo end")
    server.wait_output(run, b"line 5\n")
    pid = int(server.text(run).split()[1])
    assert render.process is not None
    render.process.send_signal(signal.SIGHUP)
    assert [held.run for held in server.wait_registered(2).runs] == [run]
    assert render.process.poll() is None
    assert not gone(pid)
    server.wait_output(run, b"line 40\n")
    let_go(render, run)
    assert server.wait_finished(run).status == RunEnd.SUCCESS
    lines = server.text(run).splitlines()[1:-1]
    assert lines == [f"line {n + 1}" for n in range(len(lines))]
    assert not [m for m in server.messages if type(m).__name__ == "Bye"]


def kill_in_the_middle(
    server: StandServer, render: StandRender, command: str, after: int, times: int
) -> list[int]:
    """Start 20 runs, kill the agent after so many results; the runs that the next one has."""
    before = len(server.finished)
    runs = [server.start(command) for _ in range(20)]
    server.wait(lambda: len(server.finished) >= before + after, "results")
    render.kill()
    render.boot()
    held = {one.run for one in server.wait_registered(times).runs}
    begun = [run for run in runs if run in held or run in server.finished]
    server.wait(lambda: set(begun) <= set(server.finished), "all results")
    return begun


def test_kill_at_random_moments(server: StandServer, render: StandRender, tmp_path: Path) -> None:
    """Each run that began writes its line once; each is told exactly as it ended."""
    command = f"echo $AF_RUN_ID >> {tmp_path}/lines; sleep 0.1; exit 3"
    runs: list[int] = []
    for wave in range(5):
        runs += kill_in_the_middle(server, render, command, 4 * wave, wave + 2)
    lines = [int(line) for line in (tmp_path / "lines").read_text().split()]
    assert sorted(lines) == sorted(runs)
    assert {server.finished[run].exit_status for run in runs} == {3}


def test_a_stop_of_an_unknown_run_is_ignored(server: StandServer, render: StandRender) -> None:
    server.send(Stop(make_run_id(EPOCH, 9999), EPOCH, "lost the right to count"))
    assert server.run("true").status == RunEnd.SUCCESS
