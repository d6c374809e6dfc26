"""A job as JSON (PROTOCOL 3.2)."""

from __future__ import annotations

from typing import Final

from afanasy.core.host.masks import shown_type
from afanasy.core.state import Job, User
from afanasy.core.tasks import Code
from afanasy.model.clock import Now
from afanasy.server.show.view_block import Level, block_view
from afanasy.server.show.views import View, given, services_of, state_text

#: Attributes that answers do not carry, or carry in another form.
_HIDDEN: Final = ("offline", "try_this_blocks_num", "try_this_tasks_num")


def job_view(job: Job, now: Now, place: int, level: Level = Level.LIST) -> View:
    """The job with its blocks. ``place`` is its position in its user's list (:func:`places`)."""
    spec = job.spec
    view = given(spec)
    for name in _HIDDEN:
        view.pop(name, None)
    view["name"] = spec.name
    view["id"] = job.id
    view["serial"] = job.serial
    view["priority"] = spec.priority
    view["user_name"] = job.user.name
    view["host_name"] = spec.host_name
    view["solve_method"] = spec.solve_method
    view["solve_need"] = spec.solve_need
    view["hosts_mask_type"] = shown_type(job)
    view["branch"] = spec.branch
    view["user_list_order"] = place
    view["time_creation"] = spec.time_creation
    st = view["st"] = job.st()
    if st:
        view["state"] = state_text(st)
    if job.deleting:
        view["locked"] = True
    if job.time_started:
        view["time_started"] = job.time_started
    if job.time_done:
        view["time_done"] = job.time_done
    if job.running:
        view["running_tasks_num"] = job.running
        view["running_capacity_total"] = job.running_capacity
        view["running_services"] = services_of(job.blocks)
    ready = errors = 0
    for block in job.blocks:
        if not block.held:
            ready += block.counts[Code.READY] + block.counts[Code.RETRY]
        errors += block.counts[Code.ERROR]
    if ready:
        view["tasks_ready"] = ready
    if errors:
        view["tasks_error"] = errors
    if job.try_next:
        view["try_this_tasks_num"] = [task for _, task in job.try_next]
        view["try_this_blocks_num"] = [num for num, _ in job.try_next]
    view["blocks"] = [block_view(block, now, level) for block in job.blocks]
    return view


def in_order(user: User) -> list[Job]:
    """The user's jobs in the order in which they are solved."""
    return sorted(user.jobs.values(), key=Job.sort_key)


def places(jobs: list[Job]) -> dict[int, int]:
    """Serial → position in the user's list, for all jobs of the users of ``jobs``."""
    users = {job.user.name: job.user for job in jobs}
    return {
        job.serial: place for user in users.values() for place, job in enumerate(in_order(user))
    }


def jobs_view(jobs: list[Job], now: Now, level: Level = Level.LIST) -> list[View]:
    """A list of jobs."""
    place_of = places(jobs)
    return [job_view(job, now, place_of[job.serial], level) for job in jobs]
