"""``afcmd services``: which services a render or a pool lists and forbids (SEMANTICS 6.1)."""

from __future__ import annotations

import argparse
from typing import cast

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm
from afanasy.cli.replies import tell
from afanasy.cli.show import Show

#: Verb → (mode of the operation, the member that names services, what it means).
VERBS: dict[str, tuple[str, str, str]] = {
    "add": ("service_add", "name", "list a service"),
    "remove": ("service_remove", "mask", "list it no more"),
    "disable": ("service_disable", "mask", "forbid it, listed or not"),
    "enable": ("service_enable", "mask", "forbid it no more"),
    "clear": ("clear_services", "", "list and forbid nothing"),
}
#: Word for what it is about → type of the nodes.
KINDS = {"pool": "pools", "render": "renders"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Whose services, what to do, and with which."""
    parser.usage = "afcmd services [options] (pool | render) VERB NAME [SERVICE ...]"
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help="pool or render")
    verbs = "; ".join(f"{verb}: {text}" for verb, (_, _, text) in VERBS.items())
    parser.add_argument("verb", choices=VERBS, metavar="VERB", help=verbs)
    parser.add_argument("name", metavar="NAME", help="the path of the pool, or the render's name")
    parser.add_argument(
        "service", metavar="SERVICE", nargs="*",
        help="with add: names; with the others: one regular expression of whole names",
    )  # fmt: skip
    parser.add_argument(
        "--regex", action="store_true", help="NAME is a regular expression of whole names"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Do it."""
    verb, words = str(options.verb), cast("list[str]", options.service)
    mode, member, _ = VERBS[verb]
    if verb != "add" and len(words) > 1:
        hint = f"as a regular expression: '{'|'.join(words)}'"
        raise CliError(Exit.BAD_INPUT, f"{verb} takes one SERVICE", hint)
    service = ",".join(words)
    if member and not service:
        raise CliError(
            Exit.BAD_INPUT, "no service was named", f"as services pool {verb} /film nuke"
        )
    if service and not member:
        raise CliError(Exit.BAD_INPUT, f"{verb} takes no service", "it is about all of them")
    operation = {"type": "farm", "mode": mode, **({member: service} if member else {})}
    kind, name = KINDS[options.kind], str(options.name)
    if options.regex:
        answer = farm.action(kind, mask=name, operation=operation)
    else:
        answer = farm.on_named(kind, name, operation=operation)
    which = f"{kind} matching {name}" if options.regex else f"{options.kind} {name}"
    done = f"{which}: services {verb} {service}".rstrip()
    tell(show, answer, done, options.kind if options.regex else "")
    return Exit.OK
