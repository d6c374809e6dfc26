"""Read the farm: jobs, blocks, tasks, renders, users, pools and branches as plain objects.

Every function returns a list of :class:`af.fields.Node`, dictionaries whose members are attributes
too; the fields are documented in :mod:`af.fields`. ``where`` chooses them by a clause of
:mod:`af.where`, as ``user=anna and state~ERR``.

Raises :class:`af.ServerError` when no server answers or it refuses (kind ``refused``), and
:class:`af.where.WhereError` when a clause cannot be understood.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, cast

from af import config, fields, numeric, where
from af.answers import refusal
from af.fields import Node
from af.send import ServerError, request

#: A job, named by its id or name, or itself.
JobName = Any
#: Tasks of one answer; the server sends no more at once.
_PAGE = 20000


def clause(kind: str, text: str) -> where.Where:
    """The where-clause over these nodes. Raises WhereError."""
    return where.parse(text, fields.SHORT[kind], fields.known(kind))


def jobs(where: str = "", ids: Iterable[int] | None = None, full: bool = False) -> list[Node]:
    """Jobs with their blocks, by priority, then age; the system job too.

    ``ids`` asks for these only. With ``full`` blocks have their commands and tasks.
    """
    chosen = clause("jobs", where)
    members: dict[str, Any] = {"mode": "full"} if full else {}
    users = chosen.must_equal("user_name")
    if ids is not None:
        members["ids"] = list(ids)
        if not members["ids"]:
            return []
    elif users:
        members["users"] = users
    found = [fields.job(wire) for wire in _nodes("jobs", members)]
    return [node for node in found if chosen(node)]


def job(name: JobName, full: bool = False) -> Node | None:
    """One job by id, serial (``{"serial": n}``) or exact name; None when there is none."""
    members: dict[str, Any] = {"mode": "full"} if full else {}
    if isinstance(name, dict):
        given = cast("dict[str, Any]", name)
        key = "serial" if given.get("serial") else "id"
        members[key + "s"] = [int(given[key])]
    elif isinstance(name, str) and not name.isdigit():
        found = [node for node in jobs() if node["name"] == name]
        if not found or not full:
            return found[0] if found else None
        members["ids"] = [found[0]["id"]]
    else:
        members["ids"] = [int(name)]
    for wire in _nodes("jobs", members):
        return fields.job(wire)
    return None


def blocks(of: JobName, where: str = "") -> list[Node]:
    """Blocks of one job, with commands; [] when there is no such job."""
    chosen = clause("blocks", where)
    found = job(of, full=True)
    return [node for node in found["blocks"] if chosen(node)] if found else []


def tasks(of: JobName, where: str = "", block: int | str | None = None) -> list[Node]:
    """Tasks of one job, or of one block of it, by its name or number; in their order."""
    chosen = clause("tasks", where)
    found = job(of, full=True)
    if found is None:
        return []
    result: list[Node] = []
    for one in found["blocks"]:
        if block is None or block in (one["block_num"], one["name"]):
            result += [node for node in _tasks(found, one) if chosen(node)]
    return result


def _tasks(of: Node, block: Node) -> list[Node]:
    result: list[Node] = []
    while len(result) < block["tasks_num"]:
        answer = _ask(
            "jobs", ids=[of["id"]], mode="progress", block_ids=[block["block_num"]],
            first=len(result), count=_PAGE,
        )  # fmt: skip
        page = cast("list[dict[str, Any]]", answer["job_progress"]["progress"])
        if not page:
            break
        for wire in page:
            number = len(result)
            result.append(fields.task(wire, block, number, task_name(block, number), of["id"]))
    return result


def task_name(block: dict[str, Any], number: int) -> str:
    """The name of a task, as the server shows it; ``block`` in full detail."""
    pattern = str(block.get("tasks_name") or "")
    if block.get("numeric"):
        inc = int(block["frames_inc"])
        first, last = int(block["frame_first"]), int(block["frame_last"])
        start, finish, _ = numeric.task_frames(
            number, first, last, int(block["frames_per_task"]), inc
        )
        return numeric.numeric_task_name(pattern, start, finish, inc)
    listed = cast("list[dict[str, Any]]", block.get("tasks") or [])
    own = str(listed[number].get("name") or "") if number < len(listed) else ""
    return numeric.list_task_name(pattern, own)


def renders(where: str = "", resources: bool = False) -> list[Node]:
    """Renders, by priority, then age; with ``resources`` the load of those that are online."""
    chosen = clause("renders", where)
    found = {int(wire["id"]): wire for wire in _nodes("renders", {})}
    if resources:
        for wire in _nodes("renders", {"mode": "resources"}):
            if wire["id"] in found:
                found[wire["id"]]["host_resources"] = wire.get("host_resources") or {}
    nodes = [fields.render(wire) for wire in found.values()]
    return [node for node in nodes if chosen(node)]


def users(where: str = "") -> list[Node]:
    """Users, by priority, then age."""
    chosen = clause("users", where)
    nodes = [fields.user(wire) for wire in _nodes("users", {})]
    return [node for node in nodes if chosen(node)]


def pools(where: str = "") -> list[Node]:
    """Pools, by path: each before those below it."""
    return _tree("pools", fields.pool, where)


def branches(where: str = "") -> list[Node]:
    """Branches, by path: each before those below it."""
    return _tree("branches", fields.branch, where)


def _tree(kind: str, make: Callable[[dict[str, Any]], Node], where: str) -> list[Node]:
    chosen = clause(kind, where)
    nodes = [make(wire) for wire in _nodes(kind, {})]
    return sorted(filter(chosen, nodes), key=lambda node: str(node["name"]))


# ------------------------------------------------------------------------------------ requests


def _nodes(kind: str, members: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        answer = _ask(kind, **members)
    except _NotFound:
        return []
    return cast("list[dict[str, Any]]", answer.get(kind) or [])


class _NotFound(ServerError):
    """The node that was asked for is not there."""


def _ask(kind: str, **members: Any) -> dict[str, Any]:
    who = {"user_name": config.user_name(), "host_name": config.host_name()}
    answer = request({"get": dict(who, type=kind, **members)})
    if not isinstance(answer, dict):
        raise ServerError("garbage", "the server's answer is no object")
    refused = refusal(answer)
    if refused is not None:
        error = _NotFound if refused.code == "not_found" else ServerError
        raise error("refused", refused.sentence())
    return cast("dict[str, Any]", answer)
