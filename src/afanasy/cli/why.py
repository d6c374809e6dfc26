"""``afcmd why``: why tasks do not run, from the same checks that the server solves with."""

from __future__ import annotations

import argparse
import json
from typing import Any, cast

from af.words import plural
from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.humans import state_words
from afanasy.cli.selection import find_places
from afanasy.cli.show import Show

#: Names that a line lists.
_NAMED_MAX = 5


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
        told = answer.get("summary") or "everything is done"
        show.line(f"job {job['id']} {job.get('name')}: {told}")
        show_help(show, next(iter(cast("list[Json]", answer.get("suggestions") or [])), None), 2)
    alike: dict[str, list[Json]] = {}
    for one in found:
        alike.setdefault(_told(one), []).append(one)
    for ones in alike.values():
        _explain(show, ones)
    left = int(answer.get("left_off") or 0)
    if left:
        show.line(f"and {left} more: name a block")
    return Exit.OK


def _told(one: Json) -> str:
    """The answer without its place: blocks of which the same is told are told of once."""
    words = ("state", "summary", "work", "renders", "suggestions", "warnings")
    return json.dumps([one.get(word) for word in words])


def _explain(show: Show, ones: list[Json]) -> None:
    one = ones[0]
    places = [f"{place.get('job_id')}.{place.get('block_name')}" for place in ones]
    task = one.get("task_name") or f"#{one.get('task_num')}"
    head = f"{places[0]} {task}" if len(ones) == 1 else _listed(places, len(ones))
    show.line(f"{head}: {' '.join(state_words(one))}", "bold")
    states = cast(Json, one.get("tasks") or {})
    if len(ones) == 1 and len(states) > 1:
        show.line("  tasks: " + ", ".join(f"{count} {word}" for word, count in states.items()))
    show.line(f"  {one.get('summary')}")
    work = cast("Json | None", one.get("work"))
    if work and work.get("text") != one.get("summary"):
        show.line(f"  {work.get('text')}")
    helps = helpful(one)
    if work:
        show_help(show, helps.get(str(work.get("text"))), 4)
    for text in cast("list[str]", one.get("warnings") or []):
        show.line(f"  mind: {text}")
    for group in cast("list[Json]", one.get("renders") or []):
        names = [str(name) for name in cast("list[Any]", group.get("names") or [])]
        count = int(group.get("count", 0))
        who = f" ({_listed(names, count)})" if names else ""
        also = "besides, " if work else ""
        show.line(f"  {also}{plural(count, 'render')}: {group.get('text')}{who}")
        show_help(show, helps.get(str(group.get("text"))), 4)


def _listed(names: list[str], count: int) -> str:
    """The first few of ``count``: "r1, r2 and 7 more"."""
    shown = names[:_NAMED_MAX]
    more = count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


# ------------------------------------------------------------------ suggestions, also of renders


def helpful(one: Json) -> dict[str, Json]:
    """The suggestions of an answer by the sentence of the reason that they are about."""
    found = cast("list[Json]", one.get("suggestions") or [])
    return {str(cast(Json, each["about"])["text"]): each for each in found}


def show_help(show: Show, found: Json | None, indent: int) -> None:
    """What would help, and the lines that do it."""
    if found is None:
        return
    show.line(f"{' ' * indent}to do: {found.get('text')}")
    for line in cast("list[str]", found.get("commands") or []):
        show.line(f"{' ' * indent}       {line}")
