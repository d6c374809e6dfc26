"""``afcmd db``: questions to the database of the server, what it is, and whether it is well."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from af import send
from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.humans import size
from afanasy.cli.show import Cell, Show

#: The answer may come that much later than the server was given time, in seconds.
_GRACE_S: Final = 60.0
_SQL_S, _CHECK_S = 10, 60
#: A driver that is asked about in passing does not wait for a server.
_CONNECT_S, _ANSWER_S = 1.0, 5.0


class Driver(NamedTuple):
    """A kind of database: the modules that speak to it, and what pip installs."""

    name: str
    modules: tuple[str, ...]
    package: str


DRIVERS: Final = (
    Driver("sqlite", ("sqlite3",), ""),
    Driver("postgresql", ("psycopg", "psycopg2"), "psycopg[binary]"),
    Driver("mysql", ("pymysql", "mysqlclient", "MySQLdb", "mariadb"), "pymysql"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do."""
    parser.usage = "afcmd db [options] (sql QUERY | tables [VIEW] | drivers | check)"
    parser.add_argument(
        "words",
        metavar="WHAT",
        nargs="+",
        help="sql QUERY: the rows of a SELECT, - reads it from standard input; tables: the views "
        "that can be read and their columns; drivers: kinds of databases; check: whether the "
        "database is well",
    )
    parser.add_argument("--limit", metavar="N", type=int, help="(sql) so many rows (1000)")
    parser.add_argument("--csv", action="store_true", help="(sql) print CSV")
    parser.add_argument(
        "--timeout", metavar="S", type=int, help="(sql, check) give up after S seconds (10, 60)"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Do it."""
    verb, *rest = cast("list[str]", options.words)
    verbs: dict[str, tuple[tuple[int, ...], Callable[[], int]]] = {
        "sql": ((1,), lambda: _sql(options, rest[0], farm, show)),
        "tables": ((0, 1), lambda: _tables(rest, farm, show)),
        "drivers": ((0,), lambda: _drivers(farm, show)),
        "check": ((0,), lambda: _check(options, farm, show)),
    }
    if verb not in verbs:
        raise CliError(Exit.BAD_INPUT, f"db has no verb {verb!r}", f"it has {', '.join(verbs)}")
    counts, do = verbs[verb]
    if len(rest) not in counts:
        hint = "quote the query: afcmd db sql 'SELECT …'" if verb == "sql" else "see --help"
        raise CliError(
            Exit.BAD_INPUT, f"db {verb} takes {' or '.join(map(str, counts))} words", hint
        )
    return do()


def _get(farm: Farm, wait_s: float, **members: Any) -> Json:
    """An answer that may take so long by request."""
    return farm.ask({"get": members}, answer_s=wait_s + _GRACE_S)


# ------------------------------------------------------------------------------------ questions


def _sql(options: argparse.Namespace, query: str, farm: Farm, show: Show) -> int:
    if options.csv and show.as_json:
        raise CliError(Exit.BAD_INPUT, "--csv and --json are two things", "leave one out")
    if query == "-":
        query = sys.stdin.read()
    members = {"query": query, "limit": options.limit, "timeout_s": options.timeout}
    given = {name: value for name, value in members.items() if value is not None}
    answer = _get(farm, options.timeout or _SQL_S, type="sql", **given)
    found: Json = answer["sql"]
    rows = cast("list[list[Any]]", found["rows"])
    if show.as_json:
        show.json({"sql": found})
        return Exit.OK
    if options.csv:
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(found["columns"])
        writer.writerows(rows)
    else:
        show.table(_titles(found["columns"], rows), [[_text(cell) for cell in row] for row in rows])
    if found["truncated"]:
        print(
            f"afcmd: that is not all: {plural(len(rows), 'row')}; ask for less, or raise --limit",
            file=sys.stderr,
        )
    return Exit.OK


def _titles(columns: list[str], rows: list[list[Any]]) -> list[str]:
    """Numbers stand right, texts give way."""
    return [
        (">" if rows and all(_is_number(row[n]) for row in rows) else "~") + name
        for n, name in enumerate(columns)
    ]


def _is_number(cell: Any) -> bool:
    return cell is None or isinstance(cell, int | float)


def _text(cell: Any) -> str:
    """A cell; never empty, for a table leaves columns out that say nothing."""
    if cell is None:
        return "-"
    return f"{cell:.15g}" if isinstance(cell, float) else str(cell) or " "


def _tables(names: list[str], farm: Farm, show: Show) -> int:
    views = cast("list[Json]", farm.get("db")["db"]["views"])
    if names:
        known = [str(view["name"]) for view in views]
        views = [view for view in views if view["name"] == names[0]]
        if not views:
            import difflib  # only a mistake needs it

            close = difflib.get_close_matches(names[0], known, 1, 0.5)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise CliError(Exit.NOT_FOUND, f"there is no view {names[0]!r}", hint)
    if show.as_json:
        show.json({"views": views})
        return Exit.OK
    for place, view in enumerate(views):
        if place:
            show.line()
        show.line(str(view["name"]), "bold")
        show.line(f"  {view['text']}")
        for column in cast("list[Json]", view["columns"]):
            show.pair(f"  {column['name']}", str(column["text"]))
    return Exit.OK


# ------------------------------------------------------------------------------------- database


def _drivers(farm: Farm, show: Show) -> int:
    used = _used(farm)
    found = [_driver(driver, used.get("driver", "")) for driver in DRIVERS]
    if show.as_json:
        show.json({"drivers": found, "server": used})
        return Exit.OK
    rows: list[list[Cell]] = [
        [
            str(one["name"]),
            (str(one["module"]), "green") if one["installed"] else "not installed",
            str(one["version"]),
            "by the server" if one["in_use"] else "",
            str(one["hint"]),
        ]
        for one in found
    ]
    show.table(["DATABASE", "DRIVER", "VERSION", "USED", "~HINT"], rows)
    if not used:
        print("afcmd: no server was asked what it uses: none answers", file=sys.stderr)
    return Exit.OK


def _used(farm: Farm) -> Json:
    """What the server says of its database; {} when it does not answer at once."""
    try:
        answer: Any = send.request(
            {"get": {"type": "db"}}, farm.servers, connect_s=_CONNECT_S, answer_s=_ANSWER_S
        )
    except send.ServerError:
        return {}
    found: Json = cast(Json, answer).get("db", {}) if isinstance(answer, dict) else {}
    return {name: value for name, value in found.items() if name != "views"}


def _driver(driver: Driver, used: str) -> Json:
    """Whether this computer can speak to that kind of database."""
    from importlib.util import find_spec

    module = next((one for one in driver.modules if find_spec(one) is not None), "")
    hint = "" if module else f"pip install '{driver.package}'"
    return {
        "name": driver.name,
        "module": module,
        "version": _version(module) if module else "",
        "installed": bool(module),
        "in_use": driver.name == used,
        "hint": hint,
    }


def _version(module: str) -> str:
    if module == "sqlite3":
        import sqlite3

        return sqlite3.sqlite_version
    from importlib import metadata

    try:
        return metadata.version(module)
    except metadata.PackageNotFoundError:
        return ""


def _check(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    given = {} if options.timeout is None else {"timeout_s": options.timeout}
    answer = _get(farm, options.timeout or _CHECK_S, type="db", mode="check", **given)
    found: Json = answer["db_check"]
    if show.as_json:
        show.json({"db_check": found})
        return Exit.OK if found["ok"] else Exit.JOB_ERROR
    show.field("database", f"{found['path']} ({found['driver']} {found['version']})", "bold")
    for name, amount in cast("dict[str, int]", found["sizes"]).items():
        show.field(name.replace("_", " "), size(amount))
    for one in cast("list[Json]", found["checks"]):
        word, colour = ("ok", "green") if one["ok"] else ("BAD", "red")
        show.line(f"{word:<4} {one['name']}: {one['text']}", colour)
        if one["hint"]:
            show.line(f"     {one['hint']}")
    return Exit.OK if found["ok"] else Exit.JOB_ERROR
