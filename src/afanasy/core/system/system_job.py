"""The system job: commands that the server itself wants run somewhere (SEMANTICS 12.1, R23).

It is job 1 and never goes. Each of its blocks is a ring of places for tasks. A request (a pre or
post command, a notification by command, a magic packet) takes a new place until there are
``af_sysjob_tasksmax``, then that of the task that has been finished for longest; its runs and
outputs stay in the history. When every place is taken by unfinished work, requests wait outside,
each stored by itself. So the job never grows without bound, and a server that dies forgets nothing:
a request is stored with whatever caused it.

Who places its tasks is :mod:`afanasy.core.system.system_solve`. A task that no host takes for
``af_sysjob_tasklife`` seconds is an error.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Final

import msgspec

from afanasy.core.effects import Note
from afanasy.core.state import Block, Farm, Job
from afanasy.core.system.system_state import PRE_COMMANDS
from afanasy.core.tasks import Code, TaskColumns
from afanasy.core.transitions import add_timer, drop_extra, set_code, set_flags
from afanasy.model.attributes import TaskSpec
from afanasy.model.clock import Now

SERIAL: Final = 0
#: Numbers of its blocks; that of pre commands is in :mod:`afanasy.core.system.system_state`.
POST_COMMANDS, WAKE_ON_LAN, EVENTS = range(3)
NAME_MAX: Final = 32
#: Requests that may wait outside; further ones are dropped with a note.
WAITING_MAX: Final = 100_000
#: How often tasks that wait too long are looked for.
LOOK_S: Final = 60.0
#: Variables of a system task: where it runs, what ``deletefiles`` may delete, whose job it was.
DIRECTORY: Final = "AF_POST_DIRECTORY"
ROOTS: Final = "AF_DELETE_ROOTS"
#: A row of the table ``meta`` for each request that waits outside.
ROW_PREFIX: Final = "request/"

_FINISHED: Final = frozenset({Code.DONE, Code.SKIPPED, Code.ERROR})


def first_word(command: str) -> str:
    """Name of a system task: the first word of its command."""
    words = command.split(maxsplit=1)
    return os.path.basename(words[0])[:NAME_MAX] if words else "command"  # noqa: PTH119 - of a text


def job_folders(job: Job) -> list[str]:
    """The job's folders and the working directories of its blocks, each once, in this order."""
    directories = (block.spec.working_directory for block in job.blocks)
    return [path for path in dict.fromkeys([*job.spec.folders.values(), *directories]) if path]


def about(job: Job) -> dict[str, str]:
    """What a system task knows of the job it is for."""
    return {
        "AF_OF_JOB_NAME": job.spec.name,
        "AF_OF_JOB_ID": str(job.id),
        "AF_OF_JOB_SERIAL": str(job.serial),
        "AF_OF_USER_NAME": job.user.name,
    }


def post_commands(farm: Farm, job: Job, now: Now) -> None:
    """The job is being deleted: its post command, then those of its blocks (SEMANTICS 1.6)."""
    found = [(job.spec.command_post, job.blocks[0].spec.working_directory if job.blocks else "")]
    found += [(b.spec.command_post, b.spec.working_directory) for b in job.blocks]
    found = [(command, directory) for command, directory in found if command.strip()]
    if not found:
        return
    for command, directory in found:
        why = f"post command of job {job.id} {job.spec.name!r}"
        request(farm, POST_COMMANDS, command, environment_for(job, directory), why, now)


def environment_for(job: Job, directory: str) -> dict[str, str]:
    """Environment of a pre or post command of the job that runs in ``directory``."""
    environment = about(job)
    if directory:
        environment[DIRECTORY] = directory
    roots = os.pathsep.join(path for path in job_folders(job) if os.pathsep not in path)
    if roots:
        environment[ROOTS] = roots
    return environment


def request(
    farm: Farm,
    number: int,
    command: str,
    environment: dict[str, str],
    why: str,
    now: Now,
    *,
    name: str = "",
    owner: Job | Block | None = None,
) -> bool:
    """Have ``command`` run once on some render, by block ``number`` of the system job.

    ``owner`` waits for its end. Returns False when too many requests wait already.
    """
    job = farm.jobs.get(SERIAL)
    assert job is not None, "a request before the system job was made"
    spec = task_of(command, environment, name)
    job.say(f"{why}: {command[:200]}")
    farm.changes.jobs[job.serial] = job
    waiting = farm.system.waiting.setdefault(number, {})
    block = job.blocks[number]
    task = -1 if waiting else _put(farm, block, spec, now)
    if task >= 0:
        if owner is not None:
            _link(farm, owner, task)
        return True
    if len(waiting) >= WAITING_MAX:
        farm.effects.append(Note("system_request_dropped", {"why": why, "command": command[:200]}))
        return False
    key = next_number(farm)
    waiting[key] = spec
    farm.changes.kept[f"{ROW_PREFIX}{key}"] = (number, spec)
    if owner is not None:
        assert owner.pre is not None
        owner.pre.request = key
        farm.system.outside[key] = owner
        mark_owner(farm, owner)
    return True


