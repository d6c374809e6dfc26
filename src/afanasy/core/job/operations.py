"""Operations of people on jobs, blocks and tasks (SEMANTICS 2.4, R9, R17).

An operation over tasks is a table: what becomes of each state code. Tasks without a run are changed
at once, whole ranges in one step; a running task is asked to stop, and takes its target state when
its process is gone. Every operation answers how many tasks it touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from af.words import plural
from afanasy.core import node_log
from afanasy.core.depend import spread
from afanasy.core.effects import InstructRender, Note
from afanasy.core.events import (
    EditBranch,
    OperateBlocks,
    OperateBranch,
    OperateJob,
    OperatePool,
    OperateRender,
)
from afanasy.core.host import pool_edits, power
from afanasy.core.host.host_change import host_gone, restore_defaults
from afanasy.core.host.pool_edits import set_pool
from afanasy.core.host.renders import touch_render
from afanasy.core.job import branch_edits, giving_up
from afanasy.core.job.submit import block_of, check_kept, living_job
from afanasy.core.limit import limits
from afanasy.core.place import draining, try_next
from afanasy.core.place.checks_host import EJECT_AWAY_S
from afanasy.core.run import cool_off, ends, errors, runs, sick, stops
from afanasy.core.state import Block, Farm, Job, Run
from afanasy.core.system import pre_commands
from afanasy.core.tasks import CODES, Code, among
from afanasy.core.transitions import (
    WRN_FLAG,
    add_timer,
    change_tasks,
    extra_of,
    rebuild_job,
    refresh_queue,
)
from afanasy.model.clock import Now
from afanasy.model.errors import UserError


@dataclass(frozen=True)
class TaskOperation:
    """What an operation makes of tasks."""

    #: Code → new code, of tasks without a run.
    codes: dict[Code, Code]
    #: What a running task becomes when its process is gone; None leaves it alone.
    running: Code | None
    #: Cause of the stop.
    cause: str = ""

    def table(self) -> bytes:
        """The codes as a translation table of bytes."""
        return bytes([self.codes.get(Code(n), Code(n)) if n < CODES else n for n in range(256)])


_NOT_DONE: Final = (Code.READY, Code.WAITING, Code.ERROR, Code.SUSPENDED, Code.RETRY)
_ALL: Final = (*_NOT_DONE[1:], Code.DONE, Code.SKIPPED)


def _to(code: Code, *sources: Code) -> dict[Code, Code]:
    return dict.fromkeys(sources, code)


OPERATIONS: Final = {
    "skip": TaskOperation(_to(Code.SKIPPED, *_NOT_DONE), Code.SKIPPED, runs.STOP_SKIP),
    "done": TaskOperation(_to(Code.DONE, *_NOT_DONE), Code.DONE, runs.STOP_DONE),
    "suspend": TaskOperation(
        _to(Code.SUSPENDED, Code.READY, Code.WAITING, Code.RETRY, Code.SKIPPED),
        Code.SUSPENDED,
        runs.STOP_SUSPEND,
    ),
    "continue": TaskOperation(_to(Code.READY, Code.SUSPENDED), None),
    "restart": TaskOperation(_to(Code.READY, *_ALL), Code.READY, runs.STOP_RESTART),
    "restart_running": TaskOperation({}, Code.READY, runs.STOP_RESTART),
    "restart_errors": TaskOperation(_to(Code.READY, Code.ERROR, Code.RETRY), None),
    "restart_skipped": TaskOperation(_to(Code.READY, Code.SKIPPED), None),
    "restart_done": TaskOperation(_to(Code.READY, Code.DONE), None),
    "stop": TaskOperation({}, Code.READY, runs.STOP_JOB),
}
BLOCK_OPERATIONS: Final = frozenset(
    {*OPERATIONS, "reset_error_hosts", "trynext", "tickets"} - {"stop"}
)
JOB_OPERATIONS: Final = frozenset(
    {
        "start", "pause", "stop", "restart", "restart_pause", "restart_errors",
        "restart_running", "restart_skipped", "restart_done", "restart_warnings",
        "reset_error_hosts", "reset_trying_next_tasks", "delete",
    }
)  # fmt: skip
#: Those that stop running tasks.
_STOPS: Final = frozenset({"stop", "restart", "restart_pause", "restart_running", "delete"})
#: What is answered to a question (``ask``).
_ASKED: Final = "Nothing was done: this is what there would be to warn of."
#: Operations that run a pre command again which failed.
_RESTARTS: Final = ("restart", "restart_pause", "restart_errors")
#: Operations that are an order to the agent and nothing else; an offline render ignores them.
INSTRUCTIONS: Final = frozenset({"exit", "restart", "reboot", "shutdown"})
RENDER_OPERATIONS: Final = frozenset(
    {
        "eject_tasks",
        "eject_tasks_keep_my",
        "exit",
        "delete",
        "heal_sick",
        "set_pool",
        "reassign_pool",
        "restore_defaults",
        "launch_cmd",
        "wol_sleep",
        "wol_wake",
        *INSTRUCTIONS,
    }
)
_TABLES: Final = {name: operation.table() for name, operation in OPERATIONS.items()}


@dataclass(slots=True)
class Outcome:
    """What an operation did."""

    count: int = 0
    text: str = ""
    warnings: list[str] = field(default_factory=list[str])


def operate_job(farm: Farm, event: OperateJob, now: Now) -> Outcome:
    """An operation on a whole job. Raises UserError, nothing changed."""
    job = living_job(farm, event.serial)
    name = event.operation
    if name not in JOB_OPERATIONS:
        raise UserError("unknown_operation", f"Unknown operation: {name}", field="operation.type")
    if job.system and name == "delete":
        raise UserError("system_job", "System job can't be deleted.")
    if job.system and name in ("restart", "restart_pause", "restart_done"):
        raise UserError(
            "system_job",
            "The system job would do again what it did long ago.",
            "restart_errors, or name tasks",
        )
    if name != "delete":
        check_kept(job)
    outcome = Outcome()
    if name in _STOPS:
        outcome.warnings = giving_up.warnings(farm, job.blocks, None, event.mode)
    if event.ask:
        return replace(outcome, text=_ASKED)
    job.user.time_activity = int(now.wall)
    farm.changes.users[job.user.name] = job.user
    if name == "delete":
        outcome.count = _delete(farm, job, now)
    elif name in ("start", "pause"):
        _set_off(farm, job, name == "pause", now)
    elif name == "stop":
        _set_off(farm, job, True, now)
        outcome.count = _on_blocks(farm, job.blocks, "stop", None, now)
    elif name == "restart_pause":
        _set_off(farm, job, True, now)
        outcome.count = _on_blocks(farm, job.blocks, "restart", None, now)
        job.time_started = 0
    elif name == "restart_warnings":
        outcome.count = sum(_restart_warnings(farm, block, now) for block in job.blocks)
    elif name == "reset_error_hosts":
        outcome.count = sum(errors.reset_error_hosts(farm, b, None, now) for b in job.blocks)
    elif name == "reset_trying_next_tasks":
        outcome.count = len(job.try_next)
        job.try_next.clear()
    else:
        outcome.count = _on_spread(farm, job, job.blocks, event, None, now)
        if name == "restart":
            job.time_started = 0
    if name in _RESTARTS:
        pre_commands.again(farm, (job, *job.blocks), now)
    if name in ("restart", "restart_errors"):
        outcome.text = _still_avoided(job.blocks)
    if job.serial in farm.jobs:
        farm.changes.jobs[job.serial] = job
    _log(job, name, outcome, event.by)
    return outcome


def operate_blocks(farm: Farm, event: OperateBlocks, now: Now) -> Outcome:
    """An operation on blocks or tasks. Raises UserError, nothing changed."""
    job = living_job(farm, event.serial)
    blocks = [block_of(job, num) for num in event.blocks]
    name = event.operation
    if name not in BLOCK_OPERATIONS:
        raise UserError("unknown_operation", f"Unknown operation: {name}", field="operation.type")
    check_kept(job)
    for block in blocks:
        for part in event.tasks or ():
            if part.start < 0 or part.stop > block.tasks_num:
                wrong = part.start if part.start < 0 else part.stop - 1
                raise UserError(
                    "bad_task",
                    f"Invalid operation task numer = {wrong}",
                    f"block {block.num} has tasks 0 to {block.tasks_num - 1}",
                    field="operation.task_ids",
                )
    if name == "trynext" and (not event.tasks or event.mode not in ("append", "remove")):
        raise UserError(
            "missing",
            'trynext needs "task_ids" and the mode "append" or "remove"',
            field="operation.mode",
        )
    if name == "trynext":
        try_next.check_room(job, blocks, event.tasks or (), event.mode)
    if name == "tickets" and not event.ticket[0]:
        raise UserError("missing", "the ticket has no name", field="operation.name")
    outcome = Outcome()
    if name in OPERATIONS and OPERATIONS[name].running is not None:
        outcome.warnings = giving_up.warnings(farm, blocks, event.tasks, event.mode)
    if event.ask:
        return replace(outcome, text=_ASKED)
    job.user.time_activity = int(now.wall)
    farm.changes.users[job.user.name] = job.user
    if name == "reset_error_hosts":
        if event.mode in spread.MODES:
            named = list(spread.spread(blocks, event.tasks, event.mode).values())
        else:
            named = [(block, event.tasks or []) for block in blocks]
        for block, parts in named:
            # A block's own list goes with all of its tasks, when no tasks were chosen.
            whole = not event.tasks and sum(map(len, parts)) in (0, block.tasks_num)
            outcome.count += errors.reset_error_hosts(farm, block, None if whole else parts, now)
    elif name == "trynext":
        change = try_next.append if event.mode == "append" else try_next.remove
        outcome.count = change(job, blocks, event.tasks or ())
        if event.mode == "append":
            for block in blocks:
                errors.try_now(farm, block, event.tasks or [], now)
        outcome.text = "Tasks to try next processed."
        farm.fresh_jobs[job.serial] = job
    elif name == "tickets":
        for block in blocks:
            _set_ticket(farm, block, *event.ticket)
        rebuild_job(farm, job, now)
        outcome.count = len(blocks)
    else:
        outcome.count = _on_spread(farm, job, blocks, event, event.tasks, now)
        if name in _RESTARTS:
            pre_commands.again(farm, blocks, now)
    farm.changes.jobs[job.serial] = job
    _log(job, name, outcome, event.by)
    return outcome


def _on_spread(
    farm: Farm,
    job: Job,
    blocks: list[Block],
    event: OperateJob | OperateBlocks,
    parts: list[range] | None,
    now: Now,
) -> int:
    """The operation on the named tasks, and on those that its mode adds."""
    name = event.operation
    if event.mode not in spread.MODES:
        return _on_blocks(farm, blocks, name, parts, now)
    touched: dict[int, int] = {}
    chosen = list(spread.spread(blocks, parts, event.mode).values())
    for block, found in chosen:
        count = _on_blocks(farm, [block], name, found, now)
        touched[block.job.serial] = touched.get(block.job.serial, 0) + count
    if name in _RESTARTS:
        # Other jobs are reached as wholes: they begin anew, with their own pre commands.
        others = [farm.jobs[serial] for serial in touched if serial != job.serial]
        if name == "restart":
            for other in others:
                other.time_started = 0
                farm.changes.jobs[other.serial] = other
        pre_commands.again(farm, (*others, *(block for block, _ in chosen)), now)
    for serial, count in touched.items():
        if serial != job.serial and count:
            other = farm.jobs[serial]
            tasks = plural(count, "task")
            log_job(other, f"{name}: {tasks}, because of job {job.spec.name}, by {event.by}")
            farm.changes.jobs[serial] = other
    return sum(touched.values())


def _on_blocks(
    farm: Farm, blocks: list[Block], name: str, parts: list[range] | None, now: Now
) -> int:
    operation, table = OPERATIONS[name], _TABLES[name]
    count = 0
    for block in blocks:
        named = parts if parts is not None else [range(block.tasks_num)]
        for run in _open_runs(block, named):
            if operation.running is not None:
                stops.stop(farm, run, operation.cause, operation.running, now)
                count += 1
            elif run.stop_cause and run.stop_target in operation.codes:
                # It is being stopped: the operation sees it as what it is to become.
                stops.retarget(farm, run, operation.codes[run.stop_target])
                count += 1
        if operation.codes:
            changed = change_tasks(farm, block, named, table, now, also_ready=name == "restart")
            count += changed
            if changed and name.startswith("restart"):
                _forget_times(farm, block, sum(map(len, named)))
    return count


def _open_runs(block: Block, parts: list[range]) -> list[Run]:
    """The open runs of the tasks of ``parts``, in order; the parts may be very many."""
    return [block.open[task] for task in among(block.open, parts)]


def _forget_times(farm: Farm, block: Block, tasks: int) -> None:
    """A block restarted as a whole begins anew: its times are measured again."""
    if tasks == block.tasks_num and not block.open:
        block.time_started = block.time_done = 0
        block.run_time_min = block.run_time_max = block.run_time_sum = block.runs_timed = 0
    block.time_done = 0
    farm.changes.block_states[block.key] = block


def _restart_warnings(farm: Farm, block: Block, now: Now) -> int:
    if not block.warnings or block.columns is None:
        return 0
    table = _TABLES["restart_done"]
    columns = block.columns
    tasks = [
        task
        for task in range(block.tasks_num)
        if columns.flags[task] & WRN_FLAG and columns.state[task] == Code.DONE
    ]
    return change_tasks(farm, block, [range(task, task + 1) for task in tasks], table, now)


def _set_off(farm: Farm, job: Job, off: bool, now: Now) -> None:
    job.off = job.spec.offline = off
    if not off:
        for block in job.blocks:
            block.ready_wall = now.wall
    if job.system:
        farm.fresh_jobs[job.serial] = job  # it stands in no queue
    pre_commands.ask(farm, job, now)
    refresh_queue(farm, job, now)
    if off:
        draining.let_go(farm, job, now)


def _delete(farm: Farm, job: Job, now: Now) -> int:
    """Lock the job and stop its tasks; it disappears when none runs (SEMANTICS 2.4)."""
    job.deleting = True
    farm.changes.jobs[job.serial] = job
    refresh_queue(farm, job, now)
    draining.let_go(farm, job, now)
    pre_commands.cancel(farm, job, now)
    count = 0
    for block in job.blocks:
        for _, run in sorted(block.open.items()):
            stops.stop(farm, run, runs.STOP_DELETE, Code.READY, now)
            count += 1
    runs.deleted_if_idle(farm, job, now)
    return count


def delete_old(farm: Farm, job: Job, now: Now) -> None:
    """The job's life is over (:mod:`afanasy.core.job.lives`)."""
    farm.effects.append(Note("job_life_over", {"job": job.serial}))
    log_job(job, "deleted: its life time is over")
    _delete(farm, job, now)


