"""Checks of a start: whatever it depends on is done, or as far as it needs (SEMANTICS 4).

Frames are plain sets here, and how far a running task is comes from its process, not from what the
server believes: a frame that the host has not finished was promised by nobody.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from afanasy.core.state import Block, Farm
from afanasy.core.tasks import FINISHED, Code
from afanasy.model.attributes import FLAG_DEPEND_SUB_TASK
from afanasy.sim.books import RunFact

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety


def blocks_done(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Blocks that its mask names are done or skipped, all tasks of them."""
    mask = block.spec.depend_mask
    if not mask:
        return ""
    for other in block.job.blocks:
        if other is block or not re.fullmatch(mask, other.spec.name):
            continue
        for task in range(other.tasks_num):
            code = other.code(task)
            if code not in FINISHED:
                return f"task {task} of block {other.num} is {Code(code).name}"
    return ""


def jobs_done(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Jobs that its masks name are done: of the same user, or anybody's."""
    job = block.job
    for other in farm.jobs.values():
        if other is job or other.system:
            continue
        names = [job.spec.depend_mask_global]
        if other.user is job.user:
            names.append(job.spec.depend_mask)
        if any(mask and re.fullmatch(mask, other.spec.name) for mask in names):
            for one in other.blocks:
                if any(one.code(task) not in FINISHED for task in range(one.tasks_num)):
                    return f"it waits for job {other.serial}, which is not done"
    return ""


def tasks_done(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Tasks with frames in common, of blocks that its tasks mask names, have finished those."""
    mask = block.spec.tasks_depend_mask
    if not mask:
        return ""
    for other in block.job.blocks:
        if other is block or not re.fullmatch(mask, other.spec.name):
            continue
        wanted = _frames(block, fact.task_num, other)
        for task in range(other.tasks_num):
            frames = _frames(other, task, block)
            common = [n for n, frame in enumerate(frames) if frame in wanted]
            if not common or other.code(task) in FINISHED:
                continue
            have = _finished(safety, other, task) if _sub_task(other) else 0
            if have <= common[-1]:
                return f"task {task} of block {other.num} has frames of it: {have} are finished"
            safety.world.mark("sub-task")
    return ""


def _sub_task(block: Block) -> bool:
    return bool(block.spec.flags & FLAG_DEPEND_SUB_TASK)


def _finished(safety: Safety, block: Block, task: int) -> int:
    """Frames that the process of a task has behind it."""
    label = f"{block.job.serial}.{block.num}.{task}"
    for fact in safety.of_task.get(label, ()):
        if fact.current:
            command = safety.live.get(fact.run)
            return safety.frames_of.get(fact.run, 0) if command is None else command.frames_done()
    return 0


def _frames(block: Block, task: int, partner: Block) -> list[int]:
    """Frames of a task; a list takes those of its numeric partner, one after the other."""
    start, finish, _ = block.frames(task)
    if block.spec.numeric:
        return list(range(start, finish + 1, block.spec.frames_inc))
    first, inc = 0, 1
    if partner.spec.numeric:
        first, inc = partner.spec.frame_first, partner.spec.frames_inc
    return [first + k * inc for k in range(start, finish + 1)]
