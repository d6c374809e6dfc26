"""``get`` jobs in modes runs, outputs and submission: pages, foreign runs, what is not kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from afanasy.core import events
from afanasy.core.job.submit import TASKS_PART
from afanasy.model.attributes import TaskSpec
from afanasy.model.errors import UserError
from afanasy.model.states import RunEnd
from afanasy.server.change.submissions import TEXT_MAX_KEPT, kept_text
from afanasy.server.show import get_outputs
from harness.farm import StoryFarm
from harness.history import Asker


@pytest.fixture
def ask(farm: StoryFarm) -> Asker:
    return Asker(farm)


def refused(ask: Asker, code: str, **members: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        ask(strict=True, type="jobs", **members)
    assert caught.value.code == code, caught.value.sentence()
    assert caught.value.field.startswith("get.")
    return caught.value


def finished(farm: StoryFarm, ask: Asker, frames: int) -> Any:
    """A job of frames, each run once and written "frame N"."""
    farm.render("r1", capacity=100_000, max_tasks=1000)
    job = farm.submit(frames)
    for run in farm.start(frames):
        text = f"frame {run.task}\n".encode()
        farm.finish(run, output_size=len(text))
        ask.history.outputs[run.id] = text
    return job


# ----------------------------------------------------------------------------------------- runs


def test_runs_of_a_block(farm: StoryFarm, ask: Asker) -> None:
    farm.render("r1", capacity=3000)
    job = farm.submit(3, name="shot")
    for run in farm.start(3):
        if run.task == 0:
            farm.finish(run, output_size=5)
        elif run.task == 1:
            farm.fail(run, error_class="crash", output_size=7)
    found = ask(type="jobs", ids=[job.id], mode="runs", block_ids=[0])["job_runs"]
    assert (found["id"], found["serial"], found["block_num"], found["first"]) == (
        job.id, job.serial, 0, 0,
    )  # fmt: skip
    assert "next" not in found
    told = [(r["task_num"], r["number"], r["end"], r["failed"], r["current"], r["output_size"])
            for r in found["runs"]]  # fmt: skip
    assert told == [
        (0, 1, "success", False, False, 5),
        (1, 1, "error", True, False, 7),
        (2, 1, "running", False, True, 0),
    ]
    first = found["runs"][0]
    assert (first["task_name"], first["render"]) == (job.blocks[0].task_name(0), "r1")
    assert isinstance(first["run"], str)
    some = ask(type="jobs", serials=[job.serial], mode="runs", block_ids=[0], first=1, count=1)
    assert [run["task_num"] for run in some["job_runs"]["runs"]] == [1]
    beyond = ask(type="jobs", ids=[job.id], mode="runs", block_ids=[0], first=10**9)["job_runs"]
    assert (beyond["runs"], "next" in beyond) == ([], False)


@pytest.mark.parametrize(
    ("status", "failed"),
    [(RunEnd.SKIP, False), (RunEnd.KILLED, True), (RunEnd.PARSER_SUCCESS, False),
     (RunEnd.BAD_FILES, True), (RunEnd.FAILED_POST, False)],
)  # fmt: skip
def test_which_ends_are_failures(farm: StoryFarm, ask: Asker, status: RunEnd, failed: bool) -> None:
    farm.render("r1")
    job = farm.submit(1)
    (run,) = farm.start(1)
    farm.finish(run, status)
    (told,) = ask(type="jobs", ids=[job.id], mode="runs", block_ids=[0])["job_runs"]["runs"]
    assert told["failed"] == failed


def test_pages_of_runs_leave_none_out(
    farm: StoryFarm, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_outputs, "RUNS_MAX", 3)
    farm.render("r1", capacity=100_000, max_tasks=1000)
    job = farm.submit(6)
    for run in farm.start(6):
        farm.finish(run)
    farm.operate_tasks(job.blocks[0], "restart", 1, 2)
    for run in farm.start(2):
        farm.finish(run)
    found: list[tuple[int, int]] = []
    first = 0
    for _ in range(10):
        page = ask(type="jobs", ids=[job.id], mode="runs", block_ids=[0], first=first)["job_runs"]
        assert len(page["runs"]) <= 3
        found += [(run["task_num"], run["number"]) for run in page["runs"]]
        if "next" not in page:
            break
        first = page["next"]
    assert found == [(0, 1), (1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 1), (5, 1)]


def test_a_task_with_more_starts_than_a_page_is_passed(
    farm: StoryFarm, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_outputs, "RUNS_MAX", 1)
    job = finished(farm, ask, 2)
    farm.operate_tasks(job.blocks[0], "restart", 0)
    for run in farm.start(1):
        farm.finish(run)
    where = {"type": "jobs", "ids": [job.id], "mode": "runs", "block_ids": [0]}
    page = ask(**where)["job_runs"]
    assert ([run["task_num"] for run in page["runs"]], page["next"]) == ([0], 1)
    page = ask(**where, first=1)["job_runs"]
    assert [run["task_num"] for run in page["runs"]] == [1]
    assert "next" not in page


def test_a_run_whose_commit_is_on_its_way_is_listed(farm: StoryFarm, ask: Asker) -> None:
    job = finished(farm, ask, 1)
    ask.history.late = True
    (run,) = ask(type="jobs", ids=[job.id], mode="runs", block_ids=[0])["job_runs"]["runs"]
    assert run["end"] == "success"
    ask.history.late = True
    (text,) = ask(type="jobs", ids=[job.id], mode="outputs", runs=[run["run"]])["outputs"][
        "outputs"
    ]
    assert text["data"] == "frame 0\n"


def test_runs_need_one_job_and_a_block(farm: StoryFarm, ask: Asker) -> None:
    job = farm.submit(1)
    assert "set block_ids" in refused(ask, "missing", ids=[job.id], mode="runs").hint
    refused(ask, "not_found", ids=[job.id], mode="runs", block_ids=[3])
    refused(ask, "not_found", ids=[999], mode="runs", block_ids=[0])
    farm.submit(1)
    refused(ask, "not_one", mode="runs", block_ids=[0])


# -------------------------------------------------------------------------------------- outputs


def test_outputs_come_in_the_order_that_was_asked(farm: StoryFarm, ask: Asker) -> None:
    job = finished(farm, ask, 4)
    runs = [run for run, _ in sorted(ask.run_numbers(), key=lambda pair: -pair[1])]
    answer = ask(type="jobs", ids=[job.id], mode="outputs", runs=[str(run) for run in runs])
    found = answer["outputs"]["outputs"]
    assert [one["data"] for one in found] == [f"frame {n}\n" for n in (3, 2, 1, 0)]
    assert [one["run"] for one in found] == [str(run) for run in runs]
    assert {(one["kept"], one["running"], one["offset"]) for one in found} == {(True, False, 8)}


def test_an_answer_is_bounded(farm: StoryFarm, ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_outputs, "BYTES_MAX", 10)
    job = finished(farm, ask, 4)
    runs = [str(run) for run, _ in ask.run_numbers()]
    answer = ask(type="jobs", ids=[job.id], mode="outputs", runs=runs)
    assert len(answer["outputs"]["outputs"]) == 2
    monkeypatch.setattr(get_outputs, "OUTPUTS_MAX", 1)
    assert len(ask(type="jobs", ids=[job.id], mode="outputs", runs=runs)["outputs"]["outputs"]) == 1
    assert refused(ask, "bad_field", ids=[job.id], mode="outputs", runs=runs).field == "get.runs"


def test_running_ones_and_what_is_gone(farm: StoryFarm, ask: Asker) -> None:
    farm.render("r1", capacity=3000)
    job = farm.submit(3)
    one, two, three = farm.start(3)
    farm.finish(one, output_size=5)
    farm.finish(two, output_size=0)
    ask.history.outputs[three.id] = b"so far"
    runs = [str(run.id) for run in (one, two, three)]
    found = ask(type="jobs", ids=[job.id], mode="outputs", runs=runs)["outputs"]["outputs"]
    assert [one["data"] for one in found] == ["", "", "so far"]
    assert [one["kept"] for one in found] == [False, True, True]
    assert [one["running"] for one in found] == [False, False, True]


def test_runs_of_another_job_are_refused(farm: StoryFarm, ask: Asker) -> None:
    finished(farm, ask, 1)
    other = farm.submit(1)
    ((run, _),) = ask.run_numbers()
    error = refused(ask, "not_found", ids=[other.id], mode="outputs", runs=[str(run)])
    assert (error.field, str(run) in error.message) == ("get.runs", True)
    for text in ("", "x", "-5", "1" * 30, "\u0661"):
        refused(ask, "bad_field", ids=[other.id], mode="outputs", runs=[text])
    refused(ask, "missing", ids=[other.id], mode="outputs")
    refused(ask, "bad_field", ids=[other.id], mode="outputs", runs=[7])


# ----------------------------------------------------------------------------------- submission


def test_what_was_submitted_and_appended(farm: StoryFarm, ask: Asker) -> None:
    tasks: list[dict[str, Any]] = [{"name": "one", "command": "echo 1"}]
    raw = {"name": "shot", "blocks": [{"name": "list", "tasks": tasks}]}
    event = farm.submission(commands=["echo 1"], name="shot")
    event.text = kept_text(raw)
    job = farm.apply(event)
    more = [{"name": "two", "command": "echo 2"}]
    farm.apply(
        events.AppendTasks(job.serial, 0, [TaskSpec(name="two", command="echo 2")], kept_text(more))
    )
    added = [{"name": "new", "flags": 1}]
    farm.apply(events.AppendBlocks(job.serial, [farm.block(name="new")], kept_text(added)))
    expected = {"name": "shot", "blocks": [{"name": "list", "tasks": tasks + more}, *added]}
    found = ask(type="jobs", ids=[job.id], mode="submission")["submission"]
    assert found == {"serial": job.serial, "job": expected}
    ask.history.late = True  # its commit is on its way
    assert ask(type="jobs", serials=[job.serial], mode="submission")["submission"] == found
    parts = [part for _, part, _ in farm.store.tables["submissions"].values()]
    assert sorted(parts) == [0, 1, TASKS_PART | 1]
    farm.operate(job, "delete")
    assert job.serial not in farm.core.jobs
    assert ask(type="jobs", serials=[job.serial], mode="submission")["submission"] == found


def test_submissions_that_are_not_there(farm: StoryFarm, ask: Asker) -> None:
    job = farm.submit(1)  # without a text, as one that was too long
    assert "8 MB" in refused(ask, "not_found", serials=[job.serial], mode="submission").hint
    refused(ask, "not_found", serials=[12345], mode="submission")
    refused(ask, "not_found", ids=[12345], mode="submission")
    refused(ask, "not_one", mode="submission")
    refused(ask, "not_one", serials=[1, 2], mode="submission")


def test_what_is_too_long_is_not_kept() -> None:
    assert json.loads(kept_text({"a": ["☃"]})) == {"a": ["☃"]}
    assert kept_text("x" * TEXT_MAX_KEPT) == ""
