"""The loop: nothing of a batch is told before its commit, and everything after it, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from afanasy.core import events
from afanasy.core.job.submit import found_system_job
from afanasy.core.state import Farm
from afanasy.model.attributes import BlockSpec, JobSpec
from afanasy.model.clock import read_clocks
from afanasy.model.errors import UserError
from afanasy.model.states import RunEnd
from afanasy.server.loop import OUTPUT_BYTES_MAX, FarmLoop
from afanasy.store.writer import Batch
from afanasy.wire import stream
from harness.farm import full_match


class HeldWriter:
    """A writer whose disk is as slow as the test wants."""

    away_reason = "it is the test's wish"

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def start(self) -> None: ...

    def put(self, batch: Batch) -> None:
        self.batches.append(batch)

    def close(self) -> None: ...

    def commit(self) -> None:
        batches, self.batches = self.batches, []
        for batch in batches:
            batch.committed()


class Peer:
    """What the loop needs of a render's connection."""

    def __init__(self, *takes: str) -> None:
        self.said: list[Any] = []
        self.takes = frozenset(takes)
        self.blocks_sent: dict[int, int] = {}
        self.closed = self.aborted = False
        self.reading = True

    def send(self, box: list[Any]) -> None:
        self.said += box

    def close(self) -> None:
        self.closed = True

    def replaced(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def take(self, kind: type[Any]) -> list[Any]:
        found = [message for message in self.said if isinstance(message, kind)]
        self.said = [message for message in self.said if not isinstance(message, kind)]
        return found


class Stage:
    def __init__(self) -> None:
        now = read_clocks()
        self.farm = Farm("test", 7, full_match, serving_mono=now.mono)
        found_system_job(self.farm, now)
        self.writer = HeldWriter()
        self.loop = FarmLoop(self.farm, lambda _: cast(Any, self.writer))

    def connect(self, name: str = "a", *takes: str, **more: Any) -> Peer:
        peer = Peer(*takes)
        link = self.loop.add_link(cast(Any, peer))
        more.setdefault("instance", f"instance of {name}")
        self.loop.apply(
            events.RenderHello(link=link, name=name, boot_id="b", user_name="u", **more)
        )
        return peer

    def submit(self, frames: int = 1) -> int:
        spec = JobSpec(name="job", user_name="anna")
        block = BlockSpec(flags=1, frame_first=1, frame_last=frames, command="true")
        return self.loop.apply(events.Submit(spec, [events.BlockSubmission(block)])).serial

    async def settle(self, *, commit: bool = True) -> None:
        """Let every pass that is due happen, and what follows a commit."""
        for _ in range(6):
            await asyncio.sleep(0)
            if commit:
                self.writer.commit()


def staged(story: Callable[[Stage], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def test() -> None:
        async def run() -> None:
            await story(Stage())

        asyncio.run(run())

    test.__name__ = story.__name__
    test.__doc__ = story.__doc__
    return test


@staged
async def test_a_start_leaves_only_after_its_commit(stage: Stage) -> None:
    peer = stage.connect()
    stage.submit()
    await stage.settle(commit=False)
    assert stage.farm.runs, "it was decided"
    assert peer.said == []
    (open_rows,) = [b.rows.upserts["open_runs"] for b in stage.writer.batches
                    if "open_runs" in b.rows.upserts]  # fmt: skip
    stage.writer.commit()
    await stage.settle()
    (start,) = peer.take(stream.Start)
    assert start.run == open_rows[0][0]
    assert (start.epoch, start.number, start.frame_start) == (7, 1, 1)
    (block,) = peer.take(stream.Block)
    assert (block.key, block.command) == (start.block, "true")
    (welcome,) = peer.take(stream.Welcome)
    assert (welcome.farm_id, welcome.epoch) == ("test", 7)


@staged
async def test_the_pace_is_told_to_those_who_take_it(stage: Stage) -> None:
    """An older agent would close its link; it hears with its next welcome."""
    today, older = stage.connect("a", "pace"), stage.connect("b")
    await stage.settle()
    for peer in (today, older):
        (welcome,) = peer.take(stream.Welcome)
        assert (welcome.resources_period_s, welcome.progress_period_s) == (5.0, 1.0)
    stage.loop.apply(events.EditPool("/", {"heartbeat_sec": 3, "resources_update_period": 4}))
    await stage.settle()
    assert today.said == [stream.Pace(12.0, 3.0)]
    assert older.said == []
    peer = stage.connect("c")
    await stage.settle()
    (welcome,) = peer.take(stream.Welcome)
    assert (welcome.resources_period_s, welcome.progress_period_s) == (12.0, 3.0)
    stage.loop.apply(events.EditPool("/", {"heartbeat_sec": -1, "resources_update_period": 0}))
    await stage.settle()
    assert today.take(stream.Pace)[1] == stream.Pace(5.0, 1.0), "the server's own again"


@staged
async def test_a_block_is_told_once_and_again_after_an_edit(stage: Stage) -> None:
    peer = stage.connect(capacity=1000)
    serial = stage.submit(3)
    await stage.settle()
    for command in ("true", "false"):
        (start,) = peer.take(stream.Start)
        stage.loop.apply(events.RunFinished("a", start.run, RunEnd.SUCCESS))
        if command == "false":
            stage.loop.apply(events.EditBlocks(serial, [0], {"command": command}))
        await stage.settle()
    commands = [block.command for block in peer.take(stream.Block)]
    assert commands == ["true", "false"]


@staged
async def test_a_result_is_acknowledged_only_after_its_commit(stage: Stage) -> None:
    peer = stage.connect(capacity=1000)
    stage.submit(2)
    await stage.settle()
    (start,) = peer.take(stream.Start)
    stage.loop.apply(events.RunFinished("a", start.run, RunEnd.SUCCESS))
    await stage.settle(commit=False)
    assert not peer.take(stream.Ack)
    assert not peer.take(stream.Start)
    await stage.settle()
    (ack,) = peer.take(stream.Ack)
    assert ack.runs == [start.run]
    assert len(peer.take(stream.Start)) == 1, "the next start rides in the same transaction"
    # A repeated report of the same result is acknowledged again and counts nothing.
    stage.loop.apply(events.RunFinished("a", start.run, RunEnd.ERROR))
    await stage.settle()
    assert peer.take(stream.Ack)[0].runs == [start.run]


@staged
async def test_a_reply_waits_for_the_commit(stage: Stage) -> None:
    stage.submit()
    reply = stage.loop.durable()
    await stage.settle(commit=False)
    assert not reply.done()
    await stage.settle()
    assert reply.done()


@staged
async def test_messages_for_a_replaced_connection_go_with_it(stage: Stage) -> None:
    old = stage.connect()
    await stage.settle()
    stage.submit()
    await stage.settle(commit=False)
    new = stage.connect()  # the same instance, before the start could be sent
    await stage.settle()
    assert old.aborted
    old_run = old.take(stream.Start)[0].run
    (start,) = new.take(stream.Start)
    assert start.run != old_run, "the new connection came without that run: it was lost"
    assert start.number == 2


@staged
async def test_while_the_store_is_away_nothing_starts(stage: Stage) -> None:
    peer = stage.connect(capacity=1000)
    stage.submit(2)
    await stage.settle()
    (start,) = peer.take(stream.Start)
    stage.loop.store_is_away(True)
    await stage.settle(commit=False)
    with pytest.raises(UserError) as caught:
        stage.loop.check_store()
    assert caught.value.code == "store_unavailable"
    stage.loop.apply(events.RunFinished("a", start.run, RunEnd.SUCCESS))
    await stage.settle(commit=False)
    assert len(stage.farm.runs) == 0
    stage.loop.store_is_away(False)
    await stage.settle()
    assert len(peer.take(stream.Start)) == 1
    stage.loop.check_store()


@staged
async def test_output_of_an_unknown_run_is_dropped(stage: Stage) -> None:
    peer = stage.connect()
    stage.submit()
    await stage.settle()
    (start,) = peer.take(stream.Start)
    stage.loop.output("a", 12345, 0, b"nobody's")
    stage.loop.output("a", start.run, 0, b"first ")
    stage.loop.last_output("a", start.run, 6, b"last", 10)
    stage.loop.apply(events.RunFinished("a", start.run, RunEnd.SUCCESS, output_size=10))
    await stage.settle(commit=False)
    pieces = [piece for batch in stage.writer.batches for piece in batch.pieces]
    assert [(p.offset, p.data, p.final) for p in pieces] == [
        (0, b"first ", False), (6, b"last", True),
    ]  # fmt: skip
    assert stage.loop.output_sizes == {}


@staged
async def test_another_instance_is_refused_and_closed(stage: Stage) -> None:
    stage.connect("a", instance="one")
    other = stage.connect("a", instance="two", address="10.0.0.2")
    await stage.settle()
    (refuse,) = other.take(stream.Refuse)
    assert refuse.code == "name_taken"
    assert other.closed


@staged
async def test_output_and_results_of_anothers_run_are_dropped(stage: Stage) -> None:
    peer = stage.connect("a")
    stage.submit()
    await stage.settle()
    (start,) = peer.take(stream.Start)
    stage.connect("liar", capacity=0)
    stage.loop.output("liar", start.run, 0, b"not mine")
    stage.loop.last_output("liar", start.run, 0, b"nor this", 8)
    stage.loop.apply(events.RunFinished("liar", start.run, RunEnd.SUCCESS))
    stage.loop.apply(events.RunFinished("a", start.run, RunEnd.SUCCESS))
    await stage.settle(commit=False)
    assert not [piece for batch in stage.writer.batches for piece in batch.pieces]


@staged
async def test_output_that_waits_for_the_disk_is_bounded(stage: Stage) -> None:
    """However many passes it came in: a full disk must not fill the memory."""
    peer = stage.connect()
    stage.submit()
    await stage.settle()
    (start,) = peer.take(stream.Start)
    piece = bytes(1024 * 1024)
    for n in range(OUTPUT_BYTES_MAX // len(piece)):
        stage.loop.output("a", start.run, n * len(piece), piece)
        stage.loop.ask_for_pass()
        await stage.settle(commit=False)
    assert peer.reading
    stage.loop.output("a", start.run, OUTPUT_BYTES_MAX, b"more")
    assert not peer.reading
    await stage.settle()
    assert peer.reading


@staged
async def test_a_pass_that_fails_ends_the_server(stage: Stage) -> None:
    """Its marks are gone: what memory says from then on must not be stored (R34)."""
    stage.connect()
    await stage.settle()
    block = stage.farm.jobs[stage.submit()].blocks[0]
    block.spec.capacity = cast(Any, {1, 2})  # no row can be made of that
    waiting = stage.loop.durable()
    with capture_logs() as logs:
        await stage.settle()
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["pass_failed"]
    assert isinstance(stage.loop.fatal.result(), Exception)
    assert not waiting.done()
    before = len(stage.writer.batches)
    stage.loop.durable()
    await stage.settle(commit=False)
    assert len(stage.writer.batches) == before
    await stage.loop.close()


@staged
async def test_silence_counts_anew_after_the_server_stood_still(stage: Stage) -> None:
    """A server that was stopped for minutes heard nobody: no run is lost by that (R6)."""
    stage.loop.start()
    stage.connect()
    stage.submit()
    await stage.settle()
    stood_s = 100.0
    clocks = stage.loop._clocks
    stage.loop._clocks = clocks._replace(mono=clocks.mono - stood_s, wall=clocks.wall - stood_s)
    stage.farm.serving_mono -= 10 * stood_s
    stage.loop._on_beat()
    link = stage.farm.renders["a"].link
    stage.loop.apply(events.RenderLinkLost(link, "a", silent_s=stood_s))
    stage.loop.apply(events.Tick())
    await stage.settle()
    (run,) = stage.farm.runs.values()
    assert run.current
    closing = asyncio.ensure_future(stage.loop.close())
    await stage.settle()
    await closing


@staged
async def test_a_deadline_that_passed_while_the_server_stood_still_loses_no_run(
    stage: Stage,
) -> None:
    """Its timer may come up before the beat that notices (found by the simulator)."""
    stage.loop.start()
    stage.connect()
    stage.submit()
    await stage.settle()
    link = stage.farm.renders["a"].link
    stage.loop.apply(events.RenderLinkLost(link, "a"))
    stood_s = 100.0
    clocks = stage.loop._clocks
    stage.loop._clocks = clocks._replace(mono=clocks.mono - stood_s, wall=clocks.wall - stood_s)
    stage.farm.serving_mono -= 10 * stood_s
    stage.farm.renders["a"].contact_mono -= stood_s
    stage.farm.timers[0] = (clocks.mono - 1.0, *stage.farm.timers[0][1:])
    stage.loop._tick()
    await stage.settle()
    (run,) = stage.farm.runs.values()
    assert run.current
    closing = asyncio.ensure_future(stage.loop.close())
    await stage.settle()
    await closing


@staged
async def test_closing_does_not_wait_for_a_database_that_is_away(stage: Stage) -> None:
    stage.submit()
    stage.loop.store_is_away(True)
    await stage.settle(commit=False)
    await asyncio.wait_for(stage.loop.close(), 20)
