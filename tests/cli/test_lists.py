"""Lists and details: what they show, and that they fit."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from afanasy.cli import humans
from harness.canned_farm import CannedFarm, block, job
from harness.commands import Afcmd

GOLDEN = Path(__file__).parents[1] / "data/golden/get_jobs.jsonl"


def cells(line: str) -> list[str]:
    return re.split(r"  +", line.strip())


# ----------------------------------------------------------------------------------------- jobs


def test_jobs(afcmd: Afcmd) -> None:
    title, first, second = afcmd.lines("jobs")
    assert cells(title) == ["ID", "NAME", "USER", "STATE", "PRI", "DONE", "TASKS", "RUN", "ERR",
                            "AGE"]  # fmt: skip
    assert cells(first)[:8] == ["5", "shot.v1", "jimmy", "RDY RUN", "120", "32%", "4/14", "1"]
    assert cells(second)[:7] == ["6", "broken job", "kim", "ERR", "99", "0%", "0/1"]


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--all"], [1, 5, 6, 7]),
        (["--user", "kim"], [6]),
        (["--user", "kim", "--user", "jimmy"], [5, 6]),
        (["--state", "ERR"], [6]),
        (["--state", "err,run"], [5, 6]),
        (["--state", "DON"], []),
        (["--mask", "shot"], []),
        (["--mask", "shot.*"], [5]),
        (["--mask", ".*o.*", "--state", "ERR"], [6]),
    ],
)
def test_filters_of_jobs(afcmd: Afcmd, words: list[str], ids: list[int]) -> None:
    found = afcmd("jobs", *words, "--json").json
    assert [one["id"] for one in found["jobs"]] == ids
    lines = afcmd.lines("jobs", "list", *words)
    assert [int(line.split()[0]) for line in lines[1:]] == ids


def test_users_are_chosen_by_the_server(afcmd: Afcmd) -> None:
    afcmd("jobs", "--user", "kim")
    assert afcmd.farm.last("get") == {"type": "jobs", "users": ["kim"]}


def test_a_job(afcmd: Afcmd) -> None:
    lines = afcmd.lines("job", "5")
    text = "\n".join(lines)
    for word in ("5 shot.v1", "RDY RUN", "jimmy, from desk", "4 of 14 tasks"):
        assert word in text
    assert cells(lines[-2])[:6] == ["0", "beauty", "generic", "RDY RUN",
                                    "[####......]", "45%"]  # fmt: skip
    assert cells(lines[-2])[-2:] == ["2m00s", "1-100 / 2, 5 each"]
    assert cells(lines[-1])[1:4] == ["comp", "generic", "WDP"]


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("find", ["hosts_mask", "r1.", "(words that names begin with)"]),
        ("regex", ["hosts_mask", "r1.", "(a regular expression)"]),
        ("", ["hosts_mask", "r1."]),
    ],
)
def test_a_job_says_how_its_hosts_mask_is_read(afcmd: Afcmd, kind: str, line: list[str]) -> None:
    masked = job(8, "masked", block(0, "run", 8), hosts_mask="r1.", hosts_mask_type=kind)
    afcmd.farm.jobs.append(masked)
    assert line in [cells(one) for one in afcmd.lines("job", "8")]


def test_a_job_by_name(afcmd: Afcmd) -> None:
    assert afcmd("job", "shot.v1", "--json").json["job"]["id"] == 5
    assert afcmd("job", "broken job", "--json").json["job"]["id"] == 6
    assert afcmd("jobs", "show", "5", "--json").json["job"]["id"] == 5
    afcmd("job", "shot", code=5)
    afcmd("job", " |", code=5)


@pytest.mark.parametrize(
    "words",
    [["job", "5", "--tasks", "--block", "beauty"], ["job", "5.beauty"], ["job", "5.0"],
     ["job", "shot.v1.beauty", "--tasks"]],
)  # fmt: skip
def test_tasks_of_a_block(afcmd: Afcmd, words: list[str]) -> None:
    lines = afcmd.lines(*words, "--count", "4")
    assert lines[0] == "job 5, block beauty: 10 tasks"
    assert cells(lines[2]) == ["0", "frame 1-9 / 2", "DON", "100%", "1", "r1", "1m15s"]
    assert cells(lines[3])[-1] == "tile 3"
    assert cells(lines[4]) == ["2", "frame 21-29 / 2", "ERR", "4", "4", "r10.x", "1s"]
    assert lines[-1] == "6 more: --first 4"


def test_the_last_page_of_tasks(afcmd: Afcmd) -> None:
    found = afcmd("job", "5.beauty", "--first", "9", "--json").json
    assert [task["name"] for task in found["tasks"]] == ["frame 91-99 / 2"]
    assert "more" not in afcmd("job", "5.beauty", "--first", "9").out
    assert afcmd("job", "5.beauty", "--first", "10", "--json").json["tasks"] == []


def test_names_of_listed_tasks(afcmd: Afcmd) -> None:
    found = afcmd("job", "5.comp", "--json").json
    assert [task["name"] for task in found["tasks"]] == [
        "comp left", "comp right", "comp a,b", "comp left",
    ]  # fmt: skip
    assert found["tasks"][1]["task_num"] == 1


def test_tasks_of_a_job_with_several_blocks(afcmd: Afcmd) -> None:
    done = afcmd("job", "5", "--tasks", code=2)
    assert done.err == ("afcmd: job 5 has 2 blocks; say which: 5.BLOCK with one of beauty, comp\n")


def golden_jobs() -> list[dict[str, object]]:
    answers = [json.loads(line).get("response") for line in GOLDEN.read_text().splitlines()]
    found = [one for answer in answers if answer for one in answer.get("jobs", ())]
    assert len(found) > 20
    return found


def test_recorded_jobs_can_be_shown(afcmd: Afcmd) -> None:
    """Answers of today's server have everything that is looked at."""
    jobs = golden_jobs()
    by_id = {one["id"]: one for one in jobs}
    afcmd.farm.jobs = list(by_id.values())
    assert len(afcmd.lines("jobs", "--all")) == len(by_id) + 1
    for number in by_id:
        assert str(by_id[number]["name"]).replace("\n", " ") in afcmd("job", str(number)).out


