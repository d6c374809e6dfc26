"""Identities: run ids and block keys.

A **run id** is ``epoch * 2**32 + counter``: the epoch is raised at every take-over of a server,
the counter runs from 1 within it, so a run id is never used again (R1). In SQL it is a bigint, in
public JSON a string (it exceeds 2**53), in our own stream an integer.

An epoch is counted in seconds since 2020-01-01 UTC, so that a database restored from a backup still
gets a higher one.
"""

from __future__ import annotations

from typing import Final, NewType

RunId = NewType("RunId", int)
BlockKey = NewType("BlockKey", int)

EPOCH_ZERO_UNIX_S: Final = 1_577_836_800  # 2020-01-01 00:00:00 UTC
_COUNTER_BITS: Final = 32
#: Tasks a block may have (issue caps), and the room its task keys take in the database.
TASKS_PER_BLOCK_MAX: Final = 10_000_000
_TASK_BITS: Final = 24


def next_epoch(stored: int, wall_s: float) -> int:
    """Epoch of a take-over: above the stored one and not below the calendar (R1)."""
    return max(stored + 1, int(wall_s) - EPOCH_ZERO_UNIX_S)


def make_run_id(epoch: int, counter: int) -> RunId:
    """Run id number ``counter`` (from 1) of ``epoch``."""
    assert 0 < counter < 1 << _COUNTER_BITS, f"run counter {counter} outside its 32 bits"
    return RunId(epoch << _COUNTER_BITS | counter)


def epoch_of_run(run: int) -> int:
    """Epoch in which the run was started."""
    return run >> _COUNTER_BITS


def task_key(block: int, task: int) -> int:
    """One integer that names a task in the database: block key and task number."""
    return block << _TASK_BITS | task


def split_task_key(key: int) -> tuple[BlockKey, int]:
    """The block key and task number of :func:`task_key`."""
    return BlockKey(key >> _TASK_BITS), key & ((1 << _TASK_BITS) - 1)
