"""Arithmetic of frames and tasks, and the filling of patterns (SEMANTICS 1.3, 1.4).

Pure functions, used by the server, by the services on a render and by scripts. Syntax down to
Python 3.7, standard library only.

A numeric block has ``first``, ``last``, ``per_task`` (frames of one task) and ``inc`` (step between
frames). ``clean_range`` brings odd values into their bounds; the other functions expect clean ones.
"""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(r"@(#+)@")
_TEXT_PLACEHOLDER = "@#@"


def clean_range(
    first: int, last: int, per_task: int = 1, inc: int = 1
) -> tuple[int, int, int, int]:
    """The four numbers with the guards of SEMANTICS 1.3: per_task and inc ≥ 1, last ≥ first."""
    return first, max(first, last), max(1, per_task), max(1, inc)


def tasks_count(first: int, last: int, per_task: int = 1, inc: int = 1) -> int:
    """How many tasks the range makes."""
    frames = (last - first) // inc + 1
    return -(-frames // per_task)


def task_frames(
    task: int, first: int, last: int, per_task: int = 1, inc: int = 1
) -> tuple[int, int, int]:
    """``(start, finish, frames)`` of a numeric task; only the last task may be short."""
    start = first + task * per_task * inc
    frames = min(per_task, (last - start) // inc + 1)
    return start, start + (frames - 1) * inc, frames


def list_task_frames(task: int, per_task: int = 1) -> tuple[int, int]:
    """``(start, finish)`` that a task of a list block stands for, for dependencies and parsers.

    A negative ``per_task`` of -n means that n tasks share one frame (tiles).
    """
    if per_task < 0:
        return task // -per_task, task // -per_task
    if per_task == 0:
        per_task = 1
    return task * per_task, task * per_task + per_task - 1


def frame_task(
    frame: int, first: int, last: int, per_task: int = 1, inc: int = 1, tasks: int | None = None
) -> tuple[int, bool]:
    """``(task, in_range)`` that holds ``frame``; the task is clamped to the existing ones."""
    count = tasks_count(first, last, per_task, inc) if tasks is None else tasks
    task = (frame - first) * -per_task if per_task < 0 else (frame - first) // per_task // inc
    clamped = min(max(task, 0), count - 1)
    return clamped, clamped == task and first <= frame <= last


def pad(number: int, width: int) -> str:
    """The number zero-padded to ``width``; the minus sign counts as one character."""
    return str(number).zfill(width)


def fill_numbers(pattern: str, start: int, finish: int) -> str:
    """Fill ``@###@`` with start, finish, start, finish … (commands, SEMANTICS 1.4)."""
    numbers = (start, finish)
    place = [0]

    def replace(match: re.Match[str]) -> str:
        number = numbers[place[0] % 2]
        place[0] += 1
        return pad(number, len(match.group(1)))

    return _PLACEHOLDER.sub(replace, pattern)


def fill_name(pattern: str, start: int, finish: int) -> str:
    """As :func:`fill_numbers`, but a ``;`` restarts the alternation (names)."""
    return ";".join(fill_numbers(part, start, finish) for part in pattern.split(";"))


def fill_text(pattern: str, text: str) -> str:
    """Put a list task's own text into its block's pattern (SEMANTICS 1.4).

    Every ``@#@`` is replaced; without one the text is appended; an empty side gives the other.
    """
    if not pattern or not text:
        return pattern or text
    if _TEXT_PLACEHOLDER in pattern:
        return pattern.replace(_TEXT_PLACEHOLDER, text)
    return pattern + text


def numeric_task_name(pattern: str, start: int, finish: int, inc: int = 1) -> str:
    """Name of a numeric task: the filled pattern, else ``frame 1`` or ``frame 1-19 / 2``."""
    if pattern:
        return fill_name(pattern, start, finish)
    if start == finish:
        return "frame %d" % start
    return "frame %d-%d" % (start, finish) + (" / %d" % inc if inc > 1 else "")


def list_task_name(pattern: str, name: str) -> str:
    """Name of a list task: ``@#@`` of the pattern replaced by the task's own name."""
    return pattern.replace(_TEXT_PLACEHOLDER, name) if pattern else name


def numeric_files(patterns: list[str], start: int, finish: int, inc: int = 1) -> list[str]:
    """Result files of a numeric task: each pattern filled with each of its frames."""
    return [
        fill_numbers(pattern, frame, frame)
        for pattern in patterns
        for frame in range(start, finish + 1, max(1, inc))
    ]


def list_files(patterns: list[str], files: list[str]) -> list[str]:
    """Result files of a list task: each of its files put into each pattern of the block."""
    if not patterns:
        return list(files)
    return [fill_text(pattern, name) for pattern in patterns for name in files]