# ---------------------------------------------------------------------------- renders and users


def test_renders(afcmd: Afcmd) -> None:
    _, first, second = afcmd.lines("renders")
    assert cells(first)[:5] == ["r1", "ONL RUN", "jimmy", "1/4", "2000/2000"]
    assert cells(second)[:5] == ["r10.x", "OFF NbY", "jimmy", "0/4", "0/2000"]
    assert [r["id"] for r in afcmd("renders", "--state", "nby", "--json").json["renders"]] == [2]
    assert [r["id"] for r in afcmd("renders", "--mask", "r1", "--json").json["renders"]] == [1]


def test_renders_with_their_load(afcmd: Afcmd) -> None:
    _, first, second = afcmd.lines("renders", "--resources")
    assert cells(first)[-6:] == ["45%", "1.5 GB/64 GB", "0 MB", "100 GB/2 TB", "2 MB/s", "10 kB/s"]
    assert cells(second)[-1].endswith(("s", "m", "h"))
    found = afcmd("renders", "--resources", "--json").json["renders"]
    assert found[0]["host_resources"]["cpu_num"] == 4
    assert "host_resources" not in found[1]


def test_a_render(afcmd: Afcmd) -> None:
    lines = afcmd.lines("render", "r1")
    assert cells(lines[-1])[:8] == ["5", "shot.v1", "beauty", "frame 1-9 / 2", "generic", "jimmy",
                                    "2000", "45%"]  # fmt: skip
    assert any(cells(line) == ["capacity", "2000 of 2000 used"] for line in lines)
    found = afcmd("renders", "show", "r1", "--json").json["render"]
    assert (found["id"], found["host_resources"]["cpu_num"]) == (1, 4)
    assert "there is no render 'r'; afcmd renders lists them" in afcmd("render", "r", code=5).err


def test_who_took_a_render_and_what_its_week_says(afcmd: Afcmd) -> None:
    taken = {
        "nimby_by": "schedule", "nimby_since": 1795000000, "nimby_until": 1795036000,
        "nimby_reason": "mon-fri 09:00-19:00 nimby",
        "schedule": {"text": "mon-fri 09:00-19:00 nimby", "says": "nimby", "until": 1795036000},
    }  # fmt: skip
    since, until = humans.moment_text(1795000000), humans.moment_text(1795036000)
    afcmd.farm.next({"renders": [{"id": 1, "name": "r1", "state": " ONL NbY", **taken}]})
    shown = [line.split(maxsplit=1) for line in afcmd.lines("render", "r1")]
    assert ["taken", f"by schedule since {since} until {until}: mon-fri 09:00-19:00 nimby"] in shown
    assert ["schedule", f"mon-fri 09:00-19:00 nimby (nimby now, until {until})"] in shown
    gap = {"schedule": {"text": "mon 09:00-19:00 free", "says": "", "until": 1795036000}}
    afcmd.farm.next({"renders": [{"id": 1, "name": "r1", "state": " ONL", **gap}]})
    assert f"mon 09:00-19:00 free (nothing now, until {until})" in afcmd("render", "r1").out


