"""Making jobs: names, ids, users, blocks; and appending to living jobs (SEMANTICS 1)."""

from __future__ import annotations

from typing import Any, Final

from af import numeric
from afanasy.core.depend import depends
from afanasy.core.depend.block_depends import check_masks
from afanasy.core.effects import Note
from afanasy.core.events import AppendBlocks, AppendTasks, BlockSubmission, Submit
from afanasy.core.host import pool_edits
from afanasy.core.job import branch_edits, lives, task_names
from afanasy.core.place import try_next
from afanasy.core.run.holds import attach_block
from afanasy.core.state import Block, Farm, Job, User
from afanasy.core.system import happenings, pre_commands
from afanasy.core.tasks import Code, TaskColumns
from afanasy.core.transitions import add_timer, jobs_wait_anew, rebuild_job, refresh_queue
from afanasy.model.attributes import (
    BLOCKS_PER_JOB_MAX,
    FLAG_APPENDED_TASKS,
    FLAG_SUSPEND_NEW,
    BlockSpec,
    JobSpec,
    UserSpec,
)
from afanasy.model.clock import Now
from afanasy.model.errors import UserError
from afanasy.model.ids import TASKS_PER_BLOCK_MAX, BlockKey, task_key

#: Parts of a stored submission (R39): 0 is the job, n the blocks appended as number n and on, and
#: this with block and first number (:func:`afanasy.model.ids.task_key`) tasks of a list block.
TASKS_PART: Final = 1 << 48
JOB_ID_MAX: Final = 999_999
JOBS_MAX: Final = 900_000
#: Tasks a job may have in all: an operation on all of them must stay a matter of a second.
TASKS_PER_JOB_MAX: Final = 50_000_000
SYSTEM_JOB_NAME: Final = "afanasy"
SYSTEM_USER_NAME: Final = "afadmin"
#: What a task of the system job takes (R23), and how many of a block run on one host.
SYSTEM_CAPACITY: Final = 10
SYSTEM_PER_HOST: Final = 10
#: Attributes of the system job's blocks, and what all have that do not say else (SEMANTICS 12.1).
SYSTEM_BLOCK: Final[dict[str, Any]] = {
    "errors_retries": 9, "errors_avoid_host": 3, "errors_task_same_host": 1,
    "errors_forgive_time": 600, "task_max_run_time": 60, "capacity": SYSTEM_CAPACITY,
    "max_running_tasks_per_host": SYSTEM_PER_HOST,
}  # fmt: skip
SYSTEM_BLOCKS: Final[tuple[dict[str, Any], ...]] = (
    {"name": "post_commands", "service": "postcmd"},
    {"name": "wake-on-lan", "service": "wakeonlan"},
    {"name": "events", "service": "events"},
    # A wrong command is its author's fault: no host is avoided for it, and he hears of it soon.
    {"name": "pre_commands", "service": "postcmd", "errors_retries": 2, "errors_avoid_host": 0,
     "errors_task_same_host": 0, "task_max_run_time": 600},
)  # fmt: skip


