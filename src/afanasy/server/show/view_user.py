"""A user as JSON (PROTOCOL 3.8)."""

from __future__ import annotations

from afanasy.core.state import User
from afanasy.server.show.views import View, given, services_of


def user_view(user: User) -> View:
    """The user and the counts of his jobs."""
    spec = user.spec
    view = given(spec)
    view.update(
        name=user.name,
        id=user.id,
        priority=spec.priority,
        solve_method=spec.solve_method,
        solve_need=spec.solve_need,
        time_register=user.time_register,
        time_activity=user.time_activity,
        errors_retries=spec.errors_retries,
        errors_avoid_host=spec.errors_avoid_host,
        errors_task_same_host=spec.errors_task_same_host,
        errors_forgive_time=spec.errors_forgive_time,
    )
    if user.host_name:
        view["host_name"] = user.host_name
    if user.jobs:
        view["jobs_num"] = len(user.jobs)
    if user.running:
        view["running_tasks_num"] = user.running
        view["running_capacity_total"] = user.running_capacity
        running = [job for job in user.jobs.values() if job.running]
        view["running_jobs_num"] = len(running)
        view["running_services"] = services_of([b for job in running for b in job.blocks])
    return view
