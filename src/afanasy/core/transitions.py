"""How a task, and with it its block and job, changes state. The only writer of state codes.

:data:`LEGAL` names every change there is; anything else is a programmer's error and stops the
batch with the task's story. One task goes through :func:`set_code`; an operation over a range goes
through :func:`change_tasks`, which translates the state bytes of the whole range at once.

Both keep, in this order: the counts of the block, its ready queue, whether it is done, the blocks
and jobs that wait for it, the times of block and job, the job's place in its user's queue, and the
tasks that wait for the changed ones. Who asks for READY gets WAITING where something that the task
needs is not done (:mod:`afanasy.core.depend.task_depends`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Final

from afanasy.core import deadlines
from afanasy.core.depend import block_depends, depends, overlap, task_depends
from afanasy.core.place import fits, job_queue
from afanasy.core.place.checks_host import least_capacity
from afanasy.core.state import Block, Farm, Job, TaskExtra
from afanasy.core.system import happenings
from afanasy.core.tasks import FINISHED, FLAG_SHIFT, GIVEN_BACK_MAX, OPEN, Code, st_of
from afanasy.model.attributes import WorkSpec
from afanasy.model.clock import Now
from afanasy.model.states import St, job_state_text

_R, _W, _N, _C, _D, _S, _E, _U, _Y = Code
#: From each state the states that may follow.
LEGAL: Final[dict[Code, frozenset[Code]]] = {
    Code.READY: frozenset({_W, _N, _D, _S, _U, _E}),
    Code.WAITING: frozenset({_R, _D, _S, _U, _E}),
    Code.RUNNING: frozenset({_R, _W, _C, _D, _S, _E, _U, _Y}),
    Code.RECONNECT: frozenset({_R, _W, _N, _D, _S, _E, _U, _Y}),
    Code.DONE: frozenset({_R, _W}),
    Code.SKIPPED: frozenset({_R, _W, _U}),
    Code.ERROR: frozenset({_R, _W, _D, _S, _Y}),
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
    if code == Code.READY and block.needs and not task_depends.met(block, task):
        code = Code.WAITING
    assert code in _LEGAL[old], f"{Code(old).name} to {code.name}: {story(block, task)}"
    columns.state[task] = code
    counts = block.counts
    counts[old] -= 1
    counts[code] += 1
    farm.changes.task(block, task)
    if block.job.system:
        farm.system.moved[(block.num, task)] = None
    if code == Code.READY:
        if block.ready is not None:
            block.ready.give_back(task)
        farm.fresh_jobs[block.job.serial] = block.job
        if counts[Code.READY] == 1:
            _refresh_producing(farm, block)
    elif old == Code.READY and not counts[Code.READY]:
        _refresh_producing(farm, block)
    if code == Code.ERROR and counts[Code.ERROR] == 1:
        happenings.task_failed(farm, block.job)
    done = counts[Code.DONE] + counts[Code.SKIPPED] == block.tasks_num
    if done != block.done:
        _block_done_changed(farm, block, done, now)
    if block.feeds and (
        (old in FINISHED) != (code in FINISHED)
        # What a run had finished counts no more when it ends.
        or (old in OPEN and code not in OPEN and task_depends.gives_frames(block))
    ):
        _done_changed(farm, block, range(task, task + 1), now)


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
    if block.needs:
        new = task_depends.settled(block, first, new)
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
    if block.needs and table[Code.WAITING] == Code.READY:
        changed -= _still_waiting(old, new)
    _give_back(block, first, old, new)
    farm.changes.task_ranges(block, parts)
    if block.job.system:
        farm.system.moved.update(dict.fromkeys((block.num, t) for part in parts for t in part))
    if new.count(Code.READY):
        farm.fresh_jobs[block.job.serial] = block.job
        if not had_ready:
            block.ready_wall = now.wall
    done = block.counts[Code.DONE] + block.counts[Code.SKIPPED] == block.tasks_num
    if done != block.done:
        _block_done_changed(farm, block, done, now)
    _refresh_producing(farm, block)
    if block.feeds and old.translate(task_depends.DONE_MAP) != new.translate(task_depends.DONE_MAP):
        for part in parts if len(parts) <= PARTS_FEW else [range(first, last)]:
            _done_changed(farm, block, part, now)
    return changed


_WAITING_MAP: Final = bytes(n == Code.WAITING for n in range(256))
#: Up to so many parts of a block are looked at one by one when who waits for them is sought.
PARTS_FEW: Final = 64
_READY_MAP: Final = bytes(n == Code.READY for n in range(256))


def _still_waiting(old: bytes, new: bytes) -> int:
    """Tasks that wait in both: an operation that makes tasks READY did not touch them."""
    before, after = (int.from_bytes(codes.translate(_WAITING_MAP), "big") for codes in (old, new))
    return (before & after).bit_count()


def _give_back(block: Block, first: int, old: bytes, new: bytes) -> None:
    """The block's ready queue hears which tasks from ``first`` on have become READY."""
    if block.ready is None or not new.count(Code.READY):
        return
    before, after = (int.from_bytes(codes.translate(_READY_MAP), "big") for codes in (old, new))
    marks = (after & ~before).to_bytes(len(new), "big")
    if marks.count(1) > GIVEN_BACK_MAX:
        block.ready.reset()
        return
    tasks: list[int] = []
    place = marks.find(1)
    while place >= 0:
        tasks.append(first + place)
        place = marks.find(1, place + 1)
    block.ready.give_back_all(tasks)


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
    block.set_done(done)
    job = block.job
    others_done = job.blocks_done + (not done) == len(job.blocks)
    block.time_done = int(now.wall) if done else 0
    farm.changes.block_states[block.key] = block
    for gate in block.gates:
        _blocks_wait_anew(farm, job, gate.set_undone(block.num, block, not done), now)
    if others_done:  # the job's own state changed with this block
        jobs_wait_anew(farm, depends.done_changed(job), now)
        job.time_done = int(now.wall) if done else 0
        if done:
            happenings.of_job(farm, job, happenings.JOB_DONE)
        if done and not job.time_started:
            job.time_started = job.time_done
        farm.changes.jobs[job.serial] = job


