"""Requests are read member by member, leniently or strictly (R49)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.model.attributes import (
    DEPEND_JOBS_MAX,
    BlockSpec,
    BranchSpec,
    JobSpec,
    PoolSpec,
    RenderSpec,
    TaskSpec,
    UserSpec,
)
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
        ("on_lost_render", "wait", "must be reschedule or hold, not 'wait'"),
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
    assert error.sentence().startswith(f"{path}.{member}: {rule}")


def test_a_bad_part_of_a_member_is_named() -> None:
    error = strict_error(BlockSpec, {"files": ["a", 5]}, "b")
    assert error.field == "b.files[1]"
    error = strict_error(JobSpec, {"pools": {"/a": "x"}})
    assert error.field == 'job.pools["/a"]'


@pytest.mark.parametrize(
    ("cls", "raw", "kept", "warned"),
    [
        (JobSpec, {"depend_jobs": [7, 7, 9, "x"]}, [7, 7, 9],
         ["job.depend_jobs[3]: must be int, not str; ignored"]),
        (JobSpec, {"pools": {"/": -100, "x": "a"}}, {"/": -100},
         ['job.pools["x"]: must be int, not str; ignored']),
        (BlockSpec, {"tickets": {"rlm": "x", "foo": 3}}, {"foo": 3},
         ['job.tickets["rlm"]: must be int, not str; ignored']),
        (TaskSpec, {"files": [1, "a", None]}, ["a"],
         ["job.files[0]: must be str, not int; ignored",
          "job.files[2]: must be str, not null; ignored"]),
        (UserSpec, {"notify": ["done", "dance"]}, ["done"],
         ["job.notify[1]: must be created, done, error or deleted, not 'dance'; ignored"]),
        (PoolSpec, {"tickets_pool": {"a": [1, "x"], "b": [2, 3]}}, {"b": (2, 3)},
         ['job.tickets_pool["a"][1]: must be int, not str; ignored']),
        (RenderSpec, {"services": ["nuke", ["generic"]]}, ["nuke"],
         ["job.services[1]: must be str, not array; ignored"]),
    ],
)  # fmt: skip
def test_one_bad_element_costs_no_other(
    cls: Any, raw: dict[str, Any], kept: object, warned: list[str]
) -> None:
    """A job that waits for two jobs does so, whatever else stands in the list."""
    (member,) = raw
    spec, warnings = lenient(cls, raw)
    assert (getattr(spec, member), warnings) == (kept, warned)
    assert strict_error(cls, raw).field == warned[0].partition(": ")[0]


def test_of_nothing_but_bad_elements_the_old_value_stays() -> None:
    """An empty list would take away what an edit meant to set."""
    reader = Reader(strict=False)
    raw = {"depend_jobs": ["x"] * 30, "pools": {"/a": None}}
    assert reader.members(JobSpec, raw, "params") == {}
    assert len(reader.warnings) == 22
    assert reader.warnings[20] == "params.depend_jobs: 10 more like that; ignored"


def test_lists_that_stand_beside_each_other_stay_whole() -> None:
    raw = {"try_this_blocks_num": [0, "x", 1], "try_this_tasks_num": [5, 6, 7]}
    spec, warnings = lenient(JobSpec, raw)
    assert spec.try_this_blocks_num == []
    assert warnings == ["job.try_this_blocks_num[1]: must be int, not str; ignored"]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("cls", "member", "most"),
    [
        (BlockSpec, "hosts_mask", 65_536), (JobSpec, "hosts_mask_exclude", 65_536),
        (JobSpec, "depend_mask_global", 65_536), (JobSpec, "need_os", 1000),
        (BlockSpec, "need_properties", 1000), (PoolSpec, "pattern", 1000),
    ],
)  # fmt: skip
def test_a_mask_that_is_too_long_is_refused_always(
    cls: Any, member: str, most: int, strict: bool
) -> None:
    """Without it the job would run anywhere at once."""
    spec = Reader(strict=strict).struct(cls, {member: "r" * most}, "job")
    assert len(getattr(spec, member)) == most
    with pytest.raises(UserError) as caught:
        Reader(strict=strict).struct(cls, {member: "r" * (most + 1)}, "job")
    assert (caught.value.code, caught.value.field) == ("bad_mask", f"job.{member}")
    assert str(most) in caught.value.message


@pytest.mark.parametrize("strict", [True, False])
def test_too_many_serials_to_wait_for_are_refused_always(strict: bool) -> None:
    """Without them the job would run too early."""
    serials = list(range(1, DEPEND_JOBS_MAX + 1))
    reader = Reader(strict=strict)
    assert reader.members(JobSpec, {"depend_jobs": serials}, "job") == {"depend_jobs": serials}
    with pytest.raises(UserError) as caught:
        reader.members(JobSpec, {"depend_jobs": [*serials, 7]}, "params")
    assert (caught.value.code, caught.value.field) == ("too_many_serials", "params.depend_jobs")
    assert "10001 jobs; 10000 are the most" in caught.value.message
    assert "depend_mask" in caught.value.classic()


@pytest.mark.parametrize("mask", [" ", "\t", "|", " ; ,"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_mask_without_a_word_is_an_empty_one(mask: str, strict: bool) -> None:
    reader = Reader(strict=strict)
    assert reader.members(JobSpec, {"hosts_mask": mask}, "job") == {"hosts_mask": ""}
    assert reader.warnings == [f"job.hosts_mask: {mask!r} names nothing; read as empty"]
    assert Reader(strict=strict).struct(JobSpec, {"hosts_mask": ""}, "job") == JobSpec()


@pytest.mark.parametrize("cls", [JobSpec, UserSpec, BranchSpec])
@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("solve_method", "solve_order or solve_priority"),
        ("solve_need", "solve_tasksnum or solve_capacity"),
        ("hosts_mask_type", "find or regex"),
    ],
)
def test_words_are_some_of_a_few(cls: Any, member: str, words: str) -> None:
    spec, warnings = lenient(cls, {member: "foo"})
    assert spec == cls()
    assert warnings == [f"job.{member}: must be {words}, not 'foo'; ignored"]
    assert strict_error(cls, {member: "foo"}).message == f"must be {words}, not 'foo'"
    for word in words.split(" or "):
        assert getattr(Reader(strict=True).struct(cls, {member: word}, "job"), member) == word
    assert Reader(strict=True).struct(cls, {"hosts_mask_type": ""}, "job") == cls()


@pytest.mark.parametrize(
    "email",
    ["", "anna@example.org", "a@b, c@d;e@f  g@h", "root@localhost", "jörg@straße.example"],
)
def test_lists_of_addresses(email: str) -> None:
    assert Reader(strict=True).struct(UserSpec, {"email": email}, "user").email == email


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("email", "not an address\r\nBcc: x@y"),
        ("email", "a@b\nc@d"),
        ("email", "a@b\tc@d"),
        ("email", "a@b, nobody"),
        ("email", "a@b\x85"),
        ("email", "Anna <a@b>"),
        ("email", "@"),
        ("webhook", "ftp://x"),
        ("webhook", "http://"),
        ("webhook", "example.org/hook"),
        ("webhook", "http://x/ y"),
        ("webhook", "http://x/\r\nHost: y"),
        ("webhook", "http://x:70000/"),
        ("webhook", "http://[::1/"),
    ],
)
def test_what_nobody_can_be_told_at_is_not_stored(member: str, value: str) -> None:
    """A mail went to x@y."""
    spec, warnings = lenient(UserSpec, {member: value}, "user")
    assert spec == UserSpec()
    assert len(warnings) == 1
    assert warnings[0].startswith(f"user.{member}: ")
    assert strict_error(UserSpec, {member: value}, "user").field == f"user.{member}"


@pytest.mark.parametrize("url", ["", "http://x", "https://x.example:8443/a?b=c", "http://[::1]/"])
def test_hooks(url: str) -> None:
    assert Reader(strict=True).struct(UserSpec, {"webhook": url}, "user").webhook == url


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
    assert spec == JobSpec()
    assert warnings == ["job.priorty: no such member, did you mean 'priority'?; ignored"]
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


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", ["3ds max", "a,b", "../x", " ", "nuke\n"])
def test_no_other_service_takes_the_place_of_a_name_that_is_none(strict: bool, name: str) -> None:
    with pytest.raises(UserError) as caught:
        Reader(strict=strict).struct(BlockSpec, {"service": name}, "block")
    assert caught.value.field == "block.service"
    assert "letters, digits, _, - and . only" in caught.value.hint
    assert lenient(BlockSpec, {"service": "max-2024.1_b"})[0].service == "max-2024.1_b"


def test_lists_of_services() -> None:
    names = ["nuke", "3ds max", "", "maya"]
    spec, warnings = lenient(RenderSpec, {"services_disabled": names}, "params")
    assert spec.services_disabled == ["nuke", "maya"]
    assert warnings == [
        "params.services_disabled[1]: '3ds max' is no name of a service; ignored",
        "params.services_disabled[2]: must not be empty; ignored",
    ]
    assert strict_error(RenderSpec, {"services": names}).field == "job.services[1]"


def test_moments_end_with_the_year_9999() -> None:
    """A time in milliseconds, as scripts send by mistake, is no reason to start at once."""
    spec, warnings = lenient(JobSpec, {"time_wait": 1_800_000_000_000, "time_creation": 2**62})
    assert (spec.time_wait, spec.time_creation) == (253_402_300_799, 0)
    assert warnings == [
        "job.time_wait: 1800000000000 was brought to 253402300799",
        "job.time_creation: must be int <= 253402300799; ignored",
    ]
    assert strict_error(JobSpec, {"time_wait": 2**62}).field == "job.time_wait"
