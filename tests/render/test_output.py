"""Output: pieces, floods, truncation, odd bytes (RECIPES 4)."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from afanasy.model.states import RunEnd
from render.stand import StandRender, StandServer, wait_for

pytestmark = pytest.mark.e2e

MB = 1 << 20


def disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_output_arrives_while_the_command_runs(server: StandServer, render: StandRender) -> None:
    run = server.start("printf unfinished; while [ ! -e go ]; do sleep 0.05; done; echo .")
    assert server.wait_output(run, b"unfinished") == b"unfinished"
    assert run not in server.finished
    (render.data / "runs" / str(run) / "work" / "go").touch()
    server.wait_finished(run)
    assert server.text(run) == "unfinished.\n"


def test_bytes_that_are_no_text(server: StandServer, render: StandRender) -> None:
    done = server.run(r"printf 'a\377\376\000b\r\nc'; echo PROGRESS: 40%")
    assert bytes(server.outputs[done.run]) == b"a\xff\xfe\x00b\r\ncPROGRESS: 40%\n"
    assert done.percent == 40


def test_ten_megabytes_keep_head_and_tail(server: StandServer, render: StandRender) -> None:
    done = server.run("python3 -c 'for n in range(1000000): print(\"%09d\" % n)'")
    assert done.output_size == 10_000_000
    got = bytes(server.outputs[done.run])
    assert got.startswith(b"000000000\n000000001\n")
    assert got.endswith(b"000999999\n")
    assert len(got) == 10_000_000


def test_a_command_that_truncates_its_output(server: StandServer, render: StandRender) -> None:
    run = server.start(
        "echo first line; while [ ! -e go ]; do sleep 0.05; done; "
        "echo x > /dev/stderr; echo after; while [ -e go ]; do sleep 0.05; done; echo end"
    )
    server.wait_output(run, b"first line\n")
    go = render.data / "runs" / str(run) / "work" / "go"
    go.touch()
    server.wait_output(run, b"after\n")
    render.kill()
    render.boot()  # where the output stands is known to the next agent
    server.wait_registered(2)
    go.unlink()
    done = server.wait_finished(run)
    assert server.text(run) == "first line\nx\nafter\nend\n"
    assert done.output_size == len(server.text(run))
    assert not server.gaps


def flood(server: StandServer, render: StandRender, seconds: float) -> tuple[int, int]:
    """Peaks of disk and memory while `yes` runs beside another task."""
    run = server.start("yes")
    other = server.start('n=0; while [ ! -e go ]; do n=$((n+1)); echo "line $n"; sleep 0.1; done')
    wait_for((render.data / "runs" / str(run) / "out").exists, "output")
    folder = render.data / "runs" / str(run)
    disk = memory = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        disk = max(disk, disk_bytes(folder))
        memory = max(memory, rss_bytes(render.pid))
        time.sleep(0.01)
    size = (folder / "out").stat().st_size
    assert size > 15 * MB * seconds / 2  # it was a flood, and it went on all the time
    server.stop(run)
    done = server.wait_finished(run)
    assert done.status == RunEnd.KILLED
    assert done.output_size > size / 2
    assert any("flood of output" in line for line in done.log)
    (render.data / "runs" / str(other) / "work" / "go").touch()
    assert server.wait_finished(other).status == RunEnd.SUCCESS
    lines = server.text(other).splitlines()
    assert lines == [f"line {n + 1}" for n in range(len(lines))]
    assert len(lines) > 4 * seconds  # of 10 a second
    got = server.outputs[run]
    assert bytes(got[:1000]) == b"y\n" * 500
    return disk, memory


def test_a_flood(server: StandServer, render: StandRender) -> None:
    disk, memory = flood(server, render, 4)
    assert disk + memory < 100 * MB, (disk / MB, memory / MB)


@pytest.mark.slow
def test_a_long_flood(server: StandServer, render: StandRender) -> None:
    disk, memory = flood(server, render, 30)
    assert disk + memory < 100 * MB, (disk / MB, memory / MB)


def test_a_returning_agent_tames_a_flood(server: StandServer, render: StandRender) -> None:
    run = server.start("yes")
    out = render.data / "runs" / str(run) / "out"
    wait_for(lambda: out.exists() and out.stat().st_size > 20 * MB, "a flood")
    began = render.folders.pid(run)
    assert began is not None
    render.kill()
    os.killpg(began.session, signal.SIGCONT)  # it may have died with its foot on the brake
    wait_for(lambda: out.stat().st_size > 300 * MB, "more of it")
    os.killpg(began.session, signal.SIGSTOP)
    size = out.stat().st_size
    render.boot()
    server.wait_registered(2)
    wait_for(lambda: out.stat().st_size > size + 30 * MB, "the run to go on")
    wait_for(lambda: out.stat().st_blocks * 512 < 60 * MB, "holes")
    server.stop(run)
    assert server.wait_finished(run).status == RunEnd.KILLED
