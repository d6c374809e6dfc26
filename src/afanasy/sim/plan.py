"""Everything that a seed draws, as plain data that can be printed and read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, frozen=True)
class Machine:
    """What a computer is made of: MB of memory, GB of disk, processors, GPUs and their MB."""

    memory_mb: int = 16_000
    hdd_gb: int = 500
    cpu_num: int = 8
    cpu_mhz: int = 3000
    gpu_num: int = 0
    gpu_mem_mb: int = 0
    os: str = "linux"


@dataclass(slots=True)
class HostPlan:
    """A render. ``capacity`` and ``max_tasks`` are its agent's options, -1 = not given."""

    name: str
    capacity: int
    max_tasks: int
    nimby: str = ""
    begins_at: float = 0.0
    machine: Machine = field(default_factory=Machine)


@dataclass(slots=True, frozen=True)
class PatternPlan:
    """A pattern of a farm file; ``values`` by the names of its elements."""

    name: str
    mask: str
    values: dict[str, int | str]
    services: dict[str, int]
    removed: tuple[str, ...] = ()
    clear: bool = False


@dataclass(slots=True, frozen=True)
class FarmFile:
    """A farm file: its text, and what the text says by whoever wrote it. A bad one says nothing."""

    path: str
    text: str
    bad: bool = False
    last_match: bool = False
    patterns: tuple[PatternPlan, ...] = ()
    #: Service → most starts, most hosts; -1 = any.
    limits: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


@dataclass(slots=True)
class Deed:
    """Something that a person asks for. ``job`` is which submission it is about, -1 none."""

    at: float
    what: str
    job: int = -1
    body: dict[str, Any] = field(default_factory=dict)
    #: It is put on the server's disk first.
    file: FarmFile | None = None


@dataclass(slots=True)
class Fault:
    """Something that goes wrong for a while."""

    at: float
    kind: str
    host: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Plan:
    """Everything that is drawn."""

    hosts: list[HostPlan]
    deeds: list[Deed]
    faults: list[Fault]
    #: When faults stop.
    calm_at: float
    #: What lies on the server's disk when it is installed.
    farm_file: FarmFile | None = None
