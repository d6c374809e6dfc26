"""To which other tasks an operation spreads along dependencies (SEMANTICS 2.4).

Three modes of the operations on blocks and tasks:

* ``affect_depends``, as in the original: also the tasks that the named ones depend on by
  tasks_depend_mask, one step up;
* ``downstream``, ours: also everything that depends on the named tasks, and on that, to the end:
  tasks by tasks_depend_mask, whole blocks by depend_mask, whole jobs by the jobs' depend masks and
  serials, other people's too;
* ``both``: what the one finds and what the other finds, both from the named tasks. (What depends on
  the tasks one step up, and not on the named ones, is left alone.)

What is found are ranges for each block, in the order of finding, which never depends on chance.
"""

from __future__ import annotations

import re
from typing import Final

from afanasy.core.depend import overlap
from afanasy.core.state import Block, Job

MODES: Final = frozenset({"affect_depends", "downstream", "both"})
_UNMARKED: Final = re.compile(b"\x00+")
_MARKED: Final = re.compile(b"\x01+")

#: Block → parts, by the block's key.
Spread = dict[int, tuple[Block, list[range]]]


class _Marks:
    """Which tasks have been found, as a byte for each task of the blocks that have any."""

    def __init__(self) -> None:
        self.blocks: dict[int, tuple[Block, bytearray]] = {}

    def add(self, block: Block, part: range) -> list[range]:
        """Mark ``part``; returns what of it is new."""
        if block.key not in self.blocks:
            self.blocks[block.key] = (block, bytearray(block.tasks_num))
        marks = self.blocks[block.key][1]
        new = [range(*found.span()) for found in _UNMARKED.finditer(marks, part.start, part.stop)]
        for piece in new:
            marks[piece.start : piece.stop] = b"\x01" * len(piece)
        return new

    def parts(self) -> Spread:
        """All that is marked."""
        return {
            key: (block, [range(*found.span()) for found in _MARKED.finditer(marks)])
            for key, (block, marks) in self.blocks.items()
        }


def spread(blocks: list[Block], parts: list[range] | None, mode: str) -> Spread:
    """The named tasks (``parts`` of each of ``blocks``; None = all) and those of the mode."""
    assert mode in MODES, mode
    marks = _Marks()
    todo: list[tuple[Block, range]] = []
    for block in blocks:
        for part in parts if parts is not None else [range(block.tasks_num)]:
            todo += [(block, piece) for piece in marks.add(block, part)]
    above: list[tuple[Block, range]] = []
    if mode != "downstream":
        for block, piece in todo:
            for link in block.needs:
                needed = overlap.needs_exactly(link.mine, piece, link.theirs)
                above += [(link.source, part) for part in needed]
    if mode != "affect_depends":  # first: what is marked already would not be followed
        _downstream(marks, todo)
    for block, part in above:
        marks.add(block, part)
    return marks.parts()


def _downstream(marks: _Marks, todo: list[tuple[Block, range]]) -> None:
    blocks_seen: set[int] = set()
    jobs_seen: set[int] = set()
    while todo:
        block, piece = todo.pop()
        for link in block.feeds:
            users = overlap.users_exactly(link.mine, link.theirs, piece)
            todo += [(link.block, new) for new in marks.add(link.block, users)]
        whole: list[Block] = []
        if block.key not in blocks_seen:
            blocks_seen.add(block.key)
            for gate in block.gates:
                whole += [waiter for waiter in gate.waiters.values() if waiter is not block]
        if block.job.serial not in jobs_seen:
            jobs_seen.add(block.job.serial)
            for job in _jobs_after(block.job):
                whole += job.blocks
        for other in whole:
            everything = range(other.tasks_num)
            todo += [(other, new) for new in marks.add(other, everything)]


def _jobs_after(job: Job) -> list[Job]:
    """Jobs that have a mask or serial that names this one."""
    return [
        waiter
        for gate in job.member_of.values()
        for waiter in gate.waiters.values()
        if waiter is not job and not waiter.deleting
    ]
