"""``afcmd export|resubmit``: what a job was submitted as, and submitting it once more (R39).

The server keeps it with the history, also after the job was deleted. So the job is named by its
serial, which is never used again; a living one by its name too.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, cast

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json, whoami
from afanasy.cli.selection import find_job
from afanasy.cli.show import Show
from afanasy.cli.submit import submit
from afanasy.cli.values import parse_words

#: Belongs to the first submission alone.
_OF_THEN = ("time_creation",)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The job, and what to do with it."""
    parser.add_argument(
        "job", metavar="SERIAL", help="the serial of a job, also a deleted one; or a name"
    )
    if parser.prog.endswith("export"):
        parser.add_argument("--output", metavar="FILE", help="write it to this file")
        return
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], nargs="+",
        help="otherwise than then, as priority=120, or of a block: BLOCK.capacity=2000",
    )  # fmt: skip
    parser.add_argument("--pause", action="store_true", help="submit it paused")
    parser.add_argument("--wait", action="store_true", help="wait until it is done")


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Print it, write it, or submit it again."""
    job = submission(farm, options.job)
    if options.command == "resubmit":
        for word in (word for words in options.set for word in words):
            change(job, word)
        job["host_name"] = whoami()["host_name"]
        if options.pause:
            job["offline"] = True
        return submit(farm, show, job, wait=options.wait)
    if options.output is None:
        show.json({"job": job})
        return Exit.OK
    text = json.dumps({"job": job}, ensure_ascii=False, indent=2) + "\n"
    try:
        Path(options.output).write_text(text, encoding="utf-8")
    except OSError as error:
        told = f"cannot write {options.output}: {error.strerror}"
        raise CliError(Exit.BAD_INPUT, told, field="--output") from None
    if show.as_json:
        show.json({"file": options.output})
    else:
        show.line(f"wrote job {job.get('name')!r} to {options.output}")
    return Exit.OK


def submission(farm: Farm, word: str) -> Json:
    """The job as it was submitted, ready to be submitted again. Raises CliError."""
    serial = int(word) if word.isdigit() else int(find_job(farm, word)["serial"])
    try:
        found: Json = farm.get("jobs", serials=[serial], mode="submission")["submission"]
    except CliError as error:
        if error.exit_code != Exit.NOT_FOUND:
            raise
        told = f"there is no submission with serial {serial}"
        hint = "afcmd job JOB tells the serial of a job; what is longer than 8 MB is not kept"
        raise CliError(Exit.NOT_FOUND, told, hint) from None
    job = cast(Json, found["job"])
    for name in _OF_THEN:
        job.pop(name, None)
    return job


def change(job: Json, word: str) -> None:
    """Put ``KEY=VALUE`` or ``BLOCK.KEY=VALUE`` into the job. Raises CliError."""
    key, equals, _ = word.partition("=")
    block, dot, _ = key.rpartition(".")
    if not (equals and dot):
        job.update(parse_words([word]))
        return
    new = parse_words([word[len(block) + 1 :]])
    blocks = cast("list[dict[str, Any]]", job["blocks"])
    for number, one in enumerate(blocks):
        if one.get("name") == block or (block.isdigit() and int(block) == number):
            one.update(new)
            return
    names = ", ".join(str(one.get("name", "")) for one in blocks[:10])
    raise CliError(Exit.NOT_FOUND, f"the job has no block {block!r}", f"it has {names}")
