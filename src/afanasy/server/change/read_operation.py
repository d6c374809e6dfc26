"""Reading an action's selection and operation (PROTOCOL 2.3, R49, R60).

What says on which nodes, blocks or tasks an operation works must be understood, or the operation is
refused, in lenient requests too: without its selection it would do to a whole block, or to all
nodes, what was meant for a few. For the same reason a member that speaks of tasks or blocks and
stands where nobody reads it is refused, and ``ask`` beside the operation: what was only to be asked
would be done. A single element that is no number is only left out, with a
warning: that makes it less, not more.
"""

from __future__ import annotations

from typing import Final, cast

from afanasy.core.depend import spread
from afanasy.core.job.job_order import MOVES
from afanasy.core.job.operations import OPERATIONS
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw, Reader, check_texts, kind_of

#: Operations that a ``mode`` spreads along dependences: of a whole job, of blocks and tasks.
SPREADING_JOB: Final = frozenset(name for name in OPERATIONS if name.startswith("restart"))
SPREADING_BLOCK: Final = frozenset({*OPERATIONS, "reset_error_hosts"} - {"stop"})
_TASKS: Final = frozenset({"task_ids", "task_ranges"})
#: Members that are true or false.
_FLAGS: Final = frozenset({"ask", "exit", "host"})
#: Operation → members beside ``type``; by the type of the nodes, "blocks" for those of jobs.
_MEMBERS: Final[dict[str, dict[str, frozenset[str]]]] = {
    "jobs": {
        "append_blocks": frozenset({"blocks"}),
        **{name: frozenset({"ask"}) for name in ("stop", "delete")},
        **{name: frozenset({"mode", "ask"}) for name in SPREADING_JOB},
    },
    "blocks": {
        **{name: _TASKS | {"mode", "ask"} for name in SPREADING_BLOCK},
        "trynext": _TASKS | {"mode"},
        "tickets": frozenset({"name", "count"}),
        "append_tasks": frozenset({"tasks"}),
    },
    "renders": {
        "launch_cmd": frozenset({"cmd", "exit"}),
        "set_pool": frozenset({"name"}),
        "farm": frozenset({"mode", "name", "mask"}),
        "tickets": frozenset({"name", "count", "host", "max_hosts"}),
    },
    "pools": {
        "launch_cmd": frozenset({"cmd", "exit"}),
        "add_pool": frozenset({"name"}),
        "farm": frozenset({"mode", "name", "mask"}),
        "tickets": frozenset({"name", "count", "host", "max_hosts"}),
    },
    "users": {name: frozenset({"jids", "serials"}) for name in MOVES},
    "branches": {},
}
#: Actions without nodes: what they change, and the members of each operation beside ``type``.
_ALONE: Final[dict[str, tuple[str, str, dict[str, frozenset[str]]]]] = {
    "config": (
        "settings are changed by an operation",
        "settings have",
        {"set": frozenset({"values"}), "unset": frozenset({"keys"})},
    ),
    "limits": (
        "limits are changed by an operation",
        "limits have",
        {"set": frozenset({"name", "max_count", "max_hosts"}), "unset": frozenset({"name"})},
    ),
    "farm": (
        "the farm file is read again by an operation",
        "the farm file has",
        {"reload": frozenset()},
    ),
}
#: Members of every action, and of those on nodes; of jobs also the blocks.
_ALWAYS: Final = frozenset({"type", "user_name", "host_name", "operation"})
_NODES: Final = _ALWAYS | {"ids", "mask", "params"}
_ACTION: Final[dict[str, frozenset[str]]] = {
    "jobs": _NODES | {"serials", "block_ids", "block_mask"},
    **dict.fromkeys(("renders", "users", "pools", "branches"), _NODES),
    **dict.fromkeys(_ALONE, _ALWAYS),
}
#: Members of any operation.
_INSIDE: Final = frozenset(
    key for parts in _MEMBERS.values() for members in parts.values() for key in members
)
#: How members begin that choose less than the whole.
_CHOOSING: Final = ("task", "block")


def check_action(action: Raw, kind: str, reader: Reader) -> None:
    """Complain of members that an action on nodes of this kind does not have.

    Raises UserError when they would choose tasks or blocks, or only ask (R49).
    """
    known = _ACTION[kind]
    for key in action:
        if key in known:
            continue
        hint = f"put {key} into operation" if key in _INSIDE else ""
        if key == "ask":
            raise UserError(
                "bad_selection", "does not stand beside the operation", hint, field="action.ask"
            )
        if key.startswith(_CHOOSING):
            _refuse_choice("action", key, kind, hint)
        reader.unknown("action", key, known, hint)


def asked_by(action: Raw) -> str:
    """``user@host`` of an action. Raises UserError when it does not say so."""
    for key in ("user_name", "host_name"):
        value = action.get(key)
        if not isinstance(value, str) or not value:
            raise UserError(
                "missing", f'Action should have a not empty "{key}" string.', field=f"action.{key}"
            )
    return f"{action['user_name']}@{action['host_name']}"


