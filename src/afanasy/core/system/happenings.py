"""Events that somebody may want to hear of, noted where they happen (SEMANTICS 12.2).

Reactions note them; at the end of the event of the core that caused them
:mod:`afanasy.core.system.notify` tells who asked for them. What happens to one job or render at
once is one message. Of jobs and users that want to hear nothing nothing is noted.
"""

from __future__ import annotations

from typing import Final

from afanasy.core.state import Farm, Job, Render
from afanasy.core.tasks import Code

JOB_CREATED: Final = "JOB_CREATED"
JOB_DONE: Final = "JOB_DONE"
JOB_ERROR: Final = "JOB_ERROR"
JOB_PAUSED: Final = "JOB_PAUSED"
JOB_DELETED: Final = "JOB_DELETED"
RENDER_ZOMBIE: Final = "RENDER_ZOMBIE"
RENDER_SICK: Final = "RENDER_SICK"
RENDER_NO_TASK: Final = "RENDER_NO_TASK"
RENDER_OVERLOAD: Final = "RENDER_OVERLOAD"


def of_job(farm: Farm, job: Job, name: str) -> None:
    """Something happened to the job."""
    spec = job.user.spec
    if job.system or not (job.spec.custom_data or spec.custom_data or spec.email or spec.webhook):
        return
    names = farm.happened.setdefault(job, [])
    if name not in names:
        names.append(name)


def of_render(farm: Farm, render: Render, name: str) -> None:
    """Something happened to the render."""
    names = farm.happened.setdefault(render, [])
    if name not in names:
        names.append(name)


def next_wait_s(first_s: int, told_s: float) -> float:
    """Seconds from the begin of something that lasts until it is told next.

    That is ``first_s``, then twice, four times … as many; ``told_s`` is when it was told last, 0 =
    not yet.
    """
    wait_s = first_s
    while wait_s <= told_s:
        wait_s *= 2
    return float(wait_s)


def task_failed(farm: Farm, job: Job) -> None:
    """A task of the job came into ERROR; the first one is the job's error."""
    errors = 0
    for block in job.blocks:
        errors += block.counts[Code.ERROR]
        if errors > 1:
            return
    of_job(farm, job, JOB_ERROR)
