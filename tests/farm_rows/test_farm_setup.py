"""Rows S15, S50, S52, S72, S73: a farm file, what hosts get of it, and a change of it."""

from __future__ import annotations

from pathlib import Path

from afanasy.core import events
from afanasy.core.effects import Note
from afanasy.core.host.host_values import origins
from afanasy.farmsetup.load import load_file
from afanasy.model.farm_setup import FarmSetup, Limit, Pattern, ServiceRule
from harness.farm import StoryFarm

SAMPLE = Path(__file__).parents[1] / "data" / "farm.xml"
ANY = (ServiceRule("generic"),)


def read(farm: StoryFarm, path: Path) -> None:
    setup, lines = load_file(path)
    farm.apply(events.SetFarmSetup(setup, str(path), lines))


def declare(farm: StoryFarm, *patterns: Pattern, limits: tuple[Limit, ...] = ()) -> bool:
    return farm.apply(events.SetFarmSetup(FarmSetup(patterns, limits), "farm.xml"))


def test_s15_the_farm_file_gives_capacity_by_mask(farm: StoryFarm, tmp_path: Path) -> None:
    path = tmp_path / "farm.xml"
    path.write_text(
        '<farm><pattern name="all"><service name="generic"/></pattern>'
        '<pattern name="big"><mask>big.*</mask><capacity>3000</capacity><maxtasks>3</maxtasks>'
        "</pattern></farm>"
    )
    small = farm.render("small1")
    read(farm, path)
    big = farm.render("big1")
    assert (big.capacity, big.max_tasks) == (3000, 3)
    assert (small.capacity, small.max_tasks) == (1100, 4)
    farm.submit(9, capacity=1000)
    assert sorted(run.render.name for run in farm.start(4)) == ["big1"] * 3 + ["small1"]
    assert {name: value.origin for name, value in origins(farm.core, big).items()} == {
        "capacity": "pattern 'big' of the farm file",
        "max_tasks": "pattern 'big' of the farm file",
        "power": "nobody",
        "properties": "nobody",
        "nimby_schedule": "nobody",
    }


def test_s50_the_sample_merged(farm: StoryFarm) -> None:
    """Both patterns match a render host; services add up, properties replace."""
    read(farm, SAMPLE)
    render, desk = farm.render("render7"), farm.render("desk1")
    assert render.setup is not None
    assert desk.setup is not None
    assert render.setup.patterns == ("Some Host", "Render Host")
    assert render.setup.description == "Some render machine"
    assert list(render.setup.services) == [
        "generic", "nuke", "hbatch", "prman", "mantra", "hbatch_prman", "hbatch_mantra", "maya",
    ]  # fmt: skip
    assert (render.properties, desk.properties) == ("intel nvidiagpu", "")
    assert desk.setup.services == {"generic": 0}
    farm.submit(9, service="nuke")
    assert {run.render.name for run in farm.start(1)} == {"render7"}


def test_s52_reload_while_tasks_run(farm: StoryFarm) -> None:
    """Capacity shrinks and grows; what runs goes on, and what starts obeys the new value."""
    declare(farm, Pattern("all", services=ANY, capacity=3000))
    render = farm.render("a")
    job = farm.submit(9, capacity=1000)
    runs = farm.start(3)
    assert declare(farm, Pattern("all", services=ANY, capacity=1000))
    assert (render.capacity, render.capacity_used, job.running) == (1000, 3000, 3)
    farm.finish(runs[0])
    farm.start(0)
    farm.finish(runs[1])
    farm.start(0)
    farm.finish(runs[2])
    farm.start(1)
    assert declare(farm, Pattern("all", services=ANY, capacity=2000))
    farm.start(1)
    assert render.capacity_used == 2000
    # Its service goes away: the tasks end in peace, and nothing new starts.
    assert declare(farm, Pattern("all", services=(ServiceRule("maya"),), capacity=9000))
    farm.start(0)
    assert job.running == 2


def test_s52_hosts_without_a_pattern_and_no_file_any_more(farm: StoryFarm) -> None:
    declare(farm, Pattern("others", "b.*", services=ANY))
    render = farm.render("a")
    job = farm.submit(2, capacity=1000)
    farm.start(0)
    (group,) = farm.explain(job.blocks[0]).classes
    assert "no pattern" in group.reason.text()
    assert farm.apply(events.SetFarmSetup(None))
    assert render.setup is None
    farm.start(1)


