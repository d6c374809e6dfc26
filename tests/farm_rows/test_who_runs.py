"""Rows of SEMANTICS 16 about who runs where: capacity, masks, needs, limits, nimby."""

from __future__ import annotations

import pytest

from afanasy.core import events
from afanasy.core.effects import Stop
from afanasy.core.host.mask_warnings import hosts_warnings
from afanasy.core.host.masks import shown_type
from afanasy.core.place.solve import need
from afanasy.model.states import RunEnd
from harness.farm import StoryFarm


def test_s10_a_render_runs_several_tasks(farm: StoryFarm) -> None:
    farm.render("a", capacity=2000, max_tasks=10)
    farm.submit(20, capacity=500)
    assert len(farm.start(4)) == 4


def test_s11_a_task_starts_only_if_it_fits(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=2500, max_tasks=10)
    job = farm.submit(5, capacity=1000)
    farm.start(2)
    assert render.capacity_used == 2000
    assert "capacity 1000; 500 is free" in farm.explain(job.blocks[0], 2).classes[0].reason.text()


def test_s12_variable_capacity(farm: StoryFarm) -> None:
    render = farm.render("a", capacity=4000)
    farm.submit(1, flags=2, capacity=1000, capacity_coeff_min=1, capacity_coeff_max=8)
    (run,) = farm.start(1)
    assert (run.coeff, render.capacity_used) == (4, 4000)


def test_s14_one_generator_and_a_renderer_share_a_host(farm: StoryFarm) -> None:
    farm.render("a", capacity=4000, max_tasks=10)
    farm.submit(1, capacity=1000, name="generate", priority=100)
    farm.submit(1, flags=2, capacity=1000, capacity_coeff_min=1, capacity_coeff_max=8)
    runs = farm.start(2)
    assert [(run.capacity, run.coeff) for run in runs] == [(1000, 0), (3000, 3)]


def test_s17_s51_need_os(farm: StoryFarm) -> None:
    farm.render("lin", os="unix linux 64")
    farm.render("win", os="windows 64")
    job = farm.submit(5, need_os="windows")
    assert [run.render.name for run in farm.start(1)] == ["win"]
    texts = [c.reason.text() for c in farm.explain(job.blocks[0], 1).classes]
    assert "the job needs the OS windows; it has unix linux 64" in texts


def test_s51_need_memory_huge_never_starts(farm: StoryFarm) -> None:
    farm.render("a", resources={"mem_free_mb": 16_000})
    job = farm.submit(1, blocks=[{"need_memory": 10**9}])
    farm.start(0)
    assert "needs 1000000000 MB of memory" in farm.explain(job.blocks[0]).summary


@pytest.mark.parametrize(
    ("needed", "resources", "fits"),
    [
        ({"need_memory": 8000}, {"mem_free_mb": 8000}, True),
        ({"need_memory": 8001}, {"mem_free_mb": 8000}, False),
        ({"need_hdd": 50}, {"hdd_free_gb": 49}, False),
        ({"need_cpu_cores": 8}, {"cpu_num": 8}, True),
        ({"need_cpu_cores": 9}, {"cpu_num": 8}, False),
        ({"need_cpu_freq_mgz": 3000}, {"cpu_mhz": 2999}, False),
        ({"need_cpu_freq_cores": 24_000}, {"cpu_mhz": 3000, "cpu_num": 8}, True),
        ({"need_gpu_mem_mb": 4000}, {"gpu_mem_total_mb": 8000, "gpu_mem_used_mb": 3000}, True),
        ({"need_gpu_mem_mb": 5500}, {"gpu_mem_total_mb": 8000, "gpu_mem_used_mb": 3000}, False),
        ({"need_gpus": 2}, {"gpu_num": 1, "gpu_mem_total_mb": 8000}, False),
    ],
)
def test_s51_needs_of_blocks(
    farm: StoryFarm, needed: dict[str, int], resources: dict[str, object], fits: bool
) -> None:
    farm.render("a", resources=resources)
    farm.submit(1, blocks=[needed])
    farm.start(int(fits))


def test_s51_needs_of_the_user_and_the_job(farm: StoryFarm) -> None:
    farm.render("a")
    farm.render("b")
    farm.edit(farm.core.renders["b"], power_host=20, properties_host="intel nvidiagpu")
    job = farm.submit(2, need_power=10, need_properties="nvidia")
    assert farm.start(1)[0].render.name == "b"
    farm.edit("anna", need_power=30)
    farm.edit(farm.core.renders["b"], max_tasks_host=4, capacity_host=4000)
    farm.start(0)
    classes = farm.explain(job.blocks[0], 1).classes
    assert {c.reason.code for c in classes} == {"need_power"}


