"""Reading submissions: the two strictnesses, what is numeric, and what nobody may send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.core.job.submit import count_tasks
from afanasy.core.settings import Settings
from afanasy.model.attributes import FLAG_VARCAPACITY
from afanasy.model.errors import UserError
from afanasy.model.reading import WARNINGS_MAX, Reader
from afanasy.server.change.read_job import is_numeric, read_job
from afanasy.server.matcher import Masks

SAMPLE = Path(__file__).parents[2] / "examples" / "job.json"


def read(job: object, *, strict: bool = False) -> tuple[Any, Any, list[str]]:
    reader = Reader(strict=strict)
    spec, blocks = read_job(job, reader, Masks(), Settings())
    return spec, blocks, reader.warnings


def job_of(*blocks: object, **members: object) -> dict[str, object]:
    return {"name": "j", "user_name": "anna", "blocks": list(blocks), **members}


def test_the_json_sample() -> None:
    spec, (block,), warnings = read(json.loads(SAMPLE.read_text())["job"], strict=True)
    assert spec.command_post == "deletefiles path/to/some.scene"
    assert block.spec.numeric
    assert count_tasks(block, "block") == 5
    assert block.spec.files == ["img_L.@####@.jpg", "img_R.@####@.jpg"]
    assert warnings == []


@pytest.mark.parametrize(
    ("members", "numeric"),
    [
        ({"flags": 1}, True),
        ({"flags": 2, "frame_first": 1, "frame_last": 2}, False),
        ({"frame_first": 1, "frame_last": 2}, True),
        ({"frame_first": 1}, False),
        ({"frame_first": 1, "frame_last": 2, "tasks": []}, False),
        ({"flags": "1", "frame_first": 1, "frame_last": 2}, True),
        ({"frame_first": 1, "frame_last": 2.0}, False),
    ],
)
def test_what_is_numeric(members: dict[str, Any], numeric: bool) -> None:
    assert is_numeric(members) == numeric


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", ["", "A=", "=A"])
def test_a_variable_that_no_process_can_be_given(name: str, strict: bool) -> None:
    bad = {"environment": {name: "x", "GOOD": "1"}}
    for where, block in (
        ("job.blocks[0]", {"flags": 1, **bad}),
        ("job.blocks[0].tasks[1]", {"tasks": [{"name": "a"}, {"name": "b", **bad}]}),
    ):
        with pytest.raises(UserError) as caught:
            read(job_of(block), strict=strict)
        assert caught.value.code == "bad_variable"
        assert caught.value.field == f'{where}.environment["{name}"]'


def test_wrong_members_are_ignored_with_a_warning_or_refused() -> None:
    job = job_of({"flags": 1, "capacity": "x"}, priority=5.5)
    spec, (block,), warnings = read(job)
    assert (spec.priority, block.spec.capacity) == (99, 1000)
    assert any(w.startswith("job.blocks[0].capacity: must be int") for w in warnings)
    with pytest.raises(UserError) as caught:
        read(job, strict=True)
    assert caught.value.field == "job.priority"


def test_capacity_below_one_becomes_one() -> None:
    _, (block,), warnings = read(job_of({"flags": 1, "capacity": -5}))
    assert block.spec.capacity == 1
    assert warnings


def test_coefficients_make_the_capacity_variable() -> None:
    _, (block,), _ = read(job_of({"flags": 1, "capacity_coeff_max": 4}))
    assert block.spec.flags & FLAG_VARCAPACITY
    with pytest.raises(UserError, match="below capacity_coeff_min"):
        read(job_of({"flags": 1, "capacity_coeff_min": 4, "capacity_coeff_max": 2}), strict=True)


@pytest.mark.parametrize(
    ("job", "field"),
    [
        (5, "job"),
        ([], "job"),
        ({}, "job.blocks"),
        ({"blocks": 5}, "job.blocks"),
        ({"blocks": [7]}, "job.blocks[0]"),
        (job_of({"tasks": []}), "job.blocks[0].tasks"),
        (job_of({"tasks": [7]}), "job.blocks[0].tasks[0]"),
        (job_of({"tasks": [None]}), "job.blocks[0].tasks[0]"),
        (job_of({"flags": 1}, depend_mask="("), "job.depend_mask"),
        (job_of({"flags": 1, "tasks_depend_mask": "["}), "job.blocks[0].tasks_depend_mask"),
        (job_of({"flags": 1, "hosts_mask": "("}), "job.blocks[0].hosts_mask"),
        (job_of({"flags": 1, "hosts_mask": "r" * 65_537}), "job.blocks[0].hosts_mask"),
        (job_of({"flags": 1}, hosts_mask="r.*" * 334), "job.hosts_mask"),
        (job_of({"flags": 1}, depend_mask_global="a.*" * 334), "job.depend_mask_global"),
        (job_of({"flags": 1}, name="a\0b"), "job.name"),
        (job_of({"flags": 1}, need_os="linux " * 200), "job.need_os"),
        (job_of(*[{"flags": 1}] * 10_001), "job.blocks"),
    ],
)
def test_what_is_refused_in_every_request(job: object, field: str) -> None:
    with pytest.raises(UserError) as caught:
        read(job)
    assert caught.value.field == field


def test_prefix_words_are_no_regular_expression() -> None:
    spec, _, _ = read(job_of({"flags": 1}, hosts_mask="render01|render02, r3"))
    assert spec.hosts_mask == "render01|render02, r3"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["name", "blocks", "tasks", "flags", "frame_last", "files", "command",
                         "capacity", "depend_mask", "environment", "user_name", "pools"]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(job=anything, strict=st.booleans())
def test_any_json_is_read_or_refused(job: object, strict: bool) -> None:
    refused = ""
    try:
        _, blocks, _ = read(job, strict=strict)
        assert blocks
    except UserError as error:
        refused = error.sentence()
    assert not refused or refused.startswith("job")


def test_equal_masks_of_many_blocks_are_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """2000 blocks with one mask took nine seconds: each tried it against each name."""
    asked: list[str] = []
    masks = Masks()
    monkeypatch.setattr(masks, "check_mask", lambda mask, *_: asked.append(mask))
    raw = [{"name": f"b{n}", "flags": 1, "depend_mask": "b.*"} for n in range(50)]
    read_job({"name": "job", "blocks": raw}, Reader(strict=False), masks, Settings())
    assert asked.count("b.*") == 1


def test_a_list_of_hosts_may_be_long() -> None:
    """1199 characters were dropped with a warning, and the job ran anywhere."""
    mask = "|".join(f"render{n:03}" for n in range(120))
    for strict in (True, False):
        for kind in ({}, {"hosts_mask_type": "find"}, {"hosts_mask_type": "regex"}):
            spec, (block,), warnings = read(
                job_of({"flags": 1, "hosts_mask": mask}, hosts_mask=mask, **kind), strict=strict
            )
            assert (spec.hosts_mask, block.spec.hosts_mask, warnings) == (mask, mask, [])


def test_masks_are_checked_as_they_will_be_read() -> None:
    """A user may say that his masks are regular expressions: then a long list is none."""
    long = "|".join(f"r{n}.local" for n in range(200))
    job = job_of({"flags": 1, "hosts_mask": long})
    for kind in ("", "find"):
        read_job(job, Reader(strict=True), Masks(), Settings(), lambda _, kind=kind: kind)
    with pytest.raises(UserError) as caught:
        read_job(job, Reader(strict=False), Masks(), Settings(), lambda _: "regex")
    assert caught.value.field == "job.blocks[0].hosts_mask"


@pytest.mark.parametrize(
    ("block", "warned"),
    [
        ({"frames_per_task": 0}, ["frames_per_task: must be 1 or more in a numeric block, not 0; it"
                                  " is 1"]),
        ({"frames_per_task": -4}, ["frames_per_task: must be 1 or more in a numeric block, not -4;"
                                   " it is 1"]),
        ({"frames_inc": 0}, ["frames_inc: 0 was brought to 1"]),
        ({"frame_first": 7}, ["frame_last: 5 is below frame_first 7; the block has only that"
                              " frame"]),
        ({"capacity_coeff_min": 200, "capacity_coeff_max": 100},
         ["capacity_coeff_max: 100 is below capacity_coeff_min 200; the two were swapped"]),
    ],
)  # fmt: skip
def test_warnings_say_what_was_done(block: dict[str, Any], warned: list[str]) -> None:
    raw = {"flags": 1, "frame_first": 1, "frame_last": 5, **block}
    _, (read_block,), warnings = read(job_of(raw))
    assert warnings == [f"job.blocks[0].{text}" for text in warned]
    assert count_tasks(read_block, "block") == (1 if "frame_first" in block else 5)


def test_tasks_of_a_list_block_may_share_frames() -> None:
    _, _, warnings = read(job_of({"tasks": [{}], "frames_per_task": -4}), strict=True)
    assert warnings == []


@pytest.mark.parametrize(
    ("blocks", "tasks", "warned"),
    [
        ([0, 1, 0], [2, 0, 2], []),
        ([0, 0], [-1, 0], ["tasks_num[0]: must be 0 or more, not -1; this task is ignored"]),
        ([-1], [0], ["blocks_num[0]: must be 0 or more, not -1; this task is ignored"]),
        ([0, 0], [1], ["tasks_num: must name a task for each block of try_this_blocks_num: 1 for 2;"
                       " what has no counterpart is ignored"]),
        ([0] * 10_002, [1, *range(10_001)],
         ["tasks_num: 10001 tasks; at most 10000 of a job can be tried next; the rest is ignored"]),
    ],
)  # fmt: skip
def test_tasks_to_try_next_that_are_none(
    blocks: list[int], tasks: list[int], warned: list[str]
) -> None:
    job = job_of(
        {"tasks": [{"command": "x"}]}, try_this_blocks_num=blocks, try_this_tasks_num=tasks
    )
    assert read(job)[2] == [f"job.try_this_{text}" for text in warned]
    if warned:
        with pytest.raises(UserError, match=r"must|at most"):
            read(job, strict=True)
    else:
        read(job, strict=True)


def test_a_mistake_in_each_of_many_tasks_is_not_said_of_each() -> None:
    tasks = [{"command": "true", "custom_data": "x", "depend_mask": ""}] * 20_000
    _, (block,), warnings = read(job_of({"tasks": tasks}))
    assert len(block.tasks) == 20_000
    assert len(warnings) == WARNINGS_MAX + 1
    assert warnings[0].startswith("job.blocks[0].tasks[0].custom_data: no such member")
