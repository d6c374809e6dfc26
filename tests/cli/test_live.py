"""``--watch`` and ``afcmd top`` on a pseudo-terminal: live, and the terminal is left as it was."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.cli.top import shares
from harness.canned_farm import CannedFarm, block, job
from harness.commands import Afcmd
from harness.processes import wait_until
from harness.terminal import Terminal
from harness.text_server import closed_port

BEGIN, END = b"\x1b[?1049h", b"\x1b[?1049l"


@contextmanager
def terminal(farm: CannedFarm, *words: str, lines: int = 24) -> Iterator[Terminal]:
    command = [sys.executable, "-m", "afanasy.cli.main", "--server", farm.address, *words]
    with Terminal(command, lines=lines, env={"AF_USERNAME": "jimmy", "TERM": "xterm"}) as at:
        yield at


def left_clean(at: Terminal) -> None:
    """The first screen is back, the cursor too, and keys need Enter again."""
    assert at.raw.count(BEGIN) == at.raw.count(END) == 1
    assert at.raw.index(END) > at.raw.rindex(b"\x1b[H")
    assert b"\x1b[?25h" in at.raw
    assert at.same_modes()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["jobs"], "shot.v1"), (["jobs", "list", "user=kim"], "broken job"),
        (["job", "5"], "beauty"), (["blocks", "5"], "comp"), (["tasks", "5"], "frame 1-9"),
        (["renders", "--resources"], "NbY"), (["render", "r1"], "shot.v1"), (["users"], "kim"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)  # fmt: skip
def test_lists_are_shown_live(farm: CannedFarm, words: list[str], shown: str) -> None:
    with terminal(farm, *words, "--watch", "--every", "0.1s") as at:
        at.wait(lambda: shown in at.screen(), shown)
        seen = len(farm.requests)
        at.wait(lambda: len(farm.requests) > seen, "another look")
        at.keys("q")
        assert at.ended() == 0
        left_clean(at)


def test_what_changes_is_seen(farm: CannedFarm) -> None:
    with terminal(farm, "jobs", "state~ERR", "--watch", "--every", "0.1s") as at:
        at.wait(lambda: "broken job" in at.screen(), "the failed job")
        farm.jobs.append(job(9, "newcomer", block(0, "b", 9), state=" ERR"))
        at.wait(lambda: "newcomer" in at.screen(), "a new job")
        del farm.jobs[2]
        at.wait(lambda: "broken job" not in at.screen(), "the job to go")
        at.keys("\x03")
        assert at.ended() == 0
        left_clean(at)
        assert "Traceback" not in at.text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(farm: CannedFarm, number: signal.Signals) -> None:
    with terminal(farm, "top") as at:
        at.wait(lambda: "shot.v1" in at.screen(), "a frame")
        at.process.send_signal(number)
        assert at.ended() == 128 + number
        left_clean(at)


def test_top(farm: CannedFarm) -> None:
    with terminal(farm, "top", "--every", "0.1s") as at:
        at.wait(lambda: "r10.x" in at.screen(), "a frame")
        frame = at.screen()
        assert "2 jobs: 1 running, 1 failed, 0 done" in frame
        assert "2 renders: 1 online, 1 busy" in frame
        assert frame.index("shot.v1") < frame.index("broken job")  # running ones first
        assert "[###.......]  32%" in frame
        assert "[####......]  45%" in frame  # the host's load
        assert "shot.v1.beauty fram" in frame
        at.keys("j")
        at.wait(lambda: "HOST" not in at.screen() and "shot.v1" in at.screen(), "only jobs")
        at.keys("r")
        at.wait(lambda: "broken" not in at.screen() and "r10.x" in at.screen(), "only renders")
        at.keys("b")
        at.wait(lambda: "broken" in at.screen() and "r10.x" in at.screen(), "both")
        farm.jobs[2].update(state=" DON")
        at.wait(lambda: "1 done" in at.screen(), "a done job")
        at.keys("x\x1b[Ad")
        at.wait(lambda: "r10.x" in at.screen() and "broken" not in at.screen(), "done jobs to go")
        at.keys("q")
        assert at.ended() == 0
        left_clean(at)


def test_top_fits_any_window(farm: CannedFarm) -> None:
    farm.jobs += [job(n, f"many {n}", block(0, "b", n)) for n in range(10, 90)]
    with terminal(farm, "top", lines=12) as at:
        at.wait(lambda: "r10.x" in at.screen(), "a frame")
        assert at.screen().count("\r\n") == 11
        assert at.screen().count("many") == 2
        at.resize(40, 100)
        at.wait(lambda: at.screen().count("many") > 20, "a frame for the larger window")
        assert at.screen().count("\r\n") <= 39


def test_a_server_that_is_away_is_said_and_waited_for(farm: CannedFarm) -> None:
    with terminal(farm, "top", "--every", "0.1s") as at:
        at.wait(lambda: "shot.v1" in at.screen(), "a frame")
        farm.next(b"", b"", b"")
        at.wait(lambda: "without an answer" in at.screen(), "the word about it")
        assert "shot.v1" in at.screen()  # what was seen last stays
        at.wait(lambda: "without an answer" not in at.screen(), "the server to be back")
        at.keys("q")
        assert at.ended() == 0


def test_what_is_gone_ends_the_watch(farm: CannedFarm) -> None:
    with terminal(farm, "job", "6", "--watch", "--every", "0.1s") as at:
        at.wait(lambda: "broken job" in at.screen(), "the job")
        del farm.jobs[2]
        assert at.ended() == 5
        left_clean(at)
        assert "there is no job 6" in at.text()


def test_inside_tmux(farm: CannedFarm, tmp_path: Path) -> None:
    """With tmux where there is one, else with the terminal it would be given."""
    if shutil.which("tmux") is None:
        with terminal(farm, "top") as at:
            at.wait(lambda: "shot.v1" in at.screen(), "a frame")
        return
    tmux = ["tmux", "-S", f"{tmp_path}/socket"]
    command = f"{sys.executable} -m afanasy.cli.main --server {farm.address} top --every 0.1s"
    subprocess.run([*tmux, "new-session", "-d", "-x", "100", "-y", "24", command], check=True)
    try:

        def pane() -> str:
            done = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True)
            return done.stdout

        wait_until(lambda: "shot.v1" in pane() and "r10.x" in pane(), "a frame inside tmux")
        assert "q ends" in pane().splitlines()[0]
        subprocess.run([*tmux, "send-keys", "q"], check=True)
        wait_until(lambda: pane() == "", "its end")
    finally:
        subprocess.run([*tmux, "kill-server"], capture_output=True)


# --------------------------------------------------------------------------- without a terminal


def test_top_once(afcmd: Afcmd) -> None:
    lines = afcmd.lines("top", "--once")
    assert lines[0].startswith("2 jobs: 1 running")
    assert any("shot.v1" in line for line in lines)
    assert any("r10.x" in line for line in lines)
    found = afcmd("top", "--json").json
    assert found["summary"]["renders_busy"] == 1
    assert [one["id"] for one in found["jobs"]] == [5, 6]
    assert [one["id"] for one in afcmd("top", "user=kim", "--json").json["jobs"]] == [6]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["top"], "a live view needs a terminal"),
        (["jobs", "--watch"], "a live view needs a terminal"),
        (["jobs", "--watch", "--json"], "a live view is no JSON"),
        (["jobs", "--watch", "--every", "often"], "--every: 'often' is no duration"),
        (["top", "--every", "often"], "--every: 'often' is no duration"),
    ],
)
def test_wrong_words(afcmd: Afcmd, words: list[str], said: str) -> None:
    assert said in afcmd(*words, code=2).err


def test_top_without_a_server(afcmd: Afcmd) -> None:
    afcmd("top", "--once", "--server", f"127.0.0.1:{closed_port()}", code=3)


@given(st.integers(-5, 100), st.integers(0, 100), st.integers(0, 100))
def test_two_panels_share_the_room(room: int, one: int, other: int) -> None:
    first, second = shares(room, one, other)
    assert 0 <= first <= max(one, 0)
    assert 0 <= second <= max(other, 0)
    assert first + second == min(max(room, 0), one + other)
