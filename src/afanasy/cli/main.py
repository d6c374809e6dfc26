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
    "jobs": ("jobs", "list jobs"),
    "job": ("job", "one job with its blocks, and its tasks"),
    "why": ("why", "why tasks do not run"),
    "log": ("log", "what happened to a job, or the story of a task"),
    "output": ("output", "what a task printed, also while it runs"),
    "submit": ("submit", "submit a job from a JSON file"),
    "run": ("run", "submit one command as a job"),
    "wait": ("wait", "wait until jobs are done"),
    "pause": ("operate", "start no more tasks (suspend tasks)"),
    "start": ("operate", "go on after a pause (continue tasks)"),
    "stop": ("operate", "stop running tasks and pause"),
    "restart": ("operate", "do everything again"),
    "restart-errors": ("operate", "do failed tasks again"),
    "reset-errors": ("operate", "forget which hosts failed"),
    "skip": ("operate", "treat what is not done as done"),
    "delete": ("operate", "delete jobs"),
    "set": ("edit", "change parameters of a job, block, render or user"),
    "renders": ("renders", "list renders"),
    "render": ("render", "one render, or do something to it"),
    "users": ("users", "list users"),
    "user": ("user", "one user, or add one"),
}
#: Everything behind their first word belongs to them, options too.
TAKE_THE_REST = frozenset({"run"})
_JOB_VERBS = (
    "why", "log", "output", "submit", "run", "wait", "pause", "start", "stop", "restart",
    "restart-errors", "reset-errors", "skip", "delete", "set",
)  # fmt: skip
_RENDER_VERBS = ("nimby", "NIMBY", "free", "pause", "unpause", "eject", "exit", "delete")
#: Noun → verb → the words it stands for: ``afcmd jobs pause 5`` is ``afcmd pause 5``.
NOUNS: dict[str, dict[str, list[str]]] = {
    "jobs": {"list": ["jobs"], "show": ["job"], **{verb: [verb] for verb in _JOB_VERBS}},
    "renders": {
        "list": ["renders"],
        "show": ["render"],
        "set": ["set", "--render"],
        **{verb: ["render", "--do", verb] for verb in _RENDER_VERBS},
    },
    "users": {
        "list": ["users"],
        "show": ["user"],
        "add": ["user", "add"],
        "set": ["set", "--user"],
    },
}


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
    try:
        servers = af.config.servers(options.server)
    except ValueError as error:
        raise CliError(Exit.BAD_INPUT, str(error), "as render-server:51000") from None
    show = Show(as_json=options.json, colour=not options.no_color)
    return import_command(options.command).run(options, Farm(servers), show)


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
    command, rest = _expand(options.command, options.rest)
    if command == "help":
        (command_parser(rest[0]) if rest and rest[0] in COMMANDS else root).print_help()
        raise SystemExit(Exit.OK)
    if command not in COMMANDS:
        raise CliError(Exit.BAD_INPUT, f"there is no command {command!r}", _nearest(command))
    options.command = command
    parser = command_parser(command)
    if command in TAKE_THE_REST:
        return parser.parse_args(rest, options)
    # Options may stand between words: afcmd set 5 --block comp capacity=500.
    return parser.parse_intermixed_args(rest, options)


def _expand(command: str, rest: list[str]) -> tuple[str, list[str]]:
    """``jobs pause 5`` → ``pause 5``."""
    verb = rest[0] if rest else ""
    if command in NOUNS and verb and not verb.startswith("-"):
        expanded = NOUNS[command].get(verb)
        if expanded is None:
            raise CliError(
                Exit.BAD_INPUT,
                f"{command} has no verb {verb!r}",
                f"it has {', '.join(NOUNS[command])}",
            )
        return expanded[0], expanded[1:] + rest[1:]
    return command, rest


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
        epilog="commands:\n" + "\n".join(lines) + "\n\nafcmd COMMAND --help tells its arguments.",
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
