"""A live view on a terminal: plain escape sequences, so that it works over ssh and tmux.

:func:`live` draws frames on the terminal's second screen until ``q`` or Ctrl-C, and leaves the
terminal as it was, also when it is ended by a signal. A new size of the window draws at once. A
server that is away is said in the first line; what was seen last stays.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.filters import EVERY_S
from afanasy.cli.humans import parse_duration
from afanasy.cli.show import Show

#: Second screen, no cursor, long lines are cut; and all of that back.
_BEGIN = "\033[?1049h\033[?25l\033[?7l"
_END = "\033[?7h\033[?25h\033[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\033[H", "\033[K", "\033[J"
_LEAST_S = 0.1
#: What arrows and other keys without a letter send.
_SEQUENCE = re.compile(r"\033(?:[\[O][0-9;]*.?)?")

#: Makes a frame for so many lines.
Draw = Callable[[int], None]
#: Told each key; whether it changed anything.
OnKey = Callable[[str], bool]


def every_s(text: str) -> float:
    """The seconds of ``--every``. Raises CliError."""
    if not text:
        return EVERY_S
    try:
        return max(_LEAST_S, parse_duration(text))
    except ValueError as error:
        raise CliError(Exit.BAD_INPUT, str(error), field="--every") from None


def live(title: str, draw: Draw, show: Show, period_s: float, on_key: OnKey | None = None) -> int:
    """Draw until somebody ends it. ``draw`` prints a frame. Raises CliError."""
    if show.as_json:
        raise CliError(Exit.BAD_INPUT, "a live view is no JSON", "leave --json or --watch out")
    if not show.terminal:
        raise CliError(Exit.BAD_INPUT, "a live view needs a terminal", "leave --watch out")
    body = ""
    with contextlib.suppress(KeyboardInterrupt), _screen() as keys:
        while True:
            note = ""
            show.columns, height = _size()
            try:
                body = _frame(draw, height - 1)
            except CliError as error:
                if error.exit_code != Exit.NO_SERVER:
                    raise
                note = error.message
            _put(show, title, note, body, height)
            key = keys(period_s)
            while key and key != "q" and on_key is not None and not on_key(key):
                key = keys(period_s)
            if key == "q":
                break
    return Exit.OK


def _frame(draw: Draw, height: int) -> str:
    """What ``draw`` prints, its warnings at the end."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        draw(height)
    return out.getvalue() + err.getvalue()


def _put(show: Show, title: str, note: str, body: str, height: int) -> None:
    clock = time.strftime("%H:%M:%S")
    head = f"{clock}  {title}  (q ends)"
    lines = [show.paint(head, "bold") + (show.paint(f"  {note}", "red") if note else "")]
    lines += body.splitlines()
    shown = (line + _REST_OF_LINE for line in lines[:height])
    sys.stdout.write(_HOME + "\r\n".join(shown) + _REST_OF_SCREEN)
    sys.stdout.flush()


def _size() -> tuple[int, int]:
    """Columns and lines of the terminal."""
    try:
        found = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return 80, 24
    return found.columns or 80, max(2, found.lines or 24)


@contextlib.contextmanager
def _screen() -> Generator[Callable[[float], str]]:
    """The second screen; gives a function that waits for a key, "" when none came."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def resized(_number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(writer, b"w")

    def ended(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    old: dict[int, Any] = {}
    handlers = {"SIGWINCH": resized, "SIGTERM": ended, "SIGHUP": ended}
    for name, handler in handlers.items():
        number = getattr(signal, name, None)  # Windows lacks some
        if number is not None:
            old[number] = signal.signal(number, handler)
    restore = _single_keys()
    try:
        sys.stdout.write(_BEGIN)
        sys.stdout.flush()
        typed: list[str] = []
        yield lambda wait_s: _key(wait_s, reader, typed, keyboard=restore is not None)
    finally:
        with contextlib.suppress(OSError):  # the terminal may be gone
            sys.stdout.write(_END)
            sys.stdout.flush()
        if restore is not None:
            restore()
        for number, handler in old.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _single_keys() -> Callable[[], None] | None:
    """Let keys come without Enter; returns what puts that back. None without a keyboard."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        return None
    try:
        keyboard = sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
    except (OSError, ValueError, termios.error):
        return None
    tty.setcbreak(keyboard)

    def restore() -> None:
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)

    return restore


def _key(wait_s: float, wake: int, typed: list[str], *, keyboard: bool) -> str:
    """The next key; ``typed`` keeps those that came with it."""
    if typed:
        return typed.pop(0)
    sources = [wake, sys.stdin.fileno()] if keyboard else [wake]
    ready, _, _ = select.select(sources, [], [], wait_s)
    if wake in ready:
        os.read(wake, 4096)
    if keyboard and sources[1] in ready:
        data = os.read(sources[1], 64)
        if not data:  # the terminal is gone
            return "q"
        typed += _SEQUENCE.sub("", data.decode("ascii", "replace"))
    return typed.pop(0) if typed else ""
