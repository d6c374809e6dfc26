"""How a task, and with it its block and job, changes state. The only writer of state codes.

:data:`LEGAL` names every change there is; anything else is a programmer's error and stops the
batch with the task's story. One task goes through :func:`set_code`; an operation over a range goes
through :func:`change_tasks`, which translates the state bytes of the whole range at once.

Both keep, in this order: the counts of the block, its ready queue, whether it is done, the blocks
of the job that wait for it, the times of block and job, and the job's place in its user's queue.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from heapq import heappush
from itertools import islice
from typing import Final

from afanasy.core.checks import least_capacity
from afanasy.core.state import Block, Farm, Job, TaskExtra, User
from afanasy.core.tasks import FLAG_SHIFT, Code, st_of
from afanasy.model.attributes import BlockSpec
from afanasy.model.clock import Now
from afanasy.model.errors import UserError
from afanasy.model.states import St, job_state_text

_R, _W, _N, _C, _D, _S, _E, _U, _Y = Code
#: From each state the states that may follow.
LEGAL: Final[dict[Code, frozenset[Code]]] = {
    Code.READY: frozenset({_W, _N, _D, _S, _U, _E}),
    Code.WAITING: frozenset({_R, _D, _S, _U}),
    Code.RUNNING: frozenset({_R, _W, _C, _D, _S, _E, _U, _Y}),
    Code.RECONNECT: frozenset({_R, _W, _N, _D, _S, _E, _U, _Y}),
    Code.DONE: frozenset({_R, _W}),
    Code.SKIPPED: frozenset({_R, _W, _U}),
    Code.ERROR: frozenset({_R, _W, _D, _S}),
    Code.SUSPENDED: frozenset({_R, _W, _D, _S}),
    Code.RETRY: frozenset({_R, _W, _D, _S, _U, _E}),
}

#: The same, by number.
_LEGAL: Final = tuple(LEGAL[code] for code in Code)
WRN_FLAG: Final = int(St.WRN) >> FLAG_SHIFT
RER_FLAG: Final = int(St.RER) >> FLAG_SHIFT


def story(block: Block, task: int) -> str:
    """The task's life in one sentence, for assertions."""
    columns = block.columns
    state = st_of(columns.state[task], columns.flags[task]) if columns else int(St.RDY)
    starts = columns.starts[task] if columns else 0
    run = block.open.get(task)
    return (
        f"job {block.job.serial} block {block.num} task {task}:{job_state_text(state)},"
        f" {starts} starts, run {run.id if run else 'none'}"
    )


def set_code(farm: Farm, block: Block, task: int, code: Code, now: Now) -> None:
    """Move one task to ``code``. The change must be legal."""
    columns = block.columns or block.touch()
    old = columns.state[task]
    assert code in _LEGAL[old], f"{Code(old).name} to {code.name}: {story(block, task)}"
    columns.state[task] = code
    counts = block.counts
    counts[old] -= 1
    counts[code] += 1
    farm.changes.task(block, task)
    if code == Code.READY:
        if block.ready is not None:
            block.ready.give_back(task)
        farm.fresh_jobs[block.job.serial] = block.job
        if counts[Code.READY] == 1:
            refresh_queue(farm, block.job, now)
    elif old == Code.READY and not counts[Code.READY]:
        refresh_queue(farm, block.job, now)
    done = counts[Code.DONE] + counts[Code.SKIPPED] == block.tasks_num
    if done != block.done:
        _block_done_changed(farm, block, done, now)


def set_flags(block: Block, task: int, flags: int) -> None:
    """Replace the flags of one task (shifted state bits), keeping the block's warning count."""
    columns = block.columns or block.touch()
    old = columns.flags[task]
    if old != flags:
        columns.flags[task] = flags
        block.warnings += bool(flags & WRN_FLAG) - bool(old & WRN_FLAG)


