"""Plain rows for the store, made of a batch's marks; and the tables they belong to.

Rows are tuples in the column order of :data:`COLUMNS`; the first column (or the first two) is the
key, and a row replaces the one with its key. The store adds nothing of its own, so a restored state
can be checked against the live one without any database (R35).

A task is written as a row of ``tasks`` when it changes alone, and as part of a *page* when a bulk
operation changed many. Both carry ``seq``, which only rises: a page outdates the older rows of its
tasks without deleting them. That is what makes skipping a million tasks a few hundred small rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from afanasy.core.changes import PAGE_TASKS, ClosedRun
from afanasy.core.host import farm_file
from afanasy.core.host.pools import Pool
from afanasy.core.job.branches import Branch
from afanasy.core.state import Block, Farm, Job, Render, Run, TaskExtra, User
from afanasy.model.attributes import FLAG_DEPEND_SUB_TASK
from afanasy.model.ids import task_key

Row = tuple[Any, ...]

#: Table → columns. Types and indexes are the store's.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "meta": ("name", "value"),
    "users": ("name", "id", "doc"),
    "renders": ("name", "id", "doc"),
    "pools": ("path", "id", "doc"),
    "branches": ("path", "id", "doc"),
    "jobs": (
        "serial", "id", "name", "user_name", "st", "priority", "project", "department", "branch",
        "time_creation", "time_started", "time_done", "deleted", "doc",
    ),
    "submissions": ("serial", "part", "text"),
    "blocks": ("key", "serial", "num", "name", "service", "tasks_num", "doc"),
    "block_states": ("key", "doc"),
    "records": ("key", "first", "doc"),
    "tasks": (
        "key", "seq", "state", "flags", "starts", "errors", "host", "time_start", "time_done",
        "extra",
    ),
    "pages": ("key", "seq", "count", "data"),
    "open_runs": (
        "run", "task", "render", "number", "capacity", "coeff", "started", "waited_s", "current",
        "stop_cause", "stop_target", "stop_counts", "held",
    ),
    "runs": (
        "run", "task", "render_id", "facet", "number", "started", "elapsed_ms", "waited_ms",
        "cpu_ms", "memory_peak_mb", "capacity", "status", "exit_status", "error_class",
        "output_size", "log",
    ),
    "facets": (
        "id", "user_name", "project", "department", "branch", "pool", "pattern", "service",
    ),
}  # fmt: skip


#: Records of tasks in one row: a row of a million could not be deleted in slices.
RECORDS_PER_ROW: Final = 4096


@dataclass(slots=True)
class Rows:
    """Everything one batch has for the store."""

    upserts: dict[str, list[Row]] = field(default_factory=dict)
    #: Table → keys of rows that go.
    deletes: dict[str, list[Any]] = field(default_factory=dict)
    #: (serial, wall time, block keys) of deleted jobs; their tasks go in slices.
    jobs_deleted: list[tuple[int, float, tuple[int, ...]]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.upserts or self.deletes or self.jobs_deleted)

    def count(self) -> int:
        """How many rows."""
        return sum(map(len, self.upserts.values())) + sum(map(len, self.deletes.values()))


_encode = msgspec.json.Encoder().encode


def _doc(value: object) -> str:
    return _encode(value).decode()


def take_rows(farm: Farm) -> Rows:
    """The rows of everything marked since the last call; the marks are gone afterwards."""
    changes = farm.changes
    rows = Rows()
    put = rows.upserts
    farm.batch += 1
    seq = farm.epoch << 32 | farm.batch
    named = changes.users or changes.renders or changes.jobs or changes.pools or changes.branches
    if named or changes.users_deleted or changes.renders_deleted or changes.jobs_deleted:
        put["meta"] = [("counters", _doc(counters(farm)))]
    if changes.users:
        put["users"] = [user_row(user) for user in changes.users.values()]
        changes.users.clear()
    if changes.renders:
        put["renders"] = [render_row(render) for render in changes.renders.values()]
        changes.renders.clear()
    if changes.pools:
        put["pools"] = [pool_row(pool) for pool in changes.pools.values()]
        changes.pools.clear()
    if changes.branches:
        put["branches"] = [branch_row(branch) for branch in changes.branches.values()]
        changes.branches.clear()
    if changes.jobs:
        put["jobs"] = [job_row(job) for job in changes.jobs.values()]
        changes.jobs.clear()
    if changes.submissions:
        put["submissions"] = list(changes.submissions)
        changes.submissions.clear()
    if changes.blocks:
        put["blocks"] = [block_row(block) for block in changes.blocks.values()]
        changes.blocks.clear()
    if changes.services:
        put.setdefault("meta", []).append(("services", _doc(service_docs(farm))))
        changes.services = False
    if changes.settings:
        put.setdefault("meta", []).append(("settings", _doc(farm.settings.chosen)))
        changes.settings = False
    if changes.farm_setup:
        put.setdefault("meta", []).append(("farm_setup", _doc(farm_file.setup_doc(farm))))
        changes.farm_setup = False
    if changes.limits:
        put.setdefault("meta", []).append(("limits", _doc(farm.limits_chosen)))
        changes.limits = False
    if changes.block_states:
        put["block_states"] = [
            (block.key, _doc(block_state(block))) for block in changes.block_states.values()
        ]
        changes.block_states.clear()
    if changes.records:
        # From the first new record on, however often tasks were appended in this batch.
        firsts: dict[Block, int] = {}
        for block, first in changes.records:
            firsts[block] = min(first, firsts.get(block, first))
        put["records"] = [
            (block.key, part, _doc((block.tasks or [])[part : part + RECORDS_PER_ROW]))
            for block, first in firsts.items()
            for part in range(first, block.tasks_num, RECORDS_PER_ROW)
        ]
        changes.records.clear()
    if changes.places:
        # One record a row: places are written again one by one.
        put.setdefault("records", []).extend(
            (block.key, task, _doc((block.tasks or [])[task : task + 1]))
            for block, task in changes.places
        )
        changes.places.clear()
    for name, kept in changes.kept.items():
        if kept is None:
            rows.deletes.setdefault("meta", []).append(name)
        else:
            put.setdefault("meta", []).append((name, _doc(kept)))
    changes.kept.clear()
    if changes.pages:
        put["pages"] = [
            page_row(block, page, seq) for block, pages in changes.pages.items() for page in pages
        ]
    if changes.tasks or changes.pages:
        tasks = _task_rows(farm, seq)
        if tasks:
            put["tasks"] = tasks
        changes.tasks.clear()
        changes.pages.clear()
    _run_rows(farm, rows)
    if changes.users_deleted:
        # A name that is there again in the same batch has its new row already.
        rows.deletes["users"] = [n for n in changes.users_deleted if n not in farm.users]
        changes.users_deleted.clear()
    if changes.pools_deleted:
        rows.deletes["pools"] = [path for path in changes.pools_deleted if path not in farm.pools]
        changes.pools_deleted.clear()
    if changes.branches_deleted:
        gone = [path for path in changes.branches_deleted if path not in farm.branches]
        rows.deletes["branches"] = gone
        changes.branches_deleted.clear()
    if changes.renders_deleted:
        rows.deletes["renders"] = [n for n in changes.renders_deleted if n not in farm.renders]
        changes.renders_deleted.clear()
    return rows


def _task_rows(farm: Farm, seq: int) -> list[Row]:
    changes = farm.changes
    found: list[Row] = []
    add = found.append
    for block, tasks in changes.tasks.items():
        columns = block.columns
        if columns is None or block.key not in farm.blocks:
            continue
        base = task_key(block.key, 0)
        extras = block.extras
        state, flags, starts, errors = columns.state, columns.flags, columns.starts, columns.errors
        host, begun, ended = columns.host, columns.time_start, columns.time_done
        for task in tasks:
            extra = extras.get(task) if extras else None
            add(
                (
                    base + task, seq, state[task], flags[task], starts[task], errors[task],
                    host[task], begun[task], ended[task],
                    _doc(extra_doc(extra)) if extra is not None and not extra.empty() else None,
                )
            )  # fmt: skip
    # A page holds columns only: tasks of it that have extras need rows too.
    for block, pages in changes.pages.items():
        for task, extra in block.extras.items():
            done = task in changes.tasks.get(block, ())
            if task // PAGE_TASKS in pages and not done and not extra.empty():
                add(task_row(block, task, seq))
    return found


def task_row(block: Block, task: int, seq: int) -> Row:
    """The row of one task."""
    c = block.touch()
    extra = block.extras.get(task)
    return (
        task_key(block.key, task), seq, c.state[task], c.flags[task], c.starts[task],
        c.errors[task], c.host[task], c.time_start[task], c.time_done[task],
        _doc(extra_doc(extra)) if extra is not None and not extra.empty() else None,
    )  # fmt: skip


def page_row(block: Block, page: int, seq: int) -> Row:
    """The row of one page of tasks: packed columns."""
    first = page * PAGE_TASKS
    last = min(first + PAGE_TASKS, block.tasks_num)
    return (task_key(block.key, first), seq, last - first, block.touch().pack(first, last))


def _run_rows(farm: Farm, rows: Rows) -> None:
    changes, put = farm.changes, rows.upserts
    gone: list[int] = list(changes.forgotten)
    closed: list[Row] = []
    for record in changes.closed:
        run = record.run
        closed.append(closed_row(farm, record, rows))
        if run.id not in farm.runs and run.id not in changes.opened:
            gone.append(run.id)
    opened = [open_row(run) for run in changes.opened.values() if run.id in farm.runs]
    opened += [
        open_row(run)
        for run in changes.reopened.values()
        if run.id in farm.runs and run.id not in changes.opened
    ]
    if closed:
        put["runs"] = closed
    if opened:
        put["open_runs"] = opened
    if gone:
        rows.deletes["open_runs"] = list(dict.fromkeys(gone))
    for serial, wall, keys in changes.jobs_deleted:
        rows.jobs_deleted.append((serial, wall, keys))
    for part in (
        changes.closed, changes.opened, changes.reopened, changes.forgotten, changes.jobs_deleted
    ):  # fmt: skip
        part.clear()


def open_row(run: Run) -> Row:
    """The row of an open run."""
    return (
        run.id, task_key(run.block.key, run.task), run.render.name, run.number, run.capacity,
        run.coeff, run.started_wall, run.waited_s, int(run.current), run.stop_cause,
        int(run.stop_target), int(run.stop_counts), _doc(held_doc(run)) if held_doc(run) else None,
    )  # fmt: skip


def held_doc(run: Run) -> dict[str, object]:
    """What the run holds of its host besides capacity (R26)."""
    parts: dict[str, object] = {
        "memory_mb": run.memory_need_mb,
        "hdd_gb": run.hdd_need_gb,
        "gpu_mb": run.gpu_need_mb,
        "gpus": list(run.gpus),
    }
    # Edited since its start: it holds what it took (:mod:`afanasy.core.limit.limits`).
    if run.current and run.service != run.block.spec.service:
        parts["service"] = run.service
    if run.current and run.tickets != run.block.spec.tickets:
        parts["tickets"] = run.tickets
    return {name: value for name, value in parts.items() if value or name == "tickets"}


def closed_row(farm: Farm, record: ClosedRun, rows: Rows) -> Row:
    """The row of the history for a run that ended."""
    run = record.run
    return (
        run.id, task_key(run.block.key, run.task), run.render.id, _facet(farm, run, rows),
        run.number, run.started_wall, round(record.elapsed_s * 1000), round(run.waited_s * 1000),
        round(record.cpu_s * 1000), record.memory_peak_mb, run.capacity, record.status,
        record.exit_status, record.error_class or None, record.output_size, record.log or None,
    )  # fmt: skip


def _facet(farm: Farm, run: Run, rows: Rows) -> int:
    """Number of the statistics dimensions of a run; a new combination gets a row (R38).

    They are those of the moment when the run ended. Of the patterns of the farm file that match the
    host the last one counts, the most exact.
    """
    block, render = run.block, run.render
    spec = block.job.spec
    patterns = render.setup.patterns if render.setup is not None else ()
    key = (
        block.job.user.name, spec.project, spec.department, spec.branch,
        render.spec.pool or "/", patterns[-1] if patterns else "", block.spec.service,
    )  # fmt: skip
    number = farm.facets.get(key)
    if number is None:
        number = farm.facets[key] = len(farm.facets) + 1
        rows.upserts.setdefault("facets", []).append((number, *key))
    return number


# ----------------------------------------------------------------------------------- documents


def counters(farm: Farm) -> dict[str, int]:
    """Numbers that must never be given out again."""
    return {
        "serial": farm.serial_last,
        "job_id": farm.job_id_last,
        "user_id": farm.user_id_last,
        "render_id": farm.render_id_last,
        "block_key": farm.block_key_last,
        "pool_id": farm.pool_id_last,
        "branch_id": farm.branch_id_last,
    }


def service_docs(farm: Farm) -> list[tuple[object, ...]]:
    """The holds of services."""
    return [
        (hold.service, hold.level, hold.wait_s, hold.until_wall, hold.held, hold.probe)
        for hold in farm.service_holds.values()
    ]


def user_row(user: User) -> Row:
    """The row of a user."""
    doc = {
        "spec": user.spec,
        "host_name": user.host_name,
        "time_register": user.time_register,
        "time_activity": user.time_activity,
    }
    return (user.name, user.id, _doc(doc))


def render_row(render: Render) -> Row:
    """The row of a render."""
    doc = {
        "spec": render.spec,
        "instance": render.instance,
        "boot_id": render.boot_id,
        "address": render.address,
        "os": render.os,
        "engine": render.engine,
        "user_name": render.user_name,
        "capacity_flag": render.capacity_flag,
        "max_tasks_flag": render.max_tasks_flag,
        "time_register": render.time_register,
        "time_launch": render.time_launch,
        "errors_row": render.errors_row,
        "errors_jobs": sorted(render.errors_jobs),
        "sick": render.sick,
        "sick_users": list(render.sick_users),
        "cool_level": render.cool_level,
        "cool_wall": render.cool_wall,
        "probing": render.probing,
        "falling": render.falling,
        "sleeping": render.sleeping,
        "waking": render.waking,
        "told_away": render.told_away,
        "macs": render.macs,
        "scheduled": [render.scheduled, render.scheduled_until],
        "equipment": render.equipment(),
    }
    return (render.name, render.id, _doc(doc))


def pool_row(pool: Pool) -> Row:
    """The row of a pool."""
    return (pool.path, pool.id, _doc({"spec": pool.spec, "time_creation": pool.time_creation}))


def branch_row(branch: Branch) -> Row:
    """The row of a branch."""
    doc = {
        "spec": branch.spec,
        "time_creation": branch.time_creation,
        "time_empty": branch.time_empty,
    }
    return (branch.path, branch.id, _doc(doc))


def job_row(job: Job) -> Row:
    """The row of a job."""
    spec = job.spec
    doc = {
        "spec": spec,
        "off": job.off,
        "deleting": job.deleting,
        "system": job.system,
        "order": job.order,
        "pre": job.pre,
        "try_next": list(job.try_next),
        "log": job.log,
    }
    return (
        job.serial, job.id, spec.name, job.user.name, job.st(), spec.priority, spec.project,
        spec.department, spec.branch, spec.time_creation, job.time_started, job.time_done, 0,
        _doc(doc),
    )  # fmt: skip


def block_row(block: Block) -> Row:
    """The row of a block's attributes."""
    return (
        block.key, block.job.serial, block.num, block.spec.name, block.spec.service,
        block.tasks_num, _doc(block.spec),
    )  # fmt: skip


