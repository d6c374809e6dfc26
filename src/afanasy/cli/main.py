"""``afcmd``: see and steer the farm from a terminal or a script.

**Start-up** is most of what a short command costs (R61). So the table :data:`COMMANDS` names the
module of each command, and only the one that was asked for is imported and builds its parser; the
connection is ``af``'s own blocking client. A module has two functions: ``arguments(parser)`` adds
its arguments, ``run(options, farm, show)`` does it and returns the exit code.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from importlib import import_module
from typing import Any, NoReturn

import af.config
from afanasy import __version__
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm
from afanasy.cli.show import Show

#: Command → (module, one line of help). The order is that of the help.
COMMANDS: dict[str, tuple[str, str]] = {
    "top": ("top", "live view of jobs and hosts"),
    "jobs": ("jobs", "list jobs"),
    "job": ("job", "one job with its blocks, and its tasks"),
    "blocks": ("blocks", "list the blocks of a job"),
    "tasks": ("tasks", "list the tasks of a job or block"),
    "why": ("why", "why tasks do not run"),
    "log": ("log", "what happened to a job, or the story of a task"),
    "output": ("output", "what tasks printed, also while they run; search or save it"),
    "submit": ("submit", "submit jobs from JSON files"),
    "export": ("submitted", "print what a job was submitted as, also a deleted one"),
    "resubmit": ("submitted", "submit a job once more, also a deleted one"),
    "run": ("run", "submit one command as a job"),
    "append": ("append", "add blocks to a job, or tasks to a block, from a JSON file"),
    "wait": ("wait", "wait until jobs are done"),
    "pause": ("operate", "start no more tasks (suspend tasks)"),
    "start": ("operate", "go on after a pause (continue tasks)"),
    "stop": ("operate", "stop running tasks and pause"),
    "restart": ("operate", "do everything again"),
    "restart-pause": ("operate", "do everything again, but not yet"),
    "restart-errors": ("operate", "do failed tasks again"),
    "restart-running": ("operate", "do running tasks again"),
    "restart-done": ("operate", "do done tasks again"),
    "restart-skipped": ("operate", "do skipped tasks after all"),
    "restart-warnings": ("operate", "do tasks with warnings again"),
    "reset-errors": ("operate", "forget which hosts failed"),
    "try-next": ("operate", "try these tasks before all others"),
    "reset-tries": ("operate", "forget which tasks are to be tried first"),
    "skip": ("operate", "treat what is not done as done, as skipped"),
    "done": ("operate", "treat what is not done as done"),
    "delete": ("operate", "delete jobs"),
    "move": ("move", "move jobs of a user in his order"),
    "set": ("edit", "change parameters of a job, block, render, user, pool or branch"),
    "renders": ("renders", "list renders"),
    "render": ("render", "one render, or do something to it"),
    "users": ("users", "list users"),
    "user": ("user", "one user; add, delete or pause one"),
    "pools": ("pools", "list pools"),
    "pool": ("pool", "one pool; add one, or do something to it and its renders"),
    "branches": ("branches", "list branches"),
    "branch": ("branch", "one branch, or do something to it and its jobs"),
    "server": ("server", "who answers, and what it holds"),
    "config": ("config", "settings of the server and of this computer, and changing them"),
    "services": ("services", "services of a pool or render: list, forbid, allow"),
    "limits": ("limits", "limits of services and tickets: who holds them, and changing them"),
    "farm": ("farm_file", "the farm file: patterns of hosts and limits, and what a host gets"),
    "stats": ("stats", "messages of the server: how many, bytes, times"),
    "db": ("db", "ask the server's database by SQL, or check it"),
    "plugins": ("plugins", "services and parsers: list, check, show and try them"),
    "json": ("json_request", "check a JSON request, or send it"),
    "rx": ("tools", "try a regular expression"),
    "numeric": ("tools", "tasks of a frame range, in their order"),
    "numcmd": ("tools", "the command of a task of a frame range"),
    "path": ("texts", "what becomes of a path"),
    "str": ("texts", "what becomes of a text"),
    "net": ("net", "network interfaces, and whether an address is in a network"),
    "md5": ("texts", "the MD5 sum of a text"),
    "completion": ("completion", "print the completion of a shell"),
}
#: Everything behind their first word belongs to them, options too.
TAKE_THE_REST = frozenset({"run", "completion"})
#: Their words may begin with what looks like an option, as the numbers of a frame range.
TAKE_NUMBERS = frozenset({"numeric", "numcmd"})
_LOOK = ("why", "log", "output")
_DO = (
    "pause", "start", "restart", "restart-errors", "restart-running", "restart-done",
    "restart-skipped", "reset-errors", "skip", "done",
)  # fmt: skip
_JOB_VERBS = (
    *_LOOK, "submit", "export", "resubmit", "run", "append", "wait", *_DO, "stop", "restart-pause",
    "restart-warnings", "reset-tries", "delete", "move", "set",
)  # fmt: skip
_RENDER_VERBS = (
    "nimby", "NIMBY", "free", "pause", "unpause", "eject", "eject-others", "heal", "move",
    "reassign", "defaults", "exit", "restart", "sleep", "wake", "reboot", "shutdown", "delete",
)  # fmt: skip
_POOL_VERBS = (
    "add", "pause", "unpause", "heal", "eject", "exit", "delete", "delete-renders",
)  # fmt: skip
#: Noun → verb → the words it stands for: ``afcmd jobs pause 5`` is ``afcmd pause 5``.
NOUNS: dict[str, dict[str, list[str]]] = {
    "jobs": {"list": ["jobs"], "show": ["job"], **{verb: [verb] for verb in _JOB_VERBS}},
    "blocks": {
        "list": ["blocks"],
        "show": ["blocks", "--show"],
        **{verb: [verb] for verb in ("why", "output", *_DO, "append", "set")},
    },
    "tasks": {
        "list": ["tasks"],
        "show": ["log"],
        **{verb: [verb] for verb in (*_LOOK, *_DO, "try-next", "append")},
    },
    "renders": {
        "list": ["renders"],
        "show": ["render"],
        "log": ["render", "--log"],
        "why": ["render", "--why"],
        "set": ["set", "--render"],
        **{verb: ["render", "--do", verb] for verb in _RENDER_VERBS},
        "services": ["services", "render"],
    },
    "users": {
        "list": ["users"],
        "show": ["user"],
        "log": ["user", "--log"],
        **{verb: ["user", verb] for verb in ("add", "delete", "pause", "unpause")},
        "set": ["set", "--user"],
    },
    "pools": {
        "list": ["pools"],
        "show": ["pool"],
        "log": ["pool", "--log"],
        **{verb: ["pool", verb] for verb in _POOL_VERBS},
        "services": ["services", "pool"],
        "set": ["set", "--pool"],
    },
    "branches": {
        "list": ["branches"],
        "show": ["branch"],
        "log": ["branch", "--log"],
        **{verb: ["branch", verb] for verb in ("pause", "start", "delete", "delete-done")},
        "set": ["set", "--branch"],
    },
    "server": {"show": ["server"], "stats": ["stats"]},
    "limits": {verb: ["limits", verb] for verb in ("list", "set", "unset")},
    "farm": {verb: ["farm", verb] for verb in ("show", "check", "verify", "reload")},
    "stats": {"show": ["stats"]},
    "plugins": {verb: ["plugins", verb] for verb in ("list", "check", "show", "try")},
    "db": {verb: ["db", verb] for verb in ("sql", "tables", "drivers", "check")},
    "config": {
        verb: ["config", verb]
        for verb in ("list", "show", "get", "set", "unset", "reload", "files", "map")
    },
}
#: Nouns behind which any other word is no verb but an argument of the list.
_PLACES = frozenset({"blocks", "tasks", "farm"})
#: What only a where-clause has.
_CLAUSE = re.compile(r"[=~<>( ]")


class Formatter(argparse.HelpFormatter):
    """argparse's own, but told the width: it would import shutil for every argument's sake."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_help_width())


