"""Who hears of which event, by mail, hook and command (SEMANTICS 12.2, R66)."""

from __future__ import annotations

import json

from afanasy.core import events
from afanasy.core.effects import Send
from afanasy.core.settings import Chosen
from afanasy.core.system import notify, system_job
from afanasy.core.system.message import Message
from harness.farm import StoryFarm

HOOK = "http://hooks.example/farm"


def with_mail(farm: StoryFarm) -> None:
    farm.core.settings.chosen["email_smtp_server"] = Chosen("mail.example", "test@test", 1)
    farm.core.changes.settings = True


def anna(farm: StoryFarm, **params: object) -> None:
    if "anna" not in farm.core.users:
        farm.apply(events.AddUser("anna"))
    farm.edit("anna", **params)


def sent(farm: StoryFarm, n: int | None = None) -> list[Message]:
    """Messages that left; they are settled."""
    found = [effect.message for effect in farm.take(Send, n)]
    for message in found:
        farm.apply(events.MessageSettled(message.key))
    return found


def commands(farm: StoryFarm) -> list[str]:
    tasks = farm.core.jobs[0].blocks[system_job.EVENTS].tasks
    return [task.command for task in tasks or []]


def test_parameters_of_a_user(farm: StoryFarm) -> None:
    with_mail(farm)
    anna(farm, email="anna@example.org, boss@example.org", webhook=HOOK)
    farm.render("a")
    job = farm.submit(1, name="the movie")
    farm.finish(farm.start(1)[0])
    mail, hook = sent(farm, 2)
    assert (mail.kind, mail.to) == ("mail", ["anna@example.org", "boss@example.org"])
    assert mail.subject == "JOB_DONE - the movie"
    assert "block 0 block0: 1 of 1 task done, 0 in error" in mail.text
    assert (hook.kind, hook.to) == ("webhook", [HOOK])
    document = json.loads(hook.text)
    assert document["events"] == ["JOB_DONE"]
    assert document["job"]["serial"] == job.serial
    assert "DON" in document["job"]["state"]
    assert document["user"]["name"] == "anna"
    farm.operate(job, "delete")
    sent(farm, 0)
    anna(farm, notify=["created", "deleted"])
    job = farm.submit(1)
    farm.operate(job, "delete")
    assert [one.subject for one in sent(farm, 4)][::2] == ["JOB_CREATED - job", "JOB_DELETED - job"]


def test_one_error_message_for_a_job(farm: StoryFarm) -> None:
    anna(farm, webhook=HOOK, notify=["error"])
    farm.render("a", capacity=5000)
    job = farm.submit(3, errors_retries=0, errors_avoid_host=0, errors_task_same_host=0)
    for run in farm.start(3):
        farm.fail(run)
    assert [one.subject for one in sent(farm)] == ["JOB_ERROR - job"]
    farm.operate(job, "restart_errors")
    for run in farm.start():
        farm.fail(run)
    assert len(sent(farm)) == 1


def test_custom_data_of_user_and_job(farm: StoryFarm) -> None:
    with_mail(farm)
    of_user = {"emails": ["a@example.org"], "webhooks": [HOOK], "-events": {"JOB_DONE": 1},
               "events": {"JOB_DONE": {"methods": ["email"]}}}  # fmt: skip
    of_job = {"emails": ["b@example.org", "nonsense"],
              "events": {"JOB_DONE": {"methods": ["webhook", "tell.sh --now"]},
                         "JOB_DELETED": {"methods": ["notify-send"]}}}  # fmt: skip
    anna(farm, custom_data=json.dumps(of_user))
    farm.render("a")
    job = farm.submit(1, name="it's $(mine)", job={"custom_data": json.dumps(of_job)})
    farm.finish(farm.start(1)[0])
    mail, hook = sent(farm, 2)
    assert mail.to == ["a@example.org", "b@example.org"]
    assert json.loads(hook.text)["job"]["custom_data"] == json.dumps(of_job)
    expected = f"tell.sh --now -jobname 'it'\"'\"'s $(mine)' -jobserial {job.serial}"
    assert commands(farm) == [expected]
    (run,) = farm.start(1)
    assert run.block.task_name(run.task) == "JOB_DONE"
    assert run.block.tasks is not None
    environment = run.block.tasks[run.task].environment or {}
    assert (environment["AF_EVENTS"], environment["AF_OF_USER_NAME"]) == ("JOB_DONE", "anna")
    farm.finish(run)
    farm.operate(job, "delete")
    assert commands(farm)[1].startswith("notify-send 'JOB_DELETED - it")
    farm.finish(farm.start(1)[0])


def test_merging() -> None:
    found = notify.merged(
        '{"a": [1], "b": {"c": 1, "-x": 2}, "d": 1, "-e": 3}',
        "not json", "[1]", '{"broken": ',
        '{"a": [2], "b": {"c": 2, "f": [3]}, "d": {"g": 1}}',
    )  # fmt: skip
    assert found == {"a": [1, 2], "b": {"c": 2, "f": [3]}, "d": {"g": 1}}


