"""Check of a start: the host's week leaves it free (R65).

The text of a ``nimby_schedule`` is read here once more, in its simplest form: the world's clocks
know no time zones, and of the parts that are drawn the first that holds the moment counts.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from afanasy.core.state import Block, Farm
from afanasy.sim import reading
from afanasy.sim.books import RunFact

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: A server looks at its clocks whenever it does something; a standing one does it late.
_LATE_S: Final = 1.0


class Said(NamedTuple):
    """What a schedule says of a moment."""

    #: nimby, NIMBY, free, or "" for a gap.
    word: str = ""
    #: Seconds since it says so.
    for_s: float = 0.0


def said_at(text: str, wall: float) -> Said:
    """What ``text`` says of the moment."""
    moment = time.gmtime(wall)
    since_midnight = moment.tm_hour * 3600 + moment.tm_min * 60 + moment.tm_sec + wall % 1
    for days, begin, end, word in re.findall(r"(\S+) (\S+)-(\S+) (\w+)", text):
        first, _, last = days.partition("-")
        of_week = range(_DAYS.index(first), _DAYS.index(last or first) + 1)
        after_s = since_midnight - _seconds(begin)
        if moment.tm_wday in of_week and 0 <= after_s < _seconds(end) - _seconds(begin):
            return Said(word, after_s)
    return Said()


def _seconds(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def week(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """No part of the week has taken the host, unless a person gave it back since."""
    world, render = safety.world, farm.renders[fact.render]
    text = str(reading.value_of(safety, farm, render, "nimby_schedule"))
    said = said_at(text, world.clocks().wall)
    if said.word not in ("nimby", "NIMBY") or block.job.spec.ignorenimby:
        return ""
    began = world.now - said.for_s
    asked = world.nimby_asked.get(render.name, -1.0)
    if asked >= began or (asked >= 0 and world.jumped_at >= asked):
        return ""  # a person's word holds until the next part
    if said.for_s < _LATE_S or world.now - world.jumped_at < _LATE_S:
        return ""
    owner = render.spec.user_name or render.user_name
    if said.word == "nimby" and owner == block.job.user.name:
        return ""
    world.mark("taken by its week")
    return f"its week {text!r} has taken it for {said.for_s:.0f} s: {said.word}"
