"""``max_tasks_per_second`` of jobs, users and branches: n starts in any sliding second (R25).

The start that reaches the limit closes the door (:attr:`Rate.full`), and a timer opens it again one
second after the oldest start that counts. So checks need no clock, and what waits is tried again at
the first possible moment.
"""

from __future__ import annotations

from afanasy.core.job.branches import Branch
from afanasy.core.state import Farm, Job, Rate, User
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now

WINDOW_S = 1.0


def count_start(farm: Farm, work: Job | User | Branch, now: Now) -> None:
    """A task of ``work``, which has a limit, was started."""
    if work.rate is None:
        work.rate = Rate()
    work.rate.starts.append(now.mono)
    _refresh(farm, work, work.rate, now)


def limit_changed(farm: Farm, work: Job | User | Branch, now: Now) -> None:
    """``max_tasks_per_second`` was edited."""
    if work.spec.max_tasks_per_second < 0:
        work.rate = None
    elif work.rate is not None:
        _refresh(farm, work, work.rate, now)


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
