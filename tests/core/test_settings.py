"""Settings set on the fly: what follows at once, and what a restart brings back."""

from __future__ import annotations

from af.settings import BY_KEY
from af.toml_files import Found
from afanasy.core import events
from afanasy.core.effects import Stop
from afanasy.core.settings import USER_DEFAULTS, Chosen, Settings
from afanasy.model.attributes import BlockSpec, JobSpec, UserSpec
from harness.farm import StoryFarm


def choose(farm: StoryFarm, **values: object) -> None:
    farm.apply(events.ChangeSettings(dict(values), by="anna@desk"))


def test_defaults_are_those_of_the_attributes() -> None:
    settings = Settings()
    assert UserSpec(**settings.user_defaults()) == UserSpec()
    assert JobSpec(**settings.job_defaults()) == JobSpec()
    assert BlockSpec(**settings.block_defaults()) == BlockSpec()


def test_new_users_take_them_and_known_ones_keep_theirs(farm: StoryFarm) -> None:
    farm.submit(user="anna")
    choose(farm, **{key: BY_KEY[key].low + 5 for key in USER_DEFAULTS.values()})
    farm.submit(user="anna", name="other")
    farm.submit(user="kim")
    assert farm.core.users["anna"].spec == UserSpec()
    kim = farm.core.users["kim"].spec
    assert kim == UserSpec(**farm.core.settings.user_defaults())
    assert (kim.priority, kim.errors_retries, kim.max_running_tasks) == (5, 5, 4)
    farm.restart_server()
    assert farm.core.users["kim"].spec == kim
    farm.apply(events.AddUser("joe"))
    assert farm.core.users["joe"].spec == kim


def test_a_shorter_reconnect_time_counts_for_renders_that_are_away(farm: StoryFarm) -> None:
    render = farm.render("a")
    job = farm.submit(1)
    farm.start(1)
    farm.drop_link(render)
    farm.wait(20)
    choose(farm, af_task_reconnect_timeout=30)
    farm.wait(9)
    assert farm.state(job.blocks[0]) == "RUN WRC"
    farm.wait(2)
    assert farm.state(job.blocks[0]) == "RDY"
    assert farm.core.renders["a"].running == 0


def test_a_longer_one_too(farm: StoryFarm) -> None:
    render = farm.render("a")
    block = farm.submit(1).blocks[0]
    farm.start(1)
    farm.drop_link(render)
    farm.wait(50)
    choose(farm, af_task_reconnect_timeout=100)
    farm.wait(49)
    assert farm.state(block) == "RUN WRC"
    farm.wait(2)
    assert farm.state(block) == "RDY"


def test_one_that_has_passed_already(farm: StoryFarm) -> None:
    render = farm.render("a")
    block = farm.submit(1).blocks[0]
    farm.start(1)
    farm.drop_link(render)
    farm.wait(20)
    choose(farm, af_task_reconnect_timeout=10)
    farm.wait(0)
    assert farm.state(block) == "RDY"


def test_the_progress_timeout_of_blocks_that_name_none(farm: StoryFarm) -> None:
    farm.render("a", capacity=5000, max_tasks=4)
    farm.submit(1, name="plain")
    farm.submit(1, name="never", task_progress_change_timeout=0)
    plain, never = farm.start(2)
    farm.wait(100)
    choose(farm, af_task_progress_change_timeout=120)
    farm.wait(19)
    assert farm.take(Stop) == []
    farm.wait(2)
    (stop,) = farm.take(Stop)
    assert stop.run_id == plain.id
    assert not never.stop_cause
    farm.submit(1, name="later")  # known when it starts
    (later,) = farm.start(1)
    farm.wait(119)
    assert farm.take(Stop) == []
    farm.wait(2)
    assert [stop.run_id for stop in farm.take(Stop)] == [later.id]


def test_what_was_set_comes_back_and_can_be_taken_back(farm: StoryFarm) -> None:
    settings = farm.core.settings
    farm.apply(events.RereadSettings({"af_priority": Found(7, "/etc/x:1")}, {}))
    choose(farm, af_priority=50)
    assert settings.value("af_priority") == 50
    assert settings.chosen["af_priority"] == Chosen(50, "anna@desk", int(farm.now.wall))
    farm.restart_server()
    assert farm.core.settings.chosen == settings.chosen
    farm.apply(events.RereadSettings({"af_priority": Found(8, "/etc/x:1")}, {}))
    assert farm.core.settings.value("af_priority") == 50
    farm.apply(events.ChangeSettings({}, ["af_priority", "annotations"]))
    assert farm.core.settings.value("af_priority") == 8
    farm.restart_server()
    assert farm.core.settings.chosen == {}
    assert farm.core.settings.value("af_priority") == 99  # files are read by who starts


def test_stored_values_of_another_version_are_ignored(farm: StoryFarm) -> None:
    choose(farm, af_priority=50, annotations=["A"])
    doc = '{"af_priority":["x","a@b",1],"af_gone":[1,"a@b",1],"af_serverport":[1,"a@b",1]}'
    farm.store.tables["meta"][("settings",)] = ("settings", doc)
    other = farm.restored()
    assert other.settings.chosen == {}
    ignored = [effect.fields["key"] for effect in other.effects if hasattr(effect, "fields")]
    assert ignored == ["af_priority", "af_gone", "af_serverport"]
    choose(farm, af_priority=51)
