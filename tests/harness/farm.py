"""A farm in memory that reads like a story.

``farm.render("a", capacity=2500)``, ``farm.submit(frames=3)``, ``farm.start(2)``,
``farm.take(Stop, 1)``. Time stands still until ``farm.wait(seconds)``. Every event is a batch of
its own, unless it stands in ``with farm.batch():``. After every batch the invariants are recounted,
and every start is checked to be stored with it; :meth:`StoryFarm.close` checks that no effect was
left untaken and that the state restored from the rows equals the live one.
"""

from __future__ import annotations

import copy
import copyreg
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from afanasy.core import events
from afanasy.core.effects import Acknowledge, Effect, Note, Start, Welcome
from afanasy.core.invariants import snapshot, validate
from afanasy.core.job.operations import Outcome
from afanasy.core.job.submit import found_system_job
from afanasy.core.place.solve import solve
from afanasy.core.reactor import apply
from afanasy.core.restore import restore
from afanasy.core.rows import take_rows
from afanasy.core.state import Block, Farm, Job, Matcher, Render, Run
from afanasy.core.tasks import Code, TaskColumns, st_of
from afanasy.core.why.explain import Explanation, explain
from afanasy.model.attributes import BlockSpec, JobSpec, TaskSpec
from afanasy.model.clock import Now
from afanasy.model.errors import UserError
from afanasy.model.states import RunEnd, job_state_text
from afanasy.sim.compare import differences
from afanasy.sim.tables import TableStore

E = TypeVar("E", bound=Effect)


def _copied_columns(columns: TaskColumns) -> tuple[Any, ...]:
    """How :mod:`copy` makes columns, which are views of memory."""
    count = columns.count
    return _columns, (count, columns.pack(0, count))


def _columns(count: int, data: bytes) -> TaskColumns:
    columns = TaskColumns(count)
    columns.unpack(0, count, data)
    return columns


def full_match(mask: str, name: str) -> bool:
    return re.fullmatch(mask, name) is not None


def slow_on(mask: str, ending: str = "") -> Matcher:
    """A matcher for which the mask takes too long on names with the ending."""
    return lambda m, name: None if m == mask and name.endswith(ending) else full_match(m, name)


