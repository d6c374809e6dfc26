"""``afcmd farm``: the farm file, what a host gets of it, whether it is good, reading it again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json, whoami
from afanasy.cli.humans import moment_text
from afanasy.cli.show import Show

if TYPE_CHECKING:
    from afanasy.farmsetup.rules import Loaded

VERBS: Final = ("show", "check", "verify", "reload")
#: The server answers for so many hosts at once.
_NAMES_MAX: Final = 200
#: A match that takes longer than that is no match.
_MATCH_S: Final = 1.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to show or do."""
    parser.usage = "afcmd farm [options] [show [FILE] | check HOST… | verify FILE | reload]"
    parser.add_argument(
        "words",
        metavar="WHAT",
        nargs="*",
        help="show: the farm file that the server uses, or a FILE; check HOST…: what these hosts "
        "get, and who says so, - reads names from standard input; verify FILE: whether it is good; "
        "reload: the server reads its file again",
    )
    parser.add_argument(
        "--file", metavar="FILE", default="", help="(check) what the hosts would get of this file"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show or do it."""
    words: list[str] = options.words or ["show"]
    verb, rest = words[0], words[1:]
    if verb not in VERBS:
        verb, rest = "show", words
        _check_is_file(words[0])
    least, most = {"show": (0, 1), "check": (1, 10**6), "verify": (1, 1), "reload": (0, 0)}[verb]
    if not least <= len(rest) <= most:
        raise CliError(Exit.BAD_INPUT, f"farm {verb} takes {_count(least, most)}", "--help")
    if options.file and verb != "check":
        raise CliError(Exit.BAD_INPUT, f"farm {verb} knows no --file", "it is for check")
    verbs: dict[str, Callable[[], int]] = {
        "show": lambda: _show_file(rest[0], show) if rest else _show(farm, show),
        "check": lambda: _check(rest, options.file, farm, show),
        "verify": lambda: _verify(rest[0], show),
        "reload": lambda: _reload(farm, show),
    }
    return verbs[verb]()


def _count(least: int, most: int) -> str:
    if most == 0:
        return "no words"
    if least == most:
        return "one FILE"
    return "at least one HOST" if least else "one FILE at most"


def _check_is_file(word: str) -> None:
    """A word that is no verb is the file of ``farm FILE``. Raises CliError for a misspelt verb."""
    if not Path(word).exists() and not {".", "/"} & set(word):
        import difflib  # only a mistake needs it

        close = difflib.get_close_matches(word, VERBS, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(VERBS)}"
        raise CliError(Exit.BAD_INPUT, f"farm has no verb {word!r}", hint)


# ------------------------------------------------------------------------------------------ show


def _show(farm: Farm, show: Show) -> int:
    from afanasy.farmsetup.show import farm_lines

    found = cast(Json, farm.get("farm")["farm"])
    if show.as_json:
        show.json({"farm": found})
        return Exit.OK
    if not found["patterns"]:
        show.line("there is no farm file: every service runs everywhere")
        return Exit.OK
    show.line(f"{found['source']}, read {moment_text(found['time'])}", "bold")
    _print(show, farm_lines(found))
    return Exit.OK


def _show_file(name: str, show: Show) -> int:
    import json

    from afanasy.farmsetup.show import farm_lines
    from afanasy.farmsetup.write import as_json

    setup, lines = _load(name)
    written = json.loads(as_json(setup))
    if show.as_json:
        show.json(written)
    else:
        _print(show, farm_lines({**written["farm"], "lines": list(lines)}))
    return Exit.OK


def _print(show: Show, lines: list[str]) -> None:
    for line in lines:
        show.line(line, "bold" if line and not line.startswith(" ") else "")


def _load(name: str) -> Loaded:
    """The farm of a file of this computer. Raises CliError."""
    from afanasy.farmsetup.load import load_file
    from afanasy.farmsetup.tree import FarmFileError

    if not Path(name).exists():
        raise CliError(Exit.NOT_FOUND, f"there is no file {name!r}")
    try:
        return load_file(Path(name))
    except FarmFileError as error:
        told = "\n".join(problem.text() for problem in error.problems)
        raise CliError(Exit.BAD_INPUT, told, code=error.code) from error


# ----------------------------------------------------------------------------------------- check


def _check(names: list[str], file: str, farm: Farm, show: Show) -> int:
    from afanasy.farmsetup.show import host_lines

    names = list(dict.fromkeys(_given(names)))
    hosts: list[Json] = []
    if file:
        hosts = _of_file(file, names)
    else:
        for first in range(0, len(names), _NAMES_MAX):
            part = names[first : first + _NAMES_MAX]
            hosts += cast("list[Json]", farm.get("farm", names=part)["hosts"])
    if show.as_json:
        show.json({"hosts": hosts})
    else:
        for number, host in enumerate(hosts):
            if number:
                show.line()
            _print(show, host_lines(host))
    unknown = any(host["farm_file"] and not host["patterns"] for host in hosts)
    return Exit.JOB_ERROR if unknown else Exit.OK


def _given(names: list[str]) -> list[str]:
    """The names, those of standard input in the place of "-". Raises CliError."""
    found: list[str] = []
    for name in names:
        found += sys.stdin.read().split() if name == "-" else [name]
    if not found:
        raise CliError(Exit.BAD_INPUT, "no host was named", "afcmd renders lists them")
    return found


def _of_file(file: str, names: list[str]) -> list[Json]:
    """What the hosts would get of a file alone; pools and overrides are the server's."""
    from afanasy.core.host.host_setup import REPLACED, host_setup
    from afanasy.core.host.mask_syntax import compile_mask
    from afanasy.core.host.masks import plain_names

    setup, _ = _load(file)
    # As the server names them.
    words = {"wol_idle_sleep_time_s": "wolidlesleeptime"}

    def matches(mask: str, name: str) -> bool:
        plain = plain_names(mask)
        if plain is not None:
            return name in plain
        try:
            return compile_mask(mask).fullmatch(name, timeout=_MATCH_S) is not None
        except TimeoutError:
            return False

    hosts: list[Json] = []
    for name in names:
        found = host_setup(setup, name, matches)
        values: dict[str, Any] = {
            words.get(attribute, attribute): {
                "value": getattr(found, attribute),
                "origin": f"pattern {found.origins[attribute]!r}",
            }
            for attribute in REPLACED
            if attribute in found.origins
        }
        services = {
            service: {
                "allowed": service in found.services,
                "origin": f"pattern {found.origins['service ' + service]!r}",
                "count": found.services.get(service, 0),
            }
            for service in sorted({*found.services, *found.removed})
        }
        hosts.append(
            {
                "name": name,
                "farm_file": True,
                "patterns": list(found.patterns),
                "values": values,
                "services": services,
                "other_services": not found.lists_services,
            }
        )
    return hosts


# --------------------------------------------------------------------------------- verify, reload


def _verify(name: str, show: Show) -> int:
    from afanasy.farmsetup.tree import FarmFileError

    try:
        setup, _ = _load(name)
    except CliError as error:
        if not isinstance(error.__cause__, FarmFileError):
            raise
        problems = [one._asdict() for one in error.__cause__.problems]
        if show.as_json:
            show.json({"ok": False, "problems": problems})
        else:
            for line in error.message.splitlines():
                show.line(line)
        return Exit.JOB_ERROR
    if show.as_json:
        show.json({"ok": True, "problems": []})
    else:
        parts = [plural(len(setup.patterns), "pattern"), plural(len(setup.limits), "limit")]
        show.line(f"{name} is good: {', '.join(parts)}")
    return Exit.OK


def _reload(farm: Farm, show: Show) -> int:
    operation = {"type": "reload"}
    answer = farm.ask({"action": {**whoami(), "type": "farm", "operation": operation}})
    if show.as_json:
        show.json({name: answer.get(name) for name in ("file", "changed", "renders")})
        return Exit.OK
    show.line(str(answer["info"]["text"]))
    for name in cast("list[str]", answer["renders"]):
        show.line(f"  {name}")
    return Exit.OK
