"""After the faults: everything ends, or something lasting keeps it.

A task that does not run is asked about as a person would
(:func:`afanasy.core.why.explain.explain`). A reason is *lasting* when no time and no healing
changes it: a person paused the job, the retries are used up, no host is big enough. Any other
reason means that the farm still owes the task something, and with bounded patience that is a
failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from afanasy.core.job import lives
from afanasy.core.state import Block, Farm
from afanasy.core.tasks import FINISHED
from afanasy.core.why.explain import explain
from afanasy.model.clock import Now
from afanasy.sim.lasting import host_lasts, work_lasts

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety

#: A job may live on so long: deletions wait after a step of the clock (R3).
LIFE_GRACE_S: Final = 900.0
_WAITS: Final = frozenset({"block_waits", "task_waits", "job_waits_jobs"})
#: Blocks that are being asked about: who waits for one of them waits in a circle.
_Asked = dict[int, None]


def owed(safety: Safety, farm: Farm, now: Now) -> list[tuple[str, str]]:
    """(task, why it does not end) of every task that should still get somewhere."""
    found = [
        ("0.0.0", f"{render.name} is up and does not come")
        for render in farm.renders.values()
        if render.name in safety.hosts_up and not render.link
    ]
    for job in farm.jobs.values():
        if job.deleting:
            found.append((f"{job.serial}.0.0", "the job is being deleted"))
            continue
        over = lives.life_s(job) and job.spec.time_creation + lives.life_s(job) - now.wall
        if not job.system and over < -LIFE_GRACE_S:
            found.append((f"{job.serial}.0.0", f"its life has been over for {-over:.0f} s"))
        for block in job.blocks:
            for task in range(block.tasks_num):
                if block.code(task) not in FINISHED:
                    why = _why(safety, farm, block, task, now, {})
                    if why:
                        found.append((f"{job.serial}.{block.num}.{task}", why))
    return found


def _why(safety: Safety, farm: Farm, block: Block, task: int, now: Now, asked: _Asked) -> str:
    """What keeps the task from its end, "" when that is lasting."""
    told = explain(farm, block, task, now)
    if told.work is not None:
        lasting = work_lasts(told.work)
        if told.work.code in _WAITS:
            lasting = _for_ever(
                safety, farm, block, told.work.code, now, {**asked, block.key: None}
            )
        return "" if lasting else told.summary
    for one in told.classes:
        assert len(one.names) == one.count, "more renders than a class names"
        for render in one.names:
            if not host_lasts(safety, farm, block, one.reason, render):
                return f"{told.summary}; {render}: {one.reason.text()}"
    nobody = not told.classes and safety.hosts_up
    return told.summary if nobody else ""


def _for_ever(safety: Safety, farm: Farm, block: Block, code: str, now: Now, asked: _Asked) -> bool:
    """Something that the block waits for has a lasting reason itself, or waits in a circle."""
    for other in _awaited(farm, block, code):
        if other.done:
            continue
        left = [task for task in range(other.tasks_num) if other.code(task) not in FINISHED]
        if not left or other.key in asked:
            return True
        if any(not _why(safety, farm, other, task, now, asked) for task in left):
            return True
    return False


def _awaited(farm: Farm, block: Block, code: str) -> Iterator[Block]:
    """Blocks that the block's masks name, or its job's."""
    job, spec = block.job, block.spec
    if code != "job_waits_jobs":
        mask = spec.depend_mask if code == "block_waits" else spec.tasks_depend_mask
        yield from (b for b in job.blocks if b is not block and re.fullmatch(mask, b.spec.name))
        return
    for other in farm.jobs.values():
        mine, name = other.user is job.user, other.spec.name
        if other is not job and (
            (mine and job.spec.depend_mask and re.fullmatch(job.spec.depend_mask, name))
            or (job.spec.depend_mask_global and re.fullmatch(job.spec.depend_mask_global, name))
            or other.serial in job.spec.depend_jobs
        ):
            yield from other.blocks
