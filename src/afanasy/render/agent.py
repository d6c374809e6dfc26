"""The agent: joins the pure core of the runs with processes, files and the link to the server.

**Theory.** Everything that happens becomes an event for :class:`afanasy.render.core.RenderCore`;
each effect that comes back has one method here (:meth:`Agent.tell`). Events that arise while
effects are carried out wait in a queue, so the core is never entered twice.

Its parts: :mod:`~afanasy.render.launcher` starts runs, :mod:`~afanasy.render.follower` reads their
output, :mod:`~afanasy.render.ender` ends their processes, :mod:`~afanasy.render.results` writes.
On an idle host there is the ping and a look at the host every 5 s, which reports its resources as
often as the server wants them, and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec

from afanasy import __version__
from afanasy.model.clock import read_clocks
from afanasy.model.states import RunEnd
from afanasy.render import events as ev
from afanasy.render.connection import Connection, Received
from afanasy.render.core import RenderCore
from afanasy.render.ender import Ender
from afanasy.render.follower import Follower
from afanasy.render.launch import launch
from afanasy.render.launcher import Launcher
from afanasy.render.live_run import LiveRun
from afanasy.render.options import Options, os_tokens
from afanasy.render.plugin_host import TaskHost
from afanasy.render.posts import kill_all, run_posts
from afanasy.render.process_posix import (
    WRAPPER_REFUSED,
    boot_id,
    has_ended,
    open_end,
    reap,
)
from afanasy.render.resources import Sampler, has_gpu_tool
from afanasy.render.restore import command_ended, restore
from afanasy.render.results import Results
from afanasy.render.rundir import RunFolders
from afanasy.wire.stream import (
    LATER,
    PROTOCOL_VERSION,
    Bye,
    Hello,
    Pace,
    Ping,
    Resources,
)

#: After the goodbye, how long the server has to take it.
BYE_TIMEOUT_S: Final = 2.0
GPU_PERIOD_S: Final = 15.0
#: Left-over processes are looked for at least so often, however seldom resources are reported.
LOOK_PERIOD_S: Final = 5.0

log = logging.getLogger("afrender")


class Agent:
    """One render. Make it inside a running loop, then :meth:`run`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._core = RenderCore()
        self._boot_id = boot_id()
        self._folders = RunFolders(options.data, options.instance)
        self._runs: dict[int, LiveRun] = {}
        self._results = Results(self._folders, lambda runs: self.tell(ev.Stored(runs)))
        self._ender = Ender(
            self._runs,
            lambda run, names: self.tell(ev.LeftOver(run, names)),
            lambda run: self.tell(ev.Emptied(run)),
        )
        self._connection = Connection(
            options.servers, self._hello, self._take, self._lost, options.instance
        )
        self._sampler = Sampler(
            self._loop.time,
            hdd_path=options.hdd_path,
            networks=options.networks,
            macs=options.macs,
        )
        self._launcher = Launcher(
            options,
            self._folders,
            self._runs,
            self._ender,
            tell=self.tell,
            stop_cause=lambda run: self._core.runs[run].stop_cause,
            watch=self._watch,
            in_background=self._in_background,
        )
        self._follower = Follower(
            self._ender,
            self._connection,
            nice=options.nice,
            tell=self.tell,
            began=lambda run: self._core.runs[run].began,
        )
        self._events: deque[ev.Event] = deque()
        self._telling = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        self._resources_timer: asyncio.TimerHandle | None = None
        self._resources_period_s = 5.0
        self._reported_at = 0.0
        self._gpu_at = 0.0
        self._exit: asyncio.Future[str] = self._loop.create_future()
        self._acts: dict[type, Callable[[Any], None]] = {
            ev.Launch: self._launcher.launch,
            ev.Terminate: self._terminate,
            ev.Look: lambda effect: self._ender.look(effect.run),
            ev.EndLeftOvers: lambda effect: self._ender.end_left_overs(effect.run),
            ev.Kill: lambda effect: self._ender.kill(effect.run),
            ev.ReadOut: self._read_out,
            ev.CheckFiles: self._check_files,
            ev.RunPosts: self._run_posts,
            ev.Store: self._store,
            ev.SendResult: self._send_result,
            ev.Send: lambda effect: self._connection.send(effect.message),
            ev.HasOutput: lambda effect: self._runs[effect.run].tail.server_has(effect.size),
            ev.Forget: self._forget,
            ev.KeepFarm: self._keep_farm,
            ev.Registered: self._registered,
            ev.CloseLink: lambda effect: self._connection.close(effect.why),
            ev.Note: lambda effect: log.warning("%s", effect.text),
            ev.Restart: self._restart,
            ev.Execute: self._execute,
            ev.Exit: lambda effect: self._exit.set_result(effect.reason),
        }

    # --------------------------------------------------------------------------- the core

    def tell(self, event: ev.Event) -> None:
        """Give an event to the core and carry out what it answers."""
        self._events.append(event)
        if self._telling:
            return
        self._telling = True
        try:
            while self._events:
                for effect in self._core.apply(self._events.popleft(), self._loop.time()):
                    self._acts[type(effect)](effect)
        finally:
            self._telling = False
        self._arm_deadline()

    def _arm_deadline(self) -> None:
        deadline = self._core.deadline()
        if deadline == self._deadline:
            return
        if self._deadline_timer is not None:
            self._deadline_timer.cancel()
            self._deadline_timer = None
        self._deadline = deadline
        if deadline is not None:
            self._deadline_timer = self._loop.call_at(deadline, self._deadline_came)

    def _deadline_came(self) -> None:
        self._deadline = self._deadline_timer = None
        self.tell(ev.Clock())

    async def run(self) -> str:
        """Serve until there is a reason to exit; the reason."""
        self._restore()
        if self._options.drain:
            self.tell(ev.DrainWanted())
        if has_gpu_tool():
            await asyncio.to_thread(self._sampler.read_gpu)
        keeping = self._loop.create_task(self._connection.keep())
        try:
            await asyncio.wait([keeping, self._exit], return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                keeping.result()  # it never ends by itself: this raises what broke it
            reason = self._exit.result()
            self._connection.send(Bye(reason))
            await self._connection.finish(BYE_TIMEOUT_S)
            return reason
        finally:
            keeping.cancel()
            self._close()

    def leave(self) -> None:
        """Stop the tasks, say goodbye, exit; the second time without the 10 s (R11)."""
        log.info("stopping%s", " at once" if self._core.leaving else "")
        self.tell(ev.Leave(urgent=self._core.leaving))

    def drain(self) -> None:
        """Take no new work and exit when idle."""
        log.info("draining: no new work")
        self.tell(ev.DrainWanted())

    def hand_over(self) -> None:
        """Prepare for the re-execution of this process: tasks go on and are adopted."""
        self._results.close()
        self._close()

    @property
    def draining(self) -> bool:
        """No new work is wanted."""
        return self._core.draining

    async def forget_all(self) -> int:
        """Kill and drop all runs of the data folder (``--forget``); how many there were."""
        found = restore(self._folders, self._boot_id, read_clocks())
        for one in found:
            self._runs[one.live.run] = one.live
            if one.fact.result is None:
                await kill_all(one.live.run, self._ender)
            del self._runs[one.live.run]
            one.live.close()
            self._folders.release(one.live.run)
        self._options.farm_id, self._options.epoch = "", 0
        self._options.keep_farm("", 0)
        return len(found)

    def _close(self) -> None:
        self._follower.close()
        timers = (self._deadline_timer, self._resources_timer)
        for timer in timers:
            if timer is not None:
                timer.cancel()
        for live in self._runs.values():
            self._unwatch(live)
            live.close()
        self._results.close()

    # --------------------------------------------------------------------------- the link

    def _hello(self) -> Hello:
        options = self._options
        farm_id, epoch = self._core.farm_of_runs()
        held = self._core.held(self._loop.time())
        for one in held:
            tail = self._runs[one.run].tail
            tail.look()
            one.output_size = tail.total
        return Hello(
            PROTOCOL_VERSION, options.name, options.instance, self._boot_id, options.user_name,
            __version__, os_tokens(), options.time_launch, farm_id, epoch,
            options.capacity, options.max_tasks, held, self._sampler.sample(),
            options.token, options.nimby, list(LATER), self._core.draining,
        )  # fmt: skip

    def _take(self, messages: Received) -> None:
        for message in messages:
            if isinstance(message, ev.Welcome):
                self.tell(ev.Linked(message))
            elif not self._core.linked or isinstance(message, Ping):
                continue  # of a server that we refused
            elif isinstance(message, ev.Stop):
                self._end_before_stop(message.run)
                self.tell(message)
            elif isinstance(message, (ev.Start, ev.Block, ev.Ack, ev.Instruct)):
                self.tell(message)
            elif isinstance(message, Pace):
                self._set_pace(message.resources_period_s, message.progress_period_s)

    def _restart(self, _effect: ev.Restart) -> None:
        self._loop.call_soon(self._options.restart)

    def _execute(self, effect: ev.Execute) -> None:
        command = effect.command or self._options.commands.get(effect.what, "")
        log.warning("the server wants %s: %s", effect.what, command or "no command is set for it")
        if command:
            launch(command, self._options.environment)

    def _keep_farm(self, effect: ev.KeepFarm) -> None:
        try:
            self._options.keep_farm(effect.farm_id, effect.epoch)
        except OSError as error:  # a full disk: known until the next start of the agent
            log.error("the farm's epoch cannot be stored: %s", error)

    def _lost(self) -> None:
        if self._resources_timer is not None:
            self._resources_timer.cancel()
            self._resources_timer = None
        self.tell(ev.Unlinked())

    def _registered(self, effect: ev.Registered) -> None:
        welcome = effect.welcome
        self._reported_at = self._loop.time()  # with the hello
        self._set_pace(welcome.resources_period_s, welcome.progress_period_s)
        for live in self._runs.values():
            live.tell_again()
        self._options.nimby = ""  # asked for at the start; later it is the server's to know
        self._options.on_registered(self._connection.address)

    def _set_pace(self, resources_period_s: float, progress_period_s: float) -> None:
        """How often the server wants to hear of the host and of the tasks."""
        self._resources_period_s = max(0.1, resources_period_s)
        self._follower.progress_period_s = progress_period_s
        self._arm_resources()

    def _arm_resources(self) -> None:
        if self._resources_timer is not None:
            self._resources_timer.cancel()
        due = self._reported_at + self._resources_period_s
        look = self._loop.time() + LOOK_PERIOD_S
        self._resources_timer = (
            self._loop.call_at(due, self._report)
            if due <= look
            else self._loop.call_at(look, self._look_at_host)
        )

    def _report(self) -> None:
        self._reported_at = self._loop.time()
        self._connection.send(Resources(self._sampler.sample()))
        if has_gpu_tool() and self._loop.time() >= self._gpu_at:
            self._gpu_at = self._loop.time() + GPU_PERIOD_S
            self._results.in_slow_thread(self._sampler.read_gpu, lambda: None)
        self._look_at_host()

    def _look_at_host(self) -> None:
        self._ender.end_strays()
        self._arm_resources()

    # ---------------------------------------------------------------------------- running

    def _restore(self) -> None:
        options = self._options
        found = restore(self._folders, self._boot_id, read_clocks())
        for one in found:
            live = one.live
            self._runs[live.run] = live
            if one.fact.result is None:
                live.host = TaskHost(
                    live.start, live.block, live.folder, options.name, options.plugins
                )
        self.tell(ev.Restored([one.fact for one in found], options.farm_id, options.epoch))
        for one in found:
            live = one.live
            if one.fact.result is None and one.fact.ended is None:
                self._ender.go_on(live)
                pidfd = open_end(live.pid)
                if pidfd is None:
                    self._command_over(live)
                else:
                    self._watch(live, pidfd)
        self._results.delete_later()

    def _watch(self, live: LiveRun, pidfd: int) -> None:
        live.pidfd = pidfd
        self._loop.add_reader(pidfd, self._command_over, live)
        self._follower.follow(live)

    def _unwatch(self, live: LiveRun) -> None:
        if live.pidfd >= 0:
            self._loop.remove_reader(live.pidfd)
            os.close(live.pidfd)
            live.pidfd = -1

    # ------------------------------------------------------------------------------- end

    def _terminate(self, effect: ev.Terminate) -> None:
        try:
            self._folders.write_stopping(effect.run, effect.by, effect.verdict, effect.cause)
        except OSError as error:
            log.error("run %d: the cause of its stop cannot be written: %s", effect.run, error)
        self._ender.terminate(effect.run)

    def _end_before_stop(self, run: int) -> None:
        """A stop must not hide a result that is there already."""
        live = self._runs.get(run)
        if live is not None and live.pidfd >= 0 and has_ended(live.pidfd):
            self._command_over(live)

    def _command_over(self, live: LiveRun) -> None:
        self._unwatch(live)
        reaped = reap(live.pid)
        self._ender.wrappers.discard(live.pid)
        exit_file = self._folders.rc(live.run)
        refused = exit_file is None and reaped is not None and reaped[0] == WRAPPER_REFUSED
        if refused and self._folders.pid(live.run) is None:
            self._follower.leave(live.run)
            line = f"the run folder cannot be written: {live.text_end().strip()}"
            self.tell(ev.NotBegun(live.run, RunEnd.FAILED_TO_START, [line], "storage"))
            return
        self.tell(command_ended(self._folders, live, exit_file, reaped))

    def _read_out(self, effect: ev.ReadOut) -> None:
        self._follower.read_to_end(self._runs[effect.run], effect.status)

    def _check_files(self, effect: ev.CheckFiles) -> None:
        self._in_background(self._check(self._runs[effect.run]))

    async def _check(self, live: LiveRun) -> None:
        assert live.host is not None, f"run {live.run} is checked without plug-ins"
        why = await asyncio.to_thread(live.host.check_files)
        self.tell(ev.FilesChecked(live.run, why, live.host.late_lines()))

    def _run_posts(self, effect: ev.RunPosts) -> None:
        live = self._runs[effect.run]
        assert live.host is not None, f"run {live.run} has posts without plug-ins"
        commands = live.host.post_commands()
        if commands:
            self._in_background(self._post(live, live.host, commands))
        else:
            self.tell(ev.PostsEnded(live.run, "", live.host.late_lines()))

    async def _post(self, live: LiveRun, host: TaskHost, commands: list[str]) -> None:
        options = self._options
        wanted = live.spawned or host.to_spawn(options.environment, live.tag)
        assert wanted is not None, f"run {live.run} ended and now cannot start"
        live.parsing, live.read_status = False, None
        self._follower.follow(live)
        try:
            why = await run_posts(
                live, commands, wanted.directory, wanted.environment, self._ender,
                nice=options.nice, limit_s=options.post_limit_s,
            )  # fmt: skip
        finally:
            self._follower.leave(live.run)
        self.tell(ev.PostsEnded(live.run, why, host.late_lines()))

    def _store(self, effect: ev.Store) -> None:
        result = effect.result
        live = self._runs.get(result.run)
        if live is not None:
            live.tail.look()
            result.output_size = live.tail.total
        self._results.store(result)

    def _send_result(self, effect: ev.SendResult) -> None:
        live = self._runs.get(effect.result.run)
        if live is None:
            self._connection.send(effect.result)
            return
        *pieces, last = live.rest()
        for piece in pieces:
            self._connection.send(piece)
        self._connection.send(
            msgspec.structs.replace(
                effect.result,
                output=last.data,
                output_offset=last.offset,
                output_size=live.tail.total,
            )
        )
        live.tail.close()

    def _forget(self, effect: ev.Forget) -> None:
        live = self._runs.pop(effect.run, None)
        self._follower.leave(effect.run)
        if live is not None:
            self._unwatch(live)
            live.close()
        self._folders.release(effect.run)
        self._results.delete_later()

    def _in_background(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._background_done)

    def _background_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("background work failed", exc_info=task.exception())
