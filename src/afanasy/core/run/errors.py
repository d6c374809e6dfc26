"""What an error of a run does: counting, lists, retries, and blocks with no host left.

* Lists (SEMANTICS 5): host → (count, last time) for the block and for the task. A list keeps work
  away from a host once the count reaches the limit; entries are forgiven after a while.
* Retries (R15): while a task's errors do not exceed the limit it waits 1, 2, 4 … 60 s in RETRY and
  becomes READY again; then it is in ERROR.
* No suitable host left (R13): when every render that could ever run the block is avoided, its tasks
  that have errors are in ERROR with that reason instead of READY for hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from af.words import plural
from afanasy.core.effects import Note
from afanasy.core.place import needs
from afanasy.core.run import cool_off, sick
from afanasy.core.state import Block, Farm, HostErrors, Job, Run
from afanasy.core.system import happenings
from afanasy.core.tasks import FLAG_SHIFT, Code, among
from afanasy.core.transitions import (
    RER_FLAG,
    add_timer,
    extra_of,
    refresh_queue,
    set_code,
    set_flags,
)
from afanasy.model.clock import Now
from afanasy.model.states import St

RETRY_WAIT_MAX_S: Final = 60
#: Errors that another try cannot mend, and that say nothing about the host (R18).
FATAL: Final = frozenset({"scene", "missing_input"})
PFE_FLAG: Final = int(St.PFE) >> FLAG_SHIFT


def count_error(
    farm: Farm,
    run: Run,
    now: Now,
    *,
    fatal: bool,
    error_class: str,
    flags: int,
    memory_peak_mb: int = -1,
) -> str:
    """The run ended in an error: count it and give the task its next state. Returns what was done.

    The run's counters have been given back already; the task is RUNNING or RECONNECT.
    """
    block, task, host = run.block, run.task, run.render.name
    columns = block.touch()
    columns.errors[task] = min(columns.errors[task] + 1, 65535)
    errors = columns.errors[task]
    avoided = block.avoids(host)
    if error_class not in FATAL:
        _list_error(farm, block, task, host, now)
        if error_class == "storage":
            # The block avoids such a host at once: its limit is reached.
            entry = block.error_hosts[host]
            entry.count = max(entry.count, block.errors_avoid_host())
    if error_class in cool_off.COOLING and not block.job.system:
        cool_off.count_error(farm, run, now)
    if error_class == "memory" and memory_peak_mb > 0:
        # The next try gets a quarter more than this one took (R18).
        extra = extra_of(block, task)
        needed = max(needs.greatest(block, "need_memory"), extra.need_memory_mb)
        extra.need_memory_mb = max(needed, memory_peak_mb * 5 // 4)
    if not block.job.system:
        sick.count_error(farm, run, now)
    retries = block.errors_retries()
    if fatal or error_class in FATAL:
        set_flags(block, task, flags | PFE_FLAG)
        set_code(farm, block, task, Code.ERROR, now)
        done = f"error {errors}, no retry"
    elif errors > retries:
        set_flags(block, task, flags)
        set_code(farm, block, task, Code.ERROR, now)
        done = f"error {errors}, {_used_up(retries)}"
    else:
        wait = min(2 ** (errors - 1), RETRY_WAIT_MAX_S)
        set_flags(block, task, flags | RER_FLAG)
        set_code(farm, block, task, Code.RETRY, now)
        extra = extra_of(block, task)
        extra.retry_mono, extra.retry_wall = now.mono + wait, now.wall + wait
        add_timer(farm, extra.retry_mono, "retry", block, task)
        done = f"error {errors}, retry {errors} of {retries} in {wait} s"
    if block.avoids(host) != avoided:
        paused = check_hosts_left(farm, block, now)
    else:
        paused = check_task_hosts(farm, block, task, now)
    return done + (paused or _too_many(farm, block.job, now))


def _too_many(farm: Farm, job: Job, now: Now) -> str:
    """Pause the job when so many of its tasks are in error that it must not go on (R16)."""
    limit = job.spec.errors_job_max
    if limit < 0:
        limit = job.user.spec.errors_job_max
    if not limit or job.off:
        return ""
    failed = sum(block.counts[Code.ERROR] for block in job.blocks)
    if failed < limit:
        return ""
    job.off = job.spec.offline = True
    refresh_queue(farm, job, now)
    farm.changes.jobs[job.serial] = job
    happenings.of_job(farm, job, happenings.JOB_PAUSED)
    farm.effects.append(Note("job_paused_by_errors", {"job": job.serial, "errors": failed}))
    tasks = plural(failed, "task is", "tasks are")
    why = f"{tasks} in error, its limit is {limit} (errors_job_max)"
    job.say(f"paused: {why}")
    return f"; the job is paused: {why}"


def _used_up(retries: int) -> str:
    if retries <= 0:
        return "it is not retried"
    return "its one retry is used up" if retries == 1 else f"all {retries} retries are used up"


def _list_error(farm: Farm, block: Block, task: int, host: str, now: Now) -> None:
    block.job.troubled += not block.error_hosts
    for errors in (block.error_hosts, extra_of(block, task).error_hosts):
        entry = errors.get(host)
        if entry is None:
            errors[host] = HostErrors(1, now.wall)
        else:
            entry.count += 1
            entry.last_wall = now.wall
    farm.changes.block_states[block.key] = block
    wait = block.errors_forgive_time()
    if wait > 0:
        _wake_to_forgive(farm, block, now.mono + wait)


def memory_edited(farm: Farm, block: Block) -> None:
    """A person says how much memory the block needs: that wins over what its tasks took (R18)."""
    for task, extra in list(block.extras.items()):
        if extra.need_memory_mb:
            extra.need_memory_mb = 0
            farm.changes.task(block, task)
            if extra.empty():
                del block.extras[task]


# ------------------------------------------------------------------------- no suitable host left


def _hosts_left(farm: Farm, block: Block) -> tuple[int, list[str]]:
    """How many renders could run the block at all, and the names of those it does not avoid."""
    suitable = list(block.fits.names) if block.fits is not None else []
    if not block.error_hosts:
        return len(suitable), suitable
    return len(suitable), [name for name in suitable if not block.avoids(name)]


def _all_avoided(suitable: int) -> str:
    if suitable == 1:
        return "the only suitable host is avoided"
    return f"all {suitable} suitable hosts are avoided"


def check_hosts_left(farm: Farm, block: Block, now: Now) -> str:
    """Apply R13 both ways: hold what no host may run, release what one may run again.

    Called whenever a list of the block grew or shrank, or the renders changed. Cost: renders times
    the tasks of the block that have errors of their own. Tasks that are held are in error, which
    may be too many for the job: then it is paused, and the words for that are returned.
    """
    in_error = block.counts[Code.ERROR]
    suitable, allowed = _hosts_left(farm, block)
    stuck = _all_avoided(suitable) if suitable and not allowed else ""
    if stuck != block.stuck:
        block.stuck = stuck
        farm.changes.block_states[block.key] = block
    held = bool(stuck)
    for task in list(block.extras):
        held = _check_task(farm, block, task, suitable, allowed, now) or held
    if held:
        farm.stuck_blocks[block.key] = block
    else:
        farm.stuck_blocks.pop(block.key, None)
    return _too_many(farm, block.job, now) if block.counts[Code.ERROR] > in_error else ""


def check_task_hosts(farm: Farm, block: Block, task: int, now: Now) -> str:
    """The same for one task, whose own list has grown."""
    in_error = block.counts[Code.ERROR]
    if _check_task(farm, block, task, *_hosts_left(farm, block), now):
        farm.stuck_blocks[block.key] = block
    return _too_many(farm, block.job, now) if block.counts[Code.ERROR] > in_error else ""


def _check_task(
    farm: Farm, block: Block, task: int, suitable: int, allowed: list[str], now: Now
) -> bool:
    """Hold or release one task; True when it is held."""
    extra = block.extras.get(task)
    if extra is None or not (extra.error_hosts or extra.reason):
        return False
    if block.job.spec.maintenance:  # the host it is named as is the only one that could run it
        name = block.task_name(task)
        suitable = int(block.fits is not None and name in block.fits.names)
        allowed = [name] if name in allowed else []
    code = block.code(task)
    hopeless = suitable > 0 and all(block.task_avoids(task, name) for name in allowed)
    if hopeless and code in (Code.READY, Code.WAITING, Code.RETRY):
        extra.reason = _all_avoided(suitable)
        set_code(farm, block, task, Code.ERROR, now)
        return True
    if code != Code.ERROR or not extra.reason:
        return False
    if not hopeless:
        extra.reason = ""
        farm.changes.task(block, task)
        _retry_again(farm, block, task, now)
    return hopeless


def _retry_again(farm: Farm, block: Block, task: int, now: Now) -> None:
    """A task in ERROR is READY again if its errors allow it (SEMANTICS 5)."""
    columns = block.touch()
    flags = columns.flags[task]
    if columns.errors[task] <= block.errors_retries() and not flags & PFE_FLAG:
        set_flags(block, task, flags | RER_FLAG)
        extra = block.extras.get(task)
        waits = extra is not None and extra.retry_mono > now.mono
        # A host that is forgiven does not cut the wait short: only a hand does (R15).
        set_code(farm, block, task, Code.RETRY if waits else Code.READY, now)


def retries_changed(farm: Farm, block: Block, now: Now) -> None:
    """``errors_retries`` was edited: tasks in ERROR may have tries again."""
    if not block.counts[Code.ERROR]:
        return
    state, wanted = block.touch().state, bytes([Code.ERROR])
    task = state.find(wanted, 0, block.tasks_num)
    while task >= 0:
        extra = block.extras.get(task)
        if extra is None or not extra.reason:
            _retry_again(farm, block, task, now)
        task = state.find(wanted, task + 1, block.tasks_num)
    check_hosts_left(farm, block, now)


def recheck_stuck(farm: Farm, now: Now) -> None:
    """A render came, or got more capacity: some block may have a host again."""
    for block in list(farm.stuck_blocks.values()):
        check_hosts_left(farm, block, now)


def recheck_all(farm: Farm, now: Now) -> None:
    """A render went, or got less capacity: some block may have lost its last host."""
    for block in list(farm.blocks.values()):
        if block.error_hosts or block.extras:
            check_hosts_left(farm, block, now)


# ------------------------------------------------------------------------------ forgiving, reset


def _wake_to_forgive(farm: Farm, block: Block, mono: float) -> None:
    """Look through the lists at ``mono``, or earlier when that is asked for already."""
    if not block.forgive_mono or mono < block.forgive_mono:
        block.forgive_mono = mono
        add_timer(farm, mono, "forgive", block)


def forgive(farm: Farm, block: Block, now: Now) -> None:
    """Drop list entries whose last error is older than the forgive time (by the wall clock, R3)."""
    if block.forgive_mono <= now.mono:
        block.forgive_mono = 0.0
    limit = block.errors_forgive_time()
    if limit <= 0:
        return
    oldest = now.wall - limit
    soonest = 0.0
    changed = False
    troubled = bool(block.error_hosts)
    lists = [(None, block.error_hosts)]
    lists += [(task, extra.error_hosts) for task, extra in block.extras.items()]
    for task, errors in lists:
        for host in [h for h, entry in errors.items() if entry.last_wall <= oldest]:
            del errors[host]
            changed = True
            if task is not None:
                farm.changes.task(block, task)
        for entry in errors.values():
            soonest = min(soonest or entry.last_wall, entry.last_wall)
    block.job.troubled -= troubled and not block.error_hosts
    if soonest:
        _wake_to_forgive(farm, block, now.mono + max(0.1, soonest + limit - now.wall))
    if changed:
        farm.changes.block_states[block.key] = block
        _after_shorter_lists(farm, block, now)


def reset_error_hosts(farm: Farm, block: Block, parts: Sequence[range] | None, now: Now) -> int:
    """Empty the lists of the tasks of ``parts``, or (None) those of the block and all its tasks.

    Returns how many entries there were.
    """
    count = 0
    if parts is None:
        count += len(block.error_hosts)
        block.job.troubled -= bool(block.error_hosts)
        block.error_hosts.clear()
        farm.changes.block_states[block.key] = block
    for task in list(block.extras) if parts is None else among(block.extras, parts):
        extra = block.extras[task]
        if extra.error_hosts:
            count += len(extra.error_hosts)
            extra.error_hosts.clear()
            farm.changes.task(block, task)
        if extra.retry_wall:
            _wait_no_more(farm, block, task, now)
    _after_shorter_lists(farm, block, now)
    return count


def try_now(farm: Farm, block: Block, parts: list[range], now: Now) -> None:
    """Of the tasks of ``parts`` those that wait for their retry wait no more (R15)."""
    for task in (task for part in parts for task in part):
        extra = block.extras.get(task)
        if extra is not None and extra.retry_wall:
            _wait_no_more(farm, block, task, now)
            if extra.empty():
                del block.extras[task]


def _wait_no_more(farm: Farm, block: Block, task: int, now: Now) -> None:
    """A hand was laid on the task: it is tried again at once (R15)."""
    extra = block.extras[task]
    extra.retry_mono = extra.retry_wall = 0.0
    farm.changes.task(block, task)
    if block.code(task) == Code.RETRY:
        set_code(farm, block, task, Code.READY, now)


def _after_shorter_lists(farm: Farm, block: Block, now: Now) -> None:
    check_hosts_left(farm, block, now)
    for task in [t for t, extra in block.extras.items() if extra.empty()]:
        del block.extras[task]
    farm.fresh_jobs[block.job.serial] = block.job
