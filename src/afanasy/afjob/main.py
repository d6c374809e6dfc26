"""``afjob``: make a job from a scene file and send it to the farm.

Only ``af`` and the standard library are used, so that it starts at once and runs wherever Python
does. What a program needs is in its own file in ``programs/``.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from typing import Any, cast

from af import config, send
from af.answers import refusal, warnings_of
from af.exits import Exit
from afanasy.afjob import catalog as catalogs
from afanasy.afjob.arguments import make_parser
from afanasy.afjob.build import Made, build
from afanasy.afjob.copies import make_copy, remove_copy
from afanasy.afjob.errors import JobError, refused


def main(argv: list[str] | None = None) -> int:
    """The program; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    try:
        for stream in (sys.stdout, sys.stderr):
            # Names may hold what this terminal's encoding has not.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        code = _run(words)
        sys.stdout.flush()
    except JobError as error:
        print(f"afjob: {error.sentence()}", file=sys.stderr)
        if as_json:
            told = {
                "code": error.code, "message": error.message,
                "hint": error.hint, "field": error.option,
            }  # fmt: skip
            print(json.dumps({"error": told}, ensure_ascii=False))
        code = error.exit_code
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever reads has seen enough. Python's own flush at exit would fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.OK
    return int(code)


def _run(words: list[str]) -> int:
    words = _extra_joined(words)
    # Studios' programs add options, so their folders are looked for before all else.
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--plugins", action="append", default=[])
    folders = catalogs.plugin_folders(first.parse_known_args(words)[0].plugins)
    catalog = catalogs.load(folders)
    parser = make_parser(catalog)
    for problem in catalog.problems:
        print(f"afjob: warning: {problem}", file=sys.stderr)
    options = parser.parse_args(words)
    try:
        config.check()
    except ValueError as error:
        hint = "afcmd config files shows what is read"
        raise JobError(str(error), hint, code="bad_config") from None
    try:
        servers = config.servers(options.server)
    except ValueError as error:
        raise JobError(str(error), "as render-server:51000", option="--server") from None
    made = build(options, catalog, folders)
    problem = made.job.problem()  # a script may have done that
    if problem:
        raise JobError(problem, option="--script")
    job = made.job.filled()
    if options.simulate:
        print(json.dumps({"job": job}, ensure_ascii=False, indent=None if options.json else 2))
        return Exit.OK
    if options.verbose:
        print(json.dumps({"job": job}, ensure_ascii=False, indent=2), file=sys.stderr)
    answer = _send_with_copy(made, job, servers)
    if options.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print(f"job {answer['id']} (serial {answer['serial']})")
    return Exit.OK


def _extra_joined(words: list[str]) -> list[str]:
    """``--extra --cont`` as ``--extra=--cont``: argparse takes the value for an option else."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in ("--extra", "-extrargs"):
            joined[-1] = f"--extra={word}"
        else:
            joined.append(word)
    return joined


#: After these nobody knows whether the server has the job.
_UNSURE = ("timeout", "lost", "garbage")


def _send_with_copy(
    made: Made, job: dict[str, Any], servers: list[tuple[str, int]]
) -> dict[str, Any]:
    """Copy the scene if that was asked for, and send; a job that is not sent leaves no copy."""
    if not made.copy:
        return _send(job, servers)
    make_copy(made.scene, made.copy)
    try:
        return _send(job, servers)
    except JobError as error:
        if error.code in _UNSURE:
            print(f"afjob: warning: the copy {made.copy} stays", file=sys.stderr)
        else:
            remove_copy(made.copy)
        raise


def _send(job: dict[str, Any], servers: list[tuple[str, int]]) -> dict[str, Any]:
    try:
        answer: Any = send.request({"job": job}, servers)
    except send.ServerError as error:
        hint = ""
        if error.kind == "unreachable":
            hint = "start afserver, or name it by --server HOST:PORT or AF_SERVERNAME"
        raise JobError(error.reason, hint, code=error.kind, exit_code=Exit.NO_SERVER) from None
    for line in warnings_of(answer):
        print(f"afjob: warning: {line}", file=sys.stderr)
    found = refusal(answer)
    if found is not None:
        raise refused(found)
    if not isinstance(answer, dict) or "id" not in answer:
        raise JobError("the server's answer names no job", code="garbage", exit_code=Exit.NO_SERVER)
    return cast("dict[str, Any]", answer)


if __name__ == "__main__":
    sys.exit(main())