def submit(farm: Farm, event: Submit, now: Now) -> Job:
    """Add a job. Raises UserError, the sender's fault, before anything is changed."""
    spec = event.spec
    if not spec.user_name:
        raise UserError("missing", "a job needs an owner", "set user_name", field="job.user_name")
    if not event.blocks:
        raise UserError("missing", "a job needs blocks", "add one", field="job.blocks")
    if len(farm.jobs) >= JOBS_MAX:
        raise UserError("full", f"the farm has {len(farm.jobs)} jobs, the most there can be")
    _check_block_count(len(event.blocks), "job.blocks")
    counts = [count_tasks(block, f"job.blocks[{n}]") for n, block in enumerate(event.blocks)]
    _check_job_size(sum(counts), "job.blocks")
    check_masks(farm, [block.spec for block in event.blocks], "job.blocks")
    job_id = _next_id(farm)
    # -- everything is checked: from here on nothing may fail
    user = user_of(farm, spec.user_name, now)
    user.time_activity = int(now.wall)
    user.host_name = spec.host_name or user.host_name
    farm.changes.users[user.name] = user
    spec.name = unique_name(farm, spec.name or "noname")
    spec.branch = branch_edits.clean_path(spec.branch)
    if not spec.time_creation:
        spec.time_creation = int(now.wall)
    farm.serial_last += 1
    user.order_last += 1
    job = Job(
        serial=farm.serial_last,
        id=job_id,
        user=user,
        spec=spec,
        off=spec.offline,
        waiting_time=spec.time_wait > now.wall,
        order=user.order_last,
    )
    farm.job_id_last = job_id
    _add(farm, job)
    branch_edits.enter(farm, job, branch_edits.branch_for(farm, spec.branch, now))
    for block, count in zip(event.blocks, counts, strict=True):
        add_block(farm, job, block, count, now)
    pre_commands.submitted(farm, job, now)
    job.try_next = try_next.submitted(spec)
    if job.waiting_time:
        add_timer(farm, now.mono + spec.time_wait - now.wall, "time_wait", job)
    rebuild_job(farm, job, now)
    jobs_wait_anew(farm, depends.enter(farm, job), now)
    refresh_queue(farm, job, now)
    lives.watch(farm, job, now)
    if event.text:
        farm.changes.submissions.append((job.serial, 0, event.text))
    happenings.of_job(farm, job, happenings.JOB_CREATED)
    farm.effects.append(Note("job_submitted", {"job": job.serial, "user": user.name}))
    return job


def _next_id(farm: Farm) -> int:
    """The small id: rises, then takes the one that has been free for longest (R4)."""
    job_id = farm.job_id_last
    while True:
        job_id = job_id + 1 if job_id < JOB_ID_MAX else 2
        if job_id not in farm.jobs_by_id:
            return job_id


def _add(farm: Farm, job: Job) -> None:
    farm.jobs[job.serial] = job
    farm.jobs_by_id[job.id] = job
    farm.jobs_by_name[job.spec.name] = job
    job.user.jobs[job.serial] = job
    farm.changes.jobs[job.serial] = job


def unique_name(farm: Farm, name: str) -> str:
    """``name``, or ``name-1``, ``name-2`` … when a living job has it (SEMANTICS 0).

    The highest suffix of each name is remembered: equal names cost no search.
    """
    if name not in farm.jobs_by_name:
        return name
    suffix = farm.name_suffix.get(name, 0)
    while True:
        suffix += 1
        tried = f"{name[:1000]}-{suffix}"  # a name has 1024 characters at most
        if tried not in farm.jobs_by_name:
            farm.name_suffix[name] = suffix
            return tried


def user_of(farm: Farm, name: str, now: Now) -> User:
    """The user of that name, created on the fly."""
    user = farm.users.get(name)
    if user is None:
        farm.user_id_last += 1
        user = farm.users[name] = User(
            name=name,
            id=farm.user_id_last,
            spec=UserSpec(**farm.settings.user_defaults()),
            time_register=int(now.wall),
            time_activity=int(now.wall),
        )
        farm.changes.users[name] = user
    return user


def count_tasks(block: BlockSubmission, field: str) -> int:
    """Tasks that the block makes. Raises UserError when none, or more than the cap."""
    spec = block.spec
    if spec.numeric:
        spec.frame_first, spec.frame_last, spec.frames_per_task, spec.frames_inc = (
            numeric.clean_range(
                spec.frame_first, spec.frame_last, spec.frames_per_task, spec.frames_inc
            )
        )
        count = numeric.tasks_count(
            spec.frame_first, spec.frame_last, spec.frames_per_task, spec.frames_inc
        )
    else:
        count = len(block.tasks or ())
        if not count:
            raise UserError(
                "missing",
                "a block needs tasks",
                "list them in `tasks`, or make it numeric: flags 1, frame_first and frame_last",
                field=f"{field}.tasks",
            )
    if count > TASKS_PER_BLOCK_MAX:
        raise UserError(
            "too_many_tasks",
            f"{count} tasks; a block may have {TASKS_PER_BLOCK_MAX}",
            "raise frames_per_task, or split the block",
            field=field,
        )
    return count