def test_a_burst_cannot_overbook_graphics_memory(farm: StoryFarm) -> None:
    """R26: what was promised counts beside what others use; the runs' own use counts once."""
    values: dict[str, object] = {"gpu_num": 4, "gpu_mem_total_mb": 8000}

    def report(used_mb: int) -> None:
        farm.apply(events.RenderResources("a", {**values, "gpu_mem_used_mb": used_mb}))

    render = farm.render("a", max_tasks=9, resources={**values, "gpu_mem_used_mb": 3000})
    farm.edit(render, capacity_host=10_000)
    farm.submit(9, need_gpu_mem_mb=2500)
    first, second = farm.start(2)
    report(3000)  # they load still
    assert farm.start() == []
    report(8000)  # both take what they said
    assert farm.start() == []
    report(5500)  # the owner's program ended, or a run freed its memory: nobody knows
    assert farm.start() == []
    farm.finish(first)
    report(2500)
    (third,) = farm.start(1)
    report(2500)
    assert farm.start() == [], "the others' use is known when it is the only one"
    farm.finish(second)
    farm.finish(third)
    farm.start(2)
    report(0)
    assert render.gpu_others_mb == 0
    farm.start(1)
    report(9500)  # they take more than they said
    farm.finish(farm.core.runs[next(iter(render.runs))])
    assert farm.start() == []


def test_graphics_memory_after_a_restart_of_the_server(farm: StoryFarm) -> None:
    """What the runs hold is taken for theirs."""
    values: dict[str, object] = {"gpu_num": 4, "gpu_mem_total_mb": 8000}
    render = farm.render("a", max_tasks=9, resources={**values, "gpu_mem_used_mb": 1000})
    farm.edit(render, capacity_host=10_000)
    farm.submit(9, need_gpu_mem_mb=3000)
    runs = farm.start(2)
    farm.restart_server()
    farm.come_back("a", *runs, resources={**values, "gpu_mem_used_mb": 7000})
    assert farm.core.renders["a"].gpu_others_mb == 1000
    farm.start(0)
    farm.finish(farm.core.runs[runs[0].id])
    farm.start(1)


def test_a_burst_cannot_overbook_memory(farm: StoryFarm) -> None:
    """R26: what was promised since the last report counts."""
    render = farm.render("a", capacity=-1, max_tasks=10, resources={"mem_free_mb": 10_000})
    farm.edit(render, capacity_host=10_000)
    job = farm.submit(9, need_memory=4000)
    runs = farm.start(2)
    # The first one has loaded 3000 MB of its 4000: the report has that, the promise shrinks.
    farm.progress(runs[0], 5.0, memory_mb=3000)
    farm.apply(events.RenderResources("a", {"mem_free_mb": 7000}))
    farm.start(0)
    assert "2000 MB are free" in farm.explain(job.blocks[0], 2).summary
    farm.finish(runs[0])
    farm.apply(events.RenderResources("a", {"mem_free_mb": 10_000}))
    farm.start(1)


def test_s51_memory_taken_after_the_last_report_is_not_promised_again(farm: StoryFarm) -> None:
    """R26: the free memory of a report and what was measured later are not one moment."""
    farm.render("a", capacity=9000, max_tasks=9, resources={"mem_free_mb": 8000})
    job = farm.submit(2, need_memory=6000)
    (run,) = farm.start(1)
    farm.progress(run, 5.0, memory_mb=6000)
    farm.edit(job, priority=100)
    farm.start(0)
    assert "2000 MB are free" in farm.explain(job.blocks[0], 1).summary
    farm.apply(events.RenderResources("a", {"mem_free_mb": 2000}))
    farm.start(0)
    assert "2000 MB are free" in farm.explain(job.blocks[0], 1).summary
    farm.finish(run)
    farm.start(0)  # the report still has its memory as used
    farm.apply(events.RenderResources("a", {"mem_free_mb": 8000}))
    farm.start(1)


def test_s51_an_end_frees_what_was_promised_and_not_taken(farm: StoryFarm) -> None:
    """R27: whoever was refused is tried again at the end, not at the next report."""
    farm.render("a", capacity=9000, max_tasks=9, resources={"mem_free_mb": 8000})
    farm.submit(2, need_memory=6000)
    (run,) = farm.start(1)
    farm.progress(run, 5.0, memory_mb=6000)
    farm.finish(run)
    farm.start(1)


