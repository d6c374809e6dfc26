"""Why is this task not running? The answer of the same checks that solving uses (DESIGN 2).

First the work itself is asked: a paused job or a task that is done needs no render. If nothing
stops the work, or only a limit that is reached, every render is asked, and renders that give the
same reason make one group: "12 renders: needs capacity 2000; 500 to 1000 is free now"
(:mod:`afanasy.core.why.groups`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from afanasy.core.depend.depend_warnings import warnings_about
from afanasy.core.host import power
from afanasy.core.host.schedule import clock_words
from afanasy.core.limit import limits
from afanasy.core.place import needs
from afanasy.core.place.checks import (
    behind_preview,
    block_blocked,
    job_blocked,
    task_blocked,
    user_blocked,
)
from afanasy.core.place.checks_host import (
    awake_not_ready,
    block_never_on,
    block_not_on,
    job_not_on,
    render_not_ready,
    task_not_on,
    user_not_on,
    who_took,
)
from afanasy.core.place.reasons import Reason
from afanasy.core.state import Block, Farm, Job, Render
from afanasy.core.tasks import Code, st_of
from afanasy.core.why.case import Case, Cure
from afanasy.core.why.cures import cure
from afanasy.core.why.groups import Group, add
from afanasy.model.clock import Now
from afanasy.model.states import job_state_text

#: Codes of a host that has no agent now, and is woken or may be.
ASLEEP: Final = frozenset({"render_asleep", "render_waking"})
#: Groups of renders for which explain says what would help there.
CURES_SHOWN: Final = 3


@dataclass(slots=True)
class Explanation:
    """The answer: one sentence, then groups of renders, the most hopeful first."""

    block: Block
    task: int
    state: str
    summary: str
    #: The reason that stops the work itself, when there is one.
    work: Reason | None = None
    #: Beside a limit that is reached: only those that refuse for another reason.
    classes: list[Group[Render]] = field(default_factory=list[Group[Render]])
    #: What would let it start: the reason that it is about, and what to do; of renders, in the
    #: order of their groups.
    cures: list[tuple[Reason, Cure]] = field(default_factory=list[tuple[Reason, Cure]])
    #: What is odd about what it waits for.
    warnings: list[str] = field(default_factory=list[str])


def explain(farm: Farm, block: Block, task: int, now: Now) -> Explanation:
    """Why ``task`` does not run; or that it does."""
    flags = block.columns.flags[task] if block.columns else 0
    state = job_state_text(st_of(block.code(task), flags)).strip()
    own = task_blocked(block, task, now.mono)
    around = job_blocked(block.job) or user_blocked(block.job.user) or block_blocked(block)
    # What waits for its retry does so for a minute at most: what comes then is the answer.
    retries = block.code(task) == Code.RETRY
    work = (around or own if retries else own or around) or behind_preview(block, task)
    result = Explanation(block, task, state, "", work)
    if not block.done:
        result.warnings = warnings_about(farm, block)
    if work is not None:
        work = result.work = _with_words(farm, None, work, now)
        result.summary = work.text()
        result.cures = [(work, cure(Case(farm, block, task, None, work, now)))]
        if work.code not in _LIMITS:
            return result
    groups: dict[tuple[str, ...], Group[Render]] = {}
    for render in sorted(farm.renders.values(), key=lambda r: r.name):
        reason = render_reason(farm, block, task, render, now)
        if work is None or (reason.code != "behind_others" and reason.text() != work.text()):
            add(groups, reason, render.name, render)
    for group in groups.values():
        group.reason = with_sender(farm, group.reason, now)
    result.classes = sorted(groups.values(), key=_hopefulness)
    if work is None:
        result.summary = _summary(farm, block, result.classes, now)
    for group in result.classes[:CURES_SHOWN]:
        case = Case(farm, block, task, group.nearest, group.reason, now)
        result.cures.append((group.shown(), cure(case)))
        if group.reason.code == "block_avoids":
            behind = _reason_now(farm, block, task, group.nearest, now)
            if behind.code != "block_avoids":
                result.cures.append((behind, cure(case._replace(reason=behind))))
    return result


def explain_idle(farm: Farm, job: Job, now: Now) -> tuple[Reason, Cure] | None:
    """Why a job of which no task waits would start none, and what would help; None = it would."""
    found = job_blocked(job) or user_blocked(job.user)
    if found is None:
        return None
    reason = _with_words(farm, None, found, now)
    return reason, cure(Case(farm, job.blocks[0], 0, None, reason, now))


def render_reason(farm: Farm, block: Block, task: int, render: Render, now: Now) -> Reason:
    """Why the task does not start on this render; the lasting reasons first.

    Where every suitable host is avoided, no other cure helps without that one: it comes first, and
    what else holds there is said beside it.
    """
    never = (
        block_never_on(farm, block, render)
        or limits.never_on(block.fits.asks if block.fits is not None else (), render)
        or needs.task_never_on(block, task, render)
    )
    if never is not None:
        return never
    reason = _reason_now(farm, block, task, render, now)
    if block.stuck and reason.code != "block_avoids" and block.avoids(render.name):
        errors = block.error_hosts[render.name].count
        return Reason("block_avoids", (errors, f"; {reason.text()}"))
    return reason


def _reason_now(farm: Farm, block: Block, task: int, render: Render, now: Now) -> Reason:
    """Why it does not start there now, although it could ever.

    A host that sleeps is woken for work that nothing else keeps from it: so that is asked before.
    What was done to one while it is being woken holds when it is up, too.
    """
    slots = not block.job.system
    not_ready = render_not_ready(render, now.mono, slots=slots)
    if not_ready is not None and not_ready.code in ASLEEP:
        awake = awake_not_ready(render, now.mono, slots=slots)
        reason = awake or _work_not_on(block, task, render, now) or not_ready
    else:
        reason = not_ready or _work_not_on(block, task, render, now) or Reason("behind_others")
    return _with_words(farm, render, reason, now)


def behind_sleep(farm: Farm, block: Block, render: Render, now: Now) -> Reason | None:
    """What keeps work of the block's job from a host without an agent, were it up; None = nothing.

    What the work itself asks for is left out: it is what was done to the host, and its faults.
    """
    found = awake_not_ready(render, now.mono) or job_not_on(block.job, render)
    return _with_words(farm, render, found, now) if found is not None else None


def _work_not_on(block: Block, task: int, render: Render, now: Now) -> Reason | None:
    job = block.job
    return (
        user_not_on(job.user, render)
        or job_not_on(job, render)
        or block_not_on(block, render)
        or task_not_on(block, task, render, now.wall)
    )


def work_blocked(farm: Farm, block: Block, now: Now) -> Reason | None:
    """Why the work behind a task waits, hosts aside, with words for people."""
    job = block.job
    found = user_blocked(job.user) or job_blocked(job) or block_blocked(block)
    return _with_words(farm, None, found, now) if found is not None else None


def _with_words(farm: Farm, render: Render | None, reason: Reason, now: Now) -> Reason:
    """The reason with what people know instead of a serial or unix seconds."""
    if reason.code == "job_waits_time":
        (moment,) = reason.figures
        assert isinstance(moment, int)
        return Reason(reason.code, (clock_words(farm, moment, now) or str(moment),))
    if render is not None and reason.code == "render_reserved":
        return _kept_for(farm, render)
    if render is not None and reason.code in _TAKEN:
        return _until(farm, render, reason, now)
    return reason


def with_sender(farm: Farm, reason: Reason, now: Now) -> Reason:
    """A host that is being woken while nobody can send the packet: the reason says so."""
    nobody = power.nobody_sends(farm, now) if reason.code == "render_waking" else ""
    return Reason(reason.code, (f"; {nobody}",)) if nobody else reason


def _kept_for(farm: Farm, render: Render) -> Reason:
    """The reservation with the id of the job and the name of the block, as people know them."""
    assert render.reserved is not None
    serial, num = render.reserved
    job = farm.jobs.get(serial)
    if job is None or num >= len(job.blocks):
        return Reason("render_reserved", (f"serial {serial}", num))  # ends with the next look
    return Reason("render_reserved", (str(job.id), job.blocks[num].spec.name))


#: Reasons of a taken host → what the members about it begin with (R65).
_TAKEN: Final = {"NIMBY": "nimby", "nimby": "nimby", "render_paused": "paused"}


def _until(farm: Farm, render: Render, reason: Reason, now: Now) -> Reason:
    """The reason with the time at which the host is given back, when there is one."""
    spec, word = render.spec, _TAKEN[reason.code]
    until = clock_words(farm, getattr(spec, f"{word}_until"), now)
    who = who_took(getattr(spec, f"{word}_by"), getattr(spec, f"{word}_reason"), until)
    return Reason(reason.code, (*reason.figures[:-1], who))


#: What ends when a task there ends, unless it is a limit of 0.
BUSY: Final = frozenset({"render_full", "render_slots", "capacity_free"})
#: Limits of the work, beside which it is asked what renders say, too.
_LIMITS: Final = frozenset(
    {"limit_full", "limit_short", "limit_over", "limit_no_host", "user_max_running",
     "branch_max_running", "job_max_running", "block_max_running", "user_per_host",
     "branch_per_host", "job_per_host", "block_per_host"}
)  # fmt: skip
#: What ends by itself, too, when work ends or time passes.
_PASSING: Final = frozenset(
    {"need_gpus", "need_gpu_mem_mb", "need_memory", "need_hdd", "limit_full", "limit_short",
     "limit_hosts", "limit_host", "user_per_host", "job_per_host", "block_per_host",
     "branch_per_host", "render_reserved", "render_probing", "render_cooling", "render_falling",
     "render_asleep", "render_waking", "task_ejected"}
)  # fmt: skip
#: What no time mends: the work asks for another host, or for more than there is.
_LASTING: Final = frozenset(
    {"hosts_mask", "hosts_mask_exclude", "hosts_mask_off", "need_os", "need_properties",
     "need_power", "need_cpu", "need_gpus_total", "need_gpu_mem_total", "need_memory_total",
     "need_hdd_total", "service_absent", "service_no_pattern", "service_disabled",
     "pool_forbidden", "pool_other", "capacity_total", "task_maintenance", "limit_over",
     "limit_host_over", "limit_no_host"}
)  # fmt: skip


#: The rank of what lasts.
_NEVER: Final = 5


def _hopefulness(found: Group[Render]) -> tuple[int, int, str]:
    """What time alone mends comes first, what nothing mends last."""
    return (_rank(found.reason), -found.count, found.shown().text())


def _rank(reason: Reason) -> int:
    code = reason.code
    if code == "behind_others":
        return 0
    if code in BUSY and not reason.of_zero:
        return 1
    if code in _PASSING and not reason.of_zero:
        return 2
    if code in _LASTING:
        return _NEVER
    return 4 if code == "render_offline" else 3


def _summary(farm: Farm, block: Block, classes: list[Group[Render]], now: Now) -> str:
    """One sentence; ``classes`` are all renders, the most hopeful first."""
    if not classes:
        return "there are no renders"
    first = classes[0].reason
    rank = _rank(first)
    if rank == _NEVER:
        return "no render of the farm could ever run it"
    if rank == 0:
        return "it is about to start"
    if rank == 1:
        return "the renders that could run it are busy"
    if block.stuck:
        return block.stuck
    if first.code == "render_offline":
        online = any(render.link for render in farm.renders.values())
        return "the renders that could run it are offline" if online else "no render is online"
    if first.code == "render_waking":
        return f"a render that could run it {first.text()}"
    if first.code == "render_asleep":
        sleep = "the renders that could run it sleep"
        if power.somebody_sends(farm, now):
            return sleep
        if power.sending_blocked(farm) is not None:
            return f"{sleep}; {power.nobody_sends(farm, now)}"
        return f"{sleep}, and none is online that could wake them"
    return f"no render takes it now: {classes[0].shown().text()}"


def first_waiting(block: Block) -> int:
    """A task of the block worth explaining: the next ready one, else the first that is not done."""
    task = block.first_ready()
    if task >= 0:
        return task
    for code in (Code.RETRY, Code.WAITING, Code.ERROR, Code.SUSPENDED, Code.RUNNING):
        found = block.touch().state.find(bytes([code]), 0, block.tasks_num)
        if found >= 0:
            return found
    return 0
