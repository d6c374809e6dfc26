"""``afcmd output --grep``: lines of many outputs that match a regular expression.

A line is told as ``block/task#start host: line``, as soon as it is found. Lines of context have a
``-`` in the place of the colon, and ``--`` stands between groups.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from typing import Any

from af.words import plural
from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm
from afanasy.cli.filters import compiled
from afanasy.cli.humans import printable
from afanasy.cli.outputs import Output, Selection, read
from afanasy.cli.progress import Progress
from afanasy.cli.show import Show


def grep(options: argparse.Namespace, farm: Farm, show: Show, selection: Selection) -> int:
    """Search the outputs; returns whether something was found as an exit code."""
    flags = re.IGNORECASE if options.ignore_case else 0
    pattern = compiled(options.grep, "--grep", flags)
    matches: list[dict[str, Any]] = []
    found = searched = lost = 0
    with Progress("searching", selection.tasks(), as_json=show.as_json) as progress:
        for output in read(farm, selection):
            searched += output.kept
            lost += not output.kept
            lines = output.text.splitlines()
            hits = [n for n, line in enumerate(lines) if pattern.search(line)]
            if hits and show.as_json:
                matches += [_match(output, lines, hit, options.context) for hit in hits]
            elif hits:
                with progress.aside():
                    if found and options.context:
                        show.line("--")
                    _print(show, output, lines, hits, options.context)
            found += len(hits)
            progress.at(output.tasks, f"{output.tasks} of {progress.total} tasks, {found} found")
    if show.as_json:
        show.json({"matches": matches, "outputs": searched, "lost": lost})
    else:
        if lost:
            print(f"afcmd: {plural(lost, 'output')} not kept any more", file=sys.stderr)
        if not found:
            told = f"nothing matches in {plural(searched, 'output')}"
            print(f"afcmd: {told}", file=sys.stderr)
    return Exit.OK if found else Exit.NOT_FOUND


def _print(show: Show, output: Output, lines: list[str], hits: list[int], context: int) -> None:
    run = output.run
    name = f"{output.block.get('name')}/{run['task_name']}#{run['number']} {run['render']}"
    matching = set(hits)
    for n, group in enumerate(groups(hits, context, len(lines))):
        if n and context:
            show.line("--")
        for place in group:
            hit = place in matching
            head = show.paint(printable(name) + (":" if hit else "-"), "blue" if hit else "grey")
            print(head, printable(lines[place]))
    sys.stdout.flush()


def groups(hits: list[int], context: int, length: int) -> Iterator[range]:
    """The lines to show: hits with so many around them, those that touch made one."""
    first = last = -1
    for hit in hits:
        low, high = max(0, hit - context), min(length, hit + context + 1)
        if last >= 0 and low <= last:
            last = high
            continue
        if last >= 0:
            yield range(first, last)
        first, last = low, high
    if last >= 0:
        yield range(first, last)


def _match(output: Output, lines: list[str], hit: int, context: int) -> dict[str, Any]:
    run = output.run
    found: dict[str, Any] = {
        "block_num": output.block["block_num"],
        "block_name": output.block.get("name"),
        **{key: run[key] for key in ("task_num", "task_name", "run", "number", "render")},
        "line": hit + 1,
        "text": lines[hit],
    }
    if context:
        found["before"] = lines[max(0, hit - context) : hit]
        found["after"] = lines[hit + 1 : hit + 1 + context]
    return found
