"""``afcmd limits``: what is limited, who holds it, and changing limits on the fly."""

from __future__ import annotations

import argparse
from typing import cast

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json, whoami
from afanasy.cli.humans import moment_text
from afanasy.cli.show import Cell, Show

_TITLES = ["KIND", "~NAME", "SCOPE", ">USED", ">MAX", ">HOSTS", ">MOST HOSTS", "~HELD BY", "~FROM"]
#: Jobs that a line names.
_NAMED_MAX = 5
#: Verb → fewest and most words behind it.
VERBS = {"list": (0, 0), "set": (1, 2), "unset": (1, 1)}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to show or set."""
    parser.usage = (
        "afcmd limits [options] [list | set SERVICE [N] [--hosts N] | unset SERVICE | "
        "set --ticket TICKET [N] [--hosts N] [--pool PATH | --each-host]]"
    )
    parser.add_argument(
        "words",
        metavar="WHAT",
        nargs="*",
        help="list: what is limited or held; set SERVICE N: so many tasks of the service at most, "
        "at once, on the farm, also while tasks run (any: no limit); unset SERVICE: the farm "
        "file's limit again, or the ticket is declared no more",
    )
    parser.add_argument("--hosts", metavar="N", help="and on so many hosts at most (any: no limit)")
    parser.add_argument(
        "--ticket", action="store_true", help="WHAT is a ticket, which pools and hosts declare"
    )
    parser.add_argument(
        "--pool", metavar="PATH", default="/", help="the pool that declares the ticket (default: /)"
    )
    parser.add_argument(
        "--each-host", action="store_true", help="the ticket's number is that of each host"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show or do it."""
    words: list[str] = options.words or ["list"]
    verb, rest = words[0], words[1:]
    if verb not in VERBS:
        raise CliError(Exit.BAD_INPUT, f"limits has no verb {verb!r}", f"it has {', '.join(VERBS)}")
    least, most = VERBS[verb]
    if not least <= len(rest) <= most:
        raise CliError(Exit.BAD_INPUT, f"limits {verb} takes other words", "see --help")
    if verb == "list":
        return _list(farm, show)
    count = _number(rest[1], "N") if len(rest) > 1 else None
    hosts = _number(options.hosts, "--hosts") if options.hosts is not None else None
    if verb == "set" and count is None and hosts is None:
        raise CliError(Exit.BAD_INPUT, "how many?", f"afcmd limits set {rest[0]} N, or --hosts N")
    if verb == "unset" and options.hosts is not None:
        hint = f"to take that number away: afcmd limits set {rest[0]} --hosts any"
        raise CliError(Exit.BAD_INPUT, "'--hosts' has no place beside unset", hint)
    if options.each_host and options.hosts is not None:
        hint = "leave out one of the two; a pool's ticket has a number of hosts"
        raise CliError(Exit.BAD_INPUT, "'--hosts' has no place beside --each-host", hint)
    if not options.ticket and (options.each_host or options.pool != "/"):
        extra = "--each-host" if options.each_host else "--pool"
        raise CliError(Exit.BAD_INPUT, f"{extra} is for tickets", "say --ticket, or leave it out")
    if options.ticket:
        return _ticket(options, farm, show, rest[0], count, hosts)
    return _service(farm, show, verb, rest[0], count, hosts)


def _number(text: str, what: str) -> int:
    if text in ("any", "-1"):
        return -1
    if not text.isdigit():
        raise CliError(Exit.BAD_INPUT, f"{text!r} is no number", "as 10, or any", field=what)
    return int(text)


# ------------------------------------------------------------------------------------- showing


def _list(farm: Farm, show: Show) -> int:
    limits = cast("list[Json]", farm.get("limits")["limits"])
    if show.as_json:
        show.json({"limits": limits})
    elif limits:
        show.table(_TITLES, [_row(limit) for limit in limits])
    else:
        show.line("Nothing is limited.")
    return Exit.OK


