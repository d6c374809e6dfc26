"""``afcmd wait``: wait until jobs are done, failed or gone."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, cast

from af.waiting import result_of
from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.figures import counts_of
from afanasy.cli.humans import parse_duration, state_words
from afanasy.cli.progress import Progress
from afanasy.cli.selection import find_job
from afanasy.cli.show import Show

#: Looks come quickly at first, for jobs of a second, then once a second.
_POLL_FIRST_S = 0.1
_POLL_S = 1.0
#: The worst of several jobs decides.
_RESULTS = {"done": Exit.OK, "error": Exit.JOB_ERROR, "deleted": Exit.JOB_DELETED}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which jobs, and how long."""
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="ids or names")
    parser.add_argument("--timeout", metavar="TIME", help="give up after this, as 90s or 2h")
    parser.add_argument("--quiet", action="store_true", help="print nothing")


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Wait."""
    timeout_s = None
    if options.timeout is not None:
        try:
            timeout_s = parse_duration(options.timeout)
        except ValueError as error:
            raise CliError(Exit.BAD_INPUT, str(error), field="--timeout") from None
    jobs = [find_job(farm, word) for word in options.jobs]
    return wait_for(farm, show, jobs, timeout_s=timeout_s, quiet=options.quiet)


def wait_for(
    farm: Farm, show: Show, jobs: list[Json], *, timeout_s: float | None, quiet: bool = False
) -> int:
    """Look at the jobs by their serials until each has a result; returns the exit code."""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    quiet = quiet or show.as_json
    names = {int(job["serial"]): f"job {job['id']} {job.get('name', '')}".strip() for job in jobs}
    last: dict[int, Json] = {int(job["serial"]): job for job in jobs}
    results: dict[int, str] = {}
    said: dict[int, str] = {}
    pause_s = _POLL_FIRST_S
    with Progress("waiting", as_json=quiet) as progress:
        while True:
            waiting = [serial for serial in names if serial not in results]
            seen = _look(farm, waiting)
            for serial in waiting:
                job = seen.get(serial)
                last[serial] = job or last[serial]
                result = "deleted" if job is None else result_of(job)
                if result:
                    results[serial] = result
                text = result if job is None else _progress(job)
                # The bar tells how far they are: beside it only what is new about a state.
                new = " ".join(state_words(job or {})) + result if progress.shown else text
                if not quiet and said.get(serial) != new:
                    said[serial] = new
                    with progress.aside():
                        show.line(f"{names[serial]}: {text}")
                        sys.stdout.flush()
            if len(results) == len(names):
                break
            if end is not None and time.monotonic() >= end:
                break
            _draw(progress, list(last.values()))
            left_s = pause_s if end is None else end - time.monotonic()
            time.sleep(max(0.0, min(pause_s, left_s)))
            pause_s = min(pause_s * 1.5, _POLL_S)
    return _finish(show, last, results, timeout_s)


def _draw(progress: Progress, jobs: list[Json]) -> None:
    """The bar of all jobs together."""
    counts = [counts_of(job) for job in jobs]
    tasks, done = sum(one.tasks for one in counts), sum(one.done for one in counts)
    running = sum(one.running for one in counts)
    progress.total = 100 * tasks
    percent = sum(one.percent * one.tasks for one in counts)
    progress.at(percent, f"{done} of {plural(tasks, 'task')}, {running} running")


def _finish(
    show: Show, last: dict[int, Json], results: dict[int, str], timeout_s: float | None
) -> int:
    open_jobs = [serial for serial in last if serial not in results]
    codes = {_RESULTS[result] for result in results.values()}
    code = Exit.TIMED_OUT if open_jobs else Exit.OK
    for worse in (Exit.JOB_DELETED, Exit.JOB_ERROR):
        code = worse if worse in codes and not open_jobs else code
    if show.as_json:
        rows: list[dict[str, Any]] = [
            {
                "id": job["id"],
                "serial": serial,
                "name": job.get("name", ""),
                "state": str(job.get("state") or ""),
                "result": results.get(serial, "timeout"),
            }
            for serial, job in last.items()
        ]
        show.json({"jobs": rows, "exit": int(code)})
    elif open_jobs:
        ids = ", ".join(str(last[serial]["id"]) for serial in open_jobs)
        print(f"afcmd: not done after {timeout_s:g} s: job {ids}", file=sys.stderr)
    return code


def _look(farm: Farm, serials: list[int]) -> dict[int, Json]:
    """The jobs that there still are, by serial."""
    try:
        answer = farm.patiently({"get": {"type": "jobs", "serials": serials}})
    except CliError as error:
        if error.exit_code != Exit.NOT_FOUND:
            raise
        if len(serials) == 1:
            return {}
        # The server does not say which of them are gone: each is asked for.
        return {found: job for one in serials for found, job in _look(farm, [one]).items()}
    jobs = cast("list[Json]", answer.get("jobs") or [])
    return {int(job["serial"]): job for job in jobs}


def _progress(job: Json) -> str:
    counts = counts_of(job)
    words = " ".join(state_words(job))
    failed = f", {counts.errors} failed" if counts.errors else ""
    return f"{words}, {counts.percent}%, {counts.done} of {plural(counts.tasks, 'task')}{failed}"
