"""The program: sending, exits, start-up, help and its manual."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from af.answers import Refusal
from afanasy.afjob import errors
from afanasy.afjob.arguments import make_parser
from afanasy.afjob.catalog import load
from afanasy.afjob.main import main
from afanasy.cli import exits
from harness.text_server import TextServer

MANUAL = Path(__file__).parents[2] / "docs/howto-afjob.md"
SLOW = ("asyncio", "msgspec", "structlog", "sqlalchemy", "regex", "afanasy.cli", "afanasy.server")


@pytest.fixture(autouse=True)
def scene(here: Path) -> Path:
    (here / "s.nk").touch()
    return here / "s.nk"


def test_it_sends_the_job(capsys: pytest.CaptureFixture[str], scene: Path) -> None:
    with TextServer(lambda _: {"id": 5, "serial": 17, "warnings": ["job.x: ignored"]}) as server:
        assert main(["s.nk", "1", "10", "--server", server.text]) == 0
        request = server.request
    assert request["strict"] is True
    assert request["job"]["blocks"][0]["command"] == f"nuke -F @#@-@#@x1 -x {scene}"
    out, err = capsys.readouterr()
    assert out == "job 5 (serial 17)\n"
    assert err == "afjob: warning: job.x: ignored\n"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    with TextServer(lambda _: {"id": 5, "serial": 17}) as server:
        assert main(["s.nk", "1", "10", "--json", "--server", server.text]) == 0
    assert json.loads(capsys.readouterr().out) == {"id": 5, "serial": 17}


def test_simulate_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with TextServer() as server:
        assert main(["s.nk", "1", "10", "--simulate", "--server", server.text]) == 0
        assert server.requests == []
    out = capsys.readouterr().out
    assert json.loads(out)["job"]["name"] == "s.nk"
    assert out.startswith('{\n  "job": {\n')


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("bad_mask", 2), ("forbidden", 4), ("store_unavailable", 3), ("timed_out", 6)],
)
def test_what_the_server_refuses(
    capsys: pytest.CaptureFixture[str], code: str, exit_code: int
) -> None:
    refusal = {"code": code, "message": "not so", "hint": "thus", "field": "job.name"}
    with TextServer(lambda _: {"id": 0, "serial": 0, "error": refusal}) as server:
        assert main(["s.nk", "1", "10", "--json", "--server", server.text]) == exit_code
    out, err = capsys.readouterr()
    assert err == "afjob: job.name: not so; thus\n"
    assert json.loads(out) == {"error": refusal}


def test_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    with TextServer() as server:
        address = server.text
    assert main(["s.nk", "1", "10", "--server", address]) == 3
    err = capsys.readouterr().err
    assert address in err
    assert "start afserver" in err


@pytest.mark.parametrize("answer", [[], {}, {"jobs": []}])
def test_an_answer_that_names_no_job(answer: object, capsys: pytest.CaptureFixture[str]) -> None:
    with TextServer(lambda _: answer) as server:
        assert main(["s.nk", "1", "10", "--server", server.text]) == 3
    assert "names no job" in capsys.readouterr().err


@pytest.mark.parametrize("code", ["", "not_found", "system_job", "timed_out", "bad_field"])
def test_a_refusal_ends_both_commands_alike(code: str) -> None:
    refusal = Refusal("Job not found.", code, "name another", "job.depend_jobs")
    ours, theirs = errors.refused(refusal), exits.refused(refusal)
    assert (ours.exit_code, ours.sentence()) == (theirs.exit_code, theirs.sentence())


def test_a_wrong_setting_stops_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = here / "afanasy.toml"
    file.write_text("af_priorty = 50\n")
    monkeypatch.setenv("AF_CONFIG", str(file))
    with TextServer() as server:
        assert main(["s.nk", "1", "10", "--json", "--server", server.text]) == 2
        assert server.requests == []
    out, err = capsys.readouterr()
    assert f"{file}:1: there is no setting 'af_priorty' (did you mean 'af_priority'?)" in err
    assert json.loads(out)["error"]["code"] == "bad_config"
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0


def test_it_imports_nothing_slow(here: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "afanasy.afjob.main", "s.nk", "1", "2",
         "--simulate"],
        capture_output=True, text=True, cwd=here,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    imported = {line.split("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "af" in imported
    assert not {name for name in imported if name.startswith(SLOW)}


def test_a_reader_that_has_seen_enough(here: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "afanasy.afjob.main", "s.nk", "1", "2", "--simulate"],
            stdout=pipe, stderr=subprocess.PIPE, text=True, cwd=here,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_help_names_every_program_and_whose_option_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    catalog = load()
    for program in catalog.programs:
        for ending in program.EXTENSIONS:
            assert f".{ending}" in out
        for option in program.OPTIONS:
            assert f"--{option.name}" in out
    assert "the camera (Arnold, Blender, 3ds Max, Maya, USD, V-Ray)" in out


#: The options of the classic tool (SEMANTICS 14.2).
CLASSIC = """
    -by -fpt -seq -name -proj -pwd -priority -os -hostsmask -hostsexcl -depmask -depglbl
    -maxruntasks -maxtasksperhost -maxruntime -lifetime -capacity -capmin -capmax -pause
    -node -take -type -output -images -exec -extrargs -ignoreinputs -tempscene -deletescene
    -mname -mcodec -mres -varirender -simulate -noscript -script -V
"""


def test_every_option_of_the_classic_tool_is_there() -> None:
    known = {name for action in make_parser(load())._actions for name in action.option_strings}
    assert set(CLASSIC.split()) <= known


def test_the_manual_has_every_option_and_every_extension() -> None:
    text = MANUAL.read_text("utf-8")
    catalog = load()
    parser = make_parser(catalog)
    for action in parser._actions:
        for option in action.option_strings:
            if option not in ("-h", "--help", "--version"):
                assert re.search(rf"`{re.escape(option)}[ `=]", text), option
    for program in catalog.programs:
        for ending in program.EXTENSIONS:
            assert f"`.{ending}`" in text, ending


def examples() -> list[str]:
    """The command lines of the manual."""
    blocks = re.findall(r"```sh run\n(.*?)```", MANUAL.read_text("utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("afjob ")]


@pytest.mark.parametrize("example", examples())
def test_an_example_of_the_manual(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*shlex.split(example)[1:], "--simulate", "--no-check"]) == 0
    assert json.loads(capsys.readouterr().out)["job"]["blocks"]


def test_the_manual_has_examples() -> None:
    assert len(examples()) >= 8
