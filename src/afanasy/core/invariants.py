"""Recounting: every counter and derived set from what it counts. Run after every test step.

:func:`validate` raises AssertionError with a sentence. :func:`snapshot` is the part of the state
that a restart must bring back (R35), as plain data to compare.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from afanasy.core.depend.depend_invariants import check_depends
from afanasy.core.host import no_task
from afanasy.core.host.host_values import origins
from afanasy.core.host.pace import pace_of
from afanasy.core.limit.limit_invariants import check_limits, usages_snapshot
from afanasy.core.place.checks_host import block_never_on, least_capacity, render_not_ready
from afanasy.core.place.fits import Fits
from afanasy.core.place.share_invariants import check_shares
from afanasy.core.rows import block_state, extra_doc, held_doc, service_docs
from afanasy.core.state import Block, Farm, Job, Render, Run
from afanasy.core.system.system_state import PRE_COMMANDS
from afanasy.core.tasks import CODES, FINISHED, OPEN, Code
from afanasy.core.transitions import WRN_FLAG, can_produce, fits_asked, story
from afanasy.model.clock import Now


def validate(farm: Farm, now: Now) -> None:
    """Check everything. For tests and the simulator: it looks at every task."""
    for run in farm.runs.values():
        _check_run(farm, run)
    for block in farm.blocks.values():
        _check_block(farm, block)
    for job in farm.jobs.values():
        _check_job(farm, job)
    check_depends(farm)
    check_limits(farm)
    _check_pre_commands(farm)
    for user in farm.users.values():
        jobs = list(user.jobs.values())
        assert user.running == sum(job.running for job in jobs), f"running of {user.name}"
        capacity = sum(job.running_capacity for job in jobs)
        assert user.running_capacity == capacity, f"capacity of {user.name}"
        on = sum((Counter(job.running_on) for job in jobs), Counter[str]())
        assert user.running_on == dict(on), f"hosts of {user.name}"
        queue = sorted((job for job in jobs if job.queued), key=Job.sort_key)
        assert user.queue == queue, f"queue of {user.name}"
        by_fits: dict[Fits, list[Job]] = {}
        for job in queue:
            assert job.asked == fits_asked(job), f"what job {job.serial} asks for"
            assert set(job.queued_fits) == set(job.asked), f"queues of job {job.serial}"
            for fits in job.queued_fits:
                by_fits.setdefault(fits, []).append(job)
        assert user.by_fits == by_fits, f"queues by fits of {user.name}"
        assert (user.name in farm.hungry) == bool(queue), f"hunger of {user.name}"
    _check_tree(farm)
    _check_timers(farm)
    check_shares(farm)
    for render in farm.renders.values():
        runs = list(render.runs.values())
        _check_host(farm, render, now)
        assert render.capacity_used == sum(run.capacity for run in runs), render.name
        assert render.running == sum(run.current for run in runs), render.name
        slots = sum(run.current and not run.block.job.system for run in runs)
        assert render.slots_used == slots, f"slots of {render.name}"
        if 0 <= render.capacity < render.capacity_used:
            # Only shrinking the capacity below what runs can lead here; nothing may start then.
            assert render.name not in farm.open_renders
        is_open = render_not_ready(render, now.mono) is None
        if not render.cool_mono:
            assert (render.name in farm.open_renders) == is_open, f"{render.name} open: {is_open}"


def _check_tree(farm: Farm) -> None:
    for path, branch in farm.branches.items():
        assert branch.path == path
        jobs = list(branch.all_jobs())
        assert branch.running == sum(job.running for job in jobs), f"running of branch {path}"
        capacity = sum(job.running_capacity for job in jobs)
        assert branch.running_capacity == capacity, f"capacity of branch {path}"
        on = sum((Counter(job.running_on) for job in jobs), Counter[str]())
        assert branch.running_on == dict(on), f"hosts of branch {path}"
        asked = tuple(above for above in branch.upwards() if above.strict)
        assert branch.asked == asked, f"what branch {path} asks"
    for job in farm.jobs.values():
        assert job.branch is farm.branches[job.spec.branch], f"branch of job {job.serial}"
        assert job.branch is not None
        assert job.branch.jobs[job.serial] is job, f"branch of job {job.serial}"
    for fits in farm.fits.values():
        block = next(iter(fits.blocks.values()))
        names = {r.name for r in farm.renders.values() if block_never_on(farm, block, r) is None}
        fitting = {r.name for r in farm.renders.values() if fits in r.fits}
        assert fitting == names, f"what {fits.key} says and renders say"
        assert set(fits.names) == names, f"what fits block {block.num} of job {block.job.serial}"
    for block in farm.blocks.values():
        assert block.fits is not None, f"job {block.job.serial} block {block.num} fits nowhere"
        assert farm.fits[block.fits.key] is block.fits
        assert block.fits in block.job.fits, f"fits of job {block.job.serial}"


def _check_timers(farm: Farm) -> None:
    """Whom a pending timer is known to is woken by it, and nobody's wait is forgotten."""
    timers = {number: (mono, what[0]) for mono, number, what in farm.timers}
    for owner in (*farm.jobs.values(), *farm.renders.values()):
        for kind, (mono, number) in owner.pending.items():
            assert timers.get(number) == (mono, kind), f"timer {kind} of {owner!r}"
    for job in farm.jobs.values():
        assert not job.waiting_time or "time_wait" in job.pending, f"{job!r} is never woken"


