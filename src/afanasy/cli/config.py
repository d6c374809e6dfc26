"""``afcmd config``: settings of the server in force, and those of this computer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, cast

from af import config as settings
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.show import Show


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to show."""
    parser.usage = "afcmd config [options] [list | get KEY | files | map TEXT]"
    parser.add_argument(
        "words",
        metavar="WHAT",
        nargs="*",
        help="list: the server's settings; get KEY: one of them; files: this computer's settings "
        "and the files they come from; map TEXT: a text through the paths map",
    )
    parser.add_argument(
        "--to-client", action="store_true", help="map from the names on the server to ours"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show it."""
    words: list[str] = options.words or ["list"]
    verb, rest = words[0], words[1:]
    verbs: dict[str, tuple[int, Callable[[], int]]] = {
        "list": (0, lambda: _list(farm, show)),
        "get": (1, lambda: _get(farm, show, rest[0])),
        "files": (0, lambda: _files(show)),
        "map": (1, lambda: _map(show, rest[0], to_client=options.to_client)),
    }
    if verb not in verbs:
        raise CliError(Exit.BAD_INPUT, f"config has no verb {verb!r}", f"it has {', '.join(verbs)}")
    count, do = verbs[verb]
    if len(rest) != count:
        raise CliError(
            Exit.BAD_INPUT,
            f"config {verb} takes {count or 'no'} word{'s' * (count != 1)}",
            "--help",
        )
    return do()


def _of_server(farm: Farm) -> Json:
    merged: Json = {}
    for part in cast("list[Json]", farm.get("config")["cgru_config"]):
        merged.update(part)
    merged.pop("cgru_environment", None)
    return merged


def _list(farm: Farm, show: Show) -> int:
    found = _of_server(farm)
    if show.as_json:
        show.json({"config": found})
    else:
        for key in sorted(found):
            show.pair(key, _text(found[key]))
    return Exit.OK


def _get(farm: Farm, show: Show, key: str) -> int:
    found = _of_server(farm)
    if key not in found:
        import difflib  # only a mistake needs it

        close = difflib.get_close_matches(key, found, 1)
        hint = f"did you mean {close[0]!r}?" if close else "afcmd config lists them"
        raise CliError(Exit.NOT_FOUND, f"the server has no setting {key!r}", hint)
    if show.as_json:
        show.json({"config": {key: found[key]}})
    else:
        show.line(_text(found[key]))
    return Exit.OK


def _files(show: Show) -> int:
    loaded = settings.files()
    values = settings.settings()
    if show.as_json:
        show.json({"files": loaded.files, "problems": loaded.problems, "config": values})
        return Exit.OK
    for path in loaded.files:
        show.pair("file", path)
    for problem in loaded.problems:
        show.pair("problem", problem, "red")
    for key, value in values.items():
        show.pair(key, _text(value))
    return Exit.OK


def _map(show: Show, text: str, *, to_client: bool) -> int:
    try:
        paths = settings.path_map()
    except ValueError as error:
        raise CliError(Exit.BAD_INPUT, str(error), "afcmd config files shows where from") from None
    mapped = paths.to_client(text) if to_client else paths.to_server(text)
    if show.as_json:
        show.json({"text": mapped})
    else:
        show.line(mapped)
    return Exit.OK


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, ensure_ascii=False)
