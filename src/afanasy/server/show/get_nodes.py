"""``get`` of renders, users, monitors, branches, pools and files (PROTOCOL 2.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from afanasy.core.host.masks import find_match
from afanasy.core.host.pools import Pool
from afanasy.core.job.branches import Branch
from afanasy.core.node_log import LogLine
from afanasy.core.state import Farm, Render, User
from afanasy.model.clock import Now
from afanasy.server.change.limits import tickets_view
from afanasy.server.show.get_explain import render_explain_answer
from afanasy.server.show.get_request import GetRequest, check_found, check_mode, invalid_id
from afanasy.server.show.get_story import clock_text
from afanasy.server.show.view_branch import branch_view
from afanasy.server.show.view_job import in_order
from afanasy.server.show.view_pool import pool_view
from afanasy.server.show.view_render import render_object, render_resources_view, render_view
from afanasy.server.show.view_user import user_view
from afanasy.server.show.views import View, message

N = TypeVar("N", Render, User, Pool, Branch)

_RENDER_MODES: Final = ("full", "resources", "log", "tasks_log", "explain")
_USER_MODES: Final = ("jobs_order", "log")
_MONITOR_MODES: Final = ("events", "log")
_TREE_MODES: Final = ("log",)


def choose(kind: str, nodes: Iterable[N], request: GetRequest) -> list[N]:
    """The nodes that the request names by ids or mask, or all by priority, then age."""
    if request.ids:
        by_id = {node.id: node for node in nodes}
        check_found(kind, request.ids, set(by_id), request)
        return [by_id[n] for n in request.ids if n in by_id]
    found = [node for node in nodes if find_match(request.mask, node.name)]
    found.sort(key=lambda node: (-node.spec.priority, node.id))
    return found


def _one(kind: str, nodes: list[N], request: GetRequest) -> N | None:
    """The node that a mode speaks of. Raises UserError "Invalid ID"; None: several were named."""
    if len(request.ids) == 1 and not nodes:
        raise invalid_id(kind, request)
    chosen = len(request.ids) == 1 or (request.mask and len(nodes) == 1)
    return nodes[0] if chosen else None


def get_renders(farm: Farm, request: GetRequest, now: Now) -> View:
    """Renders."""
    check_mode(request, _RENDER_MODES)
    renders = choose("render", farm.renders.values(), request)
    mode = request.mode
    if mode == "resources":
        return {"renders": [render_resources_view(r) for r in renders if r.link]}
    if mode in _RENDER_MODES:
        render = _one("render", renders, request)
        if render is not None:
            if mode == "explain":
                return render_explain_answer(farm, render, now)
            if mode == "full":
                return {"object": render_object(render, now)}
            lines = _render_log(render) if mode == "log" else _tasks_log(render, now)
            return message(render.name, mode, lines)
    return {
        "renders": [
            render_view(r, now) | tickets_view(farm, r.spec, r.spec.pool or "/", r.name)
            for r in renders
        ]
    }


def _render_log(render: Render) -> list[str]:
    lines = [LogLine(render.time_register, f"{render.name}: Registered.")]
    if render.time_launch:
        lines.append(LogLine(render.time_launch, f"agent {render.engine} was launched"))
    lines += render.log
    if render.time_update and not render.link:
        lines.append(LogLine(render.time_update, "last heard of, now offline"))
    lines.sort(key=lambda line: line.wall)
    return _told(lines)


def _told(lines: list[LogLine]) -> list[str]:
    return [f"{clock_text(line.wall)}: {line.text}" for line in lines]


def _tasks_log(render: Render, now: Now) -> list[str]:
    runs = list(render.runs.values())
    if not runs:
        return ["No tasks execution."]
    return [
        f"{clock_text(run.started_wall)}: {run.block.job.spec.name}[{run.block.spec.name}]"
        f"[{run.block.task_name(run.task)}]: {round(run.elapsed_at(now.mono))} s"
        + (f", stopping: {run.stop_cause}" if run.stop_cause else "")
        + ("" if run.current else ", lost the right to count")
        for run in runs
    ]


def get_users(farm: Farm, request: GetRequest) -> View:
    """Users."""
    check_mode(request, _USER_MODES)
    users = choose("user", farm.users.values(), request)
    if request.mode in _USER_MODES:
        user = _one("user", users, request)
        if user is not None:
            if request.mode == "jobs_order":
                order = [job.id for job in in_order(user)]
                return {"events": {"jobs_order": {"uids": [user.id], "jids": [order]}}}
            line = LogLine(user.time_register, f"{user.name}: Registered.")
            return message(user.name, "log", _told([line, *user.log]))
    return {"users": [user_view(user) for user in users]}


def get_monitors(request: GetRequest) -> View:
    """Monitors: nobody can register one, so every id is unknown."""
    check_mode(request, _MONITOR_MODES)
    if request.mode in _MONITOR_MODES and len(request.ids) == 1:
        if request.strict:
            raise invalid_id("monitor", request)
        return {"monitor": {"id": 0}}  # the client must register again
    return {"monitors": []}


def get_pools(farm: Farm, request: GetRequest, now: Now) -> View:
    """Pools."""
    check_mode(request, _TREE_MODES)
    pools = choose("pool", farm.pools.values(), request)
    if request.mode == "log" and len(pools) == 1:
        line = LogLine(pools[0].time_creation, f"{pools[0].path}: Created.")
        return message(pools[0].path, "log", _told([line, *pools[0].log]))
    return {"pools": [pool_view(p, now) | tickets_view(farm, p.spec, p.path) for p in pools]}


def get_branches(farm: Farm, request: GetRequest) -> View:
    """Branches."""
    check_mode(request, _TREE_MODES)
    branches = choose("branch", farm.branches.values(), request)
    if request.mode == "log" and len(branches) == 1:
        line = LogLine(branches[0].time_creation, f"{branches[0].path}: Created.")
        return message(branches[0].path, "log", _told([line, *branches[0].log]))
    return {"branches": [branch_view(branch) for branch in branches]}


def get_files(request: GetRequest) -> View:
    """Files below the served folder: no folder is served."""
    return {"path": request.path, "files": []}
