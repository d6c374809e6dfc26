"""Making, editing and deleting branches, and which branch a job is in (SEMANTICS 1.1, 3.3)."""

from __future__ import annotations

import re
from typing import Final

from af.words import plural
from afanasy.core import node_log
from afanasy.core.events import EditBranch
from afanasy.core.job.branches import ROOT, Branch
from afanasy.core.place import fits, rates, shares
from afanasy.core.run import errors
from afanasy.core.state import Farm, Job, User
from afanasy.core.transitions import rebuild_needs
from afanasy.model.attributes import BranchSpec
from afanasy.model.clock import Now
from afanasy.model.errors import UserError

BRANCH_EDITABLE: Final = frozenset(BranchSpec.__struct_fields__)
BRANCH_OPERATIONS: Final = frozenset({"pause", "start", "delete", "delete_done_jobs"})
BRANCHES_MAX: Final = 10_000
#: Characters that no part of a path has; they become ``_``.
_ODD: Final = re.compile(r'[\x00-\x1f<>:"|?*;]')


def clean_path(text: str) -> str:
    r"""A path of branches: ``\`` is ``/``; ``.``, ``..``, empty parts go, the odd become ``_``."""
    parts = _ODD.sub("_", text.replace("\\", "/")).split("/")
    return "/" + "/".join(part for part in parts if part not in ("", ".", ".."))


def found_root(farm: Farm, now: Now) -> None:
    """Make the root branch of a new farm.

    Its users share by need, each with his own order of jobs (S34), so it does not solve jobs as
    the original's does; and it has no limit per second (R25).
    """
    if ROOT not in farm.branches:
        _add(farm, ROOT, None, BranchSpec(create_childs=True), now)


def _add(farm: Farm, path: str, parent: Branch | None, spec: BranchSpec, now: Now) -> Branch:
    farm.branch_id_last += 1
    wall = int(now.wall)
    branch = Branch(path, farm.branch_id_last, spec, parent, time_creation=wall, time_empty=wall)
    farm.branches[path] = branch
    if parent is not None:
        parent.children[path] = branch
    farm.changes.branches[path] = branch
    return branch


def living_branch(farm: Farm, path: str) -> Branch:
    """The branch, or UserError "not_found"."""
    branch = farm.branches.get(path)
    if branch is None:
        raise UserError("not_found", f"there is no branch {path!r}", "afcmd branches lists them")
    return branch


def branch_for(farm: Farm, path: str, now: Now) -> Branch:
    """The branch of a new job: made where ``create_childs`` allows it, else the nearest above."""
    branch = farm.branches[ROOT]
    walked = ""
    for part in path.split("/"):
        if not part:
            continue
        walked += "/" + part
        found = farm.branches.get(walked)
        if found is None:
            # (A new child makes no children itself: a job for /a/b comes into /a.)
            if not branch.spec.create_childs or len(farm.branches) >= BRANCHES_MAX:
                return branch
            # A child inherits how to solve; whether jobs or users only below the first level.
            spec = BranchSpec(
                solve_method=branch.spec.solve_method,
                solve_need=branch.spec.solve_need,
                solve_jobs=branch.parent is not None and branch.spec.solve_jobs,
            )
            found = _add(farm, walked, branch, spec, now)
            refresh_strict(found)
        branch = found
    return branch


def enter(farm: Farm, job: Job, branch: Branch) -> None:
    """Put the job into a branch, with what it runs."""
    job.branch = branch
    job.spec.branch = branch.path
    branch.jobs[job.serial] = job
    if branch.time_empty:
        branch.time_empty = 0
        farm.changes.branches[branch.path] = branch
    for above in branch.upwards():
        count_running(job, above, 1)
    shares.attach(farm, job)


def leave(farm: Farm, job: Job, now: Now) -> None:
    """Take the job out of its branch, with what it runs."""
    branch = job.branch
    assert branch is not None, f"job {job.serial} is in no branch"
    shares.detach(job)
    del branch.jobs[job.serial]
    if not branch.jobs:
        branch.time_empty = int(now.wall)
        farm.changes.branches[branch.path] = branch
    for above in branch.upwards():
        count_running(job, above, -1)
    if job.running and branch.asked:
        farm.fresh_all = True  # there is room below a limit that the job's tasks were counted in
    job.branch = None


def count_running(job: Job, owner: Branch | User, sign: int) -> None:
    """What runs of the job counts for its owner from now on (1), or no more (-1)."""
    owner.running += sign * job.running
    owner.running_capacity += sign * job.running_capacity
    for host, count in job.running_on.items():
        left = owner.running_on.get(host, 0) + sign * count
        if left:
            owner.running_on[host] = left
        else:
            owner.running_on.pop(host, None)


def edit_branch(farm: Farm, event: EditBranch, now: Now) -> None:
    """Set branch attributes. Raises UserError, nothing changed."""
    branch = living_branch(farm, event.path)
    assert event.params.keys() <= BRANCH_EDITABLE, f"unchecked edit: {sorted(event.params)}"
    before, was_strict = node_log.values_of(branch.spec), branch.strict
    changed = {key for key, value in event.params.items() if getattr(branch.spec, key) != value}
    for key, value in event.params.items():
        setattr(branch.spec, key, value)
    node_log.say_changes(branch, before, branch.spec, now, event.by)
    if "max_tasks_per_second" in event.params:
        rates.limit_changed(farm, branch, now)
    farm.changes.branches[branch.path] = branch
    refresh_strict(branch)
    if "solve_jobs" in event.params:
        shares.regroup(farm, branch)
    # (Ten thousand jobs may be looked at: only for what concerns them.)
    if changed & fits.WORK_ASKS or branch.strict != was_strict:
        for job in branch.all_jobs():
            rebuild_needs(farm, job)
        errors.recheck_all(farm, now)
    if changed - fits.WORK_SAYS:
        shares.turn_anew(farm, branch.jobs.values())
        farm.fresh_all = True


def refresh_strict(branch: Branch) -> None:
    """Derive again which branches each job below has to ask (most have nothing to say)."""
    for below in branch.downwards():
        below.asked = tuple(above for above in below.upwards() if above.strict)


def delete_branch(farm: Farm, path: str, by: str, now: Now) -> None:
    """Operation ``delete``: of an empty branch. Raises UserError, nothing changed."""
    branch = living_branch(farm, path)
    if branch.parent is None:
        raise UserError("root_branch", "the root branch cannot be deleted")
    if branch.children or branch.jobs:
        raise UserError(
            "not_empty",
            f"branch {path!r} has {plural(len(branch.children), 'branch', 'branches')} and"
            f" {plural(len(branch.jobs), 'job')}",
            "move or delete them first",
        )
    node_log.say(branch.parent, f"branch {path!r} was deleted", now, by)
    del branch.parent.children[path]
    del farm.branches[path]
    farm.changes.branches.pop(path, None)
    farm.changes.branches_deleted.append(path)
