"""The jobs of a user that could start something, in the user's order, found by what they fit on.

A user's queue holds his jobs that have ready tasks, sorted by :meth:`Job.sort_key`. Ten thousand of
them may wait for hosts that are busy, or that do not exist, while a host becomes free that could
run one. So beside the whole queue there is a queue for each :class:`afanasy.core.place.fits.Fits`:
a pass merges those that the changed renders pass, and never sees the others.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from typing import Any, Final

from afanasy.core.limit.limits import exhausted
from afanasy.core.place import shares
from afanasy.core.place.fits import Fits
from afanasy.core.state import Farm, Job, User

#: A queue of so few jobs is walked as it is.
SHORT: Final = 16


def enter(farm: Farm, job: Job) -> None:
    """Put the job into its user's queues."""
    user = job.user
    job.queued = True
    insort(user.queue, job, key=Job.sort_key)
    job.queued_fits = job.fits
    for fits in job.queued_fits:
        insort(user.by_fits.setdefault(fits, []), job, key=Job.sort_key)
    if job.share is not None:
        shares.enter(job, job.share)
    farm.hungry[user.name] = user
    farm.fresh_jobs[job.serial] = job


def leave(farm: Farm, job: Job) -> None:
    """Take the job out; its sort key must not have changed yet."""
    user = job.user
    if job.share is not None:
        shares.leave(job, job.share)
    job.queued = False
    _remove(user.queue, job)
    for fits in job.queued_fits:
        queue = user.by_fits[fits]
        _remove(queue, job)
        if not queue:
            del user.by_fits[fits]
    job.queued_fits = ()
    if not user.queue:
        farm.hungry.pop(user.name, None)


def _remove(queue: list[Job], job: Job) -> None:
    place = bisect_left(queue, job.sort_key(), key=Job.sort_key)
    while queue[place] is not job:
        place += 1
    del queue[place]


def resort(farm: Farm, user: User) -> None:
    """The order numbers of the user's jobs were given out anew."""
    user.queue.sort(key=Job.sort_key)
    for queue in user.by_fits.values():
        queue.sort(key=Job.sort_key)
    shares.turn_anew(farm, user.queue)


def candidates(
    by_fits: dict[Fits, list[Job]],
    passed: Iterable[Fits],
    fresh: Iterable[Job],
    order: Callable[[Job], Any] = Job.sort_key,
) -> Iterator[Job]:
    """Jobs that ask for something of ``passed``, and the fresh ones, in the queues' order."""
    queues = [_open(fits, by_fits[fits]) for fits in passed if fits in by_fits]
    mine = sorted((job for job in fresh if job.queued), key=order)
    last: Job | None = None
    for job in merge(*queues, mine, key=order):
        if job is not last:
            last = job
            yield job


def _open(fits: Fits, queue: list[Job]) -> Iterator[Job]:
    """Jobs of a queue, until what they ask for is taken on the whole farm."""
    # A copy: the queue changes while tasks are started.
    for job in list(queue):
        if fits.asks and exhausted(fits.asks) is not None:
            return
        yield job
