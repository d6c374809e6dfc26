"""``afcmd config``: settings of the server, also changed on the fly, and those of this computer."""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple, cast

from af import config as local
from af.settings import BY_KEY, shown, unknown
from af.toml_files import Found
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json, whoami
from afanasy.cli.humans import moment_text
from afanasy.cli.show import Cell, Show

#: Verb → fewest and most words behind it.
VERBS = {
    "list": (0, 0), "show": (0, 0), "get": (1, 1), "set": (2, 2), "unset": (1, 1000),
    "reload": (0, 0), "files": (0, 0), "map": (1, 1),
}  # fmt: skip


class Shown(NamedTuple):
    """A setting as it is listed."""

    key: str
    value: Any
    origin: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to show or do."""
    parser.usage = (
        "afcmd config [options] [list | get KEY | set KEY VALUE | unset KEY… | reload | files | "
        "map TEXT]"
    )
    parser.add_argument(
        "words",
        metavar="WHAT",
        nargs="*",
        help="list (or show): the server's settings; get KEY: one of them; set KEY VALUE: change "
        "one on the fly; unset KEY: take that back; reload: the server reads its files again; "
        "files: this computer's files and settings; map TEXT: a text through the paths map",
    )
    parser.add_argument(
        "--origin", action="store_true", help="show where each value comes from (list, get)"
    )
    parser.add_argument(
        "--local", action="store_true", help="this computer's settings, without a server"
    )
    parser.add_argument(
        "--to-client", action="store_true", help="map from the names on the server to ours"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show or do it."""
    words: list[str] = options.words or ["list"]
    verb, rest = words[0], words[1:]
    _check_words(verb, rest)
    if options.local and verb not in ("list", "show", "get"):
        raise CliError(Exit.BAD_INPUT, f"config {verb} knows no --local", "it is for list and get")
    if verb in ("list", "show"):
        return _list(options, farm, show)
    if verb == "get":
        return _get(options, farm, show, rest[0])
    if verb == "set":
        return _set(farm, show, rest[0], rest[1])
    if verb == "unset":
        return _change(farm, show, {"type": "unset", "keys": rest})
    if verb == "reload":
        return _reload(farm, show)
    if verb == "files":
        return _files(show)
    return _map(show, rest[0], to_client=options.to_client)


def _check_words(verb: str, rest: list[str]) -> None:
    if verb not in VERBS:
        raise CliError(Exit.BAD_INPUT, f"config has no verb {verb!r}", f"it has {', '.join(VERBS)}")
    least, most = VERBS[verb]
    if not least <= len(rest) <= most:
        count = f"{least}" if least == most else f"at least {least}"
        raise CliError(
            Exit.BAD_INPUT,
            f"config {verb} takes {count if most else 'no'} word{'s' * (not most or least != 1)}",
            "--help",
        )


# ------------------------------------------------------------------------------------- showing


def _of_server(farm: Farm) -> Json:
    merged: Json = {}
    for part in cast("list[Json]", farm.get("config")["cgru_config"]):
        merged.update(part)
    merged.pop("cgru_environment", None)
    return merged


