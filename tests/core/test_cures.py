"""Each suggestion of explain lets the task start, and what must happen instead does.

Every reason is staged (``tests/harness/stages.py``, ``waits.py``). What would help is done to a
copy of the farm.
"""

from __future__ import annotations

import pytest

from afanasy.core.events import Event
from afanasy.core.invariants import snapshot
from afanasy.core.place.reasons import SENTENCES
from afanasy.core.state import Block
from afanasy.core.why.case import Cure
from afanasy.core.why.cures import CURES
from harness.farm import StoryFarm
from harness.stages import STAGES, code_of
from harness.waits import WAITS


def cure_of(farm: StoryFarm, block: Block, task: int, code: str) -> Cure:
    """What explain says of the reason."""
    found = farm.explain(block, task)
    codes = [reason.code for reason, _ in found.cures]
    assert code in codes, f"{codes}: {found.summary}"
    return next(cure for reason, cure in found.cures if reason.code == code)


def starts_in_a_copy(farm: StoryFarm, block: Block, task: int, *steps: Event) -> bool:
    """Whether the task starts when this is done."""
    before, effects = snapshot(farm.core), list(farm.effects)
    twin = farm.copy()
    for event in steps:
        twin.apply(event)
    key = block.job.serial, block.num, task
    started = {(run.block.job.serial, run.block.num, run.task) for run in twin.start()}
    twin.check_restored()
    assert snapshot(farm.core) == before, "the farm itself was changed"
    assert farm.effects == effects
    return key in started


@pytest.mark.parametrize("key", STAGES)
def test_a_cure_lets_the_task_start(farm: StoryFarm, key: str) -> None:
    block, task = STAGES[key](farm)
    assert farm.start() == [], "something starts by itself"
    cure = cure_of(farm, block, task, code_of(key))
    assert cure.events, cure.text
    assert len(cure.commands) == len(cure.events)
    assert not starts_in_a_copy(farm, block, task)
    assert starts_in_a_copy(farm, block, task, *cure.events), farm.explain(block, task).summary


@pytest.mark.parametrize("key", WAITS)
def test_what_is_waited_for_lets_the_task_start(farm: StoryFarm, key: str) -> None:
    stage, happens = WAITS[key]
    block, task = stage(farm)
    cure = cure_of(farm, block, task, code_of(key))
    assert cure.text
    if code_of(key) not in {code_of(other) for other in STAGES}:
        assert not cure.events
    awaited = happens(farm, (block, task)) or (block, task)
    assert awaited in [(run.block, run.task) for run in farm.start()]


def test_every_reason_has_a_cure_and_a_stage() -> None:
    assert set(CURES) == set(SENTENCES)
    staged = {code_of(key) for key in (*STAGES, *WAITS)}
    assert staged == set(SENTENCES)
