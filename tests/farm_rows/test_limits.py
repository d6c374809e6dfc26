"""Rows S30 to S32: service limits and tickets, on the farm, in pools, on hosts (R29)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afanasy.core import events
from afanasy.core.limit.limit_warnings import unknown_tickets
from afanasy.core.limit.usages import SERVICE, TICKET
from afanasy.model.farm_setup import FarmSetup, HostSetup, Limit, Pattern, ServiceRule
from harness.farm import StoryFarm


def declare(farm: StoryFarm, *declared: Limit, count: int = 0) -> None:
    """A farm file with one pattern for all hosts."""
    rules = (ServiceRule("nuke", count), ServiceRule("generic"))
    setup = FarmSetup((Pattern("all", services=rules),), declared)
    farm.apply(events.SetFarmSetup(setup, "farm.xml"))


def pool_tickets(farm: StoryFarm, path: str, **tickets: tuple[int, int]) -> None:
    farm.apply(events.EditPool(path, {"tickets_pool": tickets}))


def test_s30_most_starts_on_the_farm(farm: StoryFarm) -> None:
    """maxcount 2 on 4 free hosts: 2 are running."""
    for n in range(4):
        farm.render(f"r{n}")
    declare(farm, Limit("nuke", max_count=2))
    job = farm.submit(9, service="nuke")
    other = farm.submit(9, name="other", service="nuke")
    runs = farm.start(2)
    assert farm.explain(other.blocks[0]).summary == f"limit nuke 2/2 held by job {job.id}"
    farm.finish(runs[0])
    farm.start(1)
    farm.start(0)


def test_s31_most_hosts(farm: StoryFarm) -> None:
    """maxhosts 1, a host with 3 slots: 3 run on that host."""
    for name in "ab":
        farm.render(name, capacity=3000, max_tasks=3)
    declare(farm, Limit("nuke", max_hosts=1))
    job = farm.submit(9, service="nuke")
    runs = farm.start(3)
    assert len({run.render.name for run in runs}) == 1
    texts = [c.reason.text() for c in farm.explain(job.blocks[0], 8).classes]
    assert f"limit nuke: on 1 host, 1 at most; held by job {job.id}" in texts
    for run in runs:
        farm.finish(run)
    assert len({run.render.name for run in farm.start(3)}) == 1


def test_s32_most_on_each_host(farm: StoryFarm) -> None:
    """count 1: one on each host."""
    for name in "ab":
        farm.render(name, capacity=3000, max_tasks=3)
    declare(farm, count=1)
    job = farm.submit(9, service="nuke")
    runs = farm.start(2)
    assert sorted(run.render.name for run in runs) == ["a", "b"]
    assert "limit nuke: 1 of 1 on this host" in farm.explain(job.blocks[0], 8).summary
    farm.finish(runs[0])
    assert [run.render.name for run in farm.start(1)] == [runs[0].render.name]


def test_limits_change_while_tasks_run(farm: StoryFarm) -> None:
    """The usage is carried over to the new limits; nothing is stopped."""
    render = farm.render("a", capacity=9000, max_tasks=9)
    job = farm.submit(9, service="nuke")
    farm.start(9)
    declare(farm, Limit("nuke", max_count=3))
    assert farm.core.usages[SERVICE, "nuke"].hosts == {"a": 9}
    assert job.running == 9
    farm.submit(1, name="more", service="nuke")
    farm.edit(render, max_tasks_host=20, capacity_host=20_000)
    farm.start(0)
    declare(farm, Limit("nuke", max_count=10))
    farm.start(1)


def test_a_limit_that_is_set_on_the_fly(farm: StoryFarm) -> None:
    """It wins over the farm file, stays over a restart, and can be taken back."""
    farm.render("a", capacity=9000, max_tasks=9)
    declare(farm, Limit("nuke", max_count=1))
    farm.submit(9, service="nuke")
    runs = farm.start(1)
    farm.apply(events.SetLimit("nuke", max_count=3, by="anna@desk"))
    runs += farm.start(2)
    farm.restart_server()
    farm.come_back("a", *runs)
    farm.start(0)
    assert farm.core.limited["nuke"] == Limit("nuke", 3, -1)
    farm.apply(events.SetLimit("nuke"))
    assert farm.core.limited["nuke"] == Limit("nuke", 1, -1)
    farm.finish(farm.core.runs[runs[0].id])
    farm.start(0)
    assert farm.refused(events.SetLimit("nuke"), "not_found")


def test_hosts_of_a_limit_set_on_the_fly_leave_its_count_alone(farm: StoryFarm) -> None:
    declare(farm, Limit("nuke", max_count=7))
    farm.apply(events.SetLimit("nuke", max_hosts=2))
    assert farm.core.limited["nuke"] == Limit("nuke", 7, 2)


def test_none_may_start(farm: StoryFarm) -> None:
    farm.render("a")
    declare(farm, Limit("nuke", max_count=0))
    job = farm.submit(1, service="nuke")
    farm.start(0)
    text = "limit nuke is 0: nothing that holds it may start"
    assert farm.explain(job.blocks[0]).summary == text


def test_many_holders_are_counted(farm: StoryFarm) -> None:
    farm.render("a", capacity=-1, max_tasks=20)
    declare(farm, Limit("nuke", max_count=8))
    farm.edit(farm.core.renders["a"], capacity_host=50_000)
    jobs = [farm.submit(1, name=f"j{n}", service="nuke") for n in range(9)]
    farm.start(8)
    ids = ", ".join(str(job.id) for job in jobs[:5])
    summary = farm.explain(jobs[8].blocks[0]).summary
    assert summary == f"limit nuke 8/8 held by jobs {ids} and 3 more"


def test_tickets_of_a_pool(farm: StoryFarm) -> None:
    for n in range(4):
        farm.render(f"r{n}", capacity=2000, max_tasks=2)
    pool_tickets(farm, "/", lic=(5, -1))
    job = farm.submit(9, tickets={"lic": 2})
    runs = farm.start(2)
    text = f"ticket lic 4/5 held by job {job.id}; needed: 2"
    assert text in farm.explain(job.blocks[0], 8).summary
    pool_tickets(farm, "/", lic=(8, -1))
    farm.start(2)
    farm.finish(runs[0])
    farm.start(1)


def test_tickets_of_the_nearest_pool_and_its_hosts(farm: StoryFarm) -> None:
    farm.apply(events.OperatePool("/", "add_pool", name="gpu"))
    farm.apply(events.EditPool("/gpu", {"pattern": "g.*"}))
    for name in ("g1", "g2", "x1", "x2"):
        farm.render(name, capacity=4000, max_tasks=4)
    # What renders of a pool below hold counts above, too: 6 leave one for the x.
    pool_tickets(farm, "/", lic=(5, -1))
    pool_tickets(farm, "/gpu", lic=(9, 1))
    job = farm.submit(9, tickets={"lic": 1})
    hosts = [run.render.name for run in farm.start()]
    on_gpu = [host for host in hosts if host.startswith("g")]
    assert len(set(on_gpu)) == 1, "one host of /gpu, its most"
    assert len(on_gpu) == 4
    assert len(hosts) - len(on_gpu) <= 5 - 1
    texts = {c.reason.text() for c in farm.explain(job.blocks[0], 8).classes}
    assert any(text.startswith("ticket lic of pool /gpu: on 1 host, 1 at most") for text in texts)


def test_a_pool_without_tickets_forbids_what_the_farm_allows(farm: StoryFarm) -> None:
    farm.apply(events.OperatePool("/", "add_pool", name="gpu"))
    farm.apply(events.EditPool("/gpu", {"pattern": "g.*"}))
    for name in ("g1", "x1"):
        farm.render(name)
    pool_tickets(farm, "/", lic=(9, -1))
    pool_tickets(farm, "/gpu", lic=(0, -1))
    farm.submit(9, tickets={"lic": 1})
    assert [run.render.name for run in farm.start(1)] == ["x1"]
    # -1 takes the declaration away: the root's counts again.
    pool_tickets(farm, "/gpu", lic=(-1, -1))
    assert [run.render.name for run in farm.start(1)] == ["g1"]


def test_tickets_of_hosts(farm: StoryFarm) -> None:
    farm.render("a", capacity=9000, max_tasks=9)
    farm.render("b", capacity=9000, max_tasks=9)
    farm.apply(events.EditPool("/", {"tickets_host": {"lic": 1}}))
    farm.edit(farm.core.renders["b"], tickets_host={"lic": 3})
    farm.submit(9, tickets={"lic": 1})
    runs = farm.start(4)
    assert sorted(run.render.name for run in runs) == ["a", "b", "b", "b"]
    farm.finish(runs[0])
    farm.start(1)


def test_a_lost_run_gives_back_what_it_held(farm: StoryFarm) -> None:
    """Its host is away with a stale run; another host may take the licence."""
    for name in "ab":
        farm.render(name)
    declare(farm, Limit("nuke", max_count=1))
    farm.submit(3, service="nuke")
    (run,) = farm.start(1)
    farm.drop_link(run.render)
    farm.start(0)
    farm.wait(120)
    (again,) = farm.start(1)
    assert again.render is not run.render


def test_service_and_ticket_of_one_name_are_two(farm: StoryFarm) -> None:
    farm.render("a", capacity=9000, max_tasks=9)
    declare(farm, Limit("nuke", max_count=2))
    farm.submit(9, tickets={"nuke": 1})
    farm.start(9)


def test_tickets_of_a_block_are_changed_while_it_runs(farm: StoryFarm) -> None:
    """What runs keeps what it took, over a restart too."""
    farm.render("a", capacity=9000, max_tasks=9)
    pool_tickets(farm, "/", lic=(4, -1))
    job = farm.submit(9, tickets={"lic": 2})
    runs = farm.start(2)
    farm.operate_tasks(job.blocks[0], "tickets", ticket=("lic", 1))
    farm.start(0)
    farm.finish(runs[0])
    runs += farm.start(2)
    assert farm.core.usages[TICKET, "lic"].below("/").units == 4
    farm.restart_server()
    assert farm.core.usages[TICKET, "lic"].below("/").units == 4
    farm.come_back("a", *runs[1:])
    block = farm.job(job.serial).blocks[0]
    farm.operate_tasks(block, "tickets", ticket=("lic", -1))
    assert block.spec.tickets == {}
    farm.start(5)
    farm.edit(block, tickets={"x": 1})
    farm.edit(block, tickets={"y": 2})
    assert block.spec.tickets == {"x": 1, "y": 2}, "merged (PROTOCOL 2.3)"


def test_the_service_of_a_block_is_changed_while_it_runs(farm: StoryFarm) -> None:
    farm.render("a", capacity=9000, max_tasks=9)
    declare(farm, Limit("nuke", max_count=2), Limit("generic", max_count=3))
    job = farm.submit(9, service="nuke")
    farm.start(2)
    farm.edit(job.blocks[0], service="generic")
    farm.start(3)
    assert farm.core.usages[SERVICE, "nuke"].below("/").units == 2
    farm.restart_server()
    assert farm.core.usages[SERVICE, "nuke"].below("/").units == 2
    farm.come_back("a", *farm.core.renders["a"].runs.values())


def test_a_ticket_that_nobody_declared(farm: StoryFarm) -> None:
    farm.render("a", capacity=9000, max_tasks=9)
    pool_tickets(farm, "/", nuke_render=(1, -1))
    farm.submit(2, tickets={"nuke_rendr": 5})
    farm.start(2)
    assert unknown_tickets(farm.core, {"nuke_rendr": 1}) == [
        "ticket 'nuke_rendr' is declared nowhere and limits nothing; did you mean 'nuke_render'?"
    ]
    assert unknown_tickets(farm.core, {"nuke_render": 1}) == []


def test_open_runs_hold_their_limits_from_load_on(farm: StoryFarm) -> None:
    farm.render("a", capacity=9000, max_tasks=9)
    pool_tickets(farm, "/", lic=(2, -1))
    job = farm.submit(9, tickets={"lic": 1})
    runs = farm.start(2)
    farm.restart_server()
    assert farm.core.usages[TICKET, "lic"].below("/").units == 2
    farm.come_back("a", *runs)
    farm.start(0)
    farm.finish(farm.core.runs[runs[0].id])
    assert farm.job(job.serial).running == 1
    farm.start(1)


def test_only_those_are_woken_whom_a_limit_kept_away(farm: StoryFarm) -> None:
    """A task that ends makes no job fresh that asks for nothing of what it held."""
    farm.render("a", capacity=9000, max_tasks=9)
    declare(farm, Limit("nuke", max_count=1))
    farm.submit(2, service="nuke")
    farm.submit(99, name="many", service="generic")
    runs = farm.start(9)
    nuke = next(run for run in runs if run.service == "nuke")
    generic = next(run for run in runs if run.service == "generic")
    with farm.batch():
        farm.finish(generic)
        assert not farm.core.fresh_fits
        farm.finish(nuke)
        assert [fits.asks[0].usage.name for fits in farm.core.fresh_fits] == ["nuke"]
        assert not farm.core.fresh_jobs
    farm.start(2)


def test_a_queue_behind_a_limit_is_not_walked(farm: StoryFarm, monkeypatch: object) -> None:
    """A thousand jobs wait for one licence: a start costs no look at each of them."""
    assert isinstance(monkeypatch, pytest.MonkeyPatch)
    from afanasy.core.place import placing

    farm.render("a", capacity=9000, max_tasks=9)
    declare(farm, Limit("nuke", max_count=1))
    with farm.batch():
        for n in range(300):
            farm.submit(1, name=f"j{n}", service="nuke")
    (run,) = farm.start(1)
    looks: list[object] = []
    real = placing.job_blocked
    monkeypatch.setattr(placing, "job_blocked", lambda job: (looks.append(job), real(job))[1])
    farm.finish(run)
    farm.start(1)
    assert len(looks) < 20


def test_services_nearest_first(farm: StoryFarm) -> None:
    """SEMANTICS 6.1."""
    farm.apply(events.OperatePool("/", "add_pool", name="p"))
    farm.apply(events.EditPool("/p", {"pattern": ".*"}))
    render = farm.render("a", capacity=99_000, max_tasks=98)
    job = farm.submit(99, service="maya", capacity=1)
    farm.start(98)
    farm.apply(events.EditPool("/", {"services": ["nuke"]}))
    reason = farm.explain(job.blocks[0], 98).classes[0].reason.text()
    assert reason == "service maya is not on this host: others are listed by pool /"
    farm.apply(events.EditPool("/p", {"services_disabled": ["maya"]}))
    reason = farm.explain(job.blocks[0], 98).classes[0].reason.text()
    assert reason == "service maya is disabled on pool /p"
    farm.edit(render, services=["maya"])
    farm.edit(render, max_tasks_host=100)
    farm.start(1)


def test_a_farm_file_that_does_not_know_a_host(farm: StoryFarm) -> None:
    """R22: no services but the system ones."""
    farm.render("a")
    setup = FarmSetup((Pattern("others", mask="z.*", services=(ServiceRule("generic"),)),))
    farm.apply(events.SetFarmSetup(setup, "farm.xml"))
    assert farm.core.renders["a"].setup == HostSetup(lists_services=True)
    job = farm.submit(1)
    farm.start(0)
    assert [c.reason.text() for c in farm.explain(job.blocks[0]).classes] == [
        "service generic is not on this host: no pattern of the farm file matches it"
    ]
    farm.submit(1, name="post", service="postcmd")
    farm.start(1)


def test_patterns_that_list_no_service_allow_all(farm: StoryFarm) -> None:
    """R22: but for those that a pattern takes away; with ``clearservices`` none."""
    farm.render("a", capacity=9000, max_tasks=9)
    for patterns, starts in (
        ((Pattern("all", capacity=9000, remove_services=("maya",)),), {"generic", "nuke"}),
        ((Pattern("all", clear_services=True),), set[str]()),
    ):
        farm.apply(events.SetFarmSetup(FarmSetup(patterns), "farm.xml"))
        for service in ("generic", "nuke", "maya"):
            farm.submit(1, name=service, service=service)
        assert {run.service for run in farm.start()} == starts


small = st.integers(-1, 4)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_limit_is_ever_exceeded(data: st.DataObject) -> None:
    """And nothing waits that could start: a pass over everything finds no more."""
    farm = StoryFarm()
    for n in range(3):
        farm.render(f"r{n}", capacity=4000, max_tasks=4)
    declare(
        farm, Limit("nuke", data.draw(small), data.draw(small)), count=data.draw(st.integers(0, 3))
    )
    pool_tickets(farm, "/", lic=(data.draw(st.integers(0, 5)), data.draw(small)))
    for n in range(3):
        tickets = {"lic": data.draw(st.integers(0, 3))}
        farm.submit(6, name=f"j{n}", service=data.draw(st.sampled_from(["nuke", "generic"])),
                    tickets=tickets)  # fmt: skip
    running = farm.start()
    for _ in range(12):
        if not running:
            break
        farm.finish(running.pop(data.draw(st.integers(0, len(running) - 1))))
        running += farm.start()
        for usage in farm.core.usages.values():
            held = usage.below("/")
            assert usage.max_count < 0 or held.units <= usage.max_count
            assert usage.max_hosts < 0 or held.hosts <= usage.max_hosts
        farm.core.fresh_all = True
        farm.core.fresh_renders.update(farm.core.open_renders)
        farm.start(0)
    farm.close()
