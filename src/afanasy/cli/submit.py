"""``afcmd submit``: submit a job from a JSON file."""

from __future__ import annotations

import argparse
import sys
from typing import cast

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json, whoami
from afanasy.cli.files import read_json
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
    found = read_json(name, _FORM)
    if isinstance(found, dict) and "job" in found:
        found = cast(Json, found)["job"]
    if not isinstance(found, dict) or "blocks" not in found:
        raise CliError(Exit.BAD_INPUT, f"{where} holds no job with blocks", _FORM)
    return cast(Json, found)
