"""``get`` of jobs: choosing them, and the answers about jobs, blocks and tasks (PROTOCOL 2.2).

Which answer a request gets is decided as today's server does: arrays of blocks and modes give
blocks, a block and a task give a task, a mode of one job gives that, and everything else falls
through to the list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from af.words import plural
from afanasy.core.host.masks import find_match
from afanasy.core.state import Block, Farm, Job
from afanasy.model.clock import Now
from afanasy.model.errors import UserError
from afanasy.server.change.submissions import submission_answer
from afanasy.server.show.get_explain import explain_answer
from afanasy.server.show.get_outputs import outputs_answer, runs_answer
from afanasy.server.show.get_request import GetRequest, check_found, check_mode, invalid_id
from afanasy.server.show.get_story import (
    error_host_lines,
    log_answer,
    output_answer,
    story_answer,
    task_error_hosts,
)
from afanasy.server.show.history_port import HistoryPort
from afanasy.server.show.view_block import Level, block_view
from afanasy.server.show.view_job import in_order, jobs_view
from afanasy.server.show.view_task import no_task_view, progress_views, task_view
from afanasy.server.show.views import View, host_names, message

#: Tasks whose progress is made in one go; more are made in slices, with the loop served between.
PROGRESS_SLICE: Final = 20_000
#: Tasks of one answer; more would not fit into a message.
PROGRESS_MAX: Final = 1_000_000
_BLOCK_MODES: Final = {
    "progress": Level.PROGRESS,
    "properties": Level.PROPERTIES,
    "full": Level.FULL,
}
_TASK_MODES: Final = ("info", "log", "error_hosts", "files", "output", "story")
_MODES: Final = (
    "full", "progress", "log", "explain", "thumbnail", "runs", "outputs", "submission",
    *_TASK_MODES,
)  # fmt: skip

Answer = View | Awaitable[View]


def get_jobs(farm: Farm, request: GetRequest, now: Now, history: HistoryPort) -> Answer:
    """The answer to a ``get`` of jobs. Raises UserError, the sender's fault."""
    check_mode(request, _MODES)
    mode = request.mode
    if mode == "output":
        return _output(farm, request, now, history)
    if mode == "submission":
        return submission_answer(farm, request, history)
    jobs = choose_jobs(farm, request)
    if mode == "outputs":
        return outputs_answer(_only(jobs, request), request, history)
    if mode == "runs":
        return runs_answer(farm, _block(_only(jobs, request), request), request, now, history)
    if mode == "explain":
        if not (request.ids or request.serials or request.mask):
            raise _one_job(jobs)
        if not jobs:
            raise invalid_id("job", request)
        return explain_answer(farm, jobs, request, now)
    if mode == "story":
        block, task = _task(_only(jobs, request), request)
        return story_answer(farm, block, task, now, history)
    named = request.ids or request.serials
    if len(named) == 1 or (request.mask and len(jobs) == 1):
        if not jobs:
            if request.serials and not request.ids:
                return {"jobs": []}
            raise invalid_id("job", request)
        answer = _about_one(farm, jobs[0], request, now, history)
        if answer is not None:
            return answer
    return {"jobs": jobs_view(jobs, now, Level.FULL if mode == "full" else Level.LIST)}


# ------------------------------------------------------------------------------------- choosing


def choose_jobs(farm: Farm, request: GetRequest) -> list[Job]:
    """The jobs that the request names, or all. Raises UserError in a strict request."""
    by_id = farm.jobs_by_id
    if request.ids:
        check_found("job", request.ids, set(by_id), request)
        return [by_id[n] for n in request.ids if n in by_id]
    if request.serials:
        check_found("job", request.serials, set(farm.jobs), request)
        return [farm.jobs[n] for n in request.serials if n in farm.jobs]
    if request.uids or request.users:
        users = [u for u in farm.users.values() if u.id in request.uids or u.name in request.users]
        return [job for user in users for job in in_order(user)]
    exact = farm.jobs_by_name.get(request.mask)
    if exact is not None and request.mode in ("explain", "story", "output"):
        return [exact]  # not also the ones whose names begin with it
    jobs = [job for job in farm.jobs.values() if find_match(request.mask, job.spec.name)]
    jobs.sort(key=lambda job: (-job.spec.priority, job.serial))
    return jobs