def change_tasks(
    farm: Farm,
    block: Block,
    parts: Sequence[range],
    table: bytes,
    now: Now,
    *,
    also_ready: bool = False,
) -> int:
    """Translate the codes of the tasks of ``parts``; returns how many changed.

    ``table`` maps each code (SEMANTICS 2.4); open tasks must map to themselves. Error counts,
    flags, error lists and waits of the changed tasks are cleared: what every manual operation does
    (R17). With ``also_ready`` they are cleared of tasks that are READY already, too. However many
    parts there are, they are one translation.
    """
    if block.columns is None and table[Code.READY] == Code.READY:
        return 0  # all are READY and stay it; no columns are needed for that
    parts = [part for part in parts if part]
    if not parts:
        return 0
    columns = block.touch()
    first, last = min(part.start for part in parts), max(part.stop for part in parts)
    whole = bytes(columns.state[first:last])
    chosen = _marks(parts, first, last) if len(parts) > 1 else None
    old = whole if chosen is None else _blend(_NOT_CHOSEN * len(whole), whole, chosen)
    new = old.translate(table)
    if also_ready:
        _forget_range(farm, block, first, old, bytes([1, *(n != table[n] for n in range(1, 256))]))
        farm.fresh_jobs[block.job.serial] = block.job  # a host may not be avoided any more
    if old == new:
        return 0
    columns.state[first:last] = new if chosen is None else _blend(whole, new, chosen)
    if not also_ready:
        _forget_range(farm, block, first, old, bytes(n != table[n] for n in range(256)))
    changed = 0
    had_ready = block.counts[Code.READY]
    for code in Code:
        before, after = old.count(code), new.count(code)
        block.counts[code] += after - before
        if table[code] != code:
            assert Code(table[code]) in LEGAL[code], f"{code.name} to {Code(table[code]).name}"
            changed += before
    if block.ready is not None:
        block.ready.reset()
    farm.changes.task_ranges(block, parts)
    if new.count(Code.READY):
        farm.fresh_jobs[block.job.serial] = block.job
        if not had_ready:
            block.ready_wall = now.wall
    done = block.counts[Code.DONE] + block.counts[Code.SKIPPED] == block.tasks_num
    if done != block.done:
        _block_done_changed(farm, block, done, now)
    refresh_queue(farm, block.job, now)
    return changed


#: Stands for the code of a task that an operation does not name; every table leaves it alone.
_NOT_CHOSEN: Final = b"\xff"


def _marks(parts: Sequence[range], first: int, last: int) -> bytes:
    """0xff for each task of ``parts`` among ``first … last-1``, else 0."""
    marks = bytearray(last - first)
    for part in parts:
        marks[part.start - first : part.stop - first] = b"\xff" * len(part)
    return bytes(marks)


def _blend(under: bytes, over: bytes, where: bytes) -> bytes:
    """``over`` where there are marks, else ``under``; as big numbers, a million in a moment."""
    mask = int.from_bytes(where, "big")
    upper = int.from_bytes(over, "big") & mask
    lower = int.from_bytes(under, "big") & ~mask
    return (upper | lower).to_bytes(len(where), "big")


def _forget_range(farm: Farm, block: Block, first: int, old: bytes, which: bytes) -> None:
    """Clear errors, flags and extras of the tasks of a range whose code ``which`` marks."""
    columns = block.columns
    assert columns is not None
    last = first + len(old)
    for column in (columns.errors, columns.flags):
        piece = bytes(column[first:last])
        if piece.count(0) == len(piece):
            continue  # nothing to clear, and no page to touch
        for place, code in enumerate(old):
            if which[code] and column[first + place]:
                farm.changes.task(block, first + place)
                if column is columns.flags:
                    set_flags(block, first + place, 0)
                else:
                    column[first + place] = 0
    for task in [t for t in block.extras if first <= t < last]:
        if which[old[task - first]]:
            farm.changes.task(block, task)
            drop_extra(block, task)


def extra_of(block: Block, task: int) -> TaskExtra:
    """The extra record of a task, made when there is none."""
    extra = block.extras.get(task)
    if extra is None:
        extra = block.extras[task] = TaskExtra()
    return extra


def drop_extra(block: Block, task: int) -> None:
    """Forget what troubled a task."""
    block.extras.pop(task, None)


# ------------------------------------------------------------------------------ block and job


def _block_done_changed(farm: Farm, block: Block, done: bool, now: Now) -> None:
    block.done = done
    job = block.job
    others_done = all(other.done for other in job.blocks if other is not block)
    block.time_done = int(now.wall) if done else 0
    farm.changes.block_states[block.key] = block
    refresh_depends(farm, job, now)
    if others_done:  # the job's own state changed with this block
        job.time_done = int(now.wall) if done else 0
        if done and not job.time_started:
            job.time_started = job.time_done
        farm.changes.jobs[job.serial] = job


