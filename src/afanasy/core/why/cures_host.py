"""Cures of what a render refuses: its own state, and what the work asks of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, cast

from afanasy.core import events
from afanasy.core.host import power
from afanasy.core.host.mask_syntax import compile_mask
from afanasy.core.host.masks import READ_AS, host_matches, resolved_type, type_of
from afanasy.core.host.render_state import HOST_CAPACITY_DEFAULT
from afanasy.core.host.services_here import SYSTEM_SERVICES, levels
from afanasy.core.place import needs
from afanasy.core.place.checks_host import least_capacity, pool_matches
from afanasy.core.system import system_job
from afanasy.core.why import cures_limit, cures_work
from afanasy.core.why.case import Case, Cure, Maker, lowered, sentence, setting, until_ended
from afanasy.core.why.commands import command
from afanasy.model.attributes import BlockSpec, BranchSpec, WorkSpec
from afanasy.model.errors import UserError

# ----------------------------------------------------------------------------- a render itself


def _wake(case: Case) -> Cure:
    """A line and no event: the packet is sent by a task, and the host takes its time to come."""
    name = case.host.name
    if not power.somebody_sends(case.farm, case.now):
        return _nobody_sends(case)
    text = f"wait: work that could run on {name} wakes it; or wake it now"
    return Cure(text, (), (command(case.farm, events.OperateRender(name, "wol_wake")),))


def _waking(case: Case) -> Cure:
    if not power.somebody_sends(case.farm, case.now):
        return _nobody_sends(case)
    return Cure(f"wait until {case.host.name} is up")


def _nobody_sends(case: Case) -> Cure:
    """A host that is taken by its owner sends no packet, either; nor does any for a paused job."""
    blocked = power.sending_blocked(case.farm)
    if blocked is not None:
        block = case.farm.jobs[system_job.SERIAL].blocks[system_job.WAKE_ON_LAN]
        cures = {**cures_work.CURES, **cures_limit.CURES}
        inner = cures[blocked.code](Case(case.farm, block, 0, None, blocked, case.now))
        return inner._replace(text=f"let job 1 send the packet: {inner.text}")
    name = case.host.name
    return Cure(f"start or free a render that can send the packet, or switch {name} on by hand")


def _unpause(case: Case) -> Cure:
    return case.edit_host(f"end the pause of {case.host.name}", paused=False)


def _give_priority(case: Case) -> Cure:
    return case.edit_host(f"give {case.host.name} a priority", priority=99)


def _heal(case: Case) -> Cure:
    render = case.host
    left = round(render.cool_mono - case.now.mono)
    wait = "" if render.sick else f"wait {left} s, or " if left > 0 else "wait, or "
    text = f"{wait}say that {render.name} is well, when its fault is found"
    return Cure(text, (events.OperateRender(render.name, "heal_sick"),))


def _free(case: Case) -> Cure:
    text = f"free {case.host.name}, or let the job ignore nimby"
    return case.edit_host(text, nimby=False, NIMBY=False)


def _pool(case: Case) -> Cure:
    path = str(case.reason.figures[0])
    steps: list[events.Event] = []
    words: list[str] = []
    for pool in case.farm.pools[path].upwards():
        params: dict[str, object] = {}
        if not pool.spec.priority:
            params["priority"] = 99
            words.append(f"give pool {pool.path} a priority")
        if pool.spec.paused:
            params["paused"] = False
            words.append(f"end the pause of pool {pool.path}")
        if params:
            steps.append(events.EditPool(pool.path, params))
    return Cure(" and ".join(words), tuple(steps))


def _reserved(case: Case) -> Cure:
    assert case.host.reserved is not None
    serial = case.host.reserved[0]
    job, block = case.reason.figures
    text = f"wait until block {block} of job {job} has started there"
    if serial not in case.farm.jobs:
        return Cure(text)
    return Cure(f"{text}, or pause that job", (events.OperateJob(serial, "pause"),))


def _more_room(case: Case) -> Cure:
    render = case.host
    needed = render.capacity_used + least_capacity(case.block)
    wait = "wait until tasks there end, or "
    if case.reason.of_zero:
        wait, needed = "", max(needed, HOST_CAPACITY_DEFAULT)
    text = f"{wait}raise capacity_host of {render.name} to {needed}"
    return case.edit_host(text, capacity_host=needed)


def _more_slots(case: Case) -> Cure:
    more = case.host.slots_used + 1
    wait = until_ended(case.reason, "there")
    text = f"{wait}raise max_tasks_host of {case.host.name} to {more}"
    return case.edit_host(text, max_tasks_host=more)


def _too_big(case: Case) -> Cure:
    """Nothing of the block fits there, ever: a smaller block, else a larger host."""
    capacity, needed = case.host.capacity, least_capacity(case.block)
    larger = f"raise capacity_host of {case.host.name} to {needed}"
    room = capacity * case.block.spec.capacity // needed  # a task takes a multiple of that
    if room < 1:
        return case.edit_host(larger, capacity_host=needed)
    return case.of_block(f"lower capacity of the block to {room}, or {larger}", capacity=room)


# ------------------------------------------------------------------------- what the work asks of it


def _avoided(case: Case) -> Cure:
    serial, num = case.block.job.serial, case.block.num
    event = events.OperateBlocks(serial, [num], "reset_error_hosts")
    return Cure(f"mend {case.host.name}, then forget the errors of the block", (event,))


def _task_avoids(case: Case) -> Cure:
    text = f"mend {case.host.name}, then forget the errors of the task"
    return case.tasks(text, "reset_error_hosts")


def _ejected(case: Case) -> Cure:
    return case.tasks("wait ten minutes after the eject, or restart the task", "restart")


def _alone(case: Case) -> Cure:
    name = str(case.reason.figures[0])
    there = case.farm.renders.get(name)
    if there is None or not there.link:
        return Cure(f"start afrender on {name}: the job is for maintenance of the host it names")
    return Cure(f"see what {name} says: no other render may run the task")


def _service(case: Case) -> Cure:
    """List the service on the render: the nearest word counts."""
    render, service = case.host, case.block.spec.service
    text = f"add service {service} to {render.name}"
    if case.reason.code == "service_no_pattern":
        text = f"add a pattern for {render.name} to the farm file, or {text}"
    return Cure(text, (events.ChangeServices(render.name, "", "service_add", service),))


def _enable(case: Case) -> Cure:
    """Take the service from the list that disables it; what a pattern removes, the render lists."""
    render, service = case.host, case.block.spec.service
    for level in levels(case.farm, render):
        if service not in level.disabled:
            continue
        mask, pool = re.escape(service), level.origin.removeprefix("pool ")
        if level.origin == "operator":
            event = events.ChangeServices(render.name, "", "service_enable", mask)
            return Cure(f"enable service {service} on {render.name}", (event,))
        if pool != level.origin:
            event = events.ChangeServices("", pool, "service_enable", mask)
            return Cure(f"enable service {service} on {level.origin}", (event,))
        break
    remove = f"take service {service} out of remservice of {case.reason.figures[1]}"
    if service in SYSTEM_SERVICES:
        return Cure(remove)
    event = events.ChangeServices(render.name, "", "service_add", service)
    return Cure(f"{remove}, or add it to {render.name}", (event,))


def _clear(name: str, unset: object = "") -> Maker:
    return lambda case: case.whose(name, lambda _: unset)


#: Readings of all masks of somebody, in a sentence.
_READ_ALL: Final = {"find": "words that names begin with", "regex": "regular expressions"}


def _other_mask(case: Case) -> Cure:
    """The other reading of the masks, where that lets the host pass; else no such mask."""
    name, (word, _, read) = case.reason.code, case.reason.figures
    kind = "regex" if read == READ_AS["find"] else "find"
    clear = case.whose(name, lambda _: "")
    if name == "hosts_mask_exclude" and kind == "find":
        return clear  # an expression read as words excludes nobody, which nobody means
    job = case.block.job
    if word in ("job", "block"):  # a block's masks are read as those of its job
        whose, before = "job", type_of(job)
        specs: Sequence[BlockSpec | WorkSpec] = [job.spec, *(b.spec for b in job.blocks)]
    else:
        whose, spec = next((w, s) for w, s, _ in case.asking() if w == word)
        if not isinstance(spec, BranchSpec):
            return clear  # his type is that of all his jobs
        specs, before = [spec], spec.hosts_mask_type
    if not all(_passes(case, one, before, kind) for one in specs):
        return clear
    event = next(e for w, _, e in case.asking() if w == whose)
    text = f"read the hosts masks of the {whose} as {_READ_ALL[kind]}, or {clear.text}"
    return Cure(text, (setting(event, {"hosts_mask_type": kind}),))


def _passes(case: Case, spec: BlockSpec | WorkSpec, before: str, kind: str) -> bool:
    """Masks that are read anew when the type becomes ``kind`` let the host pass."""
    for mask, wanted in ((spec.hosts_mask, True), (spec.hosts_mask_exclude, False)):
        if not mask or resolved_type(mask, before) == kind:
            continue
        if kind == "regex":
            try:
                compile_mask(mask)
            except UserError:
                return False
        if host_matches(case.farm, mask, kind, case.host.name) is not wanted:
            return False
    return True


def _mask_off(case: Case) -> Cure:
    return _clear(str(case.reason.figures[1]))(case)


def _power(case: Case) -> Cure:
    has = case.reason.figures[2]
    assert isinstance(has, int)
    text = "clear {0} of the {1}" if has < 1 else "lower {0} of the {1} to {2}"
    return case.whose("need_power", lambda _: lowered(has), text)


def _pool_allowed(case: Case) -> Cure:
    """Forbid the pool no longer."""
    path = str(case.reason.figures[1])

    def left(pools: object) -> object:
        return {
            key: value
            for key, value in cast("dict[str, int]", pools).items()
            if value > -100 or not pool_matches(key, path)
        }

    return case.whose("pools", left, "allow pool " + path + " in {0} of the {1}")


def _pool_wanted(case: Case) -> Cure:
    """Want the pool, too."""
    path = str(case.reason.figures[1])

    def more(pools: object) -> object:
        return {**cast("dict[str, int]", pools), path: 100}

    return case.whose("pools", more, "add pool " + path + " to {0} of the {1}")


def _processors(case: Case) -> Cure:
    params: dict[str, object] = {
        name: lowered(has)
        for name, _, needed, has in needs.processors(case.block.spec, case.host)
        if needed > has
    }
    return case.of_block(f"lower {' and '.join(params)} of the block", **params)


def _cards(case: Case) -> Cure:
    """Fewer GPUs: as many as there are, or none at all."""
    has = case.reason.figures[1]
    assert isinstance(has, int)
    wait = "" if case.reason.code == "need_gpus_total" else "wait until a task there ends, or "
    if has:
        return case.of_block(f"{wait}lower need_gpus of the block to {has}", need_gpus=has)
    params: dict[str, object] = {"need_gpus": 0}
    if case.block.spec.need_gpu_mem_mb > 0:
        params["need_gpu_mem_mb"] = -1
    return case.of_block(f"{wait}let the block need no GPU", **params)


def _card_memory(case: Case) -> Cure:
    free = case.reason.figures[1]
    assert isinstance(free, int)
    wait = "" if case.reason.code in _TOTALS else "wait until GPU memory is free, or "
    text = f"{wait}lower need_gpu_mem_mb of the block to {free}"
    return case.of_block(text, need_gpu_mem_mb=lowered(free))


#: Needs of more than the host has at all.
_TOTALS: Final = frozenset({"need_memory_total", "need_hdd_total", "need_gpu_mem_total"})


def _amount(name: str) -> Maker:
    """Lower a need of memory or disk of everybody who asks for more than is free, or there."""

    def cure(case: Case) -> Cure:
        free = case.reason.figures[1]
        assert isinstance(free, int)
        whose: list[str] = []
        steps: list[events.Event] = []
        for word, spec, event in case.asking():
            if getattr(spec, name) > free:
                whose.append(f"the {word}")
                steps.append(setting(event, {name: lowered(free)}))
        total = case.reason.code in _TOTALS
        there = "it has" if total else "is free"
        how = f"lower {name} of {' and '.join(whose)} to what {there}" if whose else ""
        extra = case.block.extras.get(case.task)
        if name == "need_memory" and extra is not None and extra.need_memory_mb > free:
            forget = "restart the task: it is forgotten then that it ran out of memory"
            how = f"{how} and {forget}" if how else forget
            steps += case.tasks("", "restart").events
        wait = "" if total else "wait until enough is free there, or "
        return Cure(wait + how, tuple(steps))

    return cure


CURES: Final[dict[str, Maker]] = {
    "render_offline": lambda c: Cure(f"start afrender on {c.host.name}"),
    "render_asleep": _wake,
    "render_waking": _waking,
    "render_paused": _unpause,
    "render_priority_zero": _give_priority,
    "render_sick": _heal,
    "render_falling": sentence("wait until it sleeps: work that could run there wakes it"),
    "render_reserved": _reserved,
    "pool_not_ready": _pool,
    "render_leaving": lambda c: Cure(
        f"start afrender on {c.host.name} again; exit_no_task_time of its pool says how long it "
        "may be without a task"
    ),
    "render_draining": sentence("start its afrender again without --drain"),
    "render_full": _more_room,
    "render_slots": _more_slots,
    "render_cooling": _heal,
    "render_probing": _heal,
    "NIMBY": _free,
    "nimby": _free,
    "hosts_mask": _other_mask,
    "hosts_mask_exclude": _other_mask,
    "hosts_mask_off": _mask_off,
    "need_os": _clear("need_os"),
    "need_properties": _clear("need_properties"),
    "need_power": _power,
    "need_cpu": _processors,
    "need_gpus_total": _cards,
    "need_gpus": _cards,
    "need_gpu_mem_mb": _card_memory,
    "need_memory": _amount("need_memory"),
    "need_hdd": _amount("need_hdd"),
    "need_memory_total": _amount("need_memory"),
    "need_hdd_total": _amount("need_hdd"),
    "need_gpu_mem_total": _card_memory,
    "service_absent": _service,
    "service_no_pattern": _service,
    "service_disabled": _enable,
    "pool_forbidden": _pool_allowed,
    "pool_other": _pool_wanted,
    "task_maintenance": _alone,
    "capacity_total": _too_big,
    "capacity_free": _more_room,
    "block_avoids": _avoided,
    "task_avoids": _task_avoids,
    "task_ejected": _ejected,
}
