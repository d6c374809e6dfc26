"""Tasks to try next: the list of a job, and which of them a pass can start (SEMANTICS 1.5).

A job's list has pairs of block and task in the order in which they were named, each once. A pair
may stand there before its task is ready, even before its block is appended; it leaves the list when
the task starts. Tasks that are done stay: a restart makes them ready again.

**Why a long list is cheap.** A list has :data:`TRY_NEXT_MAX` pairs at most, however many operations
made it. A pass looks through it once: what is not ready, or of a block that may start nothing,
stays so until the pass ends. The others stand together by block, so that a render asks each block
once; of its tasks the first one without a reason of its own ends the search. Tasks of a maintenance
job stand by their names, too: a render sees only those that are for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from afanasy.core.place.checks import block_blocked
from afanasy.core.state import Block, Job
from afanasy.core.tasks import Code
from afanasy.model.attributes import JobSpec
from afanasy.model.errors import UserError

#: Most tasks that a job can have in its list.
TRY_NEXT_MAX: Final = 10_000

#: Block and task, by number.
Pair = tuple[int, int]


def submitted(spec: JobSpec) -> dict[Pair, None]:
    """The list that a job is submitted with; the answer says what is left out (R49)."""
    return dict.fromkeys(islice(named(spec), TRY_NEXT_MAX))


def named(spec: JobSpec) -> dict[Pair, None]:
    """The pairs that the attributes name: numbers below 0, as other lists have them, name none."""
    pairs = zip(spec.try_this_blocks_num, spec.try_this_tasks_num, strict=False)
    return dict.fromkeys(pair for pair in pairs if min(pair) >= 0)


def check_room(job: Job, blocks: Sequence[Block], parts: Sequence[range], mode: str) -> None:
    """No more tasks are named, or in the list afterwards, than it holds. Raises UserError."""
    count = sum(map(len, parts)) * len(blocks)
    if mode == "append" and count <= TRY_NEXT_MAX:
        count = len({**job.try_next, **_pairs(blocks, parts)})
    if count > TRY_NEXT_MAX:
        raise UserError(
            "too_many_tasks",
            f"at most {TRY_NEXT_MAX} tasks of a job can be tried next, not {count}",
            "name fewer; reset_trying_next_tasks empties the list",
            field="operation.task_ids",
        )


def append(job: Job, blocks: Sequence[Block], parts: Sequence[range]) -> int:
    """Put the named tasks at the end of the list, in their order; returns how many they are."""
    named = _pairs(blocks, parts)
    remove(job, blocks, parts)
    job.try_next.update(named)
    return len(named)


def remove(job: Job, blocks: Sequence[Block], parts: Sequence[range]) -> int:
    """Take the named tasks out of the list; returns how many there were."""
    before, named = len(job.try_next), _pairs(blocks, parts)
    job.try_next = {pair: None for pair in job.try_next if pair not in named}
    return before - len(job.try_next)


def _pairs(blocks: Sequence[Block], parts: Sequence[range]) -> dict[Pair, None]:
    return dict.fromkeys((block.num, task) for block in blocks for part in parts for task in part)


@dataclass(slots=True, eq=False)
class Listed:
    """Ready tasks of one block that are to be tried next."""

    block: Block
    #: The first place that one of them had.
    first: int
    #: Task → its place in the job's list, in that order.
    places: dict[int, int] = field(default_factory=dict[int, int])


class NextTasks:
    """What a pass can start of a job's list."""

    def __init__(self, job: Job) -> None:
        self._by_name = job.spec.maintenance
        #: The name of the render they are for ("" = any) → block → its tasks. The blocks are in the
        #: order of their first places.
        self._listed: dict[str, dict[int, Listed]] = {}
        able: dict[int, Block | None] = {}
        for place, (num, task) in enumerate(job.try_next):
            if num not in able:
                able[num] = _able(job, num)
            block = able[num]
            if block is None or not 0 <= task < block.tasks_num or block.code(task) != Code.READY:
                continue
            blocks = self._listed.setdefault(self._name(block, task), {})
            if num not in blocks:
                blocks[num] = Listed(block, place)
            blocks[num].places[task] = place

    def on(self, host: str) -> Iterable[Listed]:
        """Those that may be for the render of that name, block by block."""
        return self._listed.get(host if self._by_name else "", {}).values()

    def started(self, block: Block, task: int) -> None:
        """One of them was started."""
        blocks = self._listed.get(self._name(block, task), {})
        listed = blocks.get(block.num)
        if listed is not None:
            listed.places.pop(task, None)
            if not listed.places:
                del blocks[block.num]

    def _name(self, block: Block, task: int) -> str:
        return block.task_name(task) if self._by_name else ""


def _able(job: Job, num: int) -> Block | None:
    """The block of that number, if there is one and something of it could start."""
    block = job.blocks[num] if 0 <= num < len(job.blocks) else None
    if block is None or not block.counts[Code.READY] or block_blocked(block) is not None:
        return None
    return block
