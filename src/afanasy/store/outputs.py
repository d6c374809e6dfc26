"""Files of task output: live while a run goes on, packed into its block's segment afterwards.

A million tasks must not be a million files. While a run goes on its pieces are appended to
``live/<run>.out``, each with its offset (a flood leaves gaps). When its result is committed they
are put together (head and tail of what is too long), compressed, and appended to the file
``segments/<block>.seg``; the index is a row of the table ``outputs``. A segment is on disk before
the transaction that mentions it commits; what a crash leaves unmentioned in it is dead space and
harmless.

All writing is done by the writer thread; reading by anybody. What cannot be written (a full disk)
is undone, so that the same pieces can be written again later.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple

_PIECE: Final = struct.Struct(">QI")
HEAD_BYTES: Final = 512 * 1024
TAIL_BYTES: Final = 512 * 1024
#: A live file longer than this is rewritten with head and tail only.
_LIVE_BYTES_MAX: Final = 4 * (HEAD_BYTES + TAIL_BYTES)
#: Offsets beyond this are no offsets: what says so is no piece.
_OFFSET_MAX: Final = 2**53
#: Files held open, of live outputs and of segments: far below the limit of open files.
_OPEN_MAX: Final = 512
_DIRTY_MAX: Final = 128
#: How much of a deleted block's segment is removed at once.
_SHRINK_BYTES: Final = 64 * 1024 * 1024


class Place(NamedTuple):
    """Where a packed output lies; ``size`` is the length of the text it unpacks to."""

    block: int
    place: int
    length: int
    size: int


class OutputPiece(NamedTuple):
    """Bytes of a run's output for the writer; ``final``: the run has ended."""

    run: int
    block: int
    offset: int
    data: bytes
    #: Bytes the command wrote in all, when final.
    total: int = 0
    final: bool = False


def assemble(pieces: Iterable[tuple[int, bytes]], total: int) -> bytes:
    """One text of the pieces: overlaps dropped, gaps and what is too long replaced by a line."""
    parts: list[bytes] = []
    kept = end = 0
    for offset, data in sorted(pieces, key=lambda piece: piece[0]):
        if offset + len(data) <= end:
            continue
        if offset > end:
            parts.append(_banner(offset - end))
        piece = data[end - offset :] if offset < end else data
        parts.append(piece)
        kept += len(piece)
        end = offset + len(data)
    if total > end:
        parts.append(_banner(total - end))
    if kept <= HEAD_BYTES + TAIL_BYTES:
        return b"".join(parts)
    whole = b"".join(parts)
    left_out = len(whole) - HEAD_BYTES - TAIL_BYTES
    return whole[:HEAD_BYTES] + _banner(left_out) + whole[-TAIL_BYTES:]


def _banner(left_out: int) -> bytes:
    return f"\n[ … {left_out} bytes of output left out … ]\n".encode()


def _sync_folder(folder: Path) -> None:
    """Put the entries of the folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _joined(pieces: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Neighbours that follow each other made one, to half of what is kept of an end."""
    joined: list[tuple[int, bytearray]] = []
    for offset, data in pieces:
        if joined:
            start, last = joined[-1]
            if start + len(last) == offset and len(last) < HEAD_BYTES // 2:
                last += data
                continue
        joined.append((offset, bytearray(data)))
    return [(offset, bytes(data)) for offset, data in joined]