def _check_host(farm: Farm, render: Render, now: Now) -> None:
    assert (farm.sleepers.get(render.name) is render) == render.sleeping, f"sleep of {render.name}"
    assert not (render.sleeping and render.link), f"{render.name} sleeps, and is online"
    pool = farm.pools[render.spec.pool]
    assert render.pool is pool, f"pool of {render.name}"
    assert pool.renders[render.name] is render, f"pool of {render.name}"
    values = (
        render.capacity, render.max_tasks, render.power, render.properties, render.schedule
    )  # fmt: skip
    derived = tuple(value.value for value in origins(farm, render).values())
    assert values == derived, f"values of {render.name}: {values}, derived {derived}"
    due = no_task.due_mono(render)
    assert not due or 0 < render.no_task_timer <= max(due, now.mono), f"clock of {render.name}"
    if render.link:
        pace = (render.heartbeat_s, render.resources_period_s)
        assert pace == pace_of(render), f"pace of {render.name}: {pace}"
    waits = render.schedule_mono > 0
    assert waits == (render.scheduled_until > 0), f"the timer of the schedule of {render.name}"
    devices = [device for run in render.runs.values() for device in run.gpus]
    assert len(devices) == len(set(devices)), f"a GPU of {render.name} is taken twice"


def _check_run(farm: Farm, run: Run) -> None:
    assert farm.renders[run.render.name] is run.render
    assert run.render.runs[run.id] is run, f"run {run.id} unknown to its render"
    if run.current:
        assert run.block.open.get(run.task) is run, f"right to count: {story(run.block, run.task)}"
        assert run.block.code(run.task) in OPEN, story(run.block, run.task)
    else:
        assert run.block.open.get(run.task) is not run


def _check_block(farm: Farm, block: Block) -> None:
    where = f"job {block.job.serial} block {block.num}"
    assert block.hold is farm.service_holds.get(block.spec.service), f"{where}: hold"
    columns = block.columns
    if columns is None:
        expected = [0] * CODES
        expected[Code.READY] = block.tasks_num
    else:
        assert columns.count == block.tasks_num, where
        expected = columns.count_codes(0, block.tasks_num)
    assert block.counts == expected, f"{where}: counts {block.counts}, recounted {expected}"
    open_tasks = expected[Code.RUNNING] + expected[Code.RECONNECT]
    assert open_tasks == len(block.open), f"{where}: open runs"
    runs = list(block.open.values())
    assert block.running_capacity == sum(run.capacity for run in runs), where
    assert block.running_on == dict(Counter(run.render.name for run in runs)), where
    done = (
        block.tasks_num > 0
        and sum(expected[c] for c in (Code.DONE, Code.SKIPPED)) == block.tasks_num
    )
    assert block.done == done, f"{where}: done"
    if columns is not None:
        assert block.warnings == sum(1 for f in columns.flags if f & WRN_FLAG), f"{where}: warnings"
        if block.ready is not None:
            ready = {t for t in range(block.tasks_num) if columns.state[t] == Code.READY}
            assert set(block.ready) == ready, f"{where}: ready queue"
    assert (block.key in farm.stuck_blocks) or not block.stuck, f"{where}: stuck"
    for task, extra in block.extras.items():
        if block.code(task) == Code.RETRY:
            assert extra.retry_wall, f"a retry without a time: {story(block, task)}"


def _check_pre_commands(farm: Farm) -> None:
    """Who waits for a pre command is known to it, and the other way round (R31)."""
    work = farm.system
    owners: dict[int, Job | Block] = {}
    outside: dict[int, Job | Block] = {}
    for job in farm.jobs.values():
        for owner in (job, *job.blocks):
            pre = owner.pre
            if pre is None:
                continue
            assert not (pre.request and pre.task >= 0), f"pre command of {owner!r} is there twice"
            if pre.task >= 0:
                owners[pre.task] = owner
                code = farm.jobs[0].blocks[PRE_COMMANDS].code(pre.task)
                assert code not in FINISHED, f"{owner!r} waits for what is done"
                ended = code in (Code.ERROR, Code.SUSPENDED)
                assert ended == bool(pre.failed), f"pre command of {owner!r}: {code.name}"
            elif pre.request:
                outside[pre.request] = owner
                assert pre.request in work.waiting[PRE_COMMANDS], f"{owner!r} waits for nothing"
            elif not (pre.failed or job.off or job.deleting):
                first = job.pre is not None and job.pre is not pre
                assert first, f"nobody asked for the pre command of {owner!r}"
    assert work.owners == owners, "places of pre commands"
    assert work.outside == outside, "requests of pre commands"


