"""What comes after the render block: stitching of tiles, and a movie."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import Simulate


def blocks(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["name"]: block for block in job["blocks"]}


def test_tiles_are_a_list_block_with_so_many_tasks_a_frame(simulate: Simulate) -> None:
    job = simulate("/p/s.blend", "1", "3", "--by", "2", "--tiles", "2x2", "--output", "/r/a.png")
    tiles = blocks(job)["tiles"]
    assert (tiles["flags"], tiles["frames_per_task"], tiles["service"]) == (0, -4, "blender")
    assert "command" not in tiles
    assert [task["name"] for task in tiles["tasks"]] == [
        f"frame {frame} tile {tile}" for frame in (1, 3) for tile in ("1-1", "1-2", "2-1", "2-2")
    ]
    task = tiles["tasks"][6]
    assert task["files"] == ["/r/a.tile-2-1.0003.png"]
    # The lower left quarter; Blender measures from below.
    assert task["command"] == (
        "blender -b /p/s.blend --python-exit-code 1 --python-expr \"exec('import bpy\\n"
        "r=bpy.context.scene.render\\n"
        "w,h=(v*r.resolution_percentage//100 for v in (r.resolution_x,r.resolution_y))\\n"
        "r.use_border=True\\nr.use_crop_to_border=True\\n"
        "r.border_min_x=(w*0//2+.1)/w\\nr.border_max_x=min(1,(w*1//2+.1)/w)\\n"
        "r.border_min_y=(h*0//2+.1)/h\\nr.border_max_y=min(1,(h*1//2+.1)/h)')\""
        " -o /r/a.tile-2-1.####.png -F PNG -s 3 -e 3 -j 1 -a"
    )


def test_stitching_waits_for_the_tiles_and_deletes_them_with_the_job(simulate: Simulate) -> None:
    job = simulate("/p/s.blend", "1", "3", "--by", "2", "--tiles", "2x2", "--output", "/r/a.png")
    stitch = blocks(job)["stitch"]
    assert stitch["depend_mask"] == "tiles"
    assert stitch["service"] == "tiles_stitch"
    frames = ("frame_first", "frame_last", "frames_per_task", "frames_inc")
    assert [stitch[member] for member in frames] == [1, 3, 1, 2]
    parts = (
        ' "(" /r/a.tile-1-1.@####@.png /r/a.tile-1-2.@####@.png +append ")"'
        ' "(" /r/a.tile-2-1.@####@.png /r/a.tile-2-2.@####@.png +append ")"'
        " -append +repage /r/a.@####@.png"
    )
    behind = ' --origin "+{IMG[1].width}+0" --add'
    oiiotool = (
        f"oiiotool /r/a.tile-1-1.@####@.png /r/a.tile-1-2.@####@.png{behind}"
        f" /r/a.tile-2-1.@####@.png /r/a.tile-2-2.@####@.png{behind}"
        ' --origin "+0+{IMG[1].height}" --add --fullpixels -o /r/a.@####@.png'
    )
    # The render takes what it has.
    assert stitch["command"] == (
        "if { command -v magick || command -v convert; } >/dev/null;"
        f' then "$(command -v magick || echo convert)"{parts}; else {oiiotool}; fi'
    )
    named = ["--tiles", "2x2", "--output", "/r/a.png", "--stitch"]
    for name, command in [("convert", f"convert{parts}"), ("oiiotool", oiiotool)]:
        job = simulate("/p/s.blend", "1", "1", *named, name)
        assert blocks(job)["stitch"]["command"] == command
    assert stitch["files"] == ["/r/a.@####@.png"]
    assert stitch["command_post"] == 'deletefiles -s "/r/a.tile-*.*.png"'


def test_openimageio_sums_whole_frames(simulate: Simulate) -> None:
    words = ["--tiles", "1x2", "--stitch", "sum", "--output", "/r/a.exr"]
    found = blocks(simulate("/p/s.blend", "1", "1", *words))
    assert found["stitch"]["command"] == (
        "oiiotool /r/a.tile-1-1.@####@.exr /r/a.tile-2-1.@####@.exr --add -o /r/a.@####@.exr"
    )
    assert all("use_crop_to_border=False" in task["command"] for task in found["tiles"]["tasks"])


def test_tiles_of_a_plain_command(simulate: Simulate) -> None:
    command = "r {scene} {first} {column}/{columns} {row}/{rows} {tile} {tile0} {output}"
    command += " {left} {right} {top} {bottom}"
    words = ["--tiles", "3x2", "--stitch", "magick", "--output", "/r/a.png", "--command", command]
    found = blocks(simulate("/p/s.xyz", "7", "7", *words))
    assert found["tiles"]["tasks"][5]["command"] == (
        "r /p/s.xyz 7 3/3 2/2 6 5 /r/a.tile-2-3.0007.png 0.666667 1 0.5 1"
    )
    assert found["stitch"]["command"].startswith('magick "(" /r/a.tile-1-1.@####@.png ')


def test_pictures_with_more_than_16_bits_go_to_openimageio_where_it_is(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AF_CMD_PREFIX", "nice ")
    job = simulate("/p/s.blend", "1", "1", "--tiles", "1x2", "--output", "/r/a.exr")
    command = blocks(job)["stitch"]["command"]
    assert command.startswith("if command -v oiiotool >/dev/null; then nice oiiotool /r/a.tile-1-1")
    assert '; else nice "$(command -v magick || echo convert)" ' in command


@pytest.mark.parametrize(
    ("installed", "ending", "called"),
    [
        ("magick convert oiiotool", "png", "magick"),
        ("convert oiiotool", "png", "convert"),
        ("oiiotool", "png", "oiiotool"),
        ("magick convert oiiotool", "exr", "oiiotool"),
        ("magick convert", "exr", "magick"),
        ("convert", "exr", "convert"),
    ],
)
def test_the_render_takes_what_it_has(
    simulate: Simulate, here: Path, installed: str, ending: str, called: str
) -> None:
    for name in installed.split():
        (here / name).write_text('#!/bin/sh\nprintf "%s\\n" "${0##*/}" "$@"\n')
        (here / name).chmod(0o755)
    job = simulate("/p/s.blend", "1", "1", "--tiles", "2x1", "--output", f"/r/a b.{ending}")
    command = blocks(job)["stitch"]["command"]
    done = subprocess.run(
        ["/bin/sh", "-c", command], env={"PATH": str(here)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    words = done.stdout.splitlines()
    assert words[0] == called
    parts = {f"/r/a b.tile-1-{column}.@####@.{ending}" for column in (1, 2)}
    assert parts < set(words)
    assert words[-1] == f"/r/a b.@####@.{ending}"


def test_tiles_in_pixels(simulate: Simulate) -> None:
    command = "r {scene} {x0} {y0} {x1} {y1} {width}x{height} {output}"
    words = ["--tiles", "3x2", "--output", "/r/a.png", "--resolution", "65x47"]
    job = simulate("/p/s.xyz", "7", "7", *words, "--command", command)
    assert [task["command"].split(" ", 2)[2] for task in blocks(job)["tiles"]["tasks"]] == [
        "0 0 20 22 21x23 /r/a.tile-1-1.0007.png",
        "21 0 42 22 22x23 /r/a.tile-1-2.0007.png",
        "43 0 64 22 22x23 /r/a.tile-1-3.0007.png",
        "0 23 20 46 21x24 /r/a.tile-2-1.0007.png",
        "21 23 42 46 22x24 /r/a.tile-2-2.0007.png",
        "43 23 64 46 22x24 /r/a.tile-2-3.0007.png",
    ]


@pytest.mark.parametrize(
    ("words", "command", "files", "deleted"),
    [
        (
            "/p/s.####.ass --resolution 64x48 --threads 2",
            "kick -nstdin -nokeypress -dw -dp -v 5 -t 2 -o /r/a.tile-2-1.0003.exr"
            " -r 64 48 -rg 0 24 31 47 -i /p/s.0003.ass",
            "/r/a.tile-2-1.0003.exr", "/r/a.tile-*.*.exr",
        ),
        (
            "/p/s.ma --resolution 64x48 --renderer arnold",
            "Render -r arnold -s 3 -e 3 -b 1 -rd /r -im a.tile-2-1 -of exr -fnc name.#.ext -pad 4"
            " -x 64 -y 48 -reg 0 31 0 23 /p/s.ma",
            "/r/a.tile-2-1.0003.exr", "/r/a.tile-*.*.exr",
        ),
        (
            "/p/s.usd",
            "husk --verbose a --frame 3 --frame-count 1 --frame-inc 1 --output '/r/a.$F4.exr'"
            " --tile-count 2 2 --tile-index 2 --tile-suffix .tile-%02d /p/s.usd",
            "/r/a.0003.tile-02.exr", "/r/a.*.tile-*.exr",
        ),
    ],
)  # fmt: skip
def test_regions_of_programs_are_summed_by_their_data_windows(
    simulate: Simulate, words: str, command: str, files: str, deleted: str
) -> None:
    file, *more = words.split()
    found = blocks(simulate(file, "3", "3", *more, "--tiles", "2x2", "--output", "/r/a.exr"))
    task = found["tiles"]["tasks"][2]
    assert task["command"] == command
    assert task["files"] == [files]
    stitch = found["stitch"]
    assert stitch["command"].startswith("oiiotool ")
    assert stitch["command"].count(" --add") == 3
    assert stitch["command_post"] == f'deletefiles -s "{deleted}"'


@pytest.mark.parametrize(
    ("words", "command"),
    [
        # No region of its own that we know, but its user knows one.
        (
            """/p/s.vrscene --extra '-crop="{x0};{y0};{x1};{y1}"' --resolution 64x48""",
            "vray -sceneFile=/p/s.vrscene -frames=3-3,1 -imgFile=/r/a.tile-2-1.exr -display=0"
            ' -verboseLevel=3 -progressIncrement=1 -progressUseCR=0 -crop="0;24;31;47"',
        ),
        ("/p/r.sh --extra '{row}/{rows} {output}'", "/p/r.sh 3 3 2/2 /r/a.tile-2-1.0003.exr"),
        (
            "/p/r.sh --command 'r {output}' --extra '{row} {column}'",
            "r /r/a.tile-2-1.0003.exr 2 1",
        ),
    ],
)
def test_extra_arguments_say_the_region(simulate: Simulate, words: str, command: str) -> None:
    file, *more = shlex.split(words)
    job = simulate(file, "3", "3", *more, "--tiles", "2x2", "--output", "/r/a.exr")
    assert blocks(job)["tiles"]["tasks"][2]["command"] == command
    assert blocks(job)["stitch"]["command"].startswith("if command -v oiiotool ")


def test_settings_of_the_render_are_not_those_of_what_comes_after(simulate: Simulate) -> None:
    words = "/p/s.blend 1 2 --tiles 2x2 --output /r/a.png --movie /r/m --capacity 4000 --env A=1"
    found = blocks(simulate(*words.split()))
    assert (found["tiles"]["capacity"], found["tiles"]["environment"]) == (4000, {"A": "1"})
    for name in ("stitch", "movie"):
        assert found[name]["capacity"] == 1000
        assert "environment" not in found[name]
    assert found["movie"]["depend_mask"] == "stitch"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (
            "--output /r/a.png --movie /r/m",
            "ffmpeg -hide_banner -nostdin -y -framerate 24 -start_number 3 -i /r/a.%04d.png"
            ' -vf "scale=trunc(iw/2)*2:trunc(ih/2)*2" -c:v libx264 -pix_fmt yuv420p'
            " -movflags +faststart /r/m.mp4",
        ),
        (
            "--output /r/100%/a.exr -mname m.mov -mcodec prores -mres 1920x1080 --movie-rate 23.976"
            " -pwd /w",
            "ffmpeg -hide_banner -nostdin -y -apply_trc iec61966_2_1 -framerate 23.976"
            " -start_number 3 -i /r/100%%/a.%04d.exr -vf scale=1920:1080 -c:v prores_ks"
            " -profile:v 3 -pix_fmt yuv422p10le /w/m.mov",
        ),
        (
            "--images /r/a.#.jpg --movie /r/m --movie-codec ffv1 --by 4",
            "ffmpeg -hide_banner -nostdin -y -framerate 24 -f image2pipe"
            ' -i "concat:/r/a.3.jpg|/r/a.7.jpg|/r/a.11.jpg" -c:v ffv1 /r/m.mkv',
        ),
    ],
)
def test_the_movie_is_one_task_of_all_frames(simulate: Simulate, words: str, command: str) -> None:
    job = simulate("/p/s.blend", "3", "12", "--per-task", "5", *words.split())
    movie = blocks(job)["movie"]
    assert movie["command"] == command
    assert (movie["service"], movie["depend_mask"]) == ("ffmpeg", "render")
    assert movie["frames_per_task"] == len(range(3, 13, movie["frames_inc"]))
    assert movie["files"] == [command.rsplit(" ", 1)[1]]
