"""``afcmd render``: one render, or do something to it."""

from __future__ import annotations

import argparse
from typing import Any, cast

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.humans import duration, moment_text, since, state_colour, state_words
from afanasy.cli.renders import capacity_of, load_cells
from afanasy.cli.replies import tell
from afanasy.cli.show import Show

#: Verb → (what the action carries, what it means).
VERBS: dict[str, tuple[dict[str, Any], str]] = {
    "nimby": ({"params": {"nimby": True}}, "take only tasks of its owner"),
    "NIMBY": ({"params": {"NIMBY": True}}, "take no tasks"),
    "free": ({"params": {"nimby": False, "NIMBY": False}}, "take all tasks again"),
    "pause": ({"params": {"paused": True}}, "take no new tasks"),
    "unpause": ({"params": {"paused": False}}, "take new tasks again"),
    "eject": ({"operation": {"type": "eject_tasks"}}, "send its tasks elsewhere"),
    "exit": ({"operation": {"type": "exit"}}, "end its afrender"),
    "delete": ({"operation": {"type": "delete"}}, "forget it, when it is offline"),
}
_FIELDS = ("annotation", "custom_data", "os", "engine", "pool", "properties_host", "services")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The render and the verb."""
    verbs = "; ".join(f"{verb}: {text}" for verb, (_, text) in VERBS.items())
    parser.add_argument("name", metavar="NAME", help="the render's name")
    parser.add_argument("verb", metavar="VERB", nargs="?", choices=VERBS, help=verbs)
    parser.add_argument("--do", choices=VERBS, help=argparse.SUPPRESS)  # renders VERB NAME


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show it or do it."""
    verb = options.do or options.verb
    if options.do and options.verb:
        raise CliError(Exit.BAD_INPUT, f"{options.verb!r} is one word too many", "name one render")
    if verb:
        answer = farm.on_named("renders", options.name, **VERBS[verb][0])
        tell(show, answer, f"render {options.name}: {verb}")
        return Exit.OK
    render = farm.render(options.name)
    loads = farm.nodes("renders", ids=[render["id"]], mode="resources")
    if loads:
        render["host_resources"] = loads[0].get("host_resources", {})
    if show.as_json:
        show.json({"render": render})
    else:
        _detail(show, render)
    return Exit.OK


def _detail(show: Show, render: Json) -> None:
    words = state_words(render)
    address: Json = render.get("address") or {}
    tasks = cast("list[Json]", render.get("tasks") or [])
    limit = render.get("max_tasks", render.get("max_tasks_host"))
    show.field("render", f"{render.get('id')} {render.get('name')}", "bold")
    show.field("state", " ".join(words), state_colour(words))
    show.field("user", render.get("user_name"))
    show.field("address", address.get("ip"))
    show.field("priority", render.get("priority"))
    total = capacity_of(render)
    used = render.get("capacity_used", 0)
    show.field("capacity", f"{used} of {total} used" if total >= 0 else f"{used} used")
    show.field("tasks", f"{len(tasks)} of {limit}" if limit is not None else len(tasks))
    show.field("registered", moment_text(render.get("time_register")))
    show.field("idle" if not tasks else "busy", _since(render, bool(tasks)))
    for name in _FIELDS:
        show.field(name, render.get(name))
    cells = load_cells(render)
    for name, cell in zip(
        ("cpu", "memory free", "swap used", "disk free", "network in", "network out"),
        cells,
        strict=True,
    ):
        show.field(name, cell)
    if tasks:
        show.line()
        percents = cast("list[int]", render.get("tasks_percents") or [])
        percents += [-1] * (len(tasks) - len(percents))
        show.table(
            [">JOB", "~NAME", "~BLOCK", "~TASK", "~SERVICE", "~USER", ">CAP", ">DONE", ">TIME"],
            [
                [
                    str(task.get("job_id")), str(task.get("job_name", "")),
                    str(task.get("block_name", "")), str(task.get("name", "")),
                    str(task.get("service", "")), str(task.get("user_name", "")),
                    str(task.get("capacity", 0) * max(1, task.get("capacity_coeff", 1))),
                    f"{percent}%" if percent >= 0 else "", since(task.get("time_start")),
                ]
                for task, percent in zip(tasks, percents, strict=False)
            ],
        )  # fmt: skip


def _since(render: Json, busy: bool) -> str:
    moment = render.get("busy_time" if busy else "idle_time")
    return f"for {since(moment)}" if moment else duration(0)
