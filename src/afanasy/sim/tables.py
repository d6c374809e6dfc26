"""A store of plain dicts: what the database would hold after the rows of every batch.

Rows replace the one with their key, as the SQL store does it. The simulator keeps two: what is on
the disk, and what memory would write (:mod:`afanasy.sim.server_side`); tests use one.
"""

from __future__ import annotations

from typing import Any, Final

from afanasy.core.rows import Row, Rows
from afanasy.model.ids import split_task_key

#: How many leading columns make the key of a table.
_KEYS: Final = {"submissions": 2, "records": 2}


class TableStore:
    """Applies rows as the SQL store does: replace by key, delete by key."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Any, Row]] = {}

    def write(self, rows: Rows) -> None:
        """Apply the rows of one batch."""
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
        """All rows, as :func:`afanasy.core.restore.restore` takes them."""
        return {table: list(kept.values()) for table, kept in self.tables.items()}

    def get(self, table: str, key: Any) -> Row | None:
        """The row with this one-column key."""
        return self.tables.get(table, {}).get((key,))

    def copy(self) -> TableStore:
        """Another store with the same rows."""
        other = TableStore()
        other.tables = {table: dict(kept) for table, kept in self.tables.items()}
        return other