def rebuild_job(farm: Farm, job: Job, now: Now) -> None:
    """Derive again what follows from the attributes of its blocks: after every change of these.

    Which blocks each block waits for (each mask is tried once against each name, and
    :func:`check_masks` bounds that), and the least capacity that a task takes.
    """
    job.least_capacity = min(least_capacity(block) for block in job.blocks)
    by_name: dict[str, list[int]] = {}
    for block in job.blocks:
        by_name.setdefault(block.spec.name, []).append(block.num)
    found: dict[str, tuple[int, ...]] = {"": ()}
    for block in job.blocks:
        mask = block.spec.depend_mask
        if mask not in found:
            if is_plain(mask):
                numbers = by_name.get(mask, [])
            else:
                numbers = [n for name in by_name if farm.matcher(mask, name) for n in by_name[name]]
            found[mask] = tuple(sorted(numbers))
        block.depends_on = found[mask]
    refresh_depends(farm, job, now)


#: Characters that make a mask more than a name.
_SPECIAL: Final = frozenset("\\^$.|?*+()[]{}#")
#: Most pairs of different masks and blocks that one job may make us try.
MASK_PAIRS_MAX: Final = 200_000


def is_plain(mask: str) -> bool:
    """The mask is just a name: it matches itself and nothing else."""
    return _SPECIAL.isdisjoint(mask)


def check_masks(specs: list[BlockSpec], field: str) -> None:
    """Refuse a job whose depend masks would take too long. Raises UserError, the sender's fault."""
    masks = {spec.depend_mask for spec in specs if not is_plain(spec.depend_mask)}
    if len(masks) * len(specs) > MASK_PAIRS_MAX:
        raise UserError(
            "too_many_masks",
            f"{len(masks)} different depend masks for {len(specs)} blocks are too many",
            "use plain block names, or fewer different masks",
            field=field,
        )


def refresh_depends(farm: Farm, job: Job, now: Now) -> None:
    """Set which blocks of the job wait for others (SEMANTICS 4, block depend mask)."""
    changed = False
    blocks = job.blocks
    #: Tuple of numbers (shared by blocks with the same mask) → the first two that are not done.
    undone: dict[int, list[int]] = {}
    for block in blocks:
        waiting = False
        if block.depends_on:
            key = id(block.depends_on)
            if key not in undone:
                undone[key] = list(islice((n for n in block.depends_on if not blocks[n].done), 2))
            waiting = any(n != block.num for n in undone[key])
        if waiting != block.waiting:
            block.waiting = waiting
            changed = True
            if not waiting:
                block.ready_wall = now.wall
                farm.fresh_jobs[job.serial] = job
    if changed:
        refresh_queue(farm, job, now)


def can_produce(block: Block) -> bool:
    """The block has tasks that could start now, hosts aside."""
    return bool(block.counts[Code.READY]) and not block.waiting


def refresh_queue(farm: Farm, job: Job, now: Now) -> None:
    """Put the job into its user's queue, or take it out."""
    wanted = (
        not (job.off or job.waiting_time or job.deleting or job.system)
        and job.spec.priority > 0
        and any(can_produce(block) for block in job.blocks)
    )
    if wanted == job.queued:
        return
    job.queued = wanted
    user = job.user
    if wanted:
        insort(user.queue, job, key=Job.sort_key)
        farm.hungry[user.name] = user
        farm.fresh_jobs[job.serial] = job
    else:
        leave_queue(farm, user, job)


def leave_queue(farm: Farm, user: User, job: Job) -> None:
    """Remove the job from the queue it stands in; its sort key must not have changed yet."""
    place = bisect_left(user.queue, job.sort_key(), key=Job.sort_key)
    while user.queue[place] is not job:
        place += 1
    del user.queue[place]
    if not user.queue:
        farm.hungry.pop(user.name, None)


def add_timer(farm: Farm, mono: float, *what: object) -> None:
    """Ask to be woken at ``mono``; what happens then is in :mod:`afanasy.core.timers`."""
    farm.timer_counter += 1
    heappush(farm.timers, (mono, farm.timer_counter, what))
