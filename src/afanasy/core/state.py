"""What the server knows: the farm, its users, jobs, blocks, renders and open runs.

Nouns only; what may happen to them is in the reactions. Everything here is owned by one caller, the
server's loop (or a test, or the simulator), and changed by :func:`afanasy.core.reactor.apply` and
:func:`afanasy.core.place.solve.solve` alone.

Counters (``running``, ``capacity_used``, ``counts`` …) are kept beside what they count, because
solving asks them all the time; :mod:`afanasy.core.invariants` recounts them after every test step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from af import numeric
from afanasy.core.changes import Changes
from afanasy.core.depend.gates import Gate, Link
from afanasy.core.effects import Effect
from afanasy.core.host.pools import Pool
from afanasy.core.host.render_state import Render
from afanasy.core.job.branches import Branch
from afanasy.core.job.order import Frames, TaskOrder, make_order
from afanasy.core.limit.usages import ChosenLimit, Usage, UsageKey
from afanasy.core.node_log import LogLine
from afanasy.core.run.troubles import HostErrors, Rate, ServiceHold, TaskExtra
from afanasy.core.settings import Settings
from afanasy.core.system.message import Message
from afanasy.core.system.system_state import PreCommand, SystemWork
from afanasy.core.tasks import CODES, Code, ReadyQueue, TaskColumns
from afanasy.model.attributes import BlockSpec, JobSpec, TaskSpec, UserSpec
from afanasy.model.farm_setup import NO_SOURCE, FarmSetup, Limit, SetupSource
from afanasy.model.ids import BlockKey, RunId
from afanasy.model.states import St

if TYPE_CHECKING:
    from afanasy.core.place.fits import Fits
    from afanasy.core.place.shares import Share
    from afanasy.core.place.turns import Turn

#: State bits that a job has when one of its blocks has them; a plain number, for it is asked often.
_FROM_BLOCKS = int(St.RDY | St.RUN | St.ERR | St.WRN | St.SUS | St.SKP)


@dataclass(slots=True, eq=False, repr=False)
class Run:
    """One start of a task on a render, from the decision until its result is settled.

    ``current`` says that it has the right to count: then, and only then, it is its block's
    ``open[task]`` and holds every counter. A run that lost the right and whose process may still
    live holds its host's capacity and nothing else (R7).
    """

    id: RunId
    block: Block
    task: int
    render: Render
    #: Which start of the task, from 1.
    number: int
    #: Capacity units held on the render: capacity times coefficient.
    capacity: int
    coeff: int
    started_mono: float
    started_wall: float
    #: Wall seconds between the moment the task could first have started and its start.
    waited_s: float = 0.0
    current: bool = True
    #: A stop is under way: why, and the state the task takes when the run has ended (R9).
    stop_cause: str = ""
    stop_target: Code = Code.READY
    #: The stop counts as an error of the host (max run time, progress time-out).
    stop_counts: bool = False
    #: What it holds of limits for its whole life, whatever is edited meanwhile.
    service: str = ""
    tickets: dict[str, int] = field(default_factory=dict)
    #: What it holds of its host for its whole life (R26): memory, disk, GPU memory, devices.
    memory_need_mb: int = 0
    hdd_need_gb: int = 0
    gpu_need_mb: int = 0
    gpus: tuple[int, ...] = ()
    percent: int = -1
    frame: int = -1
    percentframe: int = -1
    activity: str = ""
    report: str = ""
    memory_mb: int = -1
    #: What of its memory the last report of its host has taken off the free memory (R26).
    memory_counted_mb: int = 0
    warning: bool = False
    #: As the render reported them at ``reported_mono`` (R19).
    elapsed_s: float = 0.0
    quiet_s: float = 0.0
    reported_mono: float = 0.0
    #: When its time limits are looked at next; 0 = no timer is pending.
    limit_mono: float = 0.0

    def __repr__(self) -> str:
        return f"<run {self.id} of {self.block!r} task {self.task} on {self.render.name}>"

    def elapsed_at(self, mono: float) -> float:
        """Seconds the run has lasted: the render's figure, carried on by our clock."""
        if self.reported_mono:
            return self.elapsed_s + (mono - self.reported_mono)
        return mono - self.started_mono

    def quiet_at(self, mono: float) -> float:
        """Seconds without progress."""
        return self.quiet_s + (mono - (self.reported_mono or self.started_mono))


