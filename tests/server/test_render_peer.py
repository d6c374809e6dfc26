"""What a render says becomes events of the farm."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from afanasy.core import events
from afanasy.server.loop import FarmLoop
from afanasy.server.render_peer import RenderPeer
from afanasy.wire import stream


class Loop:
    """As much of the farm's loop as a peer asks."""

    def __init__(self) -> None:
        self.applied: list[events.Event] = []

    def add_link(self, peer: RenderPeer) -> int:
        return 7

    def drop_link(self, link: int) -> None:
        pass

    def speaks(self, name: str, link: int) -> bool:
        return True

    def apply(self, event: events.Event) -> None:
        self.applied.append(event)


class Line(asyncio.Transport):
    """A connection that nobody reads."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("10.0.0.7", 4711)


def said(*messages: stream.ToServer) -> list[events.Event]:
    """The events that the messages of one render lead to."""

    async def speak() -> list[events.Event]:
        loop = Loop()
        peer = RenderPeer(cast(FarmLoop, loop))
        peer.connection_made(Line())
        peer.data_received(stream.GREETING + stream.encode_frame(list(messages)))
        peer.connection_lost(None)
        return loop.applied

    return asyncio.run(speak())


@pytest.mark.parametrize("draining", [False, True])
def test_a_hello(draining: bool) -> None:
    hello, gone = said(
        stream.Hello(
            stream.PROTOCOL_VERSION, "r1", "i1", "boot", "ann", "0.1", "linux", 1_800_000_000,
            "", 0, 2500, 3, [stream.HeldRun(2**60, 1.5)], {"cpu_num": 2},
            nimby="nimby", draining=draining,
        )
    )  # fmt: skip
    assert hello == events.RenderHello(
        7, "r1", "i1", "boot", "ann", "0.1", "linux", "10.0.0.7", 1_800_000_000, 2500, 3,
        [events.HeldRun(2**60, 1.5)], {"cpu_num": 2}, "nimby", draining,
    )  # fmt: skip
    assert isinstance(gone, events.RenderLinkLost)
