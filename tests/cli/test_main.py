"""The program: its words, its exits, its start-up, and its documentation."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from afanasy.cli.exits import Exit
from afanasy.cli.main import COMMANDS, NOUNS, command_parser, main
from afanasy.cli.render import VERBS
from harness.canned_farm import CannedFarm, block, job
from harness.commands import Afcmd
from harness.text_server import TextServer, read_request

MANUAL = Path(__file__).parents[2] / "docs/howto-cli.md"
#: Options of all commands, and of all lists.
EVERYWHERE = (
    "-h", "--help", "--server", "--json", "--no-color", "--watch", "--every",
)  # fmt: skip
#: What a short command must not wait for (R61).
SLOW = ("asyncio", "msgspec", "structlog", "aiohttp", "sqlalchemy", "rich", "dataclasses")


def program(farm: CannedFarm, *words: str, python: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, *python, "-m", "afanasy.cli.main", "--server", farm.address, *words]


# -------------------------------------------------------------------------------------- start-up


@pytest.mark.parametrize(
    "words",
    [["jobs"], ["jobs", "user=jimmy and state~RUN"], ["job", "5"], ["why", "5", "--help"],
     ["--help"], ["tasks", "5"], ["jlist"], ["top", "--once"], ["completion", "bash"],
     ["completion", "candidates", "--", "jo"], ["config", "files"]],
    ids=" ".join,
)  # fmt: skip
def test_a_command_imports_nothing_slow(farm: CannedFarm, words: list[str]) -> None:
    done = subprocess.run(
        program(farm, *words, python=("-X", "importtime")), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    imported = {line.split("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "argparse" in imported
    slow = {name for name in imported if name.partition(".")[0] in SLOW}
    assert not slow


def test_only_the_asked_commands_module_is_imported(farm: CannedFarm) -> None:
    code = (
        "import sys; from afanasy.cli.main import main; main(sys.argv[1:]);"
        "print([n for n in sys.modules if n.startswith('afanasy.cli.')], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--server", farm.address, "users"],
        capture_output=True, text=True,
    )  # fmt: skip
    modules = {module for module, _ in COMMANDS.values()}
    loaded = {name for name in modules if f"'afanasy.cli.{name}'" in done.stderr}
    assert loaded == {"users"}


# ----------------------------------------------------------------------------------------- words


def test_help(afcmd: Afcmd) -> None:
    out = afcmd("--help").out
    for name, (_, text) in COMMANDS.items():
        assert re.search(rf"^  {re.escape(name)} +{re.escape(text)}$", out, re.MULTILINE)
    assert afcmd("help").out == out
    assert afcmd("help", "why").out == afcmd("why", "--help").out
    assert "afcmd 0" in afcmd("--version").out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(afcmd: Afcmd, command: str) -> None:
    out = afcmd(command, "--help").out
    assert out.startswith(f"usage: afcmd {command} ")
    for option in ("--server", "--json", "--no-color"):
        assert option in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no command was given; see afcmd --help"),
        (["jbos"], "there is no command 'jbos'; did you mean 'jobs'?"),
        (["frobnicate"], "there is no command 'frobnicate'; see afcmd --help"),
        (["jobs", "dance"], "jobs has no verb 'dance'; it has list, show, "),
        (["jobs", "--frob"], "unrecognized arguments: --frob; see afcmd jobs --help"),
        (["--frob", "jobs"], "see afcmd --help"),
        (["--server", "farm:x", "jobs"], "farm:x: 'x' is no port number"),
        (["jobs", "--mask", "("], "--mask: '(' does not compile"),
        (["jobs", "usr=anna"], "WHERE: there is no field 'usr'; did you mean 'user'? (at char"),
        (
            ["users", "list", "paused="],
            "WHERE: a value was expected after 'paused=' (at character 8",
        ),
        (["renders", "state~"], "WHERE: a value was expected after 'state~'"),
        (["tasks", "5", "state"], "WHERE: one of = != ~ < <= > >= was expected after 'state'"),
        (["help", "frobnicate"], "there is no command 'frobnicate'"),
        (["config", "dance"], "config has no verb 'dance'; it has list, show, get, set, unset,"),
        (["config", "get"], "config get takes 1 word"),
        (["farm", "relod"], "farm has no verb 'relod'; did you mean 'reload'?"),
        (["farm", "reload", "now"], "farm reload takes no words"),
        (["farm", "check"], "farm check takes at least one HOST"),
        (["farm", "verify"], "farm verify takes one FILE"),
        (["farm", "show", "a", "b"], "farm show takes one FILE at most"),
        (["farm", "show", "--file", "x"], "farm show knows no --file; it is for check"),
    ],
)
def test_wrong_words(afcmd: Afcmd, words: list[str], said: str) -> None:
    done = afcmd(*words, code=2)
    assert done.out == ""
    assert said in done.err


def test_common_options_may_stand_before_or_behind(afcmd: Afcmd) -> None:
    assert afcmd("--json", "users").json == afcmd("users", "--json").json
    other = CannedFarm()
    with other:
        other.users = []
        assert afcmd("--json", "users", "--server", other.address).json == {"users": []}
        assert afcmd("--json", "--server", other.address, "users").json == {"users": []}


def test_options_may_stand_between_words(afcmd: Afcmd) -> None:
    assert afcmd("render", "r1", "--json", "pause").json["count"] == 3
    assert afcmd("output", "5.beauty", "--json", "999", code=5).json["error"]


def test_an_error_as_json_is_one_document_too(afcmd: Afcmd) -> None:
    done = afcmd("job", "99", "--json", code=5)
    assert done.json == {"error": {
        "code": "not_found", "message": "there is no job 99", "hint": "afcmd jobs lists them",
        "field": "",
    }}  # fmt: skip
    assert done.err == "afcmd: there is no job 99; afcmd jobs lists them\n"
    assert afcmd("--json", "jbos", code=2).json["error"]["code"] == "bad_input"


@pytest.mark.parametrize(
    "words",
    [["jobs"], ["job", "5"], ["job", "5.beauty"], ["log", "5"], ["renders"], ["render", "r1"],
     ["render", "r1", "pause"], ["users"], ["user", "kim"], ["user", "add", "x"], ["pause", "5"],
     ["skip", "5.beauty", "1"], ["set", "5", "priority=1"], ["run", "ls"], ["top"],
     ["blocks", "5"], ["blocks", "5.beauty", "--show"], ["tasks", "5"], ["render", "r1", "--log"],
     ["user", "kim", "--log"], ["user", "pause", "kim"], ["server"], ["config"],
     ["config", "get", "af_priority"], ["config", "files"], ["config", "map", "/x"],
     ["rx", "a", "a"], ["numeric", "1", "5"], ["numcmd", "generic", "1", "2", "ls @#@"],
     ["completion", "zsh"], ["try-next", "5.beauty", "1"], ["done", "5.beauty"]],
    ids=" ".join,
)  # fmt: skip
def test_every_command_prints_one_document(afcmd: Afcmd, words: list[str]) -> None:
    done = afcmd(words[0], "--json", *words[1:])
    assert isinstance(done.json, dict)
    assert done.err == ""


def test_every_noun_leads_to_a_command() -> None:
    for verbs in NOUNS.values():
        assert {words[0] for words in verbs.values()} <= set(COMMANDS)
    assert set(VERBS) <= set(NOUNS["renders"])


# ----------------------------------------------------------------------------------------- exits


def test_a_closed_pipe_is_quiet(farm: CannedFarm) -> None:
    farm.jobs = [job(n, f"job {n} " * 40, block(0, "b", n)) for n in range(2, 2000)]
    reader, writer = os.pipe()
    process = subprocess.Popen(program(farm, "jobs"), stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert os.read(reader, 10)  # it has begun to print, and cannot be done: a pipe holds 64 kB
    os.close(reader)
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 0


def test_ctrl_c_is_quiet() -> None:
    asked, done = threading.Event(), threading.Event()

    def silent(sock: object) -> None:
        read_request(sock)
        asked.set()
        done.wait(60)

    with TextServer(raw=silent) as server:
        # What a shell starts in the background, tests perhaps, is deaf to Ctrl-C.
        code = (
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
            "from afanasy.cli.main import main; sys.exit(main(sys.argv[1:]))"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, "--server", server.text, "jobs"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == (b"", b"")
        assert process.returncode == 130
        done.set()


def test_main_takes_the_words_of_the_command_line(
    farm: CannedFarm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["afcmd", "--server", farm.address, "users"])
    assert main() == 0
    assert "kim" in capsys.readouterr().out


def test_the_server_from_the_environment(
    farm: CannedFarm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AF_SERVERNAME", farm.address)
    assert main(["users"]) == 0
    assert "kim" in capsys.readouterr().out


# ---------------------------------------------------------------------------------- the manual


def sections() -> dict[str, str]:
    """Heading → its text, of the manual."""
    parts = re.split(r"^#{2,3} (.*)$", MANUAL.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_heading_and_all_its_options(command: str) -> None:
    text = sections()[f"afcmd {command}"]
    for action in command_parser(command)._actions:
        for option in action.option_strings:
            if option in EVERYWHERE or option == "--do":
                continue
            assert f"`{option}" in text, f"{option} is not explained under afcmd {command}"


def test_the_options_of_all_commands_are_in_the_first_table() -> None:
    text = sections()["Everywhere"]
    assert [option for option in EVERYWHERE[1:] if f"| `{option}" not in text] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_a_render_has_its_heading(verb: str) -> None:
    assert sections()[f"afcmd render NAME {verb}"].strip()


def test_every_noun_and_verb_is_in_the_table() -> None:
    text = sections()["Nouns and verbs"]
    for noun, verbs in NOUNS.items():
        for verb in verbs:
            assert f"`{noun} {verb}`" in text


def test_every_exit_code_is_explained() -> None:
    text = sections()["Exit codes"]
    for code in Exit:
        assert re.search(rf"^\| {int(code)} \| \w", text, re.MULTILINE), code


def test_the_manual_has_no_heading_of_a_command_that_is_not_there() -> None:
    named = {title.split()[1] for title in sections() if title.startswith("afcmd ")}
    assert named == set(COMMANDS)