@dataclass(slots=True, eq=False, repr=False)
class User:
    """An owner of jobs."""

    name: str
    id: int
    spec: UserSpec
    host_name: str = ""
    time_register: int = 0
    time_activity: int = 0
    #: All jobs by serial, and those that could start something now, in solving order.
    jobs: dict[int, Job] = field(default_factory=dict)
    queue: list[Job] = field(default_factory=list)
    #: The same for each thing that jobs ask for (:mod:`afanasy.core.place.job_queue`).
    by_fits: dict[Fits, list[Job]] = field(default_factory=dict)
    running: int = 0
    running_capacity: int = 0
    running_on: dict[str, int] = field(default_factory=dict)
    #: The highest order number of his jobs.
    order_last: int = 0
    rate: Rate | None = None
    #: Solve counter at his last placement; decides between equal needs.
    solved: int = 0
    log: list[LogLine] = field(default_factory=list[LogLine])

    def __repr__(self) -> str:
        return f"<user {self.name}>"


@dataclass(slots=True, eq=False, repr=False)
class Block:
    """One block of a job. Its tasks are numbers below ``tasks_num``."""

    key: BlockKey
    job: Job
    num: int
    spec: BlockSpec
    tasks_num: int
    #: Records of a list block; None for a numeric one.
    tasks: list[TaskSpec] | None = None
    columns: TaskColumns | None = None
    ready: ReadyQueue | None = None
    #: Tasks of each state code.
    counts: list[int] = field(default_factory=lambda: [0] * CODES)
    #: Task → its run with the right to count.
    open: dict[int, Run] = field(default_factory=dict)
    extras: dict[int, TaskExtra] = field(default_factory=dict)
    error_hosts: dict[str, HostErrors] = field(default_factory=dict)
    running_capacity: int = 0
    running_on: dict[str, int] = field(default_factory=dict)
    #: Tasks with the warning flag, and with errors of their own.
    warnings: int = 0
    #: The gate of its depend_mask, the gates it is a member of, and whether it waits.
    gate: Gate[Block] | None = None
    gates: list[Gate[Block]] = field(default_factory=list["Gate[Block]"])
    waiting: bool = False
    #: Its pre command has not ended well yet.
    pre: PreCommand | None = None
    #: Links to the blocks that its tasks_depend_mask names, and from those that name it.
    needs: list[Link] = field(default_factory=list[Link])
    feeds: list[Link] = field(default_factory=list[Link])
    #: All tasks are done or skipped.
    done: bool = False
    #: Wall time since when its ready tasks could have started, for the waited seconds of a run.
    ready_wall: float = 0.0
    #: Mono time of its last start.
    started_mono: float = 0.0
    #: Every suitable render is avoided: why (R13), or "".
    stuck: str = ""
    #: Its service waits for licences (R18).
    hold: ServiceHold | None = None
    #: When its error lists are looked through next; 0 = no timer is pending.
    forgive_mono: float = 0.0
    time_started: int = 0
    time_done: int = 0
    run_time_min: int = 0
    run_time_max: int = 0
    run_time_sum: int = 0
    #: How many runs the least and the greatest of these are of.
    runs_timed: int = 0
    last_render: str = ""
    #: Raised by every edit, so that renders are sent the new text.
    version: int = 0
    #: The renders that could run it at all (:mod:`afanasy.core.place.fits`).
    fits: Fits | None = None
    #: It needs free memory, disk or GPUs: such checks are asked only then.
    needy: bool = False
    #: Tasks of each name, for maintenance jobs (:mod:`afanasy.core.job.task_names`).
    by_name: dict[str, list[int]] | None = None

    def __repr__(self) -> str:
        return f"<block {self.num} of {self.job!r}>"

    @property
    def running(self) -> int:
        """Tasks that hold a run with the right to count."""
        return len(self.open)

    @property
    def held(self) -> bool:
        """It waits for another block, or for its pre command."""
        return self.waiting or self.pre is not None

    def set_done(self, done: bool) -> None:
        """All tasks are done or skipped, or are so no more; its job counts such blocks."""
        if done != self.done:
            self.done = done
            self.job.blocks_done += 1 if done else -1

    def touch(self) -> TaskColumns:
        """The columns, made at the first need."""
        if self.columns is None:
            self.columns = TaskColumns(self.tasks_num)
        return self.columns

    def queue(self) -> ReadyQueue:
        """The ready queue, made at the first need."""
        if self.ready is None:
            self.ready = ReadyQueue(self.touch(), self.order())
        return self.ready

    def first_ready(self) -> int:
        """The ready task that is next, or -1. No columns are made where all are READY."""
        if self.columns is None:
            return self.order().task_at(0) if self.tasks_num else -1
        return self.queue().peek()

    def order(self) -> TaskOrder:
        """The order in which its tasks are tried."""
        spec = self.spec
        if spec.numeric:
            frames_num = (spec.frame_last - spec.frame_first) // spec.frames_inc + 1
            frames = Frames(spec.frame_first, spec.frames_per_task, spec.frames_inc)
        else:
            per_task = spec.frames_per_task or 1
            frames_num = self.tasks_num * max(1, per_task)
            frames = Frames(0, per_task, 1)
        return make_order(spec.sequential, self.tasks_num, frames, frames_num)

    def code(self, task: int) -> Code:
        """State code of a task."""
        return Code(self.columns.state[task]) if self.columns else Code.READY

    def frames(self, task: int) -> tuple[int, int, int]:
        """``(start, finish, number of frames)`` of a task."""
        spec = self.spec
        if spec.numeric:
            return numeric.task_frames(
                task, spec.frame_first, spec.frame_last, spec.frames_per_task, spec.frames_inc
            )
        start, finish = numeric.list_task_frames(task, spec.frames_per_task)
        return start, finish, finish - start + 1

    def task_name(self, task: int) -> str:
        """Name of a task (SEMANTICS 1.4)."""
        if self.tasks is not None:
            return numeric.list_task_name(self.spec.tasks_name, self.tasks[task].name)
        start, finish, _ = self.frames(task)
        return numeric.numeric_task_name(self.spec.tasks_name, start, finish, self.spec.frames_inc)

    def errors_retries(self) -> int:
        """Errors of a task that are retried: the block's value or its user's (SEMANTICS 5)."""
        value = self.spec.errors_retries
        return value if value >= 0 else self.job.user.spec.errors_retries

    def errors_avoid_host(self) -> int:
        """Errors of a host after which the block avoids it; 0 = never."""
        value = self.spec.errors_avoid_host
        return value if value >= 0 else self.job.user.spec.errors_avoid_host

    def errors_task_same_host(self) -> int:
        """Errors of a host after which a task avoids it; 0 = never."""
        value = self.spec.errors_task_same_host
        return value if value >= 0 else self.job.user.spec.errors_task_same_host

    def errors_forgive_time(self) -> int:
        """Seconds after which a host's errors are forgiven; 0 = never."""
        value = self.spec.errors_forgive_time
        return value if value >= 0 else self.job.user.spec.errors_forgive_time

    def avoids(self, host: str) -> bool:
        """The block's error list keeps it away from ``host``."""
        entry = self.error_hosts.get(host)
        limit = self.errors_avoid_host()
        return entry is not None and 0 < limit <= entry.count

    def task_avoids(self, task: int, host: str) -> bool:
        """The task's own error list keeps it away from ``host``."""
        extra = self.extras.get(task)
        entry = extra.error_hosts.get(host) if extra else None
        limit = self.errors_task_same_host()
        return entry is not None and 0 < limit <= entry.count

    def preview_done(self) -> bool:
        """All tasks of the preview of a ``ppa`` job were started (SEMANTICS 1.5): n > 1 steps."""
        if not self.job.spec.ppa or self.spec.sequential <= 1:
            return False
        order = self.order()
        task = self.first_ready()
        return task >= 0 and order.rank_of(task) >= order.stepped_count()

    def st(self) -> int:
        """State bits of the block (SEMANTICS 2.3)."""
        counts = self.counts
        bits = 0
        pre = self.pre if not self.done else None
        if self.waiting or (pre is not None and not pre.failed):
            bits |= St.WDP
        elif pre is None and (counts[Code.READY] or counts[Code.RETRY]):
            bits |= St.RDY
        if self.open:
            bits |= St.RUN
        if self.done:
            bits |= St.DON
        # (Work that is done needs no host.)
        stuck = self.stuck and not self.done
        if counts[Code.ERROR] or stuck or (pre is not None and pre.failed):
            bits |= St.ERR
        if counts[Code.SKIPPED]:
            bits |= St.SKP
        if counts[Code.SUSPENDED]:
            bits |= St.SUS
        if counts[Code.WAITING]:
            bits |= St.WDP
        if self.warnings:
            bits |= St.WRN
        return int(bits)


