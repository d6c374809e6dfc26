"""New values of attributes (PROTOCOL 2.3): what may be edited, and what follows from it."""

from __future__ import annotations

from typing import Final, cast

from msgspec.structs import replace

from af.words import plural
from afanasy.core import node_log
from afanasy.core.depend import depends
from afanasy.core.depend.block_depends import check_masks
from afanasy.core.events import AddUser, DeleteUser, EditBlocks, EditJob, EditRender, EditUser
from afanasy.core.host import presence, schedule
from afanasy.core.host.host_change import hosts_changed
from afanasy.core.job import branch_edits, lives, task_names
from afanasy.core.job.operations import log_job
from afanasy.core.job.submit import block_of, check_kept, living_job, user_of
from afanasy.core.limit import limits
from afanasy.core.place import fits, job_queue, rates, shares
from afanasy.core.run import errors, holds
from afanasy.core.run.stops import check_limits
from afanasy.core.state import Block, Farm, Job, User
from afanasy.core.system import pre_commands
from afanasy.core.transitions import (
    add_timer,
    jobs_wait_anew,
    rebuild_job,
    rebuild_needs,
    refresh_queue,
)
from afanasy.model.attributes import BlockSpec, JobSpec, RenderSpec, UserSpec
from afanasy.model.clock import Now
from afanasy.model.errors import UserError

#: Attributes that cannot be edited (PROTOCOL 2.3, SEMANTICS 1.2).
JOB_FIXED: Final = frozenset(
    {"name", "host_name", "project", "department", "time_creation", "report", "thumb_path",
     "try_this_blocks_num", "try_this_tasks_num"}
)  # fmt: skip
BLOCK_FIXED: Final = frozenset(
    {"flags", "frame_first", "frame_last", "frames_per_task", "frames_inc",
     "capacity_coeff_min", "capacity_coeff_max", "multihost_min", "multihost_max",
     "multihost_max_wait", "multihost_service_wait", "multihost_service",
     "file_size_min", "file_size_max"}
)  # fmt: skip
JOB_EDITABLE: Final = frozenset(JobSpec.__struct_fields__) - JOB_FIXED
BLOCK_EDITABLE: Final = frozenset(BlockSpec.__struct_fields__) - BLOCK_FIXED
_BLOCK_MASKS: Final = ("name", "depend_mask", "tasks_depend_mask")
_DEPEND_MASKS: Final = frozenset({"depend_mask", "depend_mask_global", "depend_jobs"})
USER_EDITABLE: Final = frozenset(UserSpec.__struct_fields__)
#: Attributes of renders that follow from others, or have an operation of their own.
RENDER_FIXED: Final = frozenset({"pool", "nimby_by", "nimby_since", "paused_by", "paused_since"})
RENDER_EDITABLE: Final = frozenset(RenderSpec.__struct_fields__) - RENDER_FIXED


def edit_job(farm: Farm, event: EditJob, now: Now) -> None:
    """Set job attributes. Raises UserError, nothing changed."""
    job = living_job(farm, event.serial)
    check_kept(job)
    params = dict(event.params)
    assert params.keys() <= JOB_EDITABLE, f"unchecked edit: {sorted(params)}"
    owner = params.pop("user_name", None)
    if owner is not None and owner not in farm.users:
        raise UserError(
            "not_found", f"User does not exist: {owner}", "add the user first", field="user_name"
        )
    branch = params.get("branch")
    if isinstance(branch, str) and branch not in farm.branches:
        raise UserError(
            "not_found", f"New job branch not found: {branch}", "afcmd branches lists them",
            field="branch",
        )  # fmt: skip
    # The queue is left under the old sort key and entered again under the new one.
    if job.queued:
        job_queue.leave(farm, job)
    old_priority, old_pre = job.spec.priority, job.spec.command_pre
    new_owner = False
    for key, value in params.items():
        _log_change(job, key, getattr(job.spec, key), value, event.by)
        setattr(job.spec, key, value)
    if isinstance(owner, str) and farm.users[owner] is not job.user:
        _log_change(job, "user_name", job.user.name, owner, event.by)
        jobs_wait_anew(farm, depends.leave(farm, job), now)
        _change_owner(farm, job, farm.users[owner])
        new_owner = True
    if new_owner or job.spec.priority != old_priority:
        # Behind all jobs of the user with the same or a higher priority (SEMANTICS 7).
        job.user.order_last += 1
        job.order = job.user.order_last
    if new_owner:  # values of -1 are the owner's; tasks may become ready, so its place is settled
        for block in job.blocks:
            _error_limits_changed(farm, block, now)
    if new_owner or "custom_data" in params:
        _send_again(farm, job)
    if "max_tasks_per_second" in params:
        rates.limit_changed(farm, job, now)
    if "need_memory" in params:
        for block in job.blocks:
            errors.memory_edited(farm, block)
    if params.get("offline"):
        job.off = True
    job.spec.offline = job.off
    if "time_wait" in params:
        job.waiting_time = job.spec.time_wait > now.wall
        if job.waiting_time:
            add_timer(farm, now.mono + job.spec.time_wait - now.wall, "time_wait", job)
        for block in job.blocks:
            block.ready_wall = now.wall
    if isinstance(params.get("branch"), str):
        branch_edits.leave(farm, job, now)
        branch_edits.enter(farm, job, farm.branches[job.spec.branch])
    rebuild_job(farm, job, now)
    if job.spec.command_pre != old_pre:
        pre_commands.edited(farm, job, now)
    if new_owner:
        jobs_wait_anew(farm, depends.enter(farm, job), now)
    elif params.keys() & _DEPEND_MASKS:
        jobs_wait_anew(farm, depends.masks_edited(farm, job), now)
    refresh_queue(farm, job, now)
    lives.watch(farm, job, now)
    _look_for_hosts(farm, job.blocks, now)
    farm.fresh_jobs[job.serial] = job
    farm.changes.jobs[job.serial] = job


