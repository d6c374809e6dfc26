"""Pre commands: what runs once before the first task of a job or block (SEMANTICS 1.6, R31).

**Theory.** Whoever has a pre command when he is submitted while ``af_command_pre`` is on gets a
:class:`~afanasy.core.system.system_state.PreCommand` and *waits* as long as he has it: nothing of
him starts. Each becomes a request of the system job: the job's own at once, those of its blocks
when that one has ended well. Nothing is asked for while the job is paused; what was asked for runs.

What becomes of it is that of its task in the system job, however that came about:

* done, or skipped by a person: nobody waits any more;
* in error when its retries are used up or no host took it, or suspended: it *failed*, its owner is
  in error. A restart of the owner runs it again, and so does a restart of that very task;
* anything else: it is waited for.

:mod:`afanasy.core.transitions` notes which tasks of the system job changed, and the reactor has
:func:`follow` look at them when the event is over. A pre command is stored with its owner, and the
request with the same batch, so a server that dies forgets neither: it runs once at least, and
nothing starts before. A new text takes the place of one that is not running; an empty one drops it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from af.words import plural
from afanasy.core.run import runs, stops
from afanasy.core.state import Block, Farm, Job
from afanasy.core.system import happenings, system_job
from afanasy.core.system.system_state import PRE_COMMANDS, PreCommand
from afanasy.core.tasks import FINISHED, OPEN, Code
from afanasy.core.transitions import refresh_queue, set_code
from afanasy.model.clock import Now
from afanasy.model.states import RunEnd

SETTING: Final = "af_command_pre"
#: Ends of a run of which the exit status says nothing.
_ENDS: Final = {
    int(end): end.name.lower().replace("_", " ") for end in RunEnd if end != RunEnd.ERROR
}


def warnings(farm: Farm, job: Job, first: int = 0) -> list[str]:
    """A sentence for each pre command of the job and its blocks from ``first`` on that is not run.

    ``first`` above 0 speaks of appended blocks alone.
    """
    if farm.settings.value(SETTING):
        return []
    named = [("job.command_pre", job.spec.command_pre)] if not first else []
    named += [(f"blocks[{b.num}].command_pre", b.spec.command_pre) for b in job.blocks[first:]]
    return [
        f"{field} is kept and not run: the setting {SETTING} is off"
        for field, command in named
        if command.strip()
    ]


def submitted(farm: Farm, job: Job, now: Now, first: int = 0) -> None:
    """The job is new, or its blocks from ``first`` on are: their pre commands are due, or not."""
    for sentence in warnings(farm, job, first):
        job.say(f"warning: {sentence}")
    if not farm.settings.value(SETTING):
        return
    for owner in (*(() if first else (job,)), *job.blocks[first:]):
        if owner.spec.command_pre.strip():
            owner.pre = PreCommand()
            system_job.mark_owner(farm, owner)
    ask(farm, job, now)


def ask(farm: Farm, job: Job, now: Now) -> None:
    """Ask for what is due and was not asked for: after a submission, a start, an end."""
    for owner in (job, *job.blocks):
        pre = owner.pre
        if pre is not None and not (pre.failed or pre.request or pre.task >= 0):
            _ask(farm, owner, now)


def again(farm: Farm, owners: Iterable[Job | Block], now: Now) -> None:
    """Owners were restarted: what failed is run again, what ended well is not."""
    for owner in owners:
        if owner.pre is not None and owner.pre.failed:
            _ask(farm, owner, now)


def edited(farm: Farm, owner: Job | Block, now: Now) -> None:
    """The owner has another command: it counts if it is waited for and not running."""
    if owner.pre is None:
        return
    if owner.spec.command_pre.strip():
        _ask(farm, owner, now)
    else:
        drop(farm, owner, now)


def drop(farm: Farm, owner: Job | Block, now: Now) -> None:
    """Nobody wants it any more: it is not run, or stopped, and then not waited for."""
    pre, block = owner.pre, _block(farm)
    if pre is None:
        return
    if pre.request:
        system_job.drop_request(farm, PRE_COMMANDS, pre.request)
        del farm.system.outside[pre.request]
    elif pre.task >= 0:
        run = block.open.get(pre.task)
        if run is not None:
            stops.stop(farm, run, runs.STOP_SKIP, Code.SKIPPED, now)
            return  # follow() hears of its end
        del farm.system.owners[pre.task]
        set_code(farm, block, pre.task, Code.SKIPPED, now)
        block.touch().time_done[pre.task] = int(now.wall)
    _release(farm, owner, "is dropped", now)


def cancel(farm: Farm, job: Job, now: Now) -> None:
    """The job is being deleted; it goes when nothing of its pre commands runs."""
    for owner in (job, *job.blocks):
        drop(farm, owner, now)


def follow(farm: Farm, now: Now) -> None:
    """Look at the tasks of the system job that changed: who waited for which of them."""
    work, block = farm.system, _block(farm)
    moved, work.moved = work.moved, {}
    ended: list[tuple[Job | Block, Code]] = []
    for number, task in moved:
        owner = work.owners.get(task) if number == PRE_COMMANDS else None
        if owner is None:
            continue
        assert owner.pre is not None
        code = block.code(task)
        if code in FINISHED:
            del work.owners[task]
            owner.pre.task = -1
            ended.append((owner, code))
        elif code in (Code.ERROR, Code.SUSPENDED):
            _failed(farm, owner, _why(farm, block, task), now)
        elif owner.pre.failed:
            owner.pre.failed = ""  # somebody restarted it
            system_job.mark_owner(farm, owner)
        elif code not in OPEN and _outdated(block, task, owner):
            edited(farm, owner, now)
    for owner, code in ended:
        _release(farm, owner, "ended well" if code == Code.DONE else "is skipped", now)
    for job in {_job(owner).serial: _job(owner) for owner, _ in ended}.values():
        runs.deleted_if_idle(farm, job, now)
    for number, task in moved:
        owner = work.owners.get(task) if number == PRE_COMMANDS else None
        if owner is not None and _job(owner).deleting and block.code(task) not in OPEN:
            drop(farm, owner, now)
            runs.deleted_if_idle(farm, _job(owner), now)


# --------------------------------------------------------------------------------------- steps


def _block(farm: Farm) -> Block:
    return farm.jobs[system_job.SERIAL].blocks[PRE_COMMANDS]


def _job(owner: Job | Block) -> Job:
    return owner if isinstance(owner, Job) else owner.job


def _outdated(block: Block, task: int, owner: Job | Block) -> bool:
    """The command was edited while it ran."""
    assert block.tasks is not None
    return block.tasks[task].command != owner.spec.command_pre


def _name(owner: Job | Block) -> str:
    return "" if isinstance(owner, Job) else f" of block {owner.num} {owner.spec.name!r}"


def _due(owner: Job | Block) -> bool:
    job = _job(owner)
    return not (job.off or job.deleting) and (owner is job or job.pre is None)


def _ask(farm: Farm, owner: Job | Block, now: Now) -> None:
    """Have the command run as it reads now, unless it is running or not due yet."""
    pre, job, block = owner.pre, _job(owner), _block(farm)
    assert pre is not None
    failed, pre.failed = pre.failed, ""
    system_job.mark_owner(farm, owner)
    block_spec = owner.spec if isinstance(owner, Block) else job.blocks[0].spec
    environment = system_job.environment_for(job, block_spec.working_directory)
    command = owner.spec.command_pre
    run = block.open.get(pre.task)
    if run is not None:
        if run.stop_cause == runs.STOP_SKIP:
            stops.retarget(farm, run, Code.READY)
        job.say(f"pre command{_name(owner)} runs; the new one is run if that fails")
    elif failed and not _due(owner):
        farm.system.owners.pop(pre.task, None)
        pre.task = -1
    elif pre.task >= 0:
        spec = system_job.task_of(command, environment)
        system_job.put_again(farm, block, pre.task, spec, now)
    elif pre.request:
        system_job.change_request(
            farm, PRE_COMMANDS, pre.request, system_job.task_of(command, environment)
        )
    elif _due(owner):
        why = f"pre command of job {job.id} {job.spec.name!r}"
        job.say(f"pre command{_name(owner)} is asked for: {command[:200]}")
        if not system_job.request(farm, PRE_COMMANDS, command, environment, why, now, owner=owner):
            _failed(farm, owner, "too many requests wait for the system job", now)
    farm.changes.jobs[job.serial] = job


def _failed(farm: Farm, owner: Job | Block, why: str, now: Now) -> None:
    assert owner.pre is not None
    job = _job(owner)
    if owner.pre.failed or job.deleting:
        return
    owner.pre.failed = why
    job.say(f"pre command{_name(owner)} failed: {why}")
    happenings.of_job(farm, job, happenings.JOB_ERROR)
    system_job.mark_owner(farm, owner)
    farm.changes.jobs[job.serial] = job


def _release(farm: Farm, owner: Job | Block, what: str, now: Now) -> None:
    """It is over: the owner waits no more, and what waited for it is asked for."""
    job = _job(owner)
    owner.pre = None
    system_job.mark_owner(farm, owner)
    job.say(f"pre command{_name(owner)} {what}")
    for block in job.blocks:
        if owner in (job, block):
            block.ready_wall = now.wall
    farm.fresh_jobs[job.serial] = job
    farm.changes.jobs[job.serial] = job
    ask(farm, job, now)
    refresh_queue(farm, job, now)


def _why(farm: Farm, block: Block, task: int) -> str:
    """Why the task of the system job does not go on, in a few words."""
    extra = block.extras.get(task)
    if extra is not None and extra.reason:
        return extra.reason
    if block.code(task) == Code.SUSPENDED:
        return "its task is suspended"
    for record in reversed(farm.changes.closed):
        run = record.run
        if run.block is block and run.task == task:  # it ended just now
            what = _ENDS.get(record.status, f"exit status {record.exit_status}")
            return f"{run.stop_cause or what} on {run.render.name}"
    errors = block.columns.errors[task] if block.columns is not None else 0
    if errors:
        return plural(errors, "error")
    return f"no host took it for {farm.settings.value('af_sysjob_tasklife')} s"
