"""What the server knows of a render."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from afanasy.model.attributes import RenderSpec

if TYPE_CHECKING:
    from afanasy.core.state import Run

#: A render of a new farm, when nothing else says so (R22).
HOST_CAPACITY_DEFAULT = 1100
HOST_MAX_TASKS_DEFAULT = 4


@dataclass(slots=True, eq=False)
class Render:
    """A host that runs the agent."""

    name: str
    id: int
    spec: RenderSpec
    #: Number of the connection that speaks for it, or 0 when it is offline.
    link: int = 0
    instance: str = ""
    boot_id: str = ""
    address: str = ""
    os: str = ""
    engine: str = ""
    user_name: str = ""
    #: ``--capacity`` and ``--max-tasks``; -1 when not given.
    capacity_flag: int = -1
    max_tasks_flag: int = -1
    draining: bool = False
    time_register: int = 0
    time_launch: int = 0
    time_update: int = 0
    #: Mono time of the last sign of life, or of the start of serving.
    contact_mono: float = 0.0
    #: Every run that may have a process there: current ones and stale ones.
    runs: dict[int, Run] = field(default_factory=dict)
    capacity_used: int = 0
    #: Runs with the right to count.
    running: int = 0
    task_time: int = 0
    idle_since: int = 0
    busy_since: int = 0
    #: Errors in a row, and the jobs they came from (R15).
    errors_row: int = 0
    errors_jobs: set[int] = field(default_factory=set[int])
    #: Cool-off: how many so far, until when (both clocks), and whether one probe at a time runs.
    cool_level: int = 0
    cool_mono: float = 0.0
    cool_wall: float = 0.0
    probing: bool = False
    #: The last resources report: fields of SEMANTICS 10.
    resources: dict[str, object] = field(default_factory=dict)

    @property
    def online(self) -> bool:
        """An agent is connected."""
        return self.link != 0

    @property
    def capacity(self) -> int:
        """Capacity in force (R22); -1 = unlimited."""
        if self.spec.capacity_host >= 0:
            return self.spec.capacity_host
        return self.capacity_flag if self.capacity_flag >= 0 else HOST_CAPACITY_DEFAULT

    @property
    def max_tasks(self) -> int:
        """Most tasks at once (R22)."""
        if self.spec.max_tasks_host >= 0:
            return self.spec.max_tasks_host
        return self.max_tasks_flag if self.max_tasks_flag >= 0 else HOST_MAX_TASKS_DEFAULT

    def cooling(self, mono: float) -> bool:
        """It failed too many tasks in a row and is left alone for a while."""
        return self.cool_mono > mono
