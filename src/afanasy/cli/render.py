"""``afcmd render``: one render, or do something to it."""

from __future__ import annotations

import argparse
from typing import Any, cast

from af import config
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import add_watch
from afanasy.cli.humans import duration, moment_text, since, state_colour, state_words
from afanasy.cli.renders import capacity_of, load_cells, with_resources
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
    "eject-others": (
        {"operation": {"type": "eject_tasks_keep_my"}},
        "send the tasks of other users elsewhere",
    ),
    "heal": ({"operation": {"type": "heal_sick"}}, "forget the errors that made it sick"),
    "exit": ({"operation": {"type": "exit"}}, "end its afrender"),
    "delete": ({"operation": {"type": "delete"}}, "forget it, when it is offline"),
}
_FIELDS = ("annotation", "custom_data", "os", "engine", "pool", "properties_host", "services")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The render and the verb."""
    verbs = "; ".join(f"{verb}: {text}" for verb, (_, text) in VERBS.items())
    parser.add_argument(
        "name", metavar="NAME", nargs="?", default="", help="the render's name (this computer's)"
    )
    parser.add_argument("verb", metavar="VERB", nargs="?", choices=VERBS, help=verbs)
    parser.add_argument(
        "--regex", action="store_true", help="NAME is a regular expression of whole names"
    )
    parser.add_argument("--log", action="store_true", help="what happened to it, and its tasks")
    add_watch(parser)
    parser.add_argument("--do", choices=VERBS, help=argparse.SUPPRESS)  # renders VERB NAME


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show it or do it."""
    name = options.name or config.host_name()
    verb = options.do or options.verb
    if options.do and options.verb:
        raise CliError(Exit.BAD_INPUT, f"{options.verb!r} is one word too many", "name one render")
    if verb and options.regex:
        answer = farm.action("renders", mask=name, **VERBS[verb][0])
        tell(show, answer, f"renders matching {name}: {verb}", "render")
        return Exit.OK
    if verb:
        answer = farm.on_named("renders", name, **VERBS[verb][0])
        tell(show, answer, f"render {name}: {verb}")
        return Exit.OK
    if options.regex:
        raise CliError(Exit.BAD_INPUT, "--regex needs a verb", "renders --mask RE lists them")
    render = farm.render(name)
    if options.log:
        return _log(farm, show, render)
    with_resources(farm, [render])
    if show.as_json:
        show.json({"render": render})
    else:
        _detail(show, render)
    return Exit.OK


def _log(farm: Farm, show: Show, render: Json) -> int:
    """What happened to it, then what it works on."""
    logs = {
        mode: farm.get("renders", ids=[render["id"]], mode=mode)["message"]["list"]
        for mode in ("log", "tasks_log")
    }
    if show.as_json:
        show.json(logs)
    else:
        for lines in logs.values():
            for line in cast("list[Any]", lines):
                show.line(str(line))
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
