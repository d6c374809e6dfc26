"""``afcmd`` in this process, against a canned farm."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from afanasy.cli.main import main
from harness.canned_farm import CannedFarm


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


class Afcmd:
    """``afcmd("jobs", "--all")`` runs the command against the canned farm."""

    def __init__(self, farm: CannedFarm, capsys: pytest.CaptureFixture[str]) -> None:
        self.farm = farm
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> Done:
        self._capsys.readouterr()
        try:
            ended = main(["--server", self.farm.address, *words])
        except SystemExit as end:  # argparse's help and version
            ended = int(end.code or 0)
        done = Done(ended, *self._capsys.readouterr())
        assert done.code == code, done
        return done

    def lines(self, *words: str) -> list[str]:
        """The lines on stdout, with blanks as they are."""
        return self(*words).out.splitlines()

    def action(self, *words: str) -> dict[str, Any]:
        """The only action that the command sent, without who asked."""
        self.farm.requests.clear()
        self(*words)
        (action,) = [request["action"] for request in self.farm.requests if "action" in request]
        assert (action.pop("user_name"), action.pop("host_name")) == ("jimmy", "desk")
        return action
