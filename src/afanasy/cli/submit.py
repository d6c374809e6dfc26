"""``afcmd submit``: submit jobs from JSON files."""

from __future__ import annotations

import argparse
import sys
from typing import cast

from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json, whoami
from afanasy.cli.files import read_json
from afanasy.cli.progress import Progress
from afanasy.cli.show import Show

_FORM = 'write {"job": {"name": …, "blocks": […]}}'


def arguments(parser: argparse.ArgumentParser) -> None:
    """The files."""
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help='JSON of the job; "-" reads standard input'
    )
    parser.add_argument("--pause", action="store_true", help="submit it paused")
    parser.add_argument("--wait", action="store_true", help="wait until it is done")


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Submit them; when one cannot be read, none."""
    jobs = [read_job(name) for name in options.files]
    if options.pause:
        jobs = [{**job, "offline": True} for job in jobs]
    if len(jobs) == 1:
        return submit(farm, show, jobs[0], wait=options.wait)
    return _submit_all(options, farm, show, jobs)


def submit(farm: Farm, show: Show, job: Json, *, wait: bool) -> int:
    """Send the job, say its id, and wait for it if asked."""
    answer = _send(farm, job)
    if not (wait and show.as_json):
        _tell(show, answer)
    return _wait(farm, show, [{**job, **answer}]) if wait else Exit.OK


def _submit_all(options: argparse.Namespace, farm: Farm, show: Show, jobs: list[Json]) -> int:
    sent: list[Json] = []
    with Progress("submitting", len(jobs), as_json=show.as_json) as progress:
        for name, job in zip(options.files, jobs, strict=True):
            try:
                answer = _send(farm, job)
            except CliError as error:
                progress.clear()
                many = plural(len(sent), "job")
                print(f"afcmd: {name} was refused; {many} before it stay", file=sys.stderr)
                error.message = f"{name}: {error.message}" if not error.field else error.message
                raise
            sent.append({**job, **answer})
            if not show.as_json:
                with progress.aside():
                    _tell(show, answer)
            progress.at(len(sent))
    if options.wait:
        return _wait(farm, show, sent)
    if show.as_json:
        show.json({"jobs": [{"id": job["id"], "serial": job["serial"]} for job in sent]})
    return Exit.OK


def _send(farm: Farm, job: Json) -> Json:
    return farm.ask({"job": {**whoami(), **job}})


def _tell(show: Show, answer: Json) -> None:
    if show.as_json:
        show.json(answer)
    else:
        show.line(f"job {answer['id']} (serial {answer['serial']})")
        sys.stdout.flush()


def _wait(farm: Farm, show: Show, jobs: list[Json]) -> int:
    from afanasy.cli import wait as waiting

    return waiting.wait_for(farm, show, jobs, timeout_s=None)


def read_job(name: str) -> Json:
    """The job in a file: bare, or as the member "job" of a request. Raises CliError."""
    where = "standard input" if name == "-" else name
    found = read_json(name, _FORM)
    if isinstance(found, dict) and "job" in found:
        found = cast(Json, found)["job"]
    if not isinstance(found, dict) or "blocks" not in found:
        raise CliError(Exit.BAD_INPUT, f"{where} holds no job with blocks", _FORM)
    return cast(Json, found)
