"""Mail and web hooks that the server has still to send (SEMANTICS 12.2, R23).

The core makes them, stores each as a row of the table ``meta``, and leaves the effect ``Send``. The
shell sends them and says :class:`afanasy.core.events.MessageSettled` when one arrived or was given
up. A server that dies in between sends again what was not settled: at least once, with the same id.
"""

from __future__ import annotations

from typing import Final

import msgspec

from afanasy.core.effects import Note, Send
from afanasy.core.state import Farm
from afanasy.core.system import system_job
from afanasy.core.system.message import Message
from afanasy.core.system.system_job import next_number
from afanasy.model.clock import Now

ROW_PREFIX: Final = "message/"
#: Messages that may wait to be sent; further ones are dropped with a note.
MESSAGES_MAX: Final = 10_000


def post(
    farm: Farm, kind: str, to: list[str], subject: str, text: str, now: Now, *, job: int = 0
) -> None:
    """Store a message and have it sent after the commit."""
    if len(farm.messages) >= MESSAGES_MAX:
        farm.effects.append(Note("message_dropped", {"kind": kind, "subject": subject}))
        return
    key = next_number(farm)
    message = Message(f"{farm.farm_id}-{key}", key, kind, to, subject, text, now.wall, job)
    farm.messages[key] = message
    farm.changes.kept[f"{ROW_PREFIX}{key}"] = message
    farm.effects.append(Send(message))


def settled(farm: Farm, key: int, problem: str = "") -> None:
    """It arrived, or was given up: the log of its job says so, or of the server's own job."""
    message = farm.messages.pop(key, None)
    if message is None:
        return
    farm.changes.kept[f"{ROW_PREFIX}{key}"] = None
    job = farm.jobs.get(message.job) or farm.jobs.get(system_job.SERIAL)
    if problem and job is not None:
        job.say(problem)
        farm.changes.jobs[job.serial] = job


def restore_message(farm: Farm, value: str) -> None:
    """A message that was not settled, of its stored row."""
    message = msgspec.json.decode(value, type=Message)
    farm.messages[message.key] = message


def restored(farm: Farm) -> None:
    """All are there: send them again, oldest first."""
    farm.messages = dict(sorted(farm.messages.items()))
    farm.effects += [Send(message) for message in farm.messages.values()]
