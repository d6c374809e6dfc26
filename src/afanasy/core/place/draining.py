"""Room for big work: one host is kept free for a task that small ones would starve (R15).

A task of 4 slots never starts on a host of 4 where a slot becomes free at a time and small tasks
are waiting. So when the first work in need order has been refused for 60 s *only* for capacity or
slots, the suitable host that is expected to be free first is reserved for it: nothing else starts
there. The reservation ends when the work starts, when it has no ready task any more, or when the
host is no longer ready. One host for a piece of work, and a tenth of the hosts at most (but one).

Whether somebody starves is looked at every ten seconds while anything waits; it costs the first
piece of work of each user, on each host. When nothing waits there is no timer.
"""

from __future__ import annotations

from typing import Final

from afanasy.core.effects import Note
from afanasy.core.host.renders import touch_render
from afanasy.core.place.checks import block_blocked, job_blocked, user_blocked
from afanasy.core.place.checks_host import (
    block_not_on,
    job_not_on,
    least_capacity,
    render_not_ready,
    task_not_on,
    user_not_on,
)
from afanasy.core.place.reasons import Reason
from afanasy.core.place.turns import in_turn
from afanasy.core.state import Block, Farm, Job, Render, Run
from afanasy.core.tasks import Code
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now

LOOK_S: Final = 10.0
STARVED_S: Final = 60.0
#: What a run is expected to last of which nothing is known.
UNKNOWN_S: Final = 3600.0
#: Refusals that waiting for a host to empty would end.
_ROOM: Final = frozenset({"capacity_free", "render_full", "render_slots"})


def watch(farm: Farm, now: Now) -> None:
    """Something waits: look soon whether it starves. One timer at most is pending."""
    if not farm.drain_timer:
        farm.drain_timer = True
        add_timer(farm, now.mono + LOOK_S, "drain")


def look(farm: Farm, now: Now) -> None:
    """End reservations that have no purpose any more, and make one where work starves."""
    farm.drain_timer = False
    reserved = [render for render in farm.renders.values() if render.reserved is not None]
    for render in reserved:
        if not _still_wanted(farm, render, now):
            release(farm, render, now)
    reserved = [render for render in reserved if render.reserved is not None]
    if not farm.hungry:
        return
    watch(farm, now)
    if len(reserved) >= max(1, len(farm.renders) // 10):
        return
    for block in _first_work(farm):
        if any(render.reserved == (block.job.serial, block.num) for render in reserved):
            return  # it has its host already
        host = _best_host(farm, block, now)
        if host is not None:
            host.reserved = (block.job.serial, block.num)
            touch_render(farm, host, now.mono)
            fields: dict[str, object] = {"render": host.name, "job": block.job.serial}
            farm.effects.append(Note("render_reserved", fields))
        return


def job_paused(farm: Farm, job: Job, now: Now) -> None:
    """Hosts that are kept for the job take any work again, without waiting for the next look."""
    for render in farm.renders.values():
        if render.reserved is not None and render.reserved[0] == job.serial:
            release(farm, render, now)


def release(farm: Farm, render: Render, now: Now) -> None:
    """The host takes any work again."""
    render.reserved = None
    touch_render(farm, render, now.mono)


def _still_wanted(farm: Farm, render: Render, now: Now) -> bool:
    assert render.reserved is not None
    serial, num = render.reserved
    job = farm.jobs.get(serial)
    if job is None or not job.queued or num >= len(job.blocks):
        return False
    block = job.blocks[num]
    blocked = user_blocked(job.user) or job_blocked(job) or block_blocked(block)
    if blocked is not None or block.queue().peek() < 0:
        return False
    if block.fits is None or render.name not in block.fits.names:
        return False
    reason = _refusal(block, block.queue().peek(), render, now)
    return reason is None or reason.code in _ROOM


def _refusal(block: Block, task: int, render: Render, now: Now) -> Reason | None:
    """Why the task does not start there; reasons that an empty host would not end come first."""
    ready = render_not_ready(render, now.mono)
    if ready is not None and ready.code not in _ROOM:
        return ready
    return (
        user_not_on(block.job.user, render)
        or job_not_on(block.job, render)
        or task_not_on(block, task, render, now.wall)
        or block_not_on(block, render)
        or ready
    )


def _first_work(farm: Farm) -> list[Block]:
    """The block that would be served first: of the neediest user, his first job's first block."""
    for job in in_turn(farm):
        if user_blocked(job.user) is None and job_blocked(job) is None:
            blocks = [b for b in job.blocks if _waits(b)]
            if blocks:
                return blocks[:1]
    return []


def _waits(block: Block) -> bool:
    return block_blocked(block) is None and block.queue().peek() >= 0


def _best_host(farm: Farm, block: Block, now: Now) -> Render | None:
    """The host expected to be free first, if the block starves: it is refused for room alone."""
    since = max(block.ready_wall, block.started_wall)
    if now.wall - since < STARVED_S or block.fits is None:
        return None
    task = block.queue().peek()
    found: list[tuple[float, int, str, Render]] = []
    for name in block.fits.names:
        render = farm.renders[name]
        if render.reserved is not None:
            continue
        reason = _refusal(block, task, render, now)
        if reason is None:
            return None  # it can start there
        if reason.code in _ROOM:
            found.append((_free_in_s(block, render, now), render.running, name, render))
    return min(found)[3] if found else None


def _free_in_s(block: Block, render: Render, now: Now) -> float:
    """Seconds until the block probably fits there, when nothing else starts."""
    ends = sorted(
        (_left_s(run, now), run.capacity, not run.block.job.system) for run in render.runs.values()
    )
    used, slots = render.capacity_used, render.slots_used
    for left_s, capacity, slot in ends:
        used, slots = used - capacity, slots - slot
        fits = render.capacity < 0 or used + least_capacity(block) <= render.capacity
        if fits and slots < render.max_tasks:
            return left_s
    return UNKNOWN_S


def _left_s(run: Run, now: Now) -> float:
    """Seconds that a run probably lasts: by its percent, else by how long others of its block did.

    What is over its time already, or tells nothing, counts as an hour.
    """
    elapsed = run.elapsed_at(now.mono)
    if run.percent > 0:
        return elapsed * (100 - run.percent) / run.percent
    block = run.block
    done = block.counts[Code.DONE]
    left = block.run_time_sum / done - elapsed if done else 0.0
    return left if left > 0 else UNKNOWN_S
