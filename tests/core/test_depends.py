"""Jobs that wait for jobs (:mod:`afanasy.core.depend.depends`), what is said about odd masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.core import events
from afanasy.core.depend import depend_warnings as depend_warnings_module
from afanasy.core.depend.depend_warnings import depend_warnings
from afanasy.core.depend.depends import blockers
from afanasy.core.effects import Stop
from afanasy.core.host.masks import literal_start
from afanasy.core.invariants import snapshot
from afanasy.core.state import Job
from afanasy.model.errors import UserError
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm, full_match, slow_on


def waiter(farm: StoryFarm, mask: str = "", name: str = "waiter", **more: Any) -> Job:
    """A job of one task with a depend mask."""
    return farm.submit(name=name, job={"depend_mask": mask, **more.pop("job", {})}, **more)


def waits(farm: StoryFarm, job: Job) -> bool:
    assert ("WDP" in farm.job_state(job)) == job.waiting_jobs
    assert not ("RDY" in farm.job_state(job) and job.waiting_jobs)
    return job.waiting_jobs


def done(farm: StoryFarm, job: Job) -> None:
    farm.operate_tasks(job.blocks[0], "done")


# ---------------------------------------------------------------------------------- who waits


def test_nobody_waits_for_nothing(farm: StoryFarm) -> None:
    assert not waits(farm, waiter(farm, "nobody"))
    assert not waits(farm, waiter(farm, ".*nobody.*"))


def test_a_job_never_waits_for_itself(farm: StoryFarm) -> None:
    job = waiter(farm, "wait.*")
    assert not waits(farm, job)
    other = farm.submit(name="wait too")
    assert waits(farm, job)
    assert not waits(farm, other)
    done(farm, other)
    assert not waits(farm, job)


def test_the_whole_name_must_match(farm: StoryFarm) -> None:
    farm.submit(name="shot_010_b")
    assert not waits(farm, waiter(farm, "shot_010"))
    assert not waits(farm, waiter(farm, "hot.*"))
    assert waits(farm, waiter(farm, "(shot|seq)_010_[ab]"))


def test_the_servers_own_job_is_nobodys_business(farm: StoryFarm) -> None:
    job = waiter(farm, "x", job={"depend_mask_global": ".*"})
    assert not waits(farm, job)
    assert not waits(farm, waiter(farm, "", name="two", job={"depend_jobs": [0]}))


def test_a_job_that_comes_later_is_waited_for(farm: StoryFarm) -> None:
    """R17: masks are live. What runs goes on, what does not run stays."""
    farm.render("a", capacity=1000)
    job = waiter(farm, "late.*", frames=2)
    run = farm.start(1)[0]
    late = farm.submit(name="late one", job={"offline": True})
    assert farm.job_state(job) == "RUN WDP"
    farm.finish(run)
    assert farm.start() == []
    done(farm, late)
    assert farm.start(1)[0].block.job is job


def test_a_dependency_that_restarts_makes_wait_again(farm: StoryFarm) -> None:
    before = farm.submit(name="before")
    job = waiter(farm, "before")
    done(farm, before)
    assert not waits(farm, job)
    farm.operate(before, "restart")
    assert waits(farm, job)
    assert farm.core.users["anna"].queue == [before]
    done(farm, before)
    done(farm, job)
    farm.operate(before, "restart")
    assert farm.job_state(job) == "DON"
    farm.operate(job, "restart")
    assert waits(farm, job)


def test_a_suspended_task_holds_and_appended_work_too(farm: StoryFarm) -> None:
    before = farm.submit(name="before", commands=["a", "b"])
    job = waiter(farm, "before")
    block = before.blocks[0]
    farm.operate_tasks(block, "done", 0)
    farm.operate_tasks(block, "suspend", 1)
    assert waits(farm, job)
    farm.operate_tasks(block, "skip")
    assert not waits(farm, job)
    farm.apply(events.AppendTasks(before.serial, 0, farm.block(commands=["c"]).tasks or []))
    assert waits(farm, job)
    farm.operate_tasks(block, "skip")
    farm.apply(events.AppendBlocks(before.serial, [farm.block(name="more")]))
    assert waits(farm, job)


def test_a_deleted_job_releases_when_nothing_of_it_runs(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    before = farm.submit(name="before")
    job = waiter(farm, "bef.*")
    run = farm.start(1)[0]
    farm.operate(before, "delete")
    assert waits(farm, job)
    farm.finish(run, RunEnd.KILLED)
    farm.take(Stop, 1)
    assert not waits(farm, job)
    assert farm.core.job_gates.keys() == {("regex", "anna", "bef.*")}


def test_depend_jobs(farm: StoryFarm) -> None:
    """R32: by serial, of any user; a deleted one releases with a line in the log."""
    before = farm.submit(name="before", user="bob")
    second = farm.submit(name="before", user="bob")
    job = waiter(farm, job={"depend_jobs": [before.serial, second.serial, 777]})
    assert farm.explain(job.blocks[0]).summary == "the job waits for job before and 1 more"
    assert "depend_jobs: there is no job with serial 777" in "".join(
        depend_warnings(farm.core, job)
    )
    done(farm, second)
    assert farm.explain(job.blocks[0]).summary == "the job waits for job before"
    farm.operate(before, "delete")
    assert not waits(farm, job)
    line = f"job before ({before.serial}) was deleted: not waited for any more"
    assert line in job.log
    farm.restart_server()
    assert line in farm.job(job.serial).log


def test_masks_are_edited(farm: StoryFarm) -> None:
    one, two = farm.submit(name="one"), farm.submit(name="two", user="bob")
    job = waiter(farm, "one")
    farm.edit(job, depend_mask="")
    assert not waits(farm, job)
    farm.edit(job, depend_mask="two")
    assert not waits(farm, job)
    farm.edit(job, depend_mask_global="t.o")
    assert waits(farm, job)
    farm.edit(job, depend_mask_global="", depend_jobs=[one.serial])
    assert waits(farm, job)
    farm.edit(job, depend_jobs=[job.serial])
    assert not waits(farm, job)
    done(farm, two)
    farm.edit(job, depend_mask="", depend_jobs=[])
    assert farm.core.job_gates == {}
    assert farm.core.job_patterns == {}


def test_jobs_change_owners(farm: StoryFarm) -> None:
    before = farm.submit(name="before")
    farm.submit(name="other", user="bob")
    job = waiter(farm, "b.*")
    both = waiter(farm, "before", name="second")
    farm.edit(before, user_name="bob")
    assert not waits(farm, job)
    assert not waits(farm, both)
    farm.edit(job, user_name="bob")
    assert waits(farm, job)
    farm.edit(before, user_name="anna")
    assert waits(farm, both)
    assert not waits(farm, job)


def test_a_waiting_job_comes_back_after_a_restart(farm: StoryFarm) -> None:
    farm.submit(name="before")
    job = waiter(farm, "bef.*", job={"depend_mask_global": "before", "depend_jobs": [1]})
    farm.restart_server()
    job = farm.job(job.serial)
    assert waits(farm, job)
    done(farm, farm.job(1))
    assert not waits(farm, job)


def test_waited_seconds_begin_when_the_wait_ends(farm: StoryFarm) -> None:
    farm.render("a")
    before = farm.submit(name="before", job={"offline": True})
    waiter(farm, "before")
    farm.wait(100)
    done(farm, before)
    farm.wait(5)
    assert farm.start(1)[0].waited_s == 5.0


@given(
    st.sampled_from(["a", "ab", "ab.*", "ab?c", "a{2}b", "a|b", "(?i)ab", "ab(c|d)", r"a\.b", ""])
)
def test_letters_that_every_match_begins_with(mask: str) -> None:
    start = literal_start(mask)
    for name in ("a", "ab", "abc", "aab", "ac", "b", "AB", "abd", "a.b", ""):
        if full_match(mask, name):
            assert name.startswith(start)


# ------------------------------------------------------------------------------------ warnings


def test_what_a_submission_warns_of(farm: StoryFarm) -> None:
    job = farm.submit(
        job={"depend_mask": "x", "depend_mask_global": "y.*"},
        blocks=[
            {"depend_mask": "z"},
            {"tasks_depend_mask": "block1"},
            {"depend_mask": "block[02]"},
        ],
    )
    assert depend_warnings(farm.core, job) == [
        "job.depend_mask: 'x' matches no other job of anna",
        "job.depend_mask_global: 'y.*' matches no other job",
        "job.blocks[0].depend_mask: 'z' matches no other block of the job",
        "job.blocks[1].tasks_depend_mask: 'block1' matches no other block of the job",
        "job.blocks[2].depend_mask: 'block[02]' names the block itself, too",
    ]
    explained = farm.explain(job.blocks[0])
    assert explained.work is None
    assert explained.warnings == [
        "depend_mask: 'x' matches no other job of anna",
        "depend_mask_global: 'y.*' matches no other job",
        "depend_mask: 'z' matches no other block of the job",
    ]


def test_a_done_job_is_a_match(farm: StoryFarm) -> None:
    before = farm.submit(name="before")
    done(farm, before)
    assert depend_warnings(farm.core, waiter(farm, "before")) == []


def test_a_ring_of_jobs(farm: StoryFarm) -> None:
    first = waiter(farm, "C", name="A")
    second = waiter(farm, "A", name="B")
    assert depend_warnings(farm.core, second) == []
    third = waiter(farm, "B", name="C")
    ring = "jobs wait for each other: C waits for B waits for A waits for C"
    assert depend_warnings(farm.core, third) == [f"job.depend_mask: {ring}"]
    assert farm.explain(first.blocks[0]).warnings == [
        "depend_mask: jobs wait for each other: A waits for C waits for B waits for A"
    ]
    behind = waiter(farm, "A", name="D")
    (text,) = farm.explain(behind.blocks[0]).warnings
    assert "A waits for C" in text
    assert "D" not in text.split(": ", 1)[1]
    done(farm, first)
    assert farm.explain(second.blocks[0]).warnings == []


def test_a_ring_is_named_by_the_attribute_that_closes_it(farm: StoryFarm) -> None:
    first = farm.submit(name="A", job={"depend_mask_global": "B"})
    second = farm.submit(name="B", job={"depend_jobs": [first.serial], "depend_mask": "x"})
    ring = "jobs wait for each other: B waits for A waits for B"
    assert f"job.depend_jobs: {ring}" in depend_warnings(farm.core, second)
    assert [text.partition(":")[0] for text in depend_warnings(farm.core, first)] == [
        "job.depend_mask_global"
    ]
    behind = farm.submit(name="C", job={"depend_jobs": [first.serial]})
    (text,) = depend_warnings(farm.core, behind)
    assert text.startswith("job.depend_jobs: jobs wait for each other: ")


def test_a_ring_behind_one_of_several_jobs(farm: StoryFarm) -> None:
    """Who waits for a free job, too, is told of the ring, and by which attribute."""
    free = farm.submit(name="free")
    last = farm.submit(name="last", job={"depend_jobs": [free.serial]})
    waiter(farm, "ring2", name="ring1")
    second = waiter(farm, "ring1", name="ring2")
    job = farm.submit(
        name="job", job={"depend_mask": "(free|last)", "depend_jobs": [last.serial, second.serial]}
    )
    ring = "jobs wait for each other: ring2 waits for ring1 waits for ring2"
    assert depend_warnings(farm.core, job) == [f"job.depend_jobs: {ring}"]
    behind = waiter(farm, "free|job", name="behind")
    assert depend_warnings(farm.core, behind) == [f"job.depend_mask: {ring}"]
    done(farm, second)
    assert depend_warnings(farm.core, behind) == []


def test_a_long_chain_is_not_walked_to_its_end(
    farm: StoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each submission looks for rings: behind so many jobs nothing is said of one."""
    asked: list[Job] = []

    def counted(job: Job) -> Iterator[Job]:
        asked.append(job)
        return blockers(job)

    monkeypatch.setattr(depend_warnings_module, "blockers", counted)
    most = depend_warnings_module.LOOKED_AT_MAX
    with farm.batch():
        first = waiter(farm, "", name="n0")
        for n in range(1, most + 50):
            job = waiter(farm, f"n{n - 1}", name=f"n{n}")
        assert depend_warnings(farm.core, job) == []
        assert most // 2 < len(asked) <= most + 1
        farm.edit(first, depend_mask=f"n{most // 2}")
        (text,) = depend_warnings(farm.core, first)
        assert "wait for each other: n0 waits for n" in text
        farm.edit(first, depend_mask=f"n{most + 49}")
        assert depend_warnings(farm.core, first) == []