def _set_ticket(farm: Farm, block: Block, name: str, count: int) -> None:
    tickets = {key: value for key, value in block.spec.tickets.items() if key != name}
    if count >= 0:
        tickets[name] = count
    block.spec.tickets = tickets
    block.version += 1
    farm.changes.blocks[block.key] = block
    farm.changes.block_states[block.key] = block  # its version
    limits.held_changed(farm, block)
    farm.fresh_jobs[block.job.serial] = block.job


def _still_avoided(blocks: list[Block]) -> str:
    """R17: a restart leaves the blocks' lists; the answer says how many hosts they avoid."""
    hosts = {host for block in blocks for host in block.error_hosts if block.avoids(host)}
    if not hosts:
        return ""
    avoided = plural(len(hosts), "host is", "hosts are")
    them = "it" if len(hosts) == 1 else "them"
    return f"{avoided} still avoided; reset_error_hosts (afcmd reset-errors) forgives {them}."


def _log(job: Job, name: str, outcome: Outcome, by: str) -> None:
    log_job(job, f"{name}: {plural(outcome.count, 'task')}" + (f", by {by}" if by else ""))


def log_job(job: Job, line: str) -> None:
    """Add a line to the job's log of at most 100 lines."""
    job.say(line)


# -------------------------------------------------------------------------------------- renders


