"""Values of an attribute, copies of the scene, and scripts that change the job."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from afanasy.afjob.main import main
from harness.text_server import TextServer

from .conftest import Refuse, Simulate

# ---------------------------------------------------------------------------------------- --vary


def python_of(command: str) -> str:
    """The code that a command line of Blender runs."""
    words = shlex.split(command)
    code = words[words.index("--python-expr") + 1]
    return code.removeprefix("exec('").removesuffix("')").replace("\\n", "\n").replace("\\'", "'")


@pytest.mark.parametrize(
    ("words", "value", "has"),
    [
        ("/p/s.ma", "lightShape1.intensity 0 .5 2", '-preRender "setAttr lightShape1.intensity 0"'),
        ("/p/s.####.ass", "options.AA_samples 4 4 2", "-set options.AA_samples 4 -i /p/s"),
        ("/p/s.vrscene", "light.intensity 1 1 2", "-parameterOverride=light::intensity=1 "),
        ("/p/s.vrscene", "light::intensity 1 1 2", "-parameterOverride=light::intensity=1 "),
        (
            "/p/s.hip --node /out/m --take T",
            "/obj/light1/dimmer -1 1 2",
            '-c "opparm /obj/light1 dimmer ( -1 ); takeset T; render -V -f @#@ @#@',
        ),
        (
            "/p/s.xyz --command 'r {attribute}={value} {first}'",
            "a.b 1e2 1 2",
            "r a.b=100 @#@",
        ),
    ],
)
def test_each_program_sets_an_attribute_in_its_own_way(
    simulate: Simulate, words: str, value: str, has: str
) -> None:
    file, *more = shlex.split(words)
    for option in ("--vary", "-varirender"):
        job = simulate(file, "1", "10", *more, option, *value.split())
        assert len(job["blocks"]) == 2
        assert has in job["blocks"][0]["command"]


def test_blender_sets_it_by_python(simulate: Simulate) -> None:
    job = simulate("/p/s.blend", "1", "10", "--vary", "data.lights['My Sun'].color[1]", "0.1",
                   "0.2", "3", "--camera", "Cam")  # fmt: skip
    assert [block["name"] for block in job["blocks"]] == [
        "render color-0.1", "render color-0.3", "render color-0.5"
    ]  # fmt: skip
    assert python_of(job["blocks"][1]["command"]).splitlines() == [
        "import bpy",
        "bpy.context.scene.camera=bpy.data.objects['Cam']",
        "bpy.data.lights['My Sun'].color[1]=0.3",
    ]


def test_images_and_movies_of_the_values_lie_beside_each_other(simulate: Simulate) -> None:
    words = ["/p/s.blend", "1", "10", "--vary", "scene.cycles.samples", "16", "-8", "2"]
    job = simulate(*words, "--output", "/r/a.png", "--movie", "/r/m", "--per-task", "2")
    blocks = {block["name"]: block for block in job["blocks"]}
    assert list(blocks) == [
        "render samples-16", "movie samples-16", "render samples-8", "movie samples-8"
    ]  # fmt: skip
    assert blocks["render samples-8"]["files"] == ["/r/a.samples-8.@####@.png"]
    assert " -o /r/a.samples-8.####.png " in blocks["render samples-8"]["command"]
    assert blocks["movie samples-8"]["files"] == ["/r/m.samples-8.mp4"]
    assert " -i /r/a.samples-8.%04d.png " in blocks["movie samples-8"]["command"]
    assert blocks["movie samples-8"]["depend_mask"] == r"render\ samples\-8"
    job = simulate(*words, "--output", "/r/{value}/a.####.png")
    assert job["blocks"][1]["files"] == ["/r/8/a.@####@.png"]


@pytest.mark.parametrize(
    ("words", "option", "says"),
    [
        ("s.nk --vary a 1 1 2", "--vary", "Nuke sets no attributes"),
        ("s.c4d --vary a 1 1 2", "--vary", "Cinema 4D sets no attributes"),
        ("s.blend --vary samples 1 1 2", "--vary", "scene.cycles.samples"),
        ("s.blend --vary scene 1 1 2", "--vary", "no attribute"),
        ("s.blend --vary 'scene.a();b' 1 1 2", "--vary", "no attribute"),
        ("s.blend --vary scene.a[b] 1 1 2", "--vary", "no attribute"),
        ("s.ma --vary 'a.b; delete c' 1 1 2", "--vary", "no attribute"),
        ("s.####.ass --vary samples 1 1 2", "--vary", "NODE.PARAMETER"),
        ("s.vrscene --vary samples 1 1 2", "--vary", "PLUGIN::PARAMETER"),
        ("s.hip --node /out/m --vary dimmer 1 1 2", "--vary", "/obj/light1/dimmer"),
        ("s.blend --vary scene.a x 1 2", "--vary", "x 1 are no numbers"),
        ("s.blend --vary scene.a nan 1 2", "--vary", "no numbers"),
        ("s.blend --vary scene.a 1 1 0", "--vary", "COUNT is 1 to 1000"),
        ("s.blend --vary scene.a 1 1 2.5", "--vary", "COUNT is 1 to 1000"),
        ("s.blend --vary scene.a 1 1", "--vary", "expected 4 arguments"),
        ("s.blend --vary scene.a 1 1 2 --images /r/#.png", "--images", "{value}"),
        ("s.blend --vary scene.a 1 1 2 --output a.png --tiles 2x2", "--vary", "one value"),
        ("s.xyz --vary a 1 1 2", "--vary", "--command with {value}"),
        ("s.xyz --vary a 1 1 2 --command 'r {first}'", "--vary", "no {value}"),
        ("s.xyz --command 'r {value}'", "--command", "{value} needs --vary"),
    ],
)
def test_what_cannot_vary(refuse: Refuse, words: str, option: str, says: str) -> None:
    file, *more = shlex.split(words)
    error = refuse("--no-check", file, "1", "10", *more)
    assert error["field"] == option
    assert says in f"{error['message']}; {error['hint']}"


# ---------------------------------------------------------------------------------- --temp-scene


def send(*words: str, answer: Any = None) -> tuple[int, dict[str, Any]]:
    """Exit code, and the job that a server got."""
    with TextServer(lambda _: answer or {"id": 5, "serial": 17}) as server:
        code = main([*words, "--server", server.text])
        return code, server.request["job"]


def test_the_job_renders_a_copy_that_goes_with_it(here: Path) -> None:
    (here / "my city.blend").write_bytes(b"scene")
    (here / "my city.blend").chmod(0o640)
    code, job = send("my city.blend", "1", "2", "-tempscene")
    (copy,) = (path for path in here.iterdir() if path.name != "my city.blend")
    assert code == 0
    assert re.fullmatch(r"my city\.afjob-[0-9a-f]{8}\.blend", copy.name)
    assert copy.read_bytes() == b"scene"
    assert copy.stat().st_mode & 0o777 == 0o640
    assert job["name"] == "my city.blend"
    assert job["blocks"][0]["command"].startswith(f'blender -b "{copy}" ')
    assert job["command_post"] == f'deletefiles "{copy}"'
    code, job = send("my city.blend", "1", "2", "--temp-scene", "--delete-scene")
    assert code == 0
    assert job["command_post"].endswith(f'.blend" "{here}/my city.blend"')


def test_a_job_that_was_not_sent_leaves_no_copy(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "s.nk").touch()
    refusal = {"code": "bad", "message": "not so", "hint": "", "field": "job.name"}
    words = ("s.nk", "1", "2", "--temp-scene")
    assert send(*words, answer={"id": 0, "serial": 0, "error": refusal})[0] == 2
    assert main([*words, "--simulate"]) == 0
    with TextServer() as server:
        address = server.text
    assert main([*words, "--server", address]) == 3
    assert [path.name for path in here.iterdir()] == ["s.nk"]
    capsys.readouterr()
    # Whether this one has the job, nobody knows.
    assert send(*words, answer=["?"])[0] == 3
    (copy,) = here.glob("s.afjob-*.nk")
    assert f"the copy {copy} stays" in capsys.readouterr().err


def test_what_cannot_be_copied(
    refuse: Refuse, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refuse("--no-check", "s.####.ass", "1", "2", "--temp-scene")
    assert (error["field"], error["message"][:6]) == ("--temp-scene", "a Arno")
    assert main(["gone.nk", "1", "2", "--temp-scene", "--no-check"]) == 5
    assert "--temp-scene: the scene cannot be copied" in capsys.readouterr().err
    assert list(here.iterdir()) == []


# -------------------------------------------------------------------------------------- --script

SCRIPT = """
def change(job, shot):
    job.set_annotation((job.data.get("annotation", "") + " NAME").strip())
    for block in job.blocks:
        block.set_env("SCENE", f"{shot.scene} {shot.first}")
