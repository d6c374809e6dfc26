"""What a farm file says of a host: patterns on top of each other, and who says what (R24)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from afanasy.core.host.host_setup import host_setup
from afanasy.model.farm_setup import FarmSetup, HostSetup, Pattern, ServiceRule
from harness.farm import full_match

GENERIC, NUKE, MAYA = ServiceRule("generic"), ServiceRule("nuke", 2), ServiceRule("maya")


def setup_of(name: str, *patterns: Pattern, last: bool = False) -> HostSetup:
    return host_setup(FarmSetup(patterns, last_match=last), name, full_match)


def test_later_patterns_replace_what_they_name() -> None:
    found = setup_of(
        "render1",
        Pattern("all", ".*", description="a host", capacity=1000, power=1, properties="slow old"),
        Pattern("render", "render.*", capacity=4000, properties="fast"),
        Pattern("desks", "desk.*", capacity=1),
    )
    assert found.patterns == ("all", "render")
    assert (found.description, found.capacity, found.power) == ("a host", 4000, 1)
    assert found.properties == "fast"
    assert (found.max_tasks, found.os) == (-1, "")
    assert found.origins == {
        "description": "all", "power": "all", "capacity": "render", "properties": "render",
    }  # fmt: skip


def test_zero_counts() -> None:
    found = setup_of("a", Pattern("all", capacity=5, max_tasks=5), Pattern("none", max_tasks=0))
    assert (found.capacity, found.max_tasks) == (5, 0)


def test_a_pattern_without_a_mask_matches_every_host() -> None:
    assert setup_of("anything at all", Pattern("all", capacity=7)).capacity == 7


def test_a_mask_matches_the_whole_name() -> None:
    assert setup_of("render1", Pattern("r", "render", capacity=7)).patterns == ()


def test_services_add_up_with_the_last_count() -> None:
    found = setup_of(
        "a", Pattern("one", services=(GENERIC, NUKE)), Pattern("two", services=(
            MAYA, ServiceRule("nuke", 5),
        )),
    )  # fmt: skip
    assert found.services == {"generic": 0, "nuke": 5, "maya": 0}
    assert found.origins == {
        "service generic": "one", "service nuke": "two", "service maya": "two",
    }  # fmt: skip
    assert found.lists_services


def test_services_go_before_others_come() -> None:
    below = Pattern("one", services=(GENERIC, NUKE))
    found = setup_of("a", below, Pattern("two", services=(MAYA,), remove_services=("nuke",)))
    assert found.services == {"generic": 0, "maya": 0}
    assert found.removed == ("nuke",)
    assert found.origins["service nuke"] == "two"
    found = setup_of("a", below, Pattern("two", services=(MAYA,), clear_services=True))
    assert (found.services, found.removed) == ({"maya": 0}, ())
    assert found.origins == {"service maya": "two"}
    # The same pattern takes it away and gives it: it has it.
    found = setup_of("a", below, Pattern("two", services=(NUKE,), remove_services=("nuke",)))
    assert (found.services["nuke"], found.removed) == (2, ())


def test_what_is_listed_alone_runs() -> None:
    assert not setup_of("a", Pattern("all", capacity=1)).lists_services
    assert setup_of("a", Pattern("all", clear_services=True)).lists_services
    assert setup_of("a", Pattern("others", "b.*")).lists_services  # nothing runs (R22)


def test_the_last_match_alone() -> None:
    patterns = (
        Pattern("all", ".*", capacity=1000, services=(GENERIC,)),
        Pattern("render", "render.*", max_tasks=3),
        Pattern("desks", "desk.*"),
    )
    found = setup_of("render1", *patterns, last=True)
    assert (found.patterns, found.capacity, found.max_tasks) == (("render",), -1, 3)
    assert not found.services
    assert setup_of("x", *patterns, last=True).capacity == 1000


@given(st.lists(st.sampled_from(["a.*", "b.*", ".*", "ab"]), max_size=6), st.sampled_from(
    ["a1", "b1", "ab", "c"],
))  # fmt: skip
def test_the_last_matching_value_counts(masks: list[str], name: str) -> None:
    patterns = [Pattern(f"p{n}", mask, capacity=n) for n, mask in enumerate(masks)]
    matching = [n for n, mask in enumerate(masks) if full_match(mask, name)]
    for last in (False, True):
        found = setup_of(name, *patterns, last=last)
        assert found.capacity == (matching[-1] if matching else -1)
        expected = matching[-1:] if last else matching
        assert found.patterns == tuple(f"p{n}" for n in expected)
