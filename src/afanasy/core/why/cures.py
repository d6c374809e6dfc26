"""What would let a task start: for each reason the edit or operation that lifts it.

``explain`` gives reasons; a :class:`Cure` says what to do about one, as a sentence and, where a
request can do it, as events of the core. A test applies them to a copy of the farm and the task
must start. Some reasons end by themselves (a retry wait, a host that is busy) or need a hand (an
agent that is not running): their cures are sentences only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from afanasy.core import events
from afanasy.core.limit.limits import Limited
from afanasy.core.limit.usages import SERVICE
from afanasy.core.place.checks_host import least_capacity
from afanasy.core.place.reasons import Reason
from afanasy.core.state import Block, Farm, Render
from afanasy.model.clock import Now


class Cure(NamedTuple):
    """What to do about a reason."""

    text: str
    events: tuple[events.Event, ...] = ()


class Case(NamedTuple):
    """A task that does not start, the render it was refused on (None: the work itself), why."""

    farm: Farm
    block: Block
    task: int
    render: Render | None
    reason: Reason
    now: Now

    def job(self, text: str, **params: object) -> Cure:
        """Edit the job."""
        return Cure(text, (events.EditJob(self.block.job.serial, dict(params)),))

    def of_block(self, text: str, **params: object) -> Cure:
        """Edit the block."""
        event = events.EditBlocks(self.block.job.serial, [self.block.num], dict(params))
        return Cure(text, (event,))

    def user(self, text: str, **params: object) -> Cure:
        """Edit the owner."""
        return Cure(text, (events.EditUser(self.block.job.user.name, dict(params)),))

    def branch(self, text: str, **params: object) -> Cure:
        """Edit the branch that the reason names."""
        path = str(self.reason.figures[0])
        return Cure(text, (events.EditBranch(path, dict(params)),))

    def host(self, text: str, **params: object) -> Cure:
        """Edit the render."""
        assert self.render is not None
        return Cure(text, (events.EditRender(self.render.name, dict(params)),))

    def tasks(self, text: str, operation: str) -> Cure:
        """An operation on the task."""
        part = range(self.task, self.task + 1)
        job, num = self.block.job.serial, self.block.num
        return Cure(text, (events.OperateBlocks(job, [num], operation, [part]),))

    def more_services(self) -> list[str]:
        """The services of the render with the one that it lacks."""
        assert self.render is not None
        return [*self.render.spec.services, str(self.reason.figures[0])]

    def whose(self, name: str, unset: object) -> Cure:
        """Take a restriction away from whoever has it: the reason's first figure says who."""
        word, _, which = str(self.reason.figures[0]).partition(" ")
        text = f"clear {name} of the {self.reason.figures[0]}"
        match word:
            case "user":
                return self.user(text, **{name: unset})
            case "branch":
                return Cure(text, (events.EditBranch(which, {name: unset}),))
            case "job":
                return self.job(text, **{name: unset})
            case _:
                return self.of_block(text, **{name: unset})


def _user_running(case: Case) -> Cure:
    more = case.block.job.user.running + 1
    return case.user(f"raise max_running_tasks of the user to {more}", max_running_tasks=more)


def _job_running(case: Case) -> Cure:
    more = case.block.job.running + 1
    return case.job(f"raise max_running_tasks of the job to {more}", max_running_tasks=more)


def _block_running(case: Case) -> Cure:
    more = case.block.running + 1
    return case.of_block(f"raise max_running_tasks of the block to {more}", max_running_tasks=more)


def _branch_running(case: Case) -> Cure:
    more = case.farm.branches[str(case.reason.figures[0])].running + 1
    text = f"raise max_running_tasks of the branch to {more}"
    return case.branch(text, max_running_tasks=more)


def _rate(edit: Callable[[Case], Callable[..., Cure]]) -> Callable[[Case], Cure]:
    def cure(case: Case) -> Cure:
        if case.reason.figures[-1] == 0:
            return edit(case)("take max_tasks_per_second away", max_tasks_per_second=-1)
        return Cure("wait: it may start again within a second")

    return cure


def _block_waits(case: Case) -> Cure:
    text = f"wait for {case.reason.figures[0]}, or clear depend_mask of the block"
    return case.of_block(text, depend_mask="")


def _job_waits(case: Case) -> Cure:
    text = "wait for those jobs, or clear the depend masks of the job"
    return case.job(text, depend_mask="", depend_mask_global="", depend_jobs=[])


def _capacity(case: Case) -> Cure:
    assert case.render is not None
    needed = case.render.capacity_used + least_capacity(case.block)
    text = f"wait until tasks there end, or raise capacity_host of the render to {needed}"
    return case.host(text, capacity_host=needed)


