"""What can happen to the farm. Facts and requests, applied one at a time by the reactor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from af.toml_files import Found
from afanasy.model.attributes import BlockSpec, JobSpec, TaskSpec
from afanasy.model.farm_setup import FarmSetup


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
    #: As of :class:`OperateBlocks`.
    mode: str = ""
    by: str = ""
    ask: bool = False


@dataclass(slots=True)
class OperateBlocks:
    """An operation of SEMANTICS 2.4 on blocks; ``tasks`` None = all tasks of the block."""

    serial: int
    blocks: list[int]
    operation: str
    tasks: list[range] | None = None
    #: "append" or "remove" of trynext; else one of :data:`afanasy.core.depend.spread.MODES`, or
    #: nothing.
    mode: str = ""
    #: Ticket name and count, for the operation ``tickets``.
    ticket: tuple[str, int] = ("", 0)
    by: str = ""
    #: Do nothing; answer what would be warned of.
    ask: bool = False


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
    """``eject_tasks``, ``exit``, ``delete``, ``heal_sick``, ``set_pool`` (with ``pool``) …"""

    name: str
    operation: str
    by: str = ""
    pool: str = ""
    #: Of ``launch_cmd``: what to run, and whether the agent exits then.
    command: str = ""
    then_exit: bool = False


@dataclass(slots=True)
class EditPool:
    """New values of pool attributes, checked."""

    path: str
    params: dict[str, object]
    by: str = ""


@dataclass(slots=True)
class OperatePool:
    """``add_pool`` (with ``name``), ``delete``, ``delete_renders``, operations on its renders."""

    path: str
    operation: str
    name: str = ""
    by: str = ""
    #: Of ``launch_cmd``: what to run, and whether the agent exits then.
    command: str = ""
    then_exit: bool = False


@dataclass(slots=True)
class EditBranch:
    """New values of branch attributes, checked."""

    path: str
    params: dict[str, object]
    by: str = ""


@dataclass(slots=True)
class OperateBranch:
    """``pause``, ``start``, ``delete``, ``delete_done_jobs``."""

    path: str
    operation: str
    by: str = ""


@dataclass(slots=True)
class MoveJobs:
    """``move_jobs_up|down|top|bottom`` of a user's jobs, by serial (SEMANTICS 7)."""

    user: str
    operation: str
    serials: list[int]
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


@dataclass(slots=True)
class SetFarmSetup:
    """The farm file was read and is good; ``setup`` None: there is no farm file."""

    setup: FarmSetup | None
    path: str = ""
    #: Line of each pattern.
    lines: tuple[int, ...] = ()


@dataclass(slots=True)
class SetLimit:
    """A service's limits set on the fly (None = as it is, -1 = any); both None: taken back."""

    service: str
    max_count: int | None = None
    max_hosts: int | None = None
    by: str = ""


@dataclass(slots=True)
class ChangeServices:
    """Operation ``farm`` of a render, or of a pool: ``mode`` of SEMANTICS 6.1 and its text."""

    render: str
    pool: str
    mode: str
    #: A name for ``service_add``, else a mask.
    text: str = ""
    by: str = ""


@dataclass(slots=True)
class ChangeTickets:
    """Operation ``tickets`` of a render, or of a pool; -1 is no limit.

    None leaves the number of tasks, or of hosts, as it is. With neither the ticket is not declared.
    """

    render: str
    pool: str
    name: str
    count: int | None = None
    #: Of each host below a pool, not of all together.
    host: bool = False
    max_hosts: int | None = None
    by: str = ""


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
    #: It wants no new work.
    draining: bool = False


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
class MessageSettled:
    """A mail or web hook arrived, or was given up."""

    key: int
    #: Who did not get it, and why; empty when all have it.
    problem: str = ""


@dataclass(slots=True)
class Tick:
    """A deadline of the core may have come."""

    #: The wall clock jumped by so much: what waits for a time of day is looked at again (R3).
    clock_step_s: float = 0.0


Event = (
    Submit | AppendBlocks | AppendTasks | OperateJob | OperateBlocks | EditJob | EditBlocks
    | AddUser | EditUser | DeleteUser | EditRender | OperateRender
    | EditPool | OperatePool | EditBranch | OperateBranch | MoveJobs
    | ChangeSettings | RereadSettings | SetFarmSetup | SetLimit
    | ChangeServices | ChangeTickets
    | RenderHello | RenderLinkLost | RenderBye | RenderDrain | RenderResources
    | RunProgressed | RunFinished | MessageSettled | Tick
)  # fmt: skip
