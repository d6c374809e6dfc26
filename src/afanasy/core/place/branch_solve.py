"""A pass that shares the farm by the tree of branches: ``af_solve_branches`` (SEMANTICS 3.2, 3.3).

**Theory.** At each branch something takes turns: the branches below it that have waiting jobs, and
beside them either the users with waiting jobs in it or, with ``solve_jobs``, these jobs themselves.
Who is first among them says :mod:`afanasy.core.place.turns`, by the branch's own ``solve_method``
and ``solve_need``. The pass begins at the root and goes down: into the first branch, to its first
user, to his first job of *this* branch in his own order. A job that starts a task ends the descent;
what it took and when it was served counts at every place on the way, and the next descent begins at
the root again. So each start is decided as if all were computed anew.

**Only the way changes.** What decides a turn are counters of the branch, the share or the job
itself (:mod:`afanasy.core.place.shares` keeps what a user runs in each branch). A start changes
those on the way down, and each of them stands first in its heap: one replacement in each.

**What was refused stays refused** until the pass ends, as in
:class:`afanasy.core.place.solve.UsersPass`: a job that can start nothing, a user or branch that
reached a limit, and a place of the tree where nothing is left, are dropped from the heap above.

**Cost.** A pass opens only places to which it descends. Opening a branch costs one look at each
branch and user directly in it that has waiting jobs; jobs are never gathered: they stand in queues
by their turns, and one is looked at when all before it were served or refused. Of more than 16 jobs
the queues of what the changed renders pass are merged, so that jobs which could run nowhere are not
met at all. A start costs the depth of its branch in replacements in heaps, and the tries of
:mod:`afanasy.core.place.placing`.

Worked example: ``/film`` (priority 99, runs 3) and ``/ad`` (priority 99, runs 1) share one free
slot. Needs are 1.1^99 / 4 and 1.1^99 / 2, so ``/ad`` is served; in it anna runs 1 task and berta
none: the slot is berta's, though she may run ten in ``/film``.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush, heapreplace

from afanasy.core.place import job_queue, shares
from afanasy.core.place.checks import branches_blocked, user_blocked
from afanasy.core.place.placing import Placing
from afanasy.core.place.shares import Share
from afanasy.core.place.turns import Turn, child_turn, job_turn
from afanasy.core.state import Branch, Farm, Job
from afanasy.model.clock import Now


class _Place:
    """A place of the tree in this pass: a branch or a user in a branch, and who waits there."""

    __slots__ = ("_heap", "_jobs", "_next", "of")

    def __init__(
        self, of: Branch | Share, heap: list[tuple[Turn, Branch | Share | Job]], jobs: Iterator[Job]
    ) -> None:
        self.of = of
        heapify(heap)
        self._heap = heap
        #: Jobs by their turns; the next one joins the heap when no other is before it.
        self._jobs = jobs
        self._next = next(jobs, None)

    def first(self) -> Branch | Share | Job | None:
        """Whose turn it is; None when nobody is left."""
        heap, job = self._heap, self._next
        if job is not None and (not heap or job.turn < heap[0][0]):
            heappush(heap, (job.turn, job))
            self._next = next(self._jobs, None)
        return heap[0][1] if heap else None

    def drop(self) -> None:
        """The first one can start nothing in this pass."""
        heappop(self._heap)

    def served(self, turn: Turn) -> None:
        """The first one started a task; this is its turn now."""
        heapreplace(self._heap, (turn, self._heap[0][1]))


class TreePass(Placing):
    """One placement pass by the tree."""

    def __init__(self, farm: Farm, now: Now) -> None:
        super().__init__(farm, now)
        shares.settle(farm)
        self.root = farm.branches["/"]
        self.places: dict[Branch | Share, _Place] = {}
        self.fresh_of: dict[Share, list[Job]] = {}
        for job in farm.fresh_jobs.values():
            if job.share is not None:
                self.fresh_of.setdefault(job.share, []).append(job)

    def run(self) -> int:
        """Start what can start; returns how many tasks."""
        started = 0
        while (self.changed or self.anywhere) and self._start_one():
            started += 1
        return started

    def _start_one(self) -> bool:
        """Start the one task whose turn it is, if any can start."""
        if branches_blocked((self.root,)) is not None:
            return False
        way = [self._place_of(self.root)]
        while way:
            place = way[-1]
            child = place.first()
            if child is None:
                way.pop()
                if way:
                    way[-1].drop()
            elif isinstance(child, Job):
                if self._start_job(child):
                    self._count(way, child)
                    return True
                place.drop()
            elif self._blocked(child):
                place.drop()
            else:
                way.append(self._place_of(child))
        return False

    @staticmethod
    def _blocked(child: Branch | Share) -> bool:
        if isinstance(child, Branch):
            return branches_blocked((child,)) is not None
        return child.user is not None and user_blocked(child.user) is not None

    def _start_job(self, job: Job) -> bool:
        user = job.user
        if user_blocked(user) is not None:
            return False
        everything = self.farm.fresh_all or user.name in self.fresh_users
        return self.try_job(user, job, fresh=everything or self.is_fresh(job))

    def _count(self, way: list[_Place], job: Job) -> None:
        """A task of the job was started, down this way."""
        farm, share = self.farm, job.share
        assert share is not None, f"job {job.serial} is in no share"
        farm.solve_counter += 1
        job.solved = job.user.solved = share.solved = farm.solve_counter
        turn = job_turn(job, share)
        for place in reversed(way):
            place.served(turn)
            of = place.of
            of.solved = farm.solve_counter
            parent = of.parent if isinstance(of, Branch) else of.branch
            if parent is not None:
                turn = child_turn(of, parent)

    def _place_of(self, of: Branch | Share) -> _Place:
        place = self.places.get(of)
        if place is None:
            place = self.places[of] = self._open(of)
        return place

    def _open(self, of: Branch | Share) -> _Place:
        if isinstance(of, Share):
            return _Place(of, [], self._candidates(of))
        heap: list[tuple[Turn, Branch | Share | Job]] = [
            (child_turn(child, of), child) for child in of.hungry.values()
        ]
        heap += [
            (child_turn(share, of), share)
            for share in of.hungry_shares.values()
            if share.user is not None
        ]
        jobs = of.hungry_shares.get(shares.ALL)
        return _Place(of, heap, self._candidates(jobs) if jobs is not None else iter(()))

    def _candidates(self, share: Share) -> Iterator[Job]:
        """Jobs by their turns, without those that ask for what no render in question has."""
        farm, user = self.farm, share.user
        if len(share.queue) <= job_queue.SHORT:
            return iter(list(share.queue))
        name = user.name if user is not None else ""
        if farm.fresh_all or name in self.fresh_users:
            passed = job_queue.could_start(farm, share.by_fits)
            still = self.still(name, fresh=True)
            return job_queue.candidates(share.by_fits, passed, (), still, shares.by_turn)
        fresh = self.fresh_of.get(share, [])
        if user is None and self.fresh_users:
            of_users = [
                job
                for one in self.fresh_users.values()
                for fits in job_queue.could_start(farm, one.by_fits)
                for job in one.by_fits[fits]
                if job.share is share
            ]
            fresh = [*fresh, *of_users]
        still = self.still(name, fresh=False)
        return job_queue.candidates(share.by_fits, self.passed, fresh, still, shares.by_turn)
