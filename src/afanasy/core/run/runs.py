"""The life of a run: started, adopted, stopped, settled, lost (DESIGN 2, the run contract).

**Theory.** A run is *current* from its start until it is settled: it alone has the right to count
for its task, is its block's ``open[task]`` and holds every counter. It is settled exactly once, by
one of:

* its result (:func:`afanasy.core.run.ends.settle`),
* being lost (:func:`afanasy.core.run.ends.lose`): the render came back without it, said goodbye, or
  stayed silent too long. Its process may still live, so the run stays in ``farm.runs`` as a *stale*
  one that holds the capacity of its host and nothing else, until the render says that it ended or
  never returns.

Here are the start and the bookkeeping; :mod:`afanasy.core.run.ends` judges, and
:mod:`afanasy.core.run.stops` stops and adopts.
"""

from __future__ import annotations

from typing import Final

from afanasy.core.depend import depends
from afanasy.core.effects import Acknowledge, Start
from afanasy.core.host import no_task
from afanasy.core.host.renders import touch_render
from afanasy.core.job import branch_edits
from afanasy.core.limit import limits
from afanasy.core.place import fits, needs, rates, shares
from afanasy.core.place.checks_host import coefficient
from afanasy.core.run import holds
from afanasy.core.state import Block, Farm, Job, Render, Run
from afanasy.core.system import happenings, system_job
from afanasy.core.tasks import Code
from afanasy.core.transitions import (
    add_timer,
    jobs_wait_anew,
    set_code,
    set_flags,
    story,
)
from afanasy.model.clock import Now
from afanasy.model.ids import make_run_id

#: Ends that no render reports, kept in the history with the codes of SEMANTICS 2.2.
END_DEREGISTERED: Final = 14
END_LOST: Final = 16
END_NEVER_BEGAN: Final = 24
#: Causes of stops.
STOP_RESTART: Final = "restart"
STOP_SKIP: Final = "skip"
STOP_DONE: Final = "set done"
STOP_SUSPEND: Final = "suspend"
STOP_EJECT: Final = "eject"
STOP_JOB: Final = "stop"
STOP_DELETE: Final = "the job is deleted"
STOP_MAX_RUN_TIME: Final = "max run time"
STOP_NO_PROGRESS: Final = "no progress"
#: Stops that say nothing about the task's future: an earlier stop stays in force, and so does the
#: hold of a task on which too many renders died.
MERE_STOPS: Final = frozenset({STOP_EJECT, STOP_JOB, STOP_MAX_RUN_TIME, STOP_NO_PROGRESS})


def start(farm: Farm, block: Block, task: int, render: Render, now: Now) -> Run:
    """Start ``task`` on ``render``; the checks have been passed."""
    job, user = block.job, block.job.user
    columns = block.columns or block.touch()
    farm.run_counter += 1
    coeff = coefficient(block, render)
    number = min(columns.starts[task] + 1, 65535)
    capacity = block.spec.capacity * max(1, coeff)
    extra = block.extras.get(task)
    run = Run(
        id=make_run_id(farm.epoch, farm.run_counter),
        block=block,
        task=task,
        render=render,
        number=number,
        capacity=capacity,
        coeff=coeff,
        started_mono=now.mono,
        started_wall=now.wall,
        service=block.spec.service,
        tickets=block.spec.tickets,
        waited_s=max(0.0, now.wall - max(block.ready_wall, extra.retry_wall if extra else 0.0)),
    )
    columns.starts[task] = number
    columns.host[task] = render.id
    columns.time_start[task] = int(now.wall)
    columns.time_done[task] = 0
    set_flags(block, task, 0)
    set_code(farm, block, task, Code.RUNNING, now)
    if extra:
        extra.retry_mono = extra.retry_wall = 0.0
        extra.reason = ""
    name = render.name
    block.open[task] = run
    block.running_capacity += capacity
    block.running_on[name] = block.running_on.get(name, 0) + 1
    block.last_render = name
    block.started_mono = now.mono
    job.running += 1
    job.running_capacity += capacity
    job.running_on[name] = job.running_on.get(name, 0) + 1
    user.running += 1
    user.running_capacity += capacity
    user.running_on[name] = user.running_on.get(name, 0) + 1
    render.running += 1
    render.slots_used += not job.system
    render.capacity_used += capacity
    render.runs[run.id] = run
    render.task_time = int(now.wall)
    if render.running == 1:
        render.busy_since = int(now.wall)
    farm.runs[run.id] = run
    branch = job.branch
    while branch is not None:
        branch.running += 1
        branch.running_capacity += capacity
        branch.running_on[name] = branch.running_on.get(name, 0) + 1
        branch = branch.parent
    if job.share is not None:
        shares.count(farm, job, job.share, 1, capacity)
    if job.needy or block.needy or (extra is not None and extra.need_memory_mb):
        needs.take(run, needs.held_by(block, task))
    limits.take(farm, run)
    if render.reserved is not None and not job.system:
        render.reserved = None
    if not job.time_started:
        job.time_started = int(now.wall)
        farm.changes.jobs[job.serial] = job
    if not block.time_started:
        block.time_started = int(now.wall)
        farm.changes.block_states[block.key] = block
    farm.changes.opened[run.id] = run
    limit = _time_limit(farm, block)
    if limit:
        run.limit_mono = now.mono + limit
        add_timer(farm, run.limit_mono, "limit", run)
    rates.count_start(farm, job, now)
    if block.hold is not None:
        holds.on_start(farm, block.hold, run)
    farm.effects.append(Start(run))
    return run


