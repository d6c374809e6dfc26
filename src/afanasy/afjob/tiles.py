"""Tiles: parts of a frame on several renders, and the block that puts them together.

The tiles are a list block, frame after frame, with ``frames_per_task`` of minus their number: so
many tasks share one frame. The stitching block is numeric, one task a frame, and waits for the
block of the tiles. Deleting the job deletes the tiles.

Parts are set side by side. Only where a program writes whole frames in which nothing but the part
has pixels (an EXR with a data window) they are summed: the place of each is in its file.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from af import Block, Task, config
from afanasy.afjob.errors import JobError
from afanasy.afjob.program import Program
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import line, quote
from afanasy.afjob.tile import Tile

#: More tasks than this are a mistake: their commands would fill hundreds of megabytes.
TASKS_MAX = 200_000


#: A POSIX system takes 128 KiB in one argument, and this is what its shell gets.
COMMAND_MAX = 120_000

Parts = list[list[str]]


def _magick(program: str) -> Callable[[Parts, str], str]:
    def command(rows: Parts, output: str) -> str:
        words = [program]
        for row in rows:
            words += ['"("', *map(quote, row), "+append", '")"']
        return " ".join([*words, "-append", "+repage", quote(output)])

    return command


#: oiiotool moves the part on top of its stack behind, or below, what is finished beneath it.
_BEHIND = ("--origin", "+{IMG[1].width}+0", "--add")
_BELOW = ("--origin", "+0+{IMG[1].height}", "--add")


def _oiiotool(rows: Parts, output: str) -> str:
    words: list[str] = []
    for number, (first, *others) in enumerate(rows):
        words.append(first)
        for name in others:
            words += [name, *_BEHIND]
        words += _BELOW if number else ()
    return line("oiiotool", *words, "--fullpixels", "-o", output)


def _sum(rows: Parts, output: str) -> str:
    """Each part is a whole frame that is empty outside: their sum is the picture."""
    first, *others = [name for row in rows for name in row]
    added = [word for name in others for word in (name, "--add")]
    return line("oiiotool", first, *added, "-o", output)


def _auto(rows: Parts, output: str) -> str:
    """What the render has; a picture of more than 16 bits goes to OpenImageIO where it can."""
    prefix = config.command_prefix()
    magick = _magick(f'{prefix}"$(command -v magick || echo convert)"')(rows, output)
    oiiotool = prefix + _oiiotool(rows, output)
    if Sequence(output).extension in _DEEP:
        return f"if command -v oiiotool >/dev/null; then {oiiotool}; else {magick}; fi"
    either = "command -v magick || command -v convert"
    return f"if {{ {either}; }} >/dev/null; then {magick}; else {oiiotool}; fi"


#: ImageMagick keeps 16 bits, or has no reader.
_DEEP = (".exr", ".hdr", ".tif", ".tiff", ".tx")

#: ``--stitch`` → the command line of rows of files and the result. The first one is the default.
STITCHERS: dict[str, Callable[[Parts, str], str]] = {
    "auto": _auto,
    "convert": _magick("convert"),
    "magick": _magick("magick"),
    "oiiotool": _oiiotool,
    "sum": _sum,
}


def tiles_block(program: Program, block: Block, columns: int, rows: int, stitch: str) -> None:
    """Fill ``block`` with a task for each tile of each frame."""
    shot, images = program.shot, _images(program)
    tiles = tiles_of(columns, rows)
    if len(shot.frames) * len(tiles) > TASKS_MAX:
        raise JobError(
            f"{len(shot.frames)} frames of {len(tiles)} tiles are more than {TASKS_MAX} tasks",
            "send fewer frames in a job",
            option="--tiles",
        )
    if shot.per_task != 1:
        raise JobError("a tile is a task of one frame", "leave it out", option="--per-task")
    block.set_frames_per_task(-len(tiles))
    prefix = config.command_prefix()
    by_extra = program.tiles_by_extra()
    crop = _stitcher(program, images, stitch) != "sum"
    for frame in shot.frames:
        for tile in tiles:
            task = Task(f"frame {frame} tile {tile.row}-{tile.column}")
            name = _part(program, tile, images)
            if by_extra:
                command = program.extra_tile_command(frame, tile, name)
            else:
                command = program.tile_command(frame, tile, name, crop=crop)
            task.set_command(prefix + command)
            task.set_files([name.frame(frame)])
            block.tasks.append(task)


def stitch_block(program: Program, columns: int, rows: int, stitch: str, after: str) -> Block:
    """One task a frame, when the block ``after`` is done."""
    shot, images = program.shot, _images(program)
    stitch = _stitcher(program, images, stitch)
    block = Block("stitch", "tiles_stitch")
    block.set_parser("generic")
    parts = [[_part(program, tile, images).farm() for tile in row] for row in _rows(columns, rows)]
    command = STITCHERS[stitch](parts, images.farm())
    if len(command) > COMMAND_MAX:
        raise JobError(
            "the names of so many tiles make no command line",
            "name the program by --stitch, or take fewer tiles",
            option="--tiles",
        )
    block.set_numeric(shot.first, shot.last, 1, shot.by)
    block.set_command(command, prefix=stitch != "auto")  # that one has it inside
    block.set_files([images.farm()])
    block.set_tasks_name("stitch @#@")
    block.set_depend_mask(re.escape(after))
    usual = program.tiles_by_extra()
    every = Program.tile_pattern(program, images) if usual else program.tile_pattern(images)
    block.set_command_post(f"deletefiles -s {quote(every)}")
    return block


def _part(program: Program, tile: Tile, images: Sequence) -> Sequence:
    """The files of a part: a program's own names, where it renders tiles by itself."""
    if program.tiles_by_extra():
        return Program.tile_images(program, tile, images)
    return program.tile_images(tile, images)


def _stitcher(program: Program, images: Sequence, stitch: str) -> str:
    """``--stitch``, or the only way there is."""
    if not program.TILES_WHOLE or program.tiles_by_extra():
        return stitch
    if images.extension != ".exr":
        raise JobError(
            f"{program.TITLE} renders tiles into .exr, which says where they are", option="--output"
        )
    if stitch not in ("auto", "sum"):
        title = program.TITLE
        raise JobError(f"the tiles of {title} are summed", "leave it out", option="--stitch")
    return "sum"


def tiles_of(columns: int, rows: int) -> list[Tile]:
    """All tiles in reading order."""
    return [tile for row in _rows(columns, rows) for tile in row]


def _rows(columns: int, rows: int) -> list[list[Tile]]:
    numbers = range(1, columns + 1)
    return [[Tile(row, column, rows, columns) for column in numbers] for row in range(1, rows + 1)]


def _images(program: Program) -> Sequence:
    images = program.images()
    if images is None or not images.width:
        raise JobError(
            "the images must be known to put them together",
            "say --output NAME.####.EXT",
            option="--tiles",
        )
    return images