def _look_for_hosts(farm: Farm, blocks: list[Block], now: Now) -> None:
    """What the blocks ask for was changed: they may have hosts again, or none any more (R13)."""
    for block in blocks:
        if block.error_hosts or block.extras:
            errors.check_hosts_left(farm, block, now)


def _send_again(farm: Farm, job: Job) -> None:
    """What renders know of the job's blocks is outdated."""
    for block in job.blocks:
        block.version += 1
        farm.changes.block_states[block.key] = block


def _change_owner(farm: Farm, job: Job, user: User) -> None:
    """Move the job and its counters to another user."""
    old = job.user
    shares.detach(job)
    del old.jobs[job.serial]
    user.jobs[job.serial] = job
    for giver, sign in ((old, -1), (user, 1)):
        branch_edits.count_running(job, giver, sign)
        farm.fresh_users[giver.name] = giver
    job.user = user
    job.spec.user_name = user.name
    shares.attach(farm, job)


def _error_limits_changed(farm: Farm, block: Block, now: Now) -> None:
    errors.forgive(farm, block, now)
    errors.check_hosts_left(farm, block, now)
    errors.retries_changed(farm, block, now)


def edit_blocks(farm: Farm, event: EditBlocks, now: Now) -> None:
    """Set block attributes. Raises UserError, nothing changed."""
    job = living_job(farm, event.serial)
    check_kept(job)
    blocks = [block_of(job, num) for num in event.blocks]
    params = event.params
    assert params.keys() <= BLOCK_EDITABLE, f"unchecked edit: {sorted(params)}"
    changed = {key: params[key] for key in _BLOCK_MASKS if key in params}
    if changed:
        specs = [replace(b.spec, **changed) if b in blocks else b.spec for b in job.blocks]
        check_masks(farm, specs, "tasks_depend_mask")
    # -- everything is checked: from here on nothing may fail
    for block in blocks:
        old_sequential, old_pre = block.spec.sequential, block.spec.command_pre
        for key, value in params.items():
            old = getattr(block.spec, key)
            # Environment and tickets are merged (PROTOCOL 2.3).
            new = value
            if key == "environment":
                new = {**old, **cast("dict[str, str]", value)}
            elif key == "tickets":  # a negative count takes one away (SEMANTICS 2.4)
                counts = {**old, **cast("dict[str, int]", value)}
                new = {name: count for name, count in counts.items() if count >= 0}
            _log_change(job, f"block {block.num} {key}", old, new, event.by)
            setattr(block.spec, key, new)
        block.version += 1
        if block.ready is not None and block.spec.sequential != old_sequential:
            block.ready.reorder(block.order())
        farm.changes.blocks[block.key] = block
        farm.changes.block_states[block.key] = block  # its version
        holds.attach_block(farm, block)
        if "service" in params or "tickets" in params:
            limits.held_changed(farm, block)
        if "need_memory" in params:
            errors.memory_edited(farm, block)
        if "tasks_name" in params:
            task_names.renamed(block)
        if block.spec.command_pre != old_pre:
            pre_commands.edited(farm, block, now)
        _error_limits_changed(farm, block, now)
        for run in list(block.open.values()):
            check_limits(farm, run, now)
            if "on_lost_render" in params and not run.render.link:
                add_timer(farm, now.mono, "lost", run.render)
    rebuild_job(farm, job, now)
    _look_for_hosts(farm, blocks, now)
    farm.fresh_jobs[job.serial] = job
    farm.changes.jobs[job.serial] = job


