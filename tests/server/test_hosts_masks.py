"""Hosts masks that are edited: read anew, refused when they are wrong, warned of (R20, R49)."""

from __future__ import annotations

from typing import Any

import pytest

from afanasy.core.state import Job
from afanasy.model.errors import UserError
from afanasy.model.reading import Reader
from afanasy.server.change.action import act, error_object
from afanasy.server.matcher import Masks
from afanasy.server.show.view_job import jobs_view
from harness.farm import StoryFarm

NOBODY = "names no known render"


def action(farm: StoryFarm, **members: Any) -> dict[str, Any]:
    request = {"user_name": "anna", "host_name": "desk", "type": "jobs", **members}
    answer: dict[str, Any]
    try:
        answer = act(farm.core, request, Reader(strict=True), Masks(), farm.apply)
    except UserError as error:
        answer = {"error": error_object(error)}
    if "error" in answer:
        answer["error"] = {key: answer["error"][key] for key in ("field", "code")}
    return answer


def warned(answer: dict[str, Any]) -> list[str]:
    assert "error" not in answer, answer
    return answer.get("warnings", [])


def shown(farm: StoryFarm, job: Job) -> str:
    (view,) = jobs_view([job], farm.now)
    return view["hosts_mask_type"]


@pytest.fixture
def hosts(farm: StoryFarm) -> StoryFarm:
    for name in ("r1", "r2", "s1"):
        farm.render(name)
    return farm


def started_on(farm: StoryFarm) -> set[str]:
    return {run.render.name for run in farm.start()}


@pytest.mark.parametrize(
    ("first", "then", "kind", "names"),
    [
        ("r1", "r[12]", "regex", {"r1", "r2"}),
        ("r[1]", "r1,r2", "find", {"r1", "r2"}),
        ("s1", "r.", "find", set[str]()),
    ],
)
@pytest.mark.parametrize("of_block", [False, True])
def test_an_edited_mask_is_read_by_its_own_looks(
    hosts: StoryFarm, first: str, then: str, kind: str, names: set[str], of_block: bool
) -> None:
    blocks: list[dict[str, Any]] = [{"frames": 9, "hosts_mask": first if of_block else ""}]
    job = hosts.submit(
        job={"hosts_mask": "" if of_block else first, "offline": True}, blocks=blocks
    )
    where = {"block_ids": [0]} if of_block else {}
    answer = action(hosts, ids=[job.id], params={"hosts_mask": then}, **where)
    assert [NOBODY in text for text in warned(answer)] == [True] * (not names)
    assert shown(hosts, job) == kind
    action(hosts, ids=[job.id], operation={"type": "start"})
    assert started_on(hosts) == names
    broken = action(hosts, ids=[job.id], params={"hosts_mask": "r("}, **where)
    assert broken["error"] == {"field": "params.hosts_mask", "code": "bad_mask"}


def test_a_cleared_mask_says_nothing_of_the_next_one(hosts: StoryFarm) -> None:
    job = hosts.submit(job={"hosts_mask": "r1", "offline": True})
    action(hosts, ids=[job.id], params={"hosts_mask": ""})
    new = {"name": "more", "service": "generic", "hosts_mask": "r.*", "tasks": [{"command": "x"}]}
    answer = action(hosts, ids=[job.id], operation={"type": "append_blocks", "blocks": [new]})
    assert warned(answer) == []
    assert job.blocks[1].fits is not None
    assert list(job.blocks[1].fits.names) == ["r1", "r2"]


def test_a_type_that_was_given_stays(hosts: StoryFarm) -> None:
    job = hosts.submit(job={"hosts_mask": "r1", "hosts_mask_type": "regex", "offline": True})
    answer = action(hosts, ids=[job.id], params={"hosts_mask": "r1,r2"})
    (text,) = warned(answer)
    assert text == (
        "hosts_mask of job: 'r1,r2' names no known render as a regular expression;"
        " as beginnings of names it would name 2"
    )
    assert warned(action(hosts, ids=[job.id], params={"hosts_mask_type": ""})) == []
    assert shown(hosts, job) == "find"


