"""``afcmd users``: the list of users."""

from __future__ import annotations

import argparse

from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import Filter, add_filters, add_watch
from afanasy.cli.humans import since
from afanasy.cli.show import Cell, Show


def arguments(parser: argparse.ArgumentParser) -> None:
    """A filter."""
    add_filters(parser, state=False)
    add_watch(parser)


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """List them."""
    keep = Filter(options, "users")
    users = [user for user in farm.nodes("users") if keep(user)]
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
