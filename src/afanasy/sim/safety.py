"""What must hold at every step, watched from outside.

The checker keeps books of its own: which processes really run where, what was told to whom, what is
on the disk. It reads the core's *attributes* (limits, masks, capacities in force) but none of its
counters, queues or caches; what those promise is recounted here from rows and processes. Each check
is a method that names the sentence of the run contract (DESIGN 2) or the ruling it is about; to
watch more, add one and call it where its moment is.

Moments: a batch is handed to the writer (:meth:`Safety.on_batch`), is durable
(:meth:`Safety.on_commit`), a message or a reply leaves, a process begins or is gone, a server
serves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from afanasy.core.invariants import validate
from afanasy.core.rows import Row, Rows
from afanasy.core.state import Farm
from afanasy.core.tasks import Code
from afanasy.model.ids import split_task_key
from afanasy.model.states import RunEnd
from afanasy.sim.books import RunFact
from afanasy.sim.deliver import Receiver
from afanasy.sim.errands import Errands
from afanasy.sim.host import Behaviour, Command, Folder, Host
from afanasy.sim.plan import Machine
from afanasy.sim.promises import Promises
from afanasy.sim.starts import check_start
from afanasy.sim.starts_needs import holds_of
from afanasy.sim.world import World, task_named
from afanasy.wire import stream

if TYPE_CHECKING:
    from afanasy.server.messages import ToRenderMessage
    from afanasy.sim.network import Network
    from afanasy.sim.server_side import SimServer

SUCCESSES: Final = frozenset({RunEnd.SUCCESS, RunEnd.PARSER_SUCCESS, RunEnd.FAILED_POST})
#: Why a run may be stopped: people, its own time limits, another run of its task.
STOPS: Final = frozenset(
    {
        "restart", "skip", "set done", "suspend", "eject", "stop", "the job is deleted",
        "max run time", "no progress", "it lost the right to count",
    }
)  # fmt: skip
#: Columns of an open run's row that never change: its task, render, number, capacity, begin.
_FIXED: Final = 8
#: What the server may be wrong by about the age of a run that it just adopted: as long as a hello
#: may be under way before its link is given up.
AGE_ERROR_S: Final = 20.0
#: Reconnect time-out of the farm.
RECONNECT_S: Final = 60.0
_END_LOST: Final = 16


class Safety:
    """The checker of one world."""

    def __init__(
        self,
        world: World,
        network: Network,
        server: SimServer,
        machines: dict[str, Machine],
        *,
        check_every: int,
    ) -> None:
        self.world = world
        self.network = network
        self.server = server
        #: Render → what its computer is made of.
        self.machines = machines
        self.promises = Promises(world, server)
        self.errands = Errands(world, server, self.promises)
        self.receiver = Receiver(world)
        #: Every run that was ever started, by id; and the runs of each task, oldest first.
        self.runs: dict[int, RunFact] = {}
        self.of_task: dict[str, list[RunFact]] = {}
        #: Run → row of open_runs, and of the history: what memory wrote, what the disk has.
        self.open: dict[int, Row] = {}
        self.closed: dict[int, Row] = {}
        self.closed_durable: dict[int, Row] = {}
        self.opened_durable: dict[int, None] = {}
        #: Runs with a living process.
        self.live: dict[int, Command] = {}
        #: How many frames runs finished whose processes are gone.
        self.frames_of: dict[int, int] = {}
        #: Hosts that are on; the others sleep until somebody wakes them.
        self.hosts_up: list[str] = []
        self._behaviours: dict[int, Behaviour] = {}
        self._epoch = 0
        #: When the server that lives now began.
        self.serving_at = 0.0
        #: (render, amount) of which somebody wants more than there is.
        self._wanted: dict[tuple[str, str], None] = {}
        self._check_every = check_every
        self._batches = 0

    def behaviour_of(self, run: int) -> Behaviour | None:
        """What the run's command does, if it began."""
        return self._behaviours.get(run)

    # ----------------------------------------------------------------------------- batches

    def on_batch(self, farm: Farm, rows: Rows) -> None:
        """Memory has changed; nobody knows yet."""
        self._renders_deleted(rows)
        new = [row for row in rows.upserts.get("open_runs", ()) if self._is_new(farm, row)]
        self._check_closed(farm, rows)
        for run in rows.deletes.get("open_runs", ()):
            self.open.pop(run, None)
        self._one_right_to_count()
        for row in new:
            check_start(self, farm, self.runs[row[0]])
        if "tasks" in rows.upserts:
            for row in rows.upserts["tasks"]:
                if row[9] and '"held: ' in row[9]:
                    self.world.mark("hold")
        self._note_needs(farm)
        self._batches += 1
        if self._batches % self._check_every == 0:
            self.recount(farm)

    def _note_needs(self, farm: Farm) -> None:
        """Work was refused for want of memory, disk or GPU memory (R27)."""
        wanted = {(r.name, field): None for r in farm.renders.values() for field in r.wanted}
        for one in wanted:
            if one not in self._wanted:
                self.world.mark("need refused")
        self._wanted = wanted

    def recount(self, farm: Farm) -> None:
        """Counters equal recounts."""
        process = self.server.process
        assert process is not None
        try:
            validate(farm, process.clocks())
        except AssertionError as error:
            self.world.fail("counters equal recounts", f"{error}", task_named(str(error)))

    def _is_new(self, farm: Farm, row: Row) -> bool:
        """Book the row; whether it is a start. A run id names one run for ever (contract 1)."""
        run, key, render, number, capacity = row[:5]
        fact = self.runs.get(run)
        known = self.open.get(run)
        self.open[run] = row
        if fact is not None:
            if fact.row[:_FIXED] != row[:_FIXED]:
                self.world.fail(
                    "run ids are never used again, adoption keeps start and time",
                    f"run {run} was {fact.row[:_FIXED]} and is {row[:_FIXED]}", fact.task,
                )  # fmt: skip
            if known is None:
                self.world.fail("a run begins once", f"run {run} is open again", fact.task)
            return False
        block_key, task = split_task_key(key)
        block = farm.blocks.get(block_key)
        if block is None:
            return False  # of a job that went in the same batch
        label = f"{block.job.serial}.{block.num}.{task}"
        holds = holds_of(farm, block, task)
        fact = RunFact(run, label, block_key, task, render, capacity, self.world.now, row, holds)
        self.runs[run] = fact
        self.of_task.setdefault(label, []).append(fact)
        self.world.say("server", f"starts run {run} of <{label}> on {render}, start {number}")
        return True

    def _check_closed(self, farm: Farm, rows: Rows) -> None:
        """A result counts once, and only that of the run with the right to count (contract 1)."""
        for row in rows.upserts.get("runs", ()):
            run, status = row[0], row[11]
            fact = self.runs.get(run)
            task = fact.task if fact is not None else ""
            self.world.say("server", f"closes run {run} of <{task}>: status {status}, {row[15]}")
            if status == _END_LOST and fact is not None:
                self.world.mark("stale run")
                self._check_silence(fact)
                self._check_hold(farm, fact)
            elif status == RunEnd.KILLED and fact is not None:
                self._check_target(fact, rows)
            before = self.closed.get(run)
            if before is not None and before != row:
                self.world.fail("a run counts once", f"run {run}: {before[11]} then {status}", task)
            self.closed[run] = row
            if fact is None:
                continue
            opened = self.open.get(run)
            if opened is None:
                self.world.fail("only an open run can end", f"run {run}", task)
            elif before is None and not fact.current:
                self.world.fail("a run without the right to count counted", f"run {run}", task)
            fact.current = False
            if status in SUCCESSES and fact.reported not in SUCCESSES:
                self.world.fail(
                    "a success that no render reported", f"run {run}: {fact.reported}", task
                )

    def _check_target(self, fact: RunFact, rows: Rows) -> None:
        """A stopped task takes the state that was asked for, when its process is gone (R9)."""
        stopped = self.open.get(fact.run)
        if stopped is None or not stopped[9] or stopped[11]:
            return
        serial = int(fact.task.partition(".")[0])
        if self.promises.touched.get(serial) == self.world.now:
            return  # somebody else wants something else of it in the same batch
        state = next((row[2] for row in rows.upserts.get("tasks", ()) if row[0] == stopped[1]), -1)
        after = {Code.READY, Code.RUNNING, Code.WAITING, Code.ERROR}  # ERROR: no host is left (R13)
        if stopped[10] != Code.READY:
            after = {Code(stopped[10])}
        if state >= 0 and state not in after:
            self.world.fail(
                "a stop's target applies (R9)",
                f"run {fact.run}, {stopped[9]}: {Code(state).name}, not {Code(stopped[10]).name}",
                fact.task,
            )

    def _check_hold(self, farm: Farm, fact: RunFact) -> None:
        """``on_lost_render: hold``: no time-out gives the run up (R8)."""
        block, row = farm.blocks.get(fact.block_key), self.open.get(fact.run)
        if block is None or row is None or row[9] or block.spec.on_lost_render != "hold":
            return
        self.world.fail("a held run is not given up (R8)", f"run {fact.run}", fact.task)

    def _one_right_to_count(self) -> None:
        owner: dict[int, int] = {}
        for run, row in self.open.items():
            if row[8]:
                if row[1] in owner:
                    fact = self.runs[run]
                    self.world.fail(
                        "at most one run of a task has the right to count",
                        f"runs {owner[row[1]]} and {run}", fact.task,
                    )  # fmt: skip
                owner[row[1]] = run

    def _renders_deleted(self, rows: Rows) -> None:
        """A person deleted a render: whatever still runs there is nobody's any more."""
        gone = rows.deletes.get("renders", ())
        if gone:
            for fact in self.runs.values():
                if fact.render in gone:
                    fact.disowned = True

    def on_commit(self, rows: Rows) -> None:
        """A batch is on the disk."""
        for row in rows.upserts.get("open_runs", ()):
            self.opened_durable[row[0]] = None
        for row in rows.upserts.get("runs", ()):
            self.closed_durable[row[0]] = row
        self.errands.on_commit(rows)
        self.receiver.on_commit(rows)

    # ------------------------------------------------------------------------ what is told

    def on_told_render(self, name: str, box: list[ToRenderMessage]) -> None:
        """A message leaves for a render: what it says is on the disk (contract 2)."""
        for message in box:
            match message:
                case stream.Start(run, epoch):
                    if run not in self.opened_durable:
                        self._fail_run("a start is sent after its commit", run)
                    self._check_epoch(epoch, "a start")
                case stream.Stop(run, epoch, cause):
                    self._check_epoch(epoch, "a stop")
                    if cause not in STOPS:
                        self._fail_run(f"no limit, pool or farm file stops a run: {cause}", run)
                    self.world.say("server", f"stops run {run} on {name}: {cause}")
                    if cause == "it lost the right to count":
                        self.world.mark("stale run")
                case stream.Ack(runs):
                    for run in runs:
                        self._check_ack(name, run)
                case stream.Welcome():
                    self._check_welcome(name, message)
                case _:
                    pass

    def _check_ack(self, name: str, run: int) -> None:
        self.world.say("server", f"acknowledges run {run} to {name}")
        if self.server.disk.durable.get("open_runs", run) is not None:
            self._fail_run("a result is acknowledged after its commit", run)
        fact = self.runs.get(run)
        if fact is not None and run not in self.closed_durable and not fact.disowned:
            self._fail_run("an acknowledged result is never lost", run)

    def _check_welcome(self, name: str, welcome: stream.Welcome) -> None:
        self._check_epoch(welcome.epoch, "a welcome")
        farm, process = self.server.farm, self.server.process
        if not welcome.output_sizes or farm is None or process is None:
            return
        self.world.mark("adoption")
        for run_id, _ in welcome.output_sizes:
            run, command = farm.runs.get(run_id), self.live.get(run_id)
            if run is None or command is None or not command.running:
                continue
            fact = self.runs[run_id]
            self.world.say("server", f"adopts run {run_id} of <{fact.task}> on {name}")
            age = self.world.now - command.folder.began_at
            believed = run.elapsed_at(process.time())
            if abs(age - believed) > AGE_ERROR_S + self.server.stalled_s:
                self.world.fail(
                    "adoption keeps the run's time",
                    f"run {run_id} is {age:.1f} s old, believed {believed:.1f} s", fact.task,
                )  # fmt: skip

    def _check_epoch(self, epoch: int, what: str) -> None:
        if epoch != self.server.disk.epoch:
            self.world.fail("the epoch in force", f"{what} of {epoch}: {self.server.disk.epoch}")

    def _fail_run(self, check: str, run: int) -> None:
        fact = self.runs.get(run)
        self.world.fail(check, f"run {run}", fact.task if fact is not None else "")

    # -------------------------------------------------------------------------- the server

    def on_serving(self, farm: Farm) -> None:
        """A server took over: epochs rise, and everything that was told is there."""
        if farm.epoch <= self._epoch:
            self.world.fail("epochs rise", f"{farm.epoch} after {self._epoch}")
        self._epoch = farm.epoch
        self.serving_at = self.world.now
        self.open = {row[0]: row for row in self.server.disk.durable.rows().get("open_runs", ())}
        self.closed = dict(self.closed_durable)
        for run, fact in self.runs.items():
            row = self.open.get(run)
            fact.current = row is not None and bool(row[8])
            fact.lost_by_rule = fact.lost_by_rule and not fact.current
        for run in self.open:
            if run not in farm.runs and not self.runs[run].disowned:
                self._fail_run("an open run survives", run)
        self.recount(farm)
        self.promises.check_kept(farm)

    def on_server_died(self) -> None:
        """Its memory is gone."""

    # -------------------------------------------------------------------------- the renders

    def on_began(self, command: Command) -> None:
        """A command begins: no other process of its task lives (contract 3)."""
        folder = command.folder
        run = command.run
        self._behaviours[run] = command.does
        self.live[run] = command
        self.world.say(command.host.name, f"run {run} of <{folder.task}> begins")
        self.check_alone(self.runs[run])
        self.errands.on_began(folder)

    def check_alone(self, fact: RunFact) -> None:
        """No process of another run of the task lives, unless that run was lost by the rule."""
        for other in self.of_task[fact.task]:
            if other is fact or other.run not in self.live or fact.run not in self.live:
                continue
            older, newer = (fact, other) if fact.run < other.run else (other, fact)
            if not (older.lost_by_rule or older.disowned):
                self.world.fail(
                    "two processes of one task overlap only after the time-out",
                    f"run {older.run} on {older.render} and run {newer.run} on {newer.render}",
                    fact.task,
                )

    def _check_silence(self, fact: RunFact) -> None:
        """A run is given up when its render was silent for the reconnect time-out, not before."""
        since = max(self.network.heard_at.get(fact.render, 0.0), self.server.serving_since())
        silent = self.world.now - since
        if silent < RECONNECT_S - 0.5:
            self.world.fail(
                "a run is lost only after the reconnect time-out (R6)",
                f"run {fact.run}: {fact.render} was silent for {silent:.1f} s", fact.task,
            )  # fmt: skip
        fact.lost_by_rule = True

    def on_gone(self, command: Command) -> None:
        """No process of the run is left."""
        self.live.pop(command.run, None)
        self.frames_of[command.run] = command.frames_done()

    def on_power(self, host: Host, what: str) -> None:
        """A host was told to sleep, reboot or shut down."""
        self.world.mark(what)
        for command in host.commands.values():
            if what == "sleep" and command.alive:
                self.world.fail(
                    "a host that runs something does not sleep (SEMANTICS 8.5)",
                    f"{host.name} runs {command.run}", command.folder.task,
                )  # fmt: skip

    def on_released(self, folder: Folder, host: Host) -> None:
        """An agent forgets a run: nothing of it may live (contract 3), its result is safe (2)."""
        run = folder.start.run
        if run in self.live:
            self.world.fail(
                "a run is over when no process of it is left",
                f"{host.name} forgets run {run}", folder.task,
            )  # fmt: skip

    def on_result_sent(self, host: Host, folder: Folder, result: stream.Finished) -> None:
        """A result is told."""
        run = folder.start.run
        if run in self.live:
            self.world.fail(
                "a run has ended when no process of it is left (R42)",
                f"{host.name} tells the result of run {run}", folder.task,
            )  # fmt: skip
        self.runs[run].reported = result.status
        self.errands.on_ended(folder, result.status)

    def on_order(self, host: Host, epoch: int) -> None:
        """A start or a stop reached a render."""
        if epoch < host.epoch:
            self.world.fail("orders of a lower epoch", f"{host.name}: {epoch} < {host.epoch}")

    def on_epoch_kept(self, host: Host, farm_id: str, epoch: int) -> None:
        """A render remembers the epoch it serves."""
        if farm_id == host.farm_id and epoch < host.epoch:
            self.world.fail("epochs never go back", f"{host.name}: {host.epoch} then {epoch}")