def test_jobs_of_one_mask_wait_for_each_other(farm: StoryFarm) -> None:
    waiter(farm, "s.*", name="s1")
    job = waiter(farm, "s.*", name="s2")
    assert depend_warnings(farm.core, job) == [
        "job.depend_mask: jobs wait for each other: s2 waits for s1 waits for s2"
    ]


def test_rings_of_blocks(farm: StoryFarm) -> None:
    job = farm.submit(
        blocks=[
            {"depend_mask": "block1"},
            {"tasks_depend_mask": "block2"},
            {"depend_mask": "block0"},
            {"depend_mask": "block0"},
            {},
        ]
    )
    assert depend_warnings(farm.core, job) == [
        "job.blocks: blocks wait for each other:"
        " block0 waits for block1 waits for block2 waits for block0"
    ]
    everyone = farm.submit(blocks=[{"depend_mask": "block.*"}] * 2)
    assert "block0 waits for block1 waits for block0" in depend_warnings(farm.core, everyone)[-1]
    one = farm.submit(blocks=[{"depend_mask": "block.*"}, {}])
    assert len(depend_warnings(farm.core, one)) == 1
    chain = farm.submit(blocks=[{}, *({"depend_mask": f"block{n}"} for n in range(200))])
    assert depend_warnings(farm.core, chain) == []


