"""Requests about settings: what is set, refused, shown and read again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from af.toml_files import Found
from afanasy.core.events import BlockSubmission
from afanasy.core.settings import SERVER_KEYS
from afanasy.model.attributes import JobSpec
from afanasy.model.errors import UserError
from afanasy.model.reading import Reader
from afanasy.server.change.action import act
from afanasy.server.change.read_job import read_job
from afanasy.server.change.settings import Reloader, settings_view
from afanasy.server.main import fill, make_parser
from afanasy.server.matcher import Masks
from afanasy.server.show.get_config import config_answer
from harness.farm import StoryFarm

Change = Callable[..., dict[str, Any]]


@pytest.fixture
def change(farm: StoryFarm) -> Change:
    def send(operation: Any, **more: Any) -> dict[str, Any]:
        action = {"type": "config", "user_name": "anna", "host_name": "desk", **more}
        action["operation"] = operation
        return act(farm.core, action, Reader(strict=True), Masks(), farm.apply)

    return send


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only configuration file of this computer, empty."""
    path = tmp_path / "afanasy.toml"
    path.write_text("")
    monkeypatch.setenv("AF_CONFIG_SYSTEM", str(path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CONFIG_HOME", "AF_CONFIG", "CGRU_LOCATION", "APPDATA", "AF_SERVERPORT"):
        monkeypatch.delenv(name, raising=False)
    return path


def in_force(farm: StoryFarm) -> dict[str, Any]:
    return config_answer(farm.core)["cgru_config"][0]


def origin(farm: StoryFarm, key: str) -> dict[str, Any]:
    (found,) = [one for one in settings_view(farm.core)["settings"] if one["key"] == key]
    return found


def test_set_and_unset(farm: StoryFarm, change: Change) -> None:
    answer = change({"type": "set", "values": {"af_priority": 50, "annotations": ["A"]}})
    assert answer["count"] == 2
    assert answer["info"]["text"] == "2 settings set."
    assert [(one["key"], one["old"], one["value"]) for one in answer["settings"]] == [
        ("af_priority", 99, 50), ("annotations", ["APPROVED", "FAILED"], ["A"]),
    ]  # fmt: skip
    assert (in_force(farm)["af_priority"], in_force(farm)["annotations"]) == (50, ["A"])
    assert origin(farm, "af_priority") == {
        "key": "af_priority", "value": 50, "origin": "set on the fly", "live": True,
        "by": "anna@desk", "time": int(farm.now.wall), "under": {"value": 99, "origin": "default"},
    }  # fmt: skip
    assert change({"type": "unset", "keys": ["af_priority", "af_priority"]})["count"] == 1
    assert in_force(farm)["af_priority"] == 99
    assert origin(farm, "af_priority")["origin"] == "default"


def test_a_login_without_a_password_is_warned_of(farm: StoryFarm, change: Any) -> None:
    assert "warnings" not in change({"type": "set", "values": {"email_smtp_user": "farm"}})
    server = {"type": "set", "values": {"email_smtp_server": "mx"}}
    (warning,) = change(server)["warnings"]
    assert "there is no email_smtp_password" in warning
    assert "warnings" not in change({"type": "set", "values": {"af_priority": 50}})
    farm.core.settings.said["email_smtp_password"] = Found("x", "a file")
    assert "warnings" not in change(server)


@pytest.mark.parametrize(
    ("operation", "code", "said"),
    [
        ({"type": "set", "values": {"af_prioriti": 5}}, "not_found", "did you mean 'af_priority'"),
        ({"type": "set", "values": {"x": 5}}, "not_found", "afcmd config list"),
        ({"type": "set", "values": {"af_priority": "5"}}, "bad_field", '0 to 250, not "5"'),
        ({"type": "set", "values": {"af_priority": True}}, "bad_field", "not true"),
        ({"type": "set", "values": {"af_priority": 251}}, "bad_field", "0 to 250, not 251"),
        ({"type": "set", "values": {"annotations": [1]}}, "bad_field", "a list of texts"),
        ({"type": "set", "values": {"timeformat": "a\0"}}, "bad_text", "NUL"),
        ({"type": "set", "values": {"af_timezone": "Mars/X"}}, "bad_field", "no time zone"),
        ({"type": "set", "values": {"af_serverport": 5}}, "needs_restart", "put it in"),
        ({"type": "set", "values": {"af_cmdprefix": "x"}}, "not_of_the_server", "used by client"),
        ({"type": "set", "values": {"af_render_nice": 5}}, "not_of_the_server", "used by render"),
        ({"type": "set", "values": {"email_smtp_password": "x"}}, "secret", "AF_EMAIL_SMTP_PASS"),
        ({"type": "unset", "keys": ["email_smtp_password"]}, "secret", "only it can read"),
        ({"type": "set", "values": {}}, "missing", "keys and values"),
        ({"type": "set", "values": [1]}, "missing", "keys and values"),
        ({"type": "set"}, "missing", "keys and values"),
        ({"type": "unset", "keys": "af_priority"}, "missing", "a list of keys"),
        ({"type": "unset", "keys": [5]}, "missing", "a list of keys"),
        ({"type": "unset", "keys": ["af_nothing_at_all"]}, "not_found", "there is no setting"),
        ({"type": "unset", "keys": ["af_server_bind"]}, "needs_restart", "restart afserver"),
        ({"type": "dance"}, "unknown_operation", "there are set, unset"),
        ("set", "missing", "send set or unset"),
    ],
)
def test_refused(farm: StoryFarm, change: Change, operation: Any, code: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        change(operation)
    assert caught.value.code == code
    assert said in caught.value.sentence()
    assert "operation" in caught.value.field
    assert farm.core.settings.chosen == {}


def test_one_wrong_value_stops_all(farm: StoryFarm, change: Change) -> None:
    with pytest.raises(UserError):
        change({"type": "set", "values": {"af_priority": 50, "af_jobs_life_time": -5}})
    assert in_force(farm)["af_priority"] == 99


def test_who_asks_must_say_so(change: Change) -> None:
    with pytest.raises(UserError, match="host_name"):
        change({"type": "unset", "keys": ["af_priority"]}, host_name="")


def test_jobs_and_blocks_take_what_they_do_not_say(farm: StoryFarm, change: Change) -> None:
    values = {
        "af_priority": 7, "af_task_default_capacity": 55, "af_task_default_service": "nuke",
    }  # fmt: skip
    change({"type": "set", "values": values})
    tasks = [{"name": "1", "command": "x"}]
    blocks = [
        {"tasks": tasks},
        {"tasks": tasks, "capacity": 1000, "service": "generic"},
        {"tasks": tasks, "capacity": "many"},
    ]

    def read(**members: Any) -> tuple[JobSpec, list[BlockSubmission]]:
        job = {"name": "j", "user_name": "u", "blocks": blocks, **members}
        return read_job(job, Reader(strict=False), Masks(), farm.core.settings)

    spec, found = read()
    assert spec.priority == 7
    specs = [(block.spec.capacity, block.spec.service) for block in found]
    assert specs == [(55, "nuke"), (1000, "generic"), (55, "nuke")]
    assert read(priority=99)[0].priority == 99


def test_every_setting_of_the_server_is_told(farm: StoryFarm) -> None:
    told = in_force(farm)
    assert set(SERVER_KEYS) <= set(told)
    assert told["af_db_conninfo"] == told["pswd_god"] == ""
    assert [one["key"] for one in settings_view(farm.core)["settings"]] == list(SERVER_KEYS)


# -------------------------------------------------------------------------------------- files


def test_a_secret_is_told_to_nobody(
    farm: StoryFarm, file: Path, change: Change, capfd: pytest.CaptureFixture[str]
) -> None:
    file.write_text("email_smtp_password = 'hunter2'\nemail_smtp_user = 'farm'\n")
    answer = Reloader().reload(farm.core, farm.apply)
    assert farm.core.settings.value("email_smtp_password") == "hunter2"
    assert in_force(farm)["email_smtp_password"] == ""
    assert origin(farm, "email_smtp_password") == {
        "key": "email_smtp_password", "value": "", "origin": f"{file}:1", "live": True,
    }  # fmt: skip
    assert len(answer["changed"]) == 2
    file.write_text("email_smtp_password = 12345678\n")
    with pytest.raises(UserError) as caught:
        Reloader().reload(farm.core, farm.apply)
    assert "email_smtp_password must be a text" in caught.value.sentence()
    file.write_text("email_smtp_password = 'hunter3'\n")
    answers = [answer, Reloader().reload(farm.core, farm.apply), *map(vars, farm.core.effects)]
    told = repr(answers) + caught.value.sentence() + "".join(capfd.readouterr())
    assert not [one for one in ("hunter", "12345678") if one in told]


def test_files_are_read_again(farm: StoryFarm, file: Path, change: Change) -> None:
    reloader = Reloader({"af_server_trust": Found(["10.1.0.0/16"], "option --trust")})
    farm.core.settings.said = {"af_server_trust": Found(["10.1.0.0/16"], "option --trust")}
    answer = reloader.reload(farm.core, farm.apply)
    assert answer["info"]["text"] == "The configuration was read again: nothing changed."
    assert (answer["changed"], answer["waiting"]) == ([], [])
    file.write_text(
        "af_priority = 7\naf_serverport = 51007\naf_server_trust = []\naf_jobs_life_time = 60\n"
        'af_cmdprefix = "not ours"\n'
    )
    change({"type": "set", "values": {"af_jobs_life_time": 5}})
    answer = reloader.reload(farm.core, farm.apply)
    assert "1 setting changed, 1 setting waits for a restart." in answer["info"]["text"]
    assert answer["files"] == [str(file)]
    (changed,) = answer["changed"]
    assert (changed["key"], changed["old"], changed["value"]) == ("af_priority", 99, 7)
    assert changed["origin"] == f"{file}:1"
    (waiting,) = answer["waiting"]
    assert (waiting["key"], waiting["value"]) == ("af_serverport", 51000)
    assert waiting["waiting"] == {"value": 51007, "origin": f"{file}:2"}
    assert origin(farm, "af_serverport")["waiting"]["value"] == 51007
    assert in_force(farm)["af_jobs_life_time"] == 5
    assert origin(farm, "af_jobs_life_time")["under"] == {"value": 60, "origin": f"{file}:4"}
    assert origin(farm, "af_server_trust")["origin"] == "option --trust"
    file.write_text("")
    answer = reloader.reload(farm.core, farm.apply)
    assert [one["key"] for one in answer["changed"]] == ["af_priority"]
    assert answer["waiting"] == []
    assert "waiting" not in origin(farm, "af_serverport")


@pytest.mark.parametrize(
    "text", ["af_prioriti = 5", "af_priority = 999", "af_priority =", "af_timezone = '../etc'"]
)
def test_wrong_files_change_nothing(farm: StoryFarm, file: Path, text: str) -> None:
    file.write_text(f"af_jobs_life_time = 7\n{text}\n")
    with pytest.raises(UserError, match=str(file)) as caught:
        Reloader().reload(farm.core, farm.apply)
    assert caught.value.code == "bad_config"
    assert in_force(farm)["af_jobs_life_time"] == 0


# ------------------------------------------------------------------------------------- options


def options(*words: str) -> tuple[Any, dict[str, Found]]:
    parsed = make_parser().parse_args(words)
    return parsed, fill(parsed)


def test_options_win_over_variables_and_files(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parsed, given = options()
    assert (parsed.port, parsed.bind, parsed.trust) == (51000, ["127.0.0.1"], [])
    assert parsed.data == tmp_path / "home/.local/share/afanasy/server"
    assert given == {}
    file.write_text(
        'af_serverport = 1\naf_server_bind = ["127.0.0.1", "10.1.0.5"]\n'
        'af_server_trust = "10.1.0.0/16"\naf_store_folder = "/data"\n'
        'af_server_log_level = "debug"\n'
    )
    parsed, given = options()
    assert (parsed.port, parsed.bind, parsed.trust) == (
        1, ["127.0.0.1", "10.1.0.5"], ["10.1.0.0/16"],
    )  # fmt: skip
    assert (parsed.data, parsed.log_level) == (Path("/data"), "debug")
    monkeypatch.setenv("AF_SERVERPORT", "2")
    assert options()[0].port == 2
    parsed, given = options("--port", "0", "--bind", "127.0.0.2", "--data", "x")
    assert (parsed.port, parsed.bind, parsed.data) == (0, ["127.0.0.2"], Path("x"))
    assert given == {
        "af_serverport": Found(0, "option --port"), "af_store_folder": Found("x", "option --data"),
        "af_server_bind": Found(["127.0.0.2"], "option --bind"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (["--port", "70000"], "", "--port: must be a whole number from 0 to 65535, not 70000"),
        ([], 'af_serverport = "x"', "af_serverport must be a whole number"),
        ([], "af_server_prot = 5", "there is no setting 'af_server_prot' (did you mean"),
        ([], 'af_server_log_level = "loud"', "must be one of 'debug', 'info', 'warning'"),
    ],
)
def test_what_keeps_the_server_from_starting(
    file: Path, words: list[str], text: str, said: str
) -> None:
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        options(*words)
    assert said in caught.value.sentence()
