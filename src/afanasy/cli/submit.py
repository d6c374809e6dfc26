"""``afcmd submit``: submit a job from a JSON file."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, cast

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json, whoami
from afanasy.cli.show import Show

_FORM = 'write {"job": {"name": …, "blocks": […]}}'


def arguments(parser: argparse.ArgumentParser) -> None:
    """The file."""
    parser.add_argument("file", metavar="FILE", help='JSON of the job; "-" reads standard input')
    parser.add_argument("--pause", action="store_true", help="submit it paused")
    parser.add_argument("--wait", action="store_true", help="wait until it is done")


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Submit it."""
    job = read_job(options.file)
    if options.pause:
        job["offline"] = True
    return submit(farm, show, job, wait=options.wait)


def submit(farm: Farm, show: Show, job: Json, *, wait: bool) -> int:
    """Send the job, say its id, and wait for it if asked."""
    from afanasy.cli import wait as waiting

    answer = farm.ask({"job": {**whoami(), **job}})
    if not wait:
        if show.as_json:
            show.json(answer)
        else:
            show.line(f"job {answer['id']} (serial {answer['serial']})")
        return Exit.OK
    if not show.as_json:
        show.line(f"job {answer['id']} (serial {answer['serial']})")
        sys.stdout.flush()
    return waiting.wait_for(farm, show, [{**job, **answer}], timeout_s=None)


def read_job(name: str) -> Json:
    """The job in a file: bare, or as the member "job" of a request. Raises CliError."""
    where = "standard input" if name == "-" else name
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except FileNotFoundError:
        raise CliError(Exit.NOT_FOUND, f"there is no file {name!r}") from None
    except OSError as error:
        raise CliError(Exit.BAD_INPUT, f"cannot read {where}: {error.strerror}") from None
    try:
        found: Any = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CliError(Exit.BAD_INPUT, f"{where} is no JSON: {error}", _FORM) from None
    if isinstance(found, dict) and "job" in found:
        found = cast(Json, found)["job"]
    if not isinstance(found, dict) or "blocks" not in found:
        raise CliError(Exit.BAD_INPUT, f"{where} holds no job with blocks", _FORM)
    return cast(Json, found)
