"""Jobs of afjob on a real farm, with real programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.processes import Farm

pytestmark = pytest.mark.e2e

PROGRAMS = Path(sys.executable).parent

#: Blender's own Python. No dithering: it depends on where in its picture a pixel is.
SCENE = """\
import os
import bpy
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.render.resolution_x, scene.render.resolution_y = 65, 47
scene.render.resolution_percentage = 100
scene.render.dither_intensity = 0
scene.cycles.samples = 4
scene.cycles.use_denoising = False
scene.cycles.use_adaptive_sampling = False
ball = bpy.data.objects["Cube"]
ball.keyframe_insert("location", frame=1)
ball.location.x += 1
ball.keyframe_insert("location", frame=2)
camera = bpy.data.objects["Camera"].copy()
camera.name = "Anna's"
camera.location.z += 1
scene.collection.objects.link(camera)
bpy.ops.wm.save_as_mainfile(filepath=os.path.abspath("s.blend"))
"""


@pytest.fixture
def farm(tmp_path: Path, here: Path) -> Any:
    """Two renders."""
    with Farm(tmp_path / "farm") as farm:
        for name in ("a", "b"):
            farm.start_render(name, "--capacity", "1000")
        yield farm


def send(farm: Farm, *words: str, folder: Path) -> int:
    """Run the program in the folder; the job's id."""
    done = subprocess.run(
        [sys.executable, "-m", "afanasy.afjob.main", *words,
         "--server", f"127.0.0.1:{farm.port}"],
        cwd=folder, env={**os.environ, "PWD": str(folder)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[1])


def finish(farm: Farm, job: int) -> None:
    """Wait for the end of the job, and show what failed."""

    def bad() -> str:
        return "\n".join(
            farm.output(job, block, task)
            for block, tasks in enumerate(farm.progress(job))
            for task, progress in enumerate(tasks)
            if "ERR" in progress.get("state", "")
        )

    try:
        farm.wait_job(job, "DON", deadline_s=240)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{bad()}") from None


def identical(one: Path, two: Path) -> bool:
    """ImageMagick sees no pixel that differs."""
    done = subprocess.run(
        ["compare", "-metric", "AE", str(one), str(two), "null:"], capture_output=True, text=True
    )
    return done.stderr.split(" ")[0] == "0"


def movie_frames(path: Path) -> tuple[int, str]:
    """Number of frames, and the rate."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-of",
         "default=nw=1:nk=1", "-show_entries", "stream=r_frame_rate,nb_read_frames", str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rate, count = done.stdout.split()
    return int(count), rate


def test_tiles_of_a_plain_command_are_stitched_and_encoded(farm: Farm, tmp_path: Path) -> None:
    folder = tmp_path / "the shot"
    (folder / "out").mkdir(parents=True)
    for frame in range(1, 6, 2):
        (folder / f"in.{frame}.png").touch()
        make = ["convert", "-size", "65x47", "gradient:red-blue", "-swirl", str(frame * 60)]
        subprocess.run([*make, f"in.{frame}.png"], cwd=folder, check=True)
    # Cuts the picture into its parts and keeps the one that is asked for.
    command = "convert in.{first}.png -crop {columns}x{rows}@ +repage '(' -clone {tile0} ')'"
    command += " -delete 0--2 {output}"
    (folder / "shot.txt").touch()
    job = send(
        farm, "shot.txt", "1", "5", "--by", "2", "--tiles", "3x2", "--command", command,
        "--output", "out/a.png", "--movie", "a", "--movie-rate", "12", folder=folder,
    )  # fmt: skip
    finish(farm, job)
    for frame in (1, 3, 5):
        assert identical(folder / f"in.{frame}.png", folder / f"out/a.000{frame}.png")
    assert movie_frames(folder / "a.mp4") == (3, "12/1")
    # Parts of one frame went to both renders.
    hosts = {task.get("hst") for task in farm.progress(job)[0]}
    assert hosts == {"a", "b"}

    # What deletes the tiles when the job is deleted.
    (full,) = farm.ask({"get": {"type": "jobs", "ids": [job], "mode": "full"}})["jobs"]
    (post,) = [block["cmd_post"] for block in full["blocks"] if block.get("cmd_post")]
    assert len(list((folder / "out").iterdir())) == 3 + 18
    roots = os.pathsep.join([full["folders"]["output"], str(folder)])
    path = f"{os.environ['PATH']}{os.pathsep}{PROGRAMS}"
    env = {**os.environ, "AF_DELETE_ROOTS": roots, "PATH": path}
    subprocess.run(post, shell=True, check=True, env=env)
    assert {path.name for path in (folder / "out").iterdir()} == {
        "a.0001.png", "a.0003.png", "a.0005.png"
    }  # fmt: skip


@pytest.mark.parametrize("stitch", ["auto", *filter(shutil.which, ["oiiotool"])])
def test_tiles_in_pixels_on_two_renders(farm: Farm, tmp_path: Path, stitch: str) -> None:
    folder = tmp_path / "the shot"
    folder.mkdir()
    make = ["convert", "-size", "65x47", "plasma:red-blue", "-depth", "16", "in.png"]
    subprocess.run(make, cwd=folder, check=True)
    command = "convert {scene} -crop {width}x{height}+{x0}+{y0} +repage {output}"
    job = send(
        farm, "in.png", "5", "5", "--tiles", "3x2", "--resolution", "65x47", "--command", command,
        "--output", "out.png", "--stitch", stitch, folder=folder,
    )  # fmt: skip
    finish(farm, job)
    assert identical(folder / "in.png", folder / "out.0005.png")
    assert {task.get("hst") for task in farm.progress(job)[0]} == {"a", "b"}


def test_values_copies_and_scripts_on_a_farm(farm: Farm, tmp_path: Path) -> None:
    (tmp_path / "size.txt").write_text("the scene")
    (tmp_path / "note.py").write_text("def change(job, shot): job.blocks[1].set_env('LATE', '!')")
    job = send(
        farm, "size.txt", "1", "2", "--vary", "size", "10", "-0.5", "2", "--temp-scene",
        "--script", "note.py", "--output", "out.txt", "--command",
        "{ cat {scene}; echo \" {value}$LATE\"; } >{output}", folder=tmp_path,
    )  # fmt: skip
    (tmp_path / "size.txt").write_text("changed since")
    finish(farm, job)
    told = {path.name: path.read_text() for path in tmp_path.glob("out.*.txt")}
    assert told == {
        "out.size-10.0001.txt": "the scene 10\n", "out.size-10.0002.txt": "the scene 10\n",
        "out.size-9.5.0001.txt": "the scene 9.5!\n", "out.size-9.5.0002.txt": "the scene 9.5!\n",
    }  # fmt: skip


def test_a_scene_as_a_script_of_its_own(farm: Farm, tmp_path: Path) -> None:
    script = tmp_path / "my script.sh"
    script.write_text('#!/bin/sh\necho "frames $1 to $2" >>told\n')
    script.chmod(0o755)
    finish(farm, send(farm, "my script.sh", "-5", "4", "--per-task", "5", folder=tmp_path))
    told = (tmp_path / "told").read_text().splitlines()
    assert sorted(told) == ["frames -5 to -1", "frames 0 to 4"]


def test_deletefiles_as_the_product_text_writes_it(farm: Farm, tmp_path: Path) -> None:
    scene = tmp_path / "path/to/some.scene"
    scene.parent.mkdir(parents=True)
    scene.touch()
    block = {
        "working_directory": str(tmp_path),
        "tasks": [{"name": "t", "command": "deletefiles path/to/some.scene"}],
    }
    job = farm.submit(block)
    farm.wait_job(job, "DON")
    assert not scene.exists()
    assert "deleted path/to/some.scene" in farm.output(job)


@pytest.mark.slow
@pytest.mark.parametrize("blender", [path] if (path := shutil.which("blender")) else [])
def test_blender_in_frames_in_tiles_and_as_a_movie(
    farm: Farm, tmp_path: Path, blender: str
) -> None:
    folder = tmp_path / "the shot"
    folder.mkdir()
    make = [blender, "-b", "--factory-startup", "--python-exit-code", "1", "--python-expr", SCENE]
    subprocess.run(make, cwd=folder, check=True, capture_output=True, timeout=120)

    words = ("s.blend", "1", "2", "--camera", "Anna's")
    whole = send(farm, *words, "--output", "whole/a.png", "--movie", "whole", folder=folder)
    tiles = send(farm, *words, "--output", "tiled/a.png", "--tiles", "2x2", folder=folder)
    other = send(farm, "s.blend", "1", "1", "--output", "//other/a.png", folder=folder)
    lost = send(farm, "s.blend", "1", "1", "--camera", "nobody", "--retries", "0", folder=folder)
    for job in (whole, tiles, other):
        finish(farm, job)
    for frame in ("a.0001.png", "a.0002.png"):
        assert identical(folder / "whole" / frame, folder / "tiled" / frame)
    assert not identical(folder / "whole/a.0001.png", folder / "whole/a.0002.png")
    assert not identical(folder / "whole/a.0001.png", folder / "other/a.0001.png"), "the camera"
    assert movie_frames(folder / "whole.mp4") == (2, "24/1")
    farm.wait_job(lost, "ERR")
    assert "nobody" in farm.output(lost)