def test_users(afcmd: Afcmd) -> None:
    _, first, second = afcmd.lines("users")
    assert cells(first) == ["jimmy", "99", "2", "1", "3", "8"]
    assert cells(second) == ["kim", "50", "paused"]
    assert [u["id"] for u in afcmd("users", "--mask", "k.*", "--json").json["users"]] == [3]


def test_a_user(afcmd: Afcmd) -> None:
    text = afcmd("user", "jimmy").out
    assert re.search(r"errors_forgive_time +5h00m\n", text)
    assert re.search(r"running_services +generic: 3\n", text)
    assert afcmd("users", "show", "kim", "--json").json["user"]["id"] == 3
    assert "there is no user 'x'" in afcmd("user", "x", code=5).err
    assert "one word too many" in afcmd("user", "jimmy", "kim", code=2).err


# ---------------------------------------------------------------------------------- the terminal


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_tables_fit(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    afcmd.farm.jobs += [
        job(20, "a very long name of a job " * 10, block(0, "b", 20), user_name="u" * 70),
        job(21, "имя ☃ 日本語 " * 20, block(0, "b", 21)),
    ]
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = afcmd.lines("jobs")
    from afanasy.cli.show import width_of

    assert max(map(width_of, lines)) == columns
    assert all("~" in line for line in lines[-2:])
    # All columns still begin where their titles do: the ages end at the same column.
    assert len({width_of(line) for line in lines[1:]}) == 1


def test_without_a_terminal_nothing_is_cut(afcmd: Afcmd) -> None:
    name = "a very long name of a job " * 10
    afcmd.farm.jobs.append(job(20, name, block(0, "b", 20)))
    assert name.strip() in afcmd("jobs").out


def test_names_cannot_command_the_terminal(afcmd: Afcmd) -> None:
    afcmd.farm.jobs.append(job(20, "\x1b]0;owned\x07\n\u202ex\ud800", block(0, "b", 20)))
    for words in (["jobs"], ["job", "20"]):
        out = afcmd(*words).out
        assert "owned" in out
        assert not set(out) & {"\x1b", "\x07", "\u202e", "\ud800"}


def test_colours_only_on_a_terminal(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in afcmd("jobs").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    assert "\x1b[31mERR\x1b[0m" in afcmd("jobs").out


@pytest.mark.parametrize("way", ["NO_COLOR", "--no-color"])
def test_no_colours(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    if way == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b" not in afcmd("jobs").out
    else:
        assert "\x1b" not in afcmd("jobs", way).out


# -------------------------------------------------------------------------------------- figures


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m00s"), (75, "1m15s"), (3725, "1h02m"),
     (90000, "1d01h"), (86400 * 400, "400d00h")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert humans.duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("2d", 172800),
     ("1w", 604800), ("1.5h", 5400)],
)  # fmt: skip
def test_durations_are_read(text: str, seconds: float) -> None:
    assert humans.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "5x", "-5", "1h 30m", "1e3"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        humans.parse_duration(text)


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [(0, "B", "0 B"), (1023, "B", "1023 B"), (1536, "B", "1.5 kB"), (1536, "MB", "1.5 GB"),
     (65536, "MB", "64 GB"), (2048, "GB", "2 TB"), (1 << 60, "B", "1024 PB")],
)  # fmt: skip
def test_sizes(amount: int, unit: str, text: str) -> None:
    assert humans.size(amount, unit) == text


def test_bars() -> None:
    assert humans.bar(0) == "[....................]   0%"
    assert humans.bar(45) == "[#########...........]  45%"
    assert humans.bar(400) == "[####################] 100%"


def test_an_encoding_that_lacks_a_character(farm: CannedFarm) -> None:
    import subprocess
    import sys

    farm.jobs.append(job(20, "имя", block(0, "b", 20)))
    done = subprocess.run(
        [sys.executable, "-m", "afanasy.cli.main", "--server", farm.address, "jobs"],
        capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert rb"\u0438\u043c\u044f" in done.stdout


def test_moments_of_no_calendar() -> None:
    assert humans.moment_text(0) == ""
    assert humans.moment_text(2**62) == str(2**62)