"""


@pytest.fixture
def scripts(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plug-in folder with scripts, and one that the studio runs always."""
    folder = here / "plugins/afjob/scripts"
    folder.mkdir(parents=True)
    for name in ("studio", "shot", "other"):
        (folder / f"{name}.py").write_text(SCRIPT.replace("NAME", name))
    monkeypatch.setenv("AF_PLUGINS", str(here / "plugins"))
    monkeypatch.setenv("AF_JOB_SCRIPT", "studio")
    return folder


def test_scripts_change_the_job(simulate: Simulate, scripts: Path) -> None:
    words = ("/p/s.nk", "3", "9")
    job = simulate(*words)
    assert job["annotation"] == "studio"
    assert job["blocks"][0]["environment"] == {"SCENE": "/p/s.nk 3"}
    file = str(scripts / "other.py")
    assert simulate(*words, "--script", "shot", "-script", file)["annotation"] == (
        "studio shot other"
    )
    assert simulate(*words, "--no-script", "--script", "shot")["annotation"] == "shot"
    assert "annotation" not in simulate(*words, "-noscript")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def change(job, shot): raise ValueError('no slate')", "ValueError: no slate"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = 1", "no function change"),
        ("def change(job, shot): job.set_priority('x')", "priority"),
        ("def change(job, shot): job.blocks.clear()", "no blocks"),
    ],
)
def test_what_a_script_raises_keeps_the_job(
    refuse: Refuse, scripts: Path, text: str, says: str
) -> None:
    (scripts / "bad.py").write_text(text)
    error = refuse("--no-check", "/p/s.nk", "1", "2", "--script", "bad")
    assert error["field"] == "--script"
    assert says in error["message"]


