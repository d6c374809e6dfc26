"""Why hosts stay asleep: nobody sends the packet, or something else keeps work from them."""

from __future__ import annotations

from typing import Any

import pytest

from afanasy.core import events
from afanasy.core.why.explain_render import explain_render
from harness.farm import StoryFarm
from harness.sleepers import fall_asleep, host, operate, state, wakes


def test_nobody_is_woken_while_the_system_job_is_paused(farm: StoryFarm) -> None:
    """Its task would send the packet; what is asked by hand waits, and is told so."""
    render, system = host(farm), farm.core.jobs[0]
    host(farm, "other", capacity=500)
    fall_asleep(farm, render)
    farm.operate(system, "pause")
    block = farm.submit(1).blocks[0]
    farm.solve()
    farm.wait(40)
    assert (wakes(farm), state(render)) == ([], (False, True, False))
    nobody = "job 1, which sends the packet, starts nothing: the job is paused"
    answer = farm.explain(block)
    assert answer.summary == f"the renders that could run it sleep; {nobody}"
    assert answer.cures[0][1] == (
        "let job 1 send the packet: start the job",
        (events.OperateJob(0, "start"),),
        ("afcmd start 1",),
    )
    told = farm.apply(events.OperateRender("a", "wol_wake"))
    assert told.warnings == [f"{nobody}; it is sent when that has ended"]
    farm.start(0)
    answer = farm.explain(block)
    assert answer.summary == f"a render that could run it is being woken; {nobody}"
    for event in answer.cures[0][1].events:
        farm.apply(event)
    (run,) = farm.start(1)
    assert run.block.spec.service == "wakeonlan"
    assert farm.explain(block).classes[0].reason.text() == "is being woken"
    farm.effects.clear()


def test_the_owner_of_the_system_job_may_keep_it_from_sending(farm: StoryFarm) -> None:
    """A limit that a running task reaches is another thing: that task ends."""
    render, system = host(farm), farm.core.jobs[0]
    host(farm, "other", capacity=500)
    fall_asleep(farm, render)
    block = farm.submit(1).blocks[0]
    for params, text in (
        ({"paused": True}, f"user {system.user.name} is paused"),
        ({"paused": False, "max_running_tasks_per_host": 0}, "max_running_tasks_per_host is 0"),
    ):
        farm.edit(system.user.name, **params)
        answer = farm.explain(block)
        assert answer.summary.endswith(text)
        assert answer.cures[0][1].events
    for event in answer.cures[0][1].events:
        farm.apply(event)
    assert farm.explain(block).summary == "the renders that could run it sleep"
    farm.edit(system, max_running_tasks=1)
    farm.operate(system, "pause")
    farm.apply(events.OperateRender("a", "wol_wake"))
    farm.operate(system, "start")
    farm.start(1)
    assert farm.explain(block).summary == "a render that could run it is being woken"


@pytest.mark.parametrize(
    ("taken", "code"),
    [
        ({"paused": True}, "render_paused"),
        ({"NIMBY": True}, "NIMBY"),
        ({"nimby": True, "user_name": "zoe"}, "nimby"),
        ({"priority": 0}, "render_priority_zero"),
    ],
)
@pytest.mark.parametrize("woken", [False, True])
def test_what_was_done_to_a_host_without_an_agent_is_told(
    farm: StoryFarm, taken: dict[str, Any], code: str, woken: bool
) -> None:
    """Before that it sleeps, or is being woken: it takes no work when it is up, either."""
    render = host(farm)
    host(farm, "other", capacity=500)
    fall_asleep(farm, render)
    if woken:
        operate(farm, render, "wol_wake")
    plain = explain_render(farm.core, render, farm.now)
    assert plain.own is not None
    assert plain.own.code == ("render_waking" if woken else "render_asleep")
    farm.edit(render, **taken)
    found = explain_render(farm.core, render, farm.now)
    assert found.own is not None
    assert found.own.code == code
    assert [reason.code for reason, _ in found.cures] == [code]
    block = farm.submit(1).blocks[0]
    answer = farm.explain(block)
    assert answer.classes[0].reason.code == code
    assert explain_render(farm.core, render, farm.now).cures == answer.cures[:1]
    for event in answer.cures[0][1].events:
        farm.apply(event)
    word = "render_waking" if woken else "render_asleep"
    assert farm.explain(block).classes[0].reason.code == word
    farm.effects.clear()
