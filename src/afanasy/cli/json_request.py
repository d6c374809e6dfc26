"""``afcmd json``: check a JSON request, or send it and print the answer as it is."""

from __future__ import annotations

import argparse
import json

from af import send
from af.answers import refusal
from afanasy.cli.exits import CliError, Exit, refused
from afanasy.cli.farm import Farm
from afanasy.cli.files import read_json
from afanasy.cli.show import Show


def arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and whether to send it."""
    parser.usage = "afcmd json [options] [send] [FILE]"
    parser.add_argument(
        "words", metavar="[send] FILE", nargs="*", help='send it; the file, or standard input ("-")'
    )
    parser.add_argument(
        "--lenient", action="store_true", help="let the server ignore what it does not understand"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Check or send it."""
    words: list[str] = options.words
    sending = words[:1] == ["send"]
    rest = words[1:] if sending else words
    if len(rest) > 1:
        raise CliError(Exit.BAD_INPUT, f"{rest[1]!r} is one word too many", "name one file")
    request = read_json(rest[0] if rest else "-")
    if not sending:
        show.json(request)
        return Exit.OK
    if not isinstance(request, dict):
        raise CliError(Exit.BAD_INPUT, "a request is an object", 'as {"get": {"type": "jobs"}}')
    text = json.dumps(request if options.lenient else {**request, "strict": True})
    try:
        raw = send.exchange(text, farm.servers)
    except send.ServerError as error:
        raise CliError(Exit.NO_SERVER, error.reason, code=error.kind) from None
    if not raw:  # some requests have no answer
        return Exit.OK
    try:
        answer = json.loads(raw.decode("utf-8", "replace"), strict=False)
    except ValueError as error:
        raise CliError(Exit.NO_SERVER, f"the answer is no JSON: {error}", code="garbage") from None
    show.json(answer)
    found = refusal(answer)
    return refused(found).exit_code if found is not None else Exit.OK