class StoryFarm:
    """A live core, a clock that obeys, and a store of dicts."""

    def __init__(self, *, epoch: int = 1) -> None:
        self.now = Now(1000.0, 1_800_000_000.0)
        self.core = Farm("test-farm", epoch, full_match, serving_mono=self.now.mono)
        self.store = TableStore()
        self.links = 0
        self.batching = False
        found_system_job(self.core, self.now)
        self.effects: list[Effect] = []
        self._settle_batch()

    # -- events

    def apply(self, event: events.Event) -> Any:
        """One event, without solving."""
        try:
            return apply(self.core, event, self.now)
        finally:
            self._settle_batch()

    def refused(self, event: events.Event, code: str = "") -> UserError:
        """An event that must be refused, and must have changed nothing."""
        before, effects = snapshot(self.core), list(self.core.effects)
        with pytest.raises(UserError) as caught:
            self.apply(event)
        assert snapshot(self.core) == before, f"a refused event was half applied: {event}"
        assert self.core.effects == effects
        if code:
            assert caught.value.code == code, caught.value.sentence()
        return caught.value

    def solve(self) -> int:
        started = solve(self.core, self.now)
        self._settle_batch()
        return started

    def wait(self, seconds: float) -> None:
        """Let time pass; every deadline on the way is served when it comes."""
        end = self.now.mono + seconds
        while True:
            due = self.core.next_deadline()
            if due is None or due > end:
                break
            self._move(max(due, self.now.mono))
            self.apply(events.Tick())
        self._move(end)

    def _move(self, mono: float) -> None:
        self.now = Now(mono, self.now.wall + mono - self.now.mono)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Everything inside is stored at once."""
        self.batching = True
        try:
            yield
        finally:
            self.batching = False
            self._settle_batch()

    def _settle_batch(self) -> None:
        if self.batching:
            return
        rows = take_rows(self.core)
        stored = {row[0] for row in rows.upserts.get("open_runs", ())}
        for effect in self.core.effects:
            if isinstance(effect, Start) and effect.run.id in self.core.runs:
                assert effect.run.id in stored, f"a start that is not stored: {effect}"
        self.effects += self.core.effects
        self.core.effects.clear()
        self.store.write(rows)
        validate(self.core, self.now)

    # -- builders

    def render(self, name: str = "a", **more: Any) -> Render:
        """A render comes online."""
        self.links += 1
        more.setdefault("instance", f"instance of {name}")
        more.setdefault("boot_id", "boot 1")
        more.setdefault("user_name", "anna")
        self.apply(events.RenderHello(link=self.links, name=name, **more))
        return self.core.renders[name]

    def submission(
        self,
        frames: int = 1,
        *,
        user: str = "anna",
        name: str = "job",
        blocks: list[dict[str, Any]] | None = None,
        commands: list[str] | None = None,
        job: dict[str, Any] | None = None,
        **more: Any,
    ) -> events.Submit:
        """A job with one numeric block of ``frames`` tasks, or with the given blocks.

        Members of :class:`JobSpec` go to the job, others to the block; those that both have (as
        ``depend_mask``) go to the block, or stand in ``job``.
        """
        job_members = {k: more.pop(k) for k in list(more) if k in JobSpec.__struct_fields__
                       and k not in BlockSpec.__struct_fields__}  # fmt: skip
        given = blocks or [{"frames": frames, "commands": commands, **more}]
        submitted = [
            self.block(**{"name": f"block{n}", **members}) for n, members in enumerate(given)
        ]
        job_members.update(job or {})
        spec = JobSpec(name=name, user_name=user, host_name="desk", **job_members)
        return events.Submit(spec, submitted)

    def block(
        self, frames: int = 1, commands: list[str] | None = None, **members: Any
    ) -> events.BlockSubmission:
        """A block as it is submitted: numeric, or a list of ``commands``."""
        if commands is not None:
            tasks = [TaskSpec(name=text, command=text) for text in commands]
            return events.BlockSubmission(BlockSpec(**members), tasks)
        members["flags"] = members.get("flags", 0) | 1
        members.setdefault("frame_first", 1)
        members.setdefault("frame_last", frames)
        return events.BlockSubmission(BlockSpec(**members))

    def submit(self, frames: int = 1, **more: Any) -> Job:
        """The job of :meth:`submission`."""
        return self.apply(self.submission(frames, **more))

    # -- what people do

    def operate(self, job: Job, operation: str, **more: Any) -> Outcome:
        """An operation on a job."""
        return self.apply(events.OperateJob(job.serial, operation, **more))

    def operate_tasks(
        self, block: Block, operation: str, *tasks: int | range, **more: Any
    ) -> Outcome:
        """An operation on a block, or on some of its tasks."""
        parts = [range(t, t + 1) if isinstance(t, int) else t for t in tasks] or None
        event = events.OperateBlocks(block.job.serial, [block.num], operation, parts, **more)
        return self.apply(event)

    def edit(self, what: Job | Block | Render | str, **params: Any) -> None:
        """Edit a job, a block, a render, or the user of that name."""
        match what:
            case Job():
                self.apply(events.EditJob(what.serial, params))
            case Block():
                self.apply(events.EditBlocks(what.job.serial, [what.num], params))
            case Render():
                self.apply(events.EditRender(what.name, params))
            case _:
                self.apply(events.EditUser(what, params))

    # -- what renders say

    def finish(self, run: Run, status: int = RunEnd.SUCCESS, **more: Any) -> None:
        more.setdefault("elapsed_s", 10.0)
        self.apply(events.RunFinished(run.render.name, run.id, status, **more))

    def fail(self, run: Run, **more: Any) -> None:
        self.finish(run, RunEnd.ERROR, exit_status=1, **more)

    def progress(self, run: Run, elapsed_s: float, quiet_s: float = 0.0, **more: Any) -> None:
        more = {"percent": 10, "frame": 0, "percentframe": 10, **more}
        event = events.RunProgressed(
            run.render.name, run.id, elapsed_s=elapsed_s, quiet_s=quiet_s, **more
        )
        self.apply(event)

    def drop_link(self, render: Render) -> None:
        self.apply(events.RenderLinkLost(render.link, render.name))

    def bye(self, render: Render) -> None:
        self.apply(events.RenderBye(render.link, render.name))

    def come_back(
        self, render: Render | str, *held: Run, finished: bool = False, **more: Any
    ) -> None:
        """The agent reconnects and names the runs it holds."""
        known = self.core.renders[render if isinstance(render, str) else render.name]
        more.setdefault("instance", known.instance)
        more.setdefault("boot_id", known.boot_id)
        more.setdefault("capacity", known.capacity_flag)
        more.setdefault("max_tasks", known.max_tasks_flag)
        claims = [events.HeldRun(run.id, 5.0, finished) for run in held]
        self.render(known.name, runs=claims, **more)

    # -- looking

    def take(self, kind: type[E], n: int | None = None) -> list[E]:
        """Remove and return the effects of one kind; ``n`` checks their number."""
        found = [effect for effect in self.effects if isinstance(effect, kind)]
        self.effects = [effect for effect in self.effects if not isinstance(effect, kind)]
        if n is not None:
            assert len(found) == n, f"{n} {kind.__name__} expected, {len(found)}: {found}"
        return found

    def start(self, n: int | None = None) -> list[Run]:
        """Solve, and take the runs that were started."""
        self.solve()
        return [effect.run for effect in self.take(Start, n)]

    def state(self, block: Block, task: int = 0) -> str:
        """State words of a task."""
        flags = block.columns.flags[task] if block.columns else 0
        return job_state_text(st_of(block.code(task), flags)).strip()

    def job_state(self, job: Job) -> str:
        """State words of a job."""
        return job_state_text(job.st()).strip()

    def block_state(self, block: Block) -> str:
        """State words of a block."""
        return job_state_text(block.st()).strip()

    def codes(self, block: Block) -> list[Code]:
        return [block.code(task) for task in range(block.tasks_num)]

    def errors(self, block: Block, task: int = 0) -> int:
        """Counted errors of a task."""
        return block.columns.errors[task] if block.columns else 0

    def starts(self, block: Block, task: int = 0) -> int:
        """How often a task was started."""
        return block.columns.starts[task] if block.columns else 0

    def explain(self, block: Block, task: int = 0) -> Explanation:
        """Why a task does not run."""
        return explain(self.core, block, task, self.now)

    # -- the end

    def copy(self) -> StoryFarm:
        """This farm once more, with its clock, store and effects, for a try."""
        copyreg.pickle(TaskColumns, _copied_columns)
        return copy.deepcopy(self)

    def restored(self) -> Farm:
        """A second farm, made of what the store has."""
        matcher = self.core.matcher
        other = Farm("test-farm", self.core.epoch + 1, matcher, serving_mono=self.now.mono)
        other.utc_offset_s = self.core.utc_offset_s
        restore(other, self.store.rows(), self.now)
        validate(other, self.now)
        return other

    def check_restored(self) -> None:
        """A restored state equals the live one (R35)."""
        different = list(differences(snapshot(self.core), snapshot(self.restored())))
        assert not different, "live and restored differ: " + "; ".join(different)

    def restart_server(self) -> None:
        """The server dies and a new one takes over: epoch up, all links gone."""
        self.batching = False
        farm = self.restored()
        self.core = farm
        self.effects.clear()
        self._settle_batch()

    def job(self, serial: int) -> Job:
        """A job of the server that lives now."""
        return self.core.jobs[serial]

    def close(self) -> None:
        self.check_restored()
        for kind in (Note, Welcome, Acknowledge):
            self.take(kind)
        assert not self.effects, f"effects that nobody looked at: {self.effects}"
