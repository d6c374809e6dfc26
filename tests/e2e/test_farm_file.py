"""The farm file of a real server: at its start, reloaded while a task runs, refused, and shown."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.processes import Farm, Process, program, wait_until
from harness.terminal_user import Terminal

pytestmark = pytest.mark.e2e

RELOAD = {"action": {
    "type": "farm", "user_name": "anna", "host_name": "desk", "operation": {"type": "reload"},
}}  # fmt: skip


def write(path: Path, capacity: int, *more: str) -> None:
    """A file with a pattern for all hosts. Replaced at once, as careful editors do."""
    fresh = path.with_suffix(".new")
    fresh.write_text(
        f'<farm>\n<pattern name="all">\n<capacity>{capacity}</capacity><maxtasks>9</maxtasks>\n'
        f'<service name="generic"/>{"".join(more)}\n</pattern>\n</farm>\n'
    )
    fresh.rename(path)


@pytest.fixture
def at(real: Farm) -> Terminal:
    """A server whose data folder has a farm file since a moment ago, and a render."""
    write(real.folder / "server" / "farm.xml", 2000)
    at = Terminal(real)
    at.say("farm", "reload")
    real.start_render("a")
    return at


def capacity(at: Terminal, name: str = "a") -> int:
    return at.data("render", name)["render"]["capacity_total"]


def server_of(farm: Farm) -> Process:
    assert farm.server is not None
    return farm.server


def waiting_tasks(at: Terminal, go: Path, count: int) -> int:
    """Tasks of capacity 1000 that end when the file is there."""
    command = f"until [ -e {go} ]; do sleep 0.05; done"
    tasks = [{"name": str(n), "command": command} for n in range(count)]
    return at.farm.submit({"capacity": 1000, "tasks": tasks})


def running(at: Terminal, job: int) -> int:
    return at.farm.job(job).get("running_tasks_num", 0)


def test_reload_by_command_and_signal_while_tasks_run(at: Terminal, tmp_path: Path) -> None:
    farm, path, go = at.farm, at.farm.folder / "server" / "farm.xml", tmp_path / "go"
    assert capacity(at) == 2000
    job = waiting_tasks(at, go, 5)
    wait_until(lambda: running(at, job) == 2, "two tasks")
    write(path, 1000)
    said = at.say("farm", "reload")
    assert said == f"{path} was read: 1 pattern, 0 limits; 1 render changed.\n  a\n"
    assert (capacity(at), running(at, job)) == (1000, 2)
    write(path, 4000)
    server_of(farm).popen.send_signal(signal.SIGHUP)
    wait_until(lambda: running(at, job) == 4, "the room of the new capacity")
    # A bad file is refused whole: the capacity in it too.
    write(path, 9000, "<bad/>")
    told = f"{path}:4: pattern 'all' bad: unknown element <bad>"
    error = farm.ask({**RELOAD, "strict": True})["error"]
    assert (error["code"], error["hint"]) == (
        "bad_farm_file", "correct the file; what was in force stays",
    )  # fmt: skip
    assert error["message"].startswith(told)
    assert farm.ask(RELOAD)["info"]["text"].startswith(told)
    assert told in at.say("fload", code=2)
    assert told in server_of(farm).text()
    assert (capacity(at), running(at, job)) == (4000, 4)
    # Over a restart, too: the server starts with what it had.
    farm.store(job)
    server_of(farm).kill9()
    farm.start_server()
    wait_until(lambda: "farm_file_refused" in server_of(farm).text(), "the line in the log")
    assert at.data("farm")["farm"]["patterns"][0]["capacity"] == 4000
    seen = len(server_of(farm).text())
    server_of(farm).popen.send_signal(signal.SIGHUP)
    wait_until(lambda: told in server_of(farm).text()[seen:], "the refusal in the log")
    wait_until(lambda: "ONL" in at.data("render", "a")["render"]["state"], "the render")
    assert capacity(at) == 4000
    go.touch()
    farm.wait_job(job, "DON")
    assert [run["number"] for run in farm.story(job)["runs"]] == [1]


def test_what_the_server_says_of_hosts(at: Terminal) -> None:
    farm = at.farm
    farm.start_render("b", "--capacity", "700")
    answer = farm.ask({"get": {"type": "farm", "names": ["a", "b", "new"]}, "strict": True})
    assert answer["farm"]["source"] == str(farm.folder / "server" / "farm.xml")
    assert answer["farm"]["lines"] == [2]
    a, b, new = answer["hosts"]
    assert [one["known"] for one in (a, b, new)] == [True, True, False]
    by_file = {"value": 2000, "origin": "pattern 'all' of the farm file"}
    assert a["values"]["capacity"] == new["values"]["capacity"] == by_file
    assert b["values"]["capacity"] == {"value": 700, "origin": "afrender --capacity"}
    assert a["services"] == {
        "generic": {"allowed": True, "origin": "pattern 'all' of the farm file", "count": 0},
    }  # fmt: skip
    at.say("set", "--render", "a", "capacity_host=50")
    said = at.say("farm", "check", "a", "new")
    assert [line.split() for line in said.splitlines() if line.startswith("  capacity")] == [
        ["capacity", "50", "operator"],
        ["capacity", "2000", *by_file["origin"].split()],
    ]
    assert "no render of this name is known" in said
    assert {render["name"] for render in at.data("renders")["renders"]} == {"a", "b"}
    names = [f"r{n}" for n in range(201)]
    error = farm.ask({"get": {"type": "farm", "names": names}, "strict": True})["error"]
    assert (error["code"], error["field"]) == ("too_large", "get.names")
    done = subprocess.run(
        [program("afcmd"), "--server", f"127.0.0.1:{farm.port}", "--json", "fcheck"],
        input="\n".join(names), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert [host["name"] for host in json.loads(done.stdout)["hosts"]] == names


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"operation": {"type": "relaod"}}, "unknown_operation"),
        ({"operation": None}, "missing"),
        ({"user_name": ""}, "missing"),
    ],
)
def test_refused_actions(real: Farm, change: dict[str, Any], code: str) -> None:
    action = {**RELOAD["action"], **change}
    assert real.ask({"action": action, "strict": True})["error"]["code"] == code


def test_a_slow_mask_is_refused(at: Terminal) -> None:
    """It compiles, but not every name of the farm can be matched in time (R21)."""
    at.farm.start_render("a" * 60)
    path = at.farm.folder / "server" / "farm.xml"
    write(path, 1, "<mask>(a|aa)+b</mask>")
    said = at.say("farm", "reload", code=2)
    assert f"{path}:2: pattern 'all' mask: the mask '(a|aa)+b' takes too long" in said
    assert capacity(at) == 2000


def test_where_the_file_lies(tmp_path: Path) -> None:
    with Farm(tmp_path) as farm:
        at = Terminal(farm)
        assert "there is no farm file" in at.say("farm")
        assert "There is no farm file" in at.say("farm", "reload")
        data = tmp_path / "server"
        other = {"patterns": [{"name": "json", "capacity": 5}]}
        (data / "farm.json").write_text(json.dumps({"farm": other}))
        assert "1 pattern" in at.say("fload")
        write(data / "farm.xml", 7)  # comes first
        at.say("fload")
        assert at.data("farm")["farm"]["patterns"][0]["name"] == "all"
        (data / "farm.xml").unlink()
        at.say("fload")
        assert at.data("farm")["farm"]["source"] == str(data / "farm.json")
        server_of(farm).end()
        named = tmp_path / "elsewhere.xml"
        write(named, 9)
        farm.start_server("--farm", str(named))
        assert at.data("farm")["farm"]["source"] == str(named)
        settings = at.data("config", "list", "--origin")["settings"]
        (setting,) = [one for one in settings if one["key"] == "af_farm_file"]
        assert (setting["value"], setting["origin"]) == (str(named), "option --farm")
        # Named and gone, it is no reason to forget it.
        named.unlink()
        assert "No such file" in at.say("fload", code=2)
        assert at.data("farm")["farm"]["patterns"][0]["capacity"] == 9


def test_a_new_farm_does_not_start_with_a_bad_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.xml"
    bad.write_text("<farm>\n<pattern/></farm>")
    command = [program("afserver"), "--port", "0", "--data", str(tmp_path / "server")]
    done = subprocess.run([*command, "--farm", str(bad)], capture_output=True, text=True)
    assert done.returncode == 2
    assert f"{bad}:2: pattern: a pattern needs a name" in done.stderr
    assert "ready on" not in done.stdout
