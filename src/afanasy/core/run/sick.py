"""Sick renders: hosts on which the tasks of several users fail (SEMANTICS 5).

A pool says how many users make a host sick (``sick_errors_count``, inherited; 0 or -1: none do). A
render remembers one error for each user since its last success; when there are enough of them it
takes no more work until somebody heals it.
"""

from __future__ import annotations

from afanasy.core import node_log
from afanasy.core.effects import Note
from afanasy.core.host.renders import touch_render
from afanasy.core.state import Farm, Render, Run
from afanasy.core.system import happenings
from afanasy.model.clock import Now


def count_error(farm: Farm, run: Run, now: Now) -> None:
    """A counted error of the run on its render."""
    render, user = run.render, run.block.job.user.name
    enough = render.pool.value("sick_errors_count") if render.pool is not None else -1
    assert isinstance(enough, int)
    if enough <= 0 or render.sick or user in render.sick_users:
        return
    render.sick_users[user] = None
    farm.changes.renders[render.name] = render
    if len(render.sick_users) >= enough:
        render.sick = True
        happenings.of_render(farm, render, happenings.RENDER_SICK)
        fields: dict[str, object] = {"render": render.name, "users": list(render.sick_users)}
        node_log.say(render, f"sick: tasks of {', '.join(render.sick_users)} failed", now)
        farm.effects.append(Note("render_sick", fields))
        touch_render(farm, render, now.mono)


def count_success(farm: Farm, render: Render) -> bool:
    """A task succeeded there: True when something was forgotten. A sick host stays sick."""
    if not render.sick_users or render.sick:
        return False
    render.sick_users.clear()
    farm.changes.renders[render.name] = render
    return True


def heal(farm: Farm, render: Render) -> None:
    """Operation ``heal_sick``."""
    render.sick = False
    render.sick_users.clear()
    farm.changes.renders[render.name] = render
