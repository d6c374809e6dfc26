"""``afcmd jobs``: the list of jobs."""

from __future__ import annotations

import argparse
import re

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.figures import counts_of
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


def add_filters(parser: argparse.ArgumentParser) -> None:
    """The filters of all lists."""
    parser.add_argument(
        "--state", metavar="WORD", action="append", help="with this word in the state, as ERR"
    )
    parser.add_argument("--mask", metavar="RE", help="whose whole name matches")


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """List them."""
    keep = Filter(options)
    jobs = farm.nodes("jobs", **({"users": options.user} if options.user else {}))
    jobs = [
        job
        for job in jobs
        if keep(job) and (options.all or not (job.get("hidden") or job.get("id") == _SYSTEM_JOB))
    ]
    if show.as_json:
        show.json({"jobs": jobs})
    elif jobs:
        show.table(_TITLES, [_row(job) for job in jobs])
    return Exit.OK


def _row(job: Json) -> list[Cell]:
    counts = counts_of(job)
    words = state_words(job)
    return [
        str(job.get("id")),
        str(job.get("name")),
        str(job.get("user_name")),
        (" ".join(words), state_colour(words)),
        str(job.get("priority")),
        f"{counts.percent}%",
        f"{counts.done}/{counts.tasks}",
        str(counts.running or ""),
        (str(counts.errors or ""), "red"),
        since(job.get("time_creation")),
    ]


class Filter:
    """What ``--state`` and ``--mask`` let through."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._words = {word for text in options.state or () for word in text.upper().split(",")}
        self._mask = compiled(options.mask) if options.mask else None

    def __call__(self, node: Json) -> bool:
        """Whether the node is shown."""
        if self._words and not self._words & {word.upper() for word in state_words(node)}:
            return False
        return self._mask is None or bool(self._mask.fullmatch(str(node.get("name"))))


def compiled(mask: str) -> re.Pattern[str]:
    """The regular expression. Raises CliError when it does not compile."""
    try:
        return re.compile(mask)
    except re.error as error:
        raise CliError(
            Exit.BAD_INPUT, f"{mask!r} does not compile: {error}", "as 'shot10.*'", field="--mask"
        ) from None
