"""People at their desks: requests in the text framing, replies that get lost, and second tries.

A person dials, sends one request and waits for the answer. When none comes he does not know whether
it was done; he asks again. So a submission may be there twice (as in real life), and what he was
told once must hold for ever: that is what the checker watches on the server's side.
"""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, Final, cast

from afanasy.sim.network import TEXT_PORT, Network
from afanasy.sim.plan import Deed
from afanasy.sim.process_loop import ProcessLoop
from afanasy.sim.world import World
from afanasy.wire.text_frame import TextFrameReader, encode_text_frame

ANSWER_TIMEOUT_S: Final = 20.0
TRIES: Final = 4
DESK: Final = "desk"


class _Asking(asyncio.Protocol):
    """One request on one connection."""

    def __init__(self, loop: ProcessLoop, body: bytes) -> None:
        self._body = body
        self._reader = TextFrameReader()
        self.answer: asyncio.Future[bytes | None] = loop.create_future()
        self._transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(encode_text_frame(self._body))

    def data_received(self, data: bytes) -> None:
        answer = self._reader.feed(data)
        if answer is not None and not self.answer.done():
            self.answer.set_result(answer)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_result(None)


class People:
    """Everybody who asks for something."""

    def __init__(self, world: World, network: Network) -> None:
        self._world = world
        self.loop = ProcessLoop(world, "desk", DESK, network)
        #: Submission → serial, as a reply told it.
        self.serials: dict[int, int] = {}
        #: Submission → (small id, owner) of the job.
        self._ids: dict[int, tuple[int, str]] = {}

    def do(self, deed: Deed) -> None:
        """Begin a deed."""
        self.loop.create_task(self._do(deed))

    async def _do(self, deed: Deed) -> None:
        body = deed.body
        if deed.what == "submit":
            request = {"job": body}
        elif deed.what == "move":
            if deed.job not in self._ids:
                return
            jid, owner = self._ids[deed.job]
            operation = {**body, "jids": [jid]}
            request = {
                "action": {
                    "type": "users", "mask": owner, "operation": operation,
                    "user_name": owner, "host_name": DESK,
                }
            }  # fmt: skip
        elif deed.what == "user":
            request = {"user": body}
        else:
            if deed.job >= 0:
                serial = self.serials.get(deed.job)
                if serial is None:
                    return
                body = {**body, "serials": [serial]}
            request = {"action": body}
        text, taken = json.dumps(request), _taken_by_hand(body)
        self._world.say(DESK, f"asks for {deed.what} {_short(request)}")
        for _ in range(TRIES):
            if taken:
                self._world.nimby_asked[taken] = math.inf  # any time from now on
            answer = await self._ask(text.encode())
            if answer is None:
                self._world.mark("lost reply")
                self._world.say(DESK, f"got no reply to {deed.what}")
                await asyncio.sleep(self._world.between(0.5, 5.0))
                continue
            if "store_unavailable" in answer or "database is away" in answer:
                await asyncio.sleep(self._world.between(1.0, 5.0))
                continue
            if taken:
                self._world.nimby_asked[taken] = self._world.now
            reply: dict[str, Any] = json.loads(answer)
            self._world.say(DESK, f"is told of {deed.what}: {answer[:120]}")
            if deed.what == "submit" and reply.get("serial"):
                self.serials[deed.job] = int(reply["serial"])
                self._ids[deed.job] = int(reply["id"]), str(deed.body["user_name"])
            return

    async def _ask(self, body: bytes) -> str | None:
        loop = self.loop
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                transport, protocol = await loop.create_connection(
                    lambda: _Asking(loop, body), "server", TEXT_PORT
                )
                try:
                    answer = await cast(_Asking, protocol).answer
                finally:
                    transport.close()
        except (OSError, TimeoutError):
            return None
        return None if answer is None else answer.decode()


def _taken_by_hand(body: dict[str, Any]) -> str:
    """The render that an action makes nimby or free; "" = none."""
    params = body.get("params", {})
    return str(body["mask"]) if {"nimby", "NIMBY"} & params.keys() else ""


def _short(request: dict[str, Any]) -> str:
    action = request.get("action")
    if action is None:
        return ""
    what = action.get("operation", {}).get("type") or action.get("params")
    return f"{what} of {action.get('serials') or action.get('mask')}"