def test_every_edit_warns_of_a_mask_that_names_nobody(hosts: StoryFarm) -> None:
    job = hosts.submit(branch="/b", blocks=[{"name": "b"}, {"name": "c"}])
    for name in ("hosts_mask", "hosts_mask_exclude"):
        params = {name: "qq"}
        for what, members in (
            ("job", {"ids": [job.id]}),
            ("block b", {"ids": [job.id], "block_ids": [0]}),
            ("user anna", {"type": "users", "mask": "anna"}),
            ("branch /b", {"type": "branches", "mask": "/b"}),
        ):
            (text,) = warned(action(hosts, params=params, **members))
            assert text.startswith(f"{name} of {what}: 'qq' {NOBODY} as beginnings of names; ")
            assert warned(action(hosts, params={"annotation": "x"}, **members)) == []
            assert warned(action(hosts, params={name: ""}, **members)) == []
    block = {"name": "d", "service": "generic", "hosts_mask": "qq", "tasks": [{"command": "x"}]}
    answer = action(hosts, ids=[job.id], operation={"type": "append_blocks", "blocks": [block]})
    (text,) = warned(answer)
    assert text.startswith(f"hosts_mask of block d: 'qq' {NOBODY}")


def test_an_edit_warns_of_what_it_changed_only(hosts: StoryFarm) -> None:
    """The type is that of the blocks' masks, too; a mask of the job is the job's."""
    job = hosts.submit(job={"hosts_mask": "r1"}, blocks=[{"name": "b", "hosts_mask": "qq"}])
    assert warned(action(hosts, ids=[job.id], params={"hosts_mask": "r2"})) == []
    (text,) = warned(action(hosts, ids=[job.id], params={"hosts_mask_type": "regex"}))
    assert text.startswith("hosts_mask of block b: ")


def test_the_other_reading_may_be_none(hosts: StoryFarm) -> None:
    job = hosts.submit(job={"hosts_mask_type": "find"})
    (text,) = warned(action(hosts, ids=[job.id], params={"hosts_mask": "q("}))
    assert text.endswith("as beginnings of names; it is no regular expression")


def test_a_users_new_type_is_checked_with_the_masks_of_his_jobs(hosts: StoryFarm) -> None:
    """Masks without a type are read by his; a wrong one would match nobody, or exclude nobody."""
    hosts.submit()
    hosts.edit("anna", hosts_mask_type="find")
    job = hosts.submit(job={"hosts_mask_exclude": "r("}, blocks=[{"name": "b", "hosts_mask": "r"}])
    anna = {"type": "users", "mask": "anna"}
    answer = action(hosts, params={"hosts_mask_type": "regex"}, **anna)
    assert answer["error"]["field"] == f"jobs[{job.id}].hosts_mask_exclude"
    assert job.user.spec.hosts_mask_type == "find"
    hosts.edit(job, hosts_mask_exclude="")
    (text,) = warned(action(hosts, params={"hosts_mask_type": "regex"}, **anna))
    assert text.startswith(f"hosts_mask of block b of job {job.id}: 'r' {NOBODY} as a regular")


def test_a_job_that_gets_another_owner_is_read_by_his_type(hosts: StoryFarm) -> None:
    hosts.submit(user="berta")
    hosts.edit("berta", hosts_mask_type="regex")
    hosts.submit()
    hosts.edit("anna", hosts_mask_type="find")
    job = hosts.submit(job={"hosts_mask": "r("})
    answer = action(hosts, ids=[job.id], params={"user_name": "berta"})
    assert answer["error"]["code"] == "bad_mask"
    assert job.user.name == "anna"
    hosts.edit(job, hosts_mask="r")
    (text,) = warned(action(hosts, ids=[job.id], params={"user_name": "berta"}))
    assert NOBODY in text


def test_an_action_never_takes_a_part_of_what_its_mask_means(farm: StoryFarm) -> None:
    """The names that are tried at the edge are the first thousand; a slow one may come later."""
    farm.submit(name="aab")
    farm.submit(name="a" * 60 + "!")
    for n in range(2):
        answer = action(farm, mask="(a|aa)+b", params={"priority": 5 + n})
        assert answer["error"] == {"field": "action.mask", "code": "slow_mask"}
    assert {job.spec.priority for job in farm.core.jobs.values()} == {99}
