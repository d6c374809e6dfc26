"""What waits for the system job, beside the tasks in its blocks (SEMANTICS 12.1)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from afanasy.model.attributes import TaskSpec

if TYPE_CHECKING:
    from afanasy.core.host.render_state import Render


@dataclass(slots=True)
class SystemWork:
    """Requests without a place, and what is looked at next."""

    #: Number of a block → request → the task it becomes once there is a place; oldest first.
    waiting: dict[int, dict[int, TaskSpec]] = field(default_factory=dict[int, dict[int, TaskSpec]])
    #: Requests and messages that were given a number in this epoch.
    counter: int = 0
    #: Number of a block → places of finished tasks, the longest finished first; checked when used.
    free: dict[int, deque[int]] = field(default_factory=dict[int, "deque[int]"])
    #: (block, task) → mono time since when it waits for its start.
    since: dict[tuple[int, int], float] = field(default_factory=dict[tuple[int, int], float])
    #: A timer that looks for tasks which wait too long is pending.
    timer: bool = False
    #: Tasks were ready after the last placement, and found no host.
    hungry: bool = False
    #: Renders of which something changed since then.
    renders: dict[str, Render] = field(default_factory=dict)
