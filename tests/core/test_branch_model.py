"""``af_solve_branches`` against a model that computes everything anew (SEMANTICS 3.2, 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from afanasy.core import events
from afanasy.core.state import Branch, Job, Run, User
from afanasy.core.tasks import Code
from harness.branches import edit_branch, share_by
from harness.farm import StoryFarm


class Model:
    """The rules of SEMANTICS 3.2 and 3.3 as they are written, everything computed anew."""

    def __init__(self, farm: StoryFarm) -> None:
        self.farm = farm.core
        self.jobs: list[Job] = []
        self.left: dict[Job, int] = {}
        self.running: list[Run] = []
        self.clock = 0
        #: Of branches, jobs, and (user, branch).
        self.solved: dict[object, int] = {}

    def came(self, job: Job) -> None:
        """A job is new in its branch."""
        key = (job.user, job.branch)
        others = [other for other in self.jobs if (other.user, other.branch) == key]
        before = self.solved.get(key, 0) if others else 0
        self.solved[key] = max(before, self.solved.get(job, 0))
        if job not in self.left:
            self.left[job] = job.blocks[0].counts[Code.READY]
        self.jobs.append(job)

    def moves(self, job: Job) -> None:
        """It is about to be moved elsewhere."""
        self.jobs.remove(job)

    def started(self, run: Run) -> None:
        job = run.block.job
        self.running.append(run)
        self.left[job] -= 1
        self.clock += 1
        assert job.branch is not None
        for key in (job, (job.user, job.branch), *job.branch.upwards()):
            self.solved[key] = self.clock

    def first(self) -> Job | None:
        """The job that gets the next task."""
        return self._in_branch(self.farm.branches["/"])

    def _runs(self, which: Callable[[Job], bool], by: str) -> int:
        runs = [run for run in self.running if which(run.block.job)]
        return sum(run.capacity for run in runs) if by == "solve_capacity" else len(runs)

    def _key(
        self, branch: Branch, priority: int, created: int, taken: int, node: object
    ) -> tuple[float, int, int]:
        solved = self.solved.get(node, 0)
        if branch.spec.solve_method == "solve_order":
            return (-priority, created, solved)
        return (-(1.1**priority) / (taken + 1), 0, solved)

    def _in_branch(self, branch: Branch) -> Job | None:
        spec = branch.spec
        if spec.paused or 0 <= spec.max_running_tasks <= self._runs(_below(branch), ""):
            return None
        by = spec.solve_need
        found: list[tuple[tuple[float, int, int], int, str | int, Callable[[], Job | None]]] = []
        for child in branch.children.values():
            taken = self._runs(_below(child), by)
            key = self._key(branch, child.spec.priority, 0, taken, child)
            found.append((key, 0, child.path, lambda child=child: self._in_branch(child)))
        here = [job for job in self.jobs if job.branch is branch]
        if spec.solve_jobs:
            for job in here:
                taken = self._runs(lambda other, job=job: other is job, by)
                creation = job.spec.time_creation
                key = self._key(branch, job.spec.priority, creation, taken, job)
                found.append((key, 1, job.serial, lambda job=job: self._if_it_can(job)))
        else:
            for user in {job.user.name: job.user for job in here}.values():
                taken = self._runs(_of(user, branch), by)
                key = self._key(branch, user.spec.priority, 0, taken, (user, branch))
                mine = [job for job in here if job.user is user]
                found.append((key, 1, user.name, lambda user=user, mine=mine: self._of(user, mine)))
        for *_, look in sorted(found, key=lambda one: one[:3]):
            job = look()
            if job is not None:
                return job
        return None

    def _of(self, user: User, jobs: list[Job]) -> Job | None:
        def key(job: Job) -> tuple[float, int, int]:
            if user.spec.solve_method == "solve_priority":
                taken = self._runs(lambda other: other is job, user.spec.solve_need)
                weight = 1.1**job.spec.priority
                return (-weight / (taken + 1), self.solved.get(job, 0), job.serial)
            return (-job.spec.priority, job.order, job.serial)

        return next((job for job in sorted(jobs, key=key) if self._if_it_can(job)), None)

    def _if_it_can(self, job: Job) -> Job | None:
        user = job.user
        limit = user.spec.max_running_tasks
        if not self.left[job] or 0 <= limit <= self._runs(lambda other: other.user is user, ""):
            return None
        for render in self.farm.renders.values():
            taken = sum(run.render is render for run in self.running)
            mask = job.blocks[0].spec.hosts_mask
            if taken < render.max_tasks and mask in ("", render.name):
                return job
        return None


def _below(branch: Branch) -> Callable[[Job], bool]:
    return lambda job: job.branch is not None and branch in job.branch.upwards()


def _of(user: User, branch: Branch) -> Callable[[Job], bool]:
    return lambda job: job.user is user and job.branch is branch


PATHS = ("/", "/x", "/x/y", "/z")
USERS = ("anna", "berta", "carla")
METHODS = st.sampled_from(["solve_priority", "solve_order"])
NEEDS = st.sampled_from(["solve_tasksnum", "solve_capacity"])
PRIORITIES = st.sampled_from([98, 99, 99, 101, 110])
BRANCH_PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "priority": PRIORITIES,
        "solve_method": METHODS,
        "solve_need": NEEDS,
        "solve_jobs": st.booleans(),
        "max_running_tasks": st.sampled_from([-1, -1, 1, 3]),
        "paused": st.sampled_from([False, False, True]),
    },
)
USER_PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "priority": PRIORITIES,
        "solve_method": METHODS,
        "solve_need": NEEDS,
        "max_running_tasks": st.sampled_from([-1, -1, 2]),
    },
)
JOBS = st.fixed_dictionaries(
    {
        "frames": st.integers(1, 4),
        "user": st.sampled_from(USERS),
        "branch": st.sampled_from(PATHS),
        "priority": PRIORITIES,
        "capacity": st.sampled_from([1, 5]),
        "hosts_mask": st.sampled_from(["", "", "a", "b"]),
        "time_creation": st.integers(1, 2),
    }
)
STEPS = st.one_of(
    st.tuples(st.just("submit"), JOBS),
    st.tuples(st.just("finish"), st.integers(0, 9)),
    st.tuples(st.just("finish"), st.integers(0, 9)),
    st.tuples(st.just("branch"), st.sampled_from(PATHS), BRANCH_PARAMS),
    st.tuples(st.just("user"), st.sampled_from(USERS), USER_PARAMS),
    st.tuples(st.just("move"), st.integers(0, 9), st.sampled_from(PATHS)),
    st.tuples(st.just("top"), st.integers(0, 9)),
)


def two_hosts(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000, max_tasks=3)
    farm.render("b", capacity=1000, max_tasks=2)
    for user in USERS:
        farm.apply(events.AddUser(user))


def submit(farm: StoryFarm, params: dict[str, Any]) -> Job:
    members = dict(params)
    return farm.submit(members.pop("frames"), **members)


def take_step(farm: StoryFarm, step: tuple[Any, ...], jobs: list[Job], model: Model) -> None:
    match step:
        case ("submit", params):
            jobs.append(submit(farm, params))
            model.came(jobs[-1])
        case ("finish", number) if model.running:
            run = model.running.pop(number % len(model.running))
            farm.finish(run)
        case ("branch", path, params):
            branch = farm.core.branches[path]
            edit_branch(farm, path, **params)
            if "solve_jobs" in params:  # the shares are made anew of what their jobs know
                here = [job for job in model.jobs if job.branch is branch]
                for job in here:
                    model.moves(job)
                for job in here:
                    model.came(job)
        case ("user", name, params):
            farm.edit(name, **params)
        case ("move", number, path) if jobs:
            job = jobs[number % len(jobs)]
            model.moves(job)
            farm.edit(job, branch=path)
            model.came(job)
        case ("top", number) if jobs:
            job = jobs[number % len(jobs)]
            farm.apply(events.MoveJobs(job.user.name, "move_jobs_top", [job.serial]))
        case _:
            pass


@given(st.lists(JOBS, min_size=1, max_size=8), st.lists(STEPS, max_size=25), st.data())
def test_every_start_is_the_one_of_a_model_that_computes_all_anew(
    given_jobs: list[dict[str, Any]], steps: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    farm = StoryFarm()
    two_hosts(farm)
    share_by(farm, *PATHS[1:])
    for path in PATHS:
        edit_branch(farm, path, **data.draw(BRANCH_PARAMS, path))
    model = Model(farm)
    jobs: list[Job] = []
    for number, step in enumerate([("submit", given_jobs[0]), *steps]):
        if not number:
            for params in given_jobs[1:]:
                take_step(farm, ("submit", params), jobs, model)
        take_step(farm, step, jobs, model)
        for run in farm.start():
            assert run.block.job is model.first()
            model.started(run)
        assert model.first() is None
    farm.close()


def _starts(steps: list[tuple[Any, ...]], *, on: bool) -> Iterator[list[tuple[int, str]]]:
    farm = StoryFarm()
    two_hosts(farm)
    share_by(farm, on=on)
    model = Model(farm)
    jobs: list[Job] = []
    for step in steps:
        take_step(farm, step, jobs, model)
        runs = farm.start()
        for run in runs:
            model.started(run)
        yield [(run.block.job.serial, run.render.name) for run in runs]
    farm.close()


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("submit"), JOBS.map(lambda job: {**job, "branch": "/"})),
            st.tuples(st.just("finish"), st.integers(0, 9)),
            st.tuples(st.just("user"), st.sampled_from(USERS), USER_PARAMS),
            st.tuples(st.just("top"), st.integers(0, 9)),
        ),
        max_size=30,
    )
)
def test_without_branches_nothing_differs(steps: list[tuple[Any, ...]]) -> None:
    """A farm whose jobs are all in the root shares the same way, on or off."""
    assert list(_starts(steps, on=True)) == list(_starts(steps, on=False))
