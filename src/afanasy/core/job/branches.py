"""Branches: a tree of paths that groups jobs (SEMANTICS 3.2, 3.3).

The root ``/`` always exists. Limits, masks, needs and pause of a branch hold for all jobs below.
Which share of the farm a user or job gets is not the branches' business unless
``af_solve_branches`` is on (DESIGN 4): then :mod:`afanasy.core.place.branch_solve` shares by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from afanasy.core.node_log import LogLine
from afanasy.core.run.troubles import Rate
from afanasy.model.attributes import BranchSpec

if TYPE_CHECKING:
    from afanasy.core.place.shares import Share
    from afanasy.core.state import Job

ROOT = "/"
#: Attributes by which a branch restricts its jobs, and what "not set" is.
STRICT: Final[dict[str, int | str | dict[str, int]]] = {
    "max_running_tasks": -1,
    "max_running_tasks_per_host": -1,
    "max_tasks_per_second": -1,
    "hosts_mask": "",
    "hosts_mask_exclude": "",
    "need_os": "",
    "need_properties": "",
    "need_power": -1,
    "need_memory": -1,
    "need_hdd": -1,
    "pools": {},
}


@dataclass(slots=True, eq=False, repr=False)
class Branch:
    """A branch of jobs."""

    path: str
    id: int
    spec: BranchSpec
    parent: Branch | None = None
    children: dict[str, Branch] = field(default_factory=dict)
    #: Jobs directly in it, by serial.
    jobs: dict[int, Job] = field(default_factory=dict)
    time_creation: int = 0
    time_empty: int = 0
    #: Of all jobs below, not only its own.
    running: int = 0
    running_capacity: int = 0
    running_on: dict[str, int] = field(default_factory=dict)
    rate: Rate | None = None
    #: Solve counter at its last placement.
    solved: int = 0
    #: While branches take part in the sharing: by user, or all jobs as one
    #: (:mod:`afanasy.core.place.shares`); those with waiting jobs, and branches below with some.
    shares: dict[str, Share] = field(default_factory=dict)
    hungry_shares: dict[str, Share] = field(default_factory=dict)
    hungry: dict[str, Branch] = field(default_factory=dict)
    #: Itself and those above that have something to say about its jobs (:attr:`strict`).
    asked: tuple[Branch, ...] = ()
    log: list[LogLine] = field(default_factory=list[LogLine])

    def __repr__(self) -> str:
        return f"<branch {self.path}>"

    @property
    def name(self) -> str:
        """Nodes are named; a branch by its path."""
        return self.path

    @property
    def rank(self) -> int:
        """Before users of the same need."""
        return 0

    @property
    def waits(self) -> bool:
        """A job waits in it or below; known while branches take part in the sharing."""
        return bool(self.hungry_shares or self.hungry)

    @property
    def strict(self) -> bool:
        """It has a limit, a mask, a need or a pause: checks have to ask it."""
        spec = self.spec
        return (
            spec.paused
            or spec.priority == 0
            or any(getattr(spec, name) != unset for name, unset in STRICT.items())
        )

    def upwards(self) -> Iterator[Branch]:
        """The branch itself, its parent, … the root."""
        branch: Branch | None = self
        while branch is not None:
            yield branch
            branch = branch.parent

    def downwards(self) -> Iterator[Branch]:
        """The branch itself and everything below, parents first."""
        yield self
        for child in self.children.values():
            yield from child.downwards()

    def all_jobs(self) -> Iterator[Job]:
        """Jobs of the branch and of everything below."""
        for branch in self.downwards():
            yield from branch.jobs.values()