def _list(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    if options.local:
        found = {key: _open(key, one) for key, one in local.found_all().items()}
        if show.as_json:
            show.json({"settings": [{"key": key, **one._asdict()} for key, one in found.items()]})
            return Exit.OK
        _print([Shown(key, *one) for key, one in found.items()], show, origin=options.origin)
        for problem in local.problems():
            show.pair("problem", problem, "red")
    elif options.origin:
        settings = _origins(farm)
        if show.as_json:
            show.json({"settings": settings})
        else:
            _print([_shown(one) for one in settings], show, origin=True)
    else:
        values = _of_server(farm)
        if show.as_json:
            show.json({"config": values})
        else:
            _print([Shown(key, values[key], "") for key in sorted(values)], show, origin=False)
    return Exit.OK


def _get(options: argparse.Namespace, farm: Farm, show: Show, key: str) -> int:
    if options.local:
        try:
            found = _open(key, local.found(key))
        except KeyError:
            raise CliError(Exit.NOT_FOUND, unknown(key)) from None
        one = Shown(key, found.value, found.origin)
        document: Json = {"key": key, **found._asdict()}
    elif options.origin:
        known = {setting["key"]: setting for setting in _origins(farm)}
        _check_known(key, known)
        one, document = _shown(known[key]), known[key]
    else:
        values = _of_server(farm)
        _check_known(key, values)
        one, document = Shown(key, values[key], ""), {}
    if show.as_json:
        show.json({"settings": [document]} if document else {"config": {key: one.value}})
    elif options.origin:
        _print([one], show, origin=True)
    else:
        show.line(_text(one.value))
    return Exit.OK


def _open(key: str, found: Found) -> Found:
    """A setting of this computer as it may be seen: without what is secret."""
    setting = BY_KEY.get(key)
    return found if setting is None else found._replace(value=setting.told(found.value))


def _check_known(key: str, known: Json) -> None:
    if key not in known:
        import difflib  # only a mistake needs it

        close = difflib.get_close_matches(key, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else "afcmd config lists them"
        raise CliError(Exit.NOT_FOUND, f"the server has no setting {key!r}", hint)


def _origins(farm: Farm) -> list[Json]:
    found = cast("list[Json]", farm.get("config", mode="origins")["settings"])
    return sorted(found, key=lambda one: one["key"])


def _shown(one: Json) -> Shown:
    origin = str(one["origin"])
    if "by" in one:
        origin = f"set by {one['by']} at {moment_text(one['time'])}"
    if "waiting" in one:
        later = one["waiting"]
        origin += f"; {shown(later['value'])} ({later['origin']}) waits for a restart"
    return Shown(one["key"], one["value"], origin)


def _print(found: list[Shown], show: Show, *, origin: bool) -> None:
    if origin:
        rows: list[list[Cell]] = [[one.key, _text(one.value), one.origin] for one in found]
        show.table(["KEY", "~VALUE", "~FROM"], rows)
    else:
        for one in found:
            show.pair(one.key, _text(one.value))


# ------------------------------------------------------------------------------------ changing


def _set(farm: Farm, show: Show, key: str, text: str) -> int:
    setting = BY_KEY.get(key)
    value: Any = text
    if setting is not None and setting.secret:  # the request could be read on its way
        raise CliError(
            Exit.BAD_INPUT,
            f"{key} is a secret and is not set by a request",
            f"give it to the server as {setting.variable}, or in a file that only it can read",
            field=key,
        )
    if setting is not None:  # what we do not know the server may
        try:
            value = setting.from_text(text)
        except ValueError as error:
            raise CliError(Exit.BAD_INPUT, str(error), field=key) from None
    return _change(farm, show, {"type": "set", "values": {key: value}})


def _change(farm: Farm, show: Show, operation: Json) -> int:
    answer = farm.ask({"action": {**whoami(), "type": "config", "operation": operation}})
    settings = cast("list[Json]", answer["settings"])
    if show.as_json:
        show.json({"settings": settings})
        return Exit.OK
    _tell(settings, show)
    return Exit.OK


def _tell(settings: list[Json], show: Show) -> None:
    for one in settings:
        was = "as before" if one["old"] == one["value"] else f"was {_text(one['old']) or 'empty'}"
        show.pair(one["key"], f"{_text(one['value'])}  ({was}; {_shown(one).origin})")


def _reload(farm: Farm, show: Show) -> int:
    answer = farm.ask({"reload_config": {}})
    if show.as_json:
        show.json({name: answer.get(name, []) for name in ("files", "changed", "waiting")})
        return Exit.OK
    show.line(str(answer["info"]["text"]))
    _tell(cast("list[Json]", answer["changed"]), show)
    for one in cast("list[Json]", answer["waiting"]):
        show.pair(one["key"], f"{_text(one['value'])}  ({_shown(one).origin})", "yellow")
    return Exit.OK


# ------------------------------------------------------------------------------- this computer


def _files(show: Show) -> int:
    loaded = local.files()
    values = {key: _open(key, one).value for key, one in local.found_all().items()}
    problems = [*loaded.problems, *local.problems()]
    if show.as_json:
        show.json({"files": loaded.files, "problems": problems, "config": values})
        return Exit.OK
    for path in loaded.files:
        show.pair("file", path)
    for problem in problems:
        show.pair("problem", problem, "red")
    for key, value in values.items():
        show.pair(key, _text(value))
    return Exit.OK


def _map(show: Show, text: str, *, to_client: bool) -> int:
    try:
        paths = local.path_map()
    except ValueError as error:
        raise CliError(Exit.BAD_INPUT, str(error), "afcmd config files shows where from") from None
    mapped = paths.to_client(text) if to_client else paths.to_server(text)
    if show.as_json:
        show.json({"text": mapped})
    else:
        show.line(mapped)
    return Exit.OK


def _text(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)