def test_however_deep_custom_data_is(farm: StoryFarm) -> None:
    """What lies deeper than anybody writes by hand is not merged, and hurts nobody.

    Just below what can be read at all is where there is no room left for anything more.
    """
    farm.render("a")
    for depth in (*range(900, 1000), 5000):
        text = '{"a":' * depth + "1" + "}" * depth
        assert notify.merged(text).keys() <= {"a"}
    job = farm.submit(1, job={"custom_data": text})
    farm.finish(farm.start(1)[0])
    assert farm.job_state(job) == "DON"


def test_merging_deep_down() -> None:
    """64 levels are merged; below them the later object takes the place of the earlier."""

    def at(level: int, inner: str) -> str:
        return '{"a":' * (level - 1) + inner + "}" * (level - 1)

    for level, expected in ((64, {"x": 1, "y": 2}), (65, {"y": 2})):
        found = notify.merged(at(level, '{"x": 1}'), at(level, '{"y": 2}'))
        for _ in range(level - 1):
            found = found["a"]
        assert found == expected


def test_nothing_is_noted_for_who_asked_nothing(farm: StoryFarm) -> None:
    farm.render("a")
    odd = [
        '{"events": [1]}',
        '{"events": {"JOB_DONE": 7}}',
        '{"events": {"JOB_DONE": {"methods": 1}}}',
    ]
    for text in ["", "plain words", *odd]:
        farm.submit(1, job={"custom_data": text})
        farm.finish(farm.start(1)[0])
    sent(farm, 0)
    assert commands(farm) == []


def test_without_a_mail_server_none_is_sent(farm: StoryFarm) -> None:
    anna(farm, email="anna@example.org")
    farm.render("a")
    farm.submit(1)
    farm.finish(farm.start(1)[0])
    sent(farm, 0)


def test_unsettled_messages_are_sent_again(farm: StoryFarm) -> None:
    anna(farm, webhook=HOOK)
    farm.render("a")
    for n in range(3):
        farm.submit(1, name=f"job {n}")
        farm.finish(farm.start(1)[0])
    before = [effect.message for effect in farm.take(Send, 3)]
    farm.apply(events.MessageSettled(before[1].key))
    other = farm.restored()
    again = [one.message for one in other.effects if isinstance(one, Send)]
    assert again == [before[0], before[2]], "with the same ids"
    for message in before:
        farm.apply(events.MessageSettled(message.key))
    assert not [key for (key,) in farm.store.tables["meta"] if key.startswith("message/")]


def test_who_did_not_hear_is_in_the_log_of_the_job(farm: StoryFarm) -> None:
    anna(farm, webhook=HOOK, notify=["done", "deleted"])
    farm.render("a")
    job = farm.submit(1)
    farm.finish(farm.start(1)[0])
    (first,) = [effect.message for effect in farm.take(Send, 1)]
    farm.apply(events.MessageSettled(first.key, "given up: 410 gone"))
    assert job.log[-1] == "given up: 410 gone"
    assert farm.restored().jobs[job.serial].log[-1] == "given up: 410 gone"
    farm.operate(job, "delete")
    (second,) = [effect.message for effect in farm.take(Send, 1)]
    farm.apply(events.MessageSettled(second.key, "given up: no route"))
    farm.apply(events.MessageSettled(second.key, "twice"))
    assert farm.core.jobs[system_job.SERIAL].log[-1] == "given up: no route", "its job is gone"


def test_a_render_that_is_lost(farm: StoryFarm) -> None:
    farm.edit("afadmin", webhook=HOOK)
    farm.apply(events.EditPool("/", {"custom_data": '{"webhooks": ["http://pool.example/"],'
               '"events": {"RENDER_ZOMBIE": {"methods": ["webhook", "mourn"]}}}'}))  # fmt: skip
    a, b = farm.render("a"), farm.render("b")
    farm.bye(b)
    farm.drop_link(a)
    farm.wait(50)
    sent(farm, 0)
    farm.wait(50)
    found = sent(farm, 2)
    assert [one.to for one in found] == [["http://pool.example/"], [HOOK]]
    assert json.loads(found[0].text)["render"]["name"] == "a"
    assert commands(farm) == ["mourn -rendername a"]
    farm.restart_server()
    farm.wait(200)
    sent(farm, 0)
    farm.come_back("a")
    farm.finish(farm.start(1)[0])
    farm.drop_link(farm.core.renders["a"])
    farm.wait(100)
    assert len(sent(farm)) == 2


def test_a_render_becomes_sick(farm: StoryFarm) -> None:
    farm.edit("afadmin", webhook=HOOK)
    farm.apply(events.EditPool("/", {"sick_errors_count": 2}))
    farm.render("a", capacity=5000)
    for user in ("u1", "u2"):
        farm.submit(1, user=user)
    for run in farm.start(2):
        farm.fail(run)
    assert [one.subject for one in sent(farm)] == ["RENDER_SICK - a"]


def test_what_an_older_version_stored_is_told_to_nobody(farm: StoryFarm) -> None:
    """``email`` with a second line: a mail went to the address in it."""
    with_mail(farm)
    anna(farm, email="not an address\r\nBcc: x@y", webhook="http://a b/")
    farm.render("a")
    farm.submit(1)
    farm.finish(farm.start(1)[0])
    assert sent(farm) == []
