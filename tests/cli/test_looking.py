"""``output``, ``log``, ``why`` and ``wait``: commands that look at what goes on."""

from __future__ import annotations

from typing import Any

import pytest

from afanasy.cli import farm as farm_module
from afanasy.cli import output, wait
from harness.canned_farm import NOT_FOUND, CannedFarm, block, job
from harness.commands import Afcmd
from harness.text_server import closed_port


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_POLL_S", 0.001)
    monkeypatch.setattr(wait, "_POLL_FIRST_S", 0.001)
    monkeypatch.setattr(wait, "_POLL_S", 0.001)
    monkeypatch.setattr(farm_module, "_RETRY_S", 0.001)


# --------------------------------------------------------------------------------------- output


def text(data: str, *, run: str = "7", offset: int = 0, running: bool = False) -> dict[str, Any]:
    progress = {"state": " RUN" if running else " DON", "st": 2}
    return {"task": {"type": "TOutput", "data": data, "run": run, "offset": offset,
                     "running": running, "progress": progress}}  # fmt: skip


def nothing(state: str = " RDY") -> dict[str, Any]:
    return {"task": {"type": "TOutput", "data": "ERROR: Task was not started.",
                     "progress": {"state": state, "st": 1}}}  # fmt: skip


@pytest.mark.parametrize(
    "words", [["5.beauty", "35"], ["5", "beauty", "35"], ["5", "0", "35"], ["shot.v1.beauty", "35"]]
)
def test_output(afcmd: Afcmd, words: list[str]) -> None:
    afcmd.farm.next(*[None] * (2 if "shot.v1.beauty" in words else 1))
    afcmd.farm.next(text("one\nzwei ☃\n"))
    if "shot.v1.beauty" in words:  # the name is tried whole first
        afcmd.farm.requests.clear()
    assert afcmd("output", *words).out == "one\nzwei ☃\n"
    assert afcmd.farm.last("get") == {
        "type": "jobs", "ids": [5], "block_ids": [0], "task_ids": [3], "mode": "output",
        "number": 0,
    }  # fmt: skip


def test_output_of_a_job_of_one_task(afcmd: Afcmd) -> None:
    afcmd.farm.next(None, text("x"))
    assert afcmd("output", "6", "--number", "2").out == "x"
    assert afcmd.farm.last("get")["number"] == 2


def test_there_is_no_output(afcmd: Afcmd) -> None:
    afcmd.farm.next(None, nothing())
    done = afcmd("output", "6", code=5)
    assert done.err == "afcmd: Task was not started; --follow waits for a start\n"


def test_output_that_begins_with_the_word_error(afcmd: Afcmd) -> None:
    afcmd.farm.next(None, text("ERROR: cannot open scene\n"))
    assert afcmd("output", "6").out == "ERROR: cannot open scene\n"


def test_output_as_json(afcmd: Afcmd) -> None:
    afcmd.farm.next(None, text("x"))
    assert afcmd("output", "6", "--json").json["task"]["data"] == "x"


def test_following(afcmd: Afcmd) -> None:
    afcmd.farm.next(
        None, nothing(), text("a\n", offset=2, running=True),
        text("", offset=2, running=True), text("b\n", offset=4), text("", offset=4),
    )  # fmt: skip
    assert afcmd("output", "6", "--follow").out == "a\nb\n"
    offsets = [r["get"]["offset"] for r in afcmd.farm.requests if r["get"].get("mode") == "output"]
    assert offsets == [0, 0, 2, 2, 4]


def test_following_as_json_is_one_document(afcmd: Afcmd) -> None:
    afcmd.farm.next(
        None, text("a", offset=1, running=True), text("b", offset=2), text("", offset=2)
    )
    assert afcmd("output", "6", "--follow", "--json").json["task"]["data"] == "ab"


def test_following_into_a_second_run(afcmd: Afcmd) -> None:
    """A retry between two looks: its output is printed from its beginning."""
    afcmd.farm.next(
        None, text("first\n", offset=6, running=True), text("", run="8", offset=6, running=True),
        text("second\n", run="8", offset=7), text("", run="8", offset=7),
    )  # fmt: skip
    done = afcmd("output", "6", "--follow")
    assert done.out == "first\nsecond\n"
    assert done.err == "afcmd: the task was started again\n"


@pytest.mark.parametrize("state", [" ERR", " DON SKP", " SUS"])
def test_following_a_task_that_will_not_start(afcmd: Afcmd, state: str) -> None:
    afcmd.farm.next(None, nothing(), nothing(state))
    assert "Task was not started" in afcmd("output", "6", "--follow", code=5).err


# ------------------------------------------------------------------------------------------ log


