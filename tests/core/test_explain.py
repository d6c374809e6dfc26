"""Why is it not running: sentences, classes, and agreement with what solving does."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from afanasy.core.place.reasons import SENTENCES
from afanasy.core.tasks import Code
from afanasy.core.why.explain import first_waiting, render_reason
from harness.farm import StoryFarm


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
        assert sentence.format(*"ABCDEFGH")
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