def _capacity_total(case: Case) -> Cure:
    assert case.render is not None
    room = max(case.render.capacity, 1)
    text = f"lower capacity of the block to {room}, or raise capacity_host of the render"
    if case.block.spec.variable_capacity:
        return case.host(text, capacity_host=least_capacity(case.block))
    return case.of_block(text, capacity=room)


def _slots(case: Case) -> Cure:
    assert case.render is not None
    more = case.render.running + 1
    text = f"wait until a task there ends, or raise max_tasks_host of the render to {more}"
    return case.host(text, max_tasks_host=more)


def _per_host(edit: Callable[[Case], Callable[..., Cure]], who: str) -> Callable[[Case], Cure]:
    def cure(case: Case) -> Cure:
        text = f"take max_running_tasks_per_host of the {who} away"
        return edit(case)(text, max_running_tasks_per_host=-1)

    return cure


def _pool(case: Case) -> Cure:
    path = str(case.reason.figures[0])
    steps = tuple(
        events.EditPool(pool.path, {"paused": False, "priority": max(pool.spec.priority, 1)})
        for pool in case.farm.pools[path].upwards()
        if pool.spec.paused or not pool.spec.priority
    )
    return Cure(f"give pool {path} and those above a priority, and end their pause", steps)


def _avoided(case: Case) -> Cure:
    serial, num = case.block.job.serial, case.block.num
    return Cure(
        "reset the error hosts of the block once the host is mended",
        (events.OperateBlocks(serial, [num], "reset_error_hosts"),),
    )


def _heal(case: Case) -> Cure:
    assert case.render is not None
    text = "wait, or say that the host is well: heal_sick"
    return Cure(text, (events.OperateRender(case.render.name, "heal_sick"),))


def _free(case: Case) -> Cure:
    assert case.render is not None
    return case.host(
        f"free {case.render.name}, or let the job ignore nimby", nimby=False, NIMBY=False
    )


def _restart_after_hosts(case: Case) -> Cure:
    again = case.tasks("", "restart").events
    return Cure("reset the error hosts and restart the task", (*_avoided(case).events, *again))


def _sentence(text: str) -> Callable[[Case], Cure]:
    return lambda case: Cure(text)


