"""Cool-off of a host on which everything fails (R15).

Five counted errors in a row from two jobs or more, with no success between, and the host is left
alone for 30 s, doubling to 30 min; then it gets one task at a time until one succeeds.
"""

from __future__ import annotations

from typing import Final

from afanasy.core import node_log
from afanasy.core.effects import Note
from afanasy.core.host.renders import touch_render
from afanasy.core.state import Farm, Render, Run
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now

COOL_ERRORS: Final = 5
COOL_JOBS: Final = 2
COOL_FIRST_S: Final = 30.0
COOL_MAX_S: Final = 1800.0
#: Classes of errors that make a host cool off (R15): unclassified ones and those two.
COOLING: Final = frozenset({"", "crash", "storage"})


def count_error(farm: Farm, run: Run, now: Now) -> None:
    """A counted error of the run, of a class that speaks against its render."""
    render = run.render
    if run.started_mono < render.cool_mono:
        return  # it was started before the cool-off, which has dealt with that
    render.errors_row += 1
    render.errors_jobs.add(run.block.job.serial)
    farm.changes.renders[render.name] = render
    enough = render.errors_row >= COOL_ERRORS and len(render.errors_jobs) >= COOL_JOBS
    if not (enough or render.probing):
        return
    seconds = min(COOL_FIRST_S * 2**render.cool_level, COOL_MAX_S)
    render.cool_level += 1
    render.cool_mono, render.cool_wall = now.mono + seconds, now.wall + seconds
    render.probing = True
    render.errors_row = 0
    render.errors_jobs.clear()
    add_timer(farm, render.cool_mono, "cool", render)
    node_log.say(render, f"cools off for {round(seconds)} s: errors in a row", now)
    farm.effects.append(Note("render_cools_off", {"render": render.name, "seconds": seconds}))
    touch_render(farm, render, now.mono)


def count_success(farm: Farm, render: Render) -> bool:
    """A task succeeded there: the host is well. True when it was not before."""
    if render.errors_row or render.cool_level or render.probing:
        render.errors_row = 0
        render.errors_jobs.clear()
        render.cool_level = 0
        render.cool_mono = render.cool_wall = 0.0
        render.probing = False
        farm.changes.renders[render.name] = render
        return True
    return False
