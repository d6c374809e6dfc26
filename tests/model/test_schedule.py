"""The text of a ``nimby_schedule``, and what it says at a moment, beside a slow look at it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.model.errors import UserError
from afanasy.model.schedule import (
    DAYS,
    ENTRIES_MAX,
    STATES,
    UtcOffset,
    moment_words,
    part_at,
    read_schedule,
)

#: One without changes, the usual ones, one of half an hour, one with four changes a year.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")
DAY = 24 * 60


class Written(NamedTuple):
    """An entry as it stands in the text."""

    days: list[int]
    begin: int
    end: int
    what: str

    def text(self) -> str:
        days = ",".join(DAYS[day] for day in self.days)
        begin, end = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (self.begin, self.end))
        return f"{days} {begin}-{end} {self.what}"

    def says(self, day: int, minute: int) -> bool:
        """It is about this minute of this day of the week, read as a person reads it."""
        if self.end > self.begin:
            return day in self.days and self.begin <= minute < self.end
        today = day in self.days and minute >= self.begin
        return today or ((day - 1) % 7 in self.days and minute < self.end)


entries = st.builds(
    Written,
    st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True),
    st.integers(0, DAY - 1),
    st.integers(0, DAY),
    st.sampled_from(STATES),
)
weeks = st.lists(entries, min_size=0, max_size=4)
#: Around changes of the clocks more often than elsewhere.
moments = st.one_of(
    st.integers(1_767_225_600, 1_830_297_600),
    st.sampled_from(
        [1_774_746_000, 1_792_890_000, 1_772_953_200, 1_793_512_800, 1_775_314_800, 1_791_039_600]
    ).flatmap(lambda change: st.integers(change - 2 * 86400, change + 86400)),
)


def clocks(zone: str) -> UtcOffset:
    found = ZoneInfo(zone)

    def ahead(wall: float) -> int:
        offset = datetime.fromtimestamp(wall, found).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    return ahead


def entry_at(week: list[Written], moment: int, zone: ZoneInfo) -> int:
    """The last entry that is about what the clocks show; -1 for none."""
    local = datetime.fromtimestamp(moment, zone)
    minute = local.hour * 60 + local.minute
    found = [n for n, entry in enumerate(week) if entry.says(local.weekday(), minute)]
    return found[-1] if found else -1


def text_of(week: list[Written]) -> str:
    return "; ".join(entry.text() for entry in week) or "none"


@given(weeks, moments, st.sampled_from(ZONES))
def test_what_is_said_and_until_when(week: list[Written], moment: int, zone: str) -> None:
    schedule, local = read_schedule(text_of(week)), ZoneInfo(zone)
    part = part_at(schedule, moment + 0.5, clocks(zone))
    now = entry_at(week, moment, local)
    assert part.what == (week[now].what if now >= 0 else "")
    minutes = range(moment // 60 * 60 + 60, moment + 9 * 86400, 60)
    end = next((m for m in minutes if entry_at(week, m, local) != now), 0)
    assert part.until == end


@given(weeks)
def test_what_is_written_is_read_as_the_same(week: list[Written]) -> None:
    schedule = read_schedule(text_of(week))
    assert read_schedule(schedule.text()) == schedule


def at(text: str, when: str, zone: str = "Europe/Berlin") -> tuple[str, str]:
    """What is said on a local date, and the local end."""
    local = ZoneInfo(zone)
    moment = datetime.fromisoformat(when).replace(tzinfo=local).timestamp()
    part = part_at(read_schedule(text), moment, clocks(zone))
    end = datetime.fromtimestamp(part.until, local)
    return part.what, f"{end:%a %H:%M}" if part.until else "never"


def test_a_week_of_an_office() -> None:
    text = "mon-fri 09:00-19:00 nimby; sat,sun 00:00-24:00 free"
    assert at(text, "2026-11-30 08:59") == ("", "Mon 09:00")
    assert at(text, "2026-11-30 09:00") == ("nimby", "Mon 19:00")
    assert at(text, "2026-12-04 19:00") == ("", "Sat 00:00")
    assert at(text, "2026-12-05 12:00") == ("free", "Mon 00:00")


def test_nights_end_on_the_next_day_and_the_week_is_a_ring() -> None:
    assert at("sun-thu 20:00-08:00 free", "2026-11-29 23:00") == ("free", "Mon 08:00")
    assert at("fri-mon 10:00-10:00 NIMBY", "2026-11-28 00:00") == ("NIMBY", "Tue 10:00")


def test_a_whole_week_never_ends() -> None:
    assert at("mon-sun 00:00-24:00 NIMBY", "2026-03-28 12:00") == ("NIMBY", "never")
    assert at("none", "2026-03-28 12:00") == ("", "never")


def test_the_later_entry_counts() -> None:
    text = "mon-fri 09:00-19:00 nimby; wed 12:00-13:00 free"
    assert at(text, "2026-12-02 12:30") == ("free", "Wed 13:00")
    assert at(text, "2026-12-02 11:00") == ("nimby", "Wed 12:00")


def test_clocks_that_are_put_forward_and_back() -> None:
    """2:00 to 3:00 does not come on 2027-03-28, and comes twice on 2026-10-25."""
    skipped = "sun 02:15-02:45 NIMBY"
    assert at(skipped, "2027-03-28 00:00") == ("", "Sun 02:15")  # of the next week
    assert at("sun 02:30-04:00 NIMBY", "2027-03-28 01:59") == ("", "Sun 03:00")
    found: list[str] = []
    schedule, berlin = read_schedule(skipped), clocks("Europe/Berlin")
    moment = datetime(2026, 10, 25, tzinfo=UTC).timestamp() - 3600
    while len(found) < 5:
        part = part_at(schedule, moment, berlin)
        found.append(part.what)
        moment = part.until
    assert found == ["", "NIMBY", "", "NIMBY", ""]


def test_ways_to_write() -> None:
    schedule = read_schedule(" Mon - Fri 9:00 - 19:00 nimby;tue, thu  0:00-24:00   free ; ")
    assert schedule.text() == "mon-fri 09:00-19:00 nimby; tue,thu 00:00-24:00 free"
    assert read_schedule("") == read_schedule("none") == read_schedule(" none ")
    assert read_schedule("none").text() == "none"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mon-fry 09:00-19:00 nimby", "'fry' in 'mon-fry 09:00-19:00 nimby' is no day: there are"),
        ("mon 09:00-19:00 free; monday 9:00-10:00 free", "'monday' in"),
        ("mon, 09:00-19:00 nimby", "'' in"),
        ("mon 9-19 nimby", "'9' in 'mon 9-19 nimby' is no time from 00:00 to 24:00"),
        ("mon 09:00-24:01 nimby", "'24:01' in"),
        ("mon 09:60-10:00 nimby", "'09:60' in"),
        ("mon 24:00-01:00 nimby", "'24:00' in 'mon 24:00-01:00 nimby' is an end"),
        ("mon 09:00-19:00 Nimby", "'Nimby' in 'mon 09:00-19:00 Nimby' must be nimby, NIMBY"),
        ("09:00-19:00 nimby", "is no entry"),
        ("none; mon 09:00-19:00 free", "'none' is no entry"),
        ("mon 09:00-10:00 free;" * (ENTRIES_MAX + 1), f"{ENTRIES_MAX} are the most"),
    ],
)  # fmt: skip
def test_a_bad_text_is_refused_with_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read_schedule(text, "params.nimby_schedule")
    assert words in caught.value.message
    assert caught.value.field == "params.nimby_schedule"
    assert "as mon-fri 09:00-19:00 nimby" in caught.value.hint


@given(st.text(alphabet="monfrisu,- :;0123459nimbyNIMBYfree", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        schedule = read_schedule(text)
    except UserError:
        return
    assert part_at(schedule, 1_800_000_000.0, lambda _: 0).what in ("", *STATES)


def test_moments_in_words() -> None:
    berlin, now = clocks("Europe/Berlin"), 1_800_000_000.0  # Friday 2027-01-15, 9:00 there
    assert moment_words(1_800_036_000, now, berlin) == "fri 19:00"
    assert moment_words(1_801_036_000, now, berlin) == "2027-01-27 08:46"
    assert moment_words(0, now, berlin) == moment_words(2**62, now, berlin) == ""
