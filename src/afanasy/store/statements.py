"""SQL texts of the hot path, made once per database.

Upserts and deletes run through ``exec_driver_sql`` with tuples: half the cost of building
expressions per call (RECIPES 1).
"""

from __future__ import annotations

import sqlalchemy as sa

from afanasy.store import schema


def placeholder(engine: sa.Engine) -> str:
    """The driver's mark for a value."""
    return "?" if engine.dialect.paramstyle == "qmark" else "%s"


def upsert(engine: sa.Engine, name: str) -> str:
    """Insert a row, or replace the one with its key."""
    table = schema.metadata.tables[name]
    columns = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key.columns]
    rest = [column for column in columns if column not in keys]
    quote = engine.dialect.identifier_preparer.quote
    marks = ", ".join([placeholder(engine)] * len(columns))
    head = f"INSERT INTO {quote(name)} ({', '.join(map(quote, columns))}) VALUES ({marks})"
    if engine.dialect.name in ("mysql", "mariadb"):
        sets = ", ".join(f"{quote(c)} = VALUES({quote(c)})" for c in rest or keys)
        return f"{head} ON DUPLICATE KEY UPDATE {sets}"
    if not rest:
        return f"{head} ON CONFLICT DO NOTHING"
    sets = ", ".join(f"{quote(c)} = excluded.{quote(c)}" for c in rest)
    return f"{head} ON CONFLICT ({', '.join(map(quote, keys))}) DO UPDATE SET {sets}"


def delete(engine: sa.Engine, name: str) -> str:
    """Delete the row with a key."""
    table = schema.metadata.tables[name]
    (key,) = [column.name for column in table.primary_key.columns]
    quote = engine.dialect.identifier_preparer.quote
    return f"DELETE FROM {quote(name)} WHERE {quote(key)} = {placeholder(engine)}"
