"""Room for big work: one host is kept free for a task that small ones would starve (R15).

A task of 4 slots never starts on a host of 4 where a slot becomes free at a time and small tasks
are waiting. So when the first work in need order that is refused *only* for capacity or slots has
been so for 60 s, the suitable host that is expected to be free first is reserved for it: nothing
else starts there, but tasks of the server itself. The reservation ends when the work starts, when
it has no ready task any more, or when the host is no longer ready. One host for a piece of work,
and a tenth of the hosts at most (but one).

Work that room would not help does not count as the first: what no host could ever run, and what
every host refuses for another reason, as for want of memory. What waits for room and has not waited
long enough does count: who is behind it is not served before it.

Whether somebody starves is looked at every ten seconds while anything waits, and since when is
measured from look to look, so neither a pause nor a step of the wall clock counts. It costs the
first piece of work, and what is passed over before it, on each host. When nothing waits there is no
timer.
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
    no_room,
    render_not_ready,
    task_not_on,
    user_not_on,
)
from afanasy.core.place.fits import Fits
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
#: Pairs of a block and a host that one look asks at most, but for the last block.
ASKED_MAX: Final = 20_000
#: Blocks of which it is remembered since when they starve: need order may change to and fro.
STARVING_MAX: Final = 16
#: Refusals that waiting for a host to empty would end.
_ROOM: Final = frozenset({"capacity_free", "render_full", "render_slots"})
#: Refusals of all work that asks for the same.
_OF_FITS: Final = frozenset(
    {"need_memory", "need_hdd", "need_gpus", "need_gpu_mem_mb", "limit_hosts", "limit_host",
     "limit_full", "limit_short", "limit_over", "limit_host_over", "limit_no_host",
     "render_offline", "render_asleep", "render_waking", "render_falling", "render_draining",
     "render_leaving", "render_priority_zero", "render_sick", "render_cooling", "render_probing",
     "pool_not_ready", "render_slots", "render_full", "render_reserved"}
)  # fmt: skip


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
        farm.starving.clear()
        return
    watch(farm, now)
    block, hosts = _first_refused(farm, now)
    _remember(farm, block, now)
    if block is None or len(reserved) >= max(1, len(farm.renders) // 10):
        return
    if any(render.reserved == (block.job.serial, block.num) for render in reserved):
        return  # it has its host already
    since = max(farm.starving[block.key], block.started_mono)
    if now.mono - since < STARVED_S:
        return
    host = min(hosts, key=lambda r: (_free_in_s(block, r, now), r.running, r.name))
    host.reserved = (block.job.serial, block.num)
    touch_render(farm, host, now.mono)
    fields: dict[str, object] = {"render": host.name, "job": block.job.serial}
    farm.effects.append(Note("render_reserved", fields))


def let_go(farm: Farm, job: Job, now: Now) -> None:
    """The job starts nothing now: paused, or being deleted. Hosts that are kept for it take any
    work again, without waiting for the next look.
    """
    for render in farm.renders.values():
        if render.reserved is not None and render.reserved[0] == job.serial:
            release(farm, render, now)


def keeps_free(farm: Farm, render: Render) -> bool:
    """The host is kept free for work that has no room there yet: it takes nothing in this pass."""
    if render.reserved is None:
        return False
    serial, num = render.reserved
    job = farm.jobs.get(serial)
    return job is None or num >= len(job.blocks) or no_room(job.blocks[num], render) is not None


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
    if not _waits(block) or block.fits is None or render.name not in block.fits.names:
        return False
    reason = _refusal(block, block.first_ready(), render, now)
    return reason is None or _for_room(reason, render)


def _waits(block: Block) -> bool:
    """It has ready tasks, and nothing but hosts keeps them from their start."""
    job = block.job
    blocked = user_blocked(job.user) or job_blocked(job) or block_blocked(block)
    return job.queued and blocked is None and block.first_ready() >= 0


def _for_room(reason: Reason, render: Render) -> bool:
    """Waiting for the host to empty would end it. What may run nothing has no room when empty."""
    return reason.code in _ROOM and render.max_tasks > 0


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


def _first_refused(farm: Farm, now: Now) -> tuple[Block | None, list[Render]]:
    """The block first in need order that is refused for room alone somewhere, and the hosts that
    refuse it so.

    Work that no host could ever run, or that is refused for other reasons everywhere, is passed
    over: room would not help it, and it would stand before the others for good.
    """
    asked = 0
    #: What asks for the same as a block that was passed over for what it asks is so, too.
    hopeless: dict[Fits, None] = {}
    for job in in_turn(farm):
        if user_blocked(job.user) is not None or job_blocked(job) is not None:
            continue
        for block in job.blocks:
            fits = block.fits
            if fits is None or not fits.names or fits in hopeless or not _waits(block):
                continue
            if asked >= ASKED_MAX:
                return None, []
            asked += len(fits.names)
            hosts, others = _refusing(farm, block, now)
            if hosts:
                return block, hosts
            if None in others:
                return None, []  # it can start
            if others.keys() <= _OF_FITS:
                hopeless[fits] = None
    return None, []


def _refusing(farm: Farm, block: Block, now: Now) -> tuple[list[Render], dict[str | None, None]]:
    """Hosts that refuse the block for room alone; if there are none, why the others do.

    None among the reasons: it can start somewhere. Hosts that are kept for others do not count.
    """
    assert block.fits is not None
    own, task = (block.job.serial, block.num), block.first_ready()
    hosts: list[Render] = []
    others: dict[str | None, None] = {}
    for name in block.fits.names:
        render = farm.renders[name]
        if render.reserved is not None and render.reserved != own:
            others["render_reserved"] = None
            continue
        reason = _refusal(block, task, render, now)
        if reason is None:
            return [], {None: None}
        if _for_room(reason, render):
            hosts.append(render)
        else:
            others[reason.code] = None
    return hosts, others


def _remember(farm: Farm, first: Block | None, now: Now) -> None:
    """Since when blocks that were first are refused for room; those that are so no more go."""
    known, farm.starving = farm.starving, {}
    for key, since in known.items():
        block = farm.blocks.get(key)
        if block is not None and (block is first or _starves(farm, block, now)):
            farm.starving[key] = since
    if first is not None:
        farm.starving.setdefault(first.key, now.mono)
    while len(farm.starving) > STARVING_MAX:
        del farm.starving[next(iter(farm.starving))]


def _starves(farm: Farm, block: Block, now: Now) -> bool:
    """Some host refuses the block for room."""
    if block.fits is None or not _waits(block):
        return False
    task = block.first_ready()
    for name in block.fits.names:
        render = farm.renders[name]
        reason = _refusal(block, task, render, now)
        if reason is not None and _for_room(reason, render):
            return True
    return False


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
