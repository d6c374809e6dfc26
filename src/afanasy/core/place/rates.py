"""``max_tasks_per_second`` of jobs, users and branches: n starts in any sliding second (R25).

The start that reaches the limit closes the door (:attr:`Rate.full`), and a timer opens it again one
second after the oldest start that counts. So checks need no clock, and what waits is tried again at
the first possible moment.

The farm remembers all starts of the last second, so a limit that is set now counts those before it.
A restarted server knows those whose runs are open.
"""

from __future__ import annotations

from collections import deque

from afanasy.core.job.branches import Branch
from afanasy.core.state import Farm, Job, Rate, User
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now

WINDOW_S = 1.0


def count_start(farm: Farm, job: Job, now: Now) -> None:
    """A task of ``job`` was started."""
    recent = farm.recent_starts
    while recent and recent[0][0] + WINDOW_S <= now.mono:
        recent.popleft()
    recent.append((now.mono, job))
    if job.spec.max_tasks_per_second > 0:
        _count(farm, job, now)
    if job.user.spec.max_tasks_per_second > 0:
        _count(farm, job.user, now)
    if job.branch is not None:
        for branch in job.branch.asked:
            if branch.spec.max_tasks_per_second > 0:
                _count(farm, branch, now)


def _count(farm: Farm, work: Job | User | Branch, now: Now) -> None:
    if work.rate is None:
        work.rate = Rate()
    work.rate.starts.append(now.mono)
    _refresh(farm, work, work.rate, now)


def limit_changed(farm: Farm, work: Job | User | Branch, now: Now) -> None:
    """``max_tasks_per_second`` was edited."""
    if work.spec.max_tasks_per_second <= 0:
        work.rate = None
        return
    if work.rate is None:
        starts = (mono for mono, job in farm.recent_starts if _belongs(job, work))
        work.rate = Rate(deque(starts))
    _refresh(farm, work, work.rate, now)


def restored(farm: Farm, now: Now) -> None:
    """The server was restarted: what it may have started within the last second counts."""
    runs = [run for run in farm.runs.values() if run.current]
    starts = sorted((run.started_mono, run.block.job.serial) for run in runs)
    for mono, serial in starts:
        if mono + WINDOW_S > now.mono:
            farm.recent_starts.append((mono, farm.jobs[serial]))
    works: list[Job | User | Branch] = []
    for _, job in farm.recent_starts:
        works += (job, job.user, *(job.branch.upwards() if job.branch is not None else ()))
    for work in dict.fromkeys(works):
        limit_changed(farm, work, now)


def _belongs(job: Job, work: Job | User | Branch) -> bool:
    if isinstance(work, Branch):
        return job.branch is not None and any(one is work for one in job.branch.upwards())
    return job is work or job.user is work


def on_timer(farm: Farm, work: Job | User | Branch, now: Now) -> None:
    """The oldest start has left the window."""
    if work.rate is not None and work.rate.full:
        _refresh(farm, work, work.rate, now)
        if not work.rate.full:
            _wake(farm, work)


def _refresh(farm: Farm, work: Job | User | Branch, rate: Rate, now: Now) -> None:
    starts, limit = rate.starts, work.spec.max_tasks_per_second
    while starts and starts[0] + WINDOW_S <= now.mono:
        starts.popleft()
    rate.full = 0 < limit <= len(starts)
    if rate.full:
        add_timer(farm, starts[len(starts) - limit] + WINDOW_S, "rate", work)


def _wake(farm: Farm, work: Job | User | Branch) -> None:
    if isinstance(work, Branch):
        farm.fresh_all = True
    elif isinstance(work, Job):
        if farm.jobs.get(work.serial) is work:
            farm.fresh_jobs[work.serial] = work
    elif farm.users.get(work.name) is work:
        farm.fresh_users[work.name] = work
