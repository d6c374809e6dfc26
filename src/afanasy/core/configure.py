"""Settings change while the server runs, and what they are about follows at once."""

from __future__ import annotations

from afanasy.core.effects import Note
from afanasy.core.events import ChangeSettings, RereadSettings
from afanasy.core.host import schedule
from afanasy.core.place import shares
from afanasy.core.run.stops import check_limits
from afanasy.core.settings import Chosen
from afanasy.core.state import Farm
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now


def change(farm: Farm, event: ChangeSettings, now: Now) -> None:
    """Set and unset values on the fly; they were checked, and are stored with this batch."""
    settings = farm.settings
    before = {key: settings.value(key) for key in (*event.values, *event.unset)}
    for key, value in event.values.items():
        settings.chosen[key] = Chosen(value, event.by, int(now.wall))
    for key in event.unset:
        settings.chosen.pop(key, None)
    farm.changes.settings = True
    for key, old in before.items():
        new = settings.value(key)
        note = Note("setting_changed", {"key": key, "old": old, "new": new, "by": event.by})
        farm.effects.append(note)
    _follow(farm, [key for key, old in before.items() if settings.value(key) != old], now)


def reread(farm: Farm, event: RereadSettings, now: Now) -> None:
    """The files were read again. What was set on the fly stays in force."""
    settings = farm.settings
    before = {key: settings.value(key) for key in {*settings.said, *event.said}}
    settings.said, settings.waiting = event.said, event.waiting
    _follow(farm, [key for key, old in before.items() if settings.value(key) != old], now)


def _follow(farm: Farm, changed: list[str], now: Now) -> None:
    """Look again at what waits for a time that another setting gave it."""
    if "af_task_reconnect_timeout" in changed:
        for render in farm.renders.values():
            if not render.link:
                add_timer(farm, now.mono, "lost", render)
    if "af_solve_branches" in changed:
        shares.switch(farm, on=farm.settings.value("af_solve_branches"))
    if "af_timezone" in changed:
        for render in farm.renders.values():
            schedule.look(farm, render, now)
    if "af_task_progress_change_timeout" in changed:
        for run in list(farm.runs.values()):
            check_limits(farm, run, now)
