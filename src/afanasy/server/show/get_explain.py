"""``get`` jobs, mode ``explain``: why tasks do not run (:mod:`afanasy.core.why.explain`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from afanasy.core.place.reasons import Reason
from afanasy.core.state import Block, Farm, Job, Render
from afanasy.core.tasks import Code, st_of
from afanasy.core.why.case import Case, Cure
from afanasy.core.why.explain import Explanation, explain, explain_idle, first_waiting
from afanasy.core.why.explain_render import explain_render
from afanasy.core.why.groups import Group
from afanasy.model.clock import Now
from afanasy.model.errors import UserError
from afanasy.server.show.get_request import GetRequest
from afanasy.server.show.views import View, state_text

#: Tasks explained in one answer: each asks every render.
EXPLAINED_MAX: Final = 50


def explain_answer(farm: Farm, jobs: list[Job], request: GetRequest, now: Now) -> View:
    """The named tasks, or the first waiting task of every block that is not done."""
    tasks = list(_tasks(jobs, request))
    views: list[View] = []
    for block, task in tasks[:EXPLAINED_MAX]:
        view = explanation_view(explain(farm, block, task, now))
        if not request.task_ids:
            view["tasks"] = _states(block)
        views.append(view)
    answer: View = {"explain": views}
    if not views and len(jobs) == 1 and jobs[0].system:  # its work comes by itself
        idle = explain_idle(farm, jobs[0], now)
        if idle is not None:
            answer["summary"] = f"nothing waits; {idle[0].text()}"
            answer["suggestions"] = _suggestions([idle])
    if len(tasks) > EXPLAINED_MAX:
        answer["left_off"] = len(tasks) - EXPLAINED_MAX
    return answer


def _tasks(jobs: list[Job], request: GetRequest) -> Iterator[tuple[Block, int]]:
    for job in jobs:
        blocks = job.blocks
        if request.block_ids:
            blocks = [block for block in blocks if block.num in request.block_ids]
            if not blocks:
                raise UserError(
                    "not_found",
                    "Invalid block/task number.",
                    f"job {job.id} has blocks 0 to {len(job.blocks) - 1}",
                    field="get.block_ids",
                )
        for block in blocks:
            if request.task_ids:
                for task in request.task_ids:
                    if not 0 <= task < block.tasks_num:
                        raise UserError(
                            "not_found",
                            "Invalid block/task number.",
                            f"block {block.num} has tasks 0 to {block.tasks_num - 1}",
                            field="get.task_ids",
                        )
                    yield block, task
            elif block.tasks_num and (request.block_ids or not block.done):
                yield block, first_waiting(block)


def _states(block: Block) -> dict[str, int]:
    """How many tasks of the block are in which state: that of one is not that of all."""
    found: dict[str, int] = {}
    for code in Code:
        if block.counts[code]:
            word = state_text(st_of(code, 0)).strip()
            found[word] = found.get(word, 0) + block.counts[code]
    return found


def explanation_view(found: Explanation) -> View:
    """One explanation."""
    block, task = found.block, found.task
    view: View = {
        "job_id": block.job.id,
        "serial": block.job.serial,
        "job_name": block.job.spec.name,
        "block_num": block.num,
        "block_name": block.spec.name,
        "task_num": task,
        "task_name": block.task_name(task),
        "state": found.state,
        "summary": found.summary,
        "work": _reason(found.work) if found.work is not None else None,
        "renders": [_group(group) for group in found.classes],
    }
    if found.cures:
        view["suggestions"] = _suggestions(found.cures)
    if found.warnings:
        view["warnings"] = found.warnings
    return view


def render_explain_answer(farm: Farm, render: Render, now: Now) -> View:
    """Why nothing (more) starts on a render (:mod:`afanasy.core.why.explain_render`)."""
    found = explain_render(farm, render, now)
    return {
        "explain_render": {
            "id": render.id,
            "name": render.name,
            "summary": found.summary,
            "own": _reason(found.own) if found.own is not None else None,
            "work": [_group(group) for group in found.classes],
            "suggestions": _suggestions(found.cures),
        }
    }


def _group(group: Group[Render] | Group[Case]) -> View:
    return {**_reason(group.shown()), "count": group.count, "names": group.names}


def _suggestions(cures: list[tuple[Reason, Cure]]) -> list[View]:
    """What would help; ``commands`` carry it out, when a request can."""
    return [
        {"about": _reason(reason), "text": cure.text, "commands": list(cure.commands)}
        for reason, cure in cures
    ]


def _reason(reason: Reason) -> View:
    return {"code": reason.code, "text": reason.text()}