def test_a_script_says_no_in_its_own_words(refuse: Refuse, scripts: Path) -> None:
    (scripts / "bad.py").write_text(
        "from afanasy.afjob.errors import JobError\n"
        "def change(job, shot):\n"
        "    raise JobError('this shot is locked', 'ask Anna', option='FILE')\n"
    )
    error = refuse("--no-check", "/p/s.nk", "1", "2", "--script", "bad")
    assert error == {
        "code": "bad_input", "message": "this shot is locked", "hint": "ask Anna", "field": "FILE"
    }  # fmt: skip


def test_scripts_that_are_not_there(
    refuse: Refuse, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--no-check", "/p/s.nk", "1", "2")
    assert refuse(*words, "--script", "nobody", code=5)["field"] == "--script"
    monkeypatch.setenv("AF_JOB_SCRIPT", "/nowhere/x.py")
    assert refuse(*words, code=5)["field"] == "AF_JOB_SCRIPT"


# --------------------------------------------------------------------------------------- -V


def test_verbose_shows_the_job_and_sends_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "s.nk").touch()
    assert send("s.nk", "1", "2", "-V")[0] == 0
    out, err = capsys.readouterr()
    assert out == "job 5 (serial 17)\n"
    assert json.loads(err)["job"]["name"] == "s.nk"
