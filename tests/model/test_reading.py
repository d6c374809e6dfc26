"""Requests are read member by member, leniently or strictly (R49)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.model.attributes import BlockSpec, JobSpec, TaskSpec, UserSpec
from afanasy.model.errors import UserError
from afanasy.model.reading import CLAMPED, Reader, check_texts


def lenient(cls: Any, raw: dict[str, Any], path: str = "job") -> tuple[Any, list[str]]:
    reader = Reader(strict=False)
    return reader.struct(cls, raw, path), reader.warnings


def strict_error(cls: Any, raw: dict[str, Any], path: str = "job") -> UserError:
    with pytest.raises(UserError) as caught:
        Reader(strict=True).struct(cls, raw, path)
    return caught.value


def test_good_members_are_taken() -> None:
    raw = {"name": "shot", "priority": 120, "pools": {"/": 3}, "ppa": True, "time_wait": 5}
    spec, warnings = lenient(JobSpec, raw)
    assert (spec.name, spec.priority, spec.pools, spec.ppa, spec.time_wait) == (
        "shot", 120, {"/": 3}, True, 5,
    )  # fmt: skip
    assert warnings == []
    assert Reader(strict=True).struct(JobSpec, raw, "job") == spec


@pytest.mark.parametrize(
    ("member", "value", "rule"),
    [
        ("capacity", "many", "must be int, not str"),
        ("capacity", 1.5, "must be int, not float"),
        ("command", 5, "must be str, not int"),
        ("files", "a;b", "must be array, not str"),
        ("environment", ["A"], "must be object, not array"),
        ("errors_retries", 128, "must be int <= 127"),
        ("errors_retries", -2, "must be int >= -1"),
        ("frame_first", 2**63, "must be int <= 4611686018427387904"),
        ("frames_per_task", True, "must be int, not bool"),
        ("hosts_mask", "x" * 1001, "must be str of length <= 1000"),
    ],
)
def test_bad_members(member: str, value: object, rule: str) -> None:
    """Ignored with a warning; refused with field and rule when strict."""
    path = "job.blocks[2]"
    spec, warnings = lenient(BlockSpec, {member: value, "name": "b"}, path)
    assert spec == BlockSpec(name="b")
    assert warnings == [f"{path}.{member}: {rule}; ignored"]
    error = strict_error(BlockSpec, {member: value}, path)
    assert (error.code, error.field) == ("bad_field", f"{path}.{member}")
    assert error.sentence() == f"{path}.{member}: {rule}"


def test_a_bad_part_of_a_member_is_named() -> None:
    error = strict_error(BlockSpec, {"files": ["a", 5]}, "b")
    assert error.field == "b.files[1]"
    error = strict_error(JobSpec, {"pools": {"/a": "x"}})
    assert error.field.startswith("job.pools[")


@pytest.mark.parametrize(
    ("member", "value", "brought_to"),
    [
        ("priority", 300, 255),
        ("priority", -5, 0),
        ("max_tasks_per_second", 99_999, 10_000),
    ],
)
def test_numbers_that_are_brought_into_their_bounds(
    member: str, value: int, brought_to: int
) -> None:
    """SEMANTICS 0: a priority over 255 is 255."""
    spec, warnings = lenient(JobSpec, {member: value})
    assert getattr(spec, member) == brought_to
    assert warnings == [f"job.{member}: {value} was brought to {brought_to}"]
    assert strict_error(JobSpec, {member: value}).field == f"job.{member}"


def test_capacity_below_1_is_1() -> None:
    """SEMANTICS 1.2."""
    spec, _ = lenient(BlockSpec, {"capacity": 0, "frames_inc": -3, "parser_coeff": 0})
    assert (spec.capacity, spec.frames_inc, spec.parser_coeff) == (1, 1, 1)


def test_unknown_members_are_ignored_or_refused_with_the_nearest_name() -> None:
    spec, warnings = lenient(JobSpec, {"priorty": 5})
    assert (spec, warnings) == (JobSpec(), [])
    error = strict_error(JobSpec, {"priorty": 5})
    assert (error.code, error.field) == ("unknown_field", "job.priorty")
    assert error.sentence() == "job.priorty: no such member (did you mean 'priority'?)"
    assert strict_error(JobSpec, {"qqqq": 5}).hint == "leave it out"


def test_members_of_somebody_else() -> None:
    raw = {"name": "x", "blocks": []}
    reader = Reader(strict=True)
    assert reader.struct(JobSpec, raw, "job", also=frozenset({"blocks"})).name == "x"


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x\udfff"])
@pytest.mark.parametrize("strict", [True, False])
def test_texts_that_no_database_stores_are_refused_always(text: str, strict: bool) -> None:
    """R36: NUL and lone surrogates, naming the field."""
    reader = Reader(strict=strict)
    with pytest.raises(UserError) as caught:
        reader.struct(BlockSpec, {"environment": {"A": text}}, "b")
    assert (caught.value.code, caught.value.field) == ("bad_text", "b.environment.A")
    with pytest.raises(UserError, match="NUL"):
        check_texts([{"x": ["fine", text]}], "b")
    with pytest.raises(UserError):
        check_texts({text: 1}, "b")


def test_members_only_given_ones() -> None:
    """Edits change what they name and nothing else (the original resets `hidden`)."""
    assert Reader(strict=True).members(JobSpec, {"annotation": "x"}, "params") == {
        "annotation": "x"
    }


def test_defaults() -> None:
    """SEMANTICS 1.1, 1.2, 5."""
    job, block, user = JobSpec(), BlockSpec(), UserSpec()
    assert (job.priority, job.branch, job.time_life, job.max_running_tasks) == (99, "/", -1, -1)
    assert (block.service, block.capacity, block.sequential, block.frames_per_task) == (
        "generic", 1000, 1, 1,
    )  # fmt: skip
    assert (user.errors_retries, user.errors_avoid_host, user.errors_task_same_host) == (3, 3, 3)
    assert (user.errors_forgive_time, user.jobs_life_time) == (18000, 0)
    assert (block.errors_retries, block.errors_forgive_time) == (-1, -1)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("cls", [JobSpec, BlockSpec, TaskSpec, UserSpec])
@given(data=st.data())
def test_nothing_that_is_sent_breaks_the_reader(cls: Any, data: st.DataObject) -> None:
    names = st.sampled_from(cls.__struct_fields__) | st.text(max_size=8)
    raw = data.draw(st.dictionaries(names, values, max_size=6))
    for strict in (False, True):
        spec = fault = None
        try:
            spec = Reader(strict=strict).struct(cls, raw, "x")
        except UserError as error:
            fault = error
        assert fault.field.startswith("x.") if fault else isinstance(spec, cls)


@pytest.mark.parametrize("member", CLAMPED)
@pytest.mark.parametrize("value", [-(2**70), 2**70])
def test_what_is_brought_into_bounds_can_be_read_back(member: str, value: int) -> None:
    """Else the next start of the server fails on its own row."""
    cls = BlockSpec if member in BlockSpec.__struct_fields__ else JobSpec
    spec, warnings = lenient(cls, {member: value})
    assert len(warnings) == 1
    assert msgspec.json.decode(msgspec.json.encode(spec), type=cls) == spec
