"""The output of one run: read as it grows, parsed, and sent (R44, R46, RECIPES 4).

**Positions.** The file ``out`` has positions; the run's output has *offsets*: position + base. The
base is 0 until the command truncates its own output (``echo x > /dev/stderr`` does); from then on
it counts what was lost, so that offsets never go back. *Parsed* and *sent* are positions that move
on their own: a restarted agent parses from the beginning, but sends from where the server is.

**Too much.** The parser gets what there is time for; when it is :data:`PARSE_BEHIND_MAX` behind,
the middle is left out. What is sent may burst by :data:`SEND_BURST` and then go on at
:data:`SEND_RATE`; when more than the burst waits, the middle is left out, which the server sees as
a gap. The head of the output is always parsed and sent.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

from afanasy.render.files_posix import punch_hole
from afanasy.render.flood import HEAD, Flood
from afanasy.wire.stream import OUTPUT_CHUNK_MAX, Output

_MB: Final = 1024 * 1024
PARSE_BEHIND_MAX: Final = 4 * _MB
PARSE_KEPT: Final = 256 * 1024
#: One piece for the parser: a flood of short lines costs about 10 ms each.
PARSE_PIECE: Final = 16 * 1024
SEND_RATE: Final = 512 * 1024
SEND_BURST: Final = 4 * _MB
SEND_KEPT: Final = 1 * _MB
#: Small pieces wait this long for more.
SEND_PERIOD_S: Final = 0.25
SEND_AT_ONCE: Final = 32 * 1024


class Tail:
    """Reader of one ``out``."""

    def __init__(self, run: int, path: str, now: float, base: int = 0) -> None:
        self.run = run
        self.path = path
        self.base = base
        self.size = 0
        self.parsed = 0
        self.sent = 0
        #: Bytes that the parser was not given.
        self.unparsed = 0
        self.flood = Flood(now)
        #: The file shrank since somebody last wrote the base down.
        self.base_changed = False
        self._fd = -1
        self._tokens = float(SEND_BURST)
        self._tokens_at = now
        self._sent_at = now

    @property
    def total(self) -> int:
        """Bytes the command has written in all."""
        return self.base + self.size

    def close(self) -> None:
        """Close the file; it is opened again when needed."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def look(self) -> int:
        """How much the file grew since the last look; a shrunken file begins anew."""
        if not self._open():
            return 0
        size = os.fstat(self._fd).st_size
        grown = size - self.size
        if grown < 0:
            self._shrank()
            grown = size
        self.size = size
        return grown

    def cap(self) -> None:
        """Give the middle of a flood back to the disk."""
        hole = self.flood.hole(self.size)
        if hole is None:
            return
        if punch_hole(self._fd, *hole):
            return
        # A file system without holes: begin the file anew, as if the command had done it. What
        # was sent is with the server, which keeps the head.
        os.ftruncate(self._fd, 0)
        self._shrank()
        self.size = 0

    def parse_piece(self) -> tuple[bytes, bool]:
        """The next piece for the parser and whether something was left out before it."""
        gap = False
        behind = self.size - self.parsed
        if behind > PARSE_BEHIND_MAX and self.parsed >= PARSE_KEPT:
            self.unparsed += behind - PARSE_KEPT
            self.parsed = self.size - PARSE_KEPT
            gap = True
        data = self._read(self.parsed, min(PARSE_PIECE, self.size - self.parsed))
        self.parsed += len(data)
        return data, gap

    def server_has(self, total: int) -> None:
        """The server has the output up to offset ``total``."""
        self.sent = min(max(0, total - self.base), self.size) if total >= self.base else 0

    def pieces(self, now: float) -> list[Output]:
        """What may be sent now."""
        waits = self.size - self.sent
        if waits <= 0 or (waits < SEND_AT_ONCE and now - self._sent_at < SEND_PERIOD_S):
            return []
        self._tokens = min(float(SEND_BURST), self._tokens + (now - self._tokens_at) * SEND_RATE)
        self._tokens_at = now
        found: list[Output] = []
        while self.size > self.sent and self._tokens > 0:
            piece = self._send_piece()
            if not piece.data:
                break
            found.append(piece)
            self._tokens -= len(piece.data)
            self._sent_at = now
        return found

    def rest(self) -> list[Output]:
        """All that is still to be sent at the end of the run, its newest part at least.

        The last piece is meant for the Finished message. There is always one, maybe empty.
        """
        found: list[Output] = []
        while True:
            piece = self._send_piece()
            found.append(piece)
            if not piece.data or self.sent >= self.size:
                return found

    def text_end(self, count: int) -> str:
        """The last ``count`` bytes as text."""
        start = max(0, self.size - count)
        return self._read(start, self.size - start).decode("utf-8", "replace")

    def _send_piece(self) -> Output:
        """The next piece to send; the middle of a flood is passed over."""
        end = self.size
        if end - self.sent > SEND_BURST:
            if self.sent < HEAD:
                end = HEAD
            else:
                self.sent = end - SEND_KEPT
        data = self._read(self.sent, min(OUTPUT_CHUNK_MAX, end - self.sent))
        piece = Output(self.run, self.base + self.sent, data)
        self.sent += len(data)
        return piece

    def _shrank(self) -> None:
        # What was sent stays valid: the new content begins at the offset where the old one ended.
        self.base += self.size
        self.parsed = self.sent = 0
        self.flood.shrank()
        self.base_changed = True

    def _open(self) -> bool:
        if self._fd < 0:
            try:
                self._fd = os.open(self.path, os.O_RDWR)
            except OSError:
                return False  # not there yet, or the command made something else of it
        return True

    def _read(self, position: int, count: int) -> bytes:
        if count <= 0 or not self._open():
            return b""
        with contextlib.suppress(InterruptedError):
            return os.pread(self._fd, count, position)
        return b""
