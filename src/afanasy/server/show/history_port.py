"""What lies on disk, as answers need it: ended runs of a task, and output of any run.

:class:`HistoryPort` is what ``get`` asks; :class:`StoreHistory` is the real one, which reads in
threads so that the loop never waits for a disk.

**Offsets.** A follower asks again and again for what came after the ``offset`` of the last answer.
Offsets count the bytes that the command wrote, so they mean the same while the run goes on and
after its output was put together and packed. A flood has lost its middle: then a line says how many
bytes are left out, and an offset inside the gap continues with that line. A UTF-8 character cut by
the end of what has arrived is held back for the next answer.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from afanasy.model.errors import UserError
from afanasy.store import history
from afanasy.store.history import PastRun, TaskRun
from afanasy.store.outputs import OutputFiles, Place, assemble

T = TypeVar("T")

#: How long an answer waits for the writer before it is given without the newest run.
SETTLE_S: Final = 2.0
#: The line that stands for left out bytes, as :func:`afanasy.store.outputs.assemble` writes it.
_LEFT_OUT = re.compile("\n\\[ … ([0-9]{1,18}) bytes of output left out … \\]\n".encode())


class OutputText(NamedTuple):
    """A part of a run's output, and the offset to ask with for the next part."""

    text: str
    offset: int


class WantedOutput(NamedTuple):
    """A run whose output is wanted whole; ``total`` as :meth:`HistoryPort.output` has it."""

    run: int
    total: int = 0
    running: bool = False


class HistoryPort(Protocol):
    """What answers need from the disk."""

    async def runs_of_task(self, block: int, task: int) -> list[PastRun]:
        """The ended runs of a task, oldest first. Raises UserError when the database is away."""
        ...

    async def output(
        self, run: int, offset: int, *, total: int = 0, running: bool = False
    ) -> OutputText | None:
        """The output of a run after ``offset``; None when there is none.

        ``total``: bytes the command wrote in all, when it has ended.
        """
        ...

    async def read_outputs(
        self, wanted: Sequence[WantedOutput], bytes_max: int
    ) -> list[OutputText | None]:
        """The outputs of these runs in their order, None where there is none.

        It ends with the one that makes them longer than ``bytes_max`` together.
        """
        ...

    async def runs_of_tasks(self, block: int, first: int, last: int, limit: int) -> list[TaskRun]:
        """The first ``limit`` ended runs of a range of tasks, task by task, oldest first."""
        ...

    async def runs_by_id(self, runs: Sequence[int]) -> dict[int, TaskRun]:
        """The ended ones of these runs, whatever job they are of."""
        ...

    async def submission(self, serial: int) -> list[tuple[int, str]]:
        """``(part, JSON)`` of what made a job, also a deleted one; [] when it is not kept."""
        ...

    async def settled(self) -> None:
        """Return when everything that memory knows is on disk, or after :data:`SETTLE_S`."""
        ...


