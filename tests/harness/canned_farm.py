"""A farm of canned answers, with the shapes of PROTOCOL, for tests of commands.

It holds a few jobs, renders and users and answers ``get`` from them; every ``action`` is
"processed" and touches 3 tasks. ``farm.next(…)`` puts answers in front for the requests that come.
"""

from __future__ import annotations

from typing import Any

from harness.text_server import TextServer

Json = dict[str, Any]

NOT_FOUND = {
    "info": {"kind": "error", "text": "Invalid ID"},
    "error": {"code": "not_found", "message": "Invalid ID", "hint": "", "field": "get.ids"},
}
DONE = {"info": {"kind": "log", "text": "Action processed."}, "count": 3}


def block(num: int, name: str, job: int, **members: Any) -> Json:
    """A block as lists show it."""
    return {
        "name": name, "service": "generic", "capacity": 1000, "flags": 0, "tasks_num": 1,
        "frame_first": 0, "frame_last": 0, "frames_per_task": 1, "frames_inc": 1,
        "block_num": num, "st": 1, "state": " RDY", "job_id": job, "p_progressbar": "r" * 128,
        **members,
    }  # fmt: skip


def job(number: int, name: str, *blocks: Json, **members: Any) -> Json:
    """A job as lists show it."""
    return {
        "name": name, "id": number, "serial": number + 100, "priority": 99,
        "solve_method": "solve_order", "solve_need": "solve_tasksnum", "hosts_mask_type": "find",
        "user_name": "jimmy", "host_name": "desk", "st": 1, "state": " RDY", "branch": "/",
        "user_list_order": 0, "time_creation": 1795000000, "blocks": list(blocks), **members,
    }  # fmt: skip


def some_jobs() -> list[Json]:
    """A system job, a numeric and list block, names with dots and blanks, one that failed."""
    tasks = [{"name": name, "command": f"echo {name}"} for name in ("left", "right", "a,b", "left")]
    frames = {
        "flags": 1, "tasks_num": 10, "frame_first": 1, "frame_last": 100, "frames_per_task": 5,
        "frames_inc": 2, "tasks_name": "", "command": "echo @#@", "st": 2, "state": " RDY RUN",
        "p_percentage": 45, "p_tasks_done": 4, "running_tasks_counter": 1, "p_tasks_ready": 5,
        "p_tasks_run_time_sum": 480,
    }  # fmt: skip
    return [
        job(1, "afanasy", block(0, "events", 1), user_name="afadmin", st=0, state=""),
        job(
            5, "shot.v1", block(0, "beauty", 5, **frames),
            block(1, "comp", 5, tasks_num=4, tasks_name="comp @#@", tasks=tasks, st=4,
                  state=" WDP"),
            st=3, state=" RDY RUN", priority=120,
        ),
        job(6, "broken job", block(0, "run", 6, st=32, state=" ERR", p_tasks_error=1,
            tasks=[{"name": "only", "command": "false"}]), st=32, state=" ERR", user_name="kim"),
        job(7, "secret", block(0, "run", 7), hidden=True),
    ]  # fmt: skip


def some_renders() -> list[Json]:
    """One that works and one that is off."""
    render = {
        "priority": 99, "user_name": "jimmy", "time_register": 1795000000, "os": "linux",
        "address": {"family": 4, "ip": "127.0.0.1", "port": 0}, "pool": "/",
        "capacity_total": 2000, "max_tasks": 4, "idle_time": 1795000000, "busy_time": 1795000000,
    }  # fmt: skip
    task = {
        "name": "frame 1-9 / 2", "service": "generic", "capacity": 1000, "capacity_coeff": 2,
        "time_start": 1795000000, "user_name": "jimmy", "block_name": "beauty",
        "job_name": "shot.v1", "job_id": 5, "block_num": 0, "task_num": 0,
    }  # fmt: skip
    return [
        {**render, "name": "r1", "id": 1, "st": 9, "state": " ONL RUN", "capacity_used": 2000,
         "tasks": [task], "tasks_percents": [45]},
        {**render, "name": "r10.x", "id": 2, "st": 2, "state": " OFF NbY", "capacity_used": 0},
    ]  # fmt: skip


def some_trees() -> tuple[list[Json], list[Json]]:
    """A root pool and one below it that is paused; a root branch and one with jobs."""
    counts = {"renders_total": 2, "renders_online": 1, "renders_busy": 1, "st": 1, "state": " RUN"}
    pools: list[Json] = [
        {"name": "/", "id": 1, "priority": 99, "parent": "", "capacity_host": 1100, **counts,
         "run_tasks": 1, "run_capacity": 2000, "pools_total": 1, "time_creation": 1795000000},
        {"name": "/film.x", "id": 2, "priority": 50, "parent": "/", "pattern": "f.*",
         "zombie_time": 120, "st": 2, "state": " PAU", "renders_total": 0},
    ]  # fmt: skip
    branches: list[Json] = [
        {"name": "/", "id": 1, "priority": 99, "parent": "", "create_childs": True,
         "jobs_total": 4, "jobs_running": 1, "running_tasks_num": 1, "branches_total": 1,
         "active_jobs": [{"id": 5, "name": "shot.v1", "user_name": "jimmy", "state": " RDY RUN",
                          "running_tasks_num": 1}], "active_users": []},
        {"name": "/film", "id": 2, "priority": 99, "parent": "/", "paused": True,
         "max_running_tasks": 5, "jobs_total": 1, "jobs_error": 1},
    ]  # fmt: skip
    return pools, branches


