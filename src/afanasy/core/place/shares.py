"""Shares: what takes turns below each branch, while ``af_solve_branches`` is on.

A :class:`Share` is the jobs of one user in one branch, with what he runs *there*; in a branch with
``solve_jobs`` it is all jobs of the branch, each of which is served for itself. Its queue holds the
jobs that have ready tasks, by their turns (:mod:`afanasy.core.place.turns`), and beside it a queue
for each thing that jobs ask for, as users have them (:mod:`afanasy.core.place.job_queue`). A branch
knows its shares that have waiting jobs, and the branches below that have some.

While the setting is off there are no shares: nothing is counted twice for a tree that takes no
part. :func:`switch` makes all of them, or drops them; it costs one look at every job.

**Turns move late.** A job stands in its queues under :attr:`Job.turn`, which is not touched when a
task of it starts or ends: that only notes the job in ``farm.turned``, and the next pass puts the
noted ones where they belong (:func:`settle`), a few comparisons for each. So queues keep their
order while a pass walks through them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from afanasy.core.place.turns import Turn, job_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from afanasy.core.job.branches import Branch
    from afanasy.core.place.fits import Fits
    from afanasy.core.state import Farm, Job, User
    from afanasy.model.attributes import WorkSpec

#: Key of all jobs of a branch among its shares; no user is called so.
ALL: Final = ""
by_turn: Final[Callable[[Job], Turn]] = attrgetter("turn")


@dataclass(slots=True, eq=False, repr=False)
class Share:
    """Jobs of one user in one branch, or all jobs of the branch (``user`` is None)."""

    branch: Branch
    user: User | None
    #: How many jobs it has; the last one takes it along.
    jobs: int = 0
    #: Those that could start something, by their turns.
    queue: list[Job] = field(default_factory=list)
    by_fits: dict[Fits, list[Job]] = field(default_factory=dict)
    running: int = 0
    running_capacity: int = 0
    #: Solve counter when one of its jobs was served last.
    solved: int = 0

    def __repr__(self) -> str:
        return f"<share {self.name!r} in {self.branch.path}>"

    @property
    def name(self) -> str:
        """Of the user."""
        return self.user.name if self.user is not None else ALL

    @property
    def spec(self) -> WorkSpec:
        """Whose priority counts."""
        return self.user.spec if self.user is not None else self.branch.spec

    @property
    def rank(self) -> int:
        """Behind branches of the same need."""
        return 1


def switch(farm: Farm, *, on: bool) -> None:
    """``af_solve_branches`` was switched, or the farm was restored."""
    for branch in farm.branches.values():
        branch.shares.clear()
        branch.hungry_shares.clear()
        branch.hungry.clear()
    farm.turned.clear()
    farm.sharing = on
    for job in farm.jobs.values():
        job.share = None
        attach(farm, job)
    farm.fresh_all = True


def attach(farm: Farm, job: Job) -> None:
    """The job came into its branch, or to its user: it gets its share, with what it runs."""
    branch = job.branch
    if not farm.sharing or job.system or branch is None:
        return
    name = ALL if branch.spec.solve_jobs else job.user.name
    share = branch.shares.get(name)
    if share is None:
        user = None if branch.spec.solve_jobs else job.user
        share = branch.shares[name] = Share(branch, user)
    job.share = share
    share.jobs += 1
    share.running += job.running
    share.running_capacity += job.running_capacity
    share.solved = max(share.solved, job.solved)
    if job.queued:
        enter(job, share)


def detach(job: Job) -> None:
    """The job leaves its branch or user."""
    share = job.share
    if share is None:
        return
    if job.queued:
        leave(job, share)
    job.share = None
    share.jobs -= 1
    share.running -= job.running
    share.running_capacity -= job.running_capacity
    if not share.jobs:
        del share.branch.shares[share.name]


def regroup(farm: Farm, branch: Branch) -> None:
    """``solve_jobs`` of the branch was edited: its jobs are shared out anew."""
    for job in branch.jobs.values():
        detach(job)
    for job in branch.jobs.values():
        attach(farm, job)


def turn_anew(farm: Farm, jobs: Iterable[Job]) -> None:
    """What decides about the turns of these jobs was edited."""
    for job in jobs:
        if job.share is not None and job.queued:
            farm.turned[job.serial] = job


def enter(job: Job, share: Share) -> None:
    """The job has ready tasks: it stands in the queues of its share."""
    job.turn = job_turn(job, share)
    _put(job, share)
    if len(share.queue) == 1:
        branch = share.branch
        hungry = branch.waits
        branch.hungry_shares[share.name] = share
        while not hungry and branch.parent is not None:
            above = branch.parent
            hungry = above.waits
            above.hungry[branch.path] = branch
            branch = above


def leave(job: Job, share: Share) -> None:
    """The job has nothing ready any more."""
    _take(job, share)
    if not share.queue:
        branch = share.branch
        del branch.hungry_shares[share.name]
        while not branch.waits and branch.parent is not None:
            del branch.parent.hungry[branch.path]
            branch = branch.parent


def count(farm: Farm, job: Job, share: Share, tasks: int, capacity: int) -> None:
    """A task of the job was started, or has ended (with negative numbers)."""
    share.running += tasks
    share.running_capacity += capacity
    if job.queued:
        farm.turned[job.serial] = job


def settle(farm: Farm) -> None:
    """Put the jobs whose turns have changed where they belong now."""
    for job in farm.turned.values():
        share = job.share
        if share is not None and job.queued and job.turn != (turn := job_turn(job, share)):
            _take(job, share)
            job.turn = turn
            _put(job, share)
    farm.turned.clear()


def _put(job: Job, share: Share) -> None:
    insort(share.queue, job, key=by_turn)
    for fits in job.queued_fits:
        insort(share.by_fits.setdefault(fits, []), job, key=by_turn)


def _take(job: Job, share: Share) -> None:
    _remove(share.queue, job)
    for fits in job.queued_fits:
        queue = share.by_fits[fits]
        _remove(queue, job)
        if not queue:
            del share.by_fits[fits]


def _remove(queue: list[Job], job: Job) -> None:
    place = bisect_left(queue, job.turn, key=by_turn)  # no two jobs have the same turn
    assert queue[place] is job, f"job {job.serial} stands elsewhere than its turn says"
    del queue[place]
