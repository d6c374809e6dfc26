"""Actions on renders, users, pools and branches (PROTOCOL 2.3)."""

from __future__ import annotations

from typing import Any

from afanasy.core import events
from afanasy.core.host import presence
from afanasy.core.host.mask_warnings import user_warnings, work_warnings
from afanasy.core.host.pool_edits import POOL_EDITABLE
from afanasy.core.host.pools import Pool
from afanasy.core.job.branch_edits import BRANCH_EDITABLE
from afanasy.core.job.branches import Branch
from afanasy.core.job.edit import RENDER_EDITABLE, USER_EDITABLE
from afanasy.core.job.job_order import MOVES
from afanasy.core.state import Render, User
from afanasy.model.attributes import BranchSpec, PoolSpec, RenderSpec, UserSpec
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw
from afanasy.server.change.acting import (
    HOSTS_MASKS,
    Request,
    check_work_params,
    checked_params,
    warn,
)
from afanasy.server.change.host_changes import change_host, clean_tickets
from afanasy.server.change.read_job import check_blocks_anew, check_hosts_masks
from afanasy.server.change.read_operation import check_members, numbers


def act_on_render(request: Request[Render], render: Render) -> None:
    """The params, then the operation, on a render. Raises UserError."""
    if request.params is not None:
        clean_tickets(request.params)
        params = checked_params(request, RenderSpec, RENDER_EDITABLE)
        for key in presence.of_nobody(render, params):
            word = key.partition("_")[0]
            request.reader.complain(
                f"params.{key}",
                f"render {render.name} is not taken",
                f"set {word} in the same edit",
            )
        request.apply(events.EditRender(render.name, params, by=request.by))
        request.answer.count += 1
    if request.operation is not None:
        check_members(request.operation, "renders", request.reader)
        if change_host(request, request.operation, render=render.name):
            return
        pool = request.operation.get("name")
        event = events.OperateRender(
            render.name,
            request.operation["type"],
            pool=pool if isinstance(pool, str) else "",
            by=request.by,
            **_launch(request.operation),
        )
        outcome = request.apply(event)
        request.reader.warnings += outcome.warnings
        request.answer.count += max(outcome.count, request.params is None)
        if outcome.text:
            request.answer.say(outcome.text)


def _launch(operation: Raw) -> dict[str, Any]:
    """Members of ``launch_cmd``."""
    command = operation.get("cmd")
    return {
        "command": command if isinstance(command, str) else "",
        "then_exit": operation.get("exit") is True,
    }


def act_on_user(request: Request[User], user: User) -> None:
    """The params, then the operation, on a user. Raises UserError."""
    if request.params is not None:
        params = checked_params(request, UserSpec, USER_EDITABLE)
        check_work_params(request, user.spec, params)
        kind = params.get("hosts_mask_type", user.spec.hosts_mask_type)
        new_kind = kind != user.spec.hosts_mask_type
        if new_kind:
            _check_jobs_anew(request, user, kind)
        request.apply(events.EditUser(user.name, params, by=request.by))
        if params.keys() & HOSTS_MASKS:
            warn(request, user_warnings(request.farm, user, jobs=new_kind))
        request.answer.count += 1
    if request.operation is not None:
        name = request.operation["type"]
        check_members(request.operation, "users", request.reader)
        if name in MOVES:
            serials = [
                request.farm.jobs_by_id[number].serial
                for number in numbers(request.operation, "jids", "operation", request.reader)
                if number in request.farm.jobs_by_id
            ] + numbers(request.operation, "serials", "operation", request.reader)
            event = events.MoveJobs(user.name, name, serials, by=request.by)
            request.answer.count += request.apply(event)
            return
        if name != "delete":
            if request.reader.strict:
                raise UserError(
                    "unknown_operation", f"Unknown operation: {name}", field="operation.type"
                )
            return
        if user.jobs and not request.reader.strict:
            return  # ignored, as PROTOCOL 2.3 says
        request.apply(events.DeleteUser(user.name))
        request.answer.count += 1


def _check_jobs_anew(request: Request[User], user: User, kind: str) -> None:
    """His jobs without a type are read by his. Raises UserError."""
    for job in user.jobs.values():
        if not job.spec.hosts_mask_type:
            spec, path = job.spec, f"jobs[{job.id}]"
            masks = request.masks
            check_hosts_masks(spec.hosts_mask, spec.hosts_mask_exclude, kind, path, masks)
            check_blocks_anew(job, kind, path, masks)


def act_on_pool(request: Request[Pool], pool: Pool) -> None:
    """The operation, or the params, on a pool. Raises UserError."""
    if request.operation is not None:
        check_members(request.operation, "pools", request.reader)
        if change_host(request, request.operation, pool=pool.path):
            return
        name = request.operation.get("name")
        event = events.OperatePool(
            pool.path,
            request.operation["type"],
            name=name if isinstance(name, str) else "",
            by=request.by,
            **_launch(request.operation),
        )
        request.tell(request.apply(event))
    elif request.params is not None:
        clean_tickets(request.params)
        params = checked_params(request, PoolSpec, POOL_EDITABLE)
        request.masks.check_mask(params.get("pattern", ""), "params.pattern")
        request.apply(events.EditPool(pool.path, params, by=request.by))
        request.answer.count += 1


def act_on_branch(request: Request[Branch], branch: Branch) -> None:
    """The operation, or the params, on a branch. Raises UserError."""
    if request.operation is not None:
        check_members(request.operation, "branches", request.reader)
        event = events.OperateBranch(branch.path, request.operation["type"], by=request.by)
        request.tell(request.apply(event))
    elif request.params is not None:
        params = checked_params(request, BranchSpec, BRANCH_EDITABLE)
        check_work_params(request, branch.spec, params)
        request.apply(events.EditBranch(branch.path, params, by=request.by))
        if params.keys() & HOSTS_MASKS:
            warn(request, work_warnings(request.farm, branch.spec, f"branch {branch.path}"))
        request.answer.count += 1
        request.answer.say("Branch(es) parameter(s) changed.", "log")