RESOURCES = {
    "cpu_num": 4, "cpu_user": 30, "cpu_nice": 5, "cpu_system": 10, "mem_total_mb": 65536,
    "mem_free_mb": 1536, "swap_used_mb": 0, "hdd_total_gb": 2048, "hdd_free_gb": 100,
    "net_recv_kbsec": 2048, "net_send_kbsec": 10,
}  # fmt: skip


SETTINGS = {"af_priority": 99, "annotations": ["APPROVED"], "af_db_conninfo": ""}


class CannedFarm:
    """Serves until the ``with`` ends."""

    def __init__(self) -> None:
        self.jobs = some_jobs()
        self.renders = some_renders()
        self.users: list[Json] = [
            {"name": "jimmy", "id": 2, "priority": 99, "jobs_num": 2, "max_running_tasks": 8,
             "running_tasks_num": 3, "running_jobs_num": 1, "time_register": 1795000000,
             "errors_forgive_time": 18000, "running_services": {"generic": 3}},
            {"name": "kim", "id": 3, "priority": 50, "paused": True},
        ]  # fmt: skip
        self.pools, self.branches = some_trees()
        self.task_log: list[str] = ["Started.", "pause: by jimmy@desk\bx"]
        self._next: list[Any] = []
        self._server = TextServer(self._answer)
        self.address = self._server.text
        self.requests = self._server.requests

    def __enter__(self) -> CannedFarm:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def next(self, *answers: Any) -> None:
        """Answer the next requests with these, before everything else; None = as usual."""
        self._next += answers

    def last(self, root: str) -> Json:
        """The newest request of this root member."""
        return [request[root] for request in self.requests if root in request][-1]

    # -- answers

    def _answer(self, request: Json) -> Any:
        assert request.pop("strict") is True
        if self._next:
            answer = self._next.pop(0)
            if answer is not None:
                return answer
        if "get" in request:
            return self._get(request["get"])
        if "job" in request:
            return {"id": 9, "serial": 109}
        if "user" in request:
            return {"user": {"id": 4, **request["user"]}}
        return self._action(request["action"])

    def _action(self, action: Json) -> Any:
        known = {job["id"] for job in self.jobs}
        for number in action.get("ids", ()):
            if number not in known:
                text = f"Action node ID not found: {number}."
                told = {"code": "not_found", "message": text, "hint": "", "field": "action.ids"}
                return {"info": {"kind": "error", "text": text}, "count": 0, "error": told}
        return DONE

    def _get(self, get: Json) -> Any:
        kind, mode = get["type"], get.get("mode", "")
        if kind == "renders" and mode == "resources":
            return {"renders": [{"id": 1, "host_name": "r1", "host_resources": RESOURCES}]}
        if kind == "config":
            return {"cgru_config": [SETTINGS, {"cgru_environment": {"version": "0.0"}}]}
        if kind != "jobs" and mode in ("log", "tasks_log"):
            return {"message": {"name": "x", "type": mode, "list": [f"line of {kind} {mode}"]}}
        if kind != "jobs":
            return {kind: self._chosen(getattr(self, kind), get)}
        jobs = self._chosen(self.jobs, get)
        if get.get("ids") and not jobs:
            return NOT_FOUND
        if mode in ("", "full"):
            return {"jobs": [job if mode else without_tasks(job) for job in jobs]}
        if mode == "log":
            return {"message": {"name": jobs[0]["name"], "type": "log", "list": self.task_log}}
        assert mode == "progress"
        num, first, count = get["block_ids"][0], get["first"], get["count"]
        total = jobs[0]["blocks"][num]["tasks_num"]
        tasks = [progress(n) for n in range(total)][first : first + count]
        return {"job_progress": {"id": 5, "block_num": num, "first": first, "progress": tasks}}

    def _chosen(self, nodes: list[Json], get: Json) -> list[Json]:
        if "ids" in get:
            return [node for number in get["ids"] for node in nodes if node["id"] == number]
        if "uids" in get:
            names = [user["name"] for user in self.users if user["id"] in get["uids"]]
            return [node for node in nodes if node["user_name"] in names]
        if "serials" in get:
            return [node for node in nodes if node["serial"] in get["serials"]]
        if "users" in get:
            return [node for node in nodes if node["user_name"] in get["users"]]
        if "mask" in get:  # words at the beginning of a name
            words = get["mask"].replace(",", " ").split()
            return [node for node in nodes if any(node["name"].startswith(w) for w in words)]
        return list(nodes)


def without_tasks(job: Json) -> Json:
    """The job as lists show it: without the tasks of its list blocks."""
    blocks = [{k: v for k, v in one.items() if k != "tasks"} for one in job["blocks"]]
    return {**job, "blocks": blocks}


def progress(number: int) -> Json:
    """Done, running, failed, then ready tasks."""
    known: list[Json] = [
        {"state": " DON", "st": 16, "str": 1, "tst": 1795000000, "tdn": 1795000075, "hst": "r1",
         "per": 100},
        {"state": " RUN", "st": 2, "str": 1, "tst": 1795000000, "tdn": 1795000003, "hst": "r1",
         "per": 45, "act": "tile 3"},
        {"state": " ERR", "st": 32, "str": 4, "err": 4, "tst": 1795000000, "tdn": 1795000001,
         "hst": "r10.x"},
    ]  # fmt: skip
    return known[number] if number < len(known) else {"state": " RDY", "st": 1}