def test_a_report_wakes_what_waits_for_memory(farm: StoryFarm) -> None:
    """R27: and one that crosses no threshold asks for no solving."""
    farm.render("a", resources={"mem_free_mb": 1000})
    farm.submit(1, need_memory=4000)
    farm.start(0)
    farm.apply(events.RenderResources("a", {"mem_free_mb": 3000}))
    assert not farm.core.fresh_renders
    farm.apply(events.RenderResources("a", {"mem_free_mb": 4000}))
    farm.start(1)


def test_gpus_are_given_out_one_by_one(farm: StoryFarm) -> None:
    resources = {"gpu_num": 2, "gpu_mem_total_mb": 8000}
    farm.render("a", capacity=9000, max_tasks=9, resources=resources)
    job = farm.submit(3, need_gpus=1)
    runs = farm.start(2)
    assert [run.gpus for run in runs] == [(0,), (1,)]
    assert "needs 1 GPU; 0 free" in farm.explain(job.blocks[0], 2).summary
    farm.finish(runs[0])
    assert farm.start(1)[0].gpus == (0,)


def test_memory_errors_raise_the_need_of_the_task(farm: StoryFarm) -> None:
    """R18."""
    farm.render("small", resources={"mem_free_mb": 9000})
    job = farm.submit(1, errors_retries=5)
    (run,) = farm.start(1)
    farm.fail(run, error_class="memory", memory_peak_mb=8000)
    farm.wait(3)
    farm.start(0)
    assert "needs 10000 MB of memory" in farm.explain(job.blocks[0]).summary
    farm.render("big", resources={"mem_free_mb": 64_000})
    assert farm.start(1)[0].render.name == "big"


HOSTS = ["render01", "render02", "render10", "node1"]


@pytest.mark.parametrize(
    ("mask", "kind", "hosts"),
    [
        ("render01|node", "", ["render01", "node1"]),
        ("render0", "", ["render01", "render02"]),
        ("render.*", "", ["render01", "render02", "render10"]),
        ("render.*", "find", []),
        ("render(01|02)", "regex", ["render01", "render02"]),
        (r"\w+?\d", "regex", HOSTS),
        ("render", "regex", []),
        ("", "", HOSTS),
    ],
)
def test_s35_s20_hosts_masks(farm: StoryFarm, mask: str, kind: str, hosts: list[str]) -> None:
    for name in HOSTS:
        farm.render(name)
    farm.submit(10, hosts_mask=mask, hosts_mask_type=kind)
    started = {run.render.name for run in farm.start(len(hosts))}
    assert [host for host in HOSTS if host in started] == hosts


def test_s35_exclude_masks(farm: StoryFarm) -> None:
    for name in HOSTS:
        farm.render(name)
    job = farm.submit(10, hosts_mask_exclude="render0")
    assert {run.render.name for run in farm.start(2)} == {"render10", "node1"}
    texts = [c.reason.text() for c in farm.explain(job.blocks[0], 5).classes]
    words = "the exclude mask of the block names it: render0, read as words that names begin with"
    assert words in texts


def test_s35_masks_of_user_job_and_block_all_hold(farm: StoryFarm) -> None:
    for name in HOSTS:
        farm.render(name)
    job = farm.submit(10)
    farm.edit("anna", hosts_mask="render")
    farm.edit(job, hosts_mask_exclude="render10")
    farm.edit(job.blocks[0], hosts_mask="render02|render10")
    assert [run.render.name for run in farm.start(1)] == ["render02"]


def test_s35_masks_of_branches(farm: StoryFarm) -> None:
    for name in HOSTS:
        farm.render(name)
    job = farm.submit(10, branch="/shots/a")
    assert job.spec.branch == "/shots"
    farm.apply(events.EditBranch("/shots", {"hosts_mask": "node"}))
    assert [run.render.name for run in farm.start(1)] == ["node1"]
    farm.apply(events.EditBranch("/shots", {"hosts_mask": ""}))
    farm.start(3)


def test_s36_max_running_of_user_job_and_branch(farm: StoryFarm) -> None:
    for n in range(9):
        farm.render(f"r{n}")
    farm.submit(20, branch="/a", name="one")
    job = farm.submit(20, branch="/a", name="two", max_running_tasks=2)
    farm.edit("anna", max_running_tasks=6)
    farm.apply(events.EditBranch("/a", {"max_running_tasks": 4}))
    runs = farm.start(4)
    assert "branch /a already runs 4 tasks" in farm.explain(job.blocks[0], 9).summary
    farm.apply(events.EditBranch("/a", {"max_running_tasks": -1}))
    farm.start(2)
    farm.finish(runs[0])
    farm.start(1)
    farm.edit("anna", max_running_tasks=-1)
    farm.start(3)
    assert job.running == 0
    farm.edit(farm.core.jobs[1], max_running_tasks=0)


