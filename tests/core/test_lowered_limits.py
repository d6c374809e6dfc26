"""Limits that were lowered below what runs: what is said, and who may still start (SEMANTICS 6)."""

from __future__ import annotations

from typing import Any

import pytest

from afanasy.core import events
from afanasy.core.state import Job, Run
from harness.farm import StoryFarm


def said(farm: StoryFarm, job: Job, task: int) -> tuple[str, str]:
    """The first reason, and what would help."""
    answer = farm.explain(job.blocks[0], task)
    if answer.work is not None:
        return answer.work.text(), answer.cures[0][1].text
    return answer.classes[0].shown().text(), answer.cures[0][1].text


#: Who has the limit → what is said when three run and one may, and when one does.
RUNNING = {
    "user": ("user anna already runs {}; his limit is 1", "user anna"),
    "branch": ("branch /b already runs {}; its limit is 1", "branch /b"),
    "job": ("the job already runs {}; its limit is 1", "the job"),
    "block": ("the block already runs {}; its limit is 1", "the block"),
}


def lower(farm: StoryFarm, job: Job, who: str, **params: object) -> None:
    match who:
        case "user":
            farm.edit("anna", **params)
        case "branch":
            farm.apply(events.EditBranch("/b", dict(params)))
        case "job":
            farm.edit(job, **params)
        case _:
            farm.edit(job.blocks[0], **params)


@pytest.mark.parametrize("who", RUNNING)
def test_how_many_run_and_how_many_may(farm: StoryFarm, who: str) -> None:
    farm.render("a", capacity=9000, max_tasks=9)
    job = farm.submit(9, branch="/b", max_running_tasks=3)
    runs = farm.start(3)
    farm.edit(job.blocks[0], max_running_tasks=-1)
    lower(farm, job, who, max_running_tasks=1)
    reason, name = RUNNING[who]
    raised = f"or raise max_running_tasks of {name}"
    cure = f"wait until 3 tasks of it end, {raised} to 4"
    assert said(farm, job, 3) == (reason.format("3 tasks"), cure)
    for run in runs[:2]:
        farm.finish(run)
    farm.start(0)
    cure = f"wait until a task of it ends, {raised} to 2"
    assert said(farm, job, 3) == (reason.format("1 task"), cure)
    farm.finish(runs[2])
    farm.start(1)


@pytest.mark.parametrize("who", RUNNING)
def test_the_same_on_a_host(farm: StoryFarm, who: str) -> None:
    farm.render("a", capacity=9000, max_tasks=9)
    job = farm.submit(9, branch="/b", max_running_tasks=3)
    farm.start(3)
    farm.edit(job.blocks[0], max_running_tasks=-1)
    lower(farm, job, who, max_running_tasks_per_host=1)
    reason = RUNNING[who][0].format("3 tasks there").replace("limit", "limit per host")
    text, cure = said(farm, job, 3)
    assert text == reason
    assert cure.startswith("wait until 3 tasks there end, or raise")


def test_slots_of_a_host(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=9000, max_tasks=3)
    job = farm.submit(9)
    farm.start(3)
    farm.edit(render, max_tasks_host=2)
    text, cure = said(farm, job, 3)
    assert text == "already runs 3 tasks; its limit is 2"
    assert cure == "wait until 2 tasks there end, or raise max_tasks_host of a to 4"


def nukes(farm: StoryFarm, **limits: Any) -> tuple[Job, list[Run]]:
    """Three hosts with a task of nuke each; then the limit is lowered."""
    for name in "abc":
        farm.render(name, capacity=9000, max_tasks=1)
    job = farm.submit(20, service="nuke")
    runs = farm.start(3)
    for name in "abc":
        farm.edit(farm.core.renders[name], max_tasks_host=3)
    farm.apply(events.SetLimit("nuke", **limits))
    return job, runs


def test_a_count_of_a_service(farm: StoryFarm) -> None:
    job, runs = nukes(farm, max_count=2)
    text, cure = said(farm, job, 3)
    assert text == f"limit nuke 3/2 held by job {job.id}"
    assert cure == "wait until 2 of those are given back, or raise the limit to 4"
    farm.finish(runs[0])
    farm.start(0)
    assert said(farm, job, 3)[1] == "wait until one of those ends, or raise the limit to 3"


def test_hosts_of_a_service(farm: StoryFarm) -> None:
    job, runs = nukes(farm, max_hosts=1)
    farm.render("d", capacity=9000)
    started = farm.start(6)
    assert {run.render.name for run in started} == set("abc"), "who has it may go on (6.3)"
    texts = {group.shown().text() for group in farm.explain(job.blocks[0], 19).classes}
    assert f"limit nuke: on 3 hosts, 1 at most; held by job {job.id}" in texts
    cures = {cure.text for _, cure in farm.explain(job.blocks[0], 19).cures}
    assert "wait until none is left on 3 of those hosts, or allow 4 hosts" in cures
    for run in (*runs, *started):
        if run.render.name in "ab":
            farm.finish(run)
    farm.start(0)
    cures = {cure.text for _, cure in farm.explain(job.blocks[0], 19).cures}
    assert "wait until none is left on one of those hosts, or allow 2 hosts" in cures


def tickets(farm: StoryFarm, pool: str, said: tuple[int, int], **more: Any) -> Job:
    farm.apply(events.EditPool("/", {"tickets_pool": {"lic": (9, -1)}}))
    for name in "abc":
        farm.render(name, capacity=9000, max_tasks=1)
    job = farm.submit(20, tickets={"lic": 2}, **more)
    farm.start(3)
    for name in "abc":
        farm.edit(farm.core.renders[name], max_tasks_host=3)
    farm.apply(events.EditPool(pool, {"tickets_pool": {"lic": said}}))
    return job


def test_hosts_of_a_ticket(farm: StoryFarm) -> None:
    """Who has it may not go on while it is on too many (6.2): so one host fewer is to be left."""
    job = tickets(farm, "/", (99, 1))
    farm.start(0)
    answer = farm.explain(job.blocks[0], 3)
    assert answer.cures[0][1].text.startswith("wait until none is left on 2 of those hosts, ")
    assert answer.cures[0][1].text.endswith(" on 3 hosts")


def test_a_count_of_a_ticket(farm: StoryFarm) -> None:
    job = tickets(farm, "/", (3, -1))
    assert said(farm, job, 3)[1].startswith("wait until 5 of those are given back, or raise ")


def test_tickets_of_a_host(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=9000, max_tasks=3)
    job = farm.submit(20, tickets={"lic": 1})
    farm.start(3)
    farm.edit(render, max_tasks_host=9, tickets_host={"lic": 2})
    assert said(farm, job, 3)[1].startswith("wait until 2 there are given back, or raise ")
