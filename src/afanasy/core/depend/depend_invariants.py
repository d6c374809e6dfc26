"""Who waits for whom, found out the long way: masks against all names, frames as plain sets.

A part of :mod:`afanasy.core.invariants`. It shares no arithmetic with what it checks. Blocks whose
tasks are too many to spell out are only asked whether their codes are settled.
"""

from __future__ import annotations

from typing import Final

from afanasy.core.depend.block_depends import waits
from afanasy.core.depend.task_depends import settled
from afanasy.core.host.masks import may_name
from afanasy.core.state import Block, Farm, Job
from afanasy.core.tasks import FINISHED, Code
from afanasy.model.attributes import FLAG_DEPEND_SUB_TASK

#: Pairs of tasks (and frames of a block) up to which sets are made.
_PAIRS_MAX: Final = 20_000


def check_depends(farm: Farm) -> None:
    """Recompute all waiting of jobs, blocks and tasks. Raises AssertionError with a sentence."""
    standing: dict[object, dict[int, Job]] = {}
    for job in farm.jobs.values():
        expected = _job_waits(farm, job)
        assert job.waiting_jobs == expected, f"job {job.serial} waits: {expected}"
        for key, gate in job.gates.items():
            assert farm.job_gates[key] is gate
            assert gate.waiters[job.serial] is job, f"job {job.serial} at the gate {key}"
        for key, gate in job.member_of.items():
            assert gate.members[job.serial] is job, f"job {job.serial} in the gate {key}"
            standing.setdefault(key, {})[job.serial] = job
        for block in job.blocks:
            _check_block(farm, block)
    for key, gate in farm.job_gates.items():
        assert gate.waiters, f"nobody stands at {key}"
        assert gate.members == standing.get(key, {}), f"members of {key}"
        undone = {serial for serial, job in gate.members.items() if not job.done}
        assert gate.undone.keys() == undone, f"undone of {key}"
    patterns = sum(len(m) for starts in farm.job_patterns.values() for m in starts.values())
    assert patterns == sum(1 for gate in farm.job_gates.values() if _is_pattern(gate.key))


def _is_pattern(key: object) -> bool:
    return isinstance(key, tuple) and "regex" in key[:1]


def _job_waits(farm: Farm, job: Job) -> bool:
    spec = job.spec
    if job.system:
        return False
    for other in farm.jobs.values():
        if other is job or other.system or other.done:
            continue
        name = other.spec.name
        if other.serial in spec.depend_jobs:
            return True
        own = other.user is job.user and spec.depend_mask
        if own and may_name(farm, spec.depend_mask, name):
            return True
        if spec.depend_mask_global and may_name(farm, spec.depend_mask_global, name):
            return True
    return False


def _check_block(farm: Farm, block: Block) -> None:
    where = f"job {block.job.serial} block {block.num}"
    mask, others = block.spec.depend_mask, [b for b in block.job.blocks if b is not block]
    expected = bool(mask) and any(not b.done and may_name(farm, mask, b.spec.name) for b in others)
    assert block.waiting == waits(block) == expected, f"{where} waits: {expected}"
    mask = block.spec.tasks_depend_mask
    sources = [b for b in others if mask and may_name(farm, mask, b.spec.name)]
    assert [link.source for link in block.needs] == sources, f"{where}: links"
    assert all(link in link.source.feeds for link in block.needs), f"{where}: links"
    if block.columns is None:
        assert not sources or block.tasks_num == 0 or not _waiting(block), f"{where}: no columns"
        return
    codes = bytes(block.columns.state[: block.tasks_num])
    small = block.tasks_num * (1 + sum(source.tasks_num for source in sources)) <= _PAIRS_MAX
    right = _waiting(block) if small else None
    if right is None or any(_frames_num(b) > _PAIRS_MAX for b in (block, *sources)):
        assert codes == settled(block, 0, codes), f"{where}: unsettled tasks"
        return
    for task, code in enumerate(codes):
        if code in (Code.READY, Code.WAITING):
            assert (code == Code.WAITING) == (task in right), f"{where} task {task} waits"


def _frames_num(block: Block) -> int:
    return block.tasks_num * max(1, block.spec.frames_per_task)


def _waiting(block: Block) -> set[int]:
    """Tasks that need one that is not done."""
    found: set[int] = set()
    for link in block.needs:
        theirs = _sets(link.source, block)
        everything = sorted({frame for frames in theirs for frame in frames})
        for task, frames in enumerate(_sets(block, link.source)):
            wanted = set(frames).intersection(everything)
            needed = [n for n, other in enumerate(theirs) if wanted.intersection(other)]
            if not wanted:
                low, high = (
                    max((f for f in everything if f <= frame), default=everything[0])
                    for frame in (frames[0], frames[-1])
                )
                needed = [n for n, f in enumerate(theirs) if f[-1] >= low and f[0] <= high]
                wanted = {high}
            if any(not _given(link.source, n, theirs[n], wanted) for n in needed):
                found.add(task)
    return found


def _given(source: Block, task: int, frames: list[int], wanted: set[int]) -> bool:
    """The task is done, or its run has finished the wanted ones of its frames."""
    if source.code(task) in FINISHED:
        return True
    run = source.open.get(task)
    if run is None or not source.spec.flags & FLAG_DEPEND_SUB_TASK:
        return False
    last = max(wanted)
    needed = [frame for frame in frames if frame <= last] or frames[:1]
    if wanted.intersection(frames):
        needed = [frame for frame in frames if frame <= max(wanted.intersection(frames))]
    return set(needed) <= set(frames[: max(0, run.frame)])


def _sets(block: Block, partner: Block) -> list[list[int]]:
    """The frames of each task; those of a list are the partner's, one after the other."""
    if block.spec.numeric:
        inc = block.spec.frames_inc
        return [
            list(range(start, finish + 1, inc))
            for start, finish, _ in map(block.frames, range(block.tasks_num))
        ]
    first, inc = 0, 1
    if partner.spec.numeric:
        first, inc = partner.spec.frame_first, partner.spec.frames_inc
    return [
        [first + k * inc for k in range(start, finish + 1)]
        for start, finish, _ in map(block.frames, range(block.tasks_num))
    ]
