"""Operations on tasks that a host which is away may still run: the person is asked first (R8)."""

from __future__ import annotations

import io
from typing import Any

import pytest

from harness.commands import Afcmd

WARNED = {
    "info": {"kind": "info", "text": "x"}, "count": 0,
    "warnings": ["task 1 of block beauty of job 5: the render r1 may still run it"],
}  # fmt: skip
NOTHING: dict[str, Any] = {"info": {"kind": "info", "text": "x"}, "count": 0}


class Keys(io.StringIO):
    """A terminal with somebody who types."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr("sys.stdin", Keys(typed))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)


def operations(afcmd: Afcmd) -> list[dict[str, Any]]:
    return [one["action"]["operation"] for one in afcmd.farm.requests if "action" in one]


@pytest.mark.parametrize("typed", ["\n", "", "n\n", "x\n"])
@pytest.mark.parametrize("words", ["restart 5", "restart 5.beauty 1", "delete 5"])
def test_no_is_no(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch, typed: str, words: str) -> None:
    terminal(monkeypatch, typed)
    afcmd.farm.next(*([None] if "." in words else []), WARNED)  # a block is looked up first
    done = afcmd(*words.split())
    assert [one.get("ask") for one in operations(afcmd)] == [True]
    assert done.out == "nothing was done\n"
    assert "warning: task 1 of block beauty" in done.err
    assert "all the same? [y/N] " in done.err


def test_yes_is_yes(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, "y\n")
    afcmd.farm.next(WARNED, WARNED)
    done = afcmd("restart", "5")
    asked, did = operations(afcmd)
    assert (asked, did) == ({"type": "restart", "ask": True}, {"type": "restart"})
    assert done.err.count("may still run it") == 1, "it is told once"


def test_without_a_warning_nobody_is_asked(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, "")
    afcmd.farm.next(NOTHING, NOTHING)
    done = afcmd("restart", "5")
    assert len(operations(afcmd)) == 2
    assert "[y/N]" not in done.err


@pytest.mark.parametrize("words", ["restart 5 --yes", "pause 5", "start 5", "restart-errors 5"])
def test_what_needs_no_question(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    terminal(monkeypatch, "")
    afcmd.farm.next(WARNED)
    assert "may still run it" in afcmd(*words.split()).err
    assert ["ask" in one for one in operations(afcmd)] == [False]


def test_a_script_is_warned_and_it_is_done(afcmd: Afcmd) -> None:
    afcmd.farm.next(WARNED)
    assert "may still run it" in afcmd("restart", "5").err
    assert operations(afcmd) == [{"type": "restart"}]
