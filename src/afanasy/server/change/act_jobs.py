"""Actions on jobs (PROTOCOL 2.3): params, operations, appended blocks."""

from __future__ import annotations

from typing import cast

from afanasy.core import events
from afanasy.core.host.mask_warnings import block_warnings, hosts_warnings
from afanasy.core.host.masks import type_of
from afanasy.core.job.branch_edits import clean_path
from afanasy.core.job.edit import JOB_EDITABLE
from afanasy.core.state import Job
from afanasy.core.system import pre_commands
from afanasy.model.attributes import JobSpec
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw
from afanasy.server.change.act_blocks import act_on_blocks
from afanasy.server.change.acting import (
    DEPENDS,
    HOSTS_MASKS,
    REGEX_MASKS,
    Request,
    check_work_params,
    checked_params,
    warn,
    warn_of_depends,
)
from afanasy.server.change.read_job import check_blocks_anew, read_blocks
from afanasy.server.change.read_operation import check_members, mode_of
from afanasy.server.change.submissions import kept_text


def act_on_job(request: Request[Job], job: Job) -> None:
    """The operation, then the params, on a job or its blocks. Raises UserError."""
    if "block_ids" in request.raw or "block_mask" in request.raw:
        act_on_blocks(request, job)
        return
    if request.operation is not None:
        _operate_job(request, job, request.operation)
    if request.params is not None:
        params = checked_params(request, JobSpec, JOB_EDITABLE)
        _check_job_params(request, job, params)
        request.apply(events.EditJob(job.serial, params, by=request.by))
        if params.keys() & DEPENDS:
            warn_of_depends(request, job)
        if params.keys() & (HOSTS_MASKS | {"user_name"}):
            anew = params.keys() & {"hosts_mask_type", "user_name"}
            warn(request, hosts_warnings(request.farm, job, None if anew else ()))
        if request.operation is None:
            request.answer.count += 1


def _operate_job(request: Request[Job], job: Job, operation: Raw) -> None:
    name, answer, farm = operation["type"], request.answer, request.farm
    check_members(operation, "jobs", request.reader)
    if name == "append_blocks":
        if job.system:
            raise UserError("system_job", "Appending system job is not allowed.")
        raws = operation.get("blocks")
        if not isinstance(raws, list):
            raise UserError("missing", "Operation requires blocks array.", field="operation.blocks")
        if not raws:
            raise UserError(
                "missing", "Operation blocks array has zero size.", field="operation.blocks"
            )
        raws = cast("list[object]", raws)
        blocks = read_blocks(
            raws, "operation.blocks", request.reader, request.masks, farm.settings, type_of(job)
        )
        event = events.AppendBlocks(job.serial, blocks, kept_text(raws))
        answer.added["block_ids"] = request.apply(event)
        first = len(job.blocks) - len(blocks)
        request.reader.warnings += pre_commands.warnings(farm, job, first)
        warn_of_depends(request, job)
        warn(request, block_warnings(farm, job, job.blocks[first:]))
        answer.count += len(blocks)
        return
    mode = mode_of(operation, "jobs", request.reader)
    ask = operation.get("ask") is True
    outcome = request.apply(events.OperateJob(job.serial, name, mode, by=request.by, ask=ask))
    request.tell(outcome)


def _check_job_params(request: Request[Job], job: Job, params: Raw) -> None:
    for key in REGEX_MASKS & params.keys():
        request.masks.check_mask(params[key], f"params.{key}")
    owner = request.farm.users.get(params.get("user_name", ""), job.user)
    said = params.get("hosts_mask_type", job.spec.hosts_mask_type)
    before, kind = type_of(job), said or owner.spec.hosts_mask_type
    check_work_params(request, job.spec, params, (before, kind))
    if kind != before:
        check_blocks_anew(job, kind, "job", request.masks)
    if "branch" in params:
        params["branch"] = clean_path(params["branch"])
    folders = params.get("folders")
    if folders is not None:  # merged (PROTOCOL 2.3)
        params["folders"] = {**job.spec.folders, **folders}