def rebuild_job(farm: Farm, job: Job, now: Now) -> None:
    """Derive again what follows from the attributes of its blocks: after every change of these.

    Who waits for whom inside the job, what others wait for, and the least capacity of a task.
    """
    rebuild_needs(farm, job)
    relinked = block_depends.build(farm, job)
    _blocks_wait_anew(farm, job, job.blocks, now)
    for block in job.blocks:
        if block in relinked or (block.counts[Code.WAITING] and not block.needs):
            _tasks_wait_anew(farm, block, range(block.tasks_num), now)
    jobs_wait_anew(farm, depends.done_changed(job), now)


def rebuild_needs(farm: Farm, job: Job) -> None:
    """Derive again on which renders the job's blocks could run, and what room they take at least.

    After every change of attributes of the job, its blocks, its user or its branches.
    """
    job.least_capacity = min((least_capacity(block) for block in job.blocks), default=0)
    fits.refresh_job(farm, job)
    job.asked = fits_asked(job)
    if job.queued:
        job_queue.refit(job)
    works: list[WorkSpec] = [job.spec, job.user.spec]
    if job.branch is not None:
        works += [branch.spec for branch in job.branch.asked]
    job.needy = any(work.need_memory > 0 or work.need_hdd > 0 for work in works)
    for block in job.blocks:
        spec = block.spec
        block.needy = (
            spec.need_memory > 0 or spec.need_hdd > 0 or spec.need_gpus > 0
            or spec.need_gpu_mem_mb > 0
        )  # fmt: skip


# ---------------------------------------------------------------------------------- who waits


def _blocks_wait_anew(farm: Farm, job: Job, blocks: Iterable[Block], now: Now) -> None:
    """Set which of these blocks wait for others (SEMANTICS 4, block depend mask)."""
    changed = False
    for block in blocks:
        waiting = block_depends.waits(block)
        if waiting != block.waiting:
            block.waiting = waiting
            changed = True
            if not waiting:
                block.ready_wall = now.wall
                farm.fresh_jobs[job.serial] = job
    if changed:
        refresh_queue(farm, job, now)


