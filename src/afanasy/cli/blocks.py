"""``afcmd blocks``: the blocks of a job, or one of them with everything about it."""

from __future__ import annotations

import argparse
from typing import Any, cast

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import Filter, add_watch, add_where
from afanasy.cli.humans import moment_text, state_colour, state_words
from afanasy.cli.job import blocks_table
from afanasy.cli.selection import blocks_of, find_block, find_place
from afanasy.cli.show import Show

_MOMENTS = frozenset({"time_started", "time_done"})
#: Drawn elsewhere, or too long for a line.
_LEFT_OUT = frozenset({"p_progressbar", "tasks", "job_id", "block_num", "name", "st", "state"})


def arguments(parser: argparse.ArgumentParser) -> None:
    """The job, and a filter."""
    parser.add_argument("job", metavar="JOB", help="id or name; JOB.BLOCK for one block")
    add_where(parser)
    parser.add_argument("--show", action="store_true", help="everything about one block")
    add_watch(parser)


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """List them."""
    keep = Filter(options, "blocks")
    job, only = find_place(farm, options.job)
    if options.show:
        if only is None and len(blocks_of(job)) > 1:
            names = ", ".join(str(block.get("name")) for block in blocks_of(job)[:10])
            raise CliError(Exit.BAD_INPUT, "say which block", f"{job['id']}.BLOCK with {names}")
        return _show(farm, show, job, only or blocks_of(job)[0])
    from af import fields

    blocks = [only] if only is not None else blocks_of(job)
    blocks = [block for block in blocks if keep(fields.block(block))]
    if show.as_json:
        show.json({"job_id": job["id"], "blocks": blocks})
    elif blocks:
        blocks_table(show, blocks)
    return Exit.OK


def _show(farm: Farm, show: Show, job: Json, block: Json) -> int:
    full = farm.job_by_id(int(job["id"]), mode="full")
    block = find_block(full, str(block["name"])) if block.get("name") else block
    if show.as_json:
        show.json({"block": block})
        return Exit.OK
    words = state_words(block)
    show.field(
        "block", f"{job['id']}.{block.get('name')} (number {block.get('block_num')})", "bold"
    )
    show.field("state", " ".join(words), state_colour(words))
    for name, value in block.items():
        if name in _LEFT_OUT:
            continue
        if name in _MOMENTS:
            show.field(name, moment_text(value))
        elif isinstance(value, list):
            for item in cast("list[Any]", value):
                show.field(name, item)
        elif isinstance(value, dict):
            for key, item in cast("dict[str, Any]", value).items():
                show.field(name, f"{key}={item}")
        else:
            show.field(name, value)
    return Exit.OK
