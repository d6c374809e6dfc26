"""Why work cannot start anywhere: the checks of user, job, block and task, hosts aside.

``solve`` asks these functions and only looks whether the answer is None; ``explain`` asks the same
ones and shows the answers. So "why is it not running" can never disagree with what is done
(DESIGN 2). The checks that ask about a render are :mod:`afanasy.core.place.checks_host`
(SEMANTICS 3.4).
"""

from __future__ import annotations

from typing import Final

from af.words import plural
from afanasy.core.depend import depends, task_depends
from afanasy.core.limit import limits
from afanasy.core.place.reasons import Reason
from afanasy.core.state import Block, Branch, Job, User
from afanasy.core.system.system_state import PreCommand
from afanasy.core.tasks import Code

# Reasons without figures, made once: refusing is the common case.
_JOB_PAUSED: Final = Reason("job_paused", ("",))
_JOB_DELETING: Final = Reason("job_deleting")
_PPA: Final = Reason("job_ppa", ("the preview is done",))
_BEHIND_PPA: Final = Reason("job_ppa", ("the task is behind the preview",))
_JOB_PRIORITY: Final = Reason("job_priority_zero")
_TASK_STATES: Final = {
    Code.DONE: "task_done",
    Code.SKIPPED: "task_skipped",
    Code.SUSPENDED: "task_suspended",
}


def user_blocked(user: User) -> Reason | None:
    """Why the user may start nothing at all."""
    spec = user.spec
    if spec.priority == 0:
        return Reason("user_priority_zero", (user.name,))
    if spec.paused:
        return Reason("user_paused", (user.name,))
    limit = spec.max_running_tasks
    if 0 <= limit <= user.running:
        return Reason("user_max_running", (user.name, user.running, limit))
    if spec.max_running_tasks_per_host == 0:
        return Reason("user_per_host", (user.name, 0, 0))
    if spec.max_tasks_per_second == 0 or (user.rate is not None and user.rate.full):
        return Reason("user_rate", (user.name, spec.max_tasks_per_second))
    return None


def job_blocked(job: Job) -> Reason | None:
    """Why the job may start nothing at all."""
    if job.deleting:
        return _JOB_DELETING
    if job.off:
        return _paused(job)
    if job.pre is not None:
        return _pre("job", job.pre)
    if job.waiting_time:
        return Reason("job_waits_time", (job.spec.time_wait,))
    if job.waiting_jobs:
        names = [other.spec.name for other in depends.blockers(job)]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return Reason("job_waits_jobs", (names[0], more))
    spec = job.spec
    if spec.priority == 0:
        return _JOB_PRIORITY
    limit = spec.max_running_tasks
    if 0 <= limit <= job.running:
        return Reason("job_max_running", (job.running, limit))
    if spec.max_running_tasks_per_host == 0:
        return Reason("job_per_host", (0, 0))
    if spec.max_tasks_per_second == 0 or (job.rate is not None and job.rate.full):
        return Reason("job_rate", (spec.max_tasks_per_second,))
    if job.branch is not None and job.branch.asked:
        return branches_blocked(job.branch.asked)
    return None


def branches_blocked(branches: tuple[Branch, ...]) -> Reason | None:
    """Why nothing of the branches may start at all; ``branches`` from the job's upwards."""
    for branch in branches:
        spec = branch.spec
        if spec.paused:
            return Reason("branch_paused", (branch.path,))
        if spec.priority == 0:
            return Reason("branch_priority_zero", (branch.path,))
        limit = spec.max_running_tasks
        if 0 <= limit <= branch.running:
            return Reason("branch_max_running", (branch.path, branch.running, limit))
        if spec.max_running_tasks_per_host == 0:
            return Reason("branch_per_host", (branch.path, 0, 0))
        if spec.max_tasks_per_second == 0 or (branch.rate is not None and branch.rate.full):
            return Reason("branch_rate", (branch.path, spec.max_tasks_per_second))
    return None


def block_blocked(block: Block) -> Reason | None:
    """Why the block may start nothing at all."""
    if block.pre is not None:
        return _pre("block", block.pre)
    if block.waiting:
        assert block.gate is not None
        waits = next(block.gate.blockers(block.num))
        return Reason("block_waits", (waits.spec.name,))
    if block.job.spec.ppa and block.preview_done():
        return _PPA
    limit = block.spec.max_running_tasks
    if 0 <= limit <= len(block.open):
        return Reason("block_max_running", (len(block.open), limit))
    if block.spec.max_running_tasks_per_host == 0:
        return Reason("block_per_host", (0, 0))
    hold = block.hold
    if hold is not None:
        if hold.held:
            return Reason("service_held", (hold.service, round(hold.wait_s)))
        if hold.probe:
            return Reason("service_probing", (hold.service,))
    if block.fits is not None and block.fits.asks:
        return limits.exhausted(block.fits.asks)
    return None


def behind_preview(block: Block, task: int) -> Reason | None:
    """The task is not of its job's preview, of which some tasks still wait (SEMANTICS 1.5)."""
    job = block.job
    if not job.spec.ppa or block.spec.sequential <= 1 or (block.num, task) in job.try_next:
        return None
    order = block.order()
    return _BEHIND_PPA if order.rank_of(task) >= order.stepped_count() else None


def _paused(job: Job) -> Reason:
    """The job is paused: by hand, or because too many of its tasks are in error (R16)."""
    limit = job.spec.errors_job_max
    if limit < 0:
        limit = job.user.spec.errors_job_max
    if limit > 0:
        failed = sum(block.counts[Code.ERROR] for block in job.blocks)
        if failed >= limit:
            text = f": {plural(failed, 'task is', 'tasks are')} in error, errors_job_max is {limit}"
            return Reason("job_paused", (text,))
    return _JOB_PAUSED


def _pre(who: str, pre: PreCommand) -> Reason:
    """The pre command of a job or block is waited for, or failed (R31)."""
    if pre.failed:
        return Reason(f"{who}_pre_failed", (pre.failed, pre.where("output")))
    return Reason(f"{who}_waits_pre", (pre.where("why"),))


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
    if code == Code.WAITING:
        return Reason("task_waits", (task_depends.waits_for(block, task),))
    return Reason(_TASK_STATES[code])
