"""Masks: what they match, which are refused, and what they may cost."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from afanasy.core.host.mask_syntax import EXPANSION_MAX, compile_mask, expansion
from afanasy.core.host.masks import contain_match, find_match, shown
from afanasy.model.errors import UserError
from afanasy.server.matcher import Masks

SLOW = "(a|aa)+$"
SLOW_NAME = "a" * 60 + "b"


def refused(mask: str, *names: str) -> UserError:
    with pytest.raises(UserError) as caught:
        Masks().check_mask(mask, "job.depend_mask", names or None)
    assert caught.value.field == "job.depend_mask"
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("mask", "name", "regex", "find", "contain"),
    [
        ("", "anything", True, True, True),
        ("r", "r1", False, True, True),
        ("r.*", "r1", True, False, False),
        ("r1|x", "r1", True, True, True),
        ("1", "r1", False, False, True),
        ("x, r; q", "r1", False, True, True),
        ("R1", "r1", False, False, False),
        ("(?i)R1", "r1", True, False, False),
        ("|", "r1", False, False, False),
    ],
)
def test_three_readings(mask: str, name: str, regex: bool, find: bool, contain: bool) -> None:
    assert Masks().full_match(mask, name) is regex
    assert find_match(mask, name) is find
    assert contain_match(mask, name) is contain


def test_an_invalid_mask_is_named_with_its_position() -> None:
    error = refused("render(")
    assert error.code == "bad_mask"
    assert "at position 7" in error.message
    assert ".*" in refused("*").hint


@pytest.mark.parametrize(
    "mask",
    [
        "x." * 501,
        "a{1000000000}",
        "a{99999999999999999999999}",
        "(" * 20 + "a" + ")+" * 20,
        "(?:" * 40 + "a" + "){1,1000}" * 40,
        "(" * 12 + "a" + "){2}" * 12,
        "(a{1000}){1000}",
        "((a)(?#hidden)+)+",
        "(?x) ((((a) +) +) +)",
        "(" * 400 + ")" * 400,
        "(?V1)" + "[" * 200 + "a" + "]" * 200,
    ],
    ids=lambda mask: mask[:20],
)
def test_what_would_take_all_memory_is_refused(mask: str) -> None:
    began = time.process_time()
    assert refused(mask).code == "bad_mask"
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "mask",
    ["render.*", r"(job|shot)_\d{3}(_v\d+)?", "[a-z]{1,100}-.{1,200}", "(a)+(b)+(c)+", r"\p{Lu}.*"],
)
def test_ordinary_masks_are_light(mask: str) -> None:
    assert expansion(mask) <= EXPANSION_MAX
    compile_mask(mask)


def test_a_slow_mask_is_refused_at_the_edge() -> None:
    assert refused(SLOW, "short", SLOW_NAME).code == "slow_mask"


def test_known_names_are_tried() -> None:
    masks = Masks(lambda: [SLOW_NAME])
    with pytest.raises(UserError, match="takes too long"):
        masks.check_mask(SLOW, "mask")
    masks.check_mask("a.*", "mask")


def test_a_stored_slow_mask_is_switched_off() -> None:
    masks = Masks()
    assert masks.full_match(SLOW, "aaa") is True
    assert masks.full_match(SLOW, "b") is False
    with capture_logs() as lines:
        assert masks.full_match(SLOW, SLOW_NAME) is None
    assert lines == [
        {"event": "mask_switched_off", "log_level": "warning", "mask": SLOW, "name": SLOW_NAME}
    ]
    assert SLOW in masks.switched_off
    began = time.process_time()
    with capture_logs() as lines:
        for n in range(1000):
            assert masks.full_match(SLOW, SLOW_NAME + str(n)) is None
    assert time.process_time() - began < 1
    assert lines == []
    assert masks.full_match(SLOW, "aaa") is True, "what is known stays known"
    assert masks.full_match(SLOW, "b") is False
    assert masks.full_match(SLOW, "aa") is None


def test_of_a_stored_mask_that_does_not_compile_nothing_is_known() -> None:
    masks = Masks()
    assert masks.full_match("(", "(") is None
    assert masks.switched_off == {"(": None}


def test_results_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afanasy.server.matcher.RESULTS_MAX", 10)
    monkeypatch.setattr("afanasy.server.matcher.MASKS_MAX", 3)
    masks = Masks()
    for n in range(20):
        for mask in range(5):
            assert masks.full_match(f"n{mask}.*", f"n{mask}x{n}")
            assert not masks.full_match(f"n{mask}.*", f"m{n}")
    assert len(masks._masks) <= 3
    assert all(len(known.results) <= 10 for known in masks._masks.values())


VERDICTS = ("fine", "bad_mask", "slow_mask")


def verdict(masks: Masks, mask: str, *names: str) -> str:
    try:
        masks.check_mask(mask, "mask", names)
    except UserError as error:
        return error.code
    return "fine"


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_as_a_mask(mask: str, name: str) -> None:
    masks = Masks()
    masks.full_match(mask, name)
    find_match(mask, name)
    contain_match(mask, name)
    assert verdict(masks, mask, name) in VERDICTS


@given(st.text("ab()[]{}+*?|\\.^$-0123456789,:=<>!#xiR", max_size=40))
def test_any_pattern_as_a_mask(mask: str) -> None:
    assert verdict(Masks(), mask, "aab", "a" * 40) in VERDICTS


def test_the_masks_of_one_request_have_a_time_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes a moment, ten thousand of them must not stop the loop for a minute."""
    monkeypatch.setattr("afanasy.server.matcher.REQUEST_S", 0.02)
    masks = Masks(lambda: (f"name{n}" for n in range(1000)))
    masks.new_request()

    def many() -> None:
        for n in range(10_000):
            masks.check_mask(f"(n.*){n}", "hosts_mask")

    with pytest.raises(UserError) as caught:
        many()
    assert caught.value.code == "too_many_masks"
    for n in range(10_000):
        masks.check_mask(f"block {n}", "depend_mask", ["block 1"])  # plain names cost nothing
    masks.new_request()
    masks.check_mask("(n.*)", "hosts_mask")


