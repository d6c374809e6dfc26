"""``afcmd db`` and ``afcmd stats`` against a real farm: people, JSON, refusals, a slow question."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.processes import Farm, program, wait_until
from harness.terminal import Terminal as Screen
from harness.terminal_user import Terminal

pytestmark = pytest.mark.e2e

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"


@pytest.fixture
def at(real: Farm) -> Terminal:
    real.start_render("a", "--capacity", "2000")
    return Terminal(real)


def done_job(at: Terminal, **members: object) -> int:
    job = at.farm.submit(
        {"flags": 1, "frame_first": 1, "frame_last": 3, "name": "b", "command": "echo @#@"},
        name="shot", **members,
    )  # fmt: skip
    at.say("wait", str(job))
    return job


# ------------------------------------------------------------------------------------------ sql


def test_questions(at: Terminal) -> None:
    done_job(at, custom_data="hunter2")
    query = "SELECT job_name, block_name, task_num, render, result FROM v_runs ORDER BY task_num"
    wait_until(lambda: len(at.data("db", "sql", query)["sql"]["rows"]) == 3, "three runs")
    found = at.data("db", "sql", query)["sql"]
    assert found["columns"] == ["job_name", "block_name", "task_num", "render", "result"]
    assert found["rows"] == [["shot", "b", n, "a", "success"] for n in range(3)]
    assert found["truncated"] is False
    lines = at.say("db", "sql", query).splitlines()
    assert lines[0].split() == found["columns"]
    assert lines[1].split() == ["shot", "b", "0", "a", "success"]
    names = "SELECT serial, name FROM v_jobs WHERE serial > 0"
    assert at.say("db", "sql", "--csv", names) == "serial,name\n1,shot\n"
    assert "hunter2" not in at.say("db", "sql", "SELECT * FROM v_jobs")
    assert at.data("db", "sql", "VALUES (1), (2), (3)", "--limit", "2")["sql"]["truncated"] is True
    process = at.start("db", "sql", "VALUES (1), (2)", "--limit", "1")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, len(out.splitlines())) == (0, 2)
    assert "that is not all" in err


def test_a_question_from_standard_input(at: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "query.sql"
    file.write_text("-- who is there\nSELECT name FROM v_users ORDER BY name;\n")
    server = f"127.0.0.1:{at.farm.port}"
    with file.open() as text:
        done = subprocess.run(
            [program("afcmd"), "--server", server, "--json", "db", "sql", "-"],
            stdin=text, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert json.loads(done.stdout)["sql"]["rows"] == [["afadmin"]], done


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("SELECT * FROM users", 4, "only the documented views"),
        ("SELECT value FROM meta", 4, "only the documented views"),
        ("WITH v_users AS (SELECT doc FROM users) SELECT * FROM v_users", 4, "documented views"),
        ("DELETE FROM v_jobs", 4, "not DELETE"),
        ("ATTACH '/tmp/x' AS x", 4, "not ATTACH"),
        ("PRAGMA user_version", 4, "not PRAGMA"),
        ("SELECT * FROM v_job", 2, "did you mean v_jobs?"),
        ("SELECT nam FROM v_jobs", 2, "did you mean name?"),
        ("", 2, "there is no statement"),
    ],
)
def test_refusals(real: Farm, query: str, code: int, said: str) -> None:
    at = Terminal(real)
    assert said in at.say("db", "sql", query, code=code)
    error = at.data("db", "sql", query, code=code)["error"]
    assert error["field"] == "get.query"
    assert error["hint"]


def test_options_are_checked(real: Farm) -> None:
    at = Terminal(real)
    assert "from 1 to 60" in at.say("db", "sql", "SELECT 1", "--timeout", "61", code=2)
    assert "from 1 to" in at.say("db", "sql", "SELECT 1", "--limit", "0", code=2)
    assert "quote the query" in at.say("db", "sql", "SELECT", "1", code=2)
    assert "leave one out" in at.say("--json", "db", "sql", "--csv", "SELECT 1", code=2)
    answer = real.ask({"get": {"type": "sql", "query": "SELECT 1", "limit": 0}})
    assert answer["sql"]["rows"] == [[1]]
    assert answer["warnings"]


def test_the_server_goes_on_under_slow_questions(at: Terminal) -> None:
    slow = [at.start("db", "sql", "--timeout", "3", ENDLESS) for _ in range(2)]
    job = done_job(at)
    assert at.farm.job(job)["state"].split() == ["DON"]
    assert [process.poll() for process in slow] == [None, None], "they were slow"
    for process in slow:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 6
        assert "not done after 3 s" in err


def test_a_stopping_server_does_not_wait_for_a_question(at: Terminal) -> None:
    slow = at.start("db", "sql", "--timeout", "60", ENDLESS)
    children = f"/proc/{at.farm.server.pid}/task"  # pyright: ignore[reportOptionalMemberAccess]

    def asked() -> bool:
        files = Path(children).glob("*/children")
        return any(file.read_text().strip() for file in files)

    wait_until(asked, "the process that asks")
    assert at.farm.server is not None
    assert at.farm.server.end(deadline_s=30) == 0
    _, err = slow.communicate(timeout=60)
    assert slow.returncode in (2, 3), err


# ------------------------------------------------------------------------------------- database


def test_tables_drivers_and_check(at: Terminal) -> None:
    done_job(at)
    assert "v_open_runs" in at.say("db", "tables")
    (view,) = at.data("db", "tables", "v_runs")["views"]
    assert {"run", "render", "elapsed_s"} <= {column["name"] for column in view["columns"]}
    assert "did you mean v_runs?" in at.say("db", "tables", "v_run", code=5)
    found = at.data("db", "drivers")
    used = {one["name"]: one["in_use"] for one in found["drivers"]}
    assert used == {"sqlite": True, "postgresql": False, "mysql": False}
    assert "by the server" in at.say("db", "drivers")
    report = at.farm.ask({"get": {"type": "db", "mode": "check"}})["db_check"]
    assert [one for one in report["checks"] if not one["ok"] and one["name"] != "disk"] == []
    assert report["sizes"]["database"] + report["sizes"]["wal"] > 0
    code = 0 if report["ok"] else 1
    assert at.data("db", "check", code=code)["db_check"]["driver"] == "sqlite"
    process = at.start("db", "check")
    assert "ok   integrity" in process.communicate(timeout=60)[0]
    assert process.returncode == code


def test_drivers_need_no_server() -> None:
    nobody = Terminal(None)
    process = nobody.start("--server", "127.0.0.1:1", "db", "drivers")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "sqlite3" in out
    assert "no server" in err


def test_a_bad_database_is_said(real: Farm) -> None:
    at = Terminal(real)
    real.submit({"tasks": [{"name": "t", "command": "true"}]})
    assert real.server is not None
    real.server.end()
    connection = sqlite3.connect(real.folder / "server" / "farm.db")
    connection.execute("INSERT INTO outputs VALUES (5, 5, 0, 1, 1)")
    connection.commit()
    connection.close()
    real.start_server()
    out = at.start("db", "check").communicate(timeout=60)[0]
    assert "BAD  outputs: outputs of no run: 1" in out
    assert at.data("db", "check", code=1)["db_check"]["ok"] is False


# ---------------------------------------------------------------------------------------- stats


def by_kind(at: Terminal) -> dict[tuple[str, str], Any]:
    messages = at.data("stats")["stats"]["messages"]
    return {(one["kind"], one["direction"]): one for one in messages}


def test_traffic(at: Terminal) -> None:
    done_job(at)
    body = json.dumps({"get": {"type": "users"}}).encode()
    url = f"http://127.0.0.1:{at.farm.port}/"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        length = len(answer.read())
    at.farm.ask({"action": {"type": "jobs", "mask": "shot", "user_name": "anna",
                            "host_name": "desk", "operation": {"type": "pause"}}})  # fmt: skip
    seen = by_kind(at)
    users = seen["get users", "request"]
    assert users["count"] == 1
    assert users["bytes_in"] > len(body)
    assert users["bytes_out"] > length
    job = seen["job", "request"]
    assert 0 < job["commit_s"] <= job["time_s"]
    assert job["time_max_s"] == job["time_s"] > 0
    assert seen["action jobs pause", "request"]["count"] == 1
    assert seen["hello", "from render"]["count"] == 1
    assert seen["finished", "from render"]["count"] == 3
    assert seen["finished", "from render"]["bytes_in"] > 30
    assert seen["start", "to render"]["count"] == 3
    assert seen["welcome", "to render"]["bytes_out"] > 10
    stats = at.farm.ask({"get": {"type": "stats"}})["stats"]
    assert stats["connections"]["render"] == {"now": 1, "total": 1}
    assert stats["connections"]["http"] == {"now": 0, "total": 1}


def test_unreadable_requests_are_counted(at: Terminal) -> None:
    with socket.create_connection(("127.0.0.1", at.farm.port), 60) as sock:
        sock.sendall(b"AFANASY 5 JSON{{{{{")
        assert b"error" in sock.recv(4096)
    wait_until(lambda: ("unreadable", "request") in by_kind(at), "the count")


def columns(text: str) -> list[str]:
    return text.splitlines()[2].split()


def test_the_table_and_its_order(at: Terminal) -> None:
    done_job(at)
    text = at.say("stats", "--sort", "kind")
    assert columns(text)[:5] == ["KIND", "DIRECTION", "COUNT", "IN", "OUT"]
    kinds = [line.split("  ")[0] for line in text.splitlines()[3:]]
    assert kinds == sorted(kinds)
    key: Callable[[dict[str, Any]], Any] = lambda one: one["count"]  # noqa: E731 (typed)
    messages = at.data("server", "stats", "--sort", "count")["stats"]["messages"]
    assert messages == sorted(messages, key=key, reverse=True)
    assert columns(at.say("stat", "3", "1")) == ["KIND", "DIRECTION", "COUNT"]
    assert "there are kind" in at.say("stats", "--sort", "age", code=2)
    assert "9 columns" in at.say("stats", "--columns", "10", code=2)
    watch = [program("afcmd"), "--server", f"127.0.0.1:{at.farm.port}", "stats", "--watch"]
    with Screen(watch) as screen:
        screen.wait(lambda: "get stats" in screen.screen(), "the table")
        assert all(len(line) <= 100 for line in screen.screen().splitlines())
        screen.keys("q")
        assert screen.ended() == 0


def test_classic_verbs(at: Terminal) -> None:
    assert "messages" in at.say("stat")
    assert "sqlite" in at.say("db_drivers")
    assert "integrity" in at.start("db_check").communicate(timeout=60)[0]
    assert "afcmd delete" in at.say("db_reset_jobs", code=2)
    assert "db_updatetables" in at.say("help", "classic")
