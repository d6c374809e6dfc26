"""Commands that change something: the request of each, and what is said."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from afanasy.cli.values import parse_words
from afanasy.model.clock import Now
from harness.commands import Afcmd


def jobs(**members: Any) -> dict[str, Any]:
    return {"type": "jobs", **members}


def on_tasks(name: str, block: int, *ranges: list[int]) -> dict[str, Any]:
    operation: dict[str, Any] = {"type": name}
    if ranges:
        operation["task_ranges"] = list(ranges)
    return jobs(ids=[5], block_ids=[block], operation=operation)


def whole(name: str, *ids: int) -> dict[str, Any]:
    return jobs(ids=list(ids or (5,)), operation={"type": name})


#: Words, the action.
OPERATIONS = [
    ("pause 5", whole("pause")),
    ("start 5 6", whole("start", 5, 6)),
    ("stop shot.v1", whole("stop")),
    ("restart 5", whole("restart")),
    ("restart-errors 5", whole("restart_errors")),
    ("reset-errors 5", whole("reset_error_hosts")),
    ("delete 5 6", whole("delete", 5, 6)),
    ("delete shot.v1 6", whole("delete", 5, 6)),
    ("skip 5", jobs(ids=[5], block_ids=[-1], operation={"type": "skip"})),
    ("pause --mask shot.*", jobs(mask="shot.*", operation={"type": "pause"})),
    ("jobs pause 5", whole("pause")),
    ("jobs restart-errors 5", whole("restart_errors")),
    ("skip 5.beauty", on_tasks("skip", 0)),
    ("skip 5 --block beauty", on_tasks("skip", 0)),
    ("skip 5 --block 0 --tasks 10-20,35", on_tasks("skip", 0, [0, 1], [3, 3])),
    ("restart 5.beauty 10-20,35", on_tasks("restart", 0, [0, 1], [3, 3])),
    ("restart 5.beauty --tasks 1-100", on_tasks("restart", 0, [0, 9])),
    ("restart-errors 5.comp right", on_tasks("restart_errors", 1, [1, 1])),
    ("reset-errors 5.comp #0-#1", on_tasks("reset_error_hosts", 1, [0, 1])),
    ("pause 5.comp", on_tasks("suspend", 1)),
    ("start 5.comp #2", on_tasks("continue", 1, [2, 2])),
    ("stop 5.beauty 1", on_tasks("suspend", 0, [0, 0])),
]


@pytest.mark.parametrize(("words", "action"), OPERATIONS, ids=[row[0] for row in OPERATIONS])
def test_operations(afcmd: Afcmd, words: str, action: dict[str, Any]) -> None:
    assert afcmd.action(*words.split(" ")) == action


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("pause 5", "pause job 5\n"),
        ("start 5 6", "start jobs 5, 6\n"),
        ("restart 5", "restart job 5: 3 tasks\n"),
        ("stop 5", "stop job 5: 3 running tasks\n"),
        ("skip 5.beauty 1", "skip 5.beauty: 3 tasks\n"),
        ("reset-errors 5", "reset-errors job 5: 3 hosts\n"),
        ("delete --mask .*", "delete 3 jobs matching .*: 3 running tasks\n"),
    ],
)
def test_what_operations_say(afcmd: Afcmd, words: str, said: str) -> None:
    assert afcmd(*words.split()).out == said


def test_the_servers_own_words_are_passed_on(afcmd: Afcmd) -> None:
    text = "1 host is still avoided; reset_error_hosts (afcmd reset-errors) forgives it."
    afcmd.farm.next({"info": {"kind": "info", "text": text}, "count": 1})
    assert afcmd("restart", "5").out == f"restart job 5: 1 task\n{text}\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("pause", 2, "no job was named; as afcmd pause 5"),
        ("pause 99", 5, "there is no job 99; afcmd jobs lists them"),
        ("pause 5 99", 5, "there is no job 99"),
        ("pause nothing", 5, "there is no job 'nothing'"),
        ("delete 5.beauty", 2, "a block or task cannot be deleted"),
        ("delete 5.beauty 1", 2, "a block or task cannot be deleted"),
        ("skip 5 --tasks 1", 2, "job 5 has 2 blocks; say which: 5.BLOCK"),
        ("skip 5.beauty 1 2", 2, "blocks and tasks are chosen in one job at a time"),
        ("skip shot.v1 6.run", 2, "blocks and tasks are chosen in one job at a time"),
        ("skip 5.beauty 200", 5, "frame 200 is not in block"),
        ("skip --mask a 5", 2, "--mask stands alone"),
        ("skip 5.beauty -5--3", 2, "negative frames are written as --tasks=-5--3"),
        ("set 5", 2, "no new value was given"),
        ("set priority=5", 2, "no job was named"),
        ("set 5 priority=high", 2, "priority: must be a whole number, not 'high'"),
        ("set 5.beauty environment==x:y", 2, "environment: '=x' is no name of a variable"),
        ('set 5.beauty environment={"A=":"y"}', 2, "environment: 'A=' is no name of a variable"),
        ("set 5 offline=perhaps", 2, "offline: must be true or false"),
        ("set 5.beauty 6 priority=5", 2, "blocks are changed in one job at a time"),
        ("set --user kim 5 priority=5", 2, "'5' has no place beside --user"),
        ("set --mask a --block b priority=5", 2, "'--block' has no place beside --mask"),
        ("render r1 dance", 2, "'dance' is no verb of renders"),
        ("renders pause r1 exit", 2, "one word too many"),
        ("wait", 2, "the following arguments are required: JOB"),
        ("wait 5 --timeout soon", 2, "--timeout: 'soon' is no duration"),
        ("run", 2, "no command was given; as afcmd run ls -l"),
        ("run --capacity 0 ls", 2, "capacity must be at least 1"),
        ("run --hosts-mask ( ls", 2, "does not compile"),
        ("user add kim priority", 2, "'priority' is no key=value"),
        ("output 5", 2, "job 5 has 2 blocks"),
        ("output 5.beauty", 2, "block 'beauty' has 10 tasks; say which"),
        ("log 5.beauty", 2, "a block has no log of its own; name a task too"),
    ],
)
def test_bad_words(afcmd: Afcmd, words: str, code: int, said: str) -> None:
    done = afcmd(*words.split(), code=code)
    assert done.out == ""
    assert done.err.startswith("afcmd: ")
    assert said in done.err
    assert done.err.count("\n") == 1


# ------------------------------------------------------------------------------------------ set


@pytest.mark.parametrize(
    ("words", "action"),
    [
        ("set 5 priority=120 annotation=x", jobs(ids=[5], params={"priority": 120,
                                                                  "annotation": "x"})),
        ("set 5 6 priority=1", jobs(ids=[5, 6], params={"priority": 1})),
        ("set shot.v1 priority=1", jobs(ids=[5], params={"priority": 1})),
        ("jobs set 5 time_life=2h", jobs(ids=[5], params={"time_life": 7200})),
        ("set --mask a.* hidden=yes", jobs(mask="a.*", params={"hidden": True})),
        ("set 5.comp capacity=5", jobs(ids=[5], block_ids=[1], params={"capacity": 5})),
        ("set 5 --block comp capacity=5", jobs(ids=[5], block_ids=[1], params={"capacity": 5})),
        ("set --render r10.x capacity_host=5",
         {"type": "renders", "mask": r"r10\.x", "params": {"capacity_host": 5}}),
        ("renders set r1 priority=5", {"type": "renders", "mask": "r1",
                                       "params": {"priority": 5}}),
        ("set --user kim paused=false", {"type": "users", "mask": "kim",
                                         "params": {"paused": False}}),
        ("users set kim priority=5", {"type": "users", "mask": "kim", "params": {"priority": 5}}),
    ],
)  # fmt: skip
def test_set(afcmd: Afcmd, words: str, action: dict[str, Any]) -> None:
    assert afcmd.action(*words.split()) == action


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("annotation=5", "5"),
        ("annotation=", ""),
        ("annotation=a=b c", "a=b c"),
        ("hosts_mask=r.*|s.*", "r.*|s.*"),
        ("priority=-1", -1),
        ("time_life=-1", -1),
        ("time_life=90", 90),
        ("errors_forgive_time=1h30m", 5400),
        ("nimby=TRUE", True),
        ("files=a.exr;b.exr", ["a.exr", "b.exr"]),
        ('files=["a;b"]', ["a;b"]),
        ("files=a b.exr, c.exr", ["a b.exr", "c.exr"]),
        ("files=", []),
        ("services=generic,nuke", ["generic", "nuke"]),
        ("services=generic nuke;  maya ", ["generic", "nuke", "maya"]),
        ('services=["a b"]', ["a b"]),
        ("services_disabled=a,b", ["a", "b"]),
        ("notify=done error", ["done", "error"]),
        ("depend_jobs=5 6,7", [5, 6, 7]),
        ("depend_jobs=", []),
        ("pools=/a:10,/b:-5", {"/a": 10, "/b": -5}),
        ("tickets=gpu:1", {"gpu": 1}),
        ("tickets=gpu:1 rlm:-1;a:2", {"gpu": 1, "rlm": -1, "a": 2}),
        ("tickets_host=a:1 b:2", {"a": 1, "b": 2}),
        ("tickets_pool=a:1 b:2:3", {"a": [1, -1], "b": [2, 3]}),
        ("environment=A:1,B:x:y", {"A": "1", "B": "x:y"}),
        ('folders={"out": "/o"}', {"out": "/o"}),
        ("something_new=5", "5"),
    ],
)
def test_values(word: str, value: object) -> None:
    assert parse_words([word]) == {word.partition("=")[0]: value}


@pytest.mark.parametrize(
    "word", ["pools=/a", "pools=/a:much", "files=[1", "folders={}x", "environment=A", "priority="]
)
def test_bad_values(afcmd: Afcmd, word: str) -> None:
    assert afcmd("set", "5", word, code=2).err.startswith(f"afcmd: {word.partition('=')[0]}: ")


# ---------------------------------------------------------------------------- renders and users


@pytest.mark.parametrize(
    ("verb", "members"),
    [
        ("nimby", {"params": {"nimby": True}}),
        ("NIMBY", {"params": {"NIMBY": True}}),
        ("free", {"params": {"nimby": False, "NIMBY": False}}),
        ("pause", {"params": {"paused": True}}),
        ("unpause", {"params": {"paused": False}}),
        ("eject", {"operation": {"type": "eject_tasks"}}),
        ("exit", {"operation": {"type": "exit"}}),
        ("delete", {"operation": {"type": "delete"}}),
    ],
)
def test_renders(afcmd: Afcmd, verb: str, members: dict[str, Any]) -> None:
    action = {"type": "renders", "mask": r"r10\.x", **members}
    assert afcmd.action("render", "r10.x", verb) == action
    assert afcmd.action("renders", verb, "r10.x") == action
    assert afcmd("render", "r1", verb).out == f"render r1: {verb}\n"


def test_a_host_is_taken_for_a_while(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afanasy.cli.render.read_clocks", lambda: Now(5.0, 1_800_000_000.0))
    taken = afcmd.action("render", "r1", "pause", "--for", "30m", "--reason", "paint")
    assert taken["params"] == {
        "paused": True, "paused_reason": "paint", "paused_until": 1_800_001_800,
    }  # fmt: skip
    for time in ("0", "0.5", "5x"):
        assert "--for: " in afcmd("render", "r1", "pause", "--for", time, code=2).err


def test_a_render_that_is_not_there(afcmd: Afcmd) -> None:
    afcmd.farm.next(
        {"info": {"kind": "error", "text": "Renders: No node matches 'x' found."}, "count": 0}
    )
    done = afcmd("render", "x", "pause", code=5)
    assert done.err == "afcmd: there is no render 'x'; afcmd renders lists them\n"


def refusal(text: str, **members: Any) -> dict[str, Any]:
    told = {"code": "not_found", "message": text, "hint": "", "field": "", **members}
    return {"info": {"kind": "error", "text": text}, "count": 0, "error": told}


@pytest.mark.parametrize(
    ("words", "missing", "members"),
    [
        ("render r3 move /nope", "there is no pool '/nope'", {"hint": "afcmd pools lists them"}),
        ("renders move r3 /nope", "there is no pool '/nope'", {}),
        ("pools add /nope/gpu", "there is no pool '/nope'", {}),
        ("set 5 user=nobody", "User does not exist: nobody", {"field": "user_name"}),
    ],
)
def test_what_is_missing_is_told(
    afcmd: Afcmd, words: str, missing: str, members: dict[str, Any]
) -> None:
    """Not the thing that was named first, which is there."""
    afcmd.farm.next(refusal(missing, **members))
    said = afcmd(*words.split(), code=5).err
    assert missing in said
    assert said.count("there is no") == missing.count("there is no")


def test_a_user_is_added(afcmd: Afcmd) -> None:
    assert afcmd("user", "add", "eve", "priority=5").out == "added user eve\n"
    assert afcmd.farm.last("user") == {"name": "eve", "priority": 5}
    assert afcmd("users", "add", "eve", "--json").json["user"]["id"] == 4
    afcmd.farm.next({"error": "exists", "user": {"id": 3, "name": "kim"}})
    assert "there is a user 'kim' already" in afcmd("user", "add", "kim", code=2).err
    afcmd.farm.next({"error": "user.priority: must be ≤ 255", "info": {"kind": "error"}})
    assert "user.priority: must be" in afcmd("user", "add", "kim", code=2).err


# ------------------------------------------------------------------------------------- submission

BLOCKS = [{"name": "b", "tasks": [{"name": "t", "command": "ls"}]}]


@pytest.mark.parametrize("form", [{"job": {"name": "x", "blocks": BLOCKS}},
                                  {"name": "x", "blocks": BLOCKS}])  # fmt: skip
def test_submit(afcmd: Afcmd, tmp_path: Path, form: dict[str, Any]) -> None:
    file = tmp_path / "job.json"
    file.write_text(json.dumps(form), encoding="utf-8-sig")
    assert afcmd("submit", str(file)).out == "job 9 (serial 109)\n"
    job = {"name": "x", "blocks": BLOCKS, "user_name": "jimmy", "host_name": "desk"}
    assert afcmd.farm.last("job") == job
    assert afcmd("jobs", "submit", str(file), "--pause", "--json").json == {"id": 9, "serial": 109}
    assert afcmd.farm.last("job") == {**job, "offline": True}


def test_the_sample_keeps_its_user(afcmd: Afcmd) -> None:
    afcmd("submit", str(Path(__file__).parents[2] / "examples/job.json"))
    assert afcmd.farm.last("job")["host_name"] == "host"


def test_submit_from_standard_input(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps({"name": "имя", "blocks": BLOCKS}, ensure_ascii=False)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    afcmd("submit", "-")
    assert afcmd.farm.last("job")["name"] == "имя"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON: Expecting property name"),
        ("[]", "holds no job with blocks"),
        ('{"job": 5}', "holds no job with blocks"),
        ('{"name": "x"}', "holds no job with blocks"),
        ("[" * 100000, "is no JSON"),
    ],
)
def test_submit_what_is_no_job(afcmd: Afcmd, tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "job.json"
    file.write_text(text)
    done = afcmd("submit", str(file), code=2)
    assert words in done.err
    assert 'write {"job": {"name": …, "blocks": […]}}' in done.err


def test_submit_a_file_that_is_not_there(afcmd: Afcmd, tmp_path: Path) -> None:
    assert "there is no file" in afcmd("submit", str(tmp_path / "x"), code=5).err
    assert "cannot read" in afcmd("submit", str(tmp_path), code=2).err


def test_a_refused_job(afcmd: Afcmd, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text(json.dumps({"blocks": BLOCKS}))
    told = "job.blocks[0].capacity: must be int, not str (give a number)"
    afcmd.farm.next({"id": 0, "serial": 0, "error": told})
    assert afcmd("submit", str(file), code=2).err == f"afcmd: {told}\n"
    afcmd.farm.next(
        {
            "id": 0,
            "serial": 0,
            "error": told,
            "refusal": {
                "code": "store_unavailable",
                "message": "no database",
                "hint": "wait",
                "field": "",
            },
        }
    )
    done = afcmd("submit", str(file), "--json", code=3)
    assert done.err == "afcmd: no database; wait\n"
    assert done.json["error"]["code"] == "store_unavailable"


def test_warnings_go_to_stderr(afcmd: Afcmd) -> None:
    afcmd.farm.next({"id": 9, "serial": 109, "warnings": ["unknown service 'x'"]})
    done = afcmd("run", "--json", "--service", "x", "ls")
    assert done.json["id"] == 9
    assert done.err == "afcmd: warning: unknown service 'x'\n"


@pytest.mark.parametrize(
    ("words", "command", "name"),
    [
        (["run", "ls", "-l", "a b"], "ls -l 'a b'", "ls"),
        (["run", "ls -l; true"], "ls -l; true", "ls"),
        (["run", "--name", "n", "--", "--odd", "--json"], "--odd --json", "n"),
        (["jobs", "run", "nice", "--json"], "nice --json", "nice"),
    ],
)
def test_run(afcmd: Afcmd, words: list[str], command: str, name: str) -> None:
    assert afcmd(*words).out == "job 9 (serial 109)\n"
    job = afcmd.farm.last("job")
    assert job["name"] == name
    assert job["user_name"] == "jimmy"
    assert job["blocks"][0]["tasks"] == [{"name": command, "command": command}]
    assert job["blocks"][0]["service"] == "generic"


def test_run_with_everything(afcmd: Afcmd) -> None:
    afcmd("run", "--capacity", "5", "--priority", "7", "--hosts-mask", "r.*", "--service", "s",
          "ls")  # fmt: skip
    job = afcmd.farm.last("job")
    assert (job["priority"], job["hosts_mask"], job["hosts_mask_type"]) == (7, "r.*", "regex")
    assert (job["blocks"][0]["capacity"], job["blocks"][0]["service"]) == (5, "s")


def test_a_mask_that_takes_for_ever_is_refused(afcmd: Afcmd) -> None:
    afcmd.farm.jobs[-1]["name"] = "a" * 40 + "!"
    for words in (["pause", "--mask", "(a|aa)+b"], ["jobs", "--all", "--mask", "(a|aa)+b"]):
        assert "takes too long on the name 'aaaa" in afcmd(*words, code=2).err
    assert not any("action" in one for one in afcmd.farm.requests)
