"""Reading what is not kept in memory: runs of a task, places of outputs, submissions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from afanasy.model.ids import split_task_key, task_key
from afanasy.store import schema
from afanasy.store.outputs import OutputPiece, Place

#: Keys in one query; SQLite takes 32,766 at most.
_ASKED_MAX: Final = 10_000


class PastRun(NamedTuple):
    """A run that has ended, as its task's story tells it."""

    run: int
    number: int
    render_id: int
    started: float
    elapsed_s: float
    status: int
    exit_status: int
    error_class: str
    log: str
    output_size: int


class TaskRun(NamedTuple):
    """A run that has ended, in a list of the runs of many tasks."""

    run: int
    block: int
    task: int
    number: int
    render_id: int
    started: float
    elapsed_s: float
    status: int
    exit_status: int
    error_class: str
    output_size: int


def runs_of_task(engine: sa.Engine, block: int, task: int) -> list[PastRun]:
    """The ended runs of a task, oldest first."""
    r = schema.runs.c
    query = (
        sa.select(
            r.run, r.number, r.render_id, r.started, r.elapsed_ms, r.status, r.exit_status,
            r.error_class, r.log, r.output_size,
        )
        .where(r.task == task_key(block, task))
        .order_by(r.run)
    )  # fmt: skip
    with engine.connect() as connection:
        return [
            PastRun(
                row.run, row.number, row.render_id, row.started, row.elapsed_ms / 1000,
                row.status, row.exit_status, row.error_class or "", row.log or "",
                row.output_size,
            )
            for row in connection.execute(query)
        ]  # fmt: skip


def runs_of_tasks(
    engine: sa.Engine, block: int, first: int, last: int, limit: int
) -> list[TaskRun]:
    """At most ``limit`` ended runs of the tasks ``first`` to ``last``, task by task."""
    r = schema.runs.c
    between = r.task.between(task_key(block, first), task_key(block, last))
    return _task_runs(engine, between, limit)


def runs_by_id(engine: sa.Engine, runs: Sequence[int]) -> dict[int, TaskRun]:
    """The ended ones of these runs."""
    assert len(runs) <= _ASKED_MAX, "ask in slices"
    found = _task_runs(engine, schema.runs.c.run.in_(runs), len(runs))
    return {run.run: run for run in found}


def _task_runs(engine: sa.Engine, which: sa.ColumnElement[bool], limit: int) -> list[TaskRun]:
    r = schema.runs.c
    query = (
        sa.select(
            r.run, r.task, r.number, r.render_id, r.started, r.elapsed_ms, r.status,
            r.exit_status, r.error_class, r.output_size,
        )
        .where(which)
        .order_by(r.task, r.run)
        .limit(limit)
    )  # fmt: skip
    with engine.connect() as connection:
        return [
            TaskRun(
                row.run, *split_task_key(row.task), row.number, row.render_id, row.started,
                row.elapsed_ms / 1000, row.status, row.exit_status, row.error_class or "",
                row.output_size,
            )
            for row in connection.execute(query)
        ]  # fmt: skip


def submission(engine: sa.Engine, serial: int) -> list[tuple[int, str]]:
    """``(part, JSON)`` that made a job (:data:`afanasy.core.job.submit.TASKS_PART`), in order."""
    s = schema.submissions.c
    query = sa.select(s.part, s.text).where(s.serial == serial).order_by(s.part)
    with engine.connect() as connection:
        return [(row.part, row.text) for row in connection.execute(query)]


def strays(engine: sa.Engine, runs: Sequence[int]) -> list[OutputPiece]:
    """What closes the live outputs of ``runs``, which are open no more: at the server's start.

    A server that died between a commit and the removal of live files leaves them behind. Runs whose
    output is packed already have none (packing it again would lose what came with the result), nor
    have runs that the history does not know: their live files are of no use to anybody.
    """
    r, o = schema.runs.c, schema.outputs.c
    pieces: list[OutputPiece] = []
    with engine.connect() as connection:
        for first in range(0, len(runs), _ASKED_MAX):
            asked = runs[first : first + _ASKED_MAX]
            packed = set(connection.scalars(sa.select(o.run).where(o.run.in_(asked))))
            query = sa.select(r.run, r.task, r.output_size).where(r.run.in_(asked))
            pieces += [
                OutputPiece(
                    row.run, split_task_key(row.task)[0], 0, b"", row.output_size, final=True
                )
                for row in connection.execute(query)
                if row.run not in packed
            ]
    return pieces


def places(engine: sa.Engine, runs: Sequence[int]) -> dict[int, Place]:
    """Where the outputs of these runs lie; runs without output are absent."""
    o = schema.outputs.c
    query = sa.select(o.run, o.block, o.place, o.length, o.size).where(o.run.in_(runs))
    with engine.connect() as connection:
        return {
            row.run: Place(row.block, row.place, row.length, row.size)
            for row in connection.execute(query)
        }
