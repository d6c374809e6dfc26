"""Requests that change something: ``action`` on jobs, blocks, renders and users (PROTOCOL 2.3).

The order of the checks and the sentences of today's server are kept, because its clients show them.
Nodes are worked off one by one; what one of them refuses does not stop the others, and its sentence
is the answer. Edits of jobs and users follow PROTOCOL: params before the operation, unknown members
ignored (strict requests refuse them, R49).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from afanasy.core.host.masks import shown
from afanasy.core.host.pools import Pool
from afanasy.core.job.branches import Branch
from afanasy.core.state import Farm, Job, Render, User
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw, Reader
from afanasy.server.change.act_jobs import act_on_job
from afanasy.server.change.act_nodes import act_on_branch, act_on_pool, act_on_render, act_on_user
from afanasy.server.change.acting import Answer, Apply, Request
from afanasy.server.change.limits import act_on_limits
from afanasy.server.change.read_operation import asked_by, check_action, numbers
from afanasy.server.change.settings import act_on_settings
from afanasy.server.matcher import Masks

#: Type → (name of the container in sentences, ids it may have).
_CONTAINERS: Final = {
    "jobs": ("Jobs", 1_000_000),
    "renders": ("Renders", 100_000),
    "users": ("Users", 10_000),
    "pools": ("Pools", 1000),
    "branches": ("Branches", 10_000),
}


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
    request = Request[Any](
        farm, apply, reader, masks, by, action, operation, params, answer
    )  # fmt: skip
    one = {
        "jobs": act_on_job,
        "renders": act_on_render,
        "users": act_on_user,
        "pools": act_on_pool,
        "branches": act_on_branch,
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
    found = [node for name, node in by_name.items() if _selects(masks, mask, name)]
    # Lists do not show the system job: who means all that he sees does not mean it.
    found = [node for node in found if not (isinstance(node, Job) and node.system)] or found
    if not found:
        text = f"{container}: No node matches '{mask}' found."
        answer.refuse(UserError("not_found", text, field="action.mask"))
    return found


def _selects(masks: Masks, mask: str, name: str) -> bool:
    """The mask of an action matches the name. Raises UserError when that takes too long."""
    matches = masks.full_match(mask, name)
    if matches is None:
        raise UserError(
            "slow_mask",
            f"the mask {shown(mask)} takes too long on the name {shown(name)}",
            "avoid repeats inside repeats, as in (a+)+",
            field="action.mask",
        )
    return matches


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
