"""The look for missing files before Blender renders, also in a real Blender where there is one."""

from __future__ import annotations

import ast
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from afanasy.parsers.registry import make_parser
from afanasy.services.base import TaskInfo
from afanasy.services.blender import MODE_VARIABLE, Blender


def command(text: str, mode: str = "") -> str:
    environment = {MODE_VARIABLE: mode} if mode else {}
    return Blender(TaskInfo(command_block=text, environment=environment)).command()


@pytest.mark.parametrize(
    "scene",
    ["a.blend", '"/p/my shot.blend"', "'/p/my shot.blend'", "/p/shot.v2.blend", r"P:\a\b.blend"],
)
@pytest.mark.parametrize("option", ["-b", "--background"])
def test_the_look_stands_behind_the_scene(scene: str, option: str) -> None:
    filled = command(f"nice blender {option} {scene} -s 1 -e 5 -a")
    before, look, code, *rest = shlex.split(filled, posix=True)[-8:]
    assert before.endswith(".blend")
    assert look == "--python-expr"
    assert rest == ["-s", "1", "-e", "5", "-a"]
    ast.parse(code)
    assert not set(code) & set('$%!`"')


@pytest.mark.parametrize(
    "text",
    [
        "blender -b --python make.py -f 1",
        "blender a.blend -f 1",
        "blender -b -P x.py a.blend",
        "blender -b a.blender -f 1",
        "echo hello",
    ],
)
def test_other_commands_stay_as_they_are(text: str) -> None:
    assert command(text) == text


def test_modes() -> None:
    text = "blender -b a.blend -f 1"
    assert command(text, "ignore") == text
    assert "os._exit" in command(text, "report")
    assert "if m and False" in command(text, "report")
    assert "if m and True" in command(text, "stop")
    service = Blender(TaskInfo(command_block=text, environment={MODE_VARIABLE: "off"}))
    assert "if m and True" in service.command()
    assert "it is stop, report or ignore" in service.log[0]


FAKE_BPY = """
import os, sys, types
class Item(types.SimpleNamespace):
    pass
def image(path, **more):
    values = dict(filepath=path, library=None, users=1, source='FILE', packed_file=None)
    return Item(**{**values, **more})
images = [
    image('//there.png'), image('//my "lost" texture.png'), image('//unused.png', users=0),
    image('//packed.png', packed_file=1), image('//seq.1.png', source='SEQUENCE'), image(''),
]
libraries = [Item(filepath='//lost.blend', parent=None, packed_file=None)]
caches = [Item(filepath='//lost.abc', library=None, users=1, is_sequence=False)]
data = Item(images=images, libraries=libraries, cache_files=caches)
path = Item(abspath=lambda name, library: os.path.join(FOLDER, name.replace('//', '')))
"""


def run_look(folder: Path, mode: str, bpy: str) -> subprocess.CompletedProcess[str]:
    """The expression as a shell passes it on, in a Python whose ``bpy`` is ours."""
    (folder / "bpy.py").write_text(bpy)
    (folder / "there.png").write_bytes(b"x")
    (folder / "blender").write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        f"sys.path.insert(0, {str(folder)!r})\n"
        "exec(sys.argv[sys.argv.index('--python-expr') + 1], {})\n"
        "print('rendered')\n"
    )
    (folder / "blender").chmod(0o755)
    filled = command(f"{shlex.quote(str(folder / 'blender'))} -b a.blend -f 1", mode)
    return subprocess.run(["/bin/sh", "-c", filled], capture_output=True, text=True, timeout=60)


def test_the_look_finds_what_is_missing(tmp_path: Path) -> None:
    bpy = f"FOLDER = {str(tmp_path)!r}\n{FAKE_BPY}"
    run = run_look(tmp_path, "report", bpy)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [
        f"AFANASY: missing file {tmp_path}/lost.abc",
        f"AFANASY: missing file {tmp_path}/lost.blend",
        f'AFANASY: missing file {tmp_path}/my "lost" texture.png',
        "rendered",
    ]
    run = run_look(tmp_path, "stop", bpy)
    assert (run.returncode, run.stderr) == (1, "")
    assert len(run.stdout.splitlines()) == 3


def test_a_look_that_fails_does_not_look_like_an_error(tmp_path: Path) -> None:
    run = run_look(tmp_path, "stop", "data = None\n")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("AFANASY: files are not checked: ")
    parser, _ = make_parser("blender")
    assert parser is not None
    parser.feed(run.stdout.encode())
    assert parser.verdict(None) == "progress"


MAKE_SCENE = """
import bpy
scene = bpy.context.scene
scene.render.engine = 'CYCLES'
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y = 32, 16
scene.frame_start, scene.frame_end = 1, 2
scene.render.filepath = '//out/f.####'
bpy.ops.wm.save_as_mainfile(filepath=FOLDER + '/good.blend')
image = bpy.data.images.new('wood', 4, 4)
image.source, image.filepath = 'FILE', '//wood lost.png'
nodes = bpy.data.objects['Cube'].data.materials[0].node_tree
texture = nodes.nodes.new('ShaderNodeTexImage')
texture.image = image
bpy.ops.wm.save_as_mainfile(filepath=FOLDER + '/bad one.blend')
"""


@pytest.mark.e2e
@pytest.mark.parametrize("blender", [path] if (path := shutil.which("blender")) else [])
def test_in_a_real_blender(tmp_path: Path, blender: str) -> None:
    (tmp_path / "make.py").write_text(f"FOLDER = {str(tmp_path)!r}\n{MAKE_SCENE}")
    make = [blender, "-b", "--factory-startup", "--python", str(tmp_path / "make.py")]
    subprocess.run(make, check=True, capture_output=True, timeout=120)

    def render(scene: str, mode: str) -> tuple[str, int, str, int]:
        filled = command(f"blender -b '{tmp_path}/{scene}' -s 1 -e 2 -a", mode)
        run = subprocess.run(["/bin/sh", "-c", filled], capture_output=True, timeout=120)
        parser, _ = make_parser("blender", (), 2)
        assert parser is not None
        parser.feed(run.stdout + run.stderr)
        parser.finish(run.returncode)
        verdict = parser.verdict(run.returncode)
        return verdict, parser.percent, parser.error_class, len(parser.files)

    assert render("good.blend", "stop") == ("ok", 100, "", 2)
    assert render("bad one.blend", "ignore") == ("ok", 100, "", 2)
    assert render("bad one.blend", "report") == ("bad_output", -1, "missing_input", 0)
    assert render("bad one.blend", "stop") == ("error", -1, "missing_input", 0)