def _check_job(farm: Farm, job: Job) -> None:
    assert farm.jobs_by_id[job.id] is job
    assert farm.jobs_by_name[job.spec.name] is job
    assert job.user.jobs[job.serial] is job
    assert job.running == sum(block.running for block in job.blocks), f"running of {job.serial}"
    capacity = sum(block.running_capacity for block in job.blocks)
    assert job.running_capacity == capacity, f"capacity of {job.serial}"
    on = sum((Counter(block.running_on) for block in job.blocks), Counter[str]())
    assert job.running_on == dict(on), f"hosts of {job.serial}"
    wanted = (
        not (job.off or job.waiting_time or job.waiting_jobs or job.deleting or job.system)
        and job.spec.priority > 0
        and job.pre is None
        and any(can_produce(block) for block in job.blocks)
    )
    if job.blocks:
        least = min(least_capacity(block) for block in job.blocks)
        assert job.system or job.least_capacity == least, f"least capacity of {job.serial}"
    assert job.queued == wanted, f"job {job.serial} queued: {wanted}"
    producing = [block for block in job.blocks if can_produce(block)]
    assert job.system or job.producing == producing, f"producing blocks of job {job.serial}"
    done = sum(block.done for block in job.blocks)
    assert job.blocks_done == done, f"done blocks of job {job.serial}"
    troubled = sum(bool(block.error_hosts) for block in job.blocks)
    assert job.troubled == troubled, f"blocks of job {job.serial} with errors of hosts"
    assert all(min(pair) >= 0 for pair in job.try_next), f"tasks to try next of {job.serial}"


# ------------------------------------------------------------------------------------ snapshot


def snapshot(farm: Farm) -> dict[str, Any]:
    """Everything a restart must bring back, as plain data."""
    return {
        "counters": (
            farm.serial_last, farm.job_id_last, farm.user_id_last, farm.render_id_last,
            farm.block_key_last, farm.pool_id_last, farm.branch_id_last,
        ),
        "pools": {
            path: (pool.id, msgspec.to_builtins(pool.spec), pool.time_creation)
            for path, pool in farm.pools.items()
        },
        "branches": {
            path: (
                branch.id, msgspec.to_builtins(branch.spec), branch.time_creation,
                branch.time_empty, branch.running, branch.running_capacity,
            )
            for path, branch in farm.branches.items()
        },
        "users": {
            user.name: (
                user.id, msgspec.to_builtins(user.spec), user.host_name, user.time_register,
                user.time_activity,
            )
            for user in farm.users.values()
        },
        "renders": {
            render.name: (
                render.id, msgspec.to_builtins(render.spec), render.instance, render.boot_id,
                render.capacity_flag, render.max_tasks_flag, render.capacity_used, render.running,
                render.errors_row, sorted(render.errors_jobs), render.cool_level,
                render.cool_wall, render.probing, render.sick,
                list(render.sick_users),
                render.falling, render.sleeping, render.waking, render.told_away,
                render.macs, render.scheduled, render.scheduled_until, render.equipment(),
            )
            for render in farm.renders.values()
        },
        "jobs": {job.serial: _job_snapshot(job) for job in farm.jobs.values()},
        "runs": {
            run.id: (
                run.block.key, run.task, run.render.name, run.number, run.capacity, run.coeff,
                run.current, run.stop_cause, run.stop_target, run.stop_counts, held_doc(run),
            )
            for run in farm.runs.values()
        },
        "services": service_docs(farm),
        "messages": msgspec.to_builtins(list(farm.messages.values())),
        "requests": msgspec.to_builtins(
            {number: list(kept.items()) for number, kept in farm.system.waiting.items() if kept}
        ),
        "settings": dict(farm.settings.chosen),
        "farm_setup": msgspec.to_builtins((farm.setup, farm.setup_source)),
        "limits": dict(farm.limits_chosen),
        "usages": usages_snapshot(farm),
    }  # fmt: skip


def _job_snapshot(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "spec": msgspec.to_builtins(job.spec),
        "off": job.off,
        "order": job.order,
        "queued": job.queued,
        "deleting": job.deleting,
        "pre": msgspec.to_builtins(job.pre),
        "try_next": list(job.try_next),
        "times": (job.time_started, job.time_done),
        "running": (job.running, job.running_capacity, dict(sorted(job.running_on.items()))),
        "blocks": [_block_snapshot(block) for block in job.blocks],
    }


def _block_snapshot(block: Block) -> dict[str, Any]:
    packed = block.columns.pack(0, block.tasks_num) if block.columns else b""
    # RUNNING and RECONNECT differ only in the links, which no store keeps.
    state = packed[: block.tasks_num].replace(bytes([Code.RUNNING]), bytes([Code.RECONNECT]))
    rest = packed[block.tasks_num :]
    return {
        "key": block.key,
        "spec": msgspec.to_builtins(block.spec),
        "records": msgspec.to_builtins(block.tasks),
        "state": state.rstrip(b"\0"),
        "columns": rest if rest.strip(b"\0") else b"",
        "open": {task: run.id for task, run in sorted(block.open.items())},
        "extras": {t: extra_doc(e) for t, e in sorted(block.extras.items()) if not e.empty()},
        "more": block_state(block),
        "flags": (block.done, block.waiting, block.stuck, block.warnings),
    }
