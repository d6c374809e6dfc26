"""Jobs that are deleted some time after their creation (``time_life``, SEMANTICS 1.1).

-1 takes the user's ``jobs_life_time``; 0 means never. A life is measured by the wall clock. After a
step of that clock by more than a minute, no job is deleted for ten minutes: somebody may be about
to set it right again (R3).
"""

from __future__ import annotations

from typing import Final

from afanasy.core.state import Farm, Job
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now

#: Seconds without such deletions after a step of the clock.
HOLD_S: Final = 600.0
#: A smaller step of the clock, in seconds, holds nothing.
STEP_MAX_S: Final = 60.0


def life_s(job: Job) -> int:
    """Seconds from creation to deletion; 0 = never."""
    life = job.spec.time_life if job.spec.time_life >= 0 else job.user.spec.jobs_life_time
    return max(life, 0)


def watch(farm: Farm, job: Job, now: Now) -> None:
    """Ask to be woken when the job's life is over."""
    life = life_s(job)
    if life and not job.system and not job.deleting:
        left = job.spec.time_creation + life - now.wall
        add_timer(farm, now.mono + max(left, 0.0), "life", job)


def is_over(farm: Farm, job: Job, now: Now) -> bool:
    """A timer came: is the job to be deleted now? Sets another timer when it is not yet."""
    if farm.jobs.get(job.serial) is not job or job.deleting or not life_s(job):
        return False
    if now.mono < farm.lives_held_mono:
        add_timer(farm, farm.lives_held_mono, "life", job)
        return False
    if job.spec.time_creation + life_s(job) > now.wall:
        watch(farm, job, now)
        return False
    return True
