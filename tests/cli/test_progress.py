"""Progress bars: on a terminal only, and nothing of them stays."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from afanasy.cli import progress
from afanasy.cli.progress import Progress
from harness.canned_farm import DONE, CannedFarm, block, job
from harness.commands import Afcmd
from harness.terminal import Terminal

BAR = re.compile(r"\[[#.]{20}\] +\d+%")
#: Bars come at once, and at every step.
AT_ONCE = (
    "import sys; from afanasy.cli import progress, wait; from afanasy.cli.main import main;"
    "progress._FIRST_S = progress._EVERY_S = progress._ESTIMATE_S = 0;"
    "wait._POLL_FIRST_S = wait._POLL_S = 0.01;"
    "sys.exit(main(sys.argv[1:]))"
)


def command(farm: CannedFarm, *words: str) -> list[str]:
    return [sys.executable, "-c", AT_ONCE, "--server", farm.address, *words]


def last_lines(at: Terminal) -> list[str]:
    """What stands there in the end: each line behind its last return, without what was erased."""
    lines = at.raw.decode().replace("\r\n", "\n").split("\n")
    return [line.rpartition("\r\x1b[K")[2] for line in lines]


# ---------------------------------------------------------------------------------- the commands


def waiting_farm(farm: CannedFarm) -> None:
    states: list[dict[str, Any]] = [
        {"state": " RUN", "p": (0, 0, 2)}, {"state": " RUN", "p": (40, 4, 2)},
        {"state": " RUN", "p": (80, 8, 2)}, {"state": " DON", "p": (100, 10, 0)},
    ]  # fmt: skip
    answers = [
        {"jobs": [job(6, "x", block(
            0, "b", 6, tasks_num=10, p_percentage=one["p"][0], p_tasks_done=one["p"][1],
            running_tasks_counter=one["p"][2],
        ), state=one["state"])]}
        for one in states
    ]  # fmt: skip
    farm.next(answers[0], *answers)


def test_waiting(farm: CannedFarm) -> None:
    waiting_farm(farm)
    with Terminal(command(farm, "wait", "6")) as at:
        assert at.ended() == 0
        text = at.text()
        assert len(BAR.findall(text)) >= 2
        assert "waiting 4 of 10 tasks, 2 running" in text
        assert " left" in text
        assert last_lines(at) == [
            "job 6 x: RUN, 0%, 0 of 10 tasks", "job 6 x: DON, 100%, 10 of 10 tasks", "",
        ]  # fmt: skip


@pytest.mark.parametrize("words", [["--json"], ["--quiet"]])
def test_nothing_when_a_program_reads(farm: CannedFarm, words: list[str]) -> None:
    waiting_farm(farm)
    with Terminal(command(farm, "wait", "6", *words)) as at:
        assert at.ended() == 0
        assert not BAR.search(at.text())


def test_nothing_beside_a_pipe(farm: CannedFarm) -> None:
    waiting_farm(farm)
    done = subprocess.run(command(farm, "wait", "6"), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 4
    waiting_farm(farm)
    piped = ["/bin/sh", "-c", '"$@" | cat', "sh", *command(farm, "wait", "6")]
    with Terminal(piped) as at:  # a pager would draw over it
        assert at.ended() == 0
        assert not BAR.search(at.text())


def test_a_bar_beside_a_file(farm: CannedFarm, tmp_path: Path) -> None:
    waiting_farm(farm)
    file = tmp_path / "out"
    written = ["/bin/sh", "-c", f'"$@" > {file}', "sh", *command(farm, "wait", "6")]
    with Terminal(written) as at:
        assert at.ended() == 0
        assert BAR.search(at.text())
        assert file.read_text().splitlines()[-1] == "job 6 x: DON, 100%, 10 of 10 tasks"


def test_operations_on_many_jobs_go_in_slices(farm: CannedFarm) -> None:
    farm.jobs = [job(n, f"shot{n}", block(0, "b", n)) for n in range(2, 132)]
    ids = [str(n) for n in range(2, 132)]
    with Terminal(command(farm, "restart", *ids)) as at:
        assert at.ended() == 0
        assert "restart 50 of 130 jobs" in at.text()
        assert last_lines(at) == ["restart jobs 130: 2 … 131: 9 tasks", ""]
    actions = [request["action"] for request in farm.requests if "action" in request]
    asked = [one["ids"] for one in actions if one["operation"].get("ask")]
    sent = [one["ids"] for one in actions if not one["operation"].get("ask")]
    assert asked == sent, "whether there is something to warn of, is asked first"
    assert [len(part) for part in sent] == [50, 50, 30]
    assert [number for part in sent for number in part] == list(range(2, 132))


def test_many_files(farm: CannedFarm, tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.json" for n in range(4)]
    for file in files:
        file.write_text(json.dumps({"name": file.stem, "blocks": [{"name": "b"}]}))
    with Terminal(command(farm, "submit", *map(str, files))) as at:
        assert at.ended() == 0
        assert "submitting 2 of 4" in at.text()
        assert last_lines(at) == [*["job 9 (serial 109)"] * 4, ""]


# ------------------------------------------------------------------------------ slices, no bar


def test_a_mask_of_many_jobs_goes_in_slices_too(afcmd: Afcmd) -> None:
    afcmd.farm.jobs = [job(n, f"shot{n}", block(0, "b", n)) for n in range(1, 80)]
    done = afcmd("pause", "--mask", "shot.*")  # not the system job
    assert done.out == "pause 78 jobs matching shot.*\n"
    sent = [request["action"] for request in afcmd.farm.requests if "action" in request]
    assert [len(action["ids"]) for action in sent] == [50, 28]
    afcmd.farm.requests.clear()
    assert afcmd.action("pause", "--mask", "shot1")["mask"] == "shot1"
    assert "does not compile" in afcmd("pause", "--mask", "(", code=2).err


def test_a_slice_that_is_refused(afcmd: Afcmd) -> None:
    afcmd.farm.jobs = [job(n, f"shot{n}", block(0, "b", n)) for n in range(2, 132)]
    ids = [str(n) for n in range(2, 132)]
    assert "there is no job 999" in afcmd("stop", *ids, "999", code=5).err
    assert not [request for request in afcmd.farm.requests if "action" in request]
    told = {"code": "store_unavailable", "message": "no", "hint": "", "field": ""}
    no = {"info": {"kind": "error", "text": "no"}, "error": told}
    afcmd.farm.next(None, DONE, no)
    done = afcmd("stop", *ids, code=3)
    assert done.err == "afcmd: stop of 50 of 130 jobs was done\nafcmd: no\n"


def test_many_files_of_which_one_is_wrong(afcmd: Afcmd, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"name": "a", "blocks": []}')
    bad.write_text("{")
    afcmd("submit", str(good), str(bad), code=2)
    assert afcmd.farm.requests == []
    afcmd.farm.next(None, {"id": 0, "serial": 0, "error": "no blocks"})
    done = afcmd("submit", str(good), str(good), str(good), code=2)
    assert "good.json was refused; 1 job before it stay" in done.err
    found = afcmd("submit", str(good), str(good), "--json").json
    assert found == {"jobs": [{"id": 9, "serial": 109}] * 2}


# ------------------------------------------------------------------------------------- the bar


class Tty(io.StringIO):
    """A standard error that is a terminal, and nothing else of one."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError


