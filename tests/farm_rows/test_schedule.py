"""Workstations by the week (R65): what a ``nimby_schedule`` does to a host, and what it leaves.

The stories begin on Friday 2027-01-15 at 8:00, UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.core import events
from afanasy.core.effects import Note, Start
from afanasy.core.host.host_values import origins
from afanasy.core.host.schedule import part_now
from afanasy.core.state import Render
from afanasy.model.clock import Now
from afanasy.model.farm_setup import FarmSetup, Pattern, ServiceRule
from harness.farm import StoryFarm

HOUR = 3600.0
OFFICE = "mon-fri 09:00-19:00 nimby"
WITH_WEEKEND = f"{OFFICE}; sat,sun 00:00-24:00 free"


def until(farm: StoryFarm, when: str) -> None:
    """Let time pass up to a moment of UTC."""
    moment = datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp()
    farm.wait(moment - farm.now.wall)


def state(farm: StoryFarm, name: str = "a") -> str:
    """What the host is; with a star when its schedule says so."""
    spec = farm.core.renders[name].spec
    assert not (spec.nimby and spec.NIMBY)
    ours = "*" if spec.nimby_by == "schedule" else ""
    return ("nimby" if spec.nimby else "NIMBY" if spec.NIMBY else "free") + ours


def says(farm: StoryFarm, who: str = "anna", **params: object) -> None:
    farm.apply(events.EditRender("a", dict(params), by=f"{who}@desk"))


def to_pool(farm: StoryFarm, path: str, name: str = "a") -> None:
    farm.apply(events.OperateRender(name, "set_pool", pool=path))


def declare(farm: StoryFarm, *patterns: Pattern) -> None:
    farm.apply(events.SetFarmSetup(FarmSetup(patterns), "farm.xml"))


# ------------------------------------------------------------------------------ boundaries


def test_taken_in_the_morning_and_given_back_in_the_evening(farm: StoryFarm) -> None:
    render = farm.render("a", user_name="anna")
    farm.edit(render, nimby_schedule=OFFICE)
    job = farm.submit(9, user="berta")
    (early,) = farm.start(1)
    assert state(farm) == "free"
    until(farm, "2027-01-15 08:59:59")
    assert state(farm) == "free"
    until(farm, "2027-01-15 09:00:01")
    assert state(farm) == "nimby*"
    spec, nine = render.spec, int(farm.now.wall) - 1
    assert (spec.nimby_since, spec.nimby_until) == (nine, nine + 10 * 3600)
    # What runs goes on; nothing starts behind it, and why is told.
    farm.finish(early)
    farm.start(0)
    sentence = f"nimby by schedule until fri 19:00 ({OFFICE}): takes only tasks of anna"
    assert farm.explain(job.blocks[0], 1).summary == f"no render takes it now: {sentence}"
    until(farm, "2027-01-15 18:59:59")
    farm.start(0)
    until(farm, "2027-01-15 19:00:01")
    assert state(farm) == "free"
    assert (spec.nimby_by, spec.nimby_reason, spec.nimby_since, spec.nimby_until) == ("", "", 0, 0)
    farm.start(1)
    notes = [note.fields for note in farm.take(Note) if note.code == "render_scheduled"]
    assert notes == [
        {"render": "a", "state": "nimby", "until": nine + 10 * 3600},
        {"render": "a", "state": "free", "until": nine + 72 * 3600},
    ]


def test_nobody_works_at_the_weekend(farm: StoryFarm) -> None:
    farm.edit(farm.render("a"), nimby_schedule=OFFICE)
    until(farm, "2027-01-18 08:59:59")
    assert state(farm) == "free"
    until(farm, "2027-01-18 09:00:01")
    assert state(farm) == "nimby*"


def test_from_one_entry_into_the_next(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.edit(render, nimby_schedule="mon-sun 08:00-10:00 nimby; mon-sun 10:00-11:00 NIMBY")
    assert state(farm) == "nimby*"
    farm.submit(1, user="berta")
    until(farm, "2027-01-15 10:00:01")
    assert state(farm) == "NIMBY*"
    until(farm, "2027-01-15 11:00:01")
    assert state(farm) == "free"
    farm.start(1)


def test_a_whole_week_needs_no_timer(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.edit(render, nimby_schedule="mon-sun 00:00-24:00 NIMBY")
    assert (state(farm), render.spec.nimby_until, render.schedule_mono) == ("NIMBY*", 0, 0.0)
    until(farm, "2027-02-15 08:00")
    assert state(farm) == "NIMBY*"


def test_one_timer_for_a_host(farm: StoryFarm) -> None:
    """Edits and clocks that are set add none; they do not grow over the weeks."""
    render = farm.render("a")
    farm.edit(render, nimby_schedule=OFFICE)
    for n in range(20):
        farm.edit(render, annotation=str(n))
        step_clock(farm, -1.0)
    assert sum(what[0] == "schedule" for _, _, what in farm.core.timers) == 1
    until(farm, "2027-03-15 08:00")
    assert sum(what[0] == "schedule" for _, _, what in farm.core.timers) == 1


# ---------------------------------------------------------------------------------- people


def test_a_person_has_the_host_until_the_next_boundary(farm: StoryFarm) -> None:
    farm.edit(farm.render("a"), nimby_schedule=OFFICE)
    until(farm, "2027-01-15 10:00")
    says(farm, nimby=False)
    farm.edit(farm.core.renders["a"], annotation="another edit changes nothing")
    until(farm, "2027-01-15 18:00")
    assert state(farm) == "free"
    until(farm, "2027-01-18 09:00:01")
    assert state(farm) == "nimby*"


def test_a_gap_gives_back_only_what_the_schedule_took(farm: StoryFarm) -> None:
    farm.edit(farm.render("a"), nimby_schedule=WITH_WEEKEND)
    until(farm, "2027-01-15 10:00")
    says(farm, NIMBY=True, nimby_reason="a demo")
    until(farm, "2027-01-15 23:59")
    assert state(farm) == "NIMBY"
    # An entry that says free means it.
    until(farm, "2027-01-16 00:00:01")
    assert state(farm) == "free"
    assert farm.core.renders["a"].spec.nimby_reason == ""
    says(farm, NIMBY=True)
    until(farm, "2027-01-17 23:59")
    assert state(farm) == "NIMBY"
    until(farm, "2027-01-18 09:00:01")
    assert state(farm) == "nimby*"


def test_a_person_names_another_end(farm: StoryFarm) -> None:
    """Who says when it is given back has it; the entry of tomorrow counts again."""
    farm.edit(farm.render("a"), nimby_schedule=OFFICE)
    until(farm, "2027-01-15 10:00")
    says(farm, nimby_until=int(farm.now.wall + 12 * HOUR))
    assert farm.core.renders["a"].spec.nimby_by == "anna@desk"
    until(farm, "2027-01-15 21:59")
    assert state(farm) == "nimby"
    until(farm, "2027-01-15 22:00:01")
    assert state(farm) == "free"


def test_what_a_person_took_for_a_while_ends_inside_an_entry(farm: StoryFarm) -> None:
    farm.edit(farm.render("a"), nimby_schedule=OFFICE)
    until(farm, "2027-01-15 10:00")
    says(farm, NIMBY=True, nimby_until=int(farm.now.wall + HOUR))
    until(farm, "2027-01-15 10:30")
    assert state(farm) == "NIMBY"
    until(farm, "2027-01-15 11:30")
    assert state(farm) == "free"


def test_a_pause_is_no_matter_of_schedules(farm: StoryFarm) -> None:
    farm.edit(farm.render("a"), nimby_schedule=WITH_WEEKEND, paused=True)
    until(farm, "2027-01-16 12:00")
    assert farm.core.renders["a"].spec.paused


def test_switched_off_it_gives_the_host_back(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.edit(render, nimby_schedule="mon-sun 00:00-24:00 NIMBY")
    assert state(farm) == "NIMBY*"
    farm.edit(render, nimby_schedule="")
    assert state(farm) == "free"
    says(farm, NIMBY=True)
    farm.edit(render, nimby_schedule=OFFICE)
    farm.edit(render, nimby_schedule="")
    assert state(farm) == "NIMBY"


def test_a_bad_schedule_is_refused(farm: StoryFarm) -> None:
    farm.render("a")
    params: dict[str, object] = {"nimby_schedule": "mon-fri 9-19 nimby", "NIMBY": True}
    error = farm.refused(events.EditRender("a", params), "bad_field")
    assert error.field == "params.nimby_schedule"
    assert "'9' in" in error.message
    assert "as mon-fri" in error.hint
    farm.refused(events.EditPool("/", {"nimby_schedule": "x"}), "bad_field")


# -------------------------------------------------------------------------------- who says it


def test_the_nearest_voice_is_heard(farm: StoryFarm) -> None:
    """R22: operator, pools below the root, the farm file, the root pool."""
    for parent, name in (("/", "desks"), ("/desks", "comp")):
        farm.apply(events.OperatePool(parent, "add_pool", name=name))
    render = farm.render("a")
    to_pool(farm, "/desks/comp")

    def voice() -> str:
        return origins(farm.core, render)["nimby_schedule"].origin

    def week(what: str) -> str:
        return f"mon-sun 00:00-24:00 {what}"

    assert (state(farm), voice()) == ("free", "nobody")
    farm.apply(events.EditPool("/", {"nimby_schedule": week("nimby")}))
    assert (state(farm), voice()) == ("nimby*", "pool /")
    declare(farm, Pattern("all", nimby_schedule=week("NIMBY")), Pattern("more", capacity=9))
    assert (state(farm), voice()) == ("NIMBY*", "pattern 'all' of the farm file")
    declare(farm, Pattern("all", nimby_schedule=week("nimby")))
    assert state(farm) == "nimby*"
    farm.apply(events.EditPool("/desks", {"nimby_schedule": week("NIMBY")}))
    assert (state(farm), voice()) == ("NIMBY*", "pool /desks")
    farm.apply(events.EditPool("/desks/comp", {"nimby_schedule": week("nimby")}))
    assert (state(farm), voice()) == ("nimby*", "pool /desks/comp")
    farm.edit(render, nimby_schedule="none")
    assert (state(farm), voice()) == ("free", "operator")
    farm.edit(render, nimby_schedule="")
    assert state(farm) == "nimby*"
    to_pool(farm, "/desks")
    assert state(farm) == "NIMBY*"


def test_a_reload_that_says_the_same_leaves_people_alone(farm: StoryFarm) -> None:
    render = farm.render("a")
    file = Pattern("all", nimby_schedule=OFFICE, services=(ServiceRule("generic"),))
    declare(farm, file)
    until(farm, "2027-01-15 10:00")
    says(farm, nimby=False)
    declare(farm, file, Pattern("more", capacity=7000))
    assert (render.capacity, state(farm)) == (7000, "free")
    declare(farm, Pattern("all", nimby_schedule="mon-fri 09:00-18:00 nimby"))
    assert state(farm) == "nimby*"
    farm.apply(events.SetFarmSetup(None, ""))
    assert state(farm) == "free"


def test_another_text_of_the_same_part_is_told(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.edit(render, nimby_schedule="fri 08:00-12:00 nimby")
    farm.edit(render, nimby_schedule="thu,fri 08:00-12:00 nimby")
    assert (state(farm), render.spec.nimby_reason) == ("nimby*", "thu,fri 08:00-12:00 nimby")


def test_a_new_render_gets_what_is_said_now(farm: StoryFarm) -> None:
    farm.apply(events.EditPool("/", {"nimby_schedule": WITH_WEEKEND, "new_nimby": True}))
    farm.render("a", user_name="anna")
    assert state(farm, "a") == "nimby"  # a gap says nothing: new_nimby
    until(farm, "2027-01-15 12:00")
    farm.render("b")
    assert state(farm, "b") == "nimby*"
    until(farm, "2027-01-16 12:00")
    farm.render("c", nimby="NIMBY")
    assert [state(farm, name) for name in "abc"] == ["free"] * 3


def test_a_host_that_is_away_changes_too(farm: StoryFarm) -> None:
    render = farm.render("a")
    farm.edit(render, nimby_schedule=OFFICE)
    farm.drop_link(render)
    until(farm, "2027-01-15 10:00")
    assert state(farm) == "nimby*"
    farm.come_back(render)
    assert state(farm) == "nimby*"
    farm.drop_link(render)
    farm.apply(events.OperateRender("a", "delete"))
    until(farm, "2027-01-15 20:00")
    assert not farm.core.renders


# ---------------------------------------------------------------- restarts, clocks, time zones


def test_a_restart_in_the_middle(farm: StoryFarm) -> None:
    farm.edit(farm.render("a"), nimby_schedule=OFFICE)
    until(farm, "2027-01-15 10:00")
    farm.restart_server()
    assert state(farm) == "nimby*"
    says(farm, nimby=False)
    farm.restart_server()
    assert state(farm) == "free"
    until(farm, "2027-01-15 18:59")
    farm.restart_server()
    until(farm, "2027-01-18 09:00:01")
    assert state(farm) == "nimby*"


def test_a_boundary_that_no_server_saw(farm: StoryFarm) -> None:
    farm.edit(farm.render("a"), nimby_schedule=OFFICE)
    farm.now = Now(farm.now.mono + 3 * HOUR, farm.now.wall + 3 * HOUR)
    farm.restart_server()
    assert state(farm) == "nimby*"
    farm.now = Now(farm.now.mono + 12 * HOUR, farm.now.wall + 12 * HOUR)
    farm.restart_server()
    assert state(farm) == "free"


def step_clock(farm: StoryFarm, seconds: float) -> None:
    farm.now = Now(farm.now.mono, farm.now.wall + seconds)
    farm.apply(events.Tick(clock_step_s=seconds))


def test_a_wall_clock_that_is_set(farm: StoryFarm) -> None:
    farm.edit(farm.render("a"), nimby_schedule=OFFICE)
    step_clock(farm, 1.5 * HOUR)
    assert state(farm) == "nimby*"
    says(farm, nimby=False)
    step_clock(farm, 60)  # within the same part
    assert state(farm) == "free"
    step_clock(farm, 24 * HOUR * 3)
    assert state(farm) == "nimby*"
    step_clock(farm, -HOUR)
    assert state(farm) == "free"
    until(farm, "2027-01-18 09:00:01")
    assert state(farm) == "nimby*"
    until(farm, "2027-01-18 19:00:01")
    assert state(farm) == "free"


def test_clocks_that_drift_apart(farm: StoryFarm) -> None:
    """The wall clock is slewed back while the timer waits: it comes early, and waits on."""
    farm.edit(farm.render("a"), nimby_schedule=OFFICE)
    farm.now = Now(farm.now.mono, farm.now.wall - 0.5)
    farm.wait(HOUR + 0.2)
    assert state(farm) == "free"
    farm.wait(0.4)
    assert state(farm) == "nimby*"


def zones(zone: str, wall: float) -> int:
    if not zone:
        return 0
    offset = datetime.fromtimestamp(wall, ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def set_zone(farm: StoryFarm, zone: str) -> None:
    farm.apply(events.ChangeSettings({"af_timezone": zone}, by="anna@desk"))


def test_the_clocks_of_the_farm(farm: StoryFarm) -> None:
    """9:00 in Berlin is 8:00 UTC in winter and 7:00 in summer; 9:00 in New York is 14:00."""
    farm.core.utc_offset_s = zones
    render = farm.render("a")
    farm.edit(render, nimby_schedule=OFFICE)
    assert state(farm) == "free"
    set_zone(farm, "Europe/Berlin")
    assert state(farm) == "nimby*"
    job = farm.submit(1, user="berta")
    farm.start(0)
    assert "until fri 19:00 Europe/Berlin" in farm.explain(job.blocks[0]).summary
    set_zone(farm, "America/New_York")
    assert state(farm) == "free"
    farm.start(1)
    until(farm, "2027-01-15 14:00:01")
    assert state(farm) == "nimby*"
    set_zone(farm, "Europe/Berlin")
    farm.restart_server()
    # Clocks are put forward on Sunday 2027-03-28.
    until(farm, "2027-03-26 07:30")
    assert state(farm) == "free"
    until(farm, "2027-03-29 07:00:01")
    assert state(farm) == "nimby*"
    until(farm, "2027-03-29 17:00:01")
    assert state(farm) == "free"
    farm.apply(events.ChangeSettings({}, ["af_timezone"], by="anna@desk"))
    assert state(farm) == "nimby*"  # 17:00 of UTC again


# ------------------------------------------------------------------------------- any story

DAYS = st.sampled_from(["mon-sun", "mon-fri", "fri", "sat,sun", "fri-mon"])
TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 30]))
ENTRIES = st.builds(
    "{} {}-{} {}".format, DAYS, TIMES, TIMES, st.sampled_from(["nimby", "NIMBY", "free"])
)
TEXTS = st.lists(ENTRIES, max_size=3).map("; ".join) | st.just("none")
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 30 * 3600)),
    st.tuples(st.just("person"), st.sampled_from(["nimby", "NIMBY", "free"])),
    st.tuples(st.just("render"), TEXTS),
    st.tuples(st.just("pool"), TEXTS),
    st.tuples(st.just("restart"), st.integers(0, 30 * 3600)),
    st.tuples(st.just("step"), st.integers(-30 * 3600, 30 * 3600)),
    st.tuples(st.just("zone"), st.sampled_from(["", "Europe/Berlin", "Australia/Lord_Howe"])),
)


def said(render: Render) -> str:
    spec = render.spec
    return "nimby" if spec.nimby else "NIMBY" if spec.NIMBY else ""


def do(farm: StoryFarm, step: tuple[str, object]) -> None:
    match step:
        case ("wait", int(seconds)):
            farm.wait(seconds)
        case ("person", str(what)):
            says(farm, **({"nimby": False} if what == "free" else {what: True}))
        case ("render", str(text)):
            farm.edit(farm.core.renders["a"], nimby_schedule=text)
        case ("pool", str(text)):
            farm.apply(events.EditPool("/", {"nimby_schedule": text}))
        case ("restart", int(seconds)):
            farm.now = Now(farm.now.mono + seconds, farm.now.wall + seconds)
            farm.restart_server()
        case ("step", int(seconds)):
            step_clock(farm, seconds)
        case ("zone", str(zone)):
            set_zone(farm, zone)
        case other:
            raise AssertionError(other)


@given(st.lists(STEPS, max_size=12))
def test_whatever_happens(steps: list[tuple[str, object]]) -> None:
    """The part that was begun is always that of now; what the schedule holds is what it says."""
    farm = StoryFarm()
    farm.core.utc_offset_s = zones
    farm.render("a")
    for number, step in enumerate(steps):
        do(farm, step)
        render = farm.core.renders["a"]
        part = part_now(farm.core, render, farm.now)
        assert (part.what, part.until) == (render.scheduled, render.scheduled_until)
        spec = render.spec
        if spec.nimby_by == "schedule":
            assert (said(render), spec.nimby_reason, spec.nimby_until) == (
                part.what, part.entry, part.until,
            )  # fmt: skip
        if not any(before[0] == "person" for before in steps[: number + 1]):
            assert said(render) == part.what.replace("free", "")
    farm.check_restored()


def test_a_start_on_the_stroke(farm: StoryFarm) -> None:
    """Between two entries that take the host it is free for no moment."""
    render = farm.render("a")
    farm.edit(render, nimby_schedule="mon-sun 08:00-09:00 NIMBY; mon-sun 09:00-10:00 NIMBY")
    farm.submit(1, user="berta")
    for _ in range(3):
        due = farm.core.next_deadline()
        assert due is not None
        farm.wait(due - farm.now.mono)
        farm.solve()
        if farm.now.wall < 1_800_000_000 + 2 * HOUR:
            farm.take(Start, 0)


def test_what_a_schedule_took_over_is_not_given_back_by_the_old_word(farm: StoryFarm) -> None:
    """A person's end at 10:00 was forgotten at 9:00, when the schedule took the host itself."""
    render = farm.render("a")
    farm.edit(render, nimby_schedule="mon-sun 09:00-10:00 NIMBY; mon-sun 10:00-11:00 NIMBY")
    says(farm, NIMBY=True, nimby_until=int(farm.now.wall + 2 * HOUR))
    until(farm, "2027-01-15 09:00:01")
    assert state(farm) == "NIMBY*"
    until(farm, "2027-01-15 10:00:01")
    assert state(farm) == "NIMBY*"
    assert "render_given_back" not in [note.code for note in farm.take(Note)]


@pytest.mark.parametrize("text", ["none", OFFICE])
def test_work_of_the_owner_starts_in_his_hours(farm: StoryFarm, text: str) -> None:
    farm.edit(farm.render("a", user_name="anna"), nimby_schedule=text)
    until(farm, "2027-01-15 10:00")
    farm.submit(1, user="berta", name="other")
    farm.submit(1, user="anna", name="own")
    started = [run.block.job.spec.name for run in farm.start()]
    assert started == (["own"] if text == OFFICE else started)
    assert "own" in started
    farm.take(Note)
