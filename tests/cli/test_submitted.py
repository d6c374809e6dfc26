"""``export`` and ``resubmit``: what is asked, what is changed, what is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.canned_farm import NOT_FOUND
from harness.commands import Afcmd


def submission(serial: int = 77) -> dict[str, Any]:
    job = {
        "name": "shot", "user_name": "anna", "host_name": "old", "time_creation": 5, "priority": 99,
        "blocks": [{"name": "beauty", "capacity": 1000}, {"name": "a.b", "tasks": [{"name": "t"}]}],
    }  # fmt: skip
    return {"submission": {"serial": serial, "job": job}}


def sent(afcmd: Afcmd, *words: str) -> dict[str, Any]:
    afcmd.farm.next(submission())
    assert "job 9 (serial 109)" in afcmd("resubmit", "77", *words).out
    return afcmd.farm.last("job")


def test_export(afcmd: Afcmd, tmp_path: Path) -> None:
    afcmd.farm.next(submission())
    expected = submission()["submission"]["job"]
    del expected["time_creation"]
    assert afcmd("jobs", "export", "77").json == {"job": expected}
    assert afcmd.farm.last("get") == {"type": "jobs", "serials": [77], "mode": "submission"}
    file = tmp_path / "job.json"
    afcmd.farm.next(submission())
    assert afcmd("export", "77", "--output", str(file)).out == f"wrote job 'shot' to {file}\n"
    assert json.loads(file.read_text()) == {"job": expected}
    afcmd("submit", str(file))
    assert afcmd.farm.last("job") == expected
    afcmd.farm.next(submission())
    assert "cannot write" in afcmd("export", "77", "--output", str(tmp_path), code=2).err


def test_a_living_job_by_its_name(afcmd: Afcmd) -> None:
    afcmd.farm.next(None, submission())
    afcmd("export", "shot.v1")
    assert afcmd.farm.last("get")["serials"] == [105]


def test_what_is_sent_again(afcmd: Afcmd) -> None:
    job = sent(afcmd)
    then = submission()["submission"]["job"]
    del then["time_creation"]
    assert job == {**then, "host_name": "desk"}
    assert sent(afcmd, "--pause")["offline"] is True


def test_with_other_values(afcmd: Afcmd) -> None:
    words = [
        "--set",
        "priority=7",
        "name=again",
        "--set",
        "beauty.capacity=500",
        "1.environment=A:1",
    ]
    job = sent(afcmd, *words)
    assert (job["priority"], job["name"]) == (7, "again")
    assert [block.get("capacity") for block in job["blocks"]] == [500, None]
    assert job["blocks"][1]["environment"] == {"A": "1"}
    assert sent(afcmd, "--set", "a.b.capacity=3")["blocks"][1]["capacity"] == 3
    assert sent(afcmd, "--set", "annotation=v1.2 = best")["annotation"] == "v1.2 = best"


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["--set", "priority=x"], "priority: must be a whole number", 2),
        (["--set", "priority"], "is no key=value", 2),
        (["--set", "comp.capacity=1"], "the job has no block 'comp'; it has beauty, a.b", 5),
    ],
)
def test_wrong_values(afcmd: Afcmd, words: list[str], said: str, code: int) -> None:
    afcmd.farm.next(submission())
    assert said in afcmd("resubmit", "77", *words, code=code).err


def test_what_is_not_there(afcmd: Afcmd) -> None:
    afcmd.farm.next(NOT_FOUND)
    done = afcmd("export", "7", code=5)
    assert "there is no submission with serial 7; afcmd job JOB tells the serial" in done.err
    assert "there is no job 'frob'" in afcmd("resubmit", "frob", code=5).err
