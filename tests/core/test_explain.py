"""Why is it not running: sentences, classes, and agreement with what solving does."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from af.words import filled
from afanasy.core.place.reasons import SENTENCES
from afanasy.core.tasks import Code
from afanasy.core.why.explain import first_waiting, render_reason
from harness.farm import StoryFarm
from harness.stages import STAGES


def test_states_that_need_no_render(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(5)
    block = job.blocks[0]
    farm.operate_tasks(block, "skip", 1)
    farm.operate_tasks(block, "suspend", 2)
    farm.operate_tasks(block, "done", 3)
    farm.start(1)
    assert [farm.explain(block, n).summary for n in range(4)] == [
        "the task is running on a",
        "the task is skipped",
        "the task is suspended",
        "the task is done",
    ]
    assert [farm.explain(block, n).state for n in range(5)] == [
        "RUN", "DON SKP", "SUS", "DON", "RDY",
    ]  # fmt: skip
    farm.drop_link(farm.core.renders["a"])
    assert farm.explain(block).summary == "the task runs on a, which is away; it is waited for"


def test_renders_with_the_same_reason_make_a_class(farm: StoryFarm) -> None:
    for n in range(9):
        farm.render(f"small{n}", capacity=500)
    farm.bye(farm.render("off", capacity=5000))
    busy = farm.render("busy", capacity=2000)
    farm.submit(1)
    job = farm.submit(1, capacity=2000, name="big")
    farm.start(1)
    answer = farm.explain(job.blocks[0])
    assert answer.summary == "the renders that could run it are busy"
    assert [(found.reason.text(), found.count) for found in answer.classes] == [
        ("needs capacity 2000; 1000 is free now", 1),
        ("offline", 1),
        ("needs capacity 2000; it has 500 in all", 9),
    ]
    assert answer.classes[0].names == [busy.name]
    assert answer.classes[2].names == [f"small{n}" for n in range(5)]


def test_figures_of_the_renders_of_a_class(farm: StoryFarm) -> None:
    """From the least to the most; what would help is said of the nearest to a start."""
    for n, free in enumerate((500, 900, 700)):
        farm.render(f"r{n}", resources={"mem_free_mb": free})
    block = farm.submit(1, need_memory=1000).blocks[0]
    answer = farm.explain(block)
    text = "needs 1000 MB of memory; 500 to 900 MB are free and promised to nobody"
    (found,) = answer.classes
    assert (found.shown().text(), found.count) == (text, 3)
    assert answer.summary == f"no render takes it now: {text}"
    ((about, cure),) = answer.cures
    assert about.text() == text
    assert cure.commands == (f"afcmd set {block.job.id}.block0 need_memory=900",)


def test_a_limit_of_0_is_not_one_that_is_reached(farm: StoryFarm) -> None:
    for name in "ab":
        farm.edit(farm.render(name), tickets_host={"lic": 0 if name == "a" else 1})
    block = farm.submit(2, tickets={"lic": 1}).blocks[0]
    farm.start(1)
    farm.edit(farm.core.renders["b"], max_tasks_host=9, capacity_host=9000)
    texts = [found.shown().text() for found in farm.explain(block, 1).classes]
    assert texts == [
        "ticket lic: 1 of 1 on this host",
        "ticket lic is 0 on this host: nothing that holds it may start there",
    ]


def test_texts_of_hosts_are_listed(farm: StoryFarm) -> None:
    for n, system in enumerate(("linux", "windows", "", "macos", "linux", "beos")):
        farm.render(f"r{n}", os=system)
    block = farm.submit(1, job={"need_os": "amiga"}).blocks[0]
    (found,) = farm.explain(block).classes
    text = "the job needs the OS amiga; it has linux, windows, nothing and 2 more"
    assert (found.shown().text(), found.count) == (text, 6)


def test_the_most_hopeful_reason_comes_first(farm: StoryFarm) -> None:
    """What ends by itself, what somebody said, who is away, what no time mends."""
    for n in range(5):
        farm.render(f"masked{n}")
    farm.drop_link(farm.render("r_off"))
    farm.edit(farm.render("r_nimby"), NIMBY=True)
    farm.render("r_busy", capacity=1000)
    farm.submit(1, priority=200, job={"hosts_mask": "r_busy"})
    farm.start(1)
    block = farm.submit(1, hosts_mask="r_").blocks[0]
    codes = [found.reason.code for found in farm.explain(block).classes]
    assert codes == ["render_full", "NIMBY", "render_offline", "hosts_mask"]
    farm.edit(farm.core.renders["r_nimby"], NIMBY=False)
    farm.start(1)
    farm.bye(farm.core.renders["r_nimby"])
    farm.bye(farm.core.renders["r_busy"])
    block = farm.submit(1, hosts_mask="r_", name="late").blocks[0]
    assert farm.explain(block).summary == "the renders that could run it are offline"


def test_beside_a_limit_it_is_told_what_renders_say(farm: StoryFarm) -> None:
    """Who raises the limit sees at once whether that will help."""
    farm.render("a", capacity=1000)
    farm.edit(farm.render("b"), NIMBY=True)
    farm.render("c", capacity=5000)
    block = farm.submit(3, max_running_tasks=2).blocks[0]
    farm.start(2)
    answer = farm.explain(block, 2)
    assert answer.summary == "the block already runs 2 tasks; its limit is 2"
    assert [found.reason.code for found in answer.classes] == ["render_full", "NIMBY"]
    assert [reason.code for reason, _ in answer.cures] == [
        "block_max_running", "render_full", "NIMBY",
    ]  # fmt: skip


def test_a_reservation_names_what_it_is_for(farm: StoryFarm) -> None:
    block, task = STAGES["render_reserved"](farm)
    (found,) = farm.explain(block, task).classes
    big = next(job for job in farm.core.jobs.values() if job.spec.name == "big")
    text = f"is kept free for block block0 of job {big.id}, which needs more room"
    assert found.reason.text() == text


def test_summaries(farm: StoryFarm) -> None:
    job = farm.submit(2, capacity=2000)
    block = job.blocks[0]
    assert farm.explain(block).summary == "there are no renders"
    farm.render("a", capacity=1000)
    assert farm.explain(block).summary == "no render of the farm could ever run it"
    farm.bye(farm.render("b", capacity=2000))
    assert farm.explain(block).classes[0].reason.code == "render_offline"
    farm.bye(farm.core.renders["a"])
    assert farm.explain(block).summary == "no render is online"
    render = farm.render("b", capacity=2000)
    assert farm.explain(block).summary == "it is about to start"
    farm.edit(render, paused=True)
    assert farm.explain(block).summary == "no render takes it now: paused"


def test_the_first_waiting_task(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    job = farm.submit(3, errors_retries=0)
    block = job.blocks[0]
    assert first_waiting(block) == 0
    farm.fail(farm.start(1)[0])
    assert first_waiting(block) == 1
    farm.operate_tasks(block, "done", 1, 2)
    assert first_waiting(block) == 0
    farm.operate_tasks(block, "done")
    assert first_waiting(block) == 0


def test_every_reason_has_a_sentence_with_figures() -> None:
    for code, sentence in SENTENCES.items():
        assert filled(sentence, "ABCDEFGH")
        assert code == code.strip()


limit = st.sampled_from([-1, -1, 0, 1, 2])
renders = st.lists(
    st.fixed_dictionaries(
        {"capacity": st.sampled_from([100, 1000, 2500]), "max_tasks": st.integers(1, 3)},
        optional={
            "paused": st.booleans(),
            "nimby": st.booleans(),
            "NIMBY": st.booleans(),
            "priority": st.sampled_from([0, 99, 150]),
            "draining": st.booleans(),
            "online": st.booleans(),
        },
    ),
    max_size=4,
)
jobs = st.lists(
    st.fixed_dictionaries(
        {
            "user": st.sampled_from(["anna", "bob"]),
            "frames": st.integers(1, 5),
            "capacity": st.sampled_from([50, 600, 1000, 3000]),
        },
        optional={
            "max_running_tasks": limit,
            "max_running_tasks_per_host": limit,
            "priority": st.sampled_from([0, 99, 120]),
            "offline": st.booleans(),
            "ignorenimby": st.booleans(),
            "flags": st.sampled_from([0, 2, 1 << 10]),
            "sequential": st.integers(-3, 3),
        },
    ),
    min_size=1,
    max_size=4,
)


@given(renders=renders, jobs=jobs, user_limit=limit)
def test_explain_never_disagrees_with_solving(
    renders: list[dict[str, Any]], jobs: list[dict[str, Any]], user_limit: int
) -> None:
    """What starts was called startable; what is left is called so nowhere."""
    farm = StoryFarm()
    for n, given_ in enumerate(renders):
        members = dict(given_)
        online, draining = members.pop("online", True), members.pop("draining", False)
        render = farm.render(
            f"r{n}", capacity=members.pop("capacity"), max_tasks=members.pop("max_tasks")
        )
        farm.edit(render, **members)
        render.draining = draining
        farm.edit(render)
        if not online:
            farm.bye(render)
    for members in jobs:
        farm.submit(**members)
        farm.edit(members["user"], max_running_tasks=user_limit)

    def startable() -> set[tuple[int, int, str]]:
        return {
            (block.key, task, render.name)
            for block in farm.core.blocks.values()
            for task in range(block.tasks_num)
            if block.code(task) == Code.READY and farm.explain(block, task).work is None
            for render in farm.core.renders.values()
            if render_reason(farm.core, block, task, render, farm.now).code == "behind_others"
        }

    before = startable()
    for run in farm.start():
        assert (run.block.key, run.task, run.render.name) in before
    assert startable() == set()
