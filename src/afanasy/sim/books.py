"""What the checker knows of one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from afanasy.core.rows import Row

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety


class OnRender(Protocol):
    """A place that is asked about: a run that was started there, or only the render."""

    @property
    def render(self) -> str:
        """Its name."""
        ...


class There(NamedTuple):
    """A render that is only asked about."""

    render: str


class Holds(NamedTuple):
    """What a run holds as long as it lives: MB, GB, MB of GPU memory, devices; service, tickets."""

    service: str
    tickets: dict[str, int]
    memory_mb: int
    hdd_gb: int
    gpu_mb: int
    gpus: int


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
    holds: Holds
    #: It has the right to count, by its rows.
    current: bool = True
    #: Its render had been silent for the reconnect time-out when it was given up (R6).
    lost_by_rule: bool = False
    #: Its render was deleted by a person.
    disowned: bool = False
    #: Status of the result that its render told last; -1 none.
    reported: int = -1


def currents(safety: Safety) -> Iterator[RunFact]:
    """Runs with the right to count, by their rows."""
    for run, row in safety.open.items():
        if row[8]:
            yield safety.runs[run]