@dataclass(slots=True, eq=False, repr=False)
class Job:
    """A job."""

    serial: int
    id: int
    user: User
    spec: JobSpec
    blocks: list[Block] = field(default_factory=list)
    #: Of a job of thousands of blocks a start and an end must not look at each: the blocks that
    #: have tasks which could start, by number (not kept for the server's own job); how many are
    #: done; and how many have errors of hosts.
    producing: list[Block] = field(default_factory=list)
    #: What those ask for, and how many of them do.
    asked: dict[Fits, int] = field(default_factory=dict["Fits", int])
    blocks_done: int = 0
    troubled: int = 0
    #: Paused by a person (OFF).
    off: bool = False
    #: Waits for its time_wait (WTM).
    waiting_time: bool = False
    #: The gates of its depend masks and serials, those it is a member of, and whether it waits
    #: for a job (WDP).
    gates: dict[Hashable, Gate[Job]] = field(default_factory=dict["Hashable", "Gate[Job]"])
    member_of: dict[Hashable, Gate[Job]] = field(default_factory=dict["Hashable", "Gate[Job]"])
    waiting_jobs: bool = False
    #: Its pre command has not ended well yet.
    pre: PreCommand | None = None
    #: Deletion was asked for; it goes when its runs have ended.
    deleting: bool = False
    #: The server's own job (id 1): never deleted, placed by itself
    #: (:mod:`afanasy.core.system.system_solve`).
    system: bool = False
    time_started: int = 0
    time_done: int = 0
    #: Position among the user's jobs of equal priority.
    order: int = 0
    branch: Branch | None = None
    #: With whom it takes turns in its branch, and the turn under which it stands in the queues
    #: there; None while branches take no part (:mod:`afanasy.core.place.shares`).
    share: Share | None = None
    turn: Turn = (0.0, 0, 0, 0, "", 0)
    #: Solve counter at its last placement; decides between equal needs.
    solved: int = 0
    running: int = 0
    running_capacity: int = 0
    running_on: dict[str, int] = field(default_factory=dict)
    #: (block, task) pairs to try before all others, in order (:mod:`afanasy.core.place.try_next`).
    try_next: dict[tuple[int, int], None] = field(default_factory=dict[tuple[int, int], None])
    queued: bool = False
    #: What its blocks fit on, each once; and whether it, its user or branches need free amounts.
    fits: tuple[Fits, ...] = ()
    #: Those by which it stands in its user's queues: of its blocks with ready tasks.
    queued_fits: tuple[Fits, ...] = ()
    needy: bool = False
    #: The smallest capacity that a task of any of its blocks takes.
    least_capacity: int = 0
    rate: Rate | None = None
    #: Kind of timer → the pending one: mono time and number (:mod:`afanasy.core.deadlines`).
    pending: dict[str, tuple[float, int]] = field(default_factory=dict)
    #: The last lines of its log, newest last (SEMANTICS 0).
    log: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<job {self.serial} {self.spec.name!r}>"

    def sort_key(self) -> tuple[int, int, int]:
        """Order within the user: priority descending, then order, then age."""
        return (-self.spec.priority, self.order, self.serial)

    def say(self, line: str) -> None:
        """Add a line to the job's log of at most 100 lines."""
        self.log.append(line)
        del self.log[:-100]

    @property
    def done(self) -> bool:
        """All blocks are done."""
        return self.blocks_done == len(self.blocks)

    def st(self) -> int:
        """State bits of the job (SEMANTICS 2.3)."""
        bits = 0
        done = bool(self.blocks)
        pre = self.pre
        for block in self.blocks:
            st = block.st()
            bits |= st & _FROM_BLOCKS
            done = done and block.done
            if block.pre is not None and not (block.pre.failed or block.done):
                pre = pre or block.pre
        if done:
            bits |= St.DON
        elif pre is not None and (pre is self.pre or not bits & St.RDY):
            bits = bits & ~St.RDY | (St.ERR if pre.failed else St.WDP)
        if self.waiting_time and not done:
            bits = bits & ~St.RDY | St.WTM
        if self.waiting_jobs and not done:
            bits = bits & ~St.RDY | St.WDP
        if self.spec.ppa and bits & St.RDY and self._preview_done():
            bits = bits & ~St.RDY | St.PPA
        if self.off or (self.deleting and self.has_open()):
            bits |= St.OFF
        return int(bits)

    def has_open(self) -> bool:
        """A task of it runs, or one of its pre commands is asked for: a deletion waits for that."""
        return bool(self.running or self.pre or any(block.pre for block in self.blocks))

    def _preview_done(self) -> bool:
        ready = [b for b in self.blocks if b.counts[Code.READY] and not b.held]
        return bool(ready) and all(block.preview_done() for block in ready)


