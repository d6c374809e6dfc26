"""What would let a task start: for each reason the edit or operation that lifts it.

``explain`` gives reasons; a :class:`afanasy.core.why.case.Cure` says what to do about one, as a
sentence and, where a request can do it, as events of the core and as lines for ``afcmd``. A test
applies them to a copy of the farm and the task must start. Some reasons end by themselves (a host
that is busy) or need a hand (an agent that is not running): their cures are sentences only.

A cure is about one reason; who is refused for another one behind it asks again. The figures are
those that are just enough. By theme: :mod:`afanasy.core.why.cures_work` (the work itself),
:mod:`afanasy.core.why.cures_host` (a render, and the work on it) and
:mod:`afanasy.core.why.cures_limit`.
"""

from __future__ import annotations

from typing import Final

from afanasy.core.why import cures_host, cures_limit, cures_work
from afanasy.core.why.case import Case, Cure, Maker
from afanasy.core.why.commands import command

#: Code of a reason → its cure.
CURES: Final[dict[str, Maker]] = {**cures_work.CURES, **cures_host.CURES, **cures_limit.CURES}


def cure(case: Case) -> Cure:
    """What to do about the reason of a case."""
    found = CURES[case.reason.code](case)
    if found.events:
        lines = tuple(command(case.farm, event) for event in found.events)
        found = found._replace(commands=lines)
    return found
