"""XML and JSON say the same: whatever setup is written is what is read (S50)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.farmsetup.load import load_data
from afanasy.farmsetup.tree import FarmFileError
from afanasy.farmsetup.write import as_json, as_xml
from afanasy.model.farm_setup import FarmSetup, Limit, Pattern, ServiceRule

# Characters that XML can hold, without blanks at the ends, which XML does not keep.
_letters = st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufffe\uffff")
texts = st.text(_letters, min_size=1, max_size=12).map(str.strip).filter(bool)
numbers = st.integers(0, 2**31 - 1)
#: Names of services.
names = st.lists(st.from_regex(r"[\w.-]{1,12}", fullmatch=True), max_size=4, unique=True)


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    known = draw(names)
    cut = draw(st.integers(0, len(known)))
    clear = draw(st.booleans())
    text, number = st.none() | texts, st.none() | numbers
    words = st.none() | texts.map(str.split).map(" ".join)
    return Pattern(
        name=draw(texts),
        mask=draw(st.sampled_from(["", ".*", r"render\d+", "a|<b>&\"'"])),
        description=draw(text), os=draw(words), properties=draw(words), resources=draw(text),
        data=draw(text), capacity=draw(number), max_tasks=draw(number), power=draw(number),
        wol_idle_sleep_time_s=draw(number),
        services=tuple(ServiceRule(name, draw(numbers)) for name in known[:cut]),
        remove_services=tuple(known[cut:]),
        clear_services=clear,
        nimby_schedule=draw(
            st.sampled_from([None, "none", "mon-fri 09:00-19:00 nimby; sat 00:00-24:00 free"])
        ),
    )  # fmt: skip


@st.composite
def setups(draw: st.DrawFn) -> FarmSetup:
    limits: list[Limit] = []
    for name in draw(names):
        count, hosts = draw(st.integers(-1, 50)), draw(st.integers(-1, 50))
        limits.append(Limit(name, max(count, 0) if hosts < 0 else count, hosts))
    found = draw(st.lists(patterns(), min_size=1, max_size=4, unique_by=lambda one: one.name))
    return FarmSetup(tuple(found), tuple(limits), last_match=draw(st.booleans()))


@given(setups())
def test_what_is_written_is_what_is_read(setup: FarmSetup) -> None:
    from_xml = load_data(as_xml(setup).encode(), "farm.xml").setup
    from_json = load_data(as_json(setup).encode(), "farm.json").setup
    assert from_xml == setup
    assert from_json == setup


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_rubbish_is_refused_and_never_breaks_the_reader(data: bytes) -> None:
    for file in ("farm.xml", "farm.json"):
        with pytest.raises(FarmFileError) as caught:
            load_data(data, file)
        assert caught.value.problems