def test_the_log_of_a_job(afcmd: Afcmd) -> None:
    assert afcmd.lines("log", "5") == ["Started.", "pause: by jimmy@desk x"]
    assert afcmd("jobs", "log", "5", "--json").json["message"]["type"] == "log"
    afcmd.farm.task_log = []
    done = afcmd("log", "5")
    assert (done.out, done.err) == ("", "afcmd: nobody did anything to the job yet\n")


STORY = {"story": {
    "job_id": 5, "serial": 105, "block_num": 0, "task_num": 3, "task_name": "frame 31-39 / 2",
    "state": " DON", "starts": 2, "errors": 1,
    "error_hosts": [{"host": "r2", "count": 1, "time": 1795000000}],
    "runs": [
        {"run": "1", "number": 1, "render": "r2", "time_started": 1795000000, "elapsed_s": 75,
         "status": 6, "end": "error", "exit_status": 1, "error_class": "storage",
         "log": "no space\nleft", "output_size": 1536, "current": False},
        {"run": "2", "number": 2, "render": "r1", "time_started": 1795000100, "elapsed_s": 5,
         "status": 5, "end": "success", "exit_status": 0, "error_class": "", "log": [],
         "output_size": 0, "current": False},
    ],
}}  # fmt: skip


def test_the_story_of_a_task(afcmd: Afcmd) -> None:
    afcmd.farm.next(None, STORY)
    lines = afcmd.lines("log", "5.beauty", "31")
    get = {"type": "jobs", "ids": [5], "block_ids": [0], "task_ids": [3], "mode": "story"}
    assert afcmd.farm.last("get") == get
    assert lines[0] == "frame 31-39 / 2: DON, 2 starts, 1 error"
    first = lines[2].split()
    assert first[:2] == ["1", "r2"]
    assert first[4:] == ["1m15s", "error", "1", "storage", "1.5", "kB"]
    assert lines[4:6] == ["1: no space", "1: left"]
    assert lines[6].startswith("1 error on r2, the last at 20")
    afcmd.farm.next(None, STORY)
    assert afcmd("log", "5.beauty", "31", "--json").json == STORY
    nameless = {"story": {**STORY["story"], "task_name": ""}}
    afcmd.farm.next(None, nameless)
    assert afcmd.lines("log", "5.beauty", "31")[0] == "#3: DON, 2 starts, 1 error"


# ------------------------------------------------------------------------------------------ why


def explained(**members: Any) -> dict[str, Any]:
    return {
        "job_id": 5, "serial": 105, "job_name": "shot.v1", "block_num": 0, "block_name": "beauty",
        "task_num": 0, "task_name": "frame 1", "state": "RDY", "work": None, "renders": [],
        **members,
    }  # fmt: skip


def test_why(afcmd: Afcmd) -> None:
    busy = {"code": "capacity_free", "text": "needs 2000; 1000 is free now", "count": 12,
            "names": ["r1", "r2"]}  # fmt: skip
    off = {"code": "render_offline", "text": "offline", "count": 1, "names": ["r3"]}
    work = {"code": "block_waits", "text": "the block waits for block beauty"}
    answer = {"explain": [
        explained(summary="the renders that could run it are busy", renders=[busy, off]),
        explained(block_name="comp", summary=work["text"], work=work),
    ]}  # fmt: skip
    afcmd.farm.next(None, answer)
    assert afcmd.lines("why", "5") == [
        "5.beauty frame 1: RDY",
        "  the renders that could run it are busy",
        "  12 renders: needs 2000; 1000 is free now (r1, r2 and 10 more)",
        "  1 render: offline (r3)",
        "5.comp frame 1: RDY",
        "  the block waits for block beauty",
    ]
    assert afcmd.farm.last("get") == {"type": "jobs", "ids": [5], "mode": "explain"}


def help_for(reason: dict[str, Any], text: str, *commands: str) -> dict[str, Any]:
    about = {key: reason[key] for key in ("code", "text")}
    return {"about": about, "text": text, "commands": list(commands)}


def test_why_tells_what_would_help_where_it_would(afcmd: Afcmd) -> None:
    """Under its reason, with the lines to type; and what renders say beside a limit."""
    limit = {"code": "limit_full", "text": "limit nuke 1/1 held by job 5"}
    off = {"code": "render_offline", "text": "offline", "count": 7, "names": ["r1"]}
    nimby = {"code": "NIMBY", "text": "NIMBY", "count": 1, "names": ["r9"]}
    full = explained(
        work=limit, summary=limit["text"], renders=[nimby, off], task_name="", task_num=3,
        tasks={"RDY": 9, "RUN": 1},
        suggestions=[
            help_for(limit, "raise it", "afcmd limits set nuke 2"),
            help_for(nimby, "free r9", "afcmd render r9 free"),
            help_for(off, "start afrender on r1"),
        ],
    )  # fmt: skip
    afcmd.farm.next(None, {"explain": [full], "left_off": 2})
    assert afcmd.lines("why", "5") == [
        "5.beauty #3: RDY",
        "  tasks: 9 RDY, 1 RUN",
        "  limit nuke 1/1 held by job 5",
        "    to do: raise it",
        "           afcmd limits set nuke 2",
        "  besides, 1 render: NIMBY (r9)",
        "    to do: free r9",
        "           afcmd render r9 free",
        "  besides, 7 renders: offline (r1 and 6 more)",
        "    to do: start afrender on r1",
        "and 2 more: name a block",
    ]


