"""Why is this task not running? The answer of the same checks that solving uses (DESIGN 2).

First the work itself is asked: a paused job or a task that is done needs no render. If nothing
stops the work, every render is asked, and renders that give the same reason make one class:
"12 renders: needs capacity 2000; 1000 is free now".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from afanasy.core.depend.depend_warnings import warnings_about
from afanasy.core.place.checks import block_blocked, job_blocked, task_blocked, user_blocked
from afanasy.core.place.checks_host import (
    block_never_on,
    block_not_on,
    job_not_on,
    render_not_ready,
    task_not_on,
    user_not_on,
)
from afanasy.core.place.reasons import Reason
from afanasy.core.state import Block, Farm, Render
from afanasy.core.tasks import Code, st_of
from afanasy.core.why.cures import Case, Cure, cure
from afanasy.model.clock import Now
from afanasy.model.states import job_state_text

NAMES_SHOWN = 5
#: Classes of renders for which explain says what would help there.
CURES_SHOWN = 3


@dataclass(slots=True)
class RenderClass:
    """Renders that refuse for the same reason."""

    reason: Reason
    count: int = 0
    #: The first few names.
    names: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Explanation:
    """The answer: one sentence, then the classes, the most hopeful first."""

    block: Block
    task: int
    state: str
    summary: str
    #: The reason that stops the work itself, when there is one.
    work: Reason | None = None
    classes: list[RenderClass] = field(default_factory=list[RenderClass])
    #: What would let it start: the reason that it is about, and what to do.
    cures: list[tuple[Reason, Cure]] = field(default_factory=list[tuple[Reason, Cure]])
    #: What is odd about what it waits for.
    warnings: list[str] = field(default_factory=list[str])


def explain(farm: Farm, block: Block, task: int, now: Now) -> Explanation:
    """Why ``task`` does not run; or that it does."""
    flags = block.columns.flags[task] if block.columns else 0
    state = job_state_text(st_of(block.code(task), flags)).strip()
    work = (
        task_blocked(block, task, now.mono)
        or job_blocked(block.job)
        or user_blocked(block.job.user)
        or block_blocked(block)
    )
    result = Explanation(block, task, state, "", work)
    if not block.done:
        result.warnings = warnings_about(farm, block)
    if work is not None:
        result.summary = work.text()
        result.cures = [(work, cure(Case(farm, block, task, None, work, now)))]
        return result
    by_text: dict[str, RenderClass] = {}
    possible = 0
    for render in sorted(farm.renders.values(), key=lambda r: r.name):
        reason = render_reason(farm, block, task, render, now)
        possible += block_never_on(farm, block, render) is None
        found = by_text.setdefault(reason.text(), RenderClass(reason))
        found.count += 1
        if len(found.names) < NAMES_SHOWN:
            found.names.append(render.name)
    result.classes = sorted(by_text.values(), key=_hopefulness)
    result.summary = _summary(farm, block, result, possible)
    for found in result.classes[:CURES_SHOWN]:
        case = Case(farm, block, task, farm.renders[found.names[0]], found.reason, now)
        result.cures.append((found.reason, cure(case)))
    return result


def render_reason(farm: Farm, block: Block, task: int, render: Render, now: Now) -> Reason:
    """Why the task does not start on this render; the lasting reasons first."""
    job = block.job
    return (
        block_never_on(farm, block, render)
        or render_not_ready(render, now.mono, slots=not job.system)
        or user_not_on(job.user, render)
        or job_not_on(job, render)
        or block_not_on(block, render)
        or task_not_on(block, task, render, now.wall)
        or Reason("behind_others")
    )


#: Reasons that time alone mends come first, those that nothing mends last.
_LATER = {"behind_others": 0, "render_slots": 1, "render_full": 1, "capacity_free": 1}
_LAST = {"render_offline": 8, "capacity_total": 9}


def _hopefulness(found: RenderClass) -> tuple[int, int, str]:
    code = found.reason.code
    return (_LATER.get(code, _LAST.get(code, 4)), -found.count, found.reason.text())


def _summary(farm: Farm, block: Block, result: Explanation, possible: int) -> str:
    if not farm.renders:
        return "there are no renders"
    if not possible:
        return "no render of the farm could ever run it"
    if not any(render.link for render in farm.renders.values()):
        return "no render is online"
    first = result.classes[0].reason
    if first.code == "behind_others":
        return "it is about to start"
    if first.code in _LATER:
        return "the renders that could run it are busy"
    if block.stuck:
        return block.stuck
    return f"no render takes it now: {first.text()}"


def first_waiting(block: Block) -> int:
    """A task of the block worth explaining: the next ready one, else the first that is not done."""
    task = block.queue().peek()
    if task >= 0:
        return task
    for code in (Code.RETRY, Code.WAITING, Code.ERROR, Code.SUSPENDED, Code.RUNNING):
        found = block.touch().state.find(bytes([code]), 0, block.tasks_num)
        if found >= 0:
            return found
    return 0
