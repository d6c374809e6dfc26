"""The core under random events: nothing that renders, people, time and crashes do breaks a promise.

A hypothesis state machine. After every batch the harness recounts everything and checks that each
start is stored with it; here come, besides:

* what a pass starts could be started by ``explain`` before it, and nothing that ``explain`` calls
  startable is left after it (so the two never disagree);
* no limit is exceeded by a start;
* a task has at most one run with the right to count, and a run counts at most once;
* a refused request changed nothing;
* what the store has, restored, equals the live state; and a server that dies in the middle of a
  batch goes on from the last one.

``HYPOTHESIS_PROFILE=soak pytest tests/core/test_machine.py`` runs thousands of stories.
"""

from __future__ import annotations

from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from afanasy.core import events
from afanasy.core.effects import Start
from afanasy.core.invariants import snapshot
from afanasy.core.job.operations import BLOCK_OPERATIONS, JOB_OPERATIONS, RENDER_OPERATIONS
from afanasy.core.state import Job, Run
from afanasy.core.tasks import Code
from afanasy.core.why.explain import render_reason
from afanasy.model.errors import UserError
from afanasy.model.farm_setup import FarmSetup, Limit, Pattern, ServiceRule
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm

HOSTS = ["a", "b", "c"]
USERS = ["anna", "bob"]
JOBS_MAX = 5

some = st.integers(0, 10**6)
limits = st.sampled_from([-1, -1, 0, 1, 2, 3])
tickets = st.dictionaries(st.sampled_from(["lic", "gpu"]), st.integers(-1, 2), max_size=2)
block_members = st.fixed_dictionaries(
    {"frames": st.integers(1, 12)},
    optional={
        "commands": st.lists(st.sampled_from(["true", "false"]), min_size=1, max_size=6),
        "capacity": st.sampled_from([1, 500, 1000, 1100, 5000]),
        "flags": st.sampled_from([0, 2, 1 << 4, 1 << 10]),
        "capacity_coeff_min": st.sampled_from([-1, 1, 2]),
        "capacity_coeff_max": st.sampled_from([-1, 1, 4]),
        "sequential": st.integers(-4, 4),
        "max_running_tasks": limits,
        "max_running_tasks_per_host": limits,
        "depend_mask": st.sampled_from(["", "block0", "block.*", "nobody"]),
        "tasks_depend_mask": st.sampled_from(["", "block0", "block.*"]),
        "frames_per_task": st.sampled_from([-2, 1, 3]),
        "frames_inc": st.sampled_from([1, 2]),
        "errors_retries": st.sampled_from([-1, 0, 1, 5]),
        "errors_avoid_host": st.sampled_from([-1, 0, 1]),
        "errors_task_same_host": st.sampled_from([-1, 0, 1]),
        "errors_forgive_time": st.sampled_from([-1, 0, 20]),
        "task_max_run_time": st.sampled_from([0, 5, 60]),
        "task_min_run_time": st.sampled_from([0, 5]),
        "task_progress_change_timeout": st.sampled_from([-1, 10]),
        "on_lost_render": st.sampled_from(["reschedule", "hold"]),
        "service": st.sampled_from(["generic", "nuke"]),
        "tickets": tickets,
    },
)
job_edits = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.sampled_from([0, 50, 99, 150]),
        "max_running_tasks": limits,
        "max_running_tasks_per_host": limits,
        "max_tasks_per_second": limits,
        "user_name": st.sampled_from([*USERS, "nobody"]),
        "offline": st.booleans(),
        "ignorenimby": st.booleans(),
        "time_wait": st.sampled_from([0, 1_800_000_100, 1_800_001_000]),
        "custom_data": st.sampled_from(["", "x"]),
        "depend_mask": st.sampled_from(["", "job", "job.*"]),
        "depend_mask_global": st.sampled_from(["", "job-[12]"]),
        "depend_jobs": st.lists(st.integers(0, 6), max_size=2),
    },
)
block_edits = st.fixed_dictionaries(
    {},
    optional={
        "capacity": st.sampled_from([1, 500, 1100, 9000]),
        "max_running_tasks": limits,
        "max_running_tasks_per_host": limits,
        "errors_retries": st.sampled_from([-1, 0, 5]),
        "errors_avoid_host": st.sampled_from([-1, 0, 1]),
        "errors_task_same_host": st.sampled_from([-1, 0, 1]),
        "errors_forgive_time": st.sampled_from([-1, 0, 20]),
        "depend_mask": st.sampled_from(["", "block0", "block1", "block.*"]),
        "tasks_depend_mask": st.sampled_from(["", "block0", "block1", "block.*"]),
        "sequential": st.integers(-4, 4),
        "on_lost_render": st.sampled_from(["reschedule", "hold"]),
        "task_max_run_time": st.sampled_from([0, 5]),
        "service": st.sampled_from(["generic", "nuke"]),
        "tickets": tickets,
        "name": st.sampled_from(["block0", "other"]),
        "environment": st.just({"A": "b"}),
    },
)
user_edits = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.sampled_from([0, 99, 120]),
        "paused": st.booleans(),
        "max_running_tasks": limits,
        "max_running_tasks_per_host": limits,
        "max_tasks_per_second": limits,
        "errors_retries": st.sampled_from([0, 3]),
        "errors_avoid_host": st.sampled_from([0, 1, 3]),
        "errors_forgive_time": st.sampled_from([0, 30, 18000]),
    },
)
render_edits = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.sampled_from([0, 99]),
        "paused": st.booleans(),
        "nimby": st.booleans(),
        "NIMBY": st.booleans(),
        "capacity_host": st.sampled_from([-1, 0, 400, 3000]),
        "max_tasks_host": st.sampled_from([-1, 0, 1, 6]),
        "user_name": st.sampled_from(["", *USERS]),
        "nimby_schedule": st.sampled_from(
            ["", "none", "mon-sun 08:00-08:30 NIMBY; fri 08:10-08:20 nimby", "fri 08:05-09:00 free"]
        ),
    },
)
endings = st.fixed_dictionaries(
    {
        "status": st.one_of(
            st.sampled_from([RunEnd.SUCCESS, RunEnd.ERROR]), st.sampled_from([*RunEnd, 14, 15])
        )
    },
    optional={
        "elapsed_s": st.sampled_from([0.0, 3.0, 100.0]),
        "error_class": st.sampled_from(
            ["licence", "memory", "missing_input", "scene", "storage", "crash", "bad_output"]
        ),
        "warning": st.booleans(),
        "report": st.sampled_from(["", "42 polygons"]),
    },
)


