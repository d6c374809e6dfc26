"""A store of plain dicts: what the database would hold after the rows of every batch."""

from __future__ import annotations

from typing import Any

from afanasy.core.rows import Row, Rows
from afanasy.model.ids import split_task_key

#: How many leading columns make the key of a table.
_KEYS = {"submissions": 2, "records": 2}


class TableStore:
    """Applies rows as the SQL store does: replace by key, delete by key."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Any, Row]] = {}

    def write(self, rows: Rows) -> None:
        for table, found in rows.upserts.items():
            kept = self.tables.setdefault(table, {})
            for row in found:
                kept[row[: _KEYS.get(table, 1)]] = row
        for table, keys in rows.deletes.items():
            for key in keys:
                self.tables.get(table, {}).pop((key,), None)
        for serial, wall, block_keys in rows.jobs_deleted:
            jobs = self.tables.get("jobs", {})
            if (serial,) in jobs:
                row = jobs[(serial,)]
                jobs[(serial,)] = (*row[:12], int(wall), row[13])
            for table in ("tasks", "pages"):
                kept = self.tables.get(table, {})
                for key in [k for k in kept if split_task_key(k[0])[0] in block_keys]:
                    del kept[key]

    def rows(self) -> dict[str, list[Row]]:
        return {table: list(kept.values()) for table, kept in self.tables.items()}
