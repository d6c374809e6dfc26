"""Shares of branches recounted: who is in which, what it runs, who waits in which order."""

from __future__ import annotations

from afanasy.core.place.fits import Fits
from afanasy.core.place.shares import ALL, Share, by_turn
from afanasy.core.place.turns import job_turn
from afanasy.core.state import Branch, Farm, Job


def check_shares(farm: Farm) -> None:
    """Raises AssertionError with a sentence."""
    assert farm.sharing == farm.settings.value("af_solve_branches"), "sharing by branches"
    for branch in farm.branches.values():
        _check_branch(farm, branch)
    for job in farm.jobs.values():
        branch = job.branch
        if not farm.sharing or job.system:
            assert job.share is None, f"job {job.serial} has a share"
            continue
        assert branch is not None
        name = ALL if branch.spec.solve_jobs else job.user.name
        assert job.share is branch.shares[name], f"share of job {job.serial}"


def _check_branch(farm: Farm, branch: Branch) -> None:
    jobs: dict[str, list[Job]] = {}
    for job in branch.jobs.values():
        if job.share is not None:
            jobs.setdefault(job.share.name, []).append(job)
    assert branch.shares.keys() == jobs.keys(), f"shares of branch {branch.path}"
    for name, share in branch.shares.items():
        _check_share(farm, branch, share, jobs[name])
    waiting = {name: share for name, share in branch.shares.items() if share.queue}
    assert branch.hungry_shares == waiting, f"who waits in branch {branch.path}"
    below = {path: child for path, child in branch.children.items() if child.waits}
    assert branch.hungry == below, f"who waits below branch {branch.path}"


def _check_share(farm: Farm, branch: Branch, share: Share, jobs: list[Job]) -> None:
    where = f"{share!r}"
    assert share.branch is branch, where
    assert share.user is None or all(job.user is share.user for job in jobs), where
    assert share.jobs == len(jobs), f"{where}: jobs"
    assert share.running == sum(job.running for job in jobs), f"{where}: running"
    assert share.running_capacity == sum(job.running_capacity for job in jobs), f"{where}: capacity"
    queue = sorted((job for job in jobs if job.queued), key=by_turn)
    assert share.queue == queue, f"{where}: queue"
    by_fits: dict[Fits, list[Job]] = {}
    for job in queue:
        known = job.serial in farm.turned
        assert known or job.turn == job_turn(job, share), f"{where}: turn of {job.serial}"
        for fits in job.queued_fits:
            by_fits.setdefault(fits, []).append(job)
    assert share.by_fits == by_fits, f"{where}: queues by fits"
