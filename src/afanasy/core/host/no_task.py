"""Hosts that have nothing to do: people hear of them, or they go home (SEMANTICS 8.1, 8.6, 12.2).

**Theory.** A clock runs while a render is online without a task. It begins when the render
registers and begins anew when a task ends there. Tasks of the system job are none: the notice about
an idle host, run as a command on that host, would start the clock anew for ever. Two pool values,
inherited, look at the clock; -1 and 0 are off:

* ``no_task_event_time``: the event RENDER_NO_TASK after so many seconds, then after twice, four
  times, eight times as many;
* ``exit_no_task_time``: the agent is told to exit after so many seconds (R11). A task of the system
  job that runs there ends first.

The server judges the exit, with the order that a person's ``exit`` gives. In the original the
client does, with a time that it is told. The server has the clock, the tasks and the value in one
place, so an edited value or another pool counts at once, and every agent obeys. From the order on
the render is as one that drains: nothing starts there on its last way.

One timer at most is pending for a render: one that comes too early looks again. Nothing is stored;
a restarted server counts from each render's registration.

Worked example: 100 seconds, the last task ended at 0. Events at 100, 200, 400. At 450 the value is
set to 60; what has been told counts, so the next ones are at 480 and 960.
"""

from __future__ import annotations

from afanasy.core.effects import InstructRender, Note
from afanasy.core.host.renders import touch_render
from afanasy.core.state import Farm, Render, Run
from afanasy.core.system import happenings
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now


def came_online(render: Render, now: Now) -> None:
    """It registered; the caller derives what follows from its pool, and so calls :func:`watch`."""
    render.no_task_mono, render.no_task_told_s = now.mono, 0.0
    render.leaving_s = 0


def task_ended(farm: Farm, run: Run, now: Now) -> None:
    """No process of the run is left on its render."""
    render = run.render
    if not run.block.job.system:
        render.no_task_mono, render.no_task_told_s = now.mono, 0.0
    _ask(farm, render, now)


def watch(farm: Farm, render: Render, now: Now) -> None:
    """What its pools say, or whether it is online, may have changed."""
    render.no_task_event_s = _value(render, "no_task_event_time")
    render.exit_no_task_s = _value(render, "exit_no_task_time")
    _ask(farm, render, now)


def look(farm: Farm, render: Render, now: Now) -> None:
    """A timer came: do what is due."""
    if render.no_task_timer <= now.mono:
        render.no_task_timer = 0.0
    wait_s = _event_wait_s(render)
    if wait_s and render.no_task_mono + wait_s <= now.mono:
        spent_s = now.mono - render.no_task_mono
        render.no_task_told_s = max(wait_s, spent_s)
        happenings.of_render(farm, render, happenings.RENDER_NO_TASK)
        _note(farm, render, "render_no_task", spent_s)
    wait_s = _exit_wait_s(render)
    if wait_s and render.no_task_mono + wait_s <= now.mono:
        render.draining = True
        render.leaving_s = max(1, round(now.mono - render.no_task_mono))
        farm.effects.append(InstructRender(render.name, "exit"))
        _note(farm, render, "render_exits_without_tasks", now.mono - render.no_task_mono)
        touch_render(farm, render, now.mono)
    _ask(farm, render, now)


def due_mono(render: Render) -> float:
    """When something is to be done if no task comes; 0 = never."""
    waits = [wait for wait in (_event_wait_s(render), _exit_wait_s(render)) if wait]
    return render.no_task_mono + min(waits) if waits else 0.0


def _ask(farm: Farm, render: Render, now: Now) -> None:
    """Ask to be woken, unless an earlier timer is pending."""
    due = due_mono(render)
    if due and (not render.no_task_timer or due < render.no_task_timer):
        render.no_task_timer = max(due, now.mono)
        add_timer(farm, render.no_task_timer, "no_task", render)


def _event_wait_s(render: Render) -> float:
    """Seconds from the clock's begin to the next event; 0 = none comes."""
    if render.no_task_event_s <= 0 or not render.link or _works(render):
        return 0.0
    return happenings.next_wait_s(render.no_task_event_s, render.no_task_told_s)


def _exit_wait_s(render: Render) -> float:
    """Seconds from the clock's begin to the exit; 0 = none comes."""
    if not render.link or render.runs or render.draining:
        return 0.0
    return float(max(render.exit_no_task_s, 0))


def _works(render: Render) -> bool:
    return any(not run.block.job.system for run in render.runs.values())


def _value(render: Render, name: str) -> int:
    found = render.pool.value(name) if render.pool is not None else -1
    return found if isinstance(found, int) else -1


def _note(farm: Farm, render: Render, code: str, spent_s: float) -> None:
    farm.effects.append(Note(code, {"render": render.name, "seconds": round(spent_s)}))
