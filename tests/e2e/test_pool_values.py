"""What pools want of agents, with real ones: the pace of their reports, their exit (8.1, R11)."""

from __future__ import annotations

import json

import pytest

from e2e.test_system_job import afcmd
from harness.processes import Farm, wait_until
from harness.receivers import HookReceiver

pytestmark = pytest.mark.e2e


def reports(farm: Farm) -> int:
    """Reports of resources that the server has had from renders."""
    messages = farm.ask({"get": {"type": "stats"}})["stats"]["messages"]
    return sum(one["count"] for one in messages if one["kind"] == "resources")


def test_an_agent_without_tasks_exits_by_itself(real: Farm) -> None:
    render = real.start_render("a")
    stays = real.start_render("b")
    afcmd(real, "pool", "add", "/stay", "exit_no_task_time=0")
    afcmd(real, "renders", "move", "b", "/stay")
    job = real.submit({"tasks": [{"name": "t", "command": "true"}]})
    real.wait_job(job, "DON")
    afcmd(real, "pools", "set", "/", "exit_no_task_time=1")
    assert render.popen.wait(60) == 0, render.tail()
    assert "exit: stopped" in render.text()
    shown = json.loads(afcmd(real, "--json", "renders"))["renders"]
    found = {one["name"]: one["state"].split() for one in shown}
    assert "OFF" in found["a"]
    assert "ONL" in found["b"]
    assert stays.alive()
    afcmd(real, "pools", "set", "/", "exit_no_task_time=3600")
    real.start_render("a")
    job = real.submit({"tasks": [{"name": "t", "command": "true"}], "hosts_mask": "a"})
    real.wait_job(job, "DON")


def test_reports_come_at_the_pace_of_the_pool(real: Farm) -> None:
    afcmd(real, "pools", "set", "/", "heartbeat_sec=1", "resources_update_period=3600")
    real.start_render("a")
    assert reports(real) == 0
    afcmd(real, "pools", "set", "/", "resources_update_period=1")
    wait_until(lambda: reports(real) >= 3, "reports of each second")
    afcmd(real, "pool", "add", "/slow", "heartbeat_sec=600", "resources_update_period=6")
    afcmd(real, "renders", "move", "a", "/slow")
    job = real.submit({"tasks": [{"name": "t", "command": "true"}]})
    real.wait_job(job, "DON")  # the new pace has arrived
    before = reports(real)
    job = real.submit({"tasks": [{"name": "t", "command": "sleep 2"}]})
    real.wait_job(job, "DON")
    assert reports(real) == before


def test_people_hear_of_idle_hosts(real: Farm) -> None:
    real.start_render("a")
    with HookReceiver() as hook:
        afcmd(real, "set", "--user", "afadmin", f"webhook={hook.url}")
        afcmd(real, "pools", "set", "/", "no_task_event_time=1")
        wait_until(lambda: len(hook.got) >= 2, "the hook, and again")
    document = json.loads(hook.got[0][2])
    assert document["events"] == ["RENDER_NO_TASK"]
    assert document["render"]["name"] == "a"
