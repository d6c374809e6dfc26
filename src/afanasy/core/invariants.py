"""Recounting: every counter and derived set from what it counts. Run after every test step.

:func:`validate` raises AssertionError with a sentence. :func:`snapshot` is the part of the state
that a restart must bring back (R35), as plain data to compare.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from afanasy.core.checks import least_capacity, render_not_ready
from afanasy.core.rows import block_state, extra_doc, service_docs
from afanasy.core.state import Block, Farm, Job, Run
from afanasy.core.tasks import CODES, OPEN, Code
from afanasy.core.transitions import WRN_FLAG, can_produce, story
from afanasy.model.clock import Now


def validate(farm: Farm, now: Now) -> None:
    """Check everything. For tests and the simulator: it looks at every task."""
    for run in farm.runs.values():
        _check_run(farm, run)
    for block in farm.blocks.values():
        _check_block(farm, block)
    for job in farm.jobs.values():
        _check_job(farm, job)
    for user in farm.users.values():
        jobs = list(user.jobs.values())
        assert user.running == sum(job.running for job in jobs), f"running of {user.name}"
        capacity = sum(job.running_capacity for job in jobs)
        assert user.running_capacity == capacity, f"capacity of {user.name}"
        on = sum((Counter(job.running_on) for job in jobs), Counter[str]())
        assert user.running_on == dict(on), f"hosts of {user.name}"
        queue = sorted((job for job in jobs if job.queued), key=Job.sort_key)
        assert user.queue == queue, f"queue of {user.name}"
        assert (user.name in farm.hungry) == bool(queue), f"hunger of {user.name}"
    for render in farm.renders.values():
        runs = list(render.runs.values())
        assert render.capacity_used == sum(run.capacity for run in runs), render.name
        assert render.running == sum(run.current for run in runs), render.name
        if 0 <= render.capacity < render.capacity_used:
            # Only shrinking the capacity below what runs can lead here; nothing may start then.
            assert render.name not in farm.open_renders
        is_open = render_not_ready(render, now.mono) is None
        if not render.cool_mono:
            assert (render.name in farm.open_renders) == is_open, f"{render.name} open: {is_open}"


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
    waiting = any(n != block.num and not block.job.blocks[n].done for n in block.depends_on)
    assert block.waiting == waiting, f"{where}: waiting"
    if columns is not None:
        assert block.warnings == sum(1 for f in columns.flags if f & WRN_FLAG), f"{where}: warnings"
        if block.ready is not None:
            ready = {t for t in range(block.tasks_num) if columns.state[t] == Code.READY}
            assert set(block.ready) == ready, f"{where}: ready queue"
    assert (block.key in farm.stuck_blocks) or not block.stuck, f"{where}: stuck"
    for task, extra in block.extras.items():
        if block.code(task) == Code.RETRY:
            assert extra.retry_wall, f"a retry without a time: {story(block, task)}"


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
        not (job.off or job.waiting_time or job.deleting or job.system)
        and job.spec.priority > 0
        and any(can_produce(block) for block in job.blocks)
    )
    if job.blocks:
        least = min(least_capacity(block) for block in job.blocks)
        assert job.system or job.least_capacity == least, f"least capacity of {job.serial}"
    assert job.queued == wanted, f"job {job.serial} queued: {wanted}"


# ------------------------------------------------------------------------------------ snapshot


def snapshot(farm: Farm) -> dict[str, Any]:
    """Everything a restart must bring back, as plain data."""
    return {
        "counters": (
            farm.serial_last, farm.job_id_last, farm.user_id_last, farm.render_id_last,
            farm.block_key_last,
        ),
        "users": {
            user.name: (user.id, msgspec.to_builtins(user.spec), user.host_name)
            for user in farm.users.values()
        },
        "renders": {
            render.name: (
                render.id, msgspec.to_builtins(render.spec), render.instance, render.boot_id,
                render.capacity_flag, render.max_tasks_flag, render.capacity_used, render.running,
                render.errors_row, sorted(render.errors_jobs), render.cool_level,
                render.cool_wall, render.probing,
            )
            for render in farm.renders.values()
        },
        "jobs": {job.serial: _job_snapshot(job) for job in farm.jobs.values()},
        "runs": {
            run.id: (
                run.block.key, run.task, run.render.name, run.number, run.capacity, run.coeff,
                run.current, run.stop_cause, run.stop_target, run.stop_counts,
            )
            for run in farm.runs.values()
        },
        "services": service_docs(farm),
        "settings": dict(farm.settings.chosen),
    }  # fmt: skip


def _job_snapshot(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "spec": msgspec.to_builtins(job.spec),
        "off": job.off,
        "order": job.order,
        "queued": job.queued,
        "deleting": job.deleting,
        "try_next": job.try_next,
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
