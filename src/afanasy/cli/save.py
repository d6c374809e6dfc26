"""``afcmd output --save``: outputs as files.

One task goes into the file that was named. Several, or a folder that was named, become
``FOLDER/0_beauty/16_frame_17.1.log``: number and name of block and task, and which start it was.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm
from afanasy.cli.humans import size
from afanasy.cli.outputs import Output, Selection, read
from afanasy.cli.progress import Progress
from afanasy.cli.show import Show

_UNSAFE = re.compile(r"[^\w.+-]+")
_NAME_CHARS_MAX = 80


def save(options: argparse.Namespace, farm: Farm, show: Show, selection: Selection) -> int:
    """Write them; the newest one of each task, when nothing else was asked for."""
    if not (selection.number or selection.failed):
        selection = selection._replace(newest=True)
    target = Path(options.save)
    one = len(selection.places) == 1 and len(selection.places[0].ranges) == 1
    one = one and selection.tasks() == 1 and not selection.failed
    folder = not one or target.is_dir() or options.save.endswith("/")
    saved: list[dict[str, Any]] = []
    written = 0
    with Progress("saving", selection.tasks(), as_json=show.as_json) as progress:
        for output in read(farm, selection):
            if not output.kept:
                continue
            path = target / _name(output) if folder else target
            data = output.text.encode("utf-8", "replace")
            try:
                if folder:
                    path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            except OSError as error:
                told = f"cannot write {path}: {error.strerror}"
                raise CliError(Exit.BAD_INPUT, told, field="--save") from None
            written += len(data)
            run = output.run
            saved.append(
                {
                    "file": str(path),
                    "block_num": output.block["block_num"],
                    **{key: run[key] for key in ("task_num", "run", "number", "render")},
                }
            )
            progress.at(output.tasks)
    if not saved:
        raise CliError(Exit.NOT_FOUND, "there is no output", "afcmd tasks tells what was started")
    if show.as_json:
        show.json({"saved": saved, "bytes": written})
    else:
        show.line(f"saved {plural(len(saved), 'output')} ({size(written)}) to {target}")
    return Exit.OK


def _name(output: Output) -> Path:
    block, run = output.block, output.run
    of_task = f"{run['task_num']}_{_safe(run['task_name'])}.{run['number']}.log"
    return Path(f"{block['block_num']}_{_safe(block.get('name'))}", of_task)


def _safe(name: object) -> str:
    return _UNSAFE.sub("_", str(name))[:_NAME_CHARS_MAX]
