"""``afcmd plugins``: services and parsers, of this computer and of a studio's folders.

No server is asked: plug-ins lie where renders run, so they are looked at there. Files of a folder
come before built-in ones of the same name, as on a render.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

from af import config
from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm
from afanasy.cli.progress import Progress
from afanasy.cli.show import Cell, Show
from afanasy.parsers.base import Parser
from afanasy.parsers.check import conclusion, example_failures
from afanasy.parsers.registry import load_parser, make_parser, parser_names
from afanasy.services.base import Service
from afanasy.services.registry import load_service, service_names

KINDS: Final = ("service", "parser")
_PIECE_BYTES: Final = 64 * 1024
_WORDS: Final = ("WARNINGS", "ERRORS", "FATAL_ERRORS", "BAD_RESULTS", "SUCCESSES")


class PlugIn(NamedTuple):
    """A service or parser: its file, its class if it loads, and what is wrong with it."""

    kind: str
    name: str
    file: str
    found: type[Service] | type[Parser] | None
    problems: list[str]

    def parser(self) -> str:
        """A service's default parser."""
        return self.found.parser if self.found and issubclass(self.found, Service) else ""

    def examples(self) -> int:
        """How many examples a parser has."""
        return len(self.found.EXAMPLES) if self.found and issubclass(self.found, Parser) else 0

    def told(self) -> dict[str, Any]:
        """It as JSON."""
        members: dict[str, Any] = {"kind": self.kind, "name": self.name, "file": self.file}
        members |= {"parser": self.parser()} if self.kind == "service" else {}
        members |= {"examples": self.examples()} if self.kind == "parser" else {}
        return {**members, "ok": not self.problems, "problems": self.problems}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do."""
    parser.usage = "afcmd plugins [options] [list | check [PATH…] | show NAME | try PARSER [FILE]]"
    parser.add_argument(
        "words",
        metavar="WHAT",
        nargs="*",
        help="list: all services and parsers; check: whether those of a folder load and their "
        "examples hold (PATH is a folder or a file of one; all folders); show NAME: what one "
        "does; try PARSER FILE: what a parser concludes of an output, - reads standard input",
    )
    parser.add_argument(
        "--plugins", metavar="FOLDER", type=Path, action="append",
        help="a plug-in folder, repeatable (those of the setting af_plugins)",
    )  # fmt: skip
    parser.add_argument(
        "--frames", metavar="N", type=int, default=1, help="(try) frames of the task (1)"
    )
    parser.add_argument(
        "--status", metavar="N", type=int, default=0, help="(try) the program's exit status (0)"
    )
    parser.add_argument("--running", action="store_true", help="(try) it has not ended yet")


def run(options: argparse.Namespace, _farm: Farm, show: Show) -> int:
    """Do it."""
    verb, *rest = cast("list[str]", options.words) or ["list"]
    folders = _folders(options)
    verbs: dict[str, tuple[range, Callable[[], int]]] = {
        "list": (range(1), lambda: _list(show, folders)),
        "check": (range(1000), lambda: _check(show, folders, rest)),
        "show": (range(1, 2), lambda: _show(show, folders, rest[0])),
        "try": (range(1, 3), lambda: _try(options, show, folders, rest)),
    }
    if verb not in verbs:
        told = f"it has {', '.join(verbs)}"
        raise CliError(Exit.BAD_INPUT, f"plugins has no verb {verb!r}", told)
    counts, do = verbs[verb]
    if len(rest) not in counts:
        raise CliError(Exit.BAD_INPUT, f"plugins {verb} takes other words", "see --help")
    return do()


def _folders(options: argparse.Namespace) -> list[Path]:
    given = cast("list[Path] | None", options.plugins)
    if given is None:
        given = [Path(folder) for folder in config.found("af_plugins").value]
    for folder in cast("list[Path]", options.plugins or []):
        if not folder.is_dir():
            raise CliError(Exit.NOT_FOUND, f"there is no folder {str(folder)!r}", field="--plugins")
    return given


# --------------------------------------------------------------------------------- finding them


def names(kind: str, folders: list[Path]) -> list[str]:
    """Built-in ones and those of the folders."""
    known = service_names if kind == "service" else parser_names
    return sorted({*known(), *(name for folder in folders for name in known(folder))})


def look(kind: str, name: str, folders: list[Path]) -> PlugIn:
    """Load one and try its examples; a parser without any is no good."""
    found: type[Service] | type[Parser] | None
    if kind == "service":
        found, note = load_service(name, folders)
    else:
        found, note = load_parser(name, folders)
    problems = [note] if note else []
    if note:
        found = None  # what was loaded is another one in its place
    elif kind == "parser":
        failures = example_failures(name, folders)
        problems = [text.removeprefix(f"{name}: ") for text in failures]
    file = next((path for path in _files(kind, name, folders) if path.is_file()), None)
    if file is None and found is not None:
        file = inspect.getsourcefile(found)
    return PlugIn(kind, name, str(file or ""), found, problems)


def _files(kind: str, name: str, folders: list[Path]) -> list[Path]:
    return [folder / f"{kind}s" / f"{name}.py" for folder in folders]


# ---------------------------------------------------------------------------------------- verbs


def _list(show: Show, folders: list[Path]) -> int:
    wanted = [(kind, name) for kind in KINDS for name in names(kind, folders)]
    found = _looked(show, wanted, folders)
    if show.as_json:
        document = [plugin.told() for plugin in found]
        show.json({"plugins": document, "folders": [str(folder) for folder in folders]})
        return Exit.OK
    rows: list[list[Cell]] = [
        [
            plugin.kind,
            plugin.name,
            plugin.parser(),
            ("ok", "green") if not plugin.problems else ("bad", "red"),
            str(plugin.examples() or ""),
            plugin.file,
        ]
        for plugin in found
    ]
    show.table(["KIND", "NAME", "PARSER", "LOADS", ">EXAMPLES", "~FILE"], rows)
    _say_problems(show, found)
    return Exit.OK


def _looked(show: Show, wanted: list[tuple[str, str]], folders: list[Path]) -> list[PlugIn]:
    found: list[PlugIn] = []
    with Progress("looking at plug-ins", len(wanted), as_json=show.as_json) as progress:
        for kind, name in wanted:
            found.append(look(kind, name, folders))
            progress.at(len(found))
    return found


def _say_problems(show: Show, found: list[PlugIn]) -> None:
    for plugin in found:
        for problem in plugin.problems:
            show.line(f"{plugin.kind} {plugin.name}: {problem}", "red")


def _check(show: Show, folders: list[Path], words: list[str]) -> int:
    wanted: list[tuple[str, str]] = []
    places = [Path(word) for word in words] or folders
    if not places:
        raise CliError(
            Exit.BAD_INPUT, "no folder was named", "afcmd plugins check FOLDER, or set af_plugins"
        )
    for place in places:
        folder, theirs = _inside(place)
        wanted += theirs
        if folder not in folders:
            folders = [folder, *folders]
    found = _looked(show, list(dict.fromkeys(wanted)), folders)
    bad = [plugin for plugin in found if plugin.problems]
    if show.as_json:
        show.json({"ok": not bad, "plugins": [plugin.told() for plugin in found]})
    else:
        for plugin in found:
            if not plugin.problems:
                kept = f", {plural(plugin.examples(), 'example')}" if plugin.examples() else ""
                show.line(f"{plugin.kind} {plugin.name}: ok{kept}", "green")
        _say_problems(show, bad)
    return Exit.JOB_ERROR if bad else Exit.OK


def _inside(place: Path) -> tuple[Path, list[tuple[str, str]]]:
    """The plug-in folder of a folder or file, and what of it is meant. Raises CliError."""
    kinds = {f"{kind}s": kind for kind in KINDS}
    if place.is_file():
        kind = kinds.get(place.absolute().parent.name)
        if kind is None or place.suffix != ".py":
            raise CliError(
                Exit.BAD_INPUT, f"{place} is no plug-in", "they lie in FOLDER/services, /parsers"
            )
        return place.absolute().parent.parent, [(kind, place.stem)]
    if not place.is_dir():
        raise CliError(Exit.NOT_FOUND, f"there is no folder {str(place)!r}")
    theirs = [
        (kind, name)
        for kind, known in (("service", service_names), ("parser", parser_names))
        for name in known(place)
    ]
    if not theirs:
        hint = "it has folders services and parsers with NAME.py files"
        raise CliError(Exit.BAD_INPUT, f"{place} is no plug-in folder", hint)
    return place, theirs


def _show(show: Show, folders: list[Path], name: str) -> int:
    found = [
        look(kind, name, folders) for kind in KINDS if name in names(kind, folders)
    ]  # a program has both, as a rule
    if not found:
        import difflib  # only a mistake needs it

        known = [one for kind in KINDS for one in names(kind, folders)]
        close = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else "afcmd plugins lists them"
        raise CliError(Exit.NOT_FOUND, f"there is no service or parser {name!r}", hint)
    if show.as_json:
        show.json(
            {"plugins": [{**one.told(), "text": text_of(one), **words_of(one)} for one in found]}
        )
        return Exit.OK
    for n, plugin in enumerate(found):
        if n:
            show.line()
        show.field(plugin.kind, name, "bold")
        show.field("file", plugin.file)
        show.field("default parser", plugin.parser())
        show.field("examples", plugin.examples() or "")
        for title, words in words_of(plugin).items():
            for word in words:
                show.field(title.lower().replace("_", " "), word)
        for problem in plugin.problems:
            show.field("problem", problem, "red")
        for line in text_of(plugin).splitlines():
            show.line(f"  {line}".rstrip())
    return Exit.OK


def text_of(plugin: PlugIn) -> str:
    """What its file, or else its class, says of itself."""
    if plugin.found is None:
        return ""
    module = inspect.getdoc(sys.modules.get(plugin.found.__module__))
    return module or inspect.cleandoc(plugin.found.__doc__ or "")


def words_of(plugin: PlugIn) -> dict[str, list[str]]:
    """The words that a parser looks for in every line."""
    if plugin.found is None or not issubclass(plugin.found, Parser):
        return {}
    lists = {name: list(getattr(plugin.found, name)) for name in _WORDS}
    return {name: words for name, words in lists.items() if words}


def _try(options: argparse.Namespace, show: Show, folders: list[Path], words: list[str]) -> int:
    name, file = words[0], words[1] if len(words) > 1 else "-"
    parser, note = make_parser(name, folders, options.frames)
    if note or parser is None:
        told = note or f"{name!r} means that nothing is read"
        raise CliError(Exit.NOT_FOUND, told, "afcmd plugins lists them")
    with _opened(file) as stream:
        while piece := stream.read(_PIECE_BYTES):
            parser.feed(piece)
    if options.running:
        parser.idle()
    else:
        parser.finish(options.status)
    status = None if options.running else int(options.status)
    verdict = parser.verdict(status)
    if show.as_json:
        show.json({"verdict": verdict, **_state(parser)})
    else:
        for line in conclusion(parser, status):
            show.line(line)
    return Exit.JOB_ERROR if verdict in {"error", "bad_output"} else Exit.OK


def _opened(file: str) -> AbstractContextManager[BinaryIO]:
    if file == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except OSError as error:
        code = Exit.NOT_FOUND if isinstance(error, FileNotFoundError) else Exit.BAD_INPUT
        raise CliError(code, f"cannot read {file}: {error.strerror}") from None


def _state(parser: Parser) -> dict[str, Any]:
    names = (
        "percent", "frame", "percentframe", "frames_num", "warning", "error", "fatal_error",
        "bad_result", "finished_success", "error_class", "activity", "report", "files", "log",
    )  # fmt: skip
    return {name: getattr(parser, name) for name in names}