def test_many_warnings_are_cut(farm: StoryFarm) -> None:
    job = farm.submit(blocks=[{"depend_mask": "nobody"}] * 100)
    assert len(depend_warnings(farm.core, job)) == 21


# ----------------------------------------------------------------------------------- time_wait


def test_time_wait_comes_and_goes(farm: StoryFarm) -> None:
    wall = int(farm.now.wall)
    job = farm.submit(time_wait=wall + 100)
    farm.wait(50)
    farm.edit(job, time_wait=wall + 200)
    farm.wait(60)
    assert farm.job_state(job) == "WTM"
    assert farm.explain(job.blocks[0]).summary == "the job waits for its start time, fri 08:03"
    farm.restart_server()
    job = farm.job(job.serial)
    assert farm.job_state(job) == "WTM"
    farm.edit(job, time_wait=wall)
    assert farm.job_state(job) == "RDY"
    farm.edit(job, time_wait=wall + 300)
    assert farm.job_state(job) == "WTM"
    farm.wait(300)
    assert farm.job_state(job) == "RDY"


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_the_wall_clock_jumps(farm: StoryFarm, step: float) -> None:
    job = farm.submit(time_wait=int(farm.now.wall) + 1800)
    farm.now = farm.now._replace(wall=farm.now.wall + step)
    farm.apply(events.Tick(clock_step_s=step))
    assert farm.job_state(job) == ("RDY" if step > 0 else "WTM")
    farm.wait(5400)
    assert farm.job_state(job) == "RDY"