def block_state(block: Block) -> dict[str, object]:
    """What changes of a block while it runs."""
    doc: dict[str, object] = {
        "error_hosts": {h: (e.count, e.last_wall) for h, e in block.error_hosts.items()},
        "times": (
            block.time_started, block.time_done, block.run_time_min, block.run_time_max,
            block.run_time_sum, block.runs_timed,
        ),
        "stuck": block.stuck,
        "version": block.version,
    }  # fmt: skip
    if block.pre is not None:
        doc["pre"] = (block.pre.request, block.pre.task, block.pre.failed)
    if block.spec.flags & FLAG_DEPEND_SUB_TASK and block.open:
        # Others wait for these frames; of a run that has ended they say nothing.
        doc["frames"] = [(run.id, run.frame) for run in block.open.values() if run.frame > 0]
    return doc


def extra_doc(extra: TaskExtra) -> dict[str, object]:
    """What troubles a task."""
    doc: dict[str, object] = {}
    if extra.error_hosts:
        doc["error_hosts"] = {h: (e.count, e.last_wall) for h, e in extra.error_hosts.items()}
    if extra.retry_wall:
        doc["retry_wall"] = extra.retry_wall
    if extra.ejected:
        doc["ejected"] = extra.ejected
    if extra.deaths:
        doc["deaths"] = sorted(extra.deaths)
    if extra.reason:
        doc["reason"] = extra.reason
    if extra.need_memory_mb:
        doc["need_memory_mb"] = extra.need_memory_mb
    return doc
