"""Pre commands under random events: nothing starts before them, and nobody waits for nothing.

A hypothesis state machine. The harness recounts after every event who waits for which task of the
system job; a model beside it knows what is owed to whom, by what it saw: results, edits, skips.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from afanasy.core import events
from afanasy.core.effects import Start
from afanasy.core.settings import Chosen
from afanasy.core.state import Job, Run
from afanasy.core.system.system_state import PRE_COMMANDS
from afanasy.core.tasks import OPEN
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm

HOSTS = ["a", "b"]
some = st.integers(0, 10**6)
texts = st.sampled_from(["", "one", "two"])


class PreMachine(RuleBasedStateMachine):
    """Random stories of jobs with pre commands, on few places."""

    def __init__(self) -> None:
        super().__init__()
        self.farm = StoryFarm()
        #: (serial, block number or -1) whose pre command has not ended well.
        self.owed: set[tuple[int, int]] = set()
        self.names = 0

    # -- helpers

    def jobs(self) -> list[Job]:
        return [job for job in self.farm.core.jobs.values() if not job.system]

    def pick(self, number: int) -> Job:
        jobs = self.jobs()
        return jobs[number % len(jobs)]

    def owner(self, task: int) -> tuple[int, int] | None:
        """Who waits for a task of the system job."""
        owner = self.farm.core.system.owners.get(task)
        if owner is None:
            return None
        return (owner.serial, -1) if isinstance(owner, Job) else (owner.job.serial, owner.num)

    def stopping(self) -> dict[int, tuple[int, int]]:
        """Runs of pre commands that are being skipped or set done, and to whom they are owed."""
        found: dict[int, tuple[int, int]] = {}
        for run in self.farm.core.runs.values():
            mine = run.current and run.block.job.system and run.block.num == PRE_COMMANDS
            owner = self.owner(run.task) if mine else None
            if owner is not None and run.stop_cause in ("skip", "set done"):
                found[run.id] = owner
        return found

    def lost(self, before: dict[int, tuple[int, int]]) -> None:
        """What was being skipped is skipped when its host is given up."""
        for run_id, owner in before.items():
            run = self.farm.core.runs.get(run_id)
            if run is None or not run.current:
                self.owed.discard(owner)

    def settle(self) -> None:
        """What the model and the farm say must be the same."""
        waits = {
            (job.serial, num)
            for job in self.jobs()
            for num, owner in ((-1, job), *((b.num, b) for b in job.blocks))
            if owner.pre is not None
        }
        alive = {(serial, num) for serial, num in self.owed if serial in self.farm.core.jobs}
        assert waits == alive
        self.owed = alive

    # -- rules

    @initialize()
    def begin(self) -> None:
        chosen = self.farm.core.settings.chosen
        chosen["af_command_pre"] = Chosen(True, "test@test", 1)
        chosen["af_sysjob_tasksmax"] = Chosen(2, "test@test", 1)
        self.farm.core.changes.settings = True
        self.come(HOSTS[0])

    @rule(host=st.sampled_from(HOSTS))
    def come(self, host: str) -> None:
        if host not in self.farm.core.renders or not self.farm.core.renders[host].link:
            known = self.farm.core.renders.get(host)
            runs = [] if known is None else list(known.runs)
            claims = [events.HeldRun(run, 5.0, False) for run in runs]
            self.farm.render(host, capacity=5000, max_tasks=3, runs=claims)

    @rule(host=st.sampled_from(HOSTS), how=st.sampled_from(["drop", "bye", "lose"]))
    def go(self, host: str, how: str) -> None:
        render, before = self.farm.core.renders.get(host), self.stopping()
        if render is not None and render.link:
            if how == "bye":
                self.farm.bye(render)
            else:
                self.farm.drop_link(render)
            if how == "lose":
                self.farm.render(host, capacity=5000, max_tasks=3, boot_id=f"boot {self.names}")
                self.names += 1
        self.lost(before)
        self.settle()

    @rule(of_job=texts, of_blocks=st.lists(texts, min_size=1, max_size=2), offline=st.booleans())
    @precondition(lambda self: len(self.jobs()) < 4)
    def submit(self, of_job: str, of_blocks: list[str], offline: bool) -> None:
        blocks: list[dict[str, Any]] = [{"command_pre": text} for text in of_blocks]
        job = self.farm.submit(blocks=blocks, job={"command_pre": of_job, "offline": offline})
        owners = enumerate([of_job, *of_blocks], -1)
        self.owed |= {(job.serial, num) for num, text in owners if text}
        self.settle()

    @rule()
    def solve(self) -> None:
        self.farm.solve()
        for effect in self.farm.take(Start):
            block = effect.run.block
            if not block.job.system:
                assert not {(block.job.serial, -1), (block.job.serial, block.num)} & self.owed
        assert self.farm.solve() == 0
        self.settle()

    @rule(number=some, status=st.sampled_from([RunEnd.SUCCESS, RunEnd.ERROR, RunEnd.KILLED]))
    def end(self, number: int, status: RunEnd) -> None:
        runs: list[Run] = list(self.farm.core.runs.values())
        if not runs:
            return
        run = runs[number % len(runs)]
        mine = run.block.job.system and run.block.num == PRE_COMMANDS
        owner = self.owner(run.task) if mine and run.current else None
        counts = status == RunEnd.SUCCESS and run.stop_cause not in ("restart", "max run time")
        self.farm.finish(run, status)
        if owner is not None and (counts or run.stop_cause in ("skip", "set done")):
            self.owed.discard(owner)
        self.settle()

    @rule(number=some, text=texts, block=st.booleans())
    @precondition(lambda self: self.jobs())
    def edit(self, number: int, text: str, block: bool) -> None:
        job = self.pick(number)
        if job.deleting:
            self.farm.refused(events.EditJob(job.serial, {"command_pre": text}), "deleting")
            return
        num = number % len(job.blocks) if block else -1
        owner = job.blocks[num] if block else job
        system = self.farm.core.jobs[0].blocks[PRE_COMMANDS]
        running = owner.pre is not None and system.code(max(0, owner.pre.task)) in OPEN
        running = running and owner.pre is not None and owner.pre.task >= 0
        self.farm.edit(owner, command_pre=text)
        if not text and not running:
            self.owed.discard((job.serial, num))
        self.settle()

    @rule(number=some, operation=st.sampled_from(
        ["start", "pause", "restart", "restart_pause", "restart_errors", "delete", "stop"]
    ))  # fmt: skip
    @precondition(lambda self: self.jobs())
    def operate(self, number: int, operation: str) -> None:
        job = self.pick(number)
        if job.deleting and operation != "delete":
            self.farm.refused(events.OperateJob(job.serial, operation), "deleting")
            return
        self.farm.operate(job, operation)
        if operation in ("restart", "restart_errors"):
            assert job.pre is None or not job.pre.failed
        self.settle_deleting()

    @rule(number=some, operation=st.sampled_from(
        ["skip", "done", "restart", "suspend", "continue", "restart_errors"]
    ))  # fmt: skip
    def operate_system(self, number: int, operation: str) -> None:
        block = self.farm.core.jobs[0].blocks[PRE_COMMANDS]
        if block.tasks_num:
            task = number % block.tasks_num
            owner = self.owner(task)
            ends = operation in ("skip", "done") and block.code(task) not in OPEN
            self.farm.operate_tasks(block, operation, task)
            if owner is not None and ends:
                self.owed.discard(owner)
        self.settle_deleting()

    def settle_deleting(self) -> None:
        """What is not running of a job that is being deleted is dropped."""
        for job in self.jobs():
            if job.deleting:
                for num, owner in ((-1, job), *((b.num, b) for b in job.blocks)):
                    if owner.pre is None:
                        self.owed.discard((job.serial, num))
        self.settle()

    @rule(seconds=st.sampled_from([1.0, 5.0, 90.0, 700.0, 2000.0]))
    def wait(self, seconds: float) -> None:
        before = self.stopping()
        self.farm.wait(seconds)
        self.lost(before)
        self.settle_deleting()

    @rule()
    def restart_server(self) -> None:
        self.farm.check_restored()
        self.farm.restart_server()
        self.settle()

    @rule()
    def all_ends(self) -> None:
        """With hosts that are well, whoever is not paused gets through, or says that it failed."""
        for host in HOSTS:
            self.come(host)
        for _ in range(8):
            self.farm.wait(5)
            self.solve()
            for run in list(self.farm.core.runs.values()):
                number = list(self.farm.core.runs.values()).index(run)
                self.end(number, RunEnd.SUCCESS)
        for job in self.jobs():
            for owner in (job, *job.blocks):
                suspended = owner.pre is not None and owner.pre.failed
                first = owner is not job and job.pre is not None
                assert owner.pre is None or suspended or first or job.off, owner

    def teardown(self) -> None:
        self.farm.check_restored()


TestPreMachine = PreMachine.TestCase
