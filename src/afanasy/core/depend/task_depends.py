"""Tasks that wait for tasks: what follows from a block's links (SEMANTICS 4, S22, S23).

A task that was not started is WAITING while a task that it needs
(:mod:`afanasy.core.depend.overlap`) is not done, and READY otherwise. Nothing else decides between
these two codes, so they are not stored for their own sake: a restored farm finds them again.
Running and done tasks are left alone, whatever becomes of what they depended on (R17).

**Sub-task dependence.** A block with the flag ``dependsubtask`` gives away its frames one by one: a
*running* task of it that has finished n frames is done enough for whoever needs none but its first
n. Frames are counted along the increment of the task.

**What it costs.** Finishing a task looks at the tasks that need it. Where these are many, ranges of
tasks are asked (:func:`settled`): if all tasks that the range could need are done, or none is, the
answer holds for the whole range, which is one translation of bytes; else its halves are asked.
Submitting a million tasks that wait for another million is one question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from afanasy.core.depend import overlap
from afanasy.core.depend.gates import Link
from afanasy.core.state import Block
from afanasy.core.tasks import CODES, FINISHED, Code
from afanasy.model.attributes import FLAG_DEPEND_SUB_TASK

#: Ranges of at most so many tasks are asked one by one.
_FEW: Final = 8
#: A task with more needs than this remembers where its search ended; needs that are no neighbours
#: are looked at one by one, and such a search is remembered when it had to go further than this.
_MANY: Final = 256
_FAR: Final = 8
_UNDONE: Final = re.compile(b"[^%s]" % re.escape(bytes(sorted(FINISHED))))
_UNDONE_SPAN: Final = re.compile(_UNDONE.pattern + b"+")
_TO_READY: Final = bytes(Code.READY if n == Code.WAITING else n for n in range(256))
_TO_WAITING: Final = bytes(Code.WAITING if n == Code.READY else n for n in range(256))
#: 1 for codes of done tasks: two states of a range compare by who is done.
DONE_MAP: Final = bytes(n < CODES and Code(n) in FINISHED for n in range(256))
_SPANS_NAMED: Final = 3


def gives_frames(block: Block) -> bool:
    """Its running tasks release what waits for the frames they have finished."""
    return bool(block.spec.flags & FLAG_DEPEND_SUB_TASK and block.feeds)


def met(block: Block, task: int) -> bool:
    """Everything the task needs is done, or done enough."""
    return all(_link_met(link, task) for link in block.needs if not link.source.done)


def _link_met(link: Link, task: int) -> bool:
    begin = link.hints.get(task, 0)
    parts = overlap.needs(link.mine, task, link.theirs, begin)
    for n, part in enumerate(parts):  # very many, where increments leave tasks out between them
        other = _undone(link, task, part)
        if other >= 0:
            if n >= _FAR:
                link.hints[task] = other
            return False
    return True


def _undone(link: Link, task: int, part: range) -> int:
    """A task of ``part`` that ``task`` must wait for, or -1."""
    columns = link.source.columns
    if columns is None:
        return part.start  # all are READY
    state = columns.state
    first, last = part.start, part.stop
    hint = link.hints.get(task, first) if len(part) > _MANY else first
    places = ((hint, last), (first, hint)) if first < hint < last else ((first, last),)
    for start, stop in places:
        found = _UNDONE.search(state, start, stop)
        while found is not None:
            other = found.start()
            if not _done_enough(link, task, other):
                if len(part) > _MANY:
                    link.hints[task] = other
                return other
            found = _UNDONE.search(state, other + 1, stop)
    return -1


def _done_enough(link: Link, task: int, other: int) -> bool:
    """The run of ``other`` has finished the frames that ``task`` needs."""
    source = link.source
    if not source.spec.flags & FLAG_DEPEND_SUB_TASK:
        return False
    run = source.open.get(other)
    if run is None or run.frame <= 0:
        return False
    return overlap.needed_frames(link.mine, task, link.theirs, other) <= run.frame


# --------------------------------------------------------------------------------------- ranges


def settled(block: Block, first: int, codes: bytes) -> bytes:
    """``codes`` of the tasks from ``first`` on, READY and WAITING told apart anew.

    The codes of tasks that are neither stay; the block's own columns are not read.
    """
    if not block.needs:
        return codes.translate(_TO_READY)
    new = bytearray(codes)
    todo = [(0, len(codes))]
    while todo:
        start, stop = todo.pop()
        piece = codes[start:stop]
        if Code.READY not in piece and Code.WAITING not in piece:
            continue
        answer = ask(block, first + start, first + stop - 1)
        if answer is not None:
            new[start:stop] = piece.translate(_TO_READY if answer else _TO_WAITING)
        elif stop - start <= _FEW:
            for place in range(start, stop):
                if codes[place] in (Code.READY, Code.WAITING):
                    ready = met(block, first + place)
                    new[place] = Code.READY if ready else Code.WAITING
        else:
            middle = (start + stop) // 2
            todo += [(start, middle), (middle, stop)]
    return bytes(new)


def ask(block: Block, first: int, last: int) -> bool | None:
    """All tasks from ``first`` to ``last`` have what they need, or none has; None = look closer."""
    everything = True
    for link in block.needs:
        source = link.source
        if source.done:
            continue
        part = overlap.needs_hull(link.mine, first, last, link.theirs)
        done = 0
        if source.columns is not None:
            piece = bytes(source.columns.state[part.start : part.stop])
            done = sum(piece.count(code) for code in FINISHED)
        if not done and not (source.open and gives_frames(source)):
            return False  # each needs at least one of these
        everything = everything and done == len(part)
    return True if everything else None


# ------------------------------------------------------------------------------------ for people


def waits_for(block: Block, task: int) -> str:
    """What the task waits for: "tasks 3-5, 9 of block sim", or "" when nothing is missing."""
    found: list[str] = []
    for link in block.needs:
        spans, more = _undone_spans(link, task)
        if spans:
            words = ", ".join(spans) + (" and more" if more else "")
            plural = "s" if more or len(spans) > 1 or "-" in spans[0] else ""
            found.append(f"task{plural} {words} of block {link.source.spec.name}")
    if len(found) > _SPANS_NAMED:
        return f"{', '.join(found[:_SPANS_NAMED])} and of {len(found) - _SPANS_NAMED} more blocks"
    return ", ".join(found)


def _undone_spans(link: Link, task: int) -> tuple[list[str], bool]:
    """The first spans of tasks that are missing, as "3-5"; and whether there are more."""
    spans: list[tuple[int, int]] = []
    for part in overlap.needs(link.mine, task, link.theirs):
        for start, stop in _undone_pieces(link, task, part):
            joins = bool(spans) and spans[-1][1] == start
            spans.append((spans.pop()[0] if joins else start, stop))
            if len(spans) > _SPANS_NAMED:
                break
        if len(spans) > _SPANS_NAMED:
            break
    words = [str(a) if b - a == 1 else f"{a}-{b - 1}" for a, b in spans[:_SPANS_NAMED]]
    return words, len(spans) > _SPANS_NAMED


def _undone_pieces(link: Link, task: int, part: range) -> Iterator[tuple[int, int]]:
    """Neighbours of ``part`` that are missing, as (first, behind the last)."""
    source = link.source
    if source.columns is None:
        yield part.start, part.stop
        return
    for found in _UNDONE_SPAN.finditer(source.columns.state, part.start, part.stop):
        if not gives_frames(source):
            yield found.span()
            continue
        for other in range(*found.span()):
            if not _done_enough(link, task, other):
                yield other, other + 1
