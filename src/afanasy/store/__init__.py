"""SQL: tables, the writer thread, loading, migrations; and the files of task output."""

from __future__ import annotations
