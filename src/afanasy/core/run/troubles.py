"""What only troubled work has: error lists, waits, holds. Most tasks and jobs have none."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class HostErrors:
    """Counted errors of one host in a list (SEMANTICS 5)."""

    count: int
    #: Wall time of the last one, for the forgive time.
    last_wall: float


@dataclass(slots=True)
class TaskExtra:
    """What only troubled tasks have; most tasks have none."""

    #: Host → counted errors of this task there.
    error_hosts: dict[str, HostErrors] = field(default_factory=dict)
    #: When a task in RETRY becomes READY, by both clocks; 0 when it does not wait.
    retry_mono: float = 0.0
    retry_wall: float = 0.0
    #: Host → wall time until which the task stays away after it was ejected there (R10).
    ejected: dict[str, float] = field(default_factory=dict)
    #: Renders that died while they ran this task (R8).
    deaths: set[str] = field(default_factory=set[str])
    #: MB that it needs after it ran out of memory; 0 = what its block needs (R18).
    need_memory_mb: int = 0
    #: Why the task is held or in ERROR, for people; "" when the state says it all.
    reason: str = ""

    def empty(self) -> bool:
        """Nothing is left to remember."""
        return not (
            self.error_hosts
            or self.retry_wall
            or self.ejected
            or self.deaths
            or self.reason
            or self.need_memory_mb
        )


@dataclass(slots=True)
class Rate:
    """Starts of the last second of a job or user with ``max_tasks_per_second`` (R25)."""

    #: Mono times, oldest first.
    starts: deque[float] = field(default_factory=deque[float])
    #: The limit is reached; a timer takes this back.
    full: bool = False


@dataclass(slots=True, eq=False)
class ServiceHold:
    """A service whose licences ran out: nothing of it starts for a while, then one try (R18)."""

    service: str
    #: Waits so far.
    level: int = 0
    wait_s: float = 0.0
    until_mono: float = 0.0
    until_wall: float = 0.0
    #: The wait is on. Afterwards one run at a time is tried until one succeeds.
    held: bool = True
    #: Id of the run that is the try, or 0.
    probe: int = 0
