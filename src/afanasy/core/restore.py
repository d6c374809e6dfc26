"""Making the farm of its stored rows: the inverse of :mod:`afanasy.core.rows`.

All renders start offline. Open runs come back as RECONNECT and hold capacity, limits and counters
from here on (R7); silence is measured from when serving begins (R6). Waits that were stored by the
wall clock are turned into waits of the monotonic one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

import msgspec

from af.settings import BY_KEY
from afanasy.core.depend import depends
from afanasy.core.effects import Note
from afanasy.core.host import farm_file, pool_edits, power, presence, schedule
from afanasy.core.host.host_values import lost_after_s, refresh_host
from afanasy.core.host.pools import Pool
from afanasy.core.job import branch_edits, lives
from afanasy.core.job.branches import Branch
from afanasy.core.job.submit import found_system_job
from afanasy.core.limit import limits
from afanasy.core.place import rates, shares
from afanasy.core.place.checks_host import EJECT_AWAY_S
from afanasy.core.rows import Row
from afanasy.core.run.cool_off import COOL_MAX_S
from afanasy.core.run.errors import RETRY_WAIT_MAX_S, check_hosts_left
from afanasy.core.run.holds import attach_block
from afanasy.core.settings import Chosen
from afanasy.core.state import (
    Block,
    Farm,
    HostErrors,
    Job,
    Render,
    Run,
    ServiceHold,
    TaskExtra,
    User,
)
from afanasy.core.system import messages, system_job
from afanasy.core.system.system_state import PreCommand
from afanasy.core.tasks import CODES, Code
from afanasy.core.transitions import WRN_FLAG, add_timer, rebuild_job, refresh_queue
from afanasy.model.attributes import (
    BlockSpec,
    BranchSpec,
    JobSpec,
    PoolSpec,
    RenderSpec,
    TaskSpec,
    UserSpec,
)
from afanasy.model.clock import Now
from afanasy.model.ids import BlockKey, RunId, split_task_key

Tables = Mapping[str, Iterable[Row]]


def restore(farm: Farm, tables: Tables, now: Now) -> None:
    """Fill an empty ``farm``; tables that are absent are empty."""
    assert not farm.jobs, "restore into a farm that lives already"

    def rows(table: str) -> Iterable[Row]:
        return tables.get(table, ())

    for name, value in rows("meta"):
        if name == "counters":
            _restore_counters(farm, msgspec.json.decode(value))
        elif name == "services":
            _restore_services(farm, msgspec.json.decode(value), now)
        elif name == "settings":
            _restore_settings(farm, msgspec.json.decode(value))
        elif name == "farm_setup":
            farm_file.restore_setup(farm, value)
        elif name == "limits":
            farm_file.restore_limits(farm, value)
        elif name.startswith(system_job.ROW_PREFIX):
            system_job.restore_request(farm, name, value)
        elif name.startswith(messages.ROW_PREFIX):
            messages.restore_message(farm, value)
    farm.limited = limits.limits_in_force(farm)
    for row in rows("facets"):
        farm.facets[tuple(row[1:])] = row[0]
    for row in rows("users"):
        _restore_user(farm, row)
    _restore_tree(farm, rows("pools"), rows("branches"))
    pool_edits.found_root(farm, now)
    branch_edits.found_root(farm, now)
    for row in rows("renders"):
        _restore_render(farm, row, now)
    for row in sorted(rows("jobs")):
        if not row[12]:
            _restore_job(farm, row, now)
    for row in sorted(rows("blocks"), key=lambda r: (r[1], r[2])):
        _restore_block(farm, row, now)
    frames: dict[int, int] = {}
    for key, doc in rows("block_states"):
        if key in farm.blocks:
            _restore_block_state(farm.blocks[key], msgspec.json.decode(doc), frames)
    for key, first, doc in sorted(rows("records"), key=lambda r: (r[0], r[1])):
        block = farm.blocks.get(key)
        if block is not None and block.tasks is not None:
            assert len(block.tasks) == first, f"records of block {key} have a hole at {first}"
            block.tasks.extend(msgspec.json.decode(doc, type=list[TaskSpec]))
    _restore_tasks(farm, rows("pages"), rows("tasks"), now)
    for row in sorted(rows("open_runs")):
        _restore_run(farm, row, frames, now)
    _finish(farm, now)


def _restore_counters(farm: Farm, doc: dict[str, int]) -> None:
    farm.serial_last = doc["serial"]
    farm.job_id_last = doc["job_id"]
    farm.user_id_last = doc["user_id"]
    farm.render_id_last = doc["render_id"]
    farm.block_key_last = doc["block_key"]
    farm.pool_id_last = doc.get("pool_id", 0)
    farm.branch_id_last = doc.get("branch_id", 0)


def _restore_tree(farm: Farm, pools: Iterable[Row], branches: Iterable[Row]) -> None:
    """Pools and branches in the order in which they were made: of their ids.

    A parent has a lower id than its children, and children keep their order, in which patterns of
    pools are asked (SEMANTICS 6.5).
    """
    for path, number, text in sorted(pools, key=itemgetter(1)):
        doc: dict[str, Any] = msgspec.json.decode(text)
        spec = msgspec.convert(doc["spec"], PoolSpec)
        parent = farm.pools[path.rpartition("/")[0] or "/"] if path != "/" else None
        pool = Pool(path, number, spec, parent, time_creation=doc["time_creation"])
        farm.pools[path] = pool
        if parent is not None:
            parent.children[path] = pool
        farm.pool_id_last = max(farm.pool_id_last, number)
    for path, number, text in sorted(branches, key=itemgetter(1)):
        doc = msgspec.json.decode(text)
        of_branch = msgspec.convert(doc["spec"], BranchSpec)
        above = farm.branches[path.rpartition("/")[0] or "/"] if path != "/" else None
        branch = Branch(path, number, of_branch, above, time_creation=doc["time_creation"])
        branch.time_empty = doc["time_empty"]
        farm.branches[path] = branch
        if above is not None:
            above.children[path] = branch
        farm.branch_id_last = max(farm.branch_id_last, number)
    if "/" in farm.branches:
        branch_edits.refresh_strict(farm.branches["/"])


def _restore_settings(farm: Farm, doc: dict[str, tuple[Any, str, int]]) -> None:
    """Values that were set on the fly, but for those that this version does not take."""
    for key, (value, by, time) in doc.items():
        setting = BY_KEY.get(key)
        try:
            if setting is None or not setting.settable:
                raise ValueError("is no setting that can be set on the fly")
            farm.settings.chosen[key] = Chosen(setting.check(value), by, time)
        except ValueError as error:
            farm.effects.append(Note("setting_ignored", {"key": key, "why": str(error)}))


def _restore_services(farm: Farm, doc: list[list[Any]], now: Now) -> None:
    for service, level, wait_s, until_wall, held, probe in doc:
        left = min(max(0.0, until_wall - now.wall), wait_s)  # the clock may have jumped
        farm.service_holds[service] = ServiceHold(
            service, level, wait_s, now.mono + left, until_wall, held, probe
        )
        if held:
            add_timer(farm, now.mono + left, "service", service)


def _restore_user(farm: Farm, row: Row) -> None:
    name, number, text = row
    doc: dict[str, Any] = msgspec.json.decode(text)
    farm.users[name] = User(
        name=name,
        id=number,
        spec=msgspec.convert(doc["spec"], UserSpec),
        host_name=doc["host_name"],
        time_register=doc["time_register"],
        time_activity=doc["time_activity"],
    )
    farm.user_id_last = max(farm.user_id_last, number)


def _restore_render(farm: Farm, row: Row, now: Now) -> None:
    name, number, text = row
    doc: dict[str, Any] = msgspec.json.decode(text)
    render = Render(
        name=name, id=number, spec=msgspec.convert(doc["spec"], RenderSpec), contact_mono=now.mono
    )
    for key in (
        "instance", "boot_id", "address", "os", "engine", "user_name", "capacity_flag",
        "max_tasks_flag", "time_register", "time_launch", "errors_row", "cool_level", "cool_wall",
        "probing",
    ):  # fmt: skip
        setattr(render, key, doc[key])
    render.errors_jobs = set(doc["errors_jobs"])
    render.sick = doc.get("sick", False)
    for key in ("falling", "sleeping", "waking", "told_away"):
        setattr(render, key, doc.get(key, False))
    render.macs = doc.get("macs", [])
    render.scheduled, render.scheduled_until = doc.get("scheduled", ("", 0))
    render.resources = doc.get("equipment", {})
    power.restored(farm, render, now)
    render.sick_users = dict.fromkeys(doc.get("sick_users", ()))
    if render.cool_wall > now.wall:
        render.cool_mono = now.mono + min(render.cool_wall - now.wall, COOL_MAX_S)
        add_timer(farm, render.cool_mono, "cool", render)
    farm.renders[name] = render
    pool_edits.put(farm, render, farm.pools.get(render.spec.pool) or farm.pools["/"])
    refresh_host(farm, render)
    schedule.look(farm, render, now)
    presence.watch(farm, render, now)
    farm.render_id_last = max(farm.render_id_last, number)
    add_timer(farm, now.mono + lost_after_s(farm, render), "lost", render)


def _restore_job(farm: Farm, row: Row, now: Now) -> None:
    doc: dict[str, Any] = msgspec.json.decode(row[13])
    user = farm.users[row[3]]
    job = Job(
        serial=row[0],
        id=row[1],
        user=user,
        spec=msgspec.convert(doc["spec"], JobSpec),
        off=doc["off"],
        deleting=doc["deleting"],
        system=doc["system"],
        order=doc["order"],
        pre=msgspec.convert(doc.get("pre"), PreCommand | None),
        time_started=row[10],
        time_done=row[11],
        # (Older servers took negative numbers, which name nothing.)
        try_next={(num, task): None for num, task in doc["try_next"] if min(num, task) >= 0},
        log=doc["log"],
    )
    if job.spec.time_wait > now.wall:
        job.waiting_time = True
        add_timer(farm, now.mono + job.spec.time_wait - now.wall, "time_wait", job)
    farm.jobs[job.serial] = job
    farm.jobs_by_id[job.id] = job
    farm.jobs_by_name[job.spec.name] = job
    user.jobs[job.serial] = job
    branch_edits.enter(farm, job, branch_edits.branch_for(farm, job.spec.branch, now))
    user.order_last = max(user.order_last, job.order)
    farm.serial_last = max(farm.serial_last, job.serial)


def _restore_block(farm: Farm, row: Row, now: Now) -> None:
    key, serial, num, _, _, tasks_num, doc = row
    job = farm.jobs.get(serial)
    farm.block_key_last = max(farm.block_key_last, key)
    if job is None:
        return
    spec = msgspec.json.decode(doc, type=BlockSpec)
    block = Block(
        key=BlockKey(key),
        job=job,
        num=num,
        spec=spec,
        tasks_num=tasks_num,
        tasks=None if spec.numeric else [],
        ready_wall=now.wall,
    )
    assert len(job.blocks) == num, f"job {serial} lacks a block before {num}"
    block.counts[Code.READY] = tasks_num
    job.blocks.append(block)
    farm.blocks[key] = block
    attach_block(farm, block)


def _restore_block_state(block: Block, doc: dict[str, Any], frames: dict[int, int]) -> None:
    block.error_hosts = {h: HostErrors(c, last) for h, (c, last) in doc["error_hosts"].items()}
    (
        block.time_started, block.time_done, block.run_time_min, block.run_time_max,
        block.run_time_sum, *timed,
    ) = doc["times"]  # fmt: skip
    # Older versions did not count the runs.
    block.runs_timed = timed[0] if timed else int(block.run_time_max > 0)
    block.stuck = doc["stuck"]
    block.version = doc["version"]
    block.pre = PreCommand(*doc["pre"]) if "pre" in doc else None
    frames.update(doc.get("frames", ()))


def _restore_tasks(farm: Farm, pages: Iterable[Row], tasks: Iterable[Row], now: Now) -> None:
    page_seq: dict[int, int] = {}
    touched: dict[int, Block] = {}
    for key, seq, count, data in pages:
        block_key, first = split_task_key(key)
        block = farm.blocks.get(block_key)
        if block is not None:
            block.touch().unpack(first, first + count, data)
            page_seq[key] = seq
            touched[block_key] = block
    page_mask = ~(4096 - 1)
    for row in tasks:
        key, seq = row[0], row[1]
        if page_seq and page_seq.get(key & page_mask, 0) > seq:
            continue  # a later bulk operation wrote the whole page
        block_key, task = split_task_key(key)
        block = touched.get(block_key) or farm.blocks.get(block_key)
        if block is None:
            continue
        touched[block_key] = block
        columns = block.columns or block.touch()
        columns.state[task] = row[2]
        columns.flags[task] = row[3]
        columns.starts[task] = row[4]
        columns.errors[task] = row[5]
        columns.host[task] = row[6]
        columns.time_start[task] = row[7]
        columns.time_done[task] = row[8]
        if row[9]:
            _restore_extra(farm, block, task, msgspec.json.decode(row[9]), now)
    for block in touched.values():
        columns = block.touch()
        # Open tasks get their run in a moment; one without a run is ready again.
        state = bytes(columns.state[: block.tasks_num])
        if state.count(Code.RUNNING) or state.count(Code.RECONNECT):
            table = bytes(
                Code.READY if n in (Code.RUNNING, Code.RECONNECT) else n for n in range(256)
            )
            columns.state[: block.tasks_num] = state.translate(table)
        block.counts = columns.count_codes(0, block.tasks_num)
        assert len(block.counts) == CODES
        flags = bytes(columns.flags)
        if flags.count(0) != len(flags):
            block.warnings = sum(1 for flag in columns.flags if flag & WRN_FLAG)
        block.ready = None


def _restore_extra(farm: Farm, block: Block, task: int, doc: dict[str, Any], now: Now) -> None:
    extra = block.extras[task] = TaskExtra()
    errors: dict[str, tuple[int, float]] = doc.get("error_hosts", {})
    extra.error_hosts = {h: HostErrors(c, last) for h, (c, last) in errors.items()}
    extra.ejected = doc.get("ejected", {})
    extra.deaths = set(doc.get("deaths", ()))
    extra.reason = doc.get("reason", "")
    extra.need_memory_mb = doc.get("need_memory_mb", 0)
    extra.retry_wall = doc.get("retry_wall", 0.0)
    if extra.retry_wall:
        wait = min(max(0.0, extra.retry_wall - now.wall), RETRY_WAIT_MAX_S)
        extra.retry_mono = now.mono + wait
        add_timer(farm, extra.retry_mono, "retry", block, task)
    if extra.ejected:
        latest = now.wall + EJECT_AWAY_S
        if max(extra.ejected.values()) > latest:  # the clock was set back
            extra.ejected = {host: min(until, latest) for host, until in extra.ejected.items()}
            farm.changes.task(block, task)
        left = max(extra.ejected.values()) - now.wall
        add_timer(farm, now.mono + max(0.0, left), "fresh", block.job)


def _restore_run(farm: Farm, row: Row, frames: dict[int, int], now: Now) -> None:
    (
        run_id, key, render_name, number, capacity, coeff, started, waited_s, current, cause,
        target, counts, held,
    ) = row  # fmt: skip
    block_key, task = split_task_key(key)
    block, render = farm.blocks.get(block_key), farm.renders.get(render_name)
    if render is None:
        farm.changes.forgotten.append(run_id)  # nobody could ever say that it ended
        return
    if block is None:
        assert not current, f"run {run_id} of a block that does not exist"
        block = _ghost(block_key)
    run = Run(
        id=RunId(run_id),
        block=block,
        task=task,
        render=render,
        number=number,
        capacity=capacity,
        coeff=coeff,
        started_mono=now.mono - max(0.0, now.wall - started),
        started_wall=started,
        waited_s=waited_s,
        current=bool(current),
        stop_cause=cause,
        stop_target=Code(target),
        stop_counts=bool(counts),
        frame=frames.get(run_id, -1),
    )
    run.service, run.tickets = block.spec.service, block.spec.tickets
    if held:
        parts: dict[str, Any] = msgspec.json.decode(held)
        run.memory_need_mb, run.hdd_need_gb = parts.get("memory_mb", 0), parts.get("hdd_gb", 0)
        run.gpu_need_mb, run.gpus = parts.get("gpu_mb", 0), tuple(parts.get("gpus", ()))
        run.service = parts.get("service", run.service)
        run.tickets = parts.get("tickets", run.tickets)
    farm.runs[run.id] = run
    render.runs[run.id] = run
    render.capacity_used += capacity
    if not run.current:
        return
    columns = block.touch()
    block.counts[columns.state[task]] -= 1
    columns.state[task] = Code.RECONNECT
    block.counts[Code.RECONNECT] += 1
    block.open[task] = run
    job, user = block.job, block.job.user
    branches = list(job.branch.upwards()) if job.branch is not None else []
    block.running_capacity += capacity
    farm.solve_counter += 1  # runs come in the order of their starts: whose turn it was
    for node in (job, user, *branches):
        node.running_capacity += capacity
        node.running += 1
        node.solved = farm.solve_counter
    for counted in (block, job, user, *branches):
        counted.running_on[render.name] = counted.running_on.get(render.name, 0) + 1
    render.running += 1
    render.slots_used += not job.system
    limits.take(farm, run)


def _ghost(key: BlockKey) -> Block:
    """A block of a deleted job, of which a stale run may still hold capacity of its host (R7)."""
    job = Job(serial=-1, id=0, user=User("", 0, UserSpec()), spec=JobSpec(name="(deleted)"))
    return Block(key=key, job=job, num=0, spec=BlockSpec(name="(deleted)"), tasks_num=0)


def _finish(farm: Farm, now: Now) -> None:
    """Everything derived: who is done, who waits, who is in which queue."""
    for job in farm.jobs.values():
        for block in job.blocks:
            counts = block.counts
            done = counts[Code.DONE] + counts[Code.SKIPPED]
            block.set_done(block.tasks_num > 0 and done == block.tasks_num)
            job.troubled += bool(block.error_hosts)
            troubled = block.error_hosts or any(e.error_hosts for e in block.extras.values())
            if troubled and block.errors_forgive_time() > 0:
                block.forgive_mono = now.mono
                add_timer(farm, now.mono, "forgive", block)
    found_system_job(farm, now)
    for job in farm.jobs.values():
        lives.watch(farm, job, now)
    for job in farm.jobs.values():
        rebuild_job(farm, job, now)
    depends.enter_all(farm)
    for job in farm.jobs.values():
        refresh_queue(farm, job, now)
        for block in job.blocks:
            if block.stuck or any(extra.reason for extra in block.extras.values()):
                check_hosts_left(farm, block, now)
    if farm.settings.value("af_solve_branches"):
        shares.switch(farm, on=True)
    system_job.restored(farm, now)
    rates.restored(farm, now)
    messages.restored(farm)
    farm.happened.clear()  # it happened, and was told, before
    for hold in farm.service_holds.values():
        if hold.probe not in farm.runs:
            hold.probe = 0
