"""Mail and web hooks of the simulated farm: a receiver that is away at times.

:class:`SimDeliverer` is what the loop hands messages to, in the place of
:class:`afanasy.server.deliver.Deliverer`: it dies with the server's process, tries again when the
receiver does not answer, and says what is settled. :class:`Receiver` is the other end; it outlives
every server and remembers what arrived.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from afanasy.core.system.message import Message
from afanasy.core.system.messages import ROW_PREFIX
from afanasy.sim.process_loop import ProcessLoop
from afanasy.sim.world import World

if TYPE_CHECKING:
    from afanasy.core.rows import Rows

AGAIN_S: Final = 5.0


class Receiver:
    """Everybody who is told of events, and the checker of what they hear."""

    def __init__(self, world: World) -> None:
        self._world = world
        #: How often it does not answer, while things go wrong.
        self.away = world.random.choice((0.2, 0.6, 0.97))
        #: Id of a message → how often it came.
        self.arrived: Counter[str] = Counter()
        #: (event, serial of the job) that were told of.
        self.told: Counter[tuple[str, int]] = Counter()
        #: Keys of messages that the disk has had, → their ids.
        self.owed: dict[str, str] = {}

    def on_commit(self, rows: Rows) -> None:
        """A batch is on the disk: whatever message it has must arrive some day."""
        for name, value in rows.upserts.get("meta", ()):
            if name.startswith(ROW_PREFIX):
                self.owed[name] = msgspec.json.decode(value, type=Message).id

    def take(self, message: Message) -> None:
        """A message arrives."""
        world = self._world
        world.say("receiver", f"hears {message.subject}")
        if not self.arrived[message.id] and f"{ROW_PREFIX}{message.key}" not in self.owed:
            world.fail("a message is sent after its commit", f"{message.id}: {message.subject}")
        self.arrived[message.id] += 1
        if self.arrived[message.id] > 1:
            world.mark("message twice")
        elif message.kind == "webhook":
            document: dict[str, Any] = msgspec.json.decode(message.text)
            for event in document["events"]:
                self.told[event, document.get("job", {}).get("serial", -1)] += 1

    def check_end(self) -> None:
        """All that was owed has arrived."""
        for name, message in self.owed.items():
            if not self.arrived[message]:
                self._world.fail("a committed message arrives", f"{name} {message}")


class SimDeliverer:
    """Sends messages, as long as its server lives."""

    def __init__(
        self,
        receiver: Receiver,
        process: ProcessLoop,
        settled: Callable[[int], object],
    ) -> None:
        self._receiver = receiver
        self._process = process
        self._world = process.world
        self._settled = settled

    def send(self, message: Message) -> None:
        """Send it, now or later."""
        self._world.after(self._world.between(0.01, 2.0), self._process, self._try, message)

    def _try(self, message: Message) -> None:
        world = self._world
        if world.faulty and world.chance(self._receiver.away):
            world.after(AGAIN_S, self._process, self._try, message)
            return
        self._receiver.take(message)
        world.after(world.between(0.001, 1.0), self._process, self._done, message.key)

    def _done(self, key: int) -> None:
        self._process.enter(self._settled, key)
