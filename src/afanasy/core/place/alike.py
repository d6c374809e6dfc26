"""Work that asks for the same is refused alike: what one job was refused, a pass asks no other.

**Theory.** Blocks that share a :class:`afanasy.core.place.fits.Fits` ask for the same amounts,
services, tickets and capacity, heed or ignore that a host is taken, and are in the same branches
with limits. So most of what a render says to one of them it says to all: that it has no memory
left, no room, no ticket; that it is paused; that the branch is full. During a pass room only
shrinks and counters only grow, so it will say the same until the pass ends. Some refusals hold for
all work of one user: he is at his limit on the host, or it is somebody else's (nimby).

The rest is a job's, block's or task's own, as an error list or a limit of its own, and is asked of
each. What is *kept free* for other work is not remembered here either: that ends in the middle of
a pass, when the work starts (:func:`afanasy.core.place.draining.keeps_free`).

**Cost.** When every render in question has refused what is asked for, all jobs behind are passed
over unseen (:mod:`afanasy.core.place.job_queue`). So ten thousand jobs that wait for memory, for
licences or for a host that its owner took cost a pass what one of them does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from afanasy.core.limit.limits import exhausted
from afanasy.core.place.fits import Fits
from afanasy.core.place.reasons import Reason
from afanasy.core.place.render_order import Renders
from afanasy.core.state import Job, Render

#: What is said to all work that asks for the same, whoever's it is.
_ALIKE: Final = frozenset(
    {"need_memory", "need_hdd", "need_gpus", "need_gpu_mem_mb", "capacity_total", "capacity_free",
     "limit_over", "limit_no_host", "limit_full", "limit_short", "limit_hosts", "limit_host",
     "limit_host_over", "service_held", "service_probing", "NIMBY", "render_paused",
     "branch_paused", "branch_priority_zero", "branch_max_running", "branch_rate",
     "branch_per_host"}
)  # fmt: skip
#: What is said to all such work of the user.
_ALIKE_FOR_USER: Final = frozenset({"nimby", "user_per_host"})

#: What is asked for; with the name of a user: by him.
_Asking = Fits | tuple[str, Fits]


class Alike:
    """What the renders of a pass say to work that asks for the same."""

    def __init__(self, anywhere: Renders, changed: Renders) -> None:
        self._renders = {True: anywhere, False: changed}
        #: Whether such work could start on one of (all open, changed) renders.
        self._known: dict[bool, dict[_Asking, bool]] = {True: {}, False: {}}
        #: Names of renders that refused it.
        self._refused: dict[_Asking, set[str]] = {}

    def may_start(self, asked: Iterable[Fits], user: str, *, fresh: bool) -> bool:
        """Work of the user ("" = whoever's) that asks for one of these could start on a render.

        ``fresh``: on one of all open renders, else of those that changed.
        """
        known = self._known[fresh]
        for fits in asked:
            if fits.asks and exhausted(fits.asks) is not None:
                continue  # what it asks for is taken on the whole farm
            found = known.get(fits)
            if found is None:
                names = fits.names
                found = known[fits] = any(name in names for _, name, _ in self._renders[fresh])
            if found and known.get((user, fits), True):
                return True
        return False

    def blocked(self, job: Job, reason: Reason) -> None:
        """The job may start nowhere at all: nor may others that ask for the same, perhaps."""
        if reason.code in _ALIKE or reason.of_zero:
            for known in self._known.values():
                known.update(dict.fromkeys(job.queued_fits, False))

    def refused(self, fits: tuple[Fits, ...], user: str, reason: Reason, render: Render) -> None:
        """The render refused work of the user, not for a task's own reason: others too, perhaps."""
        of_user = reason.code in _ALIKE_FOR_USER
        if of_user or reason.code in _ALIKE or reason.of_zero:
            for one in fits:
                asking = (user, one) if of_user else one
                self._refused.setdefault(asking, set()).add(render.name)

    def no_room(self, fits: tuple[Fits, ...], render: Render) -> None:
        """The render has no room for the smallest block of a job that asks for these."""
        for one in fits:
            self._refused.setdefault(one, set()).add(render.name)

    def look_again(self, job: Job, *, fresh: bool) -> None:
        """Every render refused the job: for a reason that holds for what it asks for?"""
        known, user = self._known[fresh], job.user.name
        for fits in job.queued_fits:
            refused = self._refused.get(fits, set())
            left = [
                name
                for _, name, _ in self._renders[fresh]
                if name in fits.names and name not in refused
            ]
            if not left:
                known[fits] = False
            elif self._refused.get((user, fits), set()).issuperset(left):
                known[user, fits] = False