def _row(limit: Json) -> list[Cell]:
    scope, place = str(limit["scope"]), str(limit["place"])
    where = {"farm": "farm", "": "nowhere declared"}.get(scope, f"each host of {place}")
    if scope == "pool":
        where = f"pool {place}"
    elif scope == "host" and place.startswith("render "):
        where = place
    count, used = int(limit["max_count"]), int(limit["used"])
    full = "yellow" if scope in ("farm", "pool") and 0 <= count <= used else ""
    return [
        str(limit["kind"]), str(limit["name"]), where, (str(used), full), _most(count),
        str(limit["hosts"]), _most(int(limit["max_hosts"])), _holders(limit), _origin(limit),
    ]  # fmt: skip


def _most(number: int) -> str:
    return "any" if number < 0 else str(number)


def _holders(limit: Json) -> str:
    holders = cast("list[Json]", limit["holders"])
    named = [f"{one['id']} {one['name']}" for one in holders[:_NAMED_MAX]]
    if len(holders) > _NAMED_MAX:
        named.append(f"and {len(holders) - _NAMED_MAX} more")
    return ", ".join(named)


def _origin(limit: Json) -> str:
    if "by" in limit:
        return f"set by {limit['by']} at {moment_text(limit['time'])}"
    return str(limit.get("origin", ""))


# ------------------------------------------------------------------------------------ changing


def _service(
    farm: Farm, show: Show, verb: str, name: str, count: int | None, hosts: int | None
) -> int:
    operation: Json = {"type": verb, "name": name}
    if count is not None:
        operation["max_count"] = count
    if hosts is not None:
        operation["max_hosts"] = hosts
    answer = farm.ask({"action": {**whoami(), "type": "limits", "operation": operation}})
    if show.as_json:
        show.json({"limits": answer["limits"]})
        return Exit.OK
    show.line(str(answer["info"]["text"]))
    limits = cast("list[Json]", answer["limits"])
    if limits:
        show.table(_TITLES, [_row(limit) for limit in limits])
    return Exit.OK


def _ticket(
    options: argparse.Namespace,
    farm: Farm,
    show: Show,
    name: str,
    count: int | None,
    hosts: int | None,
) -> int:
    operation: Json = {"type": "tickets", "name": name, "host": options.each_host}
    if options.words[0] == "unset":
        operation |= {"count": -1} if options.each_host else {"count": -1, "max_hosts": -1}
    if count is not None:
        operation["count"] = count
    if hosts is not None:  # what is not named stays as it is
        operation["max_hosts"] = hosts
    if options.words[0] == "unset":
        _check_declared(farm, name, options.pool, each_host=options.each_host)
    farm.on_named("pools", options.pool, operation=operation)
    mine = _of_ticket(farm, name)
    if show.as_json:
        show.json({"limits": mine})
    elif mine:
        show.table(_TITLES, [_row(limit) for limit in mine])
    else:
        show.line(f"Ticket {name} is declared nowhere now.")
    return Exit.OK


def _of_ticket(farm: Farm, name: str) -> list[Json]:
    """Where the ticket is declared or held."""
    found = cast("list[Json]", farm.get("limits")["limits"])
    return [one for one in found if (one["kind"], one["name"]) == ("ticket", name)]


def _check_declared(farm: Farm, name: str, pool: str, *, each_host: bool) -> None:
    """Raises CliError when the pool does not declare the ticket in this way."""
    farm.node("pools", pool)  # it is there
    places = [(one["scope"], one["place"]) for one in _of_ticket(farm, name)]
    if (("host", f"pool {pool}") if each_host else ("pool", pool)) in places:
        return
    way = " for each of its hosts" if each_host else ""
    raise CliError(
        Exit.NOT_FOUND, f"pool {pool} declares no ticket {name!r}{way}",
        "afcmd limits shows where tickets are declared",
    )  # fmt: skip
