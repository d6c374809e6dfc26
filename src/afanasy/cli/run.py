"""``afcmd run``: submit one command as a job of one task."""

from __future__ import annotations

import argparse
import shlex
import sys

from af import Block, Job, Task
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm
from afanasy.cli.output import follow
from afanasy.cli.show import Show
from afanasy.cli.submit import submit
from afanasy.cli.wait import wait_for


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command, after our own options."""
    parser.usage = "afcmd run [options] COMMAND [ARGUMENT…]"
    parser.add_argument("--name", help="the job's name (the command's)")
    parser.add_argument("--service", default="generic", help="the service (generic)")
    parser.add_argument("--capacity", type=int, metavar="N", help="what it takes of a render")
    parser.add_argument("--priority", type=int, metavar="N", help="the job's priority")
    parser.add_argument("--hosts-mask", metavar="RE", help="only renders whose whole name matches")
    parser.add_argument("--wait", action="store_true", help="wait until it is done")
    parser.add_argument("--follow", action="store_true", help="print its output, then wait")
    parser.add_argument(
        "words", metavar="COMMAND", nargs=argparse.REMAINDER, help="the command and its arguments"
    )


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Submit it."""
    words: list[str] = options.words
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        raise CliError(Exit.BAD_INPUT, "no command was given", "as afcmd run ls -l")
    command = words[0] if len(words) == 1 else shlex.join(words)
    try:
        job = _job(options, command)
    except ValueError as error:
        raise CliError(Exit.BAD_INPUT, str(error)) from None
    if not options.follow:
        return submit(farm, show, job.filled(), wait=options.wait)
    answer = farm.ask({"job": job.filled()})
    print(f"afcmd: job {answer['id']} (serial {answer['serial']})", file=sys.stderr)
    place = {"ids": [answer["id"]], "block_ids": [0], "task_ids": [0]}
    follow(farm, {"type": "jobs", **place, "mode": "output"}, quiet=show.as_json)
    return wait_for(farm, show, [{**job.data, **answer}], timeout_s=None, quiet=True)


def _job(options: argparse.Namespace, command: str) -> Job:
    job = Job(options.name or command.split(maxsplit=1)[0])
    block = Block("run", options.service)
    task = Task(command)
    task.set_command(command)
    block.tasks.append(task)
    job.blocks.append(block)
    if options.capacity is not None:
        block.set_capacity(options.capacity)
    if options.priority is not None:
        job.set_priority(options.priority)
    if options.hosts_mask is not None:
        job.set_hosts_mask(options.hosts_mask)
    return job
