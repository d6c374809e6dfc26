"""What the core wants done. The shell turns each into input or output, after the batch's commit.

Effects hold plain data or the objects they speak of; the shell makes messages of them in the same
pass of the loop, before anything can change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from afanasy.core.state import Run
    from afanasy.core.system.message import Message


@dataclass(slots=True, frozen=True)
class Start:
    """Tell the run's render to start it. Never sent before the run is committed."""

    run: Run


@dataclass(slots=True, frozen=True)
class Stop:
    """Tell a render to end a run, by id: the run may be one nobody knows any more."""

    render: str
    run_id: int
    cause: str


@dataclass(slots=True, frozen=True)
class Acknowledge:
    """The result of this run is settled; the render may forget it."""

    render: str
    run_id: int


@dataclass(slots=True, frozen=True)
class Welcome:
    """The render is registered; ``adopted`` are the held runs that go on."""

    render: str
    link: int
    adopted: tuple[int, ...]


@dataclass(slots=True, frozen=True)
class Refuse:
    """This connection may not speak for the render."""

    link: int
    code: str
    text: str


@dataclass(slots=True, frozen=True)
class Disconnect:
    """Another connection replaced this one (R5)."""

    link: int


@dataclass(slots=True, frozen=True)
class InstructRender:
    """An order to the agent: ``exit``, ``restart``, ``sleep``, ``reboot``, ``shutdown``,
    ``launch``, ``launch_exit``; ``command`` is what to launch.
    """

    render: str
    what: str
    command: str = ""


@dataclass(slots=True, frozen=True)
class SetPace:
    """Tell the agent how often to speak from now on: seconds between frames of progress, and
    between reports of resources (0 = the server's own period).
    """

    render: str
    heartbeat_s: int
    resources_period_s: int


@dataclass(slots=True, frozen=True)
class Send:
    """Send this mail or web hook; it may have been sent before a restart."""

    message: Message


@dataclass(slots=True, frozen=True)
class Note:
    """Something worth a line in the log. ``code`` is constant, ``fields`` vary."""

    code: str
    fields: dict[str, object]


Effect = (
    Start | Stop | Acknowledge | Welcome | Refuse | Disconnect | InstructRender | SetPace | Send
    | Note
)  # fmt: skip
