"""The runs of one render: a pure state machine (DESIGN 2, the run contract).

**Theory.** A run is known from its Start until the server's Ack. It passes these phases:

    STARTING → RUNNING → EMPTYING → READING → [CHECKING → POST] → STORING → HELD
        └──────────────── NotBegun ──────────────────────────────────↗

* RUNNING: the command runs under its wrapper; a stop does not change the phase, it adds a cause.
* EMPTYING: the command ended. The run has not, before no process of it is left (R42).
* READING: the rest of the output is parsed, so that the verdict on the last line counts.
* CHECKING, POST: only after a success.
* STORING: the result is on its way to the disk. It is told to nobody before it is there.
* HELD: the result is told after every reconnect until the server confirms its commit.

**Stops.** Who wanted a stop decides what it means: the ``server`` (the run is reported as killed),
the ``parser`` (its verdict is reported), the ``agent`` that exits (nothing is reported: the goodbye
gives the tasks back, R11). The first one wins. A stop begins with TERM; ten seconds later comes the
kill. A stop that finds the command ended changes nothing: the result of the command is the result.

**Epochs.** The render remembers the highest epoch of the farm it served. A server, a Start or a
Stop with a lower one is out of office and is refused. Another farm is refused while runs are held
(R2).

:meth:`RenderCore.apply` takes one event and a monotonic time and returns effects, in order. Nothing
here reads a clock, a file or a socket, so a simulator can run thousands of renders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from af.words import plural
from afanasy.model.states import RunEnd
from afanasy.render import events as ev
from afanasy.render.judge import GOOD, Judgement, judge_end, plain_status
from afanasy.wire.stream import (
    PROTOCOL_VERSION,
    Ack,
    Block,
    Drain,
    Finished,
    HeldRun,
    Instruct,
    Start,
    Stop,
)

#: Between TERM and the kill (SEMANTICS 8.2).
TERM_TO_KILL_S: Final = 10.0
#: Run ids that were confirmed lately: a Start that comes twice must not run twice.
FORGOTTEN_MAX: Final = 10_000
#: Lines of a result's log.
LOG_LINES_MAX: Final = 200

BY_SERVER: Final = "server"
BY_PARSER: Final = "parser"
BY_AGENT: Final = "agent"
AGENT_EXITS: Final = "the agent exits"
#: Status of a run that goes back without error, as after a goodbye (SEMANTICS 2.2).
END_GIVEN_BACK: Final = 14


class Phase(Enum):
    """Where a run stands; see the theory."""

    STARTING = 1
    RUNNING = 2
    EMPTYING = 3
    READING = 4
    CHECKING = 5
    POST = 6
    STORING = 7
    HELD = 8


@dataclass(slots=True)
class Run:
    """One run that this render knows."""

    run: int
    phase: Phase
    #: When the command began, by the clock of :meth:`RenderCore.apply`.
    began: float
    stop_by: str = ""
    stop_cause: str = ""
    #: The parser's verdict (a RunEnd) and its line; 0 = none.
    verdict: int = 0
    verdict_line: str = ""
    #: When the kill comes; None: no stop is under way, or the kill began.
    kill_at: float | None = None
    killing: bool = False
    empty: bool = False
    ended: ev.CommandEnded | None = None
    log: list[str] = field(default_factory=list[str])
    judgement: Judgement | None = None
    read: ev.OutputRead | None = None
    result: Finished | None = None


class RenderCore:
    """All runs of one render; see the module's theory."""

    def __init__(self) -> None:
        self.runs: dict[int, Run] = {}
        self.blocks: dict[int, Block] = {}
        self.farm_id = ""
        self.epoch = 0
        self.linked = False
        self.leaving = False
        self.leaving_urgently = False
        self.draining = False
        self._forgotten: set[int] = set()
        self._forgotten_order: deque[int] = deque()
        self._ending: dict[int, Run] = {}
        self._exit_said = False
        self._effects: list[ev.Effect] = []
        self._now = 0.0
        self._reactions: dict[type, Callable[[Any], None]] = {
            Start: self._start,
            Stop: self._stop,
            Ack: self._ack,
            Block: self._block,
            Instruct: self._instruct,
            ev.Restored: self._restored,
            ev.Linked: self._link,
            ev.Unlinked: self._unlink,
            ev.Began: self._began,
            ev.NotBegun: self._not_begun,
            ev.CommandEnded: self._command_ended,
            ev.Verdict: self._verdict,
            ev.LeftOver: self._left_over,
            ev.Emptied: self._emptied,
            ev.OutputRead: self._output_read,
            ev.FilesChecked: self._files_checked,
            ev.PostsEnded: self._posts_ended,
            ev.Stored: self._stored,
            ev.Clock: self._clock,
            ev.Leave: self._leave,
            ev.DrainWanted: self._drain,
        }

    def apply(self, event: ev.Event, now: float) -> list[ev.Effect]:
        """React to one event at monotonic time ``now``; what the shell shall do, in order."""
        self._now = now
        effects: list[ev.Effect] = []
        self._effects = effects
        self._reactions[type(event)](event)
        if self.leaving or self.draining:
            self._exit_when_idle()
        return effects

    def deadline(self) -> float | None:
        """When :class:`Clock` is due, None when nothing waits."""
        waits = [run.kill_at for run in self._ending.values() if run.kill_at is not None]
        return min(waits) if waits else None

    def held(self, now: float) -> list[HeldRun]:
        """The runs of a hello (output sizes: 0).

        Those that the exiting agent stops are named too: until their processes are gone, no other
        render may start their tasks.
        """
        return [
            HeldRun(
                run.run,
                run.result.elapsed_s if run.result else max(0.0, now - run.began),
                run.phase is Phase.HELD,
                run.stop_cause if run.stop_by == BY_SERVER else "",
            )
            for run in self.runs.values()
        ]

    def farm_of_runs(self) -> tuple[str, int]:
        """Farm id and epoch for the hello: "" and 0 when no runs are held (R2)."""
        return (self.farm_id, self.epoch) if self.runs else ("", 0)

    def active(self) -> int:
        """Runs whose result is not stored yet."""
        return sum(run.phase is not Phase.HELD for run in self.runs.values())

    def _do(self, effect: ev.Effect) -> None:
        self._effects.append(effect)

    # ------------------------------------------------------------------------- the link

    def _restored(self, event: ev.Restored) -> None:
        self.farm_id, self.epoch = event.farm_id, event.epoch
        for folder in event.folders:
            run = Run(folder.run, Phase.RUNNING, self._now - folder.elapsed_s)
            self.runs[folder.run] = run
            if folder.result is not None:
                run.phase, run.result = Phase.HELD, folder.result
                continue
            run.stop_by, run.stop_cause = folder.stop_by, folder.stop_cause
            if folder.stop_by == BY_PARSER:
                run.verdict, run.verdict_line = folder.verdict, folder.stop_cause
            if folder.ended is not None:
                self._command_ended(folder.ended)
            elif run.stop_by:
                self._terminate(run)

    def _link(self, event: ev.Linked) -> None:
        welcome = event.welcome
        why = ""
        if welcome.protocol != PROTOCOL_VERSION:
            why = f"it speaks protocol {welcome.protocol}, this agent {PROTOCOL_VERSION}"
        elif self.farm_id and welcome.farm_id != self.farm_id and self.runs:
            why = (
                f"it is farm {welcome.farm_id}, but this render still holds"
                f" {plural(len(self.runs), 'run')} of farm {self.farm_id}"
                " (afrender --forget drops them)"
            )
        elif welcome.farm_id == self.farm_id and welcome.epoch < self.epoch:
            why = f"its epoch {welcome.epoch} is lower than {self.epoch}: another server took over"
        if why:
            self._do(ev.CloseLink(f"the server is refused: {why}"))
            return
        if (welcome.farm_id, welcome.epoch) != (self.farm_id, self.epoch):
            self.farm_id, self.epoch = welcome.farm_id, welcome.epoch
            self._do(ev.KeepFarm(self.farm_id, self.epoch))
        self.linked = True
        self.blocks.clear()
        self._do(ev.Registered(welcome))
        for run, size in welcome.output_sizes:
            if run in self.runs:
                self._do(ev.HasOutput(run, size))
        if self.draining:
            self._do(ev.Send(Drain(True)))
        for run in self.runs.values():
            if run.phase is Phase.HELD and run.result is not None:
                self._do(ev.SendResult(run.result))

    def _unlink(self, event: ev.Unlinked) -> None:
        self.linked = False

    def _old(self, epoch: int, what: str) -> bool:
        if epoch >= self.epoch:
            return False
        self._do(ev.Note(f"{what} of epoch {epoch} is refused: the farm is at {self.epoch}"))
        return True

    # -------------------------------------------------------------- messages of the server

    def _block(self, event: Block) -> None:
        self.blocks[event.key] = event

    def _start(self, event: Start) -> None:
        if self._old(event.epoch, "a start"):
            return
        known = self.runs.get(event.run)
        if known is not None:
            if known.phase is Phase.HELD and known.result is not None:
                self._do(ev.SendResult(known.result))
            return
        if event.run in self._forgotten or self.leaving or self._exit_said:
            return  # the goodbye gives it back
        if event.epoch > self.epoch:
            self.epoch = event.epoch
            self._do(ev.KeepFarm(self.farm_id, self.epoch))
        self.runs[event.run] = Run(event.run, Phase.STARTING, self._now)
        block = self.blocks.get(event.block)
        if block is None:
            log = [f"the server named block {event.block} without describing it"]
            self._not_begun(ev.NotBegun(event.run, RunEnd.FAILED_TO_START, log))
            return
        self._do(ev.Launch(event, block))

    def _stop(self, event: Stop) -> None:
        run = self.runs.get(event.run)
        if run is None or self._old(event.epoch, "a stop"):
            return
        self._end(run, BY_SERVER, event.cause or "stopped")

    def _ack(self, event: Ack) -> None:
        for number in event.runs:
            run = self.runs.get(number)
            if run is None:
                continue
            if run.phase is not Phase.HELD:
                continue  # an Ack of something this run never reported
            self._forget(run)

    def _instruct(self, event: Instruct) -> None:
        if event.what == "exit":
            self._leave(ev.Leave())
        elif event.what == "restart":
            self._do(ev.Restart())
        elif event.what in ("sleep", "reboot", "shutdown"):
            self._do(ev.Execute(event.what))
        elif event.what in ("launch", "launch_exit"):
            self._do(ev.Execute(event.what, event.command))
            if event.what == "launch_exit":
                self._leave(ev.Leave())
        else:
            self._do(ev.Note(f"the server wants {event.what!r}, which this agent does not know"))

    # ----------------------------------------------------------------------------- begin

    def _began(self, event: ev.Began) -> None:
        run = self.runs[event.run]
        assert run.phase is Phase.STARTING, f"run {event.run} began twice"
        run.phase = Phase.RUNNING
        run.began = self._now
        if run.stop_by:
            self._terminate(run)

    def _not_begun(self, event: ev.NotBegun) -> None:
        run = self.runs[event.run]
        if run.stop_by == BY_AGENT:
            self._give_back(run)
            return
        self._settle(
            run,
            Finished(
                event.run, event.status, -1, 0, 0.0,
                error_class=event.error_class, log=[*run.log, *event.log][:LOG_LINES_MAX],
            ),
        )  # fmt: skip

    # ----------------------------------------------------------------------------- stops

    def _end(self, run: Run, by: str, cause: str) -> None:
        """Somebody wants the run to end."""
        if run.phase is Phase.POST:
            if not run.stop_by:
                run.stop_by, run.stop_cause = by, cause
                self._do(ev.Kill(run.run))
            return
        if run.stop_by or run.phase not in (Phase.STARTING, Phase.RUNNING):
            return
        run.stop_by, run.stop_cause = by, cause
        if run.phase is Phase.RUNNING:
            self._terminate(run)

    def _terminate(self, run: Run) -> None:
        self._wait_for_kill(run)
        self._do(ev.Terminate(run.run, run.stop_by, run.stop_cause, run.verdict))

    def _wait_for_kill(self, run: Run) -> None:
        run.kill_at = self._now if self.leaving_urgently else self._now + TERM_TO_KILL_S
        self._ending[run.run] = run

    def _verdict(self, event: ev.Verdict) -> None:
        run = self.runs[event.run]
        if run.verdict or run.stop_by:
            return
        run.verdict, run.verdict_line = event.status, event.line
        self._end(run, BY_PARSER, event.line)

    def _clock(self, event: ev.Clock) -> None:
        for run in list(self._ending.values()):
            if run.kill_at is not None and run.kill_at <= self._now:
                run.kill_at = None
                run.killing = True
                self._do(ev.Kill(run.run))

    # ------------------------------------------------------------------------------- end

    def _command_ended(self, event: ev.CommandEnded) -> None:
        run = self.runs[event.run]
        assert run.ended is None, f"run {event.run} ended twice"
        run.ended = event
        if event.no_directory:
            run.log.append("warning: the working directory is missing, the run folder was used")
        run.phase = Phase.EMPTYING
        if run.empty:
            self._read_out(run)
        elif not run.killing:
            self._do(ev.Look(run.run))

    def _left_over(self, event: ev.LeftOver) -> None:
        run = self.runs[event.run]
        if run.phase is not Phase.EMPTYING or run.killing:
            return
        if not run.stop_by:
            names = ", ".join(event.names[:10])
            run.log.append(f"processes were left running after the command, stopped: {names}")
        if run.kill_at is None:
            self._wait_for_kill(run)
        self._do(ev.EndLeftOvers(run.run))

    def _emptied(self, event: ev.Emptied) -> None:
        run = self.runs.get(event.run)
        if run is None or run.phase not in (Phase.RUNNING, Phase.EMPTYING):
            return
        run.empty = True
        if run.ended is not None:
            self._read_out(run)

    def _read_out(self, run: Run) -> None:
        run.phase = Phase.READING
        run.kill_at = None
        self._ending.pop(run.run, None)
        ended = run.ended
        assert ended is not None, f"run {run.run} is read before it ended"
        if run.stop_by == BY_AGENT:
            self._give_back(run)
            return
        self._do(ev.ReadOut(run.run, plain_status(ended.status, ended.signal)))

    def _output_read(self, event: ev.OutputRead) -> None:
        run = self.runs[event.run]
        ended = run.ended
        assert ended is not None, f"run {run.run} was read before it ended"
        run.read = event
        run.judgement = judge_end(
            status=ended.status,
            wrapper_signal=ended.signal,
            stop_cause=run.stop_cause,
            verdict=run.verdict,
            verdict_line=run.verdict_line,
            read=event,
        )
        if run.judgement.status not in GOOD:
            self._finish(run, run.judgement)
        elif event.check_files:
            run.phase = Phase.CHECKING
            self._do(ev.CheckFiles(run.run))
        else:
            self._posts(run)

    def _files_checked(self, event: ev.FilesChecked) -> None:
        run = self.runs[event.run]
        assert run.judgement is not None, f"run {run.run} is checked before it was judged"
        run.log += event.log
        if event.why:
            bad = run.judgement._replace(
                status=RunEnd.BAD_FILES,
                error_class="bad_output",
                log=[*run.judgement.log, f"bad rendered files: {event.why}"],
            )
            self._finish(run, bad)
        else:
            self._posts(run)

    def _posts(self, run: Run) -> None:
        run.phase = Phase.POST
        self._do(ev.RunPosts(run.run))

    def _posts_ended(self, event: ev.PostsEnded) -> None:
        run = self.runs[event.run]
        judgement = run.judgement
        assert judgement is not None, f"run {run.run} has posts before it was judged"
        run.log += event.log
        if run.stop_by == BY_AGENT:
            self._give_back(run)
            return
        if event.why:
            judgement = judgement._replace(
                status=RunEnd.FAILED_POST, log=[*judgement.log, f"post command: {event.why}"]
            )
        self._finish(run, judgement)

    def _finish(self, run: Run, judgement: Judgement) -> None:
        ended, read = run.ended, run.read
        assert ended is not None, f"run {run.run} is finished before it ended"
        assert read is not None, f"run {run.run} is finished before it was read"
        elapsed = ended.elapsed_s if ended.elapsed_s >= 0 else self._now - run.began
        self._settle(
            run,
            Finished(
                run.run,
                judgement.status,
                judgement.exit_status,
                judgement.signal,
                max(0.0, elapsed),
                percent=read.percent,
                frame=read.frame,
                percentframe=read.percentframe,
                warning=read.warning,
                error_class=judgement.error_class,
                cpu_s=ended.cpu_s,
                memory_peak_mb=read.memory_peak_mb,
                log=[*run.log, *read.log, *judgement.log][-LOG_LINES_MAX:],
                activity=read.activity,
                report=read.report,
                files=read.files,
            ),
        )

    def _settle(self, run: Run, result: Finished) -> None:
        run.phase = Phase.STORING
        run.result = result
        self._ending.pop(run.run, None)
        self._do(ev.Store(result))

    def _stored(self, event: ev.Stored) -> None:
        for number in event.runs:
            run = self.runs[number]
            assert run.result is not None, f"run {number} was stored without a result"
            run.phase = Phase.HELD
            if self.linked:
                self._do(ev.SendResult(run.result))

    def _give_back(self, run: Run) -> None:
        """The agent stopped the run in order to exit: its task goes back without error (R11).

        The goodbye says so for all runs together. An agent that took over from one that never came
        to its goodbye says it for the run.
        """
        if self.leaving:
            self._forget(run)
            return
        elapsed = max(0.0, self._now - run.began)
        log = [*run.log, f"stopped: {AGENT_EXITS}"]
        self._settle(run, Finished(run.run, END_GIVEN_BACK, -1, 0, elapsed, log=log))

    def _forget(self, run: Run) -> None:
        del self.runs[run.run]
        self._ending.pop(run.run, None)
        self._forgotten.add(run.run)
        self._forgotten_order.append(run.run)
        if len(self._forgotten_order) > FORGOTTEN_MAX:
            self._forgotten.discard(self._forgotten_order.popleft())
        self._do(ev.Forget(run.run))

    # ------------------------------------------------------------------- leave and drain

    def _leave(self, event: ev.Leave) -> None:
        self.leaving = True
        if event.urgent:
            self.leaving_urgently = True
        for run in list(self.runs.values()):
            self._end(run, BY_AGENT, AGENT_EXITS)
            if event.urgent and run.kill_at is not None:
                run.kill_at = self._now

    def _drain(self, event: ev.DrainWanted) -> None:
        self.draining = event.on
        if self.linked:
            self._do(ev.Send(Drain(event.on)))

    def _exit_when_idle(self) -> None:
        if self._exit_said:
            return
        if self.leaving:
            if self.active() == 0:
                self._exit_said = True
                self._do(ev.Exit("stopped"))
        elif not self.runs:
            self._exit_said = True
            self._do(ev.Exit("drained"))