def _log_change(job: Job, name: str, old: object, new: object, by: str) -> None:
    if old != new:
        log_job(job, f"{name}: {old!r} to {new!r}" + (f", by {by}" if by else ""))


def add_user(farm: Farm, event: AddUser, now: Now) -> tuple[User, bool]:
    """The user, and whether he is new."""
    if not event.name:
        raise UserError("missing", "a user needs a name", field="user.name")
    if event.name in farm.users:
        return farm.users[event.name], False
    user = user_of(farm, event.name, now)
    for key, value in event.params.items():
        setattr(user.spec, key, value)
    return user, True


def edit_user(farm: Farm, event: EditUser, now: Now) -> None:
    """Set user attributes. Raises UserError, nothing changed."""
    user = farm.users.get(event.name)
    if user is None:
        raise UserError("not_found", f"there is no user {event.name!r}")
    assert event.params.keys() <= USER_EDITABLE, f"unchecked edit: {sorted(event.params)}"
    before = node_log.values_of(user.spec)
    changed = {key for key, value in event.params.items() if getattr(user.spec, key) != value}
    for key, value in event.params.items():
        setattr(user.spec, key, value)
    node_log.say_changes(user, before, user.spec, now, event.by)
    user.time_activity = int(now.wall)
    farm.changes.users[user.name] = user
    if changed - fits.WORK_SAYS:
        farm.fresh_users[user.name] = user
        shares.turn_anew(farm, user.jobs.values())
    if "max_tasks_per_second" in event.params:
        rates.limit_changed(farm, user, now)
    if "jobs_life_time" in event.params:
        for job in user.jobs.values():
            lives.watch(farm, job, now)
    # (Ten thousand jobs may be looked at: only for what concerns them.)
    if changed & fits.WORK_ASKS:
        for job in user.jobs.values():
            rebuild_needs(farm, job)
            _look_for_hosts(farm, job.blocks, now)
    if "custom_data" in changed:
        for job in user.jobs.values():
            _send_again(farm, job)
    if any(key.startswith("errors_") for key in changed):
        for job in user.jobs.values():
            for block in job.blocks:
                _error_limits_changed(farm, block, now)


def delete_user(farm: Farm, event: DeleteUser) -> None:
    """Delete a user without jobs. Raises UserError, nothing changed."""
    user = farm.users.get(event.name)
    if user is None:
        raise UserError("not_found", f"there is no user {event.name!r}")
    if user.jobs:
        raise UserError(
            "has_jobs", f"user {user.name} has {plural(len(user.jobs), 'job')}", "delete them first"
        )
    del farm.users[user.name]
    farm.fresh_users.pop(user.name, None)
    farm.changes.users.pop(user.name, None)
    farm.changes.users_deleted.append(user.name)


def edit_render(farm: Farm, event: EditRender, now: Now) -> None:
    """Set render attributes. Raises UserError, nothing changed."""
    render = farm.renders.get(event.name)
    if render is None:
        raise UserError("not_found", f"there is no render {event.name!r}")
    params = dict(event.params)
    assert params.keys() <= RENDER_EDITABLE, f"unchecked edit: {sorted(params)}"
    schedule.check(params)
    before = node_log.values_of(render.spec)
    presence.note(render, params, event.by, now)
    # nimby and NIMBY exclude each other; false on either is free (SEMANTICS 8.4).
    if "nimby" in params or "NIMBY" in params:
        render.spec.nimby = bool(params.pop("nimby", False))
        render.spec.NIMBY = bool(params.pop("NIMBY", False))
        if render.spec.NIMBY:
            render.spec.nimby = False
    for key, value in params.items():
        setattr(render.spec, key, value)
    node_log.say_changes(
        render, before, render.spec, now, event.by,
        lambda wall: schedule.clock_words(farm, wall, now),
    )  # fmt: skip
    farm.changes.renders[render.name] = render
    presence.watch(farm, render, now)
    if "tickets_host" in params:
        limits.ticket_limits_changed(farm)
    hosts_changed(farm, [render], now)