def _check_block_count(count: int, field: str) -> None:
    if count > BLOCKS_PER_JOB_MAX:
        raise UserError(
            "too_many_blocks",
            f"{count} blocks in all; a job may have {BLOCKS_PER_JOB_MAX}",
            "make several jobs",
            field=field,
        )


def _check_job_size(count: int, field: str) -> None:
    if count > TASKS_PER_JOB_MAX:
        raise UserError(
            "too_many_tasks",
            f"{count} tasks in all; a job may have {TASKS_PER_JOB_MAX}",
            "raise frames_per_task, or split the job",
            field=field,
        )


def add_block(farm: Farm, job: Job, submitted: BlockSubmission, count: int, now: Now) -> Block:
    """Append one checked block to the job."""
    farm.block_key_last += 1
    spec = submitted.spec
    if not spec.name:
        spec.name = f"block {len(job.blocks)}"
    block = Block(
        key=BlockKey(farm.block_key_last),
        job=job,
        num=len(job.blocks),
        spec=spec,
        tasks_num=count,
        tasks=None if spec.numeric else submitted.tasks,
        ready_wall=now.wall,
    )
    first = Code.SUSPENDED if spec.flags & FLAG_SUSPEND_NEW else Code.READY
    block.counts[first] = count
    if first != Code.READY:
        block.touch().state[:count] = bytes([first]) * count
        farm.changes.task_ranges(block, [range(count)])
    job.blocks.append(block)
    farm.blocks[block.key] = block
    attach_block(farm, block)
    farm.changes.blocks[block.key] = block
    farm.changes.block_states[block.key] = block
    if block.tasks:
        farm.changes.records.append((block, 0))
    return block


def append_blocks(farm: Farm, event: AppendBlocks, now: Now) -> list[int]:
    """Operation ``append_blocks``; returns the numbers of the new blocks."""
    job = _growing_job(farm, event.serial)
    _check_block_count(len(job.blocks) + len(event.blocks), "operation.blocks")
    counts = [count_tasks(block, f"blocks[{n}]") for n, block in enumerate(event.blocks)]
    if not counts:
        raise UserError("missing", "no blocks to append", "add one", field="operation.blocks")
    _check_job_size(_size(job) + sum(counts), "operation.blocks")
    check_masks(farm, [block.spec for block in (*job.blocks, *event.blocks)], "operation.blocks")
    first = len(job.blocks)
    for block, count in zip(event.blocks, counts, strict=True):
        add_block(farm, job, block, count, now)
    pre_commands.submitted(farm, job, now, first)
    job.time_done = 0
    farm.changes.jobs[job.serial] = job
    if event.text:
        farm.changes.submissions.append((job.serial, first, event.text))
    farm.fresh_jobs[job.serial] = job  # it may be queued already
    rebuild_job(farm, job, now)
    refresh_queue(farm, job, now)
    return list(range(first, len(job.blocks)))


