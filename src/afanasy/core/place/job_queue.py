"""The jobs of a user that could start something, in the user's order, found by what they fit on.

A user's queue holds his jobs that have ready tasks, sorted by :meth:`Job.sort_key`. Ten thousand of
them may wait for hosts that are busy, or that do not exist, while a host becomes free that could
run one. So beside the whole queue there is a queue for each :class:`afanasy.core.place.fits.Fits`:
a pass merges those that the changed renders pass, and never sees the others. A job stands in those
of its blocks that have ready tasks.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from typing import Any, Final

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
    job.queued_fits = tuple(job.asked)
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
    _remove(user.queue, job, Job.sort_key)
    _leave_fits(user.by_fits, job.queued_fits, job, Job.sort_key)
    job.queued_fits = ()
    if not user.queue:
        farm.hungry.pop(user.name, None)


def refit(job: Job) -> None:
    """Other blocks of a job in the queues may have ready tasks now."""
    asked, before = job.asked, job.queued_fits
    if len(asked) == len(before) and all(fits in asked for fits in before):
        return
    known = frozenset(before)
    gone = [fits for fits in before if fits not in asked]
    come = [fits for fits in asked if fits not in known]
    job.queued_fits = tuple(asked)
    for place, key in ((job.user, Job.sort_key), (job.share, shares.by_turn)):
        if place is not None:
            _leave_fits(place.by_fits, gone, job, key)
            for fits in come:
                insort(place.by_fits.setdefault(fits, []), job, key=key)


def _leave_fits(
    by_fits: dict[Fits, list[Job]], asked: Iterable[Fits], job: Job, key: Callable[[Job], Any]
) -> None:
    for fits in asked:
        queue = by_fits[fits]
        _remove(queue, job, key)
        if not queue:
            del by_fits[fits]


def _remove(queue: list[Job], job: Job, key: Callable[[Job], Any]) -> None:
    place = bisect_left(queue, key(job), key=key)
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
    still: Callable[[Fits], bool],
    order: Callable[[Job], Any] = Job.sort_key,
) -> Iterator[Job]:
    """Jobs that ask for something of ``passed``, and the fresh ones, in the queues' order.

    Those of a queue are met as long as what they ask for is ``still`` to be had.
    """
    queues = [_open(fits, by_fits[fits], still) for fits in passed if fits in by_fits]
    mine = sorted((job for job in fresh if job.queued), key=order)
    last: Job | None = None
    for job in merge(*queues, mine, key=order):
        if job is not last:
            last = job
            yield job


def could_start(farm: Farm, by_fits: dict[Fits, list[Job]]) -> list[Fits]:
    """Of what is asked for, what some open render has: jobs of the others need not be met."""
    renders = farm.open_renders
    if len(renders) <= SHORT:
        found = {fits: None for r in renders.values() for fits in r.fits if fits in by_fits}
        return list(found)
    names = renders.keys()
    return [fits for fits in by_fits if not names.isdisjoint(fits.names.keys())]


def _open(fits: Fits, queue: list[Job], still: Callable[[Fits], bool]) -> Iterator[Job]:
    # A copy: the queue changes while tasks are started.
    for job in list(queue):
        if not still(fits):
            return
        yield job
