"""A task that is refused for several reasons: one cure after the other leads to its start.

As a person would do it: ask why, do the first thing that can be done, ask again.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from afanasy.core import events
from afanasy.core.state import Job
from afanasy.model.farm_setup import FarmSetup, Limit, Pattern, ServiceRule
from harness.farm import StoryFarm

#: How often he asks for each restriction that there is; one cure may show the next reason.
ROUNDS_EACH = 2

Edit = tuple[str, dict[str, Any]]

ANYBODY: list[dict[str, Any]] = [
    {"priority": 0},
    {"max_running_tasks": 0},
    {"max_running_tasks_per_host": 0},
    {"max_tasks_per_second": 0},
    {"hosts_mask": "zebra"},
    {"hosts_mask_exclude": "a b"},
    {"need_os": "beos"},
    {"need_properties": "gold"},
    {"need_power": 5},
    {"need_memory": 2000},
    {"need_hdd": 20},
    {"pools": {"/": -100, "x": 3}},
    {"pools": {"/other": 100}},
]
NOT_OF_BLOCKS = {"priority", "max_tasks_per_second", "need_os", "pools"}
BLOCK = [params for params in ANYBODY if not params.keys() & NOT_OF_BLOCKS]
HOST: list[dict[str, Any]] = [
    {"priority": 0},
    {"paused": True},
    {"services": ["maya"]},
    {"services_disabled": ["generic", "maya"]},
    {"tickets_host": {"lic": 1}},
    {"capacity_host": 0},
    {"max_tasks_host": 0},
]
EDITS: dict[str, list[dict[str, Any]]] = {
    "user": [*ANYBODY, {"paused": True}],
    "branch": [*ANYBODY, {"paused": True}],
    "job": [*ANYBODY, {"offline": True}, {"time_wait": 1_900_000_000}],
    "block": [
        *BLOCK,
        {"capacity": 9000},
        {"need_cpu_cores": 9, "need_cpu_freq_mgz": 9000},
        {"need_gpus": 2},
        {"need_gpu_mem_mb": 500},
        {"service": "nuke"},
    ],
    "render": [*HOST, {"nimby": True}, {"NIMBY": True}, {"capacity_host": 500}],
    "pool": [*HOST, {"tickets_pool": {"lic": (1, 2)}}, {"tickets_pool": {"lic": (5, 0)}}],
    "root": [
        {"priority": 0},
        {"paused": True},
        {"services": ["maya"]},
        {"services_disabled": ["generic"]},
        {"tickets_pool": {"lic": (0, -1)}},
    ],
    "limit": [{"max_count": 0}, {"max_hosts": 0}, {"max_count": 0, "max_hosts": 0}],
    "task": [{"operation": word} for word in ("skip", "suspend", "done")],
    "farm file": [
        {"mask": "z.*", "services": (ServiceRule("generic"),)},
        {"services": (ServiceRule("maya"),)},
        {"remove_services": ("generic",)},
        {"clear_services": True},
    ],
}  # fmt: skip
edits = st.one_of(
    *[st.tuples(st.just(who), st.sampled_from(several)) for who, several in EDITS.items()]
)


def restrict(farm: StoryFarm, job: Job, who: str, params: dict[str, Any]) -> None:
    serial = job.serial
    params = dict(params)
    match who:
        case "user":
            event: events.Event = events.EditUser("anna", params)
        case "branch":
            event = events.EditBranch("/b", params)
        case "job":
            event = events.EditJob(serial, params)
        case "block":
            event = events.EditBlocks(serial, [0], params)
        case "render":
            event = events.EditRender("a", params)
        case "pool" | "root":
            event = events.EditPool("/p" if who == "pool" else "/", params)
        case "limit":
            event = events.SetLimit("generic", **params)
        case "task":
            event = events.OperateBlocks(serial, [0], params["operation"], [range(1)])
        case _:
            setup = FarmSetup((Pattern("all", **params),), (Limit("generic", max_count=1),))
            event = events.SetFarmSetup(setup, "farm.xml")
    farm.apply(event)


def ask_until_it_starts(restrictions: list[Edit]) -> None:
    farm = StoryFarm()
    farm.apply(events.OperatePool("/", "add_pool", name="p"))
    farm.apply(events.EditPool("/p", {"pattern": "a"}))
    resources = {
        "mem_free_mb": 1000, "mem_total_mb": 1500, "hdd_free_gb": 10, "hdd_total_gb": 15,
        "cpu_num": 4, "cpu_mhz": 3000,
    }  # fmt: skip
    farm.render("a", capacity=4000, user_name="berta", resources=resources)
    farm.render("b", capacity=100)
    job = farm.submit(3, branch="/b", tickets={"lic": 2})
    block = job.blocks[0]
    for who, params in restrictions:
        restrict(farm, job, who, params)
    done: list[str] = []
    for _ in range(ROUNDS_EACH * len(restrictions) + 1):
        if (block, 0) in [(run.block, run.task) for run in farm.start()]:
            farm.check_restored()
            return
        found = farm.explain(block, 0)
        cure = next((cure for _, cure in found.cures if cure.events), None)
        assert cure is not None, f"{found.summary}; done so far: {done}"
        done += cure.commands
        for event in cure.events:
            farm.apply(event)
    raise AssertionError(f"{farm.explain(block, 0).summary}; done: {done}")


@given(st.lists(edits, min_size=2, max_size=3))
def test_cures_one_after_the_other_let_the_task_start(restrictions: list[Edit]) -> None:
    ask_until_it_starts(restrictions)


def test_everything_at_once() -> None:
    """One restriction of each kind."""
    ask_until_it_starts([(who, several[-1]) for who, several in EDITS.items()])