def _write_all(file: FileIO, data: bytes) -> None:
    """Append ``data``; unbuffered files may take a part of it only."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


class OutputFiles:
    """The folder of outputs."""

    def __init__(self, folder: Path) -> None:
        self._live = folder / "live"
        self._segments = folder / "segments"
        self._live.mkdir(parents=True, exist_ok=True)
        self._segments.mkdir(parents=True, exist_ok=True)
        self._open: dict[int, FileIO] = {}
        self._dirty: dict[int, FileIO] = {}
        #: Segments were made whose entries in the folder are not on disk yet.
        self._has_new = False
        self._ended: list[int] = []
        #: File → its length before the pieces that are being written.
        self._before: dict[Path, int] = {}

    # -- the writer thread's side

    def write(self, pieces: list[OutputPiece]) -> list[tuple[int, int, int, int, int]]:
        """Take pieces in order; returns index rows of the runs that ended.

        On return the segments are on disk. Live pieces are not synced: until its result is
        confirmed, the render still has them. Raises OSError when the disk refuses (full, gone):
        nothing was written then.
        """
        self._before.clear()
        try:
            return self._write(pieces)
        except OSError:
            self._undo()
            raise

    def _write(self, pieces: list[OutputPiece]) -> list[tuple[int, int, int, int, int]]:
        index: list[tuple[int, int, int, int, int]] = []
        ended: list[int] = []
        for piece in pieces:
            if not piece.final:
                self._append_live(piece)
                continue
            found = self.live_pieces(piece.run)
            if piece.data:
                found.append((piece.offset, piece.data))
            ended.append(piece.run)
            if found:
                text = assemble(found, piece.total)
                packed = zlib.compress(text, 1)
                segment = self._segment(piece.block)
                place = segment.seek(0, os.SEEK_END)
                _write_all(segment, packed)
                index.append((piece.run, piece.block, place, len(packed), len(text)))
        self._sync_segments()
        self._ended = ended
        return index

    def _sync_segments(self) -> None:
        while self._dirty:
            _, segment = self._dirty.popitem()
            with segment:
                os.fdatasync(segment.fileno())
        if self._has_new:
            _sync_folder(self._segments)
            self._has_new = False

    def _undo(self) -> None:
        """Cut off what was appended since the last success; it will be appended again."""
        self.close()
        for path, length in self._before.items():
            with contextlib.suppress(OSError):  # then it stays, and overlaps what comes
                os.truncate(path, length)

    def committed(self) -> None:
        """The index rows are committed: the live files of ended runs may go."""
        for run in self._ended:
            self.drop_live(run)
        self._ended = []

    def drop_live(self, run: int) -> None:
        """Forget the live pieces of a run. What the disk keeps goes at the server's next start."""
        file = self._open.pop(run, None)
        if file is not None:
            file.close()
        with contextlib.suppress(OSError):
            self._live_path(run).unlink(missing_ok=True)

    def _append_live(self, piece: OutputPiece) -> None:
        path = self._live_path(piece.run)
        file = self._open.get(piece.run)
        if file is None:
            if len(self._open) >= _OPEN_MAX:
                self._open.pop(next(iter(self._open))).close()
            file = self._open[piece.run] = path.open("ab", buffering=0)
        self._before.setdefault(path, file.tell())
        _write_all(file, _PIECE.pack(piece.offset, len(piece.data)) + piece.data)
        if file.tell() > _LIVE_BYTES_MAX:
            self._shorten_live(piece.run)
            self._before.pop(path)

    def _shorten_live(self, run: int) -> None:
        pieces = _joined(self.live_pieces(run))
        head: list[tuple[int, bytes]] = []
        tail: list[tuple[int, bytes]] = []
        size = 0
        for piece in pieces:
            if size >= HEAD_BYTES:
                break
            head.append(piece)
            size += _PIECE.size + len(piece[1])
        size = 0
        for piece in reversed(pieces[len(head) :]):
            if size >= TAIL_BYTES:
                break
            tail.append(piece)
            size += _PIECE.size + len(piece[1])
        path = self._live_path(run)
        short = path.with_suffix(".tmp")
        with short.open("wb") as file:
            for offset, data in head + tail[::-1]:
                file.write(_PIECE.pack(offset, len(data)) + data)
        self._open.pop(run).close()
        short.replace(path)

    def _segment(self, block: int) -> FileIO:
        segment = self._dirty.get(block)
        if segment is None:
            if len(self._dirty) >= _DIRTY_MAX:
                self._sync_segments()
            path = self._segment_path(block)
            self._has_new = self._has_new or not path.exists()
            segment = self._dirty[block] = path.open("ab", buffering=0)
            self._before.setdefault(path, segment.tell())
        return segment

    def shrink_block(self, block: int) -> bool:
        """Cut a slice off the segment of a deleted block; False when nothing of it is left.

        Removing a file of some GB at once takes a second. What the disk will not let go is dead
        space, no more.
        """
        path = self._segment_path(block)
        try:
            length = path.stat().st_size
            if length > _SHRINK_BYTES:
                os.truncate(path, length - _SHRINK_BYTES)
                return True
            path.unlink()
        except OSError:
            pass
        return False

    def close(self) -> None:
        """Close every file."""
        for file in (*self._open.values(), *self._dirty.values()):
            file.close()
        self._open.clear()
        self._dirty.clear()

    # -- anybody's side

    def live_pieces(self, run: int) -> list[tuple[int, bytes]]:
        """The pieces of a run that has not ended; a torn last one is left out."""
        try:
            data = self._live_path(run).read_bytes()
        except FileNotFoundError:
            return []
        pieces: list[tuple[int, bytes]] = []
        position = 0
        while position + _PIECE.size <= len(data):
            offset, length = _PIECE.unpack_from(data, position)
            position += _PIECE.size
            if position + length > len(data) or offset > _OFFSET_MAX:
                break
            pieces.append((offset, data[position : position + length]))
            position += length
        return pieces

    def live_text(self, run: int) -> bytes:
        """What a running task has written so far."""
        return assemble(self.live_pieces(run), 0)

    def live_sizes(self) -> dict[int, int]:
        """Run → how far its output has arrived, for all live files: at the server's start.

        What a power cut left torn at the end of a file is cut off, so that more can follow.
        """
        sizes: dict[int, int] = {}
        for path in self._live.glob("*.out"):
            if not path.stem.isdecimal():
                continue  # not ours
            pieces = self.live_pieces(int(path.stem))
            whole = sum(_PIECE.size + len(data) for _, data in pieces)
            if whole != path.stat().st_size:
                os.truncate(path, whole)
            if pieces:
                sizes[int(path.stem)] = max(offset + len(data) for offset, data in pieces)
        for path in self._live.glob("*.tmp"):  # a shortening that was interrupted
            path.unlink()
        return sizes

    def read(self, place: Place) -> bytes:
        """The output of a finished run. Raises FileNotFoundError when its job was deleted."""
        with self._segment_path(place.block).open("rb") as file:
            file.seek(place.place)
            return zlib.decompress(file.read(place.length))

    def _live_path(self, run: int) -> Path:
        return self._live / f"{run}.out"

    def _segment_path(self, block: int) -> Path:
        return self._segments / f"{block}.seg"