def test_blocks_that_wait_for_the_same_are_told_of_once(afcmd: Afcmd) -> None:
    paused = {"code": "job_paused", "text": "the job is paused"}
    todo = [help_for(paused, "start the job", "afcmd start 5")]
    blocks = [
        explained(block_name=f"b{n}", work=paused, summary=paused["text"], suggestions=todo)
        for n in range(7)
    ]
    blocks.insert(3, explained(block_name="done", state="DON", summary="the task is done"))
    afcmd.farm.next(None, {"explain": blocks})
    assert afcmd.lines("why", "5") == [
        "5.b0, 5.b1, 5.b2, 5.b3, 5.b4 and 2 more: RDY",
        "  the job is paused",
        "    to do: start the job",
        "           afcmd start 5",
        "5.done frame 1: DON",
        "  the task is done",
    ]


def test_why_a_render_is_idle(afcmd: Afcmd) -> None:
    own = {"code": "render_offline", "text": "offline"}
    big = {"code": "capacity_total", "text": "needs 9000", "count": 7, "names": ["a.b", "c.d"]}
    found = {
        "id": 1, "name": "r1", "summary": "offline", "own": own, "work": [big],
        "suggestions": [
            help_for(own, "start afrender on r1"),
            help_for(big, "lower it", "afcmd set 5.b capacity=1000"),
        ],
    }  # fmt: skip
    afcmd.farm.next(None, {"explain_render": found})
    assert afcmd.lines("renders", "why", "r1") == [
        "r1: offline",
        "  to do: start afrender on r1",
        "  7 blocks: needs 9000 (a.b; c.d and 5 more)",
        "    to do: lower it",
        "           afcmd set 5.b capacity=1000",
    ]


def test_why_of_a_paused_system_job_without_work(afcmd: Afcmd) -> None:
    told = {"about": {"code": "job_paused"}, "text": "start the job", "commands": ["afcmd start 1"]}
    summary = "nothing waits; the job is paused"
    answer = {"explain": [], "summary": summary, "suggestions": [told]}
    afcmd.farm.next(None, answer)
    assert afcmd.lines("why", "5") == [
        f"job 5 shot.v1: {summary}",
        "  to do: start the job",
        "         afcmd start 1",
    ]


@pytest.mark.parametrize(
    ("words", "members"),
    [
        (["5.beauty"], {"block_ids": [0]}),
        (["5", "beauty", "35"], {"block_ids": [0], "task_ids": [3]}),
        (["5.comp", "#2"], {"block_ids": [1], "task_ids": [2]}),
    ],
)
def test_why_of_less(afcmd: Afcmd, words: list[str], members: dict[str, Any]) -> None:
    afcmd.farm.next(None, {"explain": []})
    assert afcmd("why", *words).out == "job 5 shot.v1: everything is done\n"
    assert afcmd.farm.last("get") == {"type": "jobs", "ids": [5], "mode": "explain", **members}
    afcmd.farm.next(None, {"explain": []})
    assert afcmd("why", *words, "--json").json == {"explain": []}


# ----------------------------------------------------------------------------------------- wait


def state(words: str, number: int = 6, **counts: int) -> dict[str, Any]:
    return job(number, "x", block(0, "b", number, **counts), state=words, st=1)


def listed(*jobs: dict[str, Any]) -> dict[str, Any]:
    return {"jobs": list(jobs)}


@pytest.mark.parametrize(
    ("words", "result"),
    [
        (" DON", "done"),
        (" DON SKP", "done"),
        (" ERR", "error"),
        (" ERR WDP", "error"),
        (" RDY ERR OFF", "error"),
        (" RDY ERR", ""),
        (" RUN ERR", ""),
        (" RUN ERR OFF", ""),
        (" RDY OFF", ""),
        (" WTM", ""),
        ("", ""),
    ],
)
def test_results(words: str, result: str) -> None:
    assert wait.result_of({"state": words}) == result


def test_waiting_until_done(afcmd: Afcmd) -> None:
    done = state(" DON", p_percentage=100, p_tasks_done=1)
    afcmd.farm.next(listed(state(" RDY")), listed(state(" RUN")), listed(state(" RUN")),
                    listed(done))  # fmt: skip
    assert afcmd.lines("wait", "6") == [
        "job 6 x: RUN, 0%, 0 of 1 task",
        "job 6 x: DON, 100%, 1 of 1 task",
    ]
    assert afcmd.farm.last("get") == {"type": "jobs", "serials": [106]}


