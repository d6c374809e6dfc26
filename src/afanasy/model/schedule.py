"""A week of a workstation: when it is nimby, NIMBY or free (R65, SEMANTICS 8.4). Text and time.

One form everywhere, in attributes and in the farm file: entries with ``;`` between them ::

    mon-fri 09:00-19:00 nimby; sat,sun 00:00-24:00 free

An entry has days, from and to, and what the host is. The days are those on which it *begins*; where
the end is not after the beginning it ends on the next day (``mon-fri 19:00-09:00 free``). Where
entries overlap the later one counts, as in a farm file. What no entry covers is a *gap*: there the
schedule wants nothing. ``none`` is a schedule without entries; it stands where one would be
inherited.

**The clock.** What a schedule says at a moment depends on nothing but what the clocks of the farm's
time zone show then. When they are put forward, times that are jumped over do not come: what begins
in them begins at the jump. When they are put back, an hour is shown twice, and counts twice. So no
state has to be remembered, and a restart or a clock that was set gives the same answer as a server
that never slept.

A *part* is the time in which one entry, or one gap, goes on without an end. The zone is a function
that the caller gives: seconds east of UTC at a moment (:data:`UtcOffset`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from afanasy.model.errors import UserError

#: Seconds by which local time is ahead of UTC at a moment of the wall clock.
UtcOffset = Callable[[float], int]

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STATES: Final = ("nimby", "NIMBY", "free")
NONE: Final = "none"
EXAMPLE: Final = "as mon-fri 09:00-19:00 nimby; sat,sun 00:00-24:00 free"
ENTRIES_MAX: Final = 100

_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_WEEK_S: Final = _WEEK * 60
#: 1970 began on a Thursday: seconds by which a week that begins on Monday is ahead.
_EPOCH_S: Final = 3 * 86400
#: Offsets are looked at in such steps for a change; none lasts shorter.
_STEP_S: Final = 86400
#: The last moment that a calendar has, in any zone.
_LAST_S: Final = 253_402_214_400
_ENTRY: Final = re.compile(r"(\S.*?)\s+(\S+?)\s*-\s*(\S+)\s+(\S+)")
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})")


class Entry(NamedTuple):
    """One entry."""

    #: 0 is Monday; in rising order.
    days: tuple[int, ...]
    #: Minutes from the midnight with which the day begins; ``end`` is behind ``start``, at most a
    #: day later.
    start: int
    end: int
    #: One of :data:`STATES`.
    what: str

    def text(self) -> str:
        """The entry as a person would write it."""
        runs: list[list[int]] = []
        for day in self.days:
            if runs and runs[-1][-1] == day - 1:
                runs[-1].append(day)
            else:
                runs.append([day])
        words = [
            f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 2 else ",".join(DAYS[d] for d in run)
            for run in runs
        ]
        end = self.end if self.end <= _DAY else self.end - _DAY
        return f"{','.join(words)} {_clock(self.start)}-{_clock(end)} {self.what}"


class Part(NamedTuple):
    """What a schedule says at a moment."""

    #: One of :data:`STATES`; "" in a gap.
    what: str
    #: Unix seconds of its end; 0 = it has none.
    until: int
    #: The entry in words; "" in a gap.
    entry: str = ""


#: What no schedule says.
NOTHING: Final = Part("", 0)


class Schedule(NamedTuple):
    """A week, cut where something else begins to count."""

    entries: tuple[Entry, ...]
    #: Minutes of the week, from Monday 0:00, at which pieces begin, and the entry of each; -1 is a
    #: gap. The last piece may go on in the first.
    starts: tuple[int, ...]
    indexes: tuple[int, ...]

    def text(self) -> str:
        """The schedule as a person would write it."""
        return "; ".join(entry.text() for entry in self.entries) or NONE

    def at(self, second: int) -> tuple[int, int]:
        """At a second of the local week: the entry, and seconds until the piece ends; 0 = never."""
        starts, indexes = self.starts, self.indexes
        if len(starts) == 1:
            return indexes[0], 0
        piece = bisect_right(starts, second // 60) - 1
        if piece + 1 < len(starts):
            end = starts[piece + 1]
        elif indexes[-1] == indexes[0]:
            end = _WEEK + starts[1]
        else:
            end = _WEEK
        return indexes[piece], end * 60 - second


def read_schedule(text: str, field: str = "") -> Schedule:
    """The schedule of a text; "" is as ``none``. Raises UserError that names the piece."""
    try:
        return _read(text)
    except ValueError as error:
        raise UserError("bad_field", str(error), EXAMPLE, field=field) from None


@lru_cache(maxsize=1024)
def _read(text: str) -> Schedule:
    pieces = [piece.strip() for piece in text.split(";")]
    pieces = [] if text.strip() == NONE else [piece for piece in pieces if piece]
    if len(pieces) > ENTRIES_MAX:
        raise ValueError(f"has {len(pieces)} entries, {ENTRIES_MAX} are the most")
    entries = tuple(_entry(piece) for piece in pieces)
    week = [-1] * _WEEK
    for index, entry in enumerate(entries):
        for day in entry.days:
            first, last = day * _DAY + entry.start, day * _DAY + entry.end
            week[first : min(last, _WEEK)] = [index] * (min(last, _WEEK) - first)
            if last > _WEEK:  # from Sunday into Monday
                week[: last - _WEEK] = [index] * (last - _WEEK)
    starts = tuple(m for m in range(_WEEK) if m == 0 or week[m] != week[m - 1])
    return Schedule(entries, starts, tuple(week[start] for start in starts))


def _entry(piece: str) -> Entry:
    """One entry. Raises ValueError that names what is wrong."""
    match = _ENTRY.fullmatch(piece)
    if match is None:
        raise ValueError(f"{piece!r} is no entry: it needs days, from-to, and what the host is")
    days = _days(match[1], piece)
    start, end = _minutes(match[2], piece), _minutes(match[3], piece)
    if start == _DAY:
        raise ValueError(f"{match[2]!r} in {piece!r} is an end: a day begins at 00:00")
    if match[4] not in STATES:
        raise ValueError(f"{match[4]!r} in {piece!r} must be nimby, NIMBY or free")
    return Entry(days, start, end if end > start else end + _DAY, match[4])


def _days(text: str, piece: str) -> tuple[int, ...]:
    found: set[int] = set()
    for item in text.split(","):
        first, dash, last = (word.strip().lower() for word in item.partition("-"))
        for word in (first, last) if dash else (first,):
            if word not in DAYS:
                raise ValueError(f"{word!r} in {piece!r} is no day: there are {', '.join(DAYS)}")
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % 7 if dash else 0
        found.update((begin + step) % 7 for step in range(length + 1))
    return tuple(sorted(found))


def _minutes(text: str, piece: str) -> int:
    match = _TIME.fullmatch(text)
    minutes = int(match[1]) * 60 + int(match[2]) if match else -1
    if match is None or int(match[2]) > 59 or minutes > _DAY:
        raise ValueError(f"{text!r} in {piece!r} is no time from 00:00 to 24:00")
    return minutes


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


# ------------------------------------------------------------------------------------ moments


def part_at(schedule: Schedule, wall: float, offset: UtcOffset) -> Part:
    """What the schedule says at a moment of the wall clock, and until when it goes on."""
    moment = int(wall // 1)
    index = _at(schedule, moment, offset(moment))[0]
    until = _until(schedule, moment, offset)
    if index < 0:
        return Part("", until)
    entry = schedule.entries[index]
    return Part(entry.what, until, entry.text())


def _at(schedule: Schedule, moment: int, ahead: int) -> tuple[int, int]:
    return schedule.at((moment + ahead + _EPOCH_S) % _WEEK_S)


def _until(schedule: Schedule, moment: int, offset: UtcOffset) -> int:
    """End of the part: where its piece of the week ends, or clocks are set out of it."""
    index = _at(schedule, moment, offset(moment))[0]
    while True:
        ahead = offset(moment)
        left = _at(schedule, moment, ahead)[1]
        if not left:
            return 0
        change = _offset_change(moment, moment + left, offset)
        if change is None:
            return moment + left
        if _at(schedule, change, offset(change))[0] != index:
            return change
        moment = change


def _offset_change(first: int, last: int, offset: UtcOffset) -> int | None:
    """The first moment behind ``first``, up to ``last``, at which the offset is another one."""
    ahead = offset(first)
    while first < last:
        step = min(first + _STEP_S, last)
        if offset(step) != ahead:
            while step - first > 1:
                middle = (first + step) // 2
                if offset(middle) == ahead:
                    first = middle
                else:
                    step = middle
            return step
        first = step
    return None


def moment_words(moment: int, wall: float, offset: UtcOffset) -> str:
    """A moment on the clocks of the farm: ``fri 19:00``, with its date when that is not near.

    "" for one that no calendar has.
    """
    if not 0 < moment < _LAST_S:
        return ""
    local = datetime(1970, 1, 1) + timedelta(seconds=moment + offset(moment))  # noqa: DTZ001 (local)
    if abs(moment - wall) < 6 * 86400:
        return f"{DAYS[local.weekday()]} {local:%H:%M}"
    return f"{local:%Y-%m-%d %H:%M}"
