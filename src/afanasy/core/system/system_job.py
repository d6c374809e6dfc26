"""The system job: commands that the server itself wants run somewhere (SEMANTICS 12.1, R23).

It is job 1 and never goes. Each of its blocks is a ring of places for tasks. A request (a post
command, a notification by command, a magic packet) takes a new place until there are
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
from afanasy.core.tasks import Code, TaskColumns
from afanasy.core.transitions import add_timer, drop_extra, set_code, set_flags
from afanasy.model.attributes import TaskSpec
from afanasy.model.clock import Now

SERIAL: Final = 0
#: Numbers of its blocks.
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
    roots = os.pathsep.join(path for path in job_folders(job) if os.pathsep not in path)
    for command, directory in found:
        environment = about(job)
        if directory:
            environment[DIRECTORY] = directory
        if roots:
            environment[ROOTS] = roots
        why = f"post command of job {job.id} {job.spec.name!r}"
        request(farm, POST_COMMANDS, command, environment, why, now)


def request(
    farm: Farm,
    number: int,
    command: str,
    environment: dict[str, str],
    why: str,
    now: Now,
    *,
    name: str = "",
) -> None:
    """Have ``command`` run once on some render, by block ``number`` of the system job."""
    job = farm.jobs.get(SERIAL)
    assert job is not None, "a request before the system job was made"
    spec = TaskSpec(
        name=(name or first_word(command))[:NAME_MAX], command=command, environment=environment
    )
    job.say(f"{why}: {command[:200]}")
    farm.changes.jobs[job.serial] = job
    waiting = farm.system.waiting.setdefault(number, {})
    block = job.blocks[number]
    if not waiting and _put(farm, block, spec, now):
        return
    if len(waiting) >= WAITING_MAX:
        farm.effects.append(Note("system_request_dropped", {"why": why, "command": command[:200]}))
        return
    key = next_number(farm)
    waiting[key] = spec
    farm.changes.kept[f"{ROW_PREFIX}{key}"] = (number, spec)


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
            if not _put(farm, job.blocks[number], waiting[key], now):
                break
            del waiting[key]
            farm.changes.kept[f"{ROW_PREFIX}{key}"] = None


def _put(farm: Farm, block: Block, spec: TaskSpec, now: Now) -> bool:
    """Make it a task of the block; False when every place is taken."""
    if not block.counts[Code.READY]:
        block.ready_wall = now.wall
    if block.tasks_num < farm.settings.value("af_sysjob_tasksmax"):
        task = _grow(farm, block, spec)
    else:
        task = _finished_place(farm, block)
        if task < 0:
            return False
        _reuse(farm, block, task, spec, now)
    farm.changes.places[(block, task)] = None
    farm.fresh_jobs[SERIAL] = block.job
    farm.system.since[(block.num, task)] = now.mono
    watch(farm, now)
    return True


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
    block.done = False
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
            fields: dict[str, object] = {"block": block.spec.name, "task": task, "seconds": life}
            farm.effects.append(Note("system_task_too_old", fields))
    fill(farm, now)
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
    for block in job.blocks:
        for task in range(block.tasks_num):
            if block.code(task) not in _FINISHED:
                work.since[(block.num, task)] = now.mono
    if work.since:
        watch(farm, now)
    farm.fresh_jobs[SERIAL] = job
