"""Whose turn it is: need, and the order of what shares the farm at one place (SEMANTICS 3.3).

A *turn* is a tuple; the least is served first. Need = 1.1^priority / (taken + 1), where what is
taken is a number of tasks or their capacity, as ``solve_need`` of the *parent* says. By it users
share the farm, a user's jobs with ``solve_priority``, and with ``af_solve_branches`` what is below
a branch:

* ``solve_priority``: the greatest need, then solved longest ago;
* ``solve_order``: the greatest priority, then the least time of creation, which only jobs have (so
  branches and users come before jobs), then solved longest ago.

What is still equal goes by name: branches, users, jobs by their serial.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from afanasy.core.job.branches import Branch
    from afanasy.core.place.shares import Share
    from afanasy.core.state import Farm, Job, User

#: 1.1^n for every priority.
_WEIGHTS: Final = [1.1**n for n in range(256)]
#: (-need or -priority, creation or order, solved, branches before users and jobs, name, serial)
Turn = tuple[float, int, int, int, str, int]


def need(work: User | Job | Branch | Share, by: str = "solve_tasksnum") -> float:
    """How much a user, job or branch is owed a task (SEMANTICS 3.3, R30).

    ``by`` is the parent's ``solve_need``: what is shared is the number of tasks, or capacity.
    """
    taken = work.running_capacity if by == "solve_capacity" else work.running
    return _WEIGHTS[work.spec.priority] / (taken + 1)


def job_turn(job: Job, share: Share) -> Turn:
    """The job's turn among the jobs of its share."""
    user, spec = share.user, share.branch.spec
    if user is not None:  # a user's own order, wherever his jobs are
        if user.spec.solve_method == "solve_priority":
            return (-need(job, user.spec.solve_need), 0, job.solved, 0, "", job.serial)
        return (-job.spec.priority, job.order, 0, 0, "", job.serial)
    if spec.solve_method == "solve_priority":
        return (-need(job, spec.solve_need), 0, job.solved, 1, "", job.serial)
    return (-job.spec.priority, job.spec.time_creation, job.solved, 1, "", job.serial)


def child_turn(child: Branch | Share, parent: Branch) -> Turn:
    """The turn of a branch, or of a user, among what is directly in the branch ``parent``."""
    spec = parent.spec
    if spec.solve_method == "solve_priority":
        return (-need(child, spec.solve_need), 0, child.solved, child.rank, child.name, 0)
    return (-child.spec.priority, 0, child.solved, child.rank, child.name, 0)


def in_turn(farm: Farm) -> Iterator[Job]:
    """Waiting jobs in the order in which they would be served, were nothing started meanwhile.

    For those who look ahead, as :mod:`afanasy.core.place.draining`; limits and pauses are theirs
    to ask.
    """
    root = farm.branches["/"]
    if farm.sharing:
        yield from _in_branch(root)
        return
    by = root.spec.solve_need
    for user in sorted(farm.hungry.values(), key=lambda u: (-need(u, by), u.solved, u.name)):
        yield from user.queue


def _in_branch(branch: Branch) -> Iterator[Job]:
    found: list[tuple[Turn, Iterator[Job]]] = [
        (child_turn(child, branch), _in_branch(child)) for child in branch.hungry.values()
    ]
    for share in branch.hungry_shares.values():
        if share.user is None:
            found += [(job_turn(job, share), iter((job,))) for job in share.queue]
        else:
            found.append((child_turn(share, branch), _in_share(share)))
    found.sort(key=lambda one: one[0])
    for _, jobs in found:
        yield from jobs


def _in_share(share: Share) -> Iterator[Job]:
    yield from sorted(share.queue, key=lambda job: job_turn(job, share))
