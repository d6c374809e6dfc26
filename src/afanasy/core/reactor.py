"""The one door into the core: apply an event.

``apply(farm, event, now)`` checks everything, then writes; what it refuses raises UserError and has
changed nothing. It returns the answer to whoever asked (None for facts). What is to be done is
appended to ``farm.effects``, what is to be stored is marked in ``farm.changes``; the loop takes
both at the end of its batch. Reactions never solve: they mark what became possible
(``farm.fresh_*``) and the loop calls :func:`afanasy.core.place.solve.solve` once per batch
(DESIGN 2).
"""

from __future__ import annotations

from typing import assert_never

from afanasy.core import configure, deadlines, events, timers
from afanasy.core.effects import Note
from afanasy.core.host import farm_file, host_operations, links, pool_edits
from afanasy.core.job import branch_edits, edit, job_order, operations, submit
from afanasy.core.run import ends, runs
from afanasy.core.state import Farm
from afanasy.core.system import messages, notify, pre_commands
from afanasy.core.transitions import frames_finished
from afanasy.model.attributes import FLAG_DEPEND_SUB_TASK
from afanasy.model.clock import Now


def apply(farm: Farm, event: events.Event, now: Now) -> object:
    """React to one event. Raises UserError (a person's fault, nothing changed)."""
    answer = _react(farm, event, now)
    deadlines.sweep(farm)
    if farm.system.moved:
        pre_commands.follow(farm, now)
    if farm.happened:
        notify.flush(farm, now)
    return answer


def _react(farm: Farm, event: events.Event, now: Now) -> object:
    match event:
        case events.RunFinished():
            _finished(farm, event, now)
        case events.RunProgressed():
            _progressed(farm, event, now)
        case events.RenderResources():
            links.on_resources(farm, event, now)
        case events.MessageSettled():
            messages.settled(farm, event.key, event.problem)
        case events.Tick():
            if event.clock_step_s:
                timers.look_at_the_clock(farm, event.clock_step_s, now)
            timers.fire(farm, now)
        case events.RenderHello():
            links.on_hello(farm, event, now)
        case events.RenderLinkLost():
            links.on_link_lost(farm, event, now)
        case events.RenderBye():
            links.on_bye(farm, event, now)
        case events.RenderDrain():
            links.on_drain(farm, event, now)
        case events.Submit():
            return submit.submit(farm, event, now)
        case events.AppendBlocks():
            return submit.append_blocks(farm, event, now)
        case events.AppendTasks():
            return submit.append_tasks(farm, event, now)
        case events.OperateJob():
            return operations.operate_job(farm, event, now)
        case events.OperateBlocks():
            return operations.operate_blocks(farm, event, now)
        case events.EditJob():
            edit.edit_job(farm, event, now)
        case events.EditBlocks():
            edit.edit_blocks(farm, event, now)
        case events.AddUser():
            return edit.add_user(farm, event, now)
        case events.EditUser():
            edit.edit_user(farm, event, now)
        case events.DeleteUser():
            edit.delete_user(farm, event)
        case events.EditPool():
            pool_edits.edit_pool(farm, event, now)
        case events.OperatePool():
            return operations.operate_pool(farm, event, now)
        case events.EditBranch():
            branch_edits.edit_branch(farm, event, now)
        case events.OperateBranch():
            return operations.operate_branch(farm, event, now)
        case events.MoveJobs():
            return job_order.move_jobs(farm, event, now)
        case events.EditRender():
            edit.edit_render(farm, event, now)
        case events.OperateRender():
            return operations.operate_render(farm, event, now)
        case events.ChangeSettings():
            configure.change(farm, event, now)
        case events.RereadSettings():
            configure.reread(farm, event, now)
        case events.SetFarmSetup():
            return farm_file.set_setup(farm, event, now)
        case events.SetLimit():
            farm_file.set_limit(farm, event, now)
        case events.ChangeServices():
            host_operations.change_services(farm, event, now)
        case events.ChangeTickets():
            host_operations.change_tickets(farm, event, now)
        case _:
            assert_never(event)
    return None


def _finished(farm: Farm, event: events.RunFinished, now: Now) -> None:
    """A result: it counts if its run has the right to, and is acknowledged in any case."""
    run = farm.runs.get(event.run)
    if run is None or run.render.name != event.render:
        farm.effects.append(Note("stale_result", {"run": event.run, "render": event.render}))
    elif run.current:
        ends.settle(farm, run, event, now)
    else:
        runs.forget_stale(farm, run, now)
    runs.acknowledge(farm, event.render, event.run)


def _progressed(farm: Farm, event: events.RunProgressed, now: Now) -> None:
    run = farm.runs.get(event.run)
    if run is None or not run.current or run.render.name != event.render:
        return
    frame, run.frame = run.frame, event.frame
    if frame != run.frame and run.block.spec.flags & FLAG_DEPEND_SUB_TASK:
        farm.changes.block_states[run.block.key] = run.block
        frames_finished(farm, run.block, run.task, frame, run.frame, now)
    run.percent, run.percentframe = event.percent, event.percentframe
    run.elapsed_s, run.quiet_s, run.reported_mono = event.elapsed_s, event.quiet_s, now.mono
    run.activity, run.memory_mb = event.activity, event.memory_mb
    run.warning = run.warning or event.warning
    if event.report:
        run.report = event.report
