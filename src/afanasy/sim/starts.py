"""Checks of a start: nothing that forbids it was in force when it was decided.

Each check reads attributes of the farm and counts by itself: rows of open runs, living processes,
state bytes. A check returns what is wrong, or "".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from afanasy.core.state import Block, Farm
from afanasy.core.tasks import FINISHED, Code
from afanasy.model.attributes import BlockSpec, WorkSpec
from afanasy.sim.books import RunFact

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety

Belongs = Callable[[Block], bool]
Check = Callable[["Safety", Farm, RunFact, Block], str]
#: Ends of a run that count as an error of its host, by their code; see SEMANTICS 2.2.
_ERROR_ENDS: Final = frozenset({6, 7, 8, 10, 13, 23})
_NOT_COUNTED: Final = frozenset({"licence", "scene", "missing_input", "timeout"})


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


def _currents(safety: Safety) -> Iterator[RunFact]:
    """Runs with the right to count, by their rows."""
    for run, row in safety.open.items():
        if row[8]:
            yield safety.runs[run]


def _limits(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    job, spec = block.job, block.spec
    circles: tuple[tuple[str, WorkSpec | BlockSpec, Belongs], ...] = (
        ("user", job.user.spec, lambda b: b.job.user is job.user),
        ("job", job.spec, lambda b: b.job is job),
        ("block", spec, lambda b: b is block),
    )
    for name, asks, belongs in circles:
        most, per_host = asks.max_running_tasks, asks.max_running_tasks_per_host
        if most < 0 and per_host < 0:
            continue
        found = [one for one in _currents(safety) if belongs(farm.blocks[one.block_key])]
        there = sum(one.render == fact.render for one in found)
        if 0 <= most < len(found):
            return f"the {name} runs {len(found)} tasks, its limit is {most}"
        if 0 <= per_host < there:
            return f"the {name} runs {there} tasks there, its limit per host is {per_host}"
    return ""


def _capacity(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Living processes and starts under way fit the host (contract 3, R7)."""
    render = farm.renders[fact.render]
    used = 0
    for run, row in safety.open.items():
        one = safety.runs[run]
        if one.render == fact.render and (run in safety.live or row[8]):
            used += one.capacity
    for run in safety.live:
        one = safety.runs[run]
        if one.render == fact.render and run not in safety.open and not one.disowned:
            used += one.capacity
    if 0 <= render.capacity < used:
        return f"capacity {used} is used, it has {render.capacity}"
    running = sum(  # a task of the server's own job takes no slot (R23)
        one.render == fact.render and not farm.blocks[one.block_key].job.system
        for one in _currents(safety)
    )
    if running > render.max_tasks:
        return f"{running} tasks run there, its limit is {render.max_tasks}"
    return ""


