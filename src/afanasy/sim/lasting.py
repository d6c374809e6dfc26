"""Which reasons last: those that no time and no healing end, as the checker itself sees it.

What somebody set stays until he sets it again, since nobody does anything any more. What a machine
or its settings can never give is read anew (:mod:`afanasy.sim.reading`): when the core says that a
service is not there and it is there, the work is owed. A shortage lasts only when there would be
one on an idle machine too, a limit only when nobody holds anything of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from afanasy.core.place import checks_host
from afanasy.core.place.checks_host import least_capacity
from afanasy.core.place.reasons import Reason
from afanasy.core.state import Block, Farm
from afanasy.sim import reading, starts_host, starts_needs
from afanasy.sim.books import There

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety

#: Reasons of the work itself that last until a person does something.
LASTING_WORK: Final = frozenset(
    {
        "user_priority_zero", "user_paused", "job_paused", "job_priority_zero", "job_ppa",
        "branch_paused", "branch_priority_zero", "task_error", "task_hosts_avoided",
        "task_suspended", "task_held", "task_skipped", "task_done", "job_pre_failed",
        "block_pre_failed",
    }
)  # fmt: skip
#: Reasons of a render, or of the work on it, that last.
LASTING_HOST: Final = frozenset(
    {
        "render_paused", "render_priority_zero", "render_sick", "NIMBY", "nimby",
        "block_avoids", "task_avoids", "task_maintenance",
    }
)  # fmt: skip
#: Reasons that last when the limit is nothing at all.
_PER_HOST: Final = frozenset(
    {"render_slots", "user_per_host", "job_per_host", "block_per_host", "branch_per_host"}
)
_LIMITS: Final = frozenset({"limit_full", "limit_short", "limit_hosts", "limit_host"})
#: A task holds more than there is.
_OVER: Final = frozenset({"limit_over", "limit_host_over"})
_ASLEEP: Final = frozenset({"render_offline", "render_asleep", "render_waking"})
#: What a host can never give, and the checks that say so themselves.
_NEVER: Final = frozenset(
    {
        "hosts_mask", "hosts_mask_exclude", "need_os", "need_properties", "need_power", "need_cpu",
        "service_absent", "service_disabled", "service_no_pattern", "pool_forbidden", "pool_other",
    }
)  # fmt: skip
_CHECKS: Final = (
    starts_host.masks, starts_host.services, starts_host.pool_maps, starts_needs.equipment,
)  # fmt: skip


def work_lasts(reason: Reason) -> bool:
    """The reason of the work itself lasts; waiting for others is not asked here."""
    code, figures = reason
    if code in _LIMITS:
        return figures[1] == 0
    if code in _OVER:
        return _more(figures[1], figures[2])
    if code == "limit_no_host":
        return True
    nothing = code.endswith(("max_running", "_rate", "_per_host")) and figures[-1] == 0
    return code in LASTING_WORK or nothing


def host_lasts(safety: Safety, farm: Farm, block: Block, reason: Reason, render: str) -> bool:
    """The reason why the block does not start on that render lasts."""
    code, figures = reason
    there = There(render)
    machine = safety.machines[render]
    if code in LASTING_HOST or (code in _PER_HOST and figures[-1] == 0):
        return True
    if code in _ASLEEP:  # what is up comes by itself: the host sleeps
        if not (_wakeable(farm, render) and _somebody_wakes(safety, farm)):
            return True
        awake = _reason_if_awake(farm, block, render)
        return awake is not None and host_lasts(safety, farm, block, awake, render)
    if code in _LIMITS:
        return figures[1] == 0
    if code in _OVER:
        return _more(figures[1], figures[2])
    if code == "limit_no_host":
        return True
    if code in _NEVER:
        return any(check(safety, farm, there, block) for check in _CHECKS)
    if code == "pool_not_ready":
        pools = reading.pools_of(farm, farm.renders[render])
        return any(pool.paused or pool.priority == 0 for _, pool in pools)
    if code == "capacity_total":
        has = reading.number_of(safety, farm, farm.renders[render], "capacity")
        return 0 <= has < least_capacity(block)
    amounts = {
        "need_memory_total": machine.memory_mb,
        "need_hdd_total": machine.hdd_gb,
        "need_gpu_mem_total": machine.gpu_mem_mb,
        "need_gpus_total": machine.gpu_num,
    }
    return code in amounts and _more(figures[0], amounts[code])


def _more(needed: object, there_is: object) -> bool:
    return isinstance(needed, int) and isinstance(there_is, int) and needed > there_is


def _reason_if_awake(farm: Farm, block: Block, name: str) -> Reason | None:
    """Why the block would not start there if the host were awake."""
    render = farm.renders[name]
    return (
        checks_host.user_not_on(block.job.user, render)
        or checks_host.job_not_on(block.job, render)
        or checks_host.block_not_on(block, render)
    )


def _wakeable(farm: Farm, name: str) -> bool:
    """The host was told to sleep, and somebody may want it back (SEMANTICS 12.3)."""
    render = farm.renders[name]
    pools = reading.pools_of(farm, render)
    ready = all(not pool.paused and pool.priority > 0 for _, pool in pools)
    return ready and bool(render.macs) and render.spec.priority > 0 and not render.sick


def _somebody_wakes(safety: Safety, farm: Farm) -> bool:
    """Some host that is awake takes tasks of the system job."""
    for render in farm.renders.values():
        spec, setup = render.spec, render.setup
        pools = reading.pools_of(farm, render)
        mine = not (spec.paused or spec.nimby or spec.NIMBY or spec.priority == 0 or render.sick)
        ready = all(not pool.paused and pool.priority > 0 for _, pool in pools)
        removed = setup is not None and "wakeonlan" in setup.removed
        leaves = render.draining or render.falling
        if render.name in safety.hosts_up and mine and ready and not removed and not leaves:
            return True
    return False