def test_time_and_jobs_are_both_waited_for(farm: StoryFarm) -> None:
    before = farm.submit(name="before")
    job = waiter(farm, "before", time_wait=int(farm.now.wall) + 10)
    assert farm.job_state(job) == "WDP WTM"
    farm.wait(11)
    assert farm.job_state(job) == "WDP"
    done(farm, before)
    assert farm.job_state(job) == "RDY"


# -------------------------------------------------------------------------------------- random

names = st.sampled_from(["a", "b", "ab", "abc"])
masks = st.sampled_from(["", "a", "b", "a.*", "ab?", "(a|b)-1", ".*", "abc.*", "[ab]+(-[0-9])?"])
step = st.one_of(
    st.tuples(st.just("submit"), names, masks, masks, st.sampled_from(["anna", "bob"]),
              st.lists(st.integers(1, 6), max_size=2)),
    st.tuples(st.sampled_from(["done", "restart", "delete"]), st.integers(0, 20)),
    st.tuples(st.just("mask"), st.integers(0, 20), masks),
    st.tuples(st.just("global"), st.integers(0, 20), masks),
    st.tuples(st.just("owner"), st.integers(0, 20), st.sampled_from(["anna", "bob"])),
    st.tuples(st.just("append"), st.integers(0, 20)),
    st.tuples(st.just("server"),),
)  # fmt: skip


