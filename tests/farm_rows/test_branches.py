"""Branches: which one a job comes into, pause, limits per second, deletion (SEMANTICS 3.3)."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.job.branch_edits import clean_path
from harness.farm import StoryFarm


@pytest.mark.parametrize(
    ("text", "path"),
    [("/", "/"), ("", "/"), ("a/b", "/a/b"), ("\\prj\\x", "/prj/x"), ("/a/../b/./c//", "/a/b/c"),
     ("/a:b", "/a_b")],
)  # fmt: skip
def test_paths(text: str, path: str) -> None:
    assert clean_path(text) == path


def test_jobs_make_branches_where_they_may(farm: StoryFarm) -> None:
    assert farm.submit(1, branch="/prj/shot").spec.branch == "/prj"
    farm.apply(events.EditBranch("/prj", {"create_childs": True}))
    assert farm.submit(1, branch="/prj/shot").spec.branch == "/prj/shot"
    assert farm.submit(1, branch="/prj/shot/deep").spec.branch == "/prj/shot"


def test_a_paused_branch_holds_everything_below(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(2, branch="/prj")
    farm.apply(events.OperateBranch("/prj", "pause"))
    farm.start(0)
    assert farm.explain(job.blocks[0]).summary == "branch /prj is paused"
    farm.apply(events.OperateBranch("/prj", "start"))
    farm.start(1)


def test_starts_per_second_of_a_branch(farm: StoryFarm) -> None:
    farm.render("a", capacity=99_000, max_tasks=99)
    farm.submit(9, branch="/prj")
    farm.apply(events.EditBranch("/prj", {"max_tasks_per_second": 2}))
    farm.start(2)
    farm.start(0)
    farm.wait(1.01)
    farm.start(2)


def test_a_job_moves_with_what_it_runs(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(2, branch="/one")
    farm.submit(1, name="other", branch="/two")
    (run,) = farm.start(1)
    farm.refused(events.EditJob(job.serial, {"branch": "/three"}), "not_found")
    farm.edit(job, branch="/two")
    assert farm.core.branches["/two"].running == 1
    assert farm.core.branches["/one"].running == 0
    farm.refused(events.OperateBranch("/two", "delete"), "not_empty")
    farm.apply(events.OperateBranch("/one", "delete"))
    farm.finish(run)


def test_a_job_that_moves_away_leaves_room_below_a_limit(farm: StoryFarm) -> None:
    farm.render("a", max_tasks=4, capacity=4000)
    job = farm.submit(2, branch="/one")
    farm.submit(1, name="other", branch="/two")
    waits = farm.submit(1, name="waits", branch="/one", priority=1)
    farm.apply(events.EditBranch("/one", {"max_running_tasks": 2}))
    farm.start(3)
    farm.edit(job, branch="/two")
    assert farm.start(1)[0].block.job is waits


def test_done_jobs_of_a_branch_are_deleted(farm: StoryFarm) -> None:
    farm.render("a")
    farm.submit(1, name="done", branch="/prj")
    waits = farm.submit(1, name="waits", branch="/prj")
    (run,) = farm.start(1)
    farm.finish(run)
    outcome = farm.apply(events.OperateBranch("/prj", "delete_done_jobs"))
    assert outcome.text == "Deleting 1 job."
    assert [job.serial for job in farm.core.branches["/prj"].jobs.values()] == [waits.serial]


def test_who_waited_for_a_branch_is_tried_when_what_runs_there_is_moved_away(
    farm: StoryFarm,
) -> None:
    """Counters of the branch fall, as at the end of a task (SEMANTICS 3.3)."""
    farm.render("a")
    farm.render("b")
    moved = farm.submit(branch="/film", hosts_mask="a")
    farm.submit(branch="/tv", hosts_mask="a")
    farm.apply(events.EditBranch("/film", {"max_running_tasks": 1}))
    farm.start(1)
    farm.submit(branch="/film", hosts_mask="b")
    farm.start(0)
    farm.edit(moved, branch="/tv")
    (run,) = farm.start(1)
    assert run.render.name == "b"
