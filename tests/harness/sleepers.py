"""Hosts that sleep and are woken, for stories."""

from __future__ import annotations

from typing import Any

from afanasy.core import events
from afanasy.core.effects import InstructRender
from afanasy.core.state import Render
from afanasy.core.system import system_job
from harness.farm import StoryFarm

MAC = "52:54:00:00:00:01"
NETIFS = {"netifs": [{"name": "eth0", "mac": MAC.upper(), "addresses": ["10.0.0.1"]}, {"mac": "x"}]}


def host(farm: StoryFarm, name: str = "a", **more: Any) -> Render:
    """A host with a MAC address, online."""
    return farm.render(name, resources=dict(NETIFS), address="10.0.0.1", **more)


def operate(farm: StoryFarm, render: Render, operation: str, **more: Any) -> list[InstructRender]:
    """An operation of a person on it; what its agent is told."""
    farm.apply(events.OperateRender(render.name, operation, **more))
    return farm.take(InstructRender)


def fall_asleep(farm: StoryFarm, render: Render) -> None:
    """It is told to sleep, and goes."""
    assert operate(farm, render, "wol_sleep") == [InstructRender(render.name, "sleep")]
    farm.drop_link(render)


def wakes(farm: StoryFarm) -> list[str]:
    """Commands of the tasks that wake hosts, done or not."""
    tasks = farm.core.jobs[0].blocks[system_job.WAKE_ON_LAN].tasks
    return [task.command for task in tasks or []]


def state(render: Render) -> tuple[bool, bool, bool]:
    """Falling, sleeping, waking."""
    return (render.falling, render.sleeping, render.waking)
