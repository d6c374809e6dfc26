"""Checks of a start: nothing that forbids it was in force when it was decided.

Each check reads attributes of the farm and counts by itself: rows of open runs, living processes,
state bytes, the drawn farm file and machines. A check returns what is wrong, or "".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from afanasy.core.state import Block, Farm
from afanasy.sim import (
    errands,
    reading,
    starts_depend,
    starts_host,
    starts_limit,
    starts_needs,
    starts_week,
)
from afanasy.sim.books import RunFact

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety

Check = Callable[["Safety", Farm, RunFact, Block], str]


def check_start(safety: Safety, farm: Farm, fact: RunFact) -> None:
    """Every check of one start. Raises Violation."""
    block = farm.blocks[fact.block_key]
    for name, check in CHECKS:
        wrong = check(safety, farm, fact, block)
        if wrong:
            safety.world.fail(name, f"run {fact.run} on {fact.render}: {wrong}", fact.task)
    for other in safety.of_task[fact.task]:
        if other is fact or other.run not in safety.live or other.lost_by_rule or other.disowned:
            continue
        safety.world.fail(
            "two processes of one task overlap only after the time-out",
            f"run {fact.run} is started while {other.run} lives on {other.render}",
            fact.task,
        )


def _work(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Nobody keeps the job back: its owner, its branches, itself (SEMANTICS 3.3, 3.4)."""
    job = block.job
    wrong = [
        (job.off, "the job is paused"),
        (job.deleting, "the job is being deleted"),
        (job.spec.priority == 0, "the job has priority 0"),
        (job.user.spec.paused, "the user is paused"),
        (job.user.spec.priority == 0, "the user has priority 0"),
        (job.waiting_time, "the job waits for its time"),
    ]
    for path, branch in reading.branches_of(farm, job):
        wrong.append((branch.paused, f"branch {path} is paused"))
        wrong.append((branch.priority == 0, f"branch {path} has priority 0"))
    return ", ".join(text for bad, text in wrong if bad)


#: What is promised about every start; more may be added.
CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("pre commands", errands.pre_commands),
    ("limits", starts_limit.running),
    ("limits of services", starts_limit.service),
    ("limits of tickets", starts_limit.tickets),
    ("capacity of the host", starts_host.capacity),
    ("who may run", _work),
    ("who may run where", starts_host.ready),
    ("the week of the host", starts_week.week),
    ("dependencies", starts_depend.blocks_done),
    ("dependencies of tasks", starts_depend.tasks_done),
    ("dependencies of jobs", starts_depend.jobs_done),
    ("hosts masks", starts_host.masks),
    ("services of the host", starts_host.services),
    ("pools that work wants", starts_host.pool_maps),
    ("amounts that work needs", starts_needs.amounts),
    ("equipment that work needs", starts_needs.equipment),
    ("starts per second", starts_limit.rate),
    ("avoided hosts", starts_host.avoided),
)