def _allowed(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    job, render = block.job, farm.renders[fact.render]
    spec = render.spec
    owner = spec.user_name or render.user_name
    wrong = (
        (job.off, "the job is paused"),
        (job.deleting, "the job is being deleted"),
        (job.spec.priority == 0, "the job has priority 0"),
        (job.user.spec.paused, "the user is paused"),
        (job.waiting_time, "the job waits for its time"),
        (not render.link, "the render is offline"),
        (spec.paused, "the render is paused"),
        (render.draining, "the render takes no new work"),
        (spec.NIMBY and not job.spec.ignorenimby, "the render is NIMBY"),
        (
            spec.nimby and owner != job.user.name and not job.spec.ignorenimby,
            f"the render is nimby of {owner}",
        ),
    )
    return ", ".join(text for bad, text in wrong if bad)


def _depends(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Blocks that its mask names are done or skipped, all tasks of them (SEMANTICS 4)."""
    mask = block.spec.depend_mask
    if not mask:
        return ""
    for other in block.job.blocks:
        if other is block or not re.fullmatch(mask, other.spec.name):
            continue
        for task in range(other.tasks_num):
            code = other.code(task)
            if code not in FINISHED:
                return f"task {task} of block {other.num} is {Code(code).name}"
    return ""


def _tasks_depend(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Tasks with frames in common, of blocks that its tasks mask names, are done (SEMANTICS 4)."""
    mask = block.spec.tasks_depend_mask
    if not mask or not block.spec.numeric:
        return ""
    first, last, _ = block.frames(fact.task_num)
    for other in block.job.blocks:
        if other is block or not other.spec.numeric or not re.fullmatch(mask, other.spec.name):
            continue
        for task in range(other.tasks_num):
            start, finish, _ = other.frames(task)
            if start <= last and first <= finish and other.code(task) not in FINISHED:
                return f"task {task} of block {other.num} has frames of it, is not done"
    return ""


def _jobs_depend(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Jobs that its masks name are done: of the same user, or anybody's (SEMANTICS 4)."""
    job = block.job
    for other in farm.jobs.values():
        if other is job or other.system:
            continue
        names = [job.spec.depend_mask_global]
        if other.user is job.user:
            names.append(job.spec.depend_mask)
        if any(mask and re.fullmatch(mask, other.spec.name) for mask in names):
            for one in other.blocks:
                if any(one.code(task) not in FINISHED for task in range(one.tasks_num)):
                    return f"it waits for job {other.serial}, which is not done"
    return ""


def _masks(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Hosts masks of user, job and block name the host, exclude masks do not (SEMANTICS 3.4)."""
    job, user = block.job.spec, block.job.user.spec
    kind = job.hosts_mask_type or user.hosts_mask_type
    for work, read_as in ((block.spec, kind), (job, kind), (user, user.hosts_mask_type)):
        if work.hosts_mask and not _names(work.hosts_mask, read_as, fact.render):
            return f"the mask {work.hosts_mask!r} does not name it"
        if work.hosts_mask_exclude and _names(work.hosts_mask_exclude, read_as, fact.render):
            return f"the exclude mask {work.hosts_mask_exclude!r} names it"
    return ""


def _names(mask: str, read_as: str, host: str) -> bool:
    """The mask names the host: by words that names begin with, or as a regular expression (R20)."""
    if read_as == "find" or (not read_as and re.fullmatch(r"[\w.\-|;,: ]*", mask)):
        return any(host.startswith(word) for word in re.split(r"[|;,: ]+", mask) if word)
    return re.fullmatch(mask, host) is not None


def _rate(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """So many starts in any second (R25); a restarted server begins to count."""
    job = block.job
    circles: tuple[tuple[str, WorkSpec, Belongs], ...] = (
        ("job", job.spec, lambda b: b.job is job),
        ("user", job.user.spec, lambda b: b.job.user is job.user),
    )
    for name, spec, belongs in circles:
        most = spec.max_tasks_per_second
        if most < 0 or job.serial in safety.promises.touched:
            continue
        since = max(fact.started_at - 1.0 + 1e-6, safety.serving_at)
        count = sum(
            one.started_at > since
            for one in safety.runs.values()
            if one.block_key in farm.blocks and belongs(farm.blocks[one.block_key])
        )
        if count > most:
            return f"the {name} starts {count} in a second, its limit is {most}"
    return ""


def _avoided(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Hosts that failed as often as the lists allow get no more of it (SEMANTICS 5)."""
    forgive = block.errors_forgive_time()
    if 0 < forgive < max(18000, safety.world.now) or block.job.serial in safety.promises.touched:
        return ""  # an entry may have been forgiven, or taken out by hand
    of_block = of_task = 0
    for run, row in safety.closed.items():
        one = safety.runs.get(run)
        if one is None or one.block_key != fact.block_key or one.render != fact.render:
            continue
        log = row[15] or ""
        if row[11] not in _ERROR_ENDS or row[13] in _NOT_COUNTED or "stopped: " in log:
            continue
        of_block += 1
        of_task += one.task_num == fact.task_num
    limit = block.errors_avoid_host()
    if 0 < limit <= of_block:
        return f"the block had {of_block} errors there, it avoids a host after {limit}"
    limit = block.errors_task_same_host()
    if 0 < limit <= of_task:
        return f"the task had {of_task} errors there, it avoids a host after {limit}"
    return ""


#: What is promised about every start; more may be added.
CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("limits", _limits),
    ("capacity of the host", _capacity),
    ("who may run where", _allowed),
    ("dependencies", _depends),
    ("dependencies of tasks", _tasks_depend),
    ("dependencies of jobs", _jobs_depend),
    ("hosts masks", _masks),
    ("starts per second", _rate),
    ("avoided hosts", _avoided),
)
