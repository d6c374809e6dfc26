"""Which tasks of a block have a name: asked for each render by maintenance jobs (SEMANTICS 1.5).

The names of a whole block are made at the first question and kept with it; other jobs never pay.
Appended tasks are added, a new pattern (`tasks_name`) makes all names anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from afanasy.core.state import Block


def tasks_named(block: Block, name: str) -> Sequence[int]:
    """The tasks of that name, in order."""
    if block.by_name is None:
        block.by_name = {}
        _add(block, block.by_name, 0)
    return block.by_name.get(name, ())


def appended(block: Block, first: int) -> None:
    """The block has new tasks, from the number ``first`` on."""
    if block.by_name is not None:
        _add(block, block.by_name, first)


def renamed(block: Block) -> None:
    """Its tasks have other names."""
    block.by_name = None


def _add(block: Block, by_name: dict[str, list[int]], first: int) -> None:
    for task in range(first, block.tasks_num):
        by_name.setdefault(block.task_name(task), []).append(task)
