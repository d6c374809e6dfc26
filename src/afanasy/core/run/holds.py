"""A service without licences: nothing of it starts for a while, then one task is tried (R18).

A run that ends for want of a licence is no error of its task or its host. The *service* is held on
the whole farm for 30 s, doubling up to 10 min; what runs goes on. When the wait is over one run at
a time is the *try*: its success ends the hold, another missing licence makes the next wait.
"""

from __future__ import annotations

from typing import Final

from afanasy.core.effects import Note
from afanasy.core.state import Block, Farm, Run, ServiceHold
from afanasy.core.transitions import add_timer
from afanasy.model.clock import Now

FIRST_S: Final = 30.0
MAX_S: Final = 600.0


def no_licence(farm: Farm, run: Run, now: Now) -> str:
    """A run found no licence. Returns a line for its log.

    It held its service from its start on; its block may have been given another one since.
    """
    service = run.service
    hold = farm.service_holds.get(service)
    if hold is None:
        hold = farm.service_holds[service] = ServiceHold(service)
        attach(farm, service)
    elif hold.held or hold.probe:
        # A run that was started before the wait, or beside the try: that tells nothing new.
        return f"no licence for {service}; the service waits already"
    hold.wait_s = min(FIRST_S * 2**hold.level, MAX_S)
    hold.level += 1
    hold.held = True
    hold.until_mono, hold.until_wall = now.mono + hold.wait_s, now.wall + hold.wait_s
    add_timer(farm, hold.until_mono, "service", service)
    farm.changes.services = True
    farm.effects.append(Note("service_held", {"service": service, "seconds": hold.wait_s}))
    return f"no licence for {service}: nothing of it starts for {hold.wait_s:.0f} s; not counted"


def on_timer(farm: Farm, service: str, now: Now) -> None:
    """A wait may be over."""
    hold = farm.service_holds.get(service)
    if hold is not None and hold.held and hold.until_mono <= now.mono:
        hold.held = False
        farm.changes.services = True
        _wake(farm, service)


def on_start(farm: Farm, hold: ServiceHold, run: Run) -> None:
    """A run of a service that was held: it is the try."""
    assert not hold.held, f"a start of {hold.service} against its hold"
    hold.probe = run.id
    farm.changes.services = True


def on_end(farm: Farm, run: Run) -> None:
    """A run gives its right to count back: if it was the try, there may be another."""
    for hold in farm.service_holds.values():
        if hold.probe == run.id:
            hold.probe = 0
            farm.changes.services = True
            _wake(farm, hold.service)


def on_success(farm: Farm, run: Run) -> None:
    """A run of a held service succeeded; when the wait is over, the licences are back."""
    hold = farm.service_holds.get(run.service)
    if hold is not None and not hold.held and not hold.probe:
        del farm.service_holds[hold.service]
        attach(farm, hold.service)
        farm.changes.services = True
        _wake(farm, hold.service)


def attach(farm: Farm, service: str) -> None:
    """Tell all blocks of the service about its hold, or that there is none."""
    hold = farm.service_holds.get(service)
    for block in farm.blocks.values():
        if block.spec.service == service:
            block.hold = hold


def attach_block(farm: Farm, block: Block) -> None:
    """A block came, or its service was edited."""
    block.hold = farm.service_holds.get(block.spec.service) if farm.service_holds else None


def _wake(farm: Farm, service: str) -> None:
    for block in farm.blocks.values():
        if block.spec.service == service:
            farm.fresh_jobs[block.job.serial] = block.job
