"""``afcmd move``: jobs of a user in another order, among those of the same priority."""

from __future__ import annotations

import argparse

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm
from afanasy.cli.replies import tell
from afanasy.cli.selection import find_job
from afanasy.cli.show import Show

#: Direction → operation on the user.
DIRECTIONS = {word: f"move_jobs_{word}" for word in ("up", "down", "top", "bottom")}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, and which."""
    parser.add_argument(
        "operation", metavar="WHERE", choices=DIRECTIONS,
        help="up or down by one place, to the top, or to the bottom",
    )  # fmt: skip
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="ids or names, all of one user")


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Move them."""
    jobs = [find_job(farm, word) for word in options.jobs]
    users = {str(job.get("user_name")) for job in jobs}
    if len(users) > 1:
        raise CliError(
            Exit.BAD_INPUT, f"these are jobs of {' and '.join(sorted(users))}",
            "each user's jobs have an order of their own: name those of one",
        )  # fmt: skip
    ids = [int(job["id"]) for job in jobs]
    operation = {"type": DIRECTIONS[options.operation], "jids": ids}
    answer = farm.on_named("users", users.pop(), operation=operation)
    tell(show, answer, f"move {options.operation} {', '.join(map(str, ids))}", "changed place")
    return Exit.OK
