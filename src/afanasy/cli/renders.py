"""``afcmd renders``: the list of renders."""

from __future__ import annotations

import argparse
from typing import cast

from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import Filter, add_filters, add_watch
from afanasy.cli.humans import since, size, state_colour, state_words
from afanasy.cli.show import Cell, Show


def arguments(parser: argparse.ArgumentParser) -> None:
    """Filters, and what to show."""
    add_filters(parser)
    parser.add_argument("--resources", action="store_true", help="load of the hosts too")
    add_watch(parser)


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """List them."""
    keep = Filter(options, "renders")
    renders = farm.nodes("renders")
    if options.resources or "host_resources" in options.where:
        with_resources(farm, renders)
    renders = [render for render in renders if keep(render)]
    if show.as_json:
        show.json({"renders": renders})
    elif renders:
        table(show, renders, resources=options.resources)
    return Exit.OK


def with_resources(farm: Farm, renders: list[Json]) -> None:
    """Put the load of their hosts into those that are online."""
    loads = {node.get("id"): node for node in farm.nodes("renders", mode="resources")}
    for render in renders:
        load = loads.get(render.get("id"))
        if load is not None:
            render["host_resources"] = load.get("host_resources", {})


def table(show: Show, renders: list[Json], *, resources: bool) -> None:
    """The renders under their titles."""
    titles = ["~NAME", "STATE", "~USER", ">TASKS", ">CAPACITY", ">SINCE"]
    rows = [_row(render) for render in renders]
    if resources:
        titles += [">CPU", ">MEMORY FREE", ">SWAP", ">DISK FREE", ">NET IN", ">NET OUT"]
        rows = [row + load_cells(render) for row, render in zip(rows, renders, strict=True)]
    show.table(titles, rows)


def _row(render: Json) -> list[Cell]:
    words = state_words(render)
    tasks = len(cast("list[Json]", render.get("tasks") or []))
    busy = tasks > 0
    return [
        str(render.get("name")),
        (" ".join(words), state_colour(words)),
        str(render.get("user_name") or ""),
        _of(tasks, render.get("max_tasks", render.get("max_tasks_host", -1))),
        _of(render.get("capacity_used", 0), capacity_of(render)),
        since(render.get("busy_time" if busy else "idle_time")),
    ]


def capacity_of(render: Json) -> int:
    """The capacity in force; -1 when it is not told."""
    return int(render.get("capacity_total", render.get("capacity_host", -1)))


def _of(used: int, total: int) -> str:
    return f"{used}/{total}" if total >= 0 else str(used)


def load_cells(render: Json) -> list[Cell]:
    """CPU, memory, swap, disk and network of one host."""
    load: Json = render.get("host_resources") or {}
    if not load:
        return [""] * 6
    cpu = sum(load.get(name, 0) for name in ("cpu_user", "cpu_nice", "cpu_system"))
    return [
        f"{cpu}%",
        f"{size(load.get('mem_free_mb', 0), 'MB')}/{size(load.get('mem_total_mb', 0), 'MB')}",
        size(load.get("swap_used_mb", 0), "MB"),
        f"{size(load.get('hdd_free_gb', 0), 'GB')}/{size(load.get('hdd_total_gb', 0), 'GB')}",
        f"{size(load.get('net_recv_kbsec', 0), 'kB')}/s",
        f"{size(load.get('net_send_kbsec', 0), 'kB')}/s",
    ]
