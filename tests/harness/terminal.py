"""A program on a pseudo-terminal: its keys, and what stands on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress

DEADLINE_S = 60.0
#: Sequences that move nothing: colours, modes.
_QUIET = re.compile(r"\x1b\[[?0-9;]*[a-zA-Z]")
#: A session takes the first terminal that it opens; then Ctrl-C reaches it. What a shell started in
#: the background, tests perhaps, is deaf to it, and so would be what it starts.
_OWN_TERMINAL = """
import os, signal, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """``with Terminal(command) as at:``; the program is killed when it has not ended by then."""

    def __init__(
        self,
        command: list[str],
        *,
        lines: int = 24,
        columns: int = 100,
        env: dict[str, str] | None = None,
    ) -> None:
        self.master, slave = pty.openpty()
        self.resize(lines, columns)
        self.before = termios.tcgetattr(slave)
        self.raw = b""

        self.process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, *command],
            stdin=slave, stdout=slave, stderr=slave, env={**os.environ, **(env or {})},
            start_new_session=True,
        )  # fmt: skip
        self._slave = slave

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._slave)
        os.close(self.master)

    def resize(self, lines: int, columns: int) -> None:
        """Give the window another size; the kernel tells the program."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def keys(self, text: str) -> None:
        """Press keys."""
        os.write(self.master, text.encode())

    def wait(self, seen: Callable[[], object], what: str) -> None:
        """Read on until ``seen`` is true."""
        end = time.monotonic() + DEADLINE_S
        while not seen():
            assert time.monotonic() < end, f"waited for {what}; on the screen:\n{self.screen()}"
            self._read(0.05)

    def ended(self) -> int:
        """Wait for the end of the program; its exit code."""
        self.wait(lambda: self.process.poll() is not None, "the end")
        self._read(0)
        assert self.process.returncode is not None
        return self.process.returncode

    def _read(self, wait_s: float) -> None:
        while select.select([self.master], [], [], wait_s)[0]:
            with suppress(OSError):
                self.raw += os.read(self.master, 65536)
            wait_s = 0

    def text(self) -> str:
        """Everything that was written, without colours and modes."""
        return _QUIET.sub("", self.raw.decode(errors="replace"))

    def screen(self) -> str:
        """The newest frame: what was written since the cursor last went home."""
        return _QUIET.sub("", self.raw.rpartition(b"\x1b[H")[2].decode(errors="replace"))

    def same_modes(self) -> bool:
        """Whether the terminal's modes are those of the beginning."""
        return termios.tcgetattr(self._slave) == self.before
