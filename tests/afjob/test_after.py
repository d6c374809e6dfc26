"""What comes after the render block: stitching of tiles, and a movie."""

from __future__ import annotations

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
    assert stitch["command"] == (
        'convert "(" /r/a.tile-1-1.@####@.png /r/a.tile-1-2.@####@.png +append ")"'
        ' "(" /r/a.tile-2-1.@####@.png /r/a.tile-2-2.@####@.png +append ")"'
        " -append +repage /r/a.@####@.png"
    )
    assert stitch["files"] == ["/r/a.@####@.png"]
    assert stitch["command_post"] == 'deletefiles -s "/r/a.tile-*.*.png"'


def test_openimageio_sums_whole_frames(simulate: Simulate) -> None:
    words = ["--tiles", "1x2", "--stitch", "oiiotool", "--output", "/r/a.exr"]
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
