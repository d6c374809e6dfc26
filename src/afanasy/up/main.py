"""``afanasy``: the command of people who begin. ``afanasy up`` runs a farm on this machine."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import af.config
from afanasy import __version__
from afanasy.up.farm import Plan, Trouble, keep_farm

PORT_DEFAULT: Final = 51000
#: What a new block takes of its render unless its job says otherwise.
TASK_CAPACITY: Final = 1000
#: Tasks of a render at a time, as on any new farm.
TASKS_MAX: Final = 4
EXIT_BAD: Final = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``afanasy``; the exit code."""
    options = make_parser().parse_args(argv)
    if options.command == "version":
        system = f"{platform.system()} {platform.release()}"
        print(f"afanasy {__version__}, Python {platform.python_version()}, {system}")
        return 0
    try:
        af.config.check()
    except ValueError as error:
        hint = "afcmd config files shows what is read"
        print(f"afanasy: {error}; {hint}", file=sys.stderr)
        return EXIT_BAD
    try:
        return asyncio.run(keep_farm(_plan(options)))
    except Trouble as trouble:
        print(f"afanasy: {trouble}", file=sys.stderr)
        return trouble.code


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="afanasy", description="A render farm manager.")
    parser.add_argument("--version", action="version", version=f"afanasy {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", help="what to do"
    )
    commands.add_parser("version", help="versions of Afanasy, Python and the system")
    up = commands.add_parser(
        "up",
        help="run a server and renders on this machine until Ctrl-C",
        description="Runs a server and renders on this machine until Ctrl-C. Jobs are kept.",
        epilog="Exit code: 0 ended by Ctrl-C, 1 a program kept dying, 2 it cannot start.",
    )
    up.add_argument("--renders", type=_count, default=1, metavar="N", help="renders (default: 1)")
    up.add_argument(
        "--capacity",
        type=_count,
        metavar="N",
        help=f"capacity of each render (default: {TASK_CAPACITY} for each core that is its share)",
    )
    up.add_argument(
        "--max-tasks",
        type=_count,
        metavar="N",
        help=f"tasks of each render at a time (default: one for each core, at most {TASKS_MAX})",
    )
    up.add_argument(
        "--port",
        type=_port,
        default=os.environ.get("AF_SERVERPORT") or str(PORT_DEFAULT),
        help="TCP port; 0 takes a free one (default: AF_SERVERPORT or 51000)",
    )
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    up.add_argument(
        "--data",
        type=Path,
        default=home / "afanasy",
        metavar="DIR",
        help="folder of database, outputs, runs and logs (default: %(default)s)",
    )
    up.add_argument(
        "--plugins",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="plug-in folder of the renders; may be repeated",
    )
    up.add_argument(
        "--bind",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="listen on this address too, for other hosts; with --trust",
    )
    up.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="NET",
        help="network whose hosts may use the farm and render for it, as 10.1.0.0/16",
    )
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return int(text)


def _plan(options: argparse.Namespace) -> Plan:
    share = max(1, len(os.sched_getaffinity(0)) // options.renders)
    host = af.config.host_name().partition(".")[0]
    return Plan(
        data=options.data.absolute(),
        port=options.port,
        renders=[host, *(f"{host}-{number}" for number in range(2, options.renders + 1))],
        capacity=options.capacity or share * TASK_CAPACITY,
        max_tasks=options.max_tasks or min(share, TASKS_MAX),
        plugins=[folder.absolute() for folder in options.plugins],
        bind=options.bind,
        trust=options.trust,
    )


if __name__ == "__main__":
    sys.exit(main())
