"""Counts in sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from af.words import filled, plural
from afanasy.core.place.reasons import SENTENCES, Reason

SRC = Path(__file__).parents[2] / "src"
MANY = "tasks|jobs|hosts|renders|errors|pools|branches|blocks|runs|rows|files|settings|limits|times"


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (0, ("task",), "0 tasks"),
        (1, ("task",), "1 task"),
        (2, ("task",), "2 tasks"),
        (1, ("branch", "branches"), "1 branch"),
        (3, ("task is", "tasks are"), "3 tasks are"),
        ("1 to 3", ("task",), "1 to 3 tasks"),
        ("1", ("task",), "1 task"),
    ],
)
def test_plural(count: object, words: tuple[str, ...], said: str) -> None:
    assert plural(count, *words) == said


def test_figures_of_a_sentence() -> None:
    assert filled("{1} has {0:task} and {2}", (1, "a", 2.5)) == "a has 1 task and 2.5"
    assert filled("{0:GPU}; {1} free", (2, 0)) == "2 GPUs; 0 free"


def test_reasons_count_one_as_one() -> None:
    assert Reason("task_error", (1,)).text().startswith("the task failed 1 time;")
    told = Reason("user_per_host", ("anna", 1, 1)).text()
    assert told.startswith("user anna already runs 1 task ")
    texts = {code: filled(text, "1111111") for code, text in SENTENCES.items()}
    assert not {code: text for code, text in texts.items() if re.search(rf"\b1 ({MANY})\b", text)}


def test_no_sentence_says_1_tasks() -> None:
    """A count before such a word goes through ``plural``."""
    # Of what is bounded, and of "5 of 10 tasks", the number is hardly ever one.
    fine = re.compile(
        r"\"<|_MAX\b|\} of |farm\.jobs\)"
        r"|len\((counts|masks|shot\.frames|raws|records|hello\.runs)\)"
    )
    counted = re.compile(r"\{(?:len\([^}]*\)|[a-z_.]*(?:count|_num|_len))\} (?:" + MANY + r")\b")
    found = [
        f"{path.relative_to(SRC)}:{number}: {line.strip()}"
        for path in sorted(SRC.rglob("*.py"))
        if "sim" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if counted.search(line) and not fine.search(line)
    ]
    assert not found, "\n".join(found)
