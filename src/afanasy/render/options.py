"""What the command line and the environment tell the agent, and what it calls its system."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from afanasy.render.posts import POST_LIMIT_S


@dataclass
class Options:
    """Settings of one agent. ``data`` is locked and exists."""

    #: Host and port of each server to try, in order.
    servers: list[tuple[str, int]]
    name: str
    data: Path
    user_name: str = ""
    capacity: int = -1
    max_tasks: int = -1
    plugins: list[Path] = field(default_factory=list[Path])
    #: "", "nimby" or "NIMBY": asked for at the first registration.
    nimby: str = ""
    #: af_render_nice
    nice: int = 10
    drain: bool = False
    token: str = ""
    #: Id of the data folder (R5).
    instance: str = ""
    time_launch: int = 0
    post_limit_s: float = POST_LIMIT_S
    hdd_path: str = "/"
    networks: str = ""
    #: Farm and epoch that were served last.
    farm_id: str = ""
    epoch: int = 0
    #: ``sleep``, ``reboot``, ``shutdown`` → the command that does it.
    commands: dict[str, str] = field(default_factory=dict[str, str])
    #: MAC addresses to be woken by; empty: those of the interfaces.
    macs: list[str] = field(default_factory=list[str])
    #: What tasks inherit.
    environment: dict[str, str] = field(default_factory=dict[str, str])
    restart: Callable[[], None] = lambda: None
    #: Called with the address of the server.
    on_registered: Callable[[str], None] = lambda address: None
    keep_farm: Callable[[str, int], None] = lambda farm_id, epoch: None


def os_tokens() -> str:
    """``unix linux 64 debian 12``: what a job's need_os is matched with (SEMANTICS 8.1)."""
    words = ["unix", platform.system().lower(), "64" if platform.machine().endswith("64") else "32"]
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    words += [release.get("ID", ""), release.get("VERSION_ID", "")]
    return " ".join(word for word in words if word)