#: Code of a reason → its cure.
CURES: dict[str, Callable[[Case], Cure]] = {
    "user_priority_zero": lambda c: c.user("give the user a priority", priority=99),
    "user_paused": lambda c: c.user("end the pause of the user", paused=False),
    "user_max_running": _user_running,
    "user_rate": _rate(lambda c: c.user),
    "job_paused": lambda c: Cure(
        "start the job", (events.OperateJob(c.block.job.serial, "start"),)
    ),
    "job_waits_time": lambda c: c.job("wait, or set time_wait to 0", time_wait=0),
    "job_waits_jobs": _job_waits,
    "job_deleting": _sentence("submit it again"),
    "job_priority_zero": lambda c: c.job("give the job a priority", priority=99),
    "job_max_running": _job_running,
    "job_rate": _rate(lambda c: c.job),
    "job_ppa": lambda c: c.job("look at the preview, then switch ppa off", ppa=False),
    "branch_paused": lambda c: c.branch("end the pause of the branch", paused=False),
    "branch_priority_zero": lambda c: c.branch("give the branch a priority", priority=99),
    "branch_max_running": _branch_running,
    "branch_rate": _rate(lambda c: c.branch),
    "block_waits": _block_waits,
    "block_max_running": _block_running,
    "limit_full": lambda c: _limit(c, units=True),
    "limit_short": lambda c: _limit(c, units=True),
    "limit_hosts": lambda c: _limit(c, units=False),
    "limit_host": _sentence("wait until one there ends, or raise the count of the host"),
    "service_no_pattern": lambda c: c.host(
        f"add a pattern for it to the farm file, or the service {c.reason.figures[0]} to the "
        "render", services=c.more_services()
    ),
    "service_absent": lambda c: c.host(
        f"add the service {c.reason.figures[0]} to the render", services=c.more_services()
    ),
    "service_disabled": _sentence("enable the service where it is disabled"),
    "service_held": _sentence("wait, or free a licence; it is tried again by itself"),
    "service_probing": _sentence("wait for the task that tries whether licences are back"),
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
    "task_running": _sentence("it runs"),
    "task_stopping": _sentence("wait until its processes are gone"),
    "task_reconnect": _sentence("wait until its host is back, or restart the task"),
    "behind_others": _sentence("wait: other work is owed more, or raise the priority of the job"),
    "render_offline": _sentence("start afrender there"),
    "render_paused": lambda c: c.host("end the pause of the render", paused=False),
    "render_priority_zero": lambda c: c.host("give the render a priority", priority=99),
    "render_sick": _heal,
    "render_falling": _sentence("wait until it sleeps, then wake it"),
    "render_reserved": _sentence("wait, or pause the job that it is kept for"),
    "pool_not_ready": _pool,
    "render_draining": _sentence("start its afrender again without --drain"),
    "render_full": _capacity,
    "render_slots": _slots,
    "render_cooling": _heal,
    "render_probing": _heal,
    "NIMBY": _free,
    "nimby": _free,
    "user_per_host": _per_host(lambda c: c.user, "user"),
    "job_per_host": _per_host(lambda c: c.job, "job"),
    "block_per_host": _per_host(lambda c: c.of_block, "block"),
    "branch_per_host": _per_host(lambda c: c.branch, "branch"),
    "hosts_mask": lambda c: c.whose("hosts_mask", ""),
    "hosts_mask_exclude": lambda c: c.whose("hosts_mask_exclude", ""),
    "need_os": lambda c: c.whose("need_os", ""),
    "need_properties": lambda c: c.whose("need_properties", ""),
    "need_power": lambda c: c.whose("need_power", -1),
    "need_cpu": lambda c: c.of_block(
        "lower the need of processors", need_cpu_cores=-1, need_cpu_freq_mgz=-1,
        need_cpu_freq_cores=-1,
    ),
    "need_gpus_total": lambda c: c.of_block(
        "lower the need of GPUs", need_gpus=0, need_gpu_mem_mb=-1
    ),
    "need_gpus": lambda c: c.of_block(
        "wait until a task there ends, or lower the need of GPUs", need_gpus=0, need_gpu_mem_mb=-1
    ),
    "need_gpu_mem_mb": lambda c: c.of_block(
        "wait until GPU memory is free, or lower need_gpu_mem_mb", need_gpu_mem_mb=-1
    ),
    "need_memory": lambda c: _amount(c, "need_memory"),
    "need_hdd": lambda c: _amount(c, "need_hdd"),
    "pool_forbidden": lambda c: c.whose("pools", {}),
    "pool_other": lambda c: c.whose("pools", {}),
    "task_maintenance": _sentence("start afrender on the host of that name"),
    "capacity_total": _capacity_total,
    "capacity_free": _capacity,
    "block_avoids": _avoided,
    "task_avoids": _avoided,
    "task_ejected": lambda c: c.tasks("wait ten minutes, or restart the task", "restart"),
}  # fmt: skip


def _limit(case: Case, *, units: bool) -> Cure:
    """Raise the limit of a service or ticket until one more task can start."""
    limited = case.reason.figures[0]
    assert isinstance(limited, Limited)
    usage = limited.usage
    name, held = usage.name, usage.below(limited.path)
    if usage.kind == SERVICE:
        event = (
            events.SetLimit(name, max_count=held.units + 1)
            if units
            else events.SetLimit(name, max_hosts=held.hosts + 1)
        )
        number = event.max_count if units else event.max_hosts
        option = "" if units else "--hosts "
        return Cure(
            "wait until one of those ends, or raise the limit: "
            f"afcmd limits set {name} {option}{number}",
            (event,),
        )
    pool = case.farm.pools[limited.path]
    count, hosts = pool.spec.tickets_pool[name]
    if units:
        count = held.units + case.block.spec.tickets[name]
    else:
        hosts = held.hosts + 1
    tickets = {**pool.spec.tickets_pool, name: (count, hosts)}
    what = f"to {count}" if units else f"on {hosts} hosts"
    text = f"wait until one of those ends, or raise ticket {name} of pool {pool.path} {what}"
    return Cure(text, (events.EditPool(pool.path, {"tickets_pool": tickets}),))


def _amount(case: Case, name: str) -> Cure:
    """Lower a need of memory or disk wherever it is set."""
    block = case.block
    job, none = block.job, {name: -1}
    text = f"wait until enough is free there, or lower {name}"
    steps: list[events.Event] = [
        events.EditBlocks(job.serial, [block.num], dict(none)),
        events.EditJob(job.serial, dict(none)),
        events.EditUser(job.user.name, dict(none)),
    ]
    if job.branch is not None:
        steps += [events.EditBranch(branch.path, dict(none)) for branch in job.branch.asked]
    if name == "need_memory" and case.task in block.extras:
        steps += case.tasks("", "restart").events  # it ran out of memory: forget that
    return Cure(text, tuple(steps))


def cure(case: Case) -> Cure:
    """What to do about the reason of a case."""
    return CURES[case.reason.code](case)
