"""Who is tried again when a run ends: those whom a limit kept away, and nobody else.

That nobody is missed, and that nothing is served in another order, is compared with the plain way:
a twin farm that tries everything everywhere in each pass.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afanasy.core.effects import Stop
from afanasy.core.place import job_queue, placing
from afanasy.core.run import runs
from afanasy.core.state import Job, Run
from harness.branches import edit_branch, share_by
from harness.farm import StoryFarm

WHERE = ["user", "branch", "job", "block"]


def limit(farm: StoryFarm, job: Job, where: str, **limits: int) -> None:
    if where == "user":
        farm.edit(job.user.name, **limits)
    elif where == "branch":
        edit_branch(farm, "/", **limits)
    else:
        farm.edit(job if where == "job" else job.blocks[0], **limits)


def is_woken(farm: StoryFarm) -> bool:
    core = farm.core
    return bool(core.fresh_jobs or core.fresh_users or core.fresh_fits or core.fresh_all)


@pytest.mark.parametrize("where", WHERE)
def test_an_end_below_a_limit_wakes_nobody(farm: StoryFarm, where: str) -> None:
    farm.render("a", capacity=4000, max_tasks=4)
    job = farm.submit(50)
    limit(farm, job, where, max_running_tasks=5, max_running_tasks_per_host=5)
    run, *_ = farm.start(4)
    with farm.batch():
        farm.finish(run)
        assert not is_woken(farm)
        assert list(farm.core.fresh_renders) == ["a"]
    farm.start(1)


@pytest.mark.parametrize("where", WHERE)
def test_an_end_at_a_limit_wakes_whom_it_kept_away(farm: StoryFarm, where: str) -> None:
    """On every host, and not before the counter is below the limit."""
    farm.render("a", capacity=4000, max_tasks=4)
    farm.render("b", capacity=4000, max_tasks=4)
    job = farm.submit(50)
    first, second, *_ = farm.start(8)
    limit(farm, job, where, max_running_tasks=7)
    farm.start(0)
    with farm.batch():
        farm.finish(first)
        assert not is_woken(farm)
        farm.start(0)
        farm.finish(second)
        assert is_woken(farm)
    farm.start(1)


@pytest.mark.parametrize("where", WHERE)
def test_an_end_at_a_limit_of_a_host_wakes_for_that_host(farm: StoryFarm, where: str) -> None:
    farm.render("a", capacity=4000, max_tasks=4)
    farm.render("b", capacity=4000, max_tasks=4)
    job = farm.submit(50)
    limit(farm, job, where, max_running_tasks_per_host=1)
    run, _ = farm.start(2)
    with farm.batch():
        farm.finish(run)
        assert not is_woken(farm)
        assert list(farm.core.fresh_renders) == [run.render.name]
    farm.start(1)


def test_a_limit_of_a_host_wakes_it_although_nothing_of_it_is_free() -> None:
    farm = StoryFarm()
    farm.render("a", capacity=4000, max_tasks=4)
    limit(farm, farm.submit(50), "job", max_running_tasks_per_host=1)
    (run,) = farm.start(1)
    farm.core.fresh_renders.clear()
    runs.give_back_counters(farm.core, run)
    assert list(farm.core.fresh_renders) == ["a"]


@pytest.mark.parametrize("where", WHERE)
def test_a_lost_run_gives_a_host_below_its_limit_back(farm: StoryFarm, where: str) -> None:
    """Its process may live on: nothing of the host itself is free, only the limit's count."""
    render = farm.render("a", capacity=4000, max_tasks=4)
    job = farm.submit(50, capacity=100)
    limit(farm, job, where, max_running_tasks_per_host=1)
    (run,) = farm.start(1)
    farm.drop_link(render)
    farm.wait(600)
    assert not run.current
    farm.come_back("a", run)
    farm.take(Stop, 1)
    farm.start(1)


@pytest.mark.parametrize("branches", [False, True])
@pytest.mark.parametrize("where", ["user", "branch"])
def test_jobs_that_fit_nowhere_are_not_met(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch, where: str, branches: bool
) -> None:
    farm.render("a", capacity=3000, max_tasks=3)
    if branches:
        share_by(farm)
    with farm.batch():
        for number in range(200):
            farm.submit(1, name=f"w{number}", hosts_mask=f"nobody{number % 9}")
        job = farm.submit(50)
    limit(farm, job, where, max_running_tasks=2)
    run, _ = farm.start(2)
    tries: list[object] = []
    real = placing.Placing.try_job

    def try_job(self: placing.Placing, *rest: Any, **more: Any) -> bool:
        tries.append(rest)
        return real(self, *rest, **more)

    monkeypatch.setattr(placing.Placing, "try_job", try_job)
    farm.finish(run)
    farm.start(1)
    assert len(tries) <= 3


