"""What can happen to the farm. Facts and requests, applied one at a time by the reactor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from af.toml_files import Found
from afanasy.model.attributes import BlockSpec, JobSpec, TaskSpec


@dataclass(slots=True)
class BlockSubmission:
    """A block as submitted: attributes, and the records of a list block (None = numeric)."""

    spec: BlockSpec
    tasks: list[TaskSpec] | None = None


@dataclass(slots=True)
class Submit:
    """A checked job. ``text`` is the request as it came, kept with the history (R39)."""

    spec: JobSpec
    blocks: list[BlockSubmission]
    text: str = ""


@dataclass(slots=True)
class AppendBlocks:
    """Operation ``append_blocks``."""

    serial: int
    blocks: list[BlockSubmission]
    text: str = ""


@dataclass(slots=True)
class AppendTasks:
    """Operation ``append_tasks`` of a list block."""

    serial: int
    block: int
    tasks: list[TaskSpec]
    text: str = ""


@dataclass(slots=True)
class OperateJob:
    """An operation of SEMANTICS 2.4 on a whole job."""

    serial: int
    operation: str
    by: str = ""


@dataclass(slots=True)
class OperateBlocks:
    """An operation of SEMANTICS 2.4 on blocks; ``tasks`` None = all tasks of the block."""

    serial: int
    blocks: list[int]
    operation: str
    tasks: list[range] | None = None
    mode: str = ""
    #: Ticket name and count, for the operation ``tickets``.
    ticket: tuple[str, int] = ("", 0)
    by: str = ""


@dataclass(slots=True)
class EditJob:
    """New values of job attributes, checked."""

    serial: int
    params: dict[str, object]
    by: str = ""


@dataclass(slots=True)
class EditBlocks:
    """New values of block attributes, checked."""

    serial: int
    blocks: list[int]
    params: dict[str, object]
    by: str = ""


@dataclass(slots=True)
class AddUser:
    """Add a user, or tell that he exists."""

    name: str
    params: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class EditUser:
    """New values of user attributes, checked."""

    name: str
    params: dict[str, object]
    by: str = ""


@dataclass(slots=True)
class DeleteUser:
    """Delete a user without jobs."""

    name: str


@dataclass(slots=True)
class EditRender:
    """New values of render attributes, checked."""

    name: str
    params: dict[str, object]
    by: str = ""


@dataclass(slots=True)
class OperateRender:
    """``eject_tasks``, ``eject_tasks_keep_my``, ``exit``, ``delete``, ``heal_sick``."""

    name: str
    operation: str
    by: str = ""


@dataclass(slots=True)
class ChangeSettings:
    """Settings set on the fly, and taken back; checked against the catalogue."""

    values: dict[str, Any]
    unset: list[str] = field(default_factory=list[str])
    by: str = ""


@dataclass(slots=True)
class RereadSettings:
    """What files, variables and options say now, checked (:class:`core.settings.Settings`)."""

    said: dict[str, Found]
    waiting: dict[str, Found]


# ------------------------------------------------------------------------------- from renders


@dataclass(slots=True)
class HeldRun:
    """A run that a render says it has."""

    run: int
    elapsed_s: float
    finished: bool = False


@dataclass(slots=True)
class RenderHello:
    """A render registers on connection ``link``."""

    link: int
    name: str
    instance: str
    boot_id: str
    user_name: str
    engine: str = ""
    os: str = ""
    address: str = ""
    time_launch: int = 0
    capacity: int = -1
    max_tasks: int = -1
    runs: list[HeldRun] = field(default_factory=list[HeldRun])
    resources: dict[str, object] = field(default_factory=dict)
    nimby: str = ""


@dataclass(slots=True)
class RenderLinkLost:
    """The connection ``link`` is gone; its render had been silent for ``silent_s`` by then (R6)."""

    link: int
    name: str
    silent_s: float = 0.0


@dataclass(slots=True)
class RenderBye:
    """The agent stopped its tasks and exits (R11)."""

    link: int
    name: str


@dataclass(slots=True)
class RenderDrain:
    """The agent asked for no new work, or takes that back."""

    name: str
    on: bool


@dataclass(slots=True)
class RenderResources:
    """A resources report (SEMANTICS 10)."""

    name: str
    values: dict[str, object]


@dataclass(slots=True)
class RunProgressed:
    """Progress of a run."""

    render: str
    run: int
    percent: int
    frame: int
    percentframe: int
    elapsed_s: float
    quiet_s: float
    warning: bool = False
    activity: str = ""
    report: str = ""
    memory_mb: int = -1


@dataclass(slots=True)
class RunFinished:
    """The end of a run; ``status`` is a code of RunEnd."""

    render: str
    run: int
    status: int
    exit_status: int = -1
    elapsed_s: float = 0.0
    warning: bool = False
    error_class: str = ""
    cpu_s: float = -1.0
    memory_peak_mb: int = -1
    output_size: int = 0
    log: list[str] = field(default_factory=list[str])
    report: str = ""


@dataclass(slots=True)
class Tick:
    """A deadline of the core may have come."""

    #: The wall clock jumped: jobs that wait for a time of day are looked at again (R3).
    clock_stepped: bool = False


Event = (
    Submit | AppendBlocks | AppendTasks | OperateJob | OperateBlocks | EditJob | EditBlocks
    | AddUser | EditUser | DeleteUser | EditRender | OperateRender | ChangeSettings | RereadSettings
    | RenderHello | RenderLinkLost | RenderBye | RenderDrain | RenderResources
    | RunProgressed | RunFinished | Tick
)  # fmt: skip
