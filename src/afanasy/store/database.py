"""Opening the database: engine, pragmas, migrations, the take-over."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import event

from afanasy.core.rows import Row
from afanasy.model.errors import UserError
from afanasy.model.ids import next_epoch
from afanasy.store import schema

if TYPE_CHECKING:
    from alembic.config import Config


class TakeOver(NamedTuple):
    """Who we are after taking the database over."""

    farm_id: str
    epoch: int


def open_sqlite(path: Path) -> sa.Engine:
    """An engine on an SQLite file: write-ahead log, every commit on disk before it returns."""
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    return engine


def _migrations() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def newest_schema() -> str:
    """The version to which :func:`migrate` brings a database."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_migrations()).get_current_head() or ""


def migrate(engine: sa.Engine) -> None:
    """Bring the schema to this version's. Raises UserError for a schema that it does not know."""
    from alembic import command
    from alembic.util import CommandError

    config = _migrations()
    config.attributes["engine"] = engine
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise UserError(
            "schema",
            f"this version cannot read the database: {error}",
            "install the version that wrote it, or a newer one",
            field="--data",
        ) from None


def lock_for_writing(connection: sa.Connection) -> None:
    """Begin the transaction as the only writer: what it reads now holds until its commit.

    SQLite's driver would begin at the first change only, after the epoch was read.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def wait_for_locks(connection: sa.Connection, seconds: float) -> None:
    """How long this connection waits for a lock before it says that the database is away."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
        connection.rollback()


def take_over(engine: sa.Engine, wall_s: float) -> TakeOver:
    """Raise the epoch: from now on nobody with a lower one may write (R1, run contract 4)."""
    table = schema.leader
    with engine.begin() as connection:
        lock_for_writing(connection)
        found = connection.execute(sa.select(table.c.epoch, table.c.farm_id)).first()
        if found is None:
            result = TakeOver(secrets.token_hex(8), next_epoch(0, wall_s))
            connection.execute(
                table.insert().values(id=1, epoch=result.epoch, farm_id=result.farm_id)
            )
        else:
            result = TakeOver(found.farm_id, next_epoch(found.epoch, wall_s))
            connection.execute(table.update().values(epoch=result.epoch))
    return result


def load(engine: sa.Engine) -> dict[str, list[Row]]:
    """The rows of every table that makes the farm; history stays in the database."""
    tables: dict[str, list[Row]] = {}
    living = sa.select(schema.jobs.c.serial).where(schema.jobs.c.deleted == 0)
    with engine.connect() as connection:
        for name in schema.FARM_TABLES:
            if name in ("runs", "submissions"):
                continue
            query = sa.select(schema.metadata.tables[name])
            if name == "jobs":
                query = query.where(schema.jobs.c.deleted == 0)
            elif name == "blocks":
                query = query.where(schema.blocks.c.serial.in_(living))
            tables[name] = [tuple(row) for row in connection.execute(query)]
    return tables
