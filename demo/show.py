"""What the person in front of `make run` sees: progress in place on a terminal, else as lines."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TextIO

#: Without a terminal, a task's percent is worth a line after so many more points.
PERCENT_STEP = 25


@dataclass(slots=True, frozen=True)
class TaskView:
    """One task as the farm reports it."""

    name: str
    #: The words of its state: RDY, RUN, DON, ERR, WDP …
    words: frozenset[str]
    percent: int = -1
    host: str = ""
    seconds: int = 0

    @property
    def running(self) -> bool:
        """A process of it runs, or should."""
        return "RUN" in self.words

    @property
    def done(self) -> bool:
        """It has been done well."""
        return "DON" in self.words

    @property
    def failed(self) -> bool:
        """It is an error and will not be tried again."""
        return "ERR" in self.words

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        if self.done:
            return 1.0
        return min(max(self.percent, 0), 100) / 100 if self.running else 0.0


class Display(Protocol):
    """Shows the state of the farm again and again, then leaves the last one standing."""

    def show(self, frames: Sequence[TaskView], movie: TaskView) -> None:
        """Show this state now."""
        ...

    def leave(self) -> None:
        """The display ends; what is printed next stands below it."""
        ...


def make_display(renders: Sequence[str], out: TextIO = sys.stdout) -> Display:
    """The display that fits where the output goes."""
    if out.isatty():
        return InPlace(renders, out)
    return Lines(out)


class Lines:
    """One line for each thing that happens: for logs and pipes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._before: dict[str, TaskView] = {}
        self._percent: dict[str, int] = {}

    def show(self, frames: Sequence[TaskView], movie: TaskView) -> None:
        """Print what changed since the last time."""
        done = sum(frame.done for frame in frames)
        for task in [*frames, movie]:
            text = self._news(task)
            self._before[task.name] = task
            if text:
                print(f"[{done:3}/{len(frames)}] {task.name}: {text}", file=self._out, flush=True)

    def leave(self) -> None:
        """Nothing to tidy."""

    def _news(self, task: TaskView) -> str:
        before = self._before.get(task.name)
        if task.done:
            if before and before.done:
                return ""
            return f"done on {task.host} in {task.seconds} s"
        if task.failed:
            return "" if before and before.failed else f"ERROR on {task.host}"
        if not task.running:
            return ""
        if before is None or not before.running or before.host != task.host:
            self._percent[task.name] = 0
            return f"started on {task.host}"
        if task.percent >= self._percent.get(task.name, 0) + PERCENT_STEP:
            self._percent[task.name] = task.percent
            return f"{task.percent} % on {task.host}"
        return ""


class InPlace:
    """A few lines of a terminal, drawn over and over."""

    def __init__(self, renders: Sequence[str], out: TextIO) -> None:
        self._renders = list(renders)
        self._out = out
        self._drawn = 0
        self._begun = time.monotonic()
        fancy = (out.encoding or "").lower().startswith("utf")
        self._full, self._half, self._empty = ("█", "▒", "·") if fancy else ("#", "+", ".")

    def show(self, frames: Sequence[TaskView], movie: TaskView) -> None:
        """Draw over the last picture."""
        width = shutil.get_terminal_size().columns - 1
        lines = [line[:width] for line in self._lines(frames, movie, width)]
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        body = "".join(f"\x1b[2K{line}\n" for line in lines)
        self._out.write(up + "\x1b[?25l" + body)
        self._out.flush()
        self._drawn = len(lines)

    def leave(self) -> None:
        """Give the cursor back."""
        self._out.write("\x1b[?25h")
        self._out.flush()

    def _lines(self, frames: Sequence[TaskView], movie: TaskView, width: int) -> Iterable[str]:
        share = sum(frame.share for frame in frames) / max(1, len(frames))
        done = sum(frame.done for frame in frames)
        clock = time.monotonic() - self._begun
        bar = self._bar(share, 30)
        yield (
            f"frames    {bar} {share:4.0%}  {done} of {len(frames)}"
            f"   {clock // 60:.0f}:{clock % 60:02.0f}"
        )
        # Which render made which frame: 1 and 2, in the order of their names.
        letters = "".join(map(self._letter, frames))
        room = max(10, width - 10)
        for place in range(0, len(letters), room):
            yield f"          {letters[place : place + room]}"
        for number, name in enumerate(self._renders, 1):
            yield f"{number} {name}  {self._task_on(name, [*frames, movie])}"
        yield f"movie     {self._movie(movie)}"

    def _task_on(self, render: str, tasks: Iterable[TaskView]) -> str:
        for task in tasks:
            if task.running and task.host == render:
                percent = f"{task.percent:3} %" if task.percent >= 0 else "  ? %"
                return f"{self._bar(task.share, 20)} {percent}  {task.name}"
        return "idle"

    def _movie(self, movie: TaskView) -> str:
        if movie.done:
            return f"done on {movie.host} in {movie.seconds} s"
        if movie.failed:
            return f"ERROR on {movie.host}"
        return f"is encoded on {movie.host}" if movie.running else "waits for the frames"

    def _letter(self, task: TaskView) -> str:
        if task.failed:
            return "!"
        if task.running:
            return self._half
        if task.done and task.host in self._renders:
            return str(self._renders.index(task.host) + 1)
        return self._empty

    def _bar(self, share: float, width: int) -> str:
        full = round(share * width)
        return self._full * full + self._empty * (width - full)


def spans(numbers: Iterable[int]) -> str:
    """``1-3, 5, 7-8`` for a set of numbers."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)
