"""``afcmd branches``: the list of branches."""

from __future__ import annotations

import argparse

from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import Filter, add_filters, add_watch
from afanasy.cli.show import Cell, Show

_TITLES = [
    "~BRANCH", ">PRI", ">JOBS", ">RUNNING", ">DONE", ">ERR", ">TASKS", ">MAX", ">CAPACITY", "NOTE",
]  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Filters."""
    add_filters(parser, state=False)
    add_watch(parser)


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """List them, a branch before those below it."""
    keep = Filter(options, "branches")
    branches = sorted(filter(keep, farm.nodes("branches")), key=lambda one: str(one.get("name")))
    if show.as_json:
        show.json({"branches": branches})
    elif branches:
        show.table(_TITLES, [_row(branch) for branch in branches])
    return Exit.OK


def _row(branch: Json) -> list[Cell]:
    limit = branch.get("max_running_tasks", -1)
    counts = ("jobs_running", "jobs_done", "jobs_error", "running_tasks_num")
    return [
        str(branch.get("name")),
        str(branch.get("priority")),
        str(branch.get("jobs_total", 0)),
        *(str(branch.get(name) or "") for name in counts),
        str(limit) if limit >= 0 else "",
        str(branch.get("running_capacity_total") or ""),
        ("paused", "yellow") if branch.get("paused") else _way(branch),
    ]


def _way(branch: Json) -> str:
    """How it shares, where that is not what new branches do: users by need."""
    jobs = "jobs" if branch.get("solve_jobs") else ""
    order = "by order" if branch.get("solve_method") == "solve_order" else ""
    return " ".join(filter(None, (jobs, order)))
