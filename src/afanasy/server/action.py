"""Requests that change something: ``action`` on jobs, blocks, renders and users (PROTOCOL 2.3).

The order of the checks and the sentences of today's server are kept, because its clients show them.
Nodes are worked off one by one; what one of them refuses does not stop the others, and its sentence
is the answer. Edits of jobs and users follow PROTOCOL: params before the operation, unknown members
ignored (strict requests refuse them, R49).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar, cast

from afanasy.core import events
from afanasy.core.depend.depend_warnings import depend_warnings
from afanasy.core.host.masks import find_match, type_of
from afanasy.core.host.pool_edits import POOL_EDITABLE
from afanasy.core.host.pools import Pool
from afanasy.core.job.branch_edits import BRANCH_EDITABLE, clean_path
from afanasy.core.job.branches import Branch
from afanasy.core.job.edit import BLOCK_EDITABLE, JOB_EDITABLE, RENDER_EDITABLE, USER_EDITABLE
from afanasy.core.job.job_order import MOVES
from afanasy.core.job.operations import Outcome
from afanasy.core.job.place_warnings import pool_warnings
from afanasy.core.limit.limit_warnings import ticket_warnings
from afanasy.core.state import Farm, Job, Render, User
from afanasy.core.system import pre_commands
from afanasy.model.attributes import (
    BlockSpec,
    BranchSpec,
    JobSpec,
    PoolSpec,
    RenderSpec,
    UserSpec,
    WorkSpec,
)
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw, Reader
from afanasy.server.host_changes import change_host, clean_tickets
from afanasy.server.limits import act_on_limits
from afanasy.server.matcher import Masks
from afanasy.server.read_job import check_hosts_masks, clean_pools, read_blocks, read_tasks
from afanasy.server.read_operation import check_action, check_members, mode_of, numbers, task_ranges
from afanasy.server.settings import act_on_settings, asked_by
from afanasy.server.submissions import kept_text

Apply = Callable[[events.Event], Any]
#: Type → (name of the container in sentences, ids it may have).
_CONTAINERS: Final = {
    "jobs": ("Jobs", 1_000_000),
    "renders": ("Renders", 100_000),
    "users": ("Users", 10_000),
    "pools": ("Pools", 1000),
    "branches": ("Branches", 10_000),
}
#: Attributes whose text is a regular expression.
_REGEX_MASKS: Final = frozenset({"depend_mask", "depend_mask_global", "tasks_depend_mask"})
_DEPENDS: Final = _REGEX_MASKS | {"depend_jobs", "user_name", "name"}
#: In block params these also change the job (PROTOCOL 2.3).
_COMMON: Final = frozenset({"priority", "annotation", "custom_data", "hidden"})
_NOT_OF_BLOCKS: Final = _COMMON - BLOCK_EDITABLE

N = TypeVar("N", Job, Render, User, Pool, Branch)


@dataclass(slots=True)
class Answer:
    """What has been done so far, and what the answer will say."""

    count: int = 0
    kind: str = "log"
    text: str = ""
    #: Members of ``{"object": …}`` of the append operations.
    added: dict[str, object] = field(default_factory=dict)
    refused: UserError | None = None

    def say(self, text: str, kind: str = "info") -> None:
        """A later sentence replaces an earlier one."""
        self.text, self.kind = text, kind

    def refuse(self, error: UserError) -> None:
        """One node refused; the others go on."""
        self.refused = error
        self.say(error.classic(), "error")


@dataclass(slots=True)
class _Request(Generic[N]):
    """A checked action on nodes of one kind."""

    farm: Farm
    apply: Apply
    reader: Reader
    masks: Masks
    by: str
    raw: Raw
    operation: Raw | None
    params: Raw | None
    answer: Answer


def act(farm: Farm, raw: object, reader: Reader, masks: Masks, apply: Apply) -> dict[str, object]:
    """Carry out one action. Raises UserError when nothing at all could be done."""
    if not isinstance(raw, dict):
        raise UserError("bad_action", "Invalid action.", "send an object", field="action")
    action = cast(Raw, raw)
    kind = action.get("type")
    if not isinstance(kind, str) or not kind:
        raise UserError("bad_action", "Invalid action.", "name a type", field="action.type")
    if kind in ("config", "limits"):
        check_action(action, kind, reader)
        of_kind = act_on_settings if kind == "config" else act_on_limits
        return reader.told(of_kind(farm, action, apply))
    if not _has_selection(action):
        raise UserError(
            "missing",
            "JSON action should have nodes ids or mask to operate with.",
            field="action.ids",
        )
    by = asked_by(action)
    if kind not in _CONTAINERS:
        raise UserError(
            "unknown_type",
            f"Action has unknown type: '{kind}'",
            f"types are {', '.join(_CONTAINERS)}, config, limits, farm",
            field="action.type",
        )
    check_action(action, kind, reader)
    answer = Answer()
    nodes = _select(farm, kind, action, reader, masks, answer)
    if not nodes:
        assert answer.refused is not None
        raise answer.refused
    operation, params = _order(action)
    request = _Request[Any](
        farm, apply, reader, masks, by, action, operation, params, answer
    )  # fmt: skip
    one = {
        "jobs": _act_on_job,
        "renders": _act_on_render,
        "users": _act_on_user,
        "pools": _act_on_pool,
        "branches": _act_on_branch,
    }[kind]
    for node in nodes:
        try:
            one(request, cast(Any, node))
        except UserError as error:
            answer.refuse(error)
    return _answer(answer, reader)


def _has_selection(action: Raw) -> bool:
    return any(
        isinstance(action.get(key), kind) and action.get(key)
        for key, kind in (("ids", list), ("serials", list), ("mask", str))
    )


def _order(action: Raw) -> tuple[Raw | None, Raw | None]:
    """The operation and the params, checked in form."""
    operation, params = action.get("operation"), action.get("params")
    if operation is None and params is None:
        raise UserError(
            "missing",
            'Action should have an "operation" or(and) "params" object.',
            field="action.operation",
        )
    if operation is not None:
        where = "action.operation"
        if not isinstance(operation, dict):
            raise UserError("bad_field", 'Action "operation" should be an object.', field=where)
        name = cast(Raw, operation).get("type")
        if not isinstance(name, str):
            raise UserError(
                "bad_field", 'Action "operation" "type" should be a string.', field=where + ".type"
            )
        if not name:
            raise UserError(
                "bad_field", 'Action "operation" "type" string is empty.', field=where + ".type"
            )
    if params is not None and not isinstance(params, dict):
        raise UserError("bad_field", 'Action "params" should be an object.', field="action.params")
    return cast("Raw | None", operation), cast("Raw | None", params)


def _select(
    farm: Farm, kind: str, action: Raw, reader: Reader, masks: Masks, answer: Answer
) -> Sequence[Job | Render | User | Pool | Branch]:
    """The nodes that the action names; ids that are unknown are refused in the answer."""
    container, capacity = _CONTAINERS[kind]
    by_id: dict[int, Any] = farm.jobs_by_id
    by_name: dict[str, Any] = farm.jobs_by_name
    if kind != "jobs":
        tables = (farm.renders, farm.users, farm.pools, farm.branches)
        by_name = dict(tables[("renders", "users", "pools", "branches").index(kind)])
        by_id = {node.id: node for node in by_name.values()}
    found: list[Job | Render | User | Pool | Branch] = []
    ids = numbers(action, "ids", "action", reader)
    serials = numbers(action, "serials", "action", reader) if kind == "jobs" else []
    for key, named, table in (("ids", ids, by_id), ("serials", serials, farm.jobs)):
        for number in named:
            node = table.get(number)
            if node is not None:
                found.append(node)
            elif key == "ids" and number >= capacity:
                text = f"Action node ID above container capacity: {number} >= {capacity}."
                answer.refuse(UserError("not_found", text, field="action.ids"))
            else:
                text = f"Action node ID not found: {number}."
                answer.refuse(UserError("not_found", text, field=f"action.{key}"))
    if found or ids or serials:
        return found
    mask = action.get("mask")
    if not isinstance(mask, str) or not mask:
        raise UserError(
            "missing",
            "JSON action should have nodes ids or mask to operate with.",
            field="action.ids",
        )
    masks.check_mask(mask, "action.mask")
    found = [node for name, node in by_name.items() if masks.full_match(mask, name)]
    if not found:
        text = f"{container}: No node matches '{mask}' found."
        answer.refuse(UserError("not_found", text, field="action.mask"))
    return found


def _answer(answer: Answer, reader: Reader) -> dict[str, object]:
    if answer.added:
        result: dict[str, object] = {"object": answer.added}
    else:
        text = answer.text or "Action processed."
        result = {"info": {"kind": answer.kind, "text": text}}
    result["count"] = answer.count
    if answer.refused is not None and reader.strict:
        result["error"] = error_object(answer.refused)
    return reader.told(result)


def error_object(error: UserError) -> dict[str, str]:
    """The error shape of R50."""
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "field": error.field,
    }


# ----------------------------------------------------------------------------------------- jobs


def _act_on_job(request: _Request[Job], job: Job) -> None:
    if "block_ids" in request.raw or "block_mask" in request.raw:
        _act_on_blocks(request, job)
        return
    if request.operation is not None:
        _operate_job(request, job, request.operation)
    if request.params is not None:
        params = _params(request, JobSpec, JOB_EDITABLE)
        _check_job_params(request, job, params)
        request.apply(events.EditJob(job.serial, params, by=request.by))
        if params.keys() & _DEPENDS:
            _warn_of_depends(request, job)
        if request.operation is None:
            request.answer.count += 1


def _operate_job(request: _Request[Job], job: Job, operation: Raw) -> None:
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
        _warn_of_depends(request, job)
        answer.count += len(blocks)
        return
    mode = mode_of(operation, "jobs", request.reader)
    ask = operation.get("ask") is True
    outcome = request.apply(events.OperateJob(job.serial, name, mode, by=request.by, ask=ask))
    answer.count += outcome.count
    request.reader.warnings += outcome.warnings
    if outcome.text:
        answer.say(outcome.text)


def _warn_of_depends(request: _Request[Job], job: Job) -> None:
    """The answer says what is odd about what the job waits for now, and about its tickets."""
    warnings = request.reader.warnings
    for text in (*depend_warnings(request.farm, job), *ticket_warnings(request.farm, job)):
        if text not in warnings:
            warnings.append(text)


def _check_job_params(request: _Request[Job], job: Job, params: Raw) -> None:
    for key in _REGEX_MASKS & params.keys():
        request.masks.check_mask(params[key], f"params.{key}")
    owner = request.farm.users.get(params.get("user_name", ""), job.user)
    _check_work_params(request, job.spec, params, owner.spec.hosts_mask_type)
    if "hosts_mask_type" in params or "user_name" in params:  # the blocks' masks are read anew
        kind = params.get("hosts_mask_type", job.spec.hosts_mask_type)
        for block in job.blocks:
            check_hosts_masks(
                block.spec.hosts_mask,
                block.spec.hosts_mask_exclude,
                kind or owner.spec.hosts_mask_type,
                f"job.blocks[{block.num}]",
                request.masks,
            )
    if "branch" in params:
        params["branch"] = clean_path(params["branch"])
    folders = params.get("folders")
    if folders is not None:  # merged (PROTOCOL 2.3)
        params["folders"] = {**job.spec.folders, **folders}


def _check_work_params(
    request: _Request[Any], old: WorkSpec, params: Raw, kind_unset: str = ""
) -> None:
    """Pools and hosts masks of a job, user or branch; a new type reads the old masks anew.

    ``kind_unset`` is the type of the masks when neither says one. Raises UserError.
    """
    if "pools" in params:
        params["pools"] = clean_pools(params["pools"])
        request.reader.warnings += pool_warnings(request.farm, params["pools"], "params.pools")
    kind = params.get("hosts_mask_type", old.hosts_mask_type) or kind_unset
    new_kind = kind != (old.hosts_mask_type or kind_unset)
    mask = params.get("hosts_mask", old.hosts_mask if new_kind else "")
    exclude = params.get("hosts_mask_exclude", old.hosts_mask_exclude if new_kind else "")
    check_hosts_masks(mask, exclude, kind, "params", request.masks)


def _params(request: _Request[Any], spec: type[Any], editable: frozenset[str]) -> Raw:
    """The checked new values; members that cannot be edited are ignored or refused (R49)."""
    assert request.params is not None
    members = request.reader.members(spec, request.params, "params")
    return _editable(request, members, editable)


def _editable(request: _Request[Any], params: Raw, editable: frozenset[str]) -> Raw:
    for key in [key for key in params if key not in editable]:
        request.reader.complain(f"params.{key}", "cannot be edited", "submit a new job")
        del params[key]
    return params


# --------------------------------------------------------------------------------------- blocks


def _act_on_blocks(request: _Request[Job], job: Job) -> None:
    blocks = _block_numbers(request, job)
    operation, params = request.operation, request.params
    if operation is not None:
        _operate_blocks(request, job, blocks, operation)
    elif params is not None:
        common = {key: value for key, value in params.items() if key in _COMMON}
        of_job = request.reader.members(JobSpec, common, "params")
        own = {key: value for key, value in params.items() if key not in _NOT_OF_BLOCKS}
        checked = _editable(
            request, request.reader.members(BlockSpec, own, "params"), BLOCK_EDITABLE
        )
        names = [block.spec.name for block in job.blocks]
        for key in _REGEX_MASKS & checked.keys():
            request.masks.check_mask(checked[key], f"params.{key}", names)
        mask, exclude = checked.get("hosts_mask", ""), checked.get("hosts_mask_exclude", "")
        check_hosts_masks(mask, exclude, type_of(job), "params", request.masks)
        request.apply(events.EditBlocks(job.serial, blocks, checked, by=request.by))
        if checked.keys() & _DEPENDS or "tickets" in checked:
            _warn_of_depends(request, job)
        if of_job:
            request.apply(events.EditJob(job.serial, of_job, by=request.by))
        request.answer.count += len(blocks)


def _block_numbers(request: _Request[Job], job: Job) -> list[int]:
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


def _operate_blocks(request: _Request[Job], job: Job, blocks: list[int], operation: Raw) -> None:
    name, answer = operation["type"], request.answer
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
    outcome = request.apply(event)
    answer.count += outcome.count
    request.reader.warnings += outcome.warnings
    if name == "tickets":
        _warn_of_depends(request, job)
    if outcome.text:
        answer.say(outcome.text)


def _append_tasks(request: _Request[Job], job: Job, number: int, operation: Raw) -> None:
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


# ---------------------------------------------------------------------------- renders and users


def _act_on_render(request: _Request[Render], render: Render) -> None:
    if request.params is not None:
        clean_tickets(request.params)
        params = _params(request, RenderSpec, RENDER_EDITABLE)
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


def _act_on_user(request: _Request[User], user: User) -> None:
    if request.params is not None:
        params = _params(request, UserSpec, USER_EDITABLE)
        _check_work_params(request, user.spec, params)
        request.apply(events.EditUser(user.name, params, by=request.by))
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


# --------------------------------------------------------------------------- pools and branches


def _act_on_pool(request: _Request[Pool], pool: Pool) -> None:
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
        _say(request, request.apply(event))
    elif request.params is not None:
        clean_tickets(request.params)
        params = _params(request, PoolSpec, POOL_EDITABLE)
        request.masks.check_mask(params.get("pattern", ""), "params.pattern")
        request.apply(events.EditPool(pool.path, params, by=request.by))
        request.answer.count += 1


def _act_on_branch(request: _Request[Branch], branch: Branch) -> None:
    if request.operation is not None:
        check_members(request.operation, "branches", request.reader)
        event = events.OperateBranch(branch.path, request.operation["type"], by=request.by)
        _say(request, request.apply(event))
    elif request.params is not None:
        params = _params(request, BranchSpec, BRANCH_EDITABLE)
        _check_work_params(request, branch.spec, params)
        request.apply(events.EditBranch(branch.path, params, by=request.by))
        request.answer.count += 1
        request.answer.say("Branch(es) parameter(s) changed.", "log")


def _say(request: _Request[Any], outcome: Outcome) -> None:
    request.answer.count += outcome.count
    request.reader.warnings += outcome.warnings
    if outcome.text:
        request.answer.say(outcome.text)