def append_tasks(farm: Farm, event: AppendTasks, now: Now) -> list[int]:
    """Operation ``append_tasks``; returns the numbers of the new tasks."""
    job = _growing_job(farm, event.serial)
    block = block_of(job, event.block)
    if block.tasks is None:
        raise UserError(
            "numeric", "a numeric block has no list of tasks", "append a block", field="tasks"
        )
    if not event.tasks:
        raise UserError("missing", "no tasks to append", "add one", field="operation.tasks")
    first, count = block.tasks_num, block.tasks_num + len(event.tasks)
    if count > TASKS_PER_BLOCK_MAX:
        raise UserError("too_many_tasks", f"{count} tasks; a block may have {TASKS_PER_BLOCK_MAX}")
    _check_job_size(_size(job) + len(event.tasks), "operation.tasks")
    if not block.counts[Code.READY]:
        block.ready_wall = now.wall
    if event.text:
        part = TASKS_PART | task_key(block.num, first)
        farm.changes.submissions.append((job.serial, part, event.text))
    block.tasks.extend(event.tasks)
    old = block.columns
    block.tasks_num = count
    code = Code.SUSPENDED if block.spec.flags & FLAG_SUSPEND_NEW else Code.READY
    block.counts[code] += count - first
    if old is not None:
        block.columns = TaskColumns(count)
        block.columns.unpack(0, first, old.pack(0, first))
    if code != Code.READY:
        block.touch().state[first:count] = bytes([code]) * (count - first)
        farm.changes.task_ranges(block, [range(first, count)])
    block.ready = None
    task_names.appended(block, first)
    block.spec.flags |= FLAG_APPENDED_TASKS
    block.time_done = job.time_done = 0
    block.set_done(False)
    farm.changes.blocks[block.key] = block
    farm.changes.block_states[block.key] = block
    farm.changes.jobs[job.serial] = job
    farm.changes.records.append((block, first))
    farm.fresh_jobs[job.serial] = job
    rebuild_job(farm, job, now)
    refresh_queue(farm, job, now)
    return list(range(first, count))


def living_job(farm: Farm, serial: int) -> Job:
    """The job, or UserError "not_found"."""
    job = farm.jobs.get(serial)
    if job is None:
        raise UserError("not_found", f"there is no job with serial {serial}", field="serial")
    return job


def check_kept(job: Job) -> None:
    """UserError "deleting" for a job that goes when its tasks are stopped: it is locked till then
    (SEMANTICS 2.4).
    """
    if job.deleting:
        hint = f"afcmd resubmit {job.serial} submits it again"
        raise UserError("deleting", f"job {job.id} is being deleted", hint)


def _growing_job(farm: Farm, serial: int) -> Job:
    """The job, when it can take more work."""
    job = living_job(farm, serial)
    if job.system:
        raise UserError("system_job", "Appending system job is not allowed.")
    check_kept(job)
    return job


def _size(job: Job) -> int:
    return sum(block.tasks_num for block in job.blocks)


def block_of(job: Job, num: int) -> Block:
    """The block of the job, or UserError "not_found"."""
    if not 0 <= num < len(job.blocks):
        raise UserError(
            "not_found",
            f"Invalid block number: {num}",
            f"job {job.id} has blocks 0 to {len(job.blocks) - 1}",
            field="block_ids",
        )
    return job.blocks[num]


def found_system_job(farm: Farm, now: Now) -> None:
    """Make the server's own job, id 1 and serial 0, when the farm has none (R4).

    A farm that an older version stored gets the blocks that its job lacks.
    """
    pool_edits.found_root(farm, now)
    branch_edits.found_root(farm, now)
    job = farm.jobs.get(0)
    if job is None:
        user = user_of(farm, SYSTEM_USER_NAME, now)
        spec = JobSpec(
            name=SYSTEM_JOB_NAME, user_name=SYSTEM_USER_NAME, time_creation=int(now.wall)
        )
        job = Job(serial=0, id=1, user=user, spec=spec, system=True)
        farm.job_id_last = max(farm.job_id_last, 1)
        _add(farm, job)
        branch_edits.enter(farm, job, farm.branches["/"])
    missing = SYSTEM_BLOCKS[len(job.blocks) :]
    if not missing:
        return
    for own in missing:
        block = BlockSpec(**{**SYSTEM_BLOCK, **own})
        add_block(farm, job, BlockSubmission(block, []), 0, now)
    rebuild_job(farm, job, now)
