"""Cures of what stops the work itself: its user, branches, job, block or task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from afanasy.core import events
from afanasy.core.host.host_values import lost_after_s
from afanasy.core.why.case import Case, Cure, Maker, sentence, until_ended


def _more_running(who: Callable[[Case], tuple[str, int, Callable[..., Cure]]]) -> Maker:
    """Raise ``max_running_tasks`` of somebody by as much as is needed."""

    def cure(case: Case) -> Cure:
        word, running, edit = who(case)
        text = f"raise max_running_tasks of {word} to {running + 1}"
        return edit(until_ended(case.reason, "of it") + text, max_running_tasks=running + 1)

    return cure


def _faster(edit: Callable[[Case], Callable[..., Cure]]) -> Maker:
    """Raise ``max_tasks_per_second``, or take it away where it lets nothing start."""

    def cure(case: Case) -> Cure:
        limit = case.reason.figures[-1]
        assert isinstance(limit, int)
        if limit == 0:
            return edit(case)("take max_tasks_per_second away", max_tasks_per_second=-1)
        text = f"wait a second, or raise max_tasks_per_second to {limit + 1}"
        return edit(case)(text, max_tasks_per_second=limit + 1)

    return cure


def _path(case: Case) -> str:
    return str(case.reason.figures[0])


def _start_job(case: Case) -> Cure:
    return Cure("start the job", (events.OperateJob(case.block.job.serial, "start"),))


def _job_waits(case: Case) -> Cure:
    spec = case.block.job.spec
    unset: dict[str, object] = {}
    for name, masked in (
        ("depend_mask", spec.depend_mask),
        ("depend_mask_global", spec.depend_mask_global),
    ):
        if masked:
            unset[name] = ""
    if spec.depend_jobs:
        unset["depend_jobs"] = []
    first, more = case.reason.figures
    return case.job(f"wait for job {first}{more}, or clear {' and '.join(unset)}", **unset)


def _block_waits(case: Case) -> Cure:
    text = f"wait for block {case.reason.figures[0]}, or clear depend_mask of the block"
    return case.of_block(text, depend_mask="")


def _held(case: Case) -> Cure:
    hold = case.block.hold
    left = max(1, round(hold.until_mono - case.now.mono)) if hold is not None else 0
    return Cure(f"wait {left} s, or free a licence; one task is tried then")


def _reset_errors(case: Case) -> tuple[events.Event, ...]:
    serial, num = case.block.job.serial, case.block.num
    return (events.OperateBlocks(serial, [num], "reset_error_hosts"),)


def _restart_after_hosts(case: Case) -> Cure:
    text = "mend the hosts, then forget their errors and restart the task"
    return Cure(text, (*_reset_errors(case), *case.tasks("", "restart").events))


def _reconnect(case: Case) -> Cure:
    run = case.block.open[case.task]
    render, name = run.render, run.render.name
    extra = case.block.extras.get(case.task)
    if case.block.spec.on_lost_render == "hold":
        if extra is not None and extra.reason:
            return case.tasks(f"start {name} again, or give it up: restart the task", "restart")
        return Cure(f"wait until {name} is back; its block says that it is waited for")
    silent_since = max(render.contact_mono, case.farm.serving_mono)
    left = max(1, round(silent_since + lost_after_s(case.farm, render) - case.now.mono))
    return Cure(f"wait until {name} is back; in {left} s the task may start elsewhere")


def _resubmit(case: Case) -> Cure:
    line = f"afcmd resubmit {case.block.job.serial}"
    return Cure("it ends with its running tasks; submit it again", (), (line,))


CURES: Final[dict[str, Maker]] = {
    "user_priority_zero": lambda c: c.user("give the user a priority", priority=99),
    "user_paused": lambda c: c.user("end the pause of the user", paused=False),
    "user_max_running": _more_running(
        lambda c: (f"user {c.block.job.user.name}", c.block.job.user.running, c.user)
    ),
    "user_rate": _faster(lambda c: c.user),
    "job_paused": _start_job,
    "job_waits_pre": lambda c: c.job("wait, or clear command_pre of the job", command_pre=""),
    "job_pre_failed": lambda c: c.job(
        "mend the cause and restart the job, which runs it again; or clear command_pre of the job",
        command_pre="",
    ),
    "job_waits_time": lambda c: c.job("wait until then, or set time_wait to 0", time_wait=0),
    "job_waits_jobs": _job_waits,
    "job_deleting": _resubmit,
    "job_priority_zero": lambda c: c.job("give the job a priority", priority=99),
    "job_max_running": _more_running(lambda c: ("the job", c.block.job.running, c.job)),
    "job_rate": _faster(lambda c: c.job),
    "job_ppa": lambda c: c.job("look at the preview, then switch ppa off", ppa=False),
    "branch_paused": lambda c: c.branch("end the pause of the branch", paused=False),
    "branch_priority_zero": lambda c: c.branch("give the branch a priority", priority=99),
    "branch_max_running": _more_running(
        lambda c: (f"branch {_path(c)}", c.farm.branches[_path(c)].running, c.branch)
    ),
    "branch_rate": _faster(lambda c: c.branch),
    "block_waits_pre": lambda c: c.of_block(
        "wait, or clear command_pre of the block", command_pre=""
    ),
    "block_pre_failed": lambda c: c.of_block(
        "mend the cause and restart the block, which runs it again; or clear its command_pre",
        command_pre="",
    ),
    "block_waits": _block_waits,
    "block_max_running": _more_running(lambda c: ("the block", c.block.running, c.of_block)),
    "service_held": _held,
    "service_probing": sentence("wait for the task that tries whether licences are back"),
    "task_waits": lambda c: c.of_block(
        "wait for those tasks, or clear tasks_depend_mask of the block", tasks_depend_mask=""
    ),
    "task_error": lambda c: c.tasks("mend the cause, then restart the task", "restart"),
    "task_hosts_avoided": _restart_after_hosts,
    "task_suspended": lambda c: c.tasks("continue the task", "continue"),
    "task_held": lambda c: c.tasks("find out why hosts died of it, then continue it", "continue"),
    "task_retry": lambda c: c.tasks("wait, or restart the task", "restart"),
    "task_done": lambda c: c.tasks("restart the task", "restart"),
    "task_skipped": lambda c: c.tasks("restart the task", "restart"),
    "task_running": sentence("nothing: it runs"),
    "task_stopping": sentence("wait until its processes are gone"),
    "task_reconnect": _reconnect,
    "behind_others": sentence("wait: other work is owed more"),
}
