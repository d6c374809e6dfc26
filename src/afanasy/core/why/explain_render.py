"""Why is this render idle? The waiting work, asked in the order in which it would be served.

The same checks as everywhere (DESIGN 2), from the other side: a render that is not ready says why;
one that is ready is asked for the first ready task of each waiting block, and blocks that are
refused for the same reason make one group: "12 blocks: needs capacity 2000; 1000 is free now".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from afanasy.core.place.checks_host import render_not_ready
from afanasy.core.place.reasons import Reason
from afanasy.core.place.turns import in_turn
from afanasy.core.state import Block, Farm, Render
from afanasy.core.why.case import Case, Cure
from afanasy.core.why.cures import cure
from afanasy.core.why.explain import (
    ASLEEP,
    BUSY,
    CURES_SHOWN,
    behind_sleep,
    render_reason,
    with_sender,
    work_blocked,
)
from afanasy.core.why.groups import Group, add
from afanasy.model.clock import Now

#: Waiting blocks that are asked: the first in order.
BLOCKS_ASKED: Final = 500


@dataclass(slots=True)
class RenderExplanation:
    """The answer: one sentence, and the waiting work, the first in order first."""

    render: Render
    summary: str
    #: Why nothing at all can start there, when that is so.
    own: Reason | None = None
    #: Waiting blocks, named as JOB.BLOCK.
    classes: list[Group[Case]] = field(default_factory=list[Group[Case]])
    cures: list[tuple[Reason, Cure]] = field(default_factory=list[tuple[Reason, Cure]])


def explain_render(farm: Farm, render: Render, now: Now) -> RenderExplanation:
    """Why nothing (more) starts on the render."""
    own = render_not_ready(render, now.mono)
    if own is not None:
        own = with_sender(farm, own, now)
    result = RenderExplanation(render, "", own)
    groups: dict[tuple[str, ...], Group[Case]] = {}
    for block in islice(_waiting(farm), BLOCKS_ASKED):
        task = block.first_ready()
        blocked = work_blocked(farm, block, now)
        reason = blocked or render_reason(farm, block, task, render, now)
        where = None if blocked is not None else render
        name = f"{block.job.spec.name}.{block.spec.name}"
        add(groups, reason, name, Case(farm, block, task, where, reason, now))
    for group in groups.values():
        group.reason = with_sender(farm, group.reason, now)
    result.classes = list(groups.values())
    some = next((block for block in farm.blocks.values() if block.job.system), None)
    asked = {group.reason.code for group in result.classes}
    if own is not None and own.code not in asked and some is not None:
        # No work is there to be asked about, or none that could ever run there.
        if own.code in ASLEEP:
            own = result.own = behind_sleep(farm, some, render, now) or own
        if (own.code not in BUSY or own.of_zero) and own.code not in asked:
            result.cures.append((own, cure(Case(farm, some, 0, render, own, now))))
    for group in result.classes[:CURES_SHOWN]:
        result.cures.append((group.shown(), cure(group.nearest)))
    if own is not None:
        result.summary = own.text()
    elif not result.classes:
        result.summary = "there is no work that waits"
    elif any(group.reason.code == "behind_others" for group in result.classes):
        result.summary = "work is about to start there"
    else:
        result.summary = f"no waiting work takes it: {result.classes[0].shown().text()}"
    return result


def _waiting(farm: Farm) -> Iterator[Block]:
    for job in in_turn(farm):
        for block in job.blocks:
            if not block.held and block.first_ready() >= 0:
                yield block
