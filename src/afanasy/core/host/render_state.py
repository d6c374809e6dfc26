"""What the server knows of a render."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from afanasy.core.node_log import LogLine
from afanasy.model.attributes import RenderSpec
from afanasy.model.farm_setup import FarmSetup, HostSetup

if TYPE_CHECKING:
    from afanasy.core.host.pools import Pool
    from afanasy.core.place.fits import Fits
    from afanasy.core.state import Run

#: A render of a new farm, when nothing else says so (R22).
HOST_CAPACITY_DEFAULT = 1100
HOST_MAX_TASKS_DEFAULT = 4

#: Parts of a report that lasting checks look at: they are remembered when nobody reports any more.
EQUIPMENT = (
    "cpu_num", "cpu_mhz", "gpu_num", "gpu_mem_total_mb", "mem_total_mb", "hdd_total_gb",
)  # fmt: skip


@dataclass(slots=True, eq=False, repr=False)
class Render:
    """A host that runs the agent."""

    name: str
    id: int
    spec: RenderSpec
    #: Number of the connection that speaks for it, or 0 when it is offline.
    link: int = 0
    instance: str = ""
    boot_id: str = ""
    address: str = ""
    os: str = ""
    engine: str = ""
    user_name: str = ""
    #: ``--capacity`` and ``--max-tasks``; -1 when not given.
    capacity_flag: int = -1
    max_tasks_flag: int = -1
    draining: bool = False
    time_register: int = 0
    time_launch: int = 0
    time_update: int = 0
    #: Mono time of the last sign of life, or of the start of serving.
    contact_mono: float = 0.0
    #: Every run that may have a process there: current ones and stale ones.
    runs: dict[int, Run] = field(default_factory=dict)
    capacity_used: int = 0
    #: Runs with the right to count, and those of them that take a slot (R23).
    running: int = 0
    slots_used: int = 0
    task_time: int = 0
    idle_since: int = 0
    busy_since: int = 0
    #: Errors in a row, and the jobs they came from (R15).
    errors_row: int = 0
    errors_jobs: set[int] = field(default_factory=set[int])
    #: Users with an error there since its last success, oldest first (SEMANTICS 5, sick renders).
    sick_users: dict[str, None] = field(default_factory=dict)
    #: Cool-off: how many so far, until when (both clocks), and whether one probe at a time runs.
    cool_level: int = 0
    cool_mono: float = 0.0
    cool_wall: float = 0.0
    probing: bool = False
    #: What the farm file says of it; None = there is no farm file.
    setup: HostSetup | None = None
    #: The farm file that was derived from.
    setup_of: FarmSetup | None = None
    pool: Pool | None = None
    # Values in force (R22), derived by afanasy.core.host.host_values; capacity -1 = unlimited.
    capacity: int = HOST_CAPACITY_DEFAULT
    max_tasks: int = HOST_MAX_TASKS_DEFAULT
    power: int = -1
    properties: str = ""
    schedule: str = ""
    #: Which schedule and zone were looked at last; the part that was begun last, and its end (unix
    #: seconds); the timer that waits for that, mono (:mod:`afanasy.core.host.schedule`).
    schedule_of: tuple[str, str] = ("", "")
    scheduled: str = ""
    scheduled_until: int = 0
    schedule_mono: float = 0.0
    #: The operating system as ``need_os`` sees it: the agent's words and the farm file's.
    os_text: str = ""
    #: Too many users' tasks failed there (SEMANTICS 5): nothing starts until somebody heals it.
    sick: bool = False
    #: It was told to sleep and is still online; sleeps; was told to wake (SEMANTICS 12.3,
    #: :mod:`afanasy.core.host.power`).
    falling: bool = False
    sleeping: bool = False
    waking: bool = False
    #: When it was told to sleep last (mono; not stored).
    told_sleep_mono: float = -1e9
    #: When falling or waking is given up (mono).
    power_mono: float = 0.0
    #: MB of GPU memory that others than its runs use (:mod:`afanasy.core.place.needs`; not stored).
    gpu_others_mb: int = 0
    #: It ran something when it made its last report.
    reported_busy: bool = False
    #: MAC addresses that it told, to wake it by.
    macs: list[str] = field(default_factory=list[str])
    #: Mono times since when it is idle, and since when somebody uses it; 0 = it is not so
    #: (:mod:`afanasy.core.host.idleness`).
    idle_mono: float = 0.0
    load_mono: float = 0.0
    #: Mono time since when it has been online without a task, after how many seconds of it people
    #: were told last, the pending timer (0 = none), and what its pools say of it
    #: (:mod:`afanasy.core.host.no_task`).
    no_task_mono: float = 0.0
    no_task_told_s: float = 0.0
    no_task_timer: float = 0.0
    no_task_event_s: int = -1
    exit_no_task_s: int = -1
    #: Its agent was told to exit, after so many seconds without a task; 0 = it was not.
    leaving_s: int = 0
    #: The same of its overload (:mod:`afanasy.core.host.overload`).
    overload_mono: float = 0.0
    overload_told_s: float = 0.0
    #: Seconds between frames of progress, and between reports of resources, as its pools say; 0 =
    #: the server's own period (:mod:`afanasy.core.host.pace`).
    heartbeat_s: int = 1
    resources_period_s: int = 0
    #: Nobody needs to be told any more that it is away: it was, or it said goodbye itself.
    told_away: bool = False
    #: What it has of what blocks ask for: the other side of ``Fits.names``.
    fits: dict[Fits, None] = field(default_factory=dict)
    #: Amounts at which work that was refused for want of them is tried again (R27).
    wanted: dict[str, float] = field(default_factory=dict)
    #: It takes only this work, (job serial, block number), until that has started (R15).
    reserved: tuple[int, int] | None = None
    #: Kind of timer → the pending one: mono time and number (:mod:`afanasy.core.deadlines`).
    pending: dict[str, tuple[float, int]] = field(default_factory=dict)
    #: The last resources report: fields of SEMANTICS 10.
    resources: dict[str, object] = field(default_factory=dict)
    log: list[LogLine] = field(default_factory=list[LogLine])

    def __repr__(self) -> str:
        return f"<render {self.name}>"

    def equipment(self) -> dict[str, object]:
        """What it last reported of its processors, memory, disk and GPUs."""
        return {key: self.resources[key] for key in EQUIPMENT if key in self.resources}

    @property
    def online(self) -> bool:
        """An agent is connected."""
        return self.link != 0

    def cooling(self, mono: float) -> bool:
        """It failed too many tasks in a row and is left alone for a while."""
        return self.cool_mono > mono
