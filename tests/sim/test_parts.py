"""The world's parts: time, links, dead processes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from afanasy.sim.network import SERVER, STREAM_PORT, Network
from afanasy.sim.process_loop import ProcessLoop
from afanasy.sim.world import Owner, Violation, World


class Ear(asyncio.Protocol):
    """Notes what a protocol is told."""

    def __init__(self) -> None:
        self.data = b""
        self.lost: list[Exception | None] = []
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)


class Pair:
    """A server and a render, and the link between them."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.network = Network(self.world)
        self.server = ProcessLoop(self.world, "server", SERVER, self.network)
        self.render = ProcessLoop(self.world, "render", "r0", self.network)
        self.here, self.there = Ear(), Ear()
        self.network.listen(self.server, lambda _port: self.there)
        self.render.create_task(self.dial())
        self.world.run(15.0)

    async def dial(self) -> None:
        await self.render.create_connection(lambda: self.here, SERVER, STREAM_PORT)

    def say(self, pieces: int) -> bytes:
        text = b""
        for n in range(pieces):
            piece = b"%d," % n
            text += piece
            self.here.transport.write(piece)
        return text


@pytest.mark.parametrize("seed", range(20))
def test_bytes_arrive_in_order_and_once(seed: int) -> None:
    pair = Pair(seed)
    text = pair.say(200)
    pair.world.run(2000.0)
    assert pair.there.data == text


@pytest.mark.parametrize("seed", range(20))
def test_a_cut_loses_an_end_and_nothing_else(seed: int) -> None:
    pair = Pair(seed)
    text = pair.say(200)
    pair.world.run(pair.world.now + 0.02)
    pair.network.cut("r0")
    pair.world.run(2000.0)
    assert text.startswith(pair.there.data)


def test_what_is_sent_into_a_partition_arrives_when_it_ends() -> None:
    pair = Pair(1)
    pair.network.block("r0", SERVER)
    text = pair.say(10)
    pair.world.run(pair.world.now + 100.0)
    assert pair.there.data == b""
    pair.network.unblock("r0", SERVER)
    pair.world.run(pair.world.now + 100.0)
    assert pair.there.data == text


def test_a_killed_process_does_nothing_more_and_its_peer_hears_of_it() -> None:
    pair = Pair(1)
    rung: list[str] = []
    pair.render.call_later(5.0, rung.append, "alarm")
    pair.render.kill()
    pair.world.run(pair.world.now + 60.0)
    assert rung == []
    assert pair.here.lost == []
    assert pair.there.lost == [None]


def test_a_host_without_power_says_nothing() -> None:
    pair = Pair(1)
    pair.network.host_down("r0")
    pair.render.kill()
    pair.world.run(pair.world.now + 60.0)
    assert pair.there.lost == []


def test_a_stopped_process_wakes_with_everything_in_order() -> None:
    world = World(0)
    owner = Owner("sleeper")
    heard: list[tuple[int, float]] = []
    for n in range(3):
        world.at(1.0 + n, owner, lambda n=n: heard.append((n, world.now)))
    owner.paused_until = 10.0
    world.run(20.0)
    assert heard == [(0, 10.0), (1, 10.0), (2, 10.0)]


def test_a_circle_of_events_is_a_failure() -> None:
    world = World(0)

    def again() -> None:
        world.after(0.0, None, again)

    again()
    with pytest.raises(Violation, match="nothing goes round in circles"):
        world.run(1.0)
