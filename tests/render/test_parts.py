"""Parts by themselves: run folder files, tails, floods, holes, marks."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.model.ids import make_run_id
from afanasy.model.states import RunEnd
from afanasy.render import files_posix, flood, rundir, tail
from afanasy.render.process_posix import TAG_BASE, open_end, spawn_command, tag_of_run
from afanasy.render.scan_posix import Marks, find_processes
from afanasy.wire.stream import Finished
from render.stand import StandServer, wait_for

MB = 1 << 20


def test_pid_file() -> None:
    stat = "17 (a) b) (c) S 1 17 15 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 100 2"
    began = rundir.parse_pid(f"boot {stat}\n".encode())
    assert began == rundir.Began("boot", 17, 15, 4242)
    assert rundir.parse_pid(f"boot {stat}".encode()) is None  # not complete
    assert rundir.parse_pid(b"claimed\n") is None
    assert rundir.parse_pid(b"") is None


def test_rc_file() -> None:
    full = rundir.parse_rc(b"3\n120.50\n0m0.5s 0m0.1s\n1m2.5s 0m0.25s\n")
    assert full == rundir.ExitFile(3, 120.5, 62.75)
    assert rundir.parse_rc(b"0\n") == rundir.ExitFile(0, -1.0, -1.0)
    for torn in (None, b"", b"1", b"x\n"):
        assert rundir.parse_rc(torn) is None


def test_folder_of_a_run(tmp_path: Path) -> None:
    folders = rundir.RunFolders(tmp_path)
    server = StandServer()
    block, start = server.start_messages(make_run_id(5, 1), "true", 5)
    server.close()
    run = start.run
    folders.make(run, start, block)
    assert folders.held() == [run]
    assert folders.command(run) == (start, block)
    assert (folders.pid(run), folders.rc(run), folders.stopping(run)) == (None, None, None)
    folders.write_stopping(run, "parser", 8, "a line\nof two")
    assert folders.stopping(run) == rundir.StopFile("parser", 8, "a line of two")
    assert folders.base(run) == 0
    folders.write_base(run, 77)
    assert folders.base(run) == 77
    result = Finished(run, RunEnd.ERROR, 3, 0, 1.5, log=["why"])
    files_posix.sync_files([folders.write_result(result)])
    assert folders.result(run) == result
    rundir.write_file(folders.path(run) + "/result", b'["finished",12')
    assert folders.result(run) is None  # torn by a power cut
    folders.release(run)
    assert folders.held() == []
    folders.release(run)  # twice is harmless


def test_deleting_is_late_and_slow(tmp_path: Path) -> None:
    folders = rundir.RunFolders(tmp_path)
    for n in range(150):
        (tmp_path / "done" / str(n)).mkdir()
        (tmp_path / "done" / str(n) / "out").write_text("x")
    made = (tmp_path / "done" / "0").stat().st_ctime
    assert folders.delete_done(made + 5) == 150
    assert folders.delete_done(made + 60) == 135  # a tenth of what waits, at least ten
    for _ in range(30):
        folders.delete_done(made + 60)
    assert list((tmp_path / "done").iterdir()) == []


def test_big_outputs_go_at_once(tmp_path: Path) -> None:
    folders = rundir.RunFolders(tmp_path)
    (tmp_path / "runs" / "5").mkdir()
    (tmp_path / "runs" / "5" / "out").write_bytes(b"x" * (2 * MB))
    folders.release(5)
    assert list((tmp_path / "done" / "5").iterdir()) == []


def test_one_sync_for_many_files(tmp_path: Path) -> None:
    fds = [os.open(tmp_path / str(n), os.O_CREAT | os.O_WRONLY) for n in range(10)]
    files_posix.sync_files(fds)
    for fd in fds:
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(fd)


def test_the_lock(tmp_path: Path) -> None:
    lock = files_posix.lock_folder(tmp_path)
    assert lock is not None
    assert files_posix.lock_folder(tmp_path) is None
    assert files_posix.locked_by(tmp_path) == os.getpid()
    lock.close()
    again = files_posix.lock_folder(tmp_path)
    assert again is not None
    again.close()


# ---------------------------------------------------------------------------------- floods


def test_an_ordinary_task_is_never_braked() -> None:
    guard = flood.Flood(0.0)
    assert all(guard.grew(MB // 4, n * 0.025) == 0 for n in range(1000))
    assert guard.hole(flood.HEAD + flood.TAIL) is None


def test_a_flood_is_braked_to_its_rate() -> None:
    guard = flood.Flood(0.0)
    now = written = 0.0
    while now < 60:
        written += 25 * MB  # a gigabyte a second for a tick
        now += 0.025
        now += guard.grew(25 * MB, now)
    assert written / now < flood.RATE * 1.1


@given(st.lists(st.integers(0, 40 * MB), max_size=40))
def test_holes_spare_head_and_tail(growths: list[int]) -> None:
    guard = flood.Flood(0.0)
    size = kept = 0
    for growth in growths:
        size += growth
        kept += growth
        hole = guard.hole(size)
        if hole is not None:
            start, length = hole
            assert start >= flood.HEAD
            assert start + length <= size - flood.TAIL
            assert start % 4096 == length % 4096 == 0
            kept -= length
        assert kept <= flood.HEAD + flood.TAIL + flood.STEP + 4096


def test_punching(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"x" * (4 * MB))
    with path.open("r+b") as file:
        assert files_posix.punch_hole(file.fileno(), MB, 2 * MB)
        assert os.fstat(file.fileno()).st_blocks * 512 <= 2 * MB + 8192
    data = path.read_bytes()
    assert len(data) == 4 * MB
    assert data[:MB] == b"x" * MB
    assert not data[MB : 3 * MB].strip(b"\0")
    with Path("/proc/self/status").open("rb") as file, pytest.raises(OSError):
        files_posix.punch_hole(file.fileno(), 0, 4096)


def test_a_file_system_without_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"a" * (20 * MB))
    monkeypatch.setattr(tail, "punch_hole", lambda *_: False)
    reader = tail.Tail(1, str(path), 0.0)
    reader.look()
    reader.rest()
    reader.cap()
    assert path.stat().st_size == 0
    with path.open("ab") as file:
        file.write(b"news")
    assert reader.look() == 4
    assert reader.rest()[-1].data == b"news"
    assert reader.total == 20 * MB + 4
    assert reader.base_changed
    reader.close()


# ----------------------------------------------------------------------------------- tails


def offsets(pieces: list[tail.Output]) -> list[tuple[int, int]]:
    return [(piece.offset, len(piece.data)) for piece in pieces]


def test_small_pieces_wait_for_more(tmp_path: Path) -> None:
    path = tmp_path / "out"
    reader = tail.Tail(1, str(path), 0.0)
    assert reader.look() == 0  # no file yet
    path.write_bytes(b"abc")
    assert reader.look() == 3
    assert reader.pieces(0.1) == []
    assert offsets(reader.pieces(0.3)) == [(0, 3)]
    path.write_bytes(b"abc" + b"d" * tail.SEND_AT_ONCE)
    reader.look()
    assert offsets(reader.pieces(0.31)) == [(3, tail.SEND_AT_ONCE)]
    reader.close()


def test_the_middle_of_a_burst_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(os.urandom(30 * MB))
    reader = tail.Tail(1, str(path), 0.0)
    reader.look()
    found = offsets(reader.pieces(1.0))
    assert found[0][0] == 0
    assert sum(length for _, length in found) <= tail.SEND_BURST
    gaps = [b[0] - a[0] - a[1] for a, b in pairwise(found)]
    assert [gap for gap in gaps if gap] == [28 * MB]
    assert found[-1][0] + found[-1][1] == 30 * MB
    assert all(length <= 256 * 1024 for _, length in found)
    reader.close()


def test_the_server_says_where_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"0123456789")
    reader = tail.Tail(1, str(path), 0.0, base=100)
    reader.look()
    for has, first in ((104, b"456789"), (50, b"0123456789"), (110, b""), (200, b"")):
        reader.server_has(has)
        assert [piece.data for piece in reader.rest()] == [first]
    reader.close()


def test_parsing_a_flood_keeps_head_and_tail(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"x" * (20 * MB))
    reader = tail.Tail(1, str(path), 0.0)
    reader.look()
    parsed, gaps = 0, 0
    while reader.parsed < reader.size:
        data, gap = reader.parse_piece()
        parsed += len(data)
        gaps += gap
    assert gaps == 1
    assert parsed + reader.unparsed == 20 * MB
    assert parsed >= 2 * tail.PARSE_KEPT
    reader.close()


# ----------------------------------------------------------------------------------- marks


def test_tags_are_unique() -> None:
    runs = [make_run_id(epoch, n) for epoch in (200_000_000, 200_000_001) for n in range(1, 2000)]
    tags = {tag_of_run(owner, run) for run in runs for owner in ("a", "b")}
    assert len(tags) == 2 * len(runs)
    assert min(tags) >= TAG_BASE


def test_members_of_a_run(tmp_path: Path) -> None:
    run, other = make_run_id(9, 1), make_run_id(9, 2)
    (tmp_path / "r").mkdir()
    environment = {**os.environ, "AF_TAG": str(tag_of_run("a", run))}
    command = "env -i setsid sleep 1000 & sleep 1000"
    pid = spawn_command(str(tmp_path / "r"), command, "", environment, nice=0)
    pidfd = open_end(pid)
    assert pidfd is not None
    tag = tag_of_run("a", run)
    marks = {run: Marks(tag, frozenset(), 0), other: Marks(tag_of_run("b", run), frozenset(), 0)}
    try:

        def names() -> list[str]:
            return sorted(process.name for process in find_processes(marks)[run])

        wait_for(lambda: names() == ["sh", "sh", "sleep", "sleep"], "members by tag alone")
        assert find_processes(marks)[other] == []
        started = find_processes({run: Marks(0, frozenset({pid}), 0)})[run]
        assert {process.pid for process in started} >= {pid}
        late = {run: Marks(tag, frozenset({pid}), 1 << 62)}
        assert find_processes(late)[run] == []  # nobody is younger than that
    finally:
        for process in find_processes(marks)[run]:
            os.kill(process.pid, signal.SIGKILL)
        os.close(pidfd)
        os.waitpid(pid, 0)
