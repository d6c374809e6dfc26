"""Actions on a farm in memory: who is meant, what is refused with which words, what is done."""

from __future__ import annotations

from typing import Any

import pytest

from afanasy.core.effects import Stop
from afanasy.core.tasks import Code
from afanasy.model.errors import UserError
from afanasy.model.reading import Reader
from afanasy.server.change.action import act
from afanasy.server.change.read_operation import task_ranges
from afanasy.server.matcher import Masks
from harness.farm import StoryFarm


def action(farm: StoryFarm, *, strict: bool = False, **members: Any) -> dict[str, Any]:
    request = {"user_name": "anna", "host_name": "desk", "type": "jobs", **members}
    request = {key: value for key, value in request.items() if value is not None}
    reader = Reader(strict=strict)
    try:
        return act(farm.core, request, reader, Masks(), farm.apply)
    except UserError as error:
        return {"info": {"kind": "error", "text": error.message}}


def text(answer: dict[str, Any]) -> str:
    return answer["info"]["text"]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"user_name": None}, 'Action should have a not empty "user_name" string.'),
        ({"host_name": ""}, 'Action should have a not empty "host_name" string.'),
        ({"type": None}, "Invalid action."),
        ({"ids": None}, "JSON action should have nodes ids or mask to operate with."),
        ({"type": "zzz"}, "Action has unknown type: 'zzz'"),
        ({"ids": [777]}, "Action node ID not found: 777."),
        ({"ids": [-3]}, "Action node ID not found: -3."),
        ({"ids": [10**8]},
         "Action node ID above container capacity: 100000000 >= 1000000."),
        ({"ids": None, "mask": "nothing"}, "Jobs: No node matches 'nothing' found."),
        ({"operation": None}, 'Action should have an "operation" or(and) "params" object.'),
        ({"operation": 5}, 'Action "operation" should be an object.'),
        ({"operation": {}}, 'Action "operation" "type" should be a string.'),
        ({"operation": {"type": ""}}, 'Action "operation" "type" string is empty.'),
        ({"operation": {"type": "frobnicate"}}, "Unknown operation: frobnicate"),
        ({"operation": None, "params": [1]}, 'Action "params" should be an object.'),
        ({"operation": None, "params": {"user_name": "ghost"}}, "User does not exist: ghost"),
        ({"operation": None, "params": {"branch": "/no"}}, "New job branch not found: /no"),
        ({"ids": [1], "operation": {"type": "delete"}}, "System job can't be deleted."),
        ({"operation": {"type": "append_blocks"}}, "Operation requires blocks array."),
        ({"operation": {"type": "append_blocks", "blocks": []}},
         "Operation blocks array has zero size."),
        ({"block_ids": [55]}, "Invalid block number: 55"),
        ({"block_ids": []},
         '"block_ids" array does not contain any integers or invalid "block_mask"'),
        ({"block_ids": [0], "operation": {"type": "skip", "task_ids": [99]}},
         "Invalid operation task numer = 99"),
        ({"block_ids": [0], "operation": {"type": "trynext", "mode": "append"}},
         "'task_ids' array is not specified."),
        ({"block_ids": [0], "operation": {"type": "trynext", "task_ids": [1]}},
         "Invalid 'mode' = ''."),
        ({"block_ids": [0], "operation": {"type": "tickets", "count": 5}},
         "Ticket 'name' string is not specified."),
        ({"block_ids": [0], "operation": {"type": "append_tasks", "tasks": []}},
         "Appending tasks to numeric block is not allowed."),
    ],
)  # fmt: skip
def test_refusals_have_the_known_words(
    farm: StoryFarm, members: dict[str, Any], words: str
) -> None:
    job = farm.submit(5)
    answer = action(farm, **{"ids": [job.id], "operation": {"type": "pause"}, **members})
    assert (answer["info"]["kind"], text(answer)) == ("error", words)