def operation_alone(action: Raw, kind: str) -> Raw:
    """The operation of an action without nodes, its type and members known.

    They are ours, so nothing is guessed or ignored in lenient requests either. Raises UserError.
    """
    missing, have, operations = _ALONE[kind]
    operation = action.get("operation")
    if not isinstance(operation, dict):
        hint = f"send {' or '.join(operations)}"
        raise UserError("missing", missing, hint, field="action.operation")
    operation = cast(Raw, operation)
    check_texts(operation, "operation")
    name = operation.get("type")
    if not isinstance(name, str) or name not in operations:
        raise UserError(
            "unknown_operation", f"{have} no operation {name!r}",
            f"there {'is' if len(operations) == 1 else 'are'} {', '.join(operations)}",
            field="action.operation.type",
        )  # fmt: skip
    known = operations[name]
    for key in operation:
        if key == "type" or key in known:
            continue
        hint = ", ".join(sorted(known))
        raise UserError(
            "unknown_field", "no such member", hint and f"{name} has {hint}",
            field=f"operation.{key[:80]}",
        )  # fmt: skip
    return operation


def _refuse_choice(path: str, key: str, kind: str, hint: str = "") -> None:
    """Refuse a member that seems to choose tasks or blocks, and says where that is done."""
    if kind not in ("jobs", "blocks"):
        hint = "leave it out: only actions on jobs have them"
    elif hint:
        hint += ", and block_ids beside it"
    elif key.startswith("block"):
        hint = "name blocks by block_ids or block_mask of the action, beside operation"
    else:
        hint = "name tasks by task_ids or task_ranges of the operation, with block_ids beside it"
    raise UserError(
        "bad_selection", "chooses no tasks or blocks there", hint, field=f"{path}.{key[:80]}"
    )


def numbers(raw: Raw, key: str, path: str, reader: Reader) -> list[int]:
    """The whole numbers of the list ``raw[key]``; none when it is not there, or is empty.

    Raises UserError when it is no list, or has something in it and no number.
    """
    if key not in raw:
        return []
    value, field = raw[key], f"{path}.{key}"
    items = cast("list[object]", value) if isinstance(value, list) else []
    found = [item for item in items if type(item) is int]
    if not isinstance(value, list) or (items and not found):
        raise UserError(
            "bad_selection",
            "must be a list of whole numbers",
            "leave it out to choose otherwise",
            field=field,
        )
    for n, item in enumerate(items):
        if type(item) is not int:
            reader.complain(f"{field}[{n}]", f"must be int, not {kind_of(item)}")
    return found


def check_members(operation: Raw, kind: str, reader: Reader) -> None:
    """Complain of members that the operation does not have.

    Raises UserError when they choose tasks and the operation is on whole jobs.
    """
    name = operation["type"]
    known = _MEMBERS[kind].get(name, frozenset())
    for key in operation:
        if key in _FLAGS & known and type(operation[key]) is not bool:
            reader.complain(
                f"operation.{key}", f"must be bool, not {kind_of(operation[key])}",
                "as true or false",
            )  # fmt: skip
        if key == "type" or key in known:
            continue
        if key in _TASKS and kind == "jobs":
            raise UserError(
                "bad_selection", "an operation on a job is on all of its tasks",
                "name block_ids to choose tasks", field=f"operation.{key}",
            )  # fmt: skip
        if key.startswith(_CHOOSING):
            _refuse_choice("operation", key, kind)
        if key == "mode" and kind in ("jobs", "blocks"):
            reader.complain("operation.mode", f"{name} has no mode", "leave it out")
        else:
            reader.unknown("operation", key, known)


def mode_of(operation: Raw, kind: str, reader: Reader) -> str:
    """Along which dependences the operation spreads; "" = not at all, also when nobody knows it."""
    mode = operation.get("mode", "")
    if mode == "" or "mode" not in _MEMBERS[kind].get(operation["type"], ()):
        return ""
    if operation["type"] == "trynext":  # has words of its own
        return mode if isinstance(mode, str) else ""
    if isinstance(mode, str) and mode in spread.MODES:
        return mode
    shown = repr(mode[:80]) if isinstance(mode, str) else kind_of(mode)
    *others, last = sorted(spread.MODES)
    words = f"{', '.join(others)} or {last}"
    reader.complain("operation.mode", f"must be {words}, not {shown}", "leave it out for none")
    return ""


def task_ranges(operation: Raw, reader: Reader) -> list[range] | None:
    """Tasks that an operation names: ``task_ids``, and ours ``task_ranges`` (R60); None = all.

    Raises UserError when they cannot be read.
    """
    parts: list[range] = []
    tasks = numbers(operation, "task_ids", "operation", reader)
    if operation["type"] == "trynext":  # its order is the order of trying
        parts = [range(number, number + 1) for number in tasks]
        tasks = []
    for number in sorted(set(tasks)):  # neighbours become one range: one step of the core each
        if parts and parts[-1].stop == number:
            parts[-1] = range(parts[-1].start, number + 1)
        else:
            parts.append(range(number, number + 1))
    pairs = operation.get("task_ranges", [])
    if not isinstance(pairs, list):
        raise UserError(
            "bad_selection", "must be a list of [first, last]", "leave it out for all tasks",
            field="operation.task_ranges",
        )  # fmt: skip
    for n, pair in enumerate(cast("list[object]", pairs)):
        ends = cast("list[object]", pair) if isinstance(pair, list) else []
        match ends:
            case [int(first), int(last)] if first <= last and bool not in map(type, ends):
                parts.append(range(first, last + 1))
            case _:
                raise UserError(
                    "bad_selection", "must be [first, last] with first ≤ last",
                    field=f"operation.task_ranges[{n}]",
                )  # fmt: skip
    return parts or None