@given(st.lists(step, max_size=25))
def test_random_stories_against_brute_force(steps: list[tuple[Any, ...]]) -> None:
    """The harness recomputes after each step who waits, mask by mask and name by name."""
    farm = StoryFarm()
    farm.submit(user="bob", name="x")
    farm.submit(user="anna", name="y")
    for what, *more in steps:
        jobs = [job for job in farm.core.jobs.values() if not job.system]
        if what == "submit":
            name, own, everybody, user, serials = more
            depends = {"depend_mask": own, "depend_mask_global": everybody, "depend_jobs": serials}
            depend_warnings(farm.core, farm.submit(name=name, user=user, job=depends))
            continue
        if what == "server":
            farm.restart_server()
            continue
        if not jobs:
            continue
        job = jobs[more[0] % len(jobs)]
        match what:
            case "done":
                done(farm, job)
            case "restart" | "delete":
                farm.operate(job, what)
            case "mask":
                farm.edit(job, depend_mask=more[1])
            case "global":
                farm.edit(job, depend_mask_global=more[1])
            case "owner":
                farm.edit(job, user_name=more[1])
            case _:
                farm.apply(events.AppendBlocks(job.serial, [farm.block(name="more")]))
    farm.close()


def test_a_new_job_is_not_tried_against_all_masks() -> None:
    """Two thousand jobs, each with a regular expression of its own: what cannot match by its first
    letters is not tried, neither when the job comes nor when the server starts."""
    farm = StoryFarm()
    tried: list[tuple[str, str]] = []

    def matcher(mask: str, name: str) -> bool:
        tried.append((mask, name))
        return full_match(mask, name)

    farm.core.matcher = matcher
    farm.batching = True  # no recount after every step
    for n in range(2000):
        depends = {"depend_mask": f"shot_{n:04}_[ab]"}
        farm.apply(farm.submission(name=f"shot_{n:04}_c", job=depends))
    assert len(farm.core.job_gates) == 2000
    assert len(tried) == 2000  # each new mask with the name of its own job
    late = farm.submit(name="shot_0007_b")
    assert len(tried) == 2001
    assert farm.core.jobs_by_name["shot_0007_c"].waiting_jobs
    farm.operate(late, "delete")
    assert not farm.core.jobs_by_name["shot_0007_c"].waiting_jobs


def test_a_thousand_that_wait_for_a_thousand_are_not_a_million() -> None:
    farm = StoryFarm()
    farm.batching = True
    first = [farm.submit(name=f"sim {n}") for n in range(1000)]
    second = [farm.submit(name=f"render {n}", job={"depend_mask": "sim.*"}) for n in range(1000)]
    (gate,) = farm.core.job_gates.values()
    assert (len(gate.members), len(gate.waiters)) == (1000, 1000)
    for job in first[1:]:
        assert gate.set_undone(job.serial, job, False) == []
    assert len(gate.set_undone(first[0].serial, first[0], False)) == 1000
    assert all(job.gates == {gate.key: gate} for job in second)


