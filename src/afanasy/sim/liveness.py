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
from typing import Final

from afanasy.core.state import Block, Farm
from afanasy.core.tasks import FINISHED
from afanasy.core.why.explain import explain
from afanasy.model.clock import Now

#: Reasons of the work itself that last until a person does something.
LASTING_WORK: Final = frozenset(
    {
        "user_priority_zero", "user_paused", "job_paused", "job_priority_zero", "job_ppa",
        "branch_paused", "branch_priority_zero", "task_error", "task_hosts_avoided",
        "task_suspended", "task_held", "task_skipped", "task_done",
    }
)  # fmt: skip
#: Reasons of a render, or of the work on it, that last.
LASTING_HOST: Final = frozenset(
    {
        "render_offline", "render_paused", "render_priority_zero", "render_sick", "NIMBY", "nimby",
        "pool_not_ready", "capacity_total", "block_avoids", "task_avoids", "hosts_mask",
        "hosts_mask_exclude", "need_os", "need_properties", "need_power", "need_cpu",
        "need_gpus_total", "need_memory", "need_hdd", "pool_forbidden", "pool_other",
        "task_maintenance",
    }
)  # fmt: skip
#: Reasons that last when the limit is nothing at all.
_PER_HOST: Final = frozenset(
    {"render_slots", "user_per_host", "job_per_host", "block_per_host", "branch_per_host"}
)
_WAITS: Final = frozenset({"block_waits", "task_waits", "job_waits_jobs"})
#: Blocks that are being asked about: who waits for one of them waits in a circle.
_Asked = dict[int, None]


def owed(farm: Farm, now: Now) -> list[tuple[str, str]]:
    """(task, why it does not end) of every task that should still get somewhere."""
    found: list[tuple[str, str]] = []
    for job in farm.jobs.values():
        if job.deleting:
            found.append((f"{job.serial}.0.0", "the job is being deleted"))
            continue
        for block in job.blocks:
            for task in range(block.tasks_num):
                if block.code(task) not in FINISHED:
                    why = _why(farm, block, task, now, {})
                    if why:
                        found.append((f"{job.serial}.{block.num}.{task}", why))
    return found


def _why(farm: Farm, block: Block, task: int, now: Now, asked: _Asked) -> str:
    """What keeps the task from its end, "" when that is lasting."""
    told = explain(farm, block, task, now)
    if told.work is not None:
        code, figures = told.work
        lasting = code in LASTING_WORK or (code.endswith("max_running") and figures[-1] == 0)
        if code in _WAITS:
            lasting = _for_ever(farm, block, code, now, {**asked, block.key: None})
        return "" if lasting else told.summary
    for one in told.classes:
        code, figures = one.reason
        if code not in LASTING_HOST and not (code in _PER_HOST and figures[-1] == 0):
            return told.summary
    return "" if told.classes else told.summary


def _for_ever(farm: Farm, block: Block, code: str, now: Now, asked: _Asked) -> bool:
    """Something that the block waits for has a lasting reason itself, or waits in a circle."""
    for other in _awaited(farm, block, code):
        if other.done:
            continue
        left = [task for task in range(other.tasks_num) if other.code(task) not in FINISHED]
        if not left or other.key in asked:
            return True
        if any(not _why(farm, other, task, now, asked) for task in left):
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
