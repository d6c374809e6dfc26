"""``afcmd render``: one render, or do something to it."""

from __future__ import annotations

import argparse
from typing import Any, cast

from af import config
from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.filters import add_watch
from afanasy.cli.humans import (
    duration,
    moment_text,
    parse_duration,
    since,
    state_colour,
    state_words,
)
from afanasy.cli.renders import capacity_of, load_cells, with_resources
from afanasy.cli.replies import tell
from afanasy.cli.show import Show
from afanasy.cli.why import helpful, show_help
from afanasy.model.clock import read_clocks

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
    "move": ({"operation": {"type": "set_pool"}}, "put it into another pool, when it is idle"),
    "reassign": (
        {"operation": {"type": "reassign_pool"}},
        "put it into the pool whose pattern names it",
    ),
    "defaults": (
        {"operation": {"type": "restore_defaults"}},
        "take back what was set of its capacity, tasks, power, properties and services",
    ),
    "exit": ({"operation": {"type": "exit"}}, "end its afrender"),
    "restart": ({"operation": {"type": "restart"}}, "start its afrender anew; tasks go on"),
    "sleep": ({"operation": {"type": "wol_sleep"}}, "put its host to sleep, when it is idle"),
    "wake": ({"operation": {"type": "wol_wake"}}, "wake its host"),
    "reboot": ({"operation": {"type": "reboot"}}, "reboot its host"),
    "shutdown": ({"operation": {"type": "shutdown"}}, "switch its host off"),
    "delete": ({"operation": {"type": "delete"}}, "forget it, when it is offline"),
}
_FIELDS = ("annotation", "custom_data", "os", "engine", "pool", "properties_host", "services")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The render and the verb."""
    verbs = "; ".join(f"{verb}: {text}" for verb, (_, text) in VERBS.items())
    parser.add_argument(
        "name", metavar="NAME", nargs="?", default="", help="the render's name (this computer's)"
    )
    parser.add_argument("verb", metavar="VERB", nargs="?", default="", help=verbs)
    parser.add_argument("pool", metavar="POOL", nargs="?", default="", help="with move: the path")
    parser.add_argument(
        "--regex", action="store_true", help="NAME is a regular expression of whole names"
    )
    parser.add_argument("--log", action="store_true", help="what happened to it, and its tasks")
    parser.add_argument("--why", action="store_true", help="why nothing (more) starts on it")
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="with nimby, NIMBY or pause: why it is taken"
    )
    parser.add_argument(
        "--for",
        dest="for_s",
        default="",
        metavar="TIME",
        help="with nimby, NIMBY or pause: given back after so long, as 30m or 2h",
    )
    add_watch(parser)
    parser.add_argument("--do", choices=VERBS, help=argparse.SUPPRESS)  # renders VERB NAME


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show it or do it."""
    name = options.name or config.host_name()
    verb, pool = _words(options)
    request = _request(verb, options) if verb else {}
    if verb == "move":
        request = {"operation": {**request["operation"], "name": pool}}
    if verb and options.regex:
        answer = farm.action("renders", mask=name, **request)
        tell(show, answer, f"renders matching {name}: {verb}", "render")
        return Exit.OK
    if verb:
        answer = farm.on_named("renders", name, **request)
        tell(show, answer, f"render {name}: {verb}")
        return Exit.OK
    if options.regex:
        raise CliError(Exit.BAD_INPUT, "--regex needs a verb", "renders --mask RE lists them")
    render = farm.render(name)
    if options.log:
        return _log(farm, show, render)
    if options.why:
        return _why(farm, show, render)
    with_resources(farm, [render])
    if show.as_json:
        show.json({"render": render})
    else:
        _detail(show, render)
    return Exit.OK


