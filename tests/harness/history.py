"""A history in memory for answers, and asking for answers in tests."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Sequence
from typing import Any, cast

import msgspec

from afanasy.model.errors import UserError
from afanasy.model.reading import Reader
from afanasy.server.matcher import Masks
from afanasy.server.show.get import get
from afanasy.server.show.history_port import OutputText, WantedOutput
from afanasy.store.history import PastRun, TaskRun
from harness.farm import StoryFarm


class TableHistory:
    """Ended runs from the rows of a story farm, outputs from a dict."""

    def __init__(self, farm: StoryFarm) -> None:
        self._farm = farm
        #: Run → bytes written so far.
        self.outputs: dict[int, bytes] = {}
        #: Calls of :meth:`settled`.
        self.waits = 0
        #: Rows that a slow disk does not have before :meth:`settled` was called.
        self.late = False

    async def runs_of_task(self, block: int, task: int) -> list[PastRun]:
        if self.late:
            return []
        rows = self._farm.store.tables.get("runs", {}).values()
        return [
            PastRun(run, number, render, started, elapsed / 1000, status, exit_status,
                    error_class or "", log or "", size)
            for run, key, render, _, number, started, elapsed, _, _, _, _, status, exit_status,
            error_class, size, log in rows
            if key == block << 24 | task
        ]  # fmt: skip

    async def output(
        self, run: int, offset: int, *, total: int = 0, running: bool = False
    ) -> OutputText | None:
        data = self.outputs.get(run)
        return OutputText(data[offset:].decode(), len(data)) if data is not None else None

    async def read_outputs(
        self, wanted: Sequence[WantedOutput], bytes_max: int
    ) -> list[OutputText | None]:
        found: list[OutputText | None] = []
        for one in wanted:
            found.append(await self.output(one.run, 0))
            if sum(len(text.text) for text in found if text) > bytes_max:
                break
        return found

    def _task_runs(self) -> list[TaskRun]:
        if self.late:
            return []
        rows = self._farm.store.tables.get("runs", {}).values()
        return [
            TaskRun(run, key >> 24, key & 0xFFFFFF, number, render, started, elapsed / 1000,
                    status, exit_status, error_class or "", size)
            for run, key, render, _, number, started, elapsed, _, _, _, _, status, exit_status,
            error_class, size, _ in rows
        ]  # fmt: skip

    async def runs_of_tasks(self, block: int, first: int, last: int, limit: int) -> list[TaskRun]:
        found = [run for run in self._task_runs() if run.block == block]
        found = [run for run in found if first <= run.task <= last]
        return sorted(found, key=lambda run: (run.task, run.run))[:limit]

    async def runs_by_id(self, runs: Sequence[int]) -> dict[int, TaskRun]:
        return {run.run: run for run in self._task_runs() if run.run in runs}

    async def submission(self, serial: int) -> list[tuple[int, str]]:
        if self.late:
            return []
        rows = self._farm.store.tables.get("submissions", {}).values()
        return sorted((part, text) for of, part, text in rows if of == serial)

    async def settled(self) -> None:
        self.waits += 1
        self.late = False


class Asker:
    """Sends ``get`` requests to a story farm and wants JSON back."""

    def __init__(self, farm: StoryFarm) -> None:
        self.farm = farm
        self.history = TableHistory(farm)

    def __call__(self, request: Any = None, /, *, strict: bool = False, **members: Any) -> Any:
        """The answer to ``{"get": {…}}``. Raises UserError."""
        raw = members if request is None else request
        result = get(
            self.farm.core, raw, Reader(strict=strict), Masks(), self.history, self.farm.now
        )
        if inspect.isawaitable(result):

            async def wait() -> object:
                return await cast("Awaitable[object]", result)

            result = asyncio.run(wait())
        return json.loads(msgspec.json.encode(result))

    def classic(self, request: Any) -> Any:
        """As a classic client sees it: refusals are answers."""
        try:
            return self(request)
        except UserError as error:
            return {"info": {"kind": "error", "text": error.message}}

    def run_numbers(self) -> list[tuple[int, int]]:
        """(run, task) of every ended run."""
        rows = self.farm.store.tables.get("runs", {}).values()
        return [(row[0], row[1] & 0xFFFFFF) for row in rows]
