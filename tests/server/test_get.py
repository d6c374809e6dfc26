"""``get``: choosing, modes, our own answers, strictness, and any JSON at all."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.model.errors import UserError
from afanasy.model.reading import Reader
from afanasy.server.matcher import Masks
from afanasy.server.show.get import get
from afanasy.server.show.get_jobs import PROGRESS_SLICE
from harness.farm import StoryFarm
from harness.history import Asker


@pytest.fixture
def ask(farm: StoryFarm) -> Asker:
    return Asker(farm)


def names(answer: Any, kind: str = "jobs") -> list[str]:
    return [node["name"] for node in answer[kind]]


def refused(ask: Asker, code: str, *, strict: bool = True, **members: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        ask(strict=strict, **members)
    assert caught.value.code == code, caught.value.sentence()
    assert caught.value.field.startswith("get.")
    return caught.value


# ------------------------------------------------------------------------------------ choosing


def test_choosing_jobs(farm: StoryFarm, ask: Asker) -> None:
    one = farm.submit(1, name="shot_1")
    two = farm.submit(1, name="shot_2", priority=150)
    ben = farm.submit(1, name="other", user="ben")
    assert names(ask(type="jobs")) == ["shot_2", "afanasy", "shot_1", "other"]
    assert names(ask(type="jobs", ids=[one.id, ben.id, 999])) == ["shot_1", "other"]
    assert names(ask(type="jobs", serials=[two.serial])) == ["shot_2"]
    assert names(ask(type="jobs", mask="shot")) == ["shot_2", "shot_1"]
    assert names(ask(type="jobs", mask="oth|shot_1")) == ["shot_1", "other"]
    assert names(ask(type="jobs", mask="shot.*")) == []
    assert names(ask(type="jobs", users=["anna"])) == ["shot_2", "shot_1"]
    assert names(ask(type="jobs", uids=[ben.user.id])) == ["other"]
    assert len(names(ask(type="jobs", uids=[]))) == 4


def test_choosing_renders_and_users(farm: StoryFarm, ask: Asker) -> None:
    farm.render("r2")
    farm.render("r1")
    farm.submit(1, user="ben")
    assert names(ask(type="renders"), "renders") == ["r2", "r1"]
    assert names(ask(type="renders", ids=[2]), "renders") == ["r1"]
    assert names(ask(type="renders", mask="r1"), "renders") == ["r1"]
    assert names(ask(type="users", mask="b"), "users") == ["ben"]
    assert ask(type="renders", mode="full", mask="r1")["object"]["name"] == "r1"


def test_what_is_ignored_is_said(farm: StoryFarm, ask: Asker) -> None:
    answer = ask(type="jobs", ids="x", mask=5, uids=[True, 1.0, "1"], binary=True)
    assert len(answer["jobs"]) == 1
    fields = [warning.split(":")[0] for warning in answer["warnings"]]
    assert fields == ["get.ids", "get.mask", "get.uids", "get.binary"]
    assert "warnings" not in ask(type="jobs", user_name="anna", host_name="desk", unknown=1)


# --------------------------------------------------------------------------------------- strict


def test_strict_requests_are_refused_with_field_and_hint(farm: StoryFarm, ask: Asker) -> None:
    job = farm.submit(1)
    assert "renders" in refused(ask, "unknown_type", type="render").hint
    assert refused(ask, "unknown_mode", type="jobs", mode="fuul").hint == "did you mean 'full'?"
    assert refused(ask, "unknown_field", type="jobs", idz=[1]).hint == "did you mean 'ids'?"
    assert "no job 77" in refused(ask, "not_found", type="jobs", ids=[job.id, 77]).message
    assert refused(ask, "not_found", type="jobs", serials=[77]).field == "get.serials"
    refused(ask, "not_found", type="renders", ids=[5])
    refused(ask, "not_found", type="users", ids=[99])
    refused(ask, "bad_field", type="jobs", ids="1")
    refused(ask, "bad_field", type="jobs", ids=[1, None])
    refused(ask, "bad_field", type="jobs", number=-1)
    where = {"type": "jobs", "ids": [job.id]}
    refused(ask, "not_found", **where, block_ids=[7], mode=["full"])
    refused(ask, "bad_field", **where, block_ids=[0], mode=["all"])
    refused(ask, "not_found", **where, block_ids=[0], task_ids=[1], mode="info")
    refused(ask, "missing", **where, mode="output")
    refused(ask, "missing", **where, mode="story")
    refused(ask, "not_found", type="jobs", ids=[99], mode="output", block_ids=[0], task_ids=[0])


@pytest.mark.parametrize("strict", [False, True])
def test_texts_that_no_answer_can_repeat_are_refused(ask: Asker, strict: bool) -> None:
    for text in ("\x00", "\ud800"):
        refused(ask, "bad_text", strict=strict, type="files", path=text)


# ------------------------------------------------------------------------------------- progress


def test_pages_of_progress(farm: StoryFarm, ask: Asker) -> None:
    job = farm.submit(100_000)
    farm.operate_tasks(job.blocks[0], "skip", 50_000)
    where = {"type": "jobs", "ids": [job.id], "mode": "progress"}
    page = ask(**where, block_ids=[0], first=49_999, count=3)["job_progress"]
    assert page["id"] == job.id
    assert page["block_num"] == 0
    assert page["first"] == 49_999
    assert [task["state"] for task in page["progress"]] == [" RDY", " DON SKP", " RDY"]
    assert ask(**where, block_ids=[0], first=99_999)["job_progress"]["progress"] == [
        {"state": " RDY", "st": 1}
    ]
    assert ask(**where, block_ids=[0], first=10**30, count=5)["job_progress"]["progress"] == []
    refused(ask, "not_found", **where, block_ids=[1])


def test_all_progress_of_a_big_job_comes_in_slices(farm: StoryFarm, ask: Asker) -> None:
    job = farm.submit(2 * PROGRESS_SLICE + 5)
    raw = {"type": "jobs", "ids": [job.id], "mode": "progress"}
    result = get(farm.core, raw, Reader(strict=False), Masks(), ask.history, farm.now)
    assert asyncio.iscoroutine(result)
    turns = 0

    async def count() -> Any:
        nonlocal turns
        answer = asyncio.ensure_future(result)
        while not answer.done():
            turns += 1
            await asyncio.sleep(0)
        return answer.result()

    answer = asyncio.run(count())
    assert len(answer["job_progress"]["progress"][0]) == 2 * PROGRESS_SLICE + 5
    assert turns >= 3, "others were served between the slices"


# -------------------------------------------------------------------------------- explain, story


def test_explain(farm: StoryFarm, ask: Asker) -> None:
    farm.render("small", capacity=500)
    farm.render("tiny", capacity=100)
    job = farm.submit(blocks=[
        {"name": "one", "frames": 3}, {"name": "two", "frames": 1, "depend_mask": "one"},
    ])  # fmt: skip
    where = {"type": "jobs", "serials": [job.serial], "mode": "explain"}
    one, two = ask(**where)["explain"]
    assert (one["block_num"], one["task_num"], one["task_name"]) == (0, 0, "frame 1")
    assert one["work"] is None
    assert "no render" in one["summary"]
    assert {group["code"] for group in one["renders"]} == {"capacity_total"}
    assert sum(group["count"] for group in one["renders"]) == 2
    assert two["work"]["code"] == "block_waits"
    assert two["state"] == "RDY"
    (exact,) = ask(**where, block_ids=[0], task_ids=[2])["explain"]
    assert exact["task_num"] == 2
    assert exact["job_name"] == "job"
    refused(ask, "not_found", **where, block_ids=[0], task_ids=[3])
    refused(ask, "not_found", **where, block_ids=[5])
    assert len(ask(type="jobs", mask="job", mode="explain")["explain"]) == 2
    refused(ask, "not_one", type="jobs", mode="explain")


def test_explain_of_the_system_job_says_that_it_would_start_nothing(
    farm: StoryFarm, ask: Asker
) -> None:
    """Its work comes by itself: who asks while none is there wants to know whether it would run."""
    where = {"type": "jobs", "ids": [1], "mode": "explain"}
    assert ask(**where) == {"explain": []}
    farm.operate(farm.core.jobs[0], "pause")
    answer = ask(**where)
    assert (answer["explain"], answer["summary"]) == ([], "nothing waits; the job is paused")
    (told,) = answer["suggestions"]
    assert (told["text"], told["commands"]) == ("start the job", ["afcmd start 1"])
    farm.operate(farm.core.jobs[0], "start")
    assert ask(**where) == {"explain": []}
    farm.edit(farm.core.jobs[0].user.name, paused=True)
    assert ask(**where)["suggestions"][0]["about"]["code"] == "user_paused"


def test_explain_leaves_off_what_is_too_much(farm: StoryFarm, ask: Asker) -> None:
    job = farm.submit(200)
    where = {"type": "jobs", "ids": [job.id], "mode": "explain", "block_ids": [0]}
    answer = ask(**where, task_ids=list(range(200)))
    assert len(answer["explain"]) == 50
    assert answer["left_off"] == 150


def test_a_story(farm: StoryFarm, ask: Asker) -> None:
    farm.render("a", capacity=1000)
    farm.render("b", capacity=1000)
    job = farm.submit(1)
    where = {"type": "jobs", "ids": [job.id], "block_ids": [0], "task_ids": [0]}
    assert ask(**where, mode="story")["story"]["runs"] == []
    first = farm.start(1)[0]
    farm.fail(first, log=["segmentation fault"], error_class="crash", output_size=12)
    farm.wait(1)
    (second,) = farm.start(1)
    farm.wait(3)
    story = ask(**where, mode="story")["story"]
    assert story["starts"] == 2
    assert story["errors"] == 1
    assert story["state"] == "RUN"
    assert story["error_hosts"] == [{"host": first.render.name, "count": 1, "time": 1_800_000_000}]
    failed, running = story["runs"]
    assert failed["run"] == str(first.id)
    assert failed["end"] == "error"
    assert failed["exit_status"] == 1
    assert failed["error_class"] == "crash"
    assert failed["render"] == first.render.name
    assert failed["log"].startswith("segmentation")
    assert failed["output_size"] == 12
    assert not failed["current"]
    assert running["run"] == str(second.id)
    assert running["current"]
    assert running["end"] == "running"
    assert running["elapsed_s"] == 3
    farm.finish(second)
    assert [run["end"] for run in ask(**where, mode="story")["story"]["runs"]] == [
        "error", "success",
    ]  # fmt: skip
    log = ask(**where, mode="log")["task"]["data"]
    assert "run 1: error, exit status 1 after 10.0 s" in log
    assert "    segmentation fault" in log
    assert "run 2: started on " + second.render.name in log


def test_error_hosts_of_task_and_job(farm: StoryFarm, ask: Asker) -> None:
    farm.render("a")
    job = farm.submit(1, errors_avoid_host=1)
    farm.fail(farm.start(1)[0])
    where = {"type": "jobs", "ids": [job.id], "mode": "error_hosts"}
    title, line = ask(**where, block_ids=[0], task_ids=[0])["task"]["data"].split("\n")
    assert title == "Task[0] error hosts: "
    assert line.startswith("a: 1 at ")
    lines = ask(**where)["message"]["list"]
    assert lines[0] == "Block['block0'] error hosts:"
    assert lines[1].endswith(" - ! AVOIDING !")


# --------------------------------------------------------------------------------------- output


def test_output_while_running_and_after(farm: StoryFarm, ask: Asker) -> None:
    farm.render("a")
    job = farm.submit(1)
    where: dict[str, Any] = {
        "type": "jobs", "ids": [job.id], "block_ids": [0], "task_ids": [0], "mode": "output",
    }  # fmt: skip
    assert ask(**where)["task"]["data"] == "ERROR: Task was not started."
    (run,) = farm.start(1)
    answer = ask(**where)["task"]
    assert answer["running"]
    assert answer["data"] == ""
    assert answer["offset"] == 0
    ask.history.outputs[run.id] = b"one\n"
    answer = ask(**where)["task"]
    assert (answer["data"], answer["offset"], answer["run"]) == ("one\n", 4, str(run.id))
    ask.history.outputs[run.id] += b"two\n"
    assert ask(**where, offset=4)["task"]["data"] == "two\n"
    farm.fail(run, output_size=8)
    farm.wait(1)
    (again,) = farm.start(1)
    ask.history.outputs[again.id] = b"better\n"
    first = ask(**where, number=1)["task"]
    assert first["data"] == "one\ntwo\n"
    assert not first["running"]
    assert ask(**where)["task"]["data"] == ask(**where, number=2)["task"]["data"] == "better\n"
    assert ask(**where, number=9)["task"]["data"] == (
        "ERROR: Task was started 2 times ( less than 9 times )."
    )
    del ask.history.outputs[run.id]
    assert ask(**where, number=1)["task"]["data"].startswith("ERROR: ")


def test_a_run_that_has_just_ended_is_found(farm: StoryFarm, ask: Asker) -> None:
    """Whoever saw the task done also gets its output, though the commit is on its way."""
    farm.render("a")
    job = farm.submit(1)
    (run,) = farm.start(1)
    ask.history.outputs[run.id] = b"done\n"
    farm.finish(run, output_size=5)
    where = {"type": "jobs", "ids": [job.id], "block_ids": [0], "task_ids": [0]}
    for mode in ("output", "story", "log"):
        ask.history.late = True
        answer = ask(**where, mode=mode)
        assert "done" in json.dumps(answer) or "success" in json.dumps(answer)
    assert ask.history.waits == 3
    ask(**where, mode="output")
    assert ask.history.waits == 3, "nobody waits when everything is there"


def test_a_silent_command_has_an_empty_output(farm: StoryFarm, ask: Asker) -> None:
    farm.render("a")
    job = farm.submit(1)
    farm.finish(farm.start(1)[0])
    answer = ask(type="jobs", mask="job", block_ids=[0], task_ids=[0], mode="output")["task"]
    assert answer["data"] == ""
    assert answer["offset"] == 0
    assert answer["pos"]["job"] == job.id


# ---------------------------------------------------------------------------------- any request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
SMALL = st.integers(-2, 5) | st.sampled_from([2**31, 2**63, 10**30])
TYPES = ("jobs", "renders", "users", "monitors", "branches", "pools", "files", "config")
MODES = (
    "full", "progress", "log", "output", "story", "explain", "info", "files", "error_hosts",
    "resources", "tasks_log", "jobs_order", "events", "thumbnail", "properties", "zzz",
)  # fmt: skip
REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(TYPES) | JSON,
        "mode": st.sampled_from(MODES) | st.lists(st.sampled_from(MODES), max_size=3) | JSON,
        "ids": st.lists(SMALL, max_size=2) | JSON,
        "serials": st.lists(SMALL, max_size=2) | JSON,
        "uids": st.lists(SMALL, max_size=2) | JSON,
        "users": st.lists(st.sampled_from(["anna", ""])) | JSON,
        "block_ids": st.lists(SMALL, max_size=2) | JSON,
        "task_ids": st.lists(SMALL, max_size=2) | JSON,
        "mask": st.sampled_from(["job", "a", "|", "("]) | JSON,
        "number": SMALL | JSON,
        "offset": SMALL | JSON,
        "first": SMALL | JSON,
        "count": SMALL | JSON,
        "mon_id": JSON,
        "binary": JSON,
        "path": st.text() | JSON,
    },
)


@pytest.fixture(scope="module")
def busy() -> Asker:
    farm = StoryFarm()
    farm.render("a", capacity=1000)
    farm.submit(blocks=[
        {"name": "one", "frames": 3}, {"name": "two", "commands": ["x", "y"], "depend_mask": "one"},
    ])  # fmt: skip
    farm.finish(farm.start(1)[0])
    farm.start(1)
    return Asker(farm)


@given(REQUEST | st.dictionaries(st.text(), JSON, max_size=4), st.booleans())
def test_any_request_has_an_answer(busy: Asker, request_: dict[str, Any], strict: bool) -> None:
    """Whatever is asked: valid JSON, or a refusal that names what to mend."""
    try:
        answer = busy(request_, strict=strict)
    except UserError as error:
        answer = {"error": error.message, "hint": error.hint, "field": error.field}
    assert isinstance(answer, dict)
    assert answer.get("error", "-"), "a refusal without a word"
