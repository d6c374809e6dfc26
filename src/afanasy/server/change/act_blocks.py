"""Actions on blocks and tasks of a job (PROTOCOL 2.3), appended tasks included."""

from __future__ import annotations

from typing import Final

from afanasy.core import events
from afanasy.core.host.mask_warnings import block_warnings
from afanasy.core.host.masks import find_match, type_of
from afanasy.core.job.edit import BLOCK_EDITABLE
from afanasy.core.state import Job
from afanasy.model.attributes import BlockSpec, JobSpec
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw
from afanasy.server.change.acting import (
    DEPENDS,
    HOSTS_MASKS,
    REGEX_MASKS,
    Request,
    only_editable,
    warn,
    warn_of_depends,
)
from afanasy.server.change.read_job import check_hosts_masks, read_tasks
from afanasy.server.change.read_operation import check_members, mode_of, numbers, task_ranges
from afanasy.server.change.submissions import kept_text

#: In block params these also change the job (PROTOCOL 2.3).
_COMMON: Final = frozenset({"priority", "annotation", "custom_data", "hidden"})
_NOT_OF_BLOCKS: Final = _COMMON - BLOCK_EDITABLE


def act_on_blocks(request: Request[Job], job: Job) -> None:
    """The operation, or the params, on the blocks that the action names. Raises UserError."""
    blocks = _block_numbers(request, job)
    operation, params = request.operation, request.params
    if operation is not None:
        _operate_blocks(request, job, blocks, operation)
    elif params is not None:
        common = {key: value for key, value in params.items() if key in _COMMON}
        of_job = request.reader.members(JobSpec, common, "params")
        own = {key: value for key, value in params.items() if key not in _NOT_OF_BLOCKS}
        own = only_editable(request, own, BlockSpec, BLOCK_EDITABLE)
        checked = request.reader.members(BlockSpec, own, "params")
        names = [block.spec.name for block in job.blocks]
        for key in REGEX_MASKS & checked.keys():
            request.masks.check_mask(checked[key], f"params.{key}", names)
        mask, exclude = checked.get("hosts_mask", ""), checked.get("hosts_mask_exclude", "")
        check_hosts_masks(mask, exclude, type_of(job), "params", request.masks)
        request.apply(events.EditBlocks(job.serial, blocks, checked, by=request.by))
        if checked.keys() & DEPENDS or "tickets" in checked:
            warn_of_depends(request, job)
        if checked.keys() & HOSTS_MASKS:
            warn(request, block_warnings(request.farm, job, [job.blocks[n] for n in blocks]))
        if of_job:
            request.apply(events.EditJob(job.serial, of_job, by=request.by))
        request.answer.count += len(blocks)


def _block_numbers(request: Request[Job], job: Job) -> list[int]:
    """Blocks that an action names: numbers, [-1] = all, or a mask of prefix words."""
    raw = request.raw
    try:
        found = numbers(raw, "block_ids", "action", request.reader)
    except UserError as error:
        if error.code != "bad_selection":
            raise
        raise _no_blocks() from None
    if -1 in found:
        return list(range(len(job.blocks)))
    if found:
        for number in found:
            if not 0 <= number < len(job.blocks):
                raise UserError(
                    "not_found",
                    f"Invalid block number: {number}",
                    f"job {job.id} has blocks 0 to {len(job.blocks) - 1}",
                    field="block_ids",
                )
        return list(dict.fromkeys(found))
    mask = raw.get("block_mask")
    if isinstance(mask, str) and mask:
        found = [block.num for block in job.blocks if find_match(mask, block.spec.name)]
        if found:
            return found
    raise _no_blocks()


def _no_blocks() -> UserError:
    return UserError(
        "missing",
        '"block_ids" array does not contain any integers or invalid "block_mask"',
        field="block_ids",
    )


def _operate_blocks(request: Request[Job], job: Job, blocks: list[int], operation: Raw) -> None:
    name = operation["type"]
    check_members(operation, "blocks", request.reader)
    if name == "append_tasks":
        for number in blocks:
            _append_tasks(request, job, number, operation)
        return
    event = events.OperateBlocks(
        job.serial,
        blocks,
        name,
        tasks=task_ranges(operation, request.reader),
        mode=mode_of(operation, "blocks", request.reader),
        by=request.by,
        ask=operation.get("ask") is True,
    )
    if name == "trynext":
        if event.tasks is None:
            raise UserError(
                "missing", "'task_ids' array is not specified.", field="operation.task_ids"
            )
        if event.mode not in ("append", "remove"):
            raise UserError(
                "bad_field", f"Invalid 'mode' = '{event.mode}'.", field="operation.mode"
            )
    elif name == "tickets":
        ticket, count = operation.get("name"), operation.get("count")
        if not isinstance(ticket, str) or not ticket:
            raise UserError(
                "missing", "Ticket 'name' string is not specified.", field="operation.name"
            )
        if type(count) is not int:
            raise UserError(
                "missing", "Ticket 'count' integer is not specified.", field="operation.count"
            )
        event.ticket = (ticket, count)
    request.tell(request.apply(event))
    if name == "tickets":
        warn_of_depends(request, job)


def _append_tasks(request: Request[Job], job: Job, number: int, operation: Raw) -> None:
    if job.blocks[number].tasks is None:
        raise UserError(
            "numeric", "Appending tasks to numeric block is not allowed.", "append a block",
            field="operation.tasks",
        )  # fmt: skip
    if not isinstance(operation.get("tasks"), list):
        raise UserError("missing", "Operation requires tasks array.", field="operation.tasks")
    tasks = read_tasks(operation["tasks"], "operation.tasks", request.reader)
    text = kept_text(operation["tasks"])
    added = request.apply(events.AppendTasks(job.serial, number, tasks, text))
    request.answer.added["task_ids"] = added
    request.answer.count += len(tasks)