def test_ids_serials_and_masks_name_jobs(farm: StoryFarm) -> None:
    one, two = farm.submit(1, name="shot1"), farm.submit(1, name="shot2")
    assert action(farm, ids=[one.id], operation={"type": "pause"})["info"]["kind"] == "log"
    assert (one.off, two.off) == (True, False)
    action(farm, serials=[two.serial], operation={"type": "pause"})
    assert two.off
    answer = action(farm, mask="shot.", operation={"type": "start"})
    assert not one.off
    assert not two.off
    assert text(answer) == "Action processed."
    refused = action(farm, mask="shot", operation={"type": "pause"})
    assert text(refused) == "Jobs: No node matches 'shot' found."
    assert "no regular expression" in text(action(farm, mask="r[", operation={"type": "pause"}))


def test_an_unknown_id_does_not_stop_the_others(farm: StoryFarm) -> None:
    job = farm.submit(1)
    answer = action(farm, ids=[777, job.id], operation={"type": "pause"})
    assert job.off
    assert text(answer) == "Action node ID not found: 777."


def test_a_job_that_is_being_deleted_does_not_stop_the_others(farm: StoryFarm) -> None:
    farm.render("a")
    going, other = farm.submit(1), farm.submit(1)
    farm.start(1)
    assert action(farm, ids=[going.id], operation={"type": "delete"})["count"] == 1
    farm.take(Stop, 1)
    for members in (
        {"operation": {"type": "pause"}},
        {"params": {"priority": 7}},
        {"params": {"capacity": 7}, "block_ids": [0]},
        {"operation": {"type": "skip"}, "block_ids": [-1]},
    ):
        answer = action(farm, ids=[going.id, other.id], **members)
        assert answer["info"] == {"kind": "error", "text": f"job {going.id} is being deleted"}
        assert "count" in answer
    assert (going.off, other.off) == (False, True)
    assert (going.spec.priority, other.spec.priority) == (99, 7)
    assert (going.blocks[0].spec.capacity, other.blocks[0].spec.capacity) == (1000, 7)
    assert action(farm, ids=[going.id], operation={"type": "delete"})["info"]["kind"] == "log"
    farm.take(Stop)


def test_tasks_by_ids_and_by_ranges(farm: StoryFarm) -> None:
    job = farm.submit(10)
    skip = {"type": "skip", "task_ids": [1, 2, 5], "task_ranges": [[8, 9]]}
    answer = action(farm, ids=[job.id], block_ids=[0], operation=skip)
    assert answer["count"] == 5
    skipped = [n for n, code in enumerate(farm.codes(job.blocks[0])) if code == Code.SKIPPED]
    assert skipped == [1, 2, 5, 8, 9]


def test_neighbouring_ids_become_one_range() -> None:
    reader = Reader(strict=False)
    named = task_ranges({"type": "skip", "task_ids": [3, 1, 2, 7]}, reader)
    assert named == [range(1, 4), range(7, 8)]
    assert task_ranges({"type": "skip"}, reader) is None
    with pytest.raises(UserError, match="first ≤ last"):
        task_ranges({"type": "skip", "task_ranges": [[3, 1]]}, reader)


def test_tasks_to_try_next_keep_their_order(farm: StoryFarm) -> None:
    job = farm.submit(10)
    operation = {"type": "trynext", "mode": "append", "task_ids": [7, 2]}
    answer = action(farm, ids=[job.id], block_ids=[0], operation=operation)
    assert answer["info"] == {"kind": "info", "text": "Tasks to try next processed."}
    assert list(job.try_next) == [(0, 7), (0, 2)]


def test_params_of_jobs(farm: StoryFarm) -> None:
    job = farm.submit(1, folders={"input": "/in"})
    params = {"priority": 300, "max_running_tasks": 3, "folders": {"output": "/out"}, "what": 1}
    answer = action(farm, ids=[job.id], params=params)
    assert (job.spec.priority, job.spec.max_running_tasks) == (255, 3)
    assert job.spec.folders == {"input": "/in", "output": "/out"}
    assert any("priority" in warning for warning in answer["warnings"])
    before = job.spec.depend_mask
    assert "no regular expression" in text(action(farm, ids=[job.id], params={"depend_mask": "("}))
    assert job.spec.depend_mask == before