def jobs_wait_anew(farm: Farm, jobs: Iterable[Job], now: Now) -> None:
    """These jobs began or ceased to wait for others (:mod:`afanasy.core.depend.depends`)."""
    for job in jobs:
        if not job.waiting_jobs:
            for block in job.blocks:
                block.ready_wall = now.wall
        farm.changes.jobs[job.serial] = job
        refresh_queue(farm, job, now)


def frames_finished(farm: Farm, block: Block, task: int, before: int, after: int, now: Now) -> None:
    """A running task has finished another number of its frames (sub-task dependence, S23)."""
    for link in block.feeds:
        part = overlap.users_of_frames(link.mine, link.theirs, task, before, after)
        _tasks_wait_anew(farm, link.block, part, now)


def _done_changed(farm: Farm, block: Block, part: range, now: Now) -> None:
    """Tasks of ``part`` became done, or are done no more: look at those that need them."""
    for link in block.feeds:
        users = overlap.users_hull(link.mine, link.theirs, part[0], part[-1])
        _tasks_wait_anew(farm, link.block, users, now)


def _tasks_wait_anew(farm: Farm, block: Block, part: range, now: Now) -> None:
    """Tell READY and WAITING apart in ``part`` of a block.

    No rows are written for that: a restored farm finds these codes by itself.
    """
    if not part or (block.columns is None and not block.needs):
        return
    columns = block.touch()
    old = bytes(columns.state[part.start : part.stop])
    new = task_depends.settled(block, part.start, old)
    if old == new:
        return
    columns.state[part.start : part.stop] = new
    counts = block.counts
    had_ready = counts[Code.READY]
    for code in (Code.READY, Code.WAITING):
        counts[code] += new.count(code) - old.count(code)
    _give_back(block, part.start, old, new)
    if counts[Code.READY]:
        farm.fresh_jobs[block.job.serial] = block.job
        if not had_ready:
            block.ready_wall = now.wall
    if bool(counts[Code.READY]) != bool(had_ready):
        _refresh_producing(farm, block)


# -------------------------------------------------------------------------------------- queues


def can_produce(block: Block) -> bool:
    """The block has tasks that could start now, hosts aside."""
    return bool(block.counts[Code.READY]) and not block.waiting and block.pre is None


def fits_asked(job: Job) -> dict[fits.Fits, int]:
    """What its blocks that could start something ask for, and how many of them do."""
    asked: dict[fits.Fits, int] = {}
    for block in job.producing:
        if block.fits is not None:
            asked[block.fits] = asked.get(block.fits, 0) + 1
    return asked


_number: Final[Callable[[Block], int]] = attrgetter("num")


def refresh_queue(farm: Farm, job: Job, now: Now) -> None:
    """Put the job into its user's queue, or take it out: any of its blocks may have changed."""
    job.producing = [block for block in job.blocks if can_produce(block)]
    job.asked = fits_asked(job)
    _refresh_place(farm, job)


def _refresh_producing(farm: Farm, block: Block) -> None:
    """The same after a change of this block alone, however many the job has."""
    job, asked = block.job, block.fits
    place = bisect_left(job.producing, block.num, key=_number)
    known = place < len(job.producing) and job.producing[place] is block
    if can_produce(block) == known:
        return
    if known:
        del job.producing[place]
    else:
        job.producing.insert(place, block)
    if asked is not None:
        left = job.asked.get(asked, 0) + (-1 if known else 1)
        if left:
            job.asked[asked] = left
        else:
            del job.asked[asked]
    _refresh_place(farm, job)


def _refresh_place(farm: Farm, job: Job) -> None:
    wanted = (
        not (job.off or job.waiting_time or job.waiting_jobs or job.deleting or job.system)
        and job.spec.priority > 0
        and job.pre is None
        and bool(job.producing)
    )
    if wanted and job.queued:
        job_queue.refit(job)
    elif wanted:
        job_queue.enter(farm, job)
    elif job.queued:
        job_queue.leave(farm, job)


def add_timer(farm: Farm, mono: float, *what: object) -> None:
    """Ask to be woken at ``mono``; what happens then is in :mod:`afanasy.core.timers`."""
    deadlines.push(farm, mono, what)
