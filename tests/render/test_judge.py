"""How an end is judged (SEMANTICS 8.2, R18)."""

from __future__ import annotations

from typing import Any

import pytest

from afanasy.model.states import RunEnd
from afanasy.render.events import OutputRead
from afanasy.render.judge import judge_end, plain_status, signal_name, signal_of_status


def judge(status: int, *, read: dict[str, Any] | None = None, **story: Any) -> Any:
    exit_ok = plain_status(status, story.get("wrapper_signal", 0)) == 0
    base: dict[str, Any] = {
        "wrapper_signal": 0, "stop_cause": "", "verdict": 0, "verdict_line": "", **story,
    }  # fmt: skip
    return judge_end(
        status=status, read=OutputRead(1, **{"exit_ok": exit_ok, **(read or {})}), **base
    )


@pytest.mark.parametrize(
    ("status", "signal"),
    [(0, 0), (1, 0), (125, 0), (128, 0), (129, 1), (137, 9), (192, 64), (200, 0)],
)
def test_signal_of_status(status: int, signal: int) -> None:
    assert signal_of_status(status) == signal


@pytest.mark.parametrize(
    ("status", "story", "end", "exit_status", "signal", "error_class"),
    [
        (0, {}, RunEnd.SUCCESS, 0, 0, ""),
        (3, {}, RunEnd.ERROR, 3, 0, ""),
        (3, {"read": {"error_class": "memory"}}, RunEnd.ERROR, 3, 0, "memory"),
        (3, {"read": {"exit_ok": True}}, RunEnd.SUCCESS, 3, 0, ""),
        (139, {}, RunEnd.KILLED, -1, 11, "crash"),
        (134, {}, RunEnd.KILLED, -1, 6, "crash"),
        (137, {}, RunEnd.KILLED, -1, 9, "crash"),
        (143, {}, RunEnd.KILLED, -1, 15, ""),
        (139, {"read": {"error_class": "licence"}}, RunEnd.KILLED, -1, 11, "licence"),
        (-1, {}, RunEnd.KILLED, -1, 9, "crash"),
        (-1, {"wrapper_signal": 9}, RunEnd.KILLED, -1, 9, "crash"),
        (143, {"stop_cause": "skip"}, RunEnd.KILLED, -1, 15, ""),
        (0, {"stop_cause": "skip"}, RunEnd.KILLED, 0, 0, ""),
        (0, {"read": {"bad_result": "black"}}, RunEnd.BAD_RESULT, 0, 0, "bad_output"),
        (1, {"read": {"bad_result": "black"}}, RunEnd.ERROR, 1, 0, ""),
        (0, {"verdict": 8}, RunEnd.PARSER_ERROR, 0, 0, ""),
        (1, {"verdict": 9}, RunEnd.PARSER_FATAL, 1, 0, ""),
        (143, {"verdict": 11, "read": {"error_class": "x"}}, RunEnd.PARSER_SUCCESS, -1, 15, ""),
        (143, {"verdict": 8, "stop_cause": "line"}, RunEnd.PARSER_ERROR, -1, 15, ""),
    ],
)
def test_the_order(
    status: int,
    story: dict[str, Any],
    end: RunEnd,
    exit_status: int,
    signal: int,
    error_class: str,
) -> None:
    found = judge(status, **story)
    assert found[:4] == (end, exit_status, signal, error_class)


def test_words_for_people() -> None:
    assert judge(-1).log == ["killed by the system, out of memory?"]
    assert judge(139).log == ["ended by SIGSEGV"]
    assert judge(7).log == ["ended with exit status 7"]
    assert signal_name(50) == "signal 50"


def test_plugins_see_signals_as_negative_numbers() -> None:
    assert plain_status(3, 0) == 3
    assert plain_status(139, 0) == -11
    assert plain_status(-1, 15) == -15
    assert plain_status(-1, 0) == -9