def test_ten_thousand_serials_cost_an_edit_as_many_steps() -> None:
    """Each key is looked up among the others: that costs its hash, and at most one comparison."""
    farm = StoryFarm()
    farm.batching = True
    compared = 0

    class Serial(int):
        """A number that counts how often it is compared."""

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return int(self) == other

        def __hash__(self) -> int:
            return int(self)

    serials = [Serial(10**6 + n) for n in range(2000)]
    job = farm.submit(job={"depend_jobs": serials})
    compared = 0
    fewer = [Serial(10**6 + n) for n in range(1000)]
    farm.edit(job, depend_jobs=fewer)
    assert list(job.gates) == [("serial", serial) for serial in fewer]
    assert compared < 20 * 2000
    farm.edit(job, depend_jobs=[])
    assert not farm.core.job_gates


SLOW = "(a|aa)+b|Z.*"


def slow_farm() -> StoryFarm:
    farm = StoryFarm()
    farm.core.matcher = slow_on(SLOW, "!")
    return farm


@pytest.mark.parametrize("field", ["depend_mask", "depend_mask_global"])
def test_a_mask_that_becomes_slow_still_holds_the_job(field: str) -> None:
    """R21: what is waited for cannot be known any more, so whatever it may match counts."""
    farm = slow_farm()
    first = farm.submit(name="Z1")
    job = farm.submit(name="ev", job={field: SLOW})
    odd = farm.submit(name="aaaa!", user="anna" if field == "depend_mask" else "berta")
    assert any(SLOW in line and "switched off" in line for line in job.log)
    second = farm.submit(name="Z2")
    for other in (first, second):
        farm.operate_tasks(other.blocks[0], "skip")
    assert job.waiting_jobs
    answer = farm.explain(job.blocks[0])
    assert answer.summary == "the job waits for job aaaa!"
    (text,) = answer.warnings
    assert text == (
        f"{field}: {SLOW!r} takes too long on the name 'aaaa!' and is switched off;"
        " every job is waited for that it may name"
    )
    farm.check_restored()
    farm.operate_tasks(odd.blocks[0], "skip")
    assert not job.waiting_jobs


def test_the_log_says_once_that_a_mask_is_slow() -> None:
    farm = slow_farm()
    job = farm.submit(name="ev", job={"depend_mask": SLOW})
    for n in range(3):
        farm.submit(name=f"aa{n}!")
    assert sum("switched off" in line for line in job.log) == 1
    assert farm.restored().jobs[job.serial].log == job.log
    farm.submit(name="late", job={"depend_mask": SLOW})
    late = farm.core.jobs_by_name["late"]
    assert "switched off" in "".join(farm.explain(late.blocks[0]).warnings)


def test_a_new_mask_that_is_slow_holds_the_job_too() -> None:
    """The edge tries only some of the names."""
    farm = slow_farm()
    farm.submit(name="aaaa!")
    job = farm.submit(name="ev", job={"depend_mask": SLOW})
    assert job.waiting_jobs
    assert "switched off" in "".join(depend_warnings(farm.core, job))
    farm.edit(job, depend_mask="Z.*")
    assert not job.waiting_jobs
    assert "switched off" not in "".join(depend_warnings(farm.core, job))


@pytest.mark.parametrize("field", ["depend_mask", "tasks_depend_mask"])
def test_a_slow_mask_of_a_block_is_refused(field: str) -> None:
    farm = slow_farm()
    before = snapshot(farm.core)
    with pytest.raises(UserError, match="takes too long on the block name 'aa!'"):
        farm.submit(blocks=[{"name": "aa!"}, {"name": "b", field: SLOW}])
    assert snapshot(farm.core) == before
    job = farm.submit(blocks=[{"name": "a"}, {"name": "b", field: SLOW}])
    with pytest.raises(UserError, match="takes too long"):
        farm.edit(job.blocks[0], name="aa!")
    assert job.blocks[0].spec.name == "a"