def task_of(command: str, environment: dict[str, str], name: str = "") -> TaskSpec:
    """The task that a request becomes."""
    name = (name or first_word(command))[:NAME_MAX]
    return TaskSpec(name=name, command=command, environment=environment)


def _link(farm: Farm, owner: Job | Block, task: int) -> None:
    """The pre command of ``owner`` has got a place."""
    assert owner.pre is not None
    owner.pre.request, owner.pre.task = 0, task
    farm.system.owners[task] = owner
    mark_owner(farm, owner)


def mark_owner(farm: Farm, owner: Job | Block) -> None:
    """What is stored of a pre command is stored with whoever waits for it."""
    if isinstance(owner, Job):
        farm.changes.jobs[owner.serial] = owner
    else:
        farm.changes.block_states[owner.key] = owner


def next_number(farm: Farm) -> int:
    """A number for a request or message that is never given out again."""
    farm.system.counter += 1
    return farm.epoch << 32 | farm.system.counter


def fill(farm: Farm, now: Now) -> None:
    """Give places that became free to requests that wait outside."""
    job = farm.jobs.get(SERIAL)
    for number, waiting in farm.system.waiting.items():
        assert job is not None
        while waiting:
            key = next(iter(waiting))
            task = _put(farm, job.blocks[number], waiting[key], now)
            if task < 0:
                break
            owner = farm.system.outside.pop(key, None)
            if owner is not None:
                _link(farm, owner, task)
            drop_request(farm, number, key)


def drop_request(farm: Farm, number: int, key: int) -> None:
    """A request that waited for a place waits no more."""
    del farm.system.waiting[number][key]
    farm.changes.kept[f"{ROW_PREFIX}{key}"] = None


def change_request(farm: Farm, number: int, key: int, spec: TaskSpec) -> None:
    """A request that waits for a place is to become another task."""
    farm.system.waiting[number][key] = spec
    farm.changes.kept[f"{ROW_PREFIX}{key}"] = (number, spec)


def _put(farm: Farm, block: Block, spec: TaskSpec, now: Now) -> int:
    """Make it a task of the block; its number, or -1 when every place is taken."""
    if not block.counts[Code.READY]:
        block.ready_wall = now.wall
    if block.tasks_num < farm.settings.value("af_sysjob_tasksmax"):
        task = _grow(farm, block, spec)
    else:
        task = _finished_place(farm, block)
        if task < 0:
            return -1
        owner = farm.system.owners.pop(task, None) if block.num == PRE_COMMANDS else None
        if owner is not None:  # it failed, and says so for itself from now on
            assert owner.pre is not None
            owner.pre.task = -1
            mark_owner(farm, owner)
        _reuse(farm, block, task, spec, now)
    _placed(farm, block, task, now)
    return task


def put_again(farm: Farm, block: Block, task: int, spec: TaskSpec, now: Now) -> None:
    """Give a place that is not running another task."""
    if block.code(task) == Code.READY:
        assert block.tasks is not None
        block.tasks[task] = spec
    else:
        _reuse(farm, block, task, spec, now)
    _placed(farm, block, task, now)


def _placed(farm: Farm, block: Block, task: int, now: Now) -> None:
    farm.changes.places[(block, task)] = None
    farm.fresh_jobs[SERIAL] = block.job
    farm.system.since[(block.num, task)] = now.mono
    watch(farm, now)


def _grow(farm: Farm, block: Block, spec: TaskSpec) -> int:
    assert block.tasks is not None
    task = block.tasks_num
    old = block.columns
    block.tasks.append(spec)
    block.tasks_num += 1
    block.counts[Code.READY] += 1
    if old is not None:
        block.columns = TaskColumns(block.tasks_num)
        block.columns.unpack(0, task, old.pack(0, task))
    block.ready = None
    block.set_done(False)
    block.time_done = block.job.time_done = 0
    farm.changes.blocks[block.key] = block
    farm.changes.block_states[block.key] = block
    return task


