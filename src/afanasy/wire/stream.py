"""Messages between the server and its renders, and the frames that carry them.

**Theory.** A render opens one connection and keeps it. It sends the greeting (:data:`GREETING`,
whose first byte no other protocol of the port begins with), then frames. A frame is a 4-byte
big-endian length and that many bytes of JSON: *one list of messages*. Both sides gather what they
have to say and write one frame, so that 500 results or starts cost one system call and one decode.

A message is a JSON array whose first element is its tag (msgspec's ``array_like`` tagged structs):
``["stop", 931…, 204…, "skip"]``. New fields are added at the end with a default, so an older peer
reads a newer one's messages. A message with a tag that it does not know would end its link. So the
server sends a message that did not exist from the start to those renders alone whose hello names
its tag (:attr:`Hello.takes`).

**Run ids** are the integers of :mod:`afanasy.model.ids` (they exceed 2**53; both ends are ours).

**Order of a conversation.** greeting, ``hello`` → ``welcome`` (or ``refuse`` and close) → anything.
Every ``start`` names a block key; the block's ``block`` message has been sent before on the same
connection. A ``finished`` is repeated after every reconnect until an ``ack`` names its run
(DESIGN 2, the run contract). ``ping`` goes every :data:`PING_PERIOD_S` from both sides; whoever
heard nothing for :data:`DEAD_AFTER_S` closes.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, cast

import msgspec
from msgspec import Meta

from afanasy.wire.errors import PeerError

#: What a render sends first. The first byte tells our stream from text, HTTP, TLS and CGRU binary.
GREETING: Final = b"\xafFARM1\r\n"
PROTOCOL_VERSION: Final = 1
PING_PERIOD_S: Final = 5.0
DEAD_AFTER_S: Final = 16.0
#: The longest frame that is accepted, in bytes (SEMANTICS 1).
FRAME_BYTES_MAX: Final = 64 * 1024 * 1024
#: Output of one message, in bytes before base64.
OUTPUT_CHUNK_MAX: Final = 256 * 1024

# What a render may say fits the columns of the database; a frame that does not closes its link.
#: Ids, codes, frames, percents, MB.
Number = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
#: Bytes of a file; exact in JSON.
Size = Annotated[int, Meta(ge=0, le=2**53)]
#: Seconds that a run lasts; a little below zero is rounding.
Seconds = Annotated[float, Meta(ge=-1e9, le=1e9)]


class _Message(msgspec.Struct, array_like=True, gc=False, tag=True):
    """Base of all messages: a JSON array, tag first."""


# ------------------------------------------------------------------------- render → server


class HeldRun(msgspec.Struct, array_like=True, gc=False):
    """A run whose folder the render still has: running, or finished and not yet confirmed."""

    run: Number
    #: Seconds since the process was started, by a clock that does not jump.
    elapsed_s: Seconds
    #: The process has ended; its ``finished`` follows right after the hello.
    finished: bool = False
    #: Cause of a stop that is under way (R41), empty when none.
    stopping: str = ""
    #: Bytes the command has written so far.
    output_size: Size = 0


class Hello(_Message, tag="hello"):
    """Who the render is and what it holds. The first message on a connection."""

    protocol: int
    name: str
    #: Random id kept in the render's data folder (R5).
    instance: str
    #: Identifies one boot of the host: another one means that no process survived (R40).
    boot_id: str
    user_name: str
    engine: str
    os: str
    #: Wall clock, unix seconds, when this agent process was started.
    time_launch: Number
    #: Farm and highest epoch that the held runs belong to; "" and 0 when none are held (R2).
    farm_id: str
    epoch: Number
    #: ``--capacity`` and ``--max-tasks``; -1 when not given (R22).
    capacity: Number
    max_tasks: Number
    runs: list[HeldRun]
    #: Fields of SEMANTICS 10.
    resources: dict[str, object]
    #: Enrolment token, "" on loopback (RIGHTS.md).
    token: str = ""
    #: "", "nimby" or "NIMBY": the state asked for at start.
    nimby: str = ""
    #: Tags of later messages that this agent takes (:data:`LATER`).
    takes: list[str] = []
    #: It drains: no start is wanted from the very first moment (R11). An older server does not
    #: read this; so the agent says :class:`Drain` behind its welcome, too.
    draining: bool = False


class RunProgress(msgspec.Struct, array_like=True, gc=False):
    """How one running task stands. Sent when something changed, at most once a second (R44)."""

    run: Number
    #: 0..100, or -1 when the parser knows nothing.
    percent: Number
    frame: Number
    percentframe: Number
    elapsed_s: Seconds
    #: Seconds since the last progress, see R19.
    quiet_s: Seconds
    #: The parser saw a warning so far.
    warning: bool = False
    activity: str = ""
    report: str = ""
    #: Memory of the run's processes now, in MB; -1 unknown.
    memory_mb: Number = -1


class Progress(_Message, tag="progress"):
    """Progress of several runs."""

    items: list[RunProgress]


class Output(_Message, tag="output"):
    """A piece of a run's output.

    ``offset`` counts in the run's whole output; a gap to the bytes sent before means that the
    middle of a flood was left out.
    """

    run: Number
    offset: Size
    data: bytes


class Finished(_Message, tag="finished"):
    """A run has ended: no process of it is left (R42).

    ``status`` is one of the codes of :class:`afanasy.model.states.RunEnd`.
    """

    run: Number
    status: Number
    #: Exit code of the command, or -1 when there was none (killed, never started).
    exit_status: Number
    #: Signal that ended the command, 0 when none.
    signal: Number
    elapsed_s: Seconds
    percent: Number = -1
    frame: Number = -1
    percentframe: Number = -1
    warning: bool = False
    #: Class of the error (R18), "" when not an error or not classified.
    error_class: str = ""
    cpu_s: Seconds = -1.0
    memory_peak_mb: Number = -1
    #: Lines for the task's log: from the service, the parser and the agent.
    log: list[str] = []
    activity: str = ""
    report: str = ""
    #: Bytes the command wrote in all, and the last piece of what the server lacks.
    output_size: Size = 0
    output_offset: Size = 0
    output: bytes = b""
    #: Result files the parser saw, in server paths.
    files: list[str] = []


class Resources(_Message, tag="resources"):
    """Load of the host: the fields of SEMANTICS 10."""

    values: dict[str, object]


class Bye(_Message, tag="bye"):
    """The agent exits after it stopped its tasks (R11): deregister, tasks go back without error."""

    reason: str


class Drain(_Message, tag="drain"):
    """``afrender --drain``: send no new work; ``on`` false takes it back."""

    on: bool


class Ping(_Message, tag="ping"):
    """Sent by both sides every :data:`PING_PERIOD_S`; needs no answer."""


ToServer = Hello | Progress | Output | Finished | Resources | Bye | Drain | Ping

# ------------------------------------------------------------------------- server → render


class Welcome(_Message, tag="welcome"):
    """The render is registered."""

    protocol: int
    farm_id: str
    epoch: int
    version: str
    #: Bytes of output the server already has, for each held run that it adopted.
    output_sizes: list[tuple[int, int]]
    resources_period_s: float = 5.0
    #: Between frames of progress (R44).
    progress_period_s: float = 1.0


class Refuse(_Message, tag="refuse"):
    """The render may not register; the connection is closed. It tries again later (R5)."""

    code: str
    text: str


class Block(_Message, tag="block"):
    """What the tasks of one block have in common. Sent before the first start that needs it.

    A later message with the same key replaces it for later starts (the block was edited).
    """

    key: int
    job_serial: int
    job_id: int
    job_name: str
    user_name: str
    block_num: int
    block_name: str
    service: str
    #: "" = the service's default, "-" = none (R47).
    parser: str
    parser_coeff: int
    command: str
    working_directory: str
    environment: dict[str, str]
    files: list[str]
    flags: int
    frames_inc: int
    capacity: int
    file_size_min: int = -1
    file_size_max: int = -1
    tickets: dict[str, int] = {}
    job_custom_data: str = ""
    block_custom_data: str = ""
    user_custom_data: str = ""
    #: The job's folders and the working directories of its blocks, each once (R23).
    job_folders: list[str] = []


class Start(_Message, tag="start"):
    """Start one task. Sent only after the run is committed."""

    run: int
    epoch: int
    block: int
    task: int
    #: Which start of the task this is, from 1 (names the output).
    number: int
    task_name: str
    frame_start: int
    frame_finish: int
    frames_num: int
    #: Coefficient of variable capacity, 0 when the block has none.
    capacity_coeff: int = 0
    #: The task's own record; empty for numeric blocks.
    command: str = ""
    files: list[str] = []
    environment: dict[str, str] = {}


class Stop(_Message, tag="stop"):
    """End a run: TERM, 10 s, KILL (SEMANTICS 8.2). Repeating it is harmless."""

    run: int
    epoch: int
    #: Why, for the run's log: "restart", "skip", "max run time", "lost the right to count" …
    cause: str


class Ack(_Message, tag="ack"):
    """The results of these runs are committed: forget them, their folders may go."""

    runs: list[int]


class Instruct(_Message, tag="instruct"):
    """An order to the agent itself: ``exit``, ``restart``, ``sleep``, ``reboot``, ``shutdown``,
    ``launch``, ``launch_exit``; ``command`` is what to launch.
    """

    what: str
    command: str = ""


class Pace(_Message, tag="pace"):
    """How often the render speaks from now on; its welcome said it first. A later message."""

    resources_period_s: float
    progress_period_s: float


#: Tags that protocol 1 did not have when it began.
LATER: Final = ("pace",)

ToRender = Welcome | Refuse | Block | Start | Stop | Ack | Instruct | Pace | Ping

# ----------------------------------------------------------------------------------- codec

_SURROGATE = re.compile("[\ud800-\udfff]")
_encoder = msgspec.json.Encoder()
_to_server = msgspec.json.Decoder(list[ToServer])
_to_render = msgspec.json.Decoder(list[ToRender])


def encode_frame(messages: list[ToServer] | list[ToRender]) -> bytes:
    """One frame with all ``messages``, in order.

    Lone surrogates (file names that are not UTF-8) become ``\ufffd``: no database stores them.
    """
    try:
        body = _encoder.encode(messages)
    except UnicodeEncodeError:
        body = _encoder.encode(_without_surrogates(msgspec.to_builtins(messages)))
    return len(body).to_bytes(4, "big") + body


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value).items()
        return {_without_surrogates(key): _without_surrogates(item) for key, item in pairs}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in cast("list[Any]", value)]
    return value


class FrameReader:
    """Cuts a byte stream into frames and decodes them. Sans I/O.

    ``feed`` takes whatever arrived and returns the messages that are complete. It raises
    :class:`PeerError` when the peer broke the protocol; the connection is then unusable.
    """

    def __init__(self, *, at_server: bool, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._decoder = _to_server if at_server else _to_render
        self._frame_bytes_max = frame_bytes_max
        self._greeting_left = GREETING if at_server else b""
        self._buffer = bytearray()

    def feed(self, data: bytes | bytearray | memoryview) -> list[ToServer | ToRender]:
        """Messages completed by ``data``, in order. Raises PeerError: the peer's fault."""
        buffer = self._buffer
        buffer += data
        if self._greeting_left:
            self._take_greeting()
            if self._greeting_left:
                return []
        messages: list[ToServer | ToRender] = []
        position = 0
        end = len(buffer)
        while end - position >= 4:
            length = int.from_bytes(buffer[position : position + 4], "big")
            if length > self._frame_bytes_max:
                raise PeerError(
                    f"a frame of {length} bytes; the most is {self._frame_bytes_max}",
                    hint="send less at once",
                )
            if end - position - 4 < length:
                break
            body = bytes(buffer[position + 4 : position + 4 + length])
            position += 4 + length
            try:
                messages.extend(self._decoder.decode(body))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise PeerError(f"a frame that is not a list of messages: {error}") from None
        del buffer[:position]
        return messages

    def _take_greeting(self) -> None:
        expected = self._greeting_left
        have = bytes(self._buffer[: len(expected)])
        if not expected.startswith(have):
            raise PeerError("the greeting of the render stream is wrong", hint="update afrender")
        self._greeting_left = expected[len(have) :]
        del self._buffer[: len(have)]
