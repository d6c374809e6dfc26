"""What would help, as a value, and the case that it is about: nouns of the cures.

A :class:`Case` has the helpers that make a :class:`Cure` of an edit or an operation. Which reason
gets which cure is in :mod:`afanasy.core.why.cures`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from afanasy.core import events
from afanasy.core.place.reasons import Reason
from afanasy.core.state import Block, Farm, Render
from afanasy.model.attributes import BlockSpec, WorkSpec
from afanasy.model.clock import Now


class Cure(NamedTuple):
    """What to do about a reason: a sentence, and where a request can do it, how."""

    text: str
    #: What to apply; none when something must happen instead.
    events: tuple[events.Event, ...] = ()
    #: The same as a person types it.
    commands: tuple[str, ...] = ()


class Case(NamedTuple):
    """A task that does not start, the render it was refused on (None: the work itself), why."""

    farm: Farm
    block: Block
    task: int
    render: Render | None
    reason: Reason
    now: Now

    @property
    def host(self) -> Render:
        """The render, in a case that has one."""
        assert self.render is not None, self.reason
        return self.render

    def job(self, text: str, **params: object) -> Cure:
        """Edit the job."""
        return Cure(text, (events.EditJob(self.block.job.serial, dict(params)),))

    def of_block(self, text: str, **params: object) -> Cure:
        """Edit the block."""
        event = events.EditBlocks(self.block.job.serial, [self.block.num], dict(params))
        return Cure(text, (event,))

    def user(self, text: str, **params: object) -> Cure:
        """Edit the owner."""
        return Cure(text, (events.EditUser(self.block.job.user.name, dict(params)),))

    def branch(self, text: str, **params: object) -> Cure:
        """Edit the branch that the reason names."""
        path = str(self.reason.figures[0])
        return Cure(text, (events.EditBranch(path, dict(params)),))

    def edit_host(self, text: str, **params: object) -> Cure:
        """Edit the render."""
        return Cure(text, (events.EditRender(self.host.name, dict(params)),))

    def tasks(self, text: str, operation: str) -> Cure:
        """An operation on the task."""
        part = range(self.task, self.task + 1)
        job, num = self.block.job.serial, self.block.num
        return Cure(text, (events.OperateBlocks(job, [num], operation, [part]),))

    def asking(self) -> list[tuple[str, BlockSpec | WorkSpec, events.Event]]:
        """Who may ask for something for the task: the word, what they ask, an edit of nothing."""
        job = self.block.job
        found: list[tuple[str, BlockSpec | WorkSpec, events.Event]] = [
            ("block", self.block.spec, events.EditBlocks(job.serial, [self.block.num], {})),
            ("job", job.spec, events.EditJob(job.serial, {})),
            (f"user {job.user.name}", job.user.spec, events.EditUser(job.user.name, {})),
        ]
        for branch in job.branch.asked if job.branch is not None else ():
            event = events.EditBranch(branch.path, {})
            found.append((f"branch {branch.path}", branch.spec, event))
        return found

    def whose(
        self, name: str, value: Callable[[object], object], text: str = "clear {0} of the {1}"
    ) -> Cure:
        """Change what asks for too much: the reason's first figure says whose it is.

        ``value`` makes the new value of the old one; ``text`` gets the name, whose, and the value.
        """
        word = str(self.reason.figures[0])
        spec, event = next((s, e) for w, s, e in self.asking() if w == word)
        new = value(getattr(spec, name))
        return Cure(text.format(name, word, new), (setting(event, {name: new}),))


def setting(event: events.Event, params: dict[str, object]) -> events.Event:
    """The edit of :meth:`Case.asking` with new values."""
    assert isinstance(
        event, (events.EditBlocks, events.EditJob, events.EditUser, events.EditBranch)
    )
    event.params.update(params)
    return event


def lowered(amount: int) -> int:
    """A need that is met by so much; -1 is no need."""
    return amount if amount > 0 else -1


def until_ended(reason: Reason, where: str) -> str:
    """What to wait for where as many tasks run as may, or more since the limit was lowered.

    The last two figures of the reason say so; with a limit of 0 there is nothing to wait for.
    """
    if reason.of_zero:
        return ""
    running, limit = reason.figures[-2:]
    assert isinstance(running, int)
    assert isinstance(limit, int)
    number = running - limit + 1
    what = f"a task {where} ends" if number == 1 else f"{number} tasks {where} end"
    return f"wait until {what}, or "


#: What makes a cure of a case.
Maker = Callable[[Case], Cure]


def sentence(text: str) -> Maker:
    """A cure that needs something to happen, or a hand."""
    return lambda case: Cure(text)