def test_s36_zero_is_never(farm: StoryFarm) -> None:
    farm.render("a")
    job = farm.submit(1, max_running_tasks=0)
    farm.start(0)
    text = "nothing of the block may start: its max_running_tasks is 0"
    assert farm.explain(job.blocks[0]).summary == text


def test_s37_max_running_per_host(farm: StoryFarm) -> None:
    for name in "ab":
        farm.render(name, capacity=9000, max_tasks=9)
    farm.submit(9, max_running_tasks_per_host=2)
    runs = farm.start(4)
    assert sorted(run.render.name for run in runs) == ["a", "a", "b", "b"]


def test_s37_per_host_of_the_branch(farm: StoryFarm) -> None:
    for name in "ab":
        farm.render(name, capacity=9000, max_tasks=9)
    farm.submit(9, branch="/x")
    farm.apply(events.EditBranch("/x", {"max_running_tasks_per_host": 1}))
    assert sorted(run.render.name for run in farm.start(2)) == ["a", "b"]


def test_nimby_and_the_owner(farm: StoryFarm) -> None:
    farm.render("mine", user_name="anna", nimby="nimby")
    farm.render("shut", user_name="anna", nimby="NIMBY")
    paused = farm.render("rest")
    farm.edit(paused, paused=True)
    berta = farm.submit(9, user="berta")
    farm.start(0)
    codes = {c.reason.code for c in farm.explain(berta.blocks[0]).classes}
    assert codes == {"nimby", "NIMBY", "render_paused"}
    farm.submit(9, user="anna")
    assert [run.render.name for run in farm.start(1)] == ["mine"]
    farm.submit(9, user="carl", ignorenimby=True)
    assert [run.render.name for run in farm.start(1)] == ["shut"]
    farm.submit(9, user="dora", ignorepaused=True)
    assert [run.render.name for run in farm.start(1)] == ["rest"]


def test_maintenance_tasks_run_on_the_host_of_their_name(farm: StoryFarm) -> None:
    for name in ("a", "b", "c"):
        farm.render(name)
    job = farm.submit(commands=["c", "a", "nowhere"], maintenance=True)
    runs = farm.start(2)
    assert {(run.render.name, job.blocks[0].task_name(run.task)) for run in runs} == {
        ("a", "a"), ("c", "c"),
    }  # fmt: skip
    texts = [c.reason.text() for c in farm.explain(job.blocks[0], 2).classes]
    assert "the task is for nowhere alone" in texts


def test_ppa_shows_its_state(farm: StoryFarm) -> None:
    farm.render("a", capacity=99_000, max_tasks=99)
    job = farm.submit(20, sequential=5, ppa=True)
    runs = farm.start(5)
    assert [run.task + 1 for run in runs] == [1, 20, 5, 10, 15]
    for run in runs:
        farm.finish(run)
    farm.start(0)
    assert "PPA" in farm.job_state(job)
    assert "preview is done" in farm.explain(job.blocks[0], 1).summary
    farm.edit(job, ppa=False)
    farm.start(15)
    assert "PPA" not in farm.job_state(job)


def test_jobs_have_lives(farm: StoryFarm) -> None:
    farm.render("a")
    short, long = farm.submit(1, name="short", time_life=100), farm.submit(1, name="long")
    (run,) = farm.start(1)
    farm.wait(101)
    farm.take(Stop, 1)
    farm.finish(run, RunEnd.KILLED)
    assert short.serial not in farm.core.jobs
    farm.edit("anna", jobs_life_time=200)
    farm.wait(98)
    assert long.serial in farm.core.jobs
    farm.wait(2)
    assert long.serial not in farm.core.jobs


def test_a_step_of_the_clock_deletes_nothing(farm: StoryFarm) -> None:
    """R3: ten minutes to set it right again."""
    job = farm.submit(1, time_life=1000)
    farm.now = farm.now._replace(wall=farm.now.wall + 3600)
    farm.apply(events.Tick(clock_step_s=3600.0))
    farm.wait(599)
    assert job.serial in farm.core.jobs
    farm.wait(2)
    assert job.serial not in farm.core.jobs


def test_broken_frames_pause_their_job(farm: StoryFarm) -> None:
    """R16."""
    farm.render("a", capacity=99_000, max_tasks=99)
    job = farm.submit(50, errors_job_max=3, errors_retries=0, errors_avoid_host=0,
                      errors_task_same_host=0)  # fmt: skip
    for run in farm.start(50)[:3]:
        farm.fail(run)
    assert "OFF" in farm.job_state(job)
    assert "ERR" in farm.job_state(job)


