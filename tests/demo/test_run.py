"""The whole demo with real processes: a movie, two ways to fail, and being stopped half-way."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.processes import Process, wait_until

pytestmark = pytest.mark.e2e

CHECKOUT = Path(__file__).parents[2]


def start(folder: Path, *options: str, path: Path | None = None) -> Process:
    """Start ``python -m demo.run`` with its work folder in ``folder``."""
    command = [sys.executable, "-m", "demo.run", "--without-blender", "--work", str(folder)]
    env = {"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
    if path is not None:
        env["PATH"] = f"{path}{os.pathsep}{os.environ['PATH']}"
    return Process([*command, *options], folder / "demo.log", env)


def left_over(folder: Path) -> list[str]:
    """Command lines of processes that still have to do with the folder."""
    found: list[str] = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = " ".join(process.info["cmdline"] or [])
        if str(folder) in words or str(folder) in (process.info["cwd"] or ""):
            found.append(words)
    return found


def ffmpeg_that(folder: Path, script: str) -> Path:
    """A folder with an `ffmpeg` that does ``script`` first and then is the real one."""
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(
        f'#!/bin/sh\n{script}\nPATH=${{PATH#"{folder}":}}\nexport PATH\nexec ffmpeg "$@"\n'
    )
    program.chmod(0o755)
    return folder


def test_a_movie_of_eight_frames(tmp_path: Path):
    demo = start(tmp_path, "--frames", "8")
    wait_until(lambda: not demo.alive(), "the demo", deadline_s=120)
    text = demo.text()
    assert demo.popen.returncode == 0, text
    assert re.search(r"8 frames, 384x216, h264 yuv420p, \d+ kB", text)
    made = dict(re.findall(r"^(render0\d) +(\d+) +\d+  [\d, -]+$", text, re.MULTILINE))
    assert set(made) == {"render01", "render02"}
    assert sum(map(int, made.values())) == 8
    for number in range(1, 9):
        assert re.search(rf"\] frame {number}: done on render0[12] in \d+ s$", text, re.MULTILINE)
    assert (tmp_path / "demo-1" / "movie.mp4").stat().st_size > 1000
    assert left_over(tmp_path) == []


def test_a_frame_that_fails_is_a_loud_failure(tmp_path: Path):
    path = ffmpeg_that(
        tmp_path / "path",
        'case "$*" in *frame.0003.png*) echo the disk is on fire >&2; exit 9;; esac',
    )
    demo = start(tmp_path, "--frames", "4", path=path)
    wait_until(lambda: not demo.alive(), "the demo", deadline_s=120)
    assert demo.popen.returncode == 1
    assert "The demo FAILED: frame 3 failed:" in demo.text()
    assert "the disk is on fire" in demo.text()  # the task's own output
    assert left_over(tmp_path) == []


def test_a_frame_that_is_not_there_is_a_loud_failure(tmp_path: Path):
    path = ffmpeg_that(tmp_path / "path", 'case "$*" in *frame.0004.png*) exit 0;; esac')
    demo = start(tmp_path, "--frames", "4", path=path)
    wait_until(lambda: not demo.alive(), "the demo", deadline_s=120)
    assert demo.popen.returncode == 1
    assert "The demo FAILED: no file of the frames 4" in demo.text()
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_half_way_nothing_is_left(tmp_path: Path, number: signal.Signals):
    path = ffmpeg_that(tmp_path / "path", "sleep 60")
    demo = start(tmp_path, "--frames", "4", path=path)
    demo.wait_line("[  0/4] frame 2: started on")
    assert len(left_over(tmp_path)) >= 4  # the demo, its farm and the tasks
    status = demo.end(number, deadline_s=60)
    assert status == 128 + number, demo.text()
    assert "everything it started has ended" in demo.text()
    assert left_over(tmp_path) == []


def test_on_a_terminal_the_farm_stays_until_ctrl_c(tmp_path: Path):
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    command = [sys.executable, "-m", "demo.run", "--without-blender", "--frames", "4"]
    demo = subprocess.Popen(
        [*command, "--work", str(tmp_path)],
        cwd=CHECKOUT,
        env={**os.environ, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = bytearray()

    def seen(words: bytes) -> bool:
        try:
            shown.extend(os.read(ours, 1 << 16))
        except BlockingIOError:
            pass
        except OSError:  # what the kernel says when the last one closed the terminal
            return True
        return words in shown

    try:
        wait_until(lambda: seen(b"Ctrl-C ends it"), "the end of the movie", deadline_s=120)
        assert demo.poll() is None
        assert b"frames    " in shown
        assert b"\x1b[2K" in shown  # drawn in place
        assert any("afserver" in line for line in left_over(tmp_path))
        os.kill(demo.pid, signal.SIGINT)
        wait_until(lambda: seen(b"\0") and demo.poll() is not None, "the demo to end")
    finally:
        os.close(ours)
        demo.kill()
        status = demo.wait()
    assert status == 0, shown.decode(errors="replace")
    assert left_over(tmp_path) == []
