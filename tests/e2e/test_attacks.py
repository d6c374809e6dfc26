"""What people, programs and disks do to a server: it lives, and what it stores can be restored.

After each attack the database is copied and restored, and every counter of the restored farm is
recounted (:func:`afanasy.core.invariants.validate`).
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afanasy.core.invariants import validate
from afanasy.core.restore import restore
from afanasy.core.state import Farm as Core
from afanasy.model.attributes import BlockSpec, JobSpec, TaskSpec, UserSpec
from afanasy.model.clock import read_clocks
from afanasy.store import database
from afanasy.wire import stream
from harness.processes import Farm, Process, program, wait_until

pytestmark = pytest.mark.e2e


def check_stored(farm: Farm, folder: Path) -> Core:
    """Restore a copy of the farm's database, as a next server would; everything must add up."""
    copy = folder / "copy.db"
    copy.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(farm.folder / "server" / "farm.db")) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    now = read_clocks()
    core = Core("copy", 1 << 30, lambda m, n: re.fullmatch(m, n) is not None, now.mono)
    engine = database.open_sqlite(copy)
    restore(core, database.load(engine), now)
    engine.dispose()
    validate(core, now)
    return core


class Liar:
    """A render that says what it likes."""

    def __init__(self, farm: Farm, name: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", farm.port), 20)
        self.reader = stream.FrameReader(at_server=False)
        hello = stream.Hello(
            stream.PROTOCOL_VERSION, name, name, "boot", "u", "0", "linux", 0, "", 0, 4000, 4, [],
            {},
        )  # fmt: skip
        self.sock.sendall(stream.GREETING + stream.encode_frame([hello]))

    def wait_start(self) -> stream.Start:
        while True:
            data = self.sock.recv(1 << 20)
            assert data, "closed before it had a start"
            for message in self.reader.feed(data):
                if isinstance(message, stream.Start):
                    return message

    def say(self, body: bytes) -> None:
        with contextlib.suppress(OSError):  # the server may have hung up on the last lie
            self.sock.sendall(len(body).to_bytes(4, "big") + body)


#: ``%d`` is a run that the liar really has.
LIES = [
    b'[["finished",1,4,0,0,1.0],["finished",-5,4,0,0,1.0],["finished",%d,4,0,0,-7.0]]',
    b'[["finished",%d,5,1000000000000000000000000,0,1.0]]',
    b'[["finished",%d,5,9223372036854775808,0,1.0]]',
    b'[["finished",%d,4,0,0,1e308]]',
    b'[["finished",%d,99,1,0,1.0,1,1,1,false,"",1e300,20,["a\\u0000b"],"","r\\u0000",5]]',
    b'[["output",%d,18446744073709551615,"aGVsbG8="]]',
    b'[["output",%d,9007199254740000,"aGVsbG8="],["finished",1,4,0,0,1.0]]',
    b'[["progress",[[%d,1,1,1,1e308,1.0]]]]',
    b'[["progress",[[%d,900,-900,900,-3.0,-3.0,true,"x","y",-9]]]]',
    b'[["resources",{"a":' + b"[" * 60 + b"]" * 60 + b'}],["drain",true],["ping"],["nonsense",%d]]',
    b'[["hello",1,"z","z","b","u","e","linux",0,"",0,1,1,[],{}],["ping",%d]]',
    b"[[%d",
]


def test_renders_that_lie(real: Farm, tmp_path: Path) -> None:
    for n, lie in enumerate(LIES):
        job = real.submit({"flags": 1, "frame_first": 1, "frame_last": 1, "command": "true"})
        liar = Liar(real, f"liar{n}")
        start = liar.wait_start()
        liar.say(lie % start.run if b"%d" in lie else lie)
        assert real.ask({"user": {"name": f"after lie {n}"}})["user"]["name"] == f"after lie {n}"
        for mode in ("full", "progress", "explain"):
            answer = real.ask({"get": {"type": "jobs", "ids": [job], "mode": mode}})
            assert "internal error" not in json.dumps(answer)
        assert "renders" in real.ask({"get": {"type": "renders"}})
        real.action(job, "delete")
        liar.sock.close()
    assert real.server is not None
    assert real.server.alive()
    assert "Traceback" not in real.server.text()
    check_stored(real, tmp_path)


def test_submissions_while_the_server_is_killed(real: Farm, tmp_path: Path) -> None:
    """Every job whose reply was received is there after the restart, and none twice."""
    told: dict[int, str] = {}
    stop = threading.Event()

    def submit_on(client: int) -> None:
        n = 0
        while not stop.is_set():
            n += 1
            block = {"flags": 1, "frame_first": 1, "frame_last": 3, "command": "true"}
            job = {"name": f"c{client} {n}", "user_name": f"u{client}", "blocks": [block]}
            with contextlib.suppress(OSError, AssertionError):  # killed: no reply, no promise
                told[real.ask({"job": job}, 10)["serial"]] = job["name"]

    clients = [threading.Thread(target=submit_on, args=(n,)) for n in range(8)]
    for client in clients:
        client.start()
    try:
        for _ in range(4):
            aim = len(told) + 150
            wait_until(lambda aim=aim: len(told) >= aim, f"{aim} replies")
            assert real.server is not None
            real.server.kill9()
            expected = dict(told)
            real.start_server()
            jobs = real.ask({"get": {"type": "jobs"}})["jobs"]
            found = {job["serial"]: job["name"] for job in jobs}
            assert expected.items() <= found.items()
            assert len(set(found.values())) == len(jobs), "a job twice"
    finally:
        stop.set()
        for client in clients:
            client.join()
    check_stored(real, tmp_path)


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 12), st.text(max_size=6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**31, 2**61, 2**63, 2**70, -(2**70), 10**300]),
    st.sampled_from([".*", "(", "(a+)+$", "\0", "x" * 3000, "\ud800"]),
    st.lists(st.integers(-2, 5), max_size=4), st.just({}), st.just([[0, 10**9]]),
    st.dictionaries(st.text(max_size=3), st.integers(-2, 2), max_size=2),
)  # fmt: skip