def _reuse(farm: Farm, block: Block, task: int, spec: TaskSpec, now: Now) -> None:
    """The place gets another task. Its starts go on counting: they tell its runs apart."""
    assert block.tasks is not None
    block.tasks[task] = spec
    columns = block.touch()
    columns.errors[task] = 0
    columns.time_done[task] = columns.time_start[task] = 0
    set_flags(block, task, 0)
    drop_extra(block, task)
    set_code(farm, block, task, Code.READY, now)


def _finished_place(farm: Farm, block: Block) -> int:
    """The place of the task that has been finished for longest, or -1."""
    free = farm.system.free.setdefault(block.num, deque())
    while free:
        task = free.popleft()
        if block.code(task) in _FINISHED:
            return task
    if not any(block.counts[code] for code in _FINISHED):
        return -1
    columns = block.touch()
    found = [task for task in range(block.tasks_num) if columns.state[task] in _FINISHED]
    free.extend(sorted(found, key=lambda task: (columns.time_done[task], task)))
    return free.popleft()


def unfinished(farm: Farm, number: int, variable: str, value: str) -> bool:
    """A request of block ``number`` whose environment has the value waits, or runs."""
    job = farm.jobs[SERIAL]
    block = job.blocks[number]
    placed = block.tasks or []
    return any(
        (spec.environment or {}).get(variable) == value
        for spec in (
            *(spec for task, spec in enumerate(placed) if block.code(task) not in _FINISHED),
            *farm.system.waiting.get(number, {}).values(),
        )
    )


# -------------------------------------------------------------------------------- waiting long


def watch(farm: Farm, now: Now) -> None:
    """Something waits for its start: look later whether it still does."""
    if not farm.system.timer:
        farm.system.timer = True
        add_timer(farm, now.mono + LOOK_S, "system")


def look(farm: Farm, now: Now) -> None:
    """What no host took for too long is an error."""
    work, job = farm.system, farm.jobs.get(SERIAL)
    assert job is not None
    work.timer = False
    life = farm.settings.value("af_sysjob_tasklife")
    for (number, task), since in list(work.since.items()):
        block = job.blocks[number]
        code = block.code(task)
        if code in _FINISHED:
            del work.since[(number, task)]
        elif code not in (Code.READY, Code.RETRY):
            work.since[(number, task)] = now.mono  # it was taken
        elif now.mono - since >= life:
            del work.since[(number, task)]
            set_code(farm, block, task, Code.ERROR, now)
            block.touch().time_done[task] = int(now.wall)
            job.say(
                f"{block.spec.name} {task} {block.task_name(task)}: no host took it for {life} s"
            )
            farm.changes.jobs[job.serial] = job
            assert block.tasks is not None
            spec = block.tasks[task]
            fields: dict[str, object] = {
                "block": block.spec.name, "task": task, "seconds": life, "command": spec.command,
                "of_job": (spec.environment or {}).get("AF_OF_JOB_SERIAL", ""),
            }  # fmt: skip
            farm.effects.append(Note("system_task_too_old", fields))
    if any(work.waiting.values()):
        farm.fresh_jobs[SERIAL] = job  # the next placement fills places that are free
    if work.since:
        watch(farm, now)


# ------------------------------------------------------------------------------------- restore


def restore_request(farm: Farm, name: str, value: str) -> None:
    """A request that waited outside, of its stored row."""
    number, spec = msgspec.json.decode(value, type=tuple[int, TaskSpec])
    farm.system.waiting.setdefault(number, {})[int(name.removeprefix(ROW_PREFIX))] = spec


def restored(farm: Farm, now: Now) -> None:
    """Everything is there: order the requests, and measure waits from now."""
    work, job = farm.system, farm.jobs[SERIAL]
    for number in work.waiting:
        work.waiting[number] = dict(sorted(work.waiting[number].items()))
    for owner in (owner for one in farm.jobs.values() for owner in (one, *one.blocks)):
        if owner.pre is not None and owner.pre.task >= 0:
            work.owners[owner.pre.task] = owner
        elif owner.pre is not None and owner.pre.request:
            work.outside[owner.pre.request] = owner
    for block in job.blocks:
        for task in range(block.tasks_num):
            if block.code(task) not in _FINISHED:
                work.since[(block.num, task)] = now.mono
    if work.since:
        watch(farm, now)
    farm.fresh_jobs[SERIAL] = job
