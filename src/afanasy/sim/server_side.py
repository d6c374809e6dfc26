"""The server's machine: the real loop, peers and requests on a fake disk that survives kill -9.

:class:`SimServer` does what :mod:`afanasy.server.main` does: take the store over with a higher
epoch, restore, serve. Only the port (the network calls the right protocol itself) and the disk are
made up. :class:`SimWriter` stands for the writer thread: batches become durable some time later, in
groups; a kill loses those that are not.

Two table stores are kept: ``durable``, what the disk has, and ``memory``, what it would have with
every batch that the loop has handed over. The checker compares them with what people and renders
were told.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from afanasy.core.events import MessageSettled
from afanasy.core.job.submit import found_system_job
from afanasy.core.restore import restore
from afanasy.core.rows import Rows
from afanasy.core.state import Farm
from afanasy.model.ids import next_epoch
from afanasy.server.loop import BEAT_S, STALL_S, FarmLoop
from afanasy.server.matcher import Masks, compile_mask
from afanasy.server.messages import ToRenderMessage
from afanasy.server.render_peer import RenderPeer
from afanasy.server.request_peer import PeerInfo, TextPeer
from afanasy.server.requests import Requests
from afanasy.sim.deliver import SimDeliverer
from afanasy.sim.farm_disk import SimFarmFile
from afanasy.sim.network import SERVER, STREAM_PORT, Network
from afanasy.sim.plan import FarmFile
from afanasy.sim.process_loop import ProcessLoop
from afanasy.sim.tables import TableStore
from afanasy.sim.world import World

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety

FARM_ID: Final = "simulated-farm"
RESOURCES_PERIOD_S: Final = 30.0
#: How often the writer tries again when the database is away.
AWAY_RETRY_S: Final = 1.0


class SimMasks(Masks):
    """Masks that are decided by the input only, whatever the machine is busy with (R21)."""

    def full_match(self, mask: str, name: str) -> bool | None:
        """The whole name matches."""
        return not mask or re.fullmatch(mask, name) is not None

    def check_mask(self, mask: str, field: str, names: Iterable[str] | None = None) -> None:
        """Refuse what does not compile."""
        compile_mask(mask, field)


class ABatch(Protocol):
    """What the loop hands over (:class:`afanasy.store.writer.Batch`)."""

    @property
    def rows(self) -> Rows:
        """What changed."""
        ...

    @property
    def pieces(self) -> list[Any]:
        """Pieces of output."""
        ...

    @property
    def committed(self) -> Callable[[], None]:
        """To be called after the commit."""
        ...


class Disk:
    """What a kill of the server leaves behind."""

    def __init__(self) -> None:
        self.durable = TableStore()
        self.epoch = 0
        #: The farm file that lies there, and all that ever did, by path.
        self.farm_file: FarmFile | None = None
        self.files: dict[str, FarmFile] = {}
        #: Run → how much of its output has been stored.
        self.output_sizes: dict[int, int] = {}

    def write(self, file: FarmFile) -> None:
        """Somebody puts another farm file in its place."""
        self.farm_file = self.files[file.path] = file


class SimWriter:
    """The writer thread, its latency and its bad days."""

    away_reason = "the database is away"

    def __init__(self, server: SimServer, loop: FarmLoop, process: ProcessLoop) -> None:
        self._server = server
        self._loop = loop
        self._process = process
        self._world = process.world
        self._waiting: list[ABatch] = []
        self._writing = False
        self._away = False

    def start(self) -> None:
        """Begin."""

    def put(self, batch: ABatch) -> None:
        """Queue a batch."""
        self._server.memory.write(batch.rows)
        self._waiting.append(batch)
        self._server.safety.on_batch(self._loop.farm, batch.rows)
        self._write_later()

    def close(self) -> None:
        """Commit what waits."""
        if not self._server.database_away:
            self._commit()

    def _write_later(self) -> None:
        if self._writing or not self._waiting:
            return
        self._writing = True
        world = self._world
        slow = self._server.slow_disk_s
        delay = world.between(slow / 2, slow) if slow else world.between(0.0002, 0.003)
        world.after(delay, self._process, self._write)

    def _write(self) -> None:
        self._writing = False
        if self._server.database_away:
            self._report(away=True)
            self._writing = True
            self._world.after(AWAY_RETRY_S, self._process, self._write)
            return
        self._report(away=False)
        self._commit()
        self._write_later()

    def _report(self, *, away: bool) -> None:
        if away != self._away:
            self._away = away
            self._process.enter(self._loop.store_is_away, away)

    def _commit(self) -> None:
        batches, self._waiting = self._waiting, []
        disk = self._server.disk
        for batch in batches:
            disk.durable.write(batch.rows)
            for piece in batch.pieces:
                if piece.final:
                    disk.output_sizes.pop(piece.run, None)
                else:
                    disk.output_sizes[piece.run] = piece.offset + len(piece.data)
            self._server.safety.on_commit(batch.rows)
        for batch in batches:
            self._process.enter(batch.committed)


class WatchedPeer(RenderPeer):
    """A render's connection whose messages the checker sees."""

    def __init__(self, loop: FarmLoop, safety: Safety) -> None:
        super().__init__(loop)
        self._safety = safety

    def send(self, box: list[ToRenderMessage]) -> None:
        """See :class:`RenderPeer`."""
        self._safety.on_told_render(self.name, box)
        super().send(box)