def _words(options: argparse.Namespace) -> tuple[str, str]:
    """The verb and the pool; ``renders VERB NAME`` has no verb behind the name."""
    words = [word for word in (options.verb, options.pool) if word]
    verb = options.do or (words.pop(0) if words else "")
    if verb and verb not in VERBS:
        raise CliError(
            Exit.BAD_INPUT, f"{verb!r} is no verb of renders", f"there are {', '.join(VERBS)}"
        )
    pool = words.pop(0) if words and verb == "move" else ""
    if words:
        raise CliError(Exit.BAD_INPUT, f"{words[0]!r} is one word too many", "name one render")
    if verb == "move" and not pool:
        raise CliError(Exit.BAD_INPUT, "no pool was named", "as renders move NAME /film/gpu")
    return verb, pool


def _request(verb: str, options: argparse.Namespace) -> dict[str, Any]:
    """The members of the action, with the reason and the end of taking a host (R65)."""
    request = VERBS[verb][0]
    if not (options.reason or options.for_s):
        return request
    if verb not in ("nimby", "NIMBY", "pause"):
        raise CliError(Exit.BAD_INPUT, f"{verb} takes no --reason and no --for", "leave them out")
    word = "paused" if verb == "pause" else "nimby"
    params: dict[str, Any] = dict(request["params"])
    if options.reason:
        params[f"{word}_reason"] = options.reason
    if options.for_s:
        try:
            seconds = parse_duration(options.for_s)
        except ValueError as error:
            raise CliError(Exit.BAD_INPUT, f"--for: {error}", "as 30m or 2h") from None
        if seconds < 1:
            hint = "as 30m or 2h; leave it out to take it for good"
            raise CliError(Exit.BAD_INPUT, "--for: must be a second or more", hint)
        params[f"{word}_until"] = int(read_clocks().wall + seconds)
    return {"params": params}


def _why(farm: Farm, show: Show, render: Json) -> int:
    """Why nothing (more) starts there."""
    answer = farm.get("renders", ids=[render["id"]], mode="explain")
    if show.as_json:
        show.json(answer)
        return Exit.OK
    found = cast(Json, answer["explain_render"])
    show.line(f"{found['name']}: {found['summary']}", "bold")
    helps = helpful(found)
    groups = [str(group["text"]) for group in cast("list[Json]", found["work"])]
    if found["own"] and found["own"]["text"] not in groups:
        show_help(show, helps.get(str(found["own"]["text"])), 2)
    for group in cast("list[Json]", found["work"]):
        names = [str(name) for name in cast("list[Any]", group["names"])]
        count = int(group["count"])
        more = f" and {count - len(names)} more" if count > len(names) else ""
        show.line(f"  {plural(count, 'block')}: {group['text']} ({'; '.join(names)}{more})")
        show_help(show, helps.get(str(group["text"])), 4)
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
    show.field("taken", _taken(render))
    show.field("schedule", _schedule(render))
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


def _taken(render: Json) -> str:
    """Who took it, since when, until when and why (R65)."""
    words: list[str] = []
    for name in ("nimby", "paused"):
        by, moment = render.get(f"{name}_by"), render.get(f"{name}_since")
        if moment:
            until, reason = render.get(f"{name}_until"), render.get(f"{name}_reason")
            words.append(
                "paused " * (name == "paused")
                + (f"by {by} " if by else "")
                + f"since {moment_text(moment)}"
                + (f" until {moment_text(until)}" if until else "")
                + (f": {reason}" if reason else "")
            )
    return "; ".join(words)


def _schedule(render: Json) -> str:
    """The schedule in force, what it says now, and when that changes."""
    found = cast("Json | None", render.get("schedule"))
    if not found:
        return ""
    until = moment_text(found.get("until"))
    now = f"{found.get('says') or 'nothing'} now" + (f", until {until}" if until else "")
    return f"{found.get('text')} ({now})"


def _since(render: Json, busy: bool) -> str:
    moment = render.get("busy_time" if busy else "idle_time")
    return f"for {since(moment)}" if moment else duration(0)