def test_plain_names_may_be_many_and_cost_no_expression(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of the hosts or jobs that are meant; a thousand characters are a hundred names."""

    def compiled(mask: str, field: str = "mask") -> None:
        raise AssertionError(f"{field}: {mask[:20]} was compiled")

    monkeypatch.setattr("afanasy.server.matcher.compile_mask", compiled)
    mask = "|".join(f"render{n:03}" for n in range(5000))
    masks = Masks()
    masks.check_mask(mask, "hosts_mask")
    assert masks.full_match(mask, "render007")
    assert not masks.full_match(mask, "render7")
    assert not masks.full_match(mask, "render0077")
    assert masks.full_match("a||b", "")
    assert masks.switched_off == {}


def test_a_regular_expression_has_1000_characters_at_most() -> None:
    assert verdict(Masks(), "r.*|" * 250) == "fine"
    assert verdict(Masks(), "r.*|" * 251) == "bad_mask"
    assert Masks().full_match("(?i)" + "R.*|" * 250, "r1")  # the pattern of a pool


@given(
    st.lists(st.text("ab1-", max_size=4), max_size=80),
    st.sampled_from(["|", ", ", ";"]),
    st.text("ab1-", max_size=6),
)
def test_many_words_match_as_few_do(words: list[str], between: str, name: str) -> None:
    mask = between.join(words)
    real = tuple(word for word in words if word)
    assert find_match(mask, name) is (not mask or name.startswith(real))


def test_a_long_mask_is_shown_by_its_beginning() -> None:
    assert shown("r.*") == "'r.*'"
    text = shown("r" * 5000)
    assert len(text) < 200
    assert "(5000 characters)" in text
