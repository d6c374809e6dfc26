"""A branch as JSON (PROTOCOL 3.8)."""

from __future__ import annotations

from afanasy.core.job.branches import Branch
from afanasy.core.state import Job, User
from afanasy.core.tasks import Code
from afanasy.model.states import St
from afanasy.server.show.views import View, given, state_text


def branch_view(branch: Branch) -> View:
    """The branch with the counts of its jobs, those of the branches below included."""
    spec = branch.spec
    view = given(spec)
    jobs = list(branch.all_jobs())
    states = [job.st() for job in jobs]
    view.update(
        name=branch.path,
        id=branch.id,
        priority=spec.priority,
        parent=branch.parent.path if branch.parent is not None else "",
        time_creation=branch.time_creation,
        solve_method=spec.solve_method,
        solve_need=spec.solve_need,
        active_jobs=[_active_job(job) for job in jobs if not job.done],
        active_users=_active_users(jobs),
    )
    counts = {
        "branches_total": sum(1 for _ in branch.downwards()) - 1,
        "jobs_total": len(jobs),
        "jobs_running": sum(bool(st & St.RUN) for st in states),
        "jobs_done": sum(bool(st & St.DON) for st in states),
        "jobs_ready": sum(bool(st & St.RDY) for st in states),
        "jobs_error": sum(bool(st & St.ERR) for st in states),
        "tasks_ready": sum(b.counts[Code.READY] for job in jobs for b in job.blocks),
        "tasks_error": sum(b.counts[Code.ERROR] for job in jobs for b in job.blocks),
        "running_tasks_num": branch.running,
        "running_capacity_total": branch.running_capacity,
        "time_empty": branch.time_empty,
    }
    view.update({name: count for name, count in counts.items() if count})
    return view


def _active_job(job: Job) -> View:
    view: View = {
        "id": job.id,
        "name": job.spec.name,
        "user_name": job.user.name,
        "state": state_text(job.st()),
    }
    if job.running:
        view["running_tasks_num"] = job.running
        view["running_capacity_total"] = job.running_capacity
    return view


def _active_users(jobs: list[Job]) -> list[View]:
    """Users with running jobs here; what they run is counted here alone."""
    users: dict[str, tuple[User, int, int]] = {}
    for job in jobs:
        if job.running:
            _, tasks, capacity = users.get(job.user.name, (job.user, 0, 0))
            users[job.user.name] = (job.user, tasks + job.running, capacity + job.running_capacity)
    return [
        {
            "id": user.id,
            "name": name,
            "running_tasks_num": tasks,
            "running_capacity_total": capacity,
        }
        for name, (user, tasks, capacity) in users.items()
    ]