class RootFormatter(Formatter, argparse.RawDescriptionHelpFormatter):
    """The same, which leaves the list of commands as it is."""


def _help_width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns) - 2
    try:
        return os.get_terminal_size().columns - 2
    except (OSError, ValueError):  # no terminal; a closed stdout
        return 78


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are sentences like all others."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse for a wrong command line."""
        hint = f"see {self.prog} --help"
        negative = re.search(r": (-\d\S*)$", message)
        if negative:  # to argparse a range of negative frames looks like an option
            hint = f"negative frames are written as --tasks={negative[1]}"
        raise CliError(Exit.BAD_INPUT, message, hint)


def main(argv: list[str] | None = None) -> int:
    """The program; returns the exit code."""
    as_json = False
    try:
        for stream in (sys.stdout, sys.stderr):
            # Names of other users may hold what this terminal's encoding has not.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        words = list(sys.argv[1:] if argv is None else argv)
        as_json = "--json" in words
        options = parse(words)
        as_json = options.json
        code = int(_run(options))
        sys.stdout.flush()
    except CliError as error:
        code = _told(error, as_json)
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever reads has seen enough (afcmd jobs | head). Python's own flush at exit would fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.OK
    return int(code)


def _run(options: argparse.Namespace) -> int:
    _check_settings(options)
    try:
        servers = af.config.servers(options.server)
    except ValueError as error:
        raise CliError(Exit.BAD_INPUT, str(error), "as render-server:51000") from None
    show = Show(as_json=options.json, colour=not options.no_color)
    command, farm = import_command(options.command), Farm(servers)
    if getattr(options, "watch", False):
        from afanasy.cli.watch import watch

        return watch(command, options, farm, show)
    return command.run(options, farm, show)


