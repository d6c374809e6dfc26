"""``afcmd users``: the list of users."""

from __future__ import annotations

import argparse

from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.humans import since
from afanasy.cli.jobs import compiled
from afanasy.cli.show import Cell, Show


def arguments(parser: argparse.ArgumentParser) -> None:
    """A filter."""
    parser.add_argument("--mask", metavar="RE", help="whose whole name matches")


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """List them."""
    users = farm.nodes("users")
    if options.mask:
        mask = compiled(options.mask)
        users = [user for user in users if mask.fullmatch(str(user.get("name")))]
    if show.as_json:
        show.json({"users": users})
    elif users:
        show.table(
            [
                "~NAME",
                ">PRI",
                ">JOBS",
                ">RUNNING",
                ">TASKS",
                ">MAX",
                ">CAPACITY",
                ">ACTIVE",
                "NOTE",
            ],
            [_row(user) for user in users],
        )
    return Exit.OK


def _row(user: Json) -> list[Cell]:
    limit = user.get("max_running_tasks", -1)
    return [
        str(user.get("name")),
        str(user.get("priority")),
        str(user.get("jobs_num", "")),
        str(user.get("running_jobs_num", "")),
        str(user.get("running_tasks_num", "")),
        str(limit) if limit >= 0 else "",
        str(user.get("running_capacity_total", "")),
        since(user.get("time_activity")),
        ("paused", "yellow") if user.get("paused") else "",
    ]
