"""Time, chance and memory of a simulated world.

**Theory.** Everything that happens is an entry of one heap: a moment, an *owner* and something to
call. Time jumps from entry to entry, so a farm's night takes a second. What dies (a process that is
killed, a host that loses power) is an owner: its entries are passed over from then on, exactly as a
killed process does nothing more. What is stopped (SIGSTOP) has its entries put off.

One ``random.Random(seed)`` decides everything that is not decided by the programs, and no set is
ever iterated; so a seed is one history, in every process and under every PYTHONHASHSEED. The
history is a list of lines; its hash tells whether two runs were the same.
"""

from __future__ import annotations

import hashlib
import random
import re
import traceback
from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final

from afanasy.model.clock import Now

#: Wall clock at the beginning: some day, unix seconds.
WALL_BEGIN: Final = 1_800_000_000.0
#: More events than this within a second are a circle.
BUSY_MAX: Final = 50_000
#: What CI asks of its set of seeds: each of these happened often enough.
MARKS: Final = (
    "partition", "adoption", "stale run", "hold", "cool-off", "licence hold", "reservation",
    "server kill", "agent restart", "host crash", "clock jump", "lost reply",
    "need refused", "service limit", "ticket limit", "branch limit", "farm reload", "farm refused",
    "pool paused",
    "post command", "pre command", "life over", "sleep", "wake", "reboot", "sub-task",
    "message twice",
)  # fmt: skip


class Violation(Exception):
    """A promise was broken. ``task`` names the task whose story tells most, "" none."""

    def __init__(self, check: str, text: str, task: str = "") -> None:
        super().__init__(check, text, task)
        self.check = check
        self.text = text
        self.task = task

    def __str__(self) -> str:
        return f"{self.check}: {self.text}"


class Owner:
    """Whoever's entries die or pause together: a process, a host's kernel, the world itself."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        #: It is stopped until then.
        self.paused_until = 0.0


def task_named(text: str) -> str:
    """The task that an assertion of the core speaks of (``core.transitions.story``), or ""."""
    found = re.search(r"job (\d+) block (\d+) task (\d+)", text)
    return ".".join(found.groups()) if found else ""


Call = Callable[..., object]


class World:
    """The heap, the clocks, the dice and the history."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        #: Seconds since the beginning.
        self.now = 0.0
        #: What jumps of the wall clock add up to.
        self.wall_jump = 0.0
        #: When it jumped last.
        self.jumped_at = -1e9
        #: Render → when somebody may have made it nimby or free by hand last.
        self.nimby_asked: dict[str, float] = {}
        #: Faults may happen; later all heals.
        self.faulty = True
        self.marks: Counter[str] = Counter()
        self.history: list[str] = []
        #: Commands of the system job that no host took for too long: serial of the job, command.
        self.given_up: dict[tuple[int, str], None] = {}
        self.failure: Violation | None = None
        self.events = 0
        self._second, self._busy = 0.0, 0
        self._nature = Owner("nature")
        self._heap: list[tuple[float, int, Owner, Call, tuple[Any, ...]]] = []
        self._count = 0

    # -------------------------------------------------------------------------------- time

    def clocks(self, offset_s: float = 0.0) -> Now:
        """Both clocks, as a process reads them whose monotonic clock began at another moment."""
        return Now(self.now + offset_s, WALL_BEGIN + self.now + self.wall_jump)

    def at(self, when: float, owner: Owner | None, call: Call, *args: Any) -> None:
        """Call later; when the owner is dead by then, never."""
        self._count += 1
        heappush(self._heap, (max(when, self.now), self._count, owner or self._nature, call, args))

    def after(self, delay_s: float, owner: Owner | None, call: Call, *args: Any) -> None:
        """The same, in so many seconds."""
        self.at(self.now + max(0.0, delay_s), owner, call, *args)

    def run(self, until: float) -> None:
        """Let time pass. Raises Violation."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            when, _, owner, call, args = heappop(heap)
            if not owner.alive:
                continue
            if owner.paused_until > when:
                self.at(owner.paused_until, owner, call, *args)
                continue
            if when >= self._second + 1.0:
                self._second, self._busy = when, 0
            self._busy += 1
            self.now = when
            self.events += 1
            if self._busy > BUSY_MAX:
                self.fail("nothing goes round in circles", f"{BUSY_MAX} events in a second: {call}")
            call(*args)
            if self.failure is not None:
                raise self.failure
        self.now = max(self.now, until)

    # ------------------------------------------------------------------------------ chance

    def chance(self, probability: float) -> bool:
        """True in so many of all cases."""
        return self.random.random() < probability

    def between(self, low: float, high: float) -> float:
        """A number between two."""
        return low + (high - low) * self.random.random()

    # ----------------------------------------------------------------------------- history

    def say(self, who: str, text: str) -> None:
        """Add a line to the history. Tasks are named ``<job.block.task>``."""
        self.history.append(f"{self.now:12.6f} {who}: {text}")

    def mark(self, name: str) -> None:
        """Something that must happen often enough in the CI set has happened."""
        self.marks[name] += 1

    def fail(self, check: str, text: str, task: str = "") -> None:
        """A promise is broken: the history ends here. Raises Violation."""
        failure = Violation(check, text, task)
        if self.failure is None:
            self.failure = failure
            self.say("CHECK", f"{check}: {text}")
        raise failure

    def crashed(self, who: str, error: Exception) -> None:
        """A program raised what it should have caught: the history ends here."""
        if self.failure is None:
            where = traceback.extract_tb(error.__traceback__)
            place = ", ".join(f"{frame.name}:{frame.lineno}" for frame in where[-4:])
            self.say("CHECK", f"{who} crashed: {error!r}")
            self.failure = Violation(
                "crash", f"{who}: {error!r} in {place}", task_named(str(error))
            )

    def digest(self) -> str:
        """What tells this history from others."""
        return hashlib.sha256("\n".join(self.history).encode()).hexdigest()[:16]

    def story(self, task: str) -> list[str]:
        """All lines that name the task, and those that name the whole world."""
        name = f"<{task}>"
        return [line for line in self.history if name in line or " FAULT: " in line]
