"""The tables, in SQLAlchemy Core. What the rows mean is :mod:`afanasy.core.rows`.

Keys that name runs and tasks are single integers (:mod:`afanasy.model.ids`): on SQLite they are the
row's own key, so the hot tables need no second index (RECIPES 1).
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from afanasy.core.rows import COLUMNS

metadata = sa.MetaData()

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Key = sa.String(255)
Word = sa.String(1024)


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    table = sa.Table(name, metadata, *columns)
    expected = COLUMNS.get(name)
    assert expected is None or expected == tuple(c.name for c in table.columns), name
    return table


def _key(name: str, kind: sa.types.TypeEngine[Any] | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind or Big, primary_key=True, autoincrement=False)


def _col(
    name: str, kind: sa.types.TypeEngine[Any] | None = None, *, null: bool = False
) -> sa.Column[Any]:
    return sa.Column(name, kind or Big, nullable=null)


meta = _table("meta", _key("name", Key), _col("value", sa.Text()))
users = _table("users", _key("name", Key), _col("id"), _col("doc", sa.Text()))
renders = _table("renders", _key("name", Key), _col("id"), _col("doc", sa.Text()))
pools = _table("pools", _key("path", Key), _col("id"), _col("doc", sa.Text()))
branches = _table("branches", _key("path", Key), _col("id"), _col("doc", sa.Text()))
jobs = _table(
    "jobs",
    _key("serial"),
    _col("id"),
    _col("name", Word),
    _col("user_name", Key),
    _col("st"),
    _col("priority"),
    _col("project", Word),
    _col("department", Word),
    _col("branch", sa.Text()),
    _col("time_creation"),
    _col("time_started"),
    _col("time_done"),
    _col("deleted"),
    _col("doc", sa.Text()),
)
submissions = _table("submissions", _key("serial"), _key("part"), _col("text", sa.Text()))
blocks = _table(
    "blocks",
    _key("key"),
    _col("serial"),
    _col("num"),
    _col("name", Word),
    _col("service", Word),
    _col("tasks_num"),
    _col("doc", sa.Text()),
)
block_states = _table("block_states", _key("key"), _col("doc", sa.Text()))
records = _table("records", _key("key"), _key("first"), _col("doc", sa.Text()))
tasks = _table(
    "tasks",
    _key("key"),
    *(_col(name) for name in COLUMNS["tasks"][1:-1]),
    _col("extra", sa.Text(), null=True),
)
pages = _table("pages", _key("key"), _col("seq"), _col("count"), _col("data", sa.LargeBinary()))
open_runs = _table(
    "open_runs",
    _key("run"),
    _col("task"),
    _col("render", Key),
    _col("number"),
    _col("capacity"),
    _col("coeff"),
    _col("started", sa.Double()),
    _col("waited_s", sa.Double()),
    _col("current"),
    _col("stop_cause", Word),
    _col("stop_target"),
    _col("stop_counts"),
    _col("held", sa.Text(), null=True),
)
runs = _table(
    "runs",
    _key("run"),
    _col("task"),
    _col("render_id"),
    _col("facet"),
    _col("number"),
    _col("started", sa.Double()),
    _col("elapsed_ms"),
    _col("waited_ms"),
    _col("cpu_ms"),
    _col("memory_peak_mb"),
    _col("capacity"),
    _col("status"),
    _col("exit_status"),
    _col("error_class", Word, null=True),
    _col("output_size"),
    _col("log", sa.Text(), null=True),
)
facets = _table(
    "facets",
    _key("id"),
    _col("user_name", Key),
    _col("project", Word),
    _col("department", Word),
    _col("branch", sa.Text()),
    _col("pool", sa.Text()),
    _col("pattern", Word),
    _col("service", Word),
)
#: Where the output of a finished run lies: segment file of its block, place and packed length.
outputs = _table("outputs", _key("run"), _col("block"), _col("place"), _col("length"), _col("size"))
#: Blocks of deleted jobs whose task rows still have to go, in slices.
purges = _table("purges", _key("block"))
#: One row: the epoch that may write (run contract 4).
leader = _table("leader", _key("id"), _col("epoch"), _col("farm_id", Key))

# Stories and statistics of one task or block are read by its key range.
sa.Index("runs_task", runs.c.task)
sa.Index("jobs_user", jobs.c.user_name)
sa.Index("blocks_serial", blocks.c.serial)

#: Tables whose rows make the farm, in the order in which they are written.
FARM_TABLES: Final = tuple(COLUMNS)
