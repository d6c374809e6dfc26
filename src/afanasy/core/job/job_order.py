"""A user's jobs in an order of his own, among those of equal priority (SEMANTICS 7).

The order is the number :attr:`Job.order`; jobs of the same priority are solved by it. A move never
passes a job of another priority.
"""

from __future__ import annotations

from typing import Final

from af.words import plural
from afanasy.core import node_log
from afanasy.core.events import MoveJobs
from afanasy.core.place import job_queue
from afanasy.core.state import Farm, Job, User
from afanasy.model.clock import Now
from afanasy.model.errors import UserError

MOVES: Final = frozenset({"move_jobs_up", "move_jobs_down", "move_jobs_top", "move_jobs_bottom"})


def move_jobs(farm: Farm, event: MoveJobs, now: Now) -> int:
    """Carry out the move; answers how many jobs moved. Raises UserError, nothing changed."""
    user = farm.users.get(event.user)
    if user is None:
        raise UserError("not_found", f"there is no user {event.user!r}")
    if event.operation not in MOVES:
        raise UserError(
            "unknown_operation", f"Unknown operation: {event.operation}", field="operation.type"
        )
    named = [user.jobs[serial] for serial in event.serials if serial in user.jobs]
    moved = 0
    for priority in dict.fromkeys(job.spec.priority for job in named):
        peers = sorted(
            (job for job in user.jobs.values() if job.spec.priority == priority), key=Job.sort_key
        )
        chosen = {job.serial for job in named if job.spec.priority == priority}
        moved += _renumber(farm, user, peers, _moved(peers, chosen, event.operation))
    text = f"{event.operation}: {plural(moved, 'job')} changed place"
    node_log.say(user, text, now, event.by)
    return moved


def _moved(peers: list[Job], chosen: set[int], operation: str) -> list[Job]:
    """The new order of jobs of one priority; the chosen ones keep their order among themselves."""
    if operation == "move_jobs_top":
        return sorted(peers, key=lambda job: job.serial not in chosen)
    if operation == "move_jobs_bottom":
        return sorted(peers, key=lambda job: job.serial in chosen)
    order = peers if operation == "move_jobs_up" else peers[::-1]
    for place in range(1, len(order)):
        before, job = order[place - 1], order[place]
        if job.serial in chosen and before.serial not in chosen:
            order[place - 1], order[place] = job, before
    return order if operation == "move_jobs_up" else order[::-1]


def _renumber(farm: Farm, user: User, peers: list[Job], order: list[Job]) -> int:
    """Give the order numbers of ``peers`` out again in the new order."""
    numbers = sorted(job.order for job in peers)
    count = 0
    for job, number in zip(order, numbers, strict=True):
        if job.order != number:
            job.order = number
            farm.changes.jobs[job.serial] = job
            count += 1
    if count:
        job_queue.resort(farm, user)
        farm.fresh_users[user.name] = user
    return count
