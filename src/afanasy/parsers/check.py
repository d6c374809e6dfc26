"""What a parser concludes of a program's output: ``python -m afanasy.parsers.check NAME FRAMES``.

For people who write a parser. The output comes on the standard input. Exit status: 0 the task would
be done or goes on, 1 it would be an error, 2 the question was wrong.

    blender -b scene.blend -s 1 -e 5 -a 2>&1 | python -m afanasy.parsers.check blender 5

``--examples`` runs the examples that parsers carry instead: those of one parser, or of all.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from afanasy.parsers.base import Parser
from afanasy.parsers.registry import load_parser, make_parser, parser_names

_PIECE_BYTES = 64 * 1024


def main(arguments: Sequence[str] | None = None, source: BinaryIO | None = None) -> int:
    """The command line; returns the exit status."""
    asked = _command_line().parse_args(arguments)
    folders: list[Path] = asked.plugins or plugin_folders(os.environ)
    if asked.examples:
        return _examples([asked.name] if asked.name else all_names(folders), folders)
    if not asked.name:
        print("which parser? Give its name and the number of frames.", file=sys.stderr)
        return 2
    parser, note = make_parser(asked.name, folders, asked.frames)
    if note:
        print(f"note: {note}", file=sys.stderr)
        return 2
    if parser is None:
        print("no parser: nothing is read of the output")
        return 0
    stream = source or sys.stdin.buffer
    while piece := stream.read(_PIECE_BYTES):
        parser.feed(piece)
    if asked.running:
        parser.idle()
    else:
        parser.finish(asked.status)
    status = None if asked.running else int(asked.status)
    print("\n".join(conclusion(parser, status)))
    return int(parser.verdict(status) in {"error", "bad_output"})


def conclusion(parser: Parser, status: int | None) -> list[str]:
    """The state of a parser in lines for people."""
    percent = "unknown" if parser.percent < 0 else str(parser.percent)
    lines = [
        f"verdict: {parser.verdict(status)}",
        f"percent: {percent}",
        f"frame: {parser.frame} of {parser.frames_num}, {parser.percentframe} % of the next",
    ]
    if parser.warning:
        lines.append("warning: yes")
    for name, text in (
        ("error", parser.error),
        ("fatal error", parser.fatal_error),
        ("bad result", parser.bad_result),
        ("finished success", parser.finished_success),
        ("class", parser.error_class),
        ("activity", parser.activity),
        ("report", parser.report),
    ):
        if text:
            lines.append(f"{name}: {text}")
    lines += [f"file: {path}" for path in parser.files]
    lines += [f"log: {text}" for text in parser.log]
    return lines


def plugin_folders(environment: os._Environ[str] | dict[str, str]) -> list[Path]:
    """Folders of the variable ``AF_PLUGINS``, separated as in ``PATH``."""
    parts = environment.get("AF_PLUGINS", "").split(os.pathsep)
    return [Path(part) for part in parts if part]


def all_names(folders: Sequence[Path]) -> list[str]:
    """Built-in parsers and those of the folders."""
    names = set(parser_names())
    for folder in folders:
        names.update(parser_names(folder))
    return sorted(names)


def example_failures(name: str, folders: Sequence[Path]) -> list[str]:
    """What is wrong with the examples of one parser; a parser without examples is wrong too."""
    parser_class, note = load_parser(name, folders)
    if parser_class is None or note:
        return [f"{name}: {note or 'no parser'}"]
    if not parser_class.EXAMPLES:
        return [f"{name}: has no EXAMPLES"]
    return [
        f"{name}: example {place}: {difference}"
        for place, example in enumerate(parser_class.EXAMPLES, 1)
        for difference in example.differences(parser_class)
    ]


def _examples(names: Sequence[str], folders: Sequence[Path]) -> int:
    wrong = 0
    for name in names:
        failures = example_failures(name, folders)
        wrong += bool(failures)
        print("\n".join(failures) if failures else f"{name}: all examples hold")
    return int(wrong > 0)


def _command_line() -> argparse.ArgumentParser:
    line = argparse.ArgumentParser(
        prog="python -m afanasy.parsers.check",
        description="What a parser concludes of the output on the standard input.",
    )
    line.add_argument("name", nargs="?", default="", help="name of the parser")
    line.add_argument("frames", nargs="?", type=int, default=1, help="frames of the task (1)")
    line.add_argument("--status", type=int, default=0, help="exit status of the program (0)")
    line.add_argument("--running", action="store_true", help="the program has not ended yet")
    line.add_argument("--examples", action="store_true", help="run the parsers' own examples")
    line.add_argument(
        "--plugins",
        type=Path,
        action="append",
        metavar="FOLDER",
        help="plug-in folder, repeatable (AF_PLUGINS)",
    )
    return line


if __name__ == "__main__":
    sys.exit(main())
