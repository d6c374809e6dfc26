"""What a render's core is told, and what it answers.

**Events** are what happened: a message of the server (the structs of :mod:`afanasy.wire.stream` are
events as they stand), an act of the host's processes, a moment that came. **Effects** are what the
shell shall do, in order. All of them are plain data, so that a simulator can play the shell.
"""

from __future__ import annotations

import msgspec

from afanasy.model.states import RunEnd
from afanasy.wire.stream import (
    Ack,
    Block,
    Finished,
    Instruct,
    Start,
    Stop,
    ToServer,
    Welcome,
)


class _Fact(msgspec.Struct, gc=False):
    """Base of events and effects."""


# ------------------------------------------------------------------------------------- events


class CommandEnded(_Fact):
    """The wrapper of a run has ended."""

    run: int
    #: Exit code as the shell gives it (128 + n for a signal n), -1 when nobody wrote one.
    status: int
    #: Signal that ended the wrapper itself, 0 when none or unknown.
    signal: int = 0
    #: Seconds from begin to end; -1: count from the begin to this event.
    elapsed_s: float = -1.0
    cpu_s: float = -1.0
    #: The working directory was missing, the run folder was used (SEMANTICS 1.6).
    no_directory: bool = False


class HeldFolder(_Fact):
    """A run folder that a starting agent found (:class:`Restored`)."""

    run: int
    elapsed_s: float
    #: None: its process lives.
    ended: CommandEnded | None = None
    #: The stored result, when there is one.
    result: Finished | None = None
    #: From the file `stopping`: who wanted the stop, its cause, the parser's verdict (0 = none).
    stop_by: str = ""
    stop_cause: str = ""
    verdict: int = 0


class Restored(_Fact):
    """The agent started and read its data folder."""

    folders: list[HeldFolder]
    #: Farm and highest epoch that the agent served last.
    farm_id: str = ""
    epoch: int = 0


class Linked(_Fact):
    """A server answered the hello."""

    welcome: Welcome


class Unlinked(_Fact):
    """The connection is gone."""


class Began(_Fact):
    """The wrapper of a run was spawned."""

    run: int


class NotBegun(_Fact):
    """A run cannot start (``FAILED_TO_START``) or need not (``SKIP``)."""

    run: int
    status: RunEnd
    log: list[str]
    error_class: str = ""


class Verdict(_Fact):
    """The parser decided how the run ends: PARSER_ERROR, PARSER_FATAL or PARSER_SUCCESS."""

    run: int
    status: RunEnd
    line: str


class LeftOver(_Fact):
    """The command ended but processes of its run live on."""

    run: int
    names: list[str]


class Emptied(_Fact):
    """No process of the run is left."""

    run: int


class OutputRead(_Fact):
    """The output was parsed to its end, and what service and parser say about the end."""

    run: int
    #: The service accepts the exit status (usually: it is 0).
    exit_ok: bool
    percent: int = -1
    frame: int = -1
    percentframe: int = -1
    warning: bool = False
    activity: str = ""
    report: str = ""
    #: The line that made the result bad, "" when none did.
    bad_result: str = ""
    error_class: str = ""
    files: list[str] = []
    log: list[str] = []
    memory_peak_mb: int = -1
    #: Flag checkrenderedfiles: the files are to be checked after a success.
    check_files: bool = False


class FilesChecked(_Fact):
    """The rendered files were checked; ``why`` says what is bad, "" nothing."""

    run: int
    why: str
    log: list[str] = []


class PostsEnded(_Fact):
    """The post commands ran; ``why`` says what failed, "" nothing."""

    run: int
    why: str
    log: list[str] = []


class Stored(_Fact):
    """The results of these runs are on the disk."""

    runs: list[int]


class Clock(_Fact):
    """A moment named by :meth:`RenderCore.deadline` came."""


class Leave(_Fact):
    """The agent shall stop its tasks and exit; ``urgent``: without the 10 s (R11)."""

    urgent: bool = False


class DrainWanted(_Fact):
    """Take no new work, exit when nothing is held any more."""

    on: bool = True


Event = (
    Restored | Linked | Unlinked | Began | NotBegun | CommandEnded | Verdict | LeftOver | Emptied
    | OutputRead | FilesChecked | PostsEnded | Stored | Clock | Leave | DrainWanted
    | Start | Stop | Ack | Block | Instruct
)  # fmt: skip

# ------------------------------------------------------------------------------------ effects


class Launch(_Fact):
    """Make the run folder and start the command; answer Began or NotBegun."""

    start: Start
    block: Block


class Terminate(_Fact):
    """Write `stopping`, then TERM to every process of the run."""

    run: int
    by: str
    cause: str
    verdict: int


class Look(_Fact):
    """See whether processes of an ended run are left; answer LeftOver or Emptied."""

    run: int


class EndLeftOvers(_Fact):
    """TERM to what is left of a run whose command ended; Emptied when it is gone."""

    run: int


class Kill(_Fact):
    """Stop and kill every process of the run until none is left; answer Emptied."""

    run: int


class ReadOut(_Fact):
    """Parse the output to its end; answer OutputRead (a Verdict may come before)."""

    run: int
    #: Exit code for the parser and the service, -n for signal n.
    status: int


class CheckFiles(_Fact):
    """Ask the service about the rendered files; answer FilesChecked."""

    run: int


class RunPosts(_Fact):
    """Run the post commands; answer PostsEnded."""

    run: int


class Store(_Fact):
    """Make the result durable; answer Stored."""

    result: Finished


class SendResult(_Fact):
    """Send what the server lacks of the output, and the result."""

    result: Finished


class Send(_Fact):
    """Send a message when linked."""

    message: ToServer


class HasOutput(_Fact):
    """The server has this many bytes of a run's output; go on from there."""

    run: int
    size: int


class Forget(_Fact):
    """The run's folder may go."""

    run: int


class KeepFarm(_Fact):
    """Remember the farm and its epoch across restarts of the agent."""

    farm_id: str
    epoch: int


class Registered(_Fact):
    """The server took us."""

    welcome: Welcome


class CloseLink(_Fact):
    """Close the connection; ``why`` is a sentence for the log. It will be tried again."""

    why: str


class Note(_Fact):
    """A sentence for the agent's log."""

    text: str


class Restart(_Fact):
    """Execute the agent's program again; tasks go on (R11)."""


class Execute(_Fact):
    """Run a command beside all tasks: that of the host for ``sleep`` …, or ``command``."""

    what: str
    command: str = ""


class Exit(_Fact):
    """Say goodbye and exit."""

    reason: str


Effect = (
    Launch | Terminate | Look | EndLeftOvers | Kill | ReadOut | CheckFiles | RunPosts | Store
    | SendResult | Send | HasOutput | Forget | KeepFarm | Registered | CloseLink | Note | Exit
    | Restart | Execute
)  # fmt: skip