@pytest.mark.parametrize("few", [1, 1000])
def test_what_could_start_by_renders_or_by_what_is_asked_for(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Both ways to find it find the same."""
    monkeypatch.setattr(job_queue, "SHORT", few)
    farm.render("a", capacity=1000, max_tasks=1)
    farm.render("b", capacity=4000, max_tasks=4)
    farm.render("c", capacity=4000, max_tasks=4)
    with farm.batch():
        for mask in ("a", "b", "c", "[ab]", "none", ""):
            farm.submit(3, name=f"on {mask}", hosts_mask=mask, offline=True)
    for name in ("on a", "on b", "on c", "on [ab]", "on none", "on "):
        farm.operate(farm.core.jobs_by_name[name], "start")
    farm.core.open_renders.pop("a")
    user = farm.core.users["anna"]
    passed = job_queue.could_start(farm.core, user.by_fits)
    found = {job.spec.name for fits in passed for job in user.by_fits[fits]}
    assert found == {"on b", "on c", "on [ab]", "on "}
    farm.core.open_renders["a"] = farm.core.renders["a"]
    farm.start()
    farm.effects.clear()


# ------------------------------------------------------------------------- against the plain way

small = st.sampled_from([-1, -1, -1, 0, 1, 2, 3])
limits = st.fixed_dictionaries(
    {}, optional={"max_running_tasks": small, "max_running_tasks_per_host": small}
)
masks = st.sampled_from(["", "", "r0", "r[01]", "nobody"])


def block_of(of_block: dict[str, int], mask: str) -> dict[str, Any]:
    return {"frames": 2, "capacity": 600, "hosts_mask": mask, **of_block}


class Twins:
    """Two farms to which the same happens; the second one tries everything in every pass."""

    def __init__(self, *, branches: bool) -> None:
        self.farms = StoryFarm(), StoryFarm()
        self.runs: tuple[list[Run], list[Run]] = [], []
        for farm in self.farms:
            for number in range(3):
                farm.render(f"r{number}", capacity=3000, max_tasks=3 + number)
            if branches:
                share_by(farm, "/b0", "/b1")

    def start(self) -> None:
        ours, plain = self.farms
        plain.core.fresh_all = True
        plain.core.fresh_renders.update(plain.core.open_renders)
        new = ours.start(), plain.start()
        told = [
            [(run.block.job.serial, run.block.num, run.task, run.render.name) for run in found]
            for found in new
        ]
        assert told[0] == told[1]
        self.runs[0].extend(new[0])
        self.runs[1].extend(new[1])

    def end(self, place: int, *, failed: bool) -> None:
        for farm, running in zip(self.farms, self.runs, strict=True):
            if running:
                run = running.pop(place % len(running))
                farm.fail(run) if failed else farm.finish(run)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_nobody_is_missed_and_the_order_stays(data: st.DataObject) -> None:
    branches = data.draw(st.booleans())
    twins = Twins(branches=branches)
    jobs = 0
    for _ in range(data.draw(st.integers(1, 25))):
        verb = data.draw(
            st.sampled_from(["submit", "submit", "end", "end", "end", "fail", "edit", "wait"])
        )
        place = data.draw(st.integers(0, 10**6))
        if verb == "submit":
            # Beyond SHORT jobs queues are merged by what jobs ask for.
            many = data.draw(st.sampled_from([1, 1, 20]))
            blocks = data.draw(st.lists(st.builds(block_of, limits, masks), min_size=1, max_size=3))
            more = data.draw(limits)
            user = data.draw(st.sampled_from(["anna", "bob"]))
            for farm in twins.farms:
                with farm.batch():
                    for number in range(jobs, jobs + many):
                        farm.submit(
                            blocks=blocks, user=user, job={**more, "branch": f"/b{number % 2}"},
                            name=f"job{number}",
                        )  # fmt: skip
            jobs += many
        elif verb == "edit":
            where = data.draw(st.sampled_from(WHERE))
            more = data.draw(limits)
            if jobs:
                for farm in twins.farms:
                    limit(farm, farm.core.jobs_by_name[f"job{place % jobs}"], where, **more)
        elif verb == "wait":
            for farm in twins.farms:
                farm.wait(2)
        else:
            twins.end(place, failed=verb == "fail")
        if data.draw(st.booleans()):
            twins.start()
    twins.start()
    for farm in twins.farms:
        farm.effects.clear()
        farm.close()
