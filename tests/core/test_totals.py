"""What a host has in all is a lasting check (R13), and reports may change it (R27)."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.state import Render
from afanasy.core.tasks import Code
from harness.farm import StoryFarm

FREE = {"mem_free_mb": 50_000, "hdd_free_gb": 50_000, "gpu_mem_used_mb": 0, "gpu_num": 1}
TOTALS = {
    "need_memory": "mem_total_mb",
    "need_hdd": "hdd_total_gb",
    "need_gpu_mem_mb": "gpu_mem_total_mb",
}
needs = pytest.mark.parametrize("name", TOTALS)


def report(farm: StoryFarm, render: Render, **values: object) -> None:
    farm.apply(events.RenderResources(render.name, {**FREE, **values}))


@needs
def test_a_host_that_has_less_is_not_suitable(farm: StoryFarm, name: str) -> None:
    """The only host that has enough is avoided: nothing is left to wait for."""
    for host, total in (("small", 1000), ("large", 3000)):
        farm.render(host, resources={**FREE, TOTALS[name]: total})
    block = farm.submit(1, errors_avoid_host=1, errors_retries=9, **{name: 2000}).blocks[0]
    (run,) = farm.start(1)
    assert run.render.name == "large"
    farm.fail(run)
    assert block.stuck == "the only suitable host is avoided"
    assert block.code(0) == Code.ERROR
    report(farm, farm.core.renders["small"], **{TOTALS[name]: 2000})
    assert not block.stuck
    assert block.code(0) != Code.ERROR


@needs
def test_a_report_that_shows_more_starts_the_work(farm: StoryFarm, name: str) -> None:
    render = farm.render("a", resources={**FREE, TOTALS[name]: 1000})
    block = farm.submit(1, **{name: 2000}).blocks[0]
    farm.start(0)
    assert block.fits is not None
    assert not block.fits.names
    assert not render.wanted, "no amount that becomes free would help"
    report(farm, render, **{TOTALS[name]: 2000})
    farm.finish(farm.start(1)[0])


@needs
def test_an_edited_need(farm: StoryFarm, name: str) -> None:
    farm.render("a", resources={**FREE, TOTALS[name]: 1000})
    block = farm.submit(1, **{name: 2000}).blocks[0]
    farm.start(0)
    farm.edit(block, **{name: 1000})
    farm.start(1)


@pytest.mark.parametrize("name", ["need_memory", "need_hdd"])
@pytest.mark.parametrize("who", ["user", "job", "branch"])
def test_needs_of_others(farm: StoryFarm, who: str, name: str) -> None:
    farm.render("a", resources={**FREE, TOTALS[name]: 1000})
    job = farm.submit(1, branch="/b")
    for amount, starts in ((2000, 0), (1000, 1)):
        params = {name: amount}
        if who == "user":
            farm.edit("anna", **params)
        elif who == "job":
            farm.edit(job, **params)
        else:
            farm.apply(events.EditBranch("/b", params))
        assert bool(job.blocks[0].fits and job.blocks[0].fits.names) == bool(starts)
        farm.start(starts)


def test_a_total_that_is_not_reported_is_not_known(farm: StoryFarm) -> None:
    """Only what is free counts there, as ever."""
    render = farm.render("a", resources={"mem_free_mb": 1000, "hdd_free_gb": 10, "hdd_total_gb": 0})
    block = farm.submit(1, need_memory=2000, need_hdd=5).blocks[0]
    farm.start(0)
    assert farm.explain(block).classes[0].reason.code == "need_memory"
    assert render.wanted == {"mem_free_mb": 2000.0}
    report(farm, render)
    farm.start(1)
