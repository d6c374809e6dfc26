"""Words and bits of states, run ids and task keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.core.tasks import FLAG_SHIFT, FLAGS_KEPT, Code, st_of
from afanasy.model.ids import (
    TASKS_PER_BLOCK_MAX,
    epoch_of_run,
    make_run_id,
    next_epoch,
    split_task_key,
    task_key,
)
from afanasy.model.states import RenderSt, RunEnd, St, job_state_text, render_state_text

BITS = {
    "RDY": 0, "RUN": 1, "WDP": 2, "WTM": 3, "DON": 4, "ERR": 5, "STO": 6, "STE": 7, "SKP": 8,
    "OFF": 9, "WRN": 10, "PER": 11, "PBR": 12, "PSC": 13, "FPO": 14, "BRF": 15, "PPA": 16,
    "RER": 17, "WRC": 18, "TRY": 19, "SUS": 20, "PFE": 21,
}  # fmt: skip


def test_bits_of_jobs_blocks_and_tasks() -> None:
    """SEMANTICS 2.1."""
    assert {bit.name: bit.bit_length() - 1 for bit in St} == BITS


def test_words_come_in_their_order_each_after_a_space() -> None:
    """SEMANTICS 2.1: GUIs and scripts parse this text."""
    everything = sum(St)
    assert job_state_text(everything) == (
        " RDY RUN DON ERR SKP OFF WRN PER PBR PSC WDP WTM STO STE PPA RER WRC TRY SUS"
    )
    assert job_state_text(0) == ""
    assert job_state_text(St.FPO | St.BRF | St.PFE) == ""  # bits without a word
    assert job_state_text(St.RDY | St.OFF) == " RDY OFF"


def test_words_of_renders() -> None:
    """SEMANTICS 2.4: ONL or OFF comes first."""
    assert render_state_text(sum(RenderSt)) == " ONL NbY NBY RUN DRT WFL WSL WWK PAU SIC"
    assert render_state_text(0) == " OFF"
    assert render_state_text(RenderSt.PAU | RenderSt.NIMBY_ALL) == " OFF NBY PAU"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (Code.READY, "RDY"),
        (Code.WAITING, "WDP"),
        (Code.RUNNING, "RUN"),
        (Code.RECONNECT, "RUN WRC"),
        (Code.DONE, "DON"),
        (Code.SKIPPED, "DON SKP"),
        (Code.ERROR, "ERR"),
        (Code.SUSPENDED, "SUS"),
        (Code.RETRY, "RDY RER"),
    ],
)
def test_codes_make_states(code: Code, text: str) -> None:
    assert job_state_text(st_of(code, 0)).strip() == text


def test_flags_fit_in_their_column() -> None:
    kept = int(FLAGS_KEPT) >> FLAG_SHIFT
    assert kept < 1 << 16
    assert kept << FLAG_SHIFT == FLAGS_KEPT
    assert st_of(Code.ERROR, kept) == St.ERR | FLAGS_KEPT


def test_codes_of_ends() -> None:
    """SEMANTICS 2.2."""
    assert {end.name: int(end) for end in RunEnd} == {
        "SUCCESS": 5, "ERROR": 6, "KILLED": 7, "PARSER_ERROR": 8, "PARSER_FATAL": 9,
        "BAD_RESULT": 10, "PARSER_SUCCESS": 11, "FAILED_POST": 12, "BAD_FILES": 13, "SKIP": 20,
        "FAILED_TO_START": 23,
    }  # fmt: skip


def test_epochs_rise_and_follow_the_calendar() -> None:
    """R1: a restored backup or a fresh folder gets a higher one."""
    now = 1_800_000_000.0
    assert next_epoch(0, now) == int(now) - 1_577_836_800
    assert next_epoch(next_epoch(0, now), now) == next_epoch(0, now) + 1
    assert next_epoch(10**9, now) == 10**9 + 1
    assert next_epoch(5, 0.0) == 6  # a clock that stands in 1970


@given(st.integers(0, 2**31 - 1), st.integers(1, 2**32 - 1))
def test_run_ids_fit_a_bigint_and_rise(epoch: int, counter: int) -> None:
    run = make_run_id(epoch, counter)
    assert 0 < run < 2**63
    assert epoch_of_run(run) == epoch
    assert make_run_id(epoch + 1, 1) > run


@given(st.integers(1, 2**39 - 2), st.integers(0, TASKS_PER_BLOCK_MAX - 1))
def test_task_keys(block: int, task: int) -> None:
    key = task_key(block, task)
    assert split_task_key(key) == (block, task)
    assert key < task_key(block + 1, 0) < 2**63
