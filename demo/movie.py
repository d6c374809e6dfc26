"""What the demo renders and how: the command of the frames, of the movie, and the last check."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.blender import CHECKOUT, Blender, run
from demo.trouble import Trouble

WIDTH, HEIGHT = 384, 216
SAMPLES = 24
RATE = 12
#: Names of the frames: for Blender, for patterns of the farm, and for ffmpeg's input.
FRAMES_BLENDER = "//frames/frame.####"
FRAMES_PATTERN = "frames/frame.@####@.png"
FRAMES_FFMPEG = "frames/frame.%04d.png"
MOVIE = "movie.mp4"


@dataclass(slots=True, frozen=True)
class Source:
    """How one frame is made: a service and the command pattern of its block."""

    what: str
    service: str
    command: str


def blender_source(blender: Blender, threads: int) -> Source:
    """Frames by Blender, each task a Blender of its own."""
    command = f'blender -b scene.blend -t {threads} -o "{FRAMES_BLENDER}" -F PNG -s @#@ -e @#@ -a'
    return Source(blender.what, "blender", command)


def ffmpeg_source() -> Source:
    """Frames by a test picture of ffmpeg."""
    picture = f"testsrc2=size={WIDTH}x{HEIGHT}:rate={RATE},trim=start_frame=@#@"
    command = (
        f'ffmpeg -hide_banner -nostdin -y -f lavfi -i "{picture}" -frames:v 1 -update 1 '
        f'"{FRAMES_PATTERN}"'
    )
    return Source("ffmpeg's test picture", "ffmpeg", command)


def encode_command() -> str:
    """The movie out of the frames."""
    return (
        f'ffmpeg -hide_banner -nostdin -y -framerate {RATE} -start_number 1 -i "{FRAMES_FFMPEG}" '
        f'-c:v libx264 -pix_fmt yuv420p -movflags +faststart "{MOVIE}"'
    )


def threads_each(renders: int) -> int:
    """Processors for one task when every render has one."""
    return max(1, (os.cpu_count() or 1) // renders)


def build_scene(folder: Path, frames: int, environment: Mapping[str, str]) -> None:
    """Make ``folder/scene.blend`` by Blender. Raises :class:`Trouble`."""
    scene, log = folder / "scene.blend", folder / "scene.log"
    numbers = map(str, (frames, WIDTH, HEIGHT, SAMPLES))
    command = ["blender", "-b", "--factory-startup", "-P", str(CHECKOUT / "demo" / "scene.py")]
    status = run([*command, "--", str(scene), *numbers], environment=environment, log=log)
    if status != 0 or not scene.is_file():
        text = log.read_text(encoding="utf-8", errors="replace")
        raise Trouble(f"Blender did not build the scene (status {status}):\n{text[-2000:]}")


def check_movie(path: Path, frames: int) -> str:
    """One line about the movie when it is whole. Raises :class:`Trouble` when it is not."""
    if not path.is_file():
        raise Trouble(f"there is no movie {path}")
    command = [
        *("ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-of", "json"),
        *("-show_entries", "stream=codec_name,pix_fmt,width,height,nb_read_frames"),
    ]
    answer = subprocess.run(
        [*command, str(path)], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    try:
        stream = json.loads(answer.stdout)["streams"][0]
        found = int(stream["nb_read_frames"])
    except (ValueError, LookupError, TypeError):
        text = answer.stderr.decode(errors="replace").strip()
        raise Trouble(f"ffprobe finds no pictures in {path}: {text}") from None
    if found != frames:
        raise Trouble(f"the movie has {found} frames instead of {frames}: {path}")
    size_kb = path.stat().st_size / 1000
    picture = f"{stream['width']}x{stream['height']}"
    return (
        f"{found} frames, {picture}, {stream['codec_name']} {stream['pix_fmt']}, {size_kb:.0f} kB"
    )


def missing_frames(folder: Path, frames: int) -> list[int]:
    """Numbers of the frames that are not on the disk, or are empty."""

    def there(number: int) -> bool:
        path = folder / (FRAMES_FFMPEG % number)
        return path.is_file() and path.stat().st_size > 0

    return [number for number in range(1, frames + 1) if not there(number)]
