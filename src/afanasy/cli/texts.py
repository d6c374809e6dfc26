"""``afcmd path|str|md5``: what becomes of a path or a text, on this computer."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm
from afanasy.cli.show import Show


class Operation(NamedTuple):
    """What it says in the help, and what it does."""

    help: str
    do: Callable[[str], Any]


def _listed(path: str) -> list[str]:
    try:
        return sorted(one.name for one in Path(path).iterdir())
    except OSError as error:
        code = Exit.NOT_FOUND if isinstance(error, FileNotFoundError) else Exit.BAD_INPUT
        raise CliError(code, f"cannot list {path}: {error.strerror}") from None


def _parent(path: str) -> str:
    return str(Path.cwd().joinpath(os.path.normpath(path)).parent)


PATHS: Final = {
    "abs": Operation("the whole path", os.path.abspath),
    "fname": Operation("the name of the file", os.path.basename),
    "fpath": Operation("the folder of the file, as it was written", os.path.dirname),
    "up": Operation("the folder above, whole", _parent),
    "home": Operation("with ~ replaced; the home folder alone", os.path.expanduser),
    "isdir": Operation("whether it is a folder (exit code 0 or 5)", os.path.isdir),
    "listdir": Operation("what is in a folder", _listed),
}
TEXTS: Final = {
    "lower": Operation("in lower case", str.lower),
    "upper": Operation("in upper case", str.upper),
    "strip": Operation("without blanks at its ends", str.strip),
    "length": Operation("how many characters", len),
    "escape": Operation("as a regular expression that matches just this", re.escape),
    "quote": Operation("as one word of a shell", shlex.quote),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The operation and the text."""
    command = parser.prog.rsplit(" ", 1)[-1]
    if command == "md5":
        parser.add_argument("text", metavar="TEXT", help="- reads standard input")
        return
    known = PATHS if command == "path" else TEXTS
    told = "; ".join(f"{name}: {one.help}" for name, one in known.items())
    parser.add_argument("operation", metavar="OPERATION", choices=known, help=told)
    if command == "path":
        parser.add_argument("text", metavar="PATH", nargs="?", default="", help="the path")
    else:
        parser.add_argument("text", metavar="TEXT", help="the text")


def run(options: argparse.Namespace, _farm: Farm, show: Show) -> int:
    """Print it."""
    if options.command == "md5":
        data = sys.stdin.buffer.read() if options.text == "-" else os.fsencode(options.text)
        return _print(show, hashlib.md5(data, usedforsecurity=False).hexdigest())
    if options.command == "str":
        return _print(show, TEXTS[options.operation].do(options.text))
    default = "~" if options.operation == "home" else "."
    found = PATHS[options.operation].do(options.text or default)
    code = _print(show, found)
    return Exit.NOT_FOUND if found is False else code


def _print(show: Show, found: Any) -> int:
    if show.as_json:
        show.json({"result": found})
    elif isinstance(found, bool):
        show.line("yes" if found else "no")
    else:
        lines = cast("list[Any]", found) if isinstance(found, list) else [found]
        for line in lines:
            show.line(str(line))
    return Exit.OK
