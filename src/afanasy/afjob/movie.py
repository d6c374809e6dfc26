"""The movie afterwards: a block with one ffmpeg task that waits for the images.

It is a numeric block with all frames in one task. So ffmpeg's parser knows how many pictures there
should be, and a movie that came out too short is an error.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from af import Block
from afanasy.afjob import sequence
from afanasy.afjob.errors import JobError
from afanasy.afjob.program import Shot
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import flag, line


class Codec(NamedTuple):
    """Arguments for ffmpeg, and the usual extension."""

    arguments: tuple[str, ...]
    extension: str
    #: It halves colours, so width and height must be even.
    even: bool = True


_MP4 = ("-movflags", "+faststart")
#: The first one is the default.
CODECS: dict[str, Codec] = {
    "h264": Codec(("-c:v", "libx264", "-pix_fmt", "yuv420p", *_MP4), ".mp4"),
    "h265": Codec(("-c:v", "libx265", "-pix_fmt", "yuv420p", "-tag:v", "hvc1", *_MP4), ".mp4"),
    "prores": Codec(("-c:v", "prores_ks", "-profile:v", "3", "-pix_fmt", "yuv422p10le"), ".mov"),
    "vp9": Codec(("-c:v", "libvpx-vp9", "-crf", "30", "-b:v", "0", "-pix_fmt", "yuv420p"), ".webm"),
    "mjpeg": Codec(("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj422p"), ".mov"),
    "ffv1": Codec(("-c:v", "ffv1"), ".mkv", even=False),
}
#: Images that can be read one behind the other, and so with steps between their numbers.
_PIPED = (".png", ".jpg", ".jpeg", ".bmp", ".dpx")
#: A POSIX system takes 128 KiB in one argument.
_LIST_MAX = 100_000


def movie_block(
    shot: Shot,
    images: Sequence | None,
    *,
    movie: str,
    codec: str,
    size: tuple[int, int] | None,
    rate: float,
    after: str,
) -> Block:
    """The block that encodes ``images`` when the block ``after`` is done."""
    if images is None or not images.width:
        raise JobError(
            "the images must be known to encode them",
            "name them by --output or --images, as NAME.####.EXT",
            option="--movie",
        )
    if not 0 < rate <= 1000:
        raise JobError(f"{rate:g} is no number of frames a second", option="--movie-rate")
    if size is not None and CODECS[codec].even and (size[0] % 2 or size[1] % 2):
        raise JobError(f"{codec} needs even numbers", option="--movie-size")
    kind = CODECS[codec]
    name = sequence.absolute(movie, shot.folder)
    if not Sequence(name).extension:
        name += kind.extension
    words = ["ffmpeg", "-hide_banner", "-nostdin", "-y", *_input(shot, images, f"{rate:g}")]
    words += [*flag("-vf", _scale(size, even=kind.even)), *kind.arguments, name]
    block = Block("movie", "ffmpeg")
    block.set_numeric(shot.first, shot.last, len(shot.frames), shot.by)
    block.set_command(line(*words))
    block.set_tasks_name("movie")
    block.set_files([name])
    block.set_depend_mask(re.escape(after))
    return block


def _input(shot: Shot, images: Sequence, rate: str) -> list[str]:
    words = ["-framerate", rate]
    if images.extension == ".exr":
        words = ["-apply_trc", "iec61966_2_1", *words]  # EXR is linear, a movie is not
    if shot.by == 1:
        return [*words, "-start_number", str(shot.first), "-i", images.printf()]
    if images.extension not in _PIPED:
        raise JobError(
            f"a movie of every {shot.by}th frame cannot be made of {images.extension or 'these'}",
            f"it can of {' '.join(_PIPED)}",
            option="--movie",
        )
    names = "|".join(images.frame(number) for number in shot.frames)
    if len(names) > _LIST_MAX:
        raise JobError("these are too many frames with steps between them", option="--movie")
    return [*words, "-f", "image2pipe", "-i", f"concat:{names}"]


def _scale(size: tuple[int, int] | None, *, even: bool) -> str:
    if size is not None:
        return f"scale={size[0]}:{size[1]}"
    return "scale=trunc(iw/2)*2:trunc(ih/2)*2" if even else ""
