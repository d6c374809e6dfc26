"""Renders come, go silent, come back, say goodbye (R5 to R8, R11)."""

from __future__ import annotations

from afanasy.core import node_log
from afanasy.core.effects import Disconnect, Note, Refuse, Stop, Welcome
from afanasy.core.events import (
    RenderBye,
    RenderDrain,
    RenderHello,
    RenderLinkLost,
    RenderResources,
)
from afanasy.core.host import idleness, no_task, overload, pace, power
from afanasy.core.host.host_change import hosts_changed
from afanasy.core.host.host_values import lost_after_s
from afanasy.core.host.pool_edits import place_by_pattern, put
from afanasy.core.host.renders import touch_render
from afanasy.core.place import needs
from afanasy.core.run import ends, runs, stops
from afanasy.core.state import Farm, Render
from afanasy.core.system import happenings
from afanasy.core.transitions import add_timer, extra_of
from afanasy.model.attributes import RenderSpec
from afanasy.model.clock import Now


def on_hello(farm: Farm, event: RenderHello, now: Now) -> None:
    """A render registers. Its held runs are adopted or stopped; what it lacks is lost (R7)."""
    render = farm.renders.get(event.name)
    if render is not None and render.link and render.instance != event.instance:
        text = (
            f"another agent speaks for render {event.name!r} from {render.address}; "
            "give this one its own --hostname, or stop the other"
        )
        farm.effects.append(Refuse(event.link, "name_taken", text))
        return
    if render is None:
        farm.render_id_last += 1
        render = farm.renders[event.name] = Render(
            name=event.name,
            id=farm.render_id_last,
            spec=RenderSpec(),
            time_register=int(now.wall),
            idle_since=int(now.wall),
        )
        pool = place_by_pattern(farm, event.name)
        put(farm, render, pool)
        new_nimby = pool.value("new_nimby", False)
        render.spec.nimby = event.nimby == "nimby" or (bool(new_nimby) and not event.nimby)
        render.spec.NIMBY = event.nimby == "NIMBY"
        render.spec.paused = bool(pool.value("new_paused", False))
    elif render.link and render.link != event.link:
        farm.effects.append(Disconnect(render.link))
    rebooted = bool(render.boot_id) and render.boot_id != event.boot_id
    render.link = event.link
    render.instance, render.boot_id = event.instance, event.boot_id
    render.address, render.os, render.engine = event.address, event.os, event.engine
    render.user_name = event.user_name
    render.capacity_flag, render.max_tasks_flag = event.capacity, event.max_tasks
    render.draining = event.draining
    render.time_launch, render.time_update = event.time_launch, int(now.wall)
    render.contact_mono = now.mono
    if event.resources:
        _reported(render, event.resources)
    power.came_online(farm, render, now)
    no_task.came_online(render, now)
    overload.begin_anew(render)
    idleness.begin_anew(render)
    pace.take_up(render)
    farm.changes.renders[render.name] = render

    # The agent listens only once it is welcome: stops of what it holds come behind.
    first = len(farm.effects)
    adopted: list[int] = []
    held = {run.run: run for run in event.runs}
    for run in list(render.runs.values()):
        claim = held.get(run.id)
        if run.current and claim is not None:
            stops.adopt(farm, run, claim.elapsed_s, now, finished=claim.finished)
            adopted.append(run.id)
        elif run.current:
            why = "its host was rebooted" if rebooted else "its render came back without it"
            ends.lose_for_good(farm, run, now, runs.END_NEVER_BEGAN, why, died=rebooted)
        elif claim is None:
            runs.forget_stale(farm, run, now)
    current = set(adopted)
    for run_id, claim in held.items():
        if run_id not in current and not claim.finished:
            farm.effects.append(Stop(render.name, run_id, "it lost the right to count"))
    _since(render, now)
    farm.effects.insert(first, Welcome(render.name, event.link, tuple(adopted)))
    node_log.say(render, f"online from {event.address}" if event.address else "online", now)
    farm.effects.append(Note("render_online", {"render": render.name, "address": event.address}))
    hosts_changed(farm, [render], now)


