"""Views of a living farm: what is shown, and what is left out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.core import events
from afanasy.core.tasks import Code
from afanasy.core.transitions import RER_FLAG, WRN_FLAG
from afanasy.server.show.view_bar import CELLS, LETTERS, progress_bar
from afanasy.server.show.view_block import Level, block_view
from afanasy.server.show.view_job import jobs_view
from afanasy.server.show.view_render import address_view, render_view
from afanasy.server.show.view_task import exec_view, progress_view, progress_views, task_view
from afanasy.server.show.view_user import user_view
from afanasy.server.show.views import View, host_names
from harness.farm import StoryFarm


def view_of(farm: StoryFarm, job: Any, level: Level = Level.LIST) -> View:
    (view,) = jobs_view([job], farm.now, level)
    return msgspec.json.decode(msgspec.json.encode(view))


# ----------------------------------------------------------------------------------------- bar


def plain_bar(ranks: list[int]) -> str:
    """The rule of PROTOCOL 3.3, task by task."""
    cells = [0] * CELLS
    count = len(ranks)
    for task, rank in enumerate(ranks):
        first = CELLS * task // count
        for cell in range(first, max(first + 1, CELLS * (task + 1) // count)):
            cells[cell] = max(cells[cell], rank)
    return "".join(LETTERS[rank] for rank in cells)


LETTER = {
    Code.READY: "r", Code.WAITING: "W", Code.DONE: "D", Code.SKIPPED: "S", Code.ERROR: "E",
    Code.SUSPENDED: "U", Code.RETRY: "Y",
}  # fmt: skip


def letter_of(code: Code, flags: int, tried: bool) -> str:
    if code == Code.DONE and flags & WRN_FLAG:
        return "G"
    if code == Code.READY and flags & RER_FLAG:
        return "Y"
    if code == Code.READY and tried:
        return "T"
    return LETTER[code]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(LETTER)),
            st.sampled_from([0, 0, 0, WRN_FLAG, RER_FLAG, 2, 4]),
            st.booleans(),
        ),
        min_size=1,
        max_size=400,
    ),
    st.integers(1, 20),
)
def test_the_bar_is_that_of_the_plain_rule(tasks: list[tuple[Code, int, bool]], times: int) -> None:
    farm = StoryFarm()
    tasks = tasks * times
    job = farm.submit(len(tasks))
    block = job.blocks[0]
    columns = block.touch()
    for task, (code, flags, tried) in enumerate(tasks):
        columns.state[task], columns.flags[task] = code, flags
        if tried and task < 50:
            job.try_next[0, task] = None
    block.counts = columns.count_codes(0, len(tasks))
    block.warnings = sum(bool(flags & WRN_FLAG) for _, flags, _ in tasks)
    letters = [
        letter_of(code, flags, tried and task < 50)
        for task, (code, flags, tried) in enumerate(tasks)
    ]
    assert progress_bar(block) == plain_bar([LETTERS.index(letter) for letter in letters])


def test_bars_of_running_tasks(farm: StoryFarm) -> None:
    a = farm.render("a", capacity=2000)
    job = farm.submit(4)
    first, second = farm.start(2)
    farm.progress(first, 5, warning=True)
    assert progress_bar(job.blocks[0]) == "N" * 32 + "R" * 32 + "r" * 64
    farm.drop_link(a)
    assert progress_bar(job.blocks[0]) == "C" * 64 + "r" * 64
    farm.come_back(a, first, second)
    farm.finish(first)
    farm.finish(second)
    assert progress_bar(job.blocks[0])[:64] == "G" * 32 + "D" * 32


def test_the_bar_of_a_million_tasks() -> None:
    farm = StoryFarm()
    job = farm.submit(1_000_000)
    block = job.blocks[0]
    assert progress_bar(block) == "r" * CELLS
    assert block.columns is None
    farm.operate_tasks(block, "skip", range(500_000))
    farm.operate_tasks(block, "suspend", 999_999)
    block.columns.flags[700_000] = RER_FLAG
    bar = progress_bar(block)
    assert bar[:64] == "S" * 64
    assert bar.count("Y") == 1
    assert bar[700_000 * 128 // 1_000_000] == "Y"
    assert bar[-1] == "r", "ready is more important than suspended"


def test_a_block_without_tasks_has_an_empty_bar(farm: StoryFarm) -> None:
    assert progress_bar(farm.core.jobs[0].blocks[0]) == " " * CELLS


# ----------------------------------------------------------------------------- jobs and blocks


def test_a_running_job(farm: StoryFarm) -> None:
    farm.render("a", capacity=2500)
    job = farm.submit(4, blocks=[
        {"name": "one", "frames": 4, "service": "blender"},
        {"name": "two", "commands": ["true"], "depend_mask": "one"},
    ])  # fmt: skip
    first, _ = farm.start(2)
    farm.progress(first, 30, percent=50)
    view = view_of(farm, job)
    assert view["state"] == " RDY RUN"
    assert view["st"] == 3
    assert view["running_tasks_num"] == 2
    assert view["running_capacity_total"] == 2000
    assert view["running_services"] == {"blender": 2}
    assert view["tasks_ready"] == 2, "those of waiting blocks do not count"
    one, two = view["blocks"]
    assert one["p_percentage"] == 12
    assert one["p_tasks_run_time_max"] == 30, "of running tasks too"
    assert one["running_tasks_counter"] == 2
    assert one["srv_info"] == "a"
    assert two["state"] == " WDP"
    assert "p_percentage" not in two
    assert "command" not in one
    assert "tasks" not in two


def test_levels_of_detail_have_all_of_the_one_before(farm: StoryFarm) -> None:
    job = farm.submit(commands=["one", "two"], command="@#@", custom_data="c", capacity=7)
    block = job.blocks[0]
    views = [block_view(block, farm.now, level) for level in Level]
    for less, more in pairwise(views):
        assert set(less) < set(more)
    assert "capacity" not in views[0]
    assert views[1]["capacity"] == 7
    assert views[2]["command"] == "@#@"
    assert views[2]["custom_data"] == "c"
    assert views[3]["tasks"] == [
        {"name": "one", "command": "one"}, {"name": "two", "command": "two"},
    ]  # fmt: skip


def test_errors_and_avoided_hosts_are_counted(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    farm.render("b", capacity=1000)
    job = farm.submit(2, errors_retries=0, errors_avoid_host=1)
    for run in farm.start(2):
        farm.fail(run)
    (block,) = view_of(farm, job)["blocks"]
    assert block["p_tasks_error"] == 2
    assert block["p_error_hosts"] == block["p_avoid_hosts"] == 2
    assert " ERR" in view_of(farm, job)["state"]


def test_a_deleted_job_is_locked_until_its_tasks_have_ended(farm: StoryFarm) -> None:
    farm.render()
    job = farm.submit(1)
    (run,) = farm.start(1)
    farm.operate(job, "delete")
    assert view_of(farm, job)["locked"] is True
    farm.finish(run, 7)
    farm.effects.clear()


def test_order_in_the_users_list(farm: StoryFarm) -> None:
    jobs = [
        farm.submit(1, name="a"),
        farm.submit(1, name="b"),
        farm.submit(1, name="c", priority=120),
    ]
    other = farm.submit(1, name="d", user="ben")
    views = jobs_view([*jobs, other], farm.now)
    assert [view["user_list_order"] for view in views] == [1, 2, 0, 0]


@pytest.mark.parametrize("text", ['"', "\\", "\n", "\x08", "имя", "</script>"])
def test_every_text_comes_back_as_it_was(farm: StoryFarm, text: str) -> None:
    job = farm.submit(commands=[text], name=text, annotation=text, tasks_name=text)
    view = view_of(farm, job, Level.FULL)
    assert view["name"] == view["annotation"] == text
    assert view["blocks"][0]["tasks"][0]["command"] == text


# --------------------------------------------------------------------------------------- tasks


def test_progress_of_a_life(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(2)
    block = job.blocks[0]
    hosts = host_names(farm.core)
    ready = {"state": " RDY", "st": 1}
    assert progress_views(block, 0, 2, farm.now, hosts) == [ready, ready]
    (run,) = farm.start(1)
    began = int(farm.now.wall)
    farm.wait(5)
    farm.progress(run, 5, percent=40, frame=3, percentframe=20, activity="sampling")
    farm.wait(2)
    assert progress_view(block, 0, farm.now, hosts) == {
        "state": " RUN", "st": 2, "per": 40, "frm": 3, "pfr": 20, "act": "sampling", "str": 1,
        "tst": began, "tdn": began + 5, "hst": "a",
    }  # fmt: skip
    farm.fail(run)
    view = progress_view(block, 0, farm.now, hosts)
    assert view["state"] == " RDY RER"
    assert view["err"] == 1
    assert view["tdn"] == began + 7
    both = progress_views(block, 0, 2, farm.now, hosts)
    assert both == [view, ready]


def test_a_task_to_try_next(farm: StoryFarm) -> None:
    job = farm.submit(3)
    farm.operate_tasks(job.blocks[0], "trynext", 1, mode="append")
    views = progress_views(job.blocks[0], 0, 3, farm.now, {})
    assert [view["state"] for view in views] == [" RDY", " RDY TRY", " RDY"]
    # A long list, of other blocks too: it is asked for each task of the short one.
    job.try_next.update({(7, task): None for task in range(5)})
    assert progress_views(job.blocks[0], 0, 3, farm.now, {}) == views
    for task in range(5):
        del job.try_next[7, task]


@given(st.binary(min_size=1, max_size=60))
def test_many_tasks_are_shown_as_one_by_one(codes: bytes) -> None:
    farm = StoryFarm()
    block = farm.submit(len(codes)).blocks[0]
    columns = block.touch()
    for task, byte in enumerate(codes):
        columns.state[task] = (Code.READY, Code.DONE, Code.ERROR, Code.SUSPENDED)[byte % 4]
        columns.starts[task] = byte // 64
        columns.errors[task] = byte // 128
    many = progress_views(block, 0, len(codes), farm.now, {})
    for task, view in enumerate(many):
        single = progress_view(block, task, farm.now, {})
        single.pop("per", None)
        assert {k: v for k, v in view.items() if k != "per"} == single
    assert not any(view["st"] >> 62 for view in many)


def test_what_is_executed(farm: StoryFarm) -> None:
    farm.render("a", capacity=2500)
    job = farm.submit(
        5, frames_per_task=2, command="r @#@", environment={"A": "1"}, flags=2,
        capacity_coeff_max=2, files=["x.@#@"], parser="p",
    )  # fmt: skip
    run = farm.start(1)[0]
    block = job.blocks[0]
    view = exec_view(block, run.task, run, farm.now)
    assert (view["frame_start"], view["frame_finish"], view["frames_num"]) == (1, 2, 2)
    assert view["capacity"] == 1000
    assert view["capacity_coeff"] == 2
    assert view["command_block"] == "r @#@"
    assert view["command_task"] == ""
    assert view["environment"] == {"A": "1"}
    assert view["parser"] == "p"
    assert "command_block" not in exec_view(block, run.task, run, farm.now, short=True)
    answer = task_view(farm.core, block, run.task, "TExec", "", farm.now)
    assert answer["render_id"] == 1
    assert answer["exec"] == view
    assert answer["pos"] == {"job": job.id, "block": 0, "task": 0, "number": 0}


# --------------------------------------------------------------------------- renders and users


def test_a_busy_render(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=2500, max_tasks=7, address="10.0.0.7", os="linux")
    farm.submit(2, name="job", service="nuke")
    first, _ = farm.start(2)
    farm.progress(first, 3, percent=60)
    view = render_view(render, farm.now)
    assert view["state"] == " ONL RUN"
    assert view["st"] == 9
    assert view["tasks_percents"] == [60, -1]
    assert view["running_services"] == {"nuke": 2}
    assert [task["name"] for task in view["tasks"]] == ["frame 1", "frame 2"]
    assert view["capacity_used"] == 2000
    assert view["capacity_total"] == 2500
    assert view["capacity_host"] == 2500
    assert view["max_tasks_host"] == 7
    assert view["address"] == {"family": 4, "ip": "10.0.0.7", "port": 0}


def test_states_of_a_render(farm: StoryFarm) -> None:
    render = farm.render("a")
    for params, state in (
        ({"nimby": True}, " ONL NbY"),
        ({"nimby": False, "NIMBY": True}, " ONL NBY"),
        ({"NIMBY": False, "paused": True}, " ONL PAU"),
        ({"paused": False, "capacity_host": 5}, " ONL DRT"),
    ):
        farm.edit(render, **params)
        view = render_view(render, farm.now)
        assert view["state"] == state
        assert not {"nimby", "NIMBY", "paused"} & set(view)
    farm.drop_link(render)
    assert render_view(render, farm.now)["state"] == " OFF DRT"


def test_a_render_that_cools_off_is_shown_as_sick(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=1000)
    for n in range(5):
        farm.submit(1, name=f"job{n}", errors_retries=0)
        farm.fail(farm.start(1)[0])
    assert render_view(render, farm.now)["state"] == " ONL SIC"


@pytest.mark.parametrize(
    ("text", "family", "ip"),
    [
        ("10.0.0.7", 4, "10.0.0.7"),
        ("::ffff:10.0.0.7", 4, "10.0.0.7"),
        ("fe80::fc:ff:fe00:1%eth0", 6, "fe80:0000:0000:0000:00fc:00ff:fe00:0001"),
        ("", 0, ""),
        ("a pipe", 0, ""),
    ],
)
def test_addresses(text: str, family: int, ip: str) -> None:
    assert address_view(text) == {"family": family, "ip": ip, "port": 0}


def test_a_user_and_his_counts(farm: StoryFarm) -> None:
    farm.render("a", capacity=1000)
    farm.submit(2, name="one")
    farm.submit(2, name="two")
    farm.edit("anna", paused=False, priority=120)
    farm.start(1)
    view = user_view(farm.core.users["anna"])
    assert view["jobs_num"] == 2
    assert view["running_jobs_num"] == 1
    assert view["running_tasks_num"] == 1
    assert view["running_services"] == {"generic": 1}
    assert view["priority"] == 120
    assert view["errors_retries"] == 3
    farm.apply(events.EditUser("anna", {"paused": True}))
    assert user_view(farm.core.users["anna"])["paused"] is True