@pytest.mark.parametrize(
    ("last", "code", "result"),
    [
        (listed(state(" DON")), 0, "done"),
        (listed(state(" ERR")), 1, "error"),
        (listed(), 7, "deleted"),
        (NOT_FOUND, 7, "deleted"),
    ],
)
def test_how_waiting_ends(afcmd: Afcmd, last: Any, code: int, result: str) -> None:
    afcmd.farm.next(listed(state(" RUN")), listed(state(" RUN")), last)
    done = afcmd("wait", "6", "--json", code=code)
    assert done.json["exit"] == code
    (row,) = done.json["jobs"]
    assert (row["id"], row["serial"], row["result"]) == (6, 106, result)


def test_a_time_out(afcmd: Afcmd) -> None:
    done = afcmd("wait", "5", "--timeout", "0.05", code=6)
    assert done.err == "afcmd: not done after 0.05 s: job 5\n"
    row = afcmd("wait", "5", "--timeout", "0s", "--json", code=6).json["jobs"][0]
    assert row["result"] == "timeout"


def test_several_jobs(afcmd: Afcmd) -> None:
    """One ends in error, one is deleted meanwhile: the error decides."""
    jobs = afcmd.farm.jobs
    jobs[1]["state"], jobs[2]["state"] = " DON", " ERR"
    afcmd("wait", "5", "6", "--quiet", code=1)
    afcmd.farm.next(None, None, NOT_FOUND, None, listed())  # which one is gone is found out
    done = afcmd("wait", "5", "6", "--json", code=7)
    assert [row["result"] for row in done.json["jobs"]] == ["done", "deleted"]


def test_a_server_that_is_away_is_waited_for(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch) -> None:
    afcmd.farm.jobs[2]["state"] = " DON"
    real = farm_module.Farm.ask
    failures = [farm_module.CliError(farm_module.Exit.NO_SERVER, "no server answers")] * 3

    def ask(self: farm_module.Farm, message: Any, **options: Any) -> Any:
        if "serials" in message.get("get", {}) and failures:
            raise failures.pop()
        return real(self, message, **options)

    monkeypatch.setattr(farm_module.Farm, "ask", ask)
    done = afcmd("wait", "6")
    assert done.err == "afcmd: no server answers; waiting for it\n"
    failures += [farm_module.CliError(farm_module.Exit.NO_SERVER, "no server answers")] * 3
    monkeypatch.setattr(farm_module, "PATIENCE_S", -1.0)
    afcmd("wait", "6", code=3)


def test_waiting_for_a_job_that_is_not_there(afcmd: Afcmd) -> None:
    assert "there is no job 99" in afcmd("wait", "99", code=5).err
    assert "'5.beauty' names a block" in afcmd("wait", "5.beauty", code=2).err


def test_running_and_waiting(afcmd: Afcmd) -> None:
    afcmd.farm.next(None, listed(state(" RUN", 9)), listed(state(" ERR", 9)))
    done = afcmd("run", "--wait", "false", code=1)
    assert done.out.splitlines()[0] == "job 9 (serial 109)"
    assert afcmd.farm.last("get") == {"type": "jobs", "serials": [109]}
    afcmd.farm.next(None, listed(state(" DON", 9)))
    assert afcmd("run", "--wait", "--json", "true").json["jobs"][0]["result"] == "done"


def test_running_and_following(afcmd: Afcmd) -> None:
    afcmd.farm.next(None, text("hello\n", offset=6), text("", offset=6), listed(state(" DON", 9)))
    done = afcmd("run", "--follow", "echo", "hello")
    assert done.out == "hello\n"
    assert done.err == "afcmd: job 9 (serial 109)\n"


def test_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    from afanasy.cli.main import main

    port = closed_port()
    assert main(["--server", f"127.0.0.1:{port}", "jobs"]) == 3
    assert capsys.readouterr().err == (
        f"afcmd: no server answers at 127.0.0.1:{port} (connection refused); "
        "start afserver, or name it by --server HOST:PORT or AF_SERVERNAME\n"
    )


def test_an_answer_of_another_kind(farm: CannedFarm, afcmd: Afcmd) -> None:
    farm.next([1, 2])
    assert "is no object" in afcmd("jobs", code=3).err
    farm.next({"info": {"kind": "error", "text": "no such thing."}})
    assert afcmd("jobs", code=2).err == "afcmd: no such thing\n"
    farm.next({"error": {"code": "forbidden", "message": "you may not", "hint": "", "field": ""}})
    assert afcmd("jobs", code=4).err == "afcmd: you may not\n"
