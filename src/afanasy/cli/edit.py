"""``afcmd set``: change parameters of a job, block, render, user, pool or branch."""

from __future__ import annotations

import argparse
from typing import Any

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.replies import tell
from afanasy.cli.selection import find_block, find_place
from afanasy.cli.show import Show
from afanasy.cli.values import WORD, parse_words

#: Objects whose values are added to those that are there: an empty one changes nothing.
_MERGED = ("environment", "folders")
#: Option → the type of the nodes it names one of.
_KINDS = {"render": "renders", "user": "users", "pool": "pools", "branch": "branches"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to change, and the new values."""
    places = "JOB… | JOB.BLOCK | --render NAME | --user NAME | --pool P | --branch P | --mask RE"
    parser.usage = f"afcmd set [options] ({places}) key=value…"
    parser.add_argument(
        "words", metavar="JOB… key=value…", nargs="+", help="jobs (or JOB.BLOCK), and the values"
    )
    parser.add_argument("--block", metavar="B", help="a block of the job, by name or number")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--render", metavar="NAME", help="this render instead of a job")
    other.add_argument("--user", metavar="NAME", help="this user instead of a job")
    other.add_argument("--pool", metavar="P", help="the pool of this path instead of a job")
    other.add_argument("--branch", metavar="P", help="the branch of this path instead of a job")
    other.add_argument("--mask", metavar="RE", help="all jobs whose whole name matches")
    parser.add_argument(
        "--regex",
        action="store_true",
        help="what --render, --user, --pool or --branch name is a regular expression of whole "
        "names",
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Change it."""
    names = [word for word in options.words if not WORD.fullmatch(word)]
    params = parse_words([word for word in options.words if WORD.fullmatch(word)])
    if not params:
        raise CliError(Exit.BAD_INPUT, "no new value was given", "as priority=120")
    for key in _MERGED:
        if params.get(key) == {}:
            rule = "nothing would change: what is named is added to what is there"
            raise CliError(Exit.BAD_INPUT, rule, f"as {key}=NAME:VALUE", field=key)
    elsewhere = [name for name in (*_KINDS, "mask") if getattr(options, name) is not None]
    if not elsewhere:
        return _set_jobs(options, farm, show, names, params)
    if names or options.block is not None:
        extra = names[0] if names else "--block"
        raise CliError(Exit.BAD_INPUT, f"{extra!r} has no place beside --{elsewhere[0]}")
    (what,) = elsewhere
    name = str(getattr(options, what))
    changed = ", ".join(params)
    if what == "mask":
        answer = farm.action("jobs", mask=name, params=params)
        tell(show, answer, f"set {changed} of jobs matching {name}", "job")
    elif options.regex:
        answer = farm.action(_KINDS[what], mask=name, params=params)
        tell(show, answer, f"set {changed} of {_KINDS[what]} matching {name}", what)
    else:
        answer = farm.on_named(_KINDS[what], name, params=params)
        tell(show, answer, f"set {changed} of {what} {name}")
    return Exit.OK


def _set_jobs(
    options: argparse.Namespace, farm: Farm, show: Show, names: list[str], params: dict[str, Any]
) -> int:
    if not names:
        raise CliError(Exit.BAD_INPUT, "no job was named", "as afcmd set 5 priority=120")
    places: list[tuple[Json, Json | None]]
    if options.block is None and all(name.isdigit() for name in names):
        places = [({"id": int(name)}, None) for name in names]
    else:
        places = [find_place(farm, name) for name in names]
    job, block = places[0]
    if options.block is not None:
        block = find_block(job, options.block)
    if len(places) > 1 and (block is not None or any(found for _, found in places)):
        raise CliError(Exit.BAD_INPUT, "blocks are changed in one job at a time", "name one job")
    members = {} if block is None else {"block_ids": [block["block_num"]]}
    if block is not None and params.get("tickets") == {}:  # they are added; -1 takes one away
        params = {**params, "tickets": dict.fromkeys(block.get("tickets", {}), -1)}
    ids = [found["id"] for found, _ in places]
    answer = farm.action("jobs", ids=ids, params=params, **members)
    where = ", ".join(map(str, ids)) + (f".{block.get('name')}" if block is not None else "")
    tell(show, answer, f"set {', '.join(params)} of {where}")
    return Exit.OK