def _one_job(jobs: list[Job]) -> UserError:
    return UserError(
        "not_one",
        f"this needs one job; {len(jobs)} were chosen",
        "name it by ids or serials",
        field="get.ids",
    )


def _only(jobs: list[Job], request: GetRequest) -> Job:
    """The one job that a mode needs. Raises UserError."""
    if not jobs:
        raise invalid_id("job", request)
    if len(jobs) != 1:
        raise _one_job(jobs)
    return jobs[0]


def _block(job: Job, request: GetRequest) -> Block:
    """The first named block. Raises UserError."""
    if not request.block_ids:
        raise UserError("missing", "this needs a block", "set block_ids", field="get.block_ids")
    num = request.block_ids[0]
    if not 0 <= num < len(job.blocks):
        raise UserError(
            "not_found",
            "Invalid block/task number.",
            f"job {job.id} has blocks 0 to {len(job.blocks) - 1}",
            field="get.block_ids",
        )
    return job.blocks[num]


def _task(job: Job, request: GetRequest) -> tuple[Block, int]:
    """The first named block and task. Raises UserError."""
    if not (request.block_ids and request.task_ids):
        raise UserError(
            "missing",
            "this needs a block and a task",
            "set block_ids and task_ids",
            field="get.block_ids" if request.task_ids else "get.task_ids",
        )
    num, task = request.block_ids[0], request.task_ids[0]
    if 0 <= num < len(job.blocks) and 0 <= task < job.blocks[num].tasks_num:
        return job.blocks[num], task
    in_block = 0 <= num < len(job.blocks)
    raise UserError(
        "not_found",
        "Invalid block/task number.",
        f"block {num} has {plural(job.blocks[num].tasks_num, 'task')}"
        if in_block
        else f"job {job.id} has {plural(len(job.blocks), 'block')}",
        field="get.task_ids" if in_block else "get.block_ids",
    )


# -------------------------------------------------------------------------------------- one job


def _about_one(
    farm: Farm, job: Job, request: GetRequest, now: Now, history: HistoryPort
) -> Answer | None:
    """What the mode says about one job, its blocks or a task; None: the list."""
    mode = request.mode
    if request.block_ids and request.modes:
        return _blocks(job, request, now)
    if mode == "progress":
        return _progress(farm, job, request, now)
    if request.block_ids and request.task_ids:
        block, task = _task(job, request)
        if mode == "info":
            return {"task": task_view(farm, block, task, "TExec", "", now)}
        if mode == "log":
            return log_answer(farm, block, task, now, history)
        if mode == "error_hosts":
            data = "\n".join(task_error_hosts(block, task))
            return {"task": task_view(farm, block, task, "TErrorHosts", data, now)}
        if mode == "files":
            # Files are kept of tasks with thumbnails; no service makes any.
            where: View = {"job_id": job.id, "block_id": block.num, "task_id": task}
            return {"task_files": {**where, "files": []}}
        return {}
    if mode == "log":
        return message(job.spec.name, "log", list(job.log))
    if mode == "error_hosts":
        return message(job.spec.name, "error_hosts", _error_hosts(job))
    return None