def operate_render(farm: Farm, event: OperateRender, now: Now) -> Outcome:
    """An operation on a render. Raises UserError, nothing changed."""
    render = farm.renders.get(event.name)
    name = event.operation
    if render is None:
        raise UserError("not_found", f"there is no render {event.name!r}")
    if name not in RENDER_OPERATIONS:
        raise UserError("unknown_operation", f"Unknown operation: {name}", field="operation.type")
    if name == "delete" and render.link:
        raise UserError("online", "Can`t delete online render.", "stop its afrender first")
    outcome = Outcome()
    if name in ("set_pool", "reassign_pool"):
        set_pool(farm, render, event, now)  # it may refuse
    elif name == "wol_sleep":
        power.sleep(farm, render, now)
    elif name == "wol_wake":
        power.wake(farm, render, now)
        warning = power.warning(farm, now)
        if warning:
            outcome.warnings.append(warning)
    elif name == "launch_cmd" and not event.command.strip():
        raise UserError("missing", "launch_cmd needs a command", field="operation.cmd")
    farm.effects.append(Note("render_" + name, {"render": render.name, "by": event.by}))
    if name in ("eject_tasks", "eject_tasks_keep_my"):
        user = event.by.split("@")[0]
        ejected = [
            run
            for run in render.runs.values()
            if run.current and not (name.endswith("keep_my") and run.block.job.user.name == user)
        ]
        outcome.warnings = giving_up.of_render(render, ejected)
        for run in ejected:
            extra_of(run.block, run.task).ejected[render.name] = now.wall + EJECT_AWAY_S
            farm.changes.task(run.block, run.task)
            add_timer(farm, now.mono + EJECT_AWAY_S, "fresh", run.block.job)
            stops.stop(farm, run, runs.STOP_EJECT, Code.READY, now)
            outcome.count += 1
    elif name in INSTRUCTIONS:
        if render.link:
            farm.effects.append(InstructRender(render.name, name))
    elif name == "launch_cmd":
        if render.link:
            what = "launch_exit" if event.then_exit else "launch"
            farm.effects.append(InstructRender(render.name, what, event.command))
    elif name == "heal_sick":
        cool_off.count_success(farm, render)
        sick.heal(farm, render)
        touch_render(farm, render, now.mono)
    elif name == "restore_defaults":
        restore_defaults(farm, render, event.by, now)
    elif name == "delete":
        outcome.warnings = giving_up.of_render(render, render.runs.values())
        for run in list(render.runs.values()):
            if run.current:
                ends.lose_for_good(farm, run, now, runs.END_DEREGISTERED, "its render was deleted")
            else:
                runs.forget_stale(farm, run, now)
        del farm.renders[render.name]
        farm.changes.renders.pop(render.name, None)
        farm.changes.renders_deleted.append(render.name)
        host_gone(farm, render, now)
    if name not in ("set_pool", "reassign_pool"):  # those say from where to where
        text = name + (f" {event.command!r}" if event.command else "")
        if name.startswith("eject"):
            text += f": {plural(outcome.count, 'task')}"
        node_log.say(render, text, now, event.by)
    return outcome


