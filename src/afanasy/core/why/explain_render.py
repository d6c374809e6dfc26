"""Why is this render idle? The waiting work, asked in the order in which it would be served.

The same checks as everywhere (DESIGN 2), from the other side: a render that is not ready says why;
one that is ready is asked for the first ready task of each waiting block, and blocks that are
refused for the same reason make one class: "12 blocks: needs capacity 2000; 1000 is free now".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from afanasy.core.place.checks import block_blocked, job_blocked, user_blocked
from afanasy.core.place.checks_host import render_not_ready
from afanasy.core.place.reasons import Reason
from afanasy.core.place.solve import need
from afanasy.core.state import Block, Farm, Render
from afanasy.core.why.cures import Case, Cure, cure
from afanasy.core.why.explain import CURES_SHOWN, NAMES_SHOWN, render_reason
from afanasy.model.clock import Now

#: Waiting blocks that are asked: the first in order.
BLOCKS_ASKED: Final = 500


@dataclass(slots=True)
class WorkClass:
    """Blocks that the render refuses, or that do not start, for the same reason."""

    reason: Reason
    count: int = 0
    #: "JOB name, block name" of the first few.
    names: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class RenderExplanation:
    """The answer: one sentence, and the waiting work, the first in order first."""

    render: Render
    summary: str
    #: Why nothing at all can start there, when that is so.
    own: Reason | None = None
    classes: list[WorkClass] = field(default_factory=list[WorkClass])
    cures: list[tuple[Reason, Cure]] = field(default_factory=list[tuple[Reason, Cure]])


def explain_render(farm: Farm, render: Render, now: Now) -> RenderExplanation:
    """Why nothing (more) starts on the render."""
    own = render_not_ready(render, now.mono)
    result = RenderExplanation(render, "", own)
    found: dict[str, WorkClass] = {}
    for block in islice(_waiting(farm), BLOCKS_ASKED):
        task = block.queue().peek()
        job = block.job
        blocked = user_blocked(job.user) or job_blocked(job) or block_blocked(block)
        reason = blocked or render_reason(farm, block, task, render, now)
        group = found.get(reason.text())
        if group is None:
            group = found[reason.text()] = WorkClass(reason)
            if len(result.cures) < CURES_SHOWN:
                where = None if blocked is not None else render
                case = Case(farm, block, task, where, reason, now)
                result.cures.append((reason, cure(case)))
        group.count += 1
        if len(group.names) < NAMES_SHOWN:
            group.names.append(f"{job.spec.name}, {block.spec.name}")
    result.classes = list(found.values())
    if own is not None:
        result.summary = own.text()
    elif not result.classes:
        result.summary = "there is no work that waits"
    elif any(group.reason.code == "behind_others" for group in result.classes):
        result.summary = "work is about to start there"
    else:
        result.summary = f"no waiting work takes it: {result.classes[0].reason.text()}"
    return result


def _waiting(farm: Farm) -> Iterator[Block]:
    by = farm.branches["/"].spec.solve_need
    for user in sorted(farm.hungry.values(), key=lambda u: (-need(u, by), u.solved, u.name)):
        for job in user.queue:
            for block in job.blocks:
                if not block.waiting and block.queue().peek() >= 0:
                    yield block
