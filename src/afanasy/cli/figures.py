"""Sums over the blocks of a job, for lists and for waiting."""

from __future__ import annotations

from typing import NamedTuple

from afanasy.cli.farm import Json
from afanasy.cli.selection import blocks_of


class Counts(NamedTuple):
    """Tasks of a job; ``percent`` is their mean."""

    tasks: int
    done: int
    running: int
    errors: int
    ready: int
    percent: int


def counts_of(job: Json) -> Counts:
    """How the job's tasks stand."""
    blocks = blocks_of(job)
    tasks = _sum(blocks, "tasks_num")
    weighted = sum(
        int(block.get("p_percentage", 0)) * int(block.get("tasks_num", 0)) for block in blocks
    )
    return Counts(
        tasks,
        _sum(blocks, "p_tasks_done"),
        _sum(blocks, "running_tasks_counter"),
        _sum(blocks, "p_tasks_error"),
        _sum(blocks, "p_tasks_ready"),
        weighted // tasks if tasks else 0,
    )


def _sum(blocks: list[Json], member: str) -> int:
    return sum(int(block.get(member, 0)) for block in blocks)
