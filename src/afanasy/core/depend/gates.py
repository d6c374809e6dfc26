"""Gates: those who wait by one mask, and those whom they wait for.

A gate belongs to one depend mask (or serial). Its *members* are everybody the mask names; *undone*
are the members that are not done yet; *waiters* are everybody who has that mask. It is shut for a
waiter while somebody **else** is undone: nobody waits for himself.

All who have the same mask share its gate, so a thousand jobs that wait for a thousand others are
two thousand entries and not a million pairs. When a member becomes done, waiters change only if the
number of the undone comes down to one or to none, and a gate says who they are.

A :class:`Link` is the same for tasks: between two blocks, with the arithmetic of their frames.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from afanasy.core.depend.overlap import Line

if TYPE_CHECKING:
    from afanasy.core.state import Block

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Gate(Generic[T]):
    """One mask. Members and waiters are kept under a number of their own: serial, block number."""

    #: What it is found by, for whoever keeps gates.
    key: Hashable = None
    members: dict[int, T] = field(default_factory=dict[int, T])
    undone: dict[int, T] = field(default_factory=dict[int, T])
    waiters: dict[int, T] = field(default_factory=dict[int, T])
    #: The first name on which the mask took too long: whoever it may name is a member since then.
    unsure: str | None = None

    def shut_for(self, number: int) -> bool:
        """Somebody else is undone."""
        left = len(self.undone)
        return left > 1 or (left == 1 and number not in self.undone)

    def blockers(self, number: int) -> Iterator[T]:
        """Those for whom the waiter ``number`` waits."""
        return (member for n, member in self.undone.items() if n != number)

    def names_another(self, number: int) -> bool:
        """It names anybody else, done or not."""
        return len(self.members) > 1 or (len(self.members) == 1 and number not in self.members)

    def join(self, number: int, member: T, undone: bool) -> list[T]:
        """The mask names ``member``. Returns the waiters for whom that may matter."""
        self.members[number] = member
        return self.set_undone(number, member, undone)

    def leave(self, number: int) -> list[T]:
        """The member is gone, or is named no more."""
        member = self.members.pop(number)
        return self.set_undone(number, member, False)

    def set_undone(self, number: int, member: T, undone: bool) -> list[T]:
        """``member`` is done, or is not any more."""
        if undone == (number in self.undone):
            return []
        if undone:
            self.undone[number] = member
        else:
            del self.undone[number]
        left = len(self.undone)
        if left == (1 if undone else 0):  # it was open for all, or is now
            return list(self.waiters.values())
        if left == (2 if undone else 1):  # whoever is the only undone one does not wait here
            return [self.waiters[n] for n in self.undone if n in self.waiters]
        return []


@dataclass(slots=True, eq=False)
class Link:
    """The tasks of ``block`` wait for those of ``source`` that they need (tasks_depend_mask)."""

    block: Block
    source: Block
    #: Both blocks along the same frames.
    mine: Line
    theirs: Line
    #: Tasks with many needs → one that was seen undone: the search goes on from there.
    hints: dict[int, int] = field(default_factory=dict[int, int])
