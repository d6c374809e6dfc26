"""Attributes of jobs, blocks, tasks and users: names, types, bounds and defaults.

The names are the members of the wire JSON (PROTOCOL 2.3, 2.4). These structs are the one table from
which submissions are read (:mod:`afanasy.model.reading`), edits are checked and rows are stored.
``-1`` means "not given" wherever PROTOCOL says so. Times are unix seconds.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

_INT64 = 2**63 - 1
_INT32 = 2**31 - 1

Int64 = Annotated[int, Meta(ge=-_INT64 - 1, le=_INT64)]
#: A frame number: any int64 with room for arithmetic.
Frame = Annotated[int, Meta(ge=-(2**62), le=2**62)]
Count = Annotated[int, Meta(ge=-1, le=_INT32)]
Positive = Annotated[int, Meta(ge=1, le=_INT32)]
Seconds = Annotated[int, Meta(ge=-1, le=_INT64)]
#: The last second of the year 9999: later moments no calendar shows.
MOMENT_MAX: Final = 253_402_300_799
#: A moment in unix seconds; 0 = none.
Moment = Annotated[int, Meta(ge=-_INT64 - 1, le=MOMENT_MAX)]
Errors = Annotated[int, Meta(ge=-1, le=127)]
Priority = Annotated[int, Meta(ge=0, le=255)]
Name = Annotated[str, Meta(max_length=1024)]
#: Longer than any command line that an operating system takes.
Text = Annotated[str, Meta(max_length=4 * 1024 * 1024)]
#: Words or plain names may be that many; a regular expression is shorter (R21,
#: :mod:`afanasy.core.host.mask_syntax`).
Mask = Annotated[str, Meta(max_length=64 * 1024)]
ShortMask = Annotated[str, Meta(max_length=1000)]
Texts = dict[Name, Text]
#: A ``nimby_schedule``; its rules are those of :mod:`afanasy.model.schedule`.
Week = Annotated[str, Meta(max_length=4096)]

PRIORITY_DEFAULT: Final = 99
CAPACITY_DEFAULT: Final = 1000
BLOCKS_PER_JOB_MAX: Final = 10_000
#: Serials in one ``depend_jobs``.
DEPEND_JOBS_MAX: Final = 10_000


class _Spec(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Base of the attribute structs; encoding leaves defaults out."""


class WorkSpec(_Spec):
    """What jobs and users share: PROTOCOL 2.3 "Work params" and the common node params."""

    priority: Priority = PRIORITY_DEFAULT
    annotation: Text = ""
    custom_data: Text = ""
    hidden: bool = False
    max_running_tasks: Count = -1
    max_running_tasks_per_host: Count = -1
    max_tasks_per_second: Annotated[int, Meta(ge=-1, le=10_000)] = -1
    hosts_mask: Mask = ""
    hosts_mask_exclude: Mask = ""
    hosts_mask_type: str = ""
    need_os: ShortMask = ""
    need_properties: ShortMask = ""
    need_power: Count = -1
    need_memory: Count = -1
    need_hdd: Count = -1
    pools: dict[Name, Int64] = {}
    solve_method: str = "solve_order"
    solve_need: str = "solve_tasksnum"


class JobSpec(WorkSpec):
    """Attributes of a job (PROTOCOL 2.4); its blocks stand beside it."""

    name: Name = ""
    user_name: Name = ""
    host_name: Name = ""
    description: Text = ""
    project: Name = ""
    department: Name = ""
    command_pre: Text = ""
    command_post: Text = ""
    time_creation: Moment = 0
    time_wait: Moment = 0
    time_life: Seconds = -1
    depend_mask: Mask = ""
    depend_mask_global: Mask = ""
    #: Serials of jobs to wait for, beside the masks (R32).
    depend_jobs: list[Count] = []
    branch: Text = "/"
    folders: Texts = {}
    ppa: bool = False
    maintenance: bool = False
    ignorenimby: bool = False
    ignorepaused: bool = False
    offline: bool = False
    report: Text = ""
    thumb_path: Text = ""
    #: Tasks in error at which the job pauses; 0 = never, -1 = the user's (R16).
    errors_job_max: Count = -1
    try_this_blocks_num: list[Count] = []
    try_this_tasks_num: list[Count] = []


