"""The fields of jobs, blocks, tasks, renders, users, pools, branches of ``af.query`` (PROTOCOL 3).

Answers of the server leave out what is zero or empty, and count tasks for each block only.
:func:`job`, :func:`block`, :func:`task`, :func:`render`, :func:`user`, :func:`pool` and
:func:`branch` make plain objects of them: every field of these tables is there, and besides
whatever else the server said.
"""

from __future__ import annotations

from typing import Any, Dict, cast


class Node(Dict[str, Any]):  # the name of typing: dict[…] is no class under Python 3.7
    """A dictionary whose members are attributes too: ``job["name"]`` is ``job.name``."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError("there is no field %r here" % name) from None


#: Field → (its value when the server says none, meaning). Times are unix seconds, 0 = never.
JOB: dict[str, tuple[Any, str]] = {
    "id": (0, "small number; used again some day"),
    "serial": (0, "number that is never used again"),
    "name": ("", "name, unique among jobs"),
    "user_name": ("", "owner; short name user"),
    "host_name": ("", "computer that submitted it; short name host"),
    "state": ("", "words, as RDY RUN"),
    "priority": (0, "0 to 255"),
    "percent": (0, "mean of its tasks' percents"),
    "tasks_num": (0, "all tasks"),
    "tasks_done": (0, "done and skipped tasks"),
    "tasks_ready": (0, "tasks that can start"),
    "tasks_error": (0, "failed tasks"),
    "running_tasks_num": (0, "running tasks"),
    "running_capacity_total": (0, "capacity that they take"),
    "time_creation": (0, "when it was submitted"),
    "time_started": (0, "when its first task started"),
    "time_done": (0, "when it was done"),
    "time_wait": (0, "it does not start before"),
    "time_life": (-1, "seconds after which it is deleted; -1 = the user's value"),
    "annotation": ("", "short remark"),
    "description": ("", "longer remark"),
    "project": ("", "project"),
    "department": ("", "department"),
    "branch": ("", "branch"),
    "folders": ({}, "name → path"),
    "hosts_mask": ("", "only renders of these names"),
    "hosts_mask_exclude": ("", "no renders of these names"),
    "depend_mask": ("", "jobs of the same user that must be done first"),
    "depend_mask_global": ("", "jobs of any user that must be done first"),
    "need_os": ("", "system that a render must have"),
    "need_properties": ("", "properties that a render must have"),
    "max_running_tasks": (-1, "most running tasks; -1 = any"),
    "max_running_tasks_per_host": (-1, "most running tasks on one render; -1 = any"),
    "custom_data": ("", "text of a studio's own"),
    "hidden": (False, "not in plain lists"),
    "services": ([], "services of its blocks"),
    "blocks": ([], "its blocks"),
}
BLOCK: dict[str, tuple[Any, str]] = {
    "job_id": (0, "id of its job"),
    "block_num": (0, "its place, from 0"),
    "name": ("", "name"),
    "service": ("", "service"),
    "state": ("", "words, as RDY RUN"),
    "numeric": (False, "its tasks are derived from frames"),
    "frame_first": (0, "first frame"),
    "frame_last": (0, "last frame"),
    "frames_per_task": (1, "frames of one task"),
    "frames_inc": (1, "step between frames"),
    "capacity": (0, "what a task takes of its render"),
    "percent": (0, "mean of its tasks' percents"),
    "tasks_num": (0, "all tasks"),
    "tasks_done": (0, "done and skipped tasks"),
    "tasks_skipped": (0, "skipped tasks"),
    "tasks_ready": (0, "tasks that can start"),
    "tasks_error": (0, "failed tasks"),
    "tasks_suspended": (0, "suspended tasks"),
    "running_tasks_num": (0, "running tasks"),
    "time_started": (0, "when its first task started"),
    "time_done": (0, "when it was done"),
    "depend_mask": ("", "blocks that must be done first"),
    "tasks_depend_mask": ("", "blocks whose tasks must be done first"),
    "hosts_mask": ("", "only renders of these names"),
    "hosts_mask_exclude": ("", "no renders of these names"),
    "need_memory": (-1, "MB of free memory that a render must have"),
    "need_hdd": (-1, "GB of free disk that a render must have"),
    "max_running_tasks": (-1, "most running tasks; -1 = any"),
}
TASK: dict[str, tuple[Any, str]] = {
    "job_id": (0, "id of its job"),
    "block_num": (0, "number of its block"),
    "block_name": ("", "name of its block"),
    "task_num": (0, "its place in the block, from 0"),
    "name": ("", "name, as frame 1-5"),
    "state": ("", "words, as DON"),
    "percent": (0, "percent done"),
    "frame": (0, "frame that is worked on"),
    "starts": (0, "how often it was started"),
    "errors": (0, "how often it failed"),
    "time_started": (0, "when its last run started"),
    "time_done": (0, "when that run ended, or was last heard of"),
    "render": ("", "render of its last run; short name host"),
    "activity": ("", "what the program does"),
}
RENDER: dict[str, tuple[Any, str]] = {
    "id": (0, "number"),
    "name": ("", "name; short name host"),
    "user_name": ("", "owner; short name user"),
    "state": ("", "words, as ONL RUN"),
    "priority": (0, "0 to 255; higher ones are tried first"),
    "capacity_total": (0, "capacity in force"),
    "capacity_used": (0, "capacity that running tasks take"),
    "max_tasks": (0, "most tasks at once, in force"),
    "tasks_num": (0, "running tasks"),
    "tasks": ([], "its running tasks"),
    "services": ([], "services of its running tasks"),
    "pool": ("", "pool"),
    "os": ("", "system"),
    "ip": ("", "address"),
    "engine": ("", "version of its agent"),
    "time_register": (0, "when it was first seen"),
    "time_launch": (0, "when its agent was started"),
    "time_update": (0, "when it was last heard of"),
    "idle_time": (0, "since when it is idle"),
    "busy_time": (0, "since when it is busy"),
    "annotation": ("", "short remark"),
    "custom_data": ("", "text of a studio's own"),
    "host_resources": ({}, "load of the host, when asked for"),
}
USER: dict[str, tuple[Any, str]] = {
    "id": (0, "number"),
    "name": ("", "name; short name user"),
    "host_name": ("", "computer of his last job; short name host"),
    "priority": (0, "0 to 255"),
    "paused": (False, "none of his tasks start"),
    "jobs_num": (0, "jobs"),
    "running_jobs_num": (0, "jobs with running tasks"),
    "running_tasks_num": (0, "running tasks"),
    "running_capacity_total": (0, "capacity that they take"),
    "max_running_tasks": (-1, "most running tasks; -1 = any"),
    "hosts_mask": ("", "only renders of these names"),
    "hosts_mask_exclude": ("", "no renders of these names"),
    "errors_retries": (0, "how often a failed task is tried again"),
    "errors_avoid_host": (0, "errors after which a block avoids a render"),
    "errors_task_same_host": (0, "errors after which a task avoids a render"),
    "errors_forgive_time": (0, "seconds after which errors are forgotten"),
    "jobs_life_time": (0, "seconds after which jobs are deleted, whatever their state; 0 never"),
    "time_register": (0, "when he was first seen"),
    "time_activity": (0, "when he last did something"),
    "annotation": ("", "short remark"),
    "custom_data": ("", "text of a studio's own"),
}
POOL: dict[str, tuple[Any, str]] = {
    "id": (0, "number"),
    "name": ("", "path, as /film/gpu; short name pool"),
    "parent": ("", "path of the pool above"),
    "state": ("", "words, as RUN PAU"),
    "paused": (False, "its renders take no new tasks"),
    "priority": (0, "0 to 255; renders of higher ones are tried first"),
    "pattern": ("", "expression: new renders that it names come into the pool"),
    "pools_total": (0, "pools below it"),
    "renders_total": (0, "renders in it and in the pools below, as all counts"),
    "renders_online": (0, "renders whose agent is connected"),
    "renders_offline": (0, "renders without an agent"),
    "renders_busy": (0, "renders that run tasks"),
    "renders_ready": (0, "renders that are online and idle"),
    "renders_nimby": (0, "renders that are nimby or NIMBY"),
    "renders_paused": (0, "renders that are paused"),
    "renders_sick": (0, "renders that are sick"),
    "run_tasks": (0, "running tasks"),
    "run_capacity": (0, "capacity that they take"),
    "capacity_host": (-1, "capacity of its renders; -1 = that of the pool above"),
    "max_tasks_host": (-1, "most tasks at once of its renders; -1 = that of the pool above"),
    "power_host": (-1, "power of its renders; -1 = that of the pool above"),
    "properties_host": ("", "properties of its renders; empty = those of the pool above"),
    "services": ([], "services of its renders; none = those of the pool above"),
    "services_disabled": ([], "services that its renders do not run"),
    "time_creation": (0, "when it was made"),
    "annotation": ("", "short remark"),
    "custom_data": ("", "text of a studio's own"),
}
BRANCH: dict[str, tuple[Any, str]] = {
    "id": (0, "number"),
    "name": ("", "path, as /film/shot1; short name branch"),
    "parent": ("", "path of the branch above"),
    "priority": (0, "0 to 255; 0 starts nothing"),
    "paused": (False, "none of its jobs start tasks"),
    "create_childs": (False, "jobs make branches below it by naming them"),
    "solve_jobs": (False, "with af_solve_branches its jobs take turns, not its users"),
    "solve_method": ("", "who is first in it then: solve_priority or solve_order"),
    "solve_need": ("", "what its shares are counted in: solve_tasksnum or solve_capacity"),
    "branches_total": (0, "branches below it"),
    "jobs_total": (0, "jobs in it and in the branches below, as all counts"),
    "jobs_running": (0, "jobs with running tasks"),
    "jobs_ready": (0, "jobs with tasks that can start"),
    "jobs_done": (0, "jobs that are done"),
    "jobs_error": (0, "jobs with failed tasks"),
    "tasks_ready": (0, "tasks that can start"),
    "tasks_error": (0, "failed tasks"),
    "running_tasks_num": (0, "running tasks"),
    "running_capacity_total": (0, "capacity that they take"),
    "active_jobs": ([], "its jobs that are not done"),
    "active_users": ([], "users with running tasks in it"),
    "max_running_tasks": (-1, "most running tasks; -1 = any"),
    "max_running_tasks_per_host": (-1, "most running tasks on one render; -1 = any"),
    "hosts_mask": ("", "only renders of these names"),
    "hosts_mask_exclude": ("", "no renders of these names"),
    "need_os": ("", "system that a render must have"),
    "need_properties": ("", "properties that a render must have"),
    "time_creation": (0, "when it was made"),
    "time_empty": (0, "since when it has no jobs"),
    "annotation": ("", "short remark"),
    "custom_data": ("", "text of a studio's own"),
}
#: Noun → its table.
TABLES = {
    "jobs": JOB, "blocks": BLOCK, "tasks": TASK, "renders": RENDER, "users": USER, "pools": POOL,
    "branches": BRANCH,
}  # fmt: skip
#: Noun → short names in where-clauses, besides ``age`` (R58).
SHORT = {
    "jobs": {"user": "user_name", "host": "host_name"},
    "blocks": {},
    "tasks": {"host": "render"},
    "renders": {"user": "user_name", "host": "name"},
    "users": {"user": "name", "host": "host_name"},
    "pools": {"pool": "name"},
    "branches": {"branch": "name"},
}
#: Members that the wire has now and then, so that where-clauses may name them too.
_ALSO = {
    "jobs": frozenset(
        {"st", "locked", "ppa", "maintenance", "ignorenimby", "ignorepaused", "command_pre",
         "command_post", "user_list_order", "hosts_mask_type", "solve_method", "solve_need",
         "pools", "need_power", "need_memory", "need_hdd", "max_tasks_per_second",
         "running_services", "thumb_path", "report", "depend_jobs", "errors_job_max"}
    ),
    "blocks": frozenset(
        {"st", "flags", "sequential", "capacity_coeff_min", "capacity_coeff_max", "need_power",
         "need_cpu_freq_mgz", "need_cpu_cores", "need_cpu_freq_cores", "need_gpu_mem_mb",
         "need_gpus", "need_properties", "errors_retries", "errors_avoid_host",
         "errors_task_same_host", "errors_forgive_time", "task_max_run_time", "task_min_run_time",
         "task_progress_change_timeout", "max_running_tasks_per_host", "tickets", "srv_info",
         "p_percentage", "p_error_hosts", "p_avoid_hosts", "p_tasks_ready", "p_tasks_done",
         "p_tasks_error", "p_tasks_skipped", "p_tasks_warning", "p_tasks_waitrec",
         "p_tasks_waitdep", "p_tasks_suspended", "p_tasks_run_time_min", "p_tasks_run_time_max",
         "p_tasks_run_time_sum", "running_tasks_counter", "running_capacity_total",
         "file_size_min", "file_size_max", "depend_sub_task"}
    ),
    "tasks": frozenset({"st", "per", "frm", "pfr", "str", "err", "tst", "tdn", "hst", "act"}),
    "renders": frozenset(
        {"st", "address", "netifs", "capacity_host", "max_tasks_host", "power_host",
         "properties_host", "services_disabled", "task_start_finish_time", "draining",
         "nimby_schedule",
         "tasks_percents", "running_services", "hidden"}
    ),
    "users": frozenset(
        {"hidden", "max_running_tasks_per_host", "max_tasks_per_second", "hosts_mask_type",
         "need_os", "need_properties", "need_power", "need_memory", "need_hdd", "pools",
         "solve_method", "solve_need", "running_services", "errors_job_max", "email", "webhook",
         "notify"}
    ),
    "pools": frozenset(
        {"st", "hidden", "tickets_pool", "tickets_host", "new_nimby", "new_paused",
         "sick_errors_count", "zombie_time", "exit_no_task_time", "heartbeat_sec",
         "resources_update_period", "no_task_event_time", "overload_event_time", "nimby_schedule",
         "idle_wolsleep_time", "idle_free_time", "busy_nimby_time"}
    ),
    "branches": frozenset(
        {"hidden", "solve_jobs", "solve_method", "solve_need", "max_tasks_per_second",
         "hosts_mask_type", "need_power", "need_memory", "need_hdd", "pools"}
    ),
}  # fmt: skip
_FLAG_NUMERIC = 1
#: Bit of a pool's ``st``.
_POOL_PAUSED = 2


def known(kind: str) -> frozenset[str]:
    """Names that a where-clause about these nodes may use."""
    return frozenset(TABLES[kind]) | _ALSO[kind]


def _filled(table: dict[str, tuple[Any, str]], wire: dict[str, Any], **made: Any) -> Node:
    node = Node({name: default for name, (default, _) in table.items()})
    for name, value in node.items():
        if isinstance(value, (list, dict)):  # each node has its own
            node[name] = type(value)()  # pyright: ignore[reportUnknownArgumentType] - list or dict
    node.update(wire)
    node.update(made)
    if "state" in table:
        node["state"] = " ".join(str(node["state"]).split())
    return node


def block(wire: dict[str, Any]) -> Node:
    """A block."""
    return _filled(
        BLOCK,
        wire,
        numeric=bool(int(wire.get("flags", 0)) & _FLAG_NUMERIC),
        percent=int(wire.get("p_percentage", 0)),
        tasks_done=int(wire.get("p_tasks_done", 0)),
        tasks_skipped=int(wire.get("p_tasks_skipped", 0)),
        tasks_ready=int(wire.get("p_tasks_ready", 0)),
        tasks_error=int(wire.get("p_tasks_error", 0)),
        tasks_suspended=int(wire.get("p_tasks_suspended", 0)),
        running_tasks_num=int(wire.get("running_tasks_counter", 0)),
    )


def job(wire: dict[str, Any]) -> Node:
    """A job with its blocks."""
    blocks = [block(one) for one in cast("list[dict[str, Any]]", wire.get("blocks") or [])]
    tasks = sum(one["tasks_num"] for one in blocks)
    percents = sum(one["percent"] * one["tasks_num"] for one in blocks)
    return _filled(
        JOB,
        wire,
        blocks=blocks,
        services=sorted({str(one["service"]) for one in blocks}),
        tasks_num=tasks,
        percent=percents // tasks if tasks else 0,
        **{
            name: sum(one[name] for one in blocks)
            for name in ("tasks_done", "tasks_ready", "tasks_error", "running_tasks_num")
        },
    )


def task(wire: dict[str, Any], of: dict[str, Any], number: int, name: str, job_id: int = 0) -> Node:
    """A task of the block ``of``; ``wire`` is its progress (PROTOCOL 3.5)."""
    return _filled(
        TASK,
        wire,
        job_id=int(of.get("job_id", job_id)),
        block_num=int(of.get("block_num", 0)),
        block_name=str(of.get("name", "")),
        task_num=number,
        name=name,
        percent=max(0, int(wire.get("per", 0))),
        frame=int(wire.get("frm", 0)),
        starts=int(wire.get("str", 0)),
        errors=int(wire.get("err", 0)),
        time_started=int(wire.get("tst", 0)),
        time_done=int(wire.get("tdn", 0)),
        render=str(wire.get("hst", "")),
        activity=str(wire.get("act", "")),
    )


def render(wire: dict[str, Any]) -> Node:
    """A render; ``host_resources`` may be in it."""
    tasks = cast("list[dict[str, Any]]", wire.get("tasks") or [])
    address = cast("dict[str, Any]", wire.get("address") or {})
    services = {str(one.get("service", "")) for one in tasks}
    made: dict[str, Any] = {"tasks_num": len(tasks), "ip": str(address.get("ip", ""))}
    if not wire.get("services"):
        made["services"] = sorted(services)
    for name, classic in (("capacity_total", "capacity_host"), ("max_tasks", "max_tasks_host")):
        if name not in wire and classic in wire:
            made[name] = wire[classic]
    return _filled(RENDER, wire, **made)


def user(wire: dict[str, Any]) -> Node:
    """A user."""
    return _filled(USER, wire)


def pool(wire: dict[str, Any]) -> Node:
    """A pool."""
    return _filled(POOL, wire, paused=bool(int(wire.get("st", 0)) & _POOL_PAUSED))


def branch(wire: dict[str, Any]) -> Node:
    """A branch."""
    return _filled(BRANCH, wire)
