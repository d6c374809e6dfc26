"""``afcmd jobs``: the list of jobs."""

from __future__ import annotations

import argparse

from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.figures import counts_of
from afanasy.cli.filters import Filter, add_filters, add_watch
from afanasy.cli.humans import since, state_colour, state_words
from afanasy.cli.show import Cell, Show

_SYSTEM_JOB = 1
_TITLES = [
    ">ID", "~NAME", "~USER", "STATE", ">PRI", ">DONE", ">TASKS", ">RUN", ">ERR", ">AGE",
]  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Filters; all of them must hold."""
    parser.add_argument("--user", metavar="NAME", action="append", help="jobs of this user")
    add_filters(parser)
    parser.add_argument("--all", action="store_true", help="the system job and hidden jobs too")
    parser.add_argument("--uid", metavar="ID", type=int, help="jobs of the user of this id")
    add_watch(parser)


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """List them."""
    jobs = chosen(options, farm)
    if show.as_json:
        show.json({"jobs": jobs})
    elif jobs:
        table(show, jobs)
    return Exit.OK


def chosen(options: argparse.Namespace, farm: Farm) -> list[Json]:
    """The jobs that the options let through."""
    keep = Filter(options, "jobs")
    users: list[str] = options.user or keep.must_equal("user_name")
    members: Json = {"users": users} if users else {}
    if options.uid is not None:
        members = {"uids": [options.uid]}
    return [
        job
        for job in farm.nodes("jobs", **members)
        if (options.all or not (job.get("hidden") or job.get("id") == _SYSTEM_JOB)) and keep(job)
    ]


def table(show: Show, jobs: list[Json]) -> None:
    """The jobs under their titles."""
    show.table(_TITLES, [row(job) for job in jobs])


def row(job: Json, done: str = "") -> list[Cell]:
    """The cells of a job; ``done`` stands instead of its percent, as a bar does."""
    counts = counts_of(job)
    words = state_words(job)
    return [
        str(job.get("id")),
        str(job.get("name")),
        str(job.get("user_name")),
        (" ".join(words), state_colour(words)),
        str(job.get("priority")),
        done or f"{counts.percent}%",
        f"{counts.done}/{counts.tasks}",
        str(counts.running or ""),
        (str(counts.errors or ""), "red"),
        since(job.get("time_creation")),
    ]
