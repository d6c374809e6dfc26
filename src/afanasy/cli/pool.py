"""``afcmd pool``: one pool, or do something to it and its renders."""

from __future__ import annotations

import argparse
from typing import Any

from afanasy.cli.detail import detail, log
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.replies import tell
from afanasy.cli.show import Show
from afanasy.cli.values import parse_words

#: Verb → (what the action carries, what it means).
VERBS: dict[str, tuple[dict[str, Any], str]] = {
    "pause": ({"params": {"paused": True}}, "its renders take no new tasks"),
    "unpause": ({"params": {"paused": False}}, "its renders take new tasks again"),
    "heal": ({"operation": {"type": "heal_sick"}}, "say that its renders are well"),
    "eject": ({"operation": {"type": "eject_tasks"}}, "send the tasks of its renders elsewhere"),
    "exit": ({"operation": {"type": "exit"}}, "end the agents of its renders"),
    "delete": ({"operation": {"type": "delete"}}, "delete it, when it is empty"),
    "delete-renders": (
        {"operation": {"type": "delete_renders"}},
        "forget its renders that are offline",
    ),
}
#: Verbs that are about renders, those of the pools below included.
_ON_RENDERS = frozenset({"heal", "eject", "exit", "delete-renders"})


def arguments(parser: argparse.ArgumentParser) -> None:
    """The pool; a verb before it, and what a new pool has."""
    parser.usage = "afcmd pool [options] (POOL | add POOL [key=value…] | VERB POOL)"
    verbs = "; ".join(f"{verb}: {text}" for verb, (_, text) in VERBS.items())
    parser.add_argument(
        "words", metavar="POOL", nargs="+",
        help=f"its path, as /film/gpu; or a verb and a path. add: make it; {verbs}",
    )  # fmt: skip
    parser.add_argument("--log", action="store_true", help="what happened to it")
    parser.add_argument(
        "--regex", action="store_true", help="POOL is a regular expression of whole paths"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show it, or do it."""
    words: list[str] = options.words
    if words[0] == "add" and len(words) > 1 and not options.regex:
        return _add(farm, show, words[1], parse_words(words[2:]))
    if words[0] in VERBS and len(words) == 2:
        return _do(farm, show, words[0], words[1], regex=options.regex)
    if len(words) > 1:
        known = ", ".join(["add", *VERBS])
        raise CliError(Exit.BAD_INPUT, f"{words[0]!r} is no verb of pools", f"there are {known}")
    if options.regex:
        raise CliError(Exit.BAD_INPUT, "--regex needs a verb", "pools --mask RE lists them")
    pool = farm.place("pools", words[0])
    if options.log:
        log(show, farm.get("pools", ids=[pool["id"]], mode="log"))
        return Exit.OK
    if show.as_json:
        show.json({"pool": pool})
        return Exit.OK
    detail(show, "pool", pool)
    return Exit.OK


def _do(farm: Farm, show: Show, verb: str, name: str, *, regex: bool) -> int:
    members = VERBS[verb][0]
    if regex:
        answer = farm.action("pools", mask=name, **members)
    else:
        answer = farm.on_named("pools", name, **members)
    which = f"pools matching {name}" if regex else f"pool {name}"
    tell(show, answer, f"{which}: {verb}", "render" if verb in _ON_RENDERS else "")
    return Exit.OK


def _add(farm: Farm, show: Show, path: str, params: Json) -> int:
    """Make the last part of the path in the pool that the rest of it names."""
    parent, _, name = path.rstrip("/").rpartition("/")
    if not path.startswith("/") or not name:
        raise CliError(Exit.BAD_INPUT, f"{path!r} is no path of a pool", "as /film/gpu")
    operation = {"type": "add_pool", "name": name}
    answer = farm.on_named("pools", parent or "/", operation=operation)
    if params:
        farm.on_named("pools", path.rstrip("/"), params=params)
    if show.as_json:
        show.json(answer)
    else:
        show.line(str(answer["info"]["text"]))
    return Exit.OK
