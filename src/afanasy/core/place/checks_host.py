"""Why work cannot start on a render: checks of the render itself, and of the work on it.

Asked by ``solve`` and by ``explain``, as those of :mod:`afanasy.core.place.checks`. From the render
inwards: a render itself, the user, the job, the block, the task on it (SEMANTICS 3.4, 3.5). Lasting
checks are apart (:func:`block_never_on`): they say whether a render could *ever* run a block (R13).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from afanasy.core.host.masks import host_matches, read_as
from afanasy.core.host.services_here import service_not_on
from afanasy.core.limit import limits
from afanasy.core.place import needs
from afanasy.core.place.reasons import Reason
from afanasy.core.state import Block, Branch, Farm, Job, Render, User
from afanasy.model.attributes import WorkSpec

#: How long an ejected task stays away from the render (R10).
EJECT_AWAY_S: Final = 600.0

# Reasons without figures, made once: refusing is the common case.
_OFFLINE: Final = Reason("render_offline")
_PRIORITY: Final = Reason("render_priority_zero")
_DRAINING: Final = Reason("render_draining")
_PROBING: Final = Reason("render_probing")
_SICK: Final = Reason("render_sick")
_FALLING: Final = Reason("render_falling")
_ASLEEP: Final = Reason("render_asleep")
_WAKING: Final = Reason("render_waking", ("",))


# ----------------------------------------------------------------------------- a render itself


def render_not_ready(render: Render, mono: float, *, slots: bool = True) -> Reason | None:
    """Why nothing at all can start on the render (SEMANTICS 3.5).

    ``slots`` off: why nothing can that takes no slot, as system tasks (R23).
    """
    if not render.link:
        if render.waking:
            return _WAKING
        return _ASLEEP if render.sleeping else _OFFLINE
    if render.falling:
        return _FALLING
    if render.leaving_s:
        return Reason("render_leaving", (render.leaving_s,))
    if render.draining:
        return _DRAINING
    return awake_not_ready(render, mono, slots=slots)


def awake_not_ready(render: Render, mono: float, *, slots: bool = True) -> Reason | None:
    """The same of a render that has an agent, or would have one if it were woken."""
    if render.spec.priority == 0:
        return _PRIORITY
    if render.sick:
        return _SICK
    pool = render.pool
    if pool is not None and not pool.ready():
        return Reason("pool_not_ready", (pool.path,))
    if render.cool_mono > mono:
        return Reason("render_cooling", (max(1, round(render.cool_mono - mono)),))
    if render.probing and render.running:
        return _PROBING
    capacity = render.capacity
    if 0 <= capacity <= render.capacity_used:
        return Reason("render_full", (render.capacity_used, capacity))
    if slots and render.slots_used >= render.max_tasks:
        return Reason("render_slots", (render.slots_used, render.max_tasks))
    return None


# ------------------------------------------------------------------------ lasting checks


def least_capacity(block: Block) -> int:
    """The smallest capacity one task of the block takes (SEMANTICS 3.8)."""
    spec = block.spec
    if spec.variable_capacity and spec.capacity_coeff_min > 0:
        return spec.capacity * spec.capacity_coeff_min
    return spec.capacity


def coefficient(block: Block, render: Render) -> int:
    """Coefficient that a task of the block gets on the render now; 0 = the block has none (R28).

    A maximum below the minimum counts as the minimum.
    """
    spec = block.spec
    if not spec.variable_capacity:
        return 0
    least, most = max(spec.capacity_coeff_min, 1), spec.capacity_coeff_max
    if render.capacity < 0:
        return max(most, least)
    coeff = (render.capacity - render.capacity_used) // spec.capacity
    return min(coeff, max(most, least)) if most > 0 else coeff


def block_never_on(farm: Farm, block: Block, render: Render) -> Reason | None:
    """The lasting checks: why the block could not run there even on an idle render (R13).

    Those of its user, branches and job included. Masks come before what a host lacks: nobody wants
    to give a service to a host that the work does not want. Solving does not ask this for every
    pair: see :mod:`afanasy.core.place.fits`.
    """
    job, spec = block.job, block.spec
    for work, kind, whose in _works(job):
        refused = (
            _masks(farm, work.hosts_mask, work.hosts_mask_exclude, kind, render, whose)
            or needs.work_never_on(work, render, whose)
            or _pools(work.pools, render, whose)
        )
        if refused is not None:
            return refused
    kind = job.spec.hosts_mask_type or job.user.spec.hosts_mask_type
    refused = _masks(farm, spec.hosts_mask, spec.hosts_mask_exclude, kind, render, "block")
    if refused is not None:
        return refused
    needed, capacity = least_capacity(block), render.capacity
    if 0 <= capacity < needed:
        return Reason("capacity_total", (needed, capacity))
    return service_not_on(farm, spec.service, render) or needs.block_never_on(spec, render)


def _works(job: Job) -> Iterable[tuple[WorkSpec, str, str]]:
    """Who may restrict a job: (attributes, type of the masks, the word for it)."""
    user = job.user
    yield user.spec, user.spec.hosts_mask_type, f"user {user.name}"
    if job.branch is not None:
        for branch in job.branch.asked:
            yield branch.spec, branch.spec.hosts_mask_type, f"branch {branch.path}"
    yield job.spec, job.spec.hosts_mask_type or user.spec.hosts_mask_type, "job"


def _masks(
    farm: Farm, mask: str, exclude: str, kind: str, render: Render, whose: str
) -> Reason | None:
    if mask:
        named = host_matches(farm, mask, kind, render.name)
        if named is None:
            return Reason("hosts_mask_off", (whose, "hosts_mask", mask))
        if not named:
            return Reason("hosts_mask", (whose, mask, read_as(mask, kind)))
    # An empty exclude mask matches everything by the letter, and means that nothing is excluded.
    if exclude:
        named = host_matches(farm, exclude, kind, render.name)
        if named is None:
            return Reason("hosts_mask_off", (whose, "hosts_mask_exclude", exclude))
        if named:
            return Reason("hosts_mask_exclude", (whose, exclude, read_as(exclude, kind)))
    return None


def _pools(pools: dict[str, int], render: Render, whose: str) -> Reason | None:
    """The pools of a job, user or branch: -100 forbids, 100 asks for one of those (3.7)."""
    if not pools:
        return None
    path = render.spec.pool or "/"
    here = [value for key, value in pools.items() if pool_matches(key, path)]
    if any(value <= -100 for value in here):
        return Reason("pool_forbidden", (whose, path))
    if not here and any(value >= 100 for value in pools.values()):
        return Reason("pool_other", (whose, path))
    return None


def pool_matches(key: str, path: str) -> bool:
    """A key of a ``pools`` map means the pool: a prefix when it begins with ``/``, else a part."""
    return path.startswith(key) if key.startswith("/") else key in path


# ------------------------------------------------------------------ the work on a render, now


def user_not_on(user: User, render: Render) -> Reason | None:
    """Why no work of the user may start on the render now."""
    limit = user.spec.max_running_tasks_per_host
    if 0 <= limit <= (there := user.running_on.get(render.name, 0)):
        return Reason("user_per_host", (user.name, there, limit))
    return None


def branches_not_on(branches: tuple[Branch, ...], render: Render) -> Reason | None:
    """Why nothing of the branches may start on the render now."""
    for branch in branches:
        limit = branch.spec.max_running_tasks_per_host
        if 0 <= limit <= (there := branch.running_on.get(render.name, 0)):
            return Reason("branch_per_host", (branch.path, there, limit))
    return None


def who_took(by: str, reason: str, until: str = "") -> str:
    """ " by anna until fri 19:00 (reason)", as far as it is known (R65)."""
    name = by.split("@", maxsplit=1)[0]
    parts = (f" by {name}" if name else "", f" until {until}" if until else "")
    return "".join(parts) + (f" ({reason})" if reason else "")


def job_not_on(job: Job, render: Render) -> Reason | None:
    """Why no block of the job may start on the render now."""
    spec, host = job.spec, render.spec
    if host.paused and not spec.ignorepaused:
        return Reason("render_paused", (who_took(host.paused_by, host.paused_reason),))
    if not spec.ignorenimby:
        if host.NIMBY:
            return Reason("NIMBY", (who_took(host.nimby_by, host.nimby_reason),))
        if host.nimby:
            owner = host.user_name or render.user_name
            if owner != job.user.name:
                return Reason("nimby", (owner, who_took(host.nimby_by, host.nimby_reason)))
    limit = spec.max_running_tasks_per_host
    if 0 <= limit <= (there := job.running_on.get(render.name, 0)):
        return Reason("job_per_host", (there, limit))
    if job.branch is not None and job.branch.asked:
        refused = branches_not_on(job.branch.asked, render)
        if refused is not None:
            return refused
    if job.needy:
        return needs.job_not_on(job, render)
    return None


def block_not_on(block: Block, render: Render) -> Reason | None:
    """Why no task of the block may start on the render now."""
    spec = block.spec
    limit = spec.max_running_tasks_per_host
    if 0 <= limit <= (there := block.running_on.get(render.name, 0)):
        return Reason("block_per_host", (there, limit))
    if block.error_hosts and block.avoids(render.name):
        return Reason("block_avoids", (block.error_hosts[render.name].count, ""))
    if block.needy:
        refused = needs.block_not_on(block, render)
        if refused is not None:
            return refused
    if block.fits is not None and block.fits.asks:
        refused = limits.refused_on(block.fits.asks, render)
        if refused is not None:
            return refused
    return no_room(block, render)


def no_room(block: Block, render: Render) -> Reason | None:
    """Why the block does not fit beside what runs there; also slots and reservations."""
    reserved = render.reserved
    if (
        reserved is not None
        and reserved != (block.job.serial, block.num)
        and not block.job.system  # small, and others may wait for it (R23)
    ):
        return Reason("render_reserved", reserved)
    capacity = render.capacity
    if capacity >= 0:
        needed = least_capacity(block)
        if render.capacity_used + needed > capacity:
            if needed > capacity:
                return Reason("capacity_total", (needed, capacity))
            return Reason("capacity_free", (needed, capacity - render.capacity_used))
    return None


def task_not_on(block: Block, task: int, render: Render, wall: float) -> Reason | None:
    """Why this task may not start on the render, for a reason of its own (R12)."""
    if block.job.spec.maintenance and block.task_name(task) != render.name:
        return Reason("task_maintenance", (block.task_name(task),))
    extra = block.extras.get(task)
    if extra is None:
        return None
    if extra.error_hosts and block.task_avoids(task, render.name):
        return Reason("task_avoids", (extra.error_hosts[render.name].count,))
    until = extra.ejected.get(render.name, 0.0)
    if until > wall:
        return Reason("task_ejected", (round(wall - (until - EJECT_AWAY_S)),))
    if extra.need_memory_mb:
        return needs.task_not_on(extra.need_memory_mb, render)
    return None
