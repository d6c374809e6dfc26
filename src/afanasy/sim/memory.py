"""What machines have, what commands take of it while they run, and what agents report of that.

A command takes memory as a scene does that is being loaded: nothing when it begins, all of its own
some time later, and it keeps that until its last process is gone. So a report is right about the
moment at which it was made and about no other; what work *needs* is what it may come to take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from afanasy.sim.host import Command, Host
    from afanasy.sim.world import World


class Load:
    """What one run of a command takes, cast from its text: ``{"mem": 900, "hdd": 3, "gpu": 500}``.

    Amounts in MB, GB of disk and MB of GPU memory.
    """

    def __init__(self, world: World, doc: dict[str, Any], seconds: float) -> None:
        # A drawn part of what the command may take, reached after a drawn part of its time.
        part = world.random.choice((0.3, 0.8, 1.0)) if doc.get("mem") else 0.0
        self.memory_mb = int(doc.get("mem", 0) * part)
        self.hdd_gb = int(doc.get("hdd", 0))
        self.gpu_mb = int(doc.get("gpu", 0))
        self.grows_s = seconds * world.between(0.05, 0.9) if self.memory_mb or self.gpu_mb else 0.0

    def grown(self, age_s: float) -> float:
        """Which part of it is taken at that age."""
        return min(1.0, age_s / self.grows_s) if self.grows_s > 0 else 1.0


def memory_of(command: Command) -> int:
    """MB that the run's processes take now."""
    if not command.alive:
        return 0
    load = command.does.load
    age = command.host.world.now - command.folder.began_at
    return int(load.memory_mb * (load.grown(age) if command.running else 1.0))


def report(host: Host) -> dict[str, object]:
    """Memory, disk and equipment of the host now, as an agent reports them (SEMANTICS 10)."""
    has = host.machine
    memory = hdd = gpu = 0
    for command in host.commands.values():
        if command.alive:
            memory += memory_of(command)
            load = command.does.load
            hdd += load.hdd_gb
            gpu += int(load.gpu_mb * load.grown(host.world.now - command.folder.began_at))
    return {
        "cpu_num": has.cpu_num,
        "cpu_mhz": has.cpu_mhz,
        "mem_total_mb": has.memory_mb,
        "mem_free_mb": max(0, has.memory_mb - memory),
        "hdd_total_gb": has.hdd_gb,
        "hdd_free_gb": max(0, has.hdd_gb - hdd),
        "gpu_num": has.gpu_num,
        "gpu_mem_total_mb": has.gpu_mem_mb,
        "gpu_mem_used_mb": min(has.gpu_mem_mb, gpu),
    }