def test_strict_params_name_the_field(farm: StoryFarm) -> None:
    job = farm.submit(1)
    answer = action(farm, strict=True, ids=[job.id], params={"prioriti": 5})
    assert answer["error"]["field"] == "params.prioriti"
    assert "'priority'" in answer["error"]["hint"]
    answer = action(farm, strict=True, ids=[job.id], params={"name": "other"})
    assert answer["error"]["field"] == "params.name"


def test_params_of_blocks_and_what_they_share_with_the_job(farm: StoryFarm) -> None:
    job = farm.submit(blocks=[{"name": "one"}, {"name": "two"}, {"name": "three"}])
    action(farm, ids=[job.id], block_ids=[-1], params={"capacity": 700, "priority": 5})
    assert [block.spec.capacity for block in job.blocks] == [700] * 3
    assert job.spec.priority == 5
    action(farm, ids=[job.id], block_mask="tw|th", params={"capacity": 800})
    assert [block.spec.capacity for block in job.blocks] == [700, 800, 800]


def test_appending(farm: StoryFarm) -> None:
    job = farm.submit(commands=["true"])
    block = {"name": "more", "flags": 1, "frame_first": 1, "frame_last": 5}
    answer = action(farm, ids=[job.id], operation={"type": "append_blocks", "blocks": [block] * 2})
    assert answer["object"] == {"block_ids": [1, 2]}
    tasks = [{"name": "z", "command": "echo z"}, {"name": "y", "command": "echo y"}]
    operation = {"type": "append_tasks", "tasks": tasks}
    answer = action(farm, ids=[job.id], block_ids=[0], operation=operation)
    assert answer["object"] == {"task_ids": [1, 2]}


def test_renders_and_users(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.submit(1, user="bob")
    action(farm, type="renders", mask="a", params={"NIMBY": True, "capacity_host": 5})
    assert (render.spec.NIMBY, render.capacity) == (True, 5)
    answer = action(farm, type="renders", ids=[render.id], operation={"type": "delete"})
    assert text(answer) == "Can`t delete online render."
    pools = {"/a": 300, "/b": 0}
    action(farm, type="users", mask="bob", params={"errors_retries": 7, "pools": pools})
    assert farm.core.users["bob"].spec.pools == {"/a": 100}  # as those of jobs (SEMANTICS 3.7)
    assert farm.core.users["bob"].spec.errors_retries == 7
    assert text(action(farm, type="users", mask="bob", operation={"type": "delete"})) == (
        "Action processed."
    )
    assert "bob" in farm.core.users
    strict = action(farm, strict=True, type="users", mask="bob", operation={"type": "delete"})
    assert strict["error"]["code"] == "has_jobs"


def test_answers_say_what_is_odd_about_dependencies(farm: StoryFarm) -> None:
    """Masks that name nobody, and rings (issue: warn at submission, and after edits)."""
    first = farm.submit(name="first", job={"depend_mask": "second"})
    second = farm.submit(name="second")
    answer = action(farm, ids=[second.id], params={"depend_mask": "fi.*"})
    assert answer["warnings"] == [
        "job.depend_mask: jobs wait for each other: second waits for first waits for second"
    ]
    answer = action(farm, ids=[first.id], block_ids=[0], params={"tasks_depend_mask": "x"})
    assert (
        "job.blocks[0].tasks_depend_mask: 'x' matches no other block of the job"
        in (answer["warnings"])
    )
    assert "warnings" not in action(farm, ids=[second.id], params={"priority": 50})
    answer = action(farm, ids=[second.id], operation={"type": "skip"}, block_ids=[0])
    assert answer["count"] == 1
    answer = action(farm, ids=[second.id], operation={"type": "restart", "mode": "downstream"})
    assert answer["count"] == 1


def test_a_mask_means_the_jobs_that_lists_show(farm: StoryFarm) -> None:
    job = farm.submit(1)
    answer = action(farm, mask=".*", operation={"type": "pause"})
    assert answer["info"]["kind"] != "error"
    assert job.off
    system = farm.core.jobs[0]
    assert not system.off
    action(farm, mask=system.spec.name, operation={"type": "pause"})
    assert system.off, "who names it means it"
    action(farm, mask=".*", operation={"type": "delete"})
    assert list(farm.core.jobs) == [0]
