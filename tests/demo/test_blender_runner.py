"""The `blender` command over the `bpy` module, with a module that only notes what it is asked."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

RUNNER = Path(__file__).parents[2] / "demo" / "blender_runner.py"


class FakeBpy(ModuleType):
    """As much of `bpy` as the runner touches."""

    def __init__(self) -> None:
        super().__init__("bpy")
        self.calls: list[Any] = []
        self.scene = SimpleNamespace(
            frame_start=1,
            frame_end=250,
            frame_step=1,
            render=SimpleNamespace(
                filepath="", image_settings=SimpleNamespace(), threads_mode="AUTO", threads=0
            ),
        )
        self.context = SimpleNamespace(scene=self.scene)
        self.app = SimpleNamespace(version_string="4.5.0")
        self.result = {"FINISHED"}
        self.ops = SimpleNamespace(
            wm=SimpleNamespace(
                open_mainfile=lambda filepath: self.calls.append(("open", Path(filepath).name)),
                read_factory_settings=lambda use_empty: self.calls.append("factory"),
            ),
            render=SimpleNamespace(render=self._render),
        )

    def _render(self, animation: bool) -> set[str]:
        assert animation
        scene = self.scene
        self.calls.append(("render", scene.frame_start, scene.frame_end, scene.frame_step))
        return self.result


@pytest.fixture
def bpy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeBpy:
    fake = FakeBpy()
    monkeypatch.setitem(sys.modules, "bpy", fake)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scene.blend").touch()
    return fake


def run(words: str, *more: str) -> int:
    """The runner's exit status for a command line."""
    spec = importlib.util.spec_from_file_location("blender_runner", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main([*words.split(), *more])


def test_the_command_of_the_service(bpy: FakeBpy):
    assert run("-b scene.blend -t 2 -o //frames/f.#### -F PNG -s 7 -e 9 -j 2 -a") == 0
    assert bpy.calls == [("open", "scene.blend"), ("render", 7, 9, 2)]
    render = bpy.scene.render
    assert (render.filepath, render.image_settings.file_format) == ("//frames/f.####", "PNG")
    assert (render.threads_mode, render.threads) == ("FIXED", 2)


def test_arguments_act_in_their_order(bpy: FakeBpy):
    assert run("-b scene.blend -s 3 -a -e 5 -a -f 40 -a") == 0
    assert [call[1:3] for call in bpy.calls[1:]] == [(3, 250), (3, 5), (40, 40), (3, 5)]


def test_scripts_and_expressions_run_where_they_stand(bpy: FakeBpy, tmp_path: Path):
    (tmp_path / "script.py").write_text("import bpy, sys\nbpy.calls.append(sys.argv[-1])\n")
    expression = "import bpy; bpy.calls.append('expression')"
    assert run("-b --factory-startup scene.blend --python-expr", expression, "-a") == 0
    assert [call if isinstance(call, str) else call[0] for call in bpy.calls] == [
        "factory", "open", "expression", "render",
    ]  # fmt: skip
    assert run("-b -P script.py -- -a -f 1") == 0
    assert len(bpy.calls) == 5  # behind -- are the script's own words


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("-b missing.blend -a", "Cannot read file 'missing.blend': No such file or directory"),
        ("-b scene.blend -s", "-s needs a value"),
        ("-b scene.blend -f 1..3", "'1..3' is not a whole number"),
        ("-b scene.blend --render-everything", "unknown argument --render-everything"),
        ("-b -P missing.py", "no script missing.py"),
    ],
)
def test_what_is_wrong_is_said_on_stderr(
    bpy: FakeBpy, words: str, text: str, capsys: pytest.CaptureFixture[str]
):
    assert run(words) == 1
    assert text in capsys.readouterr().err
    assert not any(call[0] == "render" for call in bpy.calls)


def test_a_render_that_did_not_finish_is_an_error(bpy: FakeBpy):
    bpy.result = {"CANCELLED"}
    assert run("-b scene.blend -a") == 1