def _time_limit(farm: Farm, block: Block) -> float:
    """Seconds until the run must be looked at for its time limits; 0 = no limit."""
    limits = (block.spec.task_max_run_time, farm.settings.progress_timeout_s(block.spec))
    return float(min((limit for limit in limits if limit > 0), default=0))


def give_back_counters(farm: Farm, run: Run) -> None:
    """The run loses the right to count: every counter but its host's capacity."""
    assert run.current, f"run {run.id} settled twice: {story(run.block, run.task)}"
    run.current = False
    block, render, capacity = run.block, run.render, run.capacity
    job, user, name = block.job, block.job.user, render.name
    del block.open[run.task]
    block.running_capacity -= capacity
    _decrement(block.running_on, name)
    job.running -= 1
    job.running_capacity -= capacity
    _decrement(job.running_on, name)
    user.running -= 1
    user.running_capacity -= capacity
    _decrement(user.running_on, name)
    render.running -= 1
    render.slots_used -= not job.system
    branch = job.branch
    while branch is not None:
        branch.running -= 1
        branch.running_capacity -= capacity
        _decrement(branch.running_on, name)
        branch = branch.parent
    if job.share is not None:
        shares.count(farm, job, job.share, -1, -capacity)
    limits.give_back(farm, run)
    if farm.service_holds:
        holds.on_end(farm, run)
    _wake_below_limits(farm, block, render)


def _wake_below_limits(farm: Farm, block: Block, render: Render) -> None:
    """Whoever was refused because a counter stood at its limit is tried again: it is below now.

    A counter that is still at its limit, or never was, wakes nobody. Counters fall one by one, or
    with a job that goes elsewhere, which wakes by itself.
    """
    job, user, name = block.job, block.job.user, render.name
    spec, work, person = block.spec, job.spec, user.spec
    if user.running + 1 == person.max_running_tasks:
        farm.fresh_users[user.name] = user
    if job.running + 1 == work.max_running_tasks or len(block.open) + 1 == spec.max_running_tasks:
        farm.fresh_jobs[job.serial] = job
    most, of_job, of_block = (
        person.max_running_tasks_per_host,
        work.max_running_tasks_per_host,
        spec.max_running_tasks_per_host,
    )
    on_host = (
        (most > 0 and user.running_on.get(name, 0) + 1 == most)
        or (of_job > 0 and job.running_on.get(name, 0) + 1 == of_job)
        or (of_block > 0 and block.running_on.get(name, 0) + 1 == of_block)
    )
    if job.branch is not None:
        for branch in job.branch.asked:
            if branch.running + 1 == branch.spec.max_running_tasks:
                farm.fresh_all = True
            if branch.running_on.get(name, 0) + 1 == branch.spec.max_running_tasks_per_host:
                on_host = True
    if on_host:  # all work is tried, and on this host alone
        if farm.system.hungry:
            farm.system.renders[name] = render
        if name in farm.open_renders:
            farm.fresh_renders[name] = render


def _decrement(counter: dict[str, int], name: str) -> None:
    left = counter[name] - 1
    if left:
        counter[name] = left
    else:
        del counter[name]


def free_host(farm: Farm, run: Run, now: Now) -> None:
    """No process of the run is left: its capacity is free again."""
    render = run.render
    del render.runs[run.id]
    del farm.runs[run.id]
    render.capacity_used -= run.capacity
    render.task_time = int(now.wall)
    if not render.running:
        render.idle_since = int(now.wall)
    no_task.task_ended(farm, run, now)
    touch_render(farm, render, now.mono)


def forget_stale(farm: Farm, run: Run, now: Now) -> None:
    """A stale run has ended, or its host rebooted: nothing of it is left."""
    assert not run.current
    farm.changes.forgotten.append(run.id)
    free_host(farm, run, now)


def acknowledge(farm: Farm, render: str, run_id: int) -> None:
    """Tell the render that this result is settled."""
    farm.effects.append(Acknowledge(render, run_id))


# ----------------------------------------------------------------------------------- deletion


def deleted_if_idle(farm: Farm, job: Job, now: Now) -> None:
    """Finish the deletion of a job once nothing of it runs."""
    if not job.deleting or job.running or job.serial not in farm.jobs:
        return
    if job.has_open():
        return  # a pre command is being stopped
    assert not any(block.open for block in job.blocks), f"job {job.serial} counts wrongly"
    system_job.post_commands(farm, job, now)
    happenings.of_job(farm, job, happenings.JOB_DELETED)
    for block in job.blocks:
        del farm.blocks[block.key]
        fits.forget_block(farm, block)
        farm.stuck_blocks.pop(block.key, None)
        farm.changes.blocks.pop(block.key, None)
        farm.changes.block_states.pop(block.key, None)
        farm.changes.tasks.pop(block, None)
        farm.changes.pages.pop(block, None)
    del farm.jobs[job.serial]
    del farm.jobs_by_id[job.id]
    del farm.jobs_by_name[job.spec.name]
    farm.name_suffix.pop(job.spec.name, None)
    del job.user.jobs[job.serial]
    jobs_wait_anew(farm, depends.deleted(farm, job), now)
    branch_edits.leave(farm, job, now)
    farm.fresh_jobs.pop(job.serial, None)
    farm.changes.jobs.pop(job.serial, None)
    farm.changes.jobs_deleted.append((job.serial, now.wall, tuple(b.key for b in job.blocks)))


def mark_away(farm: Farm, run: Run, now: Now) -> None:
    """The link to the run's render is dead: the run waits to be adopted."""
    if run.current and run.block.code(run.task) == Code.RUNNING:
        set_code(farm, run.block, run.task, Code.RECONNECT, now)
