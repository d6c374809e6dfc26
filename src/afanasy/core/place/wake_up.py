"""Which sleeping host to wake for work that waits (SEMANTICS 12.3).

What is still ready after a placement pass found no host that is online. So while work waits and
hosts sleep, one host that could run some of it is woken every ten seconds, as long as a render is
awake that can send the packet. How much memory and disk
it has free is what it reported before it slept; after a restart of the server nobody knows that any
more, and it is woken for work that needs some.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from afanasy.core.host import power
from afanasy.core.job.task_names import tasks_named
from afanasy.core.place.checks import block_blocked, job_blocked, user_blocked
from afanasy.core.place.checks_host import (
    awake_not_ready,
    block_not_on,
    job_not_on,
    task_not_on,
    user_not_on,
)
from afanasy.core.place.fits import Fits
from afanasy.core.state import Block, Farm, Render, User
from afanasy.core.tasks import Code
from afanasy.core.transitions import can_produce
from afanasy.model.clock import Now

#: Blocks of a user for which hosts are asked in one look; what waits for something else is none.
BLOCKS_MAX: Final = 100


def look(farm: Farm, now: Now) -> None:
    """Wake one host that could run what waits."""
    farm.wake_timer = False
    if not (farm.hungry and farm.sleepers):
        return
    power.watch_sleepers(farm, now)
    if not power.somebody_sends(farm, now):
        return  # looked at again by the next timer
    hosts = [render for render in farm.sleepers.values() if _may_wake(render, now)]
    wanted = {fits: None for render in hosts for fits in render.fits}
    for user in farm.hungry.values():
        if user_blocked(user) is not None:
            continue
        for block in islice(_waiting(user, wanted), BLOCKS_MAX):
            host = _host_for(user, block, hosts, now)
            if host is not None:
                power.wake(farm, host, now)
                return


def _waiting(user: User, wanted: dict[Fits, None]) -> Iterator[Block]:
    """Blocks of the user that could start on a host that has one of ``wanted``."""
    seen: dict[int, None] = {}
    for fits in wanted:
        for job in user.by_fits.get(fits, ()):
            if job.serial in seen or job_blocked(job) is not None:
                continue
            seen[job.serial] = None
            for block in job.blocks:
                if block.fits in wanted and can_produce(block) and block_blocked(block) is None:
                    yield block


def _may_wake(render: Render, now: Now) -> bool:
    return not render.waking and awake_not_ready(render, now.mono) is None


def _host_for(user: User, block: Block, hosts: list[Render], now: Now) -> Render | None:
    assert block.fits is not None
    for render in hosts:
        task = _task_for(block, render)
        if (
            task >= 0
            and render.name in block.fits.names
            and user_not_on(user, render) is None
            and job_not_on(block.job, render) is None
            and block_not_on(block, render) is None
            and task_not_on(block, task, render, now.wall) is None
        ):
            return render
    return None


def _task_for(block: Block, render: Render) -> int:
    """A task that may be for the render: of a maintenance job the one with its name; -1 = none."""
    if not block.job.spec.maintenance:
        return block.first_ready()
    tasks = tasks_named(block, render.name)
    return next((task for task in tasks if block.code(task) == Code.READY), -1)
