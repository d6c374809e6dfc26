"""``afcmd append``: add blocks to a job, or tasks to a list block, from a JSON file."""

from __future__ import annotations

import argparse
from typing import Any, cast

from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm
from afanasy.cli.files import read_json
from afanasy.cli.selection import find_place
from afanasy.cli.show import Show


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, and the file."""
    parser.add_argument("job", metavar="JOB", help="id or name for blocks; JOB.BLOCK for tasks")
    parser.add_argument(
        "file", metavar="FILE", help='JSON: a list, or {"blocks": […]}, {"tasks": […]}; "-" reads'
        " standard input",
    )  # fmt: skip


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Add them."""
    job, block = find_place(farm, options.job)
    what = "blocks" if block is None else "tasks"
    items = _items(options.file, what)
    members: dict[str, Any] = {"operation": {"type": f"append_{what}", what: items}}
    if block is not None:
        members["block_ids"] = [block["block_num"]]
    answer = farm.action("jobs", ids=[job["id"]], **members)
    if show.as_json:
        show.json(answer)
    else:
        where = f"job {job['id']}" if block is None else f"block {job['id']}.{block.get('name')}"
        show.line(f"added {plural(len(items), what[:-1])} to {where}")
    return Exit.OK


def _items(name: str, what: str) -> list[Any]:
    found = read_json(name)
    if isinstance(found, dict):
        found = cast("dict[str, Any]", found).get(what)
    if not isinstance(found, list) or not found:
        raise CliError(Exit.BAD_INPUT, f"{name} holds no {what}", f'write {{"{what}": [{{…}}]}}')
    return cast("list[Any]", found)
