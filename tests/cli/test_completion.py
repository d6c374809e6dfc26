"""Shell completion: what may stand next, and the scripts in the shells of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from afanasy.cli.main import COMMANDS, NOUNS
from afanasy.cli.render import VERBS
from harness.canned_farm import CannedFarm
from harness.commands import Afcmd
from harness.text_server import closed_port


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("job", ["job", "jobs"]),
        ("jobs sh", ["show"]),
        (
            "jobs res",
            [
                "reset-errors",
                "reset-tries",
                "restart",
                "restart-done",
                "restart-errors",
                "restart-pause",
                "restart-running",
                "restart-skipped",
                "restart-warnings",
                "resubmit",
            ],
        ),
        ("--json jobs sh", ["show"]),
        ("--server x jobs sh", ["show"]),
        ("--ver", ["--version"]),
        ("--server ", []),
        ("jobs --s", ["--server", "--state"]),
        ("jobs list --wa", ["--watch"]),
        ("restart --with", ["--with-depends"]),
        ("tasks restart --with", ["--with-depends"]),
        ("render ", ["r1", "r10.x"]),
        ("render r1 NI", ["NIMBY"]),
        ("renders nimby r10", ["r10.x"]),
        ("set --render ", ["r1", "r10.x"]),
        ("renders set ", ["r1", "r10.x"]),
        ("set --user k", ["kim"]),
        ("users pause ", ["jimmy", "kim"]),
        ("job ", ["1", "5", "6", "7"]),
        ("jobs wait 5 ", []),
        ("pause ", ["1", "5", "6", "7"]),
        ("job 5 --first ", []),
        ("submit ", []),
        ("help cl", ["classic"]),
        ("jobs exp", ["export"]),
        ("export 1", ["101", "105", "106", "107"]),
        ("jobs resubmit 105 --s", ["--server", "--set"]),
        ("output --gr", ["--grep"]),
        ("plugins t", ["try"]),
        ("plugins show ble", ["blender"]),
        ("plugins try gen", ["generic"]),
        ("path is", ["isdir"]),
        ("net ", ["interfaces", "masks"]),
        ("completion ", ["bash", "zsh"]),
        ("pool ", ["/", "/film.x"]),
        ("pools pause /f", ["/film.x"]),
        ("branches start ", ["/", "/film"]),
        ("set --pool /f", ["/film.x"]),
        ("branches set ", ["/", "/film"]),
        ("renders move r1", ["r1", "r10.x"]),
        ("renders move r1 /f", ["/film.x"]),
        ("render r1 move ", ["/", "/film.x"]),
        ("jobs move ", ["bottom", "down", "top", "up"]),
        ("jobs move up ", ["1", "5", "6", "7"]),
        ("frobnicate ", []),
    ],
)
def test_what_may_stand_next(afcmd: Afcmd, line: str, found: list[str]) -> None:
    assert afcmd.lines("completion", "candidates", "--", *line.split(" ")) == found


def test_every_command_and_verb(afcmd: Afcmd) -> None:
    all_commands = set(afcmd.lines("completion", "candidates", "--", ""))
    assert all_commands == {*COMMANDS, *NOUNS, "help"}
    for noun, verbs in NOUNS.items():
        assert set(afcmd.lines("completion", "candidates", "--", noun, "")) == set(verbs)
    assert set(afcmd.lines("completion", "candidates", "--", "render", "r1", "")) == set(VERBS)


def test_without_a_server_there_are_no_names(afcmd: Afcmd) -> None:
    server = f"127.0.0.1:{closed_port()}"
    done = afcmd("--server", server, "completion", "candidates", "--", "render", "")
    assert (done.out, done.err) == ("", "")


#: Shell → what completes a line in it; each prints the candidates, one a line.
SHELLS = {
    "bash": """
        eval "$(afcmd completion bash)"
        COMP_WORDS=({words} '{last}'); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _afcmd
        printf '%s\\n' "${{COMPREPLY[@]}}"
        complete -p afcmd >&2
    """,
    "zsh": """
        compdef() {{ : }}
        compadd() {{ shift; print -l -- ${{(P)1}} }}
        _files() {{ print files }}
        eval "$(afcmd completion zsh)"
        words=({words} '{last}'); CURRENT=$#words
        _afcmd
    """,
}


@pytest.mark.parametrize("shell", [name for name in SHELLS if shutil.which(name)])
@pytest.mark.parametrize(
    ("words", "last", "found"),
    [
        ("afcmd", "comp", ["completion"]),
        ("afcmd renders nimby", "r", ["r1", "r10.x"]),
        ("afcmd --json jobs", "li", ["list"]),
        ("afcmd jobs", "--wa", ["--watch"]),
    ],
)
def test_in_a_shell(
    farm: CannedFarm, tmp_path: Path, shell: str, words: str, last: str, found: list[str]
) -> None:
    program = tmp_path / "afcmd"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m afanasy.cli.main "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        [shell, "-c", SHELLS[shell].format(words=words, last=last)],
        capture_output=True, text=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}",
             "AF_SERVERNAME": farm.address},
    )  # fmt: skip
    assert done.stdout.splitlines() == found, done.stderr
