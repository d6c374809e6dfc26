"""``afcmd branch``: one branch, or do something to it and its jobs."""

from __future__ import annotations

import argparse
from typing import Any, cast

from afanasy.cli.detail import detail, log
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.replies import tell
from afanasy.cli.show import Show

#: Verb → (what the action carries, what it means).
VERBS: dict[str, tuple[dict[str, Any], str]] = {
    "pause": ({"operation": {"type": "pause"}}, "none of its jobs start tasks"),
    "start": ({"operation": {"type": "start"}}, "its jobs start tasks again"),
    "delete": ({"operation": {"type": "delete"}}, "delete it, when it is empty"),
    "delete-done": ({"operation": {"type": "delete_done_jobs"}}, "delete its jobs that are done"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The branch; a verb before it."""
    parser.usage = "afcmd branch [options] (BRANCH | VERB BRANCH)"
    verbs = "; ".join(f"{verb}: {text}" for verb, (_, text) in VERBS.items())
    parser.add_argument(
        "words", metavar="BRANCH", nargs="+",
        help=f"its path, as /film/shot1; or a verb and a path. {verbs}",
    )  # fmt: skip
    parser.add_argument("--log", action="store_true", help="what happened to it")


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show it, or do it."""
    words: list[str] = options.words
    if words[0] in VERBS and len(words) == 2:
        answer = farm.on_named("branches", words[1], **VERBS[words[0]][0])
        tell(show, answer, f"branch {words[1]}: {words[0]}")
        return Exit.OK
    if len(words) > 1:
        known = ", ".join(VERBS)
        raise CliError(Exit.BAD_INPUT, f"{words[0]!r} is no verb of branches", f"there are {known}")
    branch = farm.place("branches", words[0])
    if options.log:
        log(show, farm.get("branches", ids=[branch["id"]], mode="log"))
    elif show.as_json:
        show.json({"branch": branch})
    else:
        _detail(show, branch)
    return Exit.OK


def _detail(show: Show, branch: Json) -> None:
    detail(show, "branch", branch, leave_out=("active_jobs", "active_users"))
    jobs = cast("list[Json]", branch.get("active_jobs") or [])
    if not jobs:
        return
    show.line()
    show.table(
        [">ID", "~NAME", "~USER", "STATE", ">TASKS"],
        [
            [
                str(job.get("id")), str(job.get("name")), str(job.get("user_name")),
                str(job.get("state", "")).strip(), str(job.get("running_tasks_num") or ""),
            ]
            for job in jobs
        ],
    )  # fmt: skip