#: A deadline: mono time, a number that rises, and (what for, about whom, more).
Timer = tuple[float, int, tuple[object, ...]]
#: Answers whether ``mask`` (a regular expression) matches the whole of ``name``; None: that took
#: too long to tell (R21).
Matcher = Callable[[str, str], bool | None]
#: Answers by how many seconds the clocks of a time zone are ahead of UTC at a moment (wall); "" is
#: the zone of the server's host.
UtcOffsetOf = Callable[[str, float], int]


def always_utc(zone: str, wall: float) -> int:
    """The clocks of a farm that was given none."""
    del zone, wall
    return 0


@dataclass(slots=True, eq=False, repr=False)
class Farm:
    """Everything. ``epoch`` and ``farm_id`` identify this take-over of this farm (R1, R2)."""

    farm_id: str
    epoch: int
    matcher: Matcher
    #: Mono time when serving began: silence of renders is measured from then (R6).
    serving_mono: float = 0.0
    settings: Settings = field(default_factory=Settings)
    utc_offset_s: UtcOffsetOf = always_utc
    users: dict[str, User] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
    jobs_by_id: dict[int, Job] = field(default_factory=dict)
    jobs_by_name: dict[str, Job] = field(default_factory=dict)
    blocks: dict[int, Block] = field(default_factory=dict)
    renders: dict[str, Render] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    branches: dict[str, Branch] = field(default_factory=dict)
    #: Every run that may still have a process, by id.
    runs: dict[int, Run] = field(default_factory=dict)
    serial_last: int = 0
    job_id_last: int = 0
    user_id_last: int = 0
    render_id_last: int = 0
    pool_id_last: int = 0
    branch_id_last: int = 0
    block_key_last: int = 0
    run_counter: int = 0
    solve_counter: int = 0
    #: name → highest "-N" suffix given out, so that equal names cost no search.
    name_suffix: dict[str, int] = field(default_factory=dict)
    # What the next solve looks at: pairs of which neither side is fresh were refused before and
    # nothing of theirs changed since.
    # (Dicts, not sets: their order is that of insertion, the same in every process.)
    fresh_jobs: dict[int, Job] = field(default_factory=dict)
    fresh_users: dict[str, User] = field(default_factory=dict)
    fresh_renders: dict[str, Render] = field(default_factory=dict)
    #: Work that asks for a limited thing of which some became free.
    fresh_fits: dict[Fits, None] = field(default_factory=dict["Fits", None])
    #: Something of all work changed, as a limit of a branch: every job is fresh.
    fresh_all: bool = False
    #: No job is deleted for its age before this moment (R3).
    lives_held_mono: float = 0.0
    #: Starts of the last second, the oldest first: when (mono), of which job (R25).
    recent_starts: deque[tuple[float, Job]] = field(default_factory=deque[tuple[float, "Job"]])
    #: Online renders with room for something.
    open_renders: dict[str, Render] = field(default_factory=dict)
    #: Users with jobs in their queue.
    hungry: dict[str, User] = field(default_factory=dict)
    #: Branches take part in the sharing; jobs whose turns there may have changed, by serial.
    sharing: bool = False
    turned: dict[int, Job] = field(default_factory=dict)
    #: Blocks with tasks in ERROR because every suitable host is avoided (R13), by key.
    stuck_blocks: dict[int, Block] = field(default_factory=dict)
    #: What blocks ask for → the renders that have it.
    fits: dict[tuple[object, ...], Fits] = field(default_factory=dict)
    #: Gates of the jobs' depend masks, by key; regular expressions also by user ("" = of all) and
    #: by the letters that every match begins with (:mod:`afanasy.core.depend.depends`).
    job_gates: dict[Hashable, Gate[Job]] = field(default_factory=dict["Hashable", "Gate[Job]"])
    job_patterns: dict[str, dict[str, dict[str, Gate[Job]]]] = field(
        default_factory=dict[str, "dict[str, dict[str, Gate[Job]]]"]
    )
    #: What waits for the system job (:mod:`afanasy.core.system.system_job`).
    system: SystemWork = field(default_factory=SystemWork)
    #: Renders that sleep, by name; and a timer that looks whom to wake is pending.
    sleepers: dict[str, Render] = field(default_factory=dict[str, Render])
    wake_timer: bool = False
    #: Mail and web hooks that are to be sent, by number (:mod:`afanasy.core.system.messages`).
    messages: dict[int, Message] = field(default_factory=dict[int, Message])
    #: What happened to jobs and renders in the event that is being applied.
    happened: dict[Job | Render, list[str]] = field(
        default_factory=dict["Job | Render", "list[str]"]
    )
    #: Services that wait for licences, by name (R18).
    service_holds: dict[str, ServiceHold] = field(default_factory=dict)
    #: Services that some limit is about, and what is held of them and of tickets
    #: (:mod:`afanasy.core.limit.limits`).
    limited: dict[str, Limit] = field(default_factory=dict[str, Limit])
    usages: dict[UsageKey, Usage] = field(default_factory=dict[UsageKey, Usage])
    #: Limits of services that were set on the fly, by name; they win over the farm file's.
    limits_chosen: dict[str, ChosenLimit] = field(default_factory=dict[str, ChosenLimit])
    #: The farm file in force, and where it was read (:mod:`afanasy.core.host.farm_file`).
    setup: FarmSetup | None = None
    setup_source: SetupSource = NO_SOURCE
    #: Deadlines: (mono, counter, what); stale entries are checked when they come up.
    timers: list[Timer] = field(default_factory=list["Timer"])
    timer_counter: int = 0
    #: With more timers than this, dead ones are swept out (:mod:`afanasy.core.deadlines`).
    timers_most: int = 1024
    #: A timer that looks for starving work is pending; blocks that were refused for room when it
    #: looked, by key, and since when (mono; R15).
    drain_timer: bool = False
    starving: dict[int, float] = field(default_factory=dict[int, float])
    #: Dimensions of the statistics (R38): a combination → its number.
    facets: dict[tuple[str, ...], int] = field(default_factory=dict)
    #: Batches whose rows were taken in this epoch; orders rows of the same task.
    batch: int = 0
    effects: list[Effect] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    def __repr__(self) -> str:
        return f"<farm {self.farm_id}: {len(self.jobs)} jobs, {len(self.renders)} renders>"

    @property
    def reconnect_timeout_s(self) -> float:
        """Seconds without a word of a render until it counts as lost (R6)."""
        return self.settings.value("af_task_reconnect_timeout")

    def next_deadline(self) -> float | None:
        """Mono time of the next timer, or None."""
        return self.timers[0][0] if self.timers else None
