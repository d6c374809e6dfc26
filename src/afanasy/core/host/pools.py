"""Pools: a tree of renders that gives them defaults (SEMANTICS 6.5).

A pool is named by its path. The root ``/`` always exists. A value of -1 or "" is taken from the
parent; a render's own value comes before any (R22, :mod:`afanasy.core.host.host_values`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from afanasy.core.host.render_state import Render
from afanasy.core.node_log import LogLine
from afanasy.model.attributes import PoolSpec

ROOT = "/"


@dataclass(slots=True, eq=False, repr=False)
class Pool:
    """A pool of renders."""

    path: str
    id: int
    spec: PoolSpec
    parent: Pool | None = None
    children: dict[str, Pool] = field(default_factory=dict)
    #: Renders directly in it, by name.
    renders: dict[str, Render] = field(default_factory=dict)
    time_creation: int = 0
    log: list[LogLine] = field(default_factory=list[LogLine])

    def __repr__(self) -> str:
        return f"<pool {self.path}>"

    def upwards(self) -> Iterator[Pool]:
        """The pool itself, its parent, … the root."""
        pool: Pool | None = self
        while pool is not None:
            yield pool
            pool = pool.parent

    def downwards(self) -> Iterator[Pool]:
        """The pool itself and everything below, parents first."""
        yield self
        for child in self.children.values():
            yield from child.downwards()

    def all_renders(self) -> Iterator[Render]:
        """Renders of the pool and of everything below."""
        for pool in self.downwards():
            yield from pool.renders.values()

    def value(self, name: str, unset: object = -1) -> object:
        """The nearest value that is set, from here to the root; ``unset`` when none is."""
        for pool in self.upwards():
            found = getattr(pool.spec, name)
            if found != unset:
                return found
        return unset

    @property
    def name(self) -> str:
        """Nodes are named; a pool by its path."""
        return self.path

    @property
    def priority(self) -> int:
        """``(own + parent's) / 2``, recursively, as a whole number (SEMANTICS 3.5)."""
        if self.parent is None:
            return self.spec.priority
        return (self.spec.priority + self.parent.priority) // 2

    def ready(self) -> bool:
        """No pool up to the root is paused or has priority 0 (SEMANTICS 3.5)."""
        return all(not pool.spec.paused and pool.spec.priority > 0 for pool in self.upwards())
