"""Questions by SQL: what the views say, what nobody can read, and that nothing runs for ever."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from afanasy.core.rows import COLUMNS
from afanasy.model.errors import UserError
from afanasy.model.ids import make_run_id, task_key
from afanasy.store import check, database, sql, sql_process
from afanasy.store.sql_process import Processes
from afanasy.store.views import VIEWS
from harness.packages import ROOT
from harness.processes import wait_until

SECRET = "hunter2"
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = database.open_sqlite(tmp_path / "farm.db")
    database.migrate(engine)
    with engine.begin() as connection:
        for table, rows in ROWS.items():
            marks = ", ".join("?" * len(COLUMNS[table]))
            for row in rows:
                connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", row)
        connection.exec_driver_sql("UPDATE leader SET farm_id = ?", (SECRET,))
    yield engine
    engine.dispose()


@pytest.fixture
def path(engine: sa.Engine, tmp_path: Path) -> Path:
    return tmp_path / "farm.db"


def doc(**members: Any) -> str:
    return json.dumps({"custom_data": SECRET, "environment": {"TOKEN": SECRET}, **members})


BLOCK, OTHER = 7, 8
RUN = make_run_id(200_000_000, 1)
STATE = {"error_hosts": {}, "times": [50, 60, 1, 9, 10], "stuck": "", "version": 1}
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "meta": [("counters", SECRET)],
    "users": [("anna", 2, doc(spec={"priority": 50, "paused": True, "custom_data": SECRET},
                              host_name="desk", time_register=5, time_activity=6))],
    "renders": [
        ("r1", 1, doc(spec={"NIMBY": True, "capacity_host": 4000}, user_name="ben", os="linux",
                      capacity_flag=2000, max_tasks_flag=-1)),
        ("r2", 2, doc(spec={"user_name": "eve"}, user_name="ben", capacity_flag=2000)),
    ],
    "jobs": [
        (11, 3, "shot", "anna", 0, 120, "city", "fx", "/", 40, 50, 60, 0,
         doc(spec={"host_name": "desk", "custom_data": SECRET}, off=True)),
        (12, 4, "old", "anna", 0, 99, "", "", "/", 40, 0, 0, 99, doc(spec={})),
    ],
    "blocks": [
        (BLOCK, 11, 0, "beauty", "blender", 5000,
         doc(flags=3, frame_first=1, frame_last=5000, command=SECRET)),
        (OTHER, 12, 0, "list", "generic", 1, doc()),
    ],
    "block_states": [(BLOCK, json.dumps(STATE))],
    "tasks": [
        (task_key(BLOCK, 0), 5, 4, 0, 1, 0, 1, 50, 60, json.dumps({"reason": SECRET})),
        (task_key(BLOCK, 4097), 5, 6, 0, 2, 2, 9, 50, 60, None),
        (task_key(BLOCK, 4098), 20, 2, 0, 1, 0, 1, 50, 60, None),
    ],
    # Outdates the older of the two rows of its tasks.
    "pages": [(task_key(BLOCK, 4096), 10, 904, b"")],
    "facets": [(1, "anna", "city", "fx", "/", "", "", "blender")],
    "runs": [(RUN, task_key(BLOCK, 4097), 9, 1, 2, 50.5, 1500, 250, -1000, -1, 1000, 6, 3, None,
              17, SECRET)],
    "open_runs": [
        (RUN + 1, task_key(BLOCK, 4098), "r1", 1, 1000, 0, 70.25, 0.5, 1, "", 0, 0, None),
    ],
    "submissions": [(11, 0, SECRET)],
}  # fmt: skip


def rows(path: Path, query: str, **options: Any) -> list[dict[str, Any]]:
    table = sql.ask(path, query, **options)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def refused(path: Path, query: str, **options: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        sql.ask(path, query, **options)
    return caught.value


# ---------------------------------------------------------------------------------------- views


def test_every_view_and_column_has_its_sentence(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'view'")
        assert {row.name for row in stored} == set(VIEWS)
        for name, told in VIEWS.items():
            columns = connection.exec_driver_sql(f"PRAGMA table_info({name})")
            assert [row.name for row in columns] == list(told.columns)


def test_the_page_tells_every_view_and_column() -> None:
    page = (ROOT / "docs" / "howto-sql.md").read_text(encoding="utf-8")
    for name, told in VIEWS.items():
        section = page.split(f"### {name}\n")[1].split("\n#")[0]
        assert told.text in section
        assert re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE) == list(
            told.columns.items()
        )


def test_what_the_views_say(path: Path) -> None:
    (user,) = rows(path, "SELECT * FROM v_users")
    assert (user["name"], user["priority"], user["paused"]) == ("anna", 50, 1)
    assert (user["max_running_tasks"], user["host_name"]) == (-1, "desk")
    one, two = rows(path, "SELECT * FROM v_renders ORDER BY id")
    assert (one["user_name"], one["nimby"], one["capacity"]) == ("ben", "NIMBY", 4000)
    assert (two["user_name"], two["nimby"], two["capacity"]) == ("eve", "", 2000)
    shot, old = rows(path, "SELECT * FROM v_jobs ORDER BY serial")
    assert (shot["state"], shot["paused"], shot["project"]) == ("done", 1, "city")
    assert (old["state"], old["time_deleted"], old["host_name"]) == ("deleted", 99, "")
    block = rows(path, "SELECT * FROM v_blocks ORDER BY block_key")[0]
    assert (block["job_name"], block["is_numeric"], block["frame_last"]) == ("shot", 1, 5000)
    assert (block["capacity"], block["run_time_sum_s"]) == (1000, 10)


def test_tasks_and_runs(path: Path) -> None:
    tasks = rows(path, "SELECT * FROM v_tasks ORDER BY task_num")
    assert [(t["task_num"], t["state"], t["render"]) for t in tasks] == [
        (0, "done", "r1"), (4098, "running", "r1"),
    ]  # fmt: skip
    (run,) = rows(path, "SELECT * FROM v_runs")
    assert (run["run"], run["block_key"], run["task_num"]) == (str(RUN), BLOCK, 4097)
    assert (run["result"], run["exit_status"], run["error_class"]) == ("error", 3, "")
    assert (run["render"], run["render_id"], run["service"]) == (None, 9, "blender")
    assert (run["elapsed_s"], run["waited_s"], run["time_ended"]) == (1.5, 0.25, 52.0)
    assert (run["cpu_s"], run["memory_peak_mb"]) == (None, None)
    (run,) = rows(path, "SELECT * FROM v_open_runs")
    assert (run["job_name"], run["task_num"], run["render"]) == ("shot", 4098, "r1")
    assert rows(path, "SELECT count(*) AS n FROM V_Runs") == [{"n": 1}]


def test_no_view_has_a_secret(path: Path) -> None:
    for name in VIEWS:
        table = sql.ask(path, f"SELECT * FROM {name}")
        assert table.rows
        assert SECRET not in repr(table)


def test_joins_groups_and_windows(path: Path) -> None:
    query = (
        "WITH mine AS (SELECT * FROM v_jobs WHERE user_name = 'anna') "
        "SELECT m.name, count(r.run) AS runs, row_number() OVER (ORDER BY m.serial) AS n, "
        "upper(substr(m.name, 1, 1)) AS letter, date(m.time_creation, 'unixepoch') AS day "
        "FROM mine m LEFT JOIN v_runs r ON r.job_serial = m.serial GROUP BY m.serial ORDER BY 1"
    )
    assert rows(path, query) == [
        {"name": "old", "runs": 0, "n": 2, "letter": "O", "day": "1970-01-01"},
        {"name": "shot", "runs": 1, "n": 1, "letter": "S", "day": "1970-01-01"},
    ]


# ------------------------------------------------------------------------------------- refusals

TABLES = [*COLUMNS, "outputs", "purges", "leader", "alembic_version"]


@pytest.mark.parametrize("table", TABLES)
def test_tables_cannot_be_read(path: Path, table: str) -> None:
    assert refused(path, f"SELECT * FROM {table}").code == "not_allowed"
    assert refused(path, f"SELECT * FROM main.{table}").code == "not_allowed"
    assert refused(path, f"SELECT rowid FROM {table}").code == "not_allowed"
    # The name that SQLite reads for must not be one that the asker chooses.
    for view in VIEWS:
        spoofed = f"WITH {view} AS (SELECT * FROM {table}) SELECT * FROM {view}"
        assert refused(path, spoofed).code == "not_allowed"
        both = f"WITH {view} AS (SELECT * FROM main.{table}) SELECT * FROM {view}, temp.{view}"
        assert refused(path, both).code == "not_allowed"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT value FROM meta",
        "SELECT doc FROM users",
        "SELECT * FROM main.v_users",
        "SELECT (SELECT doc FROM users)",
        "SELECT * FROM v_users ORDER BY (SELECT doc FROM users)",
        "SELECT * FROM v_users NATURAL JOIN users",
        "SELECT users.doc FROM v_users, users",
        "SELECT * FROM (SELECT doc FROM users) AS v_users",
        "SELECT name FROM v_users UNION SELECT value FROM meta",
        "SELECT count(*) FILTER (WHERE doc > '') FROM users",
        "SELECT * FROM sqlite_schema",
        "SELECT * FROM temp.sqlite_schema",
        "SELECT * FROM pragma_table_info('users')",
        "SELECT * FROM json_each('[1]')",
        "SELECT * FROM dbstat",
        "SELECT load_extension('x')",
        "SELECT json_extract(name, '$') FROM v_users",
        "SELECT instr(name, 'a') FROM v_users",
        "SELECT zeroblob(1000000000)",
        "DELETE FROM users",
        "WITH x AS (SELECT 1) DELETE FROM users",
        "WITH x AS (SELECT 1) INSERT INTO users SELECT * FROM x",
        "UPDATE users SET id = 5",
        "DROP TABLE users",
        "DROP VIEW v_users",
        "CREATE TEMP TABLE x (a)",
        "CREATE TABLE x (a)",
        "ATTACH '/tmp/x.db' AS x",
        "VACUUM INTO '/tmp/x.db'",
        "PRAGMA table_info(users)",
        "PRAGMA query_only = 0",
        "BEGIN",
        "REINDEX",
        "/* SELECT */ DELETE FROM users",
        "-- SELECT\nDELETE FROM users",
    ],
)
def test_what_is_not_allowed(path: Path, query: str) -> None:
    before = path.read_bytes()
    error = refused(path, query)
    assert error.code == "not_allowed", error.sentence()
    assert error.hint
    assert SECRET not in error.sentence()
    assert path.read_bytes() == before


def test_the_secret_copies_are_new_for_every_question(path: Path) -> None:
    def names() -> list[str]:
        plan = sql.ask(path, "EXPLAIN QUERY PLAN WITH a AS MATERIALIZED (SELECT * FROM v_users "
                             "LIMIT 1) SELECT * FROM a, a AS b")  # fmt: skip
        return [str(row[-1]) for row in plan.rows]

    assert names()
    assert refused(path, "SELECT * FROM v_users_0").code == "bad_query"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "there is no statement"),
        ("-- nothing", "there is no statement"),
        ("SELECT * FROM v_user", "did you mean v_users?"),
        ("SELECT * FROM job", "did you mean v_jobs?"),
        ("SELECT render_name FROM v_runs", "It is in"),
        ("SELECT FROM v_users", "syntax error"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT ?", "bindings"),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000, ""),
        ("SELECT '" + "x" * 200_000 + "'", "too large"),
    ],
)
def test_mistakes_are_told(path: Path, query: str, said: str) -> None:
    error = refused(path, query)
    assert error.code == "bad_query"
    assert said in error.sentence()


# --------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize("query", [
    ENDLESS + "SELECT count(*) FROM c",
    ENDLESS + "SELECT x FROM c WHERE x < 0",
    "SELECT count(*) FROM " + ", ".join(f"v_jobs j{n}" for n in range(30)),
])  # fmt: skip
def test_time_is_bounded(path: Path, query: str) -> None:
    began = time.monotonic()
    error = refused(path, query, timeout_s=0.3)
    assert (error.code, error.field) == ("timed_out", "get.timeout_s")
    assert time.monotonic() - began < 30


def refused_apart(path: Path, query: str, timeout_s: int = 60) -> UserError:
    """What a process of its own says."""
    with pytest.raises(UserError) as caught:
        Processes().ask(path, query, 1000, timeout_s)
    return caught.value


def test_a_process_of_its_own_answers_the_same(path: Path) -> None:
    query = "SELECT name, host_name, 1.5, NULL, 1 << 62 FROM v_users"
    apart = Processes().ask(path, query, 1000, 10)
    assert apart._replace(elapsed_s=0) == sql.ask(path, query)._replace(elapsed_s=0)
    error = refused_apart(path, "SELECT doc FROM users")
    assert (error.code, error.field) == ("not_allowed", "get.query")
    assert refused_apart(path, ENDLESS + "SELECT count(*) FROM c", 1).code == "timed_out"


def test_memory_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = "SELECT printf('%.7000000c%d', 'a', x) AS t FROM c ORDER BY t DESC"
    assert refused_apart(path, ENDLESS + large).code == "too_big"
    # Sixteen deep it would be more than a machine has, before the first step.
    deep = "WITH c0 AS (SELECT 1 AS x)" + "".join(
        f", c{n} AS (SELECT a.x FROM c{n - 1} a, c{n - 1} b WHERE a.x IN (SELECT x FROM c{n - 1}))"
        for n in range(1, 24)
    )
    monkeypatch.setattr(sql_process, "GRACE_S", 2)
    error = refused_apart(path, deep + " SELECT * FROM c23", 3)
    assert error.code in ("too_big", "timed_out")


def test_a_stopping_server_ends_them(path: Path) -> None:
    processes = Processes()
    refusals: list[UserError] = []

    def ask() -> None:
        with pytest.raises(UserError) as caught:
            processes.ask(path, ENDLESS + "SELECT count(*) FROM c", 1000, 60)
        refusals.append(caught.value)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: processes._running, "the question")
    processes.close()
    thread.join(60)
    assert [error.code for error in refusals] == ["stopping"]


def test_rows_cells_and_answers_are_cut(path: Path) -> None:
    table = sql.ask(path, ENDLESS + "SELECT x FROM c", limit=7)
    assert (table.rows[-1], len(table.rows), table.truncated) == ([7], 7, True)
    three = "VALUES (1), (2), (3)"
    assert sql.ask(path, three, limit=3).truncated is False
    table = sql.ask(path, f"SELECT printf('%.{sql.CELL_MAX + 5}c', 'a') AS long")
    assert (len(str(table.rows[0][0])), table.truncated) == (sql.CELL_MAX + 1, True)
    table = sql.ask(path, ENDLESS + "SELECT printf('%.60000c', 'a') FROM c", limit=100_000)
    assert table.truncated
    assert len(table.rows) < 400


def test_cells_are_what_json_can_say(path: Path) -> None:
    query = "SELECT 9e999, -9e999, 1 << 62, x'00ff', CAST(x'ff' AS text), NULL, 1.5"
    (row,) = sql.ask(path, query).rows
    assert row == ["inf", "-inf", str(1 << 62), "x'00ff'", "\ufffd", None, 1.5]


def test_a_missing_database_is_said(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.db", "SELECT 1").code == "store_unavailable"


# ---------------------------------------------------------------------------------------- check


def found(path: Path, folder: Path) -> dict[str, check.Look]:
    report = check.look(path, folder / "outputs", database.newest_schema())
    assert report.sizes["database"] > 0
    return {one.name: one for one in report.looks}


def test_a_well_database(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "outputs" / "deep"
    folder.mkdir(parents=True)
    (folder / "segment").write_bytes(b"x" * 1000)
    looks = found(path, tmp_path)
    assert [one for one in looks.values() if not one.ok and one.name != "disk"] == []
    assert {"integrity", "schema", "runs", "tasks", "disk"} <= set(looks)
    assert check.look(path, tmp_path / "outputs", "x").sizes["outputs"] == 1000


@pytest.mark.parametrize(("name", "statement"), [
    ("runs", "UPDATE runs SET task = 99 << 24"),
    ("tasks", f"UPDATE tasks SET \"key\" = {task_key(BLOCK, 5000)} WHERE state = 6"),
    ("blocks", "UPDATE blocks SET serial = 99"),
    ("jobs", "DELETE FROM users"),
    ("facets", "DELETE FROM facets"),
    ("outputs", "INSERT INTO outputs VALUES (5, 5, 0, 1, 1)"),
    ("schema", "UPDATE alembic_version SET version_num = '0001'"),
])  # fmt: skip
def test_what_does_not_belong_is_found(
    engine: sa.Engine, path: Path, tmp_path: Path, name: str, statement: str
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    look = found(path, tmp_path)[name]
    assert not look.ok
    assert look.hint


def test_a_damaged_file_is_found(engine: sa.Engine, path: Path, tmp_path: Path) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    data = bytearray(path.read_bytes())
    for place in range(4096 + 100, len(data), 512):  # behind the schema's page
        data[place : place + 64] = b"\xff" * 64
    path.write_bytes(data)
    bad = [one for one in found(path, tmp_path).values() if not one.ok]
    assert bad
    assert "restore the back-up" in bad[0].hint


def test_a_check_has_a_time_limit(path: Path, tmp_path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "INSERT INTO outputs VALUES (?, 1, 0, 1, 1)", ((n,) for n in range(20_000))
        )
    connection.close()
    with pytest.raises(UserError) as caught:
        check.look(path, tmp_path, database.newest_schema(), stopping=lambda: True)
    assert caught.value.code == "timed_out"
