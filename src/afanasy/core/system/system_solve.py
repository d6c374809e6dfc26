"""Where the tasks of the system job start (R23).

They ask nobody's turn: they are small, and come before the work of users. They take capacity but no
slot of a host, so a host whose slots are all taken runs them, too; else every check of other work
holds for them. A host that its owner took (nimby, NIMBY, paused) is left to him.
"""

from __future__ import annotations

from heapq import heapify, heappop, heapreplace

from afanasy.core.place.checks import block_blocked, job_blocked, user_blocked
from afanasy.core.place.checks_host import (
    block_not_on,
    job_not_on,
    render_not_ready,
    task_not_on,
    user_not_on,
)
from afanasy.core.run import runs
from afanasy.core.state import Block, Farm, Job, Render
from afanasy.core.system import system_job
from afanasy.core.transitions import can_produce
from afanasy.model.clock import Now


def place(farm: Farm, now: Now) -> int:
    """Start what can start of the system job; returns how many tasks."""
    work, job = farm.system, farm.jobs.get(system_job.SERIAL)
    touched, work.renders = work.renders, {}
    fresh = farm.fresh_jobs.pop(system_job.SERIAL, None) is not None
    if job is None:
        return 0
    if any(work.waiting.values()):
        system_job.fill(farm, now)
        fresh = farm.fresh_jobs.pop(system_job.SERIAL, None) is not None or fresh
    everywhere = fresh or farm.fresh_all or job.user.name in farm.fresh_users
    started = 0
    if _wants(job):
        hosts = list((farm.renders if everywhere else touched).values())
        troubled = any(block.error_hosts for block in job.blocks)
        # R14: hosts without errors of the task first, then without errors of the block, then any.
        for patience in (2, 1, 0) if troubled else (0,):
            started += _place(farm, job, hosts, patience, now)
    work.hungry = any(can_produce(block) for block in job.blocks)
    return started


def _wants(job: Job) -> bool:
    return (
        any(can_produce(block) for block in job.blocks)
        and user_blocked(job.user) is None
        and job_blocked(job) is None
    )


def _place(farm: Farm, job: Job, hosts: list[Render], patience: int, now: Now) -> int:
    heap = [
        (*_key(render), render)
        for render in hosts
        if render_not_ready(render, now.mono, slots=False) is None
    ]
    heapify(heap)
    started = 0
    while heap and _wants(job):
        render = heap[0][-1]
        found = _candidate(job, render, patience, now)
        if found is None:
            heappop(heap)
            continue
        runs.start(farm, *found, render, now)
        started += 1
        if render_not_ready(render, now.mono) is not None:
            farm.open_renders.pop(render.name, None)
            farm.fresh_renders.pop(render.name, None)
        if render_not_ready(render, now.mono, slots=False) is None:
            heapreplace(heap, (*_key(render), render))
        else:
            heappop(heap)
    return started


def _key(render: Render) -> tuple[int, int, str]:
    """The emptiest first, then the longest idle."""
    return (render.running, render.task_time, render.name)


def _candidate(job: Job, render: Render, patience: int, now: Now) -> tuple[Block, int] | None:
    if user_not_on(job.user, render) is not None or job_not_on(job, render) is not None:
        return None
    for block in job.blocks:
        if (
            not can_produce(block)
            or block.fits is None
            or render.name not in block.fits.names
            or block_blocked(block) is not None
            or block_not_on(block, render) is not None
            or (patience == 2 and render.name in block.error_hosts)
        ):
            continue
        for task in block.queue():
            extra = block.extras.get(task)
            if patience and extra is not None and render.name in extra.error_hosts:
                continue
            if task_not_on(block, task, render, now.wall) is None:
                return block, task
    return None
