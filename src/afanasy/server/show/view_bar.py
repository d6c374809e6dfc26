"""``p_progressbar``: 128 letters that show a block of any size (PROTOCOL 3.3, SEMANTICS 2.1).

Task ``t`` of ``n`` covers the cells ``128·t/n`` up to ``128·(t+1)/n``; a cell shows its most
important task. Nothing here loops over the tasks of a big block: states and flags are put together
for all tasks at once, as bytes, translated to ranks, and each cell is a few searches in its slice.
A million tasks take about a millisecond.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Final

from afanasy.core.state import Block
from afanasy.core.tasks import Code
from afanasy.core.transitions import RER_FLAG, WRN_FLAG

CELLS: Final = 128
#: Letters by rising importance; the place in this text is a letter's rank.
LETTERS: Final = " DUSGrTWRNYEC"
EMPTY: Final = " " * CELLS

_LETTER_OF: Final = {
    Code.READY: "r", Code.WAITING: "W", Code.RUNNING: "R", Code.RECONNECT: "C", Code.DONE: "D",
    Code.SKIPPED: "S", Code.ERROR: "E", Code.SUSPENDED: "U", Code.RETRY: "Y",
}  # fmt: skip
#: What a flag makes of a state.
_WARNED: Final = {Code.DONE: "G", Code.RUNNING: "N"}
_AFTER_ERROR: Final = {Code.READY: "Y"}
_WARNED_BIT: Final = 16
_AFTER_ERROR_BIT: Final = 32

assert max(Code) < _WARNED_BIT, "a state code and two bits of flags share a byte"


def letter(code: int, *, warned: bool = False, after_error: bool = False) -> str:
    """Letter of one task."""
    found = _LETTER_OF[Code(code)]
    if warned:
        found = _WARNED.get(Code(code), found)
    if after_error:
        found = _AFTER_ERROR.get(Code(code), found)
    return found


def _ranks() -> bytes:
    table = bytearray(256)
    for code in Code:
        for bits in range(4):
            text = letter(code, warned=bool(bits & 1), after_error=bool(bits & 2))
            table[code | bits << 4] = LETTERS.index(text)
    return bytes(table)


#: State code and flag bits of a task → rank; rank → letter.
_RANK_OF: Final = _ranks()
_LETTER_BYTES: Final = bytes(LETTERS.encode().ljust(256, b" "))
#: The low byte of a task's flags → the two bits that count here.
_BITS_OF: Final = bytes(
    (_WARNED_BIT if low & WRN_FLAG else 0) | (_AFTER_ERROR_BIT if low & RER_FLAG else 0)
    for low in range(256)
)
_LOW: Final = 0 if sys.byteorder == "little" else 1
_TRY: Final = LETTERS.index("T")


def progress_bar(block: Block) -> str:
    """The 128 letters of a block."""
    count = block.tasks_num
    columns = block.columns
    if not count:
        return EMPTY
    trying = trying_tasks(block)
    if columns is None and not trying:
        return "r" * CELLS
    if not trying and not block.warnings:
        for code, tasks in enumerate(block.counts):
            # READY may hide tasks that come after an error: those are looked for below.
            if tasks == count and code not in (Code.READY, Code.RUNNING):
                return letter(code) * CELLS
    state = bytes(columns.state[:count]) if columns is not None else bytes(count)
    ranks = _with_flags(block, state).translate(_RANK_OF)
    marks = [run.task for run in block.open.values() if run.warning]
    if marks or trying:
        changed = bytearray(ranks)
        for task in marks:
            if state[task] == Code.RUNNING:
                changed[task] = LETTERS.index("N")
        for task in trying:
            changed[task] = max(changed[task], _TRY)
        ranks = bytes(changed)
    return _wide_cells(ranks) if count < CELLS else _narrow_cells(ranks)


def trying_tasks(block: Block) -> set[int]:
    """Tasks of the block that are to be tried next and have not begun (TRY)."""
    listed, num = block.job.try_next, block.num
    # The shorter one is walked: a job may have ten thousand blocks, or list as many tasks.
    if len(listed) > block.tasks_num:
        named = [task for task in range(block.tasks_num) if (num, task) in listed]
    else:
        named = [task for of, task in listed if of == num and 0 <= task < block.tasks_num]
    waiting = (Code.READY, Code.WAITING, Code.RETRY)
    return {task for task in named if block.code(task) in waiting}


def _with_flags(block: Block, state: bytes) -> bytes:
    """One byte a task: its code, and the two flag bits that change its letter."""
    counts = block.counts
    if block.columns is None or not (block.warnings or counts[Code.READY]):
        return state
    flags = bytes(block.columns.flags[: len(state)])
    if flags == bytes(len(flags)):
        return state
    bits = flags[_LOW::2].translate(_BITS_OF)
    # Two byte strings joined by "or", as two long numbers.
    both = int.from_bytes(state, "little") | int.from_bytes(bits, "little")
    return both.to_bytes(len(state), "little")


@lru_cache(CELLS)
def _widths(count: int) -> tuple[int, ...]:
    """Cells of each task of a block with fewer tasks than cells."""
    return tuple(CELLS * (t + 1) // count - CELLS * t // count for t in range(count))


def _wide_cells(ranks: bytes) -> str:
    letters = ranks.translate(_LETTER_BYTES).decode("ascii")
    widths = _widths(len(ranks))
    return "".join([letter * width for letter, width in zip(letters, widths, strict=True)])


def _narrow_cells(ranks: bytes) -> str:
    count = len(ranks)
    present = [rank for rank in range(len(LETTERS) - 1, -1, -1) if rank in ranks]
    cells: list[str] = []
    first = 0
    for cell in range(1, CELLS + 1):
        last = -(-cell * count // CELLS)
        for rank in present:
            if ranks.find(rank, first, last) >= 0:
                cells.append(LETTERS[rank])
                break
        first = last
    return "".join(cells)
