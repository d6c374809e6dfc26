"""How often agents speak: heartbeats of pools (SEMANTICS 6.5, 8.1, R44)."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.effects import SetPace, Stop
from harness.farm import StoryFarm


def pool(farm: StoryFarm, path: str = "/", **params: object) -> None:
    if path not in farm.core.pools:
        farm.apply(events.OperatePool("/", "add_pool", name=path[1:]))
    farm.apply(events.EditPool(path, params))


@pytest.mark.parametrize(
    ("beat_s", "beats", "pace"),
    [
        (-1, -1, (1, 0)),
        (2, -1, (2, 10)),
        (-1, 30, (1, 30)),
        (2, 30, (2, 60)),
        (0, 0, (1, 0)),
        (0, 3, (1, 3)),
        (2**31 - 1, 2**31 - 1, (86_400, 86_400)),
    ],
)
def test_what_a_render_is_welcomed_with(
    farm: StoryFarm, beat_s: int, beats: int, pace: tuple[int, int]
) -> None:
    pool(farm, heartbeat_sec=beat_s, resources_update_period=beats)
    render = farm.render("a")
    assert (render.heartbeat_s, render.resources_period_s) == pace
    farm.take(SetPace, 0)


def test_an_edit_reaches_those_that_it_changes(farm: StoryFarm) -> None:
    pool(farm, "/own", heartbeat_sec=3)
    pool(farm, "/out", resources_update_period=7)
    for name in ("a", "b", "own", "out"):
        farm.render(name)
    for name in ("own", "out"):
        farm.apply(events.OperateRender(name, "set_pool", pool=f"/{name}"))
    assert farm.take(SetPace) == [SetPace("own", 3, 15), SetPace("out", 1, 7)]
    farm.bye(farm.core.renders["b"])
    pool(farm, heartbeat_sec=2)
    assert farm.take(SetPace) == [SetPace("a", 2, 10), SetPace("out", 2, 14)]
    pool(farm, heartbeat_sec=2, priority=50)
    farm.take(SetPace, 0)
    render = farm.render("b", instance="instance of b")
    assert (render.heartbeat_s, render.resources_period_s) == (2, 10)
    farm.take(SetPace, 0)
    pool(farm, heartbeat_sec=-1)
    assert SetPace("a", 1, 0) in farm.take(SetPace, 3)


def test_a_restarted_server_welcomes_with_it(farm: StoryFarm) -> None:
    pool(farm, heartbeat_sec=2)
    farm.render("a")
    farm.restart_server()
    farm.come_back("a")
    render = farm.core.renders["a"]
    assert (render.heartbeat_s, render.resources_period_s) == (2, 10)
    farm.take(SetPace, 0)


def test_a_slow_pace_is_no_silence(farm: StoryFarm) -> None:
    """Progress of which the render did not tell yet must not end the task (R19)."""
    pool(farm, heartbeat_sec=30)
    farm.render("a")
    farm.submit(1, task_progress_change_timeout=10)
    (run,) = farm.start(1)
    for _ in range(5):
        farm.wait(30)
        farm.progress(run, farm.now.mono - run.started_mono, 1.0)
    farm.take(Stop, 0)
    farm.wait(37)
    farm.take(Stop, 0)
    farm.wait(2)
    assert farm.take(Stop, 1)[0].cause == "no progress"
    farm.finish(run, 3)
