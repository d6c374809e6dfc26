"""What the checker knows of one run."""

from __future__ import annotations

from dataclasses import dataclass

from afanasy.core.rows import Row


@dataclass(slots=True, eq=False)
class RunFact:
    """A run, as rows and processes tell of it."""

    run: int
    #: ``job.block.task``.
    task: str
    block_key: int
    task_num: int
    render: str
    capacity: int
    started_at: float
    #: The row that opened it.
    row: Row
    #: It has the right to count, by its rows.
    current: bool = True
    #: Its render had been silent for the reconnect time-out when it was given up (R6).
    lost_by_rule: bool = False
    #: Its render was deleted by a person.
    disowned: bool = False
    #: Status of the result that its render told last; -1 none.
    reported: int = -1
