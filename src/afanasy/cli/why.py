"""``afcmd why``: why tasks do not run, from the same checks that the server solves with."""

from __future__ import annotations

import argparse
from typing import Any, cast

from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.humans import plural, state_words
from afanasy.cli.selection import find_places
from afanasy.cli.show import Show


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to explain."""
    parser.usage = "afcmd why [options] (JOB [BLOCK [TASK]] | JOB.BLOCK [TASK])"
    parser.add_argument(
        "place", metavar="JOB [BLOCK [TASK]]", nargs="+", help="a job, a block or a task"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Explain it."""
    job, block, task = find_places(farm, options.place)
    members: dict[str, Any] = {}
    if block is not None:
        members["block_ids"] = [block["block_num"]]
    if task is not None:
        members["task_ids"] = [task]
    answer = farm.get("jobs", ids=[job["id"]], mode="explain", **members)
    if show.as_json:
        show.json(answer)
        return Exit.OK
    found = cast("list[Json]", answer["explain"])
    if not found:
        show.line(f"job {job['id']} {job.get('name')}: everything is done")
    for one in found:
        _explain(show, one)
    return Exit.OK


def _explain(show: Show, one: Json) -> None:
    words = " ".join(state_words(one))
    show.line(
        f"{one.get('job_id')}.{one.get('block_name')} {one.get('task_name')}: {words}", "bold"
    )
    show.line(f"  {one.get('summary')}")
    work = cast("Json | None", one.get("work"))
    if work and work.get("text") != one.get("summary"):
        show.line(f"  {work.get('text')}")
    suggestions = cast("list[Json]", one.get("suggestions") or [])
    for text in dict.fromkeys(str(found.get("text")) for found in suggestions):
        show.line(f"  to do: {text}")
    for text in cast("list[str]", one.get("warnings") or []):
        show.line(f"  mind: {text}")
    for group in cast("list[Json]", one.get("renders") or []):
        count = int(group.get("count", 0))
        names = [str(name) for name in cast("list[Any]", group.get("names") or [])]
        more = count - len(names)
        listed = ", ".join(names) + (f" and {more} more" if more > 0 and names else "")
        show.line(f"  {plural(count, 'render')}: {group.get('text')} ({listed})")