def members(*specs: Any, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with any members of the structs, all of odd values."""
    names = [name for spec in specs for name in spec.__struct_fields__]
    return st.fixed_dictionaries({}, optional={**dict.fromkeys(names, ODD), **more})


TASK = members(TaskSpec)
BLOCK = st.builds(
    lambda odd, good: {**odd, **good},
    members(BlockSpec, tasks=st.lists(TASK, max_size=2)),
    st.sampled_from([
        {}, {"flags": 0, "tasks": [{"command": "true"}]},
        {"flags": 1, "frame_first": -1, "frame_last": 20},
    ]),
)  # fmt: skip
OPERATIONS = [
    "skip", "restart", "restart_errors", "suspend", "continue", "done", "trynext", "tickets",
    "append_tasks", "append_blocks", "pause", "start", "stop", "delete", "exit", "heal_sick", "x",
]  # fmt: skip
SELECTION = {
    "ids": st.one_of(st.lists(st.integers(0, 20), max_size=3), ODD), "mask": ODD, "serials": ODD,
    "block_ids": st.one_of(st.just([-1]), st.just([0]), ODD), "block_mask": ODD,
}  # fmt: skip
OPERATION = st.fixed_dictionaries(
    {"type": st.sampled_from(OPERATIONS)},
    optional={
        "task_ids": ODD, "task_ranges": st.one_of(st.just([[0, 3], [2, 9]]), ODD), "mode": ODD,
        "name": ODD, "count": ODD, "tasks": st.lists(TASK, max_size=2),
        "blocks": st.lists(BLOCK, max_size=2),
    },
)  # fmt: skip
ACTION = st.fixed_dictionaries(
    {"type": st.sampled_from(["jobs", "renders", "users"]), "user_name": st.just("u"),
     "host_name": st.just("h")},
    optional={
        **SELECTION, "operation": st.one_of(OPERATION, ODD),
        "params": st.one_of(members(JobSpec, BlockSpec, UserSpec), ODD),
    },
)  # fmt: skip
MODES = ["full", "output", "log", "progress", "story", "explain", "resources", "error_hosts"]
GET = st.fixed_dictionaries(
    {"type": st.one_of(st.sampled_from(["jobs", "renders", "users", "config"]), ODD)},
    optional={**SELECTION, "mode": st.sampled_from(MODES), "task_ids": ODD, "number": ODD,
              "offset": ODD, "first": ODD, "count": ODD},
)  # fmt: skip
REQUEST = st.one_of(
    st.fixed_dictionaries({"action": st.one_of(ACTION, ODD)}, optional={"strict": ODD}),
    st.fixed_dictionaries({"get": st.one_of(GET, ODD)}, optional={"strict": ODD}),
    st.fixed_dictionaries({"job": members(JobSpec, blocks=st.lists(BLOCK, max_size=2))}),
    st.fixed_dictionaries({"user": members(UserSpec, name=st.sampled_from(["u", "v"]))}),
    ODD,
)


def test_requests_with_odd_values(real: Farm, tmp_path: Path) -> None:
    """Whatever comes is answered, and what was stored of it can be restored."""
    real.start_render("a", "--capacity", "4000", "--max-tasks", "4")

    @settings(max_examples=400, database=None)
    @given(REQUEST)
    def ask(request: Any) -> None:
        answer = real.ask(request)
        assert "internal error" not in json.dumps(answer)

    ask()
    assert real.server is not None
    assert "Traceback" not in real.server.text()
    core = check_stored(real, tmp_path)
    real.server.kill9()
    real.start_server()
    jobs = real.ask({"get": {"type": "jobs"}})["jobs"]
    assert {job["serial"] for job in jobs} == set(core.jobs)


def test_data_that_no_server_can_use(real: Farm, tmp_path: Path) -> None:
    """Said in a sentence, with what to do."""
    data = real.folder / "server"

    def refusal(name: str) -> str:
        command = [program("afserver"), "--port", "0", "--data", str(data)]
        process = Process(command, tmp_path / name)
        assert process.popen.wait(60) == 2
        text = process.text()
        assert "Traceback" not in text
        return text

    assert "another afserver works in" in refusal("second")
    assert real.server is not None
    assert real.server.alive()
    real.server.end()
    file = data / "farm.db"
    good = file.read_bytes()
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("update alembic_version set version_num = 'tomorrow'")
    assert "install the version that wrote it" in refusal("newer")
    file.write_bytes(b"junk" * 1000)
    assert "restore a backup" in refusal("junk")
    file.write_bytes(good)
    real.start_server()
