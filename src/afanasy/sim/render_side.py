"""The agent on a simulated host: the real core and the real link, joined with fake processes.

:class:`SimAgent` is :class:`afanasy.render.agent.Agent` with :mod:`afanasy.sim.host` in the place
of files and processes: the same events, the same method for each effect, the same table of what a
starting agent makes of the folders it finds (:mod:`afanasy.render.restore`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from afanasy.model.states import RunEnd
from afanasy.render import events as ev
from afanasy.render.connection import Connection, Received
from afanasy.render.core import Phase, RenderCore
from afanasy.sim import memory
from afanasy.sim.host import Command, Folder, Host
from afanasy.sim.network import SERVER, STREAM_PORT
from afanasy.sim.process_loop import ProcessLoop
from afanasy.wire.stream import (
    PROTOCOL_VERSION,
    Bye,
    Hello,
    Output,
    Ping,
    Progress,
    Resources,
    RunProgress,
)

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety

#: Rarer than in real life, to see more in the same time.
PROGRESS_PERIOD_S: Final = 4.0
BYE_TIMEOUT_S: Final = 2.0
LEFT_POLL_S: Final = 0.5


class SimAgent:
    """One process of ``afrender``."""

    def __init__(self, host: Host, safety: Safety) -> None:
        self.host = host
        self.world = host.world
        self._safety = safety
        self.process = ProcessLoop(host.world, f"afrender {host.name}", host.name, host.network)
        self.core = RenderCore()
        self._events: deque[ev.Event] = deque()
        self._telling = False
        self._deadline: float | None = None
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._second: asyncio.TimerHandle | None = None
        self._report_timer: asyncio.TimerHandle | None = None
        self._report_period_s = 30.0
        self._sent: dict[int, int] = {}
        self._left: dict[int, None] = {}
        self._exiting = False
        host.agent = self
        seed = f"{host.name} {host.world.random.random()}"
        self._connection = self.process.enter(
            lambda: Connection([(SERVER, STREAM_PORT)], self._hello, self._take, self._lost, seed)
        )
        self._acts: dict[type, Callable[[Any], object]] = {
            ev.Launch: lambda e: self.process.call_soon(self._launch, e),
            ev.Terminate: self._terminate,
            ev.Look: lambda e: self._later(0.02, self._look, e.run),
            ev.EndLeftOvers: self._end_left_overs,
            ev.Kill: self._kill,
            ev.ReadOut: lambda e: self._later(0.03, self._read_out, e),
            ev.CheckFiles: lambda e: self._later(0.5, self._check_files, e.run),
            ev.RunPosts: lambda e: self._later(0.01, self._run_posts, e.run),
            ev.Store: self._store,
            ev.SendResult: self._send_result,
            ev.Send: lambda e: self._connection.send(e.message),
            ev.HasOutput: self._has_output,
            ev.Forget: self._forget,
            ev.KeepFarm: self._keep_farm,
            ev.Registered: self._registered,
            ev.CloseLink: lambda e: self._connection.close(e.why),
            ev.Note: lambda e: self.world.say(host.name, e.text),
            ev.Exit: self._exit,
            ev.Execute: self._execute,
            ev.Restart: lambda e: self.world.after(0.0, None, self._hand_over),
        }
        self.process.enter(self._begin)

    # ---------------------------------------------------------------------------- the core

    def tell(self, event: ev.Event) -> None:
        """Give an event to the core and carry out what it answers."""
        self._events.append(event)
        if self._telling:
            return
        self._telling = True
        try:
            while self._events:
                for effect in self.core.apply(self._events.popleft(), self.process.time()):
                    self._acts[type(effect)](effect)
        finally:
            self._telling = False
        deadline = self.core.deadline()
        if deadline != self._deadline:
            if self._deadline_timer is not None:
                self._deadline_timer.cancel()
            self._deadline = deadline
            self._deadline_timer = (
                None if deadline is None else self.process.call_at(deadline, self._deadline_came)
            )

    def _deadline_came(self) -> None:
        self._deadline = self._deadline_timer = None
        self.tell(ev.Clock())

    def _later(self, about_s: float, call: Callable[..., None], *args: Any) -> None:
        slow = 20.0 if self.host.slow_disk else 1.0
        self.process.call_later(self.world.between(0.2, 1.0) * about_s * slow, call, *args)

    # ---------------------------------------------------------------------- begin and end

    def _begin(self) -> None:
        host = self.host
        self.world.say(host.name, f"afrender starts, {len(host.folders)} run folders")
        facts = [self._found(folder) for folder in list(host.folders.values())]
        held = [fact for fact in facts if fact is not None]
        self.tell(ev.Restored(held, host.farm_id, host.epoch))
        for fact in held:
            command = host.commands.get(fact.run)
            if fact.result is None and fact.ended is None and (command is None or command.ended):
                self._command_over(host.folders[fact.run])
        keeping = self.process.create_task(self._connection.keep())
        keeping.add_done_callback(self._keeping_ended)
        self._arm_second()

    def _keeping_ended(self, keeping: asyncio.Task[None]) -> None:
        """It never ends by itself: whatever broke it would end the agent."""
        error = None if keeping.cancelled() else keeping.exception()
        if isinstance(error, Exception):
            self.world.crashed(self.process.name, error)

    def _found(self, folder: Folder) -> ev.HeldFolder | None:
        """The table of :mod:`afanasy.render.restore`."""
        host, run = self.host, folder.start.run
        if folder.result is not None:
            return ev.HeldFolder(run, folder.result.elapsed_s, result=folder.result)
        if not folder.pid_boot:
            folder.claimed = True
            self._release(folder, "never began")
            return None
        same_boot = folder.pid_boot == host.boot_id
        if folder.rc is None and not same_boot:
            self._release(folder, "was lost when the host went down")
            return None
        command = host.commands.get(run)
        alive = command is not None and not command.ended
        elapsed = self.world.now - folder.began_at if same_boot else 0.0
        fact = ev.HeldFolder(run, max(0.0, elapsed))
        if folder.stopping is not None:
            fact.stop_by, fact.stop_cause, fact.verdict = folder.stopping
        if not alive:
            fact.ended = self._ended(folder)
        self._say(folder, "is adopted" if alive else "ended while no agent was there")
        return fact

    def _release(self, folder: Folder, why: str) -> None:
        self._say(folder, why)
        del self.host.folders[folder.start.run]
        self._safety.on_released(folder, self.host)

    def leave(self) -> None:
        """SIGTERM; the second time at once."""
        self.process.enter(self.tell, ev.Leave(urgent=self.core.leaving))

    def drain(self) -> None:
        """Take no new work and exit when idle."""
        self.process.enter(self.tell, ev.DrainWanted())

    def kill(self) -> None:
        """kill -9 of the agent; commands go on."""
        self.host.agent = None
        self.process.kill()

    def _exit(self, effect: ev.Exit) -> None:
        if not self._exiting:
            self._exiting = True
            self.process.create_task(self._bye(effect.reason))

    def _execute(self, effect: ev.Execute) -> None:
        """The host itself is told something (SEMANTICS 8.5)."""
        host = self.host
        self.world.say(host.name, f"is told to {effect.what}")
        if effect.what in ("sleep", "shutdown", "reboot"):
            self._safety.on_power(host, effect.what)
            delay = self.world.between(0.2, 3.0)
            self.world.after(delay, None, host.obey, effect.what, self._safety)

    def _hand_over(self) -> None:
        """The program begins again under the same processes (R11)."""
        if self.process.alive:
            self.kill()
            SimAgent(self.host, self._safety)

    async def _bye(self, reason: str) -> None:
        self._connection.send(Bye(reason))
        await self._connection.finish(BYE_TIMEOUT_S)
        self.world.say(self.host.name, f"afrender exits: {reason}")
        self.world.after(0.0, self.process, self.kill)

    # ------------------------------------------------------------------------------ the link

    def _hello(self) -> Hello:
        host, core = self.host, self.core
        farm_id, epoch = core.farm_of_runs()
        held = core.held(self.process.time())
        for one in held:
            folder = host.folders.get(one.run)
            one.output_size = folder.out_size if folder is not None else 0
        return Hello(
            PROTOCOL_VERSION, host.name, f"instance of {host.name}", host.boot_id, "artist",
            "sim", host.machine.os, 0, farm_id, epoch, host.capacity, host.max_tasks, held,
            self._resources(), nimby=host.nimby, draining=core.draining,
        )  # fmt: skip

    def _take(self, messages: Received) -> None:
        for message in messages:
            if isinstance(message, ev.Welcome):
                self.tell(ev.Linked(message))
            elif not self.core.linked or isinstance(message, Ping):
                continue  # of a server that we refused
            elif isinstance(message, ev.Stop):
                self.world.say(self.host.name, f"is told to stop {message.run}: {message.cause}")
                self._safety.on_order(self.host, message.epoch)
                self.tell(message)
            elif isinstance(message, ev.Start):
                self._safety.on_order(self.host, message.epoch)
                self.tell(message)
            elif isinstance(message, ev.Block | ev.Ack | ev.Instruct):
                self.tell(message)

    def _lost(self) -> None:
        if self._report_timer is not None:
            self._report_timer.cancel()
            self._report_timer = None
        self.tell(ev.Unlinked())

    def _registered(self, effect: ev.Registered) -> None:
        self.world.say(self.host.name, f"is registered, epoch {effect.welcome.epoch}")
        self._report_period_s = effect.welcome.resources_period_s
        self._arm_report()
        self.host.nimby = ""

    def _arm_report(self) -> None:
        self._report_timer = self.process.call_later(self._report_period_s, self._report)

    def _report(self) -> None:
        self._connection.send(Resources(self._resources()))
        self._arm_report()

    def _resources(self) -> dict[str, object]:
        busy = bool(self.host.commands)
        card = {"name": "eth0", "mac": self.host.mac}
        idle = 10 if busy else 95
        return {**memory.report(self.host), "cpu_idle": idle, "netifs": [card]}

    def _keep_farm(self, effect: ev.KeepFarm) -> None:
        self._safety.on_epoch_kept(self.host, effect.farm_id, effect.epoch)
        self.host.farm_id, self.host.epoch = effect.farm_id, effect.epoch

    # ------------------------------------------------------------------------------- running

    def _launch(self, effect: ev.Launch) -> None:
        start, host = effect.start, self.host
        folder = Folder(start, effect.block)
        cause = self.core.runs[start.run].stop_cause
        if cause:
            host.folders[start.run] = folder
            self.tell(ev.NotBegun(start.run, RunEnd.KILLED, [f"stopped: {cause}"]))
            return
        host.folders[start.run] = folder
        if self.world.faulty and self.world.chance(0.005):
            self._say(folder, "cannot start")
            log = ["the run folder cannot be made"]
            self.tell(ev.NotBegun(start.run, RunEnd.FAILED_TO_START, log, "storage"))
            return
        host.spawn(folder, self._safety)
        self.tell(ev.Began(start.run))

    def _say(self, folder: Folder, what: str) -> None:
        self.world.say(self.host.name, f"run {folder.start.run} of <{folder.task}> {what}")

    def _arm_second(self) -> None:
        self._second = self.process.call_later(PROGRESS_PERIOD_S, self._look_at_runs)

    def _look_at_runs(self) -> None:
        items: list[RunProgress] = []
        now = self.process.time()
        for run in self.core.runs.values():
            command = self.host.commands.get(run.run)
            if run.phase is not Phase.RUNNING or command is None or not command.running:
                continue
            elapsed = now - run.began
            percent = min(99, int(100 * elapsed / max(0.1, command.does.seconds)))
            frames = command.frames_done()
            used = memory.memory_of(command)
            items.append(
                RunProgress(run.run, percent, frames, percent, elapsed, 0.0, memory_mb=used)
            )
            folder = command.folder
            folder.out_size = min(command.does.output, folder.out_size + 20)
            verdict = command.does.verdict
            if verdict and percent > 50:
                self.tell(ev.Verdict(run.run, RunEnd(verdict), "a line of the output"))
            self._send_output(folder)
        if items and self._connection.registered:
            self._connection.send(Progress(items))
        self._arm_second()

    def _send_output(self, folder: Folder) -> None:
        run = folder.start.run
        sent = self._sent.get(run, 0)
        if sent < folder.out_size and self._connection.writable:
            self._connection.send(Output(run, sent, b"x" * (folder.out_size - sent)))
            self._sent[run] = folder.out_size

    def _has_output(self, effect: ev.HasOutput) -> None:
        self._sent[effect.run] = effect.size

    # ----------------------------------------------------------------------------------- end

    def on_command_over(self, command: Command) -> None:
        """The wrapper of a run ended: the kernel tells us, a little later."""
        self.process.call_later(self.world.between(0, 0.005), self._command_over, command.folder)

    def _command_over(self, folder: Folder) -> None:
        run = self.core.runs.get(folder.start.run)
        if run is not None and run.ended is None and run.phase is not Phase.HELD:
            self.tell(self._ended(folder))

    def _ended(self, folder: Folder) -> ev.CommandEnded:
        self._say(folder, f"ended with status {folder.rc}")
        elapsed = max(0.0, folder.ended_at - folder.began_at)
        if folder.rc is None:
            return ev.CommandEnded(folder.start.run, -1, 9, elapsed)
        return ev.CommandEnded(folder.start.run, folder.rc, 0, elapsed)

    def _terminate(self, effect: ev.Terminate) -> None:
        folder = self.host.folders[effect.run]
        folder.stopping = (effect.by, effect.cause, effect.verdict)
        self._say(folder, f"is stopped by the {effect.by}: {effect.cause}")
        command = self.host.commands.get(effect.run)
        if command is not None:
            self.host.terminate(command, self._safety)

    def _look(self, run: int) -> None:
        command = self.host.commands.get(run)
        if command is not None and command.alive:
            self.tell(ev.LeftOver(run, ["daemon (77)"]))
        else:
            self.tell(ev.Emptied(run))

    def _end_left_overs(self, effect: ev.EndLeftOvers) -> None:
        command = self.host.commands.get(effect.run)
        if command is not None:
            self.host.terminate(command, self._safety)
        self._left[effect.run] = None
        self._wait_until_empty(effect.run)

    def _kill(self, effect: ev.Kill) -> None:
        command = self.host.commands.get(effect.run)
        if command is not None:
            self.host.kill(command, self._safety)
        self._left[effect.run] = None
        self._later(0.1, self._wait_until_empty, effect.run)

    def _wait_until_empty(self, run: int) -> None:
        if run not in self._left or run not in self.core.runs:
            return
        command = self.host.commands.get(run)
        if command is not None and (command.alive or not command.ended):
            self._later(LEFT_POLL_S, self._wait_until_empty, run)
            return
        del self._left[run]
        self.tell(ev.Emptied(run))

    def _read_out(self, effect: ev.ReadOut) -> None:
        folder = self.host.folders[effect.run]
        run = self.core.runs.get(effect.run)
        if run is None:
            return
        error_class = ""
        does = self._safety.behaviour_of(effect.run)
        if effect.status and does is not None:
            error_class = does.error_class
        self.tell(
            ev.OutputRead(
                effect.run, effect.status == 0, error_class=error_class,
                check_files=does is not None and does.check_files,
                log=[f"read {folder.out_size} bytes"],
                memory_peak_mb=does.load.memory_mb if does is not None else -1,
            )
        )  # fmt: skip

    def _check_files(self, run: int) -> None:
        self.tell(ev.FilesChecked(run, ""))

    def _run_posts(self, run: int) -> None:
        self.tell(ev.PostsEnded(run, ""))

    def _store(self, effect: ev.Store) -> None:
        self._later(0.01, self._stored, effect.result)

    def _stored(self, result: Any) -> None:
        folder = self.host.folders.get(result.run)
        if folder is not None and result.run in self.core.runs:
            folder.result = result
            self._say(folder, f"has a result: {result.status} {result.error_class}")
            self.tell(ev.Stored([result.run]))

    def _send_result(self, effect: ev.SendResult) -> None:
        result = effect.result
        folder = self.host.folders[result.run]
        sent = self._sent.get(result.run, 0)
        size = folder.out_size
        self._safety.on_result_sent(self.host, folder, result)
        self._connection.send(
            replace(result, output=b"x" * (size - sent), output_offset=sent, output_size=size)
        )

    def _forget(self, effect: ev.Forget) -> None:
        folder = self.host.folders.pop(effect.run, None)
        self._sent.pop(effect.run, None)
        self._left.pop(effect.run, None)
        if folder is not None:
            self._safety.on_released(folder, self.host)