def test_s52_the_same_file_again_changes_nothing(farm: StoryFarm) -> None:
    read(farm, SAMPLE)
    farm.render("render1")
    farm.take(Note)
    setup, lines = load_file(SAMPLE)
    assert farm.apply(events.SetFarmSetup(setup, str(SAMPLE), lines)) is False
    farm.take(Note, 0)
    assert farm.core.setup_source.lines == (2, 7)


def test_s52_the_farm_in_force_survives_a_restart(farm: StoryFarm) -> None:
    """So a server whose file became bad goes on with what it had."""
    declare(farm, Pattern("all", services=ANY, capacity=3000), limits=(Limit("generic", 2),))
    farm.render("a")
    farm.submit(9, capacity=1000)
    farm.start(2)
    before = farm.core.setup, farm.core.setup_source, farm.core.limited
    farm.restart_server()
    assert (farm.core.setup, farm.core.setup_source, farm.core.limited) == before
    assert farm.core.renders["a"].capacity == 3000


def test_s72_properties_and_services_of_the_sample(farm: StoryFarm) -> None:
    read(farm, SAMPLE)
    farm.render("render1")
    farm.render("desk1")
    first = farm.submit(1, name="gpu", need_properties="nvidiagpu", capacity=500)
    farm.submit(1, name="maya", service="maya", capacity=500)
    other = farm.submit(1, name="max", service="max")
    assert {run.block.job.spec.name for run in farm.start(2)} == {"gpu", "maya"}
    (run,) = first.blocks[0].open.values()
    assert run.render.name == "render1"
    (group,) = farm.explain(other.blocks[0]).classes
    assert (group.reason.code, group.count) == ("service_absent", 2)


def test_s73_later_masks_override_earlier_ones(farm: StoryFarm) -> None:
    """``.*`` stands first; what is more exact comes behind it, and wins."""
    every = Pattern("all", ".*", services=ANY, capacity=100, power=1)
    exact = Pattern("render", "render.*", capacity=200)
    declare(farm, every, exact)
    render = farm.render("render1")
    assert (render.capacity, render.power) == (200, 1)
    declare(farm, exact, every)
    assert render.capacity == 100
    farm.apply(events.SetFarmSetup(FarmSetup((every, exact), last_match=True), "farm.xml"))
    assert (render.capacity, render.power) == (200, -1)


def test_who_says_what_of_a_render(farm: StoryFarm) -> None:
    """R22: operator, agent, pool below the root, farm file, root pool."""
    farm.apply(events.EditPool("/", {"capacity_host": 10}))
    farm.apply(events.OperatePool("/", "add_pool", name="p"))
    render = farm.render("a")
    assert render.capacity == 10
    declare(farm, Pattern("all", capacity=20))
    assert render.capacity == 20
    farm.apply(events.OperateRender("a", "set_pool", pool="/p"))
    farm.apply(events.EditPool("/p", {"capacity_host": 30}))
    assert render.capacity == 30
    farm.drop_link(render)
    farm.come_back(render, capacity=40)
    assert render.capacity == 40
    farm.edit(render, capacity_host=50)
    assert render.capacity == 50


def test_runs_are_counted_by_pool_and_pattern(farm: StoryFarm) -> None:
    """R38: the pool of the host and the last pattern that matches it, when the run ends."""
    farm.render("desk1")
    farm.submit(1, name="early", job={"project": "city"})
    farm.finish(farm.start(1)[0])
    declare(farm, Pattern("all", services=ANY), Pattern("big", mask="big.*"))
    farm.apply(events.OperatePool("/", "add_pool", name="gpu"))
    farm.apply(events.EditPool("/gpu", {"pattern": "big.*"}))
    farm.render("big1")
    farm.submit(6, name="late", job={"project": "city"})
    runs = farm.start()
    for run in runs:
        farm.finish(run)
    assert {run.render.name for run in runs} == {"desk1", "big1"}
    pools = {key[4:6]: number for key, number in farm.core.facets.items()}
    assert pools.keys() == {("/", ""), ("/", "all"), ("/gpu", "big")}
    assert {key[:4] for key in farm.core.facets} == {("anna", "city", "", "/")}
    rows = farm.store.rows()
    facet_of = {run: facet for run, _, _, facet, *_ in rows["runs"]}
    for run in runs:
        where = ("/gpu", "big") if run.render.name == "big1" else ("/", "all")
        assert facet_of[run.id] == pools[where]
    farm.restart_server()
    assert {key[4:6]: number for key, number in farm.core.facets.items()} == pools
