"""The loop that owns the core: events in, one pass per batch, everything told after the commit.

**Theory.** Connections call :meth:`FarmLoop.apply` as their bytes arrive; an event changes memory
and at most marks that a *pass* is due. The pass runs once all sockets that were readable have been
read. It solves once, makes messages of the effects and rows of the changes, and hands both to the
writer as one batch. Nothing of a batch is told to anybody before its commit: starts,
acknowledgements and stops wait in an outbox per connection, replies wait in futures (R33). While
the writer works, the next passes gather; it takes all that wait as one transaction, so batches size
themselves by the load (RECIPES 1).

Messages are bound to the *connection* that existed when they were made. A connection that is
replaced takes its unsent messages with it, and the hello of the next one settles what the render
has and has not (R7).

While the database is away nothing new starts and changing requests are refused (R34); results keep
coming in, are applied to memory and acknowledged when their batch is committed at last.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import structlog

from afanasy.core import effects, events
from afanasy.core.place.solve import solve
from afanasy.core.reactor import apply
from afanasy.core.rows import take_rows
from afanasy.core.state import Farm, Run
from afanasy.core.system.message import Message
from afanasy.model.clock import Now, read_clocks
from afanasy.model.errors import UserError
from afanasy.server import messages
from afanasy.store.outputs import OutputPiece
from afanasy.store.writer import Batch, Writer
from afanasy.wire import stream

if TYPE_CHECKING:
    from afanasy.server.render_peer import RenderPeer

log = structlog.get_logger("farm")

#: Pieces of output alone wait this long for company; nobody reads faster.
OUTPUT_DELAY_S: Final = 0.05
#: Unwritten output in memory above which renders are not read any further.
OUTPUT_BYTES_MAX: Final = 64 * 1024 * 1024
#: The loop looks at its clocks so often; later than that by so much, and it had been stopped.
BEAT_S: Final = 2.0
STALL_S: Final = 5.0
#: A jump of the wall clock worth a line in the log (R3).
CLOCK_STEP_S: Final = 60.0


class _Pending:
    """One batch on its way to the disk: what leaves when it is there."""

    __slots__ = ("farewells", "futures", "letters", "outbox", "output_bytes")

    def __init__(self) -> None:
        self.outbox: dict[RenderPeer, list[messages.ToRenderMessage]] = {}
        self.futures: list[asyncio.Future[None]] = []
        #: Connections to be closed after their last message.
        self.farewells: list[RenderPeer] = []
        #: Mail and web hooks that may leave.
        self.letters: list[Message] = []
        self.output_bytes = 0


class FarmLoop:
    """Owns the farm. Everything here runs in the event loop's thread."""

    def __init__(
        self,
        farm: Farm,
        writer_of: Callable[[FarmLoop], Writer],
        *,
        resources_period_s: float = 5.0,
        clock: Callable[[], Now] = read_clocks,
    ) -> None:
        self.farm = farm
        self._clock = clock
        self.resources_period_s = resources_period_s
        self._aio = asyncio.get_running_loop()
        self._writer = writer_of(self)
        self._links: dict[int, RenderPeer] = {}
        self._link_last = 0
        self._pass_due = False
        self._lazy_pass: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_mono = 0.0
        self._futures: list[asyncio.Future[None]] = []
        self._pieces: list[OutputPiece] = []
        #: Bytes of output of the next batch, and of all that are not on disk yet.
        self._pieces_bytes = self._unwritten_bytes = 0
        self._held_back = False
        #: Run → (offset, last piece, total) that came with its result.
        self._last_output: dict[int, tuple[int, bytes, int]] = {}
        #: Run → how far its output has arrived; the runs that have a live file.
        self.output_sizes: dict[int, int] = {}
        self._beat: asyncio.TimerHandle | None = None
        self._clocks = clock()
        self._committed: deque[_Pending] = deque()
        self._release_due = False
        self._closing = False
        self.store_away = False
        #: Who sends mail and web hooks.
        self.deliver: Callable[[Message], None] = lambda message: None
        #: Set when the store failed for good; the server exits (R34).
        self.fatal: asyncio.Future[BaseException] = self._aio.create_future()
        #: For statistics and benches.
        self.passes = self.started = 0

    def start(self, leftovers: list[OutputPiece] | None = None) -> None:
        """Start writing; what the restored farm is due for is done in the first pass.

        ``leftovers`` close the outputs that a predecessor left open.
        """
        self._pieces += leftovers or []
        self._writer.start()
        self._on_beat()
        self.ask_for_pass()

    # ------------------------------------------------------------------------------- events

    def apply(self, event: events.Event) -> Any:
        """Apply one event now. Raises UserError: a person's fault, nothing was changed."""
        result = apply(self.farm, event, self._clock())
        self.ask_for_pass()
        return result

    def apply_quietly(self, event: events.Event) -> None:
        """Apply a volatile fact (progress, resources) that asks for no pass.

        It gets one when something follows from it: frames of a running task that others waited
        for, memory that became free, a host that stands idle and is told to sleep.
        """
        farm = self.farm
        apply(farm, event, self._clock())
        if farm.fresh_jobs or farm.fresh_renders or farm.effects or farm.changes.renders:
            self.ask_for_pass()

    def check_store(self) -> None:
        """Refuse a changing request while the database is away (R34). Raises UserError."""
        if self.store_away:
            raise UserError(
                "store_unavailable",
                "the database is away; nothing can be changed now",
                "try again in a moment; running tasks go on",
            )

    def durable(self) -> asyncio.Future[None]:
        """Done when everything applied so far is committed."""
        future: asyncio.Future[None] = self._aio.create_future()
        self._futures.append(future)
        self.ask_for_pass()
        return future

    def output(self, render: str, run_id: int, offset: int, data: bytes) -> None:
        """A piece of output arrived. Output of a run without the right to count is dropped."""
        run = self._run_of(render, run_id)
        if run is None or not data:
            return
        self.output_sizes[run_id] = offset + len(data)
        self._pieces.append(OutputPiece(run_id, run.block.key, offset, data))
        self._pieces_bytes += len(data)
        self._unwritten_bytes += len(data)
        if self._unwritten_bytes > OUTPUT_BYTES_MAX:
            self._held_back = True
            for link in self._links.values():
                link.pause_reading()
        if self._lazy_pass is None and not self._pass_due:
            self._lazy_pass = self._aio.call_later(OUTPUT_DELAY_S, self.ask_for_pass)

    def last_output(self, render: str, run_id: int, offset: int, data: bytes, total: int) -> None:
        """The end of a run's output, just before its result is applied."""
        if self._run_of(render, run_id) is not None:
            self._last_output[run_id] = (offset, data, total)

    def _run_of(self, render: str, run_id: int) -> Run | None:
        """The run, when it is that render's and has the right to count."""
        run = self.farm.runs.get(run_id)
        return run if run is not None and run.current and run.render.name == render else None

    # -------------------------------------------------------------------------- connections

    def add_link(self, peer: RenderPeer) -> int:
        """A number for a new connection."""
        self._link_last += 1
        self._links[self._link_last] = peer
        return self._link_last

    def speaks(self, render: str, link: int) -> bool:
        """Whether this connection is the one that speaks for the render."""
        known = self.farm.renders.get(render)
        return known is not None and known.link == link

    def drop_link(self, link: int) -> None:
        """The connection is gone."""
        self._links.pop(link, None)

    # --------------------------------------------------------------------------------- pass

    def ask_for_pass(self) -> None:
        """Run a pass once everything readable has been read."""
        if not self._pass_due:
            self._pass_due = True
            self._aio.call_soon(self._pass)

    def _pass(self) -> None:
        try:
            self._do_pass()
        except Exception as error:
            # Marks were taken that no batch holds: what is on disk is right, memory is not (R34).
            log.exception("pass_failed")
            self._fail(error)

    def _do_pass(self) -> None:
        if self.fatal.done():
            return  # nothing that memory says now may be stored
        self._pass_due = False
        if self._lazy_pass is not None:
            self._lazy_pass.cancel()
            self._lazy_pass = None
        farm = self.farm
        now = self._clock()
        if not (self.store_away or self._closing):
            self.started += solve(farm, now)
        self.passes += 1
        pending = _Pending()
        pending.futures, self._futures = self._futures, []
        if farm.effects:
            self._make_messages(pending)
        self._close_outputs()
        pieces, self._pieces = self._pieces, []
        pending.output_bytes, self._pieces_bytes = self._pieces_bytes, 0
        rows = take_rows(farm)
        if rows or pieces:
            self._writer.put(Batch(rows, pieces, lambda: self._on_commit(pending)))
        elif pending.outbox or pending.futures or pending.farewells or pending.letters:
            # Nothing to store, but the order of what is told stays that of the batches.
            self._writer.put(Batch(rows, [], lambda: self._on_commit(pending)))
        self._arm_timer(now)

    def _make_messages(self, pending: _Pending) -> None:
        farm = self.farm
        outbox = pending.outbox
        for effect in farm.effects:
            match effect:
                case effects.Start(run):
                    peer = self._links.get(run.render.link)
                    if peer is not None and run.id in farm.runs:
                        box = outbox.setdefault(peer, [])
                        block = run.block
                        if peer.blocks_sent.get(block.key) != block.version:
                            peer.blocks_sent[block.key] = block.version
                            box.append(messages.block_message(block))
                        box.append(messages.start_message(run, farm.epoch))
                case effects.Acknowledge(render, run_id):
                    peer = self._peer_of(render)
                    if peer is not None:
                        messages.add_ack(outbox.setdefault(peer, []), run_id)
                case effects.Stop(render, run_id, cause):
                    peer = self._peer_of(render)
                    if peer is not None:
                        outbox.setdefault(peer, []).append(stream.Stop(run_id, farm.epoch, cause))
                case effects.Welcome(render, link, adopted):
                    peer = self._links.get(link)
                    if peer is not None:
                        outbox.setdefault(peer, []).append(self._welcome(render, adopted))
                        log.info("render_registered", render=render, adopted=len(adopted))
                case effects.Refuse(link, code, text):
                    peer = self._links.get(link)
                    if peer is not None:
                        outbox.setdefault(peer, []).append(stream.Refuse(code, text))
                        pending.farewells.append(peer)
                case effects.Disconnect(link):
                    peer = self._links.get(link)
                    if peer is not None:
                        peer.replaced()
                case effects.InstructRender(render, what, command):
                    peer = self._peer_of(render)
                    if peer is not None:
                        outbox.setdefault(peer, []).append(stream.Instruct(what, command))
                case effects.SetPace(render, heartbeat_s, period_s):
                    peer = self._peer_of(render)
                    if peer is not None and "pace" in peer.takes:
                        pace = stream.Pace(period_s or self.resources_period_s, heartbeat_s)
                        outbox.setdefault(peer, []).append(pace)
                case effects.Send(message):
                    pending.letters.append(message)
                case effects.Note(code, fields):
                    log.info(code, **fields)
        farm.effects.clear()

    def _peer_of(self, render_name: str) -> RenderPeer | None:
        render = self.farm.renders.get(render_name)
        return self._links.get(render.link) if render is not None else None

    def _welcome(self, name: str, adopted: tuple[int, ...]) -> stream.Welcome:
        farm = self.farm
        render = farm.renders.get(name)  # None: deleted since, in the same batch
        return stream.Welcome(
            protocol=stream.PROTOCOL_VERSION,
            farm_id=farm.farm_id,
            epoch=farm.epoch,
            version=messages.VERSION,
            output_sizes=[(run, self.output_sizes.get(run, 0)) for run in adopted],
            resources_period_s=(render and render.resources_period_s) or self.resources_period_s,
            progress_period_s=render.heartbeat_s if render else 1.0,
        )

    def _close_outputs(self) -> None:
        """Runs that ended, however: their output is put together and kept."""
        for record in self.farm.changes.closed:
            run = record.run
            offset, data, total = self._last_output.pop(run.id, (0, b"", 0))
            had_pieces = self.output_sizes.pop(run.id, None) is not None
            if had_pieces or data:
                piece = OutputPiece(run.id, run.block.key, offset, data, total, final=True)
                self._pieces.append(piece)

    # ------------------------------------------------------------------------------- commit

    def _on_commit(self, pending: _Pending) -> None:
        """In the writer's thread: hand the batch back to the loop, one wake-up for many."""
        self._committed.append(pending)
        if not self._release_due:
            self._release_due = True
            self._aio.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        self._release_due = False
        outbox: dict[RenderPeer, list[messages.ToRenderMessage]] = {}
        farewells: list[RenderPeer] = []
        while self._committed:
            pending = self._committed.popleft()
            for peer, box in pending.outbox.items():
                known = outbox.get(peer)
                if known is None:
                    outbox[peer] = box
                else:
                    known.extend(box)
            for future in pending.futures:
                if not future.done():
                    future.set_result(None)
            farewells += pending.farewells
            if not self._closing:
                for message in pending.letters:
                    self.deliver(message)
            self._unwritten_bytes -= pending.output_bytes
        for peer, box in outbox.items():
            peer.send(box)
        for peer in farewells:
            peer.close()
        if self._held_back and self._unwritten_bytes <= OUTPUT_BYTES_MAX:
            self._held_back = False
            for link in self._links.values():
                link.resume_reading()

    # -------------------------------------------------------------------------------- timer

    def _arm_timer(self, now: Now) -> None:
        due = self.farm.next_deadline()
        if due is None or (self._timer is not None and self._timer_mono <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_mono = due
        self._timer = self._aio.call_later(max(0.0, due - now.mono), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._look_at_clocks()  # before deadlines of a time in which nobody could be heard
        self.apply(events.Tick())

    def _on_beat(self) -> None:
        self._look_at_clocks()
        self._beat = self._aio.call_later(BEAT_S, self._on_beat)

    def _look_at_clocks(self) -> None:
        """Notice that this process stood still (a stopped machine), or that the clock jumped.

        Renders could not be heard meanwhile, so their silence is counted anew (R6).
        """
        now, before = self._clock(), self._clocks
        self._clocks = now
        stood_s = now.mono - before.mono - BEAT_S
        if stood_s > STALL_S:
            log.warning("server_stood_still", seconds=round(stood_s))
            self.farm.serving_mono = now.mono
        step_s = (now.wall - before.wall) - (now.mono - before.mono)
        if abs(step_s) > CLOCK_STEP_S:
            log.warning("clock_stepped", seconds=round(step_s))
        if abs(step_s) > 1.0:
            self.apply(events.Tick(clock_step_s=step_s))

    # -------------------------------------------------------------------------------- store

    def store_is_away(self, away: bool) -> None:
        """From the writer's thread: the database went away, or is back."""
        self._aio.call_soon_threadsafe(self._set_away, away)

    def _set_away(self, away: bool) -> None:
        self.store_away = away
        if away:
            log.error(
                "store_unavailable",
                reason=self._writer.away_reason,
                hint="nothing starts until the database is back",
            )
        else:
            log.info("store_back")
            self.ask_for_pass()

    def store_failed(self, error: BaseException) -> None:
        """From the writer's thread: memory has run ahead of what can be stored (R34)."""
        self._aio.call_soon_threadsafe(self._fail, error)

    def _fail(self, error: BaseException) -> None:
        if not self.fatal.done():
            self.fatal.set_result(error)

    async def close(self) -> None:
        """Commit what there is, tell it, and close every connection.

        While the database is away nobody is told anything, and nobody waits for it.
        """
        self._closing = True
        durable = self.durable()
        while not (durable.done() or self.fatal.done() or self.store_away):
            await asyncio.wait(
                [durable, self.fatal], timeout=1.0, return_when=asyncio.FIRST_COMPLETED
            )
        for peer in list(self._links.values()):
            peer.close()
        for timer in (self._timer, self._beat):
            if timer is not None:
                timer.cancel()
        await asyncio.to_thread(self._writer.close)
