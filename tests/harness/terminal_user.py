"""Somebody who runs ``afcmd`` against a real farm."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from harness.processes import Farm, program


class Terminal:
    """Somebody at a terminal of this farm; without a farm, of none."""

    def __init__(self, farm: Farm | None) -> None:
        self._farm = farm

    @property
    def farm(self) -> Farm:
        """The farm."""
        assert self._farm is not None
        return self._farm

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Run afcmd, with a pipe for its output: tables are as wide as they want to be."""
        env = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
        server = ["--server", f"127.0.0.1:{self._farm.port}"] if self._farm else []
        return subprocess.Popen(
            [program("afcmd"), *server, *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
        )  # fmt: skip

    def say(self, *words: str, code: int = 0) -> str:
        """Run afcmd; its standard output, or its standard error where ``code`` is not 0."""
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, (words, process.returncode, out, err)
        return err if code and "--json" not in words else out

    def data(self, *words: str, code: int = 0) -> Any:
        """The JSON document that it prints."""
        return json.loads(self.say("--json", *words, code=code))