class FarmMachine(RuleBasedStateMachine):
    """Random stories of a small farm."""

    def __init__(self) -> None:
        super().__init__()
        self.farm = StoryFarm()
        #: Runs that were ever started, with their hosts; those whose end was counted.
        self.started: dict[int, str] = {}
        self.counted: set[int] = set()
        self.eager = False
        #: Starts of jobs and users since their limit per second was set: mono times.
        self.recent: dict[tuple[str, object], list[float]] = {}

    # -- helpers

    def do(self, event: events.Event) -> Any:
        """Apply, and when eager, solve; a refusal must change nothing."""
        result = self.apply(event)
        if self.eager:
            self.solve_once()
        return result

    def apply(self, event: events.Event) -> Any:
        core = self.farm.core
        if isinstance(
            event, events.RunFinished | events.RenderHello | events.RenderLinkLost | events.Tick
        ):
            return self.farm.apply(event)
        before, effects = snapshot(core), len(core.effects)
        try:
            return self.farm.apply(event)
        except UserError as error:
            note(f"refused: {error.sentence()}")
            assert snapshot(core) == before, f"half applied: {event}"
            assert len(core.effects) in (effects, 0)
        return None

    def jobs(self) -> list[Job]:
        return [job for job in self.farm.core.jobs.values() if not job.system]

    def pick_job(self, number: int) -> Job:
        jobs = self.jobs()
        return jobs[number % len(jobs)]

    def pick_run(self, number: int) -> Run | None:
        runs = list(self.farm.core.runs.values())
        return runs[number % len(runs)] if runs else None

    def startable(self) -> set[tuple[int, int, str]]:
        """(block, task, render) that nothing speaks against, by the words of ``explain``."""
        found: set[tuple[int, int, str]] = set()
        for job in self.jobs():
            for block in job.blocks:
                for task in range(block.tasks_num):
                    if block.code(task) != Code.READY:
                        continue
                    explanation = self.farm.explain(block, task)
                    if explanation.work is not None:
                        continue
                    for render in self.farm.core.renders.values():
                        reason = render_reason(self.farm.core, block, task, render, self.farm.now)
                        if reason.code == "behind_others":
                            found.add((block.key, task, render.name))
        return found

    def check_start(self, run: Run) -> None:
        """No limit is exceeded by a start."""
        block, job, user, render = run.block, run.block.job, run.block.job.user, run.render
        name = render.name
        for work, running, on in (
            (user.spec, user.running, user.running_on),
            (job.spec, job.running, job.running_on),
            (block.spec, block.running, block.running_on),
        ):
            assert work.max_running_tasks < 0 or running <= work.max_running_tasks
            per_host = work.max_running_tasks_per_host
            assert per_host < 0 or on[name] <= per_host
        assert render.link
        assert 0 <= render.capacity_used <= render.capacity
        assert render.running <= render.max_tasks
        assert not job.off
        assert not block.waiting
        assert not job.waiting_jobs
        for key, spec in ((("job", job.serial), job.spec), (("user", user.name), user.spec)):
            times = self.recent.setdefault(key, [])
            times.append(self.farm.now.mono)
            recent = [t for t in times if t + 1.0 > self.farm.now.mono]
            assert spec.max_tasks_per_second < 0 or len(recent) <= spec.max_tasks_per_second

    # -- the farm

    @initialize()
    def begin(self) -> None:
        for host, capacity in (("a", 1100), ("b", 2500)):
            self.farm.render(host, capacity=capacity)
        self.farm.submit(5, user="anna", capacity=500)

    @rule()
    def solve(self) -> None:
        self.solve_once()

    @rule(eager=st.booleans())
    def be_eager(self, eager: bool) -> None:
        """Solve after every event, as the server does when little happens."""
        self.eager = eager

    def solve_once(self) -> None:
        """A pass: what starts could start, and nothing that could is left."""
        before = self.startable()
        core = self.farm.core
        first = len(core.effects)
        batching, self.farm.batching = self.farm.batching, True
        self.farm.solve()
        runs = [effect.run for effect in core.effects[first:] if isinstance(effect, Start)]
        for run in runs:
            assert (run.block.key, run.task, run.render.name) in before
            assert run.id not in self.started
            self.started[run.id] = run.render.name
            self.check_start(run)
        self.farm.batching = batching
        self.farm._settle_batch()
        left = self.startable()
        assert not left, f"left over: {left}"
        assert self.farm.solve() == 0

    @rule()
    def begin_batch(self) -> None:
        self.farm.batching = True

    @rule()
    def end_batch(self) -> None:
        self.farm.batching = False
        self.farm._settle_batch()

    @rule(seconds=st.sampled_from([0.3, 1.0, 3.0, 16.0, 45.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.farm.wait(seconds)

    @rule()
    def restart_server(self) -> None:
        """A crash: what was not stored was told to nobody and never happened."""
        if not self.farm.batching:
            self.farm.check_restored()
        self.farm.restart_server()
        self.recent.clear()
        # An end that was not stored was confirmed to nobody; it comes again.
        self.counted -= {run.id for run in self.farm.core.runs.values() if run.current}

    # -- renders

    @rule(
        host=st.sampled_from(HOSTS), held=st.sets(some, max_size=6), number=some,
        reboot=st.booleans(), finished=st.booleans(),
        capacity=st.sampled_from([-1, 1100, 2500, 6000]), max_tasks=st.sampled_from([-1, 2, 8]),
    )  # fmt: skip
    def render_comes(
        self, host: str, held: set[int], number: int, reboot: bool, finished: bool,
        capacity: int, max_tasks: int,
    ) -> None:  # fmt: skip
        """New, back, or on a second link; with any part of its runs and some it never had."""
        farm = self.farm
        known = farm.core.renders.get(host)
        mine = list(known.runs) if known else []
        claims = {mine[n % len(mine)] for n in held} if mine else set()
        if self.started and number % 3 == 0:
            claims.add(list(self.started)[number % len(self.started)])
        farm.links += 1
        self.do(
            events.RenderHello(
                farm.links, host, f"instance of {host}", f"boot {number}" if reboot else "boot",
                "anna", capacity=capacity, max_tasks=max_tasks,
                runs=[events.HeldRun(run, 3.0, finished) for run in sorted(claims)],
            )
        )  # fmt: skip

    @rule(host=st.sampled_from(HOSTS))
    def another_instance_comes(self, host: str) -> None:
        known = self.farm.core.renders.get(host)
        if known is None or not known.link:
            return
        before = snapshot(self.farm.core)
        self.apply(events.RenderHello(99_999, host, "a stranger", "boot", "bob"))
        assert snapshot(self.farm.core) == before

    @rule(host=st.sampled_from(HOSTS), old=st.booleans(), silent_s=st.sampled_from([0.0, 16.0]))
    def link_drops(self, host: str, old: bool, silent_s: float) -> None:
        known = self.farm.core.renders.get(host)
        if known is not None:
            self.do(events.RenderLinkLost(known.link - old, host, silent_s))

    @rule(host=st.sampled_from(HOSTS))
    def render_exits(self, host: str) -> None:
        known = self.farm.core.renders.get(host)
        if known is not None and known.link:
            self.do(events.RenderBye(known.link, host))

    @rule(host=st.sampled_from(HOSTS), on=st.booleans())
    def render_drains(self, host: str, on: bool) -> None:
        self.do(events.RenderDrain(host, on))

    @rule(number=some, ending=endings)
    def run_ends(self, number: int, ending: dict[str, Any]) -> None:
        run = self.pick_run(number)
        if run is None:
            return
        current, block, task = run.current, run.block, run.task
        key = run.id
        if not current:
            before = block.code(task) if block.key in self.farm.core.blocks else None
        self.apply(events.RunFinished(run.render.name, key, **ending))
        assert key not in self.farm.core.runs
        if current:
            assert key not in self.counted, f"run {key} counted twice"
            self.counted.add(key)
        elif before is not None:
            assert block.code(task) == before, "a stale result counted"
        if self.eager:
            self.solve_once()

    @rule(number=some, ending=endings, host=st.sampled_from(HOSTS))
    @precondition(lambda self: self.started)
    def an_old_result_comes(self, number: int, ending: dict[str, Any], host: str) -> None:
        """A duplicate, a result of a run that is gone, or from a render that never had it."""
        run_id = list(self.started)[number % len(self.started)]
        run = self.farm.core.runs.get(run_id)
        if run is not None and run.render.name == host:
            return
        before = snapshot(self.farm.core)
        self.apply(events.RunFinished(host, run_id, **ending))
        assert snapshot(self.farm.core) == before

    @rule(number=some, elapsed_s=st.sampled_from([1.0, 30.0]), quiet_s=st.sampled_from([0.0, 20.0]),
          warning=st.booleans(), frame=st.integers(-1, 3))  # fmt: skip
    def run_progresses(
        self, number: int, elapsed_s: float, quiet_s: float, warning: bool, frame: int
    ) -> None:
        run = self.pick_run(number)
        if run is not None:
            self.farm.progress(run, elapsed_s, quiet_s, warning=warning, frame=frame)
            if self.eager:
                self.solve_once()

    # -- people

    @rule(user=st.sampled_from(USERS), blocks=st.lists(block_members, min_size=1, max_size=3),
          priority=st.sampled_from([99, 99, 120]), offline=st.booleans())  # fmt: skip
    def submit(self, user: str, blocks: list[dict[str, Any]], priority: int, offline: bool) -> None:
        if len(self.jobs()) >= JOBS_MAX:
            return
        event = self.farm.submission(
            user=user, blocks=[dict(block) for block in blocks], priority=priority, offline=offline
        )
        self.do(event)

    @rule(number=some, operation=st.sampled_from(sorted(JOB_OPERATIONS)))
    @precondition(lambda self: self.jobs())
    def operate_job(self, number: int, operation: str) -> None:
        job = self.pick_job(number)
        self.do(events.OperateJob(job.serial, operation, "anna"))
        if operation == "delete" and not job.running:
            assert job.serial not in self.farm.core.jobs

    @rule(
        number=some,
        operation=st.sampled_from(sorted({*BLOCK_OPERATIONS, "nonsense"})),
        parts=st.none() | st.lists(st.tuples(st.integers(-1, 12), st.integers(0, 4)), max_size=3),
        mode=st.sampled_from(["", "append", "remove", "affect_depends", "downstream"]),
    )
    @precondition(lambda self: self.jobs())
    def operate_tasks(
        self, number: int, operation: str, parts: list[tuple[int, int]] | None, mode: str
    ) -> None:
        job = self.pick_job(number)
        ranges = None if parts is None else [range(a, a + n) for a, n in parts]
        self.do(
            events.OperateBlocks(
                job.serial, [number % len(job.blocks)], operation, ranges, mode, ("nuke", 1)
            )
        )

    @rule(number=some, params=job_edits)
    @precondition(lambda self: self.jobs())
    def edit_job(self, number: int, params: dict[str, Any]) -> None:
        job = self.pick_job(number)
        self.do(events.EditJob(job.serial, params))
        if "max_tasks_per_second" in params:
            self.recent.pop(("job", job.serial), None)

    @rule(number=some, params=block_edits)
    @precondition(lambda self: self.jobs())
    def edit_block(self, number: int, params: dict[str, Any]) -> None:
        job = self.pick_job(number)
        self.do(events.EditBlocks(job.serial, [number % (len(job.blocks) + 1)], params))

    @rule(user=st.sampled_from(USERS), params=user_edits)
    def edit_user(self, user: str, params: dict[str, Any]) -> None:
        self.do(events.EditUser(user, params))
        if "max_tasks_per_second" in params:
            self.recent.pop(("user", user), None)

    @rule(user=st.sampled_from([*USERS, "carl"]), add=st.booleans())
    def add_or_delete_user(self, user: str, add: bool) -> None:
        self.do(events.AddUser(user) if add else events.DeleteUser(user))

    @rule(host=st.sampled_from([*HOSTS, "nowhere"]), params=render_edits)
    def edit_render(self, host: str, params: dict[str, Any]) -> None:
        self.do(events.EditRender(host, params))

    @rule(host=st.sampled_from(HOSTS), operation=st.sampled_from(sorted(RENDER_OPERATIONS)))
    def operate_render(self, host: str, operation: str) -> None:
        self.do(events.OperateRender(host, operation, "anna@desk"))

    @rule(mask=st.sampled_from([".*", "[ab]"]), count=limits, hosts=limits, here=st.integers(0, 2),
          there=st.booleans(), capacity=st.sampled_from([None, 0, 2000]))  # fmt: skip
    def read_farm_file(
        self, mask: str, count: int, hosts: int, here: int, there: bool, capacity: int | None
    ) -> None:
        rules = (ServiceRule("generic"), ServiceRule("nuke", here))
        pattern = Pattern("some", mask=mask, capacity=capacity, services=rules)
        setup = FarmSetup((pattern,), (Limit("nuke", count, hosts),)) if there else None
        self.do(events.SetFarmSetup(setup, "farm.xml" if there else ""))

    @rule(service=st.sampled_from(["generic", "nuke"]), count=st.none() | limits,
          hosts=st.none() | limits)  # fmt: skip
    def set_limit(self, service: str, count: int | None, hosts: int | None) -> None:
        self.do(events.SetLimit(service, count, hosts, "anna@desk"))

    @rule(on=st.booleans(), solve_jobs=st.booleans())
    def share_by_branches(self, on: bool, solve_jobs: bool) -> None:
        self.do(events.ChangeSettings({"af_solve_branches": on}, by="anna@desk"))
        self.do(events.EditBranch("/", {"solve_jobs": solve_jobs}))

    @rule(name=st.sampled_from(["lic", "gpu"]), count=limits, hosts=limits, each=st.booleans(),
          render=st.sampled_from(["", "", *HOSTS]))  # fmt: skip
    def declare_tickets(self, name: str, count: int, hosts: int, each: bool, render: str) -> None:
        pool = "" if render else "/"
        self.do(events.ChangeTickets(render, pool, name, count, each, hosts, "anna@desk"))

    @rule(mode=st.sampled_from(["service_add", "service_remove", "service_enable",
                                "service_disable", "clear_services"]),
          service=st.sampled_from(["generic", "nuke"]),
          render=st.sampled_from(["", *HOSTS]))  # fmt: skip
    def change_services(self, mode: str, service: str, render: str) -> None:
        pool = "" if render else "/"
        self.do(events.ChangeServices(render, pool, mode, service, "anna@desk"))

    @rule(number=some, block=block_members)
    @precondition(lambda self: self.jobs())
    def append_block(self, number: int, block: dict[str, Any]) -> None:
        job = self.pick_job(number)
        if len(job.blocks) < 4:
            submitted = self.farm.block(name=f"block{len(job.blocks)}", **block)
            self.do(events.AppendBlocks(job.serial, [submitted]))

    @rule(number=some, count=st.integers(0, 4))
    @precondition(lambda self: self.jobs())
    def append_tasks(self, number: int, count: int) -> None:
        job = self.pick_job(number)
        tasks = self.farm.block(commands=["more"] * count).tasks
        assert tasks is not None
        self.do(events.AppendTasks(job.serial, number % len(job.blocks), tasks))

    # -- always

    @invariant()
    def one_run_a_task(self) -> None:
        current: set[tuple[int, int]] = set()
        for run in self.farm.core.runs.values():
            if run.current:
                assert (run.block.key, run.task) not in current
                current.add((run.block.key, run.task))

    @invariant()
    def timers_do_not_pile_up(self) -> None:
        core = self.farm.core
        tasks = sum(block.tasks_num for block in core.blocks.values())
        # Lifted waits leave their timers behind until these come up; no chain may feed itself.
        assert len(core.timers) < 400 + 10 * tasks

    def teardown(self) -> None:
        self.farm.batching = False
        self.farm._settle_batch()
        self.farm.check_restored()


TestFarmMachine = FarmMachine.TestCase
