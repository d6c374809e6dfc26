"""What waits for the system job, beside the tasks in its blocks (SEMANTICS 12.1, R31)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from afanasy.model.attributes import TaskSpec

if TYPE_CHECKING:
    from afanasy.core.host.render_state import Render
    from afanasy.core.state import Block, Job

#: Number of the system job's block for pre commands.
PRE_COMMANDS: Final = 3


@dataclass(slots=True)
class PreCommand:
    """A pre command that a job or block waits for (:mod:`afanasy.core.system.pre_commands`)."""

    #: Number of the request that waits for a place; 0 = none does.
    request: int = 0
    #: Its place in the block of the system job; -1 = none.
    task: int = -1
    #: Why it failed; "" = it did not.
    failed: str = ""

    def where(self, verb: str) -> str:
        """How a person asks ``afcmd`` about its task; "" while it has no place."""
        return f" (afcmd {verb} 1.{PRE_COMMANDS} '#{self.task}')" if self.task >= 0 else ""


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
    #: Whose pre command has which place, or is which of the waiting requests.
    owners: dict[int, Job | Block] = field(default_factory=dict["int", "Job | Block"])
    outside: dict[int, Job | Block] = field(default_factory=dict["int", "Job | Block"])
    #: (block, task) of the system job that changed their state since that was looked at.
    moved: dict[tuple[int, int], None] = field(default_factory=dict[tuple[int, int], None])
    #: A timer that looks for tasks which wait too long is pending.
    timer: bool = False
    #: Tasks were ready after the last placement, and found no host.
    hungry: bool = False
    #: Renders of which something changed since then.
    renders: dict[str, Render] = field(default_factory=dict)
