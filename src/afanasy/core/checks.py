"""Why something cannot start: every check of solving, each as a value.

``solve`` asks these functions and only looks whether the answer is None; ``explain`` asks the same
ones and shows the answers. So "why is it not running" can never disagree with what is done
(DESIGN 2). A :class:`Reason` is a code and figures; its sentence is made when somebody reads it.

Checks come in five circles (SEMANTICS 3.4): of the work itself, of a render itself, of a job on a
render, of a block on a render, of a task on a render.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from afanasy.core.state import Block, Job, Render, User
from afanasy.core.tasks import Code


class Reason(NamedTuple):
    """One refusal."""

    code: str
    figures: tuple[object, ...] = ()

    def text(self) -> str:
        """The sentence for people."""
        return SENTENCES[self.code].format(*self.figures)


#: How long an ejected task stays away from the render (R10).
EJECT_AWAY_S: Final = 600.0

SENTENCES: Final = {
    # the work
    "user_priority_zero": "user {0} has priority 0",
    "user_paused": "user {0} is paused",
    "user_max_running": "user {0} already runs {1} tasks, his limit",
    "user_rate": "user {0} may start {1} tasks a second",
    "job_paused": "the job is paused",
    "job_waits_time": "the job waits for its start time",
    "job_deleting": "the job is being deleted",
    "job_priority_zero": "the job has priority 0",
    "job_max_running": "the job already runs {0} tasks, its limit",
    "job_rate": "the job may start {0} tasks a second",
    "block_waits": "the block waits for block {0}",
    "block_max_running": "the block already runs {0} tasks, its limit",
    "service_held": "{0} found no licence; it is tried again {1} s after that",
    "service_probing": "{0} found no licence before; one task at a time is tried",
    "task_waits": "the task waits for other tasks",
    "task_running": "the task is running on {0}",
    "task_stopping": "the task is being stopped on {0}: {1}",
    "task_reconnect": "the task runs on {0}, which is away; it is waited for",
    "task_done": "the task is done",
    "task_skipped": "the task is skipped",
    "task_error": "the task failed {0} times; restart it when the cause is mended",
    "task_hosts_avoided": "{0}",
    "task_suspended": "the task is suspended",
    "task_held": "{0}",
    "task_retry": "the task failed and is tried again in {0} s",
    "behind_others": "it can start; other work comes first there",
    # a render
    "render_offline": "offline",
    "render_paused": "paused",
    "render_priority_zero": "priority 0",
    "render_draining": "takes no new work (--drain)",
    "render_full": "all its capacity is used ({0} of {1})",
    "render_slots": "already runs {0} tasks, its limit",
    "render_cooling": "cools off after too many errors, for {0} s",
    "render_probing": "is tried with one task at a time after its errors",
    # the work on a render
    "NIMBY": "is NIMBY: takes no tasks",
    "nimby": "is nimby: takes only tasks of {0}",
    "user_per_host": "user {0} already runs {1} tasks there, his limit per host",
    "job_per_host": "the job already runs {0} tasks there, its limit per host",
    "block_per_host": "the block already runs {0} tasks there, its limit per host",
    "capacity_total": "needs capacity {0}; it has {1} in all",
    "capacity_free": "needs capacity {0}; {1} is free now",
    "block_avoids": "avoided by the block: {0} errors there",
    "task_avoids": "avoided by the task: {0} errors there",
    "task_ejected": "the task was ejected there {0} s ago",
}

# Reasons without figures, made once: refusing is the common case.
_JOB_PAUSED: Final = Reason("job_paused")
_JOB_WAITS_TIME: Final = Reason("job_waits_time")
_JOB_DELETING: Final = Reason("job_deleting")
_JOB_PRIORITY: Final = Reason("job_priority_zero")
_OFFLINE: Final = Reason("render_offline")
_PAUSED: Final = Reason("render_paused")
_PRIORITY: Final = Reason("render_priority_zero")
_DRAINING: Final = Reason("render_draining")
_PROBING: Final = Reason("render_probing")
_NIMBY_ALL: Final = Reason("NIMBY")


# ------------------------------------------------------------------------------- the work itself


def user_blocked(user: User) -> Reason | None:
    """Why the user may start nothing at all."""
    spec = user.spec
    if spec.priority == 0:
        return Reason("user_priority_zero", (user.name,))
    if spec.paused:
        return Reason("user_paused", (user.name,))
    limit = spec.max_running_tasks
    if 0 <= limit <= user.running:
        return Reason("user_max_running", (user.name, limit))
    if spec.max_tasks_per_second == 0 or (user.rate is not None and user.rate.full):
        return Reason("user_rate", (user.name, spec.max_tasks_per_second))
    return None


def job_blocked(job: Job) -> Reason | None:
    """Why the job may start nothing at all."""
    if job.deleting:
        return _JOB_DELETING
    if job.off:
        return _JOB_PAUSED
    if job.waiting_time:
        return _JOB_WAITS_TIME
    spec = job.spec
    if spec.priority == 0:
        return _JOB_PRIORITY
    limit = spec.max_running_tasks
    if 0 <= limit <= job.running:
        return Reason("job_max_running", (limit,))
    if spec.max_tasks_per_second == 0 or (job.rate is not None and job.rate.full):
        return Reason("job_rate", (spec.max_tasks_per_second,))
    return None


def block_blocked(block: Block) -> Reason | None:
    """Why the block may start nothing at all."""
    if block.waiting:
        blocks = block.job.blocks
        waits = next(n for n in block.depends_on if n != block.num and not blocks[n].done)
        return Reason("block_waits", (blocks[waits].spec.name,))
    limit = block.spec.max_running_tasks
    if 0 <= limit <= len(block.open):
        return Reason("block_max_running", (limit,))
    hold = block.hold
    if hold is not None:
        if hold.held:
            return Reason("service_held", (hold.service, round(hold.wait_s)))
        if hold.probe:
            return Reason("service_probing", (hold.service,))
    return None


def task_blocked(block: Block, task: int, mono: float) -> Reason | None:
    """Why the task is not a candidate; None when it is READY."""
    code = block.code(task)
    if code == Code.READY:
        return None
    run = block.open.get(task)
    if run is not None:
        if run.stop_cause:
            return Reason("task_stopping", (run.render.name, run.stop_cause))
        word = "task_running" if code == Code.RUNNING else "task_reconnect"
        return Reason(word, (run.render.name,))
    extra = block.extras.get(task)
    if code == Code.ERROR:
        if extra and extra.reason:
            return Reason("task_hosts_avoided", (extra.reason,))
        return Reason("task_error", (block.columns.errors[task] if block.columns else 0,))
    if code == Code.RETRY:
        wait = extra.retry_mono - mono if extra else 0.0
        return Reason("task_retry", (max(1, round(wait)),))
    if code == Code.SUSPENDED and extra and extra.reason:
        return Reason("task_held", (extra.reason,))
    return Reason(
        {
            Code.DONE: "task_done",
            Code.SKIPPED: "task_skipped",
            Code.SUSPENDED: "task_suspended",
        }.get(code, "task_waits")
    )


# ----------------------------------------------------------------------------- a render itself


def render_not_ready(render: Render, mono: float) -> Reason | None:
    """Why nothing at all can start on the render (SEMANTICS 3.5)."""
    if not render.link:
        return _OFFLINE
    spec = render.spec
    if spec.paused:
        return _PAUSED
    if spec.priority == 0:
        return _PRIORITY
    if render.draining:
        return _DRAINING
    if render.cool_mono > mono:
        return Reason("render_cooling", (max(1, round(render.cool_mono - mono)),))
    if render.probing and render.running:
        return _PROBING
    capacity = render.capacity
    if 0 <= capacity <= render.capacity_used:
        return Reason("render_full", (render.capacity_used, capacity))
    if render.running >= render.max_tasks:
        return Reason("render_slots", (render.max_tasks,))
    return None


# ------------------------------------------------------------------------ the work on a render


def user_not_on(user: User, render: Render) -> Reason | None:
    """Why no work of the user may start on the render."""
    limit = user.spec.max_running_tasks_per_host
    if 0 <= limit <= user.running_on.get(render.name, 0):
        return Reason("user_per_host", (user.name, limit))
    return None


def job_not_on(job: Job, render: Render) -> Reason | None:
    """Why no block of the job may start on the render."""
    spec = job.spec
    if not spec.ignorenimby:
        if render.spec.NIMBY:
            return _NIMBY_ALL
        owner = render.spec.user_name or render.user_name
        if render.spec.nimby and owner != job.user.name:
            return Reason("nimby", (owner,))
    limit = spec.max_running_tasks_per_host
    if 0 <= limit <= job.running_on.get(render.name, 0):
        return Reason("job_per_host", (limit,))
    return None


def least_capacity(block: Block) -> int:
    """The smallest capacity one task of the block takes (SEMANTICS 3.8)."""
    spec = block.spec
    if spec.variable_capacity and spec.capacity_coeff_min > 0:
        return spec.capacity * spec.capacity_coeff_min
    return spec.capacity


def coefficient(block: Block, render: Render) -> int:
    """Coefficient that a task of the block gets on the render now; 0 = the block has none (R28).

    A maximum below the minimum counts as the minimum.
    """
    spec = block.spec
    if not spec.variable_capacity:
        return 0
    least, most = max(spec.capacity_coeff_min, 1), spec.capacity_coeff_max
    if render.capacity < 0:
        return max(most, least)
    coeff = (render.capacity - render.capacity_used) // spec.capacity
    return min(coeff, max(most, least)) if most > 0 else coeff


def block_never_on(block: Block, render: Render) -> Reason | None:
    """The lasting checks: why the block could not run there even on an idle render (R13)."""
    needed = least_capacity(block)
    capacity = render.capacity
    if 0 <= capacity < needed:
        return Reason("capacity_total", (needed, capacity))
    return None


def block_not_on(block: Block, render: Render) -> Reason | None:
    """Why no task of the block may start on the render now."""
    limit = block.spec.max_running_tasks_per_host
    if 0 <= limit <= block.running_on.get(render.name, 0):
        return Reason("block_per_host", (limit,))
    capacity = render.capacity
    if capacity >= 0:
        needed = least_capacity(block)
        if render.capacity_used + needed > capacity:
            if needed > capacity:
                return Reason("capacity_total", (needed, capacity))
            return Reason("capacity_free", (needed, capacity - render.capacity_used))
    if block.error_hosts and block.avoids(render.name):
        return Reason("block_avoids", (block.error_hosts[render.name].count,))
    return None


def task_not_on(block: Block, task: int, render: Render, wall: float) -> Reason | None:
    """Why this task may not start on the render, for a reason of its own (R12)."""
    extra = block.extras.get(task)
    if extra is None:
        return None
    if extra.error_hosts and block.task_avoids(task, render.name):
        return Reason("task_avoids", (extra.error_hosts[render.name].count,))
    until = extra.ejected.get(render.name, 0.0)
    if until > wall:
        return Reason("task_ejected", (round(wall - (until - EJECT_AWAY_S)),))
    return None
