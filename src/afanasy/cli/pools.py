"""``afcmd pools``: the list of pools."""

from __future__ import annotations

import argparse

from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import Filter, add_filters, add_watch
from afanasy.cli.humans import state_colour, state_words
from afanasy.cli.show import Cell, Show

_TITLES = [
    "~POOL", "STATE", ">PRI", ">RENDERS", ">ONLINE", ">BUSY", ">PAUSED", ">SICK", ">TASKS",
    ">CAPACITY", "~PATTERN",
]  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Filters."""
    add_filters(parser)
    add_watch(parser)


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """List them, a pool before those below it."""
    keep = Filter(options, "pools")
    pools = sorted(filter(keep, farm.nodes("pools")), key=lambda pool: str(pool.get("name")))
    if show.as_json:
        show.json({"pools": pools})
    elif pools:
        show.table(_TITLES, [_row(pool) for pool in pools])
    return Exit.OK


def _row(pool: Json) -> list[Cell]:
    words = state_words(pool)
    counts = ("renders_online", "renders_busy", "renders_paused", "renders_sick", "run_tasks")
    return [
        str(pool.get("name")),
        (" ".join(words), state_colour(words)),
        str(pool.get("priority")),
        str(pool.get("renders_total", 0)),
        *(str(pool.get(name) or "") for name in counts),
        str(pool.get("run_capacity") or ""),
        str(pool.get("pattern") or ""),
    ]
