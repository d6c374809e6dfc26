"""``afserver doctor``: each thing it looks at, well and broken."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from afanasy.model import clock
from afanasy.model.errors import UserError
from afanasy.server import doctor, doctor_data
from afanasy.server.doctor_data import Finding
from afanasy.store import database
from harness.processes import Farm, program

NAMES = {"program", "port", "data folder", "disk", "database", "clock", "open files"}


def levels(findings: list[Finding]) -> list[str]:
    return [one.level for one in findings]


def failed(findings: list[Finding]) -> Finding:
    """The only finding that is not ok."""
    (one,) = [one for one in findings if one.level != "ok"]
    assert one.hint
    return one


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a database that a server made."""
    engine = database.open_sqlite(tmp_path / "farm.db")
    database.migrate(engine)
    database.take_over(engine, clock.read_clocks().wall)
    engine.dispose()
    return tmp_path


@contextlib.contextmanager
def listening() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(1)
        yield sock.getsockname()[1]


def run(*words: str, code: int = 0) -> str:
    done = subprocess.run(
        [program("afserver"), "doctor", *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout


# -- the command


@pytest.mark.e2e
def test_a_healthy_place(tmp_path: Path):
    told = run("--port", "0", "--data", str(tmp_path / "new"))
    assert "the server makes it" in told
    assert "\x1b" not in told
    assert not (tmp_path / "new").exists()
    answer = json.loads(run("--port", "0", "--data", str(tmp_path / "new"), "--json"))
    assert answer["ok"] is True
    assert {one["check"] for one in answer["checks"]} == NAMES


@pytest.mark.e2e
def test_beside_a_running_server(tmp_path: Path):
    with Farm(tmp_path) as farm:
        job = farm.submit({"command": "true", "tasks": [{"name": "one"}]})
        port, own = str(farm.port), str(tmp_path / "server")
        told = run("--port", port, "--data", own)
        assert f"port {port} of 127.0.0.1 is served by afserver" in told
        assert "a server works in it" in told
        assert farm.job(job)
        told = run("--port", port, "--data", str(tmp_path / "other"), code=1)
        assert "is served by another afserver" in told


@pytest.mark.e2e
def test_what_fails_is_said_with_what_to_do(tmp_path: Path):
    (tmp_path / "farm.db").write_text("this is no database, however long one looks at it" * 100)
    with listening() as port:
        words = ("--port", str(port), "--data", str(tmp_path), "--json")
        answer: Any = json.loads(run(*words, code=1))
    assert answer["ok"] is False
    failures = {one["check"]: one for one in answer["checks"] if one["level"] == "fail"}
    assert set(failures) == {"port", "database"}
    assert all(one["hint"] for one in failures.values())


def test_root_looks_as_the_owner_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    became: list[int] = []
    monkeypatch.setattr(doctor, "nearest_existing", lambda _data: Owned())
    for name in ("setuid", "setgid", "setgroups"):
        monkeypatch.setattr(os, name, became.append)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert doctor._become_owner(tmp_path) == []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (found,) = doctor._become_owner(tmp_path)
    assert found.text.startswith("looking as 54321, to whom")
    assert became == [[], 54322, 54321]


class Owned:
    """A folder of somebody without an account."""

    st_uid, st_gid = 54321, 54322

    def stat(self) -> Owned:
        return self


def test_a_look_that_breaks_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def broken(_data: Path) -> list[Finding]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(doctor, "check_disk", broken)
    options = argparse.Namespace(bind=None, port=0, data=tmp_path, plugins=[], json=False, farm="")
    assert doctor.run(options, lambda: None) == 1
    assert "fail  disk: cannot be looked at: [Errno 5]" in capsys.readouterr().out


# -- addresses and port


def test_addresses_that_the_server_would_refuse():
    def refuse() -> None:
        raise UserError("untrusted", "everybody may", "name a network", field="--bind")

    assert failed(doctor.check_addresses(refuse)).text == "--bind: everybody may"
    assert doctor.check_addresses(lambda: None) == []


def test_a_port_that_somebody_else_has():
    with listening() as port:
        found = doctor.check_port(["127.0.0.1"], port, locked=False)[0]
    assert found.level == "fail"
    assert f"process {os.getpid()}" in found.text
    assert "not by Afanasy" in found.text


def test_addresses_that_are_none():
    (found,) = doctor.check_port(["192.0.2.1"], 1025, locked=False)
    assert found.text == "192.0.2.1 is no address of this machine"
    assert "127.0.0.1" in found.hint
    assert doctor.check_port(["no.such.host.invalid"], 1025, locked=False)[0].level == "fail"


def test_a_port_of_outgoing_connections(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(doctor, "_NET", tmp_path)
    (tmp_path / "ip_local_port_range").write_text("32768\t60999\n")
    reserved = tmp_path / "ip_local_reserved_ports"
    reserved.write_text("\n")
    with listening() as free:
        pass
    monkeypatch.setattr(doctor, "_ephemeral_range", lambda: (free, free))
    found = failed(doctor.check_port(["127.0.0.1"], free, locked=False))
    assert found.hint.startswith(f"sysctl -w net.ipv4.ip_local_reserved_ports={free}")
    reserved.write_text(f"1000,{free - 1}-{free + 1}\n")
    assert levels(doctor.check_port(["127.0.0.1"], free, locked=False)) == ["ok"]


# -- the data folder


def test_a_folder_of_somebody_else(tmp_path: Path):
    """As nobody in a process of its own: root may write everywhere."""
    tmp_path.chmod(0o755)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    script = (
        "import os, sys; from pathlib import Path; from afanasy.server import doctor_data\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "else: os.chmod(sys.argv[1], 0o555)\n"
        "print(doctor_data.check_folder(Path(sys.argv[1]) / 'new'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert "may not write in" in done.stdout, done.stderr


def test_a_folder_with_strange_files(data: Path, monkeypatch: pytest.MonkeyPatch):
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: path.name != "farm.db" and access(path, mode)
    )
    assert "farm.db" in failed(doctor_data.check_folder(data)).text


def test_a_folder_that_everybody_may_write(data: Path):
    assert levels(doctor_data.check_folder(data)) == ["ok"]
    data.chmod(0o777)
    assert failed(doctor_data.check_folder(data)).hint == f"chmod -R o-w {data}"


def test_a_network_disk(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor_data, "_file_system", lambda _folder: "nfs4")
    assert "cannot hold the database" in failed(doctor_data.check_folder(data)).text


def test_the_file_system_of_a_folder():
    assert doctor_data._file_system(Path("/proc/self")) == "proc"


def test_no_folder_at_all(data: Path):
    assert "is no folder" in failed(doctor_data.check_folder(data / "farm.db" / "x")).text


class Statvfs:
    """A disk of a thousand blocks of 1 MB."""

    f_frsize = 1 << 20
    f_blocks = 100_000
    f_bavail = 50_000
    f_files = 1_000_000
    f_favail = 500_000


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({}, "ok"),
        ({"f_bavail": 4_000}, "warn"),
        ({"f_bavail": 50}, "fail"),
        ({"f_favail": 3}, "fail"),
        ({"f_files": 0, "f_favail": 0}, "ok"),
    ],
)
def test_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, int], level: str):
    disk = Statvfs()
    for name, value in change.items():
        setattr(disk, name, value)
    monkeypatch.setattr(os, "statvfs", lambda _folder: disk)
    monkeypatch.setattr(doctor_data, "SYNC_MS_WANTED", 1e9)
    found = doctor_data.check_disk(tmp_path)
    assert max(levels(found), key=["ok", "warn", "fail"].index) == level
    assert list(tmp_path.iterdir()) == []