class SimServer:
    """The server's machine."""

    def __init__(self, world: World, network: Network) -> None:
        self.world = world
        self.network = network
        self.disk = Disk()
        self.memory = TableStore()
        self.safety = cast("Safety", None)
        self.slow_disk_s = 0.0
        self.database_away = False
        self.process: ProcessLoop | None = None
        self.loop: FarmLoop | None = None
        self._requests: Requests | None = None
        self._serving_at = 0.0
        #: The longest it stood still.
        self.stalled_s = 0.0

    @property
    def farm(self) -> Farm | None:
        """The farm in memory, while a server runs."""
        if self.loop is None or self.process is None or not self.process.alive:
            return None
        return self.loop.farm

    def serving_since(self) -> float:
        """Since when renders can be heard: the process serves and was not stopped (R6)."""
        return self._serving_at

    def stall(self, seconds: float) -> None:
        """SIGSTOP for a while: nothing is read, no timer comes up."""
        if self.process is None or not self.process.alive:
            return
        self.world.say("server", f"FAULT: stands still for {seconds} s")
        self.process.paused_until = max(self.process.paused_until, self.world.now + seconds)
        self.stalled_s = max(self.stalled_s, seconds)
        if seconds > STALL_S + BEAT_S:
            self._serving_at = self.process.paused_until

    def boot(self) -> None:
        """Start a server process, as ``afserver`` does."""
        if self.process is not None and self.process.alive:
            return
        world = self.world
        process = ProcessLoop(world, "afserver", SERVER, self.network)
        self.process = process
        process.enter(self._serve, process)
        self.network.listen(process, self._listen)

    def _serve(self, process: ProcessLoop) -> None:
        now = process.clocks()
        disk = self.disk
        disk.epoch = next_epoch(disk.epoch, now.wall)
        masks = SimMasks()
        farm = Farm(FARM_ID, disk.epoch, masks.full_match, serving_mono=now.mono)
        masks.known_names = lambda: chain(farm.renders, farm.jobs_by_name)
        self.memory = disk.durable.copy()
        restore(farm, self.memory.rows(), now)
        found_system_job(farm, now)
        self._serving_at = self.world.now
        self.world.say("server", f"serves, epoch {disk.epoch}, {len(farm.runs)} open runs")
        self.safety.on_serving(farm)

        def writer_of(loop: FarmLoop) -> Any:
            return SimWriter(self, loop, process)

        loop = FarmLoop(
            farm, writer_of, resources_period_s=RESOURCES_PERIOD_S, clock=process.clocks
        )
        self.loop = loop

        def settled(key: int) -> None:
            loop.apply(MessageSettled(key))

        loop.deliver = SimDeliverer(self.safety.receiver, process, settled).send
        loop.output_sizes = {r: n for r, n in disk.output_sizes.items() if r in farm.runs}
        loop.fatal.add_done_callback(self._on_fatal)
        farm_file = SimFarmFile(self, loop, masks)
        self._requests = Requests(loop, masks, cast(Any, None), farm_file=farm_file)
        farm_file.start()
        loop.start()

    def _on_fatal(self, fatal: asyncio.Future[BaseException]) -> None:
        error = fatal.result()
        if isinstance(error, Exception):
            self.world.crashed("server", error)

    def _listen(self, port: int) -> asyncio.Protocol:
        assert self.loop is not None
        if port == STREAM_PORT:
            return WatchedPeer(self.loop, self.safety)
        return TextPeer(self._handle)

    def _handle(self, body: dict[str, Any], peer: PeerInfo) -> asyncio.Task[object]:
        assert self.process is not None
        return self.process.create_task(self._answer(body, peer))

    async def _answer(self, body: dict[str, Any], peer: PeerInfo) -> object:
        assert self._requests is not None
        self.safety.promises.on_request(body)
        answer = await self._requests.handle(body, peer)
        self.safety.promises.on_reply(body, cast("dict[str, Any]", answer))
        return answer

    def kill(self) -> None:
        """kill -9: what is not on the disk never was."""
        if self.process is None or not self.process.alive:
            return
        self.world.say("server", "FAULT: kill -9")
        self.world.mark("server kill")
        self.process.kill()
        self.loop = self._requests = None
        self.safety.on_server_died()

    def stop(self) -> None:
        """SIGTERM: what there is is committed and told; then the process ends."""
        if self.process is None or not self.process.alive or self.loop is None:
            return
        self.world.say("server", "FAULT: is stopped by SIGTERM")
        process = self.process
        process.create_task(self._close(self.loop, process))

    async def _close(self, loop: FarmLoop, process: ProcessLoop) -> None:
        await loop.close()
        self.world.after(0.0, None, self._gone, process)

    def _gone(self, process: ProcessLoop) -> None:
        if process.alive:
            process.kill()
            self.loop = self._requests = None
            self.safety.on_server_died()
