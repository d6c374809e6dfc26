"""A pool as JSON (PROTOCOL 3.8)."""

from __future__ import annotations

from afanasy.core.host.pools import Pool
from afanasy.model.clock import Now
from afanasy.model.states import RenderSt
from afanasy.server.show.view_render import render_st
from afanasy.server.show.views import View, given


def pool_view(pool: Pool, now: Now) -> View:
    """The pool with the counts of its renders, those of the pools below included."""
    view = given(pool.spec)
    view.pop("paused", None)
    renders = list(pool.all_renders())
    states = [render_st(render, now) for render in renders]
    busy = sum(bool(render.running) for render in renders)
    paused = pool.spec.paused
    view.update(
        name=pool.path,
        id=pool.id,
        priority=pool.spec.priority,
        parent=pool.parent.path if pool.parent is not None else "",
        time_creation=pool.time_creation,
        pools_total=sum(1 for _ in pool.downwards()) - 1,
        renders_total=len(renders),
        renders_busy=busy,
        renders_ready=sum(bool(r.link) and not r.running and not r.sick for r in renders),
        renders_online=sum(bool(render.link) for render in renders),
        renders_offline=sum(not render.link for render in renders),
        renders_nimby=sum(bool(st & (RenderSt.NIMBY | RenderSt.NIMBY_ALL)) for st in states),
        renders_paused=sum(render.spec.paused for render in renders),
        renders_sick=sum(render.sick for render in renders),
        st=int(bool(busy)) | int(paused) << 1,
        state=(" RUN" if busy else "") + (" PAU" if paused else ""),
    )
    if busy:
        view["run_tasks"] = sum(render.running for render in renders)
        view["run_capacity"] = sum(render.capacity_used for render in renders)
    return view
