"""``afcmd user``: one user; add, delete or pause one."""

from __future__ import annotations

import argparse
from typing import Any

from af.answers import refusal
from afanasy.cli.detail import detail, log
from afanasy.cli.exits import CliError, Exit, refused
from afanasy.cli.farm import Farm
from afanasy.cli.replies import tell
from afanasy.cli.show import Show
from afanasy.cli.values import parse_words

#: Verb → (what is said, what the action carries).
_VERBS: dict[str, tuple[str, dict[str, Any]]] = {
    "delete": ("deleted", {"operation": {"type": "delete"}}),
    "pause": ("paused", {"params": {"paused": True}}),
    "unpause": ("unpaused", {"params": {"paused": False}}),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The name; a verb before it, and what a new user has."""
    parser.usage = (
        "afcmd user [options] (NAME | add NAME [key=value…] | delete NAME | pause NAME | "
        "unpause NAME)"
    )
    parser.add_argument("words", metavar="NAME", nargs="+", help="NAME, or a verb and NAME")
    parser.add_argument("--log", action="store_true", help="what happened to him")


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show, add, delete or pause."""
    words: list[str] = options.words
    if words[0] == "add" and len(words) > 1:
        return _add(farm, show, words[1], parse_words(words[2:]))
    if words[0] in _VERBS and len(words) == 2:
        done, members = _VERBS[words[0]]
        answer = farm.on_named("users", words[1], **members)
        tell(show, answer, f"{done} user {words[1]}")
        return Exit.OK
    if len(words) > 1:
        raise CliError(
            Exit.BAD_INPUT,
            f"{words[1]!r} is one word too many",
            "afcmd user NAME, or user add NAME",
        )
    if options.log:
        user = farm.user(words[0])
        log(show, farm.get("users", ids=[user["id"]], mode="log"))
        return Exit.OK
    user = farm.user(words[0])
    if show.as_json:
        show.json({"user": user})
    else:
        detail(show, "user", user)
    return Exit.OK


def _add(farm: Farm, show: Show, name: str, params: dict[str, Any]) -> int:
    answer = farm.ask({"user": {"name": name, **params}}, refusals=False)
    if answer.get("error") == "exists":
        raise CliError(
            Exit.BAD_INPUT,
            f"there is a user {name!r} already",
            f"afcmd set --user {name} key=value",
        )
    found = refusal(answer)
    if found is not None:
        raise refused(found)
    if show.as_json:
        show.json(answer)
    else:
        show.line(f"added user {name}")
    return Exit.OK