def _since(render: Render, now: Now) -> None:
    """Since when it is idle or busy, where a restart of the server has forgotten it.

    Busy: since its oldest run began. Idle: since it registered.
    """
    began = [int(run.started_wall) for run in render.runs.values() if run.current]
    if began and not render.busy_since:
        render.busy_since = min(began)
    elif not began and not render.idle_since:
        render.idle_since = int(now.wall)


def on_link_lost(farm: Farm, event: RenderLinkLost, now: Now) -> None:
    """The connection is gone: tasks are waited for, nothing moves (R6)."""
    render = farm.renders.get(event.name)
    if render is None or render.link != event.link:
        return  # a connection that was replaced already
    render.link = 0
    render.contact_mono = now.mono - event.silent_s
    touch_render(farm, render, now.mono)
    for run in list(render.runs.values()):
        runs.mark_away(farm, run, now)
    power.went_offline(farm, render, now)
    add_timer(farm, render.contact_mono + lost_after_s(farm, render), "lost", render)
    farm.changes.renders[render.name] = render
    node_log.say(render, "offline: its connection is gone", now)
    farm.effects.append(Note("render_offline", {"render": render.name}))


def on_silence(farm: Farm, render: Render, now: Now) -> None:
    """The reconnect time-out is over: give up what the render held (R6), or hold it (R8)."""
    if render.link:
        return
    since = max(render.contact_mono, farm.serving_mono)
    left = since + lost_after_s(farm, render) - now.mono
    if left > 0:
        add_timer(farm, now.mono + left, "lost", render)
        return
    power.went_offline(farm, render, now)
    if not render.told_away:
        render.told_away = True
        happenings.of_render(farm, render, happenings.RENDER_ZOMBIE)
    farm.changes.renders[render.name] = render
    for run in list(render.runs.values()):
        if not run.current:
            continue
        if run.block.spec.on_lost_render == "hold" and not run.stop_cause:
            extra = extra_of(run.block, run.task)
            extra.reason = f"held: {render.name} is away and may still run it"
            farm.changes.task(run.block, run.task)
            continue
        why = f"{render.name} stayed silent for {round(now.mono - since)} s"
        ends.lose(farm, run, now, runs.END_LOST, why, died=True)


def on_bye(farm: Farm, event: RenderBye, now: Now) -> None:
    """The agent ended its tasks and exits: they go back without error (R11)."""
    render = farm.renders.get(event.name)
    if render is None or render.link != event.link:
        return
    for run in list(render.runs.values()):
        if run.current:
            ends.lose_for_good(farm, run, now, runs.END_DEREGISTERED, "its render exited")
        else:
            runs.forget_stale(farm, run, now)
    render.link = 0
    power.went_offline(farm, render, now)
    render.told_away = True
    render.contact_mono = now.mono
    touch_render(farm, render, now.mono)
    farm.changes.renders[render.name] = render
    node_log.say(render, "offline: its agent exits", now)
    farm.effects.append(Note("render_exits", {"render": render.name}))


def on_drain(farm: Farm, event: RenderDrain, now: Now) -> None:
    """The agent wants no new work, or wants work again."""
    render = farm.renders.get(event.name)
    if render is not None:
        render.draining = event.on
        no_task.watch(farm, render, now)
        touch_render(farm, render, now.mono)


def _reported(render: Render, values: dict[str, object]) -> None:
    """A report is in force, with what its runs had taken when it was made."""
    render.resources = values
    render.reported_busy = bool(render.runs)
    for run in render.runs.values():
        run.memory_counted_mb = max(run.memory_mb, 0)
    needs.gpu_reported(render)


def on_resources(farm: Farm, event: RenderResources, now: Now) -> None:
    """Remember the load. It asks for solving only when it crosses a registered need (R27)."""
    render = farm.renders.get(event.name)
    if render is None:
        return
    equipment = render.equipment()
    _reported(render, event.values)
    render.time_update = int(now.wall)
    power.learn(farm, render)
    idleness.on_report(farm, render, now)
    overload.on_report(farm, render, now)
    if render.equipment() != equipment:
        farm.changes.renders[render.name] = render
        hosts_changed(farm, [render], now)  # other equipment than before
    elif needs.crossed(render):
        touch_render(farm, render, now.mono)
