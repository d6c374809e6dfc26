"""A render as JSON (PROTOCOL 3.7)."""

from __future__ import annotations

import ipaddress
from typing import Final

from afanasy.core.state import Render
from afanasy.model.clock import Now
from afanasy.model.states import RenderSt, render_state_text
from afanasy.server.show.view_task import exec_view
from afanasy.server.show.views import View, given

#: Fields of ``host_resources`` that are always there; a render reports what it can measure.
_RESOURCES: Final[View] = {
    **dict.fromkeys(("cpu_num", "cpu_mhz", "cpu_temp"), 0),
    "cpu_loadavg": [0, 0, 0],
    **dict.fromkeys(
        ("cpu_user", "cpu_nice", "cpu_system", "cpu_idle", "cpu_iowait", "cpu_irq", "cpu_softirq",
         "mem_total_mb", "mem_free_mb", "mem_cached_mb", "mem_buffers_mb", "swap_total_mb",
         "swap_used_mb", "hdd_total_gb", "hdd_free_gb", "hdd_rd_kbsec", "hdd_wr_kbsec", "hdd_busy",
         "net_recv_kbsec", "net_send_kbsec", "gpu_gpu_util", "gpu_gpu_temp", "gpu_mem_total_mb",
         "gpu_mem_used_mb"),
        0,
    ),
    "gpu_string": "",
    "hw_info": "",
}  # fmt: skip


#: Members that show what the farm file says where no operator overrode it (R22).
_OF_SETUP: Final = (
    ("capacity_host", "capacity"),
    ("max_tasks_host", "max_tasks"),
    ("power_host", "power"),
    ("properties_host", "properties"),
)


def render_st(render: Render, now: Now) -> int:
    """State bits of a render (SEMANTICS 2.4). SIC: sick, or it cools off after errors (R15)."""
    spec = render.spec
    bits = 0
    if render.link:
        bits |= RenderSt.ONL
    if spec.nimby:
        bits |= RenderSt.NIMBY
    if spec.NIMBY:
        bits |= RenderSt.NIMBY_ALL
    if render.running:
        bits |= RenderSt.RUN
    if spec.capacity_host >= 0 or spec.max_tasks_host >= 0:
        bits |= RenderSt.DRT
    if render.falling:
        bits |= RenderSt.WFL
    if render.sleeping:
        bits |= RenderSt.WSL
    if render.waking:
        bits |= RenderSt.WWK
    if spec.paused:
        bits |= RenderSt.PAU
    if render.sick or render.cooling(now.mono):
        bits |= RenderSt.SIC
    return int(bits)


def render_view(render: Render, now: Now) -> View:
    """The render with its running tasks.

    Ours besides PROTOCOL: ``capacity_total`` and ``max_tasks``, the values in force (R22), and
    ``schedule``: the one in force, what it says now ("" = nothing), and until when (0 = for good).
    """
    spec = render.spec
    view = given(spec)
    for name in ("nimby", "NIMBY", "paused"):
        view.pop(name, None)  # they are bits of the state
    runs = [run for run in render.runs.values() if run.current]
    st = render_st(render, now)
    view.update(
        name=render.name,
        id=render.id,
        priority=spec.priority,
        user_name=spec.user_name or render.user_name,
        time_register=render.time_register,
        time_launch=render.time_launch,
        time_update=render.time_update,
        os=render.os,
        address=address_view(render.address),
        pool=spec.pool or "/",
        st=st,
        state=render_state_text(st),
        capacity_used=render.capacity_used,
        task_start_finish_time=render.task_time,
        idle_time=render.idle_since,
        busy_time=render.busy_since,
        capacity_total=render.capacity,
        max_tasks=render.max_tasks,
    )
    if render.engine:
        view["engine"] = render.engine
    if spec.capacity_host >= 0 or render.capacity_flag >= 0:
        view["capacity_host"] = render.capacity
    if spec.max_tasks_host >= 0 or render.max_tasks_flag >= 0:
        view["max_tasks_host"] = render.max_tasks
    setup = render.setup
    for member, attribute in _OF_SETUP:
        value = getattr(setup, attribute, None)
        if member not in view and value not in (None, "", -1):
            view[member] = value
    if render.reserved is not None:
        view["reserved_for"] = {"serial": render.reserved[0], "block_num": render.reserved[1]}
    if render.schedule:
        view["schedule"] = {
            "text": render.schedule,
            "says": render.scheduled,
            "until": render.scheduled_until,
        }
    if render.draining:
        view["draining"] = True
    netifs = render.resources.get("netifs")
    if isinstance(netifs, list):
        view["netifs"] = netifs
    if runs:
        services: dict[str, int] = {}
        for run in runs:
            service = run.block.spec.service
            services[service] = services.get(service, 0) + 1
        view["running_services"] = services
        view["tasks_percents"] = [run.percent for run in runs]
        view["tasks"] = [exec_view(run.block, run.task, run, now, short=True) for run in runs]
    return view


def resources_view(render: Render) -> View:
    """``host_resources``: the last report, with zeros for what is not measured there."""
    view = {**_RESOURCES, **render.resources}
    view.pop("netifs", None)
    return view


def render_resources_view(render: Render) -> View:
    """One render of the answer to the mode ``resources``."""
    view: View = {
        "id": render.id,
        "host_name": render.name,
        "idle_time": render.idle_since,
        "busy_time": render.busy_since,
        "host_resources": resources_view(render),
    }
    percents = [run.percent for run in render.runs.values() if run.current]
    if percents:
        view["tasks_percents"] = percents
    return view


def render_object(render: Render, now: Now) -> View:
    """The answer ``object`` of the mode ``full``."""
    return {
        "name": render.name,
        "id": render.id,
        "render": render_view(render, now),
        "custom_data": render.spec.custom_data,
        "host_resources": resources_view(render),
    }


def address_view(text: str) -> View:
    """``family``, ``ip`` and ``port`` of an address; IPv6 as 8 groups of 4 digits."""
    try:
        ip = ipaddress.ip_address(text.split("%", maxsplit=1)[0])
    except ValueError:
        return {"family": 0, "ip": "", "port": 0}
    mapped = ip.ipv4_mapped if ip.version == 6 else None
    ip = mapped or ip
    return {"family": ip.version, "ip": ip.exploded, "port": 0}
