"""What timers keep: nothing of what is gone, and one pending moment for each wait."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.deadlines import SWEEP_MIN
from afanasy.core.state import Block, Job, Run
from harness.farm import StoryFarm

DAY_S = 86400


def _timers(farm: StoryFarm, kind: str) -> int:
    return sum(what[0] == kind for _, _, what in farm.core.timers)


def test_timers_hold_numbers_and_not_what_they_are_about(farm: StoryFarm) -> None:
    """A run that has ended, and a job that was deleted, are not kept until their timers come."""
    farm.render("a", max_tasks=1)
    wait = int(farm.now.wall) + 30 * DAY_S
    later = farm.submit(1, name="later", time_wait=wait, time_life=60 * DAY_S)
    job = farm.submit(2, task_max_run_time=DAY_S, errors_forgive_time=DAY_S, time_life=30 * DAY_S)
    farm.fail(farm.start(1)[0])
    farm.finish(farm.start(1)[0])
    kinds = {what[0] for _, _, what in farm.core.timers}
    assert {"limit", "forgive", "retry", "life", "time_wait"} <= kinds
    held = [about for _, _, what in farm.core.timers for about in what[1:]]
    assert not [about for about in held if isinstance(about, (Run, Job, Block))]
    for one in (job, later):
        farm.operate(one, "delete")
    farm.wait(90 * DAY_S)  # they come up, and find nobody
    assert _timers(farm, "life") == _timers(farm, "time_wait") == 0


def test_timers_of_ended_runs_are_swept_out(farm: StoryFarm) -> None:
    """However many runs end within their time limit, the heap stays small."""
    farm.render("a", max_tasks=50, capacity=50_000)
    job = farm.submit(3 * SWEEP_MIN, task_max_run_time=DAY_S)
    most = 0
    with farm.batch():  # one recount at the end is enough
        while not job.done:
            farm.solve()
            for run in list(farm.core.runs.values()):
                farm.finish(run)
            most = max(most, len(farm.core.timers))
    farm.effects.clear()
    assert most <= 2 * SWEEP_MIN


def test_a_sweep_leaves_what_is_still_to_come(farm: StoryFarm) -> None:
    """Runs, lives and waits of those who live are woken as before."""
    farm.render("a", max_tasks=1)
    wait = int(farm.now.wall) + 500
    waiting = farm.submit(1, name="waiting", time_wait=wait, user="ben")
    short = farm.submit(1, name="short", time_life=700, offline=True)
    farm.submit(1, name="runs", task_max_run_time=600)
    (run,) = farm.start(1)
    with farm.batch():
        for _ in range(2 * SWEEP_MIN):
            gone = farm.submit(1, name="gone", time_life=DAY_S, offline=True)
            farm.operate(gone, "delete")
    assert len(farm.core.timers) <= SWEEP_MIN + 1
    farm.wait(501)
    assert farm.job_state(waiting) == "RDY"
    assert not run.stop_cause
    farm.wait(100)
    assert run.stop_cause
    farm.wait(100)
    assert short.serial not in farm.core.jobs
    farm.effects.clear()


@pytest.mark.parametrize("later", [0, 1])
def test_edits_leave_one_pending_timer(farm: StoryFarm, later: int) -> None:
    """Edits that move no moment, or move it on, ask for no further waking."""
    wall = int(farm.now.wall)
    job = farm.submit(1, time_life=30 * DAY_S, time_wait=wall + DAY_S)
    render = farm.render("a")
    for n in range(50):
        farm.wait(0.37)
        farm.edit(job, annotation=str(n), time_wait=wall + DAY_S + later * n)
        farm.edit(render, nimby=True, nimby_until=wall + DAY_S + later * n)
    assert _timers(farm, "life") == _timers(farm, "time_wait") == _timers(farm, "presence") == 1
    farm.wait(DAY_S)
    assert (farm.job_state(job), render.spec.nimby) == (("WTM", True) if later else ("RDY", False))
    farm.wait(60)
    assert (farm.job_state(job), render.spec.nimby) == ("RDY", False)


def test_an_earlier_moment_takes_the_place_of_the_pending_one(farm: StoryFarm) -> None:
    """Time after time: the ones before are dead, and do nothing when they come up."""
    wall = int(farm.now.wall)
    job = farm.submit(1, time_life=30 * DAY_S, time_wait=wall + 1000)
    for n in range(1, 500):
        farm.edit(job, time_wait=wall + 1000 - n)
    farm.wait(502)
    assert farm.job_state(job) == "RDY"
    farm.edit(job, time_wait=wall + 5000)  # the dead ones come up while it waits again
    farm.wait(4000)
    assert farm.job_state(job) == "WTM"
    assert _timers(farm, "time_wait") == 1
    farm.wait(600)
    assert farm.job_state(job) == "RDY"


def test_a_user_may_shorten_and_lengthen_the_lives_of_his_jobs(farm: StoryFarm) -> None:
    """The pending timer of a longer life is replaced; that of a shorter one asks again."""
    one, two = (farm.submit(1, name=name) for name in ("one", "two"))
    for life in (1000, 500, 800):
        farm.edit("anna", jobs_life_time=life)
    farm.edit(two, time_life=2000)
    farm.wait(700)
    assert one.serial in farm.core.jobs
    farm.wait(101)
    assert one.serial not in farm.core.jobs
    assert two.serial in farm.core.jobs
    farm.restart_server()
    farm.wait(1200)
    assert two.serial not in farm.core.jobs


def test_a_render_of_the_same_name_is_not_woken_by_the_timer_of_the_old_one(
    farm: StoryFarm,
) -> None:
    """A deleted render's timers are dead, also when another one has come by its name."""
    old = farm.render("a")
    wall = int(farm.now.wall)
    farm.edit(old, nimby=True, nimby_until=wall + 500)
    farm.drop_link(old)
    farm.apply(events.OperateRender("a", "delete"))
    new = farm.render("a")
    farm.edit(new, nimby=True, nimby_until=wall + 900)
    farm.wait(600)
    assert new.spec.nimby
    farm.wait(301)
    assert not new.spec.nimby
    farm.effects.clear()
