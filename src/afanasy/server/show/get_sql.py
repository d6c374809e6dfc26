"""``get`` sql and db: questions to the database, what it is, and whether it is well (S61, S63).

They are answered by threads of their own, of which there are few, and SQL in processes of their
own: a person's question never keeps the loop, the writer or the reading of histories waiting. Who
asks while many wait is refused.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

from afanasy.model.errors import UserError
from afanasy.server.show.get_request import GetRequest, check_mode
from afanasy.server.show.views import View
from afanasy.store import check, database, sql
from afanasy.store.sql_process import Processes
from afanasy.store.views import VIEWS

T = TypeVar("T")

#: Questions at work at a time, and those that may wait behind them.
WORKERS: Final = 2
WAITING_MAX: Final = 8


class DatabasePort:
    """Questions to the database of one farm."""

    def __init__(self, file: Path, outputs: Path) -> None:
        self._file = file
        self._outputs = outputs
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="sql")
        self._processes = Processes()
        self._asked = 0
        self._stopping = False

    def close(self) -> None:
        """End what is being asked: everybody is answered that the server stops."""
        self._stopping = True
        self._processes.close()
        self._pool.shutdown(wait=False)

    def sql(self, request: GetRequest) -> Awaitable[View]:
        """The answer of one statement. Raises UserError, as the awaitable may."""
        check_mode(request, ())
        limit = _bounded(request, "limit", sql.ROWS_DEFAULT, sql.ROWS_MAX)
        timeout_s = _bounded(request, "timeout_s", sql.TIMEOUT_DEFAULT_S, sql.TIMEOUT_MAX_S)
        return self._ask(request.query, limit, timeout_s)

    async def _ask(self, query: str, limit: int, timeout_s: int) -> View:
        table = await self._in_thread(
            lambda: self._processes.ask(self._file, query, limit, timeout_s)
        )
        return {"sql": table._asdict()}

    def db(self, request: GetRequest) -> View | Awaitable[View]:
        """What the database is and has; with mode ``check`` whether it is well.

        Raises UserError, as the awaitable may.
        """
        check_mode(request, ("check",))
        about: View = {
            "driver": "sqlite",
            "version": sqlite3.sqlite_version,
            "schema": _schema(),
            "path": str(self._file),
        }
        if request.mode != "check":
            return {"db": {**about, "views": _views()}}
        timeout_s = _bounded(request, "timeout_s", check.TIMEOUT_DEFAULT_S, check.TIMEOUT_MAX_S)
        return self._look(about, timeout_s)

    async def _look(self, about: View, timeout_s: int) -> View:
        report = await self._in_thread(
            lambda: check.look(
                self._file, self._outputs, about["schema"], timeout_s=timeout_s,
                stopping=lambda: self._stopping,
            )
        )  # fmt: skip
        return {
            "db_check": {
                "ok": all(one.ok for one in report.looks),
                **about,
                "checks": [one._asdict() for one in report.looks],
                "sizes": report.sizes,
                "elapsed_s": report.elapsed_s,
            }
        }

    async def _in_thread(self, function: Callable[[], T]) -> T:
        if self._asked >= WORKERS + WAITING_MAX:
            raise UserError(
                "busy", "too many questions are being answered", "ask again in a moment"
            )
        if self._stopping:
            raise UserError("stopping", "the server stops", "ask again when it is back")
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function)
        finally:
            self._asked -= 1


def _bounded(request: GetRequest, name: str, default: int, most: int) -> int:
    """A number of the request, from 1 to ``most``. Raises UserError in a strict request (R49)."""
    value: int = getattr(request, name)
    if 1 <= value <= most:
        return value
    if value >= 0:
        request.reader.complain(f"get.{name}", f"must be from 1 to {most}")
    return default


@cache
def _schema() -> str:
    return database.newest_schema()


def _views() -> list[View]:
    return [
        {
            "name": name,
            "text": told.text,
            "columns": [{"name": column, "text": text} for column, text in told.columns.items()],
        }
        for name, told in VIEWS.items()
    ]
