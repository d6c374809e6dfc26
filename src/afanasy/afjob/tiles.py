"""Tiles: parts of a frame on several renders, and the block that puts them together.

The tiles are a list block, frame after frame, with ``frames_per_task`` of minus their number: so
many tasks share one frame. The stitching block is numeric, one task a frame, and waits for the
block of the tiles. Deleting the job deletes the tiles.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from af import Block, Task, config
from afanasy.afjob.errors import JobError
from afanasy.afjob.program import Program, Tile
from afanasy.afjob.sequence import Sequence
from afanasy.afjob.shell import line, quote

#: More tasks than this are a mistake: their commands would fill hundreds of megabytes.
TASKS_MAX = 200_000


def _magick(program: str) -> Callable[[list[list[str]], str], str]:
    def command(rows: list[list[str]], output: str) -> str:
        words = [program]
        for row in rows:
            words += ['"("', *map(quote, row), "+append", '")"']
        return " ".join([*words, "-append", "+repage", quote(output)])

    return command


def _oiiotool(rows: list[list[str]], output: str) -> str:
    """Each tile is a whole frame that is empty outside: their sum is the picture."""
    first, *others = [name for row in rows for name in row]
    added = [word for name in others for word in (name, "--add")]
    return line("oiiotool", first, *added, "-o", output)


#: ``--stitch`` → the command line of rows of files and the result.
STITCHERS: dict[str, Callable[[list[list[str]], str], str]] = {
    "convert": _magick("convert"),
    "magick": _magick("magick"),
    "oiiotool": _oiiotool,
}
#: Sums need tiles in whole frames.
_WHOLE = frozenset({"oiiotool"})


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
    for frame in shot.frames:
        for tile in tiles:
            task = Task(f"frame {frame} tile {tile.row}-{tile.column}")
            name = images.with_mark(tile.mark)
            command = program.tile_command(frame, tile, name, crop=stitch not in _WHOLE)
            task.set_command(prefix + command)
            task.set_files([name.frame(frame)])
            block.tasks.append(task)


def stitch_block(program: Program, columns: int, rows: int, stitch: str, after: str) -> Block:
    """One task a frame, when the block ``after`` is done."""
    shot, images = program.shot, _images(program)
    block = Block("stitch", "tiles_stitch")
    block.set_parser("generic")
    parts = [[images.with_mark(tile.mark).farm() for tile in row] for row in _rows(columns, rows)]
    block.set_numeric(shot.first, shot.last, 1, shot.by)
    block.set_command(STITCHERS[stitch](parts, images.farm()))
    block.set_files([images.farm()])
    block.set_tasks_name("stitch @#@")
    block.set_depend_mask(re.escape(after))
    every = images.with_mark("tile-*.")
    block.set_command_post(f"deletefiles -s {quote(every.any())}")
    return block


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