class BlockSpec(_Spec):
    """Attributes of a block (PROTOCOL 2.4); the tasks of a list block stand beside it."""

    name: Name = ""
    service: Name = "generic"
    parser: Name = ""
    parser_coeff: Positive = 1
    flags: Annotated[int, Meta(ge=0, le=_INT64)] = 0
    frame_first: Frame = 0
    frame_last: Frame = 0
    frames_per_task: Annotated[int, Meta(ge=-_INT32, le=_INT64 // 4)] = 1
    frames_inc: Annotated[int, Meta(ge=1, le=_INT64 // 4)] = 1
    sequential: Int64 = 1
    command: Text = ""
    command_pre: Text = ""
    command_post: Text = ""
    working_directory: Text = ""
    files: list[Text] = []
    environment: Texts = {}
    tasks_name: Text = ""
    capacity: Positive = CAPACITY_DEFAULT
    capacity_coeff_min: Count = -1
    capacity_coeff_max: Count = -1
    need_memory: Count = -1
    need_power: Count = -1
    need_hdd: Count = -1
    need_cpu_freq_mgz: Count = -1
    need_cpu_cores: Count = -1
    need_cpu_freq_cores: Count = -1
    need_gpu_mem_mb: Count = -1
    #: Devices that a task takes for itself (R26).
    need_gpus: Annotated[int, Meta(ge=0, le=64)] = 0
    need_properties: ShortMask = ""
    max_running_tasks: Count = -1
    max_running_tasks_per_host: Count = -1
    task_max_run_time: Seconds = 0
    task_min_run_time: Seconds = 0
    task_progress_change_timeout: Seconds = -1
    errors_retries: Errors = -1
    errors_avoid_host: Errors = -1
    errors_task_same_host: Errors = -1
    errors_forgive_time: Seconds = -1
    depend_mask: Mask = ""
    tasks_depend_mask: Mask = ""
    hosts_mask: Mask = ""
    hosts_mask_exclude: Mask = ""
    custom_data: Text = ""
    srv_info: Text = ""
    file_size_min: Int64 = -1
    file_size_max: Int64 = -1
    tickets: dict[Name, Int64] = {}
    multihost_min: Annotated[int, Meta(ge=1, le=100)] = 1
    multihost_max: Annotated[int, Meta(ge=1, le=100)] = 1
    multihost_max_wait: Annotated[int, Meta(ge=0, le=65535)] = 0
    multihost_service_wait: Annotated[int, Meta(ge=0, le=65535)] = 0
    multihost_service: Name = ""
    #: "reschedule" or "hold" (DESIGN 2, run contract 3).
    on_lost_render: str = "reschedule"

    @property
    def numeric(self) -> bool:
        """Tasks are derived from a frame range; nothing is stored for them."""
        return bool(self.flags & FLAG_NUMERIC)

    @property
    def variable_capacity(self) -> bool:
        """The tasks take a multiple of the capacity (SEMANTICS 3.8)."""
        return bool(self.flags & FLAG_VARCAPACITY)


class TaskSpec(msgspec.Struct, omit_defaults=True, gc=False):
    """One record of a list block."""

    name: Name = ""
    command: Text = ""
    files: list[Text] | None = None
    environment: Texts | None = None


class UserSpec(WorkSpec):
    """Attributes of a user; the errors_* are the defaults of his blocks (SEMANTICS 5)."""

    solve_need: str = "solve_capacity"
    paused: bool = False
    errors_retries: Annotated[int, Meta(ge=0, le=255)] = 3
    errors_avoid_host: Annotated[int, Meta(ge=0, le=255)] = 3
    errors_task_same_host: Annotated[int, Meta(ge=0, le=255)] = 3
    errors_forgive_time: Annotated[int, Meta(ge=0, le=_INT32)] = 18000
    errors_job_max: Annotated[int, Meta(ge=0, le=_INT32)] = 0
    jobs_life_time: Seconds = 0
    #: Where he hears of his jobs, and of which events (R66); none means done and error.
    email: Name = ""
    webhook: Text = ""
    notify: list[Literal["created", "done", "error", "deleted"]] = []


class BranchSpec(WorkSpec):
    """Attributes of a branch (PROTOCOL 2.3)."""

    solve_method: str = "solve_priority"
    paused: bool = False
    #: Jobs may make branches below by naming them.
    create_childs: bool = False
    #: Its jobs take turns, not its users, while af_solve_branches is on.
    solve_jobs: bool = False


class HostSpec(_Spec):
    """What may be set on a render or on a pool: "Farm params" of PROTOCOL 2.3; -1 is "not set"."""

    priority: Priority = PRIORITY_DEFAULT
    annotation: Text = ""
    custom_data: Text = ""
    hidden: bool = False
    capacity_host: Count = -1
    max_tasks_host: Count = -1
    power_host: Count = -1
    properties_host: ShortMask = ""
    #: When hosts are taken and given back by the week; "" = not set (R65).
    nimby_schedule: Week = ""
    services: list[Name] = []
    services_disabled: list[Name] = []
    #: Name → most on each host.
    tickets_host: dict[Name, Count] = {}


class RenderSpec(HostSpec):
    """What an operator set on a render (PROTOCOL 2.3, R22)."""

    user_name: Name = ""
    nimby: bool = False
    NIMBY: bool = False
    paused: bool = False
    #: Path of its pool; "" = not placed yet.
    pool: Text = ""
    #: Who set nimby, NIMBY or paused, when, why and until when (R65); 0 = for good.
    nimby_by: Name = ""
    nimby_reason: Name = ""
    nimby_since: Int64 = 0
    nimby_until: Moment = 0
    paused_by: Name = ""
    paused_reason: Name = ""
    paused_since: Int64 = 0
    paused_until: Moment = 0


class PoolSpec(HostSpec):
    """Attributes of a pool (PROTOCOL 2.3, SEMANTICS 6.5, 8.6); -1 = the parent's."""

    #: Regular expression; a new render whose name it matches comes into the pool.
    pattern: ShortMask = ""
    paused: bool = False
    #: Name → (most together, most hosts or -1).
    tickets_pool: dict[Name, tuple[Count, Count]] = {}
    new_nimby: bool = False
    new_paused: bool = False
    sick_errors_count: Count = -1
    heartbeat_sec: Count = -1
    resources_update_period: Count = -1
    zombie_time: Count = -1
    exit_no_task_time: Count = -1
    no_task_event_time: Count = -1
    overload_event_time: Count = -1
    idle_wolsleep_time: Count = -1
    idle_free_time: Count = -1
    busy_nimby_time: Count = -1
    idle_cpu: Count = -1
    idle_mem: Count = -1
    idle_swp: Count = -1
    idle_hddgb: Count = -1
    idle_hddio: Count = -1
    idle_netmbs: Count = -1
    busy_cpu: Count = -1
    busy_mem: Count = -1
    busy_swp: Count = -1
    busy_hddgb: Count = -1
    busy_hddio: Count = -1
    busy_netmbs: Count = -1


FLAG_NUMERIC: Final = 1 << 0
FLAG_VARCAPACITY: Final = 1 << 1
FLAG_MULTIHOST: Final = 1 << 2
FLAG_MASTER_ON_SLAVE: Final = 1 << 3
FLAG_DEPEND_SUB_TASK: Final = 1 << 4
FLAG_APPENDED_TASKS: Final = 1 << 9
FLAG_SUSPEND_NEW: Final = 1 << 10