def test_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor_data, "SYNC_MS_WANTED", 0.0)
    assert "a commit waits" in failed(doctor_data.check_disk(tmp_path)).text


# -- the database


def test_a_whole_database(data: Path):
    before = (data / "farm.db").read_bytes()
    found = doctor_data.check_database(data)
    assert levels(found) == ["ok", "ok"]
    assert "of this version" in found[1].text
    assert (data / "farm.db").read_bytes() == before


def test_a_damaged_database(data: Path):
    with (data / "farm.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 20_000)
    assert "restore a back-up" in failed(doctor_data.check_database(data)).hint


def test_a_database_of_a_newer_version(data: Path):
    with contextlib.closing(sqlite3.connect(data / "farm.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    assert "made by a newer Afanasy (tables 9999)" in failed(doctor_data.check_database(data)).text


def test_an_older_database_is_migrated_on_a_copy(tmp_path: Path):
    with contextlib.closing(sqlite3.connect(tmp_path / "farm.db")) as connection:
        connection.execute("CREATE TABLE strange (x)")
    before = (tmp_path / "farm.db").read_bytes()
    assert "tried on a copy" in doctor_data.check_database(tmp_path)[1].text
    assert (tmp_path / "farm.db").read_bytes() == before
    with contextlib.closing(sqlite3.connect(tmp_path / "farm.db")) as connection:
        connection.execute("CREATE TABLE jobs (x)")
    assert "cannot be migrated" in failed(doctor_data.check_database(tmp_path)).text
    assert [path.name for path in tmp_path.iterdir()] == ["farm.db"]


def test_a_database_that_somebody_holds(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor_data, "BUSY_S", 0.05)
    with contextlib.closing(sqlite3.connect(data / "farm.db")) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert "cannot be written" in failed(doctor_data.check_database(data)).text


# -- the clock


def test_a_clock_behind_the_database(data: Path):
    assert levels(doctor_data.check_clock(data)) == ["ok"]
    later = clock.read_clocks().wall + 7200 + 30
    engine = database.open_sqlite(data / "farm.db")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE leader SET epoch = epoch + 7230"))
    engine.dispose()
    found = failed(doctor_data.check_clock(data))
    assert "a server's start of" in found.text
    assert "2 hours later" in found.text
    assert doctor_data._newest(data / "farm.db")[0] == pytest.approx(later, abs=60)


def test_a_clock_that_was_never_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def from_1970() -> clock.Now:
        now = clock.read_clocks()
        return clock.Now(now.mono, now.mono)

    monkeypatch.setattr(doctor_data, "read_clocks", from_1970)
    assert failed(doctor_data.check_clock(tmp_path)).text.startswith("it says 19")


def test_clocks_that_jump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wall = clock.read_clocks().wall
    moments = iter([clock.Now(5.0, wall), clock.Now(5.0, wall), clock.Now(4.0, wall)])
    monkeypatch.setattr(doctor_data, "read_clocks", lambda: next(moments))
    assert failed(doctor_data.check_clock(tmp_path)).text == "the monotonic clock went back"
    moments = iter([clock.Now(5.0, wall), clock.Now(5.0, wall), clock.Now(5.1, wall + 9)])
    assert "it was set by 8.9 s" in failed(doctor_data.check_clock(tmp_path)).text


# -- limits and plug-ins


def test_open_files(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (1024, 4096))
    assert "LimitNOFILE" in failed(doctor.check_files()).hint
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (resource.RLIM_INFINITY,) * 2)
    assert doctor.check_files()[0].text == "no limit"


def test_plug_ins(tmp_path: Path):
    for kind in ("services", "parsers"):
        (tmp_path / kind).mkdir()
    assert "has no plug-ins" in failed(doctor.check_plugins([tmp_path])).text
    (tmp_path / "services" / "good.py").write_text(
        "from afanasy.services.base import Service\nclass Good(Service):\n    pass\n"
    )
    (found,) = doctor.check_plugins([tmp_path])
    assert found.text == f"{tmp_path}: 1 file loads"
    (tmp_path / "services" / "bad.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "parsers" / "wrong.py").write_text(
        "from afanasy.parsers.base import Example, Parser\n"
        "class Wrong(Parser):\n    EXAMPLES = (Example(1, 'x', percent=50),)\n"
    )
    texts = [one.text for one in doctor.check_plugins([tmp_path]) if one.level == "fail"]
    assert len(texts) == 2
    assert "bad.py: line 1: ModuleNotFoundError" in texts[0]
    assert "wrong.py" in texts[1]
    assert "is no folder" in failed(doctor.check_plugins([tmp_path / "away"])).text


# -- the farm file


def test_a_farm_file(tmp_path: Path) -> None:
    assert doctor.check_farm_file("", tmp_path) == []
    path = tmp_path / "farm.xml"
    path.write_text('<farm><pattern name="all"/></farm>')
    assert levels(doctor.check_farm_file("", tmp_path)) == ["ok"]
    path.write_text("<farm>\n<pattern/></farm>")
    found = failed(doctor.check_farm_file("", tmp_path))
    assert found.level == "warn"
    assert f"{path}:2: pattern: a pattern needs a name" in found.text
    assert failed(doctor.check_farm_file(str(path), tmp_path)).level == "fail"
    assert "No such file" in failed(doctor.check_farm_file(f"{path}x", tmp_path)).text


def test_a_login_without_a_password(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it was set on the fly."""
    monkeypatch.setenv("AF_EMAIL_SMTP_SERVER", "mx")
    for name in ("AF_EMAIL_SMTP_USER", "AF_EMAIL_SMTP_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    assert doctor.check_mail(data) == []
    with contextlib.closing(sqlite3.connect(data / "farm.db")) as connection:
        chosen = json.dumps({"email_smtp_user": ["farm", "anna@desk", 1]})
        connection.execute("INSERT INTO meta (name, value) VALUES ('settings', ?)", (chosen,))
        connection.commit()
    assert "there is no email_smtp_password" in failed(doctor.check_mail(data)).text
    monkeypatch.setenv("AF_EMAIL_SMTP_PASSWORD", "x")
    assert doctor.check_mail(data) == []