# --------------------------------------------------------------------------- pools and branches


def operate_pool(farm: Farm, event: OperatePool, now: Now) -> Outcome:
    """An operation on a pool. Raises UserError, nothing changed."""
    name = event.operation
    if name == "add_pool":
        return Outcome(1, pool_edits.add_pool(farm, event, now))
    if name == "delete":
        pool_edits.delete_pool(farm, event.path, event.by, now)
        return Outcome(1)
    on_render = pool_edits.ON_RENDERS.get(name)
    if on_render is None:
        raise UserError("unknown_operation", f"Unknown operation: {name}", field="operation.type")
    outcome = Outcome()
    for render in list(pool_edits.living_pool(farm, event.path).all_renders()):
        if on_render == "delete" and render.link:
            continue
        if on_render == "wol_sleep" and power.cannot_sleep(render):
            continue
        if on_render == "wol_wake" and (render.link or not render.macs):
            continue
        order = OperateRender(
            render.name, on_render, event.by, command=event.command, then_exit=event.then_exit
        )
        done = operate_render(farm, order, now)
        outcome.warnings += [text for text in done.warnings if text not in outcome.warnings]
        outcome.count += 1
    text = f"{name}: {plural(outcome.count, 'render')}"
    node_log.say(pool_edits.living_pool(farm, event.path), text, now, event.by)
    return outcome


def operate_branch(farm: Farm, event: OperateBranch, now: Now) -> Outcome:
    """An operation on a branch. Raises UserError, nothing changed."""
    branch = branch_edits.living_branch(farm, event.path)
    name = event.operation
    if name in ("pause", "start"):
        paused: dict[str, object] = {"paused": name == "pause"}
        branch_edits.edit_branch(farm, EditBranch(event.path, paused, event.by), now)
        return Outcome(1)
    if name == "delete":
        branch_edits.delete_branch(farm, event.path, event.by, now)
        return Outcome(1)
    if name != "delete_done_jobs":
        raise UserError("unknown_operation", f"Unknown operation: {name}", field="operation.type")
    done = [job for job in branch.all_jobs() if job.done and not job.system and not job.deleting]
    for job in done:
        _delete(farm, job, now)
    node_log.say(branch, f"{name}: {plural(len(done), 'job')}", now, event.by)
    return Outcome(len(done), f"Deleting {plural(len(done), 'job')}.")
