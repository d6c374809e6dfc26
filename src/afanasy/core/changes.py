"""What a batch of events changed and the store does not know yet.

Reactions mark objects here; at the end of the batch :func:`afanasy.core.rows.take_rows` makes plain
rows of the marks, each object once however often it changed (R33). Everything is a dict used as an
ordered set, so that the rows of a batch are the same in every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from afanasy.core.host.pools import Pool
    from afanasy.core.job.branches import Branch
    from afanasy.core.state import Block, Job, Render, Run, User

#: Tasks of one page: what a bulk operation writes as one row.
PAGE_TASKS = 4096
#: A change of more tasks of a block at once than this is written as pages.
SINGLE_ROWS_MAX = 256


class ClosedRun(NamedTuple):
    """A run that ended or lost the right to count, for the history."""

    run: Run
    ended_wall: float
    elapsed_s: float
    #: A code of RunEnd, or one of SEMANTICS 2.2 for ends that no render reported.
    status: int
    exit_status: int
    error_class: str
    cpu_s: float
    memory_peak_mb: int
    output_size: int
    #: Lines of the service, the parser, the agent and the core.
    log: str


@dataclass(slots=True)
class Changes:
    """Marks of one batch."""

    users: dict[str, User] = field(default_factory=dict)
    users_deleted: list[str] = field(default_factory=list[str])
    renders: dict[str, Render] = field(default_factory=dict)
    #: The holds of services (R18) changed.
    services: bool = False
    #: A setting was set on the fly, or taken back.
    settings: bool = False
    #: The farm file in force, or limits that are set on the fly.
    farm_setup: bool = False
    limits: bool = False
    renders_deleted: list[str] = field(default_factory=list[str])
    pools: dict[str, Pool] = field(default_factory=dict)
    pools_deleted: list[str] = field(default_factory=list[str])
    branches: dict[str, Branch] = field(default_factory=dict)
    branches_deleted: list[str] = field(default_factory=list[str])
    jobs: dict[int, Job] = field(default_factory=dict)
    #: Attributes of blocks, and what changes while they run.
    blocks: dict[int, Block] = field(default_factory=dict)
    block_states: dict[int, Block] = field(default_factory=dict)
    tasks: dict[Block, dict[int, None]] = field(default_factory=dict)
    pages: dict[Block, dict[int, None]] = field(default_factory=dict)
    opened: dict[int, Run] = field(default_factory=dict)
    #: Open runs whose stop cause or state was changed after they were opened.
    reopened: dict[int, Run] = field(default_factory=dict)
    closed: list[ClosedRun] = field(default_factory=list[ClosedRun])
    #: Stale runs that ended: nothing is left of them.
    forgotten: list[int] = field(default_factory=list[int])
    #: (serial, part, text): what was submitted or appended, kept with the history (R39).
    submissions: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])
    #: (block, first task): records of a list block to be written.
    records: list[tuple[Block, int]] = field(default_factory=list)
    #: Places of the system job that were given a task.
    places: dict[tuple[Block, int], None] = field(default_factory=dict)
    #: Rows of the table ``meta`` that stand by themselves: name → what is kept, None = it goes.
    kept: dict[str, object] = field(default_factory=dict)
    #: (serial, wall time, block keys).
    jobs_deleted: list[tuple[int, float, tuple[int, ...]]] = field(
        default_factory=list[tuple[int, float, tuple[int, ...]]]
    )

    def task(self, block: Block, task: int) -> None:
        """One task changed."""
        tasks = self.tasks.get(block)
        if tasks is None:
            self.tasks[block] = {task: None}
        else:
            tasks[task] = None

    def task_ranges(self, block: Block, parts: Sequence[range]) -> None:
        """Tasks of ``parts`` may have changed: rows where they are few on a page, else pages."""
        numbers = {
            page: None
            for part in parts
            for page in range(part.start // PAGE_TASKS, (part.stop - 1) // PAGE_TASKS + 1)
        }
        if sum(map(len, parts)) <= SINGLE_ROWS_MAX * len(numbers):
            for part in parts:
                for task in part:
                    self.task(block, task)
            return
        self.pages.setdefault(block, {}).update(numbers)