def standard_error(monkeypatch: pytest.MonkeyPatch) -> Tty:
    """Made in the test itself: pytest changes it between a fixture and its test."""
    tty = Tty()
    monkeypatch.setattr(sys, "stderr", tty)
    monkeypatch.setattr(progress, "for_people", lambda: True)
    return tty


def test_work_that_is_done_soon_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    err = standard_error(monkeypatch)
    with Progress("reading", 3) as bar:
        for n in range(4):
            bar.at(n)
    assert err.getvalue() == ""


def test_how_often_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    err = standard_error(monkeypatch)
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with Progress("reading", 100) as bar:
        for done in range(0, 100, 10):
            bar.at(done)
            clock[0] += 1.0
        assert err.getvalue().count("reading") == 9
        assert "[##########..........]  50%  reading 50 of 100, 5s left" in err.getvalue()
        bar.at(95)
        drawn = err.getvalue()
        bar.at(96)  # too soon
        assert err.getvalue() == drawn
        with bar.aside():
            assert err.getvalue().endswith("\r\x1b[K")
        bar.at(97)
        assert "97 of 100" in err.getvalue()
    assert err.getvalue().endswith("\r\x1b[K")


def test_a_bar_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    err = standard_error(monkeypatch)
    monkeypatch.setattr(progress, "_FIRST_S", 0.0)
    monkeypatch.setattr(progress.os, "get_terminal_size", lambda _: os.terminal_size((40, 24)))
    monkeypatch.setattr(err, "fileno", lambda: 2)
    Progress("reading", 0).at(0, "☃" * 100 + "\x1b[2J")
    assert len(err.getvalue().removeprefix("\r\x1b[K")) == 39


def test_a_terminal_that_knows_no_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Tty())
    monkeypatch.setenv("TERM", "dumb")
    assert not progress.for_people()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setenv("TERM", "xterm")
    assert not progress.for_people()