def _blocks(job: Job, request: GetRequest, now: Now) -> View | None:
    """``blocks``, each in its own mode; None when numbers or modes do not fit."""
    nums, modes = request.block_ids, request.modes
    wrong = next((n for n in nums if not 0 <= n < len(job.blocks)), None)
    odd = next((word for word in modes if word not in _BLOCK_MODES), None)
    if wrong is None and odd is None and len(nums) == len(modes):
        return {
            "blocks": [
                block_view(job.blocks[num], now, _BLOCK_MODES[word])
                for num, word in zip(nums, modes, strict=True)
            ]
        }
    if request.strict:
        text = f"there is no block {wrong}" if wrong is not None else "one mode a block is needed"
        hint = (
            f"job {job.id} has blocks 0 to {len(job.blocks) - 1}"
            if wrong is not None
            else (f"each is one of {', '.join(_BLOCK_MODES)}")
        )
        field = "get.block_ids" if wrong is not None else "get.mode"
        raise UserError("not_found" if wrong is not None else "bad_field", text, hint, field=field)
    return None


def _error_hosts(job: Job) -> list[str]:
    lines: list[str] = []
    for block in job.blocks:
        title = f"Block['{block.spec.name}'] error hosts:"
        lines += error_host_lines(title, block.error_hosts, block.errors_avoid_host())
        for task in sorted(block.extras):
            lines += task_error_hosts(block, task)
    return lines


# ------------------------------------------------------------------------------------- progress


def _progress(farm: Farm, job: Job, request: GetRequest, now: Now) -> Answer:
    """``job_progress`` of all blocks, or a page of one block."""
    if request.block_ids:
        return _progress_page(farm, job, request, now)
    count = sum(block.tasks_num for block in job.blocks)
    if count > PROGRESS_MAX:
        raise UserError(
            "too_large",
            f"the job has {count} tasks; one answer has at most {PROGRESS_MAX}",
            "ask for pages: block_ids with first and count",
            field="get.mode",
        )
    if count > PROGRESS_SLICE:
        return _progress_in_slices(farm, job, now)
    hosts = host_names(farm)
    progress = [progress_views(b, 0, b.tasks_num, now, hosts) for b in job.blocks]
    return {"job_progress": {"id": job.id, "progress": progress}}


async def _progress_in_slices(farm: Farm, job: Job, now: Now) -> View:
    hosts = host_names(farm)
    progress: list[list[View]] = []
    for block in list(job.blocks):
        views: list[View] = []
        while len(views) < block.tasks_num:
            first = len(views)
            last = min(first + PROGRESS_SLICE, block.tasks_num)
            views += progress_views(block, first, last, now, hosts)
            await asyncio.sleep(0)
        progress.append(views)
    return {"job_progress": {"id": job.id, "progress": progress}}


def _progress_page(farm: Farm, job: Job, request: GetRequest, now: Now) -> View:
    block = _block(job, request)
    first = min(max(request.first, 0), block.tasks_num)
    count = request.count if request.count >= 0 else PROGRESS_SLICE
    last = min(first + min(count, PROGRESS_SLICE), block.tasks_num)
    return {
        "job_progress": {
            "id": job.id,
            "block_num": block.num,
            "first": first,
            "progress": progress_views(block, first, last, now, host_names(farm)),
        }
    }


# --------------------------------------------------------------------------------------- output


def _output(farm: Farm, request: GetRequest, now: Now, history: HistoryPort) -> Answer:
    """Exactly one job, block and task, else the error of today's server."""
    named = request.ids or request.serials or ([request.mask] if request.mask else [])
    if len(named) != 1 or len(request.block_ids) != 1 or len(request.task_ids) != 1:
        raise UserError(
            "missing",
            "Invalid action.",
            "output needs exactly one job, one of block_ids and one of task_ids",
            field="get.task_ids",
        )
    jobs = choose_jobs(farm, request)
    num, task = request.block_ids[0], request.task_ids[0]
    if len(jobs) != 1 and not request.strict:
        job_id = request.ids[0] if request.ids else 0
        text = "ERROR: Invalid job ID"
        return {"task": no_task_view(job_id, num, task, "TOutput", text)}
    block, task = _task(_only(jobs, request), request)
    return output_answer(farm, block, task, request, now, history)