def test_sick_hosts(farm: StoryFarm) -> None:
    """SEMANTICS 5: errors of two users in a pool that says two."""
    farm.render("a", capacity=9000, max_tasks=9)
    farm.apply(events.EditPool("/", {"sick_errors_count": 2}))
    for user in ("anna", "berta"):
        farm.submit(1, user=user, errors_retries=0)
    for run in farm.start(2):
        farm.fail(run)
    job = farm.submit(1, user="carl")
    farm.start(0)
    assert "sick" in farm.explain(job.blocks[0]).summary
    farm.apply(events.OperateRender("a", "heal_sick"))
    farm.start(1)


def test_the_neediest_user_is_served(farm: StoryFarm) -> None:
    a, b = farm.submit(1, user="anna").user, farm.submit(1, user="berta").user
    assert need(a) == need(b)


def test_who_took_a_host_why_and_until_when(farm: StoryFarm) -> None:
    """R65."""
    render = farm.render("a")
    until = int(farm.now.wall) + 60
    params = {"NIMBY": True, "nimby_reason": "comp review", "nimby_until": until}
    farm.apply(events.EditRender("a", params, by="anna@desk"))
    job = farm.submit(1)
    farm.start(0)
    summary = farm.explain(job.blocks[0]).summary
    assert "NIMBY by anna until fri 08:01 (comp review): takes no tasks" in summary
    assert render.spec.nimby_since == int(farm.now.wall)
    farm.restart_server()
    farm.come_back("a")
    farm.wait(59)
    farm.start(0)
    farm.wait(2)
    assert len(farm.start(1)) == 1
    assert farm.core.renders["a"].spec.nimby_by == ""
    farm.apply(events.EditRender("a", {"nimby": True}, by="anna@desk"))
    farm.apply(events.EditRender("a", {"nimby": False, "nimby_reason": "x"}, by="anna@desk"))
    spec = farm.core.renders["a"].spec
    assert (spec.nimby, spec.nimby_by, spec.nimby_reason) == (False, "", "")


def test_a_pool_says_how_long_renders_are_waited_for(farm: StoryFarm) -> None:
    """R6: zombie_time instead of the farm's reconnect time-out."""
    render = farm.render("a")
    farm.apply(events.EditPool("/", {"zombie_time": 10}))
    job = farm.submit(1)
    farm.start(1)
    farm.drop_link(render)
    farm.wait(9)
    assert "WRC" in farm.state(job.blocks[0])
    farm.wait(2)
    assert farm.state(job.blocks[0]) == "RDY"


def test_another_zombie_time_counts_for_a_render_that_is_away_already(farm: StoryFarm) -> None:
    """SEMANTICS 6.5: all changes act immediately."""
    farm.apply(events.OperatePool("/", "add_pool", name="film"))
    farm.apply(events.EditPool("/", {"zombie_time": 3600}))
    renders = [farm.render(name, capacity=1000) for name in ("a", "b")]
    farm.apply(events.OperateRender("a", "set_pool", pool="/film"))
    job = farm.submit(2)
    farm.start(2)
    for render in renders:
        farm.drop_link(render)
    farm.wait(100)
    farm.apply(events.EditPool("/film", {"zombie_time": 110}))
    assert [farm.state(job.blocks[0], task) for task in (0, 1)] == ["RUN WRC", "RUN WRC"]
    farm.wait(11)
    states = {run.render.name for run in job.blocks[0].open.values()}
    assert states == {"b"}, "silence is counted from its beginning"
    farm.apply(events.EditPool("/", {"zombie_time": 10}))
    farm.wait(0)
    assert not job.blocks[0].open


def test_s20_masks_say_how_they_are_read(farm: StoryFarm) -> None:
    """R20: the reading is shown, and a mask that names nobody is told with both readings."""
    farm.render("render1")
    words = farm.submit(1, hosts_mask="render")
    assert shown_type(words) == "find"
    assert not hosts_warnings(farm.core, words)
    expression = farm.submit(1, hosts_mask="rend(er)+\\d")
    assert shown_type(expression) == "regex"
    assert shown_type(farm.submit(1)) == "find"  # today's default
    both = farm.submit(1, job={"hosts_mask": "render"}, hosts_mask="rend(er)+\\d")
    assert shown_type(both) == ""  # each by its looks
    farm.edit("anna", hosts_mask_type="find")
    lost = farm.submit(1, hosts_mask="render.*")
    assert shown_type(lost) == "find"  # the user's
    (warning,) = hosts_warnings(farm.core, lost)
    assert "'render.*' names no known render as beginnings of names" in warning
    assert "as a regular expression it would name 1" in warning