class StoreHistory:
    """The history in the database and the folder of outputs."""

    def __init__(
        self, engine: sa.Engine, outputs: OutputFiles, durable: Callable[[], Awaitable[None]]
    ) -> None:
        self._engine = engine
        self._outputs = outputs
        self._durable = durable

    async def runs_of_task(self, block: int, task: int) -> list[PastRun]:
        """See :class:`HistoryPort`."""
        return await _in_thread(lambda: history.runs_of_task(self._engine, block, task))

    async def output(
        self, run: int, offset: int, *, total: int = 0, running: bool = False
    ) -> OutputText | None:
        """See :class:`HistoryPort`."""
        return await _in_thread(lambda: self._output(run, offset, total, running))

    async def read_outputs(
        self, wanted: Sequence[WantedOutput], bytes_max: int
    ) -> list[OutputText | None]:
        """See :class:`HistoryPort`."""
        return await _in_thread(lambda: self._outputs_of(wanted, bytes_max))

    async def runs_of_tasks(self, block: int, first: int, last: int, limit: int) -> list[TaskRun]:
        """See :class:`HistoryPort`."""
        return await _in_thread(
            lambda: history.runs_of_tasks(self._engine, block, first, last, limit)
        )

    async def runs_by_id(self, runs: Sequence[int]) -> dict[int, TaskRun]:
        """See :class:`HistoryPort`."""
        return await _in_thread(lambda: history.runs_by_id(self._engine, runs))

    async def submission(self, serial: int) -> list[tuple[int, str]]:
        """See :class:`HistoryPort`."""
        return await _in_thread(lambda: history.submission(self._engine, serial))

    async def settled(self) -> None:
        """See :class:`HistoryPort`."""
        try:
            await asyncio.wait_for(asyncio.ensure_future(self._durable()), SETTLE_S)
        except TimeoutError:
            return  # the database is away: what it has is told without the newest

    def _outputs_of(
        self, wanted: Sequence[WantedOutput], bytes_max: int
    ) -> list[OutputText | None]:
        places = history.places(self._engine, [one.run for one in wanted if not one.running])
        found: list[OutputText | None] = []
        length = 0
        for one in wanted:
            place = places.get(one.run)
            output = self._read(place, 0, one.total) if place is not None else None
            found.append(output or self._output(one.run, 0, one.total, one.running))
            length += len(found[-1].text) if found[-1] else 0
            if length > bytes_max:
                break
        return found

    def _output(self, run: int, offset: int, total: int, running: bool) -> OutputText | None:
        # A run that ends meanwhile moves from its live file to a segment: looked for twice.
        for _ in range(2):
            if not running:
                packed = self._packed(run, offset, total)
                if packed is not None:
                    return packed
            pieces = self._outputs.live_pieces(run)
            if pieces:
                return _text(*tail_of_pieces(pieces, offset), running=running)
            running = False
        return None

    def _packed(self, run: int, offset: int, total: int) -> OutputText | None:
        place = history.places(self._engine, [run]).get(run)
        return None if place is None else self._read(place, offset, total)

    def _read(self, place: Place, offset: int, total: int) -> OutputText | None:
        try:
            data = self._outputs.read(place)
        except (OSError, zlib.error):
            return None  # its segment is gone
        return _text(*tail_of_packed(data, offset, total), running=False)


async def _in_thread(function: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(function)
    except OperationalError:
        raise UserError(
            "store_unavailable",
            "the database is away; what it keeps cannot be read now",
            "try again in a moment",
        ) from None


def tail_of_pieces(pieces: list[tuple[int, bytes]], offset: int) -> tuple[bytes, int]:
    """What the pieces of a live file have after ``offset``, and how far they reach."""
    later = [
        (max(0, start - offset), data[max(0, offset - start) :])
        for start, data in pieces
        if start + len(data) > offset
    ]
    return assemble(later, 0), max(start + len(data) for start, data in pieces)


def tail_of_packed(data: bytes, offset: int, total: int) -> tuple[bytes, int]:
    """What a packed output has after ``offset``, and how many bytes the command wrote in all.

    Stretches between the lines of left out bytes lie one after another in the command's output; the
    last stretch ends where the output ended.
    """
    written = 0
    place = 0
    found = -1
    for gap in _LEFT_OUT.finditer(data):
        length = gap.start() - place
        if found < 0 and offset < written + length:
            found = place + offset - written
        written += length
        if found < 0 and offset < written + int(gap[1]):
            found = gap.start()
        written += int(gap[1])
        place = gap.end()
    last = len(data) - place
    end = max(total, written + last) if place else written + last
    if found < 0:
        found = place + max(0, offset - (end - last))
    return data[found:], max(end, total)


def _text(data: bytes, end: int, *, running: bool) -> OutputText:
    held = _cut_character(data) if running else 0
    if held:
        data = data[:-held]
    return OutputText(data.decode("utf-8", "replace"), end - held)


def _cut_character(data: bytes) -> int:
    """Bytes at the end that begin a UTF-8 character whose rest has not come."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = (
            2 if byte >> 5 == 0b110 else 3 if byte >> 4 == 0b1110 else 4 if byte >> 3 == 30 else 1
        )
        return back if length > back else 0
    return 0