def _check_settings(options: argparse.Namespace) -> None:
    """Refuse to work with wrong settings, but for the commands that show what is wrong."""
    if options.command == "completion":
        return
    words: list[str] = getattr(options, "words", [])
    if options.command == "config" and (words[:1] == ["files"] or options.local):
        return
    try:
        af.config.check()
    except ValueError as error:
        hint = "afcmd config files shows what is read"
        raise CliError(Exit.BAD_INPUT, str(error), hint, code="bad_config") from None


def _told(error: CliError, as_json: bool) -> int:
    """Say it on stderr, and with ``--json`` as the one document on stdout too."""
    try:
        print(f"afcmd: {error.sentence()}", file=sys.stderr)
        if as_json:
            told = {
                "code": error.code,
                "message": error.message,
                "hint": error.hint,
                "field": error.field,
            }
            Show(as_json=True, colour=False).json({"error": told})
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return error.exit_code


# -------------------------------------------------------------------------------- command line


def parse(words: list[str]) -> argparse.Namespace:
    """The options of a command line; ``command`` is the name in :data:`COMMANDS`."""
    root = root_parser()
    options = root.parse_args(words)
    if options.command is None:
        raise CliError(Exit.BAD_INPUT, "no command was given", "see afcmd --help")
    command, rest = options.command, options.rest
    if command == "v" and rest:  # the classic word for "show me the answers"
        options.json = True
        command, *rest = rest
    if command in ("help", "h"):
        _help(rest[0] if rest else "", root)
        raise SystemExit(Exit.OK)
    command, rest = _expand(command, rest)
    if command not in COMMANDS:
        from afanasy.cli.classic import expand

        expanded = expand(command, rest)
        if expanded is None:
            raise CliError(Exit.BAD_INPUT, f"there is no command {command!r}", _nearest(command))
        command, *rest = expanded
    options.command = command
    parser = command_parser(command)
    if command in TAKE_THE_REST:
        return parser.parse_args(rest, options)
    if command in TAKE_NUMBERS and "-h" not in rest and "--help" not in rest:
        rest = ["--", *rest]
        if "--json" in rest:
            rest.remove("--json")
            options.json = True
        return parser.parse_args(rest, options)
    # Options may stand between words: afcmd set 5 --block comp capacity=500.
    return parser.parse_intermixed_args(rest, options)


def _help(word: str, root: Parser) -> None:
    if word == "classic":
        from afanasy.cli.classic import help_text

        print(help_text())
    elif word in COMMANDS:
        command_parser(word).print_help()
    elif word:
        raise CliError(Exit.BAD_INPUT, f"there is no command {word!r}", _nearest(word))
    else:
        root.print_help()


def _expand(command: str, rest: list[str]) -> tuple[str, list[str]]:
    """``jobs pause 5`` → ``pause 5``."""
    verb = rest[0] if rest else ""
    if command not in NOUNS or not verb or verb.startswith("-"):
        return command, rest
    expanded = NOUNS[command].get(verb)
    if expanded is not None:
        return expanded[0], expanded[1:] + rest[1:]
    if command in _PLACES or (command in COMMANDS and _CLAUSE.search(verb)):
        return command, rest
    raise CliError(
        Exit.BAD_INPUT, f"{command} has no verb {verb!r}", f"it has {', '.join(NOUNS[command])}"
    )


def _nearest(command: str) -> str:
    import difflib  # only a mistake needs it

    close = difflib.get_close_matches(command, COMMANDS, 1)
    return f"did you mean {close[0]!r}?" if close else "see afcmd --help"


def root_parser() -> Parser:
    """The parser of what stands before the command."""
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{text}" for name, (_, text) in COMMANDS.items()]
    parser = Parser(
        prog="afcmd",
        description="See and steer an Afanasy render farm.",
        epilog="commands:\n"
        + "\n".join(lines)
        + "\n\nafcmd COMMAND --help tells its arguments; help classic lists the classic verbs.",
        formatter_class=RootFormatter,
    )
    _add_common(parser, server="", json=False, no_color=False)
    parser.add_argument("--version", action="version", version=f"afcmd {__version__}")
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="what to do")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def command_parser(command: str) -> Parser:
    """The parser of one command; imports its module."""
    parser = Parser(
        prog=f"afcmd {command}",
        description=COMMANDS[command][1].capitalize() + ".",
        allow_abbrev=False,
        formatter_class=Formatter,
    )
    import_command(command).arguments(parser)
    _add_common(parser)
    return parser


def _add_common(parser: Parser, **defaults: Any) -> None:
    """Options that stand before or after the command."""

    def default(name: str) -> Any:
        return defaults.get(name, argparse.SUPPRESS)

    group = parser.add_argument_group("everywhere")
    group.add_argument(
        "--server", metavar="HOST:PORT", default=default("server"), help="the server to ask"
    )
    group.add_argument(
        "--json", action="store_true", default=default("json"), help="print one JSON document"
    )
    group.add_argument(
        "--no-color", action="store_true", default=default("no_color"), help="print no colours"
    )


def import_command(command: str) -> Any:
    """The module of a command."""
    return import_module(f"afanasy.cli.{COMMANDS[command][0]}")


if __name__ == "__main__":
    sys.exit(main())
